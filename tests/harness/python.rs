//! Tools that come from PyPI: each list of requirements, held to its digests, in an environment of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::command::text;

/// An environment with what `requirements` (a path below `tests`) lists, made below cargo's directory for tests where it
/// isn't yet. Its programs are in `bin`.
pub fn environment(requirements: &str) -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(requirements);
    let listed = fs::read(&requirements).unwrap();
    let into =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{:08x}", crc32fast::hash(&listed)));
    // Two tests that need the same one wait for each other, and a half-made one counts for nothing.
    let lock = fs::File::create(into.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let done = into.join("installed");
    if !done.exists() {
        let _ = fs::remove_dir_all(&into);
        run(Command::new("python3").args(["-m", "venv", text(&into)]));
        let pip = ["--disable-pip-version-check", "--quiet", "--require-hashes", "--only-binary", ":all:"];
        run(Command::new(into.join("bin/pip")).arg("install").args(pip).args(["-r", text(&requirements)]));
        fs::write(done, "").unwrap();
    }
    into
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
