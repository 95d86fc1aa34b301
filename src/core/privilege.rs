//! Privileges: `<domain>:<action>`, granted with wildcards, held, demanded and cut.

use std::{fmt, str::FromStr};

use super::refusal::Refusal;

/// The domain that no wildcard reaches into: jeton's own.
const RESERVED: &str = "jeton";

/// How long a privilege may be, in bytes.
const LONGEST: usize = 128;

/// How many privileges one token, membership or organization may list.
pub const MOST: usize = 100;

/// One privilege; either part may be `*` in a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Privilege {
    text: Box<str>,
    colon: usize,
}

impl Privilege {
    /// What [`Privilege::admin`] is written as.
    pub const ADMIN: &str = "jeton:admin";

    /// What [`Privilege::introspect`] is written as.
    pub const INTROSPECT: &str = "jeton:introspect";

    /// Administers what its holder's role administers.
    pub fn admin() -> Self {
        Self::reserved(Self::ADMIN)
    }

    /// May ask whether somebody else's token is good.
    pub fn introspect() -> Self {
        Self::reserved(Self::INTROSPECT)
    }

    /// Whatever isn't reserved.
    pub fn everything() -> Self {
        Self { text: "*:*".into(), colon: 1 }
    }

    fn reserved(text: &str) -> Self {
        Self { text: text.into(), colon: RESERVED.len() }
    }

    fn domain(&self) -> &str {
        &self.text[..self.colon]
    }

    fn action(&self) -> &str {
        &self.text[self.colon + 1..]
    }

    /// One of `jeton:admin` and `jeton:introspect`, which are held by role and never by wildcard.
    pub fn is_reserved(&self) -> bool {
        self.domain() == RESERVED
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether holding this is holding `wanted`, itself perhaps with a wildcard.
    pub fn covers(&self, wanted: &Self) -> bool {
        if self.is_reserved() || wanted.is_reserved() {
            return self == wanted;
        }
        (self.domain() == "*" || self.domain() == wanted.domain())
            && (self.action() == "*" || self.action() == wanted.action())
    }

    /// What both grant; `None` where that is nothing.
    fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            return Some(other.clone());
        }
        if other.covers(self) {
            return Some(self.clone());
        }
        let narrower = |one: &'_ str, two: &'_ str| match (one, two) {
            ("*", part) | (part, "*") => Some(part.to_owned()),
            (one, two) if one == two => Some(one.to_owned()),
            _ => None,
        };
        let domain = narrower(self.domain(), other.domain())?;
        let action = narrower(self.action(), other.action())?;
        // `*:admin` and `jeton:*` can't meet in a reserved one: neither covers it.
        (domain != RESERVED).then(|| Self { colon: domain.len(), text: format!("{domain}:{action}").into() })
    }
}

impl FromStr for Privilege {
    type Err = Refusal;

    /// Each part `[a-z0-9._-]+` or `*`; in the domain `jeton` only the two that exist.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let part = |part: &str| {
            part == "*"
                || (!part.is_empty()
                    && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')))
        };
        let form = || {
            Refusal::invalid(
                "privileges",
                format!(
                    "a privilege is domain:action, each of a-z, 0-9, '.', '_' and '-' or '*', \
                     at most {LONGEST} bytes in all"
                ),
            )
        };
        let (domain, action) = text.split_once(':').ok_or_else(form)?;
        if text.len() > LONGEST || !part(domain) || !part(action) {
            return Err(form());
        }
        let privilege = Self { colon: domain.len(), text: text.into() };
        if privilege.is_reserved() && privilege != Self::admin() && privilege != Self::introspect() {
            return Err(Refusal::invalid(
                "privileges",
                "the domain jeton is reserved: jeton:admin and jeton:introspect are all there is in it",
            ));
        }
        Ok(privilege)
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A set of privileges, in order, none twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges(Vec<Privilege>);

impl Privileges {
    /// Every privilege that isn't reserved.
    pub fn everything() -> Self {
        Self(vec![Privilege::everything()])
    }

    /// Reads a list as a request has it.
    pub fn parse<S: AsRef<str>>(list: &[S]) -> Result<Self, Refusal> {
        if list.len() > MOST {
            return Err(Refusal::invalid("privileges", format!("at most {MOST}")));
        }
        list.iter().map(|text| text.as_ref().parse()).collect()
    }

    /// Reads the stored form, words parted by spaces. `None` where it isn't one.
    pub fn from_stored(text: &str) -> Option<Self> {
        text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
    }

    /// The privileges in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Privilege> {
        self.0.iter()
    }

    /// Whether some member covers `wanted`.
    pub fn cover(&self, wanted: &Privilege) -> bool {
        self.0.iter().any(|held| held.covers(wanted))
    }

    /// Whether a privilege is a member to the letter.
    pub fn list(&self, text: &str) -> bool {
        self.0.iter().any(|held| held.as_str() == text)
    }

    /// The first of `wanted` that isn't covered.
    pub fn missing<'a>(&self, wanted: &'a Self) -> Option<&'a Privilege> {
        wanted.0.iter().find(|privilege| !self.cover(privilege))
    }

    /// What both grant, without what another member already says.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let met: Self = self.0.iter().flat_map(|a| other.0.iter().filter_map(move |b| a.meet(b))).collect();
        let redundant = |one: &Privilege| met.0.iter().any(|another| another != one && another.covers(one));
        Self(met.0.iter().filter(|one| !redundant(one)).cloned().collect())
    }

    /// Without the reserved ones.
    #[must_use]
    pub fn unreserved(&self) -> Self {
        Self(self.0.iter().filter(|privilege| !privilege.is_reserved()).cloned().collect())
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, privilege: Privilege) -> Self {
        if let Err(at) = self.0.binary_search(&privilege) {
            self.0.insert(at, privilege);
        }
        self
    }
}

impl<'a> IntoIterator for &'a Privileges {
    type Item = &'a Privilege;
    type IntoIter = std::slice::Iter<'a, Privilege>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(iter: I) -> Self {
        let mut list: Vec<_> = iter.into_iter().collect();
        list.sort_unstable();
        list.dedup();
        Self(list)
    }
}

impl fmt::Display for Privileges {
    /// Words parted by spaces: the stored form, and OAuth's `scope`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, privilege) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(privilege.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Privilege, Privileges};

    fn set(text: &str) -> Privileges {
        Privileges::from_stored(text).expect("a list of privileges")
    }

    #[test]
    fn what_covers_what() {
        for (held, wanted, covered) in [
            ("orders:read", "orders:read", true),
            ("orders:*", "orders:read", true),
            ("*:read", "orders:read", true),
            ("*:*", "orders:*", true),
            ("orders:read", "orders:*", false),
            ("orders:read", "orders:write", false),
            ("*:*", "jeton:admin", false),
            ("*:admin", "jeton:admin", false),
            ("jeton:admin", "jeton:admin", true),
            ("jeton:admin", "jeton:introspect", false),
        ] {
            let wanted: Privilege = wanted.parse().expect(wanted);
            assert_eq!(set(held).cover(&wanted), covered, "{held} {wanted}");
        }
    }

    #[test]
    fn a_meet_grants_what_both_grant() {
        for (one, two, met) in [
            ("orders:* bills:read", "*:read", "bills:read orders:read"),
            ("*:*", "orders:read jeton:admin", "orders:read"),
            ("orders:*", "*:read orders:write", "orders:read orders:write"),
            ("orders:read", "bills:read", ""),
            ("*:*", "*:*", "*:*"),
            ("jeton:admin orders:read", "jeton:admin", "jeton:admin"),
            ("*:admin", "*:*", "*:admin"),
        ] {
            assert_eq!(set(one).meet(&set(two)), set(met), "{one} | {two}");
            assert_eq!(set(two).meet(&set(one)), set(met), "{two} | {one}");
        }
    }

    #[test]
    fn what_is_no_privilege_is_refused() {
        for text in [
            "",
            "orders",
            "orders:",
            ":read",
            "Orders:read",
            "orders:re ad",
            "a:b:c",
            "jeton:*",
            "jeton:root",
            "o*:read",
        ] {
            assert!(text.parse::<Privilege>().is_err(), "{text}");
        }
        assert!("a".repeat(127).parse::<Privilege>().is_err());
        assert!(format!("{}:b", "a".repeat(127)).parse::<Privilege>().is_err());
    }
}
