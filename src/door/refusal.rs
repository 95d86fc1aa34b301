//! The door's refusals as replies.

use bytes::BytesMut;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONNECTION};

use super::Limits;
use super::framing::Verdict;
use super::screen::Rejection;
use crate::http::{Answer, Problem, RequestId};

/// The reply to a refused request. The connection ends with it: what follows on it can't be trusted, or isn't read.
pub(super) fn answer(rejection: Rejection, limits: &Limits) -> Answer {
    let mut answer = Answer::problem(&rejection.problem(limits));
    answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if rejection == Rejection::ContentEncoding {
        // RFC 9110, 15.5.16: say what would have been accepted.
        answer.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    answer
}

/// The bytes to send instead of a reply that hyper made without asking us: its bare 431 and 414, and its 400 where
/// we know what is wrong. What isn't HTTP at all keeps the bare 400.
pub(super) fn instead_of(bare: &[u8], verdict: Verdict, limits: &Limits) -> Option<BytesMut> {
    let rejection = match bare.get(..12)? {
        b"HTTP/1.1 431" => Rejection::HeadTooLarge,
        b"HTTP/1.1 414" => Rejection::TargetTooLong,
        b"HTTP/1.1 400" => verdict.err()?,
        _ => return None,
    };
    Some(raw(&rejection.problem(limits)))
}

/// The reply to a connection over a cap, for a client that hasn't been read from.
pub(super) fn too_many_connections() -> BytesMut {
    raw(&Problem::new(503, "too_many_connections", "too many connections are open; try later"))
}

fn raw(problem: &Problem) -> BytesMut {
    let Answer { status, mut headers, .. } = Answer::problem(problem);
    headers.extend([RequestId::make().line()]);
    let document = problem.to_json();
    let mut bytes = BytesMut::from(format!("HTTP/1.1 {status}\r\n").as_bytes());
    for (name, value) in &headers {
        bytes.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let framing = format!("content-length: {}\r\nconnection: close\r\n\r\n", document.len());
    bytes.extend_from_slice(framing.as_bytes());
    bytes.extend_from_slice(&document);
    bytes
}
