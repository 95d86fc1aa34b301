//! The file of the log read: each line is checked, and what the database knows already is read no further.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
    thread,
};

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
const STRETCH: u64 = 4 << 20;

/// How much of it is read at a time, in bytes.
const PIECE: usize = 128 * 1024;

/// No line's link begins further before its end, in bytes.
const LINK: u64 = 128;

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
    let file = match options().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let length = file.metadata().map_err(failed("look at", path))?.len().div_ceil(threads);
    check(file, key, known, length.max(STRETCH)).map(Some).map_err(failed("read", path))
}

/// Checks stretches that are so long, each on a thread of its own: a line needs but the link before it.
fn check(file: File, key: &Linker, known: i64, length: u64) -> io::Result<Found> {
    let whole = file.metadata()?.len();
    let stretches = (0..whole.div_ceil(length)).map(|at| at * length..whole.min((at + 1) * length));
    let checked = thread::scope(|scope| {
        let check = |stretch| scope.spawn(|| Stretch::check(&file, key, known, stretch));
        let threads: Vec<_> = stretches.map(check).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("no line makes it panic");
        threads.into_iter().map(join).collect::<io::Result<Vec<_>>>()
    })?;
    let end = End { length: 0, sequence: 0, link: NOTHING };
    let mut found =
        Found { file, records: Vec::new(), first: NOTHING, end, sound: 0, broken_at: None, lines: 0 };
    for stretch in checked {
        if found.sound == found.lines && stretch.sound > 0 {
            if found.sound == 0 {
                found.first = stretch.first;
            }
            found.sound += stretch.sound;
            found.records.extend(stretch.records);
            found.end = End { length: found.end.length + stretch.end.length, ..stretch.end };
        }
        found.lines += stretch.lines;
    }
    found.broken_at = (found.sound < found.lines || found.lines == 0).then_some(found.sound + 1);
    Ok(found)
}

/// The lines that begin in some part of the file, and what is sound of them, from the first one on.
struct Stretch {
    lines: usize,
    first: Digest,
    records: Vec<Record>,
    sound: usize,
    /// Its length is that of these lines.
    end: End,
}

/// The file from some place on.
struct From<'a>(&'a File, u64);

impl Read for From<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(into, self.1)?;
        self.1 += read as u64;
        Ok(read)
    }
}

impl Stretch {
    fn check(file: &File, key: &Linker, known: i64, part: Range<u64>) -> io::Result<Self> {
        let mut at = part.start.saturating_sub(LINK);
        let mut text = BufReader::with_capacity(PIECE, From(file, at));
        let mut line = Vec::new();
        // The last one without its end: a crash came in the midst of it, and nobody was answered.
        let mut next = |line: &mut Vec<u8>| {
            line.clear();
            let length = text.read_until(b'\n', line)? as u64;
            Ok::<_, io::Error>(line.pop_if(|byte| *byte == b'\n').map(|_| length))
        };
        let mut before = NOTHING;
        while at < part.start
            && let Some(length) = next(&mut line)?
        {
            // Where it has none it isn't sound, and nothing after it counts.
            before = Record::link_of(&line).unwrap_or(NOTHING);
            at += length;
        }
        let end = End { length: 0, sequence: 0, link: before };
        let mut stretch = Self { lines: 0, first: NOTHING, records: Vec::new(), sound: 0, end };
        while at < part.end
            && let Some(length) = next(&mut line)?
        {
            if stretch.sound == stretch.lines {
                stretch.take(&line, length, key, known);
            }
            stretch.lines += 1;
            at += length;
        }
        Ok(stretch)
    }

    /// Takes a line that is sound.
    fn take(&mut self, text: &[u8], length: u64, key: &Linker, known: i64) -> Option<()> {
        let link = key.check(text, &self.end.link)?;
        let sequence = Record::sequence_of(text)?;
        if sequence > known {
            self.records.push(Record::read(text)?);
        }
        if self.sound == 0 {
            self.first = link;
        }
        self.sound += 1;
        self.end = End { length: self.end.length + length, sequence, link };
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

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
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(bytes, 0).unwrap();
            check(file, &key, known, length).unwrap()
        };
        let whole = lines.concat();
        for length in [40, 150, 400, 1_000, 10_000] {
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
