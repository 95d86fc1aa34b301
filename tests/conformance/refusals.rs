//! Every way to be refused, of each operation.

use serde_json::{Value, json};

use super::tour::{As, Call, GOOD, NOWHERE, Tour};
use crate::matrix::dialects::dialect;

impl Tour {
    /// Every operation without a credential, with too little of one, with a bad query, a bad body, one too many of them,
    /// and of what isn't there.
    pub fn refusals(&mut self) {
        let restricted = self.restricted.clone();
        for (operation, says) in self.operations(own) {
            let open = says["security"].as_array().is_some_and(|all| all.iter().any(|one| one == &json!({})));
            let count = operation.matches('{').count();
            let unknown = &[NOWHERE, NOWHERE][..count.min(2)];
            let with_body = says["requestBody"].is_object();
            let form = says["requestBody"]["content"].get("application/x-www-form-urlencoded").is_some();
            let body = || with_body.then(|| if form { json!("token=x") } else { json!({}) });
            let call = |by, headers| Call { operation: &operation, fill: unknown, body: body(), headers, by };
            if !open {
                self.call(&call(As::Nobody, &[])).expect(401);
                self.call(&call(As::Token("jtn_wrong"), &[])).expect(401);
                let status = match operation.as_str() {
                    // No token is taken there but by Basic.
                    "POST /oauth/token" => 401,
                    operation if operation.ends_with("/tokens/self") => 0,
                    _ => 403,
                };
                if status > 0 {
                    self.call(&call(As::Token(&restricted), &[])).expect(status);
                }
                self.call(&call(As::Local, &[("x-api-key", "jtn_wrong")])).expect(400);
            }
            self.call(&call(As::Local, &[("Host", "example.org")])).expect(421);
            let fill = [unknown, &["?token=x"]].concat();
            self.call(&Call { fill: &fill, ..call(As::Local, &[]) }).expect(400);
            if with_body {
                self.call(&call(As::Local, &[("Content-Encoding", "gzip")])).expect(415);
                let long = Value::String("x".repeat(100_000));
                self.call(&Call { body: Some(long), ..call(As::Local, &[]) }).expect(413);
                self.client.drop_connection();
                let wrong = if form { json!("") } else { json!({ "no such member": 1 }) };
                let by = if operation == "POST /oauth/token" { As::Operator } else { As::Local };
                self.call(&Call { body: Some(wrong), ..call(by, &[]) }).expect(400);
            }
            let unwanted = operation.ends_with("/tokens/self");
            if count > 0 || unwanted {
                let headers: &[(&str, &str)] =
                    if operation.starts_with("PATCH") { &[("If-Match", "*")] } else { &[] };
                let reply = self.call(&Call { body: good(&operation), ..call(As::Local, headers) });
                reply.expect(404);
            }
        }
    }
}

/// Whether an operation is one of jeton's own API; the gate is another one's part of the tour.
fn own(operation: &str) -> bool {
    dialect(operation).is_none() && !operation.contains(" /gate")
}

/// A body that is right as it stands, for a request about what isn't there.
fn good(operation: &str) -> Option<Value> {
    let path = operation.split_once(' ').expect("a method and a path").1;
    match operation.split_once(' ').expect("a method and a path").0 {
        "PATCH" if path.ends_with("/{module}") => Some(json!({ "name": "x" })),
        "PATCH" => Some(json!({})),
        "PUT" if path.ends_with("/password") => Some(json!({ "password": GOOD })),
        "PUT" => Some(json!({ "privileges": [] })),
        "POST" if path.ends_with("/modules") => Some(json!({ "number": "MOD-1111", "name": "x" })),
        "POST" if path.ends_with("/members") => Some(json!({ "user": "ada" })),
        "POST" if path.ends_with("/privileges") => Some(json!({ "privilege": "a:b" })),
        _ => None,
    }
}
