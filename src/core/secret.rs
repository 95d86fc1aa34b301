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
const CONTROL_PREFIX: &str = "jtc_";

impl ControlSecret {
    /// From fresh random bytes.
    pub const fn generate(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads `jtc_` and 43 base62 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(CONTROL_PREFIX).filter(|digits| digits.len() == 43)?;
        let mut bytes = [0; 32];
        base62::decode(digits.as_bytes(), &mut bytes)?;
        Some(Self(bytes))
    }

    /// The text form, for `control.json` and the header that carries it.
    pub fn reveal(&self) -> SecretText {
        let mut digits = [b'0'; 43];
        base62::encode(&self.0, &mut digits);
        let digits = Zeroizing::new(digits);
        let digits = std::str::from_utf8(digits.as_slice()).expect("base62 is ASCII");
        SecretText::new(format!("{CONTROL_PREFIX}{digits}"))
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

#[cfg(test)]
mod tests {
    use super::{ControlSecret, Secret, SecretText};

    #[test]
    fn debug_shows_nothing() {
        let shown = format!(
            "{:?} {:?} {:?}",
            Secret([65; 32]),
            SecretText::new("AAAA"),
            ControlSecret::generate([65; 32])
        );
        assert_eq!(shown, "Secret(..) SecretText(..) ControlSecret(..)");
    }

    #[test]
    fn a_control_secret_reads_back() {
        let secret = ControlSecret::generate([9; 32]);
        let again = ControlSecret::parse(secret.reveal().expose()).expect("its own text");
        assert!(secret.matches(&again));
        assert!(!secret.matches(&ControlSecret::generate([8; 32])));
        assert!(ControlSecret::parse("jtc_short").is_none());
    }
}
