//! Many tokens in one request: each answered as it is alone, in the order asked.

use serde_json::{Value, json};

use super::{introspect, stage};
use crate::harness::{Client, Reply, database, server::named, token};

fn ask(client: &mut Client, caller: &str, body: &Value) -> Reply {
    client.post("/v1/introspect/batch").bearer(caller).json(body).send()
}

#[test]
fn each_is_answered_as_it_is_alone() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let dead = server.child(&keeper, &named("dead"));
    let dead = dead["token"].as_str().unwrap();
    client.delete("/v1/tokens/self").bearer(dead).send().expect(204);
    let uri = format!("secret-token:{keeper}");
    let wrong = token::resealed(&token::altered(&keeper, 40));
    let tokens = [&keeper, dead, &asker, "", "no token", &keeper, &uri, &wrong];
    let reply = ask(&mut client, &asker, &json!({ "tokens": tokens })).expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let said = reply.json();
    assert_eq!(said.as_object().unwrap().len(), 1);
    let items = said["items"].as_array().unwrap();
    assert_eq!(items.len(), tokens.len());
    for (text, item) in tokens.iter().zip(items) {
        // Nothing can't be asked about in a form.
        let alone = if text.is_empty() {
            json!({ "active": false })
        } else {
            introspect(&mut client, &asker, text).json()
        };
        assert_eq!(item, &alone, "{text}");
    }
    let active: Vec<_> = items.iter().map(|item| item["active"] == true).collect();
    assert_eq!(active, [true, false, true, false, false, true, true, false]);
}

#[test]
fn whoever_may_not_ask_about_one_may_not_ask_about_many() {
    let (server, keeper, asker) = stage();
    let mut client = server.client();
    let restricted = server.child(&keeper, &json!({ "name": "r", "restricted": true }));
    let restricted = restricted["token"].as_str().unwrap();
    let body = json!({ "tokens": [keeper] });
    assert_eq!(client.post("/v1/introspect/batch").json(&body).send().problem(401), "credential_missing");
    assert_eq!(ask(&mut client, &keeper, &body).problem(403), "privilege_missing");
    assert_eq!(ask(&mut client, restricted, &body).problem(403), "token_restricted");
    ask(&mut client, &asker, &body).expect(200);
}

#[test]
fn one_to_a_hundred_are_asked_about() {
    let (server, _, asker) = stage();
    let mut client = server.client();
    for (count, status) in [(0, 400), (1, 200), (100, 200), (101, 400)] {
        let secret = "jtn_canary9f3b";
        let reply = ask(&mut client, &asker, &json!({ "tokens": vec![secret; count] }));
        assert_eq!(reply.status, status, "{count}: {}", reply.text());
        assert!(!reply.text().contains("canary"));
    }
    let secret = "jtn_canary9f3b";
    for body in [
        json!({}),
        json!([secret]),
        json!({ "tokens": secret }),
        json!({ "tokens": [secret, 1] }),
        json!({ "tokens": [[secret]] }),
        json!({ "tokens": null }),
        json!({ "tokens": [secret], "token_type_hint": "access_token" }),
        json!({ "tokens": [secret], secret: 1 }),
        json!({ "token": secret }),
    ] {
        let reply = ask(&mut client, &asker, &body);
        reply.problem(400);
        assert!(!reply.text().contains("canary"), "{}", reply.text());
    }
    assert!(!server.log().contains("canary"));
}

#[test]
fn each_counts_as_a_use_and_so_does_one_that_stands_twice() {
    let (mut server, keeper, asker) = stage();
    let child = |name: &str| server.child(&keeper, &named(name))["token"].as_str().unwrap().to_owned();
    let (once, thrice, never) = (child("once"), child("thrice"), child("never"));
    let mut client = server.client();
    ask(&mut client, &asker, &json!({ "tokens": [thrice, once, thrice] })).expect(200);
    introspect(&mut client, &asker, &thrice).expect(200);
    drop(client);
    // What is gathered is written down at the latest here.
    server.stop();
    let connection = database::open(&server.data());
    let uses = |text: &str| -> i64 {
        let id = token::Wire::read(text).uuid().replace('-', "").to_uppercase();
        let sql = "SELECT coalesce(sum(count), 0) FROM token_uses WHERE hex(token) = ?";
        connection.query_row(sql, [id], |row| row.get(0)).unwrap()
    };
    assert_eq!([&once, &thrice, &never].map(|text| uses(text)), [1, 3, 0]);
}
