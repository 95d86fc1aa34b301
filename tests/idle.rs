//! Tokens that nobody uses: told, switched off, told again, deleted; and those that somebody uses.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{Server, server::named, wait_for},
    metrics,
};

const NONE: Value = Value::Null;
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands on record about a token: each kind and detail.
fn record(server: &Server, token: &Value) -> Vec<String> {
    let path = format!("/v1/events?sort=sequence&kind=token.&object={}", token["id"].as_str().unwrap());
    let events = server.locally("GET", &path, &NONE).expect(200).json();
    let items = events["items"].as_array().unwrap().iter();
    items
        .map(|event| {
            let line = format!("{} {}", event["kind"].as_str().unwrap(), event["detail"].as_str().unwrap());
            // When it is due differs each time.
            line.split(" due=").next().unwrap().trim().to_owned()
        })
        .collect()
}

fn shown(server: &Server, token: &Value) -> Value {
    let path = format!("/v1/tokens/{}", token["id"].as_str().unwrap());
    server.locally("GET", &path, &NONE).expect(200).json()
}

fn text(token: &Value) -> &str {
    token["token"].as_str().unwrap()
}

fn millis(instant: &Value) -> i64 {
    instant.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn what_nobody_uses_is_told_switched_off_told_again_and_deleted() {
    let server = Server::start();
    let anna = server.user("anna");
    let idle = |name: &str| server.mint(&anna, &json!({ "name": name, "max_idle": "5s" }));
    let (used, unused, back) = (idle("used"), idle("unused"), idle("back"));
    let lasting = server.mint(&anna, &named("lasting"));
    assert_eq!(millis(&unused["idle_until"]) - millis(&unused["created_at"]), 5_000);
    assert_eq!((&unused["max_idle"], &lasting["idle_until"]), (&json!("5s"), &NONE));

    let until = |what: &str, token: &Value, kind: &str| {
        wait_for(what, PATIENCE, || {
            assert!(server.accepts(text(&used)), "what is used stays");
            record(&server, token).iter().any(|event| event == kind).then(Instant::now)
        })
    };
    let told = until("the first notice", &unused, "token.idle_announced action=disable");
    assert_eq!(shown(&server, &unused)["status"], "active", "it is announced before");
    let announced = || metrics::page(&server)[r#"jeton_tokens_idle_announced{action="disable"}"#];
    wait_for("both to be announced", PATIENCE, || (announced() == 2).then_some(()));
    assert_eq!(metrics::page(&server)[r#"jeton_tokens_idle_total{action="disable"}"#], 0);

    let off = until("the end", &unused, "token.disabled cause=idle");
    assert!(off - told > Duration::from_millis(400), "its lead is {:?}", off - told);
    let refused = server.with(text(&unused), "GET", "/v1/tokens/self", &NONE);
    assert_eq!(refused.problem(401), "token_idle");
    let now = shown(&server, &unused);
    assert_eq!((&now["status"], &now["cause"]), (&json!("disabled"), &json!("idle")));
    assert_eq!(refused.json()["since"], now["updated_at"]);
    assert_eq!(now["idle_until"], NONE);

    // Switched on again, it is as good as used.
    until("the other's end", &back, "token.disabled cause=idle");
    let path = format!("/v1/tokens/{}/enable", back["id"].as_str().unwrap());
    let enabled = server.locally("POST", &path, &NONE).expect(200).json();
    assert_eq!((&enabled["status"], &enabled["cause"]), (&json!("active"), &json!("")));
    assert!(server.accepts(text(&back)));

    until("the second notice", &unused, "token.idle_announced action=delete");
    assert_eq!(shown(&server, &unused)["status"], "disabled");
    until("the deletion", &unused, "token.deleted cause=idle");
    assert_eq!(server.with(text(&unused), "GET", "/v1/tokens/self", &NONE).problem(401), "token_idle");
    let whole = [
        "token.created",
        "token.idle_announced action=disable",
        "token.disabled cause=idle",
        "token.idle_announced action=delete",
        "token.deleted cause=idle",
    ];
    assert_eq!(record(&server, &unused), whole);
    let once =
        |token: &Value, kind: &str| record(&server, token).iter().filter(|event| *event == kind).count();
    assert_eq!(once(&used, "token.disabled cause=idle"), 0);
    assert_eq!(record(&server, &lasting), ["token.created"]);
    let page = metrics::page(&server);
    assert_eq!(page[r#"jeton_tokens_idle_total{action="delete"}"#], 1);
    assert!(page[r#"jeton_tokens_idle_total{action="disable"}"#] >= 2);
    assert_eq!(server.locally("GET", "/v1/events/verify", &NONE).expect(200).json()["sound"], true);
}

#[test]
fn a_policy_holds_for_tokens_that_are_there_at_once() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.mint(&anna, &json!({ "name": "t", "max_idle": "1h" }));
    assert_eq!(millis(&token["idle_until"]) - millis(&token["created_at"]), 3_600_000);
    server.run(&["org", "set", "default", "--max-idle", "1s", "--on-leak", "disable"]).done();
    let policy = server.locally("GET", "/v1/organizations/default/policy", &NONE).json();
    assert_eq!((&policy["max_idle"], &policy["on_leak"]), (&json!("1s"), &json!("disable")));
    wait_for("the shorter of the two", PATIENCE, || {
        (shown(&server, &token)["cause"] == "idle").then_some(())
    });
    let lines = server.run(&["org", "show", "default"]).done();
    assert!(lines.contains("max idle") && lines.contains("1s"), "{lines}");
    assert!(lines.contains("on leak") && lines.contains("disable"), "{lines}");
    server.run(&["org", "set", "default", "--max-idle", "never"]).done();
    assert_eq!(server.locally("GET", "/v1/organizations/default/policy", &NONE).json()["max_idle"], NONE);
    let line = ["token", "create", "--user", "anna", "--name", "x", "--max-idle", "90d", "--json"];
    let made: Value = serde_json::from_str(&server.run(&line).done()).unwrap();
    assert_eq!(made["max_idle"], "90d");
}

/// The clock was set, or nothing ran for half a year: nobody can tell, so nothing is done that wasn't announced.
#[test]
fn a_start_in_another_year_tells_and_does_no_more() {
    let mut server = Server::setup().at("@2030-01-01 12:00:00").start();
    let anna = server.user("anna");
    let token = server.mint(&anna, &json!({ "name": "t", "max_idle": "30d", "lifetime": "300d" }));
    server.stop();
    server.set_env("FAKETIME", "@2030-07-01 12:00:00");
    server.launch();
    wait_for("the notice", PATIENCE, || {
        record(&server, &token).contains(&"token.idle_announced action=disable".into()).then_some(())
    });
    assert!(server.accepts(text(&token)));
    let now = shown(&server, &token);
    assert_eq!((&now["status"], record(&server, &token).len()), (&json!("active"), 2));
}
