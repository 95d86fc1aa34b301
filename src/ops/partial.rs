//! A file that is either there and whole or not there at all: written beside its place under another name, renamed when
//! it is good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// A file that isn't in its place yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    target: PathBuf,
    replace: bool,
}

impl Partial {
    /// Begins one that only its owner can read. Where something is there already, that is replaced in the end or, as it
    /// may not be, refused now.
    pub fn new(target: &Path, replace: bool) -> io::Result<Self> {
        if !replace && target.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let path = beside(target, "partial")?;
        Ok(Self { file: private(&path)?, path, target: target.to_owned(), replace })
    }

    /// What has been written so far.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts it in its place, on disk.
    pub fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        let flags = if self.replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        match renameat_with(CWD, &self.path, CWD, &self.target, flags) {
            // A file system that can't promise it: it was looked at before.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(&self.path, &self.target)?,
            renamed => renamed?,
        }
        let directory = self.target.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// A hidden name in the same directory, of this process alone.
fn beside(target: &Path, kind: &str) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut other = std::ffi::OsString::from(".");
    other.push(name);
    other.push(format!(".{}.{kind}", std::process::id()));
    Ok(target.with_file_name(other))
}

/// A new file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// A file without a name, where `target` will be: it is gone with the process, however that ends.
pub fn unnamed(target: &Path) -> io::Result<File> {
    let path = beside(target, "unnamed")?;
    let file = private(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Once it is in its place there is none of this name.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("file");
        let mut dropped = Partial::new(&target, false).unwrap();
        dropped.write_all(b"x").unwrap();
        drop(dropped);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        let mut partial = Partial::new(&target, false).unwrap();
        partial.write_all(b"good").unwrap();
        assert!(!target.exists());
        partial.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"good");
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_without_a_name_is_written_and_read_and_never_seen() {
        use std::io::{Read as _, Seek as _};

        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("file");
        let mut file = unnamed(&target).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        file.write_all(b"good").unwrap();
        file.rewind().unwrap();
        let mut back = String::new();
        file.read_to_string(&mut back).unwrap();
        assert_eq!(back, "good");
    }

    #[test]
    fn what_is_there_is_replaced_only_when_that_is_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("file");
        let early = Partial::new(&target, false).unwrap();
        fs::write(&target, "old").unwrap();
        assert_eq!(Partial::new(&target, false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(early.finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        Partial::new(&target, true).unwrap().finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
