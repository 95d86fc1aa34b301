//! Signing in with a password. A user who doesn't exist, one who is disabled and a wrong password cost the same and
//! answer the same.

use std::{net::IpAddr, sync::Arc};

use super::{Service, verify::believed};
use crate::core::{
    decision::Account,
    id::UserId,
    refusal::{Failure, Refusal},
    secret::SecretText,
    session::Session,
    user::{PASSWORD_LONGEST, username},
};

impl Service {
    /// The account of a username and password, and the hash that the password was held against; `known` is the session
    /// of a browser that somebody is signed in at already.
    pub(super) async fn sign_in(
        &self,
        name: &str,
        password: &SecretText,
        peer: Option<IpAddr>,
        known: Option<Session>,
    ) -> Result<SignedIn, Failure> {
        // Neither can be anybody's: no hash is spent, and nothing is learned that the rules don't say.
        if username(name).is_err() || password.expose().len() > PASSWORD_LONGEST {
            return Err(self.held_back(Refusal::CredentialInvalid, peer).await);
        }
        let own = known.filter(|session| self.is_named(session.user, name));
        let tally = match own {
            Some(session) => self.throttle.tally_signed_in(session.id),
            None => self.throttle.tally(name, peer),
        };
        if let Err(refusal) = self.throttle.admit(&tally, self.now()) {
            self.throttled.note(name, peer);
            self.refusals.note_throttled();
            return Err(self.held_back(refusal, peer).await);
        }
        match self.judge(name, password).await {
            Ok(Verdict::Right(signed_in)) => {
                self.throttle.right(&tally);
                Ok(signed_in)
            }
            Ok(Verdict::Wrong(user)) => {
                self.record_refusal(user, peer).await;
                Err(Refusal::CredentialInvalid.into())
            }
            Err(failure) => {
                self.throttle.unjudged(&tally);
                Err(self.held_back(failure, peer).await)
            }
        }
    }

    /// A failure that took no hash, once it may be told.
    async fn held_back(&self, failure: impl Into<Failure>, peer: Option<IpAddr>) -> Failure {
        self.tarpit.hold(peer).await;
        failure.into()
    }

    /// Whether a user, who is signed in, goes by this name.
    fn is_named(&self, user: UserId, name: &str) -> bool {
        let found = self.store.read(|rows| rows.user(user));
        found.ok().flatten().is_some_and(|user| user.username == name)
    }

    async fn judge(&self, name: &str, password: &SecretText) -> Result<Verdict, Failure> {
        let hash = self.stored(name)?.and_then(|(_, hash)| hash);
        let right = self.hasher.verify(password.clone(), hash.clone()).await?;
        // Hashing took its time: read again, so that who was disabled or given another password meanwhile stays out.
        Ok(match self.stored(name)? {
            Some((account, Some(stored)))
                if right && account.user.active && Some(&stored) == hash.as_ref() =>
            {
                Verdict::Right(SignedIn { account: Arc::new(account), hash: stored })
            }
            found => Verdict::Wrong(found.map(|(account, _)| account.user.id)),
        })
    }

    /// The account of a name, with the hash of its password. For a name that is nobody's as much is read as for one
    /// that is somebody's, so that the time taken doesn't tell.
    fn stored(&self, name: &str) -> Result<Option<(Account, Option<String>)>, Failure> {
        believed(self.store.read(|rows| {
            let (named, stand_in) = (rows.user_by_name(name)?, rows.first_user());
            let exists = named.is_some();
            let Some(user) = named.or_else(|| stand_in.ok().flatten()) else { return Ok(None) };
            let (hash, home) = (rows.password_hash(user.id), user.home);
            let account = rows.account(user, home);
            if exists { Ok(Some((account?, hash?))) } else { Ok(None) }
        }))
    }
}

/// Whose password was right.
pub(super) struct SignedIn {
    pub(super) account: Arc<Account>,
    pub(super) hash: String,
}

/// What a password was worth.
enum Verdict {
    Right(SignedIn),
    /// For this user, or for none.
    Wrong(Option<UserId>),
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, Instant};

    use super::{Failure, IpAddr, Refusal, SecretText};
    use crate::service::tests::stage::Stage;

    /// How long an answer took by a clock that moves only where everybody waits, and whether it was yes.
    async fn sign_in(stage: &Stage, name: &str, password: &str) -> (Duration, Result<(), Failure>) {
        let (start, peer): (_, Option<IpAddr>) = (Instant::now(), "192.0.2.1".parse().ok());
        let signed_in = stage.service.sign_in(name, &SecretText::new(password), peer, None).await;
        (start.elapsed(), signed_in.map(drop))
    }

    #[tokio::test(start_paused = true)]
    async fn what_took_a_hash_is_answered_at_once_and_what_did_not_is_held_back() {
        let stage = Stage::new().await;
        let half = Duration::from_millis(500);
        let wrong = |answer| matches!(answer, Err(Failure::Refused(Refusal::CredentialInvalid)));
        let (took, right) = sign_in(&stage, "anna", "a walk of a crooked mile").await;
        assert!(took.is_zero() && right.is_ok(), "{took:?}");
        // Nobody's name by its form.
        let (took, answer) = sign_in(&stage, "no name", "x").await;
        assert!(took >= half && wrong(answer), "{took:?}");
        for name in ["anna", "nobody"] {
            for _ in 0..5 {
                let (took, answer) = sign_in(&stage, name, "not the password at all").await;
                assert!(took.is_zero() && wrong(answer), "{name}: {took:?}");
            }
            let (took, answer) = sign_in(&stage, name, "not the password at all").await;
            assert!(took >= half && took < 2 * half, "{name}: {took:?}");
            assert!(matches!(answer, Err(Failure::Refused(Refusal::Throttled { .. }))), "{name}: {answer:?}");
        }
        stage.service.hold_back_nobody();
        let (took, answer) = sign_in(&stage, "anna", "not the password at all").await;
        assert!(took.is_zero() && answer.is_err(), "{took:?}");
    }
}
