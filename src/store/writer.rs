//! The one writer: applies writes in order, lets as many as are waiting share a commit, answers after it.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi::SQLITE_IOERR_GETTEMPPATH};
use tokio::sync::{Notify, oneshot};

use super::{
    connection::Checkpoints,
    events::Chain,
    journal::Journal,
    ledger::Ledger,
    reserve::Reserve,
    rows::{ReadError, Rows},
    schema::OpenError,
    scrub::scrub,
};
use crate::core::{
    decision::Standing,
    histogram::{Durations, Histogram},
    id::TokenId,
    keys::Keyring,
    refusal::{Failure, Refusal},
    time::Clock,
};

/// How many writes may wait. At 10,000 a second that is a tenth of one; what comes on top is answered busy.
const QUEUE: usize = 1_024;

/// How many writes share a commit at the most: it bounds how long the first of them waits.
const BATCH: usize = 256;

/// How many commits that could change a decision there have been, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

/// What the writer has to do and how it goes.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Orders that wait for it.
    pub waiting: i64,
    /// How long its commits took, the sync included.
    pub commits: Durations,
    /// Commits that failed, since the start.
    pub failed: u64,
}

/// A mutation as a value: it holds all it needs, time, ids and randomness included, and applies itself the same way
/// each time.
pub trait Write: Send + 'static {
    /// What it answers.
    type Output: Send + 'static;

    /// Whether a decision may come out differently after it.
    const REVISES: bool;

    /// Whether it fails before it has changed anything, or not at all. Such a write needs no savepoint, which costs a copy
    /// of each page that it changes; one that fails later all the same takes its whole batch with it.
    const FAILS_FIRST: bool = false;

    /// Applies it. A failure undoes what this write did and nothing else.
    fn apply(self, tx: &mut Tx<'_>) -> Result<Self::Output, Failure>;
}

/// What a write applies itself to: reads see all writes before it.
pub struct Tx<'c> {
    rows: Rows<'c>,
    pub(super) chain: Chain,
    pub(super) ledger: Ledger,
    /// Read by the writes of this batch, of which none that revises came after them.
    standings: HashMap<TokenId, Arc<Standing>>,
}

impl<'c> Tx<'c> {
    pub(super) fn new(connection: &'c Connection, keys: &'c Keyring) -> Result<Self, ReadError> {
        let rows = Rows::new(connection, keys);
        let chain = rows.end_of_chain()?;
        Ok(Self { rows, chain, ledger: Ledger::default(), standings: HashMap::new() })
    }

    /// A token with all around it that a decision reads, as this write finds it: to be asked before it changes anything.
    /// Where many are asked for by one token, that is read once for all that share a commit.
    pub fn standing_at_first(&mut self, id: TokenId) -> Result<Option<Arc<Standing>>, ReadError> {
        if let Some(standing) = self.standings.get(&id) {
            return Ok(Some(Arc::clone(standing)));
        }
        let Some(standing) = self.standing(id)?.map(Arc::new) else { return Ok(None) };
        self.standings.insert(id, Arc::clone(&standing));
        Ok(Some(standing))
    }

    pub(super) fn execute(
        &self,
        sql: &'static str,
        params: impl rusqlite::Params,
    ) -> Result<usize, ReadError> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Rows<'c>;

    fn deref(&self) -> &Rows<'c> {
        &self.rows
    }
}

/// A queued write, its type forgotten.
trait Job: Send {
    fn revises(&self) -> bool;
    fn fails_first(&self) -> bool;
    /// Applies it and keeps the outcome; says why where its changes don't stand.
    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), &Failure>;
    /// Answers, once what it did is on disk or undone.
    fn answer(self: Box<Self>, committed: Result<(), Failure>);
}

struct Pending<W: Write> {
    write: Option<W>,
    outcome: Option<Result<W::Output, Failure>>,
    reply: oneshot::Sender<Result<W::Output, Failure>>,
}

impl<W: Write> Job for Pending<W> {
    fn revises(&self) -> bool {
        W::REVISES
    }

    fn fails_first(&self) -> bool {
        W::FAILS_FIRST
    }

    fn apply(&mut self, tx: &mut Tx<'_>) -> Result<(), &Failure> {
        let write = self.write.take().expect("a job is applied once");
        self.outcome.insert(write.apply(tx)).as_ref().map(|_| ())
    }

    fn answer(self: Box<Self>, committed: Result<(), Failure>) {
        let outcome = match (committed, self.outcome) {
            // A refusal read what the batch wrote before it: it is as good as the commit.
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(Failure::Busy),
            (Err(failure), _) => Err(failure),
        };
        // Whoever asked may have gone; what was asked is done all the same.
        let _ = self.reply.send(outcome);
    }
}

/// What the writer's thread is asked for.
enum Order {
    Write(Box<dyn Job>),
    /// To scrub the files, rewriting the database or not.
    Scrub(bool, oneshot::Sender<Result<bool, Failure>>),
}

#[derive(Default)]
struct Shared {
    generation: AtomicU64,
    failed: AtomicBool,
    failure: Notify,
    waiting: AtomicI64,
    commits: Histogram,
    failed_commits: AtomicU64,
}

/// The handle to the writer's thread.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Order>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn start(files: Files, keys: Arc<Keyring>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (sender, receiver) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("writer".into()).spawn(move || {
            run(files, &keys, clock.as_ref(), &receiver, &for_thread);
        })?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), shared })
    }

    pub(super) async fn submit<W: Write>(&self, write: W) -> Result<W::Output, Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Order::Write(Box::new(Pending { write: Some(write), outcome: None, reply })))?;
        answer.await.unwrap_or(Err(Failure::Busy))
    }

    pub(super) async fn scrub(&self, compact: bool) -> Result<bool, Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Order::Scrub(compact, reply))?;
        answer.await.unwrap_or(Err(Failure::Busy))
    }

    fn send(&self, order: Order) -> Result<(), Failure> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is there: the writer takes it off only afterwards.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        match queue.as_ref().map(|queue| queue.try_send(order)) {
            Some(Ok(())) => Ok(()),
            None | Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) => {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(Failure::Busy)
            }
        }
    }

    pub(super) fn load(&self) -> Load {
        Load {
            waiting: self.shared.waiting.load(Ordering::Relaxed),
            commits: self.shared.commits.read(),
            failed: self.shared.failed_commits.load(Ordering::Relaxed),
        }
    }

    pub(super) fn generation(&self) -> Generation {
        Generation(self.shared.generation.load(Ordering::Acquire))
    }

    pub(super) fn is_open(&self) -> bool {
        !self.shared.failed.load(Ordering::Acquire)
            && self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) async fn failed(&self) {
        let notified = self.shared.failure.notified();
        tokio::pin!(notified);
        // Listening before looking: a failure between the two isn't missed.
        notified.as_mut().enable();
        if !self.shared.failed.load(Ordering::Acquire) {
            notified.await;
        }
    }

    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

/// Fails the store when its thread dies of a panic: nobody would be writing any more.
struct FailOnPanic<'a>(&'a Shared);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}

impl Shared {
    fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.failure.notify_waiters();
    }
}

/// All that is written to.
pub(super) struct Files {
    pub(super) connection: Connection,
    pub(super) checkpoints: Checkpoints,
    pub(super) journal: Journal,
    pub(super) reserve: Reserve,
}

fn run(mut files: Files, keys: &Keyring, clock: &dyn Clock, queue: &Receiver<Order>, shared: &Shared) {
    let _guard = FailOnPanic(shared);
    while let Ok(first) = queue.recv() {
        let (mut batch, mut scrubs) = (Vec::new(), Vec::new());
        for order in std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)) {
            match order {
                Order::Write(job) => batch.push(job),
                Order::Scrub(compact, reply) => scrubs.push((compact, reply)),
            }
        }
        let taken = i64::try_from(batch.len() + scrubs.len()).unwrap_or(i64::MAX);
        shared.waiting.fetch_sub(taken, Ordering::Relaxed);
        if shared.failed.load(Ordering::Acquire) {
            for job in batch {
                job.answer(Err(Failure::Busy));
            }
            // Those who asked for a scrub see that nobody answers.
            continue;
        }
        if !batch.is_empty() && files.reserve.is_low(batch.iter().any(|job| job.revises())) {
            // What room there is left is for ending what must not go on.
            for job in batch.extract_if(.., |job| !job.revises()) {
                job.answer(Err(Failure::StorageFull));
            }
        }
        let began = Instant::now();
        let committed =
            if batch.is_empty() { Ok(false) } else { commit(&mut files, keys, clock, &mut batch) };
        match &committed {
            _ if batch.is_empty() => {}
            Ok(_) => shared.commits.note(began.elapsed()),
            Err(_) => drop(shared.failed_commits.fetch_add(1, Ordering::Relaxed)),
        }
        match &committed {
            // Before the replies: what was decided on older rows is no longer believed when they arrive.
            Ok(true) => {
                shared.generation.fetch_add(1, Ordering::AcqRel);
            }
            Ok(false) => {}
            Err(error) if is_final(error) => {
                tracing::error!(%error, "the database can't be written safely any more: stopping");
                shared.fail();
            }
            Err(error) => tracing::error!(%error, "a commit failed: nothing of it stands"),
        }
        for job in batch {
            job.answer(match &committed {
                Ok(_) => Ok(()),
                Err(error) if error.is_full() => Err(Failure::StorageFull),
                Err(ReadError::Sql(_) | ReadError::HalfWay(_)) => Err(Failure::Busy),
                Err(error) => Err(Failure::broken(error)),
            });
        }
        for (compact, reply) in scrubs {
            let scrubbed = scrub(&files.connection, files.checkpoints, compact);
            if let Err(error) = &scrubbed {
                tracing::warn!(%error, "the files aren't scrubbed yet");
                if is_final(error) {
                    shared.fail();
                }
            }
            let _ = reply.send(scrubbed.map_err(Failure::from));
        }
    }
    if let Err(error) = scrub(&files.connection, files.checkpoints, false) {
        tracing::warn!(%error, "the write-ahead log stays: the next start reads it");
    }
}

/// Applies a batch in one transaction; says whether a decision may come out differently now.
fn commit(
    files: &mut Files,
    keys: &Keyring,
    clock: &dyn Clock,
    batch: &mut [Box<dyn Job>],
) -> Result<bool, ReadError> {
    let Files { connection, journal, .. } = files;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut tx = Tx::new(&transaction, keys)?;
    let (mut revises, mut stands) = (false, false);
    for job in batch {
        if apply(job.as_mut(), &mut tx)? {
            stands = true;
            revises |= job.revises();
        }
    }
    if !stands {
        // Nothing but refusals: no sync for them.
        return Ok(false);
    }
    tx.settle()?;
    let now = clock.now();
    tx.execute("UPDATE clock SET seen_at = max(seen_at, ?)", [now])?;
    if tx.ledger.fates.is_empty() {
        transaction.commit()?;
        return Ok(revises);
    }
    // Before the commit: what the log doesn't know could come back with an older database.
    let written = match journal.append(&mut tx, now) {
        Ok(()) => transaction.commit().map_err(ReadError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        // Where it isn't known whether it is on disk, the next start makes it so.
        if !is_final(&error) {
            journal.take_back()?;
        }
        return Err(error);
    }
    Ok(revises)
}

/// Applies one of a batch; says whether its changes stand.
fn apply(job: &mut dyn Job, tx: &mut Tx<'_>) -> Result<bool, ReadError> {
    let (chain, ledger) = (tx.chain.mark(), tx.ledger.mark());
    let changes = tx.connection.total_changes();
    let is_undone = !job.fails_first();
    if is_undone {
        tx.execute("SAVEPOINT write", [])?;
    }
    let applied = job.apply(tx);
    let stands = applied.is_ok();
    if let Err(failure) = applied {
        if !is_undone && tx.connection.total_changes() != changes {
            return Err(match failure {
                Failure::StorageFull => ReadError::Full,
                failure => ReadError::HalfWay(format!("{failure:?}")),
            });
        }
        tx.chain.back_to(chain);
        tx.ledger.back_to(ledger);
        if is_undone {
            tx.execute("ROLLBACK TO write", [])?;
        }
    }
    if is_undone {
        tx.execute("RELEASE write", [])?;
    }
    if job.revises() {
        tx.standings.clear();
    }
    Ok(stands)
}

/// Whether an error leaves it unknown what is on disk: nothing may be retried over it.
fn is_final(error: &ReadError) -> bool {
    match error {
        // Nowhere to put a temporary file: the database itself is as it was.
        error if error.is_full() => false,
        ReadError::Journal(_) => true,
        ReadError::Sql(error) if extended(error) == Some(SQLITE_IOERR_GETTEMPPATH) => false,
        ReadError::Sql(error) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
        _ => false,
    }
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

impl Tx<'_> {
    /// Refuses a name that is taken already, by its unique column.
    pub(super) fn unless_taken(result: Result<usize, ReadError>, field: &'static str) -> Result<(), Failure> {
        match result {
            Ok(_) => Ok(()),
            Err(ReadError::Sql(error))
                if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
            {
                Err(Refusal::Taken { field }.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
