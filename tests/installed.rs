//! Installed below a throwaway root, by the script and as a Debian package, and taken away again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{
    command::{JETON, text},
    files::mode,
};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command to its end and gives all it said; anything but success fails the test.
#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Targets and modes that the manifest names.
fn manifest() -> Vec<(String, u32)> {
    let lines = fs::read_to_string(top().join("packaging/manifest")).unwrap();
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut files: Vec<_> = fields
        .map(|fields| (fields[1].to_owned(), u32::from_str_radix(fields[2], 8).unwrap()))
        .filter(|(target, _)| !target.ends_with("/man1"))
        .chain(pages().into_iter().map(|page| (format!("/usr/share/man/man1/{page}"), 0o644)))
        .collect();
    files.sort();
    files
}

/// The files of the manual, as the binary writes them.
fn pages() -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    succeeds(Command::new(JETON).args(["man", text(home.path())]));
    files(home.path()).into_iter().map(|(path, _)| path.trim_start_matches('/').to_owned()).collect()
}

/// All files below a directory, with their modes.
fn files(root: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(next) = waiting.pop() {
        for path in fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() {
                waiting.push(path);
            } else {
                let name = format!("/{}", text(path.strip_prefix(root).unwrap()));
                found.push((name, if path.is_symlink() { 0 } else { mode(&path) }));
            }
        }
    }
    found.sort();
    found
}

fn install(root: &Path, more: &[&str]) -> String {
    let script = top().join("packaging/install.sh");
    succeeds(Command::new(script).args(["--root", text(root), "--binary", JETON]).args(more))
}

#[test]
fn every_command_has_its_page() {
    /// The names under `Commands:` of a command's help, below the words that name it.
    fn below(words: &[String], found: &mut Vec<String>) {
        found.push(format!("{}.1", [&["jeton".to_owned()], words].concat().join("-")));
        let help = succeeds(Command::new(JETON).args(words).arg("--help"));
        let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        let lines = listed.lines().take_while(|line| !line.is_empty());
        for name in lines.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let name = name.split_whitespace().next().unwrap().to_owned();
            below(&[words, &[name]].concat(), found);
        }
    }
    let mut commands = Vec::new();
    below(&[], &mut commands);
    commands.sort();
    assert_eq!(pages(), commands);
    assert!(commands.contains(&"jeton-org-member-add.1".to_owned()), "{commands:?}");
}

fn is_data(path: &str) -> bool {
    path.starts_with("/var/lib/jeton/")
}

#[test]
fn cargo_deb_is_told_of_the_same_package() {
    let cargo: toml::Table = fs::read_to_string(top().join("Cargo.toml")).unwrap().parse().unwrap();
    let deb = &cargo["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().unwrap().iter().map(|asset| {
        let [staged, target, mode] = [0, 1, 2].map(|at| asset[at].as_str().unwrap());
        let below = staged.strip_prefix("target/package/").unwrap();
        assert_eq!(below.trim_end_matches('*'), target);
        (format!("/{}", target.trim_end_matches('/')), mode.to_owned())
    });
    let lines = fs::read_to_string(top().join("packaging/manifest")).unwrap();
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split_whitespace().skip(1).map(str::to_owned));
    let listed = fields.map(|mut fields| (fields.next().unwrap(), fields.next().unwrap()));
    assert_eq!(assets.collect::<Vec<_>>(), listed.collect::<Vec<_>>());

    let build = fs::read_to_string(top().join("packaging/deb/build")).unwrap();
    for (field, member) in [("Maintainer", "maintainer"), ("Section", "section"), ("Depends", "depends")] {
        let said = format!("\n{field}: {}\n", deb[member].as_str().unwrap());
        assert!(build.contains(&said), "{said}");
    }
    let settings = deb["conf-files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().to_owned());
    let edited =
        manifest().into_iter().map(|(target, _)| target).filter(|target| target.starts_with("/etc/"));
    assert_eq!(settings.collect::<Vec<_>>(), edited.collect::<Vec<_>>());
}

#[test]
fn the_script_installs_what_the_manifest_says_and_takes_it_away() {
    let home = tempfile::tempdir().unwrap();
    install(home.path(), &[]);
    install(home.path(), &[]);
    assert_eq!(files(home.path()), manifest());
    let version = succeeds(Command::new(home.path().join("usr/bin/jeton")).arg("--version"));
    assert_eq!(version, format!("jeton {}\n", env!("CARGO_PKG_VERSION")));

    let data = home.path().join("var/lib/jeton");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("jeton.db"), "tokens").unwrap();
    let said = install(home.path(), &["--uninstall"]);
    assert!(said.contains("/var/lib/jeton"), "says what stays: {said}");
    install(home.path(), &["--uninstall"]);
    assert_eq!(
        files(home.path()).iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["/var/lib/jeton/jeton.db"]
    );
    assert!(!home.path().join("etc/jeton").exists() && !home.path().join("usr/share/doc/jeton").exists());
}

#[test]
fn settings_that_were_edited_stay() {
    let home = tempfile::tempdir().unwrap();
    install(home.path(), &[]);
    let settings = home.path().join("etc/jeton/jeton.toml");
    fs::write(&settings, "log = \"warn\"\n").unwrap();
    install(home.path(), &[]);
    install(home.path(), &["--uninstall"]);
    assert_eq!(fs::read_to_string(&settings).unwrap(), "log = \"warn\"\n");
}

/// A root of its own that dpkg installs into.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for directory in ["etc", "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
            fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        for file in ["status", "available"] {
            fs::write(home.path().join("var/lib/dpkg").join(file), "").unwrap();
        }
        Self(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a package depends on isn't below this root, and nothing that it runs is.
    fn dpkg(&self, arguments: &[&str]) -> String {
        let force = ["--force-not-root", "--force-script-chrootless", "--force-depends"];
        succeeds(Command::new("dpkg").arg("--root").arg(self.path()).args(force).args(arguments))
    }

    /// What isn't dpkg's or the account's.
    fn own(&self) -> Vec<(String, u32)> {
        let ours = |path: &str| {
            is_data(path)
                || path.starts_with("/usr/")
                || path.starts_with("/etc/jeton")
                || path.contains(".wants/")
        };
        files(self.path())
            .into_iter()
            .filter(|(path, _)| ours(path) && !path.starts_with("/var/lib/systemd"))
            .collect()
    }
}

fn built(home: &Path) -> PathBuf {
    let package = home.join("jeton.deb");
    let build = top().join("packaging/deb/build");
    // Unpacked right away: no time is spent on making it small.
    succeeds(Command::new(build).args([text(&package), JETON]).env("DPKG_DEB_COMPRESSOR_TYPE", "none"));
    package
}

#[test]
fn the_debian_package_is_installed_runs_and_leaves_the_data() {
    let home = tempfile::tempdir().unwrap();
    let root = Root::new();
    let package = built(home.path());
    root.dpkg(&["--install", text(&package)]);
    let (wanted, installed): (Vec<_>, Vec<_>) =
        root.own().into_iter().partition(|(path, _)| path.contains(".wants/"));
    assert_eq!(installed, manifest());
    assert!(
        wanted.iter().any(|(path, _)| path.ends_with("/sockets.target.wants/jeton.socket")),
        "{wanted:?}"
    );
    assert!(fs::read_to_string(root.path().join("etc/passwd")).unwrap().contains("jeton:x:"));
    let version = succeeds(Command::new(root.path().join("usr/bin/jeton")).arg("--version"));
    assert_eq!(version, format!("jeton {}\n", env!("CARGO_PKG_VERSION")));
    // Again, as an upgrade does.
    root.dpkg(&["--install", text(&package)]);

    let data = root.path().join("var/lib/jeton");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("jeton.db"), "tokens").unwrap();
    root.dpkg(&["--remove", "jeton"]);
    assert!(root.path().join("etc/jeton/jeton.toml").exists() && !root.path().join("usr/bin/jeton").exists());
    let said = root.dpkg(&["--purge", "jeton"]);
    assert!(said.contains("the data stays in"), "{said}");
    let left: Vec<_> = root.own().into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, ["/var/lib/jeton/jeton.db"]);
}
