//! Use, gathered in memory: a check costs a short lock on one of many shards, and no write.

mod demanded;
mod gathered;
mod prune;

use std::{
    collections::HashMap,
    mem,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

pub(super) use self::demanded::Demanded;
use self::gathered::{From, Gathered};
use super::{Service, to_the_end};
use crate::{
    core::{id::TokenId, refusal::Failure, time::Instant, uses::LastUse},
    store::{Store, Used},
};

const SHARDS: usize = 16;

/// From so many sources and demands on the flush doesn't wait for its turn.
const MANY: usize = 16_384;

/// How many tokens are written down at once: other writes have their turn in between.
const STRETCH: usize = 1_024;

/// Uses since the last flush.
#[derive(Default)]
pub(super) struct Uses {
    shards: [Mutex<HashMap<TokenId, Gathered>>; SHARDS],
    kept: AtomicUsize,
    many: Notify,
    /// Held while uses are on their way: whoever comes after finds them written, or here.
    flushing: tokio::sync::Mutex<()>,
}

impl Uses {
    fn shard(&self, token: TokenId) -> MutexGuard<'_, HashMap<TokenId, Gathered>> {
        // The last byte of an id is random.
        let shard = &self.shards[usize::from(token.0[15]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, token: TokenId, now: Instant, from: Option<From<'_>>, demanded: Demanded<'_>) {
        let mut shard = self.shard(token);
        let gathered = shard.entry(token).or_default();
        let before = gathered.len();
        if let Some(from) = from {
            gathered.add_use(from, now);
        }
        gathered.add_demand(demanded, now);
        let more = gathered.len() - before;
        drop(shard);
        if more > 0 {
            let kept = self.kept.fetch_add(more, Ordering::Relaxed);
            if kept < MANY && kept + more >= MANY {
                self.flush_soon();
            }
        }
    }

    fn last(&self, token: TokenId) -> Option<LastUse> {
        self.shard(token).get(&token).and_then(Gathered::last)
    }

    /// Has a flush made soon.
    pub(super) fn flush_soon(&self) {
        self.many.notify_one();
    }

    /// Resolves when much has gathered since the last flush.
    pub(super) async fn many(&self) {
        self.many.notified().await;
    }

    fn take(&self) -> Vec<(TokenId, Gathered)> {
        self.kept.store(0, Ordering::Relaxed);
        let shards = self
            .shards
            .iter()
            .map(|shard| mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        let mut uses: Vec<_> = shards.flatten().collect();
        // In the order of the table's keys, so that neighbouring rows are written together.
        uses.sort_unstable_by_key(|(token, _)| *token);
        uses
    }

    fn put_back(&self, uses: impl IntoIterator<Item = (TokenId, Gathered)>) {
        for (token, gathered) in uses {
            self.shard(token).entry(token).or_default().add_earlier(gathered);
        }
    }

    /// Writes down all that has gathered. What is on its way is nowhere else: this is to come to its end.
    async fn write_down(&self, store: &Store) -> Result<(), Failure> {
        let _flushing = self.flushing.lock().await;
        let mut uses = self.take().into_iter();
        loop {
            let stretch: Vec<_> = uses.by_ref().take(STRETCH).collect();
            if stretch.is_empty() {
                return Ok(());
            }
            let write = stretch.iter().map(|(token, gathered)| (*token, gathered.to_write())).collect();
            if let Err(failure) = store.write(Used(write)).await {
                tracing::warn!(%failure, tokens = stretch.len() + uses.len(), "use isn't written down yet");
                self.put_back(stretch.into_iter().chain(uses));
                return Err(failure);
            }
        }
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
        self.uses.note(token, now, Some(From::new(address, agent)), demanded);
    }

    /// Remembers what a token was wanted for, apart from any use.
    pub(super) fn note_demand(&self, token: TokenId, demanded: Demanded<'_>) {
        self.uses.note(token, self.now(), None, demanded);
    }

    /// A token's last use of those that aren't written down yet; `None` where there is none.
    pub(super) fn gathered_use(&self, token: TokenId) -> Option<LastUse> {
        self.uses.last(token)
    }

    /// Writes down what has gathered, as far as that can be done now.
    pub(super) async fn flush_uses(&self) {
        // It has been logged, and stays where it is.
        let _ = self.write_uses().await;
    }

    /// Writes down all that had gathered when it was called, so that whatever is read then holds it.
    pub(super) async fn write_uses(&self) -> Result<(), Failure> {
        let (uses, store) = (Arc::clone(&self.uses), Arc::clone(&self.store));
        to_the_end(async move { uses.write_down(&store).await }).await
    }
}

#[cfg(test)]
mod tests;
