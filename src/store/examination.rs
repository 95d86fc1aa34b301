//! A look at a database from outside of the process that it belongs to: nothing in it is changed, and whoever writes to
//! it meanwhile isn't kept waiting.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::{
    connection::Checkpoints,
    events::Stretch,
    rows::Rows,
    schema::{OpenError, check_peppers, damaged, immutable_uri},
    standings::Standings,
};
use crate::core::{
    id::TokenId,
    keys::{Keyring, Pepper},
    time::Instant,
};

/// How many events are read at a time.
const STRETCH: u32 = 2_048;

/// A database that is looked at.
pub struct Examination {
    connection: Connection,
    /// For reads that no key has a part in.
    nobodys: Keyring,
}

impl Examination {
    /// Opens it for reading. It has to be there; `live` says that another process has it open.
    pub fn open(path: &Path, live: bool) -> Result<Self, OpenError> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let has_log = fs::metadata(path.with_extension("db-wal")).is_ok_and(|log| log.len() > 0);
        // Where nobody writes and the log holds nothing, no file is made or changed beside it.
        let connection = if live || has_log {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NOFOLLOW)?
        } else {
            Connection::open_with_flags(immutable_uri(path), flags)?
        };
        connection.busy_timeout(Checkpoints::Own.patience())?;
        Ok(Self { connection, nobodys: Keyring::new(&Pepper::generate([0; 32])) })
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(&self.connection, &self.nobodys)
    }

    /// The version of its schema; 0 where nothing was set up yet.
    pub fn schema(&self) -> Result<i64, OpenError> {
        self.connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(damaged)
    }

    /// Whether these are the keys that it was used with.
    pub fn fits(&self, keys: &Keyring) -> Result<(), OpenError> {
        check_peppers(&self.connection, keys)
    }

    /// What SQLite finds wrong, a few things at the most; `deep` holds every index against its table too.
    pub fn problems(&self, deep: bool) -> Result<Vec<String>, OpenError> {
        let check = if deep { "PRAGMA integrity_check(5)" } else { "PRAGMA quick_check(5)" };
        let mut statement = self.connection.prepare(check).map_err(damaged)?;
        let found = statement.query_map([], |row| row.get::<_, String>(0)).map_err(damaged)?;
        let found: Vec<String> = found.collect::<Result<_, _>>().map_err(damaged)?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// The largest time that was ever seen.
    pub fn seen_at(&self) -> Result<Instant, OpenError> {
        self.connection.query_row("SELECT seen_at FROM clock", [], |row| row.get(0)).map_err(damaged)
    }

    /// How many tokens there are in each state.
    pub fn standings(&self, now: Instant) -> Result<Standings, OpenError> {
        self.rows().standings(now).map_err(|error| OpenError::SetUp(error.to_string()))
    }

    /// The active tokens that expire first, no later than `until`.
    pub fn expiring_first(&self, now: Instant, until: Instant) -> Result<Vec<(TokenId, Instant)>, OpenError> {
        let found = self.rows().expiring_first(now, until);
        found.map_err(|error| OpenError::SetUp(error.to_string()))
    }

    /// What is wrong with the record of events: with its end, or `deep` with any of them. And how many were looked at.
    pub fn events(&self, keys: &Keyring, deep: bool) -> Result<(i64, Option<String>), OpenError> {
        let rows = Rows::new(&self.connection, keys);
        let failed = |error: super::ReadError| OpenError::SetUp(error.to_string());
        if !deep {
            let sound = rows.ends_as_sealed().map_err(failed)?;
            return Ok((1, (!sound).then(|| "it doesn't end where jeton left it".to_owned())));
        }
        let mut walk = rows.walk().map_err(failed)?;
        loop {
            match rows.walk_on(walk, STRETCH).map_err(failed)? {
                Stretch::More(further) => walk = further,
                Stretch::Sound(end) => return Ok((end.count(), None)),
                Stretch::Flawed(before, sequence, flaw) => {
                    return Ok((before.count(), Some(format!("event {sequence}: {flaw}"))));
                }
            }
        }
    }
}
