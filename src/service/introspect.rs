//! Is somebody else's token good, and for what (RFC 7662)?

use std::sync::Arc;

use super::{
    Service,
    verify::{Peer, Verdict},
};
use crate::core::{
    decision::{Demand, Standing},
    refusal::Failure,
    secret::SecretText,
    wanted::Wanted,
};

impl Service {
    /// The token, if it is usable now by this client for what it asks; whatever else it is, `None`. Counts as a use of
    /// it.
    pub fn introspect(&self, text: &SecretText, client: Peer<'_>) -> Result<Option<Arc<Standing>>, Failure> {
        self.usable(text, Demand::Pass(&Wanted::default()), client)
    }

    /// The token, if it meets a demand; `None` whatever it is that keeps it from that.
    pub(super) fn usable(
        &self,
        text: &SecretText,
        demand: Demand<'_>,
        peer: Peer<'_>,
    ) -> Result<Option<Arc<Standing>>, Failure> {
        let Verdict { standing, outcome } = self.judge_token(text, demand, peer);
        match outcome {
            Ok(()) => Ok(standing),
            Err(Failure::Refused(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
