//! Where a request came from: the socket's address, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};

use crate::ops::config::Proxies;

/// The client's address. `peer` is the socket's, `None` for a Unix socket; `forwarded` are the values of
/// `X-Forwarded-For` in their order.
///
/// Each proxy appends whom it heard from, so the list is read from its end: as long as a hop is a trusted proxy, the
/// one before it is believed. What a client wrote stands further left than what a proxy wrote of it, and isn't reached.
/// A proxy that says nothing intelligible stands for its clients itself.
pub(super) fn client(peer: Option<IpAddr>, forwarded: &[&str], proxies: &Proxies) -> Option<IpAddr> {
    let mut client = peer;
    let mut hops = forwarded.iter().rev().flat_map(|value| value.rsplit(','));
    while proxies.trusts(client) {
        match hops.next().and_then(hop) {
            Some(hop) => client = Some(hop),
            None => break,
        }
    }
    client
}

/// An address, with a port or without, an IPv6 one in brackets or without.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::client;
    use crate::ops::config::{Config, Proxies, Sources};

    fn proxies(list: &str) -> Proxies {
        let flags = vec![("trusted_proxy", list.to_owned())];
        Config::load(Sources { flags, ..Sources::default() }).unwrap().trusted_proxy
    }

    fn from(peer: &str, forwarded: &[&str], trusted: &str) -> String {
        let client = client(peer.parse().ok(), forwarded, &proxies(trusted));
        client.map_or_else(|| "unix".to_owned(), |client| client.to_string())
    }

    #[test]
    fn where_nobody_is_trusted_nobody_is_believed() {
        assert_eq!(from("192.0.2.1", &["203.0.113.1"], "none"), "192.0.2.1");
        assert_eq!(from("unix", &["203.0.113.1"], "none"), "unix");
    }

    #[test]
    fn the_rightmost_hop_that_is_no_proxy_is_the_client() {
        for (forwarded, client) in [
            (&["203.0.113.1"][..], "203.0.113.1"),
            (&["198.51.100.9, 203.0.113.1"], "203.0.113.1"),
            (&["198.51.100.9", "203.0.113.1"], "203.0.113.1"),
            (&["198.51.100.9, 203.0.113.1, 10.0.0.2", " 10.0.0.3 "], "203.0.113.1"),
            (&["203.0.113.1:4711"], "203.0.113.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["::ffff:203.0.113.1"], "203.0.113.1"),
            // Nothing intelligible: the proxy stands for its clients.
            (&[], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["203.0.113.1, "], "10.0.0.1"),
            (&["203.0.113.1, unknown"], "10.0.0.1"),
            (&["203.0.113.1, junk, 10.0.0.7"], "10.0.0.7"),
            (&["203.0.113.1:99999"], "10.0.0.1"),
            (&["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        ] {
            assert_eq!(from("10.0.0.1", forwarded, "10.0.0.0/8"), client, "{forwarded:?}");
        }
        assert_eq!(from("192.0.2.1", &["203.0.113.1"], "10.0.0.0/8"), "192.0.2.1");
        assert_eq!(from("unix", &["203.0.113.1"], "10.0.0.0/8"), "unix");
        assert_eq!(from("unix", &["203.0.113.1"], "unix"), "203.0.113.1");
    }
}
