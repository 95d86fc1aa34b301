//! Another database in the place of the one that is there: the old one or the new one at each moment, and the old one kept.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::{DATABASE, DATABASE_FILES, DataDir, DataDirError, Lock};

/// A database on its way in.
const RESTORING: &str = "jeton.db.restoring";

impl DataDir {
    /// An empty file beside the database, for the one that comes in its place.
    pub fn begin_restoring(&self, _held: &Lock) -> Result<(PathBuf, File), DataDirError> {
        self.remove(RESTORING)?;
        let path = self.file(RESTORING);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| DataDirError::Io { what: "make", path: path.clone(), source })?;
        Ok((path, file))
    }

    /// Takes back what was begun.
    pub fn give_up_restoring(&self, _held: &Lock) -> Result<(), DataDirError> {
        self.remove(RESTORING)
    }

    /// Whether there is a database, and whether it has a log.
    pub fn has_database(&self) -> Result<(bool, bool), DataDirError> {
        let there = |name| Ok::<_, DataDirError>(self.check_file(name)?.is_some_and(|size| size > 0));
        Ok((there(DATABASE)?, there("jeton.db-wal")?))
    }

    /// Puts the database that was brought into its place. The one that was there gets a second name, which is given, before
    /// it loses its own: whenever this is cut short, one of the two is in place and the old one isn't lost.
    pub fn finish_restoring(&self, _held: &Lock, stamp: &str) -> Result<Option<PathBuf>, DataDirError> {
        let io_error = |what, path| move |source| DataDirError::Io { what, path, source };
        let mut kept = None;
        for name in DATABASE_FILES {
            // SQLite makes the index of a log anew, and an empty log says nothing.
            if name.ends_with("-shm") || self.check_file(name)?.is_none_or(|size| size == 0) {
                continue;
            }
            let (old, aside) = (self.file(name), self.file(&aside(name, stamp)));
            match fs::hard_link(&old, &aside) {
                Ok(()) if name == DATABASE => kept = Some(aside),
                Ok(()) => {}
                Err(source) => return Err(io_error("keep", old)(source)),
            }
        }
        self.sync()?;
        // A log would be read into whatever database stands beside it.
        for name in DATABASE_FILES.iter().filter(|name| **name != DATABASE) {
            self.remove(name)?;
        }
        self.sync()?;
        fs::rename(self.file(RESTORING), self.file(DATABASE))
            .map_err(io_error("replace", self.file(DATABASE)))?;
        self.sync()?;
        Ok(kept)
    }

    fn sync(&self) -> Result<(), DataDirError> {
        self.handle().sync_all().map_err(|source| DataDirError::Io {
            what: "sync",
            path: self.path().to_owned(),
            source,
        })
    }
}

/// `jeton.db-wal` becomes `jeton.db.before-…-wal`: still the log of the same database.
fn aside(name: &str, stamp: &str) -> String {
    name.replacen(DATABASE, &format!("{DATABASE}.before-{stamp}"), 1)
}
