//! What a new token is, who mints it, and that nothing changes it.

use serde_json::{Value, json};

use super::{
    INFO_KEYS, NONE, TOKENS, assert_keys, id, list, live, mint, path, refused, seconds, text, value,
};
use crate::harness::{Server, estate::bearer, server::named};

fn millis(at: &Value) -> i64 {
    let text = at.as_str().unwrap_or_else(|| panic!("no instant: {at}"));
    text.parse::<jiff::Timestamp>().expect("an RFC 3339 instant").as_millisecond()
}

/// How long a new token lives, in milliseconds.
fn life(made: &Value) -> i64 {
    let info = &made["tokenInfo"];
    millis(&info["expiredAt"]) - millis(&info["createdAt"])
}

#[test]
fn a_new_token_has_every_member_and_works() {
    let server = Server::start();
    let anna = server.user("anna");
    let body = json!({ "lifetimeSeconds": 100, "description": "My 100-second token" });
    let reply = server.ask(&anna.basic(), "POST", TOKENS, &body).expect(201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let made = reply.json();
    assert_keys(&made, &["tokenValue", "tokenInfo"]);
    let info = &made["tokenInfo"];
    assert_keys(info, &INFO_KEYS);
    assert_eq!(info["description"], "My 100-second token");
    assert_eq!(info["lastUsed"], NONE);
    assert_eq!(life(&made), 100_000);
    for member in ["createdAt", "expiredAt"] {
        let at = text(info, member);
        let form: String = at.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(form, "0000-00-00T00:00:00.000Z");
    }
    let own = server.with(value(&made), "GET", "/v1/tokens/self", &NONE).expect(200).json();
    assert_eq!((text(&own, "id"), text(&own, "owner")), (id(&made), "anna"));
    assert_eq!(own["privileges"], json!(["*:*"]), "all that the credential holds");
}

#[test]
fn a_lifetime_is_exact_to_the_millisecond() {
    let server = Server::start();
    let anna = server.user("anna");
    for lifetime in [1, 59, 86_399, 86_401, 366 * 86_400] {
        assert_eq!(life(&mint(&server, &anna.basic(), &seconds(lifetime))), lifetime * 1000);
    }
}

#[test]
fn a_description_may_be_left_out() {
    let server = Server::start();
    let anna = server.user("anna");
    for (body, description) in [
        (seconds(100), ""),
        (json!({ "lifetimeSeconds": 100, "description": null }), ""),
        (json!({ "lifetimeSeconds": 100, "description": "" }), ""),
        (json!({ "lifetimeSeconds": 100, "description": "déjà\n\tvu" }), "déjà\n\tvu"),
    ] {
        assert_eq!(mint(&server, &anna.basic(), &body)["tokenInfo"]["description"], description);
    }
}

#[test]
fn never_is_for_the_policy_to_allow() {
    let server = Server::start();
    let anna = server.user("anna");
    let exception =
        refused(&server.ask(&anna.basic(), "POST", TOKENS, &seconds(-1)), 400, "ValidationFailed");
    assert!(text(&exception, "message").starts_with("lifetimeSeconds"), "{exception}");
    assert_eq!(live(&server, &anna), 0);
    server.policy("default", &json!({ "allow_never": true }));
    let never = mint(&server, &anna.basic(), &seconds(-1));
    assert_eq!(never["tokenInfo"]["expiredAt"], NONE);
    assert_eq!(list(&server, &anna.basic())["data"][0]["expiredAt"], NONE);
    server.policy("default", &json!({ "allow_never": false }));
    assert!(server.accepts(value(&never)), "what was made stays as it is");
}

#[test]
fn what_is_no_lifetime_within_the_policy_is_refused_by_its_name() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    for lifetime in [
        "0",
        "-0",
        "-2",
        "-100",
        "1.5",
        "1.0",
        "100.0",
        "1e2",
        "-1.0",
        "\"100\"",
        "\"\"",
        "\"-1\"",
        "null",
        "true",
        "[]",
        "[100]",
        "{}",
        "31622401",
        "2147483648",
        "9007199254740993",
        "9223372036854775",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "1e308",
        "-9223372036854775808",
    ] {
        let body = format!(r#"{{"lifetimeSeconds":{lifetime}}}"#);
        let request = client.post(TOKENS).basic(&anna.name, &anna.password);
        let reply = request.text("application/json", body).send();
        let exception = refused(&reply, 400, "ValidationFailed");
        assert!(text(&exception, "message").starts_with("lifetimeSeconds: "), "{lifetime}: {exception}");
    }
    for beyond in [31_622_401, i64::MAX / 1000, i64::MAX] {
        let reply = server.ask(&anna.basic(), "POST", TOKENS, &seconds(beyond));
        let exception = refused(&reply, 400, "ValidationFailed");
        assert!(text(&exception, "details").contains("366d"), "names the limit: {exception}");
    }
    assert_eq!(live(&server, &anna), 0);
}

#[test]
fn a_bad_body_is_refused_and_mints_nothing() {
    let server = Server::start();
    let anna = server.user("anna");
    let long = json!({ "lifetimeSeconds": 100, "description": "x".repeat(2001) }).to_string();
    let deep = format!(r#"{{"lifetimeSeconds":{}"#, "[".repeat(5_000));
    for (body, field) in [
        ("{}", "lifetimeSeconds"),
        (r#"{"description":"x"}"#, "lifetimeSeconds"),
        (r#"{"LifetimeSeconds":100}"#, "lifetimeSeconds"),
        (r#"{"lifetimeSeconds":1,"lifetimeSeconds":2}"#, "lifetimeSeconds"),
        (r#"{"lifetimeSeconds":100,"description":7}"#, "description"),
        (r#"{"lifetimeSeconds":100,"description":["x"]}"#, "description"),
        (r#"{"lifetimeSeconds":100,"description":"a\u0000b"}"#, "description"),
        (long.as_str(), "description"),
        ("", ""),
        ("{", ""),
        ("null", ""),
        ("100", ""),
        ("[100]", ""),
        (r#"[{"lifetimeSeconds":100}]"#, ""),
        ("{} {}", ""),
        ("lifetimeSeconds=100", ""),
        (deep.as_str(), ""),
    ] {
        let mut client = server.client();
        let request = client.post(TOKENS).basic(&anna.name, &anna.password);
        let exception = refused(&request.text("application/json", body).send(), 400, "ValidationFailed");
        assert!(text(&exception, "message").starts_with(field), "{body}: {exception}");
    }
    assert_eq!(live(&server, &anna), 0);
}

#[test]
fn a_body_needs_no_content_type_and_a_get_may_have_one() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let body = r#"{"lifetimeSeconds":100}"#;
    let bare = format!(
        "POST {TOKENS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let made = client.raw_reply(bare.as_bytes()).expect(201).json();
    client.get(TOKENS).bearer(&token).header("Content-Type", "application/json").send().expect(200);
    client.get(TOKENS).bearer(&token).json(&json!({})).send().expect(200);
    client.delete(&path(&made)).bearer(&token).json(&json!({})).send().expect(204);
}

#[test]
fn a_password_and_any_live_token_of_the_same_user_mint_and_nothing_else_does() {
    let server = Server::start();
    let (anna, ada) = (server.user("anna"), server.administrator("ada"));
    let first = mint(&server, &anna.basic(), &seconds(100));
    let second = mint(&server, &bearer(value(&first)), &seconds(1000));
    let third = mint(&server, &bearer(value(&second)), &seconds(10));
    for made in [&first, &second, &third] {
        let own = server.with(value(made), "GET", "/v1/tokens/self", &NONE).expect(200).json();
        assert_eq!(own["owner"], "anna");
    }
    server.ask(&anna.basic(), "DELETE", &path(&first), &NONE).expect(204);
    super::unauthorized(&server.with(value(&first), "POST", TOKENS, &seconds(100)));
    super::unauthorized(&server.ask("", "POST", TOKENS, &seconds(100)));
    // Nobody makes a token for somebody else, not even an operator: what names another is taken for nothing.
    for member in ["owner", "user", "userId", "personId", "createdBy"] {
        let made = mint(&server, &ada.basic(), &json!({ "lifetimeSeconds": 100, member: "anna" }));
        let own = server.with(value(&made), "GET", "/v1/tokens/self", &NONE).expect(200).json();
        assert_eq!(own["owner"], "ada", "{member}");
    }
    assert_eq!(list(&server, &anna.basic())["count"], 2);
    // The local operator is no user.
    refused(&server.locally("POST", TOKENS, &seconds(100)), 403, "ForbiddenException");
}

#[test]
fn whoever_is_given_a_token_acts_as_the_one_who_made_it() {
    let server = Server::start();
    let [anna, bo] = ["anna", "bo"].map(|name| server.user(name));
    let annas = mint(&server, &anna.basic(), &seconds(100));
    mint(&server, &bo.basic(), &seconds(100));
    // Whoever sends it, it is anna's list that comes, and anna's token that is made.
    let by_bo = bearer(value(&annas));
    assert_eq!(super::ids(&list(&server, &by_bo)), [id(&annas)]);
    let made = mint(&server, &by_bo, &seconds(100));
    assert_eq!(super::ids(&list(&server, &anna.basic())), [id(&made), id(&annas)]);
    assert_eq!(list(&server, &bo.basic())["count"], 1);
}

#[test]
fn a_new_password_leaves_tokens_alone() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(1000));
    let body = json!({ "password": "quite another crooked mile" });
    server.ask(&anna.basic(), "PUT", "/v1/users/anna/password", &body).expect(204);
    super::unauthorized(&server.ask(&anna.basic(), "GET", TOKENS, &NONE));
    assert!(server.accepts(value(&made)));
    let after = mint(&server, &bearer(value(&made)), &seconds(1000));
    assert_eq!(list(&server, &bearer(value(&after)))["count"], 2);
}

#[test]
fn nothing_modifies_or_extends_a_token() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &json!({ "lifetimeSeconds": 100, "description": "as it was" }));
    for method in ["PATCH", "PUT", "POST"] {
        for body in
            [seconds(1000), json!({ "description": "x" }), json!({ "expiredAt": "2030-01-01T00:00:00Z" })]
        {
            let reply = server.ask(&anna.basic(), method, &path(&made), &body);
            refused(&reply, 405, "MethodNotAllowedException");
            assert_eq!(reply.header("allow"), Some("GET, HEAD, DELETE"));
        }
    }
    // Nor does another of the same id.
    let info = &made["tokenInfo"];
    let mut body = json!({ "lifetimeSeconds": 1000, "tokenValue": value(&made) });
    for member in ["tokenId", "expiredAt", "createdAt", "lastUsed"] {
        body[member] = json!("2030-01-01T00:00:00.000Z");
    }
    body["tokenId"] = json!(id(&made));
    body["tokenInfo"] = info.clone();
    let other = mint(&server, &anna.basic(), &body);
    assert_ne!((id(&other), value(&other)), (id(&made), value(&made)));
    assert_eq!((life(&other), &other["tokenInfo"]["lastUsed"]), (1_000_000, &NONE));
    assert_eq!(server.ask(&anna.basic(), "GET", &path(&made), &NONE).expect(200).json(), *info);
}

#[test]
fn many_tokens_may_be_made_and_a_full_quota_is_409() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = bearer(&server.token(&anna));
    for _ in 0..150 {
        mint(&server, &token, &seconds(100));
    }
    assert_eq!(list(&server, &token)["count"], 151);
    server.policy("default", &json!({ "quota": 151 }));
    refused(&server.ask(&token, "POST", TOKENS, &seconds(100)), 409, "ConflictException");
    assert_eq!(live(&server, &anna), 151);
}

#[test]
fn a_token_minted_here_mints_natively_and_the_other_way_round() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    let child = server.child(value(&made), &named("native"));
    let grandchild = mint(&server, &bearer(text(&child, "token")), &seconds(100));
    assert!(server.accepts(value(&grandchild)));
    assert_eq!(list(&server, &anna.basic())["count"], 3);
}
