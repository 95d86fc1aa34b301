//! Which credential counts, and what comes along with it from the vendor's clients.

use serde_json::json;

use super::{Kodexa, TOKENS, path, refused, text};
use crate::harness::Server;

#[test]
fn every_carrier_gives_the_same_answer() {
    let mut kodexa = Kodexa::start();
    let (token, user) = (kodexa.token.clone(), kodexa.user.clone());
    let mut get = |header: &str, value: &str| {
        kodexa.client.get("/api/account/me").header(header, value).send().expect(200).json()
    };
    let me = get("x-api-key", &token);
    for (header, value) in [
        ("x-access-token", token.clone()),
        ("user-token", token.clone()),
        ("Authorization", format!("Bearer {token}")),
    ] {
        assert_eq!(get(header, &value), me, "{header}");
    }
    let by_password = kodexa.client.get("/api/account/me").basic(&user.name, &user.password).send();
    assert_eq!(by_password.expect(200).json(), me);
}

#[test]
fn x_api_key_wins_over_x_access_token_and_over_nothing_else() {
    let mut kodexa = Kodexa::start();
    let token = kodexa.token.clone();
    let other = kodexa.server.user("bert");
    let other = kodexa.server.token(&other);
    let mut get = |path: &str, headers: &[(&str, &str)]| {
        let request = kodexa.client.get(path);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    for ignored in ["nonsense", "", &other] {
        let both = [("x-access-token", ignored), ("x-api-key", &token)];
        for path in [TOKENS, "/api/overview"] {
            get(path, &both).expect(200);
        }
        let me = get("/api/account/me", &both).expect(200).json();
        assert_eq!(me["searchText"], "anna", "the key's user");
    }
    // A bad key isn't saved by a good token beside it.
    refused(&get(TOKENS, &[("x-api-key", "nonsense"), ("x-access-token", &token)]), 401);
    refused(&get(TOKENS, &[("x-api-key", ""), ("x-access-token", &token)]), 401);
    let bearer = format!("Bearer {token}");
    for two in [
        [("x-api-key", token.as_str()), ("Authorization", bearer.as_str())],
        [("x-access-token", &token), ("Authorization", &bearer)],
        [("x-api-key", &token), ("user-token", &token)],
        [("x-access-token", &token), ("user-token", &token)],
        [("x-access-token", &token), ("x-access-token", &token)],
    ] {
        assert_eq!(get(TOKENS, &two).status, 400, "{two:?}");
    }
    // Elsewhere two carriers are two.
    for path in ["/v1/tokens/self", "/v1/me"] {
        let both = [("x-api-key", token.as_str()), ("x-access-token", token.as_str())];
        assert_eq!(get(path, &both).problem(400), "credential_ambiguous", "{path}");
    }
}

#[test]
fn what_the_vendors_clients_send_beside_it_is_nothing() {
    let mut kodexa = Kodexa::start();
    let token = kodexa.token.clone();
    let mut send = |method: &str, path: &str, body: Option<&str>| {
        let request = kodexa.client.request(method, path).header("x-access-token", &token);
        let request = request.header("cf-access-token", "").header("X-Requested-With", "XMLHttpRequest");
        match body {
            Some(body) => request.text("application/json", body).send(),
            None => request.header("Content-Type", "application/json").send(),
        }
    };
    for path in ["/api/account/me", "/api/overview", TOKENS, "/api/access-tokens/"] {
        send("GET", path, None).expect(200);
        send("GET", path, Some("")).expect(200);
    }
    let made = send("POST", TOKENS, Some(r#"{"name": "sdk"}"#)).expect(201).json();
    let one = path(text(&made, "id"));
    send("GET", &one, Some("{}")).expect(200);
    send("PUT", &one, Some(r#"{"name": "sdk 2"}"#)).expect(200);
    send("DELETE", &one, Some("{}")).expect(204);
    assert_eq!(send("GET", TOKENS, None).json()["totalElements"], 1);
}

#[test]
fn a_post_needs_no_content_type_and_no_body() {
    let mut kodexa = Kodexa::start();
    let token = kodexa.token.clone();
    let bare = kodexa.client.post(TOKENS).header("x-api-key", &token).send().expect(201).json();
    assert_eq!(bare["name"], "Access token");
    let length = "Content-Length: 15\r\n\r\n{\"name\": \"raw\"}";
    let raw = format!("POST {TOKENS} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {token}\r\n{length}");
    let reply = kodexa.client.raw_reply(raw.as_bytes()).expect(201);
    assert_eq!(reply.json()["name"], "raw");
    let odd = kodexa.client.post(TOKENS).header("x-api-key", &token).text("text/plain", r#"{"name": "odd"}"#);
    assert_eq!(odd.send().expect(201).json()["name"], "odd");
}

#[test]
fn nobody_gets_in_without_a_good_credential() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({}));
    let one = path(text(&made, "id"));
    let routes = [
        ("POST", TOKENS),
        ("GET", TOKENS),
        ("GET", one.as_str()),
        ("PUT", one.as_str()),
        ("DELETE", one.as_str()),
        ("GET", "/api/account/me"),
        ("GET", "/api/overview"),
    ];
    let disabled = kodexa.made(&json!({}));
    let switched = format!("/v1/tokens/{}/disable", text(&disabled, "id"));
    kodexa.client.post(&switched).basic(&kodexa.user.name, &kodexa.user.password).send().expect(200);
    let restricted = kodexa.server.token_with(&kodexa.user, &["--restricted"]);
    let secret = kodexa.server.secret().to_owned();
    for (method, path) in routes {
        let body = json!({ "name": "x" });
        refused(&kodexa.client.request(method, path).json(&body).send(), 401);
        for (token, status) in
            [("nonsense", 401), (text(&disabled, "token"), 401), (&restricted, 403), (&secret, 403)]
        {
            let reply = kodexa.client.request(method, path).header("x-api-key", token).json(&body).send();
            refused(&reply, status);
            assert!(status == 403 || reply.header("www-authenticate").is_some());
        }
    }
    assert!(kodexa.server.accepts(text(&made, "token")), "nothing was done to it");
    assert_eq!(kodexa.get(&one).expect(200).json()["name"], "Access token");
}

#[test]
fn who_may_not_issue_still_reads() {
    let server = Server::start();
    let member = server.member("max");
    let mut client = server.client();
    let mut as_max =
        |method: &str, path: &str| client.request(method, path).basic(&member.name, &member.password).send();
    refused(&as_max("POST", TOKENS), 403);
    let page = as_max("GET", TOKENS).expect(200).json();
    assert_eq!(page["totalElements"], 0);
    assert_eq!(as_max("GET", "/api/account/me").expect(200).json()["rolesJson"], r#"["MEMBER"]"#);
    server.run(&["org", "set", "default", "--api-access", "off"]).done();
    refused(&as_max("POST", TOKENS), 403);
}

#[test]
fn too_many_wrong_passwords_are_throttled() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    let reply = (0..200)
        .map(|_| client.get(TOKENS).basic(&anna.name, "wrong, wrong and wrong again").send())
        .find(|reply| reply.status != 401)
        .expect("an end of it");
    refused(&reply, 429);
    assert!(reply.header("retry-after").is_some());
}
