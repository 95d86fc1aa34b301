//! What a client sends never reaches the log: canaries in the path, the query, every header and every kind of body.

use std::thread;

use serde_json::Value;

use crate::harness::{Reply, Server, server::named};

/// Distinct words for distinct places, so that a leak says where it comes from.
fn canary(place: &str) -> String {
    format!("canary{}9f3b7c1e", place.replace(['-', ' '], ""))
}

const ROUTES: [&str; 33] = [
    "/",
    "/gate",
    "/gate/policy/x",
    "/v1/tokens",
    "/v1/tokens/self",
    "/v1/expiries.ics",
    "/v1/feeds",
    "/v1/feeds/x",
    "/v1/tokens/x/disable",
    "/v1/me",
    "/v1/users",
    "/v1/users/x",
    "/v1/users/x/password",
    "/v1/users/x/disable",
    "/v1/organizations",
    "/v1/organizations/default",
    "/v1/organizations/default/policy",
    "/v1/organizations/default/privileges",
    "/v1/organizations/default/modules",
    "/v1/organizations/default/modules/x",
    "/v1/organizations/default/members",
    "/v1/organizations/default/members/x",
    "/v1/backup",
    "/v1/introspect/batch",
    "/v1/leaks",
    "/v1/leaks/check",
    "/v1/tokens/x/leaks",
    "/oauth/introspect",
    "/oauth/revoke",
    "/.well-known/oauth-authorization-server",
    "/health/live",
    "/openapi.json",
    "/nowhere",
];

/// Those of the other vendors' APIs.
const TRANSLATED: [&str; 12] = [
    "/ds-api/user-token",
    "/ds-api/user-token/default",
    "/v4/apiAccessTokens",
    "/v4/apiAccessTokens/x",
    "/api/v1/me/tokens",
    "/api/v1/me/tokens/x",
    "/public/v1/accounts/api-tokens",
    "/public/v1/accounts/api-tokens/x",
    "/v1/accounts/api-tokens/x/enable",
    "/api/access-tokens",
    "/api/access-tokens/x",
    "/api/account/me",
];

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

const HEADERS: [&str; 14] = [
    "Authorization",
    "x-api-key",
    "x-access-token",
    "user-token",
    "Cookie",
    "User-Agent",
    "Referer",
    "Origin",
    "X-Forwarded-For",
    "X-Real-IP",
    "X-Request-Id",
    "If-Match",
    "Accept",
    "X-Anything",
];

/// Sends the corpus to these routes of `server`; `credential` makes it go deeper than the guard.
fn sing(server: &Server, credential: &str, routes: &[&str]) {
    let mut client = server.client();
    let mut ask =
        |method: &str, path: &str, headers: &[(&str, String)], body: Option<(&str, String)>| -> Reply {
            let mut request = client.request(method, path);
            if !headers.iter().any(|(name, _)| HEADERS[..4].contains(name)) {
                request = request.bearer(credential);
            }
            for (name, value) in headers {
                request = request.header(name, value);
            }
            match body {
                Some((media_type, body)) => request.text(media_type, body).send(),
                None => request.send(),
            }
        };
    for method in METHODS {
        for route in routes {
            if method == "DELETE" && route.ends_with("self") {
                continue;
            }
            let path = format!("{route}?{}={}", canary("querykey"), canary("query"));
            ask(method, &path, &[], None);
            ask(method, &format!("{route}?key={}", canary("feed")), &[], None);
            ask(method, &format!("{}/{}", route.trim_end_matches('/'), canary("path")), &[], None);
            for header in HEADERS {
                ask(method, route, &[(header, canary(header))], None);
            }
            ask(method, route, &[("Authorization", format!("Bearer {}", canary("bearer")))], None);
            ask(method, route, &[("Authorization", format!("Basic {}", canary("basic")))], None);
            if matches!(method, "POST" | "PUT" | "PATCH") {
                for (media_type, body) in bodies() {
                    ask(method, route, &[("If-Match", "\"0\"".into())], Some((media_type, body)));
                }
            }
        }
    }
    // What hyper alone refuses, and what never was HTTP.
    for raw in [
        format!("{} / HTTP/1.1\r\nHost: localhost\r\n\r\n", canary("method")),
        format!("GET /{} HTTP/9.9\r\n\r\n", canary("version")),
        format!("{}\r\n\r\n", canary("garbage")),
        format!("GET / HTTP/1.1\r\nHost: {}\r\nHost: {}\r\n\r\n", canary("host"), canary("host")),
        format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", canary("one host")),
        format!("GET /a%2f{} HTTP/1.1\r\nHost: localhost\r\n\r\n", canary("slash")),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{} : x\r\n\r\n", canary("header name")),
    ] {
        server.client().raw(raw.as_bytes());
    }
}

fn bodies() -> Vec<(&'static str, String)> {
    let json = "application/json";
    vec![
        (json, format!("{{\"name\":\"{}", canary("broken"))),
        (json, format!("{{\"{}\":1}}", canary("unknown key"))),
        (json, format!("{{\"name\":[\"{}\"]}}", canary("mistyped"))),
        (json, format!("{{\"name\":\"x\",\"lifetime\":\"{}\"}}", canary("lifetime"))),
        (json, format!("{{\"name\":\"x\",\"expires_at\":\"{}\"}}", canary("expiry"))),
        (json, format!("{{\"name\":\"x\",\"privileges\":[\"{}\"]}}", canary("privilege"))),
        (json, format!("{{\"name\":\"x\",\"organization\":\"{}\"}}", canary("organization"))),
        (json, format!("{{\"username\":\"{0}!\",\"password\":\"{0}\"}}", canary("username"))),
        (json, format!("{{\"username\":\"x\",\"password\":\"{}\"}}", canary("password"))),
        (json, format!("{{\"password\":\"{}\"}}", canary("new password"))),
        (json, format!("{{\"slug\":\"{}!\"}}", canary("slug"))),
        (json, format!("{{\"policy\":{{\"max_lifetime\":\"{}\"}}}}", canary("policy"))),
        (json, format!("{{\"issuers\":\"{}\"}}", canary("issuers"))),
        (json, format!("{{\"user\":\"{}\"}}", canary("member"))),
        (json, format!("{{\"owner\":\"{}\"}}", canary("owner"))),
        (json, format!("{{\"number\":\"{}\",\"name\":\"x\"}}", canary("number"))),
        (json, format!("\"{}\"", canary("string"))),
        ("application/x-www-form-urlencoded", format!("token={0}&{0}={0}", canary("form"))),
        (json, format!("{{\"tokens\":[\"{}\", 1]}}", canary("tokens"))),
        (json, format!("{{\"tokens\":[\"{}\"]}}", canary("token"))),
        (json, format!("[{{\"token\":\"{}\",\"url\":\"{}\"}}]", canary("leaked"), canary("url"))),
        (json, format!("[{{\"token\":[\"{}\"]}}]", canary("leak"))),
        ("text/plain", canary("text")),
        ("application/json; charset=x", canary("charset")),
    ]
}

#[track_caller]
fn silent(log: &str) {
    // What a client calls its request is meant to be there.
    let called = format!("\"span\":{{\"id\":\"{}\"", canary("X-Request-Id"));
    let log = log.replace(&called, "");
    let leak = log.lines().find(|line| line.to_lowercase().contains("canary"));
    assert_eq!(leak, None);
    assert!(!log.contains("Y2FuYXJ5"), "in base64");
}

#[test]
fn no_canary_reaches_the_log_at_its_loudest() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    let ada = server.administrator("ada");
    let (anna, narrow) = (server.user("anna"), server.token_with(&ada, &["--restricted"]));
    let admin = server.token_with(&ada, &["--privilege", "jeton:admin", "--privilege", "jeton:introspect"]);
    let plain = server.token(&anna);
    thread::scope(|scope| {
        for credential in ["jtn_wrong", &narrow, &plain, &admin] {
            scope.spawn(|| sing(&server, credential, &ROUTES));
        }
        // They differ from our own in their words and their parsers, and have no guard of their own.
        scope.spawn(|| sing(&server, &plain, &TRANSLATED));
    });
    server.stop();
    let log = server.log();
    assert!(log.contains("listening"), "there is a log to scan");
    silent(&log);
    for line in log.lines() {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok(), "one record a line: {line:?}");
    }
}

#[test]
fn no_canary_reaches_the_log_at_any_other_level() {
    for level in ["debug", "info", "warn", "error", "off"] {
        let mut server = Server::setup().env("JETON_LOG", level).start();
        let anna = server.user("anna");
        let token = server.token(&anna);
        let mut client = server.client();
        for (media_type, body) in bodies() {
            client.post("/v1/tokens").bearer(&token).text(media_type, body).send();
        }
        for header in HEADERS {
            client.get("/v1/me").header(header, canary(header)).send();
        }
        client.get(&format!("/{0}?{0}={0}", canary("path"))).send();
        server.stop();
        silent(&server.log());
    }
}

#[test]
fn labels_with_control_characters_forge_no_record() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for odd in ["\n{\"level\":\"forged\"}", "\r\nforged", "\u{1b}[2Jforged", "forged\u{2028}", "forged\u{85}"]
    {
        client.post("/v1/tokens").bearer(&token).json(&named(odd)).send();
        client
            .get("/v1/tokens?cursor=x")
            .bearer(&token)
            .header("User-Agent", odd.replace(['\n', '\r', '\u{1b}'], ""))
            .send();
        client.get("/v1/me").basic(odd, odd).send();
    }
    server.stop();
    assert!(!server.log().contains("forged"));
}
