//! Every status that is declared, and what a refusal must not do or say.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Setting, TOKENS, keys, refused, text};
use crate::harness::{Client, Server, client::Reply, estate::bearer};

/// Every route, with a body where it takes one.
fn routes(id: &str) -> Vec<(&'static str, String, Value)> {
    let body = || json!({ "name": "called" });
    let mut routes = Vec::new();
    for base in [TOKENS.to_owned(), format!("/public{TOKENS}")] {
        let root = base.trim_end_matches("/api-tokens").to_owned();
        routes.extend([
            ("GET", base.clone(), Value::Null),
            ("POST", base.clone(), body()),
            ("GET", format!("{base}/{id}"), Value::Null),
            ("PUT", format!("{base}/{id}"), body()),
            ("DELETE", format!("{base}/{id}"), Value::Null),
            ("POST", format!("{base}/{id}/enable"), Value::Null),
            ("POST", format!("{base}/{id}/disable"), Value::Null),
            ("GET", format!("{root}/accounts/ACC-6180-3400/tokens/{id}"), Value::Null),
        ]);
    }
    routes
}

#[test]
fn every_route_wants_a_users_living_credential() {
    let setting = Setting::new();
    let made = setting.named("victim");
    let id = text(&made, "id");
    let dead = setting.server.token(&setting.anna);
    setting.server.with(&dead, "DELETE", "/v1/tokens/self", &Value::Null).expect(204);
    let body = json!({ "name": "bound", "restricted": true });
    let restricted = text(&setting.server.child(&setting.token, &body), "token");
    let event = setting.server.last_event();
    for (method, path, body) in routes(&id) {
        let ask = |authorization: &str| setting.server.ask(authorization, method, &path, &body);
        for (authorization, status) in [
            (String::new(), 401),
            (bearer("jtn_wrong"), 401),
            (bearer(&dead), 401),
            ("Digest x".to_owned(), 401),
            (bearer(&restricted), 403),
            (bearer(setting.server.secret()), 403),
        ] {
            let reply = ask(&authorization);
            refused(&reply, status);
            // A token that can't do this is challenged as well (RFC 6750, 3.1); the local operator has none.
            let by_token = status == 401 || authorization == bearer(&restricted);
            assert_eq!(reply.header("www-authenticate").is_some(), by_token, "{method} {path}");
        }
        let mut client = setting.server.client();
        let twice = client.request(method, &path).bearer(&setting.token).header("x-api-key", &setting.token);
        let reply = if body.is_null() { twice.send() } else { twice.json(&body).send() };
        refused(&reply, 400);
    }
    assert_eq!(setting.server.last_event(), event, "nothing was done");
    assert_eq!(setting.get(&format!("/{id}")).expect(200).json()["name"], "victim");
}

#[test]
fn what_is_not_served_is_said_in_the_vendors_words() {
    let setting = Setting::new();
    let id = text(&setting.named("there"), "id");
    for root in ["/v1/accounts", "/public/v1/accounts"] {
        for rest in ["", "/api-token", "/api-tokens/x/y", "/accounts", "/accounts/ACC-6180-3400/tokens"] {
            let reply = setting.server.with(&setting.token, "GET", &format!("{root}{rest}"), &Value::Null);
            refused(&reply, 404);
            assert_eq!(reply.json()["title"], "Not Found");
        }
        for (method, rest, allow) in [
            ("DELETE", "", "GET, HEAD, POST"),
            ("PATCH", "", "GET, HEAD, POST"),
            ("POST", "/TKN", "GET, HEAD, PUT, DELETE"),
            ("GET", "/TKN/enable", "POST"),
            ("PUT", "/TKN/disable", "POST"),
        ] {
            let path = format!("{root}/api-tokens{}", rest.replace("TKN", &id));
            let reply = setting.server.with(&setting.token, method, &path, &Value::Null);
            refused(&reply, 405);
            assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        }
    }
}

#[test]
fn who_may_not_issue_makes_nothing() {
    let setting = Setting::new();
    let carl = setting.server.member("carl");
    let body = json!({ "name": "made" });
    refused(&setting.server.ask(&carl.basic(), "POST", TOKENS, &body), 403);
    setting.server.policy("default", &json!({ "quota": 1 }));
    let before = setting.names("");
    refused(&setting.ask("POST", "", &body), 409);
    assert_eq!(setting.names(""), before);
    setting.server.policy("default", &json!({ "quota": 100, "api_access": false }));
    let reply = setting.server.ask(&setting.anna.basic(), "POST", TOKENS, &body);
    refused(&reply, 403);
    refused(&setting.ask("POST", "", &body), 401);
    setting.server.policy("default", &json!({ "api_access": true }));
    assert_eq!(setting.names(""), before);
}

#[test]
fn a_wrong_body_is_refused_by_field_and_changes_nothing() {
    let setting = Setting::on(Server::setup().flags(&["--body-bytes", "256KiB"]));
    let id = text(&setting.named("same"), "id");
    let event = setting.server.last_event();
    let long = |count: usize| "é".repeat(count);
    let wrong = [
        ("", None),
        ("canary", None),
        ("{", None),
        ("[]", None),
        (r#"["canary"]"#, None),
        ("null", None),
        (r#"{"name":"a"} canary"#, None),
        (r#"{"name":1}"#, Some("name")),
        (r#"{"name":""}"#, Some("name")),
        (r#"{"name":"  "}"#, Some("name")),
        (r#"{"name":"a\u0000canary"}"#, Some("name")),
        (r#"{"name":"a","name":"b"}"#, Some("name")),
        (r#"{"name":"a","description":7}"#, Some("description")),
        (r#"{"name":"a","description":"\u001b"}"#, Some("description")),
        (r#"{"name":"a","icon":{}}"#, Some("icon")),
        (r#"{"name":"a","icon":"a\nb"}"#, Some("icon")),
        (r#"{"name":"a","account":"canary"}"#, Some("account")),
        (r#"{"name":"a","account":["canary"]}"#, Some("account")),
        (r#"{"name":"a","account":{"id":7}}"#, Some("account.id")),
        (r#"{"name":"a","modules":"canary"}"#, Some("modules")),
        (r#"{"name":"a","modules":{"id":"canary"}}"#, Some("modules")),
        (r#"{"name":"a","modules":["MOD-1111"]}"#, Some("modules[0]")),
        (r#"{"name":"a","modules":[["MOD-1111"]]}"#, Some("modules[0]")),
    ];
    let mut wrong: Vec<(String, Option<&str>)> =
        wrong.into_iter().map(|(body, field)| (body.to_owned(), field)).collect();
    wrong.extend([
        (json!({ "name": long(201) }).to_string(), Some("name")),
        (json!({ "name": "a", "description": long(2_001) }).to_string(), Some("description")),
        (json!({ "name": "a", "icon": long(4_001) }).to_string(), Some("icon")),
        (
            json!({ "name": "a", "modules": vec![json!({ "id": "MOD-1111" }); 1_001] }).to_string(),
            Some("modules"),
        ),
        (format!(r#"{{"name":{}"#, "[".repeat(10_000)), Some("name")),
    ]);
    let mut client = setting.server.client();
    let mut send = |method: &str, path: &str, body: &str| {
        client.request(method, path).bearer(&setting.token).text("application/json", body).send()
    };
    for (body, field) in &wrong {
        for (method, path) in [("POST", TOKENS.to_owned()), ("PUT", format!("{TOKENS}/{id}"))] {
            let reply = send(method, &path, body);
            let errors = refused(&reply, 400);
            assert_eq!(keys(&errors), field.iter().copied().collect::<Vec<_>>(), "{method} {body:.80}");
            assert!(!reply.text().contains("canary"), "{}", reply.text());
        }
    }
    for body in ["{}", r#"{"description":"a"}"#, r#"{"name":null}"#] {
        assert_eq!(keys(&refused(&send("POST", TOKENS, body), 400)), ["name"], "{body}");
    }
    assert_eq!(setting.server.last_event(), event);
}

#[test]
fn a_body_over_the_limit_is_413() {
    let setting = Setting::new();
    let mut client = setting.server.client();
    let body = format!(r#"{{"name":"a","icon":"{}"}}"#, "a".repeat(2 << 20));
    let reply = client.post(TOKENS).bearer(&setting.token).text("application/json", body).try_send();
    // The door answers before the body is through, or the connection is gone.
    assert!(reply.is_err() || reply.unwrap().status == 413);
}

#[test]
fn wrong_passwords_are_throttled() {
    let setting = Setting::new();
    let mut last: Option<Reply> = None;
    for count in 0..40 {
        let reply = setting.server.client().get(TOKENS).basic("anna", &format!("wrong {count}")).send();
        let throttled = reply.status == 429;
        last = Some(reply);
        if throttled {
            break;
        }
    }
    let last = last.unwrap();
    refused(&last, 429);
    assert!(last.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
}

#[test]
fn no_two_refusals_have_the_same_trace() {
    let setting = Setting::new();
    let mut client: Client = setting.server.client();
    let traces: HashSet<String> =
        (0..200).map(|_| text(&client.get(TOKENS).send().json(), "traceId")).collect();
    assert_eq!(traces.len(), 200);
}

#[test]
fn a_token_in_a_query_is_taken_where_it_is_looked_for_and_nowhere_else() {
    let setting = Setting::new();
    let id = text(&setting.named("there"), "id");
    for (method, path, body) in routes(&id) {
        let path = format!("{path}?token={}", setting.token);
        let reply = setting.server.with(&setting.token, method, &path, &body);
        if method == "GET" && path.contains("api-tokens?") {
            reply.expect(200);
        } else {
            assert_eq!(keys(&refused(&reply, 400)), ["token"], "{method}");
            assert!(!reply.text().contains("jtn_"));
        }
    }
    // It is no credential either.
    let mut client = setting.server.client();
    refused(&client.get(&format!("{TOKENS}?token={}", setting.token)).send(), 401);
}

#[test]
fn the_dialect_can_be_switched_off() {
    let server = Server::setup().flags(&["--dialects", "datasentinel"]).start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    for path in [TOKENS.to_owned(), format!("/public{TOKENS}")] {
        assert_eq!(server.with(&token, "GET", &path, &Value::Null).problem(404), "route_unknown");
    }
    assert_eq!(server.with(&token, "GET", "/openapi/softwareone.json", &Value::Null).status, 404);
}
