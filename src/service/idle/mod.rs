//! Expiry of the unused, in the background: what [`idle`](crate::core::idle) says is announced, and in time done.
//!
//! A look is made once a minute, sooner where something is due sooner. It costs a few reads by index. Every token that may
//! not lie idle for good is walked over only when the first of them may have to be told, a few hundred a read, and a walk
//! is followed by a pause twenty times as long as it took.

mod notices;
mod walk;

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Mutex, Notify},
    time::timeout,
};

use self::notices::{Keep, Settle, Took};
use super::Service;
use crate::{
    core::{
        id::TokenId,
        idle::Fate,
        lived::{Lived, Watch},
        refusal::Failure,
        time::Instant,
        token::Ending,
    },
    store::Rows,
};

/// How often it is looked at the least.
const LOOK_EVERY: i64 = 60_000;

/// How often at the most.
const PAUSE: i64 = 100;

/// How long the time lived through may go without being written down, while something waits for it.
const WRITE_EVERY: i64 = 60_000;

/// How long the end of the process waits for a look that goes on.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many tokens are read at once, and how many are changed in a write: others wait for it.
const TOKENS: u32 = 200;

/// How many notices are looked through in a look for those that have become void.
const NOTICES: u32 = 1_000;

/// How many tokens were told and not dealt with yet, and how many were dealt with since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdleTally {
    /// To how many it is announced.
    pub announced: i64,
    /// To how many it was done.
    pub done: i64,
}

#[derive(Default)]
struct Count {
    announced: AtomicI64,
    done: AtomicI64,
}

#[derive(Default)]
struct State {
    watch: Watch,
    lived: Lived,
    /// Whether that is what an earlier process wrote down, and all since.
    loaded: bool,
    /// How much of it is written down.
    written: i64,
    /// When the next token may have to be told; `None` for now.
    next_walk: Option<Instant>,
    /// Up to when no walk is made, by the clock that nobody can set.
    rest_until: i64,
    /// After which token the notices are looked through next.
    after: Option<TokenId>,
}

/// What the background remembers between two looks.
pub(super) struct Idle {
    state: Mutex<State>,
    soon: Notify,
    afresh: AtomicBool,
    /// The shortest time that anything may lie idle, as of the last look.
    shortest: AtomicI64,
    counts: [Count; 2],
}

impl Default for Idle {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            soon: Notify::new(),
            afresh: AtomicBool::new(false),
            shortest: AtomicI64::new(i64::MAX),
            counts: Default::default(),
        }
    }
}

impl Idle {
    const fn count(&self, action: Ending) -> &Count {
        &self.counts[action as usize]
    }

    fn took(&self, took: Took) {
        for action in Ending::ALL {
            let (count, at) = (self.count(action), action as usize);
            count.announced.fetch_add(took.announced[at] - took.settled[at], Ordering::Relaxed);
            count.done.fetch_add(took.done[at], Ordering::Relaxed);
        }
    }
}

impl Service {
    /// Tells and ends tokens that nobody uses; ends with the process.
    pub async fn keep_sweeping(&self) {
        loop {
            let pause = match self.look_for_idle().await {
                Ok(pause) => pause,
                Err(failure) => {
                    tracing::warn!(%failure, "idle tokens aren't looked for now");
                    Duration::from_secs(10)
                }
            };
            let _ = timeout(pause, self.idle.soon.notified()).await;
        }
    }

    /// How many tokens were told that they will be disabled or deleted for idleness, and how many were.
    pub fn idle_tally(&self, action: Ending) -> IdleTally {
        let count = self.idle.count(action);
        IdleTally {
            announced: count.announced.load(Ordering::Relaxed),
            done: count.done.load(Ordering::Relaxed),
        }
    }

    /// Tells the background that tokens may lie idle for another time than before.
    pub(super) fn idle_changed(&self) {
        self.idle.afresh.store(true, Ordering::Release);
        self.idle.soon.notify_one();
    }

    /// The same of a token that was just made: of no interest unless it may lie idle for less than any other.
    pub(super) fn idle_made(&self, max_idle: Option<i64>) {
        if max_idle.is_some_and(|max_idle| max_idle < self.idle.shortest.load(Ordering::Acquire)) {
            self.idle_changed();
        }
    }

    /// Writes down the time lived through, where something waits for it; not while a walk goes on, which may take long: what
    /// was lived through since it was written down last doesn't count then, and an idle token lives that much longer.
    pub(super) async fn flush_lived(&self) {
        let Ok(mut state) = timeout(PATIENCE, self.idle.state.lock()).await else { return };
        let state = &mut *state;
        if !state.loaded {
            return;
        }
        let kept = match self.observe(state).await {
            Ok(_) => self.keep_lived(state, 0).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = kept {
            tracing::warn!(%failure, "the time lived through isn't written down");
        }
    }

    /// One look: does what is ripe, takes back what is void, tells whom it has to; says when to look again.
    async fn look_for_idle(&self) -> Result<Duration, Failure> {
        let mut state = self.idle.state.lock().await;
        let state = &mut *state;
        self.load(state)?;
        let mut now = self.observe(state).await?;
        if state.lived.is_held() {
            self.take_all_back(state, now).await?;
        } else {
            self.settle_notices(state, now).await?;
            let shortest = self.store.read(|rows| rows.shortest_idle())?.unwrap_or(i64::MAX);
            let shorter = shortest < self.idle.shortest.swap(shortest, Ordering::AcqRel);
            if self.idle.afresh.swap(false, Ordering::AcqRel) || shorter {
                state.next_walk = None;
            }
            let due = state.next_walk.is_none_or(|next| now >= next);
            if due && self.clock.elapsed() >= state.rest_until {
                state.next_walk = None;
                self.walk(state, shortest).await?;
                now = self.observe(state).await?;
            }
        }
        self.keep_lived(state, WRITE_EVERY).await?;
        self.pause(state, now)
    }

    fn load(&self, state: &mut State) -> Result<(), Failure> {
        if state.loaded {
            return Ok(());
        }
        state.lived = match self.store.read(|rows| rows.lived()) {
            Err(error) if error.is_edit() => {
                tracing::error!(%error, "no token is disabled for idleness for a day");
                let mut lived = Lived::default();
                lived.hold();
                lived
            }
            lived => lived?.unwrap_or_default(),
        };
        state.written = state.lived.millis;
        self.count_notices()?;
        state.loaded = true;
        Ok(())
    }

    fn count_notices(&self) -> Result<(), Failure> {
        for action in Ending::ALL {
            let there = self.store.read(|rows| rows.notices(action))?;
            self.idle.count(action).announced.store(there, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Looks at the clocks; a jump is written down before anything else is done.
    async fn observe(&self, state: &mut State) -> Result<Instant, Failure> {
        let (now, elapsed) = (self.now(), self.clock.elapsed());
        if state.watch.look(&mut state.lived, now, elapsed) {
            tracing::warn!(%now, "the clock has jumped: no token is disabled or deleted for idleness for a day");
            // If that fails it is still known here, and written down with whatever comes next.
            state.written = i64::MIN;
            state.next_walk = None;
            self.keep_lived(state, 0).await?;
        }
        Ok(now)
    }

    /// Writes down the time lived through if something waits for it and it was long ago.
    async fn keep_lived(&self, state: &mut State, every: i64) -> Result<(), Failure> {
        let millis = state.lived.millis;
        let told = || self.idle.counts.iter().any(|count| count.announced.load(Ordering::Relaxed) > 0);
        let awaited = state.written == i64::MIN || state.lived.is_held() || told();
        if awaited && millis > state.written && millis.saturating_sub(state.written) >= every {
            self.store.write(Keep(state.lived.clone())).await?;
            state.written = millis;
        }
        Ok(())
    }

    /// After a jump nothing stays announced: it will be anew, by a time that is right.
    async fn take_all_back(&self, state: &mut State, now: Instant) -> Result<(), Failure> {
        loop {
            let tokens = self.store.read(|rows| rows.noticed(None, TOKENS))?;
            if tokens.is_empty() {
                return Ok(());
            }
            self.settle_these(state, tokens, now).await?;
        }
    }

    /// Does what is ripe, and takes back what has become void among some of the rest.
    async fn settle_notices(&self, state: &mut State, now: Instant) -> Result<(), Failure> {
        loop {
            let tokens = self.store.read(|rows| rows.ripe(&state.lived, TOKENS))?;
            if tokens.is_empty() {
                break;
            }
            // Uses that are still in memory count like those that are written down.
            self.flush_uses().await;
            let unused = |token: &TokenId| self.gathered_use(*token).is_none();
            let tokens: Vec<_> = tokens.into_iter().filter(unused).collect();
            if self.settle_these(state, tokens, now).await? == 0 {
                break;
            }
        }
        let (after, lived) = (state.after, state.lived.clone());
        let look = move |rows: &Rows<'_>| {
            let tokens = rows.noticed(after, NOTICES)?;
            let last = tokens.last().copied().filter(|_| tokens.len() == NOTICES as usize);
            let mut void = Vec::new();
            for token in tokens {
                if notices::fate(rows, token, &lived, now)?.is_none_or(|(_, fate)| fate == Fate::Void) {
                    void.push(token);
                }
            }
            Ok((void, last))
        };
        let (void, last) = self.store.read_apart(look).await?;
        for some in void.chunks(TOKENS as usize) {
            self.settle_these(state, some.to_vec(), now).await?;
        }
        state.after = last;
        Ok(())
    }

    /// How many of them were dealt with.
    async fn settle_these(
        &self,
        state: &mut State,
        tokens: Vec<TokenId>,
        now: Instant,
    ) -> Result<i64, Failure> {
        if tokens.is_empty() {
            return Ok(0);
        }
        let took = self.store.write(Settle { tokens, lived: state.lived.clone(), now }).await?;
        state.written = state.lived.millis;
        self.idle.took(took);
        if took.lost > 0 {
            // Whom these were for is to be told anew.
            state.next_walk = None;
            self.count_notices()?;
        }
        Ok(took.settled.iter().sum::<i64>() + took.lost)
    }

    /// How long nothing has to be looked at.
    fn pause(&self, state: &State, now: Instant) -> Result<Duration, Failure> {
        let mut pause = LOOK_EVERY;
        if !state.lived.is_held() {
            let rest = state.rest_until.saturating_sub(self.clock.elapsed());
            let walk = state.next_walk.map_or(0, |next| next.millis().saturating_sub(now.millis()));
            let ripe = self.store.read(|rows| rows.next_ripe())?;
            let ripe = ripe.map_or(LOOK_EVERY, |ripe| ripe.saturating_sub(state.lived.millis));
            pause = pause.min(walk.max(rest)).min(ripe);
        }
        Ok(Duration::from_millis(pause.clamp(PAUSE, LOOK_EVERY).unsigned_abs()))
    }
}

#[cfg(test)]
mod tests;
