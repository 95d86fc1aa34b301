//! The file of the log: found, begun, made small.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

use super::{super::schema::OpenError, End};
use crate::core::{
    journal::{Fate, Key, Record},
    keys::Digest,
    time::Instant,
};

/// What stands before the first line.
const NOTHING: Digest = Digest([0; 32]);

/// A log that is larger is written anew at a start, if that makes it half as long. In bytes.
const LARGE: u64 = 4 << 20;

/// The file, and the HMAC of its first line, by which it is known.
type Opened = (File, Digest);

/// What a file holds, up to the first line that isn't sound.
pub(super) struct Found {
    file: File,
    pub(super) records: Vec<Record>,
    first: Digest,
    pub(super) end: End,
    /// The first line that isn't sound.
    pub(super) broken_at: Option<usize>,
    /// How many lines there are, sound or not; one without an end is none.
    pub(super) lines: usize,
}

impl Found {
    /// Whether it is the log whose first line has this HMAC.
    pub(super) fn is_log(&self, log: &Digest) -> bool {
        !self.records.is_empty() && self.first.matches(log)
    }
}

pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
    options.read(true).write(true).mode(0o600).custom_flags(flags);
    options
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::JournalFile { what, path, source }
}

/// Reads the file; nothing where there is none.
pub(super) fn find(path: &Path, key: &Key) -> Result<Option<Found>, OpenError> {
    let mut file = match options().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed("read", path))?;
    let end = End { length: 0, sequence: 0, link: NOTHING };
    let mut found = Found { file, records: Vec::new(), first: NOTHING, end, broken_at: None, lines: 0 };
    found.lines = memchr::memchr_iter(b'\n', &bytes).count();
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // The last one without its end: a crash came in the midst of it, and nobody was answered.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let read = std::str::from_utf8(line).ok().and_then(|line| key.read(line, &found.end.link));
        let fits = |record: &Record| {
            record.sequence > found.end.sequence && matches!(record.fate, Fate::Begun(_)) == (at == 0)
        };
        let Some((record, mac)) = read.filter(|(record, _)| fits(record)) else {
            found.broken_at = Some(at + 1);
            break;
        };
        if at == 0 {
            found.first = mac;
        }
        found.end =
            End { length: found.end.length + line.len() as u64 + 1, sequence: record.sequence, link: mac };
        found.records.push(record);
    }
    if found.records.is_empty() {
        found.broken_at = Some(1);
    }
    Ok(Some(found))
}

/// Begins a log with this first sequence, in the place of whatever is there.
pub(super) fn begin(
    path: &Path,
    key: &Key,
    sequence: i64,
    at: Instant,
    name: [u8; 16],
) -> Result<(Opened, End), OpenError> {
    write_whole(path, key, &[Record { sequence, at, fate: Fate::Begun(name) }])
}

/// Gives what is there another name.
pub(super) fn set_aside(path: &Path) -> Result<(), OpenError> {
    match fs::rename(path, path.with_extension("journal.old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("rename", path)(error)),
        _ => Ok(()),
    }
}

/// Puts these records of a copy in the place of what is there, which is kept under another name.
pub(super) fn adopt(path: &Path, key: &Key, records: &[Record]) -> Result<Found, OpenError> {
    set_aside(path)?;
    write_whole(path, key, records)?;
    Ok(find(path, key)?.expect("it was just written"))
}

/// Goes on with a sound log. What a crash left half-written goes; so does, where that helps, all but the last word on
/// each thing.
pub(super) fn compact(path: &Path, key: &Key, found: Found) -> Result<(Opened, End), OpenError> {
    compact_beyond(LARGE, path, key, found)
}

fn compact_beyond(large: u64, path: &Path, key: &Key, found: Found) -> Result<(Opened, End), OpenError> {
    let Found { file, records, first, end, .. } = found;
    if end.length > large {
        let last: HashMap<_, _> =
            records.iter().map(|record| (record.fate.about(), record.sequence)).collect();
        let is_last = |record: &Record| last[&record.fate.about()] == record.sequence;
        let kept: Vec<_> = records.iter().filter(|record| is_last(record)).cloned().collect();
        if kept.len() <= records.len() / 2 {
            return write_whole(path, key, &kept);
        }
    }
    let length = file.metadata().map_err(failed("look at", path))?.len();
    if length > end.length {
        let cut = file.set_len(end.length).and_then(|()| file.sync_all());
        cut.map_err(failed("write", path))?;
    }
    Ok(((file, first), end))
}

/// Puts a log with these records in the place of what is there: after a crash it is the old one or the new one.
fn write_whole(path: &Path, key: &Key, records: &[Record]) -> Result<(Opened, End), OpenError> {
    let mut end = End { length: 0, sequence: 0, link: NOTHING };
    let (mut text, mut first) = (String::new(), None);
    for record in records {
        let (written, link) = key.write(record, &end.link);
        text += &written;
        text.push('\n');
        first.get_or_insert(link);
        end = End { length: text.len() as u64, sequence: record.sequence, link };
    }
    let new = path.with_extension("journal.new");
    let written = || {
        let mut file = options().create(true).truncate(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_directory(path)?;
        Ok(file)
    };
    let file = written().map_err(failed("write", path))?;
    Ok(((file, first.unwrap_or(NOTHING)), end))
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().ok_or(Errno::NOENT)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{Fate, Found, Instant, Key, Record, begin, compact_beyond, find, set_aside, write_whole};
    use crate::core::{id::Id, journal::UserFate};

    fn user(sequence: i64, id: i64, active: bool) -> Record {
        let id = Id::parse_uuid(&format!("01890000-0000-7000-8000-0000000000{id:02x}")).unwrap();
        let fate = Fate::User(id, UserFate { active, operator: false, deleted_at: None });
        Record { sequence, at: Instant::from_millis(1_800_000_000_000), fate }
    }

    #[test]
    fn a_log_is_made_small_by_the_last_word_on_each_thing() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = (directory.path().join("jeton.journal"), Key::new([1; 32]));
        let ((_, first), _) =
            begin(&path, &key, 1, Instant::from_millis(1_800_000_000_000), [9; 16]).unwrap();
        let found = |records: usize| -> Found {
            let found = find(&path, &key).unwrap().unwrap();
            assert!(found.broken_at.is_none() && found.is_log(&first) && found.records.len() == records);
            found
        };
        let mut records = found(1).records;
        records.extend((2..40).map(|sequence| user(sequence, sequence % 3, sequence % 2 == 0)));
        write_whole(&path, &key, &records).unwrap();

        compact_beyond(1 << 20, &path, &key, found(39)).unwrap();
        let ((_, same), end) = compact_beyond(100, &path, &key, found(39)).unwrap();
        assert!(same.matches(&first) && end.sequence == 39, "it is the same log and ends where it did");
        assert_eq!(found(4).records[1..], records[36..]);
        compact_beyond(100, &path, &key, found(4)).unwrap();
        found(4);
    }

    #[test]
    fn another_in_its_place_is_kept_aside() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = (directory.path().join("jeton.journal"), Key::new([1; 32]));
        std::fs::write(&path, "something else\n").unwrap();
        assert_eq!(find(&path, &key).unwrap().unwrap().broken_at, Some(1));
        set_aside(&path).unwrap();
        let (_, end) = begin(&path, &key, 7, Instant::from_millis(1_800_000_000_000), [9; 16]).unwrap();
        let found = find(&path, &key).unwrap().unwrap();
        assert!(found.broken_at.is_none() && found.end.sequence == 7 && end.length == found.end.length);
        let aside = std::fs::read_to_string(directory.path().join("jeton.journal.old")).unwrap();
        assert_eq!(aside, "something else\n");
        assert!(find(&path, &Key::new([2; 32])).unwrap().unwrap().records.is_empty());
    }
}
