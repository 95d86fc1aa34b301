//! Files that come from npm: a package held to its digest, one file of which is kept below cargo's directory for tests.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha512};

use super::command::text;

/// Where packages are, unless npm is set up to ask elsewhere.
const REGISTRY: &str = "https://registry.npmjs.org";

/// A release, and what its archive hashes to (the `sha512-` of npm's `integrity`).
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// Its name; of no scope.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-512 of the archive, in Base64.
    pub sha512: &'static str,
}

/// The file at `path` within `package`, fetched where it isn't here yet. Needs neither Node nor npm.
pub fn file(package: Package, path: &str) -> PathBuf {
    let Package { name, version, sha512 } = package;
    let mark = crc32fast::hash(sha512.as_bytes());
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("npm-{name}-{version}-{mark:08x}"));
    // Two tests that need the same one wait for each other, and a half-made one counts for nothing.
    let lock = fs::File::create(into.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let done = into.join("unpacked");
    if !done.exists() {
        let _ = fs::remove_dir_all(&into);
        fs::create_dir_all(&into).unwrap();
        let archive = into.join("package.tgz");
        let address = format!("{}/{name}/-/{name}-{version}.tgz", registry());
        let quiet = ["--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output"];
        run(Command::new("curl").args(quiet).args([text(&archive), &address]));
        let found = BASE64_STANDARD.encode(Sha512::digest(fs::read(&archive).unwrap()));
        assert_eq!(found, sha512, "{name} {version} isn't what it was");
        let one = format!("package/{path}");
        run(Command::new("tar").args(["-xzf", text(&archive), "--no-same-owner", "-C", text(&into), &one]));
        fs::remove_file(archive).unwrap();
        fs::write(done, "").unwrap();
    }
    into.join("package").join(path)
}

/// The registry that npm would ask here: by its environment, by its file, or its own.
fn registry() -> String {
    let named = ["npm_config_registry", "NPM_CONFIG_REGISTRY"].into_iter().find_map(|key| env::var(key).ok());
    let registry = named.filter(|url| !url.is_empty()).or_else(of_file);
    registry.unwrap_or_else(|| REGISTRY.into()).trim_end_matches('/').into()
}

/// What `~/.npmrc` names as the registry; nothing else of it is looked at.
fn of_file() -> Option<String> {
    let settings = fs::read_to_string(Path::new(&env::var_os("HOME")?).join(".npmrc")).ok()?;
    let values = settings.lines().filter_map(|line| line.split_once('='));
    let mut registries = values.filter(|(key, _)| key.trim() == "registry").map(|(_, value)| value.trim());
    registries.next().map(Into::into)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
