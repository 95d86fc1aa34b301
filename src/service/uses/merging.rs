//! Merging the spill into the tables: at a bounded share of the time while much is being spilled, at full speed else.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::MOST_HOURS;
use crate::{
    core::{id::TokenId, refusal::Failure},
    service::{Service, to_the_end},
    store::{Merge, Store},
};

/// So long after the last spill things are quiet.
const QUIET: Duration = Duration::from_secs(10);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// While things aren't quiet, how many times as long as a merge took is waited before the next.
const REST: u32 = 7;

#[derive(Default)]
pub(super) struct Merging {
    soon: Notify,
    last_spill: Mutex<Option<Instant>>,
    /// Held by whoever merges all: who comes after finds it done, but for what was spilled meanwhile.
    one: tokio::sync::Mutex<()>,
}

impl Merging {
    /// Something was spilled.
    pub(super) fn spilled(&self) {
        *self.last_spill.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.soon.notify_one();
    }

    fn is_quiet(&self) -> bool {
        let last = *self.last_spill.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|last| last.elapsed() >= QUIET)
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
        let at_once = quiet || spilled.bytes >= spilled.most;
        Ok(Some(if at_once { Duration::ZERO } else { began.elapsed() * REST }))
    }

    /// Brings all that had gathered when it was called into the tables, for what walks them; as far as that can be done
    /// now.
    pub(in crate::service) async fn settle_uses(&self) {
        if let Err(failure) = self.settle_all_uses().await {
            tracing::warn!(%failure, "uses are gathered that aren't in the tables yet");
        }
    }

    /// The same, and a failure where that can't be done.
    pub(in crate::service) async fn settle_all_uses(&self) -> Result<(), Failure> {
        self.write_uses().await?;
        let _one = self.uses.merging.one.lock().await;
        let parts = self.store.read(|rows| rows.spilled())?.parts;
        self.merge(parts.into_iter().map(|(part, _)| part).collect()).await
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
        let store = std::sync::Arc::clone(&self.store);
        to_the_end(async move { merge(&store, parts).await }).await
    }
}

async fn merge(store: &Store, parts: Vec<i64>) -> Result<(), Failure> {
    for part in parts {
        while store.write(Merge { part, most_hours: MOST_HOURS }).await? {}
    }
    Ok(())
}
