//! Merging the spill into the tables: at a bounded share of the time, unless somebody waits for it or there is too much.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::MOST_HOURS;
use crate::{
    core::{id::TokenId, refusal::Failure},
    service::{Service, to_the_end},
    store::{Merge, Store},
};

/// So long after the last spill things are quiet.
const QUIET: Duration = Duration::from_secs(10);

/// How long a list waits for uses that aren't in the tables yet. Those of a minute in which each check was of another token
/// take longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many times as long as a merge took is waited before the next: while things are quiet, and while they aren't.
const REST_IN_QUIET: u32 = 1;
const REST: u32 = 7;

pub(super) struct Merging {
    soon: Notify,
    /// Or when the process began, which may well have been under load.
    last_spill: Mutex<Instant>,
    /// Held by whoever merges all: who comes after finds it done, but for what was spilled meanwhile.
    one: Arc<tokio::sync::Mutex<()>>,
}

impl Default for Merging {
    fn default() -> Self {
        Self { soon: Notify::new(), last_spill: Mutex::new(Instant::now()), one: Arc::default() }
    }
}

impl Merging {
    /// Something was spilled.
    pub(super) fn spilled(&self) {
        *self.last_spill.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.soon.notify_one();
    }

    fn is_quiet(&self) -> bool {
        let last = *self.last_spill.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() >= QUIET
    }

    /// How long to wait after a merge that nobody waits for.
    fn rest(&self, began: Instant) -> Duration {
        began.elapsed() * if self.is_quiet() { REST_IN_QUIET } else { REST }
    }
}

impl Service {
    /// Merges the spill into the tables, that of an earlier process included; ends with the process.
    pub(in crate::service) async fn keep_merging(&self) {
        loop {
            match self.merge_some().await {
                Ok(Some(pause)) => sleep(pause).await,
                Ok(None) => self.uses.merging.soon.notified().await,
                Err(failure) => {
                    tracing::warn!(%failure, "spilled uses aren't merged yet");
                    sleep(QUIET).await;
                }
            }
        }
    }

    /// Merges some of the spill where it is time for that; says how long to wait before more, `None` where there is none.
    async fn merge_some(&self) -> Result<Option<Duration>, Failure> {
        let spilled = self.store.read(|rows| rows.spilled())?;
        let Some(largest) = spilled.largest() else { return Ok(None) };
        let quiet = self.uses.merging.is_quiet();
        if !quiet && spilled.bytes < spilled.most / 2 {
            // Less is written where more is merged at once.
            return Ok(Some(LOOK_EVERY));
        }
        let began = Instant::now();
        self.store.write(Merge { part: largest, most_hours: MOST_HOURS }).await?;
        let rest = if spilled.bytes >= spilled.most { Duration::ZERO } else { self.uses.merging.rest(began) };
        Ok(Some(rest))
    }

    /// Brings all that had gathered when it was called into the tables, for what walks them; as far as that can be done
    /// now.
    pub(in crate::service) async fn settle_uses(&self) {
        settled(self.settle_all_uses().await);
    }

    /// The same for a list: busy where that takes long. It goes on all the same.
    pub(in crate::service) async fn settle_uses_soon(&self) -> Result<(), Failure> {
        settled(timeout(PATIENCE, self.settle_all_uses()).await.map_err(|_| Failure::Busy)?);
        Ok(())
    }

    /// The same, and a failure where that can't be done.
    pub(in crate::service) async fn settle_all_uses(&self) -> Result<(), Failure> {
        self.write_uses().await?;
        let (store, one) = (Arc::clone(&self.store), Arc::clone(&self.uses.merging.one));
        let merge_all = async move {
            let _one = one.lock_owned().await;
            merge(&store, spilled_parts(&store)?).await
        };
        to_the_end(merge_all).await
    }

    /// The same for what is in no hurry, with rests, so that checks go on as before.
    pub(in crate::service) async fn settle_uses_slowly(&self) {
        settled(self.settle_all_uses_slowly().await);
    }

    async fn settle_all_uses_slowly(&self) -> Result<(), Failure> {
        self.write_uses().await?;
        for part in spilled_parts(&self.store)? {
            let began = Instant::now();
            self.merge(vec![part]).await?;
            sleep(self.uses.merging.rest(began)).await;
        }
        Ok(())
    }

    /// Brings what had gathered of some tokens into the tables.
    pub(in crate::service) async fn settle_uses_of(&self, tokens: &[TokenId]) -> Result<(), Failure> {
        self.write_uses().await?;
        let mut parts = Vec::new();
        for token in tokens {
            parts.extend(self.store.read(|rows| rows.part_of(*token))?);
        }
        parts.sort_unstable();
        parts.dedup();
        self.merge(parts).await
    }

    async fn merge(&self, parts: Vec<i64>) -> Result<(), Failure> {
        if parts.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        to_the_end(async move { merge(&store, parts).await }).await
    }
}

/// What isn't settled stays where it is.
fn settled(result: Result<(), Failure>) {
    if let Err(failure) = result {
        tracing::warn!(%failure, "uses are gathered that aren't in the tables yet");
    }
}

fn spilled_parts(store: &Store) -> Result<Vec<i64>, Failure> {
    Ok(store.read(|rows| rows.spilled())?.parts.into_iter().map(|(part, _)| part).collect())
}

async fn merge(store: &Store, parts: Vec<i64>) -> Result<(), Failure> {
    for part in parts {
        while store.write(Merge { part, most_hours: MOST_HOURS }).await? {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::{Instant, Merging, QUIET, REST, REST_IN_QUIET};

    #[tokio::test(start_paused = true)]
    async fn a_process_that_has_just_begun_merges_no_faster_than_one_under_load() {
        let (merging, merge) = (Merging::default(), QUIET / 100);
        let rest = async || {
            let began = Instant::now();
            advance(merge).await;
            merging.rest(began)
        };
        assert_eq!(rest().await, merge * REST);
        advance(QUIET).await;
        assert_eq!(rest().await, merge * REST_IN_QUIET);
        merging.spilled();
        assert_eq!(rest().await, merge * REST);
    }
}
