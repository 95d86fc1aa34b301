//! Dataprep's scripts, run here.

mod access;
mod minting;
mod reading;
mod refusals;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Reply, Server, server::Actor};

const TOKENS: &str = "/v4/apiAccessTokens";
const NONE: Value = Value::Null;
const INFO_KEYS: [&str; 5] = ["tokenId", "description", "expiredAt", "lastUsed", "createdAt"];

/// A body that mints.
fn seconds(lifetime: i64) -> Value {
    json!({ "lifetimeSeconds": lifetime })
}

fn mint(server: &Server, authorization: &str, body: &Value) -> Value {
    server.ask(authorization, "POST", TOKENS, body).expect(201).json()
}

fn list(server: &Server, authorization: &str) -> Value {
    server.ask(authorization, "GET", TOKENS, &NONE).expect(200).json()
}

/// The ids of a list, in its order.
fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("a list").iter().map(|info| text(info, "tokenId")).collect()
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_else(|| panic!("no text {member} in {object}"))
}

/// The token itself, of the reply that made it.
fn value(made: &Value) -> &str {
    text(made, "tokenValue")
}

fn id(made: &Value) -> &str {
    text(&made["tokenInfo"], "tokenId")
}

fn path(made: &Value) -> String {
    format!("{TOKENS}/{}", id(made))
}

#[track_caller]
fn assert_keys(object: &Value, keys: &[&str]) {
    let found: BTreeSet<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, keys.iter().copied().collect());
}

/// Asserts a refusal, whole and well formed, and gives its exception.
#[track_caller]
fn refused(reply: &Reply, status: u16, name: &str) -> Value {
    let said = reply.text();
    assert_eq!(reply.status, status, "{said}");
    assert_eq!(reply.header("content-type"), Some("application/json"), "{said}");
    let body = reply.json();
    assert_keys(&body, &["exception"]);
    let exception = &body["exception"];
    assert_keys(exception, &["name", "message", "details"]);
    assert_eq!(exception["name"], name, "{said}");
    for member in ["message", "details"] {
        assert!(!text(exception, member).is_empty(), "{said}");
    }
    exception.clone()
}

/// Asserts the one answer to a bad credential.
#[track_caller]
fn unauthorized(reply: &Reply) {
    assert_eq!((reply.status, reply.text().as_str()), (401, "Unauthorized"));
    assert_eq!(reply.header("content-type"), Some("text/plain"));
    let challenge = reply.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Bearer"), "{challenge}");
}

/// How many tokens there are, by the native API.
fn live(server: &Server, actor: &Actor) -> u64 {
    let list = server.ask(&actor.basic(), "GET", "/v1/tokens?total=true", &NONE).expect(200).json();
    list["total"].as_u64().expect("a total")
}

/// Every route, with a body where it takes one.
fn routes(id: &str) -> [(&'static str, String, Value); 5] {
    [
        ("GET", TOKENS.into(), NONE),
        ("POST", TOKENS.into(), seconds(100)),
        ("GET", format!("{TOKENS}/{id}"), NONE),
        ("DELETE", format!("{TOKENS}/{id}"), NONE),
        ("GET", "/v4/open-api-spec".into(), NONE),
    ]
}
