//! The process among others: what it leaves behind, how many files it may open, and how it is asked to stop.

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior, setrlimit, umask};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Files are made for nobody but the owner, and no memory image is left behind or handed to a debugger.
///
/// # Errors
/// When the kernel doesn't take the second.
pub fn harden() -> io::Result<()> {
    umask(Mode::RWXG | Mode::RWXO);
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Allows as many open files as the hard limit does: the usual soft limit of 1024 is for programs that use `select`.
/// Returns how many.
pub fn raise_file_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// Each SIGHUP from now on: it asks that files be read again. Needs a tokio runtime.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// The signals that ask for a stop, caught from the moment this is made.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Catches SIGTERM and SIGINT, and keeps SIGHUP from ending the process. Needs a tokio runtime.
    ///
    /// They stay caught for the life of the process: a second one during the stop does nothing.
    pub fn install() -> io::Result<Self> {
        drop(signal(SignalKind::hangup())?);
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends with the first of them, and names it.
    pub async fn received(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
