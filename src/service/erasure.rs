//! Erasing deleted users, in the background: nothing that was personal about them stays in any file.
//!
//! A deletion marks the row and ends there; this goes on from the mark, from the beginning each time. Each step can be
//! repeated, so a crash at any point costs nothing but time: the mark is taken off last.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::Service;
use crate::{
    core::{
        event::{Actor, Deed, Event, Origin},
        id::{OrganizationId, TokenId, UserId},
        refusal::Failure,
        time,
        user::User,
    },
    store::{Tx, Which, Write},
};

/// How many users are erased before the files are scrubbed for all of them.
const USERS: u32 = 64;

/// How many tokens are blanked in a write: others wait for it.
const TOKENS: u32 = 200;

/// How many events are blanked in a write.
const EVENTS: u32 = 500;

/// The pause before what failed, or was held up by a reader, is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked whether anything is left to do, beside being told; and the longest pause after a rewriting.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl Service {
    /// Tells the background that a user was deleted.
    pub(super) fn erase_soon(&self) {
        self.erasing.notify_one();
    }

    /// Erases users soon after they were deleted, those of an earlier process included; ends with the process.
    pub async fn keep_erasing(&self) {
        let mut failed = 0;
        loop {
            let began = Instant::now();
            match self.erase_deleted().await {
                Ok(()) => failed = 0,
                Err(failure) => {
                    failed += 1;
                    tracing::warn!(%failure, "a deleted user isn't erased yet");
                }
            }
            let pause = if failed > 0 { PAUSE * failed.min(30) } else { LOOK_EVERY };
            let _ = timeout(pause, self.erasing.notified()).await;
            // Deletions that come together share a rewriting, and between two the other writes have their turn.
            sleep((began.elapsed() * 10).clamp(PAUSE, LOOK_EVERY)).await;
        }
    }

    /// Erases every deleted user there is.
    pub async fn erase_deleted(&self) -> Result<(), Failure> {
        loop {
            let users = self.store.read(|rows| rows.users_to_erase(USERS))?;
            if users.is_empty() {
                return Ok(());
            }
            // Nothing of theirs is in memory or spilled from here on: they use nothing any more.
            self.settle_all_uses().await?;
            let mut erased = Vec::with_capacity(users.len());
            for user in users {
                erased.push((user.id, user.home, self.erase_rows(&user).await?));
            }
            let mut compact = true;
            while !self.store.scrub(compact).await? {
                compact = false;
                sleep(PAUSE).await;
            }
            self.store.write(Erased { users: erased, now: self.now() }).await?;
        }
    }

    /// Blanks what is personal in the rows of a user; returns how many tokens there were.
    async fn erase_rows(&self, user: &User) -> Result<usize, Failure> {
        let mut tokens = 0;
        for which in [Which::Kept, Which::Deleted] {
            // The first walk makes tombstones of what it finds, so the second sees all of them.
            tokens = 0;
            let mut after = None;
            loop {
                let write = EraseTokens { owner: user.id, which, after, now: self.now() };
                let looked_at = self.store.write(write).await?;
                tokens += looked_at.len();
                match looked_at.last() {
                    Some(last) => after = Some(*last),
                    None => break,
                }
            }
        }
        for to_them in [false, true] {
            let mut after = Some(0);
            while let Some(sequence) = after {
                let write = EraseAddresses { user: user.id, to_them, after: sequence };
                after = self.store.write(write).await?;
            }
        }
        Ok(tokens)
    }
}

struct EraseTokens {
    owner: UserId,
    which: Which,
    after: Option<TokenId>,
    now: time::Instant,
}

impl Write for EraseTokens {
    type Output = Vec<TokenId>;
    // A token of a deleted user is dead already; what it is dead of changes.
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Vec<TokenId>, Failure> {
        tx.erase_tokens(self.owner, self.which, self.after, TOKENS, self.now)
    }
}

struct EraseAddresses {
    user: UserId,
    /// Of sign-ins to their account that were refused, rather than of what they did.
    to_them: bool,
    after: i64,
}

impl Write for EraseAddresses {
    type Output = Option<i64>;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Option<i64>, Failure> {
        if self.to_them {
            tx.erase_addresses_to(self.user, self.after, EVENTS)
        } else {
            tx.erase_addresses_by(self.user, self.after, EVENTS)
        }
    }
}

struct Erased {
    users: Vec<(UserId, OrganizationId, usize)>,
    now: time::Instant,
}

impl Write for Erased {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for (user, home, tokens) in self.users {
            if tx.set_user_erased(user, self.now)? {
                tx.record(&Event {
                    at: self.now,
                    origin: Origin { actor: Actor::Local, address: None },
                    deed: Deed::UserErased,
                    object: user.into(),
                    organization: Some(home),
                    detail: format!("tokens={tokens}"),
                })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
