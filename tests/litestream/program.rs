//! Litestream as it is shipped with jeton: the packaged settings with their paths replaced.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::SystemTime,
};

use tempfile::TempDir;

use crate::harness::{
    command::{append, text},
    files::children,
    python,
};

/// One that runs; dropping it ends it.
pub struct Litestream {
    home: TempDir,
    replica: PathBuf,
    child: Option<Child>,
}

impl Litestream {
    /// Replicates the database of a data directory to a folder.
    pub fn replicate(data: &Path, replica: &Path) -> Self {
        let mut litestream =
            Self { home: tempfile::tempdir().unwrap(), replica: replica.to_owned(), child: None };
        litestream.settings(data);
        let mut command = litestream.command("replicate");
        litestream.child = Some(command.spawn().unwrap());
        litestream
    }

    fn settings(&self, data: &Path) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/litestream.yml");
        let shipped = fs::read_to_string(shipped).unwrap();
        let here = shipped
            .replace("/var/lib/jeton-replica", text(&self.replica))
            .replace("/var/lib/jeton/", &format!("{}/", text(data)));
        assert!(!here.contains("/var/lib") && here != shipped, "{here}");
        fs::write(self.home.path().join("litestream.yml"), here).unwrap();
    }

    fn command(&self, verb: &str) -> Command {
        let program = python::environment("litestream/requirements.txt").join("bin/litestream");
        let log = append(&self.home.path().join("log"));
        // As its unit and the README have it: what it makes is for its owner alone.
        let mut command = Command::new("sh");
        command.args(["-c", "umask 077 && exec \"$@\"", "-"]).arg(program);
        command.arg(verb).arg("-config").arg(self.home.path().join("litestream.yml"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// Brings the database into another data directory.
    pub fn restore(&self, data: &Path) {
        self.settings(data);
        let status = self.command("restore").arg(data.join("jeton.db")).status().unwrap();
        assert!(status.success(), "{}", fs::read_to_string(self.home.path().join("log")).unwrap());
    }

    /// The files that syncs left, and when.
    fn synced(&self) -> Vec<SystemTime> {
        let files = self.replica.join("jeton.db/ltx/0");
        let files = if files.exists() { children(&files) } else { Vec::new() };
        let is_whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ltx");
        let mut times: Vec<_> = files
            .iter()
            .filter(|path| is_whole(path))
            .map(|path| path.metadata().unwrap().modified().unwrap())
            .collect();
        times.sort();
        times
    }

    /// How many syncs there have been.
    pub fn syncs(&self) -> usize {
        self.synced().len()
    }

    /// When the sync before the last one was done: the last one began after it.
    pub fn last_but_one(&self) -> SystemTime {
        let times = self.synced();
        times[times.len() - 2]
    }

    /// Ends it as a lost machine does: with no last sync.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Litestream {
    fn drop(&mut self) {
        self.kill();
    }
}
