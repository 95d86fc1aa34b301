//! Datasentinel's scripts, run here.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::harness::{Reply, Server, database, estate::bearer, scan::Runs, server::Actor, token, wait_for};

const DAY: i64 = 86_400_000;
const PATH: &str = "/ds-api/user-token";
const NONE: Value = Value::Null;

fn create(server: &Server, actor: &Actor) -> Reply {
    server.ask(&actor.basic(), "POST", PATH, &NONE)
}

fn made(reply: Reply) -> String {
    let body = reply.expect(201).json();
    assert_eq!(keys(&body), ["user-token"], "scripts count the keys");
    let text = body["user-token"].as_str().unwrap().to_owned();
    token::Wire::read(&text);
    text
}

fn info(server: &Server, token: &str) -> Reply {
    server.client().get(&format!("{PATH}?token={token}")).send()
}

fn keys(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Asserts a refusal in the vendor's shape: one text.
#[track_caller]
fn refused(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    assert_eq!(keys(&body), ["error"]);
    assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
}

/// How many tokens there are, whoever's.
fn count(server: &Server) -> i64 {
    database::count(&database::open(&server.data()), "tokens")
}

/// What the native API tells of a token.
fn itself(server: &Server, token: &str) -> Value {
    server.with(token, "GET", "/v1/tokens/self", &NONE).expect(200).json()
}

fn millis(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[track_caller]
fn lives_a_day(server: &Server, token: &str) {
    let object = itself(server, token);
    assert_eq!(millis(&object["expires_at"]) - millis(&object["created_at"]), DAY);
}

#[test]
fn a_username_and_a_password_become_a_token_of_24_hours() {
    let server = Server::start();
    let ada =
        server.user_of("default", "ada", &json!({ "role": "administrator", "email": "ada@example.org" }));
    let text = made(create(&server, &ada));
    lives_a_day(&server, &text);
    let told = info(&server, &text).expect(200).json();
    assert_eq!(keys(&told), ["email", "expire_time", "organization_name", "user"]);
    let expires = itself(&server, &text)["expires_at"].as_str().unwrap()[..19].replace('T', " ");
    assert_eq!(
        told,
        json!({ "email": "ada@example.org", "expire_time": expires, "organization_name": "default", "user": "ada" })
    );
}

#[test]
fn nothing_that_is_sent_along_makes_it_live_shorter_or_longer() {
    let server = Server::start();
    server
        .policy("default", &json!({ "default_lifetime": "1h", "max_lifetime": "366d", "allow_never": true }));
    let ada = server.user("ada");
    let bodies = [
        ("application/json", "{}"),
        ("application/json", r#"{"lifetime":"1h","expires_at":null,"expire_time":"2999-01-01 00:00:00"}"#),
        ("application/json", r#"{"lifetimeSeconds":-1,"user":"root","user-token":"jtn_x"}"#),
        ("application/x-www-form-urlencoded", "lifetime=never"),
        ("text/plain", "{"),
    ];
    for (media_type, body) in bodies {
        let mut client = server.client();
        let request = client.post(PATH).basic(&ada.name, &ada.password).text(media_type, body);
        lives_a_day(&server, &made(request.send()));
    }
    let query = format!("{PATH}?lifetime=1h&expire_time=x");
    let text = made(server.ask(&ada.basic(), "POST", &query, &NONE));
    lives_a_day(&server, &text);
    assert_eq!(itself(&server, &text)["owner"], "ada");
}

#[test]
fn a_policy_refuses_a_day_that_is_too_long_and_stretches_none() {
    let server = Server::start();
    let ada = server.user("ada");
    for (longest, fits) in [("86399s", false), ("24h", true), ("365d", true), ("1h", false)] {
        server.policy("default", &json!({ "max_lifetime": longest }));
        let before = count(&server);
        if fits {
            lives_a_day(&server, &made(create(&server, &ada)));
        } else {
            refused(&create(&server, &ada), 400);
            assert_eq!(count(&server), before, "{longest}: nothing is minted instead");
        }
    }
}

#[test]
fn the_post_takes_a_credential_by_basic_and_by_nothing_else() {
    let server = Server::start();
    let ada = server.user("ada");
    let text = server.token(&ada);
    let before = count(&server);
    let mut client = server.client();
    for (name, value) in [
        ("Authorization", bearer(&text)),
        ("x-api-key", text.clone()),
        ("x-access-token", text.clone()),
        ("user-token", text.clone()),
    ] {
        let reply = client.post(PATH).header(name, value).send();
        refused(&reply, 401);
        assert_eq!(reply.header("www-authenticate"), Some(r#"Basic realm="jeton""#), "{name}");
    }
    refused(&client.post(PATH).send(), 401);
    refused(&client.post(PATH).basic("ada", "a wrong password").send(), 401);
    refused(&client.post(PATH).basic("nobody", &ada.password).send(), 401);
    refused(&client.post(PATH).header("Authorization", "Basic !!!").send(), 401);
    let twice = client.post(PATH).basic("ada", &ada.password).header("user-token", &text);
    refused(&twice.send(), 400);
    let disabled = server.user("berta");
    server.locally("POST", "/v1/users/berta/disable", &NONE).expect(200);
    refused(&create(&server, &disabled), 401);
    assert_eq!(count(&server), before, "a refusal mints nothing");

    // A token that comes by Basic is a token.
    lives_a_day(&server, &made(client.post(PATH).basic("ada", &text).send()));
}

#[test]
fn the_hosted_form_names_the_organization_that_the_token_belongs_to() {
    let server = Server::start();
    let acme = server.organization("acme", &json!({}));
    server.organization("other", &json!({}));
    let ada = server.user("ada");
    server.join("acme", &ada, &json!({ "privileges": ["*:*"], "may_issue": true }));
    let ask =
        |actor: &Actor, named: &str| server.ask(&actor.basic(), "POST", &format!("{PATH}/{named}"), &NONE);
    for name in ["acme", acme["number"].as_str().unwrap(), acme["id"].as_str().unwrap()] {
        let text = made(ask(&ada, name));
        lives_a_day(&server, &text);
        assert_eq!(info(&server, &text).json()["organization_name"], "acme", "{name}");
        assert_eq!(itself(&server, &text)["organization"], "acme");
    }
    let before = count(&server);
    for name in ["other", "nothing", "ACC-0000-0001", "%00", "a%2fb"] {
        let reply = ask(&ada, name);
        assert!(matches!(reply.status, 400 | 404), "{name} is {}: {}", reply.status, reply.text());
    }
    refused(&ask(&ada, "other"), 404);
    server.policy("acme", &json!({ "api_access": false }));
    refused(&ask(&ada, "acme"), 403);
    assert_eq!(count(&server), before);
}

#[test]
fn whoever_may_not_issue_and_whoever_has_enough_gets_none() {
    let server = Server::start();
    let (member, ada) = (server.member("mo"), server.user("ada"));
    server.policy("default", &json!({ "quota": 1 }));
    refused(&create(&server, &member), 403);
    let first = made(create(&server, &ada));
    let before = count(&server);
    refused(&create(&server, &ada), 409);
    assert_eq!(count(&server), before);
    server.with(&first, "DELETE", "/v1/tokens/self", &NONE).expect(204);
    made(create(&server, &ada));
}

#[test]
fn a_token_tells_of_itself_with_the_right_password_or_with_none() {
    let server = Server::start();
    let (ada, bert) = (server.user("ada"), server.user("bert"));
    let text = made(create(&server, &ada));
    let plain = info(&server, &text).expect(200).json();
    let mut client = server.client();
    let by = |query: &str| format!("{PATH}?{query}");
    let uri = format!("{}{}", "%6A", &text[1..]);
    for query in [format!("token={text}"), format!("user-token={text}"), format!("x=1&token={uri}")] {
        assert_eq!(client.get(&by(&query)).send().expect(200).json(), plain, "{query}");
        let with_password = client.get(&by(&query)).basic("ada", &ada.password).send();
        assert_eq!(with_password.expect(200).json(), plain);
        // Whoever knows a token may read it; the password says who asks.
        client.get(&by(&query)).basic("bert", &bert.password).send().expect(200);
        for (name, password) in [("ada", "a wrong password"), ("nobody", ada.password.as_str())] {
            refused(&client.get(&by(&query)).basic(name, password).send(), 401);
        }
        refused(&client.get(&by(&query)).bearer("jtn_wrong").send(), 401);
        let twice = client.get(&by(&query)).basic("ada", &ada.password).header("user-token", &text);
        refused(&twice.send(), 400);
    }
    for query in [format!("token={text}&token={text}"), format!("token={text}&user-token={text}")] {
        refused(&client.get(&by(&query)).send(), 400);
    }
    refused(&client.get(&by("token=%ff")).send(), 400);
}

#[test]
fn a_token_that_is_no_good_is_told_nothing_of() {
    let server = Server::start();
    let ada = server.user("ada");
    let keeper = server.token(&ada);
    let good = made(create(&server, &ada));
    let id = |text: &str| token::Wire::read(text).uuid();
    let [disabled, deleted] = [(), ()].map(|()| made(create(&server, &ada)));
    server.with(&keeper, "POST", &format!("/v1/tokens/{}/disable", id(&disabled)), &NONE).expect(200);
    server.with(&keeper, "DELETE", &format!("/v1/tokens/{}", id(&deleted)), &NONE).expect(204);
    let expired = server.token_with(&ada, &["--lifetime", "1s"]);
    wait_for("a second to pass", Duration::from_secs(5), || (!server.accepts(&expired)).then_some(()));
    let unknown = token::resealed(&token::altered(&good, 20));
    let guessed = token::resealed(&token::altered(&good, 60));
    for bad in [&disabled, &deleted, &expired, &unknown, &guessed, &token::altered(&good, 60), "x", ""] {
        refused(&info(&server, bad), 401);
        let with_password = server.ask(&ada.basic(), "GET", &format!("{PATH}?token={bad}"), &NONE);
        refused(&with_password, 401);
    }
    let mut client = server.client();
    refused(&client.get(PATH).send(), 401);
    refused(&client.get(&format!("{PATH}?other={good}")).send(), 401);
    // A token in a header is a credential, and not the one that is asked of.
    refused(&client.get(PATH).bearer(&good).send(), 401);
    info(&server, &good).expect(200);
    server.locally("POST", "/v1/users/ada/disable", &NONE).expect(200);
    refused(&info(&server, &good), 401);
}

#[test]
fn tokens_that_were_minted_elsewhere_are_told_of_too() {
    let server = Server::start();
    server.policy("default", &json!({ "allow_never": true }));
    let ada = server.user("ada");
    for (extra, expected) in [
        (vec!["--lifetime", "never"], Some("9999-12-31 23:59:59")),
        (vec!["--restricted"], None),
        (vec!["--lifetime", "300d"], None),
    ] {
        let text = server.token_with(&ada, &extra);
        let told = info(&server, &text).expect(200).json();
        let expires = itself(&server, &text)["expires_at"].as_str().map(|at| at[..19].replace('T', " "));
        assert_eq!(told["expire_time"], json!(expected.map_or_else(|| expires.unwrap(), Into::into)));
    }
}

#[test]
fn its_scripts_find_the_server_and_carry_the_token_in_a_header() {
    let server = Server::start();
    let ada = server.user("ada");
    let mut client = server.client();
    for path in ["/ds-api/", "/ds-api"] {
        let greeting = client.get(path).send().expect(200).json();
        assert_eq!(keys(&greeting), ["message", "status", "version"], "{path}");
        assert_eq!(greeting["status"], "OK");
        assert!(greeting["message"].is_string() && greeting["version"].is_string());
    }
    // It asks for no credential, so a wrong one is no matter.
    client.get("/ds-api/").basic("ada", "a wrong password").send().expect(200);
    let text = made(create(&server, &ada));
    for path in ["/v1/me", "/v1/tokens", "/v1/tokens/self"] {
        client.get(path).header("user-token", &text).send().expect(200);
    }
    client.get(&format!("{PATH}?token={text}")).header("user-token", &text).send().expect(200);
    let child = client
        .post("/v1/tokens")
        .header("user-token", &text)
        .json(&json!({ "name": "child", "lifetime": "1h" }));
    child.send().expect(201);
    client.delete("/v1/tokens/self").header("user-token", &text).send().expect(204);
    assert_eq!(client.get("/v1/me").header("user-token", &text).send().status, 401);
    refused(&info(&server, &text), 401);
}

#[test]
fn what_is_not_served_is_refused_in_its_words() {
    let server = Server::start();
    let mut client = server.client();
    for path in ["/ds-api/users", "/ds-api/user-token/a/b", "/ds-api/v1"] {
        refused(&client.get(path).send(), 404);
    }
    for (method, path, allow) in [
        ("DELETE", PATH, "GET, HEAD, POST"),
        ("PUT", PATH, "GET, HEAD, POST"),
        ("GET", "/ds-api/user-token/acme", "POST"),
        ("POST", "/ds-api/", "GET, HEAD"),
    ] {
        let reply = client.request(method, path).send();
        refused(&reply, 405);
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn every_status_that_it_declares_is_reached_beside_those_above() {
    // Heads larger than a target may be.
    let server = Server::setup().flags(&["--head-bytes", "100KiB"]).start();
    let ada = server.user("ada");
    let text = made(create(&server, &ada));
    let mut client = server.client();
    let mut reached = BTreeSet::new();
    for (method, path) in
        [("GET", "/ds-api/"), ("GET", PATH), ("POST", PATH), ("POST", "/ds-api/user-token/default")]
    {
        let long = format!("{path}?x={}", "x".repeat(70_000));
        for (target, name, value) in [
            (&long, "x-long", vec![b'x']),
            (&path.to_owned(), "x-long", vec![b'x'; 110_000]),
            (&path.to_owned(), "Authorization", vec![0xff]),
        ] {
            // The door closes the connection with what it refuses.
            let reply = server.client().request(method, target).header(name, value).send();
            assert!(reply.json().is_object(), "{}", reply.text());
            reached.insert(reply.status);
        }
    }
    assert_eq!(reached, BTreeSet::from([400, 414, 431]));

    // Another process holds the database.
    let connection = database::open(&server.data());
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    for path in [PATH, "/ds-api/user-token/default"] {
        let reply = server.ask(&ada.basic(), "POST", path, &NONE);
        refused(&reply, 503);
        assert!(reply.header("retry-after").is_some());
    }
    connection.execute_batch("ROLLBACK").unwrap();

    // The database breaks: what is said is nothing of it, and nothing is minted.
    let before = count(&server);
    connection.execute_batch("ALTER TABLE sequences RENAME TO elsewhere").unwrap();
    for path in [PATH, "/ds-api/user-token/default"] {
        let reply = server.ask(&ada.basic(), "POST", path, &NONE);
        refused(&reply, 500);
        assert!(!reply.text().contains("sequences"), "{}", reply.text());
    }
    assert_eq!(count(&server), before);
    connection.execute_batch("ALTER TABLE elsewhere RENAME TO sequences").unwrap();
    connection.execute_batch("ALTER TABLE tokens RENAME TO elsewhere").unwrap();
    refused(&info(&server, &text), 500);
    connection.execute_batch("ALTER TABLE elsewhere RENAME TO tokens").unwrap();
    info(&server, &text).expect(200);

    let guesses =
        (0..60).map(|guess| client.post(PATH).basic("ada", &format!("guess number {guess:05}")).send());
    let slowed = guesses.into_iter().find(|reply| reply.status == 429).expect("60 wrong guesses in a row");
    refused(&slowed, 429);
    assert!(slowed.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()));
    let read = client.get(&format!("{PATH}?token={text}")).basic("ada", "guess number 60").send();
    refused(&read, 429);
    info(&server, &text).expect(200);
}

#[test]
fn the_token_in_the_query_is_never_logged() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    let ada = server.user("ada");
    let good = made(create(&server, &ada));
    let deleted = made(create(&server, &ada));
    server.with(&deleted, "DELETE", "/v1/tokens/self", &NONE).expect(204);
    let wrong = token::resealed(&token::altered(&good, 40));
    let mut runs = Runs::default();
    let mut client = server.client();
    for text in [&good, &deleted, &wrong, &token::altered(&good, 74)] {
        runs.add_disguised("a token in a query", &text.as_bytes()[27..70]);
        for name in ["token", "user-token"] {
            for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PROPFIND"] {
                client.request(method, &format!("{PATH}?{name}={text}")).send();
            }
            let target = format!("{PATH}?{name}={text}");
            client.get(&target).basic("ada", "a wrong password").send();
            client.get(&format!("{target}&{name}={text}")).send();
            client.get(&format!("/ds-api/?{name}={text}")).send();
        }
    }
    server.stop();
    let log = server.log();
    assert!(log.contains("listening"), "there is a log to scan");
    assert_eq!(runs.find(log.as_bytes()), None, "in the log");
    assert!(runs.find(format!("…{good}…").as_bytes()).is_some(), "the scan sees what it looks for");
}
