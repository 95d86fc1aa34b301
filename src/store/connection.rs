//! Connections: how each is opened, and the settings that are read back before it is believed.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::schema::OpenError;

/// How long SQLite waits on a lock. Only a checkpoint and our one writer ever hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Statements kept prepared on a connection: more than there are.
const STATEMENTS: usize = 256;

/// Pages in the write-ahead log at which it is moved into the database: 16 MB. A page that many commits change is moved
/// once for all of them, and there are some that each commit changes.
const CHECKPOINT_AFTER: &str = "4000";

/// How much the one that writes keeps of the database, in KiB, negative as SQLite wants it: what a busy commit changes,
/// so that none of it is written or read twice.
const WRITERS_CACHE: &str = "-4096";

/// The largest write-ahead log that stays on disk after a checkpoint, in bytes.
const LOG_KEPT: i64 = 4 << 20;

/// How long SQLite waits where Litestream takes locks too. By its documentation; it holds one while it checkpoints.
const BUSY_TIMEOUT_BESIDE_LITESTREAM: Duration = Duration::from_secs(5);

/// Whose affair it is to move the write-ahead log into the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checkpoints {
    /// Ours.
    #[default]
    Own,
    /// Litestream's, which reads the log and mustn't miss any of it: nothing of ours empties it.
    Litestream,
}

impl Checkpoints {
    /// Empties the write-ahead log, where that is our affair; says whether it is as it should be then. A reader that is
    /// in it keeps it.
    pub(super) fn empty_log(self, connection: &Connection) -> Result<bool, rusqlite::Error> {
        match self {
            Self::Litestream => Ok(true),
            Self::Own => connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0)),
        }
    }

    /// How long the one that writes waits for a lock.
    pub(super) const fn patience(self) -> Duration {
        match self {
            Self::Own => BUSY_TIMEOUT,
            Self::Litestream => BUSY_TIMEOUT_BESIDE_LITESTREAM,
        }
    }
}

/// Flags of a connection that only reads. `NO_MUTEX`: each is used by one thread at a time. `NOFOLLOW`: a link in the
/// place of the database is refused.
pub(super) fn reading() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW
}

/// Opens the one connection that writes, making the file where there is none.
pub(super) fn writable(path: &Path, checkpoints: Checkpoints) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    // A database that is refused is left as it was, its log included; the writer checkpoints before it ends.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    for (name, value, read_back) in [
        ("journal_mode", "WAL", "wal"),
        ("synchronous", "FULL", "2"), // NORMAL loses acknowledged commits with the power
        ("foreign_keys", "ON", "1"),
        ("secure_delete", "ON", "1"),
    ] {
        set(&connection, name, value, read_back)?;
    }
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    set(&connection, "cache_size", WRITERS_CACHE, WRITERS_CACHE)?;
    set(&connection, "wal_autocheckpoint", CHECKPOINT_AFTER, CHECKPOINT_AFTER)?;
    if checkpoints == Checkpoints::Litestream {
        set(&connection, "wal_autocheckpoint", "0", "0")?;
        connection.busy_timeout(checkpoints.patience())?;
    }
    Ok(connection)
}

/// Settings of a connection that only reads.
pub(super) fn configure_reader(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    configure(connection).map_err(|error| match error {
        OpenError::Sql(error) => error,
        other => rusqlite::Error::ToSqlConversionFailure(other.into()),
    })
}

fn configure(connection: &Connection) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let timeout = BUSY_TIMEOUT.as_millis().to_string();
    set(connection, "busy_timeout", &timeout, &timeout)?;
    set(connection, "trusted_schema", "OFF", "0")?;
    set(connection, "cell_size_check", "ON", "1")?;
    // Temporary tables and sorts leave nothing on disk.
    set(connection, "temp_store", "MEMORY", "2")
}

/// Sets a pragma and reads it back: SQLite ignores what it doesn't know or can't do.
fn set(connection: &Connection, name: &'static str, value: &str, expected: &str) -> Result<(), OpenError> {
    connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    })?;
    let read: rusqlite::types::Value = connection.pragma_query_value(None, name, |row| row.get(0))?;
    let read = match read {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    if read == expected { Ok(()) } else { Err(OpenError::Setting { name, read }) }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    /// As `.cargo/config.toml` wants it.
    #[test]
    fn sqlite_is_built_in_as_it_is_configured() {
        let connection = Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare("PRAGMA compile_options").unwrap();
        let options = statement.query_map([], |row| row.get(0)).unwrap();
        let options: Vec<String> = options.map(Result::unwrap).collect();
        for (option, is_set) in [
            ("DEFAULT_MEMSTATUS=0", true),
            ("OMIT_LOAD_EXTENSION", true),
            ("OMIT_SHARED_CACHE", true),
            ("ENABLE_FTS5", true),
            ("ENABLE_MEMORY_MANAGEMENT", false),
            ("ENABLE_API_ARMOR", false),
            ("ENABLE_STAT4", false),
        ] {
            assert_eq!(options.iter().any(|it| it == option), is_set, "{option}: {options:?}");
        }
    }
}
