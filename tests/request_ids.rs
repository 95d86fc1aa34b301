//! What a request is called: the client's word or one of jeton's, in the reply and in each line that the log has of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Reply, Server, database, server::named, token};

fn id(reply: &Reply) -> Option<&str> {
    let all = reply.headers.iter().filter(|(name, _)| name == "x-request-id");
    assert!(all.count() < 2);
    reply.header("x-request-id")
}

fn is_made(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn every_reply_says_an_id_and_no_two_the_same() {
    let server = Server::start();
    let mut client = server.client();
    let mut seen = BTreeSet::new();
    let long = "x".repeat(20_000);
    for (status, target, headers) in [
        (200, "/", vec![]),
        (200, "/health/live", vec![]),
        (200, "/v1/tokens", vec![("Authorization", format!("Bearer {}", server.secret()))]),
        (401, "/v1/me", vec![]),
        (401, "/v4/apiAccessTokens", vec![]),
        (404, "/nowhere", vec![]),
        (400, "//v1/tokens", vec![]),
        (421, "/", vec![("Host", "evil.example".to_owned())]),
        (415, "/v1/me", vec![("Content-Encoding", "gzip".to_owned())]),
        (431, "/v1/me", vec![("X-Long", long)]),
    ] {
        let request = headers.iter().fold(client.get(target), |it, (name, value)| it.header(name, value));
        let reply = request.send().expect(status);
        let id = id(&reply).unwrap_or_else(|| panic!("{target} says none"));
        assert!(is_made(id) && seen.insert(id.to_owned()), "{target} says {id}");
    }
}

#[test]
fn a_clients_word_is_said_again_unless_it_could_do_harm() {
    let server = Server::start();
    let mut client = server.client();
    let longest = "a".repeat(64);
    for target in ["/health/live", "/v1/me", "/nowhere", "/v1/%2e%2e/tokens", "/gate"] {
        for good in ["x", "Trace-1.2_3", &longest] {
            let reply = client.get(target).header("X-Request-Id", good).send();
            assert_eq!(id(&reply), Some(good), "{target}");
        }
        let long = "a".repeat(65);
        let token = server.token(&server.user(&format!("u{}", target.len())));
        for wrong in ["a b", "a;b", "\u{1b}[2J", "{\"a\":1}", "\u{2028}", &long, &token, server.secret()] {
            let reply = client.get(target).header("X-Request-Id", wrong).send();
            if target == "/gate" {
                assert_eq!(id(&reply), None, "{wrong:?}");
            } else if let Some(said) = id(&reply) {
                assert!(is_made(said), "{target}: {said} for {wrong:?}");
            } else {
                // hyper's own reply to what is no header.
                assert_eq!(reply.status, 400, "{wrong:?}");
            }
            client.drop_connection();
        }
        let both = client.get(target).header("X-Request-Id", "a").header("X-Request-Id", "b").send();
        assert!(id(&both).is_none_or(is_made), "{target}");
    }
}

#[test]
fn the_gate_makes_none() {
    let server = Server::start();
    let token = server.token(&server.user("anna"));
    let mut client = server.client();
    assert_eq!(id(&client.get("/gate").bearer(&token).send().expect(200)), None);
    assert_eq!(id(&client.get("/gate").send().expect(401)), None);
    let sent = client.get("/gate").bearer(&token).header("X-Request-Id", "from-nginx").send().expect(200);
    assert_eq!(id(&sent), Some("from-nginx"));
}

/// Asks with a token whose row was edited, which is logged, and gives the lines of the log that say so.
fn lines(format: &str) -> (Vec<String>, String) {
    let mut server = Server::setup().env("JETON_LOG_FORMAT", format).start();
    let anna = server.user("anna");
    let edited = server.mint(&anna, &named("x"));
    let text = edited["token"].as_str().unwrap();
    database::open(&server.data())
        .execute("UPDATE tokens SET expires_at = 99999999999999 WHERE id = ?", [token::Wire::read(text).id])
        .unwrap();
    let mut client = server.client();
    client.get("/v1/me").bearer(text).header("X-Request-Id", "one-of-mine").send().expect(401);
    client.get("/gate").bearer(text).header("X-Request-Id", "at-the-gate").send().expect(401);
    let made = id(&client.get("/v1/me").bearer(text).send().expect(401)).unwrap().to_owned();
    client.get("/v1/me").bearer(text).header("X-Request-Id", text).send().expect(401);
    server.stop();
    let log = server.log();
    assert!(!log.contains(text), "a token as an id");
    (log.lines().filter(|line| line.contains("refused")).map(Into::into).collect(), made)
}

#[test]
fn the_log_has_it_in_each_line_of_the_request() {
    let (lines, made) = lines("json");
    let mut spans: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["span"]["id"].clone()).collect();
    // Each is said of the row that was named and of the one that was read in its place.
    spans.dedup();
    assert_eq!(spans.len(), 4, "{lines:?}");
    assert_eq!(spans[..3], ["one-of-mine".to_owned(), "at-the-gate".to_owned(), made]);
    assert!(is_made(spans[3].as_str().unwrap()));
}

#[test]
fn people_read_it_at_the_lines_beginning() {
    let (lines, made) = lines("text");
    assert!(lines[0].contains("request{id=one-of-mine}: refused"), "{lines:?}");
    let own = format!("request{{id={made}}}: refused");
    assert!(lines.iter().any(|line| line.contains(&own)), "{lines:?}");
}

#[test]
fn a_failure_of_our_own_is_found_by_its_incident_and_by_its_id() {
    let mut server = Server::start();
    database::open(&server.data()).execute_batch("ALTER TABLE token_leaks RENAME TO elsewhere").unwrap();
    let anna = server.user("anna");
    let minted = server.mint(&anna, &named("x"));
    let path = format!("/v1/tokens/{}/leaks", minted["id"].as_str().unwrap());
    let request =
        server.client().get(&path).bearer(server.secret()).header("X-Request-Id", "it-broke").send();
    let problem = request.expect(500).json();
    server.stop();
    let log = server.log();
    let line = log.lines().find(|line| line.contains("a request failed")).expect("it is logged");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["incident"], &line["span"]["id"]), (&problem["incident"], &Value::from("it-broke")));
}
