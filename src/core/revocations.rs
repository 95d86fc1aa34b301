//! Ending many tokens in one call: what is to be done to them, and the digest that binds it to what was looked at.

use sha2::{Digest, Sha256};

use super::{
    id::hex,
    token::{Ending, Token},
};

/// How many tokens one call may end: nothing else is written meanwhile.
pub const MOST: usize = 10_000;

/// How many of them are shown one by one: enough to look at, and an answer that can be sent.
pub const SHOWN: usize = 1_000;

/// How many of the sources that used one of them are shown.
pub const SOURCES_SHOWN: u32 = 5;

/// The states in which tokens are ended so: what has expired is dead as it is.
pub const fn ended_of(ending: Ending) -> &'static [&'static str] {
    match ending {
        Ending::Disable => &["active"],
        Ending::Delete => &["active", "disabled"],
    }
}

/// Stands for what would be done: to which tokens, whose they are, and how they stand. Each change of a token changes its
/// change sequence, and so this. `tokens` are in the order of their ids.
pub fn digest(action: Ending, tokens: &[Token]) -> String {
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
        Ending, Token, digest, ended_of,
    };
    use crate::core::{
        id::{OrganizationId, TokenId, UserId},
        token::Status,
        user::Role,
    };

    #[test]
    fn the_digest_is_of_everything_that_would_be_done() {
        let account = account(Role::Member, false, "");
        let one = token("a:b", &account);
        let two = Token { id: TokenId::from_bytes([4; 16]), ..one.clone() };
        let of = |tokens: &[Token]| digest(Ending::Disable, tokens);
        let expected = of(&[one.clone(), two.clone()]);
        assert_eq!(expected, of(&[one.clone(), two.clone()]));
        assert_eq!(expected.len(), 64);
        let changed = |change: fn(&mut Token)| {
            let mut other = two.clone();
            change(&mut other);
            of(&[one.clone(), other])
        };
        for other in [
            digest(Ending::Delete, &[one.clone(), two.clone()]),
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
        for action in [Ending::Disable, Ending::Delete] {
            assert_eq!(Ending::from_stored(action.as_str()), Some(action));
            assert!(!ended_of(action).contains(&action.status().as_str()));
        }
        assert_eq!(Ending::from_stored("enable"), None);
    }
}
