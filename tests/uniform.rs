//! What isn't a whole token of ours gets one answer, wherever and however it is presented: the same bytes in the same
//! time. A dead token presented whole is told why.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{Client, Reply, Server, alone, campaign, server::Actor, token, wait_for},
    sign_ins::{ALPHA_1_PERCENT, apart, median},
};

/// Four texts of which none is a token, each wrong in its own way.
struct Bad {
    garbage: String,
    misspelt: String,
    unknown: String,
    wrong: String,
}

impl Bad {
    /// Made from a token that is in use.
    fn of(good: &str) -> Self {
        Self {
            garbage: format!("jtn_{}", "~".repeat(72)),
            misspelt: token::altered(good, 75),
            unknown: token::resealed(&token::altered(good, 20)),
            wrong: token::resealed(&token::altered(good, 60)),
        }
    }

    fn all(&self) -> [(&'static str, &str); 4] {
        [
            ("garbage", &self.garbage),
            ("a broken checksum", &self.misspelt),
            ("an unknown id", &self.unknown),
            ("a wrong secret", &self.wrong),
        ]
    }
}

/// A reply's bytes but for its date, and for the number that one vendor gives each of its own.
fn bytes(mut reply: Reply) -> (u16, Vec<(String, String)>, Vec<u8>) {
    reply.settle();
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(&reply.body)
        && body.contains_key("traceId")
    {
        body.insert("traceId".into(), "…".into());
        reply.body = Value::Object(body).to_string().into_bytes();
    }
    (reply.status, reply.headers, reply.body)
}

/// How a token is presented.
const CARRIERS: [&str; 7] =
    ["bearer", "basic", "basic as username", "x-api-key", "x-access-token", "user-token", "secret-token"];

fn present(client: &mut Client, method: &str, path: &str, carrier: &str, token: &str) -> Reply {
    let request = client.request(method, path);
    let request = match carrier {
        "bearer" => request.bearer(token),
        "basic" => request.basic("anna", token),
        "basic as username" => request.basic(token, ""),
        "secret-token" => request.bearer(&format!("secret-token:{token}")),
        header => request.header(header, token),
    };
    if matches!(method, "POST" | "PUT" | "PATCH") { request.json(&json!({})).send() } else { request.send() }
}

/// Every operation of every API, with a word in the place of each parameter.
fn operations(server: &Server) -> Vec<(String, String)> {
    let mut client = server.client();
    let mut document = |path: &str| client.get(path).send().expect(200).json()["paths"].clone();
    let mut found = Vec::new();
    let names = ["akinon", "dataprep", "datasentinel", "kodexa", "softwareone"];
    let dialects = names.map(|name| document(&format!("/openapi/{name}.json")));
    for paths in [document("/openapi.json")].into_iter().chain(dialects) {
        for (path, item) in paths.as_object().unwrap() {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "some-id" } else { part });
            let path = parts.collect::<Vec<_>>().join("/");
            let methods = item.as_object().unwrap().keys();
            found.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
        }
    }
    found
}

#[test]
fn whatever_is_no_token_gets_the_same_bytes_everywhere() {
    let server = Server::start();
    let good = server.token(&server.user("anna"));
    assert!(server.accepts(&good), "one in use is in the cache");
    let bad = Bad::of(&good);
    let operations = operations(&server);
    assert!(operations.len() > 60, "{}", operations.len());
    let mut client = server.client();
    let mut refused = 0;
    for (method, path) in &operations {
        for carrier in CARRIERS {
            let [first, others @ ..] = bad
                .all()
                .map(|(what, token)| (what, bytes(present(&mut client, method, path, carrier, token))));
            refused += usize::from(first.1.0 == 401);
            for (what, other) in others {
                assert_eq!(other, first.1, "{method} {path} by {carrier}: {what}");
            }
        }
    }
    assert!(refused > 300, "{refused} were refused as credentials");
    // In a query, which two of the vendors' calls read.
    for path in ["/ds-api/user-token?token=", "/ds-api/user-token/default?token="] {
        let replies = bad.all().map(|(_, token)| bytes(client.get(&format!("{path}{token}")).send()));
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{path}");
    }
}

#[test]
fn whatever_is_no_token_is_introspected_and_revoked_alike() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let good = server.token(&ada);
    assert!(server.accepts(&good));
    let bad = Bad::of(&good);
    let mut client = server.client();
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let replies = bad.all().map(|(_, token)| {
            let request = client.post(path).basic(&ada.name, &ada.password);
            bytes(request.form(&format!("token={token}")).send().expect(200))
        });
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{path}: {replies:?}");
    }
    let tokens = bad.all().map(|(_, token)| token.to_owned());
    let request = client.post("/v1/introspect/batch").basic(&ada.name, &ada.password);
    let items = request.json(&json!({ "tokens": tokens })).send().expect(200).json()["items"].clone();
    assert_eq!(
        items,
        json!([{ "active": false }, { "active": false }, { "active": false }, { "active": false }])
    );
    assert!(server.accepts(&good), "nothing was revoked");
}

/// What takes how long; the last of them is known to take longer.
const ARMS: [&str; 6] = [
    "an unknown id",
    "garbage",
    "a broken checksum",
    "a wrong secret",
    "a wrong secret, not in use",
    "control",
];

/// How often each is asked, on one connection: in an order drawn by lot each round, so that each comes after each other
/// as often.
fn measure(client: &mut Client, path: &str, texts: &[&str; 5], rounds: usize) -> [Vec<Duration>; 6] {
    let mut arms: [Vec<Duration>; 6] = Default::default();
    let padding: Vec<String> = (0..40).map(|number| format!("X-Padding-{number}")).collect();
    let mut order = [0, 1, 2, 3, 4, 5];
    let mut lot = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..rounds {
        for last in (1..order.len()).rev() {
            // Xorshift: the same lots in each run.
            lot ^= lot << 13;
            lot ^= lot >> 7;
            lot ^= lot << 17;
            order.swap(last, usize::try_from(lot >> 33).expect("31 bits") % (last + 1));
        }
        for arm in order {
            let request = client.get(path).bearer(texts.get(arm).unwrap_or(&texts[0]));
            let request = if arm == 5 {
                padding.iter().fold(request, |request, name| request.header(name, "something to be read"))
            } else {
                request
            };
            let start = Instant::now();
            let reply = request.send();
            let took = start.elapsed();
            assert_eq!(reply.status, 401);
            arms[arm].push(took);
        }
    }
    arms
}

/// How far a shift that gives this statistic is, in standard deviations of what was measured.
fn shift(apart: f64, rounds: usize) -> f64 {
    let count = f64::from(u32::try_from(rounds).expect("a few thousand"));
    // From the share of pairs in which one is the slower, as for normal distributions.
    apart.abs() * ((2.0 * count + 1.0) / (12.0 * count * count)).sqrt() * 2.0 * std::f64::consts::PI.sqrt()
}

/// Whether the times tell nothing: a difference that chance makes once in a hundred runs, or less than a tenth of their
/// deviation, which is as fine as anybody sees with thousands of tries.
fn alike(apart: f64, rounds: usize) -> bool {
    apart.abs() < ALPHA_1_PERCENT || shift(apart, rounds) < 0.1
}

/// `tests/run --long uniform` asks 20,000 times each.
#[test]
fn whatever_is_no_token_takes_the_same_time() {
    alone();
    let server = Server::start();
    let anna = server.user("anna");
    let (good, idle) = (server.token(&anna), server.token(&anna));
    for _ in 0..50 {
        server.token(&anna);
    }
    let bad = Bad::of(&good);
    let not_in_use = token::resealed(&token::altered(&idle, 60));
    let texts = [&*bad.unknown, &bad.garbage, &bad.misspelt, &bad.wrong, &not_in_use];
    let rounds = campaign(1_000, 20_000);
    let mut client = server.client();
    for path in ["/v1/tokens/self", "/gate"] {
        let mut verdicts = Vec::new();
        // What differs by chance doesn't differ again.
        let found = (0..3).any(|_| {
            client.get("/v1/tokens/self").bearer(&good).send().expect(200);
            measure(&mut client, path, &texts, rounds / 10);
            let arms = measure(&mut client, path, &texts, rounds);
            let apart: Vec<f64> = arms[1..].iter().map(|arm| apart(&arms[0], arm)).collect();
            let micros: Vec<_> = arms.iter().map(|arm| format!("{:.1}", median(arm) * 1e6)).collect();
            verdicts.push(format!("{path}, {rounds} of each, medians {micros:?} µs, apart {apart:.2?}"));
            let (control, others) = apart.split_last().expect("a control");
            // Where what takes longer isn't seen, nothing is.
            !alike(*control, rounds) && others.iter().all(|apart| alike(*apart, rounds))
        });
        eprintln!("{ARMS:?}\n{}", verdicts.join("\n"));
        assert!(found, "they differ each time, or the control doesn't: {}", verdicts.join("\n"));
    }
}

/// One reason to be dead, as both the API and the gate tell it.
struct Dead {
    code: &'static str,
    status: u16,
    since: bool,
    token: String,
}

fn id(token: &str) -> String {
    token::Wire::read(token).uuid()
}

/// A token for each way to die that needs nobody else.
fn dead(server: &Server, anna: &Actor) -> Vec<Dead> {
    let mint = |body: Value| server.mint(anna, &body)["token"].as_str().unwrap().to_owned();
    let switch = |token: &str, verb: &str| {
        let path = format!("/v1/tokens/{}", id(token));
        let (method, path) =
            if verb.is_empty() { ("DELETE", path) } else { ("POST", format!("{path}/{verb}")) };
        assert!(server.ask(&anna.basic(), method, &path, &Value::Null).status < 300);
    };
    let dead = |code, status, since, token| Dead { code, status, since, token };
    let expired = mint(json!({ "name": "x", "lifetime": "1s" }));
    let (disabled, deleted) = (mint(json!({ "name": "x" })), mint(json!({ "name": "x" })));
    switch(&disabled, "disable");
    switch(&deleted, "");
    let early =
        mint(json!({ "name": "x", "limits": { "not_before": "2999-01-01T00:00:00Z" }, "lifetime": "never" }));
    let far = mint(json!({ "name": "x", "limits": { "networks": { "allow": ["192.0.2.0/24"] } } }));
    let used = mint(json!({ "name": "x", "limits": { "uses": 1 } }));
    assert!(server.accepts(&used));
    wait_for("a second to pass", Duration::from_secs(3), || (!server.accepts(&expired)).then_some(()));
    vec![
        dead("token_expired", 401, true, expired),
        dead("token_disabled", 401, true, disabled),
        dead("token_deleted", 401, true, deleted),
        dead("token_not_yet_valid", 401, false, early),
        dead("token_used_up", 401, false, used),
        dead("network_denied", 403, false, far),
    ]
}

#[test]
fn a_dead_token_presented_whole_is_told_why_since_when_which_and_whom_to_ask() {
    let server = Server::start();
    server.policy("default", &json!({ "allow_never": true }));
    let anna = server.user("anna");
    let mut client = server.client();
    for Dead { code, status, since, token } in dead(&server, &anna) {
        for carrier in CARRIERS {
            let told = present(&mut client, "GET", "/v1/tokens/self", carrier, &token);
            assert_eq!(told.problem(status), code, "{carrier}");
            let problem = told.json();
            assert_eq!(problem["token_id"].as_str(), Some(id(&token).as_str()), "{code}");
            assert_eq!(
                (&problem["owner"], &problem["organization"]),
                (&json!("anna"), &json!("default")),
                "{code}"
            );
            assert_eq!(problem["since"].is_string(), since, "{code}: {problem}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("ask anna or an administrator of default"), "{detail}");
            if since {
                assert!(detail.contains(problem["since"].as_str().unwrap()), "{detail}");
            }
            let challenge = told.header("www-authenticate").expect("a challenge");
            let error = if status == 401 { "invalid_token" } else { "insufficient_scope" };
            assert!(challenge.contains(error), "{code}: {challenge}");
            assert!(status == 403 || challenge.contains(detail), "{code}: {challenge}");

            let at_gate = present(&mut client, "GET", "/gate", carrier, &token);
            assert_eq!((at_gate.status, at_gate.header("x-auth-reason")), (status, Some(code)), "{carrier}");
            assert_eq!(at_gate.header("x-auth-token-id"), Some(id(&token).as_str()), "{code}");
            assert_eq!(at_gate.header("x-auth-user"), Some("anna"), "{code}");
            assert_eq!(at_gate.header("www-authenticate"), told.header("www-authenticate"), "{code}");
        }
        // One digit less of it, and nothing is told.
        let bad = Bad::of(&token);
        for (what, token) in bad.all() {
            let told = client.get("/v1/tokens/self").bearer(token).send();
            assert_eq!(told.problem(401), "credential_invalid", "{code}: {what}");
            assert!(
                told.json().get("token_id").is_none() && told.json().get("owner").is_none(),
                "{code}: {what}"
            );
            let at_gate = client.get("/gate").bearer(token).send();
            assert_eq!(at_gate.header("x-auth-reason"), Some("credential_invalid"), "{code}: {what}");
            assert_eq!(at_gate.header("x-auth-token-id"), Some(""), "{code}: {what}");
        }
    }
}
