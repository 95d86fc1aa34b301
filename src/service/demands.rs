//! What a token may do, and what of that anybody ever wanted of it.

use super::{Caller, Service};
use crate::core::{
    id::{OfToken, Reference},
    privilege::Privileges,
    refusal::Failure,
    time::Instant,
    uses::{Demands, KEPT_FOR},
};

/// In milliseconds.
const MINUTE: i64 = 60 * 1000;

/// A token's privileges beside what was demanded of it.
#[derive(Clone, Debug)]
pub struct Needs {
    /// What it was given.
    pub granted: Privileges,
    /// What was demanded, whether it holds it or not.
    pub demands: Demands,
    /// From this instant on.
    pub since: Instant,
}

impl Service {
    /// What a token was given, and what was demanded of it in the last month or since that was first kept.
    pub async fn token_needs(
        &self,
        caller: &Caller,
        reference: &Reference<OfToken>,
    ) -> Result<Needs, Failure> {
        let token = self.token(caller, reference)?.token;
        self.settle_uses_of(&[token.id]).await?;
        let now = self.now();
        // To the minute: whoever asks again in a moment sees that nothing has changed.
        let month = Instant::from_millis((now.millis() - KEPT_FOR).div_euclid(MINUTE) * MINUTE + MINUTE);
        let (demands, began) = self.store.read(|rows| {
            Ok((rows.demands_since(token.id, month)?, rows.recording_since()?.unwrap_or(now)))
        })?;
        Ok(Needs { granted: token.privileges, demands, since: month.max(token.created_at).max(began) })
    }
}
