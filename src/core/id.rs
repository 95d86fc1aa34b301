//! Identities: UUIDv7 (RFC 9562) whose first 12 bytes are unique too, and the ways to spell one.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, sync::Mutex};

use super::{number::Number, time::Instant};

/// What an [`Id`] or a [`Number`] identifies.
pub trait Kind: 'static {
    /// The word for it in an error and in the table of sequences.
    const NAME: &'static str;
    /// The letters before its number, `TKN` say.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $name:literal, $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {}

        impl Kind for $kind {
            const NAME: &'static str = $name;
            const PREFIX: &'static str = $prefix;
        }
    )+};
}

kinds! {
    /// A token.
    OfToken, "token", "TKN";
    /// A user.
    OfUser, "user", "USR";
    /// An organization; an account, to one vendor.
    OfOrganization, "organization", "ACC";
    /// A module of an organization.
    OfModule, "module", "MOD";
    /// A session at the page.
    OfSession, "session", "SES";
    /// A feed of what expires.
    OfFeed, "feed", "FED";
}

/// Identifies a token.
pub type TokenId = Id<OfToken>;
/// Identifies a user.
pub type UserId = Id<OfUser>;
/// Identifies an organization.
pub type OrganizationId = Id<OfOrganization>;
/// Identifies a module.
pub type ModuleId = Id<OfModule>;
/// Identifies a session.
pub type SessionId = Id<OfSession>;
/// Identifies a feed.
pub type FeedId = Id<OfFeed>;

/// A UUIDv7 of one kind of thing.
pub struct Id<K>(pub [u8; 16], PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// Nobody's, and after all others: the version nibble of a UUIDv7 is never 15.
    pub const NOBODYS: Self = Self::from_bytes([255; 16]);

    /// From its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The second UUID that one vendor shows: the same bytes with version nibble 8.
    pub fn second(self) -> String {
        let mut bytes = self.0;
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        hyphenated(bytes)
    }

    /// The first 12 bytes as 24 hex digits, the id that one vendor shows.
    pub fn short(self) -> String {
        hex(&self.0[..12])
    }

    /// The smallest and the largest id that begins with these 12 bytes.
    pub fn span(prefix: [u8; 12]) -> (Self, Self) {
        let mut first = [0; 16];
        first[..12].copy_from_slice(&prefix);
        let mut last = [255; 16];
        last[..12].copy_from_slice(&prefix);
        (Self::from_bytes(first), Self::from_bytes(last))
    }

    /// The smallest and the largest id that begins as `text` does: 8 to 32 hexadecimal digits of the UUID or of the second
    /// one, with hyphens where they stand in it or without any.
    pub fn begun_by(text: &str) -> Option<(Self, Self)> {
        let hyphens = |(at, byte): (usize, u8)| (byte == b'-') == [8, 13, 18, 23].contains(&at);
        if text.contains('-') && !text.bytes().enumerate().all(hyphens) {
            return None;
        }
        let mut digits = text.replace('-', "").to_ascii_lowercase();
        if !(8..=32).contains(&digits.len()) {
            return None;
        }
        if digits.as_bytes().get(12) == Some(&b'8') {
            digits.replace_range(12..13, "7");
        }
        let filled = |with: &str| unhex(format!("{digits}{}", with.repeat(32 - digits.len())));
        Some((Self::from_bytes(filled("0")?), Self::from_bytes(filled("f")?)))
    }

    /// Reads the UUID, or the second one.
    pub fn parse_uuid(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let mut id: [u8; 16] = unhex(text.replace('-', ""))?;
        match id[6] >> 4 {
            7 => {}
            8 => id[6] = (id[6] & 0x0f) | 0x70,
            _ => return None,
        }
        Some(Self::from_bytes(id))
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K> fmt::Display for Id<K> {
    /// Hyphenated lower-case hex, RFC 9562's text form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hyphenated(self.0))
    }
}

/// A thing as a request names it: by any of its ids, whose forms can't be mistaken for one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<K> {
    /// The UUID, or the second one.
    Id(Id<K>),
    /// 24 hex digits: the first 12 bytes of the UUID.
    Short([u8; 12]),
    /// `TKN-dddd-dddd` and the like.
    Number(Number),
}

impl<K: Kind> Reference<K> {
    /// Reads any spelling; `None` where it is none of them, which is answered like an unknown id.
    pub fn parse(text: &str) -> Option<Self> {
        match text.len() {
            36 => Id::parse_uuid(text).map(Self::Id),
            24 if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
                unhex(text).map(Self::Short)
            }
            _ => Number::parse(K::PREFIX, text).map(Self::Number),
        }
    }
}

/// The process-wide source of ids: RFC 9562's method 1, a 42-bit counter behind the millisecond, so that
/// the first 12 bytes (48 of time, 42 of counter, version and variant) never repeat and always ascend.
#[derive(Debug, Default)]
pub struct IdCounter {
    last: Mutex<(i64, u64)>,
}

/// The counter's width: RFC 9562's `rand_a` and the first 30 bits of `rand_b`.
const COUNTER_BITS: u32 = 42;

impl IdCounter {
    /// The next id, given the time and 12 random bytes.
    ///
    /// The counter starts anew each millisecond at a random value whose top bit is clear, which leaves room for
    /// two million million ids; a clock that stands still or steps back goes on counting where it was.
    pub fn next<K>(&self, now: Instant, random: [u8; 12]) -> Id<K> {
        let seed = u64::from_be_bytes([
            random[0], random[1], random[2], random[3], random[4], random[5], random[6], random[7],
        ]);
        let (millis, counter) = {
            let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *last = if now.millis() > last.0 {
                (now.millis(), seed >> (64 - COUNTER_BITS + 1))
            } else if last.1 + 1 < 1 << COUNTER_BITS {
                (last.0, last.1 + 1)
            } else {
                (last.0 + 1, seed >> (64 - COUNTER_BITS + 1))
            };
            *last
        };
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        let high = 0x7000 | u16::try_from(counter >> 30).expect("12 bits");
        let low = 0x8000_0000 | u32::try_from(counter & 0x3fff_ffff).expect("30 bits");
        bytes[6..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..12].copy_from_slice(&low.to_be_bytes());
        bytes[12..].copy_from_slice(&random[8..]);
        Id::from_bytes(bytes)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 4);
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
    }
    text
}

fn hyphenated(bytes: [u8; 16]) -> String {
    let mut text = hex(&bytes);
    for at in [8, 13, 18, 23] {
        text.insert(at, '-');
    }
    text
}

pub(super) fn unhex<const N: usize>(digits: impl AsRef<[u8]>) -> Option<[u8; N]> {
    let digits = digits.as_ref();
    if digits.len() != 2 * N {
        return None;
    }
    let (mut bytes, mut all) = ([0; N], 0);
    for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks().0) {
        let (high, low) = (NIBBLES[usize::from(*high)], NIBBLES[usize::from(*low)]);
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all != NONE).then_some(bytes)
}

/// What no digit stands for: or'ed with whatever there is it stays.
const NONE: u8 = u8::MAX;

/// What each byte stands for as a hexadecimal digit.
const NIBBLES: [u8; 256] = {
    let (mut nibbles, mut value) = ([NONE; 256], 0);
    while value < 16 {
        let digit = HEX[value as usize];
        nibbles[digit as usize] = value;
        nibbles[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    nibbles
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{IdCounter, Instant, Reference, TokenId, unhex};

    #[test]
    fn hexadecimal_digits_are_read_and_nothing_else() {
        for byte in 0..=u8::MAX {
            let value = char::from(byte).to_digit(16);
            let low = unhex::<1>([b'0', byte]).map(|[read]| u32::from(read));
            let high = unhex::<1>([byte, b'f']).map(|[read]| u32::from(read));
            assert_eq!((low, high), (value, value.map(|value| value * 16 + 15)), "{byte}");
        }
        assert!(unhex::<1>("f").is_none() && unhex::<1>("fff").is_none());
    }

    #[test]
    fn ids_ascend_and_their_first_twelve_bytes_differ_even_when_the_clock_steps_back() {
        let counter = IdCounter::default();
        let mut seen = HashSet::new();
        let mut last = None;
        for step in 0..5_000_i64 {
            let now = Instant::from_millis(1_700_000_000_000 - (step / 1000));
            let id: TokenId = counter.next(now, [u8::try_from(step % 256).expect("a byte"); 12]);
            assert!(seen.insert(id.short()));
            assert!(Some(id) > last);
            assert_eq!(id.0[6] >> 4, 7);
            assert_eq!(id.0[8] >> 6, 2);
            last = Some(id);
        }
    }

    #[test]
    fn a_counter_that_is_full_borrows_from_the_next_millisecond() {
        let counter = IdCounter { last: std::sync::Mutex::new((5, (1 << super::COUNTER_BITS) - 1)) };
        let id: TokenId = counter.next(Instant::from_millis(5), [0; 12]);
        assert_eq!(&id.0[..6], &[0, 0, 0, 0, 0, 6]);
    }

    #[test]
    fn a_prefix_spans_what_begins_with_it() {
        let id: TokenId = IdCounter::default().next(Instant::from_millis(1_700_000_000_000), [7; 12]);
        for text in [id.to_string(), id.second(), id.short(), id.to_string().to_uppercase()] {
            for length in 8..=text.len() {
                let Some((first, last)) = TokenId::begun_by(&text[..length]) else {
                    panic!("{}", &text[..length])
                };
                assert!(first <= id && id <= last, "{}", &text[..length]);
            }
        }
        assert_eq!(TokenId::begun_by(&id.to_string()), Some((id, id)));
        for text in [
            "",
            "018bcfe",
            "018bcfeg",
            "018bcf-e5",
            "018bcfe5é",
            " 018bcfe5",
            "-18bcfe5687",
            "018bcfe5--687b",
        ] {
            assert_eq!(TokenId::begun_by(text), None, "{text}");
        }
        assert_eq!(TokenId::begun_by(&"0".repeat(33)), None);
    }

    #[test]
    fn every_spelling_names_the_same_thing() {
        let id: TokenId = IdCounter::default().next(Instant::from_millis(1_700_000_000_000), [7; 12]);
        assert_eq!(Reference::parse(&id.to_string()), Some(Reference::Id(id)));
        assert_eq!(Reference::parse(&id.second()), Some(Reference::Id(id)));
        let Some(Reference::Short(prefix)) = Reference::<super::OfToken>::parse(&id.short()) else {
            panic!("24 hex digits")
        };
        let (first, last) = TokenId::span(prefix);
        assert!(first <= id && id <= last);
        assert!(Reference::<super::OfToken>::parse("ACC-0000-0001").is_none());
        assert!(Reference::<super::OfToken>::parse(&id.to_string().replace('-', "_")).is_none());
    }
}
