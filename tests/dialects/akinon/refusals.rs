//! How it says no.

use serde_json::json;

use super::{NONE, TOKENS, live, living, mint, path, refused, text};
use crate::harness::{Server, estate::bearer, token};

/// Every route, and a body for it.
fn routes(id: &str) -> [(&'static str, String, serde_json::Value); 3] {
    [
        ("GET", TOKENS.into(), NONE),
        ("POST", TOKENS.into(), living("one-week")),
        ("DELETE", format!("{TOKENS}/{id}"), NONE),
    ]
}

#[test]
fn no_credential_or_a_bad_one_is_401_on_every_route() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &living("one-week"));
    let good = text(&made, "token");
    let dead = server.token(&anna);
    server.with(&dead, "DELETE", "/v1/tokens/self", &NONE).expect(204);
    let wrong = token::resealed(&token::altered(good, 40));
    let id = text(&made, "_id");
    for (method, path, body) in routes(id) {
        for authorization in ["", "Bearer x", "Basic YTpi", &bearer(&dead), &bearer(&wrong)] {
            let reply = server.ask(authorization, method, &path, &body);
            refused(&reply, 401);
            assert!(
                reply.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer"))
            );
        }
    }
    assert!(server.accepts(good));
    assert_eq!(live(&server, &anna), 1);
}

#[test]
fn every_carrier_is_taken_and_two_are_not() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for header in ["x-access-token", "x-api-key", "user-token"] {
        client.get(TOKENS).header(header, &token).send().expect(200);
    }
    client.get(TOKENS).bearer(&token).send().expect(200);
    client.get(TOKENS).basic("anna", &token).send().expect(200);
    client.get(TOKENS).basic(&anna.name, &anna.password).send().expect(200);
    refused(&client.get(TOKENS).bearer(&token).header("x-access-token", &token).send(), 400);
    refused(&client.get(TOKENS).header("x-api-key", &token).header("x-access-token", &token).send(), 400);
    let fields = refused(&client.get(&format!("{TOKENS}?token={token}")).bearer(&token).send(), 400);
    assert!(fields["token"].is_string());
}

#[test]
fn who_may_not_is_403() {
    let server = Server::start();
    let (anna, bo) = (server.user("anna"), server.member("bo"));
    let made = mint(&server, &anna.basic(), &living("one-week"));
    let restricted = server.token_with(&anna, &["--restricted"]);
    let id = text(&made, "_id");
    for (method, path, body) in routes(id) {
        refused(&server.with(&restricted, method, &path, &body), 403);
        refused(&server.locally(method, &path, &body), 403);
    }
    // Only administrators issue, until they let others.
    refused(&server.ask(&bo.basic(), "POST", TOKENS, &living("one-week")), 403);
    assert_eq!(live(&server, &bo), 0);
    server
        .locally("PATCH", "/v1/organizations/default/members/bo", &json!({ "may_issue": true }))
        .expect(200);
    mint(&server, &bo.basic(), &living("one-week"));
    assert!(server.accepts(text(&made, "token")));
}

#[test]
fn where_api_access_is_off_nothing_is_minted_and_no_token_works() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let bo = server.issuer_of("acme", "bo");
    let made = mint(&server, &bo.basic(), &living("one-week"));
    let token = text(&made, "token");
    server.policy("acme", &json!({ "api_access": false }));
    refused(&server.ask(&bo.basic(), "POST", TOKENS, &living("one-week")), 403);
    refused(&server.with(token, "GET", TOKENS, &NONE), 401);
    assert_eq!(live(&server, &bo), 1);
    server.policy("acme", &json!({ "api_access": true }));
    assert!(server.accepts(token));
}

#[test]
fn what_there_is_not_is_said_in_the_same_words() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &living("one-week"));
    for path in ["/api/v1", "/api/v1/me", "/api/v1/tokens", &format!("{}/more", path(&made))] {
        let reply = server.ask(&anna.basic(), "GET", path, &NONE);
        refused(&reply, 404);
    }
    for (method, path, allow) in [
        ("PUT", TOKENS, "GET, HEAD, POST"),
        ("DELETE", TOKENS, "GET, HEAD, POST"),
        ("PATCH", &path(&made), "DELETE"),
        ("PUT", &path(&made), "DELETE"),
        ("GET", &path(&made), "DELETE"),
        ("TRACE", TOKENS, "GET, HEAD, POST"),
    ] {
        let reply = server.ask(&anna.basic(), method, path, &NONE);
        refused(&reply, 405);
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    assert!(server.accepts(text(&made, "token")));
}

#[test]
fn too_many_wrong_passwords_are_429() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    let replies = (0..20).map(|_| client.get(TOKENS).basic(&anna.name, "not it, at all, no").send());
    let throttled = replies.into_iter().find(|reply| reply.status != 401).expect("a throttle");
    refused(&throttled, 429);
    let seconds: u32 = throttled.header("retry-after").expect("when to come again").parse().unwrap();
    assert!(seconds >= 1);
}

#[test]
fn the_doors_refusals_reach_these_paths_too() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    let long = json!({ "name": "x".repeat(2 << 20), "lifetime": "one-week" }).to_string();
    let request = client.post(TOKENS).basic(&anna.name, &anna.password);
    assert_eq!(request.text("application/json", long).send().problem(413), "body_too_large");
    let packed = client.post(TOKENS).basic(&anna.name, &anna.password).header("Content-Encoding", "gzip");
    packed.json(&living("one-week")).send().problem(415);
    client.get(TOKENS).header("x-long", "x".repeat(100_000)).send().problem(431);
    assert_eq!(live(&server, &anna), 0);
}
