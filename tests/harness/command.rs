//! Runs the binary once, as a person, a script or another account would, from an empty environment.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// The binary under test.
pub const JETON: &str = env!("CARGO_BIN_EXE_jeton");

/// One run being put together; whatever isn't stated is empty.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Run {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    directory: Option<PathBuf>,
    input: Vec<u8>,
    shell: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Run {
    /// The binary with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(ToString::to_string).collect(), ..Self::default() }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds `--data-dir`.
    pub fn data_dir(self, directory: &Path) -> Self {
        self.arg("--data-dir").arg(text(directory))
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The directory it runs in.
    pub fn within(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What stands on its standard input.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it from a shell line in which `"$@"` is the command: `umask 000; exec "$@"`.
    pub fn shell(mut self, line: &str) -> Self {
        self.shell = Some(line.into());
        self
    }

    /// The command, not yet started; its streams are the caller's to set.
    pub fn command(&self) -> Command {
        let mut command = if let Some(line) = &self.shell {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", line, "sh", JETON]);
            shell
        } else {
            Command::new(JETON)
        };
        command.args(&self.arguments).env_clear().envs(self.environment.iter().cloned());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Runs it to its end; the test fails where that takes more than 20 s.
    pub fn run(&self) -> Output {
        let start = Instant::now();
        let mut command = self.command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        // A command that refuses early doesn't read its input.
        let _ = stdin.write_all(&self.input);
        drop(stdin);
        let id = child.id();
        let watch = thread::spawn(move || child.wait_with_output());
        while !watch.is_finished() {
            if start.elapsed() > Duration::from_secs(20) {
                signal(id, rustix::process::Signal::KILL);
                panic!("{:?} ran for more than 20 s", self.arguments);
            }
            thread::sleep(Duration::from_millis(1));
        }
        let output = watch.join().expect("no panic in waiting").expect("the child's streams are readable");
        Output {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
            took: start.elapsed(),
        }
    }
}

impl Output {
    /// Asserts exit code 0 and gives standard output.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Asserts exit code 0 and reads standard output as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.done();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
    }

    /// Asserts this exit code, an empty standard output and one clear sentence on standard error, and gives it.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "");
        assert!(!self.stderr.trim().is_empty(), "a refusal says why");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for line in self.stderr.lines().filter(|line| line.starts_with("error: ")) {
            let clauses: Vec<_> = line.split(": ").collect();
            let twice = clauses.iter().enumerate().find(|(at, clause)| clauses[..*at].contains(clause));
            assert_eq!(twice, None, "a cause is told once: {line}");
        }
        self.stderr
    }
}

/// Sends a signal to a process that the test started.
pub fn signal(id: u32, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(id.cast_signed()).expect("a process id isn't 0");
    // One that has ended already is no longer there to be told.
    let _ = rustix::process::kill_process(id, signal);
}

/// Whether this test runs as root, as in a container or a build machine.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Waits for a child to end, at most `within`.
pub fn wait_for_end(child: &mut std::process::Child, within: Duration) -> ExitStatus {
    super::wait_for("a process to end", within, || child.try_wait().expect("our own child"))
}

/// A path as text, for an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("test directories have plain names")
}

/// Opens `path` to append to, as a log is.
pub fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("the log is writable")
}
