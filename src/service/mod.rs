//! The use cases, one file a capability. They know rules and rows, and nothing of HTTP.

mod ending;
mod erasure;
mod hashing;
mod idempotency;
mod idle;
mod meters;
mod pace;
mod pulse;
mod reach;
mod refused;
mod rekey;
mod sign_in;
mod successors;
mod survey;
mod tarpit;
mod throttle;
mod uses;

pub mod accounts;
pub mod audit;
pub mod backups;
pub mod change;
pub mod checks;
pub mod demands;
pub mod descendants;
pub mod directory;
pub mod expiries;
pub mod feeds;
pub mod import;
pub mod introspect;
pub mod issue;
pub mod leaks;
pub mod list;
pub mod members;
pub mod modules;
pub mod organizations;
pub mod people;
pub mod peppers;
pub mod revocations;
pub mod rotate;
pub mod sessions;
pub mod stragglers;
pub mod verify;

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tracing::Instrument as _;

use self::verify::believed;
pub use self::{idle::IdleTally, successors::FirstUse, survey::Survey};
pub use crate::store::{DAYS_AHEAD, Load, VERSION as SCHEMA};
use crate::{
    core::{
        decision::{Demand, Subject, decide_again},
        event::{Deed, Event, Object, Origin},
        id::{Id, IdCounter, OrganizationId},
        keys::{Keyring, Pepper},
        refusal::{Failure, Refusal},
        secret::{ControlSecret, Entropy, random},
        time::{Clock, Instant},
    },
    store::{Generation, Keeping, OpenError, ReadError, Rows, SetUp, Store, Tx},
};

/// What jeton does, whoever asks: the server, or the command line in-process.
pub struct Service {
    store: Arc<Store>,
    keys: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    ids: IdCounter,
    control: ControlSecret,
    cache: verify::Cache,
    rekeys: rekey::Rekeys,
    uses: Arc<uses::Uses>,
    pace: pace::Pace,
    surveyed: survey::Surveyed,
    database: PathBuf,
    meters: Arc<meters::Meters>,
    hasher: hashing::Hasher,
    throttle: throttle::Throttle,
    throttled: refused::Throttled,
    tarpit: tarpit::Tarpit,
    refusals: refused::Refusals,
    rotations: successors::Rotations,
    erasing: tokio::sync::Notify,
    idle: idle::Idle,
    replies: Arc<idempotency::Replies>,
    /// Whether there is any token that was made elsewhere: without one, what isn't of our form isn't looked up.
    any_foreign: AtomicBool,
}

/// What a service is opened with.
pub struct Opening {
    /// The database file.
    pub database: PathBuf,
    /// The content of the pepper file.
    pub pepper: Pepper,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What makes a caller the local operator.
    pub control: ControlSecret,
    /// How the files are kept.
    pub keeping: Keeping,
}

/// Who asks, once known: a genuine credential that met its demand, and where it came from.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose credential it was.
    pub subject: Subject,
    /// What it had to meet.
    pub demand: Demand<'static>,
    /// The peer's address; `None` for a Unix socket and in-process.
    pub address: Option<IpAddr>,
    /// That it was the first use of a token that waits for one.
    pub first_use: Option<FirstUse>,
}

impl Caller {
    /// Who acts and from where, for the record.
    pub fn origin(&self) -> Origin {
        Origin { actor: self.subject.actor(), address: self.address.map(|address| address.to_string()) }
    }

    /// What the caller did to something in an organization; `detail` names the fields that changed.
    fn event(
        &self,
        deed: Deed,
        object: impl Into<Object>,
        organization: OrganizationId,
        detail: impl Into<String>,
        at: Instant,
    ) -> Event {
        let (object, organization, detail) = (object.into(), Some(organization), detail.into());
        Event { at, origin: self.origin(), deed, object, organization, detail }
    }

    /// Decides again inside the writer's transaction: whatever was revoked since the request came in is revoked here.
    pub(crate) fn decide_again(&self, tx: &mut Tx<'_>, now: Instant) -> Result<Subject, Failure> {
        let subject = match &self.subject {
            Subject::Local => Subject::Local,
            Subject::Token(standing) => {
                let id = standing.token.id;
                let standing = tx.standing_at_first(id)?;
                Subject::Token(standing.ok_or_else(|| Failure::broken(format!("token {id} is gone")))?)
            }
            Subject::Session(session, account) => {
                // Signed out meanwhile, or disabled, which ends them all.
                let session = believed(tx.session(session.id))?.ok_or(Refusal::SessionEnded)?;
                let user = tx.user(account.user.id)?.ok_or(Refusal::SessionEnded)?;
                let home = user.home;
                Subject::Session(session, Arc::new(tx.account(user, home)?))
            }
            Subject::Password(account) => {
                let id = account.user.id;
                let user = tx.user(id)?.ok_or_else(|| Failure::broken(format!("user {id} is gone")))?;
                let home = user.home;
                Subject::Password(Arc::new(tx.account(user, home)?))
            }
        };
        decide_again(&subject, self.demand, now)?;
        Ok(subject)
    }
}

/// Does work that isn't to stop half-way where whoever asked for it goes away: a request's own future ends then.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|panic| Err(ReadError::Panic(panic.to_string()).into()))
}

/// How often what gathers in memory is written down.
const FLUSH_EVERY: Duration = Duration::from_secs(5);

impl Service {
    /// Opens the database, set up anew where there is none, and all that stands on it. Blocks.
    pub fn open(opening: Opening) -> Result<Arc<Self>, OpenError> {
        let Opening { database, pepper, clock, entropy, control, keeping } = opening;
        let keys = Arc::new(Keyring::new(&pepper));
        let ids = IdCounter::default();
        let set_up = |now, entropy: &dyn Entropy| SetUp {
            instance: random(entropy),
            organization: ids.next(now, random(entropy)),
            now,
        };
        let time = Arc::clone(&clock);
        let store = Store::open(&database, Arc::clone(&keys), time, entropy.as_ref(), &keeping, set_up)?;
        let replies = idempotency::Replies::load(&store, clock.now(), clock.elapsed())
            .map_err(|error| OpenError::SetUp(error.to_string()))?;
        let any_foreign =
            store.read(|rows| rows.any_foreign()).map_err(|error| OpenError::SetUp(error.to_string()))?;
        let rotations = successors::Rotations::watching(clock.as_ref());
        let hasher = hashing::Hasher::start(Arc::clone(&entropy))?;
        Ok(Arc::new(Self {
            store: Arc::new(store),
            keys,
            clock,
            entropy,
            ids,
            control,
            cache: verify::Cache::new(),
            rekeys: rekey::Rekeys::default(),
            uses: Arc::default(),
            pace: pace::Pace::default(),
            surveyed: survey::Surveyed::default(),
            database,
            meters: Arc::default(),
            hasher,
            throttle: throttle::Throttle::default(),
            throttled: refused::Throttled::default(),
            tarpit: tarpit::Tarpit::default(),
            refusals: refused::Refusals::default(),
            rotations,
            erasing: tokio::sync::Notify::new(),
            idle: idle::Idle::default(),
            replies: Arc::new(replies),
            any_foreign: AtomicBool::new(any_foreign),
        }))
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether it can both read and write.
    pub fn is_ready(&self) -> bool {
        self.store.is_writable() && self.has_users().is_ok()
    }

    /// What the writer has to do and how it goes.
    pub fn writer_load(&self) -> Load {
        self.store.load()
    }

    /// Whether there is any user at all.
    pub fn has_users(&self) -> Result<bool, Failure> {
        Ok(self.store.read(|rows| rows.any_user())?)
    }

    /// Resolves once nothing can be written safely any more: the process must end.
    pub async fn failed(&self) {
        self.store.failed().await;
    }

    /// Answers from now on as soon as it can, those who are held back included: the door closes.
    pub fn hold_back_nobody(&self) {
        self.tarpit.drain();
    }

    /// Writes down what gathers in memory every few seconds, or sooner where much has gathered, and undoes rotations that
    /// nobody used; ends with the process.
    pub async fn keep_uses(&self) {
        tokio::join!(self.keep_flushing(), self.keep_merging());
    }

    async fn keep_flushing(&self) {
        loop {
            let _ = tokio::time::timeout(FLUSH_EVERY, self.uses.many()).await;
            self.flush_uses().await;
            self.flush_rekeys().await;
            self.flush_meters().await;
            self.flush_throttled().await;
            self.flush_superseded().await;
            self.undo_rotations().await;
            self.sweep_sessions().await;
        }
    }

    /// Writes down what has gathered, and closes the store. What comes after is answered busy.
    pub async fn shut_down(self: &Arc<Self>) {
        self.flush_uses().await;
        self.flush_rekeys().await;
        self.flush_meters().await;
        self.flush_throttled().await;
        self.flush_superseded().await;
        self.flush_lived().await;
        if let Err(failure) = self.wipe_replies().await {
            tracing::warn!(%failure, "replies that arrived are wiped when their tokens are used again");
        }
        let service = Arc::clone(self);
        // A panic in there has been logged; there is nothing more to close.
        let _ = tokio::task::spawn_blocking(move || service.store.close()).await;
    }

    /// Runs a short read that may also refuse.
    fn look<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        self.store.read(|rows| Ok(read(rows)))?
    }

    /// How many short reads this thread has run: what was answered without one was at hand.
    pub fn reads_of_this_thread() -> u64 {
        Store::reads_of_this_thread()
    }

    fn generation(&self) -> Generation {
        self.store.generation()
    }

    fn new_id<K>(&self, now: Instant) -> Id<K> {
        self.ids.next(now, random(self.entropy.as_ref()))
    }
}

#[cfg(test)]
mod tests;
