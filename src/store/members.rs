//! Who is in which organization, and as what.

use rusqlite::{Row, params};

use super::{
    columns::Columns,
    rows::{ReadError, Rows, Sealed},
    totals::Total,
    writer::Tx,
};
use crate::core::{
    id::{OrganizationId, UserId},
    journal::Fate,
    keys::Sealer,
    refusal::Failure,
    user::Membership,
};

pub(super) fn seal_membership(sealer: Sealer, row: &Membership) -> Sealer {
    sealer
        .bytes(&row.user.0)
        .bytes(&row.organization.0)
        .text(row.role.as_str())
        .optional(row.may_issue.map(i64::from))
        .text(&row.privileges.to_string())
}

pub(super) fn membership(row: &Row<'_>) -> rusqlite::Result<Sealed<Membership>> {
    let columns = Columns::of(row);
    let value = Membership {
        user: columns.get("user")?,
        organization: columns.get("organization")?,
        role: columns.get("role")?,
        may_issue: columns.get("may_issue")?,
        privileges: columns.get("privileges")?,
        created_at: columns.get("created_at")?,
    };
    columns.sealed(value)
}

impl Rows<'_> {
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
}

impl Tx<'_> {
    /// Puts a user into an organization. Tokens from an earlier time there count towards the quota again.
    pub fn insert_membership(&mut self, row: &Membership) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("memberships", |sealer| seal_membership(sealer, row));
        let inserted = self.execute(
            "INSERT INTO memberships (user, organization, role, may_issue, privileges, kept_tokens, created_at, seal,
                 seal_pepper)
             VALUES (?1, ?2, ?3, ?4, ?5,
                 (SELECT count(*) FROM tokens WHERE owner = ?1 AND organization = ?2 AND status <> 'deleted'), ?6, ?7, ?8)",
            params![
                row.user,
                row.organization,
                row.role,
                row.may_issue,
                row.privileges,
                row.created_at,
                seal,
                pepper
            ],
        );
        Self::unless_taken(inserted, "user")?;
        // Gives back what an earlier word may have taken.
        self.becomes(Fate::Membership(row.user, row.organization, Some(row.fate())));
        self.count(Total::Members, row.organization, 1);
        Ok(())
    }

    /// Writes what may change of a membership: role, right to issue, grants.
    pub fn update_membership(&mut self, row: &Membership) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("memberships", |sealer| seal_membership(sealer, row));
        self.execute(
            "UPDATE memberships SET role = ?, may_issue = ?, privileges = ?, seal = ?, seal_pepper = ?
             WHERE user = ? AND organization = ?",
            params![row.role, row.may_issue, row.privileges, seal, pepper, row.user, row.organization],
        )?;
        self.becomes(Fate::Membership(row.user, row.organization, Some(row.fate())));
        Ok(())
    }

    /// Takes a user out of an organization. Their tokens there stay, dead.
    pub fn delete_membership(&mut self, user: UserId, organization: OrganizationId) -> Result<(), Failure> {
        let gone = self.execute(
            "DELETE FROM memberships WHERE user = ? AND organization = ?",
            params![user, organization],
        )?;
        if gone == 0 {
            return Ok(());
        }
        self.becomes(Fate::Membership(user, organization, None));
        self.count(Total::Members, organization, -1);
        Ok(())
    }
}
