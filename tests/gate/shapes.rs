//! Traefik and Envoy, which aren't run here: the requests that their documentation and source say they make, byte for
//! byte, to the real gate.

use std::fs;

use crate::harness::{Reply, Server, command::text, server::Actor};

/// A server with the policy that the set-up for Envoy names, behind an Envoy at 10.9.9.9.
fn server() -> Server {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    fs::write(
        &config,
        "trusted_proxy = \"127.0.0.0/8, 10.9.9.9\"\n[gate_policies.reports]\nrequire = [\"orders:read\"]\n",
    )
    .unwrap();
    Server::setup().flags(&["--config", text(&config)]).start_in(home)
}

/// A token for `GET reports.example/v1/reports/*` from 203.0.113.0/24, with a privilege.
fn limited(server: &Server, anna: &Actor, privilege: &str) -> String {
    let limits = ["--route", "GET reports.example/v1/reports/*", "--allow-network", "203.0.113.0/24"];
    server.token_with(anna, &[&["--privilege", privilege], &limits[..]].concat())
}

/// Who asks a proxy for what, and from where.
#[derive(Clone, Copy)]
struct Original<'text> {
    method: &'text str,
    path: &'text str,
    host: &'text str,
    client: &'text str,
}

/// What `limited` is for.
const GOOD: Original<'_> =
    Original { method: "GET", path: "/v1/reports/1?page=2", host: "reports.example", client: "203.0.113.7" };

/// What it isn't for, and what the gate says to that.
fn wrong() -> [(Original<'static>, u16, &'static str); 8] {
    [
        (Original { method: "POST", ..GOOD }, 403, "route_denied"),
        (Original { method: "PROPFIND", ..GOOD }, 403, "route_denied"),
        (Original { path: "/v1/secret", ..GOOD }, 403, "route_denied"),
        (Original { path: "/v1/reports/..%2fsecret", ..GOOD }, 400, "route_unclear"),
        (Original { path: "//v1/reports/1", ..GOOD }, 400, "route_unclear"),
        (Original { host: "other.example", ..GOOD }, 403, "route_denied"),
        (Original { client: "198.51.100.7", ..GOOD }, 403, "network_denied"),
        (Original { client: "2001:db8::1", ..GOOD }, 403, "network_denied"),
    ]
}

/// What Traefik's forwardAuth sends for a request: always a GET, the original in X-Forwarded-*.
fn traefik(server: &Server, original: Original<'_>, token: &str) -> Reply {
    let Original { method, path, host, client } = original;
    let address = server.address();
    let raw = format!(
        "GET /gate?require=orders:read&profile=traefik HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Bearer {token}\r\nX-Forwarded-For: {client}\r\nX-Forwarded-Host: {host}\r\n\
         X-Forwarded-Method: {method}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Uri: {path}\r\n\
         Accept-Encoding: gzip\r\n\r\n"
    );
    server.client().raw_reply(raw.as_bytes())
}

/// What Envoy's ext_authz sends for a request: its own method, host and path, the latter behind the prefix, no body, and
/// Envoy's address after the client's.
fn envoy(server: &Server, original: Original<'_>, token: &str) -> Reply {
    let Original { method, path, host, client } = original;
    let raw = format!(
        "{method} /gate/policy/reports{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\
         authorization: Bearer {token}\r\nx-envoy-internal: true\r\nx-forwarded-for: {client}, 10.9.9.9\r\n\
         x-envoy-expected-rq-timeout-ms: 5000\r\n\r\n"
    );
    let mut asking = server.client();
    asking.write_raw(raw.as_bytes()).unwrap();
    asking.read_reply(method == "HEAD").unwrap()
}

fn holds(ask: fn(&Server, Original<'_>, &str) -> Reply) {
    let server = server();
    let anna = server.user("anna");
    let token = limited(&server, &anna, "orders:read");
    for method in ["GET", "HEAD"] {
        let reply = ask(&server, Original { method, ..GOOD }, &token).expect(200);
        assert_eq!(reply.header("x-auth-user"), Some("anna"));
        assert_eq!(reply.header("x-auth-privileges"), Some("orders:read"));
        assert_eq!(
            reply.header("x-auth-expires-in"),
            Some(""),
            "blank, so that a client's own is overwritten"
        );
        assert_eq!(reply.header("x-auth-reason"), Some(""));
    }
    for (original, status, reason) in wrong() {
        let reply = ask(&server, original, &token);
        let Original { method, path, host, client } = original;
        let what = format!("{method} {host}{path} from {client}");
        assert_eq!((reply.status, reply.header("x-auth-reason")), (status, Some(reason)), "{what}");
    }
    // Unlimited, whatever the request: the method is the client's, and every one is asked about.
    let free = server.token_with(&anna, &["--privilege", "orders:*"]);
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        assert_eq!(
            ask(&server, Original { method, client: "198.51.100.7", ..GOOD }, &free).status,
            200,
            "{method}"
        );
    }
    let other = limited(&server, &anna, "mail:send");
    let reply = ask(&server, GOOD, &other).expect(403);
    assert_eq!(reply.header("x-auth-reason"), Some("privilege_missing"));
    let nobody = ask(&server, GOOD, "nothing").expect(401);
    assert!(nobody.header("www-authenticate").is_some());
    let hasty = server.token_with(&anna, &["--privilege", "orders:read", "--rate", "1/h"]);
    ask(&server, GOOD, &hasty).expect(200);
    let reply = ask(&server, GOOD, &hasty).expect(429);
    assert!(reply.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()));
}

#[test]
fn traefik_is_answered() {
    holds(traefik);
}

#[test]
fn envoy_is_answered() {
    holds(envoy);
}

#[test]
fn an_envoy_that_nobody_named_stands_in_its_clients_place() {
    // Its own address comes last, and is taken for the client's: tokens limited to networks are refused.
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    fs::write(&config, "[gate_policies.reports]\nrequire = [\"orders:read\"]\n").unwrap();
    let server = Server::setup().flags(&["--config", text(&config)]).start_in(home);
    let anna = server.user("anna");
    let token = limited(&server, &anna, "orders:read");
    let reply = envoy(&server, GOOD, &token).expect(403);
    assert_eq!(reply.header("x-auth-reason"), Some("network_denied"));
}
