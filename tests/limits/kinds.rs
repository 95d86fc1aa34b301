//! Each kind of limit at jeton's own API: what it lets through and what it doesn't.

use std::time::Duration;

use serde_json::json;

use super::{Stage, from_now, too_fast};
use crate::harness::{Server, wait_for};

#[test]
fn a_network_holds_its_addresses_and_no_others() {
    let stage = Stage::new();
    let from = |address: [u8; 4], token: &str| {
        stage.server.client().from(address).get("/v1/tokens/self").bearer(token).send()
    };
    let token = stage
        .mint(&json!({ "networks": { "allow": ["127.3.0.0/16", "127.0.0.9"], "deny": ["127.3.2.0/24"] } }));
    for (address, good) in [
        ([127, 3, 0, 1], true),
        ([127, 3, 255, 255], true),
        ([127, 0, 0, 9], true),
        ([127, 3, 2, 1], false),
        ([127, 0, 0, 1], false),
        ([127, 4, 0, 1], false),
    ] {
        let reply = from(address, &token);
        if good {
            reply.expect(200);
        } else {
            assert_eq!(reply.problem(403), "network_denied", "{address:?}");
        }
    }
    let token = stage.mint(&json!({ "networks": { "deny": ["127.3.0.0/16"] } }));
    assert_eq!(from([127, 3, 2, 1], &token).problem(403), "network_denied");
    from([127, 0, 0, 1], &token).expect(200);
}

/// The control socket's peer has no address, and so is in no network.
#[test]
fn an_address_that_is_not_known_is_in_no_network() {
    let stage = Stage::new();
    let mut control = stage.server.control_client();
    let free = stage.mint(&json!({}));
    control.get("/v1/tokens/self").bearer(&free).send().expect(200);
    let token = stage.mint(&json!({ "networks": { "allow": ["0.0.0.0/0", "::/0"] } }));
    assert_eq!(control.get("/v1/tokens/self").bearer(&token).send().problem(403), "network_denied");
}

#[test]
fn a_token_with_routes_does_at_jeton_what_they_name_and_reads_and_revokes_itself() {
    let mut stage = Stage::new();
    let elsewhere = stage.mint(&json!({ "routes": ["* api.example/*"] }));
    stage.present(&elsewhere).expect(200);
    let id = stage.shown(&elsewhere)["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", "/v1/me".to_owned()),
        ("GET", "/v1/tokens".to_owned()),
        ("POST", "/v1/tokens".to_owned()),
        ("GET", format!("/v1/tokens/{id}")),
        ("DELETE", format!("/v1/tokens/{id}")),
        ("GET", "/api/v1/me/tokens".to_owned()),
    ] {
        let reply = stage.client.request(method, &path).bearer(&elsewhere).send();
        assert_eq!(reply.status, 403, "{method} {path}: {}", reply.text());
        // What a request says of its host isn't jeton's host.
        let reply =
            stage.client.request(method, &path).header("Host", "api.example").bearer(&elsewhere).send();
        assert!(matches!(reply.status, 403 | 421), "{method} {path}: {}", reply.text());
    }
    let reply = stage.client.get("/v1/me").bearer(&elsewhere).send();
    assert_eq!(reply.problem(403), "route_denied");
    stage.client.delete("/v1/tokens/self").bearer(&elsewhere).send().expect(204);
    assert!(!stage.server.accepts(&elsewhere));

    // Its own host is that of its public URL.
    let here = stage.mint(&json!({ "routes": ["GET 127.0.0.1/v1/me", "* 127.0.0.1:1/*"] }));
    stage.client.get("/v1/me").bearer(&here).send().expect(200);
    stage.client.request("HEAD", "/v1/me").bearer(&here).send().expect(200);
    for (method, path) in [("GET", "/v1/tokens"), ("POST", "/v1/me"), ("GET", "/v1/organizations")] {
        let reply = stage.client.request(method, path).bearer(&here).send();
        assert!(matches!(reply.status, 403 | 405), "{method} {path}: {}", reply.text());
    }
}

#[test]
fn a_token_is_not_good_before_its_time() {
    let mut stage = Stage::new();
    let begins = from_now(2_500);
    let token = stage.mint(&json!({ "not_before": begins }));
    let early = stage.present(&token);
    assert_eq!(early.problem(401), "token_not_yet_valid");
    assert!(early.header("www-authenticate").is_some_and(|challenge| challenge.contains("invalid_token")));
    wait_for("the token to be good", Duration::from_secs(10), || {
        (stage.present(&token).status == 200).then_some(())
    });
    // Its time is never set back, and so may be a little ahead of a clock that was.
    let ahead = jiff::SignedDuration::from_millis(500);
    assert!(jiff::Timestamp::now() + ahead >= begins.parse::<jiff::Timestamp>().unwrap());
}

#[test]
fn the_clock_alone_brings_it_about() {
    let mut stage = Stage::on(Server::setup().at("+0").start());
    let token = stage.mint(&json!({ "not_before": from_now(3_600_000), "uses": 1 }));
    for _ in 0..3 {
        assert_eq!(stage.present(&token).problem(401), "token_not_yet_valid");
    }
    stage.server.stop();
    stage.server.set_env("FAKETIME", "+2h");
    stage.server.launch();
    stage.client = stage.server.client();
    stage.present(&token).expect(200);
    assert_eq!(stage.present(&token).problem(401), "token_used_up", "what was refused didn't count");
    let late =
        json!({ "name": "late", "lifetime": "1h", "limits": { "not_before": "2999-01-01T00:00:00Z" } });
    let reply = stage.client.post("/v1/tokens").basic("anna", &stage.anna.password).json(&late).send();
    reply.problem(400);
    assert_eq!(reply.json()["field"], "limits.not_before", "it would never be good");
}

/// Somebody may find out too late that one leaked.
#[test]
fn a_token_that_is_not_good_can_still_be_revoked() {
    let mut stage = Stage::new();
    for limits in [
        json!({ "not_before": from_now(86_400_000), "uses": 1 }),
        json!({ "networks": { "allow": ["10.0.0.0/8"] } }),
        json!({ "routes": ["GET api.example/*"] }),
        json!({ "uses": 1, "rate": "1/day" }),
    ] {
        let token = stage.mint(&limits);
        if limits["rate"].is_string() {
            stage.present(&token).expect(200);
        }
        stage.client.post("/oauth/revoke").form(&format!("token={token}")).send().expect(200);
        assert_eq!(stage.shown(&token)["status"], "deleted", "{limits}");
    }
}

#[test]
fn uses_run_out() {
    let mut stage = Stage::new();
    let token = stage.mint(&json!({ "uses": 3 }));
    for used in 1..=3 {
        assert_eq!(stage.present(&token).expect(200).json()["used"], used);
    }
    for _ in 0..2 {
        let reply = stage.present(&token);
        assert_eq!(reply.problem(401), "token_used_up");
    }
    assert_eq!(stage.shown(&token)["used"], 3, "what is refused isn't counted");
    let free = stage.mint(&json!({}));
    for _ in 0..10 {
        stage.present(&free).expect(200);
    }
    assert_eq!(stage.shown(&free)["used"], json!(null));
}

#[test]
fn what_another_limit_refuses_uses_nothing_up() {
    let mut stage = Stage::new();
    let token = stage.mint(&json!({ "uses": 2, "rate": "2/day", "routes": ["GET 127.0.0.1/v1/me"] }));
    for _ in 0..5 {
        assert_eq!(stage.client.get("/v1/tokens").bearer(&token).send().problem(403), "route_denied");
    }
    for _ in 0..2 {
        stage.client.get("/v1/me").bearer(&token).send().expect(200);
    }
    assert_eq!(stage.client.get("/v1/me").bearer(&token).send().problem(401), "token_used_up");
}

#[test]
fn a_rate_is_so_many_in_a_period_and_then_again() {
    let mut stage = Stage::new();
    let token = stage.mint(&json!({ "rate": "3/min" }));
    for _ in 0..3 {
        stage.present(&token).expect(200);
    }
    let reply = stage.present(&token);
    assert_eq!(reply.problem(429), "rate_exceeded");
    assert_eq!(reply.json()["limit"], 3);
    assert!((50..=60).contains(&too_fast(&reply)), "{:?}", reply.headers);

    let token = stage.mint(&json!({ "rate": "1/s" }));
    let began = std::time::Instant::now();
    stage.present(&token).expect(200);
    wait_for("the next period", Duration::from_secs(10), || {
        let reply = stage.present(&token);
        if reply.status == 200 {
            return Some(());
        }
        assert_eq!(too_fast(&reply), 1);
        None
    });
    assert!(began.elapsed() >= Duration::from_millis(990), "{:?}", began.elapsed());
}

/// Where they are presented to jeton itself, all a restricted token does is read and revoke itself; its limits hold there.
#[test]
fn a_restricted_token_has_limits_as_well() {
    let mut stage = Stage::new();
    let body = json!({ "name": "r", "restricted": true, "limits": { "uses": 2 } });
    let token = super::secret(&stage.server.mint(&stage.anna, &body));
    assert_eq!(stage.client.get("/v1/me").bearer(&token).send().problem(403), "token_restricted");
    stage.present(&token).expect(200);
    stage.present(&token).expect(200);
    assert_eq!(stage.present(&token).problem(401), "token_used_up");
}
