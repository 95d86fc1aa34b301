//! The pepper file: a line for each pepper, the highest of them current, and what is left of those that are retired.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{RECORD, subkey};

/// Which line of the pepper file a digest or seal was made with.
pub type PepperId = u32;

/// The word that a retired pepper's line begins with.
const RETIRED: &str = "retired ";

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
struct Line {
    id: PepperId,
    key: [u8; 32],
}

/// What is left of a pepper that no token needs any more: the subkeys of the record.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Retired {
    id: PepperId,
    keys: [[u8; 32]; 3],
}

impl Retired {
    fn of(line: &Line) -> Self {
        Self { id: line.id, keys: RECORD.map(|purpose| *subkey(&line.key, purpose)) }
    }
}

/// The content of `pepper.key`: keys by id; the highest id is the one that new digests are made with.
#[derive(Clone)]
pub struct Pepper {
    lines: Vec<Line>,
    retired: Vec<Retired>,
}

impl Pepper {
    /// A first pepper out of fresh random bytes.
    pub fn generate(random: [u8; 32]) -> Self {
        Self { lines: vec![Line { id: 1, key: random }], retired: Vec::new() }
    }

    /// Reads a file: one `id key` a line, empty lines and `#` comments apart, and `retired id key key key`.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let mut pepper = Self { lines: Vec::new(), retired: Vec::new() };
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = PepperError::Line(at);
            let (of_retired, line) = line.strip_prefix(RETIRED).map_or((false, line), |rest| (true, rest));
            let (id, keys) = line.split_once(' ').ok_or(wrong)?;
            let id = id.parse().ok().filter(|id| *id > 0).ok_or(wrong)?;
            if pepper.ids().any(|known| known == id) {
                return Err(PepperError::Repeated(at));
            }
            if of_retired {
                let mut keys = keys.split_ascii_whitespace().map(key);
                let mut next = || keys.next().flatten().ok_or(wrong);
                let retired = Retired { id, keys: [next()?, next()?, next()?] };
                pepper.retired.push(retired);
                if keys.next().is_some() {
                    return Err(wrong);
                }
            } else {
                pepper.lines.push(Line { id, key: key(keys.trim()).ok_or(wrong)? });
            }
        }
        pepper.lines.sort_by_key(|line| line.id);
        if pepper.lines.is_empty() { Err(PepperError::Empty) } else { Ok(pepper) }
    }

    /// Every id that was ever given, as far as the file says.
    fn ids(&self) -> impl Iterator<Item = PepperId> {
        self.lines.iter().map(|line| line.id).chain(self.retired.iter().map(|line| line.id))
    }

    /// The same with one line more, which is the current one from then on; and that line's text.
    pub fn rotated(&self, random: [u8; 32]) -> (Self, Zeroizing<String>) {
        let id = self.ids().max().unwrap_or(0) + 1;
        let mut rotated = self.clone();
        let line = Line { id, key: random };
        let text = line_text(&line);
        rotated.lines.push(line);
        (rotated, text)
    }

    /// The same with a pepper cut down to what the record of events is proven with, and that line's text; `None` for one
    /// that isn't there, is retired already, or is the current one.
    pub fn without(&self, id: PepperId) -> Option<(Self, Zeroizing<String>)> {
        let at = self.lines.iter().position(|line| line.id == id).filter(|at| at + 1 < self.lines.len())?;
        let mut left = self.clone();
        let line = left.lines.remove(at);
        let retired = Retired::of(&line);
        let text = retired_text(&retired);
        left.retired.push(retired);
        Some((left, text))
    }

    /// The text of the current line.
    pub fn last_line(&self) -> Zeroizing<String> {
        line_text(self.lines.last().expect("a pepper has a line at least"))
    }

    /// The lines of this one that are missing in another; `None` where that one has another key by the same id, or only what
    /// is left of one that checks tokens here.
    pub fn lines_beyond(&self, other: Option<&Self>) -> Option<Vec<Zeroizing<String>>> {
        let mut missing = Vec::new();
        let (lines, retired) = other.map_or((&[][..], &[][..]), |other| (&other.lines, &other.retired));
        for line in &self.lines {
            match lines.iter().find(|known| known.id == line.id) {
                Some(known) if same(&known.key, &line.key) => {}
                None if retired.iter().all(|known| known.id != line.id) => missing.push(line_text(line)),
                _ => return None,
            }
        }
        for line in &self.retired {
            let live = lines.iter().find(|known| known.id == line.id).map(Retired::of);
            match live.as_ref().or_else(|| retired.iter().find(|known| known.id == line.id)) {
                Some(known) if same(known.keys.as_flattened(), line.keys.as_flattened()) => {}
                None => missing.push(retired_text(line)),
                Some(_) => return None,
            }
        }
        Some(missing)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (PepperId, &[u8; 32])> {
        self.lines.iter().map(|line| (line.id, &line.key))
    }

    pub(super) fn retired(&self) -> impl Iterator<Item = (PepperId, [&[u8; 32]; 3])> {
        self.retired.iter().map(|line| (line.id, line.keys.each_ref()))
    }

    /// The text of the file.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        // Room for all of it: a growing string would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(256 * (1 + self.ids().count())));
        text.push_str(
            "# jeton's pepper: without it no token in the database can be checked. Keep a copy apart from the backups.\n",
        );
        for line in &self.lines {
            text.push_str(&line_text(line));
            text.push('\n');
        }
        for line in &self.retired {
            text.push_str(&retired_text(line));
            text.push('\n');
        }
        text
    }
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

fn key(digits: &str) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(digits).ok()?);
    bytes.as_slice().try_into().ok()
}

fn line_text(line: &Line) -> Zeroizing<String> {
    let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(line.key));
    Zeroizing::new(format!("{} {}", line.id, key.as_str()))
}

fn retired_text(line: &Retired) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("{RETIRED}{}", line.id));
    for key in &line.keys {
        text.push(' ');
        text.push_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(key)));
    }
    text
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Keyring, Pepper, PepperError};
    use crate::core::{id::TokenId, keys::Digest, secret::Secret};

    #[test]
    fn a_pepper_file_reads_back_and_the_highest_id_is_current() {
        let text = Pepper::generate([3; 32]).to_file_text();
        let two = format!("{}\n\n# more\n7 {}\r\n", text.as_str(), "A".repeat(43));
        let keys = Keyring::new(&Pepper::parse(&two).expect("two lines"));
        assert_eq!(keys.ids().collect::<Vec<_>>(), [1, 7]);
        assert_eq!(keys.current(), 7);
    }

    #[test]
    fn what_one_file_has_beyond_another_is_told_unless_they_differ() {
        let first = Pepper::generate([3; 32]);
        let (two, second) = first.rotated([4; 32]);
        let (left, retired) = two.without(1).expect("an older one");
        let beyond = |of: &Pepper, there: Option<&Pepper>| -> Option<Vec<String>> {
            Some(of.lines_beyond(there)?.iter().map(|line| line.to_string()).collect())
        };
        let lines = |lines: &[&str]| Some(lines.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (of, there) in [(&first, &first), (&first, &two), (&left, &left), (&left, &two)] {
            assert_eq!(beyond(of, Some(there)), lines(&[]));
        }
        assert_eq!(beyond(&two, Some(&first)), lines(&[&second]));
        assert_eq!(beyond(&left, None), lines(&[&second, &retired]));
        let other = Pepper::generate([5; 32]);
        for (of, there) in [(&first, &other), (&two, &other), (&left, &other), (&first, &left), (&two, &left)]
        {
            assert_eq!(beyond(of, Some(there)), None);
        }
    }

    #[test]
    fn a_broken_pepper_file_is_refused_by_its_line() {
        let error = |text: &str| Pepper::parse(text).err();
        assert_eq!(error("\n# x\n"), Some(PepperError::Empty));
        for text in ["1", "1 short", "retired 1 AAAA", "retired 1"] {
            assert_eq!(error(text), Some(PepperError::Line(1)), "{text}");
        }
        assert_eq!(error(&format!("0 {}", "A".repeat(43))), Some(PepperError::Line(1)));
        let twice = format!("1 {0}\n1 {0}\n", "A".repeat(43));
        assert_eq!(error(&twice), Some(PepperError::Repeated(2)));
        let again = format!("1 {0}\nretired 1 {0} {0} {0}\n", "A".repeat(43));
        assert_eq!(error(&again), Some(PepperError::Repeated(2)));
        assert_eq!(error(&format!("retired 1 {0} {0} {0}\n", "A".repeat(43))), Some(PepperError::Empty));
    }

    #[test]
    fn a_retired_pepper_proves_events_and_checks_no_token() {
        let first = Pepper::generate([3; 32]);
        let (two, line) = first.rotated([4; 32]);
        assert!(line.starts_with("2 ") && two.to_file_text().contains(line.as_str()));
        assert!(two.without(2).is_none() && two.without(3).is_none() && first.without(1).is_none());
        let (left, line) = two.without(1).expect("an older one");
        let text = left.to_file_text();
        assert!(line.starts_with("retired 1 ") && text.contains(line.as_str()));
        let (before, after) =
            (Keyring::new(&two), Keyring::new(&Pepper::parse(&text).expect("its own text")));
        assert_eq!((after.current(), after.ids().collect::<Vec<_>>()), (2, vec![2]));
        let chained = |keys: &Keyring| keys.link(1, &Digest([1; 32])).expect("pepper 1").finish();
        assert!(chained(&before).matches(&chained(&after)));
        let check = |keys: &Keyring| keys.check_value(1, &[7; 16]).expect("pepper 1");
        assert!(check(&before).matches(&check(&after)));
        let address = |keys: &Keyring| keys.address_digest(1, 1, "::1").expect("pepper 1");
        assert!(address(&before).matches(&address(&after)));
        assert!(after.digest(1, TokenId::from_bytes([1; 16]), &Secret::from_bytes([2; 32])).is_none());
        assert!(after.seal(1, "tokens").is_none());
        assert!(left.rotated([5; 32]).1.starts_with("3 "));
    }
}
