//! Taking away what a token was used from and for, a month after the last time, and the checks of a month ago; in the
//! background, a little at a time.

use std::time::Duration;

use tokio::time::sleep;

use super::super::Service;
use crate::{
    core::{
        checks::{Hour, KEPT_HOURS},
        refusal::Failure,
        uses::KEPT_FOR,
    },
    store::{KINDS, Kept, Look, Prune, PruneChecks},
};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_hours(6);

/// How many hours of checks are taken away in a write.
const CHECKS: u64 = 2_000;

/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(50);

impl Service {
    /// Takes away what is too old, as long as the process lives.
    pub async fn keep_pruning(&self) {
        loop {
            if let Err(failure) = self.prune_uses().await {
                tracing::warn!(%failure, "what is known of uses a month ago isn't taken away yet");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Takes away what is too old, unless the clock may have jumped.
    pub(in crate::service) async fn prune_uses(&self) -> Result<(), Failure> {
        let now = self.now();
        if !self.store.write(Look { now }).await? {
            return Ok(());
        }
        let Some(before) = now.checked_add(-KEPT_FOR) else { return Ok(()) };
        for table in [Kept::Sources, Kept::Demands] {
            let mut after = None;
            loop {
                let stretch =
                    self.store.read_apart(move |rows| Ok(rows.stretch(table, after, before)?)).await?;
                let Some((last, any)) = stretch else { break };
                if any {
                    self.store.write(Prune { table, after, last, before }).await?;
                }
                after = Some(last);
                sleep(PAUSE).await;
            }
        }
        let before = Hour::of(now).first_of(KEPT_HOURS);
        for kind in KINDS {
            while self.store.write(PruneChecks { kind, before, most: CHECKS }).await? as u64 == CHECKS {
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}
