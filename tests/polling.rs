//! Asking again and again: a reply that hasn't changed isn't sent again, and one that has is.

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, server::Actor, server::named, token};

struct Stage {
    server: Server,
    ada: Actor,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let (ada, client) = (server.administrator("ada"), server.client());
        Self { server, ada, client }
    }

    /// Asks as the local operator, whose asking leaves no trace.
    fn ask(&mut self, method: &str, path: &str, unless: &[&str]) -> Reply {
        let request = self.client.request(method, path).bearer(self.server.secret());
        unless.iter().fold(request, |request, tags| request.header("If-None-Match", tags)).send()
    }

    fn tag(&mut self, path: &str) -> String {
        tag(&self.ask("GET", path, &[]).expect(200))
    }

    /// Asserts that `path` is the same until `act` is done, and another after it.
    #[track_caller]
    fn changes(&mut self, path: &str, what: &str, act: impl FnOnce(&mut Self)) {
        let before = self.tag(path);
        let same = self.ask("GET", path, &[&before]);
        assert_eq!((same.status, tag(&same)), (304, before.clone()), "{path} before {what}");
        act(self);
        let changed = self.ask("GET", path, &[&before]);
        assert_eq!(changed.status, 200, "{path} after {what}: {}", changed.text());
        assert_ne!(tag(&changed), before, "{path} after {what}");
        self.ask("GET", path, &[&tag(&changed)]).expect(304);
    }

    fn mint(&self) -> Value {
        self.server.mint(&self.ada, &named("polled"))
    }

    fn locally(&self, method: &str, path: &str, body: &Value) {
        let reply = self.server.locally(method, path, body);
        assert!(reply.status < 300, "{method} {path}: {}", reply.text());
    }
}

fn tag(reply: &Reply) -> String {
    let tag = reply.header("etag").expect("an ETag").to_owned();
    assert!(tag.len() > 20 && tag.starts_with('"') && tag.ends_with('"'), "{tag} is strong");
    tag
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

const ACME: &str = "/v1/organizations/default";

#[test]
fn a_list_of_tokens_is_sent_again_once_it_has_changed() {
    let mut stage = Stage::new();
    let list = "/v1/tokens?name=polled";
    stage.changes(list, "one is made", |stage| {
        stage.mint();
    });
    let made = stage.mint();
    let (one, secret) = (format!("/v1/tokens/{}", text(&made, "id")), text(&made, "token"));
    for path in [list, &one] {
        stage.changes(path, "it is renamed", |stage| {
            let name = json!({ "name": format!("polled as {path}") });
            let request = stage.client.patch(&one).bearer(stage.server.secret()).header("If-Match", "*");
            request.json(&name).send().expect(200);
        });
        stage.changes(path, "it is used", |stage| {
            stage.client.get("/gate").bearer(&secret).send().expect(200);
        });
        stage.changes(path, "it is disabled", |stage| {
            stage.locally("POST", &format!("{one}/disable"), &Value::Null);
        });
        stage.locally("POST", &format!("{one}/enable"), &Value::Null);
    }
    let privileges = format!("{one}/privileges");
    stage.changes(&privileges, "it is asked for something", |stage| {
        let form = format!("token={secret}&require=orders:read");
        stage.client.post("/oauth/introspect").bearer(stage.server.secret()).form(&form).send().expect(200);
    });
    stage.changes(&format!("{one}/leaks"), "it is found", |stage| {
        stage.locally("POST", "/v1/leaks", &json!([{ "token": secret, "url": "https://example.org" }]));
    });
    stage.locally("POST", &format!("{one}/enable"), &Value::Null);
    stage.changes(&format!("{one}/descendants"), "it mints", |stage| {
        stage.server.child(&secret, &named("child"));
    });
    let rotate = json!({ "mode": "overlap", "window": "1h" });
    let successor = stage.server.with(&secret, "POST", "/v1/tokens/self/rotate", &rotate).expect(201).json();
    stage.changes(&format!("{one}/stragglers"), "its successor is used", |stage| {
        stage.client.get("/gate").bearer(&text(&successor, "token")).send().expect(200);
        stage.client.get("/gate").bearer(&secret).header("User-Agent", "laggard").send().expect(200);
    });
    stage.changes(list, "it is deleted", |stage| stage.locally("DELETE", &one, &Value::Null));
}

#[test]
fn so_is_every_other_list() {
    let mut stage = Stage::new();
    stage.changes("/v1/users", "one is made", |stage| {
        stage.server.user("anna");
    });
    stage.changes("/v1/users/anna", "she leaves her home", |stage| {
        // Which changes nothing of her row.
        stage.locally("PATCH", &format!("{ACME}/members/anna"), &json!({ "privileges": ["a:b"] }));
    });
    for (path, method, target, body) in [
        ("/v1/users", "PATCH", "/v1/users/anna", json!({ "title": "Dr" })),
        ("/v1/users/anna", "PATCH", "/v1/users/anna", json!({ "title": "Prof" })),
        ("/v1/events", "PATCH", "/v1/users/anna", json!({ "title": "Ms" })),
        (&format!("{ACME}/members"), "PATCH", &format!("{ACME}/members/anna"), json!({ "may_issue": false })),
        ("/v1/organizations", "POST", "/v1/organizations", json!({ "slug": "acme" })),
        (ACME, "PATCH", ACME, json!({ "name": "Ours" })),
        (
            &format!("{ACME}/modules"),
            "POST",
            &format!("{ACME}/modules"),
            json!({ "number": "MOD-1111", "name": "x" }),
        ),
        (&format!("{ACME}/policy"), "PATCH", &format!("{ACME}/policy"), json!({ "quota": 7 })),
        (&format!("{ACME}/privileges"), "POST", &format!("{ACME}/privileges"), json!({ "privilege": "c:d" })),
    ] {
        stage.changes(path, &format!("{method} {target}"), |stage| stage.locally(method, target, &body));
    }
}

#[test]
fn a_304_is_a_head_without_a_body() {
    let mut stage = Stage::new();
    let known = stage.tag("/v1/tokens");
    for method in ["GET", "HEAD"] {
        let whole = stage.ask(method, "/v1/tokens", &["\"other\""]).expect(200);
        assert_eq!(tag(&whole), known, "{method}");
        assert!(whole.header("content-length").is_some_and(|length| length != "0"), "{method}");
        let unless = ["*", &known, &format!("W/{known}"), &format!("\"a,b\", W/\"c\" ,{known}")];
        for tags in unless {
            let reply = stage.ask(method, "/v1/tokens", &[tags]).expect(304);
            assert_eq!(tag(&reply), known);
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            for absent in ["content-type", "content-length", "transfer-encoding"] {
                assert_eq!(reply.header(absent), None, "{method} {tags}");
            }
        }
        // In two lines, as proxies may have it.
        stage.ask(method, "/v1/tokens", &["\"other\"", &known]).expect(304);
        for tags in ["", "x", &known[1..known.len() - 1], "\"\"", "\"*\""] {
            stage.ask(method, "/v1/tokens", &[tags]).expect(200);
        }
    }
    // On the same connection the next reply is whole.
    stage.ask("GET", "/v1/tokens", &[]).expect(200).json();
    // A refusal and a change are what they are.
    stage.ask("GET", "/v1/tokens/nothing", &["*"]).expect(404);
    stage.ask("GET", "/v1/tokens?status=odd", &["*"]).expect(400);
    stage.client.get("/v1/tokens").header("If-None-Match", "*").send().expect(401);
    stage.ask("POST", "/v1/users/ada/disable", &["*"]).expect(409);
}

#[test]
fn a_tag_is_of_what_the_caller_is_shown() {
    let mut stage = Stage::new();
    let (anna, berta) = (stage.server.user("anna"), stage.server.user("berta"));
    let (of_anna, of_berta) = (stage.server.token(&anna), stage.server.token(&berta));
    let all = stage.tag("/v1/tokens");
    let mut seen = vec![all];
    for actor in [&anna, &berta] {
        for tags in seen.clone() {
            let request = stage.client.get("/v1/tokens").basic(&actor.name, &actor.password);
            let reply = request.header("If-None-Match", &tags).send().expect(200);
            assert_eq!(reply.json()["items"].as_array().unwrap().len(), 1);
            seen.push(tag(&reply));
        }
    }
    // Things that have the same version are told apart, and what isn't the caller's to see isn't told of.
    let paths = [&of_anna, &of_berta].map(|token| format!("/v1/tokens/{}", token::Wire::read(token).uuid()));
    let tags = paths.clone().map(|path| stage.tag(&path));
    assert_ne!(tags[0], tags[1]);
    stage.ask("GET", &paths[1], &[&tags[0]]).expect(200);
    for tags in ["*", &tags[1]] {
        let request = stage.client.get(&paths[1]).basic(&anna.name, &anna.password);
        request.header("If-None-Match", tags).send().expect(404);
    }
}

#[test]
fn the_tag_of_a_thing_still_says_which_version_a_change_is_meant_for() {
    let mut stage = Stage::new();
    let made = stage.mint();
    let path = format!("/v1/tokens/{}", text(&made, "id"));
    let shown = stage.tag(&path);
    assert!(shown.starts_with("\"0-"), "{shown}");
    // A use is no change.
    stage.client.get("/gate").bearer(&text(&made, "token")).send().expect(200);
    assert_ne!(stage.tag(&path), shown);
    let mut change = |tags: &str| {
        let request = stage.client.patch(&path).bearer(stage.server.secret()).header("If-Match", tags);
        request.json(&json!({ "name": "changed" })).send()
    };
    assert_eq!(change(&shown).expect(200).header("etag"), Some("\"1\""));
    assert_eq!(change(&shown).problem(412), "version_stale");
    for wrong in ["\"1-\"", "\"1-x\"", &shown.replace("\"0-", "\"-"), &format!("W/{shown}")] {
        assert_eq!(change(wrong).problem(412), "version_stale", "{wrong}");
    }
    change("\"1\"").expect(200);
}
