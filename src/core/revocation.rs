//! Ending many tokens in one call: what is to be done to them, and the digest that binds it to what was looked at.

use sha2::{Digest, Sha256};

use super::{
    event::Deed,
    id::hex,
    token::{Status, Token},
};

/// How many tokens one call may end: nothing else is written meanwhile.
pub const MOST: usize = 10_000;

/// What is to be done to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Switch it off, until it is enabled.
    Disable,
    /// Revoke it for good.
    Delete,
}

impl Action {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Disable, Self::Delete].into_iter().find(|action| action.as_str() == word)
    }

    /// What a token is after it.
    pub const fn status(self) -> Status {
        match self {
            Self::Disable => Status::Disabled,
            Self::Delete => Status::Deleted,
        }
    }

    /// How it is recorded of each token.
    pub const fn deed(self) -> Deed {
        match self {
            Self::Disable => Deed::TokenDisabled,
            Self::Delete => Deed::TokenDeleted,
        }
    }

    /// The states that a token may be in for it to end: what has expired is dead as it is.
    pub const fn ends(self) -> &'static [&'static str] {
        match self {
            Self::Disable => &["active"],
            Self::Delete => &["active", "disabled"],
        }
    }
}

/// Stands for what would be done: to which tokens, whose they are, and how they stand. Each change of a token changes its
/// change sequence, and so this. `tokens` are in the order of their ids.
pub fn digest(action: Action, tokens: &[Token]) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).expect("a length").to_be_bytes());
        hash.update(bytes);
    };
    part(b"jeton revocation 1");
    part(action.as_str().as_bytes());
    for token in tokens {
        part(&token.id.0);
        part(&token.owner.0);
        part(&token.organization.0);
        part(token.status.as_str().as_bytes());
        part(&token.change_sequence.to_be_bytes());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::{
        super::decision::fixtures::{account, token},
        Action, Status, Token, digest,
    };
    use crate::core::{
        id::{OrganizationId, TokenId, UserId},
        user::Role,
    };

    #[test]
    fn the_digest_is_of_everything_that_would_be_done() {
        let account = account(Role::Member, false, "");
        let one = token("a:b", &account);
        let two = Token { id: TokenId::from_bytes([4; 16]), ..one.clone() };
        let of = |tokens: &[Token]| digest(Action::Disable, tokens);
        let expected = of(&[one.clone(), two.clone()]);
        assert_eq!(expected, of(&[one.clone(), two.clone()]));
        assert_eq!(expected.len(), 64);
        let changed = |change: fn(&mut Token)| {
            let mut other = two.clone();
            change(&mut other);
            of(&[one.clone(), other])
        };
        for other in [
            digest(Action::Delete, &[one.clone(), two.clone()]),
            of(std::slice::from_ref(&one)),
            of(&[]),
            changed(|token| token.id = TokenId::from_bytes([5; 16])),
            changed(|token| token.owner = UserId::from_bytes([5; 16])),
            changed(|token| token.organization = OrganizationId::from_bytes([5; 16])),
            changed(|token| token.status = Status::Disabled),
            changed(|token| token.change_sequence += 1),
        ] {
            assert_ne!(other, expected);
        }
        assert_eq!(changed(|token| token.name = "other".into()), expected, "a name alone can't change");
    }

    #[test]
    fn words_read_back() {
        for action in [Action::Disable, Action::Delete] {
            assert_eq!(Action::from_word(action.as_str()), Some(action));
            assert!(!action.ends().contains(&action.status().as_str()));
        }
        assert_eq!(Action::from_word("enable"), None);
    }
}
