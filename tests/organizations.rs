//! Organizations: made, listed, read, changed and switched off.

use serde_json::{Value, json};

use crate::harness::{
    Server,
    estate::{at_once, bearer},
};

const NONE: Value = Value::Null;

#[test]
fn one_is_made_with_its_defaults_and_found_by_every_name() {
    let server = Server::start();
    let made = server.locally("POST", "/v1/organizations", &json!({ "slug": "acme" })).expect(201);
    assert_eq!(made.header("location"), Some("/v1/organizations/acme"));
    assert_eq!(made.header("etag"), Some("\"0\""));
    let made = made.json();
    assert_eq!(
        (
            &made["slug"],
            &made["name"],
            &made["description"],
            &made["image"],
            &made["owner"],
            &made["enabled"]
        ),
        (&json!("acme"), &json!("acme"), &json!(""), &json!(""), &NONE, &json!(true))
    );
    assert_eq!(made["privileges"], json!(["*:*"]));
    assert_eq!(
        made["policy"],
        json!({
            "api_access": true, "issuers": "admins", "max_lifetime": "366d", "default_lifetime": "30d",
            "allow_never": false, "quota": 10_000, "max_idle": null, "on_leak": "record",
        })
    );
    let id = made["id"].as_str().unwrap();
    let short: String = id.replace('-', "").chars().take(24).collect();
    for name in ["acme", id, &short, made["number"].as_str().unwrap()] {
        let shown = server.locally("GET", &format!("/v1/organizations/{name}"), &NONE).expect(200);
        assert_eq!(shown.json(), made, "{name}");
    }
    assert_eq!(server.deeds(0).last().unwrap(), "organization.created");
}

#[test]
fn one_is_made_with_all_that_is_said_and_its_owner_administers_it() {
    let server = Server::start();
    let anna = server.member("anna");
    let before = server.last_event();
    let body = json!({
        "name": "Acme & Söhne", "description": "two\nlines", "image": "https://example.org/a.png", "owner": "anna",
        "privileges": ["orders:read", "bills:*"],
        "policy": { "issuers": "members", "max_lifetime": "52w", "default_lifetime": "12h", "quota": 0 },
    });
    let made = server.organization("acme", &body);
    for field in ["name", "description", "image", "owner"] {
        assert_eq!(made[field], body[field]);
    }
    assert_eq!(made["privileges"], json!(["bills:*", "orders:read"]));
    assert_eq!(
        made["policy"],
        json!({
            "api_access": true, "issuers": "members", "max_lifetime": "364d", "default_lifetime": "12h",
            "allow_never": false, "quota": 0, "max_idle": null, "on_leak": "record",
        })
    );
    assert_eq!(server.deeds(before), ["organization.created", "member.added", "organization.owned"]);
    let changed = server.ask(&anna.basic(), "PATCH", "/v1/organizations/acme", &json!({ "name": "Acme" }));
    assert_eq!(changed.expect(200).json()["name"], "Acme");
    // Home is where it was.
    assert_eq!(server.locally("GET", "/v1/users/anna", &NONE).expect(200).json()["organization"], "default");
}

#[test]
fn slugs_have_one_grammar_and_are_nobodys_twice() {
    let server = Server::start();
    let make = |slug: &str| server.locally("POST", "/v1/organizations", &json!({ "slug": slug }));
    let longest = "x".repeat(63);
    for good in ["a", "0", "acme-2", "a-", &longest] {
        make(good).expect(201);
    }
    let (over, hex) = ("x".repeat(64), "f".repeat(24));
    for bad in [
        "",
        "-a",
        "Acme",
        "a_b",
        "a.b",
        "a b",
        "a/b",
        "\u{e4}",
        "a\n",
        &over,
        &hex,
        "0198c0de-0000-7000-8000-000000000000",
        "ACC-6180-3400",
    ] {
        let reply = make(bad);
        assert_eq!(reply.problem(400), "invalid", "{bad:?}");
        assert_eq!(reply.json()["field"], "slug");
    }
    for taken in ["a", "default"] {
        let reply = make(taken);
        assert_eq!(reply.problem(409), "taken");
        assert_eq!(reply.json()["field"], "slug");
    }
}

#[test]
fn of_many_who_want_one_name_at_once_one_gets_it() {
    let server = Server::start();
    let before = server.last_event();
    let made = at_once(64, |number| {
        let body = json!({ "slug": "acme", "name": format!("number {number}") });
        server.locally("POST", "/v1/organizations", &body).status
    });
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
    assert!(made.iter().all(|status| matches!(status, 201 | 409)), "{made:?}");
    assert_eq!(server.deeds(before), ["organization.created"], "and no other is in the record");
}

#[test]
fn what_the_server_sets_is_refused_and_nothing_is_changed() {
    let server = Server::start();
    let made = server.organization("acme", &json!({}));
    let before = server.last_event();
    for field in [
        "id",
        "number",
        "enabled",
        "active",
        "created_at",
        "updated_at",
        "createdOn",
        "change_sequence",
        "changeSequence",
        "members",
        "operator",
        "seal",
        "Name",
        "quota",
        "__proto__",
    ] {
        let mut body = json!({ "slug": "other", "name": "other" });
        body[field] = json!(1);
        server.locally("POST", "/v1/organizations", &body).problem(400);
        body = json!({ "name": "other" });
        body[field] = json!(1);
        server.locally("PATCH", "/v1/organizations/acme", &body).problem(400);
        let body =
            json!({ "name": "other", "policy": { "allow_never": true, field.to_lowercase() + "_": 1 } });
        server.locally("PATCH", "/v1/organizations/acme", &body).problem(400);
    }
    for body in [json!({ "slug": "other" }), json!({ "privileges": ["a:b"] })] {
        server.locally("PATCH", "/v1/organizations/acme", &body).problem(400);
    }
    server
        .locally("PATCH", "/v1/organizations/acme/policy", &json!({ "name": "x", "quota": 1 }))
        .problem(400);
    assert_eq!(server.locally("GET", "/v1/organizations/acme", &NONE).json(), made);
    assert_eq!(server.last_event(), before);
}

#[test]
fn a_policy_is_bounded_and_a_wrong_one_is_named_where_it_stands() {
    let server = Server::start();
    let made = server.organization("acme", &json!({}));
    for (field, values) in [
        (
            "max_lifetime",
            vec![json!("0s"), json!("never"), json!("36526d"), json!("2030-01-01T00:00:00Z"), json!("")],
        ),
        ("default_lifetime", vec![json!("-1d"), json!("1"), json!("9223372036854775807d"), json!("1.5d")]),
        ("issuers", vec![json!("nobody"), json!("Admins"), json!(1)]),
        ("quota", vec![json!(10_000_001), json!(-1), json!("5"), json!(1.5), json!(4_294_967_296_u64)]),
        ("api_access", vec![json!("off"), json!(0)]),
        ("allow_never", vec![json!("true"), json!([])]),
    ] {
        for value in values {
            let policy = json!({ field: value });
            let within = server.locally("PATCH", "/v1/organizations/acme", &json!({ "policy": policy }));
            within.problem(400);
            assert_eq!(within.json()["field"], format!("policy.{field}"), "{value}");
            let alone = server.locally("PATCH", "/v1/organizations/acme/policy", &policy);
            alone.problem(400);
            assert_eq!(alone.json()["field"], field, "{value}");
        }
    }
    assert_eq!(server.locally("GET", "/v1/organizations/acme", &NONE).json(), made);
    let widest = json!({ "max_lifetime": "36525d", "default_lifetime": "1s", "quota": 10_000_000 });
    let policy = server.locally("PATCH", "/v1/organizations/acme/policy", &widest).expect(200).json();
    for (field, value) in widest.as_object().unwrap() {
        assert_eq!(&policy[field], value);
    }
    assert_eq!(server.locally("GET", "/v1/organizations/acme/policy", &NONE).json(), policy);
}

#[test]
fn each_kind_of_change_is_one_event_and_no_change_is_none() {
    let server = Server::start();
    let anna = server.member("anna");
    server.organization("acme", &json!({}));
    server.join("acme", &anna, &json!({ "role": "administrator" }));
    let before = server.last_event();
    let all = json!({
        "name": "n", "image": "i", "owner": "anna", "policy": { "quota": 1, "allow_never": true },
    });
    let changed = server.locally("PATCH", "/v1/organizations/acme", &all).expect(200).json();
    assert_eq!((&changed["owner"], &changed["change_sequence"]), (&json!("anna"), &json!(1)));
    assert_eq!(
        server.deeds(before),
        [
            "organization.updated name image",
            "organization.owned",
            "organization.policy_changed allow_never quota"
        ]
    );
    let before = server.last_event();
    for (method, path, body) in [
        ("PATCH", "", all.clone()),
        ("PATCH", "", json!({})),
        ("PATCH", "", json!({ "name": null, "policy": null })),
        ("PATCH", "/policy", json!({ "quota": 1 })),
        ("POST", "/enable", NONE),
        ("PUT", "/privileges", json!({ "privileges": ["*:*"] })),
        ("POST", "/privileges", json!({ "privilege": "*:*" })),
    ] {
        server.locally(method, &format!("/v1/organizations/acme{path}"), &body).expect(200);
    }
    assert_eq!(server.last_event(), before);
    assert_eq!(server.locally("GET", "/v1/organizations/acme", &NONE).json(), changed);
}

#[test]
fn an_owner_is_one_of_its_administrators() {
    let server = Server::start();
    let (anna, berta) = (server.member("anna"), server.member("berta"));
    server.organization("acme", &json!({}));
    server.join("acme", &anna, &json!({}));
    server.join("acme", &berta, &json!({ "role": "administrator" }));
    server.member("carl");
    let set = |owner: &str| server.locally("PATCH", "/v1/organizations/acme", &json!({ "owner": owner }));
    for wrong in ["anna", "carl", "nobody", "", "0198c0de-0000-7000-8000-000000000000"] {
        let reply = set(wrong);
        assert_eq!(
            (reply.problem(400), &reply.json()["field"]),
            ("invalid".into(), &json!("owner")),
            "{wrong}"
        );
    }
    assert_eq!(set("berta").expect(200).json()["owner"], "berta");
    let id = server.locally("GET", "/v1/users/berta", &NONE).json()["id"].clone();
    assert_eq!(
        set(id.as_str().unwrap()).expect(200).json()["change_sequence"],
        1,
        "by id it is the same one"
    );
    server.locally("POST", "/v1/users/carl/disable", &NONE).expect(200);
    for wrong in ["carl", "nobody"] {
        let body = json!({ "slug": "other", "owner": wrong });
        let reply = server.locally("POST", "/v1/organizations", &body);
        assert_eq!(
            (reply.problem(400), &reply.json()["field"]),
            ("invalid".into(), &json!("owner")),
            "{wrong}"
        );
    }
    server.locally("GET", "/v1/organizations/other", &NONE).problem(404);
}

#[test]
fn a_change_may_say_which_version_it_is_meant_for() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let ask = |method: &str, path: &str, tag: &str, body: &Value| {
        let mut client = server.client();
        let request =
            client.request(method, &format!("/v1/organizations/acme{path}")).bearer(server.secret());
        let request = request.header("If-Match", tag);
        if body.is_null() { request.send() } else { request.json(body).send() }
    };
    for (method, path, body) in [
        ("PATCH", "", json!({ "name": "n" })),
        ("PATCH", "/policy", json!({ "quota": 1 })),
        ("PUT", "/privileges", json!({ "privileges": [] })),
        ("POST", "/privileges", json!({ "privilege": "a:b" })),
        ("DELETE", "/privileges/*:*", NONE),
        ("POST", "/disable", NONE),
        ("POST", "/enable", NONE),
    ] {
        for stale in ["\"7\"", "\"00\"", "0", "W/\"0\""] {
            assert_eq!(
                ask(method, path, stale, &body).problem(412),
                "version_stale",
                "{method} {path} {stale}"
            );
        }
    }
    let tag =
        server.locally("GET", "/v1/organizations/acme/policy", &NONE).header("etag").unwrap().to_owned();
    let reply = ask("PATCH", "/policy", &tag, &json!({ "quota": 1 })).expect(200);
    assert_eq!(reply.header("etag"), Some("\"1\""));
    ask("PATCH", "", &tag, &json!({ "name": "n" })).problem(412);
    assert_eq!(ask("PATCH", "", "*", &json!({ "name": "n" })).expect(200).header("etag"), Some("\"2\""));
}

#[test]
fn privileges_are_added_and_taken_away_and_the_reserved_ones_never() {
    let server = Server::start();
    server.organization("acme", &json!({ "privileges": [] }));
    let path = "/v1/organizations/acme/privileges";
    let add = |privilege: &str| server.locally("POST", path, &json!({ "privilege": privilege }));
    assert_eq!(add("orders:read").expect(200).json(), json!({ "privileges": ["orders:read"] }));
    assert_eq!(add("orders:read").expect(200).json(), json!({ "privileges": ["orders:read"] }));
    assert_eq!(add("*:list").expect(200).json(), json!({ "privileges": ["*:list", "orders:read"] }));
    for bad in ["jeton:admin", "jeton:introspect", "jeton:*", "orders", "", "A:b"] {
        assert_eq!(add(bad).problem(400), "invalid", "{bad}");
        let body = json!({ "privileges": ["a:b", bad] });
        assert_eq!(server.locally("PUT", path, &body).problem(400), "invalid", "{bad}");
        let body = json!({ "slug": "other", "privileges": [bad] });
        assert_eq!(server.locally("POST", "/v1/organizations", &body).problem(400), "invalid", "{bad}");
    }
    server.locally("DELETE", &format!("{path}/*:list"), &NONE).expect(204);
    server.locally("DELETE", &format!("{path}/orders%3Aread"), &NONE).expect(204);
    for gone in ["*:list", "orders:read", "jeton:admin", "nonsense"] {
        assert_eq!(server.locally("DELETE", &format!("{path}/{gone}"), &NONE).problem(404), "not_found");
    }
    let hundred: Vec<_> = (0..100).map(|number| format!("p{number:03}:x")).collect();
    let set = server.locally("PUT", path, &json!({ "privileges": hundred })).expect(200).json();
    assert_eq!(set, json!({ "privileges": hundred }));
    assert_eq!(add("one:more").problem(400), "invalid");
    assert_eq!(server.locally("GET", path, &NONE).expect(200).json(), set);
}

#[test]
fn a_list_holds_those_that_are_reached_or_in_by_slug_and_in_pages() {
    let server = Server::start();
    for number in 0..5 {
        server.organization(&format!("org-{number}"), &json!({}));
    }
    let mia = server.manager_of("org-1", "mia");
    server.join("org-3", &mia, &json!({}));
    let by_role = server.mint(&mia, &json!({ "name": "t", "privileges": ["jeton:admin"] }));
    let plain = server.mint(&mia, &json!({ "name": "t" }));
    let slugs = |authorization: &str, query: &str| {
        let reply =
            server.ask(authorization, "GET", &format!("/v1/organizations{query}"), &NONE).expect(200).json();
        let items = reply["items"].as_array().unwrap().clone();
        let slugs: Vec<_> = items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect();
        (slugs, reply["next_cursor"].clone())
    };
    let local = bearer(server.secret());
    assert_eq!(slugs(&local, "").0, ["default", "org-0", "org-1", "org-2", "org-3", "org-4"]);
    assert_eq!(slugs(&mia.basic(), ""), (vec!["org-1".into(), "org-3".into()], NONE));
    for token in [by_role, plain] {
        assert_eq!(slugs(&bearer(token["token"].as_str().unwrap()), "").0, ["org-1"]);
    }
    for (authorization, expected) in [(&local, 6), (&mia.basic(), 2)] {
        let (mut all, mut query) = (Vec::new(), "?limit=1".to_owned());
        loop {
            let (slugs, next) = slugs(authorization, &query);
            all.extend(slugs);
            let Some(next) = next.as_str() else { break };
            query = format!("?limit=1&cursor={next}");
        }
        assert_eq!(all.len(), expected);
        assert!(all.is_sorted());
    }
    for wrong in ["?limit=0", "?limit=201", "?cursor=%21", "?cursor=_w", "?slug=a"] {
        server.ask(&local, "GET", &format!("/v1/organizations{wrong}"), &NONE).problem(400);
    }
    let member = server.locally("GET", "/v1/organizations", &NONE).json();
    assert_eq!(member["items"][1], server.locally("GET", "/v1/organizations/org-0", &NONE).json());
}
