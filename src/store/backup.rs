//! Backups: a whole copy of the database while it is in use, and what a file is held against before it is believed.
//!
//! A copy is one read of one moment (`VACUUM INTO`): writes go on meanwhile, and what was deleted isn't in it. It holds no
//! pepper: without the file of keys no token in it can be checked.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sha2::{Digest as _, Sha256};

use super::{
    connection,
    events::Stretch,
    rows::{ReadError, Rows},
    schema::{self, OpenError, VERSION},
};
use crate::core::{
    keys::{Keyring, PepperId},
    refusal::Failure,
};

/// A copy while it is being made, beside the database. Only one is made at a time.
const COPY: &str = "db.copy";

/// Since which schema the end of the record of events is sealed.
const SEALED_END: i64 = 2;

/// How many events of a file are held against each other at a time.
const STRETCH: u32 = 4_096;

/// A good copy of the database. Nothing but this has it: it is gone when this is.
#[derive(Debug)]
pub struct Backup {
    /// Its bytes, from the first on.
    pub file: File,
    /// How many.
    pub size: u64,
    /// Their SHA-256.
    pub digest: [u8; 32],
    /// What it was found to be.
    pub verified: Verified,
}

/// What was found in a file that is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its schema.
    pub schema: i64,
    /// How many events it records.
    pub events: i64,
    /// Whether their record is as jeton wrote it.
    pub is_sound: bool,
}

/// Why a file isn't taken for a database of jeton's. Each is half a sentence about the file.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Not SQLite's, or damaged.
    #[error("it is damaged or isn't a database: {0}")]
    Damaged(String),
    /// SQLite's, but nothing that jeton set up.
    #[error("it isn't a database of jeton's")]
    Foreign,
    /// Written by a newer jeton.
    #[error("its schema is {found}, newer than this binary's {VERSION}: use the newer jeton")]
    Newer {
        /// Its schema.
        found: i64,
    },
    /// The keys at hand are others than the ones that it was used with.
    #[error(
        "pepper.key holds another key than the one that it was made with: put the right file in its place"
    )]
    OtherPepper,
    /// The keys at hand lack one that it was used with.
    #[error("pepper.key lacks key {0}, which it was made with: put the right file in its place")]
    LacksPepper(PepperId),
    /// The file can't be read or written.
    #[error("{0}")]
    Sql(rusqlite::Error),
    /// The same, by the system's word.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<OpenError> for Unfit {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Newer { found } => Self::Newer { found },
            OpenError::OtherPepper => Self::OtherPepper,
            OpenError::LacksPepper(id) => Self::LacksPepper(id),
            OpenError::Sql(error) => Self::Sql(error),
            OpenError::Damaged(what) => Self::Damaged(what),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        schema::damaged(error).into()
    }
}

impl From<ReadError> for Unfit {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Sql(error) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl Unfit {
    /// Whether there was no room.
    fn is_full(&self) -> bool {
        match self {
            Self::Sql(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Io(error) => error.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

impl From<Unfit> for Failure {
    fn from(error: Unfit) -> Self {
        if error.is_full() {
            tracing::error!(%error, "no room beside the database for a copy of it: no backup was made");
            return Self::Busy;
        }
        Self::broken(error)
    }
}

/// The copy that is made beside a database.
fn copy_of(database: &Path) -> PathBuf {
    database.with_extension(COPY)
}

/// Takes away what a crash left of a copy.
pub(super) fn clear(database: &Path) -> io::Result<()> {
    remove(&copy_of(database))
}

/// Makes a copy of the database, verifies it and takes its name away.
pub(super) fn back_up(database: &Path, keys: &Keyring) -> Result<Backup, Unfit> {
    let copy = copy_of(database);
    let made = read_moment(database, &copy).and_then(|()| {
        let verified = verify(&copy, keys)?;
        let mut file = File::open(&copy)?;
        let (size, digest) = digest(&mut file)?;
        Ok(Backup { file, size, digest, verified })
    });
    remove(&copy)?;
    made
}

fn read_moment(database: &Path, copy: &Path) -> Result<(), Unfit> {
    let mut connection = Connection::open_with_flags(database, connection::reading())?;
    connection::configure_reader(&mut connection)?;
    write_copy(&connection, copy)
}

/// Copies what `connection` sees to a new file of mode 0600, which is on disk when this is done.
fn write_copy(connection: &Connection, to: &Path) -> Result<(), Unfit> {
    remove(to)?;
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(to)?;
    let name = to.to_str().ok_or_else(|| io::Error::other("the data directory's name isn't UTF-8"))?;
    connection.execute("VACUUM INTO ?", [name])?;
    Ok(file.sync_all()?)
}

/// Keeps the database as it is before its schema is raised, and says where.
pub(super) fn keep_before_upgrade(
    connection: &Connection,
    database: &Path,
    schema: i64,
) -> Result<PathBuf, Unfit> {
    let (copy, kept) = (copy_of(database), database.with_extension(format!("db.schema-{schema}.bak")));
    let made = write_copy(connection, &copy).and_then(|()| Ok(fs::rename(&copy, &kept)?));
    if made.is_err() {
        remove(&copy)?;
    }
    made?;
    if let Some(directory) = database.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(kept)
}

/// Holds a file against all that can be known of it, without writing a byte or making a file beside it.
pub fn verify(path: &Path, keys: &Keyring) -> Result<Verified, Unfit> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(schema::immutable_uri(path), flags)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(Unfit::Newer { found: version });
    }
    // Before a table of it is asked for: what isn't there says nothing about a damaged file.
    check_length(&connection, path)?;
    schema::check_whole(&connection)?;
    if version < 1 || schema::instance(&connection)?.is_none() {
        return Err(Unfit::Foreign);
    }
    schema::check_peppers(&connection, keys)?;
    let events = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    let is_sound = version < SEALED_END || is_sound(&Rows::new(&connection, keys))?;
    Ok(Verified { schema: version, events, is_sound })
}

/// Holds keys against a database, whether a server runs on it or not.
pub fn check_keys(database: &Path, keys: &Keyring) -> Result<(), Unfit> {
    let mut connection = Connection::open_with_flags(database, connection::reading())?;
    connection::configure_reader(&mut connection)?;
    Ok(schema::check_peppers(&connection, keys)?)
}

/// SQLite reads what is missing of the last page as zeros.
fn check_length(connection: &Connection, path: &Path) -> Result<(), Unfit> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    if fs::metadata(path)?.len() < (pages * size).cast_unsigned() {
        return Err(Unfit::Damaged("it is cut short".into()));
    }
    Ok(())
}

fn is_sound(rows: &Rows<'_>) -> Result<bool, ReadError> {
    let mut walk = rows.walk()?;
    loop {
        match rows.walk_on(walk, STRETCH)? {
            Stretch::More(further) => walk = further,
            Stretch::Sound(_) => return Ok(true),
            Stretch::Flawed(..) => return Ok(false),
        }
    }
}

/// Moves the write-ahead log of a database that nobody uses into it, so that the one file is all of it.
pub fn settle(database: &Path) -> Result<(), Unfit> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(database, flags)?;
    let left: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if left != 0 {
        return Err(Unfit::Damaged("its log can't be moved into it".into()));
    }
    connection.close().map_err(|(_, error)| error.into())
}

fn digest(file: &mut File) -> io::Result<(u64, [u8; 32])> {
    let (mut size, mut hash, mut buffer) = (0, Sha256::new(), vec![0; 64 * 1024]);
    file.rewind()?;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        size += read as u64;
        hash.update(&buffer[..read]);
    }
    file.rewind()?;
    Ok((size, hash.finalize().into()))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
