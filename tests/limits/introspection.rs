//! Limits where a service asks about a token that somebody showed it (RFC 7662): judged by what it says of that request.

use serde_json::{Value, json};

use super::{Stage, from_now};
use crate::harness::{database, server::named, token, wait_for};

const INACTIVE: &str = "{\"active\":false}";

/// Introspects, with more members of the form.
fn is_active(stage: &mut Stage, asker: &str, token: &str, more: &str) -> bool {
    let request = stage.client.post("/oauth/introspect").bearer(asker);
    let reply = request.form(&format!("token={token}{more}")).send().expect(200);
    let active = reply.json()["active"] == true;
    assert!(active || reply.text() == INACTIVE, "{}", reply.text());
    active
}

#[test]
fn a_network_is_held_against_the_address_that_is_told() {
    let mut stage = Stage::new();
    let asker = stage.asker();
    // The asker's own address is in it, and isn't the client's.
    let token =
        stage.mint(&json!({ "networks": { "allow": ["10.0.0.0/8", "2001:db8::/32", "127.0.0.0/8"] } }));
    for (more, active) in [
        ("", false),
        ("&address=", false),
        ("&address=10.1.2.3", true),
        ("&address=%3A%3Affff%3A10.1.2.3", true),
        ("&address=2001:db8::1", true),
        ("&address=2001:db9::1", false),
        ("&address=11.0.0.1", false),
    ] {
        assert_eq!(is_active(&mut stage, &asker, &token, more), active, "{more}");
    }
    let barred = stage.mint(&json!({ "networks": { "deny": ["10.0.0.0/8"] } }));
    assert!(!is_active(&mut stage, &asker, &barred, ""), "who knows?");
    assert!(!is_active(&mut stage, &asker, &barred, "&address=10.1.2.3"));
    assert!(is_active(&mut stage, &asker, &barred, "&address=11.1.2.3"));
    let free = stage.mint(&json!({}));
    assert!(
        is_active(&mut stage, &asker, &free, "&address=11.1.2.3") && is_active(&mut stage, &asker, &free, "")
    );
}

#[test]
fn routes_are_held_against_the_request_that_is_told() {
    let mut stage = Stage::new();
    let asker = stage.asker();
    let token = stage.mint(&json!({ "routes": ["GET api.example/v1/reports/*", "* other.example:8443/*"] }));
    for (more, active) in [
        ("", false),
        ("&method=GET", false),
        ("&method=GET&host=api.example", false),
        ("&host=api.example&path=/v1/reports/1", false),
        ("&method=GET&host=api.example&path=/v1/reports/1", true),
        ("&method=HEAD&host=API.example:443&path=/v1/reports/1/2", true),
        ("&method=GET&host=api.example&path=/v1/reports/1%3Fpage%3D%2F..%2F", true),
        ("&method=POST&host=api.example&path=/v1/reports/1", false),
        ("&method=GET&host=api.example&path=/v1/report", false),
        ("&method=GET&host=api.example&path=/v1/reports/../users", false),
        ("&method=GET&host=api.example&path=/v1/reports/%252e%252e/users", false),
        ("&method=GET&host=127.0.0.1&path=/oauth/introspect", false),
        // What isn't known is held by a wildcard.
        ("&host=other.example:8443", true),
        ("&host=other.example", false),
    ] {
        assert_eq!(is_active(&mut stage, &asker, &token, more), active, "{more}");
    }
    let any = stage.mint(&json!({ "routes": ["* */*"] }));
    assert!(is_active(&mut stage, &asker, &any, ""));
}

#[test]
fn a_client_that_can_be_none_is_refused() {
    let mut stage = Stage::new();
    let (asker, token) = (stage.asker(), stage.mint(&json!({})));
    for (more, field) in [
        ("&address=localhost", "address"),
        ("&address=10.0.0.0/8", "address"),
        ("&address=127.0.0.1:80", "address"),
        ("&path=v1", "path"),
        ("&path=https://api.example/v1", "path"),
    ] {
        let request = stage.client.post("/oauth/introspect").bearer(&asker);
        let reply = request.form(&format!("token={token}{more}")).send();
        reply.problem(400);
        assert_eq!(
            (&reply.json()["field"], &reply.json()["error"]),
            (&json!(field), &json!("invalid_request"))
        );
        let (name, value) = more[1..].split_once('=').unwrap();
        let body = json!({ "tokens": [token], name: value });
        let reply = stage.client.post("/v1/introspect/batch").bearer(&asker).json(&body).send();
        reply.problem(400);
        assert_eq!(reply.json()["field"], field);
    }
    let twice = format!("token={token}&address=10.0.0.1&address=10.0.0.1");
    stage.client.post("/oauth/introspect").bearer(&asker).form(&twice).send().problem(400);
}

#[test]
fn many_at_once_come_from_one_client() {
    let mut stage = Stage::new();
    let asker = stage.asker();
    let tokens = [
        stage.mint(&json!({})),
        stage.mint(&json!({ "networks": { "allow": ["10.0.0.0/8"] } })),
        stage.mint(&json!({ "routes": ["GET api.example/*"] })),
        stage.mint(&json!({ "networks": { "deny": ["10.0.0.0/8"] }, "uses": 1 })),
    ];
    let mut ask = |client: Value| -> Vec<bool> {
        let mut body = json!({ "tokens": tokens });
        body.as_object_mut().unwrap().extend(client.as_object().unwrap().clone());
        let reply =
            stage.client.post("/v1/introspect/batch").bearer(&asker).json(&body).send().expect(200).json();
        reply["items"].as_array().unwrap().iter().map(|item| item["active"] == true).collect()
    };
    assert_eq!(ask(json!({})), [true, false, false, false]);
    assert_eq!(ask(json!({ "address": "10.1.1.1" })), [true, true, false, false]);
    let request = json!({ "address": "11.1.1.1", "method": "GET", "host": "api.example", "path": "/x?y" });
    assert_eq!(ask(request.clone()), [true, false, true, true]);
    assert_eq!(ask(request), [true, false, true, false], "it was good for one use");
}

#[test]
fn a_question_is_a_use_and_what_is_inactive_is_none() {
    let mut stage = Stage::new();
    let asker = stage.asker();
    let token = stage.mint(&json!({ "uses": 2, "networks": { "allow": ["10.0.0.0/8"] } }));
    for (more, active) in [
        ("", false),
        ("&address=10.0.0.1", true),
        ("&address=11.0.0.1", false),
        ("&address=10.0.0.1", true),
        ("&address=10.0.0.1", false),
    ] {
        assert_eq!(is_active(&mut stage, &asker, &token, more), active, "{more}");
    }
    let quick = stage.mint(&json!({ "rate": "2/day" }));
    assert_eq!([0; 3].map(|_| is_active(&mut stage, &asker, &quick, "")), [true, true, false]);
    let early = stage.mint(&json!({ "not_before": from_now(600_000) }));
    assert!(!is_active(&mut stage, &asker, &early, ""));
    let begins = "2020-01-01T00:00:00Z";
    let late = stage.mint(&json!({ "not_before": begins }));
    let form = format!("token={late}");
    let said = stage.client.post("/oauth/introspect").bearer(&asker).form(&form).send().expect(200).json();
    assert_eq!((&said["active"], &said["nbf"]), (&json!(true), &json!(1_577_836_800)));
}

/// It is kept from jeton itself, and is good for services elsewhere.
#[test]
fn a_restricted_token_is_active_within_its_limits() {
    let mut stage = Stage::new();
    let asker = stage.asker();
    let body =
        json!({ "name": "r", "restricted": true, "limits": { "networks": { "allow": ["10.0.0.0/8"] } } });
    let token = super::secret(&stage.server.mint(&stage.anna, &body));
    assert!(is_active(&mut stage, &asker, &token, "&address=10.0.0.1"));
    assert!(!is_active(&mut stage, &asker, &token, ""));
}

/// Who asks has limits too, and those are held against the question's own request.
#[test]
fn an_asker_has_limits_of_its_own() {
    let mut stage = Stage::new();
    let ada = stage.server.administrator("ada");
    let limits = ["--privilege", "jeton:introspect", "--uses", "2", "--route", "POST 127.0.0.1/oauth/*"];
    let asker = stage.server.token_with(&ada, &limits);
    let token = stage.mint(&json!({}));
    assert!(is_active(&mut stage, &asker, &token, "") && is_active(&mut stage, &asker, &token, ""));
    let request = stage.client.post("/oauth/introspect").bearer(&asker);
    assert_eq!(request.form(&format!("token={token}")).send().problem(401), "token_used_up");
}

/// The address a token was last used from, as it is written down within seconds.
fn last_address(stage: &Stage, token: &str) -> String {
    let connection = database::open(&stage.server.data());
    let id = token::Wire::read(token).id;
    wait_for("the use to be written down", std::time::Duration::from_secs(30), || {
        let sql = "SELECT ifnull(address, 'none') FROM token_uses WHERE token = ? AND count > 0";
        connection.query_row(sql, [id], |row| row.get(0)).ok()
    })
}

#[test]
fn a_use_is_noted_as_the_clients_where_it_is_known() {
    let mut stage = Stage::new();
    let asker = stage.asker();
    let made = [0; 3].map(|_| super::secret(&stage.server.mint(&stage.anna, &named("noted"))));
    let [told, untold, refused] = &made;
    assert!(is_active(&mut stage, &asker, told, "&address=%3A%3Affff%3A203.0.113.9"));
    assert!(is_active(&mut stage, &asker, untold, ""));
    stage
        .client
        .post("/oauth/introspect")
        .bearer(&asker)
        .form(&format!("token={refused}&address=x"))
        .send()
        .problem(400);
    assert_eq!(last_address(&stage, told), "203.0.113.9");
    assert_eq!(last_address(&stage, untold), "127.0.0.1", "the asker's, as it was before");
    assert_eq!(stage.shown(refused)["last_used_at"], Value::Null);
}
