//! Follows the bytes of a connection closely enough to know where each request ends.
//!
//! hyper is the parser; this only watches beside it. It sees what hyper hides (a second `Content-Length`, a
//! `Content-Length` beside a `Transfer-Encoding`, lines ended by a bare LF), and it gives hyper at most one request
//! at a time, so that the door knows whether another has already arrived. Where the two could ever disagree about the
//! end of a body, the connection serves no further request, and so nothing can be smuggled.

use super::screen::Rejection;
use memchr::{memchr, memchr_iter};

/// A head longer than this is hyper's to refuse.
const WATCHED_BYTES: usize = 256 * 1024;

/// What the framing headers of one head deserve.
pub(super) type Verdict = Result<(), Rejection>;

/// Where in a request the connection stands.
#[derive(Debug)]
enum State {
    /// Before the first byte of a head, or inside it.
    Head,
    /// In a body with this many bytes to come.
    Sized(u64),
    /// In a chunked body.
    Chunked(Chunk),
    /// The end of this request can't be told with certainty: all that follows belongs to it.
    Last,
}

#[derive(Debug, Clone, Copy)]
enum Chunk {
    Size { value: u64, digits: u8 },
    SizeLf { value: u64 },
    Data(u64),
    DataCr,
    DataLf,
    Trailer { empty: bool },
    TrailerLf { empty: bool },
}

/// The watcher of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    /// What has arrived of a head that did not come in one piece.
    partial: Vec<u8>,
    in_head: bool,
}

/// How far a chunk of input could be followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes of the chunk that belong to the present request, at least one.
    pub taken: usize,
    /// Set when its head has just become complete.
    pub head: Option<Verdict>,
    /// Whether these bytes complete the request.
    pub complete: bool,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { state: State::Head, partial: Vec::new(), in_head: false }
    }

    /// Whether a request has begun to arrive and is not complete.
    pub(super) fn mid_request(&self) -> bool {
        self.in_head || !matches!(self.state, State::Head)
    }

    /// Whether some, but not all, of a head has arrived.
    pub(super) fn mid_head(&self) -> bool {
        self.in_head
    }

    /// Whether no request can follow the present one.
    pub(super) fn is_last(&self) -> bool {
        matches!(self.state, State::Last)
    }

    /// Follows `chunk` to its end or to the end of the present request, whichever comes first.
    pub(super) fn follow(&mut self, chunk: &[u8]) -> Step {
        let mut step = Step { taken: 0, head: None, complete: false };
        while step.taken < chunk.len() && !step.complete {
            let rest = &chunk[step.taken..];
            match &mut self.state {
                State::Head => {
                    let (taken, verdict) = self.follow_head(rest);
                    step.taken += taken;
                    step.head = verdict.or(step.head);
                    step.complete = verdict.is_some() && matches!(self.state, State::Head);
                }
                State::Sized(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= taken as u64;
                    step.taken += taken;
                    step.complete = *left == 0;
                }
                State::Chunked(at) => {
                    let (taken, next) = follow_chunks(*at, rest);
                    step.taken += taken;
                    match next {
                        Some(next) => *at = next,
                        None if taken == 0 => self.state = State::Last,
                        None => step.complete = true,
                    }
                }
                State::Last => step.taken = chunk.len(),
            }
            if step.complete {
                self.state = State::Head;
            }
        }
        step
    }

    fn follow_head(&mut self, rest: &[u8]) -> (usize, Option<Verdict>) {
        // RFC 9112, 2.2: empty lines before a request line are skipped, by hyper too.
        let blank = if self.partial.is_empty() {
            rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
        } else {
            0
        };
        self.in_head = true;
        if self.partial.is_empty() {
            if let Some(end) = head_end(&rest[blank..], 0) {
                return (blank + end, Some(self.close_head(&rest[blank..blank + end])));
            }
            self.partial.extend_from_slice(&rest[blank..]);
        } else {
            let known = self.partial.len();
            self.partial.extend_from_slice(rest);
            if let Some(end) = head_end(&self.partial, known.saturating_sub(2)) {
                let head = std::mem::take(&mut self.partial);
                return (end - known, Some(self.close_head(&head[..end])));
            }
        }
        if self.partial.len() > WATCHED_BYTES {
            self.partial = Vec::new();
            self.state = State::Last;
        }
        (rest.len(), None)
    }

    fn close_head(&mut self, head: &[u8]) -> Verdict {
        self.in_head = false;
        let (verdict, state) = examine(head);
        self.state = state;
        verdict
    }
}

/// The length of a head including the empty line that ends it, as httparse reads it.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr_iter(b'\n', &bytes[from..]).map(|at| from + at + 1).find_map(|next| match bytes.get(next) {
        Some(b'\n') => Some(next + 1),
        Some(b'\r') if bytes.get(next + 1) == Some(&b'\n') => Some(next + 2),
        _ => None,
    })
}

/// Reads the framing headers of a whole head.
fn examine(head: &[u8]) -> (Verdict, State) {
    let mut lengths = 0;
    let mut codings = 0;
    let mut length = Some(0);
    let mut chunked = true;
    let mut bare = false;
    let mut start = 0;
    for at in memchr_iter(b'\n', head) {
        let line = &head[start..at];
        start = at + 1;
        bare |= line.last() != Some(&b'\r');
        match line.first().map(u8::to_ascii_lowercase) {
            Some(b'c') => {
                if let Some(value) = field(line, b"content-length") {
                    lengths += 1;
                    length = digits(value);
                }
            }
            Some(b't') => {
                if let Some(value) = field(line, b"transfer-encoding") {
                    codings += 1;
                    chunked &= value.eq_ignore_ascii_case(b"chunked");
                }
            }
            _ => {}
        }
    }
    let rejection = match (lengths, codings) {
        _ if bare => Some(Rejection::LineEnding),
        (1.., 1..) => Some(Rejection::FramingConflict),
        (2.., _) => Some(Rejection::LengthRepeated),
        (1, _) if length.is_none() => Some(Rejection::LengthInvalid),
        (_, 2..) => Some(Rejection::TransferCoding),
        (_, 1) if !chunked => Some(Rejection::TransferCoding),
        _ => None,
    };
    let state = match (rejection, codings, length) {
        (Some(_), ..) | (None, 0, None) => State::Last,
        (None, 0, Some(0)) => State::Head,
        (None, 0, Some(length)) => State::Sized(length),
        (None, ..) => State::Chunked(Chunk::Size { value: 0, digits: 0 }),
    };
    (rejection.map_or(Ok(()), Err), state)
}

/// The trimmed value of `line` if it is the header `name` (lower case).
fn field<'h>(line: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    let colon = memchr(b':', line)?;
    line[..colon].trim_ascii_end().eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
}

fn digits(value: &[u8]) -> Option<u64> {
    let plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    plain.then(|| std::str::from_utf8(value).ok()?.parse().ok()).flatten()
}

/// Follows chunked coding (RFC 9112, 7.1): the bytes taken, and where that leaves it. `None` is the end of the body
/// when bytes were taken, and coding that can't be followed when none were.
fn follow_chunks(mut at: Chunk, bytes: &[u8]) -> (usize, Option<Chunk>) {
    let mut taken = 0;
    while let Some(&byte) = bytes.get(taken) {
        let step = match (at, byte) {
            (Chunk::Data(left), _) => {
                let room = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - taken);
                taken += room;
                let left = left - room as u64;
                at = if left == 0 { Chunk::DataCr } else { Chunk::Data(left) };
                continue;
            }
            (Chunk::TrailerLf { empty: true }, b'\n') => return (taken + 1, None),
            (other, byte) => chunk_byte(other, byte),
        };
        let Some(next) = step else { return (0, None) };
        at = next;
        taken += 1;
    }
    (taken, Some(at))
}

fn chunk_byte(at: Chunk, byte: u8) -> Option<Chunk> {
    match (at, byte) {
        (Chunk::Size { value, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
            let digit = char::from(byte).to_digit(16)?;
            // Sixteen digits could overflow; no body of ours is near.
            (digits < 15).then(|| Chunk::Size { value: value << 4 | u64::from(digit), digits: digits + 1 })
        }
        (Chunk::Size { value, digits: 1.. }, b'\r') => Some(Chunk::SizeLf { value }),
        (Chunk::SizeLf { value: 0 } | Chunk::TrailerLf { empty: false }, b'\n') => {
            Some(Chunk::Trailer { empty: true })
        }
        (Chunk::SizeLf { value }, b'\n') => Some(Chunk::Data(value)),
        (Chunk::DataCr, b'\r') => Some(Chunk::DataLf),
        (Chunk::DataLf, b'\n') => Some(Chunk::Size { value: 0, digits: 0 }),
        (Chunk::Trailer { empty }, b'\r') => Some(Chunk::TrailerLf { empty }),
        (Chunk::Trailer { .. }, 0x20..) => Some(Chunk::Trailer { empty: false }),
        _ => None,
    }
}
