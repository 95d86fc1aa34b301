//! Which peers' word is taken for where a request came from.

use std::net::IpAddr;

use ipnet::IpNet;

/// The word for peers on a Unix socket.
const UNIX: &str = "unix";

/// The word for nobody, alone.
const NONE: &str = "none";

/// The proxies that are trusted: none, until some are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
    unix: bool,
}

impl Proxies {
    /// Reads addresses and networks parted by commas; `unix` among them stands for peers on a Unix socket, `none` alone
    /// for nobody.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || "addresses and networks such as 127.0.0.1, 10.0.0.0/8, ::1 or unix, or none".to_owned();
        let mut proxies = Self::default();
        if text.trim() == NONE {
            return Ok(proxies);
        }
        for part in text.split(',').map(str::trim) {
            if part == UNIX {
                proxies.unix = true;
                continue;
            }
            let address = part.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            let network = address.or_else(|_| part.parse::<IpNet>()).map_err(|_| expected())?;
            if network.prefix_len() == 0 {
                return Err("a list of proxies: with everybody in it, anybody names an address".to_owned());
            }
            proxies.networks.push(network);
        }
        Ok(proxies)
    }

    /// Whether a peer is one of them; `None` stands for one on a Unix socket.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        match peer {
            Some(address) => {
                let address = address.to_canonical();
                self.networks.iter().any(|network| network.contains(&address))
            }
            None => self.unix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Proxies;

    #[test]
    fn a_list_names_addresses_networks_and_sockets() {
        let proxies = Proxies::parse("127.0.0.1, 10.1.2.3/8,2001:db8::/32 , unix").unwrap();
        let trusts = |text: &str| proxies.trusts(Some(text.parse().unwrap()));
        for inside in ["127.0.0.1", "::ffff:127.0.0.1", "10.255.0.1", "2001:db8:1::1"] {
            assert!(trusts(inside), "{inside}");
        }
        for outside in ["127.0.0.2", "11.0.0.1", "::1", "2001:db9::1"] {
            assert!(!trusts(outside), "{outside}");
        }
        assert!(proxies.trusts(None));
    }

    #[test]
    fn none_is_nobody() {
        for none in [Proxies::default(), Proxies::parse("none").unwrap(), Proxies::parse(" none ").unwrap()] {
            assert!(!none.trusts(None) && !none.trusts(Some("127.0.0.1".parse().unwrap())));
        }
        assert!(!Proxies::parse("::1").unwrap().trusts(None));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in [
            "",
            " ",
            "localhost",
            "127.0.0.1;::1",
            "127.0.0.1,",
            ",",
            "10.0.0.0/33",
            "0.0.0.0/0",
            "::/0",
            "UNIX",
            "1",
            "none, unix",
            "127.0.0.1, none",
        ] {
            assert!(Proxies::parse(bad).is_err(), "{bad}");
        }
    }
}
