//! Use and checks, gathered in memory: a check costs a short lock on one of many shards, and no write.
//!
//! What has gathered goes into the tables, or, where it is much, into the spill ([`crate::store::Spill`]), from which it
//! gets into the tables later (`merging`). Either way it is seen by whoever looks until it is there.
//!
//! What is kept in memory is bounded: of up to [`KEPT`] things, in detail. Beyond that, which takes a disk that is full or
//! doesn't answer, there is of each further token only when and how often it was used, in some 80 bytes: when a token was
//! used last isn't forgotten while the process lives.

mod demanded;
mod merging;
mod prune;
mod shard;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

pub(super) use self::demanded::Demanded;
use self::{merging::Merging, shard::Shard};
use super::{Service, to_the_end};
use crate::{
    core::{
        checks::{Hour, Outcome, Tally},
        gathered::Gathered,
        id::{OrganizationId, TokenId},
        refusal::Failure,
        time::Instant,
        token::Token,
        uses::LastUse,
    },
    store::{Checked, Counted, Spill, Store, Used},
};

const SHARDS: usize = 16;

/// How much of a `User-Agent` is kept, in bytes.
const AGENT: usize = 120;

/// From so many things on, which are tokens mostly, the flush doesn't wait for its turn.
const MANY: usize = 6_144;

/// How many things are kept in detail at the most, those that are on their way included: some 6 MB.
pub(super) const KEPT: usize = 4 * MANY;

/// What is more than so many tokens isn't written into the tables at once.
const FEW: usize = 4_096;

/// How many tokens are written down at once: other writes have their turn in between.
const STRETCH: usize = 1_024;

/// How many rows of checks stand in the table for tokens at the most, one for each hour in which a token was checked: more
/// than a thousand tokens used in every hour of a month, in some 70 MB. Where there are more, a month isn't kept of each;
/// an organization's and the instance's is.
const MOST_HOURS: u64 = 1_000_000;

/// Checks in an hour that aren't any one token's: an organization's, or nobody's.
type Apart = (Option<OrganizationId>, Hour);

/// What is on its way.
type Batch = Vec<(TokenId, Arc<Gathered>)>;

/// Uses and checks since the last flush.
#[derive(Default)]
pub(super) struct Uses {
    shards: [Mutex<Shard>; SHARDS],
    kept: AtomicUsize,
    many: Notify,
    merging: Merging,
    /// Held while anything is on its way.
    flushing: tokio::sync::Mutex<()>,
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Uses {
    fn shard(&self, token: TokenId) -> MutexGuard<'_, Shard> {
        // The last byte of an id is random.
        lock(&self.shards[usize::from(token.0[15]) % SHARDS])
    }

    /// Changes what there is of a token, if it is still told in detail; `room` says whether more may be.
    fn change(&self, token: TokenId, change: impl FnOnce(&mut Shard, bool) -> usize) {
        let room = self.kept.load(Ordering::Relaxed) < KEPT;
        let mut shard = self.shard(token);
        let more = change(&mut shard, room);
        // Before it can be taken.
        let kept = if more > 0 { self.kept.fetch_add(more, Ordering::Relaxed) } else { MANY };
        drop(shard);
        if kept < MANY && kept + more >= MANY {
            self.flush_soon();
        }
    }

    fn note(
        &self,
        token: TokenId,
        now: Instant,
        from: Option<(Option<IpAddr>, Option<&str>)>,
        demanded: Demanded<'_>,
    ) {
        let from = from
            .map(|(address, agent)| (address, agent.map(|agent| &agent[..agent.floor_char_boundary(AGENT)])));
        self.change(token, |shard, room| shard.note(token, now, from, demanded, room));
    }

    /// Counts a check, of a token or of what isn't one.
    pub(super) fn count(&self, of: Option<&Token>, outcome: Outcome, now: Instant) {
        let hour = Hour::of(now);
        match of {
            Some(token) => self.change(token.id, |shard, room| shard.count(token, hour, outcome, room)),
            None => lock(&self.shards[0]).count_apart(None, hour, outcome),
        }
    }

    fn last(&self, token: TokenId) -> Option<LastUse> {
        self.shard(token).last(token)
    }

    /// Has a flush made soon.
    pub(super) fn flush_soon(&self) {
        self.many.notify_one();
    }

    /// Resolves when much has gathered since the last flush.
    pub(super) async fn many(&self) {
        self.many.notified().await;
    }

    /// Calls `each` with all checks that aren't written down yet: of which token if it is known, and of whose.
    pub(super) fn each_check(
        &self,
        mut each: impl FnMut(Option<TokenId>, Option<OrganizationId>, Hour, &Tally),
    ) {
        for shard in &self.shards {
            lock(shard).each_check(&mut each);
        }
    }

    /// Holds back what would be on its way: until this is dropped it is in the tables or the spill, or in memory.
    pub(super) async fn resting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.flushing.lock().await
    }

    /// What has gathered, in the order of the tables' keys, so that neighbouring rows are written together. It is seen
    /// where it is until it is [settled](Self::settle).
    fn take(&self) -> (Batch, Vec<(Apart, Tally)>) {
        let (mut batch, mut apart) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let mut shard = lock(shard);
            self.kept.fetch_add(shard.take(MANY / SHARDS, &mut batch), Ordering::Relaxed);
            apart.extend(shard.take_apart());
        }
        batch.sort_unstable_by_key(|(token, _)| *token);
        (batch, apart)
    }

    /// What was taken isn't counted any more.
    fn uncount(&self) -> usize {
        let taken = self.shards.iter().map(|shard| lock(shard).taken()).sum();
        self.kept.fetch_sub(taken, Ordering::Relaxed) - taken
    }

    /// What was taken is in the tables or the spill now.
    fn settle(&self) {
        self.shards.iter().for_each(|shard| lock(shard).settle());
    }

    /// These of what was taken couldn't be written; the others are.
    fn put_back(&self, batch: Batch, apart: Vec<(Apart, Tally)>) {
        self.uncount();
        for (token, gathered) in batch {
            let gathered = Arc::unwrap_or_clone(gathered);
            self.change(token, |shard, room| shard.put_back(token, gathered, room));
        }
        let mut first = lock(&self.shards[0]);
        for ((whose, hour), tally) in apart {
            first.add_apart(whose, hour, &tally);
        }
        drop(first);
        self.settle();
    }

    /// Writes down all that had gathered: into the tables where it isn't much, else into the spill. What is on its way is
    /// nowhere else: this is to come to its end.
    async fn write_down(&self, store: &Store) -> Result<(), Failure> {
        let _flushing = self.flushing.lock().await;
        // Of what couldn't be kept in detail there may be more than goes at once.
        loop {
            let (mut batch, mut apart) = self.take();
            if batch.is_empty() && apart.is_empty() {
                return Ok(());
            }
            if let Err(failure) = self.write(store, &mut batch, &mut apart).await {
                tracing::warn!(%failure, tokens = batch.len(), "use isn't written down yet");
                self.put_back(batch, apart);
                return Err(failure);
            }
            let left = self.uncount();
            self.settle();
            if left >= MANY {
                self.flush_soon();
            }
            if !self.shards.iter().any(|shard| lock(shard).is_bare()) {
                return Ok(());
            }
        }
    }

    /// What couldn't be written is left in what was given.
    async fn write(
        &self,
        store: &Store,
        batch: &mut Batch,
        apart: &mut Vec<(Apart, Tally)>,
    ) -> Result<(), Failure> {
        if !apart.is_empty() {
            let checks = apart.iter().flat_map(|((whose, hour), tally)| {
                let organization = whose.map(Checked::Organization);
                [Some(Checked::Instance), organization].into_iter().flatten().map(|of| (of, *hour, *tally))
            });
            store.write(Counted { checks: checks.collect(), most: MOST_HOURS }).await?;
            apart.clear();
        }
        if batch.len() > FEW {
            store.write(Spill(batch.clone())).await?;
            self.merging.spilled();
            batch.clear();
        }
        while !batch.is_empty() {
            let stretch = batch[..batch.len().min(STRETCH)].to_vec();
            let written = stretch.len();
            store.write(Used { gathered: stretch, most: MOST_HOURS }).await?;
            batch.drain(..written);
        }
        Ok(())
    }
}

impl Service {
    /// Remembers that a token was used, and what for.
    pub(super) fn note_use(
        &self,
        token: TokenId,
        now: Instant,
        address: Option<IpAddr>,
        agent: Option<&str>,
        demanded: Demanded<'_>,
    ) {
        self.uses.note(token, now, Some((address, agent)), demanded);
    }

    /// Remembers what a token was wanted for, apart from any use.
    pub(super) fn note_demand(&self, token: TokenId, demanded: Demanded<'_>) {
        self.uses.note(token, self.now(), None, demanded);
    }

    /// A token's last use of those that are neither in the tables nor in the spill yet; `None` where there is none.
    pub(super) fn gathered_use(&self, token: TokenId) -> Option<LastUse> {
        self.uses.last(token)
    }

    /// Takes what has gathered out of memory, as far as that can be done now. What is read of one token by its id holds
    /// it then; what walks the tables may not.
    pub(super) async fn flush_uses(&self) {
        // It has been logged, and stays where it is.
        let _ = self.write_uses().await;
    }

    /// Takes all that had gathered when it was called out of memory.
    pub(super) async fn write_uses(&self) -> Result<(), Failure> {
        let (uses, store) = (Arc::clone(&self.uses), Arc::clone(&self.store));
        to_the_end(async move { uses.write_down(&store).await }).await
    }
}

#[cfg(test)]
mod tests;
