//! What a token is good for, by method, host and path: `GET api.example/v1/reports/*`.

use std::fmt;

use crate::core::{path, refusal::Refusal};

/// How long a route may be, in bytes.
const LONGEST: usize = 512;

const FIELD: &str = "limits.routes";

/// A method, a host and a path, each perhaps with wildcards.
///
/// `*` stands for any method, for any host, for one segment in the middle of a path and for all the rest at its end;
/// `*.example` for every host below. `GET` is good for `HEAD` too, and a host without a port for each of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    text: Box<str>,
    host: usize,
    path: usize,
}

/// What is asked for, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The method.
    pub method: Option<&'a str>,
    /// The host, perhaps with its port, in any case.
    pub host: Option<&'a str>,
    /// The raw path, without a query.
    pub path: Option<&'a str>,
}

impl Route {
    /// Reads `METHOD host/path`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let form = || Refusal::invalid(FIELD, "a method, a host and a path: GET api.example/v1/reports/*");
        let (method, rest) = text.split_once(' ').ok_or_else(form)?;
        let slash = rest.find('/').ok_or_else(form)?;
        let (host, path) = (rest[..slash].to_ascii_lowercase(), &rest[slash..]);
        let capitals = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        if method != "*" && (method.is_empty() || !method.bytes().all(capitals)) {
            return Err(Refusal::invalid(FIELD, "the method is in capitals, or * for any"));
        }
        if !is_host(&host) {
            return Err(Refusal::invalid(FIELD, "the host is a name or an address, *.name, or * for any"));
        }
        let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b';'));
        if !visible || !path::is_plain(path) {
            return Err(Refusal::invalid(FIELD, "the path is plain: no query, no //, .. or ;"));
        }
        if path.split('/').any(|segment| segment.contains('*') && segment != "*") {
            return Err(Refusal::invalid(FIELD, "in a path * stands for a whole segment"));
        }
        if text.len() > LONGEST {
            return Err(Refusal::invalid(FIELD, format!("at most {LONGEST} bytes each")));
        }
        let at = method.len() + 1;
        Ok(Self { text: format!("{method} {host}{path}").into(), host: at, path: at + host.len() })
    }

    /// The same of a list.
    pub fn parse_all<S: AsRef<str>>(list: &[S]) -> Result<Vec<Self>, Refusal> {
        if list.len() > super::MOST {
            return Err(Refusal::invalid(FIELD, format!("at most {}", super::MOST)));
        }
        list.iter().map(|text| Self::parse(text.as_ref())).collect()
    }

    fn parts(&self) -> (&str, &str, &str) {
        (&self.text[..self.host - 1], &self.text[self.host..self.path], &self.text[self.path..])
    }

    /// Whether it holds what is asked for; what isn't known is held by a wildcard alone.
    fn holds(&self, asked: Asked<'_>) -> bool {
        let (method, host, path) = self.parts();
        let rest = path == "/*";
        (method == "*" || asked.method.is_some_and(|asked| covers_method(method, asked)))
            && (host == "*" || asked.host.is_some_and(|asked| covers_host(host, asked)))
            && (rest || asked.path.is_some_and(|asked| covers_path(path, asked)))
    }

    /// Whether it holds all that another one holds.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let ((method, host, path), (other_method, other_host, other_path)) = (self.parts(), other.parts());
        covers_method(method, other_method) && covers_host(host, other_host) && covers_path(path, other_path)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Holds what is asked for against a token's routes. A path that could be read in two ways isn't judged.
pub(super) fn judge(routes: &[Route], asked: Asked<'_>) -> Result<(), Refusal> {
    if let Some(path) = asked.path {
        let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b'#'));
        if !visible || !path::is_plain(path) {
            let what = "the path holds //, .., ; or an escape that could be read in two ways";
            return Err(Refusal::RouteUnclear { what });
        }
    }
    if routes.iter().any(|route| route.holds(asked)) { Ok(()) } else { Err(Refusal::RouteDenied) }
}

fn covers_method(held: &str, other: &str) -> bool {
    held == "*" || held == other || (held == "GET" && other == "HEAD")
}

fn covers_host(held: &str, other: &str) -> bool {
    if held == "*" {
        return true;
    }
    let ((name, port), (other_name, other_port)) = (split_port(held), split_port(other));
    let named = match name.strip_prefix('*') {
        // `*.example` holds `a.example` and `*.a.example`, and not `example` itself.
        Some(below) => {
            other_name.len() > below.len()
                && other_name.as_bytes()[other_name.len() - below.len()..]
                    .eq_ignore_ascii_case(below.as_bytes())
        }
        None => name.eq_ignore_ascii_case(other_name),
    };
    named && (port.is_none() || port == other_port)
}

/// A host's name and port. The colons of an IPv6 address stand in brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// Segment by segment; another route's wildcards are held by wildcards alone.
fn covers_path(held: &str, other: &str) -> bool {
    let (mut held, mut other) = (held.split('/').peekable(), other.split('/').peekable());
    loop {
        match (held.next(), other.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) if held.peek().is_none() => return true,
            (Some("*"), Some(segment)) => {
                // All the rest isn't one segment.
                let is_rest = segment == "*" && other.peek().is_none();
                if segment.is_empty() || is_rest {
                    return false;
                }
            }
            (Some(one), Some(another)) if one == another && one != "*" => {}
            _ => return false,
        }
    }
}

fn is_host(host: &str) -> bool {
    if host == "*" {
        return true;
    }
    let (name, port) = split_port(host);
    if port
        .is_some_and(|port| port.parse::<u16>().is_err() || !port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return false;
    }
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let name = name.strip_prefix("*.").unwrap_or(name);
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(good)
        && name.split('.').all(|part| !part.is_empty())
}
