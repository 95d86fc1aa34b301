//! Wrong passwords, counted against the account and the peer; who has too many waits before a hash is spent on them.
//!
//! An account that doesn't exist is counted like one that does. In memory and bounded: a restart forgets.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use crate::core::{id::SessionId, refusal::Refusal, time::Instant};

/// Wrong passwords for one account that cost nothing yet.
const ACCOUNT_FREE: u32 = 5;

/// Wrong passwords from one peer that cost nothing yet: many people may share an address, localhost above all.
const PEER_FREE: u32 = 50;

/// The longest wait, in milliseconds: 17 minutes keep guesses at an account under 100 a day, the free ones and those
/// of the short waits included.
const LONGEST: i64 = 17 * 60 * 1000;

/// How long after the last wrong one all is forgotten, in milliseconds.
const FORGOTTEN: i64 = 24 * 60 * 60 * 1000;

/// How many accounts and peers are remembered at once.
const REMEMBERED: usize = 20_000;

#[derive(Clone, Copy)]
struct Wrong {
    count: u32,
    last_at: Instant,
}

impl Wrong {
    /// When the next try is looked at: after 1 s, 2 s, 4 s, and so on, from the last wrong one.
    fn until(self, free: u32) -> i64 {
        let Some(over) = self.count.checked_sub(free) else { return i64::MIN };
        let wait = 1000_i64.checked_shl(over.min(20)).map_or(LONGEST, |wait| wait.min(LONGEST));
        self.last_at.millis() + wait
    }
}

/// Counts by a hash under a key of this process, so that nobody can make two accounts collide.
#[derive(Default)]
pub(super) struct Throttle {
    hasher: RandomState,
    wrong: Mutex<HashMap<u64, Wrong>>,
}

/// Whom a try counts against.
pub(super) struct Tally(Vec<(u64, u32)>);

impl Throttle {
    pub(super) fn tally(&self, username: &str, peer: Option<IpAddr>) -> Tally {
        let account = self.hasher.hash_one(("account", username));
        let peer = self.hasher.hash_one(("peer", peer.map(subscriber)));
        Tally(vec![(account, ACCOUNT_FREE), (peer, PEER_FREE)])
    }

    /// Whom a try counts against that comes from where the user is signed in: nobody's guesses from elsewhere keep them
    /// from giving the password again.
    pub(super) fn tally_signed_in(&self, session: SessionId) -> Tally {
        Tally(vec![(self.hasher.hash_one(("session", session.0)), ACCOUNT_FREE)])
    }

    /// Refuses a try that comes too early; counts any other as wrong before a hash is spent on it, so that many at
    /// once count too. [`Self::right`] and [`Self::unjudged`] take it back.
    pub(super) fn admit(&self, tally: &Tally, now: Instant) -> Result<(), Refusal> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let until =
            tally.0.iter().filter_map(|(key, free)| wrong.get(key).map(|wrong| (wrong.until(*free), *free)));
        if let Some((until, limit)) = until.max().filter(|(until, _)| *until > now.millis()) {
            let seconds = (until - now.millis() + 999) / 1000;
            return Err(Refusal::Throttled {
                limit,
                retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
            });
        }
        if wrong.len() >= REMEMBERED {
            wrong.retain(|_, wrong| now.millis() - wrong.last_at.millis() < LONGEST);
        }
        if wrong.len() >= REMEMBERED {
            // A flood of names: forget the mildest rather than grow. The peer that floods is throttled itself.
            wrong.retain(|_, wrong| wrong.count > PEER_FREE);
        }
        for (key, _) in &tally.0 {
            let entry = wrong.entry(*key).or_insert(Wrong { count: 0, last_at: now });
            if now.millis() - entry.last_at.millis() > FORGOTTEN {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last_at = now;
        }
        Ok(())
    }

    /// Takes this try back, and forgets the wrong ones of the account, or of the session.
    pub(super) fn right(&self, tally: &Tally) {
        self.unjudged(tally);
        if let Some((first, _)) = tally.0.first() {
            self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(first);
        }
    }

    /// Takes back a try that nobody judged: it was neither wrong nor right.
    pub(super) fn unjudged(&self, tally: &Tally) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in &tally.0 {
            if let Some(entry) = wrong.get_mut(key) {
                entry.count = entry.count.saturating_sub(1);
            }
        }
    }
}

/// What one peer is: an IPv4 address, or an IPv6 /64, which one subscriber has to itself.
pub(super) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCOUNT_FREE, Instant, REMEMBERED, Throttle};
    use crate::core::time::DAY;

    /// Tries every `step` milliseconds for a day; returns how many were looked at.
    fn hammer(throttle: &Throttle, name: &str, peer: &str, step: i64) -> u32 {
        let tally = throttle.tally(name, peer.parse().ok());
        let tries = (0..DAY / step).map(|at| Instant::from_millis(1_700_000_000_000 + at * step));
        tries.filter(|now| throttle.admit(&tally, *now).is_ok()).count().try_into().expect("few")
    }

    #[test]
    fn a_day_of_guessing_at_an_account_is_worth_a_hundred_guesses_at_the_most() {
        for step in [250, 1_000, 17_000] {
            let evaluated = hammer(&Throttle::default(), "ada", "192.0.2.1", step);
            assert!((50..=100).contains(&evaluated), "every {step} ms: {evaluated}");
        }
        // A thousand guesses, spread over the day.
        let evaluated = hammer(&Throttle::default(), "ada", "192.0.2.1", DAY / 1_000);
        assert!((50..=100).contains(&evaluated), "{evaluated}");
    }

    #[test]
    fn guesses_from_everywhere_are_guesses_at_one_account() {
        let throttle = Throttle::default();
        let evaluated = (0..1_000)
            .filter(|at: &u32| {
                let tally = throttle.tally("ada", Some(std::net::Ipv4Addr::from_bits(*at).into()));
                let now = Instant::from_millis(1_700_000_000_000 + i64::from(*at) * DAY / 1_000);
                throttle.admit(&tally, now).is_ok()
            })
            .count();
        assert!((50..=100).contains(&evaluated), "{evaluated}");
    }

    #[test]
    fn one_peer_guessing_at_many_accounts_is_stopped_too() {
        let now = Instant::from_millis(1_700_000_000_000);
        for (peers, elsewhere) in [
            (["192.0.2.1", "192.0.2.1"], "192.0.2.2"),
            (["2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"], "2001:db8:0:1::1"),
            (["192.0.2.1", "::ffff:192.0.2.1"], "192.0.2.2"),
        ] {
            let throttle = Throttle::default();
            let tally =
                |account: usize, peer: &str| throttle.tally(&format!("user{account}"), peer.parse().ok());
            let admitted = (0..200)
                .filter(|account| throttle.admit(&tally(*account, peers[account % 2]), now).is_ok())
                .count();
            assert_eq!(admitted, 50);
            assert!(throttle.admit(&tally(1, elsewhere), now).is_ok());
        }
    }

    #[test]
    fn the_right_password_forgets_the_wrong_ones() {
        let throttle = Throttle::default();
        let now = Instant::from_millis(1_700_000_000_000);
        let tally = throttle.tally("ada", None);
        for _ in 0..5 {
            for _ in 0..4 {
                assert!(throttle.admit(&tally, now).is_ok());
            }
            assert!(throttle.admit(&tally, now).is_ok());
            throttle.right(&tally);
        }
    }

    /// Whoever fills the queue of hashes must not clear an account's count by it.
    #[test]
    fn a_try_that_found_jeton_busy_does_not_forgive_the_wrong_ones() {
        let throttle = Throttle::default();
        let now = Instant::from_millis(1_700_000_000_000);
        let tally = throttle.tally("ada", None);
        for _ in 0..ACCOUNT_FREE {
            throttle.admit(&tally, now).expect("it is free");
        }
        throttle.unjudged(&tally);
        throttle.admit(&tally, now).expect("it isn't held against anybody either");
        assert!(throttle.admit(&tally, now).is_err());
    }

    #[test]
    fn a_flood_of_names_is_not_remembered_without_bound() {
        let throttle = Throttle::default();
        let now = Instant::from_millis(1_700_000_000_000);
        for account in 0..2 * u32::try_from(REMEMBERED).expect("few") {
            let peer = std::net::Ipv4Addr::from_bits(account).into();
            let _ = throttle.admit(&throttle.tally(&format!("user{account}"), Some(peer)), now);
        }
        assert!(throttle.wrong.lock().expect("not poisoned").len() <= REMEMBERED + 2);
    }
}
