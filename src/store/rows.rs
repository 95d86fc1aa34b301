//! Reading: a connection and the keys that tell a row of ours from one edited behind our back.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, Row, ffi::SQLITE_IOERR_SHMSIZE};

use super::columns::Columns;
use crate::core::{
    keys::{Digest, Keyring, PepperId, Sealer},
    refusal::Failure,
};

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite's own word.
    #[error("{0}")]
    Sql(rusqlite::Error),
    /// A column holds what no value of ours stands as.
    #[error("a row was edited by something else than jeton: {0}")]
    Column(rusqlite::Error),
    /// A row's seal doesn't fit its content.
    #[error("a broken seal: row {id} of {table} was edited by something else than jeton")]
    Seal {
        /// In which table.
        table: &'static str,
        /// Which row.
        id: String,
    },
    /// No connection came free in time.
    #[error("no connection: {0}")]
    Pool(r2d2::Error),
    /// There is no room on the disk.
    #[error("the disk is full")]
    Full,
    /// The log beside the database can't be written.
    #[error("the journal can't be written: {0}")]
    Journal(std::io::Error),
    /// A write that promised to fail first didn't.
    #[error("a write failed half-way, and nothing that shared its commit is done: {0}")]
    HalfWay(String),
    /// The read panicked.
    #[error("a read panicked: {0}")]
    Panic(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
        match error {
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => {
                Self::Column(error)
            }
            error => Self::Sql(error),
        }
    }
}

impl ReadError {
    /// A row that another one refers to isn't there.
    pub fn missing() -> Self {
        Self::Sql(rusqlite::Error::QueryReturnedNoRows)
    }

    /// Whether there is no room on the disk, which leaves everything as it was.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Full => true,
            Self::Sql(error) => {
                error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                    || error.sqlite_error().map(|error| error.extended_code) == Some(SQLITE_IOERR_SHMSIZE)
            }
            _ => false,
        }
    }

    /// Whether a row is there that jeton didn't write as it stands.
    pub const fn is_edit(&self) -> bool {
        matches!(self, Self::Seal { .. } | Self::Column(_))
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        if error.is_full() {
            return Self::StorageFull;
        }
        let passing = match &error {
            ReadError::Pool(_) | ReadError::HalfWay(_) => true,
            ReadError::Sql(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OutOfMemory)
            ),
            ReadError::Seal { .. }
            | ReadError::Column(_)
            | ReadError::Panic(_)
            | ReadError::Full
            | ReadError::Journal(_) => false,
        };
        if passing { Self::Busy } else { Self::broken(error) }
    }
}

/// What reads go through.
pub struct Rows<'c> {
    pub(super) connection: &'c Connection,
    pub(super) keys: &'c Keyring,
}

impl<'c> Rows<'c> {
    pub(super) const fn new(connection: &'c Connection, keys: &'c Keyring) -> Self {
        Self { connection, keys }
    }

    /// The one row that a statement finds, if any.
    pub(super) fn one<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, ReadError> {
        Ok(self.connection.prepare_cached(sql)?.query_row(params, map).optional()?)
    }

    /// Every row that a statement finds.
    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, map)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Believes a row only if its seal fits.
    pub(super) fn unseal<T>(
        &self,
        row: Sealed<T>,
        table: &'static str,
        seal: impl FnOnce(Sealer, &T) -> Sealer,
        id: impl FnOnce(&T) -> String,
    ) -> Result<T, ReadError> {
        let expected = self.keys.seal(row.pepper, table).map(|sealer| seal(sealer, &row.value).finish());
        match expected {
            Some(expected) if expected.matches(&row.seal) => Ok(row.value),
            _ => Err(ReadError::Seal { table, id: id(&row.value) }),
        }
    }

    /// Those rows of a list whose seals fit; the others are reported and left out, since they can do nothing.
    pub fn sound<T>(rows: impl Iterator<Item = Result<T, ReadError>>) -> Result<Vec<T>, ReadError> {
        let reported = |row: &Result<T, ReadError>| match row {
            Err(error) if error.is_edit() => {
                tracing::error!(%error, "left out of a list");
                false
            }
            _ => true,
        };
        rows.filter(reported).collect()
    }

    /// A seal under the current pepper, with that pepper's id.
    pub(super) fn seal(
        &self,
        table: &'static str,
        seal: impl FnOnce(Sealer) -> Sealer,
    ) -> (Digest, PepperId) {
        let pepper = self.keys.current();
        let sealer = self.keys.seal(pepper, table).expect("the current pepper is in the keyring");
        (seal(sealer).finish(), pepper)
    }
}

/// A row as read, not believed yet.
pub(super) struct Sealed<T> {
    pub(super) value: T,
    pub(super) seal: Digest,
    pub(super) pepper: PepperId,
}

impl<T> Sealed<T> {
    /// Reads the two columns that every sealed table has.
    pub(super) fn read(row: &Row<'_>, value: T) -> rusqlite::Result<Self> {
        Columns::of(row).sealed(value)
    }
}
