//! The pepper and what is derived from it: token digests, row seals, the chain of events.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    id::TokenId,
    secret::{FeedSecret, Secret, SessionSecret},
};

type HmacSha256 = Hmac<Sha256>;

/// A keyed digest or seal as stored: 32 bytes of HMAC-SHA256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Which line of the pepper file a digest or seal was made with.
pub type PepperId = u32;

/// What is wrong with a pepper file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PepperError {
    /// Nothing but white space and comments.
    #[error("it holds no key")]
    Empty,
    /// A line isn't `id key`.
    #[error("line {0} isn't an id, a space and a key of 43 base64url digits")]
    Line(usize),
    /// An id stands twice.
    #[error("line {0} repeats an id")]
    Repeated(usize),
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct PepperLine {
    id: PepperId,
    key: [u8; 32],
}

/// The content of `pepper.key`: keys by id; the highest id is the one that new digests are made with.
#[derive(Clone)]
pub struct Pepper(Vec<PepperLine>);

impl Pepper {
    /// A first pepper out of fresh random bytes.
    pub fn generate(random: [u8; 32]) -> Self {
        Self(vec![PepperLine { id: 1, key: random }])
    }

    /// Reads a file: one `id key` a line, empty lines and `#` comments apart.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let mut lines: Vec<PepperLine> = Vec::new();
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, key) = line.split_once(' ').ok_or(PepperError::Line(at))?;
            let id = id.parse().ok().filter(|id| *id > 0).ok_or(PepperError::Line(at))?;
            let bytes =
                Zeroizing::new(URL_SAFE_NO_PAD.decode(key.trim()).map_err(|_| PepperError::Line(at))?);
            let key = bytes.as_slice().try_into().map_err(|_| PepperError::Line(at))?;
            if lines.iter().any(|line| line.id == id) {
                return Err(PepperError::Repeated(at));
            }
            lines.push(PepperLine { id, key });
        }
        lines.sort_by_key(|line| line.id);
        if lines.is_empty() { Err(PepperError::Empty) } else { Ok(Self(lines)) }
    }

    /// The text of the file.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "# jeton's pepper: without it no token in the database can be checked. Keep a copy apart from the backups.\n",
        ));
        for line in &self.0 {
            let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(line.key));
            text.push_str(&Zeroizing::new(format!("{} {}\n", line.id, key.as_str())));
        }
        text
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// The subkeys of one pepper, each for one purpose (HKDF-SHA256, RFC 5869), ready to use.
struct Subkeys {
    id: PepperId,
    tokens: HmacSha256,
    seals: HmacSha256,
    events: HmacSha256,
    addresses: HmacSha256,
    check: HmacSha256,
    repeats: HmacSha256,
    replies: HmacSha256,
    sessions: HmacSha256,
    feeds: HmacSha256,
}

impl Subkeys {
    fn derive(line: &PepperLine) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"jeton"), &line.key);
        let key = |purpose: &str| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(purpose.as_bytes(), key.as_mut_slice())
                .expect("32 bytes are no more than HKDF gives");
            HmacSha256::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length")
        };
        Self {
            id: line.id,
            tokens: key("token digests"),
            seals: key("row seals"),
            events: key("event chain"),
            addresses: key("event addresses"),
            check: key("pepper check"),
            repeats: key("idempotency keys"),
            replies: key("kept replies"),
            sessions: key("sessions"),
            feeds: key("feeds"),
        }
    }
}

/// Every key that jeton uses, derived from the pepper file.
pub struct Keyring(Vec<Subkeys>);

impl Keyring {
    /// Derives all of them.
    pub fn new(pepper: &Pepper) -> Self {
        Self(pepper.0.iter().map(Subkeys::derive).collect())
    }

    fn current_keys(&self) -> &Subkeys {
        self.0.last().expect("a pepper has a line at least")
    }

    fn find(&self, id: PepperId) -> Option<&Subkeys> {
        self.0.iter().find(|keys| keys.id == id)
    }

    /// The pepper that new digests and seals are made with.
    pub fn current(&self) -> PepperId {
        self.current_keys().id
    }

    /// Every pepper's id.
    pub fn ids(&self) -> impl Iterator<Item = PepperId> {
        self.0.iter().map(|keys| keys.id)
    }

    /// A token's digest under a pepper; `None` where the file doesn't have that pepper.
    pub fn digest(&self, pepper: PepperId, id: TokenId, secret: &Secret) -> Option<Digest> {
        let mut mac = self.find(pepper)?.tokens.clone();
        mac.update(&id.0);
        mac.update(secret.expose());
        Some(Digest(mac.finalize().into_bytes().into()))
    }

    /// What is kept of a session's secret under a pepper; `None` where the file doesn't have that pepper.
    pub fn session_digest(&self, pepper: PepperId, secret: &SessionSecret) -> Option<Digest> {
        let mut mac = self.find(pepper)?.sessions.clone();
        mac.update(secret.expose());
        Some(Digest(mac.finalize().into_bytes().into()))
    }

    /// What is kept of a feed's key under a pepper; `None` where the file doesn't have that pepper.
    pub fn feed_digest(&self, pepper: PepperId, secret: &FeedSecret) -> Option<Digest> {
        let mut mac = self.find(pepper)?.feeds.clone();
        mac.update(secret.expose());
        Some(Digest(mac.finalize().into_bytes().into()))
    }

    /// What the database keeps to know a pepper again, bound to the database's own id.
    pub fn check_value(&self, pepper: PepperId, instance: &[u8; 16]) -> Option<Digest> {
        let mut mac = self.find(pepper)?.check.clone();
        mac.update(instance);
        Some(Digest(mac.finalize().into_bytes().into()))
    }

    /// Begins a seal over a row of `table`.
    pub fn seal(&self, pepper: PepperId, table: &str) -> Option<Sealer> {
        Some(Sealer(self.find(pepper)?.seals.clone()).text(table))
    }

    /// What an event's link covers in place of its address; the sequence in it keeps equal addresses from showing.
    pub fn address_digest(&self, pepper: PepperId, sequence: i64, address: &str) -> Option<Digest> {
        Some(Sealer(self.find(pepper)?.addresses.clone()).int(sequence).text(address).finish())
    }

    /// Begins a digest that knows an idempotency key, or what came with one, again.
    pub(super) fn repeats(&self, pepper: PepperId) -> Option<Sealer> {
        Some(Sealer(self.find(pepper)?.repeats.clone()))
    }

    /// The key that a kept reply is encrypted with, out of the pepper and of what its client alone knows (HKDF-SHA256):
    /// no other reply ever has it, since no other is about that token.
    pub(super) fn reply_key(
        &self,
        pepper: PepperId,
        known: &[u8],
        token: TokenId,
    ) -> Option<Zeroizing<[u8; 32]>> {
        // HKDF's extraction is an HMAC under its salt, which is the subkey here.
        let mut extract = self.find(pepper)?.replies.clone();
        extract.update(known);
        let extracted = Zeroizing::new(<[u8; 32]>::from(extract.finalize().into_bytes()));
        let hkdf = Hkdf::<Sha256>::from_prk(extracted.as_slice()).expect("a digest's length is HKDF's own");
        let mut key = Zeroizing::new([0; 32]);
        hkdf.expand(&token.0, key.as_mut_slice()).expect("32 bytes are no more than HKDF gives");
        Some(key)
    }

    /// Begins an event's link, over the link before it.
    pub fn link(&self, pepper: PepperId, before: &Digest) -> Option<Sealer> {
        Some(Sealer(self.find(pepper)?.events.clone()).bytes(&before.0))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(..)")
    }
}

/// An HMAC over a list of fields, each with its length before it, so that no two lists read alike.
pub struct Sealer(HmacSha256);

impl Sealer {
    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("a row's field is far below 4 GiB");
        self.0.update(&length.to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a number.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Adds a number that may be missing, which is none of the numbers.
    #[must_use]
    pub fn optional(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(value),
            None => self.bytes(&[]),
        }
    }

    /// Ends it.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Keyring, Pepper, PepperError, Secret, TokenId};

    #[test]
    fn a_pepper_file_reads_back_and_the_highest_id_is_current() {
        let text = Pepper::generate([3; 32]).to_file_text();
        let two = format!("{}\n\n# more\n7 {}\r\n", text.as_str(), "A".repeat(43));
        let keys = Keyring::new(&Pepper::parse(&two).expect("two lines"));
        assert_eq!(keys.ids().collect::<Vec<_>>(), [1, 7]);
        assert_eq!(keys.current(), 7);
    }

    #[test]
    fn a_broken_pepper_file_is_refused_by_its_line() {
        assert_eq!(Pepper::parse("\n# x\n").err(), Some(PepperError::Empty));
        assert_eq!(Pepper::parse("1").err(), Some(PepperError::Line(1)));
        assert_eq!(Pepper::parse("1 short").err(), Some(PepperError::Line(1)));
        assert_eq!(Pepper::parse(&format!("0 {}", "A".repeat(43))).err(), Some(PepperError::Line(1)));
        let twice = format!("1 {0}\n1 {0}\n", "A".repeat(43));
        assert_eq!(Pepper::parse(&twice).err(), Some(PepperError::Repeated(2)));
    }

    #[test]
    fn keys_differ_by_pepper_purpose_token_and_secret() {
        let keys = Keyring::new(&Pepper::generate([3; 32]));
        let other = Keyring::new(&Pepper::generate([4; 32]));
        let (id, secret) = (TokenId::from_bytes([1; 16]), Secret::from_bytes([2; 32]));
        let digest = keys.digest(1, id, &secret).expect("pepper 1");
        assert!(digest.matches(&keys.digest(1, id, &secret).expect("pepper 1")));
        assert!(!digest.matches(&other.digest(1, id, &secret).expect("pepper 1")));
        assert!(!digest.matches(&keys.digest(1, TokenId::from_bytes([9; 16]), &secret).expect("pepper 1")));
        assert!(!digest.matches(&keys.digest(1, id, &Secret::from_bytes([9; 32])).expect("pepper 1")));
        assert!(keys.digest(2, id, &secret).is_none());
        let seal =
            |text: &str, more: &str| keys.seal(1, "t").expect("pepper 1").text(text).text(more).finish();
        assert!(!seal("ab", "c").matches(&seal("a", "bc")));
    }
}
