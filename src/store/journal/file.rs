//! The file of the log: begun, put in the place of another, made small.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

use super::{
    super::schema::OpenError,
    End,
    find::{Found, NOTHING, find},
};
use crate::core::{
    journal::{Fate, Linker, Record},
    keys::Digest,
    time::Instant,
};

/// A log that is larger is written anew at a start, if that makes it half as long. In bytes.
const LARGE: u64 = 4 << 20;

/// How much of a log is copied at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The file, and the HMAC of its first line, by which it is known.
type Opened = (File, Digest);

pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
    options.read(true).write(true).mode(0o600).custom_flags(flags);
    options
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::JournalFile { what, path, source }
}

/// Begins a log with this first sequence, in the place of whatever is there.
pub(super) fn begin(
    path: &Path,
    key: &Linker,
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

/// Puts a copy in the place of what is there, which is kept under another name.
pub(super) fn adopt(path: &Path, copy: &Found) -> Result<(), OpenError> {
    set_aside(path)?;
    copy_whole(&copy.file, copy.end.length, path).map_err(failed("write", path))?;
    Ok(())
}

/// Goes on with a sound log. What a crash left half-written goes; so does, where that helps, all but the last word on
/// each thing. Whether it helps is weighed where the log is twice as long as it was the last time.
pub(super) fn compact(
    path: &Path,
    key: &Linker,
    found: Found,
    weighed: &mut u64,
) -> Result<(Opened, End), OpenError> {
    compact_beyond(LARGE, path, key, found, weighed)
}

fn compact_beyond(
    large: u64,
    path: &Path,
    key: &Linker,
    found: Found,
    weighed: &mut u64,
) -> Result<(Opened, End), OpenError> {
    let Found { file, first, end, .. } = found;
    if end.length > large.max(2 * *weighed) {
        *weighed = end.length;
        let records = find(path, key, 0)?.map_or_else(Vec::new, |whole| whole.records);
        let last: HashMap<_, _> =
            records.iter().map(|record| (record.fate.about(), record.sequence)).collect();
        let is_last = |record: &&Record| last[&record.fate.about()] == record.sequence;
        let kept: Vec<_> = records.iter().filter(is_last).cloned().collect();
        if kept.len() <= records.len() / 2 {
            let (opened, end) = write_whole(path, key, &kept)?;
            *weighed = end.length;
            return Ok((opened, end));
        }
    }
    let length = file.metadata().map_err(failed("look at", path))?.len();
    if length > end.length {
        let cut = file.set_len(end.length).and_then(|()| file.sync_all());
        cut.map_err(failed("write", path))?;
    }
    Ok(((file, first), end))
}

/// Puts a log with these records in the place of what is there.
fn write_whole(path: &Path, key: &Linker, records: &[Record]) -> Result<(Opened, End), OpenError> {
    let mut end = End { length: 0, sequence: 0, link: NOTHING };
    let (mut text, mut first) = (String::new(), None);
    for record in records {
        let (written, link) = key.write(record, &end.link);
        text += &written;
        text.push('\n');
        first.get_or_insert(link);
        end = End { length: text.len() as u64, sequence: record.sequence, link };
    }
    let file = replace(path, |file| file.write_all(text.as_bytes())).map_err(failed("write", path))?;
    Ok(((file, first.unwrap_or(NOTHING)), end))
}

/// Puts as much of a log in the place of what is there.
pub(super) fn copy_whole(log: &File, length: u64, path: &Path) -> io::Result<File> {
    replace(path, |file| {
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while at < length {
            let wanted = usize::try_from(length - at).map_or(PIECE, |left| left.min(PIECE));
            log.read_exact_at(&mut buffer[..wanted], at)?;
            file.write_all(&buffer[..wanted])?;
            at += wanted as u64;
        }
        Ok(())
    })
}

/// Puts a file in the place of what is there: after a crash it is the old one or the new one.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
    let mut new = OsString::from(path);
    new.push(".new");
    let mut file = options().create(true).truncate(true).open(&new)?;
    write(&mut file)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().ok_or(Errno::NOENT)?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{Fate, Found, Instant, Record, begin, compact_beyond, find, set_aside, write_whole};
    use crate::core::{
        id::Id,
        journal::{Key, UserFate},
    };

    fn user(sequence: i64, id: i64, active: bool) -> Record {
        let id = Id::parse_uuid(&format!("01890000-0000-7000-8000-0000000000{id:02x}")).unwrap();
        let fate = Fate::User(id, UserFate { active, operator: false, deleted_at: None });
        Record { sequence, at: Instant::from_millis(1_800_000_000_000), fate }
    }

    #[test]
    fn a_log_is_made_small_by_the_last_word_on_each_thing() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = (directory.path().join("jeton.journal"), Key::new([1; 32]).linker());
        let ((_, first), _) =
            begin(&path, &key, 1, Instant::from_millis(1_800_000_000_000), [9; 16]).unwrap();
        let found = |records: usize| -> Found {
            let found = find(&path, &key, 0).unwrap().unwrap();
            assert!(found.broken_at.is_none() && found.is_log(&first) && found.records.len() == records);
            found
        };
        let mut records = found(1).records;
        records.extend((2..40).map(|sequence| user(sequence, sequence % 3, sequence % 2 == 0)));
        write_whole(&path, &key, &records).unwrap();

        let mut weighed = 0;
        let mut compact = |large, records| {
            let ((_, same), end) = compact_beyond(large, &path, &key, found(records), &mut weighed).unwrap();
            assert!(same.matches(&first) && end.sequence == 39, "it is the same log and ends where it did");
            (end.length, weighed)
        };
        let (whole, unweighed) = compact(1 << 20, 39);
        assert_eq!(unweighed, 0);
        let (small, weighed_then) = compact(100, 39);
        assert!(small < whole / 5 && weighed_then == small);
        assert_eq!(found(4).records[1..], records[36..]);
        compact(100, 4);
        found(4);

        // It was weighed when it was more than half as long.
        write_whole(&path, &key, &records).unwrap();
        let mut weighed = whole / 2 + 1;
        compact_beyond(100, &path, &key, found(39), &mut weighed).unwrap();
        assert_eq!((weighed, found(39).records.len()), (whole / 2 + 1, 39));
        // And weighed in vain: everything in it is the last word.
        let records = &records[..4];
        write_whole(&path, &key, records).unwrap();
        let mut weighed = 0;
        let (_, end) = compact_beyond(100, &path, &key, found(4), &mut weighed).unwrap();
        assert_eq!((weighed, found(4).records.len()), (end.length, 4));
    }

    #[test]
    fn another_in_its_place_is_kept_aside() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = (directory.path().join("jeton.journal"), Key::new([1; 32]).linker());
        std::fs::write(&path, "something else\n").unwrap();
        assert_eq!(find(&path, &key, 0).unwrap().unwrap().broken_at, Some(1));
        set_aside(&path).unwrap();
        let (_, end) = begin(&path, &key, 7, Instant::from_millis(1_800_000_000_000), [9; 16]).unwrap();
        let found = find(&path, &key, 0).unwrap().unwrap();
        assert!(found.broken_at.is_none() && found.end.sequence == 7 && end.length == found.end.length);
        let aside = std::fs::read_to_string(directory.path().join("jeton.journal.old")).unwrap();
        assert_eq!(aside, "something else\n");
        assert!(find(&path, &Key::new([2; 32]).linker(), 0).unwrap().unwrap().records.is_empty());
    }
}
