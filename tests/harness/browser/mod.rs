//! A real browser as its user has it: what is shown, what can be pressed and where the keyboard is.
//!
//! Things are found by what a screen reader calls them, so what has no name can't be found. A test ends by asserting
//! that no script failed, nothing was said to the console that it didn't [announce](Browser::expect), and no content
//! security policy was broken.

mod axe;
mod driver;
mod keyboard;
mod sight;

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use fantoccini::error::CmdError;
use serde_json::{Value, json};

use super::Server;
use driver::Driver;
pub use keyboard::{ENTER, Focus, SPACE, TAB};

/// How long what is awaited may take to show.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be pressed, by the roles of Chromium's accessibility tree.
const PRESSED: [&str; 9] = [
    "button",
    "link",
    "tab",
    "menuitem",
    "checkbox",
    "radio",
    "switch",
    "DisclosureTriangle",
    "DisclosureTriangleGrouped",
];

/// What can be filled in.
const FILLED: [&str; 5] = ["textbox", "searchbox", "spinbutton", "combobox", "Date"];

/// What lists what can be chosen.
const CHOSEN: [&str; 3] = ["combobox", "listbox", "popUpButton"];

/// A browser on one server; a test has one.
#[derive(Debug)]
pub struct Browser {
    driver: Driver,
    base: String,
    scheme: Cell<&'static str>,
    size: Cell<(u32, u32)>,
    tabs: RefCell<Vec<String>>,
    announced: RefCell<Vec<String>>,
    logged: RefCell<Vec<Entry>>,
    seen: RefCell<Vec<String>>,
}

/// A line of the browser's console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `SEVERE` for errors, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// What it says, after where it comes from.
    pub text: String,
}

/// A cookie as the browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether no script can read it.
    pub http_only: bool,
    /// Whether it is for secure contexts alone.
    pub secure: bool,
    /// `Strict`, `Lax` or `None`.
    pub same_site: String,
}

impl Browser {
    /// A browser on this server's address, 1280 x 800, in light.
    pub fn start(server: &Server) -> Self {
        Self::at(server.address())
    }

    /// A browser on whatever listens there. Loopback addresses are secure contexts, so `Secure` cookies work.
    pub fn at(address: SocketAddr) -> Self {
        let browser = Self {
            driver: Driver::start(),
            base: format!("http://{address}"),
            scheme: Cell::new("light"),
            size: Cell::new((1280, 800)),
            tabs: RefCell::default(),
            announced: RefCell::default(),
            logged: RefCell::default(),
            seen: RefCell::default(),
        };
        *browser.tabs.borrow_mut() = browser.driver.tabs();
        browser.furnish();
        browser
    }

    /// Sets a fresh tab up: what watches it, its size and its scheme.
    fn furnish(&self) {
        let watch = include_str!("watch.js");
        self.driver.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": watch }));
        let (width, height) = self.size.get();
        self.resize(width, height);
        self.prefer(self.scheme.get());
    }

    /// Goes to a path of the server.
    #[track_caller]
    pub fn open(&self, path: &str) {
        self.take_down();
        self.driver.go(&format!("{}{path}", self.base));
    }

    /// Where it is: path, query and fragment.
    #[track_caller]
    pub fn address(&self) -> String {
        let address = self.script("return location.href", vec![]);
        let address = address.as_str().expect("an address");
        address.strip_prefix(&self.base).unwrap_or(address).into()
    }

    /// Presses the one button or link of this name.
    #[track_caller]
    pub fn press(&self, name: &str) {
        self.with(name, &PRESSED, |element| {
            self.driver.element(element, |it| async move { it.click().await })
        });
    }

    /// Presses what the page itself may take away at any moment, unless it has.
    #[track_caller]
    pub fn press_if_there(&self, name: &str) {
        let found = self.named(name, &PRESSED);
        let pressed = found.iter().find_map(|node| self.element(node));
        let pressed =
            pressed.map(|element| self.driver.element(&element, |it| async move { it.click().await }));
        if let Some(Err(error)) = pressed {
            assert!(passes(&error), "{name:?}: {error}");
        }
    }

    /// Types `text` into the one field of this label, in place of what is there.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        self.with(label, &FILLED, |element| {
            self.driver.element(element, |it| async move {
                it.clear().await?;
                it.send_keys(text).await
            })
        });
    }

    /// What stands in the one field of this label.
    #[track_caller]
    pub fn filled(&self, label: &str) -> String {
        let value = self.with(label, &FILLED, |element| {
            self.driver.try_script("return arguments[0].value", vec![element.clone()])
        });
        value.as_str().expect("a field has a value").into()
    }

    /// Chooses from the one list of this label.
    #[track_caller]
    pub fn choose(&self, label: &str, option: &str) {
        self.with(label, &CHOSEN, |element| {
            self.driver.element(element, |it| async move { it.select_by_label(option).await })
        });
    }

    /// Whether something of this name can be pressed or filled in right now.
    #[track_caller]
    pub fn offers(&self, name: &str) -> bool {
        !self.named(name, &[&PRESSED[..], &FILLED[..], &CHOSEN[..]].concat()).is_empty()
    }

    /// All that is shown.
    #[track_caller]
    pub fn text(&self) -> String {
        self.script("return document.body?.innerText ?? ''", vec![]).as_str().unwrap_or_default().into()
    }

    /// Waits until what is shown has `text` in it.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.until(&format!("{text:?}"), || self.text().contains(text));
    }

    /// Waits until what is shown has no `text` in it any more.
    #[track_caller]
    pub fn wait_until_gone(&self, text: &str) {
        self.until(&format!("{text:?} to go"), || !self.text().contains(text));
    }

    /// Waits until this is so.
    #[track_caller]
    pub fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !so() {
            assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}; shown is:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Opens another tab of the same browser, as empty as a new one is, and goes on in it.
    #[track_caller]
    pub fn second_tab(&self) {
        let tab = self.driver.new_tab();
        self.driver.switch(&tab);
        self.tabs.borrow_mut().push(tab);
        self.furnish();
    }

    /// Goes on in another tab; they are counted from 0 in the order they were opened.
    #[track_caller]
    pub fn switch_to(&self, tab: usize) {
        let tab = self.tabs.borrow()[tab].clone();
        self.driver.switch(&tab);
        self.driver.devtools("Page.bringToFront", &json!({}));
    }

    /// The cookies that the server has set here.
    #[track_caller]
    pub fn cookies(&self) -> Vec<Cookie> {
        let found = self.driver.devtools("Network.getCookies", &json!({ "urls": [self.base] }));
        let word = |cookie: &Value, name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
        let read = |cookie: &Value| Cookie {
            name: word(cookie, "name"),
            value: word(cookie, "value"),
            http_only: cookie["httpOnly"] == true,
            secure: cookie["secure"] == true,
            same_site: word(cookie, "sameSite"),
        };
        found["cookies"].as_array().expect("a list").iter().map(read).collect()
    }

    /// What was copied last.
    #[track_caller]
    pub fn clipboard(&self) -> String {
        // No page may read it unasked: this one may for a moment.
        let may = json!({ "permissions": ["clipboardReadWrite"], "origin": self.base });
        self.driver.devtools("Browser.grantPermissions", &may);
        let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)));";
        let copied = self.script_later(read, vec![]);
        self.driver.devtools("Browser.resetPermissions", &json!({}));
        copied.as_str().expect("text").into()
    }

    /// All that the console was told so far.
    pub fn console(&self) -> Vec<Entry> {
        let log = self.driver.vendor("se/log", Some(json!({ "type": "browser" })));
        let log = log.unwrap_or_else(|error| panic!("the console: {error}"));
        let word = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let fresh = log.as_array().expect("a list").iter();
        let fresh = fresh.map(|entry| Entry { level: word(entry, "level"), text: word(entry, "message") });
        self.logged.borrow_mut().extend(fresh);
        self.logged.borrow().clone()
    }

    /// Announces a fault by words of it: what a test provokes is no failure of it.
    pub fn expect(&self, words: &str) {
        self.announced.borrow_mut().push(words.into());
    }

    /// Announces that the console will tell of a reply with this status from this path: Chromium logs each of 400 or more.
    pub fn expect_status(&self, path: &str, status: u16) {
        self.expect(&format!(
            "{}{path} - Failed to load resource: the server responded with a status of {status}",
            self.base
        ));
    }

    /// What went wrong since this was last asked, but for what was announced. A test that ends with one fails.
    pub fn faults(&self) -> Vec<String> {
        let here = self.driver.tabs();
        for tab in self.tabs.borrow().iter().filter(|tab| here.contains(tab)) {
            self.driver.switch(tab);
            self.take_down();
        }
        let mut faults: Vec<String> = self.seen.borrow_mut().drain(..).collect();
        self.console();
        let logged = std::mem::take(&mut *self.logged.borrow_mut());
        faults.extend(logged.into_iter().filter(|entry| entry.level == "SEVERE").map(|entry| entry.text));
        faults.retain(|fault| !self.announced.borrow().iter().any(|words| fault.contains(words)));
        faults
    }

    /// Takes what the watch has noted out of the page, before that goes.
    fn take_down(&self) {
        // A page that isn't ours (an error page of the browser's, say) has no watch.
        let noted = self.driver.try_script("return globalThis.__seen?.splice(0) ?? []", vec![]);
        let noted = noted.unwrap_or_else(|error| json!([error.to_string()]));
        let noted = noted.as_array().into_iter().flatten().filter_map(|line| Some(line.as_str()?.to_owned()));
        self.seen.borrow_mut().extend(noted);
    }

    /// Runs a script's body in the page and gives what it returns.
    #[track_caller]
    pub fn script(&self, body: &str, arguments: Vec<Value>) -> Value {
        self.driver.script(body, arguments)
    }

    /// Runs a script's body that hands what it has to its last argument.
    #[track_caller]
    pub fn script_later(&self, body: &str, arguments: Vec<Value>) -> Value {
        self.driver.script_later(body, arguments)
    }

    /// What is there for a user under this name, in one of these roles: not what is hidden, or behind a dialog.
    #[track_caller]
    fn named(&self, name: &str, roles: &[&str]) -> Vec<Value> {
        let document = self.driver.devtools("DOM.getDocument", &json!({ "depth": 0 }));
        let query = json!({ "backendNodeId": document["root"]["backendNodeId"], "accessibleName": name });
        let found = self.driver.devtools("Accessibility.queryAXTree", &query);
        let nodes = found["nodes"].as_array().cloned().unwrap_or_default().into_iter();
        let fits = |node: &Value| {
            node["ignored"] != true
                && node["role"]["value"].as_str().is_some_and(|role| roles.contains(&role))
        };
        nodes.filter(fits).map(|node| node["backendDOMNodeId"].clone()).collect()
    }

    /// Does `step` with the one thing of this name, once it is there; tries again where the page is just being redrawn.
    #[track_caller]
    fn with<T>(&self, name: &str, roles: &[&str], step: impl Fn(&Value) -> Result<T, CmdError>) -> T {
        let start = Instant::now();
        let mut why = String::from("there is none");
        while start.elapsed() < PATIENCE {
            let found = self.named(name, roles);
            assert!(found.len() < 2, "{name:?} is {} things; shown is:\n{}", found.len(), self.text());
            let element = found.first().and_then(|node| self.element(node));
            match element.map(|element| step(&element)) {
                Some(Ok(done)) => return done,
                Some(Err(error)) if passes(&error) => why = error.to_string(),
                Some(Err(error)) => panic!("{name:?}: {error}"),
                None => {}
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("waited {PATIENCE:?} for {name:?}: {why}; shown is:\n{}", self.text());
    }

    /// A node of the accessibility tree as what the driver can press; none where it has just gone.
    fn element(&self, node: &Value) -> Option<Value> {
        let call = |call: &str, parameters: Value| {
            self.driver.vendor("goog/cdp/execute", Some(json!({ "cmd": call, "params": parameters }))).ok()
        };
        let object = call("DOM.resolveNode", json!({ "backendNodeId": node }))?;
        let keep = "function () { globalThis[Symbol.for('found')] = this; }";
        call(
            "Runtime.callFunctionOn",
            json!({ "objectId": object["object"]["objectId"], "functionDeclaration": keep }),
        )?;
        let found = self.driver.try_script("return globalThis[Symbol.for('found')]", vec![]).ok()?;
        found.is_object().then_some(found)
    }
}

/// Whether a step that failed so may be tried again: nothing was done.
fn passes(error: &CmdError) -> bool {
    error.is_stale_element_reference()
        || error.is_no_such_element()
        || error.to_string().contains("click intercepted")
        || error.is_element_not_interactable()
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the browser's console ---");
            let log = self.driver.vendor("se/log", Some(json!({ "type": "browser" })));
            eprintln!("{:#?} {log:?}", self.logged.borrow());
            return;
        }
        let faults = self.faults();
        assert!(faults.is_empty(), "the browser found fault:\n{}", faults.join("\n"));
    }
}
