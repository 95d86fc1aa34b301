//! Successors that wait: their first use makes the tokens give way that they are to replace; without one in time they are
//! dead, and all is as it was.

use std::{
    collections::HashMap,
    mem,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Service, issue::event, verify::believed};
use crate::{
    core::{
        decision::Standing,
        event::{Actor, Deed, Origin},
        id::{TokenId, UserId},
        refusal::Failure,
        rotation::{Windows, give_way},
        time::{Clock, Instant},
        token::{Cause, Status, Superseded, Token, Waiting},
    },
    store::{Tx, Write},
};

/// A use of a successor that waits for its first one. It is to be [settled](Service::commit_rotation) before the answer leaves.
#[derive(Clone, Copy, Debug)]
pub struct FirstUse {
    successor: TokenId,
    owner: UserId,
    at: Instant,
    address: Option<IpAddr>,
}

impl FirstUse {
    /// The use of a token now, where it is one that waits.
    pub(super) fn of(token: &Token, at: Instant, address: Option<IpAddr>) -> Option<Self> {
        token.waiting.map(|_| Self { successor: token.id, owner: token.owner, at, address })
    }
}

impl Service {
    /// Lets the token give way that a successor replaces, now that that one has proved to be in somebody's hands.
    ///
    /// Where that can't be written the use stands all the same: the successor is good, and its next use tries again.
    pub async fn commit_rotation(&self, first: Option<FirstUse>) {
        let Some(first) = first else { return };
        if let Err(failure) = self.store.write(Commit(first)).await {
            tracing::warn!(%failure, successor = %first.successor, "a rotation isn't committed yet");
        }
    }

    /// Undoes the rotations whose window has ended without a use. A successor that has waited in vain is dead as it is; that
    /// it is dead for good isn't said by a clock that has jumped, nor by one that may have while nothing ran.
    pub(super) async fn undo_rotations(&self) {
        let now = self.now();
        let from = lock(&self.rotations.windows).believed_from(now, self.clock.elapsed());
        let waited = match self.store.read(|rows| rows.waited_in_vain(from, now, AT_ONCE)) {
            Ok(waited) => waited,
            Err(error) => return tracing::warn!(%error, "rotations that weren't used aren't undone yet"),
        };
        if waited.is_empty() {
            return;
        }
        let successors = waited.into_iter().map(|token| token.id).collect();
        if let Err(failure) = self.store.write(Undo { successors, now }).await {
            tracing::warn!(%failure, "rotations that weren't used aren't undone yet");
        }
    }
}

/// How many rotations are undone in a write.
const AT_ONCE: u32 = 200;

struct Commit(FirstUse);

impl Write for Commit {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let FirstUse { successor, owner, at, address } = self.0;
        let Some(mut successor) = tx.token(successor)?.filter(|token| token.status == Status::Active) else {
            return Ok(());
        };
        // Of uses that come together the first one does it.
        let (Some(Waiting { linger, .. }), Some(replaced)) = (successor.waiting.take(), successor.replaces)
        else {
            return Ok(());
        };
        tx.update_token(Status::Active, &mut successor, at)?;
        // One that was edited is dead as it is: that mustn't take its successor along.
        let Some(mut replaced) = believed(tx.token(replaced))? else { return Ok(()) };
        give_way(&mut replaced, successor.id, at, linger);
        tx.update_token(replaced.status, &mut replaced, at)?;
        let actor = Actor::Token { user: owner, token: successor.id };
        let origin = Origin { actor, address: address.map(|address| address.to_string()) };
        let mut committed = event(&replaced, Deed::RotationCommitted, origin, at);
        committed.detail = named(successor.id);
        tx.record(&committed)
    }
}

/// How events name a successor.
fn named(successor: TokenId) -> String {
    format!("successor={successor}")
}

/// Undoes the rotation of a token whose successor still waits, if there is one.
///
/// Whatever ends a token or switches it off ends what was to replace it: whoever had the one may have asked for the other.
pub(super) fn undo_successor(
    tx: &mut Tx<'_>,
    token: &Token,
    origin: &Origin,
    now: Instant,
) -> Result<(), Failure> {
    let Some(mut successor) = believed(tx.waiting_for(token.id))? else { return Ok(()) };
    let before = successor.status;
    successor.switch(Status::Deleted, Cause::Undone, now);
    tx.update_token(before, &mut successor, now)?;
    let mut undone = event(token, Deed::RotationUndone, origin.clone(), now);
    undone.detail = named(successor.id);
    tx.record(&undone)
}

struct Undo {
    successors: Vec<TokenId>,
    now: Instant,
}

impl Write for Undo {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let origin = Origin { actor: Actor::Local, address: None };
        for id in self.successors {
            let waits = |token: &Token| token.waiting.is_some_and(|waiting| self.now >= waiting.until);
            let Some(replaced) = believed(tx.token(id))?.filter(waits).and_then(|token| token.replaces)
            else {
                continue;
            };
            if let Some(replaced) = believed(tx.token(replaced))? {
                undo_successor(tx, &replaced, &origin, self.now)?;
            }
        }
        Ok(())
    }
}

/// How many tokens are told apart between two flushes.
const TOLD_APART: usize = 4_096;

/// How long a token that is presented again and again leaves no further event, in milliseconds.
const QUIET: i64 = 60 * 60 * 1000;

struct Presented {
    by: TokenId,
    token: Token,
    address: Option<IpAddr>,
    at: Instant,
    times: u64,
}

/// Tokens that were presented after their end: those to be put on record, and when that was done last.
#[derive(Default)]
struct Noted {
    presented: HashMap<TokenId, Presented>,
    recorded: HashMap<TokenId, Instant>,
}

/// What is remembered of rotations.
#[derive(Default)]
pub(super) struct Rotations {
    noted: Mutex<Noted>,
    windows: Mutex<Windows>,
}

impl Rotations {
    /// Looks at the clock from now on.
    pub(super) fn watching(clock: &dyn Clock) -> Self {
        let rotations = Self::default();
        lock(&rotations.windows).believed_from(clock.now(), clock.elapsed());
        rotations
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Remembers that a token was presented that is dead because another has taken its place.
    pub(super) fn note_superseded(&self, standing: &Standing, at: Instant, address: Option<IpAddr>) {
        let Some(Superseded { by, .. }) = standing.token.superseded else { return };
        let mut noted = lock(&self.rotations.noted);
        let id = standing.token.id;
        if let Some(presented) = noted.presented.get_mut(&id) {
            presented.times += 1;
        } else if noted.presented.len() < TOLD_APART {
            let token = standing.token.clone();
            noted.presented.insert(id, Presented { by, token, address, at, times: 1 });
        }
    }

    /// Puts on record which superseded tokens were presented, each once an hour at the most.
    pub(super) async fn flush_superseded(&self) {
        let now = self.now();
        let due: Vec<Presented> = {
            let mut noted = lock(&self.rotations.noted);
            noted.recorded.retain(|_, at| now.millis() - at.millis() < QUIET);
            let Noted { presented, recorded } = &mut *noted;
            let (wait, due) = mem::take(presented).into_iter().partition(|(id, _)| recorded.contains_key(id));
            *presented = wait;
            let due: HashMap<TokenId, Presented> = due;
            recorded.extend(due.keys().map(|id| (*id, now)));
            due.into_values().collect()
        };
        if due.is_empty() {
            return;
        }
        let tokens = due.len();
        if let Err(failure) = self.store.write(Record(due)).await {
            tracing::warn!(%failure, tokens, "superseded tokens were presented, which isn't recorded");
        }
    }
}

struct Record(Vec<Presented>);

impl Write for Record {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for Presented { by, token, address, at, times } in self.0 {
            // What was gathered of a user who was deleted meanwhile.
            if tx.user(token.owner)?.is_none_or(|owner| owner.deleted_at.is_some()) {
                continue;
            }
            // Whoever held it, so that the address goes with its owner.
            let actor = Actor::Token { user: token.owner, token: token.id };
            let origin = Origin { actor, address: address.map(|address| address.to_string()) };
            let mut event = event(&token, Deed::SupersededPresented, origin, at);
            event.detail = format!("{} times={times}", named(by));
            tx.record(&event)?;
        }
        Ok(())
    }
}
