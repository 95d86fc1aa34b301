//! A git history, or what is about to be committed, through the `git` program.
//!
//! A repository may be anybody's: nothing that its configuration names is run, and nothing is fetched.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use anyhow::{Context as _, anyhow, bail};

use super::place::{Finding, Place, Spot};
use super::sweep::{Sink, Sweep};
use crate::cli::failure::Usage;

/// What a hook's environment says of another repository than the one that is named.
const ELSEWHERE: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
];

/// A repository.
pub struct Repository<'p> {
    /// Where it is; `None` for the one that a hook runs in.
    path: Option<&'p Path>,
}

impl<'p> Repository<'p> {
    /// Opens the one at a path, or the one that this process runs in, as the environment says.
    pub fn open(path: Option<&'p Path>) -> anyhow::Result<Self> {
        let repository = Self { path };
        let found = repository.git(&["rev-parse", "--git-dir"]).output().context("can't run git")?;
        if found.status.success() {
            return Ok(repository);
        }
        let said = String::from_utf8_lossy(&found.stderr).trim().to_owned();
        let name = path.map_or_else(|| "this directory".into(), |path| path.to_string_lossy());
        if said.contains("dubious ownership") {
            let text = "belongs to somebody else, so git doesn't read it; if you trust them, say so with \
                        `git config --global --add safe.directory`";
            return Err(Usage(format!("{name} {text}")).into());
        }
        Err(Usage(format!("{name} is no git repository that can be read: {said}")).into())
    }

    fn git(&self, arguments: &[&str]) -> Command {
        let mut git = Command::new("git");
        if let Some(path) = self.path {
            for name in ELSEWHERE {
                git.env_remove(name);
            }
            git.arg("-C").arg(path);
        }
        for setting in [
            "core.fsmonitor=false",
            "core.hooksPath=/dev/null",
            "core.quotePath=false",
            // In a subdirectory it would hide what stands elsewhere.
            "diff.relative=false",
            "log.showRoot=true",
            "log.showSignature=false",
            "protocol.allow=never",
        ] {
            git.args(["-c", setting]);
        }
        git.args(["--no-pager", "--no-optional-locks"])
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            // Older ones don't know that, and let the repository say what is allowed, but not over this.
            .env("GIT_ALLOW_PROTOCOL", "none")
            // What was replaced is there to be read all the same.
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_GRAFT_FILE", "/dev/null")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        git
    }

    /// What a command prints.
    fn said(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = self.git(arguments).stderr(Stdio::inherit()).output().context("can't run git")?;
        if !output.status.success() {
            bail!("git {} failed", arguments[0]);
        }
        Ok(output.stdout)
    }

    /// Looks through every object that some ref, or `HEAD`, leads to, each once; or with `all_objects` through every
    /// object there is.
    pub fn history(&self, sweep: &mut Sweep, all_objects: bool, sink: &mut Sink<'_>) -> anyhow::Result<()> {
        if self.said(&["rev-parse", "--is-shallow-repository"])?.starts_with(b"true") {
            let _ = writeln!(io::stderr(), "a shallow clone: what came before it isn't there to be scanned");
        }
        let kinds = "--batch-check=%(objecttype) %(objectname)";
        let mut running = Vec::new();
        let listed = if all_objects {
            let check = self.git(&["cat-file", kinds, "--batch-all-objects", "--unordered", "--buffer"]);
            started(check, Stdio::null(), &mut running)?.0
        } else {
            let list = self.git(&["rev-list", "--objects", "--no-object-names", "--all"]);
            let list = started(list, Stdio::null(), &mut running)?.0;
            let check = self.git(&["cat-file", kinds, "--buffer"]);
            started(check, list.into(), &mut running)?.0
        };
        let batch = self.git(&["cat-file", "--batch", "--buffer"]);
        let (objects, wanted) = started(batch, Stdio::piped(), &mut running)?;
        let wanted = wanted.context("git takes no objects")?;
        let asking = thread::spawn(move || ask(listed, wanted));
        let read = self.objects(sweep, objects, None, sink);
        let missing = asking.join().map_err(|_| anyhow!("asking git for objects failed"))?;
        read?;
        for mut child in running {
            if !child.wait()?.success() {
                bail!("git couldn't read all of the history");
            }
        }
        for object in missing? {
            sweep.trouble(&Place::file(object), "the object isn't there");
        }
        Ok(())
    }

    /// Looks through the blobs that differ from `HEAD` in the index.
    pub fn staged(&self, sweep: &mut Sweep, sink: &mut Sink<'_>) -> anyhow::Result<()> {
        let listed = self.said(&[
            "diff",
            "--cached",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=all",
            "--diff-filter=ACMRT",
        ])?;
        let (mut blobs, mut paths) = (String::new(), Vec::new());
        let mut parts = listed.split(|byte| *byte == 0);
        // `:100644 100644 1234… 5678… M`, and the path.
        while let (Some(what), Some(path)) = (parts.next(), parts.next()) {
            let what = String::from_utf8_lossy(what);
            let blob = what.split(' ').nth(3).context("git's list of changes has another form")?;
            blobs += blob;
            blobs.push('\n');
            paths.push(String::from_utf8_lossy(path).into_owned());
        }
        let mut running = Vec::new();
        let batch = self.git(&["cat-file", "--batch", "--buffer"]);
        let (objects, wanted) = started(batch, Stdio::piped(), &mut running)?;
        let mut wanted = wanted.context("git takes no objects")?;
        let asking = thread::spawn(move || wanted.write_all(blobs.as_bytes()));
        let read = self.objects(sweep, objects, Some(paths), sink);
        asking.join().map_err(|_| anyhow!("asking git for objects failed"))??;
        read?;
        for mut child in running {
            if !child.wait()?.success() {
                bail!("git couldn't read all that is staged");
            }
        }
        Ok(())
    }

    /// Looks through what `cat-file --batch` prints; in the order of `paths`, where those are known.
    fn objects(
        &self,
        sweep: &mut Sweep,
        printed: ChildStdout,
        paths: Option<Vec<String>>,
        sink: &mut Sink<'_>,
    ) -> anyhow::Result<()> {
        let mut printed = BufReader::with_capacity(256 * 1024, printed);
        let mut paths = paths.map(Vec::into_iter);
        let mut line = String::new();
        loop {
            line.clear();
            if printed.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let path = paths.as_mut().map(|paths| paths.next().unwrap_or_default());
            let mut words = line.trim_end().split(' ');
            let (object, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let Some(size) = words.next().and_then(|size| size.parse().ok()) else {
                sweep.trouble(&Place::file(path.as_deref().unwrap_or(object)), "the object isn't there");
                continue;
            };
            let mut content = Read::take(&mut printed, size);
            // What it is called in a history is looked up where something is found in it.
            let place = Place::file(path.clone().unwrap_or_else(|| object.to_owned()));
            let mut found = Vec::new();
            sweep.stream(&place, &mut content, &mut |finding| found.push(finding))?;
            // An archive may have been left before its end; and a newline comes after it.
            io::copy(&mut content, &mut io::sink())?;
            printed.read_exact(&mut [0])?;
            if path.is_none() && !found.is_empty() {
                self.name(object, kind, &mut found)?;
            }
            found.into_iter().for_each(&mut *sink);
        }
    }

    /// Says where findings in an object stand: in a commit's message, or in a file and the commit that brought it.
    fn name(&self, object: &str, kind: &str, found: &mut [Finding]) -> anyhow::Result<()> {
        let message = match kind {
            "commit" => Some("(message)"),
            "tag" => Some("(tag)"),
            _ => None,
        };
        let (commit, path) = match message {
            Some(message) => (object.to_owned(), message.to_owned()),
            None => match self.brought(object)? {
                Some(brought) => brought,
                // No commit did: a tag of its own, or nothing leads to it.
                None => return Ok(()),
            },
        };
        for finding in found {
            finding.place.commit = Some(commit.clone());
            finding.place.path.clone_from(&path);
            if message.is_some() {
                finding.spot = Spot::Whole;
            }
        }
        Ok(())
    }

    /// The first commit that brought a blob, and the path that it brought it to.
    fn brought(&self, object: &str) -> anyhow::Result<Option<(String, String)>> {
        let of = format!("--find-object={object}");
        let printed = self.said(&[
            "log",
            "--all",
            "--topo-order",
            "--reverse",
            "--format=%x01%H",
            "--raw",
            "-m",
            "--no-abbrev",
            "--no-renames",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            &of,
        ])?;
        let (printed, mut commit) = (String::from_utf8_lossy(&printed), "");
        for line in printed.lines() {
            if let Some(next) = line.strip_prefix('\u{1}') {
                commit = next;
            } else if let Some((change, path)) = line.split_once('\t')
                && change.split(' ').nth(3) == Some(object)
            {
                return Ok(Some((commit.to_owned(), path.to_owned())));
            }
        }
        Ok(None)
    }
}

/// Starts a command whose output is read; its input, where that is to be written.
fn started(
    mut command: Command,
    input: Stdio,
    running: &mut Vec<Child>,
) -> anyhow::Result<(ChildStdout, Option<ChildStdin>)> {
    let mut child = command.stdin(input).stdout(Stdio::piped()).spawn().context("can't run git")?;
    let output = child.stdout.take().context("git prints nothing")?;
    let input = child.stdin.take();
    running.push(child);
    Ok((output, input))
}

/// Asks for all objects that are listed but trees: those that aren't there.
fn ask(listed: ChildStdout, mut wanted: ChildStdin) -> io::Result<Vec<String>> {
    let mut missing = Vec::new();
    for line in BufReader::new(listed).lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("tree", _)) | None => {}
            Some((object, "missing")) => missing.push(object.to_owned()),
            Some((_, object)) => {
                wanted.write_all(object.as_bytes())?;
                wanted.write_all(b"\n")?;
            }
        }
    }
    Ok(missing)
}
