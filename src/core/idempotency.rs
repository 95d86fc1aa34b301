//! A request that says it may come again, because its reply may be lost: the key that it comes with, and what is kept
//! of its reply.
//!
//! The key is the client's own and isn't stored: a keyed digest finds the reply, which stands encrypted under a key that
//! takes both the pepper and the idempotency key. Neither the files nor the pepper nor both give it away.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    id::TokenId,
    keys::{Digest, Keyring, PepperId},
    refusal::Refusal,
};

/// The header that carries it.
pub const HEADER: &str = "Idempotency-Key";

/// How long a reply is kept, in milliseconds.
pub const KEPT_FOR: i64 = 10 * 60 * 1000;

/// What a key is to be: the shortest are the 128 bits of a UUID in hex, or of anything in base64url.
const FORM: &str = "22 to 255 of A-Z a-z 0-9 _ . : ~ + / = -, in quotation marks or without; \
                    of hex digits and hyphens alone it takes 32 hex digits: at least 128 random bits";

/// An idempotency key, of which nobody but its client is to know.
#[derive(Clone)]
pub struct Key(Zeroizing<String>);

impl Key {
    /// Reads a header's value: a string (RFC 8941, 3.3.3) or its content alone.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:~+/=-".contains(&byte);
        let hex = bare.bytes().filter(u8::is_ascii_hexdigit).count();
        let hex_alone = bare.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !(22..=255).contains(&bare.len()) || !bare.bytes().all(fits) || (hex_alone && hex < 32) {
            return Err(Refusal::invalid(HEADER, FORM));
        }
        Ok(Self(Zeroizing::new(bare.to_owned())))
    }

    /// The key that one text and no other stands for.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(Zeroizing::new(format!("{:032x}", u128::from_be_bytes(random))))
    }

    /// The key itself: for the header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A request that is to be carried out once, however often it comes.
#[derive(Clone, Debug)]
pub struct Once {
    key: Key,
    /// Of method, target and body, byte for byte: whoever sends a request again sends the same one.
    request: [u8; 32],
}

impl Once {
    /// The request with this key, of this method, path with query, and body.
    pub fn new(key: Key, method: &str, target: &str, body: &[u8]) -> Self {
        // Neither a method nor a target has a zero byte in it.
        let digest = [method.as_bytes(), &[0], target.as_bytes(), &[0], body]
            .iter()
            .fold(Sha256::new(), |digest, part| digest.chain_update(part));
        Self { key, request: digest.finalize().into() }
    }
}

impl Keyring {
    /// What a key's reply is found by; `None` where the file doesn't have that pepper.
    pub fn key_digest(&self, pepper: PepperId, once: &Once) -> Option<Digest> {
        Some(self.repeats(pepper)?.text("key").text(once.key.expose()).finish())
    }

    /// What tells the same request from another one with the same key.
    pub fn request_digest(&self, pepper: PepperId, once: &Once) -> Option<Digest> {
        let digest = self.repeats(pepper)?.text("request").text(once.key.expose());
        Some(digest.bytes(&once.request).finish())
    }

    /// Encrypts the reply that tells of a token that was just made.
    pub fn wrap(&self, pepper: PepperId, once: &Once, token: TokenId, reply: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = reply.to_vec();
        let key = self.reply_cipher(pepper, once, token)?;
        key.seal_in_place_append_tag(nonce(), Aad::from(&token.0), &mut bytes).ok()?;
        Some(bytes)
    }

    /// Decrypts it; `None` where it isn't that request's.
    pub fn unwrap(
        &self,
        pepper: PepperId,
        once: &Once,
        token: TokenId,
        wrapped: Vec<u8>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(wrapped);
        let key = self.reply_cipher(pepper, once, token)?;
        let length = key.open_in_place(nonce(), Aad::from(&token.0), bytes.as_mut_slice()).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }

    fn reply_cipher(&self, pepper: PepperId, once: &Once, token: TokenId) -> Option<LessSafeKey> {
        let key = self.reply_key(pepper, once.key.expose().as_bytes(), token)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).expect("a key of 32 bytes");
        Some(LessSafeKey::new(key))
    }
}

/// Each key encrypts one reply, once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::{Key, Keyring, Once, TokenId};
    use crate::core::keys::Pepper;

    const KEY: &str = "4b1f0e5c-9a51-4f6e-8d57-0c1f5a9e7b33";

    fn once(key: &str, body: &str) -> Once {
        Once::new(Key::parse(key).expect("a key"), "POST", "/v1/tokens", body.as_bytes())
    }

    #[test]
    fn a_key_has_128_bits_at_least_and_one_spelling() {
        for good in [KEY, "8e03978e40d543e89be5a0d2b8c3f1a7", "abcdefghijklmnopqrstuv", &"z".repeat(255)] {
            assert_eq!(Key::parse(good).expect(good).expose(), good);
            assert_eq!(Key::parse(&format!(" \"{good}\" ")).expect(good).expose(), good);
        }
        let short = "8e03978e40d543e89be5a0d2b8c3f1a";
        let long = "z".repeat(256);
        for bad in [
            "",
            "\"\"",
            "1",
            "abcdefghijklmnopqrstu",
            short,
            &long,
            "\"abcdefghijklmnopqrstuv",
            "a b c d e f g h i j k l",
        ] {
            let refusal = Key::parse(bad).expect_err(bad).to_string();
            assert!(refusal.starts_with("Idempotency-Key: 22 to 255 of"), "{bad}: {refusal}");
        }
        let hyphens = format!("{short}{}", "-".repeat(40));
        assert!(Key::parse(&hyphens).is_err(), "hyphens are no randomness");
    }

    #[test]
    fn a_reply_opens_with_its_own_key_pepper_and_token_alone() {
        let keys = Keyring::new(&Pepper::generate([3; 32]));
        let other = Keyring::new(&Pepper::generate([4; 32]));
        let (token, another) = (TokenId::from_bytes([1; 16]), TokenId::from_bytes([2; 16]));
        let once = once(KEY, "{}");
        let wrapped = keys.wrap(1, &once, token, b"the reply").expect("pepper 1");
        assert!(!wrapped.windows(5).any(|part| part == b"reply"));
        let open = |keys: &Keyring, once: &Once, token| keys.unwrap(1, once, token, wrapped.clone());
        assert_eq!(open(&keys, &once, token).expect("its own").as_slice(), b"the reply");
        assert!(open(&other, &once, token).is_none());
        assert!(open(&keys, &once, another).is_none());
        assert!(open(&keys, &self::once(&KEY.replace('4', "5"), "{}"), token).is_none());
        assert!(keys.wrap(2, &once, token, b"").is_none());
    }

    #[test]
    fn digests_tell_keys_and_requests_apart() {
        let keys = Keyring::new(&Pepper::generate([3; 32]));
        let (one, same, longer) = (once(KEY, "{}"), once(KEY, "{}"), once(KEY, "{} "));
        let digest = |once: &Once| keys.key_digest(1, once).expect("pepper 1");
        let request = |once: &Once| keys.request_digest(1, once).expect("pepper 1");
        assert!(digest(&one).matches(&digest(&longer)) && request(&one).matches(&request(&same)));
        assert!(!request(&one).matches(&request(&longer)) && !digest(&one).matches(&request(&one)));
        let elsewhere = Once::new(Key::parse(KEY).expect("a key"), "POST", "/v1/token", b"s{}");
        assert!(!request(&one).matches(&request(&elsewhere)));
        assert!(!digest(&one).matches(&digest(&once(&KEY.replace('4', "5"), "{}"))));
    }
}
