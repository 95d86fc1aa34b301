//! Rotation: a successor that waits for proof, an overlap, a change at once; and that no way of it locks anybody out or
//! lets a token live longer.

mod crash;
mod lost;
mod rights;

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, estate::at_once, server::Actor, server::named, token, wait_for};

/// Asks for a successor of a token with the token itself.
fn rotate(client: &mut Client, token: &str, body: &Value) -> Reply {
    client.post("/v1/tokens/self/rotate").bearer(token).json(body).send()
}

/// The successor's secret.
fn successor(reply: Reply) -> String {
    reply.expect(201).json()["token"].as_str().unwrap().to_owned()
}

fn uuid(token: &str) -> String {
    token::Wire::read(token).uuid()
}

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

    fn mint(&self, body: &Value) -> String {
        let mut all = named("ci");
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        self.server.mint(&self.ada, &all)["token"].as_str().unwrap().to_owned()
    }

    fn check(&mut self, token: &str) -> Reply {
        self.client.get("/gate").bearer(token).send()
    }

    /// What the owner is shown of a token.
    fn shown(&mut self, token: &str) -> Value {
        let path = format!("/v1/tokens/{}", uuid(token));
        self.client.get(&path).basic("ada", &self.ada.password).send().expect(200).json()
    }

    fn deeds(&self, of: &str) -> usize {
        self.server.deeds(0).iter().filter(|deed| deed.split(' ').next() == Some(of)).count()
    }

    fn wait_for_reason(&mut self, token: &str, reason: &str) {
        wait_for(reason, Duration::from_secs(15), || {
            (self.check(token).header("x-auth-reason") == Some(reason)).then_some(())
        });
    }
}

#[test]
fn a_successor_inherits_everything_and_waits_for_its_first_use() {
    let mut stage = Stage::new();
    stage.server.locally(
        "POST",
        "/v1/organizations/default/modules",
        &json!({ "number": "MOD-0007", "name": "x" }),
    );
    let old = stage.mint(&json!({
        "description": "two\nlines", "icon": "https://example.org/i.png", "lifetime": "20d", "max_idle": "9d",
        "privileges": ["mail:send", "orders:read"], "modules": ["MOD-0007"],
        "limits": { "uses": 1000, "rate": "1000/min", "networks": { "allow": ["127.0.0.0/8"] } },
    }));
    let before = stage.shown(&old);
    let new = successor(rotate(&mut stage.client, &old, &json!({ "window": "1h", "linger": "1h" })));
    let (waits, replaced) = (stage.shown(&new), stage.shown(&old));
    for same in [
        "name",
        "description",
        "icon",
        "owner",
        "organization",
        "privileges",
        "modules",
        "limits",
        "restricted",
    ] {
        assert_eq!(waits[same], before[same], "{same}");
    }
    assert_eq!((&waits["max_idle"], &waits["expires_at"]), (&before["max_idle"], &before["expires_at"]));
    assert_eq!(waits["replaces"], before["id"]);
    assert!(waits["waits_until"].is_string() && replaced["superseded_by"].is_null());
    assert_eq!(stage.deeds("token.rotated"), 1);

    stage.check(&old).expect(200);
    assert_eq!(stage.deeds("token.rotation_committed"), 0, "the old one proves nothing");
    stage.check(&new).expect(200);
    let (good, replaced) = (stage.shown(&new), stage.shown(&old));
    assert!(good["waits_until"].is_null());
    assert_eq!((&replaced["superseded_by"], &replaced["status"]), (&good["id"], &json!("active")));
    assert!(replaced["expires_at"].as_str() < before["expires_at"].as_str(), "it lingers for an hour");
    stage.check(&old).expect(200);
    assert_eq!(stage.deeds("token.rotation_committed"), 1);
    // The successor goes on with what was counted.
    assert_eq!(stage.shown(&new)["used"], stage.shown(&old)["used"]);
    assert!(stage.shown(&new)["used"].as_u64().unwrap() >= 3);
}

#[test]
fn of_fifty_first_uses_at_once_one_commits() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({ "lifetime": "1d" }));
    let end = stage.shown(&old)["expires_at"].clone();
    let new = successor(rotate(&mut stage.client, &old, &json!({ "linger": "2s" })));
    let replies = at_once(50, |number| {
        let mut client = stage.server.client();
        let path = if number % 2 == 0 { "/gate" } else { "/v1/tokens/self" };
        client.get(path).bearer(&new).send().status
    });
    assert_eq!(replies, [200; 50]);
    assert_eq!(stage.deeds("token.rotation_committed"), 1);
    let replaced = stage.shown(&old);
    assert!(replaced["expires_at"].as_str() < end.as_str());
    stage.wait_for_reason(&old, "token_superseded");
    stage.check(&new).expect(200);
    // Presented again, it is put on record, and kills nothing.
    wait_for("the record of it", Duration::from_secs(15), || {
        (stage.deeds("token.superseded_presented") == 1).then_some(())
    });
    let told = stage.server.deeds(0);
    let told = told.iter().find(|deed| deed.starts_with("token.superseded_presented")).unwrap();
    assert!(told.contains(&format!("successor={}", uuid(&new))), "{told}");
    stage.check(&new).expect(200);
    let problem = stage.client.get("/v1/tokens/self").bearer(&old).send();
    assert_eq!(problem.problem(401), "token_superseded");
    let told = problem.json();
    assert_eq!((&told["token_id"], &told["owner"]), (&json!(uuid(&old)), &json!("ada")));
    assert_eq!(told["since"], replaced["expires_at"]);
}

#[test]
fn with_no_linger_the_old_one_is_dead_at_the_first_reply() {
    let mut stage = Stage::new();
    for path in ["/gate", "/v1/tokens/self", "/v1/me"] {
        let old = stage.mint(&json!({}));
        let new = successor(rotate(&mut stage.client, &old, &json!({ "linger": "0s" })));
        stage.client.get(path).bearer(&new).send().expect(200);
        assert_eq!(stage.check(&old).expect(401).header("x-auth-reason"), Some("token_superseded"), "{path}");
    }
    // Asked about by another, it is as much in use.
    let old = stage.mint(&json!({}));
    let new = successor(rotate(&mut stage.client, &old, &json!({ "linger": "0s" })));
    let asker = stage.mint(&json!({ "privileges": ["jeton:introspect"] }));
    let introspected =
        stage.client.post("/oauth/introspect").bearer(&asker).form(&format!("token={new}")).send();
    assert_eq!(introspected.expect(200).json()["active"], true);
    stage.check(&old).expect(401);
}

#[test]
fn a_window_that_ends_unused_leaves_all_as_it_was() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({}));
    let before = stage.shown(&old);
    let new = successor(rotate(&mut stage.client, &old, &json!({ "window": "1s" })));
    wait_for("the event of it", Duration::from_secs(15), || {
        (stage.deeds("token.rotation_undone") == 1).then_some(())
    });
    stage.check(&old).expect(200);
    assert_eq!(stage.check(&new).header("x-auth-reason"), Some("token_undone"));
    let after = stage.shown(&old);
    assert_eq!((&after["expires_at"], &after["superseded_by"]), (&before["expires_at"], &Value::Null));
    let dead = stage.shown(&new);
    assert_eq!((&dead["status"], &dead["cause"]), (&json!("deleted"), &json!("undone")));
}

#[test]
fn a_second_rotation_replaces_the_successor_that_waits() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({}));
    let made = at_once(16, |_| successor(rotate(&mut stage.server.client(), &old, &json!({}))));
    let good: Vec<_> = made.iter().filter(|token| stage.shown(token)["status"] == "active").collect();
    assert_eq!(good.len(), 1, "never two that wait");
    let good = good[0].clone();
    assert_eq!(stage.deeds("token.rotation_undone"), 15);
    for undone in made.iter().filter(|token| **token != good) {
        assert_eq!(stage.check(undone).header("x-auth-reason"), Some("token_undone"));
    }
    stage.check(&old).expect(200);
    stage.check(&good).expect(200);
    assert_eq!(stage.deeds("token.superseded_presented"), 0, "nobody takes that for a theft");
}

#[test]
fn an_overlap_ends_with_its_window_and_now_means_now() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({}));
    let new = successor(rotate(&mut stage.client, &old, &json!({ "mode": "overlap", "window": "2s" })));
    stage.check(&old).expect(200);
    stage.check(&new).expect(200);
    assert_eq!(stage.shown(&old)["superseded_by"], json!(uuid(&new)));
    stage.wait_for_reason(&old, "token_superseded");
    stage.check(&new).expect(200);

    let newer = successor(rotate(&mut stage.client, &new, &json!({ "mode": "now" })));
    assert_eq!(stage.check(&new).expect(401).header("x-auth-reason"), Some("token_superseded"));
    stage.check(&newer).expect(200);
    assert_eq!(stage.deeds("token.rotation_committed"), 0, "nothing was waited for");

    // A token that ends before its window does isn't kept.
    let short = stage.mint(&json!({ "lifetime": "1h" }));
    let end = stage.shown(&short)["expires_at"].clone();
    successor(rotate(&mut stage.client, &short, &json!({ "mode": "overlap", "window": "30d" })));
    assert_eq!(stage.shown(&short)["expires_at"], end);
}

#[test]
fn of_tokens_that_replace_one_another_two_are_good_at_the_most() {
    let mut stage = Stage::new();
    let first = stage.mint(&json!({}));
    let second = successor(rotate(&mut stage.client, &first, &json!({})));
    let by_owner = |stage: &mut Stage, token: &str, body: &Value| {
        let path = format!("/v1/tokens/{}/rotate", uuid(token));
        stage.client.post(&path).basic("ada", &stage.ada.password).json(body).send()
    };
    assert_eq!(by_owner(&mut stage, &second, &json!({})).problem(409), "rotation_underway");
    stage.check(&second).expect(200);
    let refused = by_owner(&mut stage, &second, &json!({}));
    assert_eq!(refused.problem(409), "rotation_underway");
    assert!(refused.text().contains(&uuid(&first)), "it says what to finish");
    assert_eq!(by_owner(&mut stage, &first, &json!({})).problem(409), "status_unfit");
    // In an emergency nothing is waited for.
    let third = successor(by_owner(&mut stage, &second, &json!({ "mode": "now" })));
    for dead in [&first, &second] {
        assert_eq!(stage.check(dead).expect(401).header("x-auth-reason"), Some("token_superseded"));
    }
    stage.check(&third).expect(200);
    // And a rotation is finished by revoking the old one.
    let fourth = successor(rotate(&mut stage.client, &third, &json!({ "linger": "1h" })));
    stage.check(&fourth).expect(200);
    stage.client.delete("/v1/tokens/self").bearer(&third).send().expect(204);
    successor(rotate(&mut stage.client, &fourth, &json!({})));
}

/// Otherwise any number of tokens are good at once, each of them disabled for a moment.
#[test]
fn one_that_is_switched_off_meanwhile_counts_as_well() {
    let mut stage = Stage::new();
    let first = stage.mint(&json!({}));
    let overlap = json!({ "mode": "overlap", "window": "1h" });
    let second = successor(rotate(&mut stage.client, &first, &overlap));
    stage.server.locally("POST", &format!("/v1/tokens/{}/disable", uuid(&first)), &Value::Null).expect(200);
    assert_eq!(rotate(&mut stage.client, &second, &overlap).problem(409), "rotation_underway");
    stage.server.locally("DELETE", &format!("/v1/tokens/{}", uuid(&first)), &Value::Null).expect(204);
    successor(rotate(&mut stage.client, &second, &overlap));
}

#[test]
fn whoever_stops_a_token_stops_what_was_to_replace_it() {
    let mut stage = Stage::new();
    for stop in ["disable", "delete", "revoke"] {
        let old = stage.mint(&json!({}));
        let new = successor(rotate(&mut stage.client, &old, &json!({})));
        let path = format!("/v1/tokens/{}", uuid(&old));
        let (method, path) = match stop {
            "disable" => ("POST", format!("{path}/disable")),
            "delete" => ("DELETE", path),
            _ => ("POST", "/oauth/revoke".to_owned()),
        };
        if stop == "revoke" {
            stage.client.post(&path).form(&format!("token={old}")).send().expect(200);
        } else {
            assert!(stage.server.locally(method, &path, &Value::Null).status < 300);
        }
        assert_eq!(stage.check(&new).expect(401).header("x-auth-reason"), Some("token_undone"), "{stop}");
    }
}

/// Otherwise a rotation that is called off would end the token that everybody still uses.
#[test]
fn a_successor_that_is_revoked_unused_leaves_the_old_one_alone() {
    let mut stage = Stage::new();
    for by_form in [false, true] {
        let old = stage.mint(&json!({}));
        let new = successor(rotate(&mut stage.client, &old, &json!({ "linger": "0s" })));
        if by_form {
            stage.client.post("/oauth/revoke").form(&format!("token={new}")).send().expect(200);
        } else {
            stage.client.delete("/v1/tokens/self").bearer(&new).send().expect(204);
        }
        stage.check(&new).expect(401);
        stage.check(&old).expect(200);
        assert!(stage.shown(&old)["superseded_by"].is_null());
    }
}

#[test]
fn a_tied_child_goes_over_to_its_parents_successor() {
    let mut stage = Stage::new();
    let parent = stage.mint(&json!({}));
    let child = stage.server.child(&parent, &json!({ "name": "child", "tied": true }));
    let child = child["token"].as_str().unwrap();
    let new = successor(rotate(&mut stage.client, &parent, &json!({ "mode": "now" })));
    stage.check(&parent).expect(401);
    stage.check(child).expect(200);
    stage.client.delete("/v1/tokens/self").bearer(&new).send().expect(204);
    assert_eq!(stage.check(child).expect(401).header("x-auth-reason"), Some("parent_dead"));
}

#[test]
fn the_command_line_rotates() {
    let stage = Stage::new();
    let old = stage.mint(&json!({}));
    let printed =
        stage.server.command(&["token", "rotate", &uuid(&old), "--mode", "now", "--uri"]).run().done();
    let new = printed.trim().strip_prefix("secret-token:").expect("a URI").to_owned();
    assert!(stage.server.accepts(&new) && !stage.server.accepts(&old));
    let newer = stage.server.command(&["token", "rotate", &uuid(&new), "--window", "1h", "--linger", "1m"]);
    let newer = newer.run().done();
    assert!(stage.server.accepts(&new) && stage.server.accepts(newer.trim()));
    let refused =
        stage.server.command(&["token", "rotate", &uuid(newer.trim()), "--window", "31d"]).run().refused(1);
    assert!(refused.contains("window: ") && refused.contains("30d"), "{refused}");
}
