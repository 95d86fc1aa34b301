//! Is somebody else's token good, and for what (RFC 7662)?

use std::sync::Arc;

use super::{
    Service,
    verify::{Peer, Verdict},
};
use crate::core::{
    decision::{Demand, Standing},
    limits::Facts,
    refusal::Failure,
    secret::SecretText,
    wanted::Wanted,
};

impl Service {
    /// The token, if it is usable now for a request of which `client` is known; whatever else it is, `None`. Counts as a
    /// use of it: by the client where its address is known, else by whoever asks, the only one who is.
    pub fn introspect(
        &self,
        text: &SecretText,
        client: &Facts<'_>,
        asker: Peer<'_>,
    ) -> Result<Option<Arc<Standing>>, Failure> {
        let by = Peer { address: client.address.or(asker.address), ..asker };
        let demand = Demand::Pass(&Wanted::default());
        usable(self.judge_token_for(text, demand, client, by))
    }

    /// The token, if it meets a demand; `None` whatever it is that keeps it from that.
    pub(super) fn usable(
        &self,
        text: &SecretText,
        demand: Demand<'_>,
        peer: Peer<'_>,
    ) -> Result<Option<Arc<Standing>>, Failure> {
        usable(self.judge_token(text, demand, peer))
    }
}

fn usable(verdict: Verdict) -> Result<Option<Arc<Standing>>, Failure> {
    let Verdict { standing, outcome } = verdict;
    match outcome {
        Ok(()) => Ok(standing),
        Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
