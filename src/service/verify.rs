//! Is this credential genuine, and does it meet the demand? The hot path: runs where it stands, writes nothing.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock, atomic::Ordering},
    time,
};

use super::{Caller, FirstUse, Service, uses::Demanded};
use crate::{
    core::{
        checks::{Endpoint, Outcome},
        decision::{Account, Demand, Standing, Subject, decide},
        foreign::{ForeignKind, is_foreign},
        id::{OrganizationId, TokenId, UserId},
        keys::Digest,
        limits::{Asked, Facts},
        refusal::{Failure, Refusal},
        secret::{ControlSecret, SecretText, SessionSecret},
        time::Instant,
        token::{Death, Presented, Token},
    },
    store::{Generation, ReadError, Rows},
};

/// How many tokens are kept ready: the rest cost a read each.
const KEPT_READY: usize = 4_096;

/// How many users, once for each of their organizations: a token of any other costs reads of three primary keys more.
const ACCOUNTS_KEPT_READY: usize = 4_096;

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
    /// Somebody who is signed in at the page.
    Session {
        /// By what.
        secret: SessionSecret,
        /// Whether they did something, rather than that the page looks for what is new.
        active: bool,
    },
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
    /// Which API is asked.
    pub endpoint: Endpoint,
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
    /// Whether it is let through; then the use has been counted and noted, and is to be settled where it is the first
    /// one of a token that waits for it.
    pub outcome: Result<Option<FirstUse>, Failure>,
}

#[derive(Clone)]
struct Ready<T> {
    generation: Generation,
    what: Arc<T>,
}

/// Tokens with all that a decision on them reads. An entry remembers the generation that was current before its rows
/// were read; one of an older generation isn't used.
///
/// They are found by the digest of what was presented, under the current pepper: a wrong secret finds nothing, as an
/// unknown id does, and can't be told from one by the time that takes.
pub(super) struct Cache {
    ready: quick_cache::sync::Cache<Digest, Ready<Standing>>,
    /// Users in organizations, which most tokens share with others: with one of these, a token is one row.
    accounts: quick_cache::sync::Cache<(UserId, OrganizationId), Ready<Account>>,
    oldest: OnceLock<TokenId>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            ready: quick_cache::sync::Cache::new(KEPT_READY),
            accounts: quick_cache::sync::Cache::new(ACCOUNTS_KEPT_READY),
            oldest: OnceLock::new(),
        }
    }
}

impl Service {
    /// Answers who asks, if the credential is genuine and meets the demand; and remembers the use, which is to be settled.
    pub async fn authenticate(
        &self,
        credential: &Credential,
        demand: Demand<'static>,
        peer: Peer<'_>,
    ) -> Result<Caller, Failure> {
        let began = time::Instant::now();
        let subject = match credential {
            Credential::Password { username, password } => {
                Subject::Password(self.sign_in(username, password, peer.address, None).await?.account)
            }
            Credential::Session { secret, active } => self.signed_in(secret, *active).await?,
            Credential::Bearer(text) => return self.authenticate_bearer(text, demand, peer),
        };
        let first_use = self.admit(&subject, demand, &peer.facts(), peer, began)?;
        Ok(Caller { subject, demand, address: peer.address, first_use })
    }

    /// The same, of a token or the control secret: where it stands, waiting for nobody.
    pub fn authenticate_bearer(
        &self,
        text: &SecretText,
        demand: Demand<'static>,
        peer: Peer<'_>,
    ) -> Result<Caller, Failure> {
        let began = time::Instant::now();
        let subject = match ControlSecret::parse(text.expose()) {
            Some(control) if self.control.matches(&control) => Subject::Local,
            // Another secret, or none of ours: the answer takes as long.
            _ => Subject::Token(self.presented(text, peer.endpoint, began)?),
        };
        let first_use = self.admit(&subject, demand, &peer.facts(), peer, began)?;
        Ok(Caller { subject, demand, address: peer.address, first_use })
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
        let began = time::Instant::now();
        match self.presented(text, by.endpoint, began) {
            Ok(standing) => {
                let outcome = self.admit(&Subject::Token(Arc::clone(&standing)), demand, facts, by, began);
                Verdict { standing: Some(standing), outcome }
            }
            Err(failure) => Verdict { standing: None, outcome: Err(failure) },
        }
    }

    /// The token that is to be judged: what isn't one is counted as that.
    fn presented(
        &self,
        text: &SecretText,
        endpoint: Endpoint,
        began: time::Instant,
    ) -> Result<Arc<Standing>, Failure> {
        let found = self.genuine(text);
        if let Err(Failure::Refused(refusal)) = &found {
            self.count_check(None, Outcome::of(refusal), self.now(), endpoint, began);
        }
        found
    }

    /// Lets a genuine credential in if it meets the demand and, where its uses are counted, has one left.
    fn admit(
        &self,
        subject: &Subject,
        demand: Demand<'_>,
        facts: &Facts<'_>,
        by: Peer<'_>,
        began: time::Instant,
    ) -> Result<Option<FirstUse>, Failure> {
        let now = self.now();
        let decided = decide(subject, demand, facts, now);
        let Subject::Token(standing) = subject else { return Ok(decided.map(|()| None)?) };
        let admitted = self.admit_token(standing, decided, demand, by, now);
        let outcome = match &admitted {
            Ok(_) => Some(Outcome::Admitted),
            Err(Failure::Refused(refusal)) => Outcome::of(refusal),
            // Nothing was said of the token.
            Err(Failure::Busy | Failure::StorageFull | Failure::Broken(_)) => None,
        };
        self.count_check(Some(&standing.token), outcome, now, by.endpoint, began);
        admitted
    }

    fn admit_token(
        &self,
        standing: &Arc<Standing>,
        decided: Result<(), Refusal>,
        demand: Demand<'_>,
        by: Peer<'_>,
        now: Instant,
    ) -> Result<Option<FirstUse>, Failure> {
        let demanded = Demanded::of(demand, &standing.privileges);
        if let Err(refusal) = decided {
            match &refusal {
                Refusal::TokenDead(dead) if dead.death == Death::Superseded => {
                    self.note_superseded(standing, now, by.address);
                }
                Refusal::PrivilegeMissing { .. } => self.note_demand(standing.token.id, demanded),
                _ => {}
            }
            return Err(refusal.into());
        }
        self.count_use(standing)?;
        self.note_use(standing.token.id, now, by.address, by.agent, demanded);
        self.replies.note_use(standing.token.id);
        Ok(FirstUse::of(&standing.token, now, by.address))
    }

    /// The token whose whole secret this is, dead or alive. Whatever isn't one gets one answer.
    pub(super) fn genuine(&self, text: &SecretText) -> Result<Arc<Standing>, Failure> {
        if self.any_foreign.load(Ordering::Acquire)
            && is_foreign(text.expose())
            && let Some(standing) = self.genuine_foreign(text)?
        {
            return Ok(standing);
        }
        let (presented, whole) = Presented::read(text.expose());
        // Before any row is read: a revocation that commits meanwhile makes what was read too old to keep.
        let generation = self.generation();
        let digest = self
            .keys
            .digest(self.keys.current(), presented.id, &presented.secret)
            .ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        if let Some(ready) = self.cache.ready.get(&digest)
            && ready.generation == generation
            && whole
            && names(&presented, &ready.what.token)
        {
            return Ok(ready.what);
        }
        let token = self.proven(&presented)?.filter(|_| whole);
        let token = token.ok_or(Refusal::CredentialInvalid)?;
        let standing = self.standing_of(token, generation)?;
        // One that still waits for its new digest is read again until there is room.
        if self.note_rekey(&standing.token, digest) {
            self.cache.ready.insert(digest, Ready { generation, what: Arc::clone(&standing) });
        }
        Ok(standing)
    }

    /// A token with all around it, none of it older than this generation.
    fn standing_of(&self, token: Token, generation: Generation) -> Result<Arc<Standing>, Failure> {
        let whose = (token.owner, token.organization);
        let ready = self.cache.accounts.get(&whose).filter(|ready| ready.generation == generation);
        if let Some(ready) = &ready
            && !token.tied
        {
            // All that it depends on is at hand.
            return Ok(Arc::new(Standing::new(token, Arc::clone(&ready.what))));
        }
        let read = |rows: &Rows<'_>| {
            let account = match &ready {
                Some(ready) => Arc::clone(&ready.what),
                None => Arc::new(rows.account_of(&token)?),
            };
            rows.standing_by(token, account).map(Some)
        };
        let standing = believed(self.store.read(read))?.ok_or(Refusal::CredentialInvalid)?;
        if ready.is_none() {
            self.cache.accounts.insert(whose, Ready { generation, what: Arc::clone(&standing.account) });
        }
        Ok(Arc::new(standing))
    }

    /// The token from elsewhere that this text is, dead or alive.
    fn genuine_foreign(&self, text: &SecretText) -> Result<Option<Arc<Standing>>, Failure> {
        let generation = self.generation();
        let plain = ForeignKind::ALL.map(|kind| (kind, kind.of(text.expose())));
        let key = self.keys.foreign_digest(self.keys.current(), plain[0].0, &plain[0].1);
        let key = key.ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        if let Some(ready) = self.cache.ready.get(&key)
            && ready.generation == generation
        {
            return Ok(Some(ready.what));
        }
        for (kind, plain) in &plain {
            let read = |rows: &Rows<'_>| rows.foreign_token(*kind, plain);
            let Some(token) = believed(self.store.read(read))? else { continue };
            let standing = self.standing_of(token, generation)?;
            if self.note_foreign_rekey(&standing.token, *kind, plain) {
                self.cache.ready.insert(key, Ready { generation, what: Arc::clone(&standing) });
            }
            return Ok(Some(standing));
        }
        Ok(None)
    }

    fn proves(&self, presented: &Presented, token: &Token) -> bool {
        let digest = self.keys.digest(token.pepper, presented.id, &presented.secret);
        digest.is_some_and(|digest| digest.matches(&token.digest)) && names(presented, token)
    }

    /// The row that a presented token names, if its secret proves it.
    ///
    /// An unknown id costs what a wrong secret costs, the row that is there or else the one before it, by one statement,
    /// so that the time taken doesn't tell whether an id exists. What isn't a token at all goes the same way, with an id
    /// that is nobody's and after all others.
    fn proven(&self, presented: &Presented) -> Result<Option<Token>, Failure> {
        let Some(oldest) = self.oldest_token()? else { return Ok(None) };
        let row = believed(self.store.read(|rows| rows.token_up_to(presented.id.max(oldest))))?;
        Ok(row.filter(|token| self.proves(presented, token) && token.id == presented.id))
    }

    /// The first id that there is, before which nothing needs to be looked for: rows stay, and no id is made before one
    /// that was made already.
    fn oldest_token(&self) -> Result<Option<TokenId>, Failure> {
        if let Some(oldest) = self.cache.oldest.get() {
            return Ok(Some(*oldest));
        }
        let oldest = self.store.read(|rows| rows.oldest_token())?;
        Ok(oldest.map(|oldest| *self.cache.oldest.get_or_init(|| oldest)))
    }
}

/// Whether the number that was named before a token, if one was, is its own.
fn names(presented: &Presented, token: &Token) -> bool {
    presented.number.is_none_or(|number| number == token.number)
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

#[cfg(test)]
mod tests {
    use crate::{
        core::{
            id::TokenId,
            refusal::{Failure, Refusal},
            token::{Death, Presented},
        },
        service::{
            accounts::AccountChange,
            tests::stage::{Stage, local, present},
        },
    };

    /// The rows that are read in its place are never taken for it.
    #[tokio::test]
    async fn a_secret_good_for_one_id_is_good_for_no_other() {
        let stage = Stage::new().await;
        let token = stage.token("orders:read").await;
        let own = Presented::parse(token.secret.expose()).unwrap();
        let [mut before, mut first] = [own.id.0; 2];
        before[15] ^= 1;
        first[0] = 0;
        for other in [before, first, [0; 16], [255; 16]] {
            let forged = Presented { id: TokenId::from_bytes(other), ..own.clone() };
            let refused = present(&stage.service, &forged.reveal()).await;
            assert!(matches!(refused, Err(Failure::Refused(Refusal::CredentialInvalid))), "{other:?}");
        }
        present(&stage.service, &token.secret).await.unwrap();
    }

    #[tokio::test]
    async fn an_owner_kept_ready_by_one_token_is_read_anew_for_another_once_disabled() {
        let stage = Stage::new().await;
        let (one, other) = (stage.token("orders:read").await, stage.token("orders:read").await);
        present(&stage.service, &one.secret).await.unwrap();
        let (operator, disable) = (local(), AccountChange::Activate(false));
        let disabling = stage.service.change_account(&operator, "anna", disable, None);
        disabling.await.unwrap();
        match present(&stage.service, &other.secret).await {
            Err(Failure::Refused(Refusal::TokenDead(dead))) => assert_eq!(dead.death, Death::OwnerDisabled),
            other => panic!("{other:?}"),
        }
    }
}
