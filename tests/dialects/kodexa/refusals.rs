//! What is said no with: problem documents, and nothing of what was sent.

use serde_json::json;

use super::{Kodexa, TOKENS, keys, path, refused, text};

#[test]
fn bodies_that_are_none_are_refused_by_what_is_wrong() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({}));
    let one = path(text(&made, "id"));
    let deep = format!(r#"{{"user":{}"#, "[".repeat(10_000));
    for body in [
        "null",
        "[]",
        r#"["canary", null, null]"#,
        r#""canary""#,
        "7",
        "{",
        r#"{"name": canary}"#,
        r#"{"name": "canary"} canary"#,
        r#"{"name": "canary", "name": "canary"}"#,
        "{\"name\": \"\u{0}\"}",
        r#"{"name": "\ud800"}"#,
        &deep,
    ] {
        for (method, path) in [("POST", TOKENS), ("PUT", one.as_str())] {
            let reply = kodexa.request(method, path).text("application/json", body).send();
            refused(&reply, 400);
            assert!(!reply.text().contains("canary"), "{}", reply.text());
        }
    }
    refused(&kodexa.request("PUT", &one).text("application/json", "").send(), 400);
    let latin =
        kodexa.request("POST", TOKENS).text("application/json", b"{\"name\": \"\xe9\"}".to_vec()).send();
    refused(&latin, 400);
    assert_eq!(kodexa.get(TOKENS).expect(200).json()["totalElements"], 2, "nothing was made");
    assert_eq!(kodexa.get(&one).expect(200).json()["changeSequence"], 0, "nothing was changed");
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let mut kodexa = Kodexa::start();
    let reply = kodexa.post(&json!({ "name": "a", "bio": "x".repeat(2 << 20) }));
    assert_eq!(reply.status, 413);
    assert_eq!(reply.json()["status"], 413);
}

#[test]
fn names_are_text_like_any_other() {
    let mut kodexa = Kodexa::start();
    for name in ["déjà vu 🦀", "'; DROP TABLE tokens; --", "<script>", "%00%0a", "\\", "\"", "null", "a b"]
    {
        let made = kodexa.made(&json!({ "name": name }));
        assert_eq!(made["name"], name);
        assert_eq!(kodexa.get(&path(text(&made, "id"))).expect(200).json()["name"], name);
    }
}

#[test]
fn every_route_that_there_is_not_is_refused_in_json() {
    let mut kodexa = Kodexa::start();
    for path in ["/api", "/api/", "/api/tokens", "/api/account", "/api/access-tokens/a/b", "/api/overview/x"]
    {
        refused(&kodexa.get(path), 404);
        refused(&kodexa.client.get(path).send(), 404);
    }
    for (method, path, allow) in [
        ("PATCH", TOKENS, "GET, HEAD, POST"),
        ("DELETE", TOKENS, "GET, HEAD, POST"),
        ("PUT", TOKENS, "GET, HEAD, POST"),
        ("POST", "/api/access-tokens/x", "GET, HEAD, PUT, DELETE"),
        ("PATCH", "/api/access-tokens/x", "GET, HEAD, PUT, DELETE"),
        ("POST", "/api/account/me", "GET, HEAD"),
        ("DELETE", "/api/overview", "GET, HEAD"),
    ] {
        let reply = kodexa.request(method, path).send();
        refused(&reply, 405);
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn a_refusal_names_the_field_by_this_apis_name() {
    let mut kodexa = Kodexa::start();
    for (body, fields) in [
        (json!({ "name": "" }), vec!["name"]),
        (json!({ "expiresAt": "no" }), vec!["expiresAt"]),
        (json!([]), vec![]),
    ] {
        assert_eq!(keys(&refused(&kodexa.post(&body), 400)), fields);
    }
    let token = kodexa.token.clone();
    assert_eq!(keys(&refused(&kodexa.get(&format!("{TOKENS}?token={token}")), 400)), ["token"]);
    let reply = kodexa.client.get(TOKENS).header("x-api-key", &token).bearer(&token).send();
    assert!(keys(&refused(&reply, 400)).is_empty());
}
