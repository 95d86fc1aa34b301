//! Backups: all that the instance knows but its keys, in one file.

use super::{Caller, Service};
use crate::core::{decision::decide_for_good, refusal::Failure};
pub use crate::store::Backup;

impl Service {
    /// Makes a copy of the database. Whoever has it keeps it for good: a session wants its password anew.
    pub async fn back_up(&self, caller: &Caller) -> Result<Backup, Failure> {
        decide_for_good(&caller.subject, self.now())?;
        let made = self.store.back_up().await?;
        if !made.verified.is_sound {
            tracing::error!(
                "the record of events in the backup isn't sound: `jeton events verify` says more"
            );
        }
        tracing::info!(
            bytes = made.size,
            events = made.verified.events,
            by = caller.origin().actor.as_str(),
            "a backup was made"
        );
        Ok(made)
    }
}
