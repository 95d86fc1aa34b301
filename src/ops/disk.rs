//! How much room files take, and how much is left.

use std::{fs, path::Path};

/// Bytes; 0 for what can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The database.
    pub database: u64,
    /// Its write-ahead log.
    pub log: u64,
    /// What is free for us on the disk that they are on.
    pub free: u64,
    /// The whole of that disk.
    pub disk: u64,
}

impl Sizes {
    /// Of a database file.
    pub fn of(database: &Path) -> Self {
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        let disk = rustix::fs::statvfs(database);
        let (free, disk) =
            disk.map_or((0, 0), |disk| (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize));
        Self { database: size(database), log: size(&database.with_extension("db-wal")), free, disk }
    }
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    #[test]
    fn sizes_are_those_of_the_files() {
        let home = tempfile::tempdir().unwrap();
        let database = home.path().join("jeton.db");
        assert_eq!(Sizes::of(&database), Sizes::default());
        std::fs::write(&database, [0; 300]).unwrap();
        std::fs::write(home.path().join("jeton.db-wal"), [0; 20]).unwrap();
        let sizes = Sizes::of(&database);
        assert_eq!((sizes.database, sizes.log), (300, 20));
        assert!(sizes.free > 0 && sizes.disk >= sizes.free);
    }
}
