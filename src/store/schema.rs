//! The schema's history, and what is held against it before a database is used.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, params};
use rusqlite_migration::{HookError, M, Migrations};

use super::{
    SetUp, backup,
    connection::Checkpoints,
    journal::Flaw,
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::{
    event::{Actor, Deed, Event, Origin},
    keys::{Digest, Keyring, PepperId},
    organization::{Organization, Policy},
    privilege::Privileges,
    refusal::Failure,
    secret::Entropy,
    time::{Clock, Instant},
};

/// Numbered, forward only, each in one transaction; SQLite's `user_version` counts those applied.
fn migrations(keys: &Arc<Keyring>) -> Migrations<'static> {
    let keys = Arc::clone(keys);
    // In the transaction that brings the table: later, an end that isn't there is one that somebody took away.
    let seal_end = move |transaction: &Transaction<'_>| {
        let sealed = Tx::new(transaction, &keys).and_then(|tx| tx.seal_first_end());
        sealed.map_err(|error| HookError::Hook(error.to_string()))
    };
    Migrations::new(vec![
        M::up(include_str!("migrations/0001_core.sql")),
        M::up_with_hook(include_str!("migrations/0002_management.sql"), seal_end),
        M::up(include_str!("migrations/0003_limits.sql")),
        M::up(include_str!("migrations/0004_life.sql")),
        M::up(include_str!("migrations/0005_page.sql")),
        M::up(include_str!("migrations/0006_journal.sql")),
        M::up(include_str!("migrations/0007_foreign.sql")),
        M::up(include_str!("migrations/0008_feeds.sql")),
        M::up(include_str!("migrations/0009_pruned.sql")),
        M::up(include_str!("migrations/0010_spill.sql")),
        M::up(include_str!("migrations/0011_covering.sql")),
        M::up(include_str!("migrations/0012_weighed.sql")),
    ])
}

/// How many migrations there are: the version that this binary writes.
pub const VERSION: i64 = 12;

/// A database no larger than this is checked whole at each start; checking a larger one would keep people waiting, and
/// every row that a decision reads is sealed anyway. In bytes.
const CHECKED_WHOLE: u64 = 64 << 20;

/// Why a database isn't opened. Each is one sentence for the person who started jeton.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not SQLite's, or damaged.
    #[error("jeton.db is damaged or isn't a database: {0}; restore it from a backup")]
    Damaged(String),
    /// Written by a newer jeton.
    #[error("jeton.db has schema {found}, newer than this binary's {VERSION}: run the newer jeton")]
    Newer {
        /// Its schema.
        found: i64,
    },
    /// The pepper file has none of the keys that the database was used with.
    #[error("pepper.key holds another key than the one this database was made with: put the right file back")]
    OtherPepper,
    /// The pepper file lacks a key that the database was used with.
    #[error("pepper.key lacks key {0}, which this database was used with: put the right file back")]
    LacksPepper(PepperId),
    /// A setting didn't take.
    #[error("SQLite wouldn't set {name}: it is {read}")]
    Setting {
        /// The pragma.
        name: &'static str,
        /// What it is instead.
        read: String,
    },
    /// The file can't be opened, read or written.
    #[error("jeton.db can't be opened")]
    Sql(#[from] rusqlite::Error),
    /// The same, from a pool.
    #[error("jeton.db can't be read: {0}")]
    Pool(r2d2::Error),
    /// The same, while it was set up.
    #[error("jeton.db can't be set up: {0}")]
    SetUp(String),
    /// The log beside the database isn't what the database left.
    #[error(
        "{} {flaw}: put back the one that lay beside the newest jeton.db, or start `jeton serve --accept-resurrection`, \
         by which what was revoked since this database was saved may work again",
        .path.display()
    )]
    Journal {
        /// The log.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The log can't be read or written.
    #[error("can't {what} {}", .path.display())]
    JournalFile {
        /// What was tried.
        what: &'static str,
        /// The log.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A new schema wants a copy of the old database first.
    #[error("jeton.db can't be copied before its schema is raised: {0}; it is as it was")]
    Unkept(String),
    /// The writer's thread can't be started.
    #[error("no thread for the writer")]
    Thread(#[from] std::io::Error),
}

/// Whether a database that is only looked at has this binary's schema.
pub(super) fn is_current(connection: &Connection) -> Result<(), OpenError> {
    match connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(damaged)? {
        found if found > VERSION => Err(OpenError::Newer { found }),
        found if found < VERSION => {
            Err(OpenError::SetUp("its schema is older: start this jeton once".into()))
        }
        _ => Ok(()),
    }
}

/// A schema with nothing in it.
#[cfg(test)]
pub(super) fn empty() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    let keys = Arc::new(Keyring::new(&crate::core::keys::Pepper::generate([1; 32])));
    migrations(&keys).to_latest(&mut connection).expect("the migrations apply");
    connection
}

/// Looks at a database without writing a byte or making a file beside it: is it one, is its schema known, is its
/// pepper the one at hand? A file that isn't there or was never set up is as good as a new one.
pub(super) fn examine(path: &Path, keys: &Keyring) -> Result<(), OpenError> {
    let length = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if length == 0 {
        return Ok(());
    }
    let has_log = fs::metadata(path.with_extension("db-wal")).is_ok_and(|log| log.len() > 0);
    match look(path, keys, length <= CHECKED_WHOLE && !has_log) {
        // A crash in mid-checkpoint leaves a file that only makes sense with its log, which this look doesn't read:
        // `prepare` asks all of this again over both.
        Err(OpenError::Damaged(_) | OpenError::Sql(_)) if has_log => Ok(()),
        verdict => verdict,
    }
}

/// `immutable` keeps SQLite from touching the log; set-up and migration end with a checkpoint, so what is asked here
/// stands in the file itself. (Where checkpoints are Litestream's affair it may be older, and `prepare` asks again.)
fn look(path: &Path, keys: &Keyring, whole: bool) -> Result<(), OpenError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable_uri(path), flags)?;
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(damaged)?;
    if version > VERSION {
        return Err(OpenError::Newer { found: version });
    }
    if version > 0 {
        check_peppers(&connection, keys)?;
    }
    if whole { check_whole(&connection) } else { Ok(()) }
}

/// Brings the schema up to date, and a new database to its first content: the organization `default`, its own id and
/// the pepper's check value.
pub(super) fn prepare(
    connection: &mut Connection,
    path: &Path,
    keys: &Arc<Keyring>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    checkpoints: Checkpoints,
    set_up: impl FnOnce(Instant, &dyn Entropy) -> SetUp,
) -> Result<(), OpenError> {
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(damaged)?;
    if version > VERSION {
        return Err(OpenError::Newer { found: version });
    }
    if version > 0 {
        check_peppers(connection, keys)?;
    }
    let set_up_before = version > 0 && instance(connection)?.is_some();
    if version < VERSION {
        if set_up_before {
            let kept = backup::keep_before_upgrade(connection, path, version);
            let kept = kept.map_err(|error| OpenError::Unkept(error.to_string()))?;
            tracing::info!(
                from = version,
                to = VERSION,
                kept = %kept.display(),
                "raising the schema; the database as it was is kept"
            );
        }
        migrations(keys).to_latest(connection).map_err(|error| OpenError::SetUp(error.to_string()))?;
    }
    if set_up_before {
        check_whole_if_small(connection)?;
        let seen = connection.query_row("SELECT seen_at FROM clock", [], |row| row.get(0))?;
        clock.raise_floor(seen);
        add_new_peppers(connection, keys, clock.now())?;
        if !Rows::new(connection, keys).ends_as_sealed().unwrap_or(false) {
            tracing::error!(
                "the record of events doesn't end where jeton left it: `jeton events verify` says more"
            );
        }
    } else {
        first_content(connection, keys, &set_up(clock.now(), entropy))
            .map_err(|failure| OpenError::SetUp(failure.to_string()))?;
    }
    // From the first start that keeps it; a later one changes nothing.
    connection.execute("INSERT OR IGNORE INTO recording VALUES (1, ?1, ?1, ?1)", [clock.now()])?;
    if !set_up_before || version < VERSION {
        checkpoints.empty_log(connection)?;
    }
    Ok(())
}

pub(super) fn immutable_uri(path: &Path) -> String {
    use std::{fmt::Write, os::unix::ffi::OsStrExt};
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                uri.push(char::from(*byte));
            }
            byte => write!(uri, "%{byte:02X}").expect("a string takes all"),
        }
    }
    uri + "?immutable=1"
}

pub(super) fn damaged(error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Damaged(error.to_string()),
        _ => OpenError::Sql(error),
    }
}

fn check_whole_if_small(connection: &Connection) -> Result<(), OpenError> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(damaged)?;
    let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(damaged)?;
    if (pages * size).cast_unsigned() <= CHECKED_WHOLE { check_whole(connection) } else { Ok(()) }
}

pub(super) fn check_whole(connection: &Connection) -> Result<(), OpenError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| OpenError::Damaged(error.to_string()))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Damaged(verdict)) }
}

pub(super) fn instance(connection: &Connection) -> Result<Option<[u8; 16]>, OpenError> {
    connection.query_row("SELECT id FROM instance", [], |row| row.get(0)).optional().map_err(damaged)
}

/// Holds the check values against the keys at hand.
pub(super) fn check_peppers(connection: &Connection, keys: &Keyring) -> Result<(), OpenError> {
    let Some(instance) = instance(connection)? else { return Ok(()) };
    let mut statement =
        connection.prepare("SELECT id, check_value FROM peppers ORDER BY id").map_err(damaged)?;
    let stored = statement
        .query_map([], |row| Ok((row.get::<_, PepperId>(0)?, row.get::<_, Digest>(1)?)))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(damaged)?;
    for (id, check_value) in stored {
        match keys.check_value(id, &instance) {
            None => return Err(OpenError::LacksPepper(id)),
            Some(value) if !value.matches(&check_value) => return Err(OpenError::OtherPepper),
            Some(_) => {}
        }
    }
    Ok(())
}

fn add_new_peppers(connection: &Connection, keys: &Keyring, now: Instant) -> Result<(), OpenError> {
    let instance = instance(connection)?.ok_or_else(|| OpenError::Damaged("it has no instance".into()))?;
    for id in keys.ids() {
        let value = keys.check_value(id, &instance).expect("an id of the keyring's own");
        connection.execute("INSERT OR IGNORE INTO peppers VALUES (?, ?, ?)", params![id, value, now])?;
    }
    Ok(())
}

fn first_content(connection: &mut Connection, keys: &Keyring, set_up: &SetUp) -> Result<(), Failure> {
    let now = set_up.now;
    let transaction = connection.transaction().map_err(ReadError::from)?;
    let insert =
        |sql, params: &[&dyn rusqlite::ToSql]| transaction.execute(sql, params).map_err(ReadError::from);
    insert("INSERT INTO instance VALUES (1, ?, ?)", &[&set_up.instance, &now])?;
    insert("INSERT INTO clock VALUES (1, ?)", &[&now])?;
    for id in keys.ids() {
        let value = keys.check_value(id, &set_up.instance).expect("an id of the keyring's own");
        insert("INSERT INTO peppers VALUES (?, ?, ?)", &[&id, &value, &now])?;
    }
    let mut tx = Tx::new(&transaction, keys)?;
    let organization = Organization {
        id: set_up.organization,
        number: tx.next_number::<crate::core::id::OfOrganization>()?,
        slug: "default".into(),
        name: "Default".into(),
        description: "The organization that every installation begins with".into(),
        image: String::new(),
        owner: None,
        enabled: true,
        privileges: Privileges::everything(),
        policy: Policy::default(),
        created_at: now,
        updated_at: now,
        change_sequence: 0,
    };
    tx.insert_organization(&organization)?;
    tx.record(&Event {
        at: now,
        origin: Origin { actor: Actor::Local, address: None },
        deed: Deed::OrganizationCreated,
        object: organization.id.into(),
        organization: Some(organization.id),
        detail: String::new(),
    })?;
    tx.settle()?;
    transaction.commit().map_err(ReadError::from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rusqlite::params;

    use super::{Instant, OpenError, Rows, VERSION, check_whole, examine, instance, migrations};
    use crate::{
        core::{
            event::{Entry, Flaw},
            keys::{Digest, Keyring, Pepper},
        },
        store::{connection, events::Stretch},
    };

    /// Rows of version 1 cover their addresses as they stand; they go on doing so, and their end is sealed.
    #[test]
    fn a_chain_from_before_addresses_had_digests_is_sound_after_the_upgrade() {
        let keys = Arc::new(Keyring::new(&Pepper::generate([1; 32])));
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        migrations(&keys).to_version(&mut connection, 1).unwrap();
        let mut before = Digest([0; 32]);
        for (sequence, address) in [(1, None), (2, Some("192.0.2.1")), (3, Some("::1"))] {
            let entry = Entry {
                sequence,
                at: Instant::from_millis(sequence),
                actor: "local",
                actor_user: None,
                actor_token: None,
                address,
                address_digest: None,
                deed: "user.created",
                object_kind: "user",
                object: &[1; 16],
                organization: None,
                detail: "",
            };
            before = entry.link(&keys, 1, &before).unwrap();
            connection
                .execute(
                    "INSERT INTO events VALUES (?1, ?1, 'local', NULL, NULL, ?2, 'user.created', 'user', ?3, NULL, '', ?4, 1)",
                    params![sequence, address, [1_u8; 16], before],
                )
                .unwrap();
        }
        migrations(&keys).to_latest(&mut connection).unwrap();
        check_whole(&connection).unwrap();
        let walk = |connection: &rusqlite::Connection| {
            let rows = Rows::new(connection, &keys);
            rows.walk_on(rows.walk().unwrap(), 10).unwrap()
        };
        assert!(matches!(walk(&connection), Stretch::Sound(end) if end.count() == 3));
        connection.execute("UPDATE events SET address = NULL WHERE sequence = 3", []).unwrap();
        assert!(matches!(walk(&connection), Stretch::Flawed(_, 3, Flaw::Link)));
        connection.execute("DELETE FROM events WHERE sequence = 3", []).unwrap();
        assert!(matches!(walk(&connection), Stretch::Flawed(_, 3, Flaw::CutOff)));
    }

    /// Page 1 reaches the database before the pages that it counts: killed between the two, the file alone is malformed.
    #[test]
    fn a_crash_in_mid_checkpoint_is_no_damage() {
        let directory = tempfile::tempdir().unwrap();
        let (path, crashed) = (directory.path().join("jeton.db"), directory.path().join("crashed.db"));
        let keys = Arc::new(Keyring::new(&Pepper::generate([1; 32])));
        let mut connection = connection::writable(&path, connection::Checkpoints::Own).unwrap();
        migrations(&keys).to_latest(&mut connection).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        connection.execute("INSERT INTO instance VALUES (1, zeroblob(16), 0)", []).unwrap();
        connection.execute("INSERT INTO sequences VALUES (hex(zeroblob(100000)), 1)", []).unwrap();
        let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let mut file = std::fs::read(&path).unwrap();
        assert!(file.len() < pages as usize * 4096, "the rest is in the log");
        file[28..32].copy_from_slice(&pages.to_be_bytes());
        std::fs::write(&crashed, &file).unwrap();
        assert!(
            matches!(examine(&crashed, &keys), Err(OpenError::Damaged(_))),
            "without its log it is damaged"
        );
        std::fs::copy(path.with_extension("db-wal"), crashed.with_extension("db-wal")).unwrap();
        examine(&crashed, &keys).expect("with its log it isn't");
        let recovered = connection::writable(&crashed, connection::Checkpoints::Own).unwrap();
        assert!(instance(&recovered).unwrap().is_some());
    }

    #[test]
    fn the_migrations_apply_and_are_as_many_as_the_version_says() {
        let keys = Arc::new(Keyring::new(&Pepper::generate([1; 32])));
        migrations(&keys).validate().expect("each applies to a new database");
        let mut connection = rusqlite::Connection::open_in_memory().expect("memory");
        migrations(&keys).to_latest(&mut connection).expect("all apply");
        let version: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a number");
        assert_eq!(version, VERSION);
    }
}
