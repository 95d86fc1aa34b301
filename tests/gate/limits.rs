//! Limited tokens behind every proxy: routes, networks, rate and uses.

use super::{HOST, Kind, Site};

/// Ways to write a path under `/v1/reports/` that some server along the way reads as another.
const ODD: [&str; 14] = [
    "/v1/reports/../secret",
    "/v1/reports/..",
    "/v1/reports/./secret",
    "/v1/reports/%2e%2e/secret",
    "/v1/reports/.%2E/secret",
    "/v1/reports/..%2fsecret",
    "/v1/reports/..%2Fsecret",
    "/v1/reports/..%5csecret",
    "/v1/reports/..\\secret",
    "/v1/reports//secret",
    "//v1/reports/1",
    "/v1/reports/1;../secret",
    "/v1/reports/..;/secret",
    "/v1/reports/1%00",
];

pub fn a_token_opens_its_routes_alone(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&["--route", "GET reports.example/v1/reports/*", "--route", "PUT */v1/status"]);
    site.passed(&site.get("/v1/reports/1", &token, &[]));
    site.passed(&site.get("/v1/reports/2026/11?page=2&back=/v1/..", &token, &[]));
    site.passed(&site.ask("PUT", "/v1/status", &token, &[("Content-Length", "0")]));
    assert_eq!(site.ask("HEAD", "/v1/reports/1", &token, &[("Connection", "close")]).status, 200);
    assert_eq!(site.application.only().line.split(' ').next(), Some("HEAD"));

    let denied = [("GET", "/v1/secret"), ("GET", "/"), ("GET", "/v1/status"), ("GET", "/v1/reportsx")];
    let methods = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"];
    let denied = denied.into_iter().chain(methods.map(|method| (method, "/v1/reports/1")));
    for (method, path) in denied {
        let reply = site.ask(method, path, &token, &[("Content-Length", "0")]);
        assert_eq!(site.refused(&reply, 403), "route_denied", "{method} {path}");
    }
    for path in ODD {
        let reply = site.get(path, &token, &[]);
        assert!(matches!(reply.status, 400 | 403), "{path}: {reply:?}");
        site.refused(&reply, reply.status);
    }
    // A token that no route limits has nobody judge its paths.
    let free = site.token(&[]);
    site.passed(&site.get("/v1/reports//1", &free, &[]));

    let elsewhere = site.token(&["--route", "GET other.example/v1/reports/*"]);
    assert_eq!(site.refused(&site.get("/v1/reports/1", &elsewhere, &[]), 403), "route_denied");
    // The host that counts is the one that the proxy goes by.
    for (line, host) in [(HOST, "other.example"), ("other.example", HOST)] {
        let wrong = if line == HOST { &elsewhere } else { &token };
        let raw = format!(
            "GET http://{line}/v1/reports/1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {wrong}\r\n\r\n"
        );
        let reply = site.client().raw_reply(raw.as_bytes());
        site.refused(&reply, reply.status);
    }
}

pub fn a_token_is_good_in_its_networks_alone(kind: Kind) {
    let site = Site::new(kind);
    let from = |last: u8, token: &str| {
        let mut client = site.client().from([127, 0, 0, last]);
        client.get("/").header("Host", HOST).bearer(token).send()
    };
    let denied = site.token(&["--deny-network", "127.0.0.0/8"]);
    assert_eq!(site.refused(&from(1, &denied), 403), "network_denied");
    let elsewhere = site.token(&["--allow-network", "10.0.0.0/8", "--allow-network", "2001:db8::/32"]);
    assert_eq!(site.refused(&from(1, &elsewhere), 403), "network_denied");
    // The proxy asks from 127.0.0.1; the client's address is another one.
    let one = site.token(&["--allow-network", "127.0.0.2/32"]);
    site.passed(&from(2, &one));
    assert_eq!(site.refused(&from(1, &one), 403), "network_denied");
    assert_eq!(site.refused(&from(3, &one), 403), "network_denied");
    let but = site.token(&["--allow-network", "127.0.0.0/8", "--deny-network", "127.0.0.2"]);
    site.passed(&from(1, &but));
    assert_eq!(site.refused(&from(2, &but), 403), "network_denied");
}

pub fn a_rate_is_429_and_uses_end(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&["--rate", "3/h"]);
    for _ in 0..3 {
        site.passed(&site.get("/", &token, &[]));
    }
    for _ in 0..10 {
        let reply = site.get("/", &token, &[]);
        assert_eq!(site.refused(&reply, 429), "rate_exceeded");
        let wait: u32 = reply.header("retry-after").expect("a wait").parse().expect("of whole seconds");
        assert!((1..=3_600).contains(&wait), "{wait}");
    }
    let token = site.token(&["--uses", "2"]);
    for _ in 0..2 {
        site.passed(&site.get("/", &token, &[]));
    }
    assert_eq!(site.refused(&site.get("/", &token, &[]), 401), "token_used_up");
}

pub fn a_proxy_that_nobody_trusts_is_not_believed(kind: Kind) {
    let site = Site::with(kind, &["--trusted-proxy", "none"]);
    let from = |last: u8, token: &str| {
        let mut client = site.client().from([127, 0, 0, last]);
        client.get("/v1/reports/1").header("Host", HOST).bearer(token).send()
    };
    site.passed(&from(2, &site.token(&[])));
    // What was asked for isn't known, and the address is the proxy's own.
    let token = site.token(&["--route", "GET reports.example/v1/reports/*"]);
    assert_eq!(site.refused(&from(1, &token), 403), "route_denied");
    let token = site.token(&["--allow-network", "127.0.0.2"]);
    assert_eq!(site.refused(&from(2, &token), 403), "network_denied");
}
