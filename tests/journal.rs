//! A database that is brought back from a backup revives nothing: what was taken away since stands in a log beside it.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::harness::{
    Server,
    files::{children, mode, set_mode},
    server::named,
    token::Wire,
};

const NONE: Value = Value::Null;

fn uuid(token: &str) -> String {
    Wire::read(token).uuid()
}

/// Puts a saved database in the place of the one there is, as `cp` does on a stopped server.
fn put_back(saved: &Path, data: &Path) {
    for path in children(data) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("jeton.db-") {
            fs::remove_file(&path).unwrap();
        }
    }
    fs::copy(saved, data.join("jeton.db")).unwrap();
}

/// A server with much in it, and its database as it was before anything was taken away.
struct Estate {
    server: Server,
    saved: std::path::PathBuf,
    /// Tokens, by what is to become of them.
    tokens: Vec<(&'static str, String)>,
}

impl Estate {
    fn new() -> Self {
        let mut server = Server::start();
        let anna = server.user("anna");
        for slug in ["left", "shut", "closed"] {
            server.organization(slug, &json!({ "privileges": ["orders:read"] }));
        }
        let mut tokens = Vec::new();
        for name in ["deleted", "disabled", "enabled", "rotated", "revoked", "kept"] {
            tokens.push((name, server.token(&anna)));
        }
        server.locally("POST", &format!("/v1/tokens/{}/disable", uuid(&tokens[2].1)), &NONE).expect(200);
        for (name, slug) in [("of a disabled user", "default"), ("of a deleted user", "default")] {
            let user = if name.contains("disabled") { "dora" } else { "emil" };
            let actor = server.issuer_of(slug, user);
            tokens.push((name, server.token(&actor)));
        }
        for (name, slug) in [
            ("of a former member", "left"),
            ("in an organization that is off", "shut"),
            ("where APIs are closed", "closed"),
        ] {
            let may = json!({ "privileges": ["orders:read"], "may_issue": true });
            let actor = server.user_of(slug, &format!("of-{slug}"), &may);
            tokens.push((name, server.token_with(&actor, &["--organization", slug])));
        }
        server.administrator("ada");
        server.administrator("olga");
        server.manager("mona");
        server.stop();
        let saved = server.home().join("saved.db");
        fs::copy(server.data().join("jeton.db"), &saved).unwrap();
        server.launch();
        Self { server, saved, tokens }
    }

    fn token(&self, name: &str) -> &str {
        &self.tokens.iter().find(|(is, _)| *is == name).unwrap().1
    }

    /// Takes away all there is to be taken away, and gives one thing back.
    fn take_away(&self) {
        let server = &self.server;
        let do_it = |method: &str, path: &str, body: &Value| {
            let reply = server.locally(method, path, body);
            assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.text());
        };
        let of = |name: &str, verb: &str| format!("/v1/tokens/{}{verb}", uuid(self.token(name)));
        do_it("DELETE", &of("deleted", ""), &NONE);
        do_it("POST", &of("disabled", "/disable"), &NONE);
        do_it("POST", &of("enabled", "/enable"), &NONE);
        do_it("POST", &of("rotated", "/rotate"), &json!({ "mode": "now" }));
        server.client().delete("/v1/tokens/self").bearer(self.token("revoked")).send().expect(204);
        do_it("POST", "/v1/users/dora/disable", &NONE);
        do_it("DELETE", "/v1/users/emil", &NONE);
        do_it("DELETE", "/v1/organizations/left/members/of-left", &NONE);
        do_it("POST", "/v1/organizations/shut/disable", &NONE);
        do_it("PATCH", "/v1/organizations/closed/policy", &json!({ "api_access": false }));
        do_it("PATCH", "/v1/users/olga", &json!({ "operator": false }));
        do_it("PATCH", "/v1/organizations/default/members/mona", &json!({ "role": "member" }));
        do_it("DELETE", "/v1/organizations/closed/privileges/orders:read", &NONE);
    }

    /// What stands as it stood before, though it was taken away; and what is gone though it wasn't.
    fn wrong(&self) -> Vec<&'static str> {
        let alive = ["enabled", "kept"];
        let mut found: Vec<_> = self
            .tokens
            .iter()
            .filter(|(name, text)| self.server.accepts(text) != alive.contains(name))
            .map(|(name, _)| *name)
            .collect();
        let get = |path: &str| self.server.locally("GET", path, &NONE).expect(200).json();
        if get("/v1/users/olga")["operator"] != false {
            found.push("an operator");
        }
        if get("/v1/organizations/default/members/mona")["role"] != "member" {
            found.push("an administrator");
        }
        if get("/v1/organizations/closed")["privileges"] != json!([]) {
            found.push("a privilege");
        }
        found
    }
}

#[test]
fn an_older_database_revives_nothing() {
    let mut estate = Estate::new();
    assert_eq!(estate.wrong().len(), 13, "each of them was good before");
    estate.take_away();
    assert_eq!(estate.wrong(), Vec::<&str>::new());

    // In the midst of it, with no warning and as often as one likes.
    for round in 0..2 {
        let from = estate.server.log().len();
        estate.server.kill();
        put_back(&estate.saved, &estate.server.data());
        estate.server.launch();
        assert_eq!(estate.wrong(), Vec::<&str>::new(), "round {round}");
        let log = estate.server.log()[from..].to_owned();
        for said in [
            format!("token {} is deleted", uuid(estate.token("deleted"))),
            format!("token {} is disabled", uuid(estate.token("disabled"))),
            format!("token {} is active", uuid(estate.token("enabled"))),
            "is disabled and no operator".into(),
            "is no member of organization".into(),
            "is off, its API access".into(),
            "its API access off".into(),
        ] {
            assert!(log.contains(&said), "{said:?} isn't in {log}");
        }
        let deeds = estate.server.deeds(0);
        assert!(
            deeds.iter().any(|deed| deed.starts_with("journal.replayed tokens=")
                && deed.ends_with("users=3 organizations=3 memberships=3")),
            "{deeds:?}"
        );
    }

    // Once learned, it is known.
    let from = estate.server.log().len();
    estate.server.stop();
    estate.server.launch();
    assert!(!estate.server.log()[from..].contains("knew more"), "{}", estate.server.log());
    assert_eq!(estate.wrong(), Vec::<&str>::new());
    estate.server.run(&["events", "verify"]).done();
    assert_eq!(mode(&estate.server.data().join("jeton.journal")), 0o600);
}

#[test]
fn a_log_that_is_not_whole_is_refused_unless_it_is_accepted() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 5] = [
        ("is broken at line 3", |log| {
            let mut bytes = fs::read(log).unwrap();
            let third = bytes.split_inclusive(|byte| *byte == b'\n').take(2).map(<[u8]>::len).sum::<usize>();
            bytes[third + 20] ^= 1;
            fs::write(log, bytes).unwrap();
        }),
        ("is broken at line 3", |log| {
            let text = fs::read_to_string(log).unwrap();
            let left = text.split_inclusive('\n').enumerate().filter(|(at, _)| *at != 2);
            fs::write(log, left.map(|(_, line)| line).collect::<String>()).unwrap();
        }),
        ("was cut short", |log| {
            let text = fs::read_to_string(log).unwrap();
            let lines: Vec<_> = text.split_inclusive('\n').collect();
            fs::write(log, lines[..lines.len() - 1].concat()).unwrap();
        }),
        ("is missing", |log| fs::remove_file(log).unwrap()),
        ("is broken at line 1", |log| fs::write(log, "").unwrap()),
    ];
    let mut server = Server::start();
    let anna = server.user("anna");
    let tokens: Vec<_> = (0..4).map(|_| server.token(&anna)).collect();
    for token in &tokens[..3] {
        server.client().delete("/v1/tokens/self").bearer(token).send().expect(204);
    }
    server.stop();
    let log = server.data().join("jeton.journal");
    let (whole, database) = (fs::read(&log).unwrap(), server.data().join("jeton.db"));
    let before = fs::read(&database).unwrap();
    for (said, harm) in harms {
        fs::write(&log, &whole).unwrap();
        fs::write(&database, &before).unwrap();
        harm(&log);
        let harmed = fs::read(&log).ok();
        for arguments in [&["serve", "--port", "0"][..], &["token", "list"]] {
            let refusal = server.run(arguments).refused(1);
            for part in ["jeton.journal", said, "--accept-resurrection"] {
                assert!(refusal.contains(part), "{part:?} isn't in {refusal}");
            }
        }
        assert_eq!(fs::read(&log).ok(), harmed, "{said}: what is refused is left as it is");

        server.restart_with(&["--accept-resurrection"]);
        assert!(server.accepts(&tokens[3]) && !server.accepts(&tokens[0]), "{said}");
        assert_eq!(server.deeds(0).last().unwrap(), "journal.resurrection_accepted");
        server.stop();
        server.restart_with(&[]);
        server
            .client()
            .post("/v1/tokens")
            .basic(&anna.name, &anna.password)
            .json(&named("x"))
            .send()
            .expect(201);
        server.stop();
    }
}

#[test]
fn what_a_crash_left_half_written_is_cut_off() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    server.client().delete("/v1/tokens/self").bearer(&token).send().expect(204);
    server.kill();
    let log = server.data().join("jeton.journal");
    let whole = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("{whole}{{\"sequence\":99,\"at\":\"2026")).unwrap();
    server.launch();
    assert_eq!(fs::read_to_string(&log).unwrap(), whole);
    assert!(!server.accepts(&token));
    server.run(&["user", "disable", "anna"]).done();
    assert!(fs::read_to_string(&log).unwrap().starts_with(&whole));
}

#[test]
fn the_log_of_another_database_or_of_an_earlier_history_is_refused() {
    let mut server = Server::start();
    let anna = server.user("anna");
    server.stop();
    let saved = server.home().join("saved.db");
    fs::copy(server.data().join("jeton.db"), &saved).unwrap();

    // Another history begins, and goes further than the first.
    fs::remove_file(server.data().join("jeton.journal")).unwrap();
    server.restart_with(&["--accept-resurrection"]);
    for _ in 0..3 {
        let token = server.token(&anna);
        server.client().delete("/v1/tokens/self").bearer(&token).send().expect(204);
    }
    server.stop();
    put_back(&saved, &server.data());
    let refusal = server.run(&["serve", "--port", "0"]).refused(1);
    assert!(refusal.contains("isn't this database's"), "{refusal}");

    let mut other = Server::start();
    other.stop();
    fs::copy(other.data().join("jeton.journal"), server.data().join("jeton.journal")).unwrap();
    let refusal = server.run(&["serve", "--port", "0"]).refused(1);
    assert!(refusal.contains("jeton.journal is broken at line 1"), "{refusal}");
}

#[test]
fn a_crash_before_the_database_knew_of_its_log_stops_no_start() {
    let mut other = Server::start();
    other.stop();
    let begun = fs::read_to_string(other.data().join("jeton.journal")).unwrap();
    assert_eq!(begun.lines().count(), 1);
    // The first start got no further: the key of this line is nowhere.
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o700);
    let log = data.join("jeton.journal");
    fs::write(&log, &begun).unwrap();
    set_mode(&log, 0o600);
    let mut server = Server::setup().start_in(home);
    assert_ne!(fs::read_to_string(&log).unwrap(), begun);
    server.stop();
    assert!(!log.with_extension("journal.old").exists());

    // One with anything in it may be the log of a newer database than this one.
    fs::remove_file(data.join("jeton.db")).unwrap();
    fs::write(&log, format!("{begun}{begun}")).unwrap();
    let refusal = server.run(&["serve", "--port", "0"]).refused(1);
    assert!(refusal.contains("jeton.journal isn't this database's"), "{refusal}");
}

#[test]
fn every_deed_that_decides_leaves_a_record_and_no_other_does() {
    let server = Server::start();
    let anna = server.user("anna");
    server.administrator("ada");
    let log = server.data().join("jeton.journal");
    let lines = || fs::read_to_string(&log).unwrap().lines().count();
    let token = |name: &str| server.mint(&anna, &named(name))["id"].as_str().unwrap().to_owned();
    let [one, two, three, four] = ["one", "two", "three", "four"].map(token);
    server.organization("acme", &json!({ "privileges": ["orders:read"] }));
    server.user_of("default", "bob", &NONE);
    let keep = |method: &'static str, path: String, body: Value| (0, method, path, body);
    let tell = |method: &'static str, path: String, body: Value| (1, method, path, body);
    let member = "/v1/organizations/acme/members";
    let deeds = [
        tell("POST", format!("/v1/tokens/{one}/disable"), NONE),
        keep("POST", format!("/v1/tokens/{one}/disable"), NONE),
        tell("POST", format!("/v1/tokens/{one}/enable"), NONE),
        keep("PATCH", format!("/v1/tokens/{one}"), json!({ "name": "another" })),
        tell("DELETE", format!("/v1/tokens/{one}"), NONE),
        tell("POST", format!("/v1/tokens/{two}/rotate"), json!({ "mode": "overlap", "window": "1h" })),
        tell("POST", format!("/v1/tokens/{three}/rotate"), json!({ "mode": "now" })),
        // What waits for its first use is new; that it waits in vain is not.
        keep("POST", format!("/v1/tokens/{four}/rotate"), json!({})),
        tell("POST", format!("/v1/tokens/{four}/rotate"), json!({})),
        tell("POST", member.into(), json!({ "user": "bob" })),
        tell("PATCH", format!("{member}/bob"), json!({ "privileges": ["orders:read"] })),
        tell("PATCH", format!("{member}/bob"), json!({ "role": "administrator" })),
        tell("PATCH", format!("{member}/bob"), json!({ "may_issue": true })),
        tell("DELETE", format!("{member}/bob"), NONE),
        keep("PATCH", "/v1/organizations/acme".into(), json!({ "name": "Acme" })),
        tell("POST", "/v1/organizations/acme/disable".into(), NONE),
        tell("POST", "/v1/organizations/acme/enable".into(), NONE),
        tell("PATCH", "/v1/organizations/acme/policy".into(), json!({ "api_access": false })),
        keep("PATCH", "/v1/organizations/acme/policy".into(), json!({ "quota": 7 })),
        tell("DELETE", "/v1/organizations/acme/privileges/orders:read".into(), NONE),
        tell("POST", "/v1/users/bob/disable".into(), NONE),
        tell("POST", "/v1/users/bob/enable".into(), NONE),
        tell("PATCH", "/v1/users/bob".into(), json!({ "operator": true })),
        tell("PATCH", "/v1/users/bob".into(), json!({ "operator": false })),
        keep("PATCH", "/v1/users/bob".into(), json!({ "title": "x" })),
        tell("DELETE", "/v1/users/bob".into(), NONE),
    ];
    for (least, method, path, body) in deeds {
        let before = lines();
        let mut client = server.client();
        let mut request = client.request(method, &path).bearer(server.secret());
        if method == "PATCH" {
            request = request.header("If-Match", "*");
        }
        let reply = if body.is_null() { request.send() } else { request.json(&body).send() };
        assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.text());
        let more = lines() - before;
        assert!(if least == 0 { more == 0 } else { more >= least }, "{method} {path}: {more} records");
    }
}
