//! SoftwareONE's API tokens: each rule, each quirk of its clients, each refusal.

mod changes;
mod lists;
mod objects;
mod refusals;

use serde_json::{Value, json};

use crate::harness::{
    Server,
    client::Reply,
    estate::bearer,
    server::{Actor, Setup},
};

/// Where the tokens are.
pub(super) const TOKENS: &str = "/v1/accounts/api-tokens";

/// A server, a user who may issue, and a token of theirs.
pub(super) struct Setting {
    pub(super) server: Server,
    pub(super) anna: Actor,
    pub(super) token: String,
}

impl Setting {
    pub(super) fn new() -> Self {
        Self::on(Server::setup())
    }

    pub(super) fn on(setup: Setup) -> Self {
        let server = setup.start();
        let anna = server.user("anna");
        let token = server.token(&anna);
        Self { server, anna, token }
    }

    /// Asks with the token; `rest` is what follows the list's path.
    pub(super) fn ask(&self, method: &str, rest: &str, body: &Value) -> Reply {
        self.server.ask(&bearer(&self.token), method, &format!("{TOKENS}{rest}"), body)
    }

    pub(super) fn get(&self, rest: &str) -> Reply {
        self.ask("GET", rest, &Value::Null)
    }

    /// Makes a token with the token.
    pub(super) fn create(&self, body: &Value) -> Value {
        self.ask("POST", "", body).expect(201).json()
    }

    pub(super) fn named(&self, name: &str) -> Value {
        self.create(&json!({ "name": name }))
    }

    /// What a list has, by names.
    pub(super) fn names(&self, query: &str) -> Vec<String> {
        names(&self.get(&format!("?{query}")).expect(200).json())
    }

    /// A module of an organization.
    pub(super) fn module(&self, slug: &str, number: &str) {
        let body = json!({ "number": number, "name": format!("Module {number}") });
        self.server.locally("POST", &format!("/v1/organizations/{slug}/modules"), &body).expect(201);
    }

    /// An organization's `ACC-` number.
    pub(super) fn account(&self, slug: &str) -> String {
        let shown = self.server.locally("GET", &format!("/v1/organizations/{slug}"), &Value::Null);
        text(&shown.expect(200).json(), "number")
    }
}

pub(super) fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_else(|| panic!("no {member} in {object}")).to_owned()
}

pub(super) fn names(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|token| text(token, "name")).collect()
}

/// The token itself, without its number before it.
pub(super) fn plain(made: &Value) -> String {
    let token = text(made, "token");
    let number = text(made, "id");
    token.strip_prefix(&format!("idt:{number}:")).unwrap().to_owned()
}

pub(super) fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Asserts a refusal, whole and well formed, and gives its `errors`.
#[track_caller]
pub(super) fn refused(reply: &Reply, status: u16) -> Value {
    let text = reply.text();
    assert_eq!(reply.status, status, "{text}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{text}");
    let problem = reply.json();
    assert_eq!(keys(&problem), ["detail", "errors", "status", "title", "traceId", "type"], "{text}");
    assert_eq!((&problem["status"], &problem["type"]), (&json!(status), &json!("about:blank")));
    let title = problem["title"].as_str().unwrap();
    assert!(!title.is_empty() && !problem["detail"].as_str().unwrap().is_empty(), "{text}");
    let trace: Vec<_> = problem["traceId"].as_str().unwrap().split('-').map(str::len).collect();
    assert_eq!(trace, [2, 32, 16, 2], "{text}");
    for problems in problem["errors"].as_object().unwrap().values() {
        let problems = problems.as_array().unwrap();
        assert!(!problems.is_empty() && problems.iter().all(Value::is_string), "{text}");
    }
    problem["errors"].clone()
}
