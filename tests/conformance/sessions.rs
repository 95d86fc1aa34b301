//! Signing in at the page, looking where one is signed in, and signing out.

use serde_json::{Value, json};

use super::tour::{As, Call, Tour};
use crate::harness::page::cookie_of;

/// What nobody but the page sends.
pub const SIGN_IN: &str = "POST /v1/session";

impl Tour {
    /// Each of them with every success.
    pub fn sessions(&mut self) {
        let ada = json!({ "username": self.operator().name, "password": self.operator().password });
        let made = self.call(&Call { by: As::Nobody, ..send(SIGN_IN, &ada) }).expect(201);
        let first = cookie_of(&made);
        let by = As::Page(&first);
        self.call(&Call { by, ..read("GET /v1/session") }).expect(200);
        self.call(&Call { by, ..read("GET /v1/sessions") }).expect(200);
        self.get("GET /v1/sessions", &["?username=moss"], 200);
        let wrong = json!({ "username": "nobody", "password": "a walk of a crooked mile" });
        self.call(&Call { by: As::Nobody, ..send(SIGN_IN, &wrong) }).expect(401);
        let second = cookie_of(&self.call(&Call { by: As::Nobody, ..send(SIGN_IN, &ada) }).expect(201));
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        self.get("DELETE /v1/sessions/{id}", &[&id], 204);
        self.call(&Call { by, ..read("GET /v1/session") }).expect(401);
        self.get("GET /v1/session", &[], 404);
        self.get("DELETE /v1/session", &[], 404);
        self.call(&Call { by: As::Page(&second), ..read("DELETE /v1/session") }).expect(204);
    }
}

/// A request without a body.
const fn read(operation: &str) -> Call<'_> {
    Call { operation, fill: &[], body: None, headers: &[], by: As::Operator }
}

/// A request with one.
fn send<'a>(operation: &'a str, body: &Value) -> Call<'a> {
    Call { body: Some(body.clone()), ..read(operation) }
}
