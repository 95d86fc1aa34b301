//! Taking away what a token was used from and for, a month after the last time; in the background, a little at a time.

use std::time::Duration;

use tokio::time::sleep;

use super::super::Service;
use crate::{
    core::{refusal::Failure, uses::KEPT_FOR},
    store::{Kept, Look, Prune},
};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_hours(6);

/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(50);

impl Service {
    /// Takes away what is too old, as long as the process lives.
    pub async fn keep_pruning(&self) {
        loop {
            if let Err(failure) = self.prune_uses().await {
                tracing::warn!(%failure, "what tokens were used from a month ago isn't taken away yet");
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
        Ok(())
    }
}
