//! What the door refuses before the application sees it.

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Version};

use super::Limits;
use crate::core::path::is_plain;
use crate::http::Problem;

/// Headers that may carry a credential: each at most once, and text.
const CARRIERS: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-access-token"),
    HeaderName::from_static("user-token"),
];

/// Why a request was refused at the door; [`Rejection::code`] is what clients may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Rejection {
    /// Not an origin-form target: absolute-form, asterisk-form, or CONNECT.
    TargetForm = 1,
    /// A raw path that two readers may take for two things: `%2f`, `%5c`, `\`, controls, `//`, dot segments,
    /// or percent escapes that are broken or not UTF-8.
    PathNotPlain,
    /// A credential header given more than once.
    CredentialRepeated,
    /// A credential header that isn't UTF-8.
    CredentialNotText,
    /// HTTP/1.1 without `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112, 6.1).
    FramingConflict,
    /// More than one `Content-Length`, whether or not they agree.
    LengthRepeated,
    /// A `Content-Length` that isn't a number.
    LengthInvalid,
    /// More than one `Transfer-Encoding`, or one that isn't exactly `chunked`.
    TransferCoding,
    /// A head whose lines do not all end in CR LF.
    LineEnding,
    /// More header lines than the limit.
    TooManyHeaders,
    /// A head with more bytes than the limit.
    HeadTooLarge,
    /// A target longer than any head may be.
    TargetTooLong,
    /// A body that is compressed or otherwise encoded.
    ContentEncoding,
    /// A body over the limit.
    BodyTooLarge,
    /// A body that did not arrive in time.
    BodyTimeout,
    /// A body that broke off, or whose chunks are not chunks.
    BodyIncomplete,
}

impl Rejection {
    /// Stable name, the `code` of the document.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TargetForm => "target_form",
            Self::PathNotPlain => "path_not_plain",
            Self::CredentialRepeated => "credential_repeated",
            Self::CredentialNotText => "credential_not_text",
            Self::HostMissing => "host_missing",
            Self::HostRepeated => "host_repeated",
            Self::FramingConflict => "framing_conflict",
            Self::LengthRepeated => "content_length_repeated",
            Self::LengthInvalid => "content_length_invalid",
            Self::TransferCoding => "transfer_encoding_unsupported",
            Self::LineEnding => "line_ending",
            Self::TooManyHeaders => "too_many_headers",
            Self::HeadTooLarge => "head_too_large",
            Self::TargetTooLong => "target_too_long",
            Self::ContentEncoding => "content_encoding_unsupported",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyIncomplete => "body_incomplete",
        }
    }

    /// HTTP status of the reply.
    pub const fn status(self) -> u16 {
        match self {
            Self::TooManyHeaders | Self::HeadTooLarge => 431,
            Self::TargetTooLong => 414,
            Self::ContentEncoding => 415,
            Self::BodyTooLarge => 413,
            Self::BodyTimeout => 408,
            _ => 400,
        }
    }

    /// The document, with the limit that was passed where there is one.
    pub(super) fn problem(self, limits: &Limits) -> Problem {
        let problem = Problem::new(self.status(), self.code(), self.detail());
        match self {
            Self::TooManyHeaders => problem.with("limit", limits.headers),
            Self::HeadTooLarge => problem.with("limit", limits.head_bytes),
            Self::BodyTooLarge => problem.with("limit", limits.body_bytes),
            _ => problem,
        }
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::TargetForm => "the request target must be a path; send `/path?query`",
            Self::PathNotPlain => {
                "the path holds an empty or dot segment, an encoded slash, backslash or control, or a broken escape"
            }
            Self::CredentialRepeated => "a credential header is given more than once; send it once",
            Self::CredentialNotText => "a credential header is not UTF-8 text",
            Self::HostMissing => "the `host` header is missing",
            Self::HostRepeated => "the `host` header is given more than once",
            Self::FramingConflict => "both `content-length` and `transfer-encoding` are given; send one",
            Self::LengthRepeated => "`content-length` is given more than once; send it once",
            Self::LengthInvalid => "`content-length` is not a number of bytes",
            Self::TransferCoding => "`transfer-encoding` must be exactly `chunked`, given once",
            Self::LineEnding => "a line of the head does not end in CR LF",
            Self::TooManyHeaders => "the request has more headers than the limit",
            Self::HeadTooLarge => "the head is larger than the limit",
            Self::TargetTooLong => "the request target is too long",
            Self::ContentEncoding => "the body is encoded; send it without `content-encoding`",
            Self::BodyTooLarge => "the body is larger than the limit",
            Self::BodyTimeout => "the body did not arrive in time",
            Self::BodyIncomplete => "the body broke off or is not well-formed",
        }
    }
}

/// Checks everything that can be told from a parsed head.
pub(super) fn screen(head: &Parts, limits: &Limits) -> Result<(), Rejection> {
    if head.headers.len() > limits.headers {
        return Err(Rejection::TooManyHeaders);
    }
    if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        return Err(Rejection::TargetForm);
    }
    check_path(head.uri.path())?;
    check_host(head)?;
    for carrier in &CARRIERS {
        check_credential(&head.headers, carrier)?;
    }
    let coded = |value: &http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if head.headers.get_all(CONTENT_ENCODING).iter().any(coded) {
        return Err(Rejection::ContentEncoding);
    }
    match declared_length(&head.headers) {
        Some(length) if length > limits.body_bytes as u64 => Err(Rejection::BodyTooLarge),
        _ => Ok(()),
    }
}

fn check_host(head: &Parts) -> Result<(), Rejection> {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(Rejection::HostRepeated),
        (None, None) if head.version >= Version::HTTP_11 => Err(Rejection::HostMissing),
        _ => Ok(()),
    }
}

fn check_credential(headers: &HeaderMap, name: &HeaderName) -> Result<(), Rejection> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(()) };
    if values.next().is_some() {
        return Err(Rejection::CredentialRepeated);
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(_) => Ok(()),
        Err(_) => Err(Rejection::CredentialNotText),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Lets a path through only if it means the same to every reader.
fn check_path(path: &str) -> Result<(), Rejection> {
    if !path.starts_with('/') {
        return Err(Rejection::TargetForm);
    }
    if is_plain(path) { Ok(()) } else { Err(Rejection::PathNotPlain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_a_slash_and_is_plain() {
        assert_eq!(check_path("/v1/tokens"), Ok(()));
        assert_eq!(check_path("/v1//tokens"), Err(Rejection::PathNotPlain));
        assert_eq!(check_path("*"), Err(Rejection::TargetForm));
    }
}
