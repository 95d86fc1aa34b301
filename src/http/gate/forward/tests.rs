//! What the gate reads of a proxy's question, without a server.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{
    ask::{Ask, Misasked, Profile},
    original,
};
use crate::{
    core::{refusal::Refusal, wanted::Wanted},
    http::{
        app::Peer,
        head::{Head, Line, Lines},
    },
    ops::config::{Config, Proxies, Sources},
};

fn policies() -> BTreeMap<String, Wanted> {
    let mut wanted = Wanted::default();
    wanted.require("orders:read").unwrap();
    BTreeMap::from([("orders".to_owned(), wanted)])
}

#[test]
fn a_query_says_what_is_wanted() {
    let policies = policies();
    let read = |query| Ask::of_query(query, &policies).map(|ask| (ask.wanted.into_owned(), ask.profile));
    let wanted = |requires: &[&str]| {
        let mut wanted = Wanted::default();
        for text in requires {
            wanted.require(text).unwrap();
        }
        wanted
    };
    let same = |query, requires: &[&str], profile| match read(query) {
        Ok(read) => assert_eq!(read, (wanted(requires), profile), "{query}"),
        Err(Misasked { refusal, .. }) => panic!("{query}: {refusal}"),
    };
    same("", &[], Profile::Any);
    same("&", &[], Profile::Any);
    same("require=orders:read", &["orders:read"], Profile::Any);
    same("require=orders%3Aread&require=a:b|c:d&profile=nginx", &["orders:read", "a:b|c:d"], Profile::Nginx);
    same("policy=orders&profile=caddy", &["orders:read"], Profile::Forwarded);
    for (query, profile, told) in [
        ("require=orders", Profile::Any, "require: "),
        ("require=", Profile::Any, "require: "),
        ("require=a:b|", Profile::Any, "require: "),
        ("require=%ff", Profile::Any, "require: isn't UTF-8"),
        ("profile=nginx&require=x", Profile::Nginx, "require: "),
        ("profile=apache", Profile::Any, "profile: "),
        ("profile=nginx&profile=caddy", Profile::Nginx, "profile: stands twice"),
        ("organization=Acme", Profile::Any, "organization: "),
        ("organization=a&organization=a", Profile::Any, "organization: only one"),
        ("module=1", Profile::Any, "module: "),
        ("policy=other", Profile::Any, "policy: "),
        ("policy=orders&policy=orders", Profile::Any, "policy: stands twice"),
        ("policy=orders&require=a:b", Profile::Any, "policy: says all"),
        ("profile=nginx&token=x", Profile::Nginx, "an unknown query parameter"),
    ] {
        let Err(Misasked { profile: said, refusal }) = read(query) else { panic!("{query} is taken") };
        assert_eq!(said, profile, "{query}");
        assert!(refusal.to_string().starts_with(told), "{query}: {refusal}");
    }
}

#[test]
fn a_path_names_a_policy_and_what_was_asked_for() {
    let policies = policies();
    for (path, rest) in [("orders", None), ("orders/", Some("/")), ("orders//a/..", Some("//a/.."))] {
        let Ok(ask) = Ask::of_path(path, &policies) else { panic!("{path} is refused") };
        assert_eq!(ask.path, rest);
    }
    assert!(Ask::of_path("other/x", &policies).is_err() && Ask::of_path("", &policies).is_err());
}

/// What is known of a request from 127.0.0.1: the address, and method, host and path.
fn known(
    query: &str,
    path: Option<&str>,
    trusted: &str,
    headers: &[(&str, &str)],
) -> Result<(String, [Option<String>; 3]), Refusal> {
    let lines: Vec<Line<'_>> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let head = Head { method: "PUT", path: "/gate", query: None, headers: Lines(&lines) };
    let flags = vec![("trusted_proxy", trusted.to_owned())];
    let proxies: Proxies = Config::load(Sources { flags, ..Sources::default() }).unwrap().trusted_proxy;
    let policies = BTreeMap::new();
    let Ok(mut ask) = Ask::of_query(query, &policies) else { panic!("{query}") };
    ask.path = path;
    let peer = Peer::Net(SocketAddr::from(([127, 0, 0, 1], 4711)));
    let client = original::client(&head, peer, &proxies, &ask)?;
    let asked =
        [client.asked.method, client.asked.host, client.asked.path].map(|text| text.map(str::to_owned));
    Ok((client.address.unwrap().to_string(), asked))
}

fn texts(method: &str, host: &str, path: &str) -> [Option<String>; 3] {
    [method, host, path].map(|text| (!text.is_empty()).then(|| text.to_owned()))
}

const HERE: &str = "127.0.0.0/8";

#[test]
fn each_profile_reads_the_headers_that_its_proxy_sets() {
    let nginx = [("x-original-method", "GET"), ("X-Original-Host", "a:80"), ("x-original-uri", "/p?q=/x")];
    let caddy = [("x-forwarded-method", "POST"), ("X-Forwarded-Host", "b"), ("x-forwarded-uri", "/r")];
    let both = [nginx, caddy].concat();
    let asked = |query, headers: &[_]| known(query, None, HERE, headers).map(|(_, asked)| asked);
    assert_eq!(asked("", &nginx), Ok(texts("GET", "a:80", "/p")));
    assert_eq!(asked("", &caddy), Ok(texts("POST", "b", "/r")));
    assert_eq!(asked("profile=nginx", &both), Ok(texts("GET", "a:80", "/p")));
    assert_eq!(asked("profile=traefik", &both), Ok(texts("POST", "b", "/r")));
    assert_eq!(asked("profile=nginx", &caddy), Ok(texts("", "", "")));
    assert!(matches!(asked("", &both), Err(Refusal::RouteUnclear { .. })), "whose word is it?");
    assert_eq!(asked("", &[]), Ok(texts("", "", "")));
    for (name, value) in nginx {
        let twice = [&nginx[..], &[(name, value)]].concat();
        assert!(matches!(asked("", &twice), Err(Refusal::RouteUnclear { .. })), "{name} twice");
        assert!(asked("profile=caddy", &twice).is_ok(), "nobody reads it");
    }
}

#[test]
fn an_original_uri_may_be_a_whole_url() {
    let asked = |headers: &[_]| known("", None, HERE, headers).map(|(_, asked)| asked);
    assert_eq!(asked(&[("x-original-uri", "https://a/p/q?r")]), Ok(texts("", "a", "/p/q")));
    assert_eq!(asked(&[("x-original-uri", "/p?back=https://a/q")]), Ok(texts("", "", "/p")));
    let same = [("x-original-uri", "https://A/p"), ("x-original-host", "a")];
    assert_eq!(asked(&same), Ok(texts("", "a", "/p")));
    let other = [("x-original-uri", "https://b/p"), ("x-original-host", "a")];
    assert!(matches!(asked(&other), Err(Refusal::RouteUnclear { .. })));
}

#[test]
fn behind_a_policys_name_stands_what_was_asked_for() {
    let headers = [("host", "api.example"), ("x-original-uri", "/other"), ("x-forwarded-host", "other")];
    let (_, asked) = known("", Some("/v1/x"), HERE, &headers).unwrap();
    assert_eq!(asked, texts("PUT", "api.example", "/v1/x"));
    let twice = [("host", "a"), ("host", "b")];
    assert!(matches!(known("", Some("/"), HERE, &twice), Err(Refusal::RouteUnclear { .. })));
}

#[test]
fn of_a_peer_that_is_not_trusted_nothing_is_read() {
    let headers = [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-original-method", "GET"),
        ("x-original-method", "PUT"),
        ("x-original-host", "a"),
        ("x-original-uri", "/p"),
        ("host", "a"),
    ];
    for path in [None, Some("/p")] {
        let nothing = Ok(("127.0.0.1".to_owned(), texts("", "", "")));
        assert_eq!(known("", path, "none", &headers), nothing);
        assert_eq!(known("", path, "10.0.0.0/8", &headers), nothing);
    }
}

#[test]
fn the_client_is_the_rightmost_that_is_no_proxy() {
    let from = |headers: &[_]| known("", None, HERE, headers).map(|(address, _)| address);
    assert_eq!(from(&[]), Ok("127.0.0.1".to_owned()));
    assert_eq!(from(&[("x-forwarded-for", "192.0.2.9, 10.0.0.1, 127.0.0.2")]), Ok("10.0.0.1".to_owned()));
    for claim in ["x-real-ip", "forwarded", "x_forwarded_for", "true-client-ip"] {
        assert_eq!(from(&[(claim, "10.0.0.1")]), Ok("127.0.0.1".to_owned()), "{claim}");
    }
    let twice = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "10.0.0.2")];
    assert!(matches!(from(&twice), Err(Refusal::RouteUnclear { .. })), "which of them is the proxy's?");
}
