//! Tokens that were made elsewhere and go on being good here: known by a digest of their text, whatever that looks like.

use sha2::{Digest as _, Sha256, Sha512};

use super::token::Presented;

/// By which plain digest of its text a foreign token is known. What is kept is an HMAC over that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForeignKind {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl ForeignKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Reads the word as people write it: `sha256` or `SHA-256`.
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().replace('-', "").as_str() {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The digest's length in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The digest of a text.
    pub fn of(self, text: &str) -> Vec<u8> {
        match self {
            Self::Sha512 => Sha512::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
        }
    }
}

/// Shortest and longest text, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=512;

/// Whether a text may be a foreign token at all: visible characters, and nothing that is meant as a token of ours.
pub fn is_foreign(text: &str) -> bool {
    LENGTHS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !Presented::resembles(text)
}

#[cfg(test)]
mod tests {
    use super::{ForeignKind, is_foreign};

    #[test]
    fn a_foreign_text_is_visible_long_enough_and_not_ours() {
        assert!(is_foreign("0123456789abcdef") && is_foreign(&"~".repeat(512)));
        for wrong in
            ["0123456789abcde", "0123456789 abcdef", "jtn_0123456789abcdef", "secret-token:jtn_0123456"]
        {
            assert!(!is_foreign(wrong), "{wrong}");
        }
        assert!(!is_foreign(&"~".repeat(513)) && !is_foreign("0123456789abcdef\u{e9}"));
    }

    #[test]
    fn algorithms_are_read_as_people_write_them() {
        assert_eq!(ForeignKind::parse("SHA-256"), Some(ForeignKind::Sha256));
        assert_eq!(ForeignKind::parse("sha512"), Some(ForeignKind::Sha512));
        assert_eq!(ForeignKind::parse("md5"), None);
        assert_eq!(ForeignKind::Sha512.of("x").len(), ForeignKind::Sha512.length());
    }
}
