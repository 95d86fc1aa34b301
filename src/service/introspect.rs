//! Is somebody else's token good, and for what (RFC 7662)?

use std::sync::Arc;

use super::{Service, verify::Peer};
use crate::core::{
    decision::{Demand, Standing, Subject, decide},
    refusal::{Failure, Refusal},
    secret::SecretText,
};

impl Service {
    /// The token, if it is usable now; whatever else it is, `None`. Counts as a use of it.
    pub fn introspect(&self, text: &SecretText, peer: Peer<'_>) -> Result<Option<Arc<Standing>>, Failure> {
        let standing = match self.genuine(text) {
            Ok(standing) => standing,
            Err(Failure::Refused(Refusal::CredentialInvalid)) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let now = self.now();
        if decide(&Subject::Token(Arc::clone(&standing)), Demand::Itself, now).is_err() {
            return Ok(None);
        }
        self.note_use(standing.token.id, now, peer.address, peer.agent);
        Ok(Some(standing))
    }
}
