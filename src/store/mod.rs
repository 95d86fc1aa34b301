//! The only place that knows SQL: one writer, many readers, one file.
//!
//! [`Store::write`] hands a [`Write`] to the one writer, which applies writes in order and lets many share a commit;
//! [`Store::read`] runs a short read where it stands, [`Store::read_apart`] a longer one on a thread of its own.

mod backup;
mod checks;
mod columns;
mod connection;
mod demands;
mod descendants;
mod erasure;
mod events;
mod examination;
mod expiries;
mod feeds;
mod foreign;
mod idle;
mod journal;
mod leaks;
mod ledger;
mod lists;
mod members;
mod meters;
mod modules;
mod organizations;
mod packed;
mod peppers;
mod prune;
mod pruned;
mod replies;
mod reserve;
mod rows;
mod schema;
mod scrub;
mod sessions;
mod sources;
mod spill;
mod sql;
mod standings;
mod tokens;
mod totals;
mod users;
mod uses;
mod writer;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use r2d2_sqlite::SqliteConnectionManager;
use scheduled_thread_pool::ScheduledThreadPool;

#[cfg(test)]
pub(crate) use self::writer::tests::Held;
pub use self::{
    backup::{Backup, Unfit, Verified, check_keys, settle, verify},
    checks::{Checked, Counted, KINDS, PruneChecks},
    connection::Checkpoints,
    descendants::{Descendant, Family},
    erasure::Which,
    events::{Stretch, Walk},
    examination::Examination,
    expiries::Living,
    idle::IdleWalk,
    journal::{Flaw, Unsound},
    leaks::Leak,
    lists::{EventRow, EventSet, Found, TokenSet, UserSet},
    meters::{Meter, Metered},
    peppers::{PepperUse, Rekey, Rekeyed, ResealRest, ResealTokens, survey},
    prune::{Kept, Look, Prune},
    pruned::Pruned,
    replies::{Replied, Wiped},
    rows::{ReadError, Rows},
    schema::{OpenError, VERSION},
    sessions::Begun,
    spill::{Merge, Spill, Spilled},
    standings::{DAYS_AHEAD, Standings},
    totals::{Scope, Total},
    uses::Used,
    writer::{Generation, Load, Tx, Write},
};
use self::{
    journal::Journal,
    reserve::Reserve,
    writer::{Files, Writer},
};
use crate::core::{
    id::OrganizationId,
    keys::Keyring,
    refusal::Failure,
    secret::Entropy,
    time::{Clock, Instant},
};

type Pool = r2d2::Pool<SqliteConnectionManager>;

thread_local! {
    /// Of [`Store::reads_of_this_thread`]: a check reads on the thread that answers it.
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// How long a read waits for a connection before it is answered busy.
const READ_WAIT: Duration = Duration::from_secs(2);

/// Connections for reads that may take long: lists and the like.
const READERS_APART: u32 = 4;

/// The open database.
pub struct Store {
    path: PathBuf,
    keys: Arc<Keyring>,
    writer: Writer,
    checks: Pool,
    apart: Pool,
    healed: Vec<String>,
    /// Held by whoever makes a backup.
    copying: Arc<tokio::sync::Mutex<()>>,
}

/// How the files are kept.
#[derive(Debug, Default)]
pub struct Keeping {
    /// What is done where the log beside the database is missing or broken.
    pub unsound: Unsound,
    /// Whose affair checkpoints are.
    pub checkpoints: Checkpoints,
    /// Where the log beside the database is copied to as it is written: another disk, or what is replicated elsewhere.
    pub journal_copy: Option<PathBuf>,
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
    ///
    /// What the log beside it, `jeton.journal`, knows and the database doesn't is learned; a log that is missing or
    /// broken is refused, unless its copy is sound or `keeping` says that it is accepted.
    pub fn open(
        path: &Path,
        keys: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        keeping: &Keeping,
        set_up: impl FnOnce(Instant, &dyn Entropy) -> SetUp,
    ) -> Result<Self, OpenError> {
        schema::examine(path, &keys)?;
        let mut connection = connection::writable(path, keeping.checkpoints)?;
        // What a crash left. Where it stays, the next copy says why.
        let _ = backup::clear(path);
        let Keeping { checkpoints, .. } = *keeping;
        schema::prepare(&mut connection, path, &keys, clock.as_ref(), entropy, checkpoints, set_up)?;
        let log = path.with_extension("journal");
        let (journal, healed) =
            Journal::open(&mut connection, &log, &keys, clock.as_ref(), entropy, keeping)?;
        let reserve = Reserve::open(path.with_extension("reserve"));
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = u32::try_from(workers).unwrap_or(64);
        let opener =
            Arc::new(ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("reads").build());
        let checks = pool(path, &opener, workers, workers + 2)?;
        let apart = pool(path, &opener, 1, READERS_APART)?;
        let writer =
            Writer::start(Files { connection, checkpoints, journal, reserve }, Arc::clone(&keys), clock)?;
        let (path, copying) = (path.to_owned(), Arc::default());
        Ok(Self { path, keys, writer, checks, apart, healed, copying })
    }

    /// Applies a write and answers once its commit is on disk.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, Failure> {
        self.writer.submit(write).await
    }

    /// Runs a short read where it stands: point reads, a page at the most.
    pub fn read<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        READS.set(READS.get().wrapping_add(1));
        let connection = self.checks.get().map_err(ReadError::Pool)?;
        read(&Rows::new(&connection, &self.keys))
    }

    /// How many short reads this thread has run.
    pub fn reads_of_this_thread() -> u64 {
        READS.get()
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

    /// Makes a verified copy of the whole database, on a connection and a thread of its own. It holds what was written before
    /// this was called. One is made at a time.
    pub async fn back_up(&self) -> Result<Backup, Failure> {
        let (path, keys) = (self.path.clone(), Arc::clone(&self.keys));
        // Held by the thread, not by who asked: one that goes away leaves its copy being made.
        let held = Arc::clone(&self.copying).lock_owned().await;
        let run = move || {
            let _held = held;
            Ok(backup::back_up(&path, &keys)?)
        };
        tokio::task::spawn_blocking(run)
            .await
            .unwrap_or_else(|panic| Err(ReadError::Panic(panic.to_string()).into()))
    }

    /// Leaves nothing in the files of what was deleted or overwritten: rewrites the database where `compact` says so, and
    /// empties the write-ahead log. Says whether that was done: a reader in its midst puts it off.
    pub async fn scrub(&self, compact: bool) -> Result<bool, Failure> {
        self.writer.scrub(compact).await
    }

    /// What the database learned from the log as it was opened, a sentence each.
    pub fn healed(&self) -> &[String] {
        &self.healed
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

/// A pool of so many connections from the start, and so many where they are asked for together: each keeps the schema.
fn pool(path: &Path, opener: &Arc<ScheduledThreadPool>, begin: u32, size: u32) -> Result<Pool, OpenError> {
    let manager = SqliteConnectionManager::file(path)
        .with_flags(connection::reading())
        .with_init(connection::configure_reader);
    r2d2::Pool::builder()
        .thread_pool(Arc::clone(opener))
        .min_idle(Some(begin))
        .max_size(size)
        .connection_timeout(READ_WAIT)
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .build(manager)
        .map_err(OpenError::Pool)
}
