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

/// How much the calling thread stands back: a tenth of a core that others want, and all of one that nobody does.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lets the threads that answer requests go before the calling one. Where the system says no, they share as before.
///
/// On Linux alone is it a thread that this is said of.
pub fn stand_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
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

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn one_thread_stands_back_and_no_other() {
        use rustix::process::getpriority_process;

        let before = getpriority_process(None).unwrap();
        let of_thread = std::thread::spawn(|| {
            super::stand_back();
            getpriority_process(None).unwrap()
        });
        // It can't go before what the tests themselves were started as.
        assert_eq!(of_thread.join().unwrap(), before.max(super::NICE));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
