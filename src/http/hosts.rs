//! Which host names jeton answers to. A page whose name is made to point here (DNS rebinding) is of the same origin as
//! what it asks, as far as a browser can tell: only the name that it sends gives it away.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, Uri, header::HOST};

use super::problem::Problem;
use crate::ops::config::host_name;

/// The names that are jeton's own, beside those that are everybody's: addresses and localhost.
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// The name in the public URL, and more, in lower case.
    pub(super) fn new(public_url: &str, mut names: Vec<String>) -> Self {
        let uri: Option<Uri> = public_url.parse().ok();
        let authority = uri.as_ref().and_then(Uri::authority);
        names
            .extend(authority.and_then(|authority| host_name(authority.host())).map(str::to_ascii_lowercase));
        Self(names)
    }

    /// Whether a request means jeton: HTTP/1.0 may leave unsaid whom it means, which no browser does.
    pub(super) fn are_meant(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        hosts.all(|host| std::str::from_utf8(host.as_bytes()).is_ok_and(|host| self.know(host)))
    }

    /// Whether a `Host` (RFC 9110, 7.2) names jeton.
    pub(super) fn know(&self, host: &str) -> bool {
        if let Some((address, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            // An address can't be made to point elsewhere.
            return address.parse::<Ipv6Addr>().is_ok()
                && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
        }
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        let Some(name) = host_name(name).filter(|_| is_port(port)) else { return false };
        name.parse::<Ipv4Addr>().is_ok()
            || is_localhost(name)
            || self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// What is said to a request that means somebody else: without a word of whom.
    pub(super) fn problem() -> Problem {
        let detail = "jeton isn't known by this host name: set `public_url` or `hosts` to the names that it is to answer to";
        Problem::new(421, "host_unknown", detail)
    }
}

/// Whether an authority, a host with or without a port, is this machine whatever the network does: what browsers hold for
/// as trustworthy without TLS.
pub(super) fn is_loopback(authority: &str) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        let address = rest.split(']').next().and_then(|address| address.parse::<Ipv6Addr>().ok());
        return address.is_some_and(|address| address.is_loopback());
    }
    let name = authority.split(':').next().unwrap_or_default();
    is_localhost(name) || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// A port, which may be left empty (RFC 3986, 3.2.3).
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text.is_empty() || text.parse::<u16>().is_ok())
}

/// `localhost` and whatever is below it, which never leave the machine (RFC 6761, 6.3).
fn is_localhost(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::HOST};

    use super::Hosts;

    fn hosts() -> Hosts {
        Hosts::new(
            "https://Tokens.example.org:8443/jeton",
            vec!["jeton.internal".to_owned(), "jeton_1".to_owned()],
        )
    }

    #[test]
    fn addresses_localhost_and_own_names_are_meant() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8700",
            "192.0.2.1:65535",
            "[::1]",
            "[::1]:8700",
            "[2001:DB8::1]:",
            "[::ffff:127.0.0.1]",
            "localhost",
            "LocalHost:1",
            "localhost.",
            "localhost.:80",
            "localhost:",
            "a.localhost",
            "a.b.LOCALHOST.:8700",
            "tokens.example.org",
            "TOKENS.EXAMPLE.ORG:443",
            "tokens.example.org.",
            "jeton.internal:8700",
            "Jeton_1",
        ] {
            assert!(hosts().know(host), "{host}");
        }
    }

    #[test]
    fn no_other_name_is() {
        for host in [
            "",
            ".",
            ":",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "localhost..",
            ".localhost",
            "a..localhost",
            "127.0.0.1.evil.example",
            "127.0.0.1.nip.io",
            "example.org",
            "a.tokens.example.org",
            "tokens.example.org.evil.example",
            "xtokens.example.org",
            "jeton",
            "jeton.internal.evil",
            // Spellings of addresses that a resolver may be asked for.
            "2130706433",
            "0x7f.1",
            "127.1",
            "127.0.0.01",
            "::1",
            "[::1",
            "[::1]8700",
            "[::1]:x",
            "[::1]:65536",
            "[fe80::1%25eth0]",
            "[v1.localhost]",
            "[localhost]",
            "[127.0.0.1]",
            "localhost:x",
            "localhost:+1",
            "localhost:65536",
            "localhost:80:80",
            "localhost:80@evil.example",
            "evil.example@localhost",
            "user:1@localhost",
            "localhost/",
            "localhost/evil.example",
            "http://localhost",
            "localhost, evil.example",
            "localhost evil.example",
            " localhost",
            "localhost#",
            "localhost\\",
            "loc%61lhost",
            "ｌocalhost",
            "*",
        ] {
            assert!(!hosts().know(host), "{host:?}");
        }
    }

    #[test]
    fn every_host_that_is_sent_counts_and_none_may_be() {
        let meant = |sent: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for host in sent {
                headers.append(HOST, HeaderValue::from_bytes(host).unwrap());
            }
            hosts().are_meant(&headers)
        };
        assert!(meant(&[]) && meant(&[b"localhost"]));
        assert!(!meant(&[b"localhost", b"evil.example"]) && !meant(&[b"local\xffhost"]));
    }

    #[test]
    fn a_public_url_without_a_name_gives_none() {
        for url in ["", "unix:/run/jeton.sock", "http://127.0.0.1:8700", "http://[::1]:8700"] {
            let hosts = Hosts::new(url, Vec::new());
            assert!(hosts.know("localhost") && !hosts.know("jeton") && !hosts.know("run"), "{url}");
        }
    }
}
