//! What is asked: for each operation one request or several that do no harm, and what each demands.

use serde_json::{Value, json};

use super::asker::Org::{self, Acme, Bravo};
use super::dialects;
use super::model::{Expected, Rule, UNKNOWN, Wanted, no, ok};
use super::world::{MODULE, World};

/// One request and what it demands.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `GET /v1/tokens/{id}`, as the document has it.
    pub operation: &'static str,
    /// The request's target; `{me}` stands for the caller's own name.
    pub target: String,
    /// What is sent along.
    pub body: Body,
    /// What it demands.
    pub rule: Rule,
    /// What being let in has; `None` where it isn't tried.
    pub then: Option<Expected>,
}

/// What a request sends along.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON.
    Json(Value),
    /// A form.
    Form(&'static str),
    /// The caller's own password, as a new one.
    OwnPassword,
}

impl Probe {
    /// The method.
    pub fn method(&self) -> &'static str {
        self.operation.split_once(' ').expect("a method and a path").0
    }
}

/// An id that is nobody's.
pub const NOWHERE: &str = "01890000-0000-7000-8000-000000000000";
const GOOD: &str = "another walk of a crooked mile";

const TAKEN: Expected = no(409, "taken");
const DELETED: Expected = no(410, "token_deleted");

/// The probes, as they are put together.
pub struct Table<'world> {
    /// The scene.
    pub world: &'world World,
    probes: Vec<Probe>,
}

/// Every probe.
pub fn probes(world: &World) -> Vec<Probe> {
    let mut table = Table { world, probes: Vec::new() };
    table.open();
    table.gate();
    table.tokens();
    table.users();
    table.sessions();
    table.organizations();
    table.members();
    table.instance();
    dialects::add(&mut table);
    table.probes
}

impl Table<'_> {
    /// Adds a probe; `path` is the operation's with its parameters filled in from `fill`.
    pub fn add(
        &mut self,
        operation: &'static str,
        fill: &[&str],
        body: Body,
        rule: Rule,
        then: impl Into<Option<Expected>>,
    ) {
        let mut target = String::new();
        let mut fill = fill.iter();
        for part in operation.split_once(' ').expect("a method and a path").1.split('/').skip(1) {
            let part =
                if part.starts_with('{') { fill.next().expect("a value for each parameter") } else { part };
            target.extend(["/", part]);
        }
        // What is left over is the query.
        target.extend(fill.copied());
        self.probes.push(Probe { operation, target, body, rule, then: then.into() });
    }

    fn sessions(&mut self) {
        self.add("POST /v1/session", &[], Body::Json(json!({})), Rule::FromPage, no(400, "invalid"));
        self.add("GET /v1/session", &[], Body::None, Rule::OwnSession, ok(200));
        self.add("DELETE /v1/session", &[], Body::None, Rule::OwnSession, None);
        self.add("GET /v1/sessions", &[], Body::None, Rule::OwnSessions, ok(200));
        for (name, places) in [("victim", &[Acme][..]), ("both", &[Acme, Bravo]), ("stranger", &[Bravo])] {
            let query = format!("?username={name}");
            self.add("GET /v1/sessions", &[&query], Body::None, Rule::Sessions(places), ok(200));
        }
        let nowhere = Body::Json(json!({ "organization": "nowhere" }));
        self.add("POST /v1/feeds", &[], nowhere, Rule::OwnSessions, UNKNOWN);
        self.add("GET /v1/feeds", &[], Body::None, Rule::OwnSessions, ok(200));
        for (name, places) in [("victim", &[Acme][..]), ("both", &[Acme, Bravo]), ("stranger", &[Bravo])] {
            let query = format!("?username={name}");
            self.add("GET /v1/feeds", &[&query], Body::None, Rule::Sessions(places), ok(200));
        }
        self.add("DELETE /v1/feeds/{id}", &[NOWHERE], Body::None, Rule::NoSession, None);
        let key = format!("?key=jtf_{}", "0".repeat(43));
        let unknown = no(401, "credential_invalid");
        self.add("GET /v1/expiries.ics", &[&key], Body::None, Rule::Open, unknown);
        self.add("DELETE /v1/sessions/{id}", &[NOWHERE], Body::None, Rule::NoSession, None);
        let session = self.world.ids["session"].clone();
        self.add("DELETE /v1/sessions/{id}", &[&session], Body::None, Rule::Sessions(&[Acme]), None);
    }

    fn open(&mut self) {
        for operation in [
            "GET /openapi.json",
            "GET /health/live",
            "GET /health/ready",
            "GET /.well-known/oauth-authorization-server",
        ] {
            self.add(operation, &[], Body::None, Rule::Open, ok(200));
        }
        let elsewhere = "GET /.well-known/oauth-authorization-server/{path}";
        self.add(elsewhere, &["jeton"], Body::None, Rule::Open, no(404, "route_unknown"));
        let form = Body::Form("grant_type=client_credentials");
        self.add("POST /oauth/token", &[], form, Rule::IssueByBasic, ok(200));
        self.add("POST /oauth/revoke", &[], Body::Form("token=x"), Rule::Open, ok(200));
        self.add("POST /oauth/introspect", &[], Body::Form("token=x"), Rule::Introspect, ok(200));
        let batch = Body::Json(json!({ "tokens": ["x"] }));
        self.add("POST /v1/introspect/batch", &[], batch, Rule::Introspect, ok(200));
        let check = Body::Json(json!({ "tokens": ["x"] }));
        self.add("POST /v1/leaks/check", &[], check, Rule::Introspect, ok(200));
        let reports = Body::Json(json!([{ "token": "x", "type": "y", "url": null, "source": "content" }]));
        self.add("POST /v1/leaks", &[], reports, Rule::Open, ok(200));
        self.add("GET /v1/me", &[], Body::None, Rule::Anyone, ok(200));
    }

    fn gate(&mut self) {
        for (query, wanted) in [
            ("", Wanted::Good),
            ("?profile=nginx", Wanted::Good),
            ("?require=orders:read", Wanted::Orders),
            ("?policy=orders", Wanted::Orders),
            ("?require=orders:read|jeton:admin", Wanted::OrdersOrAdmin),
            ("?organization=acme&profile=nginx", Wanted::Of(Acme)),
            ("?organization=bravo", Wanted::Of(Bravo)),
            ("?module=MOD-1234-5678", Wanted::Module),
        ] {
            self.add("GET /gate", &[query], Body::None, Rule::Pass(wanted), ok(200));
        }
        for rest in ["", "/v1/reports?token=x", "//odd/%2f/..;/path"] {
            let name = format!("orders{rest}");
            let rule = Rule::Pass(Wanted::Orders);
            self.add("GET /gate/policy/{policy}", &[&name], Body::None, rule, ok(200));
        }
    }

    fn tokens(&mut self) {
        self.add("GET /v1/tokens/self", &[], Body::None, Rule::Itself, ok(200));
        self.add("DELETE /v1/tokens/self", &[], Body::None, Rule::Itself, ok(204));
        let body = || Body::Json(json!({ "name": "matrix" }));
        self.add("POST /v1/tokens", &[], body(), Rule::Issue, ok(201));
        let body = Body::Json(json!({ "name": "matrix", "owner": "victim" }));
        self.add("POST /v1/tokens", &[], body, Rule::IssueFor, ok(201));
        self.add("GET /v1/tokens", &[], Body::None, Rule::Anyone, ok(200));
        self.add("GET /v1/tokens", &["?organization=acme"], Body::None, Rule::Read(Acme), ok(200));
        self.add("GET /v1/tokens", &["?organization=bravo"], Body::None, Rule::Read(Bravo), ok(200));
        self.add("GET /v1/tokens", &["?owner=victim"], Body::None, Rule::SeeUser(&[Acme]), ok(200));
        self.add("GET /v1/tokens", &["?owner=nobody"], Body::None, Rule::Anyone, UNKNOWN);
        let ids = self.world.ids.clone();
        let empty = || Body::Json(json!({}));
        self.add("GET /v1/tokens/expiring", &[], Body::None, Rule::Anyone, ok(200));
        self.add("GET /v1/checks", &[], Body::None, Rule::Watch, ok(200));
        for (name, org) in [("active", Acme), ("foreign", Bravo)] {
            let within = format!("?organization={}", org.slug());
            self.add("GET /v1/tokens/expiring", &[&within], Body::None, Rule::Read(org), ok(200));
            self.add("GET /v1/checks", &[&within], Body::None, Rule::WatchOver(org), ok(200));
            let of = format!("?token={}", ids[name]);
            self.add("GET /v1/checks", &[&of], Body::None, Rule::Token(org), ok(200));
            let id = &[ids[name].as_str()];
            self.add("GET /v1/tokens/{id}", id, Body::None, Rule::Token(org), ok(200));
            self.add("GET /v1/tokens/{id}/leaks", id, Body::None, Rule::Token(org), ok(200));
            self.add("PATCH /v1/tokens/{id}", id, empty(), Rule::Token(org), ok(200));
            self.add("POST /v1/tokens/{id}/enable", id, Body::None, Rule::Token(org), ok(200));
        }
        self.add("POST /v1/tokens/self/rotate", &[], empty(), Rule::OwnToken, ok(201));
        for (name, org) in [("active", Acme), ("foreign", Bravo)] {
            let id = &[ids[name].as_str()];
            self.add("POST /v1/tokens/{id}/rotate", id, Body::None, Rule::TheirSecret(org), ok(201));
        }
        for (name, org) in [("replaced", Acme), ("foreign_replaced", Bravo)] {
            let id = &[ids[name].as_str()];
            self.add("GET /v1/tokens/{id}/privileges", id, Body::None, Rule::Token(org), ok(200));
            self.add("GET /v1/tokens/{id}/stragglers", id, Body::None, Rule::Token(org), ok(200));
        }
        let id = &[ids["disabled"].as_str()];
        self.add("POST /v1/tokens/{id}/disable", id, Body::None, Rule::Token(Acme), ok(200));
        let id = &[ids["deleted"].as_str()];
        self.add("DELETE /v1/tokens/{id}", id, Body::None, Rule::Token(Acme), DELETED);
        self.add("DELETE /v1/tokens/{id}", &[&ids["foreign"]], Body::None, Rule::Token(Bravo), None);
        self.add("DELETE /v1/tokens/{id}", &[NOWHERE], Body::None, Rule::Anyone, UNKNOWN);
        self.revocations();
    }

    fn revocations(&mut self) {
        let ids = self.world.ids.clone();
        let plan =
            |filter: Value| Body::Json(json!({ "filter": filter, "action": "delete", "dry_run": true }));
        let create = "POST /v1/revocations";
        self.add(create, &[], plan(json!({ "privilege": "no:such" })), Rule::Anyone, ok(200));
        self.add(create, &[], plan(json!({ "owner": "victim" })), Rule::SeeUser(&[Acme]), ok(200));
        self.add(create, &[], plan(json!({ "owner": "nobody" })), Rule::Anyone, UNKNOWN);
        for (name, org) in [("active", Acme), ("foreign", Bravo)] {
            let below = "GET /v1/tokens/{id}/descendants";
            self.add(below, &[&ids[name]], Body::None, Rule::Token(org), ok(200));
            self.add(create, &[], plan(json!({ "organization": org.slug() })), Rule::Read(org), ok(200));
            self.add(create, &[], plan(json!({ "minted_by": ids[name] })), Rule::Token(org), ok(200));
        }
        let digest = "0".repeat(64);
        let filter = json!({ "privilege": "no:such" });
        let body = json!({ "filter": filter, "action": "delete", "dry_run": false, "digest": digest });
        self.add(create, &[], Body::Json(body), Rule::Anyone, no(409, "plan_shifted"));
    }

    fn users(&mut self) {
        self.add("GET /v1/users", &[], Body::None, Rule::ManageMeant, ok(200));
        self.add("GET /v1/users", &["?organization=acme"], Body::None, Rule::Manage(Acme), ok(200));
        self.add("GET /v1/users", &["?organization=bravo"], Body::None, Rule::Manage(Bravo), ok(200));
        let user = |more: Value| {
            let mut body = json!({ "username": "victim", "password": GOOD });
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            Body::Json(body)
        };
        let organization = json!({ "organization": "acme" });
        self.add("POST /v1/users", &[], user(json!({})), Rule::ManageMeant, TAKEN);
        self.add("POST /v1/users", &[], user(organization), Rule::Manage(Acme), TAKEN);
        self.add("POST /v1/users", &[], user(json!({ "organization": "bravo" })), Rule::Manage(Bravo), TAKEN);
        let operator = json!({ "organization": "acme", "operator": true });
        self.add("POST /v1/users", &[], user(operator), Rule::Raise(Acme), TAKEN);
        let reserved = json!({ "organization": "acme", "privileges": ["jeton:introspect"] });
        self.add("POST /v1/users", &[], user(reserved), Rule::Raise(Acme), TAKEN);

        let empty = || Body::Json(json!({}));
        let password = || Body::Json(json!({ "password": GOOD }));
        let people: [(&str, &'static [Org]); 3] =
            [("victim", &[Acme]), ("both", &[Acme, Bravo]), ("stranger", &[Bravo])];
        for (name, places) in people {
            self.add("GET /v1/users/{user}", &[name], Body::None, Rule::SeeUser(places), ok(200));
            self.add("PATCH /v1/users/{user}", &[name], empty(), Rule::Account(places), ok(200));
            self.add(
                "POST /v1/users/{user}/enable",
                &[name],
                Body::None,
                Rule::ManageAccount(places),
                ok(200),
            );
            self.add("DELETE /v1/users/{user}", &[name], Body::None, Rule::ManageAccount(places), None);
        }
        self.add("PUT /v1/users/{user}/password", &["victim"], password(), Rule::Account(&[Acme]), ok(204));
        self.add(
            "PUT /v1/users/{user}/password",
            &["stranger"],
            password(),
            Rule::Account(&[Bravo]),
            ok(204),
        );
        self.add(
            "POST /v1/users/{user}/disable",
            &["idle"],
            Body::None,
            Rule::ManageAccount(&[Acme]),
            ok(200),
        );
        self.add("POST /v1/users/{user}/disable", &["boss"], Body::None, Rule::ManageOperator(&[Acme]), None);
        self.add("DELETE /v1/users/{user}", &["boss"], Body::None, Rule::ManageOperator(&[Acme]), None);
        for method in ["GET", "PATCH"] {
            let operation = if method == "GET" { "GET /v1/users/{user}" } else { "PATCH /v1/users/{user}" };
            let body = if method == "GET" { Body::None } else { empty() };
            self.add(operation, &["nobody"], body, Rule::Anyone, UNKNOWN);
        }
        self.add("DELETE /v1/users/{user}", &["nobody"], Body::None, Rule::ManageNothing, UNKNOWN);
        self.add("GET /v1/users/{user}", &["{me}"], Body::None, Rule::SeeOneself, ok(200));
        self.add("PATCH /v1/users/{user}", &["{me}"], empty(), Rule::ChangeOneself, ok(200));
        self.add("PUT /v1/users/{user}/password", &["{me}"], Body::OwnPassword, Rule::ChangeOneself, ok(204));
    }

    fn organizations(&mut self) {
        let empty = || Body::Json(json!({}));
        self.add("GET /v1/organizations", &[], Body::None, Rule::Anyone, ok(200));
        for org in [Acme, Bravo] {
            let slug = &[org.slug()];
            for operation in [
                "GET /v1/organizations/{organization}",
                "GET /v1/organizations/{organization}/policy",
                "GET /v1/organizations/{organization}/privileges",
                "GET /v1/organizations/{organization}/modules",
            ] {
                self.add(operation, slug, Body::None, Rule::Read(org), ok(200));
            }
            self.add("PATCH /v1/organizations/{organization}", slug, empty(), Rule::Manage(org), ok(200));
            self.add(
                "PATCH /v1/organizations/{organization}/policy",
                slug,
                empty(),
                Rule::Manage(org),
                ok(200),
            );
            let module = Body::Json(json!({ "number": MODULE, "name": "records" }));
            self.add("POST /v1/organizations/{organization}/modules", slug, module, Rule::Manage(org), TAKEN);
            let id = &self.world.ids[if org == Acme { "module" } else { "foreign_module" }].clone();
            let name = Body::Json(json!({ "name": "records" }));
            let place = &[org.slug(), id.as_str()];
            self.add(
                "PATCH /v1/organizations/{organization}/modules/{module}",
                place,
                name,
                Rule::Manage(org),
                ok(200),
            );
            let place = &[org.slug(), NOWHERE];
            self.add(
                "DELETE /v1/organizations/{organization}/modules/{module}",
                place,
                Body::None,
                Rule::Manage(org),
                UNKNOWN,
            );
        }
        self.add("GET /v1/organizations/{organization}", &["nowhere"], Body::None, Rule::Anyone, UNKNOWN);
        self.add(
            "PATCH /v1/organizations/{organization}",
            &["nowhere"],
            empty(),
            Rule::ManageNothing,
            UNKNOWN,
        );
    }

    fn members(&mut self) {
        for org in [Acme, Bravo] {
            let slug = org.slug();
            self.add(
                "GET /v1/organizations/{organization}/members",
                &[slug],
                Body::None,
                Rule::Manage(org),
                ok(200),
            );
            let member = Body::Json(json!({ "user": "both" }));
            self.add(
                "POST /v1/organizations/{organization}/members",
                &[slug],
                member,
                Rule::Manage(org),
                TAKEN,
            );
            let one = "GET /v1/organizations/{organization}/members/{user}";
            self.add(one, &[slug, "both"], Body::None, Rule::Manage(org), ok(200));
            let change = "PATCH /v1/organizations/{organization}/members/{user}";
            self.add(change, &[slug, "both"], Body::Json(json!({})), Rule::Manage(org), ok(200));
            let remove = "DELETE /v1/organizations/{organization}/members/{user}";
            self.add(remove, &[slug, "nobody"], Body::None, Rule::Manage(org), UNKNOWN);
        }
        let reserved = Body::Json(json!({ "user": "both", "privileges": ["jeton:admin"] }));
        self.add(
            "POST /v1/organizations/{organization}/members",
            &["acme"],
            reserved,
            Rule::Raise(Acme),
            TAKEN,
        );
        self.add("GET /v1/events", &[], Body::None, Rule::ManageMeant, ok(200));
        self.add("GET /v1/events", &["?organization=acme"], Body::None, Rule::Manage(Acme), ok(200));
        self.add("GET /v1/events", &["?organization=bravo"], Body::None, Rule::Manage(Bravo), ok(200));
    }

    fn instance(&mut self) {
        self.add("GET /v1/events/verify", &[], Body::None, Rule::Operate, ok(200));
        let foreign = json!({ "name": "x", "owner": "victim", "digest": "0".repeat(64) });
        let import = Body::Json(json!({ "tokens": [foreign], "dry_run": true }));
        self.add("POST /v1/imports", &[], import, Rule::Import, ok(200));
        let ancient = Body::Json(json!({ "before": "1970-01-02T00:00:00Z" }));
        self.add("POST /v1/events/prune", &[], ancient, Rule::Operate, ok(200));
        self.add("GET /metrics", &[], Body::None, Rule::Operate, ok(200));
        self.add("POST /v1/backup", &[], Body::None, Rule::Operate, ok(200));
        let taken = Body::Json(json!({ "slug": "acme" }));
        self.add("POST /v1/organizations", &[], taken, Rule::Operate, TAKEN);
        self.add(
            "POST /v1/organizations/{organization}/disable",
            &["spare"],
            Body::None,
            Rule::Operate,
            ok(200),
        );
        self.add(
            "POST /v1/organizations/{organization}/enable",
            &["acme"],
            Body::None,
            Rule::Operate,
            ok(200),
        );
        let all = "PUT /v1/organizations/{organization}/privileges";
        self.add(all, &["acme"], Body::Json(json!({ "privileges": ["*:*"] })), Rule::Operate, ok(200));
        let one = "POST /v1/organizations/{organization}/privileges";
        self.add(one, &["acme"], Body::Json(json!({ "privilege": "*:*" })), Rule::Operate, ok(200));
        let none = "DELETE /v1/organizations/{organization}/privileges/{privilege}";
        self.add(none, &["acme", "no:such"], Body::None, Rule::Operate, UNKNOWN);
    }
}
