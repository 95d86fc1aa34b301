//! What happens to a token: relabelled, disabled, enabled, deleted; and what must not happen to others.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Setting, TOKENS, keys, plain, refused, text};
use crate::harness::wait_for;

#[test]
fn a_token_moves_between_active_and_disabled_and_then_to_deleted_for_good() {
    let setting = Setting::new();
    let made = setting.named("moved");
    let (id, token) = (text(&made, "id"), plain(&made));
    let act = |verb: &str| setting.ask("POST", &format!("/{id}/{verb}"), &Value::Null);
    refused(&act("enable"), 400);
    assert!(setting.server.accepts(&token));
    assert_eq!(act("disable").expect(200).json()["status"], "Disabled");
    assert!(!setting.server.accepts(&token));
    let event = setting.server.last_event();
    refused(&act("disable"), 400);
    assert_eq!(setting.server.last_event(), event, "a refused change is no change");
    let enabled = act("enable").expect(200).json();
    assert_eq!((&enabled["status"], &enabled["token"]), (&json!("Active"), &Value::Null));
    assert!(setting.server.accepts(&token));

    let deleted = setting.ask("DELETE", &format!("/{id}"), &Value::Null).expect(204);
    assert!(deleted.body.is_empty());
    assert!(!setting.server.accepts(&token));
    refused(&setting.server.with(&token, "GET", TOKENS, &Value::Null), 401);
    for (method, rest) in [("POST", "/enable"), ("POST", "/disable"), ("PUT", ""), ("DELETE", "")] {
        let body = if method == "PUT" { json!({ "name": "back" }) } else { Value::Null };
        refused(&setting.ask(method, &format!("/{id}{rest}"), &body), 400);
        assert!(!setting.server.accepts(&token));
    }
    let shown = setting.get(&format!("/{id}")).expect(200).json();
    assert_eq!((&shown["status"], &shown["name"]), (&json!("Deleted"), &json!("moved")));
    assert_eq!(setting.names("select=name"), ["test"]);
    assert_eq!(setting.names("eq(status,Deleted)"), [""; 0]);
}

#[test]
fn an_expired_token_shows_disabled_and_stays_so() {
    let setting = Setting::new();
    let short = json!({ "name": "short", "lifetime": "1s" });
    let made = setting.server.child(&setting.token, &short);
    let id = text(&made, "number");
    let shown = wait_for("the token to expire", Duration::from_secs(10), || {
        let shown = setting.get(&format!("/{id}")).expect(200).json();
        (shown["status"] == "Disabled").then_some(shown)
    });
    assert_eq!(shown["name"], "short");
    for verb in ["enable", "disable"] {
        refused(&setting.ask("POST", &format!("/{id}/{verb}"), &Value::Null), 400);
    }
    assert_eq!(setting.names("status=disabled"), ["short"]);
    assert_eq!(setting.names("status=Active"), ["test"]);
    assert_eq!(setting.names("ne(status,Disabled)"), ["test"]);
    assert!(!setting.server.accepts(&text(&made, "token")));
    setting.ask("PUT", &format!("/{id}"), &json!({ "name": "relabelled" })).expect(200);
    setting.ask("DELETE", &format!("/{id}"), &Value::Null).expect(204);
}

#[test]
fn what_is_absent_or_null_stays() {
    let setting = Setting::new();
    let made = setting.create(&json!({ "name": "one", "description": "two\nlines", "icon": "three" }));
    let put = |body: &Value| {
        let changed = setting.ask("PUT", &format!("/{}", text(&made, "id")), body).expect(200).json();
        ["name", "description", "icon"].map(|member| text(&changed, member))
    };
    assert_eq!(put(&json!({})), ["one", "two\nlines", "three"]);
    assert_eq!(
        put(&json!({ "name": null, "description": null, "icon": null, "modules": null, "account": null })),
        ["one", "two\nlines", "three"]
    );
    assert_eq!(put(&json!({ "name": "1" })), ["1", "two\nlines", "three"]);
    assert_eq!(put(&json!({ "description": "", "icon": "" })), ["1", "", ""]);
    // The whole object, as a client has read it.
    let read = setting.get(&format!("/{}", text(&made, "id"))).expect(200).json();
    let event = setting.server.last_event();
    assert_eq!(put(&read), ["1", "", ""]);
    assert_eq!(setting.server.last_event(), event, "what changes nothing isn't recorded");
}

#[test]
fn a_token_stays_in_its_account() {
    let setting = Setting::new();
    setting.server.organization("acme", &json!({}));
    setting.server.join("acme", &setting.anna, &json!({}));
    let made = setting.named("stays");
    let put = |account: &str| {
        let path = format!("{TOKENS}/{}", text(&made, "id"));
        let body = json!({ "name": "moved", "account": { "id": account } });
        setting.server.ask(&setting.anna.basic(), "PUT", &path, &body)
    };
    for account in [setting.account("acme"), "ACC-0000-0001".into(), "default".into(), String::new()] {
        assert_eq!(keys(&refused(&put(&account), 400)), ["account"], "{account}");
        assert_eq!(setting.get(&format!("/{}", text(&made, "id"))).json()["name"], "stays");
    }
    assert_eq!(put(&setting.account("default")).expect(200).json()["name"], "moved");
}

#[test]
fn anothers_token_is_not_there_and_is_left_alone() {
    let setting = Setting::new();
    let berta = setting.server.user("berta");
    let hers = setting.server.token(&berta);
    let listed = setting.server.with(&hers, "GET", TOKENS, &Value::Null).expect(200).json();
    let listed = &listed["data"][0];
    let (id, href) = (text(listed, "id"), text(listed, "href"));
    let event = setting.server.last_event();
    let calls = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/disable")];
    for (method, rest) in calls {
        let body = if method == "PUT" { json!({ "name": "stolen" }) } else { Value::Null };
        refused(&setting.ask(method, &format!("/{id}{rest}"), &body), 404);
    }
    refused(&setting.server.with(&setting.token, "GET", &href, &Value::Null), 404);
    assert!(!setting.get("?limit=100").text().contains(&id));
    assert!(setting.server.accepts(&hers));
    assert_eq!(setting.server.last_event(), event);
    // Whoever manages the account may.
    let manager = setting.server.manager("mona");
    let path = format!("{TOKENS}/{id}");
    assert_eq!(
        setting.server.ask(&manager.basic(), "GET", &path, &Value::Null).expect(200).json()["token"],
        Value::Null
    );
    setting.server.ask(&manager.basic(), "DELETE", &path, &Value::Null).expect(204);
    assert!(!setting.server.accepts(&hers));
}

#[test]
fn only_a_token_number_is_an_id() {
    let setting = Setting::new();
    let native =
        setting.server.with(&setting.token, "GET", "/v1/tokens/self", &Value::Null).expect(200).json();
    let (uuid, number) = (text(&native, "id"), text(&native, "number"));
    setting.get(&format!("/{number}")).expect(200);
    let short: String = uuid.replace('-', "").chars().take(24).collect();
    let lower = number.to_lowercase();
    for id in
        [&uuid, &short, &lower, "self", "TKN-0000-0000", "TKN-1", "ACC-6180-3400", "%00", "%E2%98%83", "x"]
    {
        for (method, rest) in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/enable")] {
            let body = if method == "PUT" { json!({ "name": "x" }) } else { Value::Null };
            let reply = setting.ask(method, &format!("/{id}{rest}"), &body);
            // The door says no to some, in its own words.
            assert!(matches!(reply.status, 400 | 404), "{method} {id}: {}", reply.text());
            assert!(!id.is_ascii() || id.starts_with('%') || reply.status == 404, "{id}");
        }
    }
    assert!(setting.server.accepts(&setting.token));
}

/// What the vendor's clients send, need or not.
#[test]
fn odd_requests_of_real_clients_are_taken() {
    let setting = Setting::new();
    let id = text(&setting.named("odd"), "id");
    let mut client = setting.server.client();
    let path = |rest: &str| format!("/public{TOKENS}/{id}{rest}");
    for media_type in ["application/json", "application/json; charset=utf-8"] {
        client.get(&path("")).bearer(&setting.token).header("Content-Type", media_type).send().expect(200);
        client.get(TOKENS).bearer(&setting.token).header("Content-Type", media_type).send().expect(200);
    }
    // No body and no type, an empty body, an empty object.
    client.post(&path("/disable")).bearer(&setting.token).send().expect(200);
    client.post(&path("/enable")).bearer(&setting.token).text("application/json", "").send().expect(200);
    client.post(&path("/disable")).bearer(&setting.token).json(&json!({})).send().expect(200);
    // A body of another type, or of none.
    let body = r#"{"name":"typed"}"#;
    client.request("PUT", &path("")).bearer(&setting.token).text("text/plain", body).send().expect(200);
    client.delete(&path("")).bearer(&setting.token).json(&json!({})).send().expect(204);
    client.get(&format!("{TOKENS}/")).bearer(&setting.token).send().expect(200);
    client.request("HEAD", TOKENS).bearer(&setting.token).send().expect(200);
}
