//! A whole server of a test's own: its directory, its port, its log, and a way to stop it in every way there is.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    client::{Client, Target},
    command::{Output, Run, append, signal, text, wait_for_end},
    turn, wait_for,
};

/// A server that runs, or did; dropping it kills it and takes its directory away.
#[derive(Debug)]
pub struct Server {
    home: TempDir,
    setup: Setup,
    child: Option<Child>,
    control: Value,
    /// 0 for any that is free.
    port: u16,
    /// From the start of the process to the first ready answer.
    pub started_in: Duration,
}

/// A server not yet started; whatever isn't stated is at its default, but the port is free and the environment empty.
#[must_use]
#[derive(Clone, Debug)]
pub struct Setup {
    flags: Vec<String>,
    settings: Option<String>,
    environment: Vec<(String, String)>,
    shell: Option<String>,
    patience: Duration,
    ask_control: bool,
}

/// A user that a test made.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The username.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Actor {
    /// A user of this name with a password to go with it; to be made yet.
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), password: format!("{name} walks a crooked mile") }
    }
}

impl Setup {
    /// Adds a flag, or a flag and its value.
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(ToString::to_string));
        self
    }

    /// Gives it a settings file with this in it.
    pub fn settings(mut self, toml: &str) -> Self {
        self.settings = Some(toml.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Makes it see another time of day, as `FAKETIME` writes one; intervals stay true.
    pub fn at(self, when: &str) -> Self {
        self.env("LD_PRELOAD", text(&faketime()))
            .env("FAKETIME", when)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("TZ", "UTC")
    }

    /// Starts it from a shell line in which `exec "$@"` is the server.
    pub fn shell(mut self, line: &str) -> Self {
        self.shell = Some(line.into());
        self
    }

    /// Starts it on a directory that isn't there yet.
    pub fn start(self) -> Server {
        self.start_in(tempfile::tempdir().expect("a temporary directory"))
    }

    /// Starts one that speaks TLS, whose readiness is asked for over the control socket.
    pub fn start_over_control(mut self) -> Server {
        self.ask_control = true;
        self.start()
    }

    /// Starts it on `data` within `home`, as it stands.
    pub fn start_in(self, home: TempDir) -> Server {
        turn::together();
        let mut server = Server {
            home,
            setup: self,
            child: None,
            control: Value::Null,
            port: 0,
            started_in: Duration::ZERO,
        };
        server.launch();
        server
    }
}

impl Server {
    /// A server with nothing stated.
    pub fn setup() -> Setup {
        Setup {
            flags: Vec::new(),
            settings: None,
            environment: Vec::new(),
            shell: None,
            patience: Duration::from_secs(20),
            ask_control: false,
        }
    }

    /// A server with every setting at its default.
    pub fn start() -> Self {
        Self::setup().start()
    }

    /// Starts the server again on the directory it had.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let port = self.port.to_string();
        let mut run = self.command(&["serve", "--port", &port]).within(self.home.path());
        for flag in &self.setup.flags {
            run = run.arg(flag);
        }
        if let Some(toml) = &self.setup.settings {
            let file = self.home.path().join("jeton.toml");
            fs::write(&file, toml).expect("the settings file can be written");
            run = run.arg("--config").arg(text(&file));
        }
        for (name, value) in &self.setup.environment {
            run = run.env(name, value);
        }
        if let Some(line) = &self.setup.shell {
            run = run.shell(line);
        }
        let start = Instant::now();
        let mut command = run.command();
        let log = append(&self.log_path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.expect("the binary starts"));
        self.control = wait_for("the server to listen", self.setup.patience, || self.poll_control());
        wait_for("the server to be ready", self.setup.patience, || {
            let mut client = if self.setup.ask_control { self.control_client() } else { self.client() };
            let reply = client.get("/health/ready").try_send().ok()?;
            (reply.status == 200).then_some(())
        });
        self.started_in = start.elapsed();
    }

    /// The same server, started again with these flags and no others. It has been stopped.
    pub fn restart_with(&mut self, flags: &[&str]) {
        self.setup.flags = flags.iter().map(ToString::to_string).collect();
        self.launch();
    }

    /// Sets an environment variable for the starts to come.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.setup.environment.retain(|(key, _)| key != name);
        self.setup.environment.push((name.into(), value.into()));
    }

    /// Starts it on this port from now on.
    pub fn set_port(&mut self, port: u16) {
        self.port = port;
    }

    fn poll_control(&mut self) -> Option<Value> {
        let child = self.child.as_mut().expect("started just above");
        let id = child.id();
        if let Some(status) = child.try_wait().expect("our own child") {
            panic!("the server ended with {status}: {}", self.log());
        }
        let text = fs::read_to_string(self.data().join("control.json")).ok()?;
        let control: Value = serde_json::from_str(&text).ok()?;
        // One that a killed server left behind names another process.
        (control["pid"] == id).then_some(control)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The directory that holds the data directory and the log; nothing of it is the server's but those.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where standard error goes, over all starts.
    pub fn log_path(&self) -> PathBuf {
        self.home.path().join("stderr.log")
    }

    /// All of standard error so far, over all starts.
    pub fn log(&self) -> String {
        String::from_utf8(fs::read(self.log_path()).unwrap_or_default()).expect("a log of UTF-8")
    }

    /// Waits until the log holds `text`.
    pub fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), Duration::from_secs(5), || {
            self.log().contains(text).then_some(())
        });
    }

    /// The secret for local administration.
    pub fn secret(&self) -> &str {
        self.control["secret"].as_str().expect("control.json holds a secret")
    }

    /// The TCP address it listens on.
    pub fn address(&self) -> SocketAddr {
        let listen = self.control["listen"].as_array().expect("control.json says where it listens");
        let mut addresses = listen.iter().filter_map(|url| url.as_str()?.split_once("://")?.1.parse().ok());
        addresses.next().unwrap_or_else(|| panic!("no address in {listen:?}"))
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// A client over TCP.
    pub fn client(&self) -> Client {
        Client::new(Target::Tcp(self.address()))
    }

    /// A client over the control socket.
    pub fn control_client(&self) -> Client {
        Client::new(Target::Unix(self.control["socket"].as_str().expect("control.json names it").into()))
    }

    /// Runs the binary with these arguments and this server's data directory.
    pub fn command(&self, arguments: &[&str]) -> Run {
        Run::new(arguments).data_dir(&self.data())
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).run()
    }

    /// Makes a user at the command line with extra arguments for `user add`.
    pub fn user_with(&self, name: &str, extra: &[&str]) -> Actor {
        let actor = Actor::named(name);
        let arguments = [&["user", "add", name, "--password-stdin"], extra].concat();
        self.command(&arguments).input(actor.password.as_bytes()).run().done();
        actor
    }

    /// Makes a member of `default`, who may hold tokens but by default policy not issue any.
    pub fn member(&self, name: &str) -> Actor {
        self.user_with(name, &[])
    }

    /// Makes a member of `default` who holds whatever isn't reserved and may issue tokens.
    pub fn user(&self, name: &str) -> Actor {
        self.user_with(name, &["--privilege", "*:*", "--may-issue", "true"])
    }

    /// Makes an administrator of `default` who is no operator.
    pub fn manager(&self, name: &str) -> Actor {
        let actor = Actor::named(name);
        let body = json!({ "username": name, "password": actor.password, "role": "administrator" });
        self.client().post("/v1/users").bearer(self.secret()).json(&body).send().expect(201);
        actor
    }

    /// Makes an administrator of `default` who is an operator of the instance.
    pub fn administrator(&self, name: &str) -> Actor {
        self.user_with(name, &["--admin"])
    }

    /// Mints a token for `actor` as the local operator.
    pub fn token(&self, actor: &Actor) -> String {
        self.token_with(actor, &[])
    }

    /// Mints a token for `actor` with extra arguments for `token create`.
    pub fn token_with(&self, actor: &Actor, extra: &[&str]) -> String {
        let arguments = [&["token", "create", "--user", &actor.name, "--name", "test"], extra].concat();
        self.run(&arguments).done().trim_end().into()
    }

    /// Mints a token with `actor`'s password and gives the whole reply's object.
    pub fn mint(&self, actor: &Actor, body: &Value) -> Value {
        let reply = self.client().post("/v1/tokens").basic(&actor.name, &actor.password).json(body).send();
        reply.expect(201).json()
    }

    /// Mints a child of `parent`.
    pub fn child(&self, parent: &str, body: &Value) -> Value {
        self.client().post("/v1/tokens").bearer(parent).json(body).send().expect(201).json()
    }

    /// Whether `token` is let in over HTTP right now.
    pub fn accepts(&self, token: &str) -> bool {
        let reply = self.client().get("/v1/tokens/self").bearer(token).send();
        assert!(matches!(reply.status, 200 | 401), "neither yes nor no: {}", reply.text());
        reply.status == 200
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("our own child");
            child.wait().expect("our own child");
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, which: Signal) {
        signal(self.pid(), which);
    }

    /// Stops it with SIGTERM and waits, at most `within`.
    pub fn terminate_within(&mut self, within: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        let status = wait_for_end(self.child.as_mut().expect("it runs"), within);
        self.child = None;
        status
    }

    /// Stops it as `systemctl stop` would; anything but exit code 0 fails the test.
    pub fn stop(&mut self) {
        let status = self.terminate_within(Duration::from_secs(10));
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Whether its process is still there.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("our own child").is_none())
    }

    /// The resident memory of the process, in bytes.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel says");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("--- the server's log, its last lines ---");
            for line in tail.iter().rev() {
                eprintln!("{line}");
            }
        }
        self.kill();
    }
}

/// The library that moves a process's clock, from Debian's `libfaketime`.
fn faketime() -> PathBuf {
    let candidates = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut paths = candidates.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    paths.find(|path| path.exists()).expect("libfaketime is one of the packages that tests/run installs")
}

/// The smallest body that mints: a name.
pub fn named(name: &str) -> Value {
    json!({ "name": name })
}
