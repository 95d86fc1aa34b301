//! Password hashing: one thread, one permit, a bounded queue. argon2id takes 19 MiB and tens of milliseconds each time;
//! whoever leaves while waiting isn't served.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::oneshot;

use crate::core::{
    refusal::Failure,
    secret::{Entropy, SecretText, random},
};

/// How many may wait: about two seconds' worth.
const QUEUE: usize = 64;

/// OWASP's and RFC 9106's smaller choice: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

enum Work {
    Hash(SecretText, oneshot::Sender<Result<String, Failure>>),
    Verify(SecretText, Option<String>, oneshot::Sender<bool>),
}

/// The handle to the hashing thread.
pub(super) struct Hasher(SyncSender<Work>);

impl Hasher {
    pub(super) fn start(entropy: Arc<dyn Entropy>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::Builder::new().name("passwords".into()).spawn(move || {
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("within argon2's bounds");
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash = |password: &SecretText| {
                let salt: [u8; 16] = random(entropy.as_ref());
                argon2
                    .hash_password_with_salt(password.expose().as_bytes(), &salt)
                    .map(|hash| hash.to_string())
                    .map_err(|error| Failure::broken(format!("argon2: {error}")))
            };
            // What a user who doesn't exist is checked against, for the same cost; nobody knows its password.
            let decoy = hash(&SecretText::new(crate::core::id::hex(&random::<32>(entropy.as_ref()))));
            let decoy = decoy.unwrap_or_default();
            for work in receiver {
                match work {
                    Work::Hash(password, reply) if !reply.is_closed() => {
                        let _ = reply.send(hash(&password));
                    }
                    Work::Verify(password, stored, reply) if !reply.is_closed() => {
                        let against = stored.as_deref().unwrap_or(&decoy);
                        let right = argon2.verify_password(password.expose().as_bytes(), against).is_ok();
                        let _ = reply.send(right && stored.is_some());
                    }
                    Work::Hash(..) | Work::Verify(..) => {}
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// The hash of a new password, in PHC form.
    pub(super) async fn hash(&self, password: SecretText) -> Result<String, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Work::Hash(password, reply)).map_err(|_| Failure::Busy)?;
        answer.await.unwrap_or(Err(Failure::Busy))
    }

    /// Whether a password is the one that `stored` was made of; against nothing stored it isn't, at the same cost.
    pub(super) async fn verify(&self, password: SecretText, stored: Option<String>) -> Result<bool, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Work::Verify(password, stored, reply)).map_err(|_| Failure::Busy)?;
        answer.await.map_err(|_| Failure::Busy)
    }
}
