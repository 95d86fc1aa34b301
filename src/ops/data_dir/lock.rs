//! The lock that one process at a time holds. It says who runs; the file's text is only the holder's name tag.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::{DataDir, DataDirError, LOCK, files};

/// How long a lock is waited for that another process may hold for a moment only. Less than the second in which a
/// second server has to be refused.
const PATIENCE: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_millis(20);

/// The lock, held until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl DataDir {
    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Result<Option<Lock>, DataDirError> {
        let io_error = |source| DataDirError::Io { what: "lock", path: self.file(LOCK), source };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file =
            files::open_at(self.handle(), LOCK, flags, Mode::RUSR | Mode::WUSR).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        }
        file.set_len(0).map_err(io_error)?;
        writeln!(file, "{}", std::process::id()).map_err(io_error)?;
        Ok(Some(Lock { file }))
    }

    /// Takes the lock, and waits for a command that holds it but not for a server.
    ///
    /// # Errors
    /// [`DataDirError::Held`] names the holder.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            let pid = self.holder();
            let server = pid.is_some() && self.server_pid() == pid;
            if server || Instant::now() >= deadline {
                return Err(DataDirError::Held { path: self.path().to_owned(), pid });
            }
            sleep(PAUSE);
        }
    }

    /// The process that holds the lock, as far as it has said so yet.
    pub fn holder(&self) -> Option<u32> {
        files::read_at(self.handle(), LOCK, 64).ok()?.trim().parse().ok()
    }
}

impl Drop for Lock {
    /// Takes the name tag off, so that a start that is refused leaves the file as a clean stop does.
    fn drop(&mut self) {
        // The lock itself goes with the descriptor; a tag left behind only misnames the next holder for a moment.
        let _ = self.file.set_len(0);
    }
}
