//! A token's life: its states, what ends it, and what is told of its end.

use std::fmt;

use super::{id::TokenId, time::Instant};

/// What a token's row says of it; expired is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Works until it expires.
    Active,
    /// Works again when enabled.
    Disabled,
    /// Dead for good; the row stays.
    Deleted,
}

impl Status {
    pub(super) const DELETED_CODE: &'static str = "token_deleted";

    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Deleted].into_iter().find(|status| status.as_str() == word)
    }
}

/// How a token is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is switched off, until it is enabled.
    Disable,
    /// It is revoked for good.
    Delete,
}

impl Ending {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Disable, Self::Delete];

    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// Reads the word.
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.as_str() == word)
    }

    /// What a token is after it.
    pub const fn status(self) -> Status {
        match self {
            Self::Disable => Status::Disabled,
            Self::Delete => Status::Deleted,
        }
    }
}

/// Why a token has the status that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Somebody said so, or it was made so.
    #[default]
    Said,
    /// Nobody used it for as long as it may lie idle.
    Idle,
    /// It was found where everybody can read it.
    Leak,
    /// It waited to replace another in vain, or another took its place in that.
    Undone,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Said, Self::Idle, Self::Leak, Self::Undone];

    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Said => "",
            Self::Idle => "idle",
            Self::Leak => "leak",
            Self::Undone => "undone",
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// A token that waits for its first use, which is what makes it replace another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The first instant at which it has waited in vain.
    pub until: Instant,
    /// How long the other one lives on after that use, in milliseconds.
    pub linger: i64,
}

/// That a token's place was taken by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// The other one.
    pub by: TokenId,
    /// Since when; it may live on for a while.
    pub at: Instant,
}

/// Why a genuine token isn't good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Before the instant from which on it is good.
    NotYetValid,
    /// Used as often as it may be.
    UsedUp,
    /// Past its expiry.
    Expired,
    /// Replaced by another, and the time that both work is over.
    Superseded,
    /// Made to replace another and not used in time.
    Undone,
    /// Switched off.
    Disabled,
    /// Revoked for good.
    Deleted,
    /// Not used for as long as it may lie idle.
    Idle,
    /// Found where everybody can read it.
    Leaked,
    /// The token that it is tied to isn't good.
    ParentDead,
    /// Its owner is disabled.
    OwnerDisabled,
    /// Its owner has left its organization.
    OwnerGone,
    /// Its organization is disabled.
    OrganizationDisabled,
    /// API access is off in its organization.
    ApiAccessOff,
}

impl Death {
    /// The stable word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotYetValid => "token_not_yet_valid",
            Self::UsedUp => "token_used_up",
            Self::Expired => "token_expired",
            Self::Superseded => "token_superseded",
            Self::Undone => "token_undone",
            Self::Disabled => "token_disabled",
            Self::Deleted => Status::DELETED_CODE,
            Self::Idle => "token_idle",
            Self::Leaked => "token_leaked",
            Self::ParentDead => "parent_dead",
            Self::OwnerDisabled => "owner_disabled",
            Self::OwnerGone => "owner_gone",
            Self::OrganizationDisabled => "organization_disabled",
            Self::ApiAccessOff => "api_access_off",
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotYetValid => "isn't valid yet",
            Self::UsedUp => "was used as often as it may be",
            Self::Expired => "has expired",
            Self::Superseded => "was replaced by a newer one",
            Self::Undone => "was to replace another and wasn't used in time",
            Self::Disabled => "is disabled",
            Self::Deleted => "was revoked",
            Self::Idle => "wasn't used for too long",
            Self::Leaked => "was found where others can read it",
            Self::ParentDead => "is tied to a token that isn't good",
            Self::OwnerDisabled => "belongs to a user who is disabled",
            Self::OwnerGone => "belongs to a user who has left its organization",
            Self::OrganizationDisabled => "belongs to an organization that is disabled",
            Self::ApiAccessOff => "belongs to an organization whose API access is off",
        })
    }
}

/// Which token it is and whom to ask about it: told to whoever presents the whole of it, and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// Its id.
    pub token: TokenId,
    /// Its owner's username.
    pub owner: String,
    /// Its organization's slug.
    pub organization: String,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, owner, organization } = self;
        write!(f, "it is {token}; ask {owner} or an administrator of {organization}")
    }
}

/// What is told of a token that isn't good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obituary {
    /// Why.
    pub death: Death,
    /// Since when, where that is on record.
    pub since: Option<Instant>,
    /// Which one it is.
    pub whose: Whose,
}

impl fmt::Display for Obituary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { death, since, whose } = self;
        write!(f, "the token {death}")?;
        if let Some(since) = since {
            write!(f, " ({since})")?;
        }
        write!(f, ": {whose}")
    }
}
