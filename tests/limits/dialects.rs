//! Other vendors' APIs know nothing of limits, and hold every token to its own.

use serde_json::{Value, json};

use super::{Stage, from_now, too_fast};
use crate::harness::{Client, Reply};

/// A request of each vendor's that a token is let in for: by a header, but for the one who looks for it in the query.
const READS: [&str; 5] = [
    "/ds-api/user-token?token=",
    "/v4/apiAccessTokens",
    "/api/v1/me/tokens",
    "/public/v1/accounts/api-tokens",
    "/api/access-tokens",
];

fn read(client: &mut Client, path: &str, token: &str) -> Reply {
    if path.ends_with('=') {
        client.get(&format!("{path}{token}")).send()
    } else {
        client.get(path).bearer(token).send()
    }
}

#[test]
fn a_rate_is_429_and_says_when_it_is_good_again() {
    let mut stage = Stage::new();
    for path in READS {
        let token = stage.mint(&json!({ "rate": "2/min" }));
        for _ in 0..2 {
            read(&mut stage.client, path, &token).expect(200);
        }
        let reply = read(&mut stage.client, path, &token);
        assert!((50..=60).contains(&too_fast(&reply)), "{path}: {:?}", reply.headers);
    }
}

#[test]
fn a_token_used_up_or_before_its_time_is_401() {
    let mut stage = Stage::new();
    for path in READS {
        let token = stage.mint(&json!({ "uses": 2 }));
        for _ in 0..2 {
            read(&mut stage.client, path, &token).expect(200);
        }
        assert_eq!(read(&mut stage.client, path, &token).status, 401, "{path}");
        let early = stage.mint(&json!({ "not_before": from_now(600_000) }));
        assert_eq!(read(&mut stage.client, path, &early).status, 401, "{path}");
    }
}

#[test]
fn networks_and_routes_are_held_to_there_too() {
    let mut stage = Stage::new();
    for path in READS {
        // Datasentinel's call tells nobody why a token in its query isn't good, and it is about that token alone.
        let by_query = path.ends_with('=');
        let away = stage.mint(&json!({ "networks": { "allow": ["10.0.0.0/8"] } }));
        let status = if by_query { 401 } else { 403 };
        assert_eq!(read(&mut stage.client, path, &away).status, status, "{path}");
        let elsewhere = stage.mint(&json!({ "routes": ["GET api.example/*"] }));
        let status = if by_query { 200 } else { 403 };
        assert_eq!(read(&mut stage.client, path, &elsewhere).status, status, "{path}");
        let route = format!("GET 127.0.0.1{}", path.split('?').next().unwrap_or(path));
        let here = json!({ "routes": [route], "networks": { "allow": ["127.0.0.1"] } });
        let here = stage.mint(&here);
        read(&mut stage.client, path, &here).expect(200);
    }
}

/// What mints by another vendor's API passes its limits on, as none can be named there.
#[test]
fn what_is_minted_there_has_its_minters_limits() {
    let mut stage = Stage::new();
    let limits = json!({ "networks": { "allow": ["127.0.0.0/8"] }, "rate": "100/day" });
    let minter = stage.mint(&limits);
    for (path, body, name) in [
        ("/v4/apiAccessTokens", json!({ "lifetimeSeconds": 3600 }), "tokenValue"),
        ("/api/v1/me/tokens", json!({ "name": "n", "lifetime": "one-week" }), "token"),
        ("/public/v1/accounts/api-tokens", json!({ "name": "n" }), "token"),
        ("/api/access-tokens", json!({ "name": "n" }), "token"),
    ] {
        let made = stage.client.post(path).bearer(&minter).json(&body).send();
        assert!(matches!(made.status, 200 | 201), "{path}: {}", made.text());
        let text = made.json()[name].as_str().unwrap().to_owned();
        let text = text.rsplit(':').next().unwrap();
        let own: Value = stage.present(text).expect(200).json();
        assert_eq!(own["limits"]["networks"]["allow"], json!(["127.0.0.0/8"]), "{path}");
        assert_eq!(own["limits"]["rate"], "100/day", "{path}");
    }
    let counted = stage.mint(&json!({ "uses": 100 }));
    let reply = stage.client.post("/api/access-tokens").bearer(&counted).json(&json!({ "name": "n" })).send();
    assert_eq!(reply.status, 403, "uses have to be named: {}", reply.text());
}
