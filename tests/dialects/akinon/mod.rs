//! Akinon's scripts, run here.

mod lists;
mod minting;
mod refusals;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, server::Actor};

const TOKENS: &str = "/api/v1/me/tokens";
const NONE: Value = Value::Null;

/// What every token has, and an organization.
const TOKEN_KEYS: [&str; 9] =
    ["_id", "name", "token", "privileges", "userId", "organizationId", "expiresOn", "createdAt", "updatedAt"];
const ORGANIZATION_KEYS: [&str; 10] = [
    "_id",
    "name",
    "slug",
    "description",
    "owner",
    "isExecutive",
    "status",
    "privileges",
    "createdAt",
    "updatedAt",
];

/// A body that mints.
fn living(lifetime: &str) -> Value {
    json!({ "name": "t", "lifetime": lifetime })
}

fn mint(server: &Server, authorization: &str, body: &Value) -> Value {
    server.ask(authorization, "POST", TOKENS, body).expect(201).json()
}

fn list(server: &Server, authorization: &str) -> Vec<Value> {
    let list = server.ask(authorization, "GET", TOKENS, &NONE).expect(200).json();
    list.as_array().expect("a bare list").clone()
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_else(|| panic!("no text {member} in {object}"))
}

fn path(token: &Value) -> String {
    format!("{TOKENS}/{}", text(token, "_id"))
}

#[track_caller]
fn assert_keys(object: &Value, keys: &[&str]) {
    let found: BTreeSet<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, keys.iter().copied().collect());
}

#[track_caller]
fn assert_id(object: &Value, member: &str) {
    let id = text(object, member);
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    assert!(id.len() == 24 && id.bytes().all(digit), "{member} is no id: {id}");
}

/// Asserts a refusal, whole and well formed, and gives the fields that it says are wrong.
#[track_caller]
fn refused(reply: &Reply, status: u16) -> Value {
    let said = reply.text();
    assert_eq!(reply.status, status, "{said}");
    assert_eq!(reply.header("content-type"), Some("application/json"), "{said}");
    let body = reply.json();
    let keys: &[&str] = if status == 400 { &["apiError", "validationError"] } else { &["apiError"] };
    assert_keys(&body, keys);
    let sentences = body["apiError"].as_array().expect("a list");
    assert!(sentences.len() == 1 && sentences[0].as_str().is_some_and(|one| !one.is_empty()), "{said}");
    if status == 400 {
        assert!(body["validationError"].is_object(), "{said}");
    }
    body["validationError"].clone()
}

/// How many tokens there are, by the native API.
fn live(server: &Server, actor: &Actor) -> u64 {
    let list = server.ask(&actor.basic(), "GET", "/v1/tokens?total=true", &NONE).expect(200).json();
    list["total"].as_u64().expect("a total")
}

#[test]
fn a_deleted_token_is_dead_everywhere_and_cannot_be_deleted_again() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = mint(&server, &anna.basic(), &living("one-week"));
    let secret = text(&token, "token");
    assert!(server.accepts(secret));
    let reply = server.ask(&anna.basic(), "DELETE", &path(&token), &NONE).expect(204);
    assert!(reply.body.is_empty() && reply.header("content-type").is_none());
    assert!(!server.accepts(secret));
    let mut client = server.client();
    refused(&client.get(TOKENS).bearer(secret).send(), 401);
    refused(&client.get(TOKENS).header("x-access-token", secret).send(), 401);
    assert_eq!(list(&server, &anna.basic()), [NONE; 0]);
    assert_eq!(
        refused(&client.delete(&path(&token)).basic(&anna.name, &anna.password).send(), 400),
        json!({})
    );
}

#[test]
fn a_token_deletes_itself() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = mint(&server, &anna.basic(), &living("one-week"));
    server.with(text(&token, "token"), "DELETE", &path(&token), &NONE).expect(204);
    assert!(!server.accepts(text(&token, "token")));
}

#[test]
fn an_id_may_be_written_in_capitals() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = mint(&server, &anna.basic(), &living("one-week"));
    let path = format!("{TOKENS}/{}", text(&token, "_id").to_uppercase());
    server.ask(&anna.basic(), "DELETE", &path, &NONE).expect(204);
    assert!(!server.accepts(text(&token, "token")));
}

#[test]
fn what_is_no_token_of_the_callers_cannot_be_deleted_and_lives_on() {
    let server = Server::start();
    let [anna, bo] = ["anna", "bo"].map(|name| server.user(name));
    let (mia, ada) = (server.manager("mia"), server.administrator("ada"));
    let token = mint(&server, &anna.basic(), &living("one-week"));
    let secret = text(&token, "token");
    // Neither another user's nor an administrator's or operator's: these are the caller's own.
    for other in [&bo, &mia, &ada] {
        assert_eq!(refused(&server.ask(&other.basic(), "DELETE", &path(&token), &NONE), 400), json!({}));
        assert!(server.accepts(secret), "{} deleted it", other.name);
    }
    let shown = server.with(secret, "GET", "/v1/tokens/self", &NONE).expect(200).json();
    for form in [text(&shown, "id"), text(&shown, "number"), text(&shown, "name"), "self", "%20"] {
        let reply = server.ask(&anna.basic(), "DELETE", &format!("{TOKENS}/{form}"), &NONE);
        assert!(refused(&reply, 400)["tokenId"].is_string(), "{form}");
    }
    let id = text(&token, "_id");
    for form in [&id[..23], &format!("{id}0"), &format!("{}g", &id[..23])] {
        let reply = server.ask(&anna.basic(), "DELETE", &format!("{TOKENS}/{form}"), &NONE);
        assert!(refused(&reply, 400)["tokenId"].is_string(), "{form}");
    }
    for unknown in ["0".repeat(24), "f".repeat(24)] {
        let reply = server.ask(&anna.basic(), "DELETE", &format!("{TOKENS}/{unknown}"), &NONE);
        assert_eq!(refused(&reply, 400), json!({}));
    }
    assert!(server.accepts(secret));
}

#[test]
fn a_token_reaches_no_token_of_its_owner_in_another_organization() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let anna = server.user("anna");
    server.join("acme", &anna, &json!({ "may_issue": true, "privileges": ["*:*"] }));
    let here = server.token(&anna);
    let body = json!({ "name": "there", "organization": "acme" });
    let there = server.mint(&anna, &body);
    let [both, one] = [anna.basic(), format!("Bearer {here}")].map(|asker| list(&server, &asker));
    assert_eq!((both.len(), one.len()), (2, 1));
    let there_id = both.iter().find(|token| token["name"] == "there").map(path).unwrap();
    refused(&server.with(&here, "DELETE", &there_id, &NONE), 400);
    assert!(server.accepts(text(&there, "token")));
}

/// Presents a token as the vendor's clients do.
fn ask<'a>(
    client: &'a mut Client,
    method: &str,
    path: &str,
    token: &str,
) -> crate::harness::client::Request<'a> {
    client.request(method, path).header("x-access-token", token)
}

#[test]
fn clients_habits_are_taken_as_they_are() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    ask(&mut client, "GET", TOKENS, &token).header("Content-Type", "application/json").send().expect(200);
    ask(&mut client, "GET", TOKENS, &token).json(&json!({})).send().expect(200);
    // No Content-Type at all, and one that isn't true.
    let body = living("one-week").to_string();
    let length = body.len();
    let bare = format!(
        "POST {TOKENS} HTTP/1.1\r\nHost: localhost\r\nx-access-token: {token}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let made = client.raw_reply(bare.as_bytes()).expect(201).json();
    ask(&mut client, "POST", TOKENS, &token).text("text/plain", body).send().expect(201);
    ask(&mut client, "DELETE", &path(&made), &token).json(&json!({})).send().expect(204);
    assert!(!server.accepts(text(&made, "token")));
}
