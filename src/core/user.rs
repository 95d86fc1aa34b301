//! A user, a password, and what a user is in an organization.

use super::{
    id::{OrganizationId, UserId},
    journal::{MembershipFate, UserFate},
    number::Number,
    organization::Organization,
    privilege::{Privilege, Privileges},
    refusal::Refusal,
    secret::SecretText,
    time::Instant,
};

/// Fewest characters of a password (NIST SP 800-63B-4 asks for 15 where it stands alone).
pub const PASSWORD_SHORTEST: usize = 15;
/// Most bytes of a password: what comes before hashing is bounded.
pub const PASSWORD_LONGEST: usize = 256;

/// Reads a username: `[a-z0-9][a-z0-9._@-]{0,63}`.
pub fn username(text: &str) -> Result<String, Refusal> {
    let first = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9');
    let rest = |b: u8| first(b) || matches!(b, b'.' | b'_' | b'@' | b'-');
    let good = text.len() <= 64 && text.bytes().next().is_some_and(first) && text.bytes().all(rest);
    good.then(|| text.to_owned()).ok_or_else(|| {
        Refusal::invalid(
            "username",
            "1 to 64 of a-z, 0-9, '.', '_', '@' and '-', the first a letter or a digit",
        )
    })
}

/// Reads an e-mail address as far as a form can tell: one `@`, something on both sides, no white space.
pub fn email(text: &str) -> Result<String, Refusal> {
    let good = text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    good.then(|| text.to_owned())
        .ok_or_else(|| Refusal::invalid("email", "an address such as ada@example.com, at most 254 bytes"))
}

/// Holds a new password against the rules: its length, and that it isn't a common one or the user's own name.
/// No rules of composition (NIST SP 800-63B-4, 3.1.1.2).
pub fn new_password(text: &SecretText, username: &str) -> Result<(), Refusal> {
    let refuse = |problem: &str| Err(Refusal::invalid("password", problem));
    let password = text.expose();
    if password.chars().count() < PASSWORD_SHORTEST {
        return refuse(&format!("at least {PASSWORD_SHORTEST} characters"));
    }
    if password.len() > PASSWORD_LONGEST {
        return refuse(&format!("at most {PASSWORD_LONGEST} bytes"));
    }
    if is_common(&password.to_lowercase(), username) {
        return refuse("too common: many know it, so anybody would try it");
    }
    Ok(())
}

/// Passwords of 15 characters and more that stand in published lists of the most used, a line each, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");

fn is_common(password: &str, username: &str) -> bool {
    password == username || COMMON.lines().any(|common| password == common)
}

/// What a member of an organization is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Holds what the organization has, and manages it.
    Administrator,
    /// Holds what was granted.
    Member,
}

impl Role {
    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
        }
    }

    /// Reads the word.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Administrator, Self::Member].into_iter().find(|role| role.as_str() == word)
    }
}

/// A user's row.
#[derive(Clone, Debug)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The number.
    pub number: Number,
    /// The unique name to sign in with.
    pub username: String,
    /// Empty for none.
    pub email: String,
    /// Empty for none.
    pub first_name: String,
    /// Empty for none.
    pub last_name: String,
    /// A job title; empty for none.
    pub title: String,
    /// A URL of a picture; empty for none.
    pub image: String,
    /// Disabled: no sign-in, and every token dead until enabled.
    pub active: bool,
    /// Whether this user operates the whole instance.
    pub operator: bool,
    /// The organization that a request means when it can't name one.
    pub home: OrganizationId,
    /// When it was deleted: for good, its personal data and password gone; `None` while it isn't.
    pub deleted_at: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// When its row last changed.
    pub updated_at: Instant,
    /// How often its row has changed.
    pub change_sequence: u32,
}

/// A user's place in an organization.
#[derive(Clone, Debug)]
pub struct Membership {
    /// Who.
    pub user: UserId,
    /// Where.
    pub organization: OrganizationId,
    /// As what.
    pub role: Role,
    /// An administrator's word on whether this user may issue; `None` leaves it to the policy.
    pub may_issue: Option<bool>,
    /// What was granted, out of what the organization has; the reserved ones by an operator.
    pub privileges: Privileges,
    /// When the user was put there.
    pub created_at: Instant,
}

impl User {
    /// What decides of them and may change.
    pub const fn fate(&self) -> UserFate {
        UserFate { active: self.active, operator: self.operator, deleted_at: self.deleted_at }
    }
}

impl Membership {
    /// What decides of it and may change.
    pub fn fate(&self) -> MembershipFate {
        let (role, may_issue, privileges) = (self.role, self.may_issue, self.privileges.clone());
        MembershipFate { role, may_issue, privileges }
    }
}

/// What a user holds in an organization: an administrator and an operator all that exists in it and, by role, the two
/// reserved ones; a member what was granted, as far as it still exists. A user who isn't in it holds nothing there; an
/// operator keeps the reserved ones.
pub fn holdings(user: &User, organization: &Organization, membership: Option<&Membership>) -> Privileges {
    let by_role = |held: Privileges| held.with(Privilege::admin()).with(Privilege::introspect());
    let Some(membership) = membership else {
        return if user.operator { by_role(Privileges::default()) } else { Privileges::default() };
    };
    if user.operator || membership.role == Role::Administrator {
        return by_role(organization.privileges.clone());
    }
    let reserved = membership.privileges.iter().filter(|privilege| privilege.is_reserved()).cloned();
    reserved.fold(membership.privileges.meet(&organization.privileges), Privileges::with)
}

#[cfg(test)]
mod tests {
    use super::{SecretText, email, new_password, username};

    #[test]
    fn usernames_and_addresses_have_their_forms() {
        for name in ["a", "0", "ada.lovelace@example.com", "a-b_c"] {
            assert!(username(name).is_ok(), "{name}");
        }
        for name in ["", "A", ".a", "-a", "a b", "a/b", "é", &"a".repeat(65)] {
            assert!(username(name).is_err(), "{name}");
        }
        assert!(email("ada@example.com").is_ok());
        for text in ["", "ada", "@x", "ada@", "a@b@c", "a b@c", "a@b\n"] {
            assert!(email(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_long_and_not_common() {
        let verdict = |text: &str| new_password(&SecretText::new(text), "ada.lovelace@example.com");
        assert!(verdict("correct horse battery").is_ok());
        assert!(verdict("aaaabbbbccccddd").is_ok(), "no rules of composition");
        assert!(verdict(&"é".repeat(128)).is_ok(), "256 bytes");
        assert!(verdict(&"é".repeat(129)).is_err(), "258 bytes");
        for text in [
            "",
            "fourteen chars",
            "123456789012345",
            "Passwordpassword",
            "ada.lovelace@example.com",
            "qwertyuiopasdfghjkl",
            &"correct horse ".repeat(20),
        ] {
            assert!(verdict(text).is_err(), "{text}");
        }
    }
}
