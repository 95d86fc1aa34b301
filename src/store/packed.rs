//! What was gathered of some tokens in few bytes, some 30 for each that was used once.
//!
//! First the texts and addresses that occur and the times that all others are counted from, then the tokens. Numbers are
//! LEB128. A token is its id, a byte that says how much of what there is of it, and that.

use std::{collections::HashMap, hash::Hash, net::IpAddr, sync::Arc};

use crate::core::{
    checks::{Hour, Outcome, Tally},
    gathered::{Gathered, Seen, Times},
    id::TokenId,
    time::Instant,
};

/// What the first byte is: how the rest is to be read.
const VERSION: u8 = 1;

/// Of two bits that say how many: more than that, and how many follows.
const MORE: u8 = 3;
const OTHERS: u8 = 1 << 6;
const OPENLY: u8 = 1 << 7;

/// Things that occur, each with its place, the first 0.
struct Places<T>(HashMap<T, u64>, Vec<T>);

impl<T: Eq + Hash + Clone> Places<T> {
    fn of(&mut self, it: &T) -> u64 {
        if let Some(place) = self.0.get(it) {
            return *place;
        }
        let place = self.1.len() as u64;
        self.0.insert(it.clone(), place);
        self.1.push(it.clone());
        place
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Small numbers of either sign in few bytes.
fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

struct Packer {
    texts: Places<Arc<str>>,
    addresses: Places<IpAddr>,
    from: i64,
    tokens: Vec<u8>,
}

impl Packer {
    fn at(&mut self, at: Instant) {
        put_signed(&mut self.tokens, at.millis().wrapping_sub(self.from));
    }

    fn times(&mut self, Times { first_at, last_at, count }: &Times) {
        self.at(*first_at);
        put_signed(&mut self.tokens, last_at.millis().wrapping_sub(first_at.millis()));
        put(&mut self.tokens, *count);
    }

    fn add(&mut self, token: TokenId, gathered: &Gathered) {
        self.tokens.extend(token.0);
        let counts = [gathered.seen().count(), gathered.demands().count(), gathered.checks().count()];
        let two_bits = counts.map(|count| u8::try_from(count).map_or(MORE, |count| count.min(MORE)));
        let others = if gathered.others().is_some() { OTHERS } else { 0 };
        let openly = if gathered.openly().is_some() { OPENLY } else { 0 };
        self.tokens.push(two_bits[0] | two_bits[1] << 2 | two_bits[2] << 4 | others | openly);
        for (count, _) in counts.into_iter().zip(two_bits).filter(|(_, bits)| *bits == MORE) {
            put(&mut self.tokens, count as u64);
        }
        for Seen { address, agent, times } in gathered.seen() {
            let address = address.map_or(0, |address| self.addresses.of(&address) + 1);
            let agent = agent.as_ref().map_or(0, |agent| self.texts.of(agent) + 1);
            put(&mut self.tokens, address);
            put(&mut self.tokens, agent);
            self.times(times);
        }
        for (privilege, at) in gathered.demands() {
            let privilege = self.texts.of(privilege);
            put(&mut self.tokens, privilege);
            self.at(*at);
        }
        for (Hour(hour), tally) in gathered.checks() {
            put_signed(&mut self.tokens, hour.wrapping_sub(Hour::of(Instant::from_millis(self.from)).0));
            let which = Outcome::ALL.map(|outcome| tally.of(outcome) > 0);
            let mask = which.into_iter().rev().fold(0, |mask, there| mask << 1 | u8::from(there));
            self.tokens.push(mask);
            for outcome in Outcome::ALL.into_iter().filter(|outcome| tally.of(*outcome) > 0) {
                put(&mut self.tokens, tally.of(outcome));
            }
        }
        if let Some(others) = gathered.others() {
            self.times(others);
        }
        if let Some(at) = gathered.openly() {
            self.at(at);
        }
    }
}

/// Packs some tokens.
pub(super) fn pack(tokens: &[(TokenId, Arc<Gathered>)]) -> Vec<u8> {
    let from = tokens.iter().find_map(|(_, gathered)| Some(gathered.times()?.first_at.millis()));
    let mut packer = Packer {
        texts: Places(HashMap::new(), Vec::new()),
        addresses: Places(HashMap::new(), Vec::new()),
        from: from.unwrap_or_default(),
        tokens: Vec::with_capacity(tokens.len() * 40),
    };
    for (token, gathered) in tokens {
        packer.add(*token, gathered);
    }
    let Packer { texts: Places(_, texts), addresses: Places(_, addresses), from, tokens: entries } = packer;
    let mut bytes = vec![VERSION];
    put(&mut bytes, texts.len() as u64);
    for text in &texts {
        put(&mut bytes, text.len() as u64);
        bytes.extend(text.as_bytes());
    }
    put(&mut bytes, addresses.len() as u64);
    for address in &addresses {
        match address {
            IpAddr::V4(address) => {
                bytes.push(4);
                bytes.extend(address.octets());
            }
            IpAddr::V6(address) => {
                bytes.push(6);
                bytes.extend(address.octets());
            }
        }
    }
    put_signed(&mut bytes, from);
    put(&mut bytes, tokens.len() as u64);
    bytes.extend(entries);
    bytes
}

/// Reads what was packed, a token at a time.
pub(super) struct Unpack<'b> {
    bytes: &'b [u8],
    texts: Vec<Arc<str>>,
    addresses: Vec<IpAddr>,
    from: i64,
    left: u64,
}

impl<'b> Unpack<'b> {
    /// From the beginning; `None` where it isn't what [`pack`] makes. So many bytes that aren't ours cost no more than
    /// themselves.
    pub(super) fn new(bytes: &'b [u8]) -> Option<Self> {
        let mut unpack = Self { bytes, texts: Vec::new(), addresses: Vec::new(), from: 0, left: 0 };
        if unpack.byte()? != VERSION {
            return None;
        }
        for _ in 0..unpack.number()? {
            let length = usize::try_from(unpack.number()?).ok()?;
            let text = std::str::from_utf8(unpack.cut(length)?).ok()?;
            unpack.texts.push(text.into());
        }
        for _ in 0..unpack.number()? {
            let address = match unpack.byte()? {
                4 => IpAddr::from(<[u8; 4]>::try_from(unpack.cut(4)?).ok()?),
                6 => IpAddr::from(<[u8; 16]>::try_from(unpack.cut(16)?).ok()?),
                _ => return None,
            };
            unpack.addresses.push(address);
        }
        unpack.from = unpack.signed()?;
        unpack.left = unpack.number()?;
        Some(unpack)
    }

    fn cut(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.cut(1)?[0])
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn at(&mut self) -> Option<Instant> {
        Some(Instant::from_millis(self.signed()?.wrapping_add(self.from)))
    }

    fn times(&mut self) -> Option<Times> {
        let first_at = self.at()?;
        let last_at = Instant::from_millis(first_at.millis().wrapping_add(self.signed()?));
        Some(Times { first_at, last_at, count: self.number()? })
    }

    fn place(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn token(&mut self) -> Option<(TokenId, Gathered)> {
        let token = TokenId::from_bytes(self.cut(16)?.try_into().ok()?);
        let mut gathered = Gathered::default();
        let bits = self.byte()?;
        let mut counts = [0; 3];
        for (at, count) in counts.iter_mut().enumerate() {
            *count = u64::from(bits >> (2 * at) & MORE);
        }
        for count in counts.iter_mut().filter(|count| **count == u64::from(MORE)) {
            *count = self.number()?;
        }
        for _ in 0..counts[0] {
            let address = match self.place()? {
                0 => None,
                place => Some(*self.addresses.get(place - 1)?),
            };
            let agent = match self.place()? {
                0 => None,
                place => Some(Arc::clone(self.texts.get(place - 1)?)),
            };
            gathered.add_seen(Seen { address, agent, times: self.times()? });
        }
        for _ in 0..counts[1] {
            let place = self.place()?;
            let privilege = Arc::clone(self.texts.get(place)?);
            gathered.add_demand(privilege, self.at()?);
        }
        for _ in 0..counts[2] {
            let hour = self.signed()?.wrapping_add(Hour::of(Instant::from_millis(self.from)).0);
            let mask = self.byte()?;
            let mut tally = Tally::default();
            for (at, outcome) in Outcome::ALL.into_iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1) {
                let _ = at;
                tally = tally.with(outcome, self.number()?);
            }
            gathered.add_checks(Hour(hour), &tally);
        }
        if bits & OTHERS != 0 {
            gathered.add_others(&self.times()?);
        }
        if bits & OPENLY != 0 {
            gathered.add_openly(self.at()?);
        }
        Some((token, gathered))
    }
}

impl Iterator for Unpack<'_> {
    type Item = (TokenId, Gathered);

    /// The next token; ends early where the rest isn't what [`pack`] makes.
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let token = self.token();
        if token.is_none() {
            self.left = 0;
        }
        token
    }
}
