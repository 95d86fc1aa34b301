//! Organizations, their members and modules.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows, Sealed},
    totals::Total,
    writer::Tx,
};
use crate::core::{
    id::{OfModule, OrganizationId, Reference, UserId},
    keys::Sealer,
    organization::{Organization, Policy},
    refusal::Failure,
    time::Instant,
    user::Membership,
};

fn seal_organization(sealer: Sealer, row: &Organization) -> Sealer {
    sealer
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
        .int(row.policy.quota.into())
}

fn seal_membership(sealer: Sealer, row: &Membership) -> Sealer {
    sealer
        .bytes(&row.user.0)
        .bytes(&row.organization.0)
        .text(row.role.as_str())
        .optional(row.may_issue.map(i64::from))
        .text(&row.privileges.to_string())
}

fn organization(row: &Row<'_>) -> rusqlite::Result<Sealed<Organization>> {
    let value = Organization {
        id: row.get("id")?,
        number: row.get("place")?,
        slug: row.get("slug")?,
        name: row.get("name")?,
        description: row.get("description")?,
        image: row.get("image")?,
        owner: row.get("owner")?,
        enabled: row.get("enabled")?,
        privileges: row.get("privileges")?,
        policy: Policy {
            api_access: row.get("api_access")?,
            issuers: row.get("issuers")?,
            max_lifetime: row.get("max_lifetime")?,
            default_lifetime: row.get("default_lifetime")?,
            allow_never: row.get("allow_never")?,
            quota: row.get("quota")?,
        },
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        change_sequence: row.get("change_sequence")?,
    };
    Sealed::read(row, value)
}

fn membership(row: &Row<'_>) -> rusqlite::Result<Sealed<Membership>> {
    let value = Membership {
        user: row.get("user")?,
        organization: row.get("organization")?,
        role: row.get("role")?,
        may_issue: row.get("may_issue")?,
        privileges: row.get("privileges")?,
    };
    Sealed::read(row, value)
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

    /// What a user is in an organization.
    pub fn membership(
        &self,
        user: UserId,
        in_organization: OrganizationId,
    ) -> Result<Option<Membership>, ReadError> {
        let row = self.one(
            "SELECT * FROM memberships WHERE user = ? AND organization = ?",
            params![user, in_organization],
            membership,
        )?;
        row.map(|row| {
            self.unseal(row, "memberships", seal_membership, |row| {
                format!("{} in {}", row.user, row.organization)
            })
        })
        .transpose()
    }

    /// The organizations that a user is in.
    pub fn organizations_of(&self, user: UserId) -> Result<Vec<OrganizationId>, ReadError> {
        self.all("SELECT organization FROM memberships WHERE user = ?", [user], |row| row.get(0))
    }

    /// The numbers of an organization's modules that a request names, by number or by id; `None` for one that isn't
    /// a module of it.
    pub fn module_number(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Option<String>, ReadError> {
        if let Some(Reference::Id(id)) = Reference::<OfModule>::parse(name) {
            return self.one(
                "SELECT number FROM modules WHERE id = ? AND organization = ?",
                params![id, organization],
                |row| row.get(0),
            );
        }
        self.one(
            "SELECT number FROM modules WHERE organization = ? AND number = ?",
            params![organization, name],
            |row| row.get(0),
        )
    }
}

impl Tx<'_> {
    /// Inserts an organization.
    pub fn insert_organization(&mut self, row: &Organization) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("organizations", |sealer| seal_organization(sealer, row));
        let inserted = self.execute(
            "INSERT INTO organizations (id, place, slug, name, description, image, owner, enabled, privileges,
                 api_access, issuers, max_lifetime, default_lifetime, allow_never, quota, created_at, updated_at,
                 change_sequence, seal, seal_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                row.created_at,
                row.updated_at,
                row.change_sequence,
                seal,
                pepper,
            ],
        );
        Self::unless_taken(inserted, "slug")
    }

    /// Gives an organization its owner.
    pub fn set_organization_owner(
        &mut self,
        mut row: Organization,
        owner: UserId,
        now: Instant,
    ) -> Result<(), Failure> {
        row.owner = Some(owner);
        let (seal, pepper) = self.seal("organizations", |sealer| seal_organization(sealer, &row));
        self.execute(
            "UPDATE organizations
             SET owner = ?, updated_at = ?, change_sequence = change_sequence + 1, seal = ?, seal_pepper = ?
             WHERE id = ?",
            params![owner, now, seal, pepper, row.id],
        )?;
        Ok(())
    }

    /// Puts a user into an organization.
    pub fn insert_membership(&mut self, row: &Membership, now: Instant) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("memberships", |sealer| seal_membership(sealer, row));
        let inserted = self.execute(
            "INSERT INTO memberships (user, organization, role, may_issue, privileges, kept_tokens, created_at, seal,
                 seal_pepper)
             VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
            params![row.user, row.organization, row.role, row.may_issue, row.privileges, now, seal, pepper],
        );
        Self::unless_taken(inserted, "user")?;
        self.count(Total::Members, row.organization, 1)
    }
}
