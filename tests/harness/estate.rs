//! Organizations and who is in them, made and asked for as the local operator or as anybody else.

use serde_json::{Value, json};

use super::{
    client::Reply,
    server::{Actor, Server},
};

impl Server {
    /// Makes an organization; `more` is what its body holds beside the slug.
    pub fn organization(&self, slug: &str, more: &Value) -> Value {
        let body = with(json!({ "slug": slug }), more);
        self.client().post("/v1/organizations").bearer(self.secret()).json(&body).send().expect(201).json()
    }

    /// Puts somebody into an organization; `more` is what the body holds beside the name.
    pub fn join(&self, slug: &str, actor: &Actor, more: &Value) -> Value {
        let body = with(json!({ "user": actor.name }), more);
        self.locally("POST", &format!("/v1/organizations/{slug}/members"), &body).expect(201).json()
    }

    /// Makes a user whose home is this organization.
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

    /// Asks as the local operator; `null` for no body.
    pub fn locally(&self, method: &str, path: &str, body: &Value) -> Reply {
        let mut client = self.client();
        let request = client.request(method, path).bearer(self.secret());
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    /// Asks with somebody's password; `null` for no body.
    pub fn as_user(&self, actor: &Actor, method: &str, path: &str, body: &Value) -> Reply {
        let mut client = self.client();
        let request = client.request(method, path).basic(&actor.name, &actor.password);
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    /// Asks with a token; `null` for no body.
    pub fn with_token(&self, token: &str, method: &str, path: &str, body: &Value) -> Reply {
        let mut client = self.client();
        let request = client.request(method, path).bearer(token);
        if body.is_null() { request.send() } else { request.json(body).send() }
    }
}

/// `body` with the members of `more`.
fn with(mut body: Value, more: &Value) -> Value {
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    body
}
