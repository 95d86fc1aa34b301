//! The only place that knows SQL: one writer, many readers, one file.
//!
//! [`Store::write`] hands a [`Write`] to the one writer, which applies writes in order and lets many share a commit;
//! [`Store::read`] runs a short read where it stands, [`Store::read_apart`] a longer one on a thread of its own.

mod checks;
mod connection;
mod demands;
mod descendants;
mod erasure;
mod events;
mod examination;
mod expiries;
mod idle;
mod leaks;
mod lists;
mod members;
mod meters;
mod modules;
mod organizations;
mod prune;
mod replies;
mod rows;
mod schema;
mod scrub;
mod sessions;
mod sources;
mod sql;
mod standings;
mod tokens;
mod totals;
mod users;
mod uses;
mod writer;

use std::{path::Path, sync::Arc, time::Duration};

use r2d2_sqlite::SqliteConnectionManager;

use self::writer::Writer;
pub use self::{
    checks::{Checked, Counted, KINDS, PruneChecks},
    descendants::{Descendant, Family},
    erasure::Which,
    events::{Stretch, Walk},
    examination::Examination,
    expiries::Living,
    idle::IdleWalk,
    leaks::Leak,
    lists::{EventRow, EventSet, Found, TokenSet, UserSet},
    meters::{Meter, Metered},
    prune::{Kept, Look, Prune},
    replies::{Replied, Wiped},
    rows::{ReadError, Rows},
    schema::{OpenError, VERSION},
    sessions::Begun,
    standings::{DAYS_AHEAD, Standings},
    totals::{Scope, Total},
    uses::{Gathering, Used},
    writer::{Generation, Load, Tx, Write},
};
use crate::core::{
    id::OrganizationId,
    keys::Keyring,
    refusal::Failure,
    secret::Entropy,
    time::{Clock, Instant},
};

type Pool = r2d2::Pool<SqliteConnectionManager>;

/// How long a read waits for a connection before it is answered busy.
const READ_WAIT: Duration = Duration::from_secs(2);

/// Connections for reads that may take long: lists and the like.
const READERS_APART: u32 = 4;

/// The open database.
pub struct Store {
    keys: Arc<Keyring>,
    writer: Writer,
    checks: Pool,
    apart: Pool,
}

/// What a new database is set up with.
pub struct SetUp {
    /// Its own id, which peppers are bound to.
    pub instance: [u8; 16],
    /// The id of the organization `default`.
    pub organization: OrganizationId,
    /// The time of its making.
    pub now: Instant,
}

impl Store {
    /// Opens the database at `path`, which is made and set up where there is none yet.
    ///
    /// Nothing is written before the database has been found to be ours: its schema no newer than this binary, its
    /// pepper the one given.
    pub fn open(
        path: &Path,
        keys: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        set_up: impl FnOnce(Instant, &dyn Entropy) -> SetUp,
    ) -> Result<Self, OpenError> {
        schema::examine(path, &keys)?;
        let mut connection = connection::writable(path)?;
        schema::prepare(&mut connection, &keys, clock.as_ref(), entropy, set_up)?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let checks = pool(path, u32::try_from(workers).unwrap_or(64) + 2)?;
        let apart = pool(path, READERS_APART)?;
        let writer = Writer::start(connection, Arc::clone(&keys), clock)?;
        Ok(Self { keys, writer, checks, apart })
    }

    /// Applies a write and answers once its commit is on disk.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, Failure> {
        self.writer.submit(write).await
    }

    /// Runs a short read where it stands: point reads, a page at the most.
    pub fn read<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let connection = self.checks.get().map_err(ReadError::Pool)?;
        read(&Rows::new(&connection, &self.keys))
    }

    /// Runs a longer read on a thread that no check waits for.
    pub async fn read_apart<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Rows<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (pool, keys) = (self.apart.clone(), Arc::clone(&self.keys));
        let run = move || read(&Rows::new(&*pool.get().map_err(ReadError::Pool)?, &keys));
        tokio::task::spawn_blocking(run)
            .await
            .unwrap_or_else(|panic| Err(ReadError::Panic(panic.to_string()).into()))
    }

    /// Leaves nothing in the files of what was deleted or overwritten: rewrites the database where `compact` says so, and
    /// empties the write-ahead log. Says whether that was done: a reader in its midst puts it off.
    pub async fn scrub(&self, compact: bool) -> Result<bool, Failure> {
        self.writer.scrub(compact).await
    }

    /// Raised by every commit that may change a decision, before its reply: what was read before is not believed.
    pub fn generation(&self) -> Generation {
        self.writer.generation()
    }

    /// Resolves once the store can't go on: after an error on sync nothing written since is known to be there.
    pub async fn failed(&self) {
        self.writer.failed().await;
    }

    /// What the writer has to do and how it goes.
    pub fn load(&self) -> Load {
        self.writer.load()
    }

    /// Whether writes are being taken.
    pub fn is_writable(&self) -> bool {
        self.writer.is_open()
    }

    /// Applies what is queued, moves the write-ahead log into the database, and closes. Blocks.
    pub fn close(&self) {
        self.writer.close();
    }
}

fn pool(path: &Path, size: u32) -> Result<Pool, OpenError> {
    let manager = SqliteConnectionManager::file(path)
        .with_flags(connection::reading())
        .with_init(connection::configure_reader);
    r2d2::Pool::builder()
        .max_size(size)
        .connection_timeout(READ_WAIT)
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .build(manager)
        .map_err(OpenError::Pool)
}
