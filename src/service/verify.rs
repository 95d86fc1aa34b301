//! Is this credential genuine, and does it meet the demand? The hot path: runs where it stands, writes nothing.

use std::{net::IpAddr, sync::Arc};

use super::{Caller, Service};
use crate::{
    core::{
        decision::{Demand, Standing, Subject, decide},
        id::TokenId,
        keys::Digest,
        refusal::{Failure, Refusal},
        secret::{ControlSecret, SecretText},
        token::Presented,
    },
    store::{Generation, ReadError},
};

/// How many tokens are kept ready: the rest cost a read of five primary keys each.
const KEPT_READY: usize = 32_768;

/// A credential as it came, in whichever carrier.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A username and a password.
    Password {
        /// Who.
        username: String,
        /// With what.
        password: SecretText,
    },
    /// A token of ours, or what is meant as one; or the control secret.
    Bearer(SecretText),
}

/// Who asks and how, apart from the credential.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The peer's address; `None` for a Unix socket and in-process.
    pub address: Option<IpAddr>,
    /// Its `User-Agent`.
    pub agent: Option<&'a str>,
}

#[derive(Clone)]
struct Ready {
    generation: Generation,
    standing: Arc<Standing>,
}

/// Tokens with all that a decision on them reads. An entry remembers the generation that was current before its rows
/// were read; one of an older generation isn't used.
pub(super) struct Cache(quick_cache::sync::Cache<TokenId, Ready>);

impl Cache {
    pub(super) fn new() -> Self {
        Self(quick_cache::sync::Cache::new(KEPT_READY))
    }
}

impl Service {
    /// Answers who asks, if the credential is genuine and meets the demand; and remembers the use.
    pub async fn authenticate(
        &self,
        credential: &Credential,
        demand: Demand,
        peer: Peer<'_>,
    ) -> Result<Caller, Failure> {
        let subject = match credential {
            Credential::Password { username, password } => {
                Subject::Password(self.sign_in(username, password, peer.address).await?)
            }
            Credential::Bearer(text) => match ControlSecret::parse(text.expose()) {
                Some(control) if self.control.matches(&control) => Subject::Local,
                Some(_) => return Err(Refusal::CredentialInvalid.into()),
                None => Subject::Token(self.genuine(text)?),
            },
        };
        let now = self.now();
        decide(&subject, demand, now)?;
        if let Subject::Token(standing) = &subject {
            self.note_use(standing.token.id, now, peer.address, peer.agent);
        }
        Ok(Caller { subject, demand, address: peer.address })
    }

    /// The token whose whole secret this is, dead or alive. Whatever isn't one gets one answer for the same work.
    pub(super) fn genuine(&self, text: &SecretText) -> Result<Arc<Standing>, Failure> {
        let presented = Presented::parse(text.expose()).ok_or(Refusal::CredentialInvalid)?;
        let standing = self.standing(presented.id)?;
        let (pepper, stored) = standing.as_ref().map_or((self.keys.current(), Digest([0; 32])), |standing| {
            (standing.token.pepper, standing.token.digest)
        });
        let digest = self.keys.digest(pepper, presented.id, &presented.secret);
        match (standing, digest) {
            (Some(standing), Some(digest)) if digest.matches(&stored) => Ok(standing),
            _ => Err(Refusal::CredentialInvalid.into()),
        }
    }

    fn standing(&self, id: TokenId) -> Result<Option<Arc<Standing>>, Failure> {
        // Before the rows are read: a revocation that commits meanwhile makes what was read too old to keep.
        let generation = self.generation();
        if let Some(ready) = self.cache.0.get(&id)
            && ready.generation == generation
        {
            return Ok(Some(ready.standing));
        }
        let Some(standing) = believed(self.store.read(|rows| rows.standing(id)))? else {
            return Ok(None);
        };
        let standing = Arc::new(standing);
        self.cache.0.insert(id, Ready { generation, standing: Arc::clone(&standing) });
        Ok(Some(standing))
    }
}

/// A row edited behind jeton's back is reported and then as good as none.
pub(super) fn believed<T>(read: Result<Option<T>, ReadError>) -> Result<Option<T>, Failure> {
    match read {
        Err(error @ ReadError::Seal { .. }) => {
            tracing::error!(%error, "refused");
            Ok(None)
        }
        other => Ok(other?),
    }
}
