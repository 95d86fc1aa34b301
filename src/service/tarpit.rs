//! Sign-ins that were refused without a hash are answered late: whoever tries on waits, and doesn't take a core that
//! checks need.
//!
//! Who is held back is said by the throttle, the queue and the form of a name, none of which knows whether an account
//! exists. What is held is the request's own future, of which there are so many at the most; the rest is answered at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use super::throttle::subscriber;

/// How late: not so long that a person who mistyped wonders, and no longer than the shortest `Retry-After`.
const LATE: Duration = Duration::from_millis(500);

/// How many are held back of one peer at a time: one of a few clients, none of which is everybody.
const PER_PEER: usize = 256;

/// How many in all: a twentieth of the connections that the door takes unless told otherwise, and 2,000 answers a second.
const IN_ALL: usize = 1_024;

#[derive(Default)]
struct Held {
    in_all: usize,
    peers: HashMap<Option<IpAddr>, usize>,
}

/// Those that wait.
pub(super) struct Tarpit {
    held: Mutex<Held>,
    drained: watch::Sender<bool>,
}

impl Default for Tarpit {
    fn default() -> Self {
        Self { held: Mutex::default(), drained: watch::Sender::new(false) }
    }
}

impl Tarpit {
    /// Waits for as long as an answer to this peer is held back.
    pub(super) async fn hold(&self, peer: Option<IpAddr>) {
        let mut drained = self.drained.subscribe();
        let Some(_place) = self.place(peer) else { return };
        tokio::select! {
            biased;
            _ = drained.wait_for(|drained| *drained) => {}
            () = sleep(LATE) => {}
        }
    }

    /// Lets all go, and holds nobody back from now on.
    pub(super) fn drain(&self) {
        self.drained.send_replace(true);
    }

    fn place(&self, peer: Option<IpAddr>) -> Option<Place<'_>> {
        let peer = peer.map(subscriber);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = held.peers.get(&peer).copied().unwrap_or_default();
        if held.in_all >= IN_ALL || of_peer >= PER_PEER {
            return None;
        }
        held.in_all += 1;
        held.peers.insert(peer, of_peer + 1);
        Some(Place { tarpit: self, peer })
    }
}

/// One that is held back; given up where the client's connection is.
struct Place<'a> {
    tarpit: &'a Tarpit,
    peer: Option<IpAddr>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut held = self.tarpit.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.in_all -= 1;
        if let Some(of_peer) = held.peers.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                held.peers.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::Arc};

    use tokio::{task::JoinSet, time::Instant};

    use super::{Duration, IN_ALL, IpAddr, LATE, PER_PEER, Tarpit};

    fn peer(number: usize) -> IpAddr {
        Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()
    }

    /// Holds an answer to each of these, all at once; returns how long each was held.
    async fn hold(tarpit: &Arc<Tarpit>, peers: impl Iterator<Item = Option<IpAddr>>) -> Vec<Duration> {
        let mut held = JoinSet::new();
        let start = Instant::now();
        for peer in peers {
            let tarpit = Arc::clone(tarpit);
            held.spawn(async move {
                tarpit.hold(peer).await;
                start.elapsed()
            });
        }
        held.join_all().await
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_of_a_peer_and_in_all_are_held_back_and_no_more() {
        let tarpit = Arc::new(Tarpit::default());
        let late = |took: &[Duration]| took.iter().filter(|took| **took >= LATE).count();
        let took = hold(&tarpit, (0..2 * PER_PEER).map(|_| Some(peer(1)))).await;
        assert_eq!((took.len(), late(&took)), (2 * PER_PEER, PER_PEER));
        assert!(took.iter().all(|took| took.is_zero() || *took < 2 * LATE), "{took:?}");
        let took = hold(&tarpit, (0..2 * IN_ALL).map(peer).map(Some)).await;
        assert_eq!((took.len(), late(&took)), (2 * IN_ALL, IN_ALL));
        let held = tarpit.held.lock().unwrap();
        assert_eq!((held.in_all, held.peers.len()), (0, 0), "nothing is kept of those that were");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_goes_away_makes_room() {
        let tarpit = Arc::new(Tarpit::default());
        let gone = async { tokio::time::timeout(LATE / 2, hold(&tarpit, (0..PER_PEER).map(|_| None))).await };
        assert!(gone.await.is_err());
        tokio::task::yield_now().await;
        let took = hold(&tarpit, std::iter::once(None)).await;
        assert!(took[0] >= LATE, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_door_that_closes_waits_for_nobody_who_is_held_back() {
        let tarpit = Arc::new(Tarpit::default());
        let closing = async {
            tokio::time::sleep(LATE / 4).await;
            tarpit.drain();
        };
        let (took, ()) = tokio::join!(hold(&tarpit, (0..8).map(peer).map(Some)), closing);
        assert!(took.iter().all(|took| *took < LATE / 2), "{took:?}");
        let took = hold(&tarpit, (0..8).map(peer).map(Some)).await;
        assert!(took.iter().all(Duration::is_zero), "{took:?}");
    }
}
