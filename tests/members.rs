//! Members of an organization: who puts whom there, what they may be given, and what becomes of their tokens.

use serde_json::{Value, json};

use crate::harness::{Server, database, estate::bearer, server::named};

const NONE: Value = Value::Null;
const ACME: &str = "/v1/organizations/acme/members";

fn text(made: &Value) -> String {
    made["token"].as_str().unwrap().into()
}

#[test]
fn a_member_is_added_shown_changed_and_removed() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let anna = server.member("anna");
    let id = server.locally("GET", "/v1/users/anna", &NONE).json()["id"].clone();
    let before = server.last_event();
    let reply = server.locally("POST", ACME, &json!({ "user": "anna" })).expect(201);
    assert_eq!(reply.header("location").unwrap(), format!("{ACME}/{}", id.as_str().unwrap()));
    let made = reply.json();
    assert_eq!(
        made,
        json!({
            "user": "anna", "user_id": id, "organization": "acme", "role": "member", "may_issue": null,
            "privileges": [], "active": true, "created_at": made["created_at"],
        })
    );
    for name in ["anna", id.as_str().unwrap()] {
        assert_eq!(server.locally("GET", &format!("{ACME}/{name}"), &NONE).expect(200).json(), made);
    }
    let again = server.locally("POST", ACME, &json!({ "user": "anna" }));
    assert_eq!((again.problem(409), &again.json()["field"]), ("taken".into(), &json!("user")));
    let body = json!({ "role": "administrator", "may_issue": false, "privileges": ["b:c", "a:b", "a:b"] });
    let changed = server.locally("PATCH", &format!("{ACME}/anna"), &body).expect(200).json();
    assert_eq!(changed["privileges"], json!(["a:b", "b:c"]));
    for body in [body, json!({}), json!({ "role": null, "privileges": null })] {
        assert_eq!(server.locally("PATCH", &format!("{ACME}/anna"), &body).expect(200).json(), changed);
    }
    let left =
        server.locally("PATCH", &format!("{ACME}/anna"), &json!({ "may_issue": null })).expect(200).json();
    assert_eq!(left["may_issue"], NONE);
    assert_eq!(left["role"], "administrator");
    server.locally("DELETE", &format!("{ACME}/anna"), &NONE).expect(204);
    for (method, body) in [("GET", NONE), ("PATCH", json!({ "role": "member" })), ("DELETE", NONE)] {
        let gone = server.locally(method, &format!("{ACME}/anna"), &body);
        assert_eq!(gone.problem(404), "not_found");
        assert_eq!(gone.json(), server.locally(method, &format!("{ACME}/nobody"), &body).json());
    }
    assert_eq!(
        server.deeds(before),
        [
            "member.added",
            "member.changed role may_issue privileges",
            "member.changed may_issue",
            "member.removed"
        ]
    );
    // No member of it any more, and otherwise as before.
    server.ask(&anna.basic(), "GET", "/v1/organizations/acme", &NONE).problem(404);
    server.ask(&anna.basic(), "GET", "/v1/me", &NONE).expect(200);
}

#[test]
fn what_is_no_member_is_refused_and_nothing_is_changed() {
    let server = Server::start();
    server.organization("acme", &json!({ "privileges": ["orders:*"] }));
    server.member("anna");
    let bo = server.user_of("acme", "bo", &json!({}));
    let before = server.last_event();
    for field in ["id", "user_id", "organization", "active", "created_at", "kept_tokens", "operator", "Role"]
    {
        let body = json!({ "user": "anna", "role": "administrator", field: 1 });
        server.locally("POST", ACME, &body).problem(400);
        server
            .locally("PATCH", &format!("{ACME}/bo"), &json!({ "role": "administrator", field: 1 }))
            .problem(400);
    }
    server.locally("PATCH", &format!("{ACME}/bo"), &json!({ "user": "anna" })).problem(400);
    for (field, value) in [
        ("role", json!("owner")),
        ("role", json!("admin")),
        ("role", json!("")),
        ("may_issue", json!("true")),
        ("may_issue", json!(1)),
        ("privileges", json!("orders:read")),
        ("privileges", json!(["orders"])),
        ("privileges", json!(["*:*"])),
        ("privileges", json!(["*:read"])),
        ("privileges", json!(["bills:read"])),
        ("privileges", json!(["jeton:root"])),
    ] {
        for (method, path) in [("POST", ACME.to_owned()), ("PATCH", format!("{ACME}/bo"))] {
            let mut body = json!({ field: value });
            if method == "POST" {
                body["user"] = json!("anna");
            }
            let reply = server.locally(method, &path, &body);
            assert_eq!(reply.problem(400), "invalid", "{method} {body}");
            assert_eq!(reply.json()["field"].as_str().unwrap().split('[').next(), Some(field), "{body}");
        }
    }
    server.locally("POST", ACME, &json!({ "user": "nobody" })).problem(404);
    server.locally("POST", ACME, &json!({})).problem(400);
    server.locally("POST", "/v1/organizations/nothing/members", &json!({ "user": "anna" })).problem(404);
    assert_eq!(server.last_event(), before);
    assert_eq!(server.ask(&bo.basic(), "GET", "/v1/me", &NONE).json()["user"]["role"], "member");
}

#[test]
fn grants_come_out_of_what_the_organization_has_and_wildcards_cover() {
    let server = Server::start();
    server.organization("acme", &json!({ "privileges": ["orders:*", "bills:read", "*:list"] }));
    let bo = server.user_of("acme", "bo", &json!({ "may_issue": true }));
    let grant =
        |list: &Value| server.locally("PATCH", &format!("{ACME}/bo"), &json!({ "privileges": list })).status;
    for good in [
        json!(["orders:read"]),
        json!(["orders:*"]),
        json!(["*:list"]),
        json!(["mail:list", "bills:read"]),
        json!([]),
    ] {
        assert_eq!(grant(&good), 200, "{good}");
    }
    for wide in [json!(["bills:*"]), json!(["*:read"]), json!(["*:*"]), json!(["orders:read", "mail:read"])] {
        assert_eq!(grant(&wide), 400, "{wide}");
    }
    // A wildcard that was granted stays one: what comes under it later is held too.
    server.locally("PUT", "/v1/organizations/acme/privileges", &json!({ "privileges": ["*:*"] })).expect(200);
    assert_eq!(grant(&json!(["*:read"])), 200);
    let token = text(&server.mint(&bo, &named("t")));
    let held = |server: &Server| {
        server.with(&token, "GET", "/v1/me", &NONE).expect(200).json()["privileges"].clone()
    };
    assert_eq!(held(&server), json!(["*:read"]));
    let narrow = json!({ "privileges": ["orders:*", "bills:pay"] });
    server.locally("PUT", "/v1/organizations/acme/privileges", &narrow).expect(200);
    assert_eq!(held(&server), json!(["orders:read"]));
    // What exists no more can't be granted again, and doesn't keep anything else from being changed.
    assert_eq!(grant(&json!(["*:read"])), 400);
    server.locally("PATCH", &format!("{ACME}/bo"), &json!({ "may_issue": false })).expect(200);
}

#[test]
fn what_is_jetons_own_is_given_by_operators_and_kept_by_whoever_has_it() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let mia = server.manager_of("acme", "mia");
    let ada = server.administrator("ada");
    let bo = server.user_of("acme", "bo", &json!({}));
    let path = format!("{ACME}/bo");
    for reserved in ["jeton:admin", "jeton:introspect"] {
        let body = json!({ "privileges": ["a:b", reserved] });
        assert_eq!(server.ask(&mia.basic(), "PATCH", &path, &body).problem(403), "operator_required");
        let body = json!({
            "username": "eve", "password": "a walk of a crooked mile", "privileges": [reserved], "organization": "acme",
        });
        assert_eq!(server.ask(&mia.basic(), "POST", "/v1/users", &body).problem(403), "operator_required");
    }
    server.ask(&ada.basic(), "PATCH", &path, &json!({ "privileges": ["jeton:introspect"] })).expect(200);
    // One that is there already may stay beside others, and another may not come to it.
    let kept = json!({ "privileges": ["a:b", "jeton:introspect"] });
    let member = server.ask(&mia.basic(), "PATCH", &path, &kept).expect(200).json();
    assert_eq!(member["privileges"], kept["privileges"]);
    let more = json!({ "privileges": ["jeton:admin", "jeton:introspect"] });
    assert_eq!(server.ask(&mia.basic(), "PATCH", &path, &more).problem(403), "operator_required");
    let asker = server.token_with(&bo, &["--privilege", "jeton:introspect"]);
    server.client().post("/oauth/introspect").bearer(&asker).form("token=x").send().expect(200);
    // Taken away by an administrator, it is gone, and not theirs to give back.
    server.ask(&mia.basic(), "PATCH", &path, &json!({ "privileges": [] })).expect(200);
    server.client().post("/oauth/introspect").bearer(&asker).form("token=x").send().expect(403);
    assert_eq!(server.ask(&mia.basic(), "PATCH", &path, &kept).problem(403), "operator_required");
}

#[test]
fn an_owner_stays_an_administrator() {
    let server = Server::start();
    let (anna, berta) = (server.member("anna"), server.member("berta"));
    server.organization("acme", &json!({ "owner": "anna" }));
    server.join("acme", &berta, &json!({ "role": "administrator" }));
    let path = format!("{ACME}/anna");
    for authorization in [bearer(server.secret()), berta.basic(), anna.basic()] {
        let reply = server.ask(&authorization, "DELETE", &path, &NONE);
        assert_eq!(reply.problem(409), "organization_owned");
        let reply = server.ask(&authorization, "PATCH", &path, &json!({ "role": "member" }));
        assert_eq!(reply.problem(409), "organization_owned");
    }
    server.locally("PATCH", &path, &json!({ "role": "administrator", "may_issue": false })).expect(200);
    server.locally("PATCH", "/v1/organizations/acme", &json!({ "owner": "berta" })).expect(200);
    server.ask(&berta.basic(), "PATCH", &path, &json!({ "role": "member" })).expect(200);
    server.ask(&berta.basic(), "DELETE", &path, &NONE).expect(204);
}

#[test]
fn whoever_leaves_leaves_dead_tokens_which_live_and_count_again_on_return() {
    let server = Server::start();
    server.organization("acme", &json!({ "policy": { "quota": 3 } }));
    let anna = server.member("anna");
    server.join("acme", &anna, &json!({ "role": "administrator" }));
    let mint =
        || server.ask(&anna.basic(), "POST", "/v1/tokens", &json!({ "name": "t", "organization": "acme" }));
    let tokens: Vec<_> = (0..3).map(|_| mint().expect(201).json()).collect();
    mint().problem(409);
    let home = server.token(&anna);
    for round in 0..3 {
        assert!(tokens.iter().all(|token| server.accepts(&text(token))));
        server.locally("DELETE", &format!("{ACME}/anna"), &NONE).expect(204);
        for token in &tokens {
            assert_eq!(server.with(&text(token), "GET", "/v1/tokens/self", &NONE).problem(401), "owner_gone");
        }
        assert!(server.accepts(&home), "a token of another organization isn't touched");
        assert_eq!(mint().problem(404), "not_found");
        server.join("acme", &anna, &json!({ "role": "administrator" }));
        assert_eq!(mint().problem(409), "quota_full", "round {round}");
    }
    // What is deleted while nobody counts isn't counted afterwards.
    server.locally("DELETE", &format!("{ACME}/anna"), &NONE).expect(204);
    let gone = format!("/v1/tokens/{}", tokens[0]["id"].as_str().unwrap());
    server.locally("DELETE", &gone, &NONE).expect(204);
    server.join("acme", &anna, &json!({ "role": "administrator" }));
    mint().expect(201);
    mint().problem(409);
}

#[test]
fn a_password_acts_at_home_unless_it_names_another_and_a_token_stays_where_it_is() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    server.organization("other", &json!({}));
    server.organization("foreign", &json!({}));
    let mia = server.manager_of("acme", "mia");
    server.join("other", &mia, &json!({ "may_issue": true, "privileges": ["orders:read"] }));
    let here = server.mint(&mia, &named("t"));
    assert_eq!((&here["organization"], &here["privileges"]), (&json!("acme"), &json!(["*:*"])));
    let there = server.mint(&mia, &json!({ "name": "t", "organization": "other" }));
    assert_eq!((&there["organization"], &there["privileges"]), (&json!("other"), &json!(["orders:read"])));
    let wide = json!({ "name": "t", "organization": "other", "privileges": ["orders:*"] });
    assert_eq!(server.ask(&mia.basic(), "POST", "/v1/tokens", &wide).problem(403), "privilege_not_held");
    let mut answers = Vec::new();
    for name in ["foreign", "nothing"] {
        let body = json!({ "name": "t", "organization": name });
        let reply = server.ask(&mia.basic(), "POST", "/v1/tokens", &body);
        reply.problem(404);
        answers.push(reply.body);
    }
    assert_eq!(answers[0], answers[1]);
    // A token neither mints nor reads beyond its own.
    let (here, there) = (text(&here), text(&there));
    let body = json!({ "name": "t", "organization": "other" });
    let reply = server.with(&here, "POST", "/v1/tokens", &body);
    assert!(matches!(reply.status, 403 | 404), "{}", reply.text());
    for (token, own, not) in [(&here, "acme", "other"), (&there, "other", "acme")] {
        server.with(token, "GET", &format!("/v1/organizations/{own}"), &NONE).expect(200);
        server.with(token, "GET", &format!("/v1/organizations/{not}"), &NONE).problem(404);
        assert_eq!(server.with(token, "GET", "/v1/me", &NONE).json()["organization"]["slug"], own);
    }
    // An administrator's token manages its own organization, and not the others of its owner.
    server
        .locally("PATCH", "/v1/organizations/other/members/mia", &json!({ "role": "administrator" }))
        .expect(200);
    let admin = text(&server.mint(&mia, &json!({ "name": "t", "privileges": ["jeton:admin"] })));
    server.with(&admin, "PATCH", "/v1/organizations/acme", &json!({ "name": "n" })).expect(200);
    server.with(&admin, "PATCH", "/v1/organizations/other", &json!({ "name": "n" })).problem(404);
    server.ask(&mia.basic(), "PATCH", "/v1/organizations/other", &json!({ "name": "n" })).expect(200);
}

#[test]
fn a_user_the_caller_cannot_see_is_like_one_who_does_not_exist() {
    let server = Server::start();
    for slug in ["acme", "other"] {
        server.organization(slug, &json!({}));
    }
    let mia = server.manager_of("acme", "mia");
    let zoe = server.manager_of("other", "zoe");
    let zed = server.user_of("other", "zed", &json!({}));
    let id = server.locally("GET", "/v1/users/zed", &NONE).json()["id"].as_str().unwrap().to_owned();
    let unknown = server.ask(&mia.basic(), "POST", ACME, &json!({ "user": "nobody" }));
    assert_eq!(unknown.problem(404), "not_found");
    for user in ["zed", "zoe", &id] {
        let reply = server.ask(&mia.basic(), "POST", ACME, &json!({ "user": user }));
        assert_eq!((reply.status, &reply.body), (404, &unknown.body), "{user}");
    }
    // Whoever manages both may.
    server.join("acme", &zoe, &json!({ "role": "administrator" }));
    server.ask(&zoe.basic(), "POST", ACME, &json!({ "user": "zed" })).expect(201);
    // Now they are seen, as a member here and no further.
    let seen = server.ask(&mia.basic(), "GET", "/v1/users/zed", &NONE).expect(200).json();
    assert_eq!(seen["organization"], "acme");
    server.ask(&mia.basic(), "DELETE", &format!("{ACME}/zed"), &NONE).expect(204);
    server.ask(&mia.basic(), "GET", "/v1/users/zed", &NONE).problem(404);
    server.ask(&zed.basic(), "GET", "/v1/me", &NONE).expect(200);
}

#[test]
fn what_is_counted_along_is_what_there_is() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    for number in 0..4 {
        let actor = server.member(&format!("user{number}"));
        server.join("acme", &actor, &json!({}));
    }
    server.locally("POST", ACME, &json!({ "user": "user1" })).problem(409);
    server.locally("DELETE", &format!("{ACME}/user2"), &NONE).expect(204);
    server.locally("DELETE", &format!("{ACME}/user2"), &NONE).problem(404);
    server.locally("DELETE", "/v1/users/user3", &NONE).expect(204);
    let connection = database::open(&server.data());
    let wrong = "SELECT count(*) FROM (
            SELECT scope AS o, count FROM totals WHERE list = 'members'
            EXCEPT SELECT organization, count(*) FROM memberships GROUP BY 1)";
    assert_eq!(connection.query_row(wrong, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    let users = "SELECT (SELECT count FROM totals WHERE list = 'users') - (SELECT count(*) FROM users WHERE deleted_at IS NULL)";
    assert_eq!(connection.query_row(users, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}
