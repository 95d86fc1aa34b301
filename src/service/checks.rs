//! How many checks there were in each hour: counted in memory by what came of them, written down in batches, shown to
//! whoever watches over the tokens.
//!
//! A check costs a short lock on one of many shards, and no write. What an organization had and what all had is the sum
//! of what their tokens had, made when it is written down.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time,
};

use super::{
    Caller, Service,
    list::may_see,
    reach::{Place, Reach},
    to_the_end,
};
use crate::{
    core::{
        checks::{Endpoint, History, Hour, Outcome, Tally},
        id::{OfToken, OrganizationId, Reference, TokenId},
        refusal::{Failure, Refusal},
        time::Instant,
        token::Token,
    },
    store::{Checked, Counted, Rows, Store},
};

const SHARDS: usize = 16;

/// From so many tokens on the flush doesn't wait for its turn.
const MANY: usize = 16_384;

/// How many tokens are written down at once: other writes have their turn in between.
const STRETCH: usize = 1_024;

/// How many rows of tokens stand in the table at the most, one for each hour in which a token was checked: more than a
/// thousand tokens used in every hour of a month, in some 70 MB. Where there are more, a month isn't kept of each;
/// an organization's and the instance's is.
const MOST: u64 = 1_000_000;

/// What stands in the place of a token that isn't one.
const NOBODYS: TokenId = TokenId::from_bytes([0; 16]);

/// A token's checks in an hour. What isn't a token is in no organization.
#[derive(Clone)]
struct Gathered {
    organization: Option<OrganizationId>,
    tally: Tally,
}

impl Gathered {
    /// Whose they are, all in all.
    fn of(&self, token: TokenId) -> impl Iterator<Item = Checked> {
        let own = self.organization.map(|organization| [organization.into(), Checked::Token(token)]);
        std::iter::once(Checked::Instance).chain(own.into_iter().flatten())
    }
}

impl From<OrganizationId> for Checked {
    fn from(organization: OrganizationId) -> Self {
        Self::Organization(organization)
    }
}

type Shard = HashMap<(TokenId, Hour), Gathered>;

/// Checks since the last flush.
#[derive(Default)]
pub(super) struct Checks {
    shards: [Mutex<Shard>; SHARDS],
    kept: AtomicUsize,
    /// Held while checks are on their way: whoever comes after finds them written, or here.
    flushing: tokio::sync::Mutex<()>,
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checks {
    fn shard(&self, token: TokenId) -> MutexGuard<'_, Shard> {
        // The last byte of an id is random.
        lock(&self.shards[usize::from(token.0[15]) % SHARDS])
    }

    /// Counts one; says whether so many have gathered just now that they should be written down.
    fn count(&self, of: Option<&Token>, outcome: Outcome, now: Instant) -> bool {
        let token = of.map_or(NOBODYS, |token| token.id);
        let mut shard = self.shard(token);
        let before = shard.len();
        let fresh = || Gathered { organization: of.map(|token| token.organization), tally: Tally::default() };
        shard.entry((token, Hour::of(now))).or_insert_with(fresh).tally.count(outcome);
        let more = shard.len() - before;
        drop(shard);
        more > 0 && self.kept.fetch_add(more, Ordering::Relaxed) + more == MANY
    }

    fn take(&self) -> Vec<((TokenId, Hour), Gathered)> {
        self.kept.store(0, Ordering::Relaxed);
        let mut checks: Vec<_> = self.shards.iter().flat_map(|shard| mem::take(&mut *lock(shard))).collect();
        // In the order of the table's keys, so that neighbouring rows are written together.
        checks.sort_unstable_by_key(|(of, _)| *of);
        checks
    }

    fn put_back(&self, gathered: impl IntoIterator<Item = ((TokenId, Hour), Gathered)>) {
        for ((token, hour), earlier) in gathered {
            let mut shard = self.shard(token);
            let there = shard.entry((token, hour)).or_insert(Gathered { tally: Tally::default(), ..earlier });
            there.tally.add(&earlier.tally);
        }
    }

    /// Adds what isn't written down yet.
    fn add_to(&self, history: &mut History, of: Checked) {
        for shard in &self.shards {
            for ((token, hour), gathered) in lock(shard).iter() {
                if gathered.of(*token).any(|whose| whose == of) {
                    history.add(*hour, &gathered.tally);
                }
            }
        }
    }

    /// Writes down all that has gathered. What is on its way is nowhere else: this is to come to its end.
    async fn write_down(&self, store: &Store) -> Result<(), Failure> {
        let _flushing = self.flushing.lock().await;
        let mut checks = self.take().into_iter();
        loop {
            let stretch: Vec<_> = checks.by_ref().take(STRETCH).collect();
            if stretch.is_empty() {
                return Ok(());
            }
            if let Err(failure) = store.write(Counted { checks: sums(&stretch), most: MOST }).await {
                tracing::warn!(%failure, "checks aren't written down yet");
                self.put_back(stretch.into_iter().chain(checks));
                return Err(failure);
            }
        }
    }
}

/// Each token's, each organization's and all: in the order of the table, more or less, so that neighbouring rows are
/// written together.
fn sums(gathered: &[((TokenId, Hour), Gathered)]) -> Vec<(Checked, Hour, Tally)> {
    let mut sums: BTreeMap<(Checked, Hour), Tally> = BTreeMap::new();
    for ((token, hour), gathered) in gathered {
        for of in gathered.of(*token) {
            sums.entry((of, *hour)).or_default().add(&gathered.tally);
        }
    }
    sums.into_iter().map(|((of, hour), tally)| (of, hour, tally)).collect()
}

/// Whose checks are asked for; the whole instance's where neither is named.
#[derive(Clone, Debug, Default)]
pub struct CheckQuery {
    /// An organization's, by slug or any id.
    pub organization: Option<String>,
    /// A token's; then no organization is named.
    pub token: Option<Reference<OfToken>>,
    /// How many hours of them.
    pub hours: u16,
}

impl Service {
    /// Counts what came of a check, of a token or of what isn't one.
    pub(super) fn count_check(
        &self,
        of: Option<&Token>,
        outcome: Option<Outcome>,
        now: Instant,
        endpoint: Endpoint,
        began: time::Instant,
    ) {
        let Some(outcome) = outcome else { return };
        self.pace.count(endpoint, outcome, began);
        if self.checks.count(of, outcome, now) {
            self.uses.flush_soon();
        }
    }

    /// Writes down the checks that have gathered, as far as that can be done now.
    pub(super) async fn flush_checks(&self) {
        let (checks, store) = (Arc::clone(&self.checks), Arc::clone(&self.store));
        // A failure has been logged, and they stay where they are.
        let _ = to_the_end(async move { checks.write_down(&store).await }).await;
    }

    /// The checks of the last hours up to now: the instance's for who operates it, an organization's for who manages it, a
    /// token's for whoever sees it.
    pub async fn checks(&self, caller: &Caller, query: CheckQuery) -> Result<History, Failure> {
        let now = self.now();
        let CheckQuery { organization, token, hours } = query;
        let of = self.look(|rows| watched(rows, caller, organization.as_deref(), token.as_ref(), now))?;
        // Nothing is on its way between the table and what is added to it.
        let _resting = self.checks.flushing.lock().await;
        let mut history = History::until(now, hours);
        let (first, last) = (history.first(), Hour::of(now));
        let written = self.store.read_apart(move |rows| Ok(rows.checks(of, first, last)?)).await?;
        for (hour, tally) in &written {
            history.add(*hour, tally);
        }
        self.checks.add_to(&mut history, of);
        Ok(history)
    }
}

/// Whose checks the caller may look at of what is named.
fn watched(
    rows: &Rows<'_>,
    caller: &Caller,
    organization: Option<&str>,
    token: Option<&Reference<OfToken>>,
    now: Instant,
) -> Result<Checked, Failure> {
    let subject = &caller.subject;
    let reach = Reach::of(rows, subject, now)?;
    if let Some(reference) = token {
        let token = rows.token_by(reference)?.filter(|token| may_see(subject, &reach, token));
        return Ok(Checked::Token(token.ok_or(Refusal::NotFound { what: "token" })?.id));
    }
    if organization.is_some() {
        return Ok(Place::meant(rows, subject, &reach, organization)?.managed()?.id.into());
    }
    reach.instance()?;
    Ok(Checked::Instance)
}

#[cfg(test)]
mod tests;
