//! A token: its row's facts, its states, and its form on the wire.

use std::str;

use zeroize::Zeroizing;

use super::{
    base62,
    id::{Kind as _, OfToken, OrganizationId, TokenId, UserId},
    journal::TokenFate,
    keys::{Digest, PepperId},
    limits::Limits,
    number::Number,
    privilege::Privileges,
    secret::{Secret, SecretText},
    time::Instant,
};

pub use super::life::{Cause, Death, Ending, Obituary, Status, Superseded, Waiting, Whose};

/// What every token begins with, so that a scanner knows one.
pub const PREFIX: &str = "jtn_";

/// RFC 8959's scheme, accepted before a token wherever a token is.
pub const URI_SCHEME: &str = "secret-token:";

/// What stands before a token's number where one vendor's clients name it before the token: `idt:TKN-dddd-dddd:`.
const NUMBERED: &str = "idt:";

const ID_DIGITS: usize = 22;
const SECRET_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
const UNDERSCORE: usize = PREFIX.len() + ID_DIGITS;
const CHECKED: usize = UNDERSCORE + 1 + SECRET_DIGITS;

/// A text of a token's shape that is read in place of one that has another: it is nobody's.
const NOBODYS: &str = "jtn_0000000000000000000000_0000000000000000000000000000000000000000000000000";

/// A token's length on the wire, in bytes, without the URI scheme.
pub const LENGTH: usize = CHECKED + CHECKSUM_DIGITS;

/// A token as presented: the id that finds the row and the secret that proves it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Finds the row.
    pub id: TokenId,
    /// Proves it.
    pub secret: Secret,
    /// The number that was named before it, which must be the token's own.
    pub number: Option<Number>,
}

/// The number and the token behind `idt:`.
fn numbered(text: &str) -> Option<(Number, &str)> {
    let (number, token) = text.split_once(':')?;
    Some((Number::parse(OfToken::PREFIX, number)?, token))
}

impl Presented {
    /// Reads the wire form: `jtn_`, the id as 22 base62 digits, `_`, 32 random bytes as 43, and 6 digits of CRC-32
    /// over all before them; with or without `secret-token:`, or with `idt:` and the token's number before it. A typo
    /// fails the checksum.
    pub fn parse(text: &str) -> Option<Self> {
        let (presented, whole) = Self::read(text);
        whole.then_some(presented)
    }

    /// The same with the same work whatever the text is: what isn't of the form is nobody's, and `false` is said of it.
    pub fn read(text: &str) -> (Self, bool) {
        let (number, token) = match text.strip_prefix(NUMBERED).map(numbered) {
            Some(Some((number, token))) => (Some(number), token),
            Some(None) => (None, ""),
            None => (None, text.strip_prefix(URI_SCHEME).unwrap_or(text)),
        };
        let token = token.as_bytes();
        let shaped =
            token.len() == LENGTH && token.starts_with(PREFIX.as_bytes()) && token[UNDERSCORE] == b'_';
        let token = if shaped { token } else { NOBODYS.as_bytes() };
        let (mut id, mut checksum, mut secret) = ([0; 16], [0; 4], Zeroizing::new([0; 32]));
        let decoded = [
            base62::decode(&token[CHECKED..], &mut checksum),
            base62::decode(&token[PREFIX.len()..UNDERSCORE], &mut id),
            base62::decode(&token[UNDERSCORE + 1..CHECKED], secret.as_mut_slice()),
        ];
        let checked = u32::from_be_bytes(checksum) == crc32fast::hash(&token[..CHECKED]);
        let whole = shaped && checked && decoded.iter().all(Option::is_some);
        let id = if whole { TokenId::from_bytes(id) } else { TokenId::NOBODYS };
        (Self { id, secret: Secret::from_bytes(*secret), number }, whole)
    }

    /// Whether a text is meant as a token, good or not: what decides how HTTP Basic is read.
    pub fn resembles(text: &str) -> bool {
        let numbered = text.strip_prefix(NUMBERED).is_some_and(|rest| rest.starts_with(OfToken::PREFIX));
        numbered || text.strip_prefix(URI_SCHEME).unwrap_or(text).starts_with(PREFIX)
    }

    /// The wire form: for the one reply that gives the token out.
    pub fn reveal(&self) -> SecretText {
        let mut text = Zeroizing::new([b'_'; LENGTH]);
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        base62::encode(&self.id.0, &mut text[PREFIX.len()..UNDERSCORE]);
        base62::encode(self.secret.expose(), &mut text[UNDERSCORE + 1..CHECKED]);
        let checksum = crc32fast::hash(&text[..CHECKED]);
        base62::encode(&checksum.to_be_bytes(), &mut text[CHECKED..]);
        SecretText::new(str::from_utf8(text.as_slice()).expect("base62 is ASCII"))
    }
}

/// What may be shown of a token for good: the prefix and its public id, nothing of the secret.
pub fn hint(id: TokenId) -> String {
    let mut digits = [b'0'; ID_DIGITS];
    base62::encode(&id.0, &mut digits);
    format!("{PREFIX}{}_…", str::from_utf8(&digits).expect("base62 is ASCII"))
}

/// Who made a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MintedBy {
    /// Its owner, with a password.
    Password,
    /// Its owner, signed in to the admin page.
    Session,
    /// The operator at the command line of the machine.
    Local,
    /// Another live token of the same owner.
    Token(TokenId),
}

impl MintedBy {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Session => "session",
            Self::Local => "local",
            Self::Token(_) => "token",
        }
    }

    /// The token that minted it, where one did.
    pub const fn token(self) -> Option<TokenId> {
        match self {
            Self::Token(id) => Some(id),
            _ => None,
        }
    }

    /// Reads the stored word and id.
    pub fn from_stored(word: &str, token: Option<TokenId>) -> Option<Self> {
        match (word, token) {
            ("password", None) => Some(Self::Password),
            ("session", None) => Some(Self::Session),
            ("local", None) => Some(Self::Local),
            ("token", Some(id)) => Some(Self::Token(id)),
            _ => None,
        }
    }
}

/// A token's row.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its number.
    pub number: Number,
    /// The keyed digest of its secret.
    pub digest: Digest,
    /// The pepper that the digest was made with.
    pub pepper: PepperId,
    /// Whoever holds it acts as this user.
    pub owner: UserId,
    /// The one organization it belongs to.
    pub organization: OrganizationId,
    /// A name for people.
    pub name: String,
    /// More words for people.
    pub description: String,
    /// A URL or data URL of a picture; empty for none.
    pub icon: String,
    /// What it was given; each check cuts this to what its owner still holds.
    pub privileges: Privileges,
    /// The numbers of the modules that it is good for.
    pub modules: Vec<String>,
    /// From where, on what, from when on and how often it is good.
    pub limits: Limits,
    /// Whether it may only read and revoke itself at jeton.
    pub restricted: bool,
    /// Who made it.
    pub minted_by: MintedBy,
    /// Whether it is good only while the token that minted it is.
    pub tied: bool,
    /// After how many milliseconds without use it is disabled, where that is said for it alone.
    pub max_idle: Option<i64>,
    /// The token that it replaces, or is to replace.
    pub replaces: Option<TokenId>,
    /// The first of those that took each other's places until it came; `None` where it took nobody's.
    pub line: Option<TokenId>,
    /// That it waits for its first use; `None` once that has come.
    pub waiting: Option<Waiting>,
    /// That another has taken its place.
    pub superseded: Option<Superseded>,
    /// What the row says.
    pub status: Status,
    /// Why.
    pub cause: Cause,
    /// Since when; `None` in a row that is older than this was kept.
    pub status_at: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// When its row last changed; use doesn't count.
    pub updated_at: Instant,
    /// The first instant at which it is dead; `None` for never.
    pub expires_at: Option<Instant>,
    /// How often its row has changed.
    pub change_sequence: u32,
}

impl Token {
    /// What decides of it and may change.
    pub fn fate(&self) -> TokenFate {
        TokenFate {
            status: self.status,
            cause: self.cause,
            status_at: self.status_at,
            expires_at: self.expires_at,
            waiting: self.waiting,
            superseded: self.superseded,
            modules: self.modules.join(" "),
        }
    }

    /// What stands for all that have taken each other's places, it among them: the first one's id.
    pub fn line(&self) -> TokenId {
        self.line.unwrap_or(self.id)
    }

    /// Whether it is past its expiry.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    /// The token that its uses are counted with: itself, or the first of those that replaced one another.
    pub fn counted_as(&self) -> TokenId {
        self.limits.uses_with.unwrap_or(self.id)
    }

    /// Why it isn't good, as far as its own row says, and since when.
    pub fn ended(&self, now: Instant) -> Option<(Death, Option<Instant>)> {
        let switched = Some(self.status_at.unwrap_or(self.updated_at));
        match (self.status, self.cause) {
            (Status::Active, _) => {}
            (_, Cause::Idle) => return Some((Death::Idle, switched)),
            (_, Cause::Leak) => return Some((Death::Leaked, switched)),
            (_, Cause::Undone) => return Some((Death::Undone, switched)),
            (Status::Disabled, Cause::Said) => return Some((Death::Disabled, switched)),
            (Status::Deleted, Cause::Said) => return Some((Death::Deleted, switched)),
        }
        if self.is_expired(now) {
            let death = if self.superseded.is_some() { Death::Superseded } else { Death::Expired };
            return Some((death, self.expires_at));
        }
        if let Some(waiting) = self.waiting.filter(|waiting| now >= waiting.until) {
            return Some((Death::Undone, Some(waiting.until)));
        }
        let early = self.limits.not_before.is_some_and(|good_from| now < good_from);
        early.then_some((Death::NotYetValid, None))
    }

    /// Gives it another status, from now on.
    pub fn switch(&mut self, status: Status, cause: Cause, now: Instant) {
        (self.status, self.cause, self.status_at) = (status, cause, Some(now));
    }

    /// The status with expiry taken in, as it is shown.
    pub fn shown_status(&self, now: Instant) -> &'static str {
        if self.status == Status::Active && self.is_expired(now) { "expired" } else { self.status.as_str() }
    }
}

/// When, from where and how often a token was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// The last time.
    pub last_at: Instant,
    /// The peer's address then; `None` over a Unix socket.
    pub address: Option<String>,
    /// The `User-Agent` then.
    pub agent: Option<String>,
    /// How often in all.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, Number, Presented, Secret, TokenId, hint};

    fn sample() -> Presented {
        let id = TokenId::from_bytes(*b"\x01\x8f\x00\x00\x00\x00\x70\x01\x80\x00\x00\x01abcd");
        Presented { id, secret: Secret::from_bytes([0x5a; 32]), number: None }
    }

    /// Scanners and people's configuration know this form: it doesn't change.
    #[test]
    fn the_form_is_pinned() {
        let text = sample().reveal();
        assert_eq!(text.expose(), PINNED);
        assert_eq!(hint(sample().id), format!("{}_…", &PINNED[..26]));
    }

    const PINNED: &str = "jtn_02wLIRxqmq3WTUOVsbnSg0_LQNUGZHT5u543eF8cvF8tKdPlcVkNSYQAq1KIqZ6f742sHjjd";

    #[test]
    fn a_token_reads_back_with_and_without_its_scheme() {
        let text = sample().reveal();
        for text in [text.expose().to_owned(), format!("secret-token:{}", text.expose())] {
            let back = Presented::parse(&text).expect("its own text");
            assert_eq!(back.id, sample().id);
            assert_eq!(back.secret.expose(), sample().secret.expose());
        }
    }

    #[test]
    fn a_token_reads_back_behind_a_number_of_the_right_form() {
        let text = sample().reveal();
        let back =
            Presented::parse(&format!("idt:TKN-6180-3400:{}", text.expose())).expect("a number and a token");
        assert_eq!((back.id, back.number), (sample().id, Some(Number::from_place(1))));
        for before in [
            "idt:",
            "idt::",
            "idt:TKN-1:",
            "idt:ACC-6180-3400:",
            "TKN-6180-3400:",
            "idt:TKN-6180-3400:secret-token:",
        ] {
            assert!(Presented::parse(&format!("{before}{}", text.expose())).is_none(), "{before}");
        }
        assert!(Presented::resembles("idt:TKN-x") && !Presented::resembles("idt:x"));
    }

    #[test]
    fn every_single_typo_is_refused_without_a_look_up() {
        let text = sample().reveal();
        for at in 0..LENGTH {
            for wrong in [b'0', b'A', b'z', b'_', b' '] {
                let mut bytes = text.expose().as_bytes().to_vec();
                if bytes[at] != wrong {
                    bytes[at] = wrong;
                    let typo = String::from_utf8(bytes).expect("ASCII");
                    assert!(Presented::parse(&typo).is_none(), "byte {at} as {wrong}");
                }
            }
        }
        assert!(Presented::parse(&text.expose()[1..]).is_none());
        assert!(Presented::parse(&format!("{}0", text.expose())).is_none());
        assert!(Presented::parse("").is_none());
        assert!(Presented::parse(&"é".repeat(38)).is_none());
    }
}
