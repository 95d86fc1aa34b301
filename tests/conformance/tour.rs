//! The tour: each operation once with every success it has, and then with every way to be refused.

use serde_json::{Value, json};

use super::{Conformance, sessions::SIGN_IN};
use crate::harness::{
    Client, Reply, Server,
    page::{COOKIE, from_page},
    server::{Actor, Setup},
};

pub const GOOD: &str = "a walk of a crooked mile";
pub const NOWHERE: &str = "01890000-0000-7000-8000-000000000000";

/// A server, whoever asks, and what has been seen so far.
pub struct Tour {
    pub server: Server,
    /// Whoever asks, on one kept connection.
    pub client: Client,
    /// What has been seen.
    pub conformance: Conformance,
    operator: Actor,
    /// A token that may do nothing but read and revoke itself.
    pub restricted: String,
    /// A member who may do nothing.
    member: Actor,
}

/// How a request is signed.
#[derive(Clone, Copy)]
pub enum As<'a> {
    /// Not at all.
    Nobody,
    /// By the control secret.
    Local,
    /// By the operator's password.
    Operator,
    /// By the password of a member who may do nothing.
    Member,
    /// By somebody's password.
    Actor(&'a Actor),
    /// By a token.
    Token(&'a str),
    /// By the page's cookie, from the page.
    Page(&'a str),
}

/// One request of the tour.
pub struct Call<'a> {
    /// As the document has it.
    pub operation: &'a str,
    /// What stands for the path's parameters, and the query.
    pub fill: &'a [&'a str],
    /// JSON; a text as it stands.
    pub body: Option<Value>,
    /// More of them.
    pub headers: &'a [(&'a str, &'a str)],
    /// By whom.
    pub by: As<'a>,
}

/// The operation's path with its parameters filled in; what is left over is the query.
pub fn target(operation: &str, fill: &[&str]) -> String {
    let mut fill = fill.iter();
    let path = operation.split_once(' ').expect("a method and a path").1;
    let parts = path.split('/').skip(1).map(|part| {
        let part =
            if part.starts_with('{') { fill.next().expect("a value for each parameter") } else { part };
        format!("/{part}")
    });
    let path: String = parts.collect();
    fill.fold(path, |path, query| path + query)
}

impl Tour {
    /// A fresh server with an operator, and with settings of its own.
    pub fn on(setup: Setup) -> Self {
        let server = setup.start();
        let operator = server.administrator("ada");
        let restricted = server.token_with(&operator, &["--restricted"]);
        let member = server.member("moss");
        let conformance = Conformance::of(&server);
        let client = server.client();
        Self { server, client, conformance, operator, restricted, member }
    }

    /// The operator.
    pub const fn operator(&self) -> &Actor {
        &self.operator
    }

    /// What was seen.
    pub fn end(self) -> Conformance {
        self.conformance
    }

    /// The operations of the document that are wanted, with what it says of each.
    pub fn operations(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Value)> {
        let all = self.conformance.operations().into_iter();
        all.filter(|(operation, _)| wanted(operation)).collect()
    }

    /// Makes a request and holds the reply against the document.
    pub fn call(&mut self, call: &Call<'_>) -> Reply {
        let method = call.operation.split_once(' ').expect("a method and a path").0;
        let request = self.client.request(method, &target(call.operation, call.fill));
        let request = match call.by {
            As::Nobody => request,
            As::Local => request.bearer(self.server.secret()),
            As::Operator => request.basic(&self.operator.name, &self.operator.password),
            As::Member => request.basic(&self.member.name, &self.member.password),
            As::Actor(actor) => request.basic(&actor.name, &actor.password),
            As::Token(token) => request.bearer(token),
            As::Page(cookie) => from_page(request.header("Cookie", format!("{COOKIE}={cookie}"))),
        };
        let request = if call.operation == SIGN_IN { from_page(request) } else { request };
        let request = call.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let reply = match &call.body {
            None => request.send(),
            Some(Value::String(form)) => request.form(form).send(),
            Some(body) => request.json(body).send(),
        };
        self.conformance.check(call.operation, &reply);
        if method == "GET" && reply.status == 200 && reply.header("etag").is_some() && call.body.is_none() {
            self.again(call);
        }
        reply
    }

    /// Asks once more, for nothing but what isn't known yet.
    fn again(&mut self, call: &Call<'_>) {
        const KNOWN: (&str, &str) = ("If-None-Match", "*");
        if !call.headers.contains(&KNOWN) {
            let headers = &[call.headers, &[KNOWN]].concat();
            self.call(&Call { headers, body: None, ..*call }).expect(304);
        }
    }

    /// A request of the operator's that ends in this status.
    #[track_caller]
    pub fn get(&mut self, operation: &str, fill: &[&str], status: u16) -> Reply {
        self.call(&Call { operation, fill, body: None, headers: &[], by: As::Operator }).expect(status)
    }

    /// The same with a body.
    #[track_caller]
    pub fn send(&mut self, operation: &str, fill: &[&str], body: Value, status: u16) -> Reply {
        self.call(&Call { operation, fill, body: Some(body), headers: &[], by: As::Operator }).expect(status)
    }

    /// The same with `If-Match`.
    #[track_caller]
    fn change(
        &mut self,
        operation: &str,
        fill: &[&str],
        body: Option<Value>,
        tag: &str,
        status: u16,
    ) -> Reply {
        let headers = &[("If-Match", tag)];
        self.call(&Call { operation, fill, body, headers, by: As::Operator }).expect(status)
    }

    /// Every success of every operation, and the conflicts on the way.
    pub fn successes(&mut self) {
        for operation in [
            "GET /openapi.json",
            "GET /health/live",
            "GET /health/ready",
            "GET /.well-known/oauth-authorization-server",
            "GET /openapi/akinon.json",
            "GET /openapi/dataprep.json",
            "GET /openapi/datasentinel.json",
            "GET /openapi/kodexa.json",
            "GET /openapi/softwareone.json",
        ] {
            self.call(&Call { operation, fill: &[], body: None, headers: &[], by: As::Nobody }).expect(200);
        }
        let below = "GET /.well-known/oauth-authorization-server/{path}";
        self.get(below, &["jeton"], 200);
        self.organizations();
        self.people();
        self.tokens();
        self.sessions();
        self.events();
        self.get("DELETE /v1/organizations/{organization}/members/{user}", &["acme", "berta"], 204);
        self.get("POST /v1/organizations/{organization}/disable", &["acme"], 200);
        self.get("POST /v1/organizations/{organization}/enable", &["acme"], 200);
        self.get("DELETE /v1/users/{user}", &["berta"], 204);
        self.get("GET /v1/users/{user}", &["berta"], 404);
        // The last operator stays.
        self.get("DELETE /v1/users/{user}", &["ada"], 409);
        self.get("POST /v1/users/{user}/disable", &["ada"], 409);
        self.send("PATCH /v1/users/{user}", &["ada"], json!({ "operator": false }), 409);
    }

    fn organizations(&mut self) {
        let body = json!({
            "slug": "acme", "name": "Acme", "description": "A customer.", "image": "https://example.org/acme.png",
            "owner": "ada", "privileges": ["orders:*", "*:read"], "policy": { "max_lifetime": "90d", "quota": 100 },
        });
        self.send("POST /v1/organizations", &[], body.clone(), 201);
        self.send("POST /v1/organizations", &[], body, 409);
        self.send("POST /v1/organizations", &[], json!({ "slug": "bravo" }), 201);
        self.get("GET /v1/organizations", &[], 200);
        self.get("GET /v1/organizations", &["?limit=1"], 200);
        let one = "GET /v1/organizations/{organization}";
        let tag = self.get(one, &["acme"], 200).header("etag").expect("an ETag").to_owned();
        let change = "PATCH /v1/organizations/{organization}";
        let labels = json!({ "name": "Acme Ltd", "policy": { "issuers": "members" } });
        self.change(change, &["acme"], Some(labels.clone()), &tag, 200);
        self.change(change, &["acme"], Some(labels), "\"4000\"", 412);
        self.get("GET /v1/organizations/{organization}/policy", &["acme"], 200);
        let policy = json!({ "allow_never": true, "api_access": true, "default_lifetime": "12h" });
        self.send("PATCH /v1/organizations/{organization}/policy", &["acme"], policy, 200);
        self.get("GET /v1/organizations/{organization}/privileges", &["acme"], 200);
        let all = json!({ "privileges": ["orders:*", "*:read", "mail:send"] });
        self.send("PUT /v1/organizations/{organization}/privileges", &["acme"], all, 200);
        let one = json!({ "privilege": "disk:write" });
        self.send("POST /v1/organizations/{organization}/privileges", &["acme"], one, 200);
        self.get(
            "DELETE /v1/organizations/{organization}/privileges/{privilege}",
            &["acme", "disk:write"],
            204,
        );
        let module = json!({ "number": "MOD-1234", "name": "Records" });
        let made =
            self.send("POST /v1/organizations/{organization}/modules", &["acme"], module.clone(), 201).json();
        self.send("POST /v1/organizations/{organization}/modules", &["acme"], module, 409);
        self.get("GET /v1/organizations/{organization}/modules", &["acme"], 200);
        let place = &["acme", made["id"].as_str().expect("an id")];
        let name = json!({ "name": "Papers" });
        self.send("PATCH /v1/organizations/{organization}/modules/{module}", place, name, 200);
        self.get("DELETE /v1/organizations/{organization}/modules/{module}", place, 204);
    }

    fn people(&mut self) {
        let body = json!({
            "username": "anna", "password": GOOD, "email": "anna@example.org", "first_name": "Anna",
            "last_name": "B", "title": "Dr", "image": "https://example.org/anna.png", "operator": false,
            "role": "administrator", "may_issue": true, "privileges": ["orders:read"], "organization": "acme",
        });
        self.send("POST /v1/users", &[], body.clone(), 201);
        self.send("POST /v1/users", &[], body, 409);
        self.send("POST /v1/users", &[], json!({ "username": "berta", "password": GOOD }), 201);
        for query in ["", "?limit=1", "?total=true&sort=-username&active=true"] {
            self.get("GET /v1/users", &[query], 200);
        }
        let tag = self.get("GET /v1/users/{user}", &["anna"], 200);
        let tag = tag.header("etag").map_or_else(|| "*".to_owned(), Into::into);
        let labels = json!({ "title": "Prof", "email": "" });
        self.change("PATCH /v1/users/{user}", &["anna"], Some(json!({ "title": "Prof" })), &tag, 200);
        self.change("PATCH /v1/users/{user}", &["anna"], Some(labels), "\"4000\"", 412);
        self.send("PUT /v1/users/{user}/password", &["anna"], json!({ "password": GOOD }), 204);
        self.get("POST /v1/users/{user}/disable", &["anna"], 200);
        self.get("POST /v1/users/{user}/enable", &["anna"], 200);
        let member =
            json!({ "user": "berta", "role": "member", "may_issue": true, "privileges": ["orders:*"] });
        self.send("POST /v1/organizations/{organization}/members", &["acme"], member.clone(), 201);
        self.send("POST /v1/organizations/{organization}/members", &["acme"], member, 409);
        for query in ["", "?limit=1", "?total=true&role=member"] {
            self.get("GET /v1/organizations/{organization}/members", &["acme", query], 200);
        }
        let place = &["acme", "berta"];
        self.get("GET /v1/organizations/{organization}/members/{user}", place, 200);
        let change = json!({ "may_issue": null, "privileges": ["orders:read", "jeton:introspect"] });
        self.send("PATCH /v1/organizations/{organization}/members/{user}", place, change, 200);
        let owner = &["acme", "ada"];
        let member = json!({ "role": "member" });
        self.send("PATCH /v1/organizations/{organization}/members/{user}", owner, member, 409);
        self.get("DELETE /v1/organizations/{organization}/members/{user}", owner, 409);
    }

    fn tokens(&mut self) {
        for (name, status) in [("once", 201), ("once", 201), ("another", 422)] {
            let headers = &[("Idempotency-Key", "4b1f0e5c-9a51-4f6e-8d57-0c1f5a9e7b33")];
            let (operation, body) = ("POST /v1/tokens", Some(json!({ "name": name })));
            self.call(&Call { operation, fill: &[], body, headers, by: As::Operator }).expect(status);
        }
        let body = json!({
            "name": "nightly", "description": "two\nlines", "icon": "https://example.org/t.png", "lifetime": "1h",
            "privileges": ["orders:read"], "modules": [], "restricted": false, "organization": "acme",
            "limits": {
                "networks": { "allow": ["127.0.0.0/8", "::1"], "deny": ["127.9.0.0/16"] },
                "routes": ["* tokens.example.org/*", "GET *.example:8443/v1/*/items"],
                "not_before": "2020-01-01T00:00:00Z", "uses": 1000, "rate": "1000/min",
            },
        });
        let made = self.send("POST /v1/tokens", &[], body, 201).json();
        self.send(
            "POST /v1/tokens",
            &[],
            json!({ "name": "for good", "lifetime": "never", "organization": "acme" }),
            201,
        );
        for query in ["", "?limit=1", "?total=true&sort=name&status=active"] {
            self.get("GET /v1/tokens", &[query], 200);
        }
        let id = &[made["id"].as_str().expect("an id")];
        self.charts(id[0]);
        let token = made["token"].as_str().expect("the token").to_owned();
        let by = As::Token(&token);
        for operation in ["GET /v1/tokens/self", "GET /v1/me"] {
            self.call(&Call { operation, fill: &[], body: None, headers: &[], by }).expect(200);
        }
        self.get("GET /v1/me", &[], 200);
        self.call(&Call { operation: "GET /v1/me", fill: &[], body: None, headers: &[], by: As::Local })
            .expect(200);
        let tag = self.get("GET /v1/tokens/{id}", id, 200).header("etag").expect("an ETag").to_owned();
        let change = "PATCH /v1/tokens/{id}";
        self.change(change, id, Some(json!({ "name": "daily" })), &tag, 200);
        self.change(change, id, Some(json!({ "name": "daily" })), &tag, 412);
        self.send(change, id, json!({ "name": "daily" }), 428);
        for verb in ["disable", "enable"] {
            self.get(&format!("POST /v1/tokens/{{id}}/{verb}"), id, 200);
            self.change(&format!("POST /v1/tokens/{{id}}/{verb}"), id, None, "\"4000\"", 412);
        }
        self.get("GET /v1/tokens/{id}/privileges", id, 200);
        self.get("GET /v1/tokens/{id}/stragglers", id, 200);
        self.rotations(id, by);
        self.change("DELETE /v1/tokens/{id}", id, None, "\"4000\"", 412);
        for token in [token.as_str(), "jtn_nothing"] {
            self.send("POST /oauth/introspect", &[], json!(format!("token={token}")), 200);
            self.send(
                "POST /oauth/introspect",
                &[],
                json!(format!("token={token}&require=orders:read|a:b+c:d")),
                200,
            );
            let client = "address=127.0.0.1&method=GET&host=a.example:8443&path=/v1/1/items";
            self.send("POST /oauth/introspect", &[], json!(format!("token={token}&{client}")), 200);
            self.send("POST /oauth/introspect", &[], json!(format!("token={token}&address=here")), 400);
        }
        let mut batch = json!({ "tokens": [token, "jtn_nothing", token] });
        self.send("POST /v1/introspect/batch", &[], batch.clone(), 200);
        for (member, value) in [("address", "::1"), ("method", "GET"), ("host", "127.0.0.1"), ("path", "/")] {
            batch[member] = json!(value);
        }
        batch["require"] = json!(["orders:read|a:b"]);
        self.send("POST /v1/introspect/batch", &[], batch, 200);
        let reports = json!([
            { "token": token, "type": "some_api_key", "url": "https://example.org/x", "source": "content" },
            { "token": "jtn_nothing", "type": null, "another member": 1 },
        ]);
        self.send("POST /v1/leaks", &[], reports, 200);
        self.send("POST /v1/leaks/check", &[], json!({ "tokens": [token, "jtn_nothing"] }), 200);
        self.get("GET /v1/tokens/{id}/leaks", id, 200);
        self.replaced(id, &token);
        self.revocations();
        self.feeds();
        self.get("DELETE /v1/tokens/{id}", id, 204);
        self.get("DELETE /v1/tokens/{id}", id, 410);
        self.send("POST /v1/leaks/check", &[], json!({ "tokens": [token] }), 200);
        self.change(change, id, Some(json!({ "name": "late" })), "*", 410);
        for verb in ["disable", "enable"] {
            self.get(&format!("POST /v1/tokens/{{id}}/{verb}"), id, 410);
        }
        let made = self.send("POST /v1/tokens", &[], json!({ "name": "short" }), 201).json();
        let by = As::Token(made["token"].as_str().expect("the token"));
        self.call(&Call { operation: "DELETE /v1/tokens/self", fill: &[], body: None, headers: &[], by })
            .expect(204);
        self.send("POST /oauth/revoke", &[], json!("token=jtn_nothing"), 200);
        self.send("POST /oauth/token", &[], json!("grant_type=client_credentials"), 200);
        // No room for another one.
        self.send("PATCH /v1/organizations/{organization}/policy", &["bravo"], json!({ "quota": 0 }), 200);
        let member = json!({ "user": "ada", "role": "administrator" });
        self.send("POST /v1/organizations/{organization}/members", &["bravo"], member, 201);
        self.send("POST /v1/tokens", &[], json!({ "name": "none", "organization": "bravo" }), 409);
    }

    /// What is drawn of a token, of an organization and of all.
    fn charts(&mut self, id: &str) {
        for query in ["", "?days=1&organization=acme", "?days=366"] {
            self.get("GET /v1/tokens/expiring", &[query], 200);
        }
        let of = format!("?token={id}");
        for query in ["", "?span=30d", "?span=2d&organization=acme", of.as_str()] {
            self.get("GET /v1/checks", &[query], 200);
        }
        for operation in ["GET /v1/tokens/expiring", "GET /v1/checks"] {
            self.get(operation, &["?organization=nowhere"], 404);
        }
    }

    /// A calendar of what expires, and the key that reads it.
    fn feeds(&mut self) {
        self.send("POST /v1/feeds", &[], json!({ "organization": "nowhere" }), 404);
        let made = self.send("POST /v1/feeds", &[], json!({ "organization": "acme" }), 201).json();
        let url = made["url"].as_str().expect("a URL");
        let query = &url[url.find('?').expect("a query")..];
        let operation = "GET /v1/expiries.ics";
        let seen = self.call(&Call { operation, fill: &[query], body: None, headers: &[], by: As::Nobody });
        seen.expect(200);
        for query in ["", "?username=moss"] {
            self.get("GET /v1/feeds", &[query], 200);
        }
        let id = made["id"].as_str().expect("an id");
        self.get("DELETE /v1/feeds/{id}", &[id], 204);
        self.get("DELETE /v1/feeds/{id}", &[id], 404);
        let seen = self.call(&Call { operation, fill: &[query], body: None, headers: &[], by: As::Nobody });
        seen.expect(401);
    }

    /// One that has a successor and still lives.
    fn replaced(&mut self, id: &[&str], token: &str) {
        self.send("POST /v1/tokens/{id}/rotate", id, json!({ "mode": "overlap", "window": "1h" }), 201);
        let client = "address=127.0.0.1&method=GET&host=a.example:8443&path=/v1/1/items";
        let reply = self.send("POST /oauth/introspect", &[], json!(format!("token={token}&{client}")), 200);
        assert!(reply.header("deprecation").is_some());
        self.get("GET /v1/tokens/{id}/stragglers", id, 200);
    }

    /// A family, looked at and ended in one call.
    fn revocations(&mut self) {
        let parent = self.send("POST /v1/tokens", &[], json!({ "name": "parent" }), 201).json();
        let by = As::Token(parent["token"].as_str().expect("the token"));
        let body = Some(json!({ "name": "child", "tied": true }));
        self.call(&Call { operation: "POST /v1/tokens", fill: &[], body, headers: &[], by }).expect(201);
        self.call(&Call { operation: "GET /v1/me", fill: &[], body: None, headers: &[], by }).expect(200);
        let id = parent["id"].as_str().expect("an id");
        for query in ["", "?limit=1&total=true&sort=-created_at"] {
            self.get("GET /v1/tokens/{id}/descendants", &[id, query], 200);
        }
        let create = "POST /v1/revocations";
        let mut body = json!({ "filter": { "minted_by": NOWHERE }, "action": "delete", "dry_run": true });
        self.send(create, &[], body.clone(), 404);
        body["filter"]["minted_by"] = json!(id);
        let plan = self.send(create, &[], body.clone(), 200).json();
        body["dry_run"] = json!(false);
        self.send(create, &[], body.clone(), 400);
        body["digest"] = json!("0".repeat(64));
        self.send(create, &[], body.clone(), 409);
        body["digest"] = plan["digest"].clone();
        self.send(create, &[], body, 200);
    }

    /// A token's successors: one that is never used, so that the token stays.
    fn rotations(&mut self, id: &[&str], by: As<'_>) {
        let rotate = "POST /v1/tokens/{id}/rotate";
        let body =
            json!({ "mode": "on_first_use", "window": "1h", "linger": "0s", "privileges": ["orders:read"] });
        self.send(rotate, id, body, 201);
        self.change(rotate, id, Some(json!({})), "\"4000\"", 412);
        self.send(rotate, id, json!({ "mode": "later" }), 400);
        let (operation, body) = ("POST /v1/tokens/self/rotate", json!({ "mode": "on_first_use" }));
        let made =
            self.call(&Call { operation, fill: &[], body: Some(body), headers: &[], by }).expect(201).json();
        self.send(rotate, &[made["id"].as_str().expect("an id")], json!({}), 409);
    }

    fn events(&mut self) {
        for query in
            ["", "?limit=1", "?total=true&sort=sequence&kind=token.", "?format=csv", "?format=csv&limit=1"]
        {
            self.get("GET /v1/events", &[query], 200);
        }
        let headers = &[("Accept", "text/csv")];
        let call = Call { operation: "GET /v1/events", fill: &[], body: None, headers, by: As::Operator };
        self.call(&call).expect(200);
        self.send("POST /v1/events/prune", &[], json!({ "before": "2100-01-01T00:00:00Z" }), 400);
        self.send("POST /v1/events/prune", &[], json!({ "before": "1970-01-02T00:00:00Z" }), 200);
        self.get("GET /v1/events/verify", &[], 200);
        self.get("POST /v1/backup", &[], 200);
        let foreign = |digest: &str| json!({ "name": "foreign", "owner": "ada", "digest": digest });
        for tokens in [json!([foreign(&"0".repeat(64))]), json!([foreign("x")])] {
            let (operation, body) = ("POST /v1/imports", Some(json!({ "tokens": tokens })));
            self.call(&Call { operation, fill: &[], body, headers: &[], by: As::Local }).expect(200);
        }
        self.get("GET /metrics", &[], 200);
    }
}
