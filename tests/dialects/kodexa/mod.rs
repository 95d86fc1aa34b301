//! Kodexa's clients, run here.

mod credentials;
mod filters;
mod forms;
mod life;
mod pages;
mod refusals;

use serde_json::Value;

use crate::harness::{Client, Reply, Server, client::Request, server::Actor};

const TOKENS: &str = "/api/access-tokens";

/// A user's client with an access token, as the vendor's own clients are.
struct Kodexa {
    server: Server,
    client: Client,
    user: Actor,
    token: String,
}

impl Kodexa {
    fn start() -> Self {
        Self::of(Server::start(), "anna")
    }

    fn of(server: Server, name: &str) -> Self {
        let user = server.user(name);
        let (client, token) = (server.client(), server.token(&user));
        Self { server, client, user, token }
    }

    fn request(&mut self, method: &str, path: &str) -> Request<'_> {
        self.client.request(method, path).header("x-api-key", &self.token)
    }

    fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    fn post(&mut self, body: &Value) -> Reply {
        self.request("POST", TOKENS).json(body).send()
    }

    fn put(&mut self, id: &str, body: &Value) -> Reply {
        self.request("PUT", &path(id)).json(body).send()
    }

    fn delete(&mut self, id: &str) -> Reply {
        self.request("DELETE", &path(id)).send()
    }

    /// Makes a token and gives the whole reply's object.
    fn made(&mut self, body: &Value) -> Value {
        self.post(body).expect(201).json()
    }

    /// The token that this client presents.
    fn own(&mut self) -> Value {
        let id = self.client.get("/v1/tokens/self").bearer(&self.token).send().expect(200).json();
        self.get(&path(text(&id, "id"))).expect(200).json()
    }
}

fn path(id: &str) -> String {
    format!("{TOKENS}/{id}")
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Asserts a whole refusal of this API, and gives what it says of fields.
#[track_caller]
fn refused(reply: &Reply, status: u16) -> Value {
    let body = String::from_utf8_lossy(&reply.body);
    assert_eq!(reply.status, status, "{body}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{body}");
    let problem = reply.json();
    let mut members = vec!["detail", "errors", "status", "title", "type"];
    if status != 400 {
        members.remove(1);
    }
    assert_eq!(keys(&problem), members, "{body}");
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["status"], status);
    for member in ["title", "detail"] {
        assert!(!text(&problem, member).is_empty(), "{body}");
    }
    for (_, problem) in problem["errors"].as_object().into_iter().flatten() {
        assert!(problem.is_string(), "{body}");
    }
    problem["errors"].clone()
}

/// Asserts that one field is refused and no other.
#[track_caller]
fn wrong_field(reply: &Reply, field: &str) {
    assert_eq!(keys(&refused(reply, 400)), [field]);
}
