//! What every test stands on: a whole server of its own, and clients that see exact bytes.
//!
//! Nothing here knows jeton's code, but what fills a database with a million rows: what a test says of the product, it says through the binary, a socket or a file.

pub mod browser;
pub mod campaign;
pub mod client;
pub mod command;
pub mod database;
pub mod estate;
pub mod files;
pub mod fill;
pub mod npm;
pub mod page;
pub mod python;
pub mod scan;
pub mod server;
pub mod token;
pub mod turn;

pub use browser::Browser;
pub use campaign::{at_least, campaign};
pub use client::{Client, Reply, Target};
pub use command::{Output, Run};
pub use server::Server;
pub use turn::alone;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Raises a flag when it goes out of scope, whichever way: a test that fails in the midst of its load would otherwise
/// wait for that load for ever.
pub struct RaiseOnDrop<'a>(pub &'a AtomicBool);

impl Drop for RaiseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls until `ready` gives something; fails the test, naming `what`, once `within` has passed.
pub fn wait_for<T>(what: &str, within: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(start.elapsed() < within, "waited {within:?} for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
