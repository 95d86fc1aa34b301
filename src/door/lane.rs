//! What is asked over and over, answered where it arrives: by the application still, without hyper between.
//!
//! A connection begins here, and stays as long as all that comes on it is plain HTTP/1.1, each request in one piece, that
//! the application answers at once. The first request that isn't takes the connection to hyper for good, with what was
//! read of it: each refusal of the door, and every rarer way to speak HTTP, exists once, there.

use std::io;
use std::mem::MaybeUninit;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::yield_now;
use zeroize::Zeroize as _;

use super::exchange::at_gate;
use super::shared::Shared;
use super::wire::Wire;
use super::{Limits, clock};
use crate::http::{Answered, App, Head, Lines, Peer, RequestId, Whole};

/// Room for a request as proxies send them; there is more for one that fills it.
const ROOM: usize = 2048;

/// Header lines that are read here; a request with more is hyper's.
const HEADERS: usize = 64;

/// The beginning of a connection.
pub(super) struct Lane<'a> {
    pub(super) app: &'static App,
    pub(super) limits: &'a Limits,
    pub(super) shared: &'a Shared,
    pub(super) peer: Peer,
}

/// How the lane ended.
pub(super) enum Next {
    /// What follows is hyper's, beginning with what was read already.
    Hyper,
    /// Nothing follows: the connection is closed.
    Closed,
}

impl Lane<'_> {
    /// Answers what may be answered here.
    ///
    /// # Errors
    /// A connection that failed, or took longer than its limits allow.
    pub(super) async fn serve(&self, wire: &mut Wire) -> io::Result<Next> {
        let mut room = BytesMut::with_capacity(ROOM);
        let mut reply = Vec::with_capacity(ROOM);
        loop {
            let mut read = wire.read_buf(&mut room).await?;
            while read > 0 && !wire.is_between() && room.len() == room.capacity() {
                if room.len() >= self.limits.head_bytes {
                    break;
                }
                room.reserve(room.len());
                read = wire.read_buf(&mut room).await?;
            }
            // The end of the connection is hyper's as well, and a head that the wire has found fault with.
            let plain = read > 0 && wire.is_between() && self.shared.verdict().is_ok();
            let reads = App::reads_of_this_thread();
            let answer = plain.then(|| self.answer(&room)).flatten();
            let at_hand = reads == App::reads_of_this_thread();
            let Some(answer) = answer else {
                wire.put_back(room);
                return Ok(Next::Hyper);
            };
            // There is a token in it.
            room.zeroize();
            room.clear();
            let answer = self.app.settle(answer).await;
            // From here on no reply on this head is hyper's own.
            let _ = self.shared.take_call();
            let last = self.shared.ends_here();
            reply.clear();
            write(&mut reply, &answer, last);
            if !at_hand {
                // Whoever waits is woken once for all the replies that are due, if these leave together.
                yield_now().await;
            }
            wire.write_all(&reply).await?;
            wire.flush().await?;
            if last {
                wire.shutdown().await?;
                return Ok(Next::Closed);
            }
        }
    }

    /// The answer to a whole request; `None` for whatever is to be left to hyper.
    fn answer(&self, bytes: &[u8]) -> Option<Answered> {
        let mut room = [const { MaybeUninit::uninit() }; HEADERS];
        let mut parsed = httparse::Request::new(&mut []);
        let end = parsed.parse_with_uninit_headers(bytes, &mut room).ok()?;
        let (method, target) = (parsed.method?, parsed.path?);
        let httparse::Status::Complete(end) = end else { return None };
        let body = &bytes[end..];
        let is_within = parsed.headers.len() <= self.limits.headers
            && end <= self.limits.head_bytes
            && body.len() <= self.limits.body_bytes;
        if !is_within
            || parsed.version != Some(1)
            || !is_plain(target)
            || matches!(method, "HEAD" | "CONNECT")
        {
            return None;
        }
        let mut lines = [("", &[][..]); HEADERS];
        let lines = &mut lines[..parsed.headers.len()];
        for (line, header) in lines.iter_mut().zip(&*parsed.headers) {
            if is_of_connection(header.name) {
                return None;
            }
            *line = (header.name, header.value);
        }
        let lines = Lines(lines);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let head = Head { method, path, query, headers: lines };
        at_gate(self.app, &head, self.peer).or_else(|| {
            let id = RequestId::sent(lines).unwrap_or_else(RequestId::make);
            let answered = id.span().in_scope(|| self.app.at_once(&head, body, self.peer));
            answered.map(|answered| answered.with(id.line()))
        })
    }
}

/// What may stand in a target here: hyper takes more, and a fragment away.
fn is_plain(target: &str) -> bool {
    let plain = |byte| matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'z' | b'|' | b'~');
    target.starts_with('/') && target.bytes().all(plain)
}

/// Whether a header line says how the connection goes on, how a body is framed, or that a word is waited for.
fn is_of_connection(name: &str) -> bool {
    ["connection", "expect", "transfer-encoding", "upgrade"].iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// The reply as it goes over the wire.
fn write(bytes: &mut Vec<u8>, answer: &Whole, last: bool) {
    bytes.extend_from_slice(b"HTTP/1.1 ");
    bytes.extend_from_slice(answer.status.as_str().as_bytes());
    bytes.put_u8(b' ');
    bytes.extend_from_slice(answer.status.canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in &answer.headers {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
    }
    if last {
        bytes.extend_from_slice(b"\r\nconnection: close");
    }
    bytes.extend_from_slice(b"\r\ncontent-length: ");
    bytes.extend_from_slice(answer.body.len().to_string().as_bytes());
    bytes.extend_from_slice(b"\r\ndate: ");
    bytes.extend_from_slice(&clock::date());
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(&answer.body);
}
