//! Is somebody else's token good, and for what (RFC 7662)?

use std::sync::Arc;

use super::{
    FirstUse, Service,
    verify::{Peer, Verdict},
};
use crate::core::{
    checks::Endpoint,
    decision::{Demand, Standing},
    limits::Facts,
    refusal::Failure,
    secret::SecretText,
    wanted::Wanted,
};

impl Service {
    /// The token, if it is usable now for a request of which `client` is known; whatever else it is, `None`. Counts as a
    /// use of it for what is wanted of it: by the client where its address is known, else by whoever asks, the only one who is.
    ///
    /// With it comes what is to be settled before the answer leaves.
    pub fn introspect(
        &self,
        text: &SecretText,
        wanted: &Wanted,
        client: &Facts<'_>,
        asker: Peer<'_>,
    ) -> Result<(Option<Arc<Standing>>, Option<FirstUse>), Failure> {
        let by =
            Peer { address: client.address.or(asker.address), endpoint: Endpoint::INTROSPECTION, ..asker };
        let Verdict { standing, outcome } = self.judge_token_for(text, Demand::Pass(wanted), client, by);
        match outcome {
            Ok(first_use) => Ok((standing, first_use)),
            Err(Failure::Refused(_)) => Ok((None, None)),
            Err(failure) => Err(failure),
        }
    }
}
