//! The gate without a proxy before it: what it answers, whom it believes, and that it is never stale.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::harness::{
    Client, RaiseOnDrop, Reply, Server, campaign,
    server::{Actor, named},
    wait_for,
};

/// The headers that are on every answer.
const ALWAYS: [&str; 8] = [
    "x-auth-user",
    "x-auth-organization",
    "x-auth-token-id",
    "x-auth-privileges",
    "x-auth-expires",
    "x-auth-expires-in",
    "x-auth-superseded-at",
    "x-auth-reason",
];

fn reason(reply: &Reply) -> &str {
    reply.header("x-auth-reason").expect("every answer says why or nothing")
}

/// Asks with a token and headers.
fn ask(client: &mut Client, target: &str, token: &str, headers: &[(&str, &str)]) -> Reply {
    let request = client.get(target).bearer(token);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

fn server() -> (Server, Actor) {
    let server = Server::start();
    let ada = server.administrator("ada");
    (server, ada)
}

#[test]
fn every_answer_has_every_header_and_no_body() {
    let (server, ada) = server();
    let made = server.mint(&ada, &json!({ "name": "x", "privileges": ["orders:read", "mail:send"] }));
    let token = made["token"].as_str().unwrap();
    let mut client = server.client();
    let good = ask(&mut client, "/gate?require=mail:send", token, &[]).expect(200);
    assert_eq!(good.header("x-auth-user"), Some("ada"));
    assert_eq!(good.header("x-auth-organization"), Some("default"));
    assert_eq!(good.header("x-auth-token-id"), made["id"].as_str());
    assert_eq!(good.header("x-auth-privileges"), Some("mail:send orders:read"));
    assert_eq!(good.header("x-auth-expires"), made["expires_at"].as_str());
    assert_eq!(good.header("x-auth-expires-in"), Some(""), "thirty days are no news");
    assert_eq!(reason(&good), "");
    let blank = |reply: &Reply| ALWAYS[..7].iter().all(|name| reply.header(name) == Some(""));
    let refused = [
        (client.get("/gate").send(), 401, "credential_missing"),
        (ask(&mut client, "/gate", "jtn_nonsense", &[]), 401, "credential_invalid"),
        (client.get("/gate").basic("ada", &ada.password).send(), 401, "token_required"),
        (ask(&mut client, "/gate", token, &[("x-api-key", token)]), 400, "credential_ambiguous"),
        (ask(&mut client, "/gate?page=2", token, &[]), 400, "malformed"),
        (ask(&mut client, "/gate?require=no", token, &[]), 400, "invalid"),
        (ask(&mut client, "/gate/policy/none", token, &[]), 400, "invalid"),
        (ask(&mut client, "/gate?profile=nginx&require=no", token, &[]), 403, "invalid"),
    ];
    for (reply, status, code) in refused {
        assert_eq!((reply.status, reason(&reply)), (status, code));
        assert!(blank(&reply) && reply.body.is_empty(), "{reply:?}");
        let challenge = reply.header("www-authenticate").expect("what would be right");
        assert_eq!(challenge.contains("invalid_request"), status != 401, "{code}: {challenge}");
    }
    // What is wrong with the proxy's configuration is said to whoever tries it.
    for (target, told) in [
        ("/gate?require=no", "require: a privilege is domain:action"),
        ("/gate?profile=nginx&policy=none", "policy: jeton's configuration has none of this name"),
        ("/gate?page=2", "an unknown query parameter: the gate takes require, organization"),
    ] {
        let reply = ask(&mut client, target, token, &[]);
        let told_here = reply.header("www-authenticate").unwrap_or_default().contains(told);
        assert!(told_here, "{target}: {reply:?}");
    }
    // Whose token it was is known.
    let lacking = ask(&mut client, "/gate?require=orders:write", token, &[]).expect(403);
    assert_eq!((reason(&lacking), lacking.header("x-auth-user")), ("privilege_missing", Some("ada")));
    let challenge = r#"Bearer realm="jeton", error="insufficient_scope", scope="orders:write""#;
    assert_eq!(lacking.header("www-authenticate"), Some(challenge));
}

#[test]
fn every_method_is_answered_the_same_and_a_body_is_nobodys_business() {
    let (server, ada) = server();
    let token = server.token(&ada);
    let mut client = server.client();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE"] {
        let reply = client.request(method, "/gate").bearer(&token).send().expect(200);
        assert_eq!(reply.header("x-auth-user"), Some("ada"), "{method}");
    }
    let long = "x".repeat(100_000);
    for _ in 0..3 {
        server.client().post("/gate").bearer(&token).json(&json!({ "long": long })).send().expect(200);
    }
    let odd = client.post("/gate").bearer(&token).header("content-encoding", "gzip").json(&json!({})).send();
    odd.expect(200);
    client.request("CONNECT", "/gate").bearer(&token).send().expect(404);
}

#[test]
fn a_token_near_its_expiry_is_announced() {
    let (server, ada) = server();
    let mut client = server.client();
    let mut expires_in = |lifetime: &str| {
        let token = server.token_with(&ada, &["--lifetime", lifetime]);
        let reply = ask(&mut client, "/gate", &token, &[]).expect(200);
        reply.header("x-auth-expires-in").unwrap().to_owned()
    };
    assert_eq!(expires_in("15d"), "");
    let left: u64 = expires_in("13d").parse().expect("whole seconds");
    assert!((13 * 86_400 - 60..=13 * 86_400).contains(&left), "{left}");
    let left: u64 = expires_in("1h").parse().expect("whole seconds");
    assert!((3_540..=3_600).contains(&left), "{left}");
}

#[test]
fn a_policy_of_the_configuration_says_what_is_wanted() {
    let policies = "[gate_policies.reports]\nrequire = ['orders:read', 'mail:send|mail:read']\n\
        [gate_policies.acme]\norganization = 'acme'\n";
    let server = Server::setup().settings(policies).start();
    let ada = server.administrator("ada");
    let mut client = server.client();
    let mut status = |target: &str, privileges: &[&str]| {
        let token = server.mint(&ada, &json!({ "name": "x", "privileges": privileges }));
        ask(&mut client, target, token["token"].as_str().unwrap(), &[]).status
    };
    for target in ["/gate?policy=reports", "/gate/policy/reports", "/gate/policy/reports/a//b?token=x&x"] {
        assert_eq!(status(target, &["orders:read", "mail:read"]), 200, "{target}");
        assert_eq!(status(target, &["orders:*", "mail:*"]), 200, "{target}");
        assert_eq!(status(target, &["orders:read"]), 403, "{target}");
        assert_eq!(status(target, &["mail:read", "mail:send"]), 403, "{target}");
    }
    assert_eq!(status("/gate/policy/acme", &["*:*"]), 403);
    // A client that gets its query into the gate's path can't choose another policy there.
    assert_eq!(status("/gate/policy/acme?policy=reports&require=orders:read", &["*:*"]), 403);
    assert_eq!(status("/gate/policy/nowhere", &["*:*"]), 400);
    assert_eq!(status("/gate/policies/reports", &["*:*"]), 404, "no path of the gate's");
}

/// What the gate makes of a token that is good for one network, on one route.
fn limited(server: &Server, ada: &Actor) -> String {
    server.token_with(ada, &["--allow-network", "10.0.0.0/8", "--route", "GET api.example/v1/reports/*"])
}

const RIGHT: [(&str, &str); 4] = [
    ("X-Forwarded-For", "10.1.2.3"),
    ("X-Original-Method", "GET"),
    ("X-Original-Host", "api.example"),
    ("X-Original-URI", "/v1/reports/7?page=2"),
];

#[test]
fn what_a_trusted_proxy_says_decides_and_what_anybody_else_says_does_not() {
    let (server, ada) = server();
    let token = limited(&server, &ada);
    let mut proxy = server.client();
    ask(&mut proxy, "/gate?profile=nginx", &token, &RIGHT).expect(200);
    ask(&mut proxy, "/gate", &token, &RIGHT).expect(200);
    for (at, value, code) in [
        (0, "11.1.2.3", "network_denied"),
        (0, "10.1.2.3, 11.1.2.3", "network_denied"),
        (1, "POST", "route_denied"),
        (2, "other.example", "route_denied"),
        (3, "/v1/users", "route_denied"),
        (3, "/v1/reports/../users", "route_unclear"),
        (3, "/v1/reports/%2e%2e/users", "route_unclear"),
        (3, "/v1/reports/a%2fb", "route_unclear"),
        (3, "/v1/reports/a%5cb", "route_unclear"),
        (3, "/v1/reports/a;b", "route_unclear"),
        (3, "/v1/reports//a", "route_unclear"),
        (3, "/v1/reports/%00", "route_unclear"),
        (3, "", "route_denied"),
    ] {
        let mut headers = RIGHT;
        headers[at].1 = value;
        let reply = ask(&mut proxy, "/gate?profile=nginx", &token, &headers).expect(403);
        assert_eq!(reason(&reply), code, "{value}");
    }
    for one in RIGHT {
        let twice = [&RIGHT[..], &[one]].concat();
        let reply = ask(&mut proxy, "/gate?profile=nginx", &token, &twice).expect(403);
        assert_eq!(reason(&reply), "route_unclear", "{} twice", one.0);
    }
    // The peer is on no list.
    let elsewhere = Server::setup().flags(&["--trusted-proxy", "192.0.2.1"]).start();
    let ada = elsewhere.administrator("ada");
    let token = limited(&elsewhere, &ada);
    let free = elsewhere.token(&ada);
    let mut stranger = elsewhere.client();
    let spellings =
        [("X_Forwarded_For", "10.1.2.3"), ("X-Real-IP", "10.1.2.3"), ("Forwarded", "for=10.1.2.3")];
    for headers in [&RIGHT[..], &RIGHT[1..], &[], &[&RIGHT[..], &RIGHT[..]].concat(), &spellings] {
        let reply = ask(&mut stranger, "/gate", &token, headers).expect(403);
        assert_eq!(reason(&reply), "network_denied", "{headers:?}");
        ask(&mut stranger, "/gate", &free, headers).expect(200);
    }
    let local = elsewhere.token_with(&ada, &["--allow-network", "127.0.0.1"]);
    ask(&mut stranger, "/gate", &local, &[("X-Forwarded-For", "10.1.2.3")]).expect(200);
    let routed = elsewhere.token_with(&ada, &["--route", "GET api.example/v1/reports/*"]);
    assert_eq!(reason(&ask(&mut stranger, "/gate", &routed, &RIGHT).expect(403)), "route_denied");
}

#[test]
fn the_gates_own_header_is_read_alone() {
    let server = Server::setup().flags(&["--gate-header", "X-Jeton-Token"]).start();
    let ada = server.administrator("ada");
    let token = server.token(&ada);
    let mut client = server.client();
    let mut with = |headers: &[(&str, &str)]| {
        let request = client.get("/gate");
        let reply = headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send();
        (reply.status, reason(&reply).to_owned())
    };
    let bearer = format!("Bearer {token}");
    let good = (200, String::new());
    let own = ("x-jeton-token", token.as_str());
    assert_eq!(with(&[own]), good);
    assert_eq!(with(&[("X-Jeton-Token", &bearer)]), good);
    // Whatever the application reads there.
    assert_eq!(with(&[own, ("Authorization", "Digest x"), ("x-api-key", "theirs")]), good);
    assert_eq!(with(&[own, ("Authorization", "one"), ("Authorization", "two")]), good);
    assert_eq!(with(&[("Authorization", &bearer)]), (401, "credential_missing".into()));
    assert_eq!(with(&[own, own]), (400, "credential_ambiguous".into()));
    assert_eq!(
        with(&[("x-jeton-token", "no"), ("Authorization", &bearer)]),
        (401, "credential_invalid".into())
    );
    // At jeton itself a token comes as ever.
    server.client().get("/v1/me").bearer(&token).send().expect(200);
}

#[test]
fn a_rate_is_answered_429_and_told_to_nginx_as_403() {
    let (server, ada) = server();
    let token = server.token_with(&ada, &["--rate", "3/h"]);
    let mut client = server.client();
    for _ in 0..3 {
        ask(&mut client, "/gate", &token, &[]).expect(200);
    }
    for (target, status) in [("/gate", 429), ("/gate?profile=nginx", 403), ("/gate?profile=caddy", 429)] {
        let reply = ask(&mut client, target, &token, &[]).expect(status);
        assert_eq!(reason(&reply), "rate_exceeded");
        let wait: u64 = reply.header("retry-after").expect("when").parse().expect("seconds");
        assert!((3_000..=3_600).contains(&wait), "{wait}");
    }
    let few = server.token_with(&ada, &["--uses", "1"]);
    ask(&mut client, "/gate?require=no:such", &server.token_with(&ada, &["--no-privileges"]), &[])
        .expect(403);
    ask(&mut client, "/gate", &few, &[]).expect(200);
    assert_eq!(reason(&ask(&mut client, "/gate", &few, &[]).expect(401)), "token_used_up");
}

/// A change that is acknowledged is in force for whatever is asked after it, however many ask.
#[test]
fn the_next_question_after_a_change_knows_of_it() {
    let (server, ada) = server();
    let rounds = campaign(20, 300);
    let late = AtomicUsize::new(0);
    let passed = AtomicUsize::new(0);
    for round in 0..rounds {
        let made = server.mint(&ada, &named("x"));
        let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
        let (revoked, done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let _end = RaiseOnDrop(&done);
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = server.client();
                    while !done.load(Ordering::SeqCst) {
                        let after = revoked.load(Ordering::SeqCst);
                        let reply = ask(&mut client, "/gate", token, &[]);
                        match reply.status {
                            200 if after => drop(late.fetch_add(1, Ordering::SeqCst)),
                            200 => drop(passed.fetch_add(1, Ordering::SeqCst)),
                            status => assert_eq!(status, 401),
                        }
                    }
                });
            }
            let before = passed.load(Ordering::SeqCst);
            wait_for("the load", Duration::from_secs(10), || {
                (passed.load(Ordering::SeqCst) > before + 20).then_some(())
            });
            let mut client = server.client();
            let request = match round % 2 {
                0 => client.post(&format!("/v1/tokens/{id}/disable")),
                _ => client.request("DELETE", &format!("/v1/tokens/{id}")),
            };
            let status = request.bearer(server.secret()).send().status;
            assert!(matches!(status, 200 | 204), "{status}");
            revoked.store(true, Ordering::SeqCst);
            for _ in 0..20 {
                ask(&mut client, "/gate", token, &[]).expect(401);
            }
        });
    }
    assert_eq!(late.load(Ordering::SeqCst), 0, "of {} let through", passed.load(Ordering::SeqCst));
}

#[test]
fn what_an_owner_may_no_more_their_tokens_may_no_more() {
    let (server, ada) = server();
    let bo = server.user("bo");
    let token = server.token_with(&bo, &["--privilege", "orders:read"]);
    let mut client = server.client();
    let mut asked = |wanted: &str| {
        let reply = ask(&mut client, &format!("/gate?{wanted}"), &token, &[]);
        (reply.status, reason(&reply).to_owned())
    };
    assert_eq!(asked("require=orders:read").0, 200);
    let put = |path: &str, body: &serde_json::Value| {
        let mut client = server.client();
        let request = client.request("PATCH", path).basic(&ada.name, &ada.password).header("If-Match", "*");
        request.json(body).send().expect(200);
    };
    put("/v1/organizations/default/members/bo", &json!({ "privileges": ["mail:send"] }));
    assert_eq!(asked("require=orders:read"), (403, "privilege_missing".into()));
    assert_eq!(asked("").0, 200, "good still, for nothing");
    put("/v1/organizations/default/policy", &json!({ "api_access": false }));
    assert_eq!(asked(""), (401, "api_access_off".into()));
}
