//! Sign-ins that were refused, as events: each wrong password by itself, and the tries that weren't looked at summed up.
//! Nothing that was typed is written: an account that exists stands there by its id.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Service;
use crate::{
    core::{
        event::{Actor, Deed, Event, Object, Origin},
        id::UserId,
        refusal::Failure,
        time::Instant,
    },
    store::{Tx, Write},
};

/// How many pairs of a name and a peer are told apart between two flushes.
const TOLD_APART: usize = 4_096;

/// How many events a flush leaves at the most, so that a flood doesn't fill the record.
const EVENTS: usize = 32;

/// Stands for an account that doesn't exist.
const NOBODY: UserId = UserId::from_bytes([0; 16]);

/// A name as it was typed, in memory only, and where it came from.
type Try = (Box<str>, Option<IpAddr>);

#[derive(Default)]
struct Turned {
    away: HashMap<Try, u64>,
    /// Tries beyond what is told apart.
    others: u64,
}

/// Tries since the last flush that weren't looked at.
///
/// Who a name belongs to is looked up when they are written down: a lookup while somebody waits would tell by its time.
#[derive(Default)]
pub(super) struct Throttled(Mutex<Turned>);

/// How many sign-ins were refused since the start.
#[derive(Default)]
pub(super) struct Refusals {
    password: AtomicU64,
    throttled: AtomicU64,
}

impl Refusals {
    pub(super) fn note_throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }
}

impl Throttled {
    pub(super) fn note(&self, name: &str, peer: Option<IpAddr>) {
        self.add((name.into(), peer), 1);
    }

    fn add(&self, key: Try, count: u64) {
        let mut turned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turned.away.len() < TOLD_APART || turned.away.contains_key(&key) {
            *turned.away.entry(key).or_default() += count;
        } else {
            turned.others += count;
        }
    }

    fn take(&self) -> Turned {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, turned: &Turned) {
        for (key, count) in &turned.away {
            self.add(key.clone(), *count);
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).others += turned.others;
    }
}

impl Service {
    /// How many sign-ins were refused since the start: for a wrong password, and unlooked at.
    pub fn sign_ins_refused(&self) -> [u64; 2] {
        [&self.refusals.password, &self.refusals.throttled].map(|count| count.load(Ordering::Relaxed))
    }

    /// Records a wrong password, for an account or for none. Where the store can't take it the answer stays the same,
    /// and the log has it.
    pub(super) async fn record_refusal(&self, user: Option<UserId>, peer: Option<IpAddr>) {
        self.refusals.password.fetch_add(1, Ordering::Relaxed);
        let write = Refused { user: user.unwrap_or(NOBODY), peer, now: self.now() };
        if let Err(failure) = self.store.write(write).await {
            tracing::warn!(%failure, "a refused sign-in isn't recorded");
        }
    }

    /// Records the tries that weren't looked at since the last time.
    pub(super) async fn flush_throttled(&self) {
        let turned = self.throttled.take();
        if turned.away.is_empty() {
            return;
        }
        let write = Throttling {
            away: turned.away.iter().map(|(key, count)| (key.clone(), *count)).collect(),
            others: turned.others,
            now: self.now(),
        };
        if let Err(failure) = self.store.write(write).await {
            tracing::warn!(%failure, "throttled sign-ins aren't recorded yet");
            self.throttled.put_back(&turned);
        }
    }
}

fn event(deed: Deed, user: UserId, peer: Option<IpAddr>, detail: String, at: Instant) -> Event {
    let origin = Origin { actor: Actor::Nobody, address: peer.map(|peer| peer.to_string()) };
    // In no organization: one of a name that exists would tell it from one that doesn't.
    Event { at, origin, deed, object: Object::from(user), organization: None, detail }
}

struct Refused {
    user: UserId,
    peer: Option<IpAddr>,
    now: Instant,
}

impl Write for Refused {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.record(&event(Deed::SignInRefused, self.user, self.peer, String::new(), self.now))
    }
}

struct Throttling {
    away: Vec<(Try, u64)>,
    others: u64,
    now: Instant,
}

impl Write for Throttling {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let mut sums: BTreeMap<(UserId, Option<IpAddr>), u64> = BTreeMap::new();
        for ((name, peer), count) in self.away {
            let user = match tx.user_by_name(&name) {
                Ok(user) => user.map_or(NOBODY, |user| user.id),
                Err(error) if error.is_edit() => NOBODY,
                Err(error) => return Err(error.into()),
            };
            *sums.entry((user, peer)).or_default() += count;
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest = sums.split_off(sums.len().min(EVENTS));
        let others = self.others + rest.into_iter().map(|(_, count)| count).sum::<u64>();
        sums.extend((others > 0).then_some(((NOBODY, None), others)));
        for ((user, peer), count) in sums {
            tx.record(&event(Deed::SignInThrottled, user, peer, format!("count={count}"), self.now))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{TOLD_APART, Throttled};

    #[test]
    fn tries_add_up_and_a_flood_of_names_is_bounded() {
        let throttled = Throttled::default();
        let peer = "192.0.2.1".parse().ok();
        for _ in 0..3 {
            throttled.note("ada", peer);
        }
        for name in 0..2 * TOLD_APART {
            throttled.note(&format!("user{name}"), peer);
        }
        throttled.note("ada", peer);
        let turned = throttled.take();
        assert_eq!(turned.away[&("ada".into(), peer)], 4);
        assert_eq!(turned.away.len(), TOLD_APART);
        assert_eq!(turned.others, TOLD_APART as u64 + 1);
        throttled.put_back(&turned);
        assert_eq!(throttled.take().others, turned.others);
        assert!(throttled.take().away.is_empty());
    }
}
