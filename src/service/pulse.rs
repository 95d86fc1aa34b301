//! Whether the store answers: the writer takes writes and a small read works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Service;
use crate::{
    core::refusal::Failure,
    store::{Tx, Write},
};

/// A write that leaves nothing: it shows that its turn comes and that the lock is to be had, and costs no sync.
struct Pulse(Arc<AtomicBool>);

impl Write for Pulse {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.any_user()?;
        self.0.store(true, Ordering::Release);
        // Undone, and so not synced: a full disk is no reason to start again.
        Err(Failure::Busy)
    }
}

impl Service {
    /// Whether the store answers now. One that hangs doesn't say no: the caller sets the time limit.
    pub async fn answers(&self) -> bool {
        let taken = Arc::new(AtomicBool::new(false));
        let _ = self.store.write(Pulse(Arc::clone(&taken))).await;
        let reads = self.store.read_apart(|rows| Ok(rows.any_user()?)).await;
        taken.load(Ordering::Acquire) && reads.is_ok()
    }
}
