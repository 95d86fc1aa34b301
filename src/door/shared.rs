//! What the two halves of one connection tell each other: the wire below hyper and the exchange above it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::framing::Verdict;

/// Both halves run in the connection's one task, so nothing here is ever contended.
pub(super) struct Shared {
    verdict: Mutex<Verdict>,
    /// A request has gone from hyper to the exchange since the last head began.
    called: AtomicBool,
    /// No request may follow the present one.
    last: AtomicBool,
    /// Part of another request has arrived behind the present one.
    more: AtomicBool,
    /// The door is closing.
    draining: AtomicBool,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            verdict: Mutex::new(Ok(())),
            called: AtomicBool::new(false),
            last: AtomicBool::new(false),
            more: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }
    }

    /// The wire has handed the beginning of a head to hyper.
    pub(super) fn head_begun(&self) {
        self.called.store(false, Relaxed);
    }

    /// The wire has handed a whole head to hyper.
    pub(super) fn head_complete(&self, verdict: Verdict) {
        *self.verdict.lock().expect("no panic happens under this lock") = verdict;
        self.called.store(false, Relaxed);
    }

    /// The exchange takes the request whose head was completed last.
    pub(super) fn take_call(&self) -> Verdict {
        self.called.store(true, Relaxed);
        self.verdict()
    }

    pub(super) fn verdict(&self) -> Verdict {
        *self.verdict.lock().expect("no panic happens under this lock")
    }

    /// Whether what hyper writes now is its own reply to a head that never became a request.
    pub(super) fn uncalled(&self) -> bool {
        !self.called.load(Relaxed)
    }

    pub(super) fn note_last(&self) {
        self.last.store(true, Relaxed);
    }

    pub(super) fn note_more(&self, more: bool) {
        self.more.store(more, Relaxed);
    }

    pub(super) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    pub(super) fn draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Whether the connection ends with the reply that is being made. A pipelined request that has arrived already
    /// is still answered while the door closes.
    pub(super) fn ends_here(&self) -> bool {
        self.last.load(Relaxed) || (self.draining() && !self.more.load(Relaxed))
    }
}
