//! What holds behind every proxy, each on a server, an application and a proxy of its own.

use std::{collections::BTreeMap, fs, time::Duration};

use rustix::process::Signal;

use super::{BODY, HOST, Kind, Site, proxy::replaced};
use crate::harness::{Client, wait_for};

/// A header's name and its value.
type Header<'text> = (&'text str, &'text str);

pub fn what_is_good_passes_and_what_is_not_is_refused(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&[]);
    site.passed(&site.get("/v1/reports/1", &token, &[]));
    // What is needed stands in the proxy's configuration, whatever the client asks for.
    site.passed(&site.get("/?require=mail:send&organization=acme&policy=none&profile=envoy", &token, &[]));
    // The application's cookies, more than jeton would read, don't reach it.
    let cookie = "c".repeat(8_000);
    site.passed(&site.get("/", &token, &[("Cookie", &cookie), ("Cookie", &cookie)]));
    let mut client = site.client();
    let reply = client.request("HEAD", "/").header("Host", HOST).header("x-api-key", &token).send();
    assert_eq!((reply.status, site.application.take().len()), (200, 1));

    let nothing = client.get("/v1/reports/1").header("Host", HOST).send();
    assert!(nothing.header("www-authenticate").is_some_and(|value| value.contains("Bearer")), "{nothing:?}");
    assert_eq!(site.refused(&nothing, 401), "credential_missing");
    let password = client.get("/").header("Host", HOST).basic("anna", &site.anna.password).send();
    assert!(password.header("www-authenticate").is_some());
    assert_eq!(site.refused(&password, 401), "token_required");
    assert_eq!(site.refused(&site.get("/", &format!("{token}x"), &[]), 401), "credential_invalid");
    let both = client.get("/").header("Host", HOST).bearer(&token).header("x-api-key", &token).send();
    assert_eq!(site.refused(&both, 400), "credential_ambiguous");
    for name in ["x-api-key", "Authorization"] {
        let value = format!("Bearer {token}");
        let value = if name == "x-api-key" { &token } else { &value };
        let twice = client.get("/").header("Host", HOST).header(name, value).header(name, value).send();
        site.refused(&twice, 400);
    }

    let other = site.server.token_with(&site.anna, &["--privilege", "mail:send"]);
    let refused = site.get("/v1/reports/1", &other, &[]);
    assert_eq!(site.refused(&refused, 403), "privilege_missing");
}

pub fn a_body_arrives_whole(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&[]);
    // More than a proxy keeps in memory, and no two parts of it the same.
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).take(900_000).collect();
    let mut client = site.client();
    let post = |client: &mut Client, more: &[Header<'_>], token: &str| {
        let request = client.post("/v1/reports").header("Host", HOST).bearer(token);
        let request = more.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.text("application/octet-stream", body.clone()).send()
    };
    assert_eq!(post(&mut client, &[], &token).expect(200).text(), BODY);
    let arrival = site.application.only();
    assert!(arrival.line.starts_with("POST /v1/reports HTTP/1."), "{}", arrival.line);
    assert!(arrival.body == body, "{} bytes of {}", arrival.body.len(), body.len());

    let head = format!("POST /chunks HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n");
    let chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert_eq!(client.raw_reply(chunks.as_bytes()).expect(200).text(), BODY);
    assert_eq!(site.application.only().body, b"hello world");
    // The gate is asked with the head alone, and doesn't wait for what the client holds back.
    let waits = format!("{head}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    client.write_raw(waits.as_bytes()).unwrap();
    assert_eq!(client.read_reply(false).unwrap().status, 100);
    client.write_raw(b"hello").unwrap();
    let mut replies = std::iter::from_fn(|| client.read_reply(false).ok());
    // The application's own 100 may be passed on as well.
    let last = replies.find(|reply| reply.status != 100).unwrap();
    assert_eq!(last.expect(200).text(), BODY);
    assert_eq!(site.application.only().body, b"hello");

    let other = site.server.token_with(&site.anna, &["--privilege", "mail:send"]);
    let refused = site.client().post("/").header("Host", HOST).bearer(&other).form("a=b").send();
    assert_eq!(site.refused(&refused, 403), "privilege_missing");
}

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

pub fn without_jeton_everything_is_closed(kind: Kind) {
    let mut site = Site::new(kind);
    let token = site.token(&[]);
    site.passed(&site.get("/", &token, &[]));
    let closed = |site: &Site| {
        let reply = site.get("/", &token, &[]);
        assert!(matches!(reply.status, 502..=504), "{reply:?}");
        site.refused(&reply, reply.status);
    };
    // It is there and says nothing.
    site.server.signal(Signal::STOP);
    wait_for("all of its threads to stand still", Duration::from_secs(10), || {
        let mut threads = fs::read_dir(format!("/proc/{}/task", site.server.pid())).unwrap();
        let still = |thread: fs::DirEntry| {
            let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("State:\tT"))
        };
        threads.all(|thread| still(thread.unwrap())).then_some(())
    });
    closed(&site);
    site.server.signal(Signal::CONT);
    wait_for("the gate to open again", Duration::from_secs(10), || {
        (site.get("/", &token, &[]).status == 200).then_some(())
    });
    site.application.take();
    site.server.stop();
    closed(&site);
    closed(&site);
}

/// What other spellings a name may have that an application reads as the same.
fn spellings(name: &str) -> Vec<String> {
    let other = ["_", ".", "!", "#", "$", "%", "&", "'", "*", "+", "^", "`", "|", "~"];
    let mut spellings: Vec<String> = other.iter().map(|mark| name.replace('-', mark)).collect();
    spellings.push(name.replacen('-', "_", 1));
    spellings.extend([name.to_lowercase(), name.to_uppercase(), name.into()]);
    spellings
}

/// The headers about identity that an application could read: their names as it might, and all their values.
fn identity(headers: &[(String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut identity = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        let plain: String =
            name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
        let plain = plain.to_ascii_lowercase();
        if plain.starts_with("x-auth-") && !value.is_empty() {
            identity.entry(plain).or_default().push(value.clone());
        }
    }
    identity
}

pub fn the_application_is_told_who_it_is_and_nothing_else(kind: Kind) {
    let site = Site::with(kind, &["--gate-header", "X-Jeton-Token"]);
    let token = site.token(&[]);
    let ask = |more: &[Header<'_>]| {
        let mut client = site.client();
        let request = client.get("/v1/reports/1").header("Host", HOST).header("X-Jeton-Token", &token);
        let request = request.header("Authorization", "Basic b3duOm93bg==");
        let reply = more.iter().fold(request, |request, (name, value)| request.header(name, value)).send();
        assert_eq!(reply.expect(200).text(), BODY);
        let arrival = site.application.only();
        assert_eq!(arrival.all("authorization"), ["Basic b3duOm93bg=="], "its own, untouched");
        assert!(arrival.all("x-jeton-token").is_empty(), "the token goes no further");
        identity(&arrival.headers)
    };
    let truth = ask(&[]);
    let said = |name: &str| truth[name].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(said("x-auth-user"), ["anna"]);
    assert_eq!(said("x-auth-organization"), ["default"]);
    assert_eq!(said("x-auth-token-id"), [crate::harness::token::Wire::read(&token).uuid()]);
    assert_eq!(said("x-auth-privileges"), ["orders:read"]);
    assert!(truth["x-auth-expires"][0].ends_with('Z'), "{truth:?}");
    assert_eq!(truth.len(), 5, "{truth:?}");

    let user = ["User", "Organization", "Token-Id", "Privileges", "Expires", "Expires-In", "Reason"];
    let names = user.map(|name| format!("X-Auth-{name}"));
    for name in &names {
        let spellings = spellings(name);
        let all: Vec<Header<'_>> = spellings.iter().map(|name| (name.as_str(), "forged")).collect();
        assert_eq!(ask(&all), truth, "all spellings of {name} at once");
    }
    for spelling in spellings("X-Auth-User") {
        assert_eq!(ask(&[(&spelling, "forged")]), truth, "{spelling}");
        assert_eq!(ask(&[(&spelling, "forged"), (&spelling, "again")]), truth, "{spelling}, twice");
    }
    // Hop by hop, a client says, and would have the next hop not see it.
    let hops = format!("close, {}", names.join(", "));
    assert_eq!(ask(&[("Connection", &hops)]), truth);
    assert_eq!(ask(&[("Connection", "x-auth-user"), ("Connection", "X-Auth-Privileges, keep-alive")]), truth);

    // Without the token in its own header, none elsewhere counts.
    assert_eq!(site.refused(&site.get("/", &token, &[]), 401), "credential_missing");
}

/// What a client may claim: a header, a value that would help a request that is to be refused, and one that would harm a
/// good one.
const CLAIMS: [(&str, &str, &str); 22] = [
    ("X-Forwarded-For", "127.0.0.1", "203.0.113.9"),
    ("X_Forwarded_For", "127.0.0.1", "203.0.113.9"),
    ("X-Real-IP", "127.0.0.1", "203.0.113.9"),
    ("X_Real_IP", "127.0.0.1", "203.0.113.9"),
    ("X-Client-IP", "127.0.0.1", "203.0.113.9"),
    ("True-Client-IP", "127.0.0.1", "203.0.113.9"),
    ("Forwarded", "for=127.0.0.1", "for=203.0.113.9"),
    ("X-Original-URI", "/v1/reports/1", "/v1/secret"),
    ("X_Original_URI", "/v1/reports/1", "/v1/secret"),
    ("X-Original-Url", "/v1/reports/1", "/v1/secret"),
    ("X-Original-Method", "GET", "DELETE"),
    ("X_Original_Method", "GET", "DELETE"),
    ("X-Original-Host", "reports.example", "other.example"),
    ("X-Forwarded-Uri", "/v1/reports/1", "/v1/secret"),
    ("X_Forwarded_Uri", "/v1/reports/1", "/v1/secret"),
    ("X-Forwarded-Method", "GET", "DELETE"),
    ("X_Forwarded_Method", "GET", "DELETE"),
    ("X-Forwarded-Host", "reports.example", "other.example"),
    ("X-Rewrite-Url", "/v1/reports/1", "/v1/secret"),
    ("X-HTTP-Method-Override", "GET", "DELETE"),
    ("X-Auth-Reason", "", "rate_exceeded"),
    (
        "Connection",
        "close",
        "X-Forwarded-For, X-Forwarded-Uri, X-Forwarded-Method, X-Original-URI, X-Original-Method",
    ),
];

pub fn nothing_that_a_client_claims_changes_a_decision(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&["--route", "GET reports.example/v1/reports/*", "--allow-network", "127.0.0.1"]);
    let hold = |helps: &[Header<'_>], harms: &[Header<'_>]| {
        site.passed(&site.get("/v1/reports/1", &token, harms));
        assert_eq!(site.refused(&site.get("/v1/secret", &token, helps), 403), "route_denied", "{helps:?}");
        let delete = site.ask("DELETE", "/v1/reports/1", &token, helps);
        assert_eq!(site.refused(&delete, 403), "route_denied", "{helps:?}");
        let mut elsewhere = site.client().from([127, 0, 0, 2]);
        let request = elsewhere.get("/v1/reports/1").header("Host", HOST).bearer(&token);
        let reply = helps.iter().fold(request, |request, (name, value)| request.header(name, value)).send();
        assert_eq!(site.refused(&reply, 403), "network_denied", "{helps:?}");
    };
    hold(&[], &[]);
    for (name, helps, harms) in CLAIMS {
        hold(&[(name, helps)], &[(name, harms)]);
        hold(&[(name, helps), (name, helps)], &[(name, harms), (name, harms)]);
    }
    let helps: Vec<Header<'_>> = CLAIMS.iter().map(|(name, helps, _)| (*name, *helps)).collect();
    let harms: Vec<Header<'_>> = CLAIMS.iter().map(|(name, _, harms)| (*name, *harms)).collect();
    hold(&helps, &harms);
    assert_eq!(site.refused(&site.get("/v1/reports/1", "nothing", &helps), 401), "credential_invalid");
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

pub fn a_token_that_expires_soon_is_announced(kind: Kind) {
    let site = Site::new(kind);
    let soon = site.token(&["--lifetime", "10d"]);
    let forged = [("X-Auth-Expires-In", "1")];
    for more in [&[][..], &forged[..]] {
        let reply = site.get("/", &soon, more);
        let left: u32 = reply.header("x-auth-expires-in").expect("it is announced").parse().unwrap();
        assert!((864_000 - 600..=864_000).contains(&left), "{left}");
        assert_eq!(site.application.only().all("x-auth-expires-in"), [left.to_string()]);
        let late = site.token(&["--lifetime", "15d"]);
        let reply = site.get("/", &late, more);
        assert_eq!(reply.header("x-auth-expires-in").unwrap_or_default(), "", "{reply:?}");
        site.passed(&reply);
    }
}

/// The set-up with a second place, `/mail`, for which something else is needed.
fn with_a_second_place(kind: Kind, site: &str) -> String {
    match kind {
        Kind::Nginx => {
            let place = "    location /mail {\n        set $jeton_gate /gate?require=mail:send&profile=nginx;\n        \
                         include jeton/location.conf;\n        proxy_pass http://127.0.0.1:9000;\n    }\n";
            // And a third that forgets to say what is needed.
            let forgotten = place.replace("/mail", "/forgotten");
            let forgotten: String = forgotten.lines().filter(|line| !line.contains("set ")).collect();
            replaced(site, "    location / {", &format!("{place}{forgotten}\n    location / {{"))
        }
        Kind::Caddy => {
            let begin = "\troute {\n\t\thandle /mail* {\n\t\t\timport jeton 127.0.0.1:8700 \
                         /gate?require=mail:send&profile=caddy\n\t\t\treverse_proxy 127.0.0.1:9000\n\t\t}\n\
                         \t\thandle {";
            let site = replaced(site, "\troute {", begin);
            replaced(
                &site,
                "\t\treverse_proxy 127.0.0.1:9000\n\t}",
                "\t\treverse_proxy 127.0.0.1:9000\n\t}\n\t}",
            )
        }
    }
}

pub fn each_place_asks_for_what_is_needed_there(kind: Kind) {
    let site = Site::edited(kind, &[], |site| with_a_second_place(kind, &site));
    let reader = site.token(&["--lifetime", "10d"]);
    let sender = site.server.token_with(&site.anna, &["--privilege", "mail:send", "--lifetime", "10d"]);
    site.passed(&site.get("/", &reader, &[]));
    site.passed(&site.get("/mail", &sender, &[]));
    assert_eq!(site.refused(&site.get("/", &sender, &[]), 403), "privilege_missing");
    assert_eq!(site.refused(&site.get("/mail", &reader, &[]), 403), "privilege_missing");
    if kind == Kind::Nginx {
        site.refused(&site.get("/forgotten", &reader, &[]), 503);
    }
}
