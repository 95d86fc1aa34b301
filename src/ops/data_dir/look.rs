//! A data directory that is only looked at: nothing is made in it and no mode is set.

use std::{
    fs::File,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    CONTROL, DATABASE_FILES, DataDir, DataDirError, JOURNAL, LOCK, PEPPER, PEPPER_LIMIT, PepperPlace,
    RESERVE, files, locate,
};
use crate::core::keys::Pepper;

impl DataDir {
    /// The directory, which has to be there and our own.
    pub fn look(path: &Path, place: PepperPlace) -> Result<Self, DataDirError> {
        let io_error = |what, source| DataDirError::Io { what, path: path.to_owned(), source };
        let path: PathBuf = path.canonicalize().map_err(|source| io_error("look at", source))?;
        let metadata = path.metadata().map_err(|source| io_error("look at", source))?;
        if !metadata.is_dir() {
            return Err(DataDirError::NotADirectory(path));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(locate::not_owner(&path, metadata.uid()));
        }
        let handle = File::open(&path).map_err(|source| io_error("open", source))?;
        Ok(Self { path, handle, place })
    }

    /// Each file that others may read or that isn't what it has to be, and the directory itself.
    pub fn flaws(&self) -> Vec<DataDirError> {
        let mode = self.handle.metadata().map_or(0o700, |metadata| metadata.mode() & 0o7777);
        let loose = (mode & 0o077 != 0).then(|| DataDirError::LooseMode {
            path: self.path.clone(),
            mode,
            wanted: 0o700,
        });
        let own = (self.place == PepperPlace::Own).then_some(PEPPER);
        let names = DATABASE_FILES.into_iter().chain([LOCK, CONTROL, JOURNAL, RESERVE]).chain(own);
        loose.into_iter().chain(names.filter_map(|name| self.check_file(name).err())).collect()
    }

    /// The keys as they stand in their file, whoever else may read it.
    pub fn look_at_pepper(&self) -> Result<Pepper, DataDirError> {
        if self.place != PepperPlace::Own {
            return self.read_pepper()?.ok_or_else(|| DataDirError::PepperAbsent(self.pepper_file()));
        }
        let path = || self.file(PEPPER);
        let text = files::read_at(&self.handle, PEPPER, PEPPER_LIMIT).map_err(|source| {
            if source.kind() == std::io::ErrorKind::NotFound {
                return DataDirError::PepperMissing(path());
            }
            DataDirError::Io { what: "read", path: path(), source }
        })?;
        Pepper::parse(&text).map_err(|source| DataDirError::Pepper { path: path(), source })
    }
}
