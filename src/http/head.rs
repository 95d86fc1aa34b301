//! The head of a request, whoever parsed it.

use http::{HeaderMap, request::Parts};

/// The headers of a request, at the door or behind it.
pub(super) trait Headers {
    /// All values of a header, which is named in lower case, in order: one that isn't text is there, and blank.
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str>;
}

impl Headers for rocket::http::HeaderMap<'_> {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.get(name)
    }
}

/// A header line: its name in any case, and its value.
pub type Line<'a> = (&'a str, &'a [u8]);

/// Header lines as they came. So few are looked through faster than a map of them is made.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a>(pub &'a [Line<'a>]);

impl<'a> Lines<'a> {
    /// All values of a header, in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        // Nearly all have another length.
        let named = move |other: &str| other.len() == name.len() && other.eq_ignore_ascii_case(name);
        self.0.iter().filter(move |(other, _)| named(other)).map(|(_, value)| *value)
    }

    /// The value of a header that is there once; `None` for one that isn't, or is more than once.
    pub fn only(self, name: &str) -> Option<&'a [u8]> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }
}

impl Headers for Lines<'_> {
    fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.all(name).map(|value| std::str::from_utf8(value).unwrap_or_default())
    }
}

/// A head in origin form.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, as it was sent.
    pub path: &'a str,
    /// What follows the first `?`.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: Lines<'a>,
}

impl<'a> Head<'a> {
    /// What hyper parsed; `None` where it isn't in origin form.
    pub fn of(head: &'a Parts, headers: &'a [Line<'a>]) -> Option<Self> {
        let (method, uri) = (head.method.as_str(), &head.uri);
        // A whole URL is no proxy's; nor is a tunnel.
        let origin = uri.authority().is_none() && head.method != http::Method::CONNECT;
        origin.then(|| Self { method, path: uri.path(), query: uri.query(), headers: Lines(headers) })
    }
}

/// The lines of a map.
pub fn lines(headers: &HeaderMap) -> Vec<Line<'_>> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}
