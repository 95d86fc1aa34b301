//! Headers that every reply has which doesn't say otherwise: what a browser may do with it.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// What an API says is for this caller, now; it is what it says it is; it is no document of anybody's, in nobody's frame.
const ALWAYS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds those that a reply's lines don't have.
pub(super) fn complete_lines(lines: &mut Vec<(HeaderName, HeaderValue)>) {
    for (name, value) in ALWAYS {
        if !lines.iter().any(|(other, _)| *other == name) {
            lines.push((name, HeaderValue::from_static(value)));
        }
    }
}

/// Adds those that a reply doesn't have.
pub(super) fn complete(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
