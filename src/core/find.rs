//! Finding whole tokens in whatever bytes there are: text, programs, escaped or in UTF-16, a stretch at a time.

use memchr::{memchr_iter, memmem};
use zeroize::Zeroizing;

use super::token::{LENGTH, PREFIX, Presented, hint};

/// What a token begins with, before its first underscore; in UTF-16 of either order with zeros between.
const NARROW: &[u8] = b"jtn";
const WIDE: &[u8] = b"j\0t\0n";

/// How an underscore may be spelled: as it is, in URLs (once and twice over), JSON, programs, Markdown and HTML.
const UNDERSCORES: [&[u8]; 10] =
    [b"_", b"%5F", b"%5f", b"%255F", b"%255f", b"\\u005f", b"\\u005F", b"\\x5f", b"\\_", b"&#95;"];

const ID_DIGITS: usize = 22;
/// The secret's and the checksum's.
const REST_DIGITS: usize = 49;

/// The most characters that a token takes, and one more that shows where it ends.
const MOST: usize = NARROW.len() + 6 + ID_DIGITS + 6 + REST_DIGITS + 1;
/// How many characters before a token are looked at.
const BEFORE: usize = 10;

/// A token that was found.
#[derive(Debug)]
pub struct Found {
    /// Where it begins, in bytes from the beginning.
    pub offset: u64,
    /// In which line, the first being 1.
    pub line: u64,
    /// How many bytes it takes.
    pub length: usize,
    /// The token.
    pub token: Presented,
}

/// Finds tokens in what it is fed, whatever the borders of the stretches; it keeps no more than one of them.
///
/// A token is one if its checksum fits and, in text, no digit of base 62 stands before or after it, but for one that
/// belongs to an escape, or is the length that some formats write before a text of 76 bytes. In a binary nothing need
/// stand between two texts.
pub struct Finder {
    narrow: memmem::Finder<'static>,
    wide: memmem::Finder<'static>,
    in_text: bool,
    /// What isn't done with, the last of it looked at again with what comes next.
    buffer: Zeroizing<Vec<u8>>,
    /// Where the buffer begins, and how many lines end before that.
    offset: u64,
    lines: u64,
    /// Up to where in the buffer beginnings were looked for.
    done: usize,
}

impl Finder {
    /// One for text.
    pub fn in_text() -> Self {
        Self {
            in_text: true,
            narrow: memmem::Finder::new(NARROW),
            wide: memmem::Finder::new(WIDE),
            buffer: Zeroizing::new(Vec::new()),
            offset: 0,
            lines: 0,
            done: 0,
        }
    }

    /// One for what isn't text.
    pub fn in_binary() -> Self {
        Self { in_text: false, ..Self::in_text() }
    }

    /// Goes on with a stretch; what begins at its end and may go on is told with the next.
    pub fn feed(&mut self, stretch: &[u8], found: &mut dyn FnMut(Found)) {
        self.buffer.extend_from_slice(stretch);
        let until = self.buffer.len().saturating_sub(2 * MOST);
        if until > self.done {
            self.look(until, found);
        }
    }

    /// There is no more.
    pub fn finish(mut self, found: &mut dyn FnMut(Found)) {
        self.look(self.buffer.len(), found);
    }

    fn look(&mut self, until: usize, found: &mut dyn FnMut(Found)) {
        let (done, buffer) = (self.done, self.buffer.as_slice());
        let mut starts = Vec::new();
        for (finder, stride) in [(&self.narrow, 1), (&self.wide, 2)] {
            let all = finder.find_iter(&buffer[done..]).map(|at| done + at);
            starts.extend(all.take_while(|at| *at < until).map(|at| (at, stride)));
        }
        starts.sort_unstable();
        let (mut lines, mut counted) = (self.lines, 0);
        for (at, stride) in starts {
            if let Some((token, length)) = token_at(buffer, at, stride, self.in_text) {
                lines += newlines(&buffer[counted..at]);
                counted = at;
                let offset = self.offset + at as u64;
                found(Found { offset, line: lines + 1, length, token });
            }
        }
        let gone = until.saturating_sub(2 * BEFORE);
        self.lines += newlines(&buffer[..gone]);
        self.offset += gone as u64;
        self.done = until - gone;
        let kept = self.buffer.len() - gone;
        self.buffer.copy_within(gone.., 0);
        self.buffer.truncate(kept);
    }
}

/// A text with each token in it cut to what may be shown of one, whatever stands before and after it.
pub fn redacted(text: &str) -> String {
    let (mut shown, mut from) = (String::with_capacity(text.len()), 0);
    for found in every(Finder::in_binary(), text.as_bytes()) {
        // A token is ASCII, so both its ends are borders of characters.
        let at = usize::try_from(found.offset).unwrap_or(usize::MAX);
        shown.push_str(text.get(from..at).unwrap_or_default());
        shown.push_str(&hint(found.token.id));
        from = at + found.length;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

/// Every token in a text that is there whole.
pub fn all(text: &[u8]) -> Vec<Found> {
    every(Finder::in_text(), text)
}

fn every(mut finder: Finder, bytes: &[u8]) -> Vec<Found> {
    let mut tokens = Vec::new();
    finder.feed(bytes, &mut |found| tokens.push(found));
    finder.finish(&mut |found| tokens.push(found));
    tokens
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// The token that begins at `at`, and how many bytes it takes; each character takes `stride` bytes, one of them its own.
fn token_at(buffer: &[u8], at: usize, stride: usize, in_text: bool) -> Option<(Presented, usize)> {
    let mut word = Zeroizing::new([0; MOST]);
    let mut length = 0;
    for (place, character) in word.iter_mut().enumerate() {
        let at = at + place * stride;
        let follows = stride == 1 || place == 0 || buffer.get(at - 1) == Some(&0);
        let Some(byte) = buffer.get(at).filter(|_| follows) else { break };
        *character = *byte;
        length += 1;
    }
    let (token, characters) = whole(&word[..length])?;
    let found = Some((token, (characters - 1) * stride + 1));
    if !in_text {
        return found;
    }
    if word[..length].get(characters).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut before = [0; BEFORE];
    for (place, character) in before.iter_mut().rev().enumerate() {
        let gap = at.checked_sub(place * stride + 1);
        let at = at.checked_sub((place + 1) * stride);
        let follows = stride == 1 || gap.is_some_and(|gap| buffer[gap] == 0);
        let Some(at) = at.filter(|_| follows) else { break };
        *character = buffer[at];
    }
    found.filter(|_| !goes_on_from(before))
}

/// Reads a token off the beginning of `word`, and how many characters it takes there.
fn whole(word: &[u8]) -> Option<(Presented, usize)> {
    let (id, rest) = after_underscore(word.get(NARROW.len()..)?)?.split_at_checked(ID_DIGITS)?;
    let (digits, rest) = after_underscore(rest)?.split_at_checked(REST_DIGITS)?;
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    text.push_str(PREFIX);
    text.push_str(str::from_utf8(id).ok()?);
    text.push('_');
    text.push_str(str::from_utf8(digits).ok()?);
    Some((Presented::parse(&text)?, word.len() - rest.len()))
}

fn after_underscore(text: &[u8]) -> Option<&[u8]> {
    UNDERSCORES.iter().find_map(|spelling| text.strip_prefix(*spelling))
}

/// Whether what stands before a token makes it the end of a longer word.
fn goes_on_from(before: [u8; BEFORE]) -> bool {
    if !before[BEFORE - 1].is_ascii_alphanumeric() {
        return false;
    }
    let hex = |count: usize| before[BEFORE - count..].iter().all(u8::is_ascii_hexdigit);
    let belongs_to_something_else = match before {
        // `%3D`, `\x3d` and `\u003d`.
        [.., b'%', _, _] | [.., b'\\', b'x' | b'X', _, _] if hex(2) => true,
        [.., b'\\', b'u' | b'U', _, _, _, _] if hex(4) => true,
        // `\n` and the like.
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'a' | b'e' | b'0'] => true,
        // The length, 76, where no other letter stands.
        [.., other, b'L'] => !other.is_ascii_alphanumeric() && other != b'_',
        // A terminal's colour.
        [.., b'm'] => {
            let digits = before[..BEFORE - 1].iter().rposition(|byte| !matches!(byte, b'0'..=b'9' | b';'));
            digits.is_some_and(|at| before[at] == b'[')
        }
        _ => false,
    };
    !belongs_to_something_else
}

#[cfg(test)]
mod tests {
    use super::{Finder, all, redacted};
    use crate::core::{id::TokenId, secret::Secret, token::Presented};

    fn token(seed: u8) -> String {
        let id = TokenId::from_bytes([seed; 16]);
        let secret = Secret::from_bytes([seed.wrapping_mul(31); 32]);
        Presented { id, secret, number: None }.reveal().expose().to_owned()
    }

    fn wide(text: &str, little: bool) -> Vec<u8> {
        let units = text.encode_utf16();
        units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn a_token_is_found_however_it_is_wrapped_and_spelled() {
        let token = token(7);
        let spelled = |underscore: &str| token.replace('_', underscore);
        for text in [
            token.clone(),
            format!("secret-token:{token}"),
            format!("idt:TKN-6180-3400:{token}"),
            format!("\"{token}\""),
            format!("TOKEN_{token}_"),
            format!("a=b%26token%3D{token}&c"),
            format!("token%3d{}%26c", spelled("%5F")),
            spelled("%255f"),
            format!(r"{{\u0022token\u0022:\u0022{}\u0022}}", spelled(r"\u005f")),
            format!(r"line\n{token}\n"),
            format!(r"\x3a{token}\x3a"),
            spelled(r"\_"),
            spelled("&#95;"),
            format!("\u{1b}[1;31m{token}\u{1b}[0m"),
            // A text of 76 bytes in protobuf, MessagePack or Java's.
            format!("\u{12}L{token}\u{1a}"),
            format!("ü{token}ü"),
        ] {
            for bytes in [text.as_bytes().to_vec(), wide(&text, true), wide(&text, false)] {
                let found = all(&bytes);
                assert_eq!(found.len(), 1, "{text}");
                assert_eq!(found[0].token.reveal().expose(), token);
                let lead = text.find("jtn").unwrap();
                let lead = text[..lead].chars().count();
                assert!(found[0].offset >= lead as u64, "{text}");
            }
        }
    }

    #[test]
    fn what_is_part_of_a_longer_word_or_misspelt_is_none() {
        let token = token(9);
        let mut wrong = token.clone().into_bytes();
        wrong[40] = if wrong[40] == b'A' { b'B' } else { b'A' };
        let wrong = String::from_utf8(wrong).unwrap();
        for text in [
            format!("x{token}"),
            format!("0{token}"),
            format!("xL{token}"),
            format!("_L{token}"),
            format!("bloom{token}"),
            format!("%zz{token}"),
            format!("{token}0"),
            format!("{token}Z"),
            wrong,
            token[..75].to_owned(),
            token.to_uppercase(),
            token.replacen("jtn_", "jtn-", 1),
            "jtn_".repeat(40),
            "jtn".to_owned(),
        ] {
            for bytes in [text.as_bytes().to_vec(), wide(&text, true), wide(&text, false)] {
                assert_eq!(all(&bytes).len(), 0, "{text}");
            }
        }
    }

    #[test]
    fn in_a_binary_texts_stand_side_by_side() {
        let bytes = format!("name{}{}rest", token(1), token(2));
        let mut found = Vec::new();
        let mut finder = Finder::in_binary();
        finder.feed(bytes.as_bytes(), &mut |hit| found.push(hit.offset));
        finder.finish(&mut |hit| found.push(hit.offset));
        assert_eq!(found, [4, 80]);
        assert!(all(bytes.as_bytes()).is_empty());
    }

    #[test]
    fn borders_of_stretches_change_nothing() {
        let (one, other) = (token(1), token(2));
        let text = format!("first\n{one}\n\n{}x\n{other}", "y".repeat(300));
        let place = text.find(&other).unwrap() as u64;
        for bytes in [text.as_bytes().to_vec(), wide(&text, true), wide(&text, false)] {
            let whole: Vec<_> = all(&bytes).iter().map(|found| (found.offset, found.line)).collect();
            assert_eq!(whole.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2, 5]);
            for size in [1, 2, 3, 7, 64, 76, 191, 400] {
                let mut found = Vec::new();
                let mut finder = Finder::in_text();
                for stretch in bytes.chunks(size) {
                    finder.feed(stretch, &mut |hit| found.push((hit.offset, hit.line)));
                }
                finder.finish(&mut |hit| found.push((hit.offset, hit.line)));
                assert_eq!(found, whole, "stretches of {size}");
            }
        }
        assert_eq!(all(text.as_bytes())[1].offset, place);
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let (one, other) = (token(3), token(4));
        let shown = redacted(&format!("a/{one}/ü/{}.txt", other.replace('_', "%5F")));
        assert_eq!(shown, format!("a/{}_…/ü/{}_….txt", &one[..26], &other[..26]));
        assert_eq!(redacted("nothing"), "nothing");
    }

    #[test]
    fn a_token_within_a_word_is_no_finding_and_is_redacted_all_the_same() {
        let token = token(5);
        let hint = format!("{}_…", &token[..26]);
        assert_eq!(redacted(&format!("?t=Z{token}&u")), format!("?t=Z{hint}&u"));
        assert_eq!(redacted(&format!("{token}{token}0")), format!("{hint}{hint}0"));
    }
}
