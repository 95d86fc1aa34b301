//! What a request is called in its reply and in the log, so that the two and a proxy's own log find each other.
//!
//! A client's word is taken where nothing in it can steer a terminal or pass for more of a line, and where it is none of
//! our secrets.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderName, HeaderValue};
use tracing::Span;

use super::head::Lines;
use crate::core::{
    secret::{CONTROL_PREFIX, FEED_PREFIX, SESSION_PREFIX},
    token::PREFIX,
};

const NAME: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 64;

/// New at each start: what we make says neither how many requests there were nor what the next one is called.
static START: LazyLock<RandomState> = LazyLock::new(RandomState::new);

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The id of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The one that a client sent, if it is one and the only one.
    pub fn sent(headers: Lines<'_>) -> Option<Self> {
        let only = headers.only(NAME.as_str())?;
        let text = std::str::from_utf8(only).ok().filter(|text| is_good(text))?;
        HeaderValue::from_str(text).ok().map(Self)
    }

    /// One of ours.
    pub fn make() -> Self {
        let made = format!("{:016x}", START.hash_one(NEXT.fetch_add(1, Ordering::Relaxed)));
        Self(HeaderValue::from_str(&made).unwrap_or(HeaderValue::from_static("0")))
    }

    /// The line that says it in a reply.
    pub fn line(&self) -> (HeaderName, HeaderValue) {
        (NAME, self.0.clone())
    }

    /// What the lines that are logged within it have it by.
    pub fn span(&self) -> Span {
        // At the level that is left out last: it is no line itself.
        tracing::error_span!("request", id = %self.0.to_str().unwrap_or_default())
    }
}

fn is_good(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_secret =
        [PREFIX, CONTROL_PREFIX, FEED_PREFIX, SESSION_PREFIX].iter().any(|prefix| text.contains(prefix));
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits) && !is_secret
}

#[cfg(test)]
mod tests {
    use super::{Lines, NAME, RequestId};

    fn sent(values: &[&[u8]]) -> bool {
        let name = NAME;
        let lines: Vec<_> = values.iter().map(|value| (name.as_str(), *value)).collect();
        RequestId::sent(Lines(&lines)).is_some()
    }

    #[test]
    fn a_clients_word_is_taken_where_it_is_harmless() {
        let longest = "a".repeat(64);
        for good in ["a", "0.A_z-9", "4b1f0e5c-9a51-4f6e-8d57-0c1f5a9e7b33", &longest] {
            assert!(sent(&[good.as_bytes()]), "{good}");
        }
        let long = "a".repeat(65);
        for wrong in
            ["", " ", "a b", "a,b", "a/b", "\u{e9}", "a\"b", "jtn_x", "xjtc_y", "jts_", "jtf_z", &long]
        {
            assert!(!sent(&[wrong.as_bytes()]), "{wrong}");
        }
        assert!(!sent(&[]) && !sent(&[b"a", b"b"]) && !sent(&[b"a\tb"]) && !sent(&[b"\xff"]));
    }

    #[test]
    fn what_is_made_differs_and_would_be_taken() {
        let (one, other) = (RequestId::make(), RequestId::make());
        assert_ne!(one, other);
        assert!(sent(&[one.0.as_bytes()]));
    }
}
