//! What an organization's policy and its switches do to tokens: on minting, and on those that are there.

use serde_json::{Value, json};

use crate::harness::{
    Reply, Server,
    estate::{at_once, bearer},
    server::{Actor, named},
};

const NONE: Value = Value::Null;

fn mint(server: &Server, actor: &Actor, body: &Value) -> Reply {
    server.ask(&actor.basic(), "POST", "/v1/tokens", body)
}

fn text(made: &Value) -> String {
    made["token"].as_str().unwrap().into()
}

#[test]
fn who_issues_is_the_policys_word_and_an_administrators_on_single_members() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let mia = server.manager_of("acme", "mia");
    let bo = server.user_of("acme", "bo", &json!({}));
    let token = server.token_with(&bo, &["--no-privileges"]);
    let path = "/v1/organizations/acme/members/bo";
    for (issuers, may_issue, allowed) in [
        ("admins", json!(null), false),
        ("admins", json!(true), true),
        ("members", json!(true), true),
        ("members", json!(null), true),
        ("members", json!(false), false),
        ("admins", json!(false), false),
    ] {
        server
            .ask(
                &mia.basic(),
                "PATCH",
                "/v1/organizations/acme",
                &json!({ "policy": { "issuers": issuers } }),
            )
            .expect(200);
        let member =
            server.ask(&mia.basic(), "PATCH", path, &json!({ "may_issue": may_issue })).expect(200).json();
        assert_eq!(member["may_issue"], may_issue);
        for authorization in [bo.basic(), bearer(&token)] {
            let reply = server.ask(&authorization, "POST", "/v1/tokens", &named("t"));
            if allowed {
                reply.expect(201);
            } else {
                assert_eq!(reply.problem(403), "issuing_forbidden", "{issuers} {may_issue}");
            }
        }
        mint(&server, &mia, &named("administrators issue either way")).expect(201);
    }
    // An administrator's word on another administrator counts too.
    server.manager_of("acme", "max");
    server.locally("PATCH", "/v1/organizations/acme/members/mia", &json!({ "may_issue": false })).expect(200);
    assert_eq!(mint(&server, &mia, &named("t")).problem(403), "issuing_forbidden");
}

#[test]
fn lifetimes_follow_the_policy_of_the_moment_and_what_was_minted_stays() {
    let server = Server::start();
    server.organization("acme", &json!({ "policy": { "max_lifetime": "10d", "default_lifetime": "2h" } }));
    let mia = server.manager_of("acme", "mia");
    let life = |made: &Value| {
        let at =
            |field: &str| made[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        (at("expires_at") - at("created_at")) / 1000
    };
    let default = mint(&server, &mia, &named("t")).expect(201).json();
    assert_eq!(life(&default), 2 * 3600);
    let longest = mint(&server, &mia, &json!({ "name": "t", "lifetime": "10d" })).expect(201).json();
    assert_eq!(life(&longest), 10 * 86_400);
    for (wish, words) in [("864001s", "10d"), ("11d", "10d"), ("never", "never")] {
        let reply = mint(&server, &mia, &json!({ "name": "t", "lifetime": wish }));
        assert_eq!((reply.problem(400), &reply.json()["field"]), ("invalid".into(), &json!("lifetime")));
        assert!(reply.text().contains(words), "names the limit: {}", reply.text());
    }
    // A default longer than the longest is cut to it.
    server.policy("acme", &json!({ "max_lifetime": "1h" }));
    assert_eq!(life(&mint(&server, &mia, &named("t")).expect(201).json()), 3600);
    assert_eq!(
        server.locally("GET", "/v1/organizations/acme/policy", &NONE).json()["default_lifetime"],
        "2h"
    );
    // What is there lives on as it was minted.
    assert!(server.accepts(&text(&longest)));
    let shown =
        server.ask(&mia.basic(), "GET", &format!("/v1/tokens/{}", longest["id"].as_str().unwrap()), &NONE);
    assert_eq!(shown.expect(200).json()["expires_at"], longest["expires_at"]);
    server.policy("acme", &json!({ "allow_never": true }));
    let never = mint(&server, &mia, &json!({ "name": "t", "lifetime": "never" })).expect(201).json();
    assert_eq!(never["expires_at"], NONE);
    server.policy("acme", &json!({ "allow_never": false }));
    assert!(server.accepts(&text(&never)));
}

#[test]
fn a_quota_is_exact_and_counts_what_lives() {
    let server = Server::start();
    server.organization("acme", &json!({ "policy": { "quota": 3 } }));
    let mia = server.manager_of("acme", "mia");
    let mut made: Vec<_> = (0..3).map(|_| mint(&server, &mia, &named("t")).expect(201).json()).collect();
    let full = mint(&server, &mia, &named("t"));
    assert_eq!((full.problem(409), &full.json()["limit"]), ("quota_full".into(), &json!(3)));
    server.with(&text(&made[0]), "POST", "/v1/tokens", &named("t")).problem(409);
    assert_eq!(
        server.run(&["token", "create", "--user", "mia", "--name", "t"]).code,
        Some(1),
        "nor by the local operator"
    );
    // A disabled one counts, a deleted one doesn't.
    let path = |made: &Value| format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    server.ask(&mia.basic(), "POST", &format!("{}/disable", path(&made[1])), &NONE).expect(200);
    mint(&server, &mia, &named("t")).problem(409);
    server.ask(&mia.basic(), "DELETE", &path(&made.remove(1)), &NONE).expect(204);
    mint(&server, &mia, &named("t")).expect(201);
    mint(&server, &mia, &named("t")).problem(409);
    // Each user has their own, and each organization its own.
    let max = server.manager_of("acme", "max");
    mint(&server, &max, &named("t")).expect(201);
    server.organization("other", &json!({}));
    server.join("other", &mia, &json!({ "role": "administrator" }));
    mint(&server, &mia, &json!({ "name": "t", "organization": "other" })).expect(201);
    // Lowered below what is there it stops new ones and nothing else; at none it stops all.
    server.policy("acme", &json!({ "quota": 0 }));
    assert!(server.accepts(&text(&made[0])));
    assert_eq!(mint(&server, &max, &named("t")).json()["limit"], 0);
    server.policy("acme", &json!({ "quota": 4 }));
    mint(&server, &mia, &named("t")).expect(201);
    mint(&server, &mia, &named("t")).problem(409);
}

#[test]
fn at_the_quotas_edge_many_at_once_are_exactly_as_many_as_there_is_room_for() {
    let server = Server::start();
    server.organization("acme", &json!({ "policy": { "quota": 10 } }));
    let mia = server.manager_of("acme", "mia");
    let token = server.token(&mia);
    for round in 1..=3 {
        let statuses = at_once(64, |_| server.with(&token, "POST", "/v1/tokens", &named("raced")).status);
        let made = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(made, if round == 1 { 9 } else { 5 }, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
        let list = server.with(&token, "GET", "/v1/tokens", &NONE).expect(200).json();
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 10);
        // Makes room for five.
        for item in items.iter().filter(|item| item["name"] == "raced").take(5) {
            server
                .with(&token, "DELETE", &format!("/v1/tokens/{}", item["id"].as_str().unwrap()), &NONE)
                .expect(204);
        }
    }
}

#[test]
fn switches_stop_every_token_at_once_and_bring_back_what_was_good() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let mia = server.manager_of("acme", "mia");
    let bo = server.issuer_of("acme", "bo");
    let anna = server.user("anna");
    let here: Vec<_> = [&mia, &bo].iter().map(|actor| server.token(actor)).collect();
    let elsewhere = server.token(&anna);
    let (disabled, deleted) = (server.mint(&mia, &named("t")), server.mint(&mia, &named("t")));
    server
        .ask(&mia.basic(), "POST", &format!("/v1/tokens/{}/disable", disabled["id"].as_str().unwrap()), &NONE)
        .expect(200);
    server.with(&text(&deleted), "DELETE", "/v1/tokens/self", &NONE).expect(204);
    let switch = |on: bool| -> [(&str, &str, Value, &str); 2] {
        let way = if on { "enable" } else { "disable" };
        [
            ("PATCH", "/policy", json!({ "api_access": on }), "api_access_off"),
            ("POST", if way == "enable" { "/enable" } else { "/disable" }, NONE, "organization_disabled"),
        ]
    };
    for number in 0..2 {
        for _ in 0..3 {
            assert!(here.iter().all(|token| server.accepts(token)));
            let (method, path, body, code) = &switch(false)[number];
            server.locally(method, &format!("/v1/organizations/acme{path}"), body).expect(200);
            for token in &here {
                let reply = server.with(token, "GET", "/v1/me", &NONE);
                assert_eq!(reply.problem(401), *code);
            }
            assert!(server.accepts(&elsewhere));
            assert_eq!(mint(&server, &mia, &named("t")).problem(403), "api_access_off");
            assert_eq!(server.run(&["token", "create", "--user", "mia", "--name", "t"]).code, Some(1));
            // By password its people still come in, and manage it.
            server
                .ask(&mia.basic(), "PATCH", "/v1/organizations/acme", &json!({ "description": "off" }))
                .expect(200);
            let (method, path, body, _) = &switch(true)[number];
            server.locally(method, &format!("/v1/organizations/acme{path}"), body).expect(200);
        }
        assert!(here.iter().all(|token| server.accepts(token)));
        assert!(!server.accepts(&text(&disabled)) && !server.accepts(&text(&deleted)));
    }
}

#[test]
fn an_administrator_switches_api_access_and_not_the_organization() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let mia = server.manager_of("acme", "mia");
    let admin = text(&server.mint(&mia, &json!({ "name": "t", "privileges": ["jeton:admin"] })));
    server
        .with(&admin, "PATCH", "/v1/organizations/acme/policy", &json!({ "api_access": false }))
        .expect(200);
    // The token has shut itself out; the password is the way back.
    assert_eq!(server.with(&admin, "GET", "/v1/organizations/acme", &NONE).problem(401), "api_access_off");
    server
        .ask(&mia.basic(), "PATCH", "/v1/organizations/acme/policy", &json!({ "api_access": true }))
        .expect(200);
    assert!(server.accepts(&admin));
    for way in ["disable", "enable"] {
        let path = format!("/v1/organizations/acme/{way}");
        assert_eq!(server.ask(&mia.basic(), "POST", &path, &NONE).problem(403), "operator_required");
        assert_eq!(server.with(&admin, "POST", &path, &NONE).problem(403), "operator_required");
    }
}

#[test]
fn a_privilege_that_exists_no_more_is_held_no_more_until_it_exists_again() {
    let server = Server::start();
    server.organization("acme", &json!({ "privileges": ["orders:*", "bills:read"] }));
    let mia = server.manager_of("acme", "mia");
    let bo = server.user_of("acme", "bo", &json!({ "privileges": ["orders:read"], "may_issue": true }));
    let tokens = [text(&server.mint(&mia, &named("t"))), text(&server.mint(&bo, &named("t")))];
    let held =
        |token: &str| server.with(token, "GET", "/v1/me", &NONE).expect(200).json()["privileges"].clone();
    assert_eq!(held(&tokens[0]), json!(["bills:read", "orders:*"]));
    assert_eq!(held(&tokens[1]), json!(["orders:read"]));
    server.locally("DELETE", "/v1/organizations/acme/privileges/orders:*", &NONE).expect(204);
    assert_eq!(held(&tokens[0]), json!(["bills:read"]));
    assert_eq!(held(&tokens[1]), json!([]));
    let body = json!({ "name": "t", "privileges": ["orders:read"] });
    assert_eq!(mint(&server, &mia, &body).problem(403), "privilege_not_held");
    server
        .locally("POST", "/v1/organizations/acme/privileges", &json!({ "privilege": "*:read" }))
        .expect(200);
    assert_eq!(held(&tokens[0]), json!(["bills:read", "orders:read"]));
    assert_eq!(held(&tokens[1]), json!(["orders:read"]));
}

#[test]
fn how_long_tokens_may_lie_idle_and_what_leaks_bring_is_said_in_fixed_forms() {
    let server = Server::start();
    let of = || server.locally("GET", "/v1/organizations/default/policy", &NONE).expect(200).json();
    assert_eq!((&of()["max_idle"], &of()["on_leak"]), (&NONE, &json!("record")));
    for (field, good, shown) in [
        ("max_idle", "1s", json!("1s")),
        ("max_idle", "90d", json!("90d")),
        ("max_idle", "36525d", json!("36525d")),
        ("max_idle", "52w", json!("364d")),
        ("max_idle", "never", NONE),
        ("on_leak", "disable", json!("disable")),
        ("on_leak", "delete", json!("delete")),
        ("on_leak", "record", json!("record")),
    ] {
        server.policy("default", &json!({ field: good }));
        assert_eq!(of()[field], shown, "{field} {good}");
    }
    let before = of();
    let change = |place: &str, body: &Value| server.locally("PATCH", place, body);
    for (field, limit, wrong) in [
        (
            "max_idle",
            "from 1s to 36525d",
            &["", "0s", "36526d", "90", "-1d", "Never", "1ms", "99999999999999999999d"][..],
        ),
        ("on_leak", "record, disable or delete", &["", "Record", "revoke", "never"]),
    ] {
        for wrong in wrong {
            let reply = change("/v1/organizations/default/policy", &json!({ field: wrong }));
            assert_eq!(
                (reply.problem(400), &reply.json()["field"]),
                ("invalid".into(), &json!(field)),
                "{wrong}"
            );
            assert!(reply.text().contains(limit), "names the limit: {}", reply.text());
            let reply = change("/v1/organizations/default", &json!({ "policy": { field: wrong } }));
            assert_eq!(
                (reply.problem(400), &reply.json()["field"]),
                ("invalid".into(), &json!(format!("policy.{field}")))
            );
            assert!(reply.text().contains(limit), "names the limit: {}", reply.text());
        }
        for wrong in [json!(5), json!(true), json!({}), json!([])] {
            change("/v1/organizations/default/policy", &json!({ field: wrong })).problem(400);
        }
    }
    assert_eq!(of(), before);
    let anna = server.user("anna");
    for wrong in ["never", "0s", "36526d", "soon"] {
        let reply = mint(&server, &anna, &json!({ "name": "t", "max_idle": wrong }));
        assert_eq!((reply.problem(400), &reply.json()["field"]), ("invalid".into(), &json!("max_idle")));
        assert!(reply.text().contains("from 1s to 36525d"), "names the limit: {}", reply.text());
    }
}
