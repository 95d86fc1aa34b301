//! Each state of a directory that is refused, and those that a crash leaves behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::{DATABASE, DataDir, DataDirError, LOCK, PEPPER, PEPPER_NEW};
use crate::ops::entropy::Entropy;

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(directory: &TempDir, name: &str) -> u32 {
    directory.path().join(name).metadata().unwrap().mode() & 0o7777
}

fn put(directory: &TempDir, name: &str, text: &str, mode: u32) {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn refusal(directory: &TempDir) -> String {
    DataDir::open(directory.path()).unwrap_err().to_string()
}

fn set_up(directory: &TempDir) -> String {
    let data_dir = DataDir::open(directory.path()).unwrap();
    let lock = data_dir.lock().unwrap();
    data_dir.pepper(&lock, &Entropy::system()).unwrap();
    fs::read_to_string(directory.path().join(PEPPER)).unwrap()
}

#[test]
fn a_new_directory_is_private_and_has_its_keys() {
    let parent = directory();
    let path = parent.path().join("a/b");
    let data_dir = DataDir::open(&path).unwrap();
    let lock = data_dir.lock().unwrap();
    data_dir.pepper(&lock, &Entropy::system()).unwrap();
    assert_eq!(mode(&parent, "a/b"), 0o700);
    assert_eq!(mode(&parent, "a/b/pepper.key"), 0o600);
    assert_eq!(mode(&parent, "a/b/jeton.lock") & 0o177, 0);
}

#[test]
fn an_open_directory_is_closed_unless_others_could_have_written() {
    let home = directory();
    fs::set_permissions(home.path(), Permissions::from_mode(0o777)).unwrap();
    set_up(&home);
    assert_eq!(mode(&home, "."), 0o700);
    put(&home, DATABASE, "data", 0o600);
    fs::set_permissions(home.path(), Permissions::from_mode(0o770)).unwrap();
    assert!(refusal(&home).contains("chmod 700"));
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    DataDir::open(home.path()).unwrap();
    assert_eq!(mode(&home, "."), 0o700);
}

#[test]
fn keys_are_kept_and_what_a_crash_left_half_written_is_replaced() {
    let home = directory();
    put(&home, PEPPER_NEW, "hal", 0o600);
    let first = set_up(&home);
    assert_eq!(set_up(&home), first);
    put(&home, DATABASE, "data", 0o600);
    assert_eq!(set_up(&home), first);
    assert!(!home.path().join(PEPPER_NEW).exists());
}

#[test]
fn a_database_without_its_pepper_is_refused_and_nothing_is_made() {
    for name in [DATABASE, "jeton.db-wal"] {
        let home = directory();
        put(&home, name, "data", 0o600);
        assert!(matches!(DataDir::open(home.path()), Err(DataDirError::PepperMissing(_))));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing was made");
    }
    let home = directory();
    put(&home, DATABASE, "", 0o600);
    set_up(&home);
}

#[test]
fn loose_modes_are_refused_with_the_line_that_mends_them() {
    for name in [DATABASE, "jeton.db-wal", "jeton.db-shm", "jeton.db-journal", PEPPER, LOCK] {
        for mode in [0o640, 0o604, 0o620, 0o666] {
            let home = directory();
            put(&home, PEPPER, "key", 0o600);
            put(&home, name, "x", mode);
            let line = format!("chmod 600 {}", home.path().canonicalize().unwrap().join(name).display());
            assert!(refusal(&home).contains(&line), "{name} {mode:o}: {}", refusal(&home));
        }
    }
}

#[test]
fn links_pipes_and_directories_in_place_of_files_are_refused() {
    for name in [DATABASE, PEPPER, LOCK] {
        let home = directory();
        let path = home.path().join(name);
        symlink("/dev/null", &path).unwrap();
        assert!(refusal(&home).contains("symbolic link"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(refusal(&home).contains("is a directory"));
        fs::remove_dir(&path).unwrap();
        let pipe = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, pipe, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(refusal(&home).contains("is a pipe"));
    }
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let home = directory();
    put(&home, "file", "", 0o600);
    let error = DataDir::open(&home.path().join("file")).unwrap_err();
    assert!(matches!(error, DataDirError::NotADirectory(_)));
}

#[test]
fn one_holds_the_lock_and_the_other_names_it() {
    let home = directory();
    let data_dir = DataDir::open(home.path()).unwrap();
    let lock = data_dir.lock().unwrap();
    let error = DataDir::open(home.path()).unwrap().lock().unwrap_err();
    assert!(error.to_string().ends_with(&format!("process {}", std::process::id())), "{error}");
    drop(lock);
    assert_eq!(fs::read(home.path().join(LOCK)).unwrap(), b"");
    data_dir.lock().unwrap();
}
