//! What a new token is.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    NONE, TOKEN_KEYS, TOKENS, assert_id, assert_keys, list, live, living, mint, path, refused, text,
};
use crate::harness::{Server, estate::bearer, server::named};

fn instant(token: &Value, member: &str) -> Timestamp {
    text(token, member).parse().expect("an RFC 3339 instant")
}

#[test]
fn a_new_token_has_every_member_and_works() {
    let server = Server::start();
    let anna = server.user("anna");
    let body = json!({ "name": "deploy", "lifetime": "one-month", "privileges": ["orders:read"] });
    let reply = server.ask(&anna.basic(), "POST", TOKENS, &body).expect(201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let token = reply.json();
    assert_keys(&token, &TOKEN_KEYS);
    for member in ["_id", "userId", "organizationId"] {
        assert_id(&token, member);
    }
    assert_eq!((&token["name"], &token["privileges"]), (&json!("deploy"), &json!(["orders:read"])));
    assert_eq!(token["createdAt"], token["updatedAt"]);
    let own = server.with(text(&token, "token"), "GET", "/v1/tokens/self", &NONE).expect(200).json();
    assert_eq!((&own["name"], &own["owner"]), (&json!("deploy"), &json!("anna")));
    assert_eq!(own["privileges"], json!(["orders:read"]));
    assert_eq!((&own["expires_at"], &own["created_at"]), (&token["expiresOn"], &token["createdAt"]));
    let short = text(&own, "id").replace('-', "");
    assert_eq!(text(&token, "_id"), &short[..24]);
}

#[test]
fn each_lifetime_ends_on_its_day_of_the_calendar_and_a_leap_year_is_within_the_default_policy() {
    for (today, ends) in [
        ("2028-01-31", ["2028-02-07", "2028-02-29", "2028-04-30", "2028-07-31", "2029-01-31"]),
        ("2027-08-31", ["2027-09-07", "2027-09-30", "2027-11-30", "2028-02-29", "2028-08-31"]),
    ] {
        let server = Server::setup().at(&format!("@{today} 10:00:00")).start();
        let anna = server.user("anna");
        for (word, end) in
            ["one-week", "one-month", "three-months", "six-months", "one-year"].iter().zip(ends)
        {
            let token = mint(&server, &anna.basic(), &living(word));
            let (day, time) = text(&token, "createdAt").split_once('T').unwrap();
            assert_eq!(day, today);
            assert_eq!(text(&token, "expiresOn"), format!("{end}T{time}"), "{word} from {today}");
        }
    }
}

#[test]
fn each_lifetime_is_exact_today() {
    let server = Server::start();
    let anna = server.user("anna");
    for (word, span) in [
        ("one-week", 7.days()),
        ("one-month", 1.month()),
        ("three-months", 3.months()),
        ("six-months", 6.months()),
        ("one-year", 1.year()),
    ] {
        let token = mint(&server, &anna.basic(), &living(word));
        let end = instant(&token, "createdAt").to_zoned(TimeZone::UTC).checked_add(span).unwrap();
        assert_eq!(instant(&token, "expiresOn"), end.timestamp(), "{word}");
    }
}

#[test]
fn a_lifetime_beyond_the_policy_is_refused_by_its_name() {
    let server = Server::start();
    server.policy("default", &json!({ "max_lifetime": "10d" }));
    let anna = server.user("anna");
    mint(&server, &anna.basic(), &living("one-week"));
    for word in ["one-month", "one-year"] {
        let fields = refused(&server.ask(&anna.basic(), "POST", TOKENS, &living(word)), 400);
        assert!(text(&fields, "lifetime").contains("10d"), "{fields}");
    }
    assert_eq!(live(&server, &anna), 1);
}

#[test]
fn privileges_are_held_to_what_the_caller_has() {
    let server = Server::start();
    let privileges = json!({ "privileges": ["orders:*", "bills:read"], "may_issue": true });
    let bo = server.user_of("default", "bo", &privileges);
    let with = |list: Value| json!({ "name": "t", "lifetime": "one-week", "privileges": list });
    for (asked, given) in [
        (json!(null), json!(["bills:read", "orders:*"])),
        (json!([]), json!([])),
        (json!(["orders:write"]), json!(["orders:write"])),
        (json!(["orders:write", "bills:read", "orders:write"]), json!(["bills:read", "orders:write"])),
    ] {
        assert_eq!(mint(&server, &bo.basic(), &with(asked.clone()))["privileges"], given, "{asked}");
    }
    assert_eq!(
        mint(&server, &bo.basic(), &living("one-week"))["privileges"],
        json!(["bills:read", "orders:*"])
    );
    let before = live(&server, &bo);
    for wider in ["bills:write", "*:*", "*:read", "bills:*", "jeton:admin"] {
        let reply = server.ask(&bo.basic(), "POST", TOKENS, &with(json!(["orders:read", wider])));
        assert!(text(&refused(&reply, 400), "privileges").contains(wider));
    }
    for bad in
        ["orders", "", ":", "orders:", ":read", "a:b:c", "Orders:read", "orders read", "jeton:x", "é:a"]
    {
        let reply = server.ask(&bo.basic(), "POST", TOKENS, &with(json!([bad])));
        assert!(refused(&reply, 400)["privileges"].is_string(), "{bad:?}");
    }
    assert_eq!(live(&server, &bo), before);
    // A token passes on what it has itself, and no more of its owner's.
    let narrow = mint(&server, &bo.basic(), &with(json!(["orders:read"])));
    let narrow = bearer(text(&narrow, "token"));
    assert_eq!(mint(&server, &narrow, &living("one-week"))["privileges"], json!(["orders:read"]));
    let reply = server.ask(&narrow, "POST", TOKENS, &with(json!(["orders:write"])));
    assert!(refused(&reply, 400)["privileges"].is_string());
}

#[test]
fn an_administrators_reserved_privilege_is_given_where_it_is_named_and_only_there() {
    let server = Server::start();
    let mia = server.manager("mia");
    assert_eq!(mint(&server, &mia.basic(), &living("one-week"))["privileges"], json!(["*:*"]));
    let body = json!({ "name": "t", "lifetime": "one-week", "privileges": ["jeton:admin"] });
    assert_eq!(mint(&server, &mia.basic(), &body)["privileges"], json!(["jeton:admin"]));
}

#[test]
fn what_the_server_sets_is_ignored_in_a_request() {
    let server = Server::start();
    let [anna, bo] = ["anna", "bo"].map(|name| server.user(name));
    let first = mint(&server, &anna.basic(), &living("one-week"));
    let others = mint(&server, &bo.basic(), &living("one-week"));
    let mut body = living("one-week");
    for member in ["_id", "token", "userId", "organizationId", "organization"] {
        body[member] = others[member].clone();
    }
    for (member, value) in [
        ("expiresOn", json!("9999-12-31T23:59:59.999Z")),
        ("createdAt", json!("2001-01-01T00:00:00Z")),
        ("updatedAt", json!(17)),
        ("owner", json!("bo")),
        ("restricted", json!(true)),
        ("status", json!(0)),
        ("$where", json!({ "deep": [[[]]] })),
    ] {
        body[member] = value;
    }
    let token = mint(&server, &anna.basic(), &body);
    assert_eq!((&token["userId"], &token["organizationId"]), (&first["userId"], &first["organizationId"]));
    assert_ne!(token["_id"], others["_id"]);
    assert_ne!(token["token"], others["token"]);
    let week = 7 * 86_400;
    assert_eq!(instant(&token, "expiresOn").as_second() - instant(&token, "createdAt").as_second(), week);
    assert_eq!(list(&server, &bearer(text(&token, "token"))).len(), 2, "it isn't restricted");
    assert_eq!(list(&server, &bo.basic()).len(), 1);
    assert!(server.accepts(text(&others, "token")));
}

#[test]
fn a_full_quota_is_400_and_a_deleted_token_makes_room() {
    let server = Server::start();
    server.policy("default", &json!({ "quota": 1 }));
    let anna = server.user("anna");
    let token = mint(&server, &anna.basic(), &living("one-week"));
    assert_eq!(refused(&server.ask(&anna.basic(), "POST", TOKENS, &living("one-week")), 400), json!({}));
    assert_eq!(live(&server, &anna), 1);
    server.ask(&anna.basic(), "DELETE", &path(&token), &NONE).expect(204);
    mint(&server, &anna.basic(), &living("one-week"));
}

#[test]
fn a_bad_body_is_refused_by_field_and_mints_nothing() {
    let server = Server::start();
    let anna = server.user("anna");
    let good = json!("t");
    for (field, body) in [
        ("name", json!({ "lifetime": "one-week" })),
        ("name", json!({ "name": null, "lifetime": "one-week" })),
        ("name", json!({ "name": 7, "lifetime": "one-week" })),
        ("name", json!({ "name": ["t"], "lifetime": "one-week" })),
        ("name", json!({ "name": "", "lifetime": "one-week" })),
        ("name", json!({ "name": " \u{a0}", "lifetime": "one-week" })),
        ("name", json!({ "name": "a\nb", "lifetime": "one-week" })),
        ("name", json!({ "name": "a\0b", "lifetime": "one-week" })),
        ("name", json!({ "name": "x".repeat(201), "lifetime": "one-week" })),
        ("lifetime", json!({ "name": good })),
        ("lifetime", json!({ "name": good, "lifetime": null })),
        ("lifetime", json!({ "name": good, "lifetime": 7 })),
        ("lifetime", json!({ "name": good, "lifetime": "" })),
        ("lifetime", json!({ "name": good, "lifetime": "One-Week" })),
        ("lifetime", json!({ "name": good, "lifetime": "one_week" })),
        ("lifetime", json!({ "name": good, "lifetime": " one-week" })),
        ("lifetime", json!({ "name": good, "lifetime": "two-weeks" })),
        ("lifetime", json!({ "name": good, "lifetime": "never" })),
        ("lifetime", json!({ "name": good, "lifetime": "30d" })),
        ("lifetime", json!({ "name": good, "lifetime": { "one-week": null } })),
        ("lifetime", json!({ "name": good, "lifetime": ["one-week"] })),
        ("privileges", json!({ "name": good, "lifetime": "one-week", "privileges": "a:b" })),
        ("privileges", json!({ "name": good, "lifetime": "one-week", "privileges": {} })),
        ("privileges", json!({ "name": good, "lifetime": "one-week", "privileges": [1] })),
        ("privileges", json!({ "name": good, "lifetime": "one-week", "privileges": [null] })),
        ("privileges", json!({ "name": good, "lifetime": "one-week", "privileges": [["a:b"]] })),
        ("privileges", json!({ "name": good, "lifetime": "one-week", "privileges": vec!["a:b"; 101] })),
    ] {
        let fields = refused(&server.ask(&anna.basic(), "POST", TOKENS, &body), 400);
        assert!(fields[field].is_string() && fields.as_object().unwrap().len() == 1, "{body}: {fields}");
    }
    let deep = format!(r#"{{"name":{}"#, "[".repeat(5_000));
    for body in [
        "",
        " ",
        "{",
        "null",
        "7",
        "\"t\"",
        "[]",
        r#"["t","one-week"]"#,
        "{} {}",
        "\u{feff}{}",
        "name=t",
        &deep,
    ] {
        let mut client = server.client();
        let request = client.post(TOKENS).basic(&anna.name, &anna.password);
        refused(&request.text("application/json", body).send(), 400);
    }
    let twice = r#"{"name":"a","name":"b","lifetime":"one-week"}"#;
    let mut client = server.client();
    refused(&client.post(TOKENS).basic(&anna.name, &anna.password).send(), 400);
    let reply = client.post(TOKENS).basic(&anna.name, &anna.password).text("application/json", twice).send();
    assert!(refused(&reply, 400)["name"].is_string());
    assert_eq!(live(&server, &anna), 0);
}

#[test]
fn a_refusal_never_repeats_what_was_sent() {
    let server = Server::start();
    let anna = server.user("anna");
    for body in [
        json!({ "name": "t", "lifetime": "canary-42" }),
        json!({ "name": { "canary-42": 1 }, "lifetime": "one-week" }),
        json!({ "name": "t", "lifetime": "one-week", "privileges": ["canary-42"] }),
    ] {
        let reply = server.ask(&anna.basic(), "POST", TOKENS, &body);
        refused(&reply, 400);
        assert!(!reply.text().contains("canary"), "{}", reply.text());
    }
}

#[test]
fn a_token_minted_here_mints_natively_and_the_other_way_round() {
    let server = Server::start();
    let anna = server.user("anna");
    let akinons = mint(&server, &anna.basic(), &living("one-week"));
    let child = server.child(text(&akinons, "token"), &named("native"));
    let grandchild = mint(&server, &bearer(text(&child, "token")), &living("one-week"));
    assert!(server.accepts(text(&grandchild, "token")));
    assert_eq!(list(&server, &anna.basic()).len(), 3);
}
