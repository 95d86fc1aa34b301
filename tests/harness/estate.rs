//! Organizations and who is in them, made and asked for as the local operator or as anybody else.

use std::{sync::Barrier, thread};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    client::Reply,
    database,
    server::{Actor, Server},
};

impl Actor {
    /// The `Authorization` header of this user's password.
    pub fn basic(&self) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", self.name, self.password)))
    }
}

/// The `Authorization` header of a token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

impl Server {
    /// Asks with an `Authorization` header, or without one where it is empty; `null` for no body.
    pub fn ask(&self, authorization: &str, method: &str, path: &str, body: &Value) -> Reply {
        let mut client = self.client();
        let mut request = client.request(method, path);
        if !authorization.is_empty() {
            request = request.header("Authorization", authorization);
        }
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    /// Asks with a token; `null` for no body.
    pub fn with(&self, token: &str, method: &str, path: &str, body: &Value) -> Reply {
        self.ask(&bearer(token), method, path, body)
    }

    /// Asks as the local operator; `null` for no body.
    pub fn locally(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.ask(&bearer(self.secret()), method, path, body)
    }

    /// Makes an organization; `more` is what its body holds beside the slug.
    pub fn organization(&self, slug: &str, more: &Value) -> Value {
        let body = with(json!({ "slug": slug }), more);
        self.locally("POST", "/v1/organizations", &body).expect(201).json()
    }

    /// Changes an organization's policy.
    pub fn policy(&self, slug: &str, policy: &Value) {
        self.locally("PATCH", &format!("/v1/organizations/{slug}/policy"), policy).expect(200);
    }

    /// Puts somebody into an organization; `more` is what the body holds beside the name.
    pub fn join(&self, slug: &str, actor: &Actor, more: &Value) -> Value {
        let body = with(json!({ "user": actor.name }), more);
        self.locally("POST", &format!("/v1/organizations/{slug}/members"), &body).expect(201).json()
    }

    /// Makes a user whose home is this organization; `more` is what the body holds beside that.
    pub fn user_of(&self, slug: &str, name: &str, more: &Value) -> Actor {
        let actor = Actor::named(name);
        let body = json!({ "username": name, "password": actor.password, "organization": slug });
        self.locally("POST", "/v1/users", &with(body, more)).expect(201);
        actor
    }

    /// Makes an administrator of this organization and of nothing else.
    pub fn manager_of(&self, slug: &str, name: &str) -> Actor {
        self.user_of(slug, name, &json!({ "role": "administrator" }))
    }

    /// Makes a member of this organization who holds whatever isn't reserved and may issue tokens.
    pub fn issuer_of(&self, slug: &str, name: &str) -> Actor {
        self.user_of(slug, name, &json!({ "privileges": ["*:*"], "may_issue": true }))
    }

    /// What stands in the record since the event at `after`: deeds and details, in their order.
    pub fn deeds(&self, after: i64) -> Vec<String> {
        let connection = database::open(&self.data());
        let mut statement = connection
            .prepare("SELECT trim(deed || ' ' || detail) FROM events WHERE sequence > ? ORDER BY sequence")
            .unwrap();
        statement.query_map([after], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// The place of the last event in the record.
    pub fn last_event(&self) -> i64 {
        let connection = database::open(&self.data());
        connection.query_row("SELECT max(sequence) FROM events", [], |row| row.get(0)).unwrap()
    }
}

/// `body` with the members of `more`.
fn with(mut body: Value, more: &Value) -> Value {
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    body
}

/// Does `act` so many times at the same moment, each with its number, and gives what came of each.
pub fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let run = |number| {
            let (start, act) = (&start, &act);
            scope.spawn(move || {
                start.wait();
                act(number)
            })
        };
        let running: Vec<_> = (0..count).map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic in a thread")).collect()
    })
}
