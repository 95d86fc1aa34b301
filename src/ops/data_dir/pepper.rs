//! Where the pepper is: in the directory itself, in a file that was named, or among systemd's credentials. What isn't
//! jeton's own is never written.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DataDir, DataDirError, Lock, PEPPER, PEPPER_LIMIT, PEPPER_NEW, files};
use crate::core::keys::{Pepper, PepperId};
use crate::core::secret::{Entropy, random};

/// The name of the credential: `LoadCredential=pepper:FILE`.
const CREDENTIAL: &str = "pepper";

/// Where a data directory's pepper is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PepperPlace {
    /// `pepper.key` in the directory, which jeton makes and writes.
    Own,
    /// A file that was named, as private as the other would be.
    Named(PathBuf),
    /// A credential: whose it is and who may read it is systemd's affair.
    Credential(PathBuf),
}

impl PepperPlace {
    /// Where it is, by the setting and by `$CREDENTIALS_DIRECTORY`; the setting is what counts more.
    pub fn find(named: Option<PathBuf>, credentials: Option<OsString>) -> Self {
        let credential = || Some(PathBuf::from(credentials?).join(CREDENTIAL));
        match named {
            Some(file) => Self::Named(file),
            None => match credential().filter(|file| file.symlink_metadata().is_ok()) {
                Some(file) => Self::Credential(file),
                None => Self::Own,
            },
        }
    }

    /// The file, where it isn't jeton's own.
    fn foreign(&self) -> Option<&Path> {
        match self {
            Self::Own => None,
            Self::Named(file) | Self::Credential(file) => Some(file),
        }
    }
}

/// What became of the pepper file.
#[derive(Debug)]
pub enum Rewritten {
    /// It is written.
    Done,
    /// It isn't jeton's to write: this line belongs in it.
    ByHand(Zeroizing<String>),
}

impl DataDir {
    /// The pepper's file.
    pub fn pepper_file(&self) -> PathBuf {
        self.place.foreign().map_or_else(|| self.file(PEPPER), Path::to_owned)
    }

    /// The keys of this database, made now if there is no database yet and the file is jeton's own. The caller holds the
    /// lock.
    pub fn pepper(&self, _held: &Lock, entropy: &dyn Entropy) -> Result<Pepper, DataDirError> {
        self.check()?;
        if let Some(pepper) = self.read_pepper()? {
            return Ok(pepper);
        }
        if self.place.foreign().is_some() {
            return Err(DataDirError::PepperAbsent(self.pepper_file()));
        }
        let pepper = Pepper::generate(random(entropy));
        self.write_pepper(&pepper)?;
        Ok(pepper)
    }

    /// The keys as they stand in the file; nothing when it isn't there.
    pub fn read_pepper(&self) -> Result<Option<Pepper>, DataDirError> {
        let text = match self.place.foreign() {
            None => self.read_private(PEPPER, PEPPER_LIMIT)?,
            Some(file) => self.read_foreign(file)?,
        };
        let parse = |text: Zeroizing<String>| {
            Pepper::parse(&text).map_err(|source| DataDirError::Pepper { path: self.pepper_file(), source })
        };
        text.map(parse).transpose()
    }

    fn read_foreign(&self, file: &Path) -> Result<Option<Zeroizing<String>>, DataDirError> {
        let io_error = |source| DataDirError::Io { what: "read", path: file.to_owned(), source };
        let owned = matches!(self.place, PepperPlace::Named(_));
        let (Some(name), Some(parent)) = (file.file_name().and_then(|name| name.to_str()), file.parent())
        else {
            return Err(io_error(std::io::ErrorKind::InvalidFilename.into()));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let parent = match File::open(parent) {
            Ok(parent) => parent,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error(source)),
        };
        if files::check_at(&parent, name, file, owned)?.is_none() {
            return Ok(None);
        }
        files::read_at(&parent, name, PEPPER_LIMIT).map(Some).map_err(io_error)
    }

    /// Adds a line that new tokens are keyed with from the next start on.
    pub fn rotate_pepper(&self, entropy: &dyn Entropy) -> Result<Rewritten, DataDirError> {
        let _turn = self.turn()?;
        let (rotated, line) = match self.read_pepper()? {
            Some(pepper) => pepper.rotated(random(entropy)),
            // A first line, for a place that jeton doesn't write to.
            None if self.place.foreign().is_some() => {
                let first = Pepper::generate(random(entropy));
                let line = first.last_line();
                (first, line)
            }
            None => return Err(DataDirError::PepperNotMade(self.pepper_file())),
        };
        self.rewrite_pepper(&rotated, line)
    }

    /// Cuts a line down to what the record of events is proven with; `None` where it can't be. The caller holds the lock.
    pub fn retire_pepper(&self, _held: &Lock, id: PepperId) -> Result<Option<Rewritten>, DataDirError> {
        let _turn = self.turn()?;
        let Some((left, line)) = self.read_pepper()?.and_then(|pepper| pepper.without(id)) else {
            return Ok(None);
        };
        self.rewrite_pepper(&left, line).map(Some)
    }

    /// Sees to it that the keys of a backup are here, alone or beside newer ones; nothing is rewritten where they are
    /// already. The caller holds the lock.
    pub fn take_in_pepper(&self, _held: &Lock, brought: &Pepper) -> Result<Option<Rewritten>, DataDirError> {
        let _turn = self.turn()?;
        let there = self.read_pepper()?;
        let differs = || DataDirError::PepperDiffers(self.pepper_file());
        let missing = brought.lines_beyond(there.as_ref()).ok_or_else(differs)?;
        if missing.is_empty() {
            return Ok(None);
        }
        if self.place.foreign().is_none() && there.is_some() {
            return Err(differs());
        }
        let lines = missing.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n");
        self.rewrite_pepper(brought, Zeroizing::new(lines)).map(Some)
    }

    fn rewrite_pepper(&self, pepper: &Pepper, line: Zeroizing<String>) -> Result<Rewritten, DataDirError> {
        if self.place.foreign().is_some() {
            return Ok(Rewritten::ByHand(line));
        }
        self.write_pepper(pepper)?;
        Ok(Rewritten::Done)
    }

    fn write_pepper(&self, pepper: &Pepper) -> Result<(), DataDirError> {
        self.write_private(PEPPER, PEPPER_NEW, pepper.to_file_text().as_bytes())
    }

    /// Keeps two commands from changing the file at once, whether a server runs or not.
    fn turn(&self) -> Result<File, DataDirError> {
        let io_error = |source| DataDirError::Io { what: "lock", path: self.path.clone(), source };
        let turn = File::open(&self.path).map_err(io_error)?;
        match turn.try_lock() {
            Ok(()) => Ok(turn),
            Err(TryLockError::WouldBlock) => Err(DataDirError::PepperInHand(self.pepper_file())),
            Err(TryLockError::Error(source)) => Err(io_error(source)),
        }
    }
}
