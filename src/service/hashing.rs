//! Password hashing: one thread, one permit, a bounded queue. argon2id takes 19 MiB and tens of milliseconds each time;
//! whoever leaves while waiting isn't served.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use subtle::ConstantTimeEq;
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
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

enum Work {
    Hash(SecretText, oneshot::Sender<Result<String, Failure>>),
    Verify(SecretText, Option<String>, oneshot::Sender<Result<bool, Failure>>),
}

/// The handle to the hashing thread.
pub(super) struct Hasher(SyncSender<Work>);

impl Hasher {
    pub(super) fn start(entropy: Arc<dyn Entropy>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::Builder::new().name("passwords".into()).spawn(move || run(&receiver, entropy.as_ref()))?;
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
        answer.await.unwrap_or(Err(Failure::Busy))
    }
}

fn run(queue: &Receiver<Work>, entropy: &dyn Entropy) {
    let mut kiln = Kiln::default();
    while let Ok(work) = queue.recv() {
        match work {
            Work::Hash(password, reply) if !reply.is_closed() => {
                let _ = reply.send(kiln.hash(&password, random(entropy)).map_err(broken));
            }
            Work::Verify(password, stored, reply) if !reply.is_closed() => {
                let verdict = match stored {
                    Some(stored) => kiln.verify(&password, &stored),
                    // A user who doesn't exist costs what one costs who does.
                    None => kiln.hash(&password, [0; SALT_BYTES]).map(|_| false),
                };
                let _ = reply.send(verdict.map_err(broken));
            }
            Work::Hash(..) | Work::Verify(..) => {}
        }
    }
}

fn broken(error: password_hash::Error) -> Failure {
    Failure::broken(format!("argon2: {error}"))
}

/// The memory that argon2 fills, made at first use and kept: made anew each time, the allocator holds on to many.
#[derive(Default)]
struct Kiln(Vec<Block>);

impl Kiln {
    fn fill(
        &mut self,
        params: Params,
        password: &SecretText,
        salt: &[u8],
    ) -> password_hash::Result<[u8; HASH_BYTES]> {
        self.0.resize(params.block_count(), Block::default());
        let mut hash = [0; HASH_BYTES];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            &mut hash,
            self.0.as_mut_slice(),
        )?;
        Ok(hash)
    }

    fn hash(&mut self, password: &SecretText, salt: [u8; SALT_BYTES]) -> password_hash::Result<String> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES))?;
        let hash = self.fill(params.clone(), password, &salt)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(Salt::new(&salt)?),
            hash: Some(Output::new(&hash)?),
        };
        Ok(hash.to_string())
    }

    fn verify(&mut self, password: &SecretText, stored: &str) -> password_hash::Result<bool> {
        let stored = PasswordHash::new(stored)?;
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
            return Err(password_hash::Error::PasswordInvalid);
        };
        let hash = self.fill(Params::try_from(&stored)?, password, &salt)?;
        Ok(hash.ct_eq(expected.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Kiln, SecretText};

    #[test]
    fn a_hash_has_its_parameters_in_it_and_knows_its_password_alone() {
        let mut kiln = Kiln::default();
        let stored = kiln.hash(&SecretText::new("correct horse battery"), [7; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(kiln.verify(&SecretText::new("correct horse battery"), &stored).unwrap());
        assert!(!kiln.verify(&SecretText::new("correct horse batterz"), &stored).unwrap());
        assert!(kiln.verify(&SecretText::new("x"), "no hash").is_err());
    }
}
