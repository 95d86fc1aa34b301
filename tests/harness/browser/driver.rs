//! The processes and the protocol: a chromedriver and a headless Chromium of a test's own, spoken to from plain
//! blocking code.

use std::{
    fmt,
    fs::File,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder,
    elements::{Element, ElementRef},
    error::CmdError,
    wd::WebDriverCompatibleCommand,
};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::harness::{
    command::{append, is_root, text},
    turn,
};

/// How many browsers may run at once, over all processes that test: each is worth a processor.
const AT_ONCE: usize = 2;

/// How long the browser may take over anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a browser is started before a test gives up.
const TRIES: usize = 3;

/// What keeps the browser to itself: it looks up no name and so asks nobody but the server under test.
const FLAGS: [&str; 14] = [
    "--headless=new",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*, EXCLUDE localhost, EXCLUDE *.localhost",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=AutofillServerCommunication,MediaRouter,OptimizationHints,Translate",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    "--lang=en-GB",
];

/// A browser that runs; dropping it ends all of its processes and takes its profile away.
pub struct Driver {
    runtime: Runtime,
    client: Client,
    child: Child,
    _profile: TempDir,
    _place: File,
}

impl fmt::Debug for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Driver({})", self.child.id())
    }
}

/// A child and those it starts, until it is told that all went well.
struct Group(Option<Child>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            end(&mut child);
        }
    }
}

/// Ends a process and all that it started.
fn end(child: &mut Child) {
    let group = Pid::from_raw(child.id().cast_signed()).expect("a process id isn't 0");
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// Starts a chromedriver and has it start a Chromium.
fn launch() -> Result<(Runtime, Client, Child, TempDir), String> {
    let home = tempfile::tempdir().expect("a temporary directory");
    let log = home.path().join("driver.log");
    let mut command = Command::new("chromedriver");
    command
        .args(["--port=0", "--log-level=WARNING"])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"].map(|name| (name, home.path())))
        .env("TZ", "UTC")
        // A group of their own, so that they end together whatever becomes of the one above.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(append(&log));
    let child = command.spawn().unwrap_or_else(|error| panic!("chromedriver: {error}"));
    let mut group = Group(Some(child));
    let stdout = group.0.as_mut().and_then(|child| child.stdout.take()).expect("piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let port =
        lines.find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
    let port: u16 = port.ok_or("chromedriver doesn't say where it listens")?;
    // Whatever else it says is read, so that it never waits for a reader.
    thread::spawn(move || lines.for_each(drop));

    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut builder = ClientBuilder::new(HttpConnector::new());
    let Value::Object(capabilities) = capabilities(home.path()) else { unreachable!("written as an object") };
    builder.capabilities(capabilities);
    let address = format!("http://127.0.0.1:{port}");
    let connected =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, builder.connect(&address)).await });
    let said = |failure: String| format!("{failure}; {}", std::fs::read_to_string(&log).unwrap_or_default());
    let client = connected
        .map_err(|_| said("no browser within a minute".into()))?
        .map_err(|error| said(error.to_string()))?;
    let child = group.0.take().expect("started above");
    Ok((runtime, client, child, home))
}

impl Driver {
    /// Starts both, once there is a place for one more browser. One that doesn't come up is tried again: now and then
    /// Chromium ends while it starts on a busy machine, which says nothing of what is tested.
    pub fn start() -> Self {
        turn::together();
        let place = place();
        let mut failures = Vec::new();
        while failures.len() < TRIES {
            match launch() {
                Ok((runtime, client, child, profile)) => {
                    return Self { runtime, client, child, _profile: profile, _place: place };
                }
                Err(failure) => failures.push(failure),
            }
        }
        panic!("no browser: {failures:#?}");
    }

    /// Waits for what the browser answers.
    fn wait<T>(&self, call: impl Future<Output = Result<T, CmdError>>) -> Result<T, CmdError> {
        let answered = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, call).await });
        answered.expect("the browser answers within a minute")
    }

    /// Asks for what only some drivers know: POST with a body, GET without.
    pub fn vendor(&self, path: &str, body: Option<Value>) -> Result<Value, CmdError> {
        self.wait(self.client.issue_cmd(Vendor { path: path.into(), body }))
    }

    /// Calls Chromium's own protocol.
    #[track_caller]
    pub fn devtools(&self, call: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": call, "params": parameters });
        self.vendor("goog/cdp/execute", Some(body)).unwrap_or_else(|error| panic!("{call}: {error}"))
    }

    /// Runs a script's body and gives what it returns.
    #[track_caller]
    pub fn script(&self, body: &str, arguments: Vec<Value>) -> Value {
        self.try_script(body, arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, where the page may be about to go.
    pub fn try_script(&self, body: &str, arguments: Vec<Value>) -> Result<Value, CmdError> {
        self.wait(self.client.execute(body, arguments))
    }

    /// Runs a script's body that hands what it has to its last argument.
    #[track_caller]
    pub fn script_later(&self, body: &str, arguments: Vec<Value>) -> Value {
        self.wait(self.client.execute_async(body, arguments)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Goes to an address, and waits until it has loaded.
    #[track_caller]
    pub fn go(&self, address: &str) {
        self.wait(self.client.goto(address)).unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Calls a method of an element that a script returned.
    pub fn element<T, F>(&self, found: &Value, call: impl FnOnce(Element) -> F) -> Result<T, CmdError>
    where
        F: Future<Output = Result<T, CmdError>>,
    {
        let ids = found.as_object().and_then(|object| object.values().next()?.as_str());
        let id = ids.unwrap_or_else(|| panic!("no element: {found}")).to_owned();
        self.wait(call(Element::from_element_id(self.client.clone(), ElementRef::from(id))))
    }

    /// All tabs, the first that was opened first.
    #[track_caller]
    pub fn tabs(&self) -> Vec<String> {
        let tabs = self.wait(self.client.windows()).unwrap_or_else(|error| panic!("{error}"));
        tabs.into_iter().map(Into::into).collect()
    }

    /// Opens a tab and gives its handle.
    #[track_caller]
    pub fn new_tab(&self) -> String {
        self.wait(self.client.new_window(true)).unwrap_or_else(|error| panic!("{error}")).handle.into()
    }

    /// Goes on in this tab.
    #[track_caller]
    pub fn switch(&self, tab: &str) {
        let handle = tab.to_owned().try_into().expect("a tab's handle");
        self.wait(self.client.switch_to_window(handle)).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// What the driver is asked for: all that is logged, and clean hands about dialogs (one that a page opens makes the next
/// step fail).
fn capabilities(profile: &Path) -> Value {
    let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
    flags.push(format!("--user-data-dir={}", text(&profile.join("profile"))));
    if is_root() {
        // Chromium has no sandbox for root.
        flags.push("--no-sandbox".into());
    }
    json!({
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": { "args": flags },
        "unhandledPromptBehavior": "dismiss and notify",
    })
}

/// One of the places for browsers, kept until the file is closed.
fn place() -> File {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let files: Vec<_> =
        (0..AT_ONCE).map(|number| append(&directory.join(format!("browser-{number}.lock")))).collect();
    loop {
        if let Some(free) = files.iter().position(|file| file.try_lock().is_ok()) {
            return files.into_iter().nth(free).expect("one of them");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A command beside the standard's.
#[derive(Debug)]
struct Vendor {
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        match &self.body {
            Some(body) => (http::Method::POST, Some(body.to_string())),
            None => (http::Method::GET, None),
        }
    }
}
