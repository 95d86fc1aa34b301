//! Room for the worst moment: a file that holds nothing and is given up when the disk is full, so that a token can still
//! be ended then.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, OFlags, fallocate, statvfs},
    io::Errno,
};

/// How large it is, in bytes: several hundred tokens can be ended in it.
const SIZE: u64 = 4 << 20;

/// With less than this beside it, in bytes, the disk is as good as full: a commit may need as much.
const LOW: u64 = 2 << 20;

/// The file, and whether it holds its place.
pub(super) struct Reserve {
    path: PathBuf,
    file: Option<File>,
    was_low: bool,
}

impl Reserve {
    /// Takes the place, if there is room for it.
    pub(super) fn open(path: PathBuf) -> Self {
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = options.open(&path).inspect_err(|error| {
            tracing::warn!(%error, "{} can't be made: a full disk will leave no room to revoke in", path.display());
        });
        let mut reserve = Self { path, file: file.ok(), was_low: false };
        reserve.is_low(false);
        reserve
    }

    fn holds(&self) -> bool {
        self.file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|data| data.len() >= SIZE)
    }

    /// Whether the disk is as good as full. It gives its place up then where something is to be ended that must not go on,
    /// and takes it again when it isn't.
    pub(super) fn is_low(&mut self, ends_something: bool) -> bool {
        let holds = self.holds();
        // Where nobody can say how much there is, a write tries and sees.
        let Some(free) = free(&self.path) else { return false };
        let low = free + if holds { SIZE } else { 0 } < SIZE + LOW;
        if low != self.was_low {
            self.was_low = low;
            if low {
                tracing::error!(free, "the disk is full: nothing is written but what ends something");
            } else {
                tracing::info!(free, "there is room on the disk again");
            }
        }
        if let Some(file) = &self.file {
            let changed = match (low, holds) {
                (true, true) if ends_something => file.set_len(0),
                (false, false) => fill(file),
                _ => Ok(()),
            };
            if let Err(error) = changed {
                tracing::warn!(%error, "{} isn't what it should be", self.path.display());
            }
        }
        low
    }
}

/// How many bytes there are for us on the disk that a file lies on.
fn free(path: &Path) -> Option<u64> {
    let disk = statvfs(path.parent()?).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Takes the place; by zeros where the file system can't do it without.
fn fill(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    let filled = match fallocate(file, FallocateFlags::empty(), 0, SIZE) {
        Err(Errno::OPNOTSUPP) => {
            let zeros = vec![0; usize::try_from(SIZE).unwrap_or(0)];
            file.write_all(&zeros)
        }
        filled => Ok(filled?),
    };
    filled.inspect_err(|_| {
        // A part of it would be taken for none and be in the way.
        let _ = file.set_len(0);
    })
}
