//! The tour over the other vendors' APIs: every status that their documents declare is got from every operation.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};

use super::tour::{As, Call, NOWHERE, Tour};
use crate::{
    harness::{Client, RaiseOnDrop, Server, Target, database, server::Actor},
    matrix::dialects::{Dialect, dialect},
};

/// How many sign in at once so that there is no room for another: many more than wait and are worked on, since whoever finds
/// no room is answered late.
const CROWD: u8 = 200;

/// Operations that read nothing, so that nothing can break under them and they wait for nothing.
fn is_fixed(operation: &str) -> bool {
    operation == "GET /ds-api/"
}

/// Whether an operation's query may hold a token.
fn reads_token(operation: &str) -> bool {
    operation == "GET /ds-api/user-token"
        || operation.ends_with("GET /v1/accounts/api-tokens")
        || operation.ends_with("GET /public/v1/accounts/api-tokens")
}

#[test]
fn every_status_that_a_dialect_declares_is_got_and_is_as_declared() {
    let mut tour = Tour::on(Server::setup().flags(&["--body-timeout", "300ms", "--head-bytes", "128KiB"]));
    tour.datasentinel();
    tour.dataprep();
    tour.akinon();
    for base in ["/public/v1/accounts", "/v1/accounts"] {
        tour.softwareone(base);
    }
    tour.kodexa();
    let operations = tour.operations(|operation| dialect(operation).is_some());
    assert!(operations.len() > 25, "only {operations:?}");
    for (operation, says) in &operations {
        tour.turned_away(operation, says);
        tour.too_much(operation, says);
    }
    tour.throttled(&operations);
    tour.crowded(&operations);
    tour.broken(&operations);
    let conformance = tour.end();
    assert!(conformance.wrong.is_empty(), "{}", conformance.wrong.join("\n"));
    let unseen = conformance.unseen().into_iter().filter(|(operation, status)| {
        let untouched = is_fixed(operation) && matches!(status.as_str(), "500" | "503");
        // A full disk has a test of its own.
        let untouched = untouched || status == "507";
        dialect(operation).is_some() && !untouched
    });
    let unseen: Vec<_> = unseen.collect();
    assert!(unseen.is_empty(), "declared, and never got: {unseen:?}");
}

/// Ids of a new token in every spelling.
struct Made {
    id: String,
    short: String,
    token: String,
}

impl Tour {
    /// A new token of the operator's by our own API.
    fn made(&mut self, body: &Value) -> Made {
        let made = self.send("POST /v1/tokens", &[], body.clone(), 201).json();
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        let id = text("id");
        Made { short: id.replace('-', "")[..24].to_owned(), token: text("token"), id }
    }

    /// A deleted one.
    fn dead(&mut self) -> Made {
        let made = self.made(&json!({ "name": "dead" }));
        self.get("DELETE /v1/tokens/{id}", &[&made.id], 204);
        made
    }

    /// Sets the default organization's quota, so that there is no room for another token, or is again.
    fn room(&mut self, is_there: bool) {
        let quota = json!({ "quota": if is_there { 10_000 } else { 0 } });
        self.send("PATCH /v1/organizations/{organization}/policy", &["default"], quota, 200);
    }

    /// The same request while there is no room.
    fn without_room(&mut self, operation: &str, fill: &[&str], body: Option<Value>, status: u16) {
        self.room(false);
        self.call(&Call { operation, fill, body, headers: &[], by: As::Operator }).expect(status);
        self.room(true);
    }

    fn datasentinel(&mut self) {
        let greeting =
            Call { operation: "GET /ds-api/", fill: &[], body: None, headers: &[], by: As::Nobody };
        self.call(&greeting).expect(200);
        let made = self.get("POST /ds-api/user-token", &[], 201).json();
        let query = format!("?token={}", made["user-token"].as_str().expect("the token"));
        self.get("POST /ds-api/user-token/{organization}", &["default"], 201);
        let show = "GET /ds-api/user-token";
        self.get(show, &[&query], 200);
        let by_itself = Call { operation: show, fill: &[&query], body: None, headers: &[], by: As::Nobody };
        self.call(&by_itself).expect(200);
        let expired = self.made(&json!({ "name": "lasting" }));
        self.get(show, &[&format!("?user-token={}", expired.token)], 200);
        self.get(show, &["?token=jtn_wrong"], 401);
        self.get(show, &["?token=a&token=b"], 400);
        self.without_room("POST /ds-api/user-token", &[], None, 409);
        self.without_room("POST /ds-api/user-token/{organization}", &["default"], None, 409);
    }

    fn dataprep(&mut self) {
        let create = "POST /v4/apiAccessTokens";
        let body = json!({ "lifetimeSeconds": 100, "description": "nightly" });
        let made = self.send(create, &[], body.clone(), 201).json();
        let id = &[made["tokenInfo"]["tokenId"].as_str().expect("an id")];
        self.get("GET /v4/open-api-spec", &[], 200);
        for query in ["", "?limit=1&offset=1"] {
            self.get("GET /v4/apiAccessTokens", &[query], 200);
        }
        self.get("GET /v4/apiAccessTokens/{tokenId}", id, 200);
        self.get("DELETE /v4/apiAccessTokens/{tokenId}", id, 204);
        self.get("DELETE /v4/apiAccessTokens/{tokenId}", id, 410);
        self.get("GET /v4/apiAccessTokens/{tokenId}", id, 410);
        self.without_room(create, &[], Some(body.clone()), 409);
        // Off, none of it is there.
        let policy = "PATCH /v1/organizations/{organization}/policy";
        self.send(policy, &["default"], json!({ "api_access": false }), 200);
        self.send(create, &[], body, 404);
        self.get("GET /v4/apiAccessTokens", &[], 404);
        self.get("GET /v4/open-api-spec", &[], 404);
        self.send(policy, &["default"], json!({ "api_access": true }), 200);
    }

    fn akinon(&mut self) {
        let create = "POST /api/v1/me/tokens";
        let body = json!({ "name": "nightly", "lifetime": "one-month", "privileges": ["orders:read"] });
        let made = self.send(create, &[], body.clone(), 201).json();
        self.get("GET /api/v1/me/tokens", &[], 200);
        self.get("DELETE /api/v1/me/tokens/{tokenId}", &[made["_id"].as_str().expect("an id")], 204);
        let dead = self.dead();
        self.get("DELETE /api/v1/me/tokens/{tokenId}", &[&dead.short], 400);
        self.without_room(create, &[], Some(body), 400);
    }

    fn softwareone(&mut self, base: &str) {
        let [create, list, show, change, delete] =
            [("POST", ""), ("GET", ""), ("GET", "/{id}"), ("PUT", "/{id}"), ("DELETE", "/{id}")]
                .map(|(method, rest)| format!("{method} {base}/api-tokens{rest}"));
        let body = json!({ "name": "Robot", "description": "Test token" });
        let made = self.send(&create, &[], body.clone(), 201).json();
        let id = made["id"].as_str().expect("an id").to_owned();
        for query in
            ["", "?limit=0", "?select=+audit,-name&order=-audit.created.at&eq(status,active)", "?token=x"]
        {
            self.get(&list, &[query], 200);
        }
        let headers = &[("Accept", "application/jsonl"), ("MPT-Streaming", "true")];
        self.call(&Call { operation: &list, fill: &[], body: None, headers, by: As::Operator }).expect(200);
        self.get(&list, &["?eq(nothing,1)"], 400);
        self.get(&show, &[&id], 200);
        let account = made["account"]["id"].as_str().expect("an account's id");
        self.get(&format!("GET {base}/accounts/{{account}}/tokens/{{id}}"), &[account, &id], 200);
        self.send(&change, &[&id], json!({ "name": "Another" }), 200);
        for (verb, status) in [("enable", 400), ("disable", 200), ("disable", 400), ("enable", 200)] {
            self.get(&format!("POST {base}/api-tokens/{{id}}/{verb}"), &[&id], status);
        }
        self.get(&delete, &[&id], 204);
        self.get(&delete, &[&id], 400);
        self.without_room(&create, &[], Some(body), 409);
    }

    fn kodexa(&mut self) {
        let create = "POST /api/access-tokens";
        let made = self.send(create, &[], json!({ "name": "nightly" }), 201).json();
        let id = &[made["id"].as_str().expect("an id")];
        for query in ["", "?page=1&pageSize=1&sort=name:asc;createdOn:desc&filter=name~'n*'&query=n"] {
            self.get("GET /api/access-tokens", &[query], 200);
        }
        self.get("GET /api/access-tokens", &["?filter=name:'"], 400);
        self.get("GET /api/access-tokens/{id}", id, 200);
        let change = "PUT /api/access-tokens/{id}";
        let sequence = made["changeSequence"].as_u64().expect("a number");
        let renamed = json!({ "name": "daily", "changeSequence": sequence });
        self.send(change, id, renamed.clone(), 200);
        self.send(change, id, renamed, 409);
        self.get("GET /api/account/me", &[], 200);
        self.get("GET /api/overview", &[], 200);
        self.get("DELETE /api/access-tokens/{id}", id, 204);
        self.get("DELETE /api/access-tokens/{id}", id, 404);
        self.without_room(create, &[], Some(json!({ "name": "none" })), 409);
        // Whoever has left home has no organization to make one in.
        let lost = self.server.user_of("default", "lost", &Value::Null);
        self.server.locally("DELETE", "/v1/organizations/default/members/lost", &Value::Null).expect(204);
        let body = Some(json!({ "name": "none" }));
        let by = As::Actor(&lost);
        self.call(&Call { operation: create, fill: &[], body, headers: &[], by }).expect(404);
    }

    /// Without a credential, with a bad one, with too little of one, and with two; as somebody else's host; what isn't
    /// there; what can't be read.
    fn turned_away(&mut self, operation: &str, says: &Value) {
        let basic_only = operation.starts_with("POST /ds-api/");
        let is_open = says["security"].as_array().is_some_and(|all| all.contains(&json!({})));
        let unknown = &[NOWHERE, NOWHERE][..operation.matches('{').count().min(2)];
        let with_body = says["requestBody"].is_object();
        let body = with_body.then(|| json!({ "name": "x", "lifetime": "one-week", "lifetimeSeconds": 60 }));
        let restricted = self.restricted.clone();
        let call = |by, headers| Call { operation, fill: unknown, body: body.clone(), headers, by };
        if !is_open {
            self.call(&call(As::Nobody, &[])).expect(401);
            self.call(&call(As::Token("jtn_wrong"), &[])).expect(401);
            self.call(&call(As::Local, &[("user-token", "jtn_wrong")])).expect(400);
            // Whoever may make no token has to name an organization that there is.
            let place = &["default"][..unknown.len().min(1)];
            let (by, fill) = if basic_only { (As::Member, place) } else { (As::Token(&restricted), unknown) };
            self.call(&Call { fill, ..call(by, &[]) }).expect(403);
        } else if operation == "GET /ds-api/user-token" {
            let token = self.restricted.clone();
            let query = format!("?token={token}");
            self.call(&Call { fill: &[&query], ..call(As::Member, &[]) }).expect(200);
        }
        self.call(&call(As::Operator, &[("Host", "example.org")])).expect(421);
        if !reads_token(operation) {
            let fill = [unknown, &["?token=x"]].concat();
            self.call(&Call { fill: &fill, ..call(As::Operator, &[]) }).expect(400);
        }
        if !unknown.is_empty() {
            let status = if dialect(operation) == Some(Dialect::Akinon) { 400 } else { 404 };
            self.call(&call(As::Operator, &[])).expect(status);
        }
        if with_body {
            let wrong = Call { body: Some(Value::String("{".into())), ..call(As::Operator, &[]) };
            // What is meant may be looked for first.
            let status = self.call(&wrong).status;
            assert!(status == 400 || (status == 404 && !unknown.is_empty()), "{operation}: {status}");
        }
    }

    /// A target, a head and a body over the door's limits; a body that doesn't come; one in another encoding.
    fn too_much(&mut self, operation: &str, says: &Value) {
        let unknown = &[NOWHERE, NOWHERE][..operation.matches('{').count().min(2)];
        let call = |body, headers| Call { operation, fill: unknown, body, headers, by: As::Operator };
        let long = format!("?x={}", "x".repeat(70_000));
        let fill = [unknown, &[long.as_str()]].concat();
        self.call(&Call { fill: &fill, ..call(None, &[]) }).expect(414);
        self.client.drop_connection();
        let long = "x".repeat(200_000);
        let headers = &[("X-Long", long.as_str())];
        self.call(&Call { operation, fill: unknown, body: None, headers, by: As::Operator }).expect(431);
        self.client.drop_connection();
        if says["requestBody"].is_object() {
            self.call(&call(Some(json!({})), &[("Content-Encoding", "gzip")])).expect(415);
            self.client.drop_connection();
            self.call(&call(Some(Value::String("x".repeat(100_000))), &[])).expect(413);
            self.client.drop_connection();
            self.half_sent(operation, unknown);
        }
    }

    /// Somebody who has given too many wrong passwords.
    fn throttled(&mut self, operations: &[(String, Value)]) {
        let actor = Actor { name: "guessed".into(), password: "nobody knows this one".into() };
        for (operation, says) in operations {
            let demands = says["responses"]["429"].is_object();
            let fill = &[NOWHERE, NOWHERE][..operation.matches('{').count().min(2)];
            let call = Call { operation, fill, body: None, headers: &[], by: As::Actor(&actor) };
            // A wait that is over makes room for one more guess.
            let _ = demands && (0..50).any(|_| self.call(&call).status == 429);
        }
    }

    /// So many passwords are being checked that there is no room for another one.
    fn crowded(&mut self, operations: &[(String, Value)]) {
        let token = self.made(&json!({ "name": "crowded" })).token;
        let query = format!("?token={token}");
        let (over, address) = (AtomicBool::new(false), self.server.address());
        thread::scope(|scope| {
            let _end = RaiseOnDrop(&over);
            for number in 0..CROWD {
                let over = &over;
                scope.spawn(move || {
                    // Each from an address of its own, and with names of its own: nobody is throttled.
                    let mut client = Client::new(Target::Tcp(address)).from([127, 1, 1, number + 1]);
                    for round in 0.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        client.get("/v1/me").basic(&format!("nobody-{number}-{round}"), "wrong").send();
                    }
                });
            }
            for (operation, _) in operations.iter().filter(|(operation, _)| !is_fixed(operation)) {
                let mut fill = vec![NOWHERE; operation.matches('{').count().min(2)];
                fill.extend((operation == "GET /ds-api/user-token").then_some(query.as_str()));
                let call = Call { operation, fill: &fill, body: None, headers: &[], by: As::Operator };
                // Some of the crowd have just been answered: the next try may find them back.
                let _ = (0..500).any(|_| self.call(&call).status == 503);
            }
        });
    }

    /// A table is gone while the server runs: last of all, since nothing works after it.
    fn broken(&mut self, operations: &[(String, Value)]) {
        let token = self.made(&json!({ "name": "left" })).token;
        let database = database::open(&self.server.data());
        database.execute_batch("ALTER TABLE organizations RENAME TO gone").expect("a table to rename");
        self.client = self.server.client();
        for (operation, _) in operations.iter().filter(|(operation, _)| !is_fixed(operation)) {
            let query = format!("?token={token}");
            let mut fill = vec![NOWHERE; operation.matches('{').count().min(2)];
            fill.extend((operation == "GET /ds-api/user-token").then_some(query.as_str()));
            let call = Call { operation, fill: &fill, body: None, headers: &[], by: As::Operator };
            self.call(&call).expect(500);
        }
    }

    /// A body that is announced and doesn't come.
    fn half_sent(&mut self, operation: &str, fill: &[&str]) {
        let method = operation.split_once(' ').expect("a method and a path").0;
        let target = super::tour::target(operation, fill);
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{{");
        let mut client: Client = self.server.client();
        let reply = client.raw_reply(head.as_bytes()).expect(408);
        self.conformance.check(operation, &reply);
    }
}
