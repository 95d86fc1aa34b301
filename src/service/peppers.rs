//! Retiring a pepper: nothing that is checked by it alone is left to die by surprise, and what it sealed is sealed anew.

use std::path::Path;

use super::{Service, ending::end_one};
use crate::{
    core::{
        event::{Actor, Origin},
        id::TokenId,
        keys::{Keyring, Pepper, PepperId},
        refusal::Failure,
        time::Instant,
        token::Ending,
    },
    store::{ResealRest, ResealTokens, Tx, Write, survey},
};

pub use crate::store::{OpenError, PepperUse};

/// How many tokens are ended in a write.
const STRETCH: u32 = 500;

/// The id before all others.
const FIRST: TokenId = TokenId::from_bytes([0; 16]);

/// Why a pepper isn't retired. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// No such line, or one that is retired already.
    #[error("there is no pepper {0} that could be retired: `jeton pepper status` lists those that there are")]
    Unknown(PepperId),
    /// It is what new tokens are keyed with.
    #[error(
        "pepper {0} is the current one: run `jeton pepper rotate` first, and start jeton with the new one"
    )]
    Current(PepperId),
    /// Tokens would die.
    #[error(
        "live tokens that pepper {id} alone checks: {tokens}; wait until they are used, or delete them with --kill-tokens"
    )]
    InUse {
        /// The pepper.
        id: PepperId,
        /// How many.
        tokens: u64,
    },
    /// The database said no.
    #[error("pepper {0} isn't retired: {1}")]
    Failed(PepperId, Failure),
}

/// What hangs on each pepper of a database, whether a server runs on it or not.
pub fn uses(database: &Path, pepper: &Pepper, now: Instant) -> Result<Vec<PepperUse>, OpenError> {
    survey(database, &Keyring::new(pepper), now)
}

impl Service {
    /// Makes a pepper dispensable: tokens that it alone checks are refused, or ended where that is wanted, and what it
    /// sealed is sealed with the current one. Each step may be repeated. Answers how many tokens were ended.
    ///
    /// Its line can be cut down afterwards, and not before.
    pub async fn retire_pepper(&self, id: PepperId, kill_tokens: bool) -> Result<u64, RetireError> {
        let now = self.now();
        if id == self.keys.current() {
            return Err(RetireError::Current(id));
        }
        if self.keys.ids().all(|known| known != id) {
            return Err(RetireError::Unknown(id));
        }
        let failed = |failure: Failure| RetireError::Failed(id, failure);
        let live = |failed: &dyn Fn(Failure) -> RetireError| {
            self.look(|rows| Ok(rows.live_under(id, now)?)).map_err(failed)
        };
        let tokens = live(&failed)?;
        if tokens > 0 && !kill_tokens {
            return Err(RetireError::InUse { id, tokens });
        }
        let mut after = Some(FIRST);
        while let Some(last) = after {
            after = self.store.write(EndUnder { pepper: id, after: last, now }).await.map_err(failed)?;
        }
        let mut after = Some(FIRST);
        while let Some(last) = after {
            after = self.store.write(ResealTokens { pepper: id, after: last }).await.map_err(failed)?;
        }
        self.store.write(ResealRest { pepper: id }).await.map_err(failed)?;
        let left = live(&failed)?;
        if left > 0 {
            tracing::error!(
                left,
                "tokens whose rows were edited by something else than jeton die with the pepper"
            );
        }
        Ok(tokens)
    }
}

/// Ends a stretch of the tokens that a pepper alone checks; answers the last of them, `None` where there are no more.
struct EndUnder {
    pepper: PepperId,
    after: TokenId,
    now: Instant,
}

impl Write for EndUnder {
    type Output = Option<TokenId>;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Option<TokenId>, Failure> {
        let Self { pepper, after, now } = self;
        let origin = Origin { actor: Actor::Local, address: None };
        let tokens = tx.live_tokens_under(pepper, after, now, STRETCH)?;
        tokens.iter().try_for_each(|id| end_one(tx, *id, Ending::Delete, &origin, now))?;
        Ok(tokens.last().copied())
    }
}
