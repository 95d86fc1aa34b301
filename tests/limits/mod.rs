//! What a token is limited to, wherever it is presented: from where, for what, from when on, how often and how fast.

mod children;
mod counts;
mod dialects;
mod fields;
mod introspection;
mod kinds;

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, server::Actor, token};

/// A server, somebody who makes tokens, and a client of theirs.
pub struct Stage {
    /// The server.
    pub server: Server,
    /// Whose tokens they are.
    pub anna: Actor,
    /// Of that server, on one kept connection.
    pub client: Client,
}

impl Stage {
    /// A fresh server.
    pub fn new() -> Self {
        Self::on(Server::start())
    }

    /// The same on one that was set up otherwise.
    pub fn on(server: Server) -> Self {
        let anna = server.user("anna");
        Self { client: server.client(), server, anna }
    }

    /// Makes a token with these limits and gives its secret.
    pub fn mint(&self, limits: &Value) -> String {
        secret(&self.server.mint(&self.anna, &json!({ "name": "limited", "limits": limits })))
    }

    /// Asks for a child of `parent` with these limits.
    pub fn ask_child(&mut self, parent: &str, limits: &Value) -> Reply {
        let body = json!({ "name": "child", "limits": limits });
        self.client.post("/v1/tokens").bearer(parent).json(&body).send()
    }

    /// Presents a token at jeton itself, for no more than to read itself.
    pub fn present(&mut self, token: &str) -> Reply {
        self.client.get("/v1/tokens/self").bearer(token).send()
    }

    /// A token as its owner sees it, which uses none of it.
    pub fn shown(&mut self, token: &str) -> Value {
        let path = format!("/v1/tokens/{}", token::Wire::read(token).uuid());
        self.client.get(&path).basic(&self.anna.name, &self.anna.password).send().expect(200).json()
    }

    /// Who may introspect: a token.
    pub fn asker(&self) -> String {
        let ada = self.server.administrator("ada");
        self.server.token_with(&ada, &["--privilege", "jeton:introspect"])
    }
}

/// The secret of a token that was just made.
pub fn secret(made: &Value) -> String {
    made["token"].as_str().expect("a token that was just made").into()
}

/// Milliseconds since 1970 from now on.
pub fn from_now(offset: i64) -> String {
    let at = jiff::Timestamp::now().as_millisecond() + offset;
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

/// Asserts a refusal until a moment from now, and gives how long that is said to be.
#[track_caller]
pub fn too_fast(reply: &Reply) -> u32 {
    assert_eq!(reply.status, 429, "{}", reply.text());
    let after = reply.header("retry-after").and_then(|text| text.parse().ok());
    after.filter(|seconds| *seconds > 0).expect("a number of seconds")
}
