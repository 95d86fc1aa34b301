//! Secrets as types whose `Debug` shows nothing of them.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::base62;

/// Where randomness comes from; a test hands in one that it knows.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with what nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes from a source.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// The 32 random bytes of a token: what proves that one holds it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From random bytes, or from what was read off a token.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the digest and the wire form and nothing else.
    pub(super) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Text that is secret: a password, or a whole token as it was presented or is given out.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes it over; the string is wiped when this goes.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself: only where it is checked, hashed or written into the one reply that gives it out.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// What the local operator's command line shows the running server: new at each start, never stored but in
/// `control.json`, which only the directory's owner can read.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ControlSecret([u8; 32]);

/// What a control secret begins with.
pub const CONTROL_PREFIX: &str = "jtc_";

impl ControlSecret {
    /// From fresh random bytes.
    pub const fn generate(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads `jtc_` and 43 base62 digits.
    pub fn parse(text: &str) -> Option<Self> {
        spelled(CONTROL_PREFIX, text).map(Self)
    }

    /// The text form, for `control.json` and the header that carries it.
    pub fn reveal(&self) -> SecretText {
        spell(CONTROL_PREFIX, &self.0)
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for ControlSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlSecret(..)")
    }
}

/// What a browser shows to be a session: new at each sign-in, in its cookie and nowhere else.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionSecret([u8; 32]);

/// What a session's secret begins with.
pub const SESSION_PREFIX: &str = "jts_";

impl SessionSecret {
    /// From fresh random bytes.
    pub const fn generate(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads `jts_` and 43 base62 digits.
    pub fn parse(text: &str) -> Option<Self> {
        spelled(SESSION_PREFIX, text).map(Self)
    }

    /// The text form, for the cookie.
    pub fn reveal(&self) -> SecretText {
        spell(SESSION_PREFIX, &self.0)
    }

    /// The bytes, for the digest and nothing else.
    pub(super) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// What a calendar program shows to read a feed: in its URL, and good for nothing else.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FeedSecret([u8; 32]);

/// What a feed's key begins with.
pub const FEED_PREFIX: &str = "jtf_";

impl FeedSecret {
    /// From fresh random bytes.
    pub const fn generate(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads `jtf_` and 43 base62 digits.
    pub fn parse(text: &str) -> Option<Self> {
        spelled(FEED_PREFIX, text).map(Self)
    }

    /// The text form, for the URL.
    pub fn reveal(&self) -> SecretText {
        spell(FEED_PREFIX, &self.0)
    }

    /// The bytes, for the digest and nothing else.
    pub(super) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for FeedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedSecret(..)")
    }
}

/// Reads a prefix and 43 base62 digits: 32 bytes.
fn spelled(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == 43)?;
    let mut bytes = [0; 32];
    base62::decode(digits.as_bytes(), &mut bytes)?;
    Some(bytes)
}

fn spell(prefix: &str, bytes: &[u8; 32]) -> SecretText {
    let mut digits = Zeroizing::new([b'0'; 43]);
    base62::encode(bytes, digits.as_mut_slice());
    let digits = std::str::from_utf8(digits.as_slice()).expect("base62 is ASCII");
    SecretText::new(format!("{prefix}{digits}"))
}

#[cfg(test)]
mod tests {
    use super::{ControlSecret, FeedSecret, Secret, SecretText, SessionSecret};

    #[test]
    fn debug_shows_nothing() {
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            Secret([65; 32]),
            SecretText::new("AAAA"),
            ControlSecret::generate([65; 32]),
            SessionSecret::generate([65; 32]),
            FeedSecret::generate([65; 32])
        );
        assert_eq!(shown, "Secret(..) SecretText(..) ControlSecret(..) SessionSecret(..) FeedSecret(..)");
    }

    #[test]
    fn a_control_secret_reads_back() {
        let secret = ControlSecret::generate([9; 32]);
        let again = ControlSecret::parse(secret.reveal().expose()).expect("its own text");
        assert!(secret.matches(&again));
        assert!(!secret.matches(&ControlSecret::generate([8; 32])));
        assert!(ControlSecret::parse("jtc_short").is_none());
        let session = SessionSecret::generate([9; 32]);
        let text = session.reveal();
        assert_eq!(SessionSecret::parse(text.expose()).expect("its own text").0, session.0);
        // One isn't the other.
        assert!(SessionSecret::parse(secret.reveal().expose()).is_none());
        let feed = FeedSecret::generate([9; 32]).reveal();
        assert_eq!(FeedSecret::parse(feed.expose()).expect("its own text").0, session.0);
        assert!(SessionSecret::parse(feed.expose()).is_none());
    }
}
