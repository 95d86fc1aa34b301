//! From a setting's text to its value. An error says what was expected, to follow "isn't".

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, Uri};
use tracing::level_filters::LevelFilter;

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Who else opens the database, to replicate it as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// Nobody.
    None,
    /// Litestream.
    Litestream,
}

pub(super) fn replication(text: &str) -> Result<Replication, String> {
    match text {
        "none" => Ok(Replication::None),
        "litestream" => Ok(Replication::Litestream),
        _ => Err("none or litestream".to_owned()),
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("a path".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// Names parted by commas; `none` alone for none at all.
pub(super) fn names(text: &str) -> Result<Vec<String>, String> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if names.iter().any(|name| name.is_empty() || !name.bytes().all(good)) {
        return Err("names parted by commas, or none".to_owned());
    }
    Ok(names)
}

/// HTTP's own headers, which say how a request is framed, kept and read (RFC 9110, 7.6.1): no place for a token.
const TAKEN: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The first words of headers in which proxies speak themselves.
const OF_PROXIES: [&str; 4] = ["proxy-", "x-forwarded-", "x-original-", "x-real-ip"];

/// The name of a header that clients may put a token in and proxies pass on.
pub(super) fn header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName =
        text.parse().map_err(|_| "the name of a header such as X-Jeton-Token".to_owned())?;
    if TAKEN.contains(&name.as_str()) || OF_PROXIES.iter().any(|first| name.as_str().starts_with(first)) {
        return Err("a header that is free for a token, such as X-Jeton-Token".to_owned());
    }
    Ok(name)
}

/// A host name without a port and without a dot at its end.
pub fn host_name(text: &str) -> Option<&str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    // Underscores stand in the names that containers and services get.
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(good);
    (name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

/// Host names parted by commas, in lower case; `none` alone for none at all.
pub(super) fn hosts(text: &str) -> Result<Vec<String>, String> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let names = text.split(',').map(|name| host_name(name.trim()).map(str::to_ascii_lowercase));
    names.collect::<Option<_>>().ok_or_else(|| {
        "host names without a port, parted by commas, such as jeton.internal, or none".to_owned()
    })
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "an IP address such as 127.0.0.1 or ::1".to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    whole(text)
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| "a port from 0 to 65535".to_owned())
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "true or false".to_owned())
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    whole(text)
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| "a whole number, 1 or more".to_owned())
}

/// A duration from 1 ms to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    scaled(text, &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)])
        .filter(|ms| (1..=86_400_000).contains(ms))
        .map(Duration::from_millis)
        .ok_or_else(|| "a duration from 1ms to 24h, such as 500ms, 10s or 1m".to_owned())
}

/// A number of bytes, up to 1 GiB.
pub(super) fn size(text: &str) -> Result<usize, String> {
    scaled(text, &[("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)])
        .filter(|bytes| (1..=1 << 30).contains(bytes))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "a size up to 1GiB, such as 512B or 16KiB".to_owned())
}

pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    // `LevelFilter` itself also takes numbers and the empty text.
    match text {
        "off" | "error" | "warn" | "info" | "debug" | "trace" => text.parse().map_err(|_| String::new()),
        _ => Err("off, error, warn, info, debug or trace".to_owned()),
    }
}

pub(super) fn format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json".to_owned()),
    }
}

/// An http(s) address without credentials, query or fragment; its trailing slash is dropped, so that paths can follow.
pub(super) fn url(text: &str) -> Result<String, String> {
    let expected = || "an http or https address such as https://tokens.example.org".to_owned();
    let uri: Uri = text.parse().map_err(|_| expected())?;
    let authority = uri.authority().ok_or_else(expected)?;
    let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    if !known_scheme
        || authority.as_str().contains('@')
        || authority.host().is_empty()
        || text.contains(['?', '#'])
    {
        return Err(expected());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Digits only: no sign, no space.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    whole(number)?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1m"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("24h"), Ok(Duration::from_hours(24)));
        for bad in
            ["", "10", "s", "0s", "-1s", "+1s", " 1s", "1 s", "1.5s", "25h", "99999999999999999999s", "1d"]
        {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_counts_and_ports() {
        assert_eq!(size("16KiB"), Ok(16_384));
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("512B"), Ok(512));
        for bad in ["", "0", "16kb", "16 KiB", "-1", "2GiB", "18446744073709551616"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
        assert_eq!(port("0"), Ok(0));
        assert!(port("65536").is_err());
        assert!(port("+1").is_err());
        assert!(count("0").is_err());
    }

    #[test]
    fn urls() {
        assert_eq!(url("https://a.example/"), Ok("https://a.example".to_owned()));
        assert_eq!(url("http://[::1]:8700/jeton"), Ok("http://[::1]:8700/jeton".to_owned()));
        for bad in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a/?q",
            "https://a/#f",
            "/path",
            "https:///x",
        ] {
            assert!(url(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn host_names() {
        assert_eq!(hosts("none"), Ok(Vec::new()));
        assert_eq!(
            hosts("Jeton.Internal, jeton_1., xn--caf-dma.example"),
            Ok(vec!["jeton.internal".to_owned(), "jeton_1".to_owned(), "xn--caf-dma.example".to_owned()])
        );
        let long = "a".repeat(64);
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "a,",
            "a:8700",
            "[::1]",
            "::1",
            "*.a",
            "https://a",
            "a/b",
            "u@a",
            "a b",
            "café",
            &long,
            &format!("{0}.{0}.{0}.{0}.{0}", &long[..60]),
        ] {
            assert!(hosts(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn headers_that_are_free_for_a_token() {
        assert_eq!(header("X-Jeton-Token").unwrap(), "x-jeton-token");
        assert_eq!(header("Authorization").unwrap(), "authorization");
        for bad in ["", "X Token", "X-Token:", "x-tök", "\r\nx"] {
            assert!(header(bad).unwrap_err().starts_with("the name of a header"), "{bad:?}");
        }
        for taken in [
            "Connection",
            "HOST",
            "Content-Length",
            "Transfer-Encoding",
            "TE",
            "Trailer",
            "Upgrade",
            "Keep-Alive",
            "Expect",
            "Cookie",
            "Proxy-Connection",
            "Proxy-Authorization",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Uri",
            "X-Original-URI",
            "X-Real-IP",
        ] {
            assert!(header(taken).unwrap_err().contains("free for a token"), "{taken}");
        }
    }

    #[test]
    fn levels_are_names_only() {
        assert_eq!(level("debug"), Ok(LevelFilter::DEBUG));
        for bad in ["", "5", "INFO", "jeton=debug"] {
            assert!(level(bad).is_err(), "{bad:?}");
        }
    }
}
