//! Is this credential genuine, and does it meet the demand? The hot path: runs where it stands, writes nothing.

use std::{net::IpAddr, sync::Arc};

use super::{Caller, Service};
use crate::{
    core::{
        decision::{Demand, Standing, Subject, decide},
        id::TokenId,
        limits::{Asked, Facts},
        refusal::{Failure, Refusal},
        secret::{ControlSecret, SecretText},
        token::{Presented, Token},
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
    /// What it asks for, as far as a token's routes have a say in it.
    pub asked: Asked<'a>,
}

impl<'a> Peer<'a> {
    /// What a token's limits are held against where it comes from the peer itself.
    const fn facts(&self) -> Facts<'a> {
        Facts { address: self.address, asked: self.asked }
    }
}

/// What became of a token that was presented.
pub struct Verdict {
    /// The token, dead or alive, if its whole secret was presented.
    pub standing: Option<Arc<Standing>>,
    /// Whether it is let through; then the use has been counted and noted.
    pub outcome: Result<(), Failure>,
}

/// An id that no token has: a UUIDv7's version nibble is never 0.
const NOBODYS: TokenId = TokenId::from_bytes([0; 16]);

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
        demand: Demand<'static>,
        peer: Peer<'_>,
    ) -> Result<Caller, Failure> {
        let subject = match credential {
            Credential::Password { username, password } => {
                Subject::Password(self.sign_in(username, password, peer.address).await?)
            }
            Credential::Bearer(text) => match ControlSecret::parse(text.expose()) {
                Some(control) if self.control.matches(&control) => Subject::Local,
                // Another secret, or none of ours: the answer takes as long.
                _ => Subject::Token(self.genuine(text)?),
            },
        };
        self.admit(&subject, demand, &peer.facts(), peer)?;
        Ok(Caller { subject, demand, address: peer.address })
    }

    /// Judges a token that is presented to somebody else, and remembers the use of one that is let through.
    pub fn judge_token(&self, text: &SecretText, demand: Demand<'_>, peer: Peer<'_>) -> Verdict {
        self.judge_token_for(text, demand, &peer.facts(), peer)
    }

    /// The same where who asks isn't whose request it is; the use is noted as `by`'s.
    pub(super) fn judge_token_for(
        &self,
        text: &SecretText,
        demand: Demand<'_>,
        facts: &Facts<'_>,
        by: Peer<'_>,
    ) -> Verdict {
        match self.genuine(text) {
            Ok(standing) => {
                let outcome = self.admit(&Subject::Token(Arc::clone(&standing)), demand, facts, by);
                Verdict { standing: Some(standing), outcome }
            }
            Err(failure) => Verdict { standing: None, outcome: Err(failure) },
        }
    }

    /// Lets a genuine credential in if it meets the demand and, where its uses are counted, has one left.
    fn admit(
        &self,
        subject: &Subject,
        demand: Demand<'_>,
        facts: &Facts<'_>,
        by: Peer<'_>,
    ) -> Result<(), Failure> {
        let now = self.now();
        decide(subject, demand, facts, now)?;
        if let Subject::Token(standing) = subject {
            self.count_use(standing)?;
            self.note_use(standing.token.id, now, by.address, by.agent);
            self.replies.note_use(standing.token.id);
        }
        Ok(())
    }

    /// The token whose whole secret this is, dead or alive. Whatever isn't one gets one answer.
    pub(super) fn genuine(&self, text: &SecretText) -> Result<Arc<Standing>, Failure> {
        let (presented, whole) = Presented::read(text.expose());
        // Before any row is read: a revocation that commits meanwhile makes what was read too old to keep.
        let generation = self.generation();
        let ready = self.cache.0.get(&presented.id).filter(|ready| ready.generation == generation);
        let refuted = match ready {
            Some(ready) if self.proves(&presented, &ready.standing.token) && whole => {
                return Ok(ready.standing);
            }
            ready => ready.is_some(),
        };
        let token = self.proven(&presented, refuted)?.filter(|_| whole);
        let token = token.ok_or(Refusal::CredentialInvalid)?;
        let standing = believed(self.store.read(|rows| rows.standing_of(token).map(Some)))?;
        let standing = Arc::new(standing.ok_or(Refusal::CredentialInvalid)?);
        self.cache.0.insert(presented.id, Ready { generation, standing: Arc::clone(&standing) });
        Ok(standing)
    }

    fn proves(&self, presented: &Presented, token: &Token) -> bool {
        let digest = self.keys.digest(token.pepper, presented.id, &presented.secret);
        let named = presented.number.is_none_or(|number| number == token.number);
        digest.is_some_and(|digest| digest.matches(&token.digest)) && named
    }

    /// The row that a presented token names, if its secret proves it.
    ///
    /// An unknown id costs what a wrong secret costs, a row that is there and one that isn't, and one proof, so that the
    /// time taken doesn't tell whether an id exists. What isn't a token at all goes the same way, with nobody's id; and
    /// so does a secret that is `refuted` already, which has cost its proof.
    fn proven(&self, presented: &Presented, refuted: bool) -> Result<Option<Token>, Failure> {
        let named = believed(self.store.read(|rows| rows.token(presented.id)))?;
        let (row, exists) = match named {
            Some(token) => (Some(token), true),
            None => (believed(self.store.read(|rows| rows.newest_token()))?, false),
        };
        let proven = row.filter(|token| !refuted && self.proves(presented, token) && exists);
        if proven.is_none() && exists {
            self.store.read(|rows| rows.token(NOBODYS))?;
        }
        Ok(proven)
    }
}

/// A row edited behind jeton's back is reported and then as good as none.
pub(super) fn believed<T>(read: Result<Option<T>, ReadError>) -> Result<Option<T>, Failure> {
    match read {
        Err(error) if error.is_edit() => {
            tracing::error!(%error, "refused");
            Ok(None)
        }
        other => Ok(other?),
    }
}
