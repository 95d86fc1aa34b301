//! How OAuth's endpoints refuse: a status, an error and a challenge (RFC 6749, 5.2; RFC 6750, 3; RFC 7009, 2.2.1).

use std::collections::BTreeSet;

use serde_json::json;

use super::stage;
use crate::harness::{Client, Reply, database, token};

const FORM: &str = "token=x";

/// What a quoted text, and a description in JSON, may hold (RFC 6749, 5.2; RFC 6750, 3).
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

/// The error of a refusal, and what its challenges say, the description left out.
#[track_caller]
fn refused(reply: &Reply, status: u16) -> (String, String) {
    reply.problem(status);
    let said = reply.json();
    let description = said["error_description"].as_str().expect("a description");
    assert!(is_plain(description) && description == said["detail"], "{said}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let challenges = reply.header("www-authenticate").unwrap_or_default();
    // Quoted texts are every other piece, and what lies between them is plain anyway.
    for quoted in challenges.split('"') {
        assert!(is_plain(quoted), "{challenges}");
    }
    let challenges: Vec<_> =
        challenges.split(", ").filter(|part| !part.starts_with("error_description=")).collect();
    (said["error"].as_str().expect("an error").into(), challenges.join(", "))
}

#[test]
fn a_refusal_has_the_status_the_error_and_the_challenge_of_the_standards() {
    const NOBODY: &str = r#"Bearer realm="jeton", Basic realm="jeton""#;
    const WRONG: &str = r#"Bearer realm="jeton", error="invalid_token", Basic realm="jeton""#;
    const LACKING: &str = r#"Bearer realm="jeton", error="insufficient_scope", scope="jeton:introspect""#;
    const RESTRICTED: &str = r#"Bearer realm="jeton", error="insufficient_scope""#;
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let dead = server.child(&keeper, &json!({ "name": "dead" }))["token"].as_str().unwrap().to_owned();
    client.delete("/v1/tokens/self").bearer(&dead).send().expect(204);
    let restricted = server.child(&keeper, &json!({ "name": "r", "restricted": true }));
    let restricted = restricted["token"].as_str().unwrap();
    let member = server.member("moss");
    let ask = |client: &mut Client, name: &str, value: &str, form: &str| {
        let request = client.post("/oauth/introspect");
        let request = if name.is_empty() { request } else { request.header(name, value) };
        request.form(form).send()
    };
    let bearer = |token: &str| format!("Bearer {token}");
    for (name, value, form, status, error, challenges) in [
        ("", String::new(), FORM, 401, "invalid_client", NOBODY),
        ("Authorization", bearer("jtn_x"), FORM, 401, "invalid_client", WRONG),
        ("Authorization", bearer("caf\u{e9}\"\\"), FORM, 401, "invalid_client", WRONG),
        ("Authorization", bearer(&dead), FORM, 401, "invalid_client", WRONG),
        ("Authorization", "Digest x".into(), FORM, 401, "invalid_client", WRONG),
        ("x-api-key", dead.clone(), FORM, 401, "invalid_client", WRONG),
        ("Authorization", bearer(&keeper), FORM, 403, "insufficient_scope", LACKING),
        ("Authorization", bearer(restricted), FORM, 403, "insufficient_scope", RESTRICTED),
        ("Authorization", bearer(&asker), "", 400, "invalid_request", ""),
        ("Authorization", bearer(&asker), "token=", 400, "invalid_request", ""),
        ("Authorization", bearer(&asker), "token=x&token=x", 400, "invalid_request", ""),
        ("Authorization", bearer(&asker), "token=%ff", 400, "invalid_request", ""),
    ] {
        let reply = ask(&mut client, name, &value, form);
        assert_eq!(refused(&reply, status), (error.into(), challenges.into()), "{name} {value} {form}");
    }
    let by_basic = |client: &mut Client, name: &str, secret: &str| {
        client.post("/oauth/introspect").basic(name, secret).form(FORM).send()
    };
    let reply = by_basic(&mut client, &member.name, &member.password);
    assert_eq!(refused(&reply, 403), ("insufficient_scope".into(), LACKING.into()));
    let reply = by_basic(&mut client, "client", &dead);
    assert_eq!(refused(&reply, 401), ("invalid_client".into(), WRONG.into()));
    let twice = client.post("/oauth/introspect").bearer(&asker).header("x-api-key", &asker).form(FORM).send();
    assert_eq!(refused(&twice, 400).0, "invalid_request");
    let in_query = client.post("/oauth/introspect?token=x").bearer(&asker).form(FORM).send();
    assert_eq!(refused(&in_query, 400).0, "invalid_request");
    for (method, path, status) in [
        ("GET", "/oauth/introspect", 405),
        ("DELETE", "/oauth/revoke", 405),
        ("POST", "/oauth/tokens", 404),
        ("POST", "/oauth/token/x", 404),
        ("GET", "/oauth/token", 405),
        ("GET", "/oauth", 404),
    ] {
        let reply = client.request(method, path).send();
        assert_eq!(refused(&reply, status).0, "invalid_request", "{method} {path}");
        assert_eq!(reply.header("allow"), (status == 405).then_some("POST"), "{method} {path}");
    }
    for form in ["", "token=", "descendants=true", "token=x&token=x", "token=x&descendants=%22\u{e9}"] {
        let reply = client.post("/oauth/revoke").form(form).send();
        assert_eq!(refused(&reply, 400), ("invalid_request".into(), String::new()), "{form}");
    }
    assert!(!is_plain("a \"b\"") && !is_plain("\\") && !is_plain("\u{e9}"), "the check can fail");
}

#[test]
fn a_guesser_is_told_to_wait_and_so_is_everybody_while_the_store_cannot_be_written() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let mut seen = BTreeSet::new();
    for _ in 0..12 {
        let request = client.post("/oauth/introspect").basic("anna", "not the password at all");
        let reply = request.form(FORM).send();
        seen.insert(reply.status);
        if reply.status == 429 {
            assert_eq!(refused(&reply, 429), ("temporarily_unavailable".into(), String::new()));
            assert!(reply.header("retry-after").is_some());
        }
    }
    assert_eq!(seen, BTreeSet::from([401, 429]));

    let made = server.child(&keeper, &json!({ "name": "leaked" }));
    let form = format!("token={}", made["token"].as_str().unwrap());
    let connection = database::open(&server.data());
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let reply = client.post("/oauth/revoke").form(&form).send();
    assert_eq!(refused(&reply, 503), ("temporarily_unavailable".into(), String::new()));
    assert!(reply.header("retry-after").is_some());
    let reply = client.post("/oauth/introspect").bearer(&asker).form(&form).send().expect(200);
    assert_eq!(reply.json()["active"], true, "it isn't revoked, and who asks is told so");
    connection.execute_batch("ROLLBACK").unwrap();
    client.post("/oauth/revoke").form(&form).send().expect(200);
    assert!(!server.accepts(made["token"].as_str().unwrap()));

    // What broke is in the log and not in the reply.
    connection.execute_batch("ALTER TABLE tokens RENAME TO elsewhere").unwrap();
    let unknown = token::resealed(&token::altered(&keeper, 20));
    let reply = client.post("/oauth/revoke").form(&format!("token={unknown}")).send();
    assert_eq!(refused(&reply, 500), ("server_error".into(), String::new()));
    server.wait_for_log("a request failed");
}
