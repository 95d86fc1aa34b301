//! A rotation whose reply was lost: asked for again under the same key, it isn't done again.

use serde_json::{Value, json};

use super::{Stage, uuid};
use crate::harness::{Client, Reply, Run, estate::at_once};

const KEY: &str = "0b0f3c58-3f5e-4a40-a9f8-6f3c2e1d7a11";

fn rotate(client: &mut Client, token: &str, key: &str, body: &Value) -> Reply {
    client.post("/v1/tokens/self/rotate").bearer(token).header("Idempotency-Key", key).json(body).send()
}

fn text(reply: &Reply) -> String {
    reply.json()["token"].as_str().expect("a token").to_owned()
}

#[test]
fn the_same_request_gets_the_successor_that_it_made() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({ "limits": { "uses": 1000 } }));
    let made = rotate(&mut stage.client, &old, KEY, &json!({})).expect(201);
    let again = at_once(8, |_| rotate(&mut stage.server.client(), &old, KEY, &json!({})).expect(201).body);
    assert!(again.iter().all(|body| *body == made.body), "byte for byte");
    assert_eq!((stage.deeds("token.rotated"), stage.deeds("token.rotation_undone")), (1, 0));
    let other = rotate(&mut stage.client, &old, KEY, &json!({ "window": "1h" }));
    assert_eq!(other.problem(422), "idempotency_mismatch");
    let path = format!("/v1/tokens/{}/rotate", uuid(&old));
    let by_owner = stage.client.post(&path).basic("ada", &stage.ada.password).header("Idempotency-Key", KEY);
    assert_eq!(by_owner.json(&json!({})).send().problem(409), "idempotency_foreign");
    // The first use shows that it arrived.
    let new = text(&made);
    stage.check(&new).expect(200);
    let late = rotate(&mut stage.client, &old, KEY, &json!({}));
    assert_eq!(late.problem(409), "idempotency_spent");
    assert_eq!(late.json()["token_id"], uuid(&new));
}

/// It would promise what can't be kept: whoever lost the reply would ask with a token that is dead.
#[test]
fn what_ends_the_asking_token_at_once_takes_no_key() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({}));
    let now = json!({ "mode": "now" });
    let refused = rotate(&mut stage.client, &old, KEY, &now);
    assert_eq!(
        (refused.problem(400).as_str(), &refused.json()["field"]),
        ("invalid", &json!("Idempotency-Key"))
    );
    stage.check(&old).expect(200);
    // By another's word it can be.
    let path = format!("/v1/tokens/{}/rotate", uuid(&old));
    let ask = |stage: &mut Stage| {
        let request = stage.client.post(&path).basic("ada", &stage.ada.password);
        request.header("Idempotency-Key", KEY).json(&now).send().expect(201).body
    };
    assert_eq!(ask(&mut stage), ask(&mut stage));
    let other = stage.mint(&json!({}));
    let command = Run::new(&["token", "rotate", "self", "--mode", "now", "--url", &url(&stage)]);
    let printed = command.env("JETON_TOKEN", &other).run().done();
    stage.check(printed.trim()).expect(200);
    stage.check(&other).expect(401);
}

fn url(stage: &Stage) -> String {
    format!("http://{}", stage.server.address())
}

/// Otherwise what a lost mint took of its parent's uses is taken, and refused when it is asked for again.
#[test]
fn a_mint_that_took_the_last_uses_is_given_again() {
    let mut stage = Stage::new();
    let parent = stage.mint(&json!({ "limits": { "uses": 10 } }));
    let body = json!({ "name": "child", "limits": { "uses": 5 } });
    let ask = |stage: &mut Stage| {
        let request = stage.client.post("/v1/tokens").bearer(&parent).header("Idempotency-Key", KEY);
        request.json(&body).send()
    };
    let made = ask(&mut stage).expect(201);
    assert_eq!(ask(&mut stage).expect(201).body, made.body);
    assert_eq!(stage.shown(&parent)["used"], 2 + 5);
}

#[test]
fn a_crash_after_the_commit_loses_neither_token() {
    let mut stage = Stage::new();
    let mut old = stage.mint(&json!({}));
    for round in 0..3 {
        let key = format!("{KEY}-{round}");
        let body = json!({ "linger": "0s" });
        let made = text(&rotate(&mut stage.client, &old, &key, &body).expect(201));
        stage.server.kill();
        stage.server.launch();
        stage.client = stage.server.client();
        assert_eq!(text(&rotate(&mut stage.client, &old, &key, &body).expect(201)), made);
        assert_eq!(stage.deeds("token.rotated"), round + 1);
        stage.check(&old).expect(200);
        stage.check(&made).expect(200);
        old = made;
    }
}
