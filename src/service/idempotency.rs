//! Making a token once, however often it is asked for: a reply that was lost is given again.
//!
//! Any write that makes a token can be made so: hand it to `Service::write_once` with what tells its reply. Within
//! one transaction the caller is decided on, the reply kept before is looked for, and only where there is none the
//! token is made and the reply kept, so that of requests that come together one makes it and all get the same.
//!
//! The secret in a reply is there to be lost once: the first use of the token shows that it arrived. From then on no
//! reply is given again, in this process at once, and the ciphertext is wiped soon after; what a crash leaves of it
//! is wiped at the token's next use. Ten minutes are counted by the clock that nobody can set; over a restart what was
//! left of them goes on, and however wrong the time is then, they aren't more than ten again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::{Caller, Service, to_the_end};
use crate::{
    core::{
        id::TokenId,
        idempotency::{KEPT_FOR, Once},
        refusal::{Failure, Refusal},
        time::Instant,
    },
    store::{ReadError, Replied, Store, Tx, Wiped, Write},
};

/// How often it is looked for replies whose time is over, beside being told of a use.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The pause before a wiping that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The replies of the last ten minutes, by their tokens. Each row of the table has its entry here, made before it.
#[derive(Default)]
struct Held {
    /// Whether they can be given again.
    kept: HashMap<TokenId, bool>,
    /// When they are over, on the clock that nobody can set, the first first; those of refused requests too.
    ends: VecDeque<(i64, TokenId)>,
    /// Those that were used and aren't wiped.
    used: Vec<TokenId>,
}

#[derive(Default)]
pub(super) struct Replies {
    /// How many can be given again: mostly none, and then a use looks no further.
    kept: AtomicUsize,
    held: Mutex<Held>,
    used: Notify,
}

impl Replies {
    /// Those that an earlier process kept.
    pub(super) fn load(store: &Store, now: Instant, elapsed: i64) -> Result<Self, ReadError> {
        let replies = Self::default();
        let mut rows = store.read(|rows| rows.kept_replies())?;
        rows.sort_unstable_by_key(|(_, _, until)| *until);
        for (token, kept, until) in rows {
            let left = until.millis().saturating_sub(now.millis()).clamp(0, KEPT_FOR);
            replies.hold(token, kept, elapsed + left);
        }
        Ok(replies)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, token: TokenId, kept: bool, until: i64) {
        let mut held = self.lock();
        held.kept.insert(token, kept);
        held.ends.push_back((until, token));
        if kept {
            self.kept.fetch_add(1, Ordering::Release);
        }
    }

    /// Forgets the entry of a reply that isn't kept after all, or not any more.
    fn let_go(&self, token: TokenId) {
        if self.lock().kept.remove(&token) == Some(true) {
            self.kept.fetch_sub(1, Ordering::Release);
        }
    }

    /// Notes that a token was used: its reply has arrived.
    pub(super) fn note_use(&self, token: TokenId) {
        if self.kept.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut held = self.lock();
        if self.end(&mut held, token) {
            held.used.push(token);
            self.used.notify_one();
        }
    }

    /// Has it given to nobody from now on; says whether it could be until now.
    fn end(&self, held: &mut Held, token: TokenId) -> bool {
        let kept = held.kept.get_mut(&token).is_some_and(|kept| std::mem::replace(kept, false));
        if kept {
            self.kept.fetch_sub(1, Ordering::Release);
        }
        kept
    }

    fn is_kept(&self, token: TokenId) -> bool {
        self.lock().kept.get(&token) == Some(&true)
    }

    /// Takes what is to be wiped and taken away now.
    fn take_due(&self, elapsed: i64) -> Wiped {
        let mut held = self.lock();
        let mut over = Vec::new();
        while let Some((_, token)) = held.ends.pop_front_if(|(until, _)| *until <= elapsed) {
            self.end(&mut held, token);
            if held.kept.contains_key(&token) {
                over.push(token);
            }
        }
        Wiped { used: std::mem::take(&mut held.used), over }
    }

    /// Puts back what couldn't be wiped.
    fn put_back(&self, due: Wiped, elapsed: i64) {
        let mut held = self.lock();
        held.used.extend(due.used);
        for token in due.over {
            held.ends.push_front((elapsed, token));
        }
    }
}

/// A write that makes a token, and that is carried out once.
struct Repeatable<W, R> {
    write: W,
    /// What its reply is.
    render: R,
    once: Once,
    caller: Caller,
    token: TokenId,
    now: Instant,
    until: Instant,
}

impl<W: Write, R> Write for Repeatable<W, R>
where
    R: FnOnce(W::Output) -> Result<Zeroizing<Vec<u8>>, Failure> + Send + 'static,
{
    type Output = Replied;
    const REVISES: bool = W::REVISES;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Replied, Failure> {
        let Self { write, render, once, caller, token, now, until } = self;
        caller.decide_again(tx, now)?;
        let actor = caller.subject.actor();
        if let Some(replied) = tx.kept_reply(&once, actor)? {
            return Ok(replied);
        }
        let reply = render(write.apply(tx)?)?;
        let replied = Replied { token, reply };
        tx.keep_reply(&once, actor, &replied, until)?;
        Ok(replied)
    }
}

impl Service {
    /// Carries out a write that makes `token` unless the same request did so before: its reply, or the one from then,
    /// which is about another token. `render` makes the reply of what the write answers, in the writer's thread.
    pub(super) async fn write_once<W: Write>(
        &self,
        caller: &Caller,
        once: Once,
        token: TokenId,
        write: W,
        render: impl FnOnce(W::Output) -> Result<Zeroizing<Vec<u8>>, Failure> + Send + 'static,
    ) -> Result<Replied, Failure> {
        // Those whose time is over are as good as none.
        self.wipe_replies().await?;
        let now = self.now();
        let until = now.checked_add(KEPT_FOR).unwrap_or(Instant::LAST);
        // Before it is there: whoever asks may go while it is written, and it mustn't stay for that.
        self.replies.hold(token, true, self.clock.elapsed() + KEPT_FOR);
        let write = Repeatable { write, render, once, caller: caller.clone(), token, now, until };
        let replied = self.store.write(write).await;
        if !replied.as_ref().is_ok_and(|replied| replied.token == token) {
            self.replies.let_go(token);
        }
        let replied = replied?;
        // A use that the table doesn't know of yet, or didn't when it was asked.
        if self.replies.is_kept(replied.token) {
            Ok(replied)
        } else {
            Err(Refusal::IdempotencySpent { token: replied.token }.into())
        }
    }

    /// Wipes the replies that arrived, soon after that, and takes away those whose time is over; ends with the process.
    pub async fn keep_replies(&self) {
        loop {
            let _ = tokio::time::timeout(LOOK_EVERY, self.replies.used.notified()).await;
            if let Err(failure) = self.wipe_replies().await {
                tracing::warn!(%failure, "replies that arrived aren't wiped yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Wipes what is due.
    pub(super) async fn wipe_replies(&self) -> Result<(), Failure> {
        let elapsed = self.clock.elapsed();
        let due = self.replies.take_due(elapsed);
        if due.used.is_empty() && due.over.is_empty() {
            return Ok(());
        }
        let (replies, store) = (Arc::clone(&self.replies), Arc::clone(&self.store));
        to_the_end(async move {
            if let Err(failure) = store.write(due.clone()).await {
                replies.put_back(due, elapsed);
                return Err(failure);
            }
            for token in due.over {
                replies.let_go(token);
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
