//! Organizations.

use rusqlite::{Row, params};

use super::{
    columns::Columns,
    rows::{ReadError, Rows, Sealed},
    writer::Tx,
};
use crate::core::{
    id::{OrganizationId, Reference, UserId},
    journal::Fate,
    keys::Sealer,
    organization::{OnLeak, Organization, Policy},
    refusal::Failure,
    time::Instant,
};

pub(super) fn seal_organization(sealer: Sealer, row: &Organization) -> Sealer {
    let mut sealer = sealer
        .bytes(&row.id.0)
        .text(&row.slug)
        .bytes(row.owner.as_ref().map_or(&[], |owner| owner.0.as_slice()))
        .int(row.enabled.into())
        .text(&row.privileges.to_string())
        .int(row.policy.api_access.into())
        .text(row.policy.issuers.as_str())
        .int(row.policy.max_lifetime)
        .int(row.policy.default_lifetime)
        .int(row.policy.allow_never.into())
        .int(row.policy.quota.into());
    // What came later than the first seals is covered where it says anything, so that older rows keep theirs.
    if let Some(max_idle) = row.policy.max_idle {
        sealer = sealer.text("max_idle").int(max_idle);
    }
    if row.policy.on_leak != OnLeak::Record {
        sealer = sealer.text("on_leak").text(row.policy.on_leak.as_str());
    }
    sealer
}

pub(super) fn organization(row: &Row<'_>) -> rusqlite::Result<Sealed<Organization>> {
    let columns = Columns::of(row);
    let value = Organization {
        id: columns.get("id")?,
        number: columns.get("place")?,
        slug: columns.get("slug")?,
        name: columns.get("name")?,
        description: columns.get("description")?,
        image: columns.get("image")?,
        owner: columns.get("owner")?,
        enabled: columns.get("enabled")?,
        privileges: columns.get("privileges")?,
        policy: Policy {
            api_access: columns.get("api_access")?,
            issuers: columns.get("issuers")?,
            max_lifetime: columns.get("max_lifetime")?,
            default_lifetime: columns.get("default_lifetime")?,
            allow_never: columns.get("allow_never")?,
            quota: columns.get("quota")?,
            max_idle: columns.get("max_idle")?,
            on_leak: columns.get("on_leak")?,
        },
        created_at: columns.get("created_at")?,
        updated_at: columns.get("updated_at")?,
        change_sequence: columns.get("change_sequence")?,
    };
    columns.sealed(value)
}

impl Rows<'_> {
    /// An organization by its id.
    pub fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, ReadError> {
        let row = self.one("SELECT * FROM organizations WHERE id = ?", [id], organization)?;
        row.map(|row| self.believe_organization(row)).transpose()
    }

    /// An organization by its slug.
    fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>, ReadError> {
        let row = self.one("SELECT * FROM organizations WHERE slug = ?", [slug], organization)?;
        row.map(|row| self.believe_organization(row)).transpose()
    }

    /// An organization by any of its ids.
    fn organization_by(
        &self,
        reference: &Reference<crate::core::id::OfOrganization>,
    ) -> Result<Option<Organization>, ReadError> {
        let row = match reference {
            Reference::Id(id) => return self.organization(*id),
            Reference::Short(prefix) => {
                let (first, last) = OrganizationId::span(*prefix);
                self.one("SELECT * FROM organizations WHERE id BETWEEN ? AND ?", [first, last], organization)?
            }
            Reference::Number(place) => {
                self.one("SELECT * FROM organizations WHERE place = ?", [place], organization)?
            }
        };
        row.map(|row| self.believe_organization(row)).transpose()
    }

    /// An organization as a request names it: by slug or any of its ids.
    pub fn organization_named(&self, name: &str) -> Result<Option<Organization>, ReadError> {
        match Reference::parse(name) {
            Some(reference) => self.organization_by(&reference),
            None => self.organization_by_slug(name),
        }
    }

    fn believe_organization(&self, row: Sealed<Organization>) -> Result<Organization, ReadError> {
        self.unseal(row, "organizations", seal_organization, |row| row.id.to_string())
    }

    /// A page of organizations by slug, after `after`.
    pub fn organizations(&self, after: &str, limit: u32) -> Result<Vec<Organization>, ReadError> {
        let page = self.all(
            "SELECT * FROM organizations WHERE slug > ? ORDER BY slug LIMIT ?",
            params![after, limit],
            organization,
        )?;
        Self::sound(page.into_iter().map(|row| self.believe_organization(row)))
    }

    /// A page of those that a user is in, by slug, after `after`.
    pub fn organizations_with(
        &self,
        user: UserId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Organization>, ReadError> {
        let page = self.all(
            "SELECT * FROM organizations
             WHERE id IN (SELECT organization FROM memberships WHERE user = ?) AND slug > ? ORDER BY slug LIMIT ?",
            params![user, after, limit],
            organization,
        )?;
        Self::sound(page.into_iter().map(|row| self.believe_organization(row)))
    }
}

impl Tx<'_> {
    /// Inserts an organization.
    pub fn insert_organization(&mut self, row: &Organization) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("organizations", |sealer| seal_organization(sealer, row));
        let inserted = self.execute(
            "INSERT INTO organizations (id, place, slug, name, description, image, owner, enabled, privileges,
                 api_access, issuers, max_lifetime, default_lifetime, allow_never, quota, max_idle, on_leak, created_at,
                 updated_at, change_sequence, seal, seal_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                row.id,
                row.number,
                row.slug,
                row.name,
                row.description,
                row.image,
                row.owner,
                row.enabled,
                row.privileges,
                row.policy.api_access,
                row.policy.issuers,
                row.policy.max_lifetime,
                row.policy.default_lifetime,
                row.policy.allow_never,
                row.policy.quota,
                row.policy.max_idle,
                row.policy.on_leak,
                row.created_at,
                row.updated_at,
                row.change_sequence,
                seal,
                pepper,
            ],
        );
        Self::unless_taken(inserted, "slug")
    }

    /// Writes what may change of an organization as its next version. Its id, number and slug never do.
    pub fn update_organization(&mut self, row: &mut Organization, now: Instant) -> Result<(), Failure> {
        let old = self.one("SELECT * FROM organizations WHERE id = ?", [row.id], organization)?;
        if old.map(|old| old.value.fate()) != Some(row.fate()) {
            self.becomes(Fate::Organization(row.id, row.fate()));
        }
        row.updated_at = now;
        row.change_sequence += 1;
        let (seal, pepper) = self.seal("organizations", |sealer| seal_organization(sealer, row));
        self.execute(
            "UPDATE organizations
             SET name = ?, description = ?, image = ?, owner = ?, enabled = ?, privileges = ?, api_access = ?,
                 issuers = ?, max_lifetime = ?, default_lifetime = ?, allow_never = ?, quota = ?, max_idle = ?, on_leak = ?,
                 updated_at = ?, change_sequence = ?, seal = ?, seal_pepper = ?
             WHERE id = ?",
            params![
                row.name,
                row.description,
                row.image,
                row.owner,
                row.enabled,
                row.privileges,
                row.policy.api_access,
                row.policy.issuers,
                row.policy.max_lifetime,
                row.policy.default_lifetime,
                row.policy.allow_never,
                row.policy.quota,
                row.policy.max_idle,
                row.policy.on_leak,
                row.updated_at,
                row.change_sequence,
                seal,
                pepper,
                row.id,
            ],
        )?;
        Ok(())
    }
}
