//! A second copy of the log, on another disk or in what is replicated elsewhere: with it a machine that is lost revives
//! nothing either. It follows the log and holds nothing up: where it can't be written, jeton says so and goes on, and
//! the next change writes it whole.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use super::{End, Flaw, Kept, file::copy_whole, find::Found, look};
use crate::{core::journal::Linker, store::OpenError};

/// What is at the copy's place before the log is opened.
pub(super) struct Before {
    path: PathBuf,
    found: Result<(Option<Found>, Option<Flaw>), OpenError>,
    /// Whether the database has a log at all: without one, what is there isn't its copy.
    is_known: bool,
}

/// A copy that follows the log.
pub(super) struct Copy {
    path: PathBuf,
    /// Open while it is as long as the log.
    file: Option<File>,
    /// Whether what is at its place may be replaced.
    is_ours: bool,
}

impl Copy {
    /// Looks at what is there.
    pub(super) fn look(path: &Path, key: &Linker, kept: &Kept) -> Before {
        Before { path: path.to_owned(), found: look(path, key, kept), is_known: kept.log.is_some() }
    }

    /// Appends what was appended to the log at `offset`.
    pub(super) fn append(&mut self, log: &File, text: &[u8], offset: u64) {
        let appended = match &self.file {
            // Another disk may have come to its place, or somebody tidied up.
            Some(file) if is_same(&self.path, file) => {
                file.write_all_at(text, offset).and_then(|()| file.sync_data())
            }
            _ => return self.write_whole(log, offset + text.len() as u64),
        };
        self.note(appended);
    }

    /// Cuts it as the log was cut.
    pub(super) fn cut(&mut self, length: u64) {
        if let Some(file) = &self.file {
            let cut = file.set_len(length).and_then(|()| file.sync_data());
            self.note(cut);
        }
    }

    fn write_whole(&mut self, log: &File, length: u64) {
        if !self.is_ours {
            return;
        }
        match copy_whole(log, length, &self.path) {
            Ok(file) => {
                tracing::info!("{} is a whole copy of the journal", self.path.display());
                self.file = Some(file);
            }
            Err(error) => self.note(Err(error)),
        }
    }

    fn note(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.file = None;
            tracing::error!(%error, "{} isn't a whole copy of the journal: the next change tries again", self.path.display());
        }
    }
}

impl Before {
    /// A sound copy that knows more than the log as it was found.
    pub(super) fn better_than(&self, log: Option<&Found>, flaw: Option<Flaw>) -> Option<&Found> {
        let Ok((Some(copy), None)) = &self.found else { return None };
        let knows_more = match (log, flaw) {
            (Some(log), None) => copy.end.sequence > log.end.sequence,
            _ => true,
        };
        (self.is_known && knows_more).then_some(copy)
    }

    /// From now on it is what the log is, unless what is there is nothing of ours.
    pub(super) fn follow(self, log: &File, end: End) -> Copy {
        let is_ours = match &self.found {
            Ok((Some(_), flaw)) => {
                self.is_known
                    && !matches!(flaw, Some(Flaw::Other | Flaw::Line(1)))
                    && !is_same(&self.path, log)
            }
            // There is none, or it can't be read: whether it can be written is seen then.
            _ => true,
        };
        if !is_ours {
            tracing::error!(
                "{} isn't a copy of this database's journal: it is left alone, and none is made; move it away",
                self.path.display()
            );
        }
        let mut copy = Copy { path: self.path, file: None, is_ours };
        copy.write_whole(log, end.length);
        copy
    }
}

/// Whether the path leads to this file.
fn is_same(path: &Path, file: &File) -> bool {
    match (fs::metadata(path), file.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}
