//! Single files in the data directory: looked at before they are opened, never through a link.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
use zeroize::Zeroizing;

use super::{DataDir, DataDirError};

impl DataDir {
    /// The size in bytes of a private regular file of ours; nothing when it isn't there.
    pub(super) fn check_file(&self, name: &str) -> Result<Option<i64>, DataDirError> {
        check_at(self.handle(), name, &self.file(name), true)
    }
}

/// The same of a file anywhere; whose it is and who may read it counts where it has to be our `own`.
pub(super) fn check_at(
    directory: &File,
    name: &str,
    path: &Path,
    own: bool,
) -> Result<Option<i64>, DataDirError> {
    let path = || path.to_owned();
    let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => {
            return Err(DataDirError::Io { what: "look at", path: path(), source: error.into() });
        }
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(DataDirError::NotAFile { path: path(), kind: describe(kind) });
    }
    if own && stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(DataDirError::ForeignFile { path: path(), uid: stat.st_uid });
    }
    let mode = stat.st_mode & 0o7777;
    if own && mode & 0o077 != 0 {
        return Err(DataDirError::LooseMode { path: path(), mode, wanted: 0o600 });
    }
    Ok(Some(stat.st_size))
}

fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        FileType::Fifo => "pipe",
        FileType::Socket => "socket",
        _ => "device",
    }
}

/// Opens a file relative to the directory.
pub(super) fn open_at(directory: &File, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
    Ok(File::from(openat(directory, name, flags, mode)?))
}

/// Reads a file of at most `limit` bytes as text. A pipe that has slipped in its place doesn't block.
pub(super) fn read_at(directory: &File, name: &str, limit: u64) -> io::Result<Zeroizing<String>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open_at(directory, name, flags, Mode::empty())?;
    let size = file.metadata()?.len();
    if size > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    // Room for the whole of it: a growing buffer would leave copies of a key behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.take(limit).read_to_string(&mut text)?;
    Ok(text)
}
