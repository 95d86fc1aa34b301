//! The pepper and what is derived from it: token digests, row seals, the chain of events.

mod pepper;

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::pepper::{Pepper, PepperError, PepperId};
use super::{
    foreign::ForeignKind,
    id::TokenId,
    journal,
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

/// The subkeys of one pepper, each for one purpose, ready to use.
struct Subkeys {
    record: RecordKeys,
    tokens: HmacSha256,
    foreign: HmacSha256,
    seals: HmacSha256,
    repeats: HmacSha256,
    replies: HmacSha256,
    sessions: HmacSha256,
    feeds: HmacSha256,
    journal: HmacSha256,
}

/// Those that the record of events is proven with, which outlive their pepper: no token can be checked with them.
struct RecordKeys {
    id: PepperId,
    events: HmacSha256,
    addresses: HmacSha256,
    check: HmacSha256,
}

/// A subkey (HKDF-SHA256, RFC 5869).
fn subkey(key: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    let hkdf = Hkdf::<Sha256>::new(Some(b"jeton"), key);
    let mut subkey = Zeroizing::new([0; 32]);
    hkdf.expand(purpose.as_bytes(), subkey.as_mut_slice()).expect("32 bytes are no more than HKDF gives");
    subkey
}

/// What the record's subkeys are derived for, in their order in the file.
const RECORD: [&str; 3] = ["event chain", "event addresses", "pepper check"];

fn mac(key: &[u8; 32]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length")
}

impl RecordKeys {
    fn new(id: PepperId, [events, addresses, check]: [&[u8; 32]; 3]) -> Self {
        Self { id, events: mac(events), addresses: mac(addresses), check: mac(check) }
    }
}

impl Subkeys {
    fn derive(id: PepperId, pepper: &[u8; 32]) -> Self {
        let record = RECORD.map(|purpose| subkey(pepper, purpose));
        let key = |purpose| mac(&subkey(pepper, purpose));
        Self {
            record: RecordKeys::new(id, [&record[0], &record[1], &record[2]]),
            tokens: key("token digests"),
            foreign: key("foreign digests"),
            seals: key("row seals"),
            repeats: key("idempotency keys"),
            replies: key("kept replies"),
            sessions: key("sessions"),
            feeds: key("feeds"),
            journal: key("journal key"),
        }
    }
}

/// Every key that jeton uses, derived from the pepper file.
pub struct Keyring {
    live: Vec<Subkeys>,
    retired: Vec<RecordKeys>,
}

impl Keyring {
    /// Derives all of them.
    pub fn new(pepper: &Pepper) -> Self {
        let live = pepper.lines().map(|(id, key)| Subkeys::derive(id, key)).collect();
        let retired = pepper.retired().map(|(id, keys)| RecordKeys::new(id, keys)).collect();
        Self { live, retired }
    }

    fn current_keys(&self) -> &Subkeys {
        self.live.last().expect("a pepper has a line at least")
    }

    fn find(&self, id: PepperId) -> Option<&Subkeys> {
        self.live.iter().find(|keys| keys.record.id == id)
    }

    fn record(&self, id: PepperId) -> Option<&RecordKeys> {
        self.live.iter().map(|keys| &keys.record).chain(&self.retired).find(|keys| keys.id == id)
    }

    /// The pepper that new digests and seals are made with.
    pub fn current(&self) -> PepperId {
        self.current_keys().record.id
    }

    /// Every pepper's id, but for those that are retired.
    pub fn ids(&self) -> impl Iterator<Item = PepperId> {
        self.live.iter().map(|keys| keys.record.id)
    }

    /// A token's digest under a pepper; `None` where the file doesn't have that pepper.
    pub fn digest(&self, pepper: PepperId, id: TokenId, secret: &Secret) -> Option<Digest> {
        let mut mac = self.find(pepper)?.tokens.clone();
        mac.update(&id.0);
        mac.update(secret.expose());
        Some(Digest(mac.finalize().into_bytes().into()))
    }

    /// What is kept of a token from elsewhere under a pepper: over a plain digest of its text, since the text may never have
    /// been seen. `None` where the file doesn't have that pepper.
    pub fn foreign_digest(&self, pepper: PepperId, kind: ForeignKind, plain: &[u8]) -> Option<Digest> {
        let mac = self.find(pepper)?.foreign.clone();
        Some(Sealer(mac).text(kind.as_str()).bytes(plain).finish())
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
        let mut mac = self.record(pepper)?.check.clone();
        mac.update(instance);
        Some(Digest(mac.finalize().into_bytes().into()))
    }

    /// Begins a seal over a row of `table`.
    pub fn seal(&self, pepper: PepperId, table: &str) -> Option<Sealer> {
        Some(Sealer(self.find(pepper)?.seals.clone()).text(table))
    }

    /// What an event's link covers in place of its address; the sequence in it keeps equal addresses from showing.
    pub fn address_digest(&self, pepper: PepperId, sequence: i64, address: &str) -> Option<Digest> {
        Some(Sealer(self.record(pepper)?.addresses.clone()).int(sequence).text(address).finish())
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

    /// What the key of the journal is encrypted with under a pepper; `salt` is as random as a key and used once.
    fn journal_cipher(&self, pepper: PepperId, salt: &[u8; 32]) -> Option<LessSafeKey> {
        let mut mac = self.find(pepper)?.journal.clone();
        mac.update(salt);
        let key = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).expect("a key of 32 bytes");
        Some(LessSafeKey::new(key))
    }

    /// Encrypts the journal's key under the current pepper: the key is random, and outlives any pepper.
    pub fn wrap_journal_key(&self, key: &journal::Key, salt: [u8; 32]) -> Vec<u8> {
        let cipher =
            self.journal_cipher(self.current(), &salt).expect("the current pepper is in the keyring");
        let mut sealed = key.expose().to_vec();
        cipher
            .seal_in_place_append_tag(used_once(), Aad::empty(), &mut sealed)
            .expect("32 bytes are not too long");
        [salt.as_slice(), &sealed].concat()
    }

    /// Decrypts it; `None` where it isn't one of that pepper's.
    pub fn unwrap_journal_key(&self, pepper: PepperId, wrapped: &[u8]) -> Option<journal::Key> {
        let (salt, sealed) = wrapped.split_first_chunk()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = self.journal_cipher(pepper, salt)?.open_in_place(used_once(), Aad::empty(), &mut sealed);
        Some(journal::Key::new((*opened.ok()?).try_into().ok()?))
    }

    /// Begins an event's link, over the link before it.
    pub fn link(&self, pepper: PepperId, before: &Digest) -> Option<Sealer> {
        Some(Sealer(self.record(pepper)?.events.clone()).bytes(&before.0))
    }
}

/// A cipher's key encrypts one thing, once.
fn used_once() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
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
    use super::{Keyring, Pepper, Secret, TokenId, journal};

    #[test]
    fn the_journals_key_opens_under_its_own_pepper_alone() {
        let keys = Keyring::new(&Pepper::generate([3; 32]));
        let wrapped = keys.wrap_journal_key(&journal::Key::new([5; 32]), [7; 32]);
        assert!(!wrapped.windows(8).any(|part| part == [5; 8]));
        let opened = keys.unwrap_journal_key(1, &wrapped).expect("its own");
        assert_eq!(opened.expose(), &[5; 32]);
        let other = Keyring::new(&Pepper::generate([4; 32]));
        assert!(other.unwrap_journal_key(1, &wrapped).is_none());
        assert!(keys.unwrap_journal_key(2, &wrapped).is_none());
        for at in 0..wrapped.len() {
            let mut flipped = wrapped.clone();
            flipped[at] ^= 1;
            assert!(keys.unwrap_journal_key(1, &flipped).is_none(), "byte {at}");
        }
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
