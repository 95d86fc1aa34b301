//! A rotation whose reply was lost: asked for again under the same key, it isn't done again.

use serde_json::{Value, json};

use super::{Stage, uuid};
use crate::harness::{Client, Reply, estate::at_once};

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
