//! What is sealed: an archive of the keys and then the database, which any `tar` unpacks. Nothing else that an archive can
//! hold is taken, and a name in one is compared, never used as a path.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};
use zeroize::Zeroizing;

use super::{Contents, SealedError};
use crate::core::time::Instant;
use crate::ops::data_dir::{DATABASE, PEPPER, PEPPER_LIMIT};

/// What everything in an archive is a multiple of.
const BLOCK: usize = 512;
/// Copied at a time.
const CHUNK: usize = 64 * 1024;

const OTHER_ENTRY: SealedError = SealedError::Foreign("it holds something else than pepper.key and jeton.db");

/// Writes both.
pub(super) fn write(to: &mut impl Write, contents: &mut Contents<'_>) -> io::Result<()> {
    let Contents { pepper, database, size, made_at } = contents;
    begin(to, PEPPER, pepper.len() as u64, *made_at)?;
    to.write_all(pepper.as_bytes())?;
    pad(to, pepper.len() as u64)?;
    begin(to, DATABASE, *size, *made_at)?;
    if io::copy(&mut database.take(*size), to)? != *size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    pad(to, *size)?;
    to.write_all(&[0; 2 * BLOCK])
}

fn begin(to: &mut impl Write, name: &str, size: u64, made_at: Instant) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(made_at.seconds()).unwrap_or(0));
    header.set_cksum();
    to.write_all(header.as_bytes())
}

/// How many bytes stand behind an entry of `size` so that the next one begins at a block.
fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).expect("less than a block");
    if over == 0 { 0 } else { BLOCK - over }
}

fn pad(to: &mut impl Write, size: u64) -> io::Result<()> {
    to.write_all(&[0; BLOCK][..padding(size)])
}

/// Reads the keys, and the database into `database`. Only once this is done is anything of it believed: what was sealed is
/// known to be whole at its end.
pub(super) fn read(mut from: impl Read, database: &mut impl Write) -> Result<Zeroizing<String>, SealedError> {
    let size = entry(&mut from, PEPPER)?;
    if size > PEPPER_LIMIT {
        return Err(SealedError::Foreign("its pepper.key is too large"));
    }
    let mut pepper = Zeroizing::new(vec![0; usize::try_from(size).expect("no more than the limit")]);
    from.read_exact(&mut pepper)?;
    skip(&mut from, size)?;
    let pepper =
        std::str::from_utf8(&pepper).map_err(|_| SealedError::Foreign("its pepper.key isn't text"))?;
    let pepper = Zeroizing::new(pepper.to_owned());
    let size = entry(&mut from, DATABASE)?;
    copy(&mut from, database, size)?;
    skip(&mut from, size)?;
    end(from)?;
    Ok(pepper)
}

/// The size of the next entry, which has to be a plain file of this name.
fn entry(from: &mut impl Read, name: &str) -> Result<u64, SealedError> {
    let mut block = [0; BLOCK];
    from.read_exact(&mut block)?;
    let header = Header::from_byte_slice(&block);
    if header.entry_type() != EntryType::Regular || *header.path_bytes() != *name.as_bytes() {
        return Err(OTHER_ENTRY);
    }
    header.entry_size().map_err(|_| OTHER_ENTRY)
}

fn skip(from: &mut impl Read, size: u64) -> Result<(), SealedError> {
    Ok(from.read_exact(&mut [0; BLOCK][..padding(size)])?)
}

fn copy(from: &mut impl Read, to: &mut impl Write, size: u64) -> Result<(), SealedError> {
    let (mut left, mut buffer) = (size, vec![0; CHUNK]);
    while left > 0 {
        let wanted = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let read = &mut buffer[..wanted];
        from.read_exact(read)?;
        to.write_all(read).map_err(SealedError::Write)?;
        left -= wanted as u64;
    }
    Ok(())
}

/// Nothing but the zeros that an archive ends with. Reading them all is what finds a file that was cut short.
fn end(mut from: impl Read) -> Result<(), SealedError> {
    let mut buffer = [0; BLOCK];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(OTHER_ENTRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "1 key\n";

    fn archive(database: &[u8]) -> Vec<u8> {
        let mut archive = Vec::new();
        let mut contents = Contents {
            pepper: KEYS,
            database: &mut &*database,
            size: database.len() as u64,
            made_at: Instant::from_millis(1_750_000_000_000),
        };
        write(&mut archive, &mut contents).unwrap();
        archive
    }

    fn refused(archive: &[u8]) -> bool {
        let refusal = read(archive, &mut io::sink());
        refusal.is_err_and(|error| matches!(error, SealedError::Foreign(_) | SealedError::Altered))
    }

    /// An archive of entries as they are given, by the crate's own builder.
    fn built(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, bytes) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn both_come_back_whatever_their_size() {
        for size in [0, 1, 511, 512, 513, 200_000] {
            let database = vec![7; size];
            let mut back = Vec::new();
            let pepper = read(&*archive(&database), &mut back).unwrap();
            assert_eq!((pepper.as_str(), back), (KEYS, database), "{size}");
        }
    }

    #[test]
    fn any_tar_reads_it() {
        let bytes = archive(b"database");
        let mut reader = tar::Archive::new(&*bytes);
        let mut found = Vec::new();
        for entry in reader.entries().unwrap() {
            let mut entry = entry.unwrap();
            let (name, mode) = (entry.path().unwrap().into_owned(), entry.header().mode().unwrap());
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            found.push((name.to_str().unwrap().to_owned(), mode, content));
        }
        let expected = [("pepper.key", KEYS), ("jeton.db", "database")];
        assert_eq!(found, expected.map(|(name, content)| (name.to_owned(), 0o600, content.to_owned())));
    }

    #[test]
    fn a_database_of_many_gigabytes_has_its_size_in_its_header() {
        let mut block = Vec::new();
        begin(&mut block, DATABASE, 9 << 30, Instant::from_millis(0)).unwrap();
        assert_eq!(entry(&mut &*block, DATABASE).unwrap(), 9 << 30);
    }

    #[test]
    fn what_else_an_archive_can_hold_is_refused() {
        let keys = ("pepper.key", EntryType::Regular, KEYS.as_bytes());
        let database = ("jeton.db", EntryType::Regular, b"database".as_slice());
        assert!(!refused(&built(&[keys, database])));
        let named = |name| (name, EntryType::Regular, b"x".as_slice());
        for name in ["../pepper.key", "/pepper.key", "./pepper.key", "pepper.key.new", "jeton.journal", ""] {
            assert!(refused(&built(&[named(name), database])), "{name} first");
            assert!(refused(&built(&[keys, named(name)])), "{name} second");
            assert!(refused(&built(&[keys, database, named(name)])), "{name} third");
        }
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Directory,
            EntryType::Fifo,
            EntryType::Char,
            EntryType::XHeader,
            EntryType::XGlobalHeader,
            EntryType::GNULongName,
            EntryType::GNUSparse,
        ] {
            assert!(refused(&built(&[("pepper.key", kind, b""), keys, database])), "{kind:?}");
            assert!(refused(&built(&[keys, ("jeton.db", kind, b""), database])), "{kind:?}");
        }
        assert!(refused(&built(&[])), "nothing");
        assert!(refused(&built(&[database, keys])), "the other way round");
        assert!(refused(&built(&[keys, keys, database])), "twice");
        assert!(refused(&built(&[keys, database, database])), "twice");
        let limit = usize::try_from(PEPPER_LIMIT).unwrap();
        let large = vec![b'#'; limit + 1];
        assert!(!refused(&built(&[("pepper.key", EntryType::Regular, &large[..limit]), database])));
        assert!(refused(&built(&[("pepper.key", EntryType::Regular, &large), database])), "too large");
        assert!(refused(&built(&[("pepper.key", EntryType::Regular, b"\xff"), database])), "no text");
    }

    #[test]
    fn what_is_cut_short_or_goes_on_is_refused() {
        let whole = archive(b"database");
        for length in [0, 1, 511, 512, 700, 1_024, 1_535, 1_536, 1_540, 2_047] {
            assert!(refused(&whole[..length]), "{length}");
        }
        let more = [whole.as_slice(), &[0; 10_240], b"x"].concat();
        assert!(refused(&more));
        assert!(!refused(&more[..more.len() - 1]));
        let mut endless = whole;
        // A size as large as there is, in the base of 256.
        endless[1_024 + 124..1_024 + 136].copy_from_slice(&[0xff; 12]);
        assert!(refused(&endless));
    }

    #[test]
    fn a_full_disk_is_no_flaw_of_the_archive() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(matches!(read(&*archive(b"database"), &mut Full), Err(SealedError::Write(_))));
    }
}
