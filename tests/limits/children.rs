//! What a limited token mints is limited as it is: narrower if that is asked for, and never wider.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use serde_json::{Value, json};

use super::{Stage, from_now, secret};
use crate::harness::server::named;

/// Limits on every axis.
fn limits() -> Value {
    json!({
        "networks": { "allow": ["127.0.0.0/8"], "deny": ["127.9.0.0/16"] },
        "routes": ["* 127.0.0.1/v1/*", "GET *.example/v1/*/items"],
        "not_before": "2020-01-01T00:00:00.000Z", "uses": null, "rate": "1000/day",
    })
}

#[test]
fn what_is_not_asked_for_is_inherited() {
    let mut stage = Stage::new();
    let parent = stage.mint(&limits());
    for body in [named("plain"), json!({ "name": "empty", "limits": {} })] {
        let child = stage.server.child(&parent, &body);
        assert_eq!(child["limits"], limits());
        let grandchild = stage.server.child(&secret(&child), &body);
        assert_eq!(grandchild["limits"], limits());
        assert_eq!(stage.shown(&secret(&grandchild))["limits"], limits());
    }
}

#[test]
fn narrower_is_taken_and_wider_refused_on_each_axis() {
    let mut stage = Stage::new();
    let parent = stage.mint(&limits());
    for (member, narrower) in [
        ("networks", json!({ "allow": ["127.0.0.1", "127.5.0.0/16"] })),
        ("networks", json!({ "deny": ["127.8.0.0/16"] })),
        ("routes", json!(["GET 127.0.0.1/v1/me", "HEAD a.example:443/v1/1/items"])),
        ("not_before", json!(from_now(60_000))),
        ("uses", json!(7)),
        ("rate", json!("1000/day")),
    ] {
        let made = stage.ask_child(&parent, &json!({ member: narrower })).expect(201).json();
        for (other, value) in limits().as_object().unwrap() {
            let shown = &made["limits"][other];
            match (member == other, other.as_str()) {
                (false, _) => assert_eq!(shown, value, "{member}"),
                (true, "networks") => {
                    let both: Vec<_> = [&["127.9.0.0/16"][..], &["127.8.0.0/16"]].concat();
                    let deny = if narrower["deny"].is_null() { vec!["127.9.0.0/16"] } else { both };
                    assert_eq!(shown["deny"], json!(deny), "what is denied stays so");
                }
                (true, "not_before") => assert_ne!(shown, value),
                (true, _) => assert_eq!(*shown, narrower),
            }
        }
    }
    for (field, wider) in [
        ("limits.networks.allow", json!({ "networks": { "allow": ["10.0.0.0/8"] } })),
        ("limits.networks.allow", json!({ "networks": { "allow": ["127.0.0.1", "0.0.0.0/0"] } })),
        ("limits.routes", json!({ "routes": ["* */*"] })),
        ("limits.routes", json!({ "routes": ["GET 127.0.0.1/v1/me", "GET 127.0.0.1/v2/me"] })),
        ("limits.routes", json!({ "routes": ["GET example/v1/1/items"] })),
        ("limits.not_before", json!({ "not_before": "2019-12-31T23:59:59.999Z" })),
        ("limits.rate", json!({ "rate": "1001/day" })),
        ("limits.rate", json!({ "rate": "1000/h" })),
    ] {
        let reply = stage.ask_child(&parent, &wider);
        assert_eq!(reply.problem(403), "wider_than_minter", "{wider}");
        assert_eq!(reply.json()["field"], field, "{wider}");
    }
}

#[test]
fn uses_come_out_of_the_parents_own() {
    let mut stage = Stage::new();
    let parent = stage.mint(&json!({ "uses": 10 }));
    // Asking is a use itself: nine are left, and eight after that.
    for (uses, field) in [(json!(null), "limits.uses"), (json!(11), "limits.uses")] {
        let reply = stage.ask_child(&parent, &json!({ "uses": uses }));
        assert_eq!(reply.problem(403), "wider_than_minter", "{uses}");
        assert_eq!(reply.json()["field"], field);
    }
    let child = secret(&stage.ask_child(&parent, &json!({ "uses": 4 })).expect(201).json());
    assert_eq!(stage.shown(&parent)["used"], 3 + 4);
    let reply = stage.ask_child(&parent, &json!({ "uses": 3 }));
    assert_eq!(reply.problem(403), "wider_than_minter", "two are left");
    for used in 1..=4 {
        assert_eq!(stage.present(&child).expect(200).json()["used"], used);
    }
    assert_eq!(stage.present(&child).problem(401), "token_used_up");
    assert_eq!(stage.present(&parent).expect(200).json()["used"], 9);
}

#[test]
fn a_minting_that_is_refused_gives_back_what_it_took() {
    let mut stage = Stage::new();
    let parent = stage.mint(&json!({ "uses": 10 }));
    let body = json!({ "name": "x", "privileges": ["jeton:admin"], "limits": { "uses": 8 } });
    let reply = stage.client.post("/v1/tokens").bearer(&parent).json(&body).send();
    assert_eq!(reply.problem(403), "privilege_not_held");
    assert_eq!(stage.shown(&parent)["used"], 1, "the request itself");
    stage.ask_child(&parent, &json!({ "uses": 8 })).expect(201);
    assert_eq!(stage.present(&parent).problem(401), "token_used_up");
}

#[test]
fn minting_at_once_takes_no_more_than_there_is() {
    let mut stage = Stage::new();
    // 16 ask for 10 each and pay one for asking: of 96 that leaves enough for eight, in whatever order.
    let parent = stage.mint(&json!({ "uses": 96 }));
    let made = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let body = json!({ "name": "child", "limits": { "uses": 10 } });
                let reply = stage.server.client().post("/v1/tokens").bearer(&parent).json(&body).send();
                match reply.status {
                    201 => drop(made.fetch_add(1, Ordering::Relaxed)),
                    _ => assert_eq!(reply.problem(403), "wider_than_minter"),
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 8);
    assert_eq!(stage.shown(&parent)["used"], 96);
    stage.server.stop();
    stage.server.launch();
    stage.client = stage.server.client();
    assert_eq!(stage.shown(&parent)["used"], 96, "and so it is written down");
}

#[test]
fn a_rate_is_shared_with_what_is_minted() {
    let mut stage = Stage::new();
    let parent = stage.mint(&json!({ "rate": "6/day" }));
    let child = secret(&stage.ask_child(&parent, &json!({})).expect(201).json());
    let grandchild = secret(&stage.ask_child(&child, &json!({ "rate": "6/day" })).expect(201).json());
    for token in [&parent, &child, &grandchild, &grandchild] {
        stage.present(token).expect(200);
    }
    for token in [&parent, &child, &grandchild] {
        assert_eq!(stage.present(token).problem(429), "rate_exceeded");
    }
    // Somebody else's are their own.
    let other = stage.mint(&json!({ "rate": "1/day" }));
    stage.present(&other).expect(200);
    assert_eq!(stage.present(&other).problem(429), "rate_exceeded");
    let (one, two) = (stage.mint(&json!({})), json!({ "rate": "1/day" }));
    for _ in 0..2 {
        let child = secret(&stage.ask_child(&one, &two).expect(201).json());
        stage.present(&child).expect(200);
        assert_eq!(stage.present(&child).problem(429), "rate_exceeded", "each has one of its own");
    }
    stage.present(&one).expect(200);
}
