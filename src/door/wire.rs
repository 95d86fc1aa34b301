//! The transport below hyper: where the door's time limits, its closing and its view of framing are enforced.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::framing::Framing;
use super::shared::Shared;
use super::stream::Stream;
use super::{Limits, refusal};

/// How long an idle connection may still send a request after the door began to close. Without it, a client that
/// reuses its connection at that moment would see a reset and not know whether it was served.
const GRACE: Duration = Duration::from_millis(400);
/// When a request that has only arrived in part is given up after the door began to close.
const GIVE_UP: Duration = Duration::from_millis(800);
/// How long, and for how many bytes, input is thrown away after the last reply, so that the reply isn't lost to the
/// reset that closing over unread input causes.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_DRAINING: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1024 * 1024;

/// A stream as hyper sees it.
pub(super) struct Wire {
    stream: Stream,
    limits: Arc<Limits>,
    shared: Arc<Shared>,
    framing: Framing,
    /// What has arrived beyond the present request.
    excess: BytesMut,
    /// What was read and followed already, and is to be read again.
    again: BytesMut,
    /// A refused request's bytes end here for hyper.
    sealed: bool,
    /// hyper's own bare reply was looked at, and this is left to write of what replaces it.
    substitute: Option<BytesMut>,
    eof: bool,
    served: bool,
    waiting_since: Option<Instant>,
    draining_since: Option<Instant>,
    stalled_since: Option<Instant>,
    linger: Option<(Instant, usize)>,
    reading: Alarm,
    writing: Alarm,
}

impl Wire {
    pub(super) fn new(stream: Stream, limits: Arc<Limits>, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            limits,
            shared,
            framing: Framing::new(),
            excess: BytesMut::new(),
            again: BytesMut::new(),
            sealed: false,
            substitute: None,
            eof: false,
            served: false,
            waiting_since: None,
            draining_since: None,
            stalled_since: None,
            linger: None,
            reading: Alarm::default(),
            writing: Alarm::default(),
        }
    }

    /// Whether what has been read ends with a whole request.
    pub(super) fn is_between(&self) -> bool {
        !self.framing.mid_request()
    }

    /// Has bytes that were read before all others read again.
    pub(super) fn put_back(&mut self, bytes: BytesMut) {
        self.again = bytes;
    }

    /// Follows what has just been put into `buf` after `before`, and takes back what belongs to the next request.
    fn follow(&mut self, before: usize, buf: &mut ReadBuf<'_>) {
        let was_mid_head = self.framing.mid_head();
        let step = self.framing.follow(&buf.filled()[before..]);
        let end = before + step.taken;
        if end < buf.filled().len() {
            let beyond = &buf.filled()[end..];
            // Input taken from the excess goes back in front of it.
            let mut rest = BytesMut::with_capacity(beyond.len() + self.excess.len());
            rest.extend_from_slice(beyond);
            rest.extend_from_slice(&self.excess);
            self.excess = rest;
            buf.set_filled(end);
        }
        self.shared.note_more(!self.excess.is_empty());
        if self.framing.mid_head() && !was_mid_head {
            self.shared.head_begun();
        }
        if let Some(verdict) = step.head {
            self.shared.head_complete(verdict);
            self.sealed = verdict.is_err();
            self.served = true;
        }
        if self.framing.is_last() {
            self.shared.note_last();
        }
        // A head's time runs from its first byte; otherwise the wait for the next request starts afresh.
        if !(was_mid_head && self.framing.mid_head()) {
            self.waiting_since = None;
        }
    }

    /// hyper wants input and there is none: how long may that last, and what happens then.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.shared.draining() && self.draining_since.is_none() {
            self.draining_since = Some(Instant::now());
        }
        let idle = !self.framing.mid_request();
        let limit = if self.framing.mid_head() {
            Some(self.limits.head_timeout)
        } else if !idle {
            // The exchange times bodies.
            None
        } else if self.served {
            Some(self.limits.idle_timeout)
        } else {
            Some(self.limits.idle_timeout.min(self.limits.head_timeout))
        };
        let own = limit.map(|limit| *self.waiting_since.get_or_insert_with(Instant::now) + limit);
        let closing = self.draining_since.map(|since| since + if idle { GRACE } else { GIVE_UP });
        let Some(deadline) = own.into_iter().chain(closing).min() else { return Poll::Pending };
        ready!(self.reading.poll(deadline, cx));
        // An idle connection ends as if its client had closed it.
        Poll::Ready(if idle { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) })
    }

    /// A write made no progress: how long may that last.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        ready!(self.writing.poll(since + self.limits.write_timeout, cx));
        self.stream.abandon();
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn timed(&mut self, wrote: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if wrote.is_pending() {
            return self.poll_stalled(cx).map(Err);
        }
        self.stalled_since = None;
        wrote
    }

    /// Writes the document that stands in for a bare reply of hyper's, then claims that reply written.
    fn poll_substitute(&mut self, bare: &[u8], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            let left = self.substitute.as_ref().map_or(&[][..], |left| &left[..]);
            if left.is_empty() {
                return Poll::Ready(Ok(bare.len()));
            }
            let wrote = Pin::new(&mut self.stream).poll_write(cx, left);
            let wrote = ready!(self.timed(wrote, cx))?;
            if let (Some(left), 1..) = (&mut self.substitute, wrote) {
                left.advance(wrote);
            } else {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
    }

    /// Whether `bare` is a reply that hyper made itself and that a document of ours replaces.
    fn substitutes(&mut self, bare: &[u8]) -> bool {
        if self.substitute.is_none() && self.shared.uncalled() {
            self.substitute = refusal::instead_of(bare, self.shared.verdict(), &self.limits);
        }
        self.substitute.is_some()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.again.is_empty() {
            let ready = wire.again.split_to(wire.again.len().min(buf.remaining()));
            buf.put_slice(&ready);
            if wire.again.is_empty() {
                wire.again = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        if wire.sealed {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if wire.excess.is_empty() {
            match Pin::new(&mut wire.stream).poll_read(cx, buf) {
                Poll::Pending => return wire.poll_overdue(cx),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if buf.filled().len() == before => {
                    wire.eof = true;
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(())) => {}
            }
        } else {
            let ready = wire.excess.split_to(wire.excess.len().min(buf.remaining()));
            buf.put_slice(&ready);
        }
        wire.follow(before, buf);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        if wire.substitutes(buf) {
            return wire.poll_substitute(buf, cx);
        }
        let wrote = Pin::new(&mut wire.stream).poll_write(cx, buf);
        wire.timed(wrote, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let first = bufs.first().map_or(&[][..], |first| first);
        if wire.substitutes(first) {
            return wire.poll_substitute(first, cx);
        }
        let wrote = Pin::new(&mut wire.stream).poll_write_vectored(cx, bufs);
        wire.timed(wrote, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        match Pin::new(&mut wire.stream).poll_flush(cx) {
            Poll::Pending => wire.poll_stalled(cx).map(Err),
            flushed @ Poll::Ready(_) => flushed,
        }
    }

    /// Closes our side, then throws away input until the peer closes its own.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.linger.is_none() {
            match Pin::new(&mut wire.stream).poll_shutdown(cx) {
                Poll::Pending => return wire.poll_stalled(cx).map(Err),
                Poll::Ready(outcome) => outcome?,
            }
            if wire.eof {
                return Poll::Ready(Ok(()));
            }
        }
        let limit = if wire.shared.draining() { LINGER_DRAINING } else { LINGER };
        let (since, mut thrown) = *wire.linger.get_or_insert_with(|| (Instant::now(), 0));
        let mut scratch = [std::mem::MaybeUninit::uninit(); 8192];
        while thrown < LINGER_BYTES {
            let mut buf = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut wire.stream).poll_read(cx, &mut buf) {
                Poll::Pending => {
                    wire.linger = Some((since, thrown));
                    return wire.reading.poll(since + limit, cx).map(Ok);
                }
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => thrown += buf.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
