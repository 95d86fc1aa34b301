//! An organization and its token policy.

use super::{
    changes::Changes,
    id::{ModuleId, OfOrganization, OrganizationId, Reference, UserId},
    journal::OrganizationFate,
    number::Number,
    privilege::Privileges,
    refusal::Refusal,
    time::{DAY, Instant},
};

/// How many live tokens a user a policy may allow at the most.
pub const LARGEST_QUOTA: u32 = 10_000_000;

/// How many modules an organization may have.
pub const MOST_MODULES: u32 = 1_000;

/// Reads a slug: `[a-z0-9][a-z0-9-]{0,62}`, and nothing that could be an organization's id.
pub fn slug(text: &str) -> Result<String, Refusal> {
    let first = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let good = text.len() <= 63
        && text.bytes().next().is_some_and(first)
        && text.bytes().all(|byte| first(byte) || byte == b'-')
        && Reference::<OfOrganization>::parse(text).is_none();
    good.then(|| text.to_owned()).ok_or_else(|| {
        Refusal::invalid(
            "slug",
            "1 to 63 of a-z, 0-9 and '-', the first a letter or a digit, and no id's form",
        )
    })
}

/// Reads a module's number: `MOD-dddd` or `MOD-dddd-dddd`.
pub fn module_number(text: &str) -> Result<String, Refusal> {
    let four = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.split('-');
    let good = parts.next() == Some("MOD") && matches!(text.len(), 8 | 13) && parts.all(four);
    good.then(|| text.to_owned())
        .ok_or_else(|| Refusal::invalid("number", "MOD-dddd or MOD-dddd-dddd, each d a digit"))
}

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

/// What becomes of a token that was found where others can read it, beside being put on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLeak {
    /// Nothing.
    Record,
    /// It is switched off.
    Disable,
    /// It is revoked for good.
    Delete,
}

impl OnLeak {
    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// Reads the word.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Record, Self::Disable, Self::Delete].into_iter().find(|action| action.as_str() == word)
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
    /// After how many milliseconds without use a token is disabled; `None` for never.
    pub max_idle: Option<i64>,
    /// What becomes of a token that leaked.
    pub on_leak: OnLeak,
}

impl Default for Policy {
    /// API access on, administrators issue, 30 days, at most 366, never not allowed, 10,000 tokens a user; tokens may lie
    /// idle, and leaks are put on record.
    fn default() -> Self {
        Self {
            api_access: true,
            issuers: Issuers::Admins,
            max_lifetime: 366 * DAY,
            default_lifetime: 30 * DAY,
            allow_never: false,
            quota: 10_000,
            max_idle: None,
            on_leak: OnLeak::Record,
        }
    }
}

/// What to change of a policy; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyChange {
    /// Whether its tokens are let in at all.
    pub api_access: Option<bool>,
    /// Who may issue.
    pub issuers: Option<Issuers>,
    /// Longest life, in milliseconds.
    pub max_lifetime: Option<i64>,
    /// Life of a token that names none, in milliseconds.
    pub default_lifetime: Option<i64>,
    /// Whether a token may live for good.
    pub allow_never: Option<bool>,
    /// Live tokens a user.
    pub quota: Option<u32>,
    /// Milliseconds without use; `Some(None)` for as long as one likes.
    pub max_idle: Option<Option<i64>>,
    /// What becomes of a token that leaked.
    pub on_leak: Option<OnLeak>,
}

impl Policy {
    /// Changes what is to be changed and says what is different after it.
    pub fn change(&mut self, to: PolicyChange) -> Changes {
        let mut changes = Changes::default();
        changes.set("api_access", to.api_access, &mut self.api_access);
        changes.set("issuers", to.issuers, &mut self.issuers);
        changes.set("max_lifetime", to.max_lifetime, &mut self.max_lifetime);
        changes.set("default_lifetime", to.default_lifetime, &mut self.default_lifetime);
        changes.set("allow_never", to.allow_never, &mut self.allow_never);
        changes.set("quota", to.quota, &mut self.quota);
        changes.set("max_idle", to.max_idle, &mut self.max_idle);
        changes.set("on_leak", to.on_leak, &mut self.on_leak);
        changes
    }
}

/// A module's row: a part of an organization that tokens may be narrowed to.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its id.
    pub id: ModuleId,
    /// Whose.
    pub organization: OrganizationId,
    /// `MOD-dddd` or `MOD-dddd-dddd`, given by whoever made it and never given again in its organization.
    pub number: String,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Instant,
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

impl Organization {
    /// What decides of it and may change.
    pub fn fate(&self) -> OrganizationFate {
        let (enabled, api_access) = (self.enabled, self.policy.api_access);
        OrganizationFate { enabled, api_access, privileges: self.privileges.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Issuers, Policy, PolicyChange, module_number, slug};

    #[test]
    fn a_slug_is_no_id() {
        for text in ["a", "0", "acme", "acme-2", "a-", &"a".repeat(63), &"f".repeat(23)] {
            assert!(slug(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "-a",
            "Acme",
            "a_b",
            "a.b",
            "é",
            &"a".repeat(64),
            &"f".repeat(24),
            "0198c0de-0000-7000-8000-000000000000",
            "0198c0de-0000-8000-8000-000000000000",
            "ACC-6180-3400",
        ] {
            assert!(slug(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_modules_number_has_four_digits_or_twice_four() {
        for text in ["MOD-0000", "MOD-1234", "MOD-1234-5678"] {
            assert!(module_number(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "MOD",
            "MOD-",
            "MOD-123",
            "MOD-12345",
            "mod-1234",
            "MOD-1234-",
            "MOD-1234-567",
            "MOD-123x",
            "MOD-1234-5678-9012",
            "TKN-1234",
            "MOD-12-45",
        ] {
            assert!(module_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_policys_change_names_what_is_different() {
        let mut policy = Policy::default();
        let same = PolicyChange { quota: Some(10_000), api_access: Some(true), ..PolicyChange::default() };
        assert!(policy.change(same).is_empty());
        let change = PolicyChange { quota: Some(1), issuers: Some(Issuers::Members), ..same };
        assert_eq!(policy.change(change).detail(), "issuers quota");
        assert_eq!((policy.quota, policy.issuers), (1, Issuers::Members));
    }
}
