//! How many rows each list has: counted along by the writes, so that no list is ever counted through.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::id::{Id, OrganizationId, TokenId};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Total {
    /// Tokens that aren't deleted.
    Tokens,
    /// Users that aren't deleted.
    Users,
    /// Members of an organization.
    Members,
    /// Events.
    Events,
    /// Hours in which a token was checked.
    Checks,
}

impl Total {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Users => "users",
            Self::Members => "members",
            Self::Events => "events",
            Self::Checks => "checks",
        }
    }
}

/// Stands for the whole instance, beside the ids of organizations and users.
const INSTANCE: [u8; 16] = TokenId::from_bytes([0; 16]).0;

/// Where something is counted: in the whole instance, or under an organization's or a user's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope([u8; 16]);

impl Scope {
    /// The whole instance.
    pub const EVERYWHERE: Self = Self(INSTANCE);
}

impl<K> From<Id<K>> for Scope {
    fn from(id: Id<K>) -> Self {
        Self(id.0)
    }
}

impl From<Option<OrganizationId>> for Scope {
    fn from(organization: Option<OrganizationId>) -> Self {
        organization.map_or(Self::EVERYWHERE, Self::from)
    }
}

impl Rows<'_> {
    /// How many rows there are.
    pub fn total(&self, of: Total, scope: impl Into<Scope>) -> Result<u64, ReadError> {
        let found = self.one(
            "SELECT count FROM totals WHERE list = ? AND scope = ?",
            params![of.as_str(), scope.into().0],
            |row| row.get::<_, i64>(0),
        )?;
        Ok(found.unwrap_or(0).cast_unsigned())
    }
}

impl Tx<'_> {
    /// Writes that there are `change` more, or fewer.
    pub(super) fn add(&self, of: Total, scope: impl Into<Scope>, change: i64) -> Result<(), ReadError> {
        self.execute(
            "INSERT INTO totals VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3",
            params![of.as_str(), scope.into().0, change],
        )?;
        Ok(())
    }
}
