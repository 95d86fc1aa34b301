//! How it says no.

use serde_json::json;

use super::{NONE, TOKENS, id, live, mint, refused, routes, seconds, text, unauthorized, value};
use crate::harness::{Server, estate::bearer, token};

#[test]
fn no_credential_or_a_bad_one_is_the_same_401_on_every_route() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(1000));
    let dead = mint(&server, &anna.basic(), &seconds(1000));
    server.with(value(&dead), "DELETE", "/v1/tokens/self", &NONE).expect(204);
    let wrong = token::resealed(&token::altered(value(&made), 40));
    for (method, path, body) in routes(id(&made)) {
        for authorization in ["", "Bearer x", "Basic YTpi", &bearer(value(&dead)), &bearer(&wrong)] {
            unauthorized(&server.ask(authorization, method, &path, &body));
        }
    }
    assert!(server.accepts(value(&made)));
    assert_eq!(live(&server, &anna), 1);
}

#[test]
fn every_carrier_is_taken_and_two_are_not() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(1000));
    let token = value(&made);
    let mut client = server.client();
    for header in ["x-access-token", "x-api-key", "user-token"] {
        client.get(TOKENS).header(header, token).send().expect(200);
    }
    client.get(TOKENS).bearer(token).send().expect(200);
    client.get(TOKENS).basic("anna", token).send().expect(200);
    let both = client.get(TOKENS).bearer(token).header("x-api-key", token).send();
    refused(&both, 400, "ValidationFailed");
    let in_query = client.get(&format!("{TOKENS}?access_token={token}")).bearer(token).send();
    refused(&in_query, 400, "ValidationFailed");
}

#[test]
fn who_may_not_is_403() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(1000));
    let restricted = server.token_with(&anna, &["--restricted"]);
    for (method, path, body) in routes(id(&made)) {
        refused(&server.with(&restricted, method, &path, &body), 403, "ForbiddenException");
        refused(&server.locally(method, &path, &body), 403, "ForbiddenException");
    }
    assert!(server.accepts(value(&made)));
    // Who may issue is asked before anything is made.
    let cy = server.member("cy");
    refused(&server.ask(&cy.basic(), "POST", TOKENS, &seconds(100)), 403, "ForbiddenException");
    assert_eq!(live(&server, &cy), 0);
}

#[test]
fn what_there_is_not_is_said_in_the_same_words() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(1000));
    let below = format!("{TOKENS}/{}/more", id(&made));
    for path in ["/v4", "/v4/apiaccesstokens", "/v4/people", &below] {
        refused(&server.ask(&anna.basic(), "GET", path, &NONE), 404, "RouteNotFoundException");
        refused(&server.ask("", "GET", path, &NONE), 404, "RouteNotFoundException");
    }
    for (method, path, allow) in [
        ("PUT", TOKENS, "GET, HEAD, POST"),
        ("PATCH", TOKENS, "GET, HEAD, POST"),
        ("DELETE", TOKENS, "GET, HEAD, POST"),
        ("TRACE", TOKENS, "GET, HEAD, POST"),
        ("POST", "/v4/open-api-spec", "GET, HEAD"),
    ] {
        let reply = server.ask(&anna.basic(), method, path, &NONE);
        refused(&reply, 405, "MethodNotAllowedException");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    assert!(server.accepts(value(&made)));
}

#[test]
fn too_many_wrong_passwords_are_429_with_the_vendors_headers() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    let replies = (0..20).map(|_| client.get(TOKENS).basic(&anna.name, "not it, at all, no").send());
    let throttled = replies.into_iter().find(|reply| reply.status != 401).expect("a throttle");
    refused(&throttled, 429, "TooManyRequestsException");
    let number = |name: &str| throttled.header(name).expect(name).parse::<u32>().expect(name);
    let seconds = number("retry-after");
    assert!(seconds >= 1);
    assert_eq!((number("x-retry-after"), number("x-rate-limit-user-reset")), (seconds, seconds));
    assert_eq!((number("x-rate-limit-user-limit"), number("x-rate-limit-user-remaining")), (5, 0));
}

#[test]
fn a_refusal_never_repeats_what_was_sent() {
    let server = Server::start();
    let anna = server.user("anna");
    for body in [
        json!({ "lifetimeSeconds": "canary-42" }),
        json!({ "lifetimeSeconds": { "canary-42": 1 } }),
        json!({ "lifetimeSeconds": 100, "description": ["canary-42"] }),
        json!({ "lifetimeSeconds": 100, "description": "canary-42\u{0}" }),
    ] {
        let reply = server.ask(&anna.basic(), "POST", TOKENS, &body);
        let exception = refused(&reply, 400, "ValidationFailed");
        assert!(!reply.text().contains("canary"), "{exception}");
        assert!(!text(&exception, "details").contains("lifetimeSeconds"), "{exception}");
    }
}

#[test]
fn the_doors_refusals_reach_these_paths_too() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    let long = json!({ "lifetimeSeconds": 100, "description": "x".repeat(2 << 20) }).to_string();
    let request = client.post(TOKENS).basic(&anna.name, &anna.password);
    assert_eq!(request.text("application/json", long).send().problem(413), "body_too_large");
    let packed = client.post(TOKENS).basic(&anna.name, &anna.password).header("Content-Encoding", "gzip");
    packed.json(&seconds(100)).send().problem(415);
    client.get(TOKENS).header("x-long", "x".repeat(100_000)).send().problem(431);
    assert_eq!(live(&server, &anna), 0);
}
