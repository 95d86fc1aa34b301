//! What a refusal looks like: RFC 9457 everywhere, RFC 6750's challenge, and no word of a secret.

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::{Server, server::named};

#[test]
fn a_401_challenges_with_an_error_only_where_a_credential_came() {
    let server = Server::start();
    let anna = server.user("anna");
    let dead = server.token(&anna);
    server.client().delete("/v1/tokens/self").bearer(&dead).send().expect(204);
    let mut client = server.client();
    let without = client.get("/v1/me").send();
    assert_eq!(without.problem(401), "credential_missing");
    let challenge = challenge(&without);
    assert!(challenge.starts_with("Bearer"), "{challenge}");
    assert!(!challenge.contains("error"), "{challenge}");
    for text in ["jtn_nothing", &dead] {
        let reply = client.get("/v1/me").bearer(text).send();
        reply.problem(401);
        assert!(self::challenge(&reply).contains("error=\"invalid_token\""), "{:?}", reply.headers);
    }
}

/// All challenges of a reply; a server may give each its own header.
fn challenge(reply: &crate::harness::Reply) -> String {
    let values = reply.headers.iter().filter(|(name, _)| name == "www-authenticate");
    values.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
}

#[test]
fn an_unknown_path_is_404_and_a_known_one_says_what_it_takes() {
    let server = Server::start();
    let mut client = server.client();
    for path in
        ["/v1", "/v1/", "/v1/nothing", "/v2/tokens", "/v1/tokens/self/nothing", "/admin", "/V1/tokens"]
    {
        assert_eq!(client.get(path).send().problem(404), "route_unknown", "{path}");
    }
    let table: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("/v1/tokens", &["GET", "HEAD", "POST"][..]),
        ("/v1/tokens/self", &["DELETE", "GET", "HEAD"]),
        ("/v1/tokens/TKN-1234-5678", &["DELETE", "GET", "HEAD", "PATCH"]),
        ("/v1/tokens/TKN-1234-5678/disable", &["POST"]),
        ("/v1/tokens/TKN-1234-5678/enable", &["POST"]),
        ("/v1/me", &["GET", "HEAD"]),
        ("/v1/users", &["GET", "HEAD", "POST"]),
        ("/v1/users/anna/disable", &["POST"]),
        ("/v1/users/anna/password", &["PUT"]),
        ("/oauth/introspect", &["POST"]),
        ("/oauth/revoke", &["POST"]),
        ("/health/live", &["GET", "HEAD"]),
        ("/openapi.json", &["GET", "HEAD"]),
    ]);
    for (path, takes) in table {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"] {
            if takes.contains(&method) {
                continue;
            }
            let reply = client.request(method, path).send();
            assert_eq!(reply.problem(405), "method_not_allowed", "{method} {path}");
            let mut allow: Vec<_> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
            allow.retain(|method| *method != "OPTIONS");
            allow.sort_unstable();
            assert_eq!(allow, takes, "{method} {path}");
        }
    }
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for path in ["/v1/me", "/v1/tokens", "/v1/tokens/self", "/health/live", "/openapi.json", "/nowhere"] {
        let get = client.get(path).bearer(&token).send();
        let head = client.request("HEAD", path).bearer(&token).send();
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn a_body_over_the_limit_is_413_and_one_at_the_limit_is_not() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let pad = |length: usize| {
        let mut body = json!({ "name": "padded" }).to_string();
        body.push_str(&" ".repeat(length - body.len()));
        body
    };
    let mut client = server.client();
    let limit = 16 * 1024;
    let mut ask =
        |length: usize| client.post("/v1/tokens").bearer(&token).text("application/json", pad(length)).send();
    ask(limit).expect(201);
    assert_eq!(ask(limit + 1).problem(413), "body_too_large");
    // Said beforehand: refused before a byte of it is sent.
    let mut early = server.client();
    let head = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 10737418240\r\n\r\n"
    );
    assert_eq!(early.raw_reply(head.as_bytes()).problem(413), "body_too_large");
    // Not said: refused as soon as it is passed.
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let head = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    assert_eq!(early.raw_reply([head, chunk.repeat(3)].concat().as_bytes()).problem(413), "body_too_large");
}

#[test]
fn every_refusal_of_every_route_is_a_problem_document() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let routes = [
        "/v1/tokens",
        "/v1/tokens/self",
        "/v1/tokens/x",
        "/v1/tokens/x/disable",
        "/v1/tokens/x/enable",
        "/v1/me",
        "/v1/users",
        "/v1/users/x",
        "/v1/users/x/disable",
        "/v1/users/x/password",
        "/oauth/introspect",
        "/oauth/revoke",
        "/nowhere",
        "/health/live",
        "/openapi.json",
    ];
    let mut seen = 0;
    for path in routes {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            for credential in [None, Some("jtn_wrong"), Some(token.as_str())] {
                if method == "DELETE" && credential == Some(&token) {
                    continue;
                }
                let request = client.request(method, path);
                let request =
                    if let Some(credential) = credential { request.bearer(credential) } else { request };
                let reply = request.text("application/json", "[").send();
                if reply.status >= 400 {
                    reply.problem(reply.status);
                    assert!(reply.status < 500, "{method} {path} is {}", reply.status);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 200, "only {seen} refusals");
}

#[test]
fn every_reply_guards_itself() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for path in ["/v1/me", "/v1/tokens/self", "/nowhere", "/openapi.json", "/health/live"] {
        let reply = client.get(path).bearer(&token).send();
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("server"), None, "{path} advertises what it runs on");
    }
}

#[test]
fn an_error_body_holds_nothing_of_what_was_sent() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let canary = "canary-9f3b7c1e5d";
    let mut client = server.client();
    for reply in [
        client.get(&format!("/{canary}")).bearer(&token).send(),
        client.get(&format!("/v1/tokens/{canary}")).bearer(&token).send(),
        client.get(&format!("/v1/tokens?cursor={canary}")).bearer(&token).send(),
        client.get("/v1/me").bearer(canary).send(),
        client.get("/v1/me").header("x-api-key", canary).send(),
        client.get("/v1/me").basic(canary, canary).send(),
        client.post("/v1/tokens").bearer(&token).text("application/json", format!("{{\"{canary}")).send(),
        client.post("/v1/tokens").bearer(&token).json(&json!({ "name": [canary] })).send(),
        client.post("/oauth/introspect").bearer(&token).form(&format!("token={canary}")).send(),
    ] {
        assert!(reply.status >= 400, "{}", reply.status);
        assert!(!reply.text().contains(canary), "{}", reply.text());
    }
}

#[test]
fn replies_with_a_secret_are_not_stored() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let reply = server.client().post("/v1/tokens").bearer(&token).json(&named("s")).send().expect(201);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[test]
fn the_openapi_document_names_every_route_that_answers() {
    let server = Server::start();
    let document = server.client().get("/openapi.json").send().expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/v1/tokens",
        "/v1/tokens/{id}",
        "/v1/tokens/{id}/disable",
        "/v1/tokens/{id}/enable",
        "/v1/tokens/self",
        "/v1/me",
        "/v1/users",
        "/oauth/introspect",
        "/oauth/revoke",
        "/health/live",
        "/health/ready",
    ] {
        assert!(paths.contains_key(path), "{path} isn't among {:?}", paths.keys());
    }
    let printed = server.run(&["openapi"]).json();
    assert_eq!(printed, document, "`jeton openapi` prints the same");
}
