//! Signing in with a password. A user who doesn't exist, one who is disabled and a wrong password cost the same and
//! answer the same.

use std::{net::IpAddr, sync::Arc};

use super::{Service, verify::believed};
use crate::core::{
    decision::Account,
    refusal::{Failure, Refusal},
    secret::SecretText,
    user::{PASSWORD_LONGEST, username},
};

impl Service {
    /// The account of a username and password.
    pub(super) async fn sign_in(
        &self,
        name: &str,
        password: &SecretText,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Account>, Failure> {
        // Neither can be anybody's: no hash is spent, and nothing is learned that the rules don't say.
        if username(name).is_err() || password.expose().len() > PASSWORD_LONGEST {
            return Err(Refusal::CredentialInvalid.into());
        }
        let now = self.now();
        let tally = self.throttle.tally(name, peer);
        self.throttle.admit(&tally, now)?;
        let hash = self.stored(name)?.and_then(|(_, hash)| hash);
        self.throttle.wrong(&tally, now);
        let right = match self.hasher.verify(password.clone(), hash.clone()).await {
            Ok(right) => right,
            Err(failure) => {
                self.throttle.unjudged(&tally);
                return Err(failure);
            }
        };
        // Hashing took its time: read again, so that who was disabled or given another password meanwhile stays out.
        match self.stored(name)? {
            Some((account, now_stored)) if right && account.user.active && now_stored == hash => {
                self.throttle.right(&tally);
                Ok(Arc::new(account))
            }
            _ => Err(Refusal::CredentialInvalid.into()),
        }
    }

    fn stored(&self, name: &str) -> Result<Option<(Account, Option<String>)>, Failure> {
        believed(self.store.read(|rows| {
            let Some(user) = rows.user_by_name(name)? else { return Ok(None) };
            let hash = rows.password_hash(user.id)?;
            let home = user.home;
            Ok(Some((rows.account(user, home)?, hash)))
        }))
    }
}
