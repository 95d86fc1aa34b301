//! Who is connected: the caps on connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use crate::http::Peer;

/// Counts connections in all and from each network peer.
pub(super) struct Census {
    in_all: usize,
    per_peer: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    in_all: usize,
    peers: HashMap<IpAddr, usize>,
}

impl Census {
    pub(super) fn new(in_all: usize, per_peer: usize) -> Arc<Self> {
        Arc::new(Self { in_all, per_peer, counts: Mutex::default() })
    }

    /// A seat for a new connection, or none over a cap. Local peers count in all only: whoever may open the socket
    /// file has been let in by its owner, and they have no address to be told apart by.
    pub(super) fn seat(self: &Arc<Self>, peer: Peer) -> Option<Seat> {
        let peer = match peer {
            Peer::Net(address) => Some(subject(address.ip())),
            Peer::Local => None,
        };
        let mut counts = self.counts.lock().expect("no panic happens under this lock");
        if counts.in_all >= self.in_all {
            return None;
        }
        if let Some(peer) = peer {
            let count = counts.peers.entry(peer).or_default();
            if *count >= self.per_peer {
                return None;
            }
            *count += 1;
        }
        counts.in_all += 1;
        drop(counts);
        Some(Seat { census: Arc::clone(self), peer })
    }

    /// Connections that are open now.
    pub(super) fn seated(&self) -> usize {
        self.counts.lock().expect("no panic happens under this lock").in_all
    }
}

/// What one peer is: an IPv4 address, or an IPv6 /64, which one host has to itself.
fn subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One connection's place; given back when dropped.
pub(super) struct Seat {
    census: Arc<Census>,
    peer: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.census.counts.lock().expect("no panic happens under this lock");
        counts.in_all -= 1;
        if let Some(Entry::Occupied(mut count)) = self.peer.map(|peer| counts.peers.entry(peer)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::Net((text.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn caps_hold_and_seats_come_back() {
        let census = Census::new(4, 2);
        let first = census.seat(peer("10.0.0.1")).unwrap();
        let _second = census.seat(peer("::ffff:10.0.0.1")).unwrap();
        assert!(census.seat(peer("10.0.0.1")).is_none());
        drop(first);
        let _third = census.seat(peer("10.0.0.1")).unwrap();
        let _local = [census.seat(Peer::Local).unwrap(), census.seat(Peer::Local).unwrap()];
        assert!(census.seat(peer("10.0.0.2")).is_none());
        assert!(census.seat(Peer::Local).is_none());
    }

    #[test]
    fn a_v6_network_is_one_peer() {
        let census = Census::new(9, 1);
        let seat = census.seat(peer("2001:db8::1")).unwrap();
        assert!(census.seat(peer("2001:db8::2")).is_none());
        assert!(census.seat(peer("2001:db8:0:1::2")).is_some());
        drop(seat);
        assert!(census.counts.lock().unwrap().peers.is_empty());
    }
}
