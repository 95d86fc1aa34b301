//! Who may rotate what, and how long the successor lives.

use serde_json::{Value, json};

use super::{Stage, rotate, successor, uuid};
use crate::harness::{estate::bearer, server::named};

fn path(token: &str) -> String {
    format!("/v1/tokens/{}/rotate", uuid(token))
}

/// Whoever is given the successor's secret acts as its owner.
#[test]
fn nobody_rotates_a_token_that_acts_for_somebody_else() {
    let stage = Stage::new();
    let bo = stage.server.issuer_of("default", "bo");
    let theirs = stage.server.mint(&bo, &named("bo's"))["token"].as_str().unwrap().to_owned();
    let stranger = stage.server.member("eve");
    for (who, status, code) in
        [(stage.ada.basic(), 403, "owner_foreign"), (stranger.basic(), 404, "not_found")]
    {
        assert_eq!(stage.server.ask(&who, "POST", &path(&theirs), &json!({})).problem(status), code);
    }
    let operator = stage.mint(&json!({ "privileges": ["jeton:admin", "*:*"] }));
    assert_eq!(
        stage.server.with(&operator, "POST", &path(&theirs), &json!({})).problem(403),
        "owner_foreign"
    );
    assert!(stage.server.accepts(&theirs));
    stage.server.ask(&bo.basic(), "POST", &path(&theirs), &json!({})).expect(201);
    stage.server.locally("POST", &path(&theirs), &json!({})).expect(201);
}

#[test]
fn a_token_rotates_another_only_where_it_could_mint_the_successor() {
    let stage = Stage::new();
    let wide = stage.mint(&json!({ "privileges": ["orders:*"], "lifetime": "10d" }));
    let with = |privileges: &[&str], lifetime: &str| {
        let by = stage.mint(&json!({ "privileges": privileges, "lifetime": lifetime }));
        stage.server.ask(&bearer(&by), "POST", &path(&wide), &json!({}))
    };
    assert_eq!(with(&["orders:read"], "20d").problem(403), "privilege_not_held");
    assert_eq!(with(&["orders:*"], "5d").problem(403), "wider_than_minter");
    with(&["orders:*"], "20d").expect(201);
    let restricted = stage.mint(&json!({ "restricted": true }));
    let refused = stage.server.ask(&bearer(&restricted), "POST", "/v1/tokens/self/rotate", &json!({}));
    assert_eq!(refused.problem(403), "token_restricted");
    assert_eq!(
        stage.server.ask(&stage.ada.basic(), "POST", "/v1/tokens/self/rotate", &json!({})).status,
        404
    );
}

/// Otherwise a token that is good from one network only gets itself one that is good from everywhere.
#[test]
fn a_limited_token_gets_no_siblings_secret() {
    let stage = Stage::new();
    let free = stage.mint(&json!({ "privileges": ["orders:read"] }));
    for (limits, field) in [
        (json!({ "networks": { "allow": ["127.0.0.0/8"] } }), "limits.networks.allow"),
        (json!({ "uses": 10 }), "limits.uses"),
        (json!({ "rate": "10/min" }), "limits.rate"),
    ] {
        let by = stage.mint(&json!({ "privileges": ["orders:read"], "limits": limits }));
        let refused = stage.server.ask(&bearer(&by), "POST", &path(&free), &json!({ "mode": "now" }));
        assert_eq!(refused.problem(403), "wider_than_minter");
        assert_eq!(refused.json()["field"], field);
        // Itself it may.
        stage.server.ask(&bearer(&by), "POST", "/v1/tokens/self/rotate", &json!({})).expect(201);
    }
    assert!(stage.server.accepts(&free));
}

#[test]
fn a_life_begins_anew_only_for_who_could_give_it() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({ "lifetime": "10d" }));
    let end = stage.shown(&old)["expires_at"].clone();
    // By itself never: a stolen token would live for good.
    let new = successor(rotate(&mut stage.client, &old, &json!({ "mode": "now" })));
    assert_eq!(stage.shown(&new)["expires_at"], end);
    let anew =
        stage.server.ask(&stage.ada.basic(), "POST", &path(&new), &json!({ "mode": "now" })).expect(201);
    let anew = anew.json()["token"].as_str().unwrap().to_owned();
    assert!(stage.shown(&anew)["expires_at"].as_str() > end.as_str(), "by password");
    // Not where the policy has become narrower.
    let end = stage.shown(&anew)["expires_at"].clone();
    stage.server.policy("default", &json!({ "max_lifetime": "1d" }));
    let last =
        stage.server.ask(&stage.ada.basic(), "POST", &path(&anew), &json!({ "mode": "now" })).expect(201);
    assert_eq!(last.json()["expires_at"], end);
}

#[test]
fn a_successor_may_hold_less_and_not_more() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({ "privileges": ["orders:*", "mail:send"] }));
    for wider in [json!(["bills:read"]), json!(["*:*"]), json!(["orders:read", "jeton:admin"])] {
        let refused = rotate(&mut stage.client, &old, &json!({ "privileges": wider }));
        assert_eq!(refused.problem(403), "privilege_not_held");
    }
    let new =
        successor(rotate(&mut stage.client, &old, &json!({ "privileges": ["orders:read"], "mode": "now" })));
    assert_eq!(stage.shown(&new)["privileges"], json!(["orders:read"]));
}

#[test]
fn what_is_dead_or_wrong_is_not_rotated() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({}));
    for (body, field) in [
        (json!({ "mode": "later" }), "mode"),
        (json!({ "window": "0s" }), "window"),
        (json!({ "window": "31d" }), "window"),
        (json!({ "linger": "8d" }), "linger"),
        (json!({ "mode": "now", "window": "1h" }), "window"),
        (json!({ "mode": "overlap", "linger": "1h" }), "linger"),
    ] {
        let refused = rotate(&mut stage.client, &old, &body);
        assert_eq!(refused.problem(400), "invalid");
        assert_eq!(refused.json()["field"], field);
    }
    assert_eq!(rotate(&mut stage.client, &old, &json!({ "owner": "bo" })).problem(400), "invalid");
    let by_owner =
        |stage: &Stage, token: &str| stage.server.ask(&stage.ada.basic(), "POST", &path(token), &Value::Null);
    stage.server.locally("POST", &format!("/v1/tokens/{}/disable", uuid(&old)), &Value::Null).expect(200);
    assert_eq!(by_owner(&stage, &old).problem(409), "status_unfit");
    stage.server.locally("DELETE", &format!("/v1/tokens/{}", uuid(&old)), &Value::Null).expect(204);
    assert_eq!(by_owner(&stage, &old).problem(410), "token_deleted");
    let old_version = stage.mint(&json!({}));
    let mut request = stage.client.post(&path(&old_version)).basic("ada", &stage.ada.password);
    request = request.header("If-Match", "\"7\"");
    assert_eq!(request.send().problem(412), "version_stale");
    by_owner(&stage, &old_version).expect(201);
}

/// A quota that is full is no reason to keep an old secret.
#[test]
fn a_rotation_needs_no_room_in_the_quota() {
    let mut stage = Stage::new();
    let old = stage.mint(&json!({}));
    stage.server.policy("default", &json!({ "quota": 1 }));
    let new = successor(rotate(&mut stage.client, &old, &json!({})));
    stage.check(&new).expect(200);
    let refused = stage.server.ask(&stage.ada.basic(), "POST", "/v1/tokens", &named("one more"));
    assert_eq!(refused.problem(409), "quota_full");
}
