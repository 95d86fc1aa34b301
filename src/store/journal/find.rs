//! The file of the log read: each line is checked, and what the database knows already is read no further.

use std::{
    fs::File,
    io::{self, Read as _},
    mem,
    path::Path,
    thread,
};

use memchr::{memchr, memchr_iter, memrchr};

use super::{
    super::schema::OpenError,
    End,
    file::{failed, options},
};
use crate::core::{
    journal::{Linker, Record},
    keys::Digest,
};

/// What stands before the first line.
pub(super) const NOTHING: Digest = Digest([0; 32]);

/// As much of a log as is worth a thread of its own, in bytes: some milliseconds.
const STRETCH: usize = 4 << 20;

/// What a file holds, up to the first line that isn't sound.
pub(super) struct Found {
    pub(super) file: File,
    /// Those that were asked for.
    pub(super) records: Vec<Record>,
    pub(super) first: Digest,
    pub(super) end: End,
    /// How many lines are sound.
    pub(super) sound: usize,
    /// The first line that isn't sound.
    pub(super) broken_at: Option<usize>,
    /// How many lines there are, sound or not; one without an end is none.
    pub(super) lines: usize,
}

impl Found {
    /// Whether it is the log whose first line has this HMAC.
    pub(super) fn is_log(&self, log: &Digest) -> bool {
        self.sound > 0 && self.first.matches(log)
    }
}

/// Checks each line of the file, and reads what comes after the record `known`; nothing where there is no file.
pub(super) fn find(path: &Path, key: &Linker, known: i64) -> Result<Option<Found>, OpenError> {
    let mut file = match options().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed("read", path))?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    Ok(Some(check(file, &bytes, key, known, STRETCH.max(bytes.len().div_ceil(threads)))))
}

/// Checks stretches of the lines that are so long, each on a thread of its own: a line needs but the link before it.
fn check(file: File, bytes: &[u8], key: &Linker, known: i64, length: usize) -> Found {
    // The last one without its end: a crash came in the midst of it, and nobody was answered.
    let bytes = &bytes[..memrchr(b'\n', bytes).map_or(0, |end| end + 1)];
    let checked: Vec<Checked> = thread::scope(|scope| {
        let threads: Vec<_> =
            stretches(bytes, length).map(|stretch| scope.spawn(move || stretch.check(key, known))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no line makes a check panic")).collect()
    });
    let end = End { length: 0, sequence: 0, link: NOTHING };
    let lines = memchr_iter(b'\n', bytes).count();
    let mut found =
        Found { file, records: Vec::new(), first: NOTHING, end, sound: 0, broken_at: None, lines };
    for stretch in checked {
        if found.sound == 0 {
            found.first = stretch.first;
        }
        found.sound += stretch.sound;
        found.records.extend(stretch.records);
        found.end = End { length: found.end.length + stretch.end.length, ..stretch.end };
        if !stretch.is_whole {
            break;
        }
    }
    found.broken_at = (found.sound < lines || lines == 0).then_some(found.sound + 1);
    found
}

/// Whole lines of a log, one after the other, and the link of the line before them.
struct Stretch<'a> {
    lines: &'a [u8],
    before: Digest,
}

/// What is sound of a stretch, from its beginning on.
struct Checked {
    first: Digest,
    records: Vec<Record>,
    sound: usize,
    is_whole: bool,
    /// Its length is that in the stretch.
    end: End,
}

/// Parts lines into stretches that are so long, and to the end of a line.
fn stretches(mut lines: &[u8], length: usize) -> impl Iterator<Item = Stretch<'_>> {
    let mut before = NOTHING;
    std::iter::from_fn(move || {
        let end = lines.get(length..).and_then(|rest| memchr(b'\n', rest));
        let (stretch, rest) = lines.split_at(end.map_or(lines.len(), |end| length + end + 1));
        lines = rest;
        let stretch = Stretch { lines: stretch, before: mem::replace(&mut before, last_link(stretch)) };
        (!stretch.lines.is_empty()).then_some(stretch)
    })
}

/// The link of the last line. Where it has none it isn't sound, and nothing after it counts.
fn last_link(lines: &[u8]) -> Digest {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let last = memrchr(b'\n', lines).map_or(lines, |end| &lines[end + 1..]);
    Record::link_of(last).unwrap_or(NOTHING)
}

impl Stretch<'_> {
    fn check(self, key: &Linker, known: i64) -> Checked {
        let Self { mut lines, before } = self;
        let end = End { length: 0, sequence: 0, link: before };
        let mut checked = Checked { first: NOTHING, records: Vec::new(), sound: 0, is_whole: false, end };
        while let Some(length) = memchr(b'\n', lines) {
            let text = &lines[..length];
            let Some(link) = key.check(text, &checked.end.link) else { return checked };
            let Some(sequence) = Record::sequence_of(text) else { return checked };
            if sequence > known {
                let Some(record) = Record::read(text) else { return checked };
                checked.records.push(record);
            }
            if checked.sound == 0 {
                checked.first = link;
            }
            checked.sound += 1;
            checked.end = End { length: checked.end.length + length as u64 + 1, sequence, link };
            lines = &lines[length + 1..];
        }
        checked.is_whole = true;
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, NOTHING, check};
    use crate::core::{
        journal::{Fate, Key, Record},
        time::Instant,
    };

    #[test]
    fn a_flaw_is_found_in_whichever_stretch_it_is() {
        let key = Key::new([1; 32]).linker();
        let (mut lines, mut before) = (Vec::new(), NOTHING);
        for sequence in 1..=9 {
            let record = Record { sequence, at: Instant::from_millis(sequence), fate: Fate::Begun([3; 16]) };
            let (mut text, link) = key.write(&record, &before);
            text.push('\n');
            before = link;
            lines.push(text.into_bytes());
        }
        let found = |bytes: &[u8], known, length| -> Found {
            check(tempfile::tempfile().unwrap(), bytes, &key, known, length)
        };
        let whole = lines.concat();
        for length in [1, 150, 400, 1_000, 10_000] {
            let sound = found(&whole, 6, length);
            assert_eq!((sound.broken_at, sound.sound, sound.lines), (None, 9, 9), "{length}");
            assert_eq!((sound.end.length, sound.end.sequence), (whole.len() as u64, 9));
            assert!(sound.end.link == before && sound.first == found(&lines[0], 0, length).end.link);
            let sequences: Vec<_> = sound.records.iter().map(|record| record.sequence).collect();
            assert_eq!(sequences, [7, 8, 9], "what is known isn't read");

            for at in 0..lines.len() {
                let mut harmed = lines.clone();
                harmed[at][20] ^= 1;
                let mut without = lines.clone();
                without.remove(at);
                let mut nonsense = lines.clone();
                nonsense[at] = b"nonsense\n".to_vec();
                for (what, lines) in [("harmed", harmed), ("without", without), ("nonsense", nonsense)] {
                    let found = found(&lines.concat(), 0, length);
                    let broken_at = (at < lines.len()).then_some(at + 1);
                    assert_eq!((found.broken_at, found.sound), (broken_at, at), "{what} {at}, {length}");
                    assert_eq!(found.end.length, lines[..at].concat().len() as u64);
                    assert_eq!(found.records.len(), at);
                }
            }
        }
        let cut = found(&whole[..whole.len() - 1], 0, 200);
        assert_eq!((cut.broken_at, cut.sound), (None, 8), "a line without an end is none");
        let empty = found(b"", 0, 200);
        assert_eq!((empty.broken_at, empty.sound), (Some(1), 0));
    }
}
