//! The data directory: found, made, checked before anything in it is believed, and held by one process at a time.

mod files;
mod locate;
mod lock;
mod look;
mod pepper;
mod swap;

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, renameat, unlinkat};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::core::keys::PepperError;

pub use locate::{for_command, for_serve, quote};
pub use lock::Lock;
pub use pepper::{PepperPlace, Rewritten};

/// The database.
pub const DATABASE: &str = "jeton.db";
/// The keys.
pub const PEPPER: &str = "pepper.key";
/// What was revoked, beside the database so that an older one can learn it.
pub const JOURNAL: &str = "jeton.journal";
/// Room for a revocation on a full disk.
pub const RESERVE: &str = "jeton.reserve";
/// The file that one process at a time holds.
pub const LOCK: &str = "jeton.lock";
/// Where the running server listens, and its secret for local administration.
pub const CONTROL: &str = "control.json";
/// The running server's socket for local administration.
pub const SOCKET: &str = "control.sock";

/// SQLite's own companions of the database.
const DATABASE_FILES: [&str; 4] = [DATABASE, "jeton.db-wal", "jeton.db-shm", "jeton.db-journal"];
/// The pepper while it is being written.
const PEPPER_NEW: &str = "pepper.key.new";
/// Far more than any number of keys needs.
pub const PEPPER_LIMIT: u64 = 64 * 1024;

/// A data directory of the caller's own, in which nothing is out of place.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    handle: File,
    place: PepperPlace,
}

/// Why a data directory can't be used. Nothing in it was changed.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Neither of the usual places exists.
    #[error(
        "there is no data directory: neither {} nor ./{} exists; name one with --data-dir",
        locate::SYSTEM,
        locate::LOCAL
    )]
    Nowhere,
    /// It belongs to another user.
    #[error("{} belongs to {owner}: run `{line}`", .path.display())]
    NotOwner {
        /// The directory.
        path: PathBuf,
        /// The owner's name, or number.
        owner: String,
        /// The command that works.
        line: String,
    },
    /// What should be a directory isn't.
    #[error("{} isn't a directory", .0.display())]
    NotADirectory(PathBuf),
    /// What should be a file isn't.
    #[error("{} is a {kind}: it has to be a regular file", .path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// A file inside that belongs to another user.
    #[error("{} belongs to another user (uid {uid}): `chown` it to the directory's owner", .path.display())]
    ForeignFile {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Others may read or write what must be private.
    #[error("{} is open to other users (mode {mode:04o}): run `chmod {wanted:o} {}`", .path.display(), locate::quote(.path.as_os_str()))]
    LooseMode {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        wanted: u32,
    },
    /// A database whose keys are gone.
    #[error("{} is missing, and {DATABASE} can't be used without it: put back the one that belongs to this database, or name it with --pepper-file", .0.display())]
    PepperMissing(PathBuf),
    /// Keys that were named and aren't there.
    #[error("{} isn't there, and jeton makes a pepper in its own directory alone: put a line there that `jeton pepper rotate` prints", .0.display())]
    PepperAbsent(PathBuf),
    /// No keys yet, and so none to follow them.
    #[error("{} isn't there yet: the first start makes it", .0.display())]
    PepperNotMade(PathBuf),
    /// Keys that aren't a backup's.
    #[error("{} holds other keys than the backup: move it elsewhere, keep it for what was made with it, and restore again", .0.display())]
    PepperDiffers(PathBuf),
    /// Another command changes the keys.
    #[error("another command is changing {}: try again when it is done", .0.display())]
    PepperInHand(PathBuf),
    /// Keys that can't be read as keys.
    #[error("{} isn't a pepper file", .path.display())]
    Pepper {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PepperError,
    },
    /// Another process holds the lock.
    #[error("{} is in use by {}", .path.display(), holder(*.pid))]
    Held {
        /// The directory.
        path: PathBuf,
        /// Who holds it, when that could be read.
        pid: Option<u32>,
    },
    /// The system refused.
    #[error("can't {what} {}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl DataDir {
    /// Makes the directory if it isn't there, and checks all that doesn't need the lock. Its pepper is in it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        Self::with_pepper(path, PepperPlace::Own)
    }

    /// The same with a pepper that may be elsewhere.
    pub fn with_pepper(path: &Path, place: PepperPlace) -> Result<Self, DataDirError> {
        Self::checked(path, place, Self::check)
    }

    /// The same where a backup brings the pepper: that of the database which is there may be lost.
    pub fn with_lost_pepper(path: &Path, place: PepperPlace) -> Result<Self, DataDirError> {
        Self::checked(path, place, |directory| directory.check_files().map(|_| ()))
    }

    fn checked(
        path: &Path,
        place: PepperPlace,
        check: impl FnOnce(&Self) -> Result<(), DataDirError>,
    ) -> Result<Self, DataDirError> {
        let path = make(path)?;
        let io_error = |what, source| DataDirError::Io { what, path: path.clone(), source };
        let owner = path.metadata().map_err(|source| io_error("look at", source))?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(locate::not_owner(&path, owner));
        }
        let handle = File::open(&path).map_err(|source| io_error("open", source))?;
        let directory = Self { path, handle, place };
        check(&directory)?;
        directory.tighten()?;
        Ok(directory)
    }

    /// The directory's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The open directory, for paths relative to it.
    pub(in crate::ops) fn handle(&self) -> &File {
        &self.handle
    }

    /// Everything that must hold before a byte is changed.
    fn check(&self) -> Result<(), DataDirError> {
        let data = self.check_files()?;
        if data && self.place == PepperPlace::Own && self.check_file(PEPPER)?.is_none() {
            return Err(DataDirError::PepperMissing(self.file(PEPPER)));
        }
        Ok(())
    }

    /// The files; whether there is a database among them.
    fn check_files(&self) -> Result<bool, DataDirError> {
        let mut data = false;
        for name in DATABASE_FILES {
            data |= self.check_file(name)?.is_some_and(|size| size > 0);
        }
        self.check_file(LOCK)?;
        self.check_file(CONTROL)?;
        for name in [JOURNAL, RESERVE] {
            self.check_file(name)?;
        }
        if self.place == PepperPlace::Own {
            self.check_file(PEPPER)?;
        }
        Ok(data)
    }

    /// Mode 0700. Others who could write might have put anything here, so with a database in it that isn't mended in silence.
    fn tighten(&self) -> Result<(), DataDirError> {
        let io_error = |source| DataDirError::Io { what: "set the mode of", path: self.path.clone(), source };
        let mode = self.handle.metadata().map_err(io_error)?.mode() & 0o7777;
        if mode & 0o022 != 0 && self.check_file(DATABASE)?.is_some() {
            return Err(DataDirError::LooseMode { path: self.path.clone(), mode, wanted: 0o700 });
        }
        if mode & 0o077 != 0 {
            self.handle.set_permissions(Permissions::from_mode(0o700)).map_err(io_error)?;
        }
        Ok(())
    }

    /// Replaces a file as a whole: after a crash it is the old one or the new one. Mode 0600.
    pub(in crate::ops) fn write_private(
        &self,
        name: &str,
        new: &str,
        bytes: &[u8],
    ) -> Result<(), DataDirError> {
        let io_error = |source| DataDirError::Io { what: "write", path: self.file(name), source };
        self.remove(new)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = files::open_at(&self.handle, new, flags, Mode::RUSR | Mode::WUSR).map_err(io_error)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error)?;
        renameat(&self.handle, new, &self.handle, name).map_err(|error| io_error(error.into()))?;
        self.handle.sync_all().map_err(io_error)
    }

    /// Reads a private file whole; nothing when it isn't there.
    pub(in crate::ops) fn read_private(
        &self,
        name: &str,
        limit: u64,
    ) -> Result<Option<Zeroizing<String>>, DataDirError> {
        if self.check_file(name)?.is_none() {
            return Ok(None);
        }
        files::read_at(&self.handle, name, limit).map(Some).map_err(|source| DataDirError::Io {
            what: "read",
            path: self.file(name),
            source,
        })
    }

    /// Removes a file; it's no error when it isn't there.
    pub(in crate::ops) fn remove(&self, name: &str) -> Result<(), DataDirError> {
        match unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => {
                Err(DataDirError::Io { what: "remove", path: self.file(name), source: error.into() })
            }
        }
    }
}

/// The directory, made with mode 0700 if need be, as an absolute path without links.
fn make(path: &Path) -> Result<PathBuf, DataDirError> {
    let io_error = |what, source| DataDirError::Io { what, path: path.to_owned(), source };
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(DataDirError::NotADirectory(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|source| io_error("make", source))?;
        }
        Err(source) => return Err(io_error("look at", source)),
    }
    path.canonicalize().map_err(|source| io_error("look at", source))
}

#[cfg(test)]
mod tests;
