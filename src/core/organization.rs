//! An organization and its token policy.

use super::{
    id::{OrganizationId, UserId},
    number::Number,
    privilege::Privileges,
    time::{DAY, Instant},
};

/// Who may issue tokens in an organization, single users apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuers {
    /// Its administrators.
    Admins,
    /// Its members too.
    Members,
}

impl Issuers {
    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admins => "admins",
            Self::Members => "members",
        }
    }

    /// Reads the word.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Admins, Self::Members].into_iter().find(|issuers| issuers.as_str() == word)
    }
}

/// What tokens an organization allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Off: nothing is minted and every token of it fails every check; on brings them back.
    pub api_access: bool,
    /// Who may issue.
    pub issuers: Issuers,
    /// Longest life of a token, in milliseconds.
    pub max_lifetime: i64,
    /// Life of a token that names none, in milliseconds; cut to the longest.
    pub default_lifetime: i64,
    /// Whether a token may live for good.
    pub allow_never: bool,
    /// How many live tokens a user may have in it.
    pub quota: u32,
}

impl Default for Policy {
    /// API access on, administrators issue, 30 days, at most 366, never not allowed, 10,000 tokens a user.
    fn default() -> Self {
        Self {
            api_access: true,
            issuers: Issuers::Admins,
            max_lifetime: 366 * DAY,
            default_lifetime: 30 * DAY,
            allow_never: false,
            quota: 10_000,
        }
    }
}

/// An organization's row.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its `ACC-` number.
    pub number: Number,
    /// Its short name in requests.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// More words for people.
    pub description: String,
    /// A URL of a picture; empty for none.
    pub image: String,
    /// Its owner; `default` has none until there is an administrator.
    pub owner: Option<UserId>,
    /// Whether it is in use: off, its tokens are dead.
    pub enabled: bool,
    /// The privileges that exist in it.
    pub privileges: Privileges,
    /// What tokens it allows.
    pub policy: Policy,
    /// When it was made.
    pub created_at: Instant,
    /// When its row last changed.
    pub updated_at: Instant,
    /// How often its row has changed.
    pub change_sequence: u32,
}
