//! Users as they are managed: made where, seen and changed by whom, deleted for good; and that an operator is left.

use serde_json::{Value, json};

use crate::harness::{
    Server, database,
    estate::{at_once, bearer},
    server::{Actor, named},
};

const NONE: Value = Value::Null;
const GOOD: &str = "a walk of a crooked mile";

fn text(made: &Value) -> String {
    made["token"].as_str().unwrap().into()
}

fn path(user: &str) -> String {
    format!("/v1/users/{user}")
}

/// Two organizations with an administrator each; `both` is a member of the two, `bo` and `zed` of one.
struct Estate {
    server: Server,
    mia: Actor,
    zoe: Actor,
    bo: Actor,
    both: Actor,
}

impl Estate {
    fn new() -> Self {
        let server = Server::start();
        for slug in ["acme", "other"] {
            server.organization(slug, &json!({}));
        }
        let (mia, zoe) = (server.manager_of("acme", "mia"), server.manager_of("other", "zoe"));
        let bo = server.issuer_of("acme", "bo");
        server.user_of("other", "zed", &json!({}));
        let both = server.issuer_of("acme", "both");
        server.join("other", &both, &json!({}));
        Self { server, mia, zoe, bo, both }
    }

    fn id(&self, user: &str) -> String {
        self.server.locally("GET", &path(user), &NONE).expect(200).json()["id"].as_str().unwrap().into()
    }
}

#[test]
fn a_user_is_made_where_the_caller_manages() {
    let estate = Estate::new();
    let server = &estate.server;
    let add = |authorization: &str, name: &str, more: Value| {
        let mut body = json!({ "username": name, "password": GOOD });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        server.ask(authorization, "POST", "/v1/users", &body)
    };
    let mia = estate.mia.basic();
    let made = add(&mia, "new1", json!({})).expect(201);
    assert_eq!(made.header("etag"), Some("\"0\""));
    assert_eq!(made.json()["organization"], "acme", "an administrator's own");
    assert_eq!(
        add(&bearer(server.secret()), "new2", json!({})).expect(201).json()["organization"],
        "default"
    );
    let token = text(&server.mint(&estate.mia, &json!({ "name": "t", "privileges": ["jeton:admin"] })));
    assert_eq!(add(&bearer(&token), "new3", json!({})).expect(201).json()["organization"], "acme");
    let full =
        json!({ "role": "administrator", "may_issue": false, "privileges": ["a:b"], "organization": "acme" });
    let made = add(&mia, "new4", full).expect(201).json();
    assert_eq!((&made["role"], &made["may_issue"]), (&json!("administrator"), &json!(false)));
    let max = server.manager("max");
    assert_eq!(add(&max.basic(), "new6", json!({})).expect(201).json()["organization"], "default");
    // Not where they don't, whether or not it is there.
    let foreign = add(&mia, "new5", json!({ "organization": "other" }));
    assert_eq!(foreign.problem(404), "not_found");
    assert_eq!(add(&mia, "new5", json!({ "organization": "nothing" })).body, foreign.body);
    assert_eq!(add(&mia, "new5", json!({ "operator": true })).problem(403), "operator_required");
    assert_eq!(add(&estate.bo.basic(), "new5", json!({})).problem(403), "administrator_required");
    server.join("other", &estate.mia, &json!({}));
    let only_in = add(&mia, "new5", json!({ "organization": "other" }));
    assert_eq!(only_in.problem(403), "administrator_required");
    assert_eq!(add(&mia, "zed", json!({})).problem(409), "taken");
    add(&mia, "short", json!({ "password": "short" })).problem(400);
    server.locally("GET", &path("new5"), &NONE).problem(404);
}

#[test]
fn a_user_is_seen_by_whoever_reaches_one_of_their_organizations() {
    let estate = Estate::new();
    let server = &estate.server;
    let get = |authorization: &str, user: &str| server.ask(authorization, "GET", &path(user), &NONE);
    let unknown = get(&estate.mia.basic(), "nobody");
    assert_eq!(unknown.problem(404), "not_found");
    for (caller, seen, unseen) in [
        (&estate.mia, &["mia", "bo", "both"][..], &["zoe", "zed"][..]),
        (&estate.zoe, &["zoe", "zed", "both"], &["mia", "bo"]),
        (&estate.bo, &["bo"], &["mia", "both", "zoe"]),
    ] {
        for user in seen {
            get(&caller.basic(), user).expect(200);
            get(&caller.basic(), &estate.id(user)).expect(200);
        }
        for user in unseen {
            for name in [(*user).to_owned(), estate.id(user)] {
                let reply = get(&caller.basic(), &name);
                assert_eq!((reply.status, &reply.body), (404, &unknown.body), "{name}");
            }
        }
    }
    // A token shows its owner by /v1/me, and nobody here without jeton:admin.
    let plain = bearer(&server.token(&estate.mia));
    for user in ["mia", "bo", "zed"] {
        assert_eq!(get(&plain, user).problem(404), "not_found");
    }
    let admin = text(&server.mint(&estate.mia, &json!({ "name": "t", "privileges": ["jeton:admin"] })));
    get(&bearer(&admin), "bo").expect(200);
    // What a user is in an organization is that organization's to know.
    let body = json!({ "privileges": ["secret:thing"] });
    server.locally("PATCH", "/v1/organizations/acme/members/both", &body).expect(200);
    let shown = get(&estate.zoe.basic(), "both").expect(200);
    assert_eq!(shown.json()["organization"], "other");
    assert!(!shown.text().contains("secret:thing") && !shown.text().contains("acme"), "{}", shown.text());
}

#[test]
fn labels_are_changed_by_oneself_and_by_whoever_manages_the_whole_account() {
    let estate = Estate::new();
    let server = &estate.server;
    let body = json!({
        "email": "bo@example.org", "first_name": "Bo", "last_name": "B", "title": "Dr", "image": "https://e.org/b",
    });
    let patch =
        |authorization: &str, user: &str, body: &Value| server.ask(authorization, "PATCH", &path(user), body);
    let before = server.last_event();
    let changed = patch(&estate.bo.basic(), "bo", &body).expect(200);
    assert_eq!(changed.header("etag"), Some("\"1\""));
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&changed.json()[field], value);
    }
    patch(&estate.bo.basic(), "bo", &body).expect(200);
    patch(&estate.bo.basic(), "bo", &json!({ "email": null })).expect(200);
    assert_eq!(server.deeds(before), ["user.updated email first_name last_name title image"]);
    // A token shows it at once.
    let token = server.token(&estate.bo);
    let mail = |server: &Server| server.with(&token, "GET", "/v1/me", &NONE).json()["user"]["email"].clone();
    assert_eq!(mail(server), "bo@example.org");
    assert_eq!(patch(&estate.mia.basic(), "bo", &json!({ "email": "" })).expect(200).json()["email"], "");
    assert_eq!(mail(server), "");
    for bad in [json!({ "email": "bo" }), json!({ "title": "a\nb" }), json!({ "image": "x".repeat(4001) })] {
        patch(&estate.bo.basic(), "bo", &bad).problem(400);
    }
    // Somebody else's members are half theirs: seen, and not to be changed.
    assert_eq!(
        patch(&estate.mia.basic(), "both", &json!({ "title": "x" })).problem(403),
        "operator_required"
    );
    assert_eq!(
        patch(&estate.zoe.basic(), "both", &json!({ "title": "x" })).problem(403),
        "operator_required"
    );
    assert_eq!(patch(&estate.zoe.basic(), "bo", &json!({ "title": "x" })).problem(404), "not_found");
    assert_eq!(patch(&estate.bo.basic(), "mia", &json!({ "title": "x" })).problem(404), "not_found");
    assert_eq!(patch(&bearer(&token), "bo", &json!({ "title": "x" })).problem(404), "not_found");
    patch(&estate.both.basic(), "both", &json!({ "title": "x" })).expect(200);
}

#[test]
fn what_the_server_sets_is_refused_and_nobody_makes_themself_more() {
    let estate = Estate::new();
    let server = &estate.server;
    let before = server.last_event();
    let was = server.locally("GET", &path("bo"), &NONE).json();
    for field in [
        "id",
        "username",
        "password",
        "active",
        "role",
        "may_issue",
        "privileges",
        "home",
        "created_at",
        "updated_at",
        "change_sequence",
        "deleted_at",
        "hash",
        "Email",
    ] {
        for caller in [&estate.bo, &estate.mia] {
            let body = json!({ "title": "x", field: 1 });
            assert_eq!(server.ask(&caller.basic(), "PATCH", &path("bo"), &body).status, 400, "{field}");
        }
    }
    for field in [
        "id",
        "number",
        "active",
        "home",
        "hash",
        "created_at",
        "change_sequence",
        "deleted_at",
        "owner",
        "Role",
    ] {
        let body = json!({ "username": "eve", "password": GOOD, field: 1 });
        assert_eq!(server.locally("POST", "/v1/users", &body).status, 400, "{field}");
    }
    for body in [
        json!({ "title": "x", "operator": true }),
        json!({ "title": "x", "operator": false }),
        json!({ "title": "x", "organization": "other" }),
        json!({ "title": "x", "organization": "acme" }),
        json!({ "title": "x", "organization": "nothing" }),
    ] {
        for caller in [&estate.bo, &estate.mia] {
            let reply = server.ask(&caller.basic(), "PATCH", &path("bo"), &body);
            assert_eq!(reply.problem(403), "operator_required", "{body}");
        }
    }
    assert_eq!(server.last_event(), before);
    assert_eq!(server.locally("GET", &path("bo"), &NONE).json(), was);
}

#[test]
fn accounts_are_switched_and_deleted_by_whoever_reaches_all_of_them() {
    let estate = Estate::new();
    let server = &estate.server;
    let ada = server.administrator("ada");
    server.join("acme", &ada, &json!({}));
    for (method, suffix) in [("POST", "/disable"), ("POST", "/enable"), ("DELETE", "")] {
        let ask = |caller: &Actor, user: &str| {
            server.ask(&caller.basic(), method, &format!("{}{suffix}", path(user)), &NONE)
        };
        assert_eq!(ask(&estate.mia, "both").problem(403), "operator_required");
        assert_eq!(
            ask(&estate.mia, "ada").problem(403),
            "operator_required",
            "an operator is managed by operators"
        );
        assert_eq!(ask(&estate.mia, "zed").problem(404), "not_found");
        assert_eq!(ask(&estate.mia, "nobody").problem(404), "not_found");
        assert_eq!(ask(&estate.both, "both").problem(403), "administrator_required");
        assert_eq!(ask(&estate.both, "nobody").problem(403), "administrator_required");
        let status = ask(&estate.mia, "bo").status;
        assert!(matches!(status, 200 | 204), "{status}");
    }
    server.locally("GET", &path("bo"), &NONE).problem(404);
    let password = |caller: &Actor, user: &str| {
        let body = json!({ "password": "another walk of a mile" });
        server.ask(&caller.basic(), "PUT", &format!("{}/password", path(user)), &body)
    };
    assert_eq!(password(&estate.mia, "both").problem(403), "operator_required");
    assert_eq!(password(&estate.mia, "ada").problem(403), "operator_required");
    assert_eq!(password(&estate.mia, "zed").problem(404), "not_found");
    assert_eq!(password(&estate.both, "mia").problem(404), "not_found");
    password(&estate.zoe, "zed").expect(204);
    password(&ada, "both").expect(204);
    password(&estate.mia, "mia").expect(204);
    server.ask(&estate.mia.basic(), "GET", "/v1/me", &NONE).problem(401);
}

#[test]
fn a_change_may_say_which_version_it_is_meant_for() {
    let server = Server::start();
    server.user("anna");
    let ask = |method: &str, suffix: &str, tag: &str, body: &Value| {
        let mut client = server.client();
        let path = format!("/v1/users/anna{suffix}");
        let request = client.request(method, &path).bearer(server.secret()).header("If-Match", tag);
        if body.is_null() { request.send() } else { request.json(body).send() }
    };
    for (method, suffix, body) in [
        ("PATCH", "", json!({ "title": "x" })),
        ("POST", "/disable", NONE),
        ("POST", "/enable", NONE),
        ("DELETE", "", NONE),
    ] {
        assert_eq!(ask(method, suffix, "\"5\"", &body).problem(412), "version_stale", "{method} {suffix}");
    }
    let tag = server.locally("GET", "/v1/users/anna", &NONE).header("etag").unwrap().to_owned();
    let next =
        ask("PATCH", "", &tag, &json!({ "title": "x" })).expect(200).header("etag").unwrap().to_owned();
    assert_ne!(next, tag);
    let next = ask("POST", "/disable", &next, &NONE).expect(200).header("etag").unwrap().to_owned();
    ask("DELETE", "", &next, &NONE).expect(204);
}

#[test]
fn home_is_moved_by_an_operator_to_where_the_user_is() {
    let estate = Estate::new();
    let server = &estate.server;
    let ada = server.administrator("ada");
    let set = |to: &str| server.ask(&ada.basic(), "PATCH", &path("both"), &json!({ "organization": to }));
    let wrong = set("default");
    assert_eq!((wrong.problem(400), &wrong.json()["field"]), ("invalid".into(), &json!("organization")));
    assert_eq!(set("nothing").problem(404), "not_found");
    let home = server.token(&estate.both);
    let before = server.last_event();
    assert_eq!(set("other").expect(200).json()["organization"], "other");
    set("other").expect(200);
    assert_eq!(server.deeds(before), ["user.updated organization"]);
    let me = server.ask(&estate.both.basic(), "GET", "/v1/me", &NONE).expect(200).json();
    assert_eq!(me["organization"]["slug"], "other");
    // A token stays where it was minted.
    assert_eq!(server.with(&home, "GET", "/v1/me", &NONE).json()["organization"]["slug"], "acme");
}

#[test]
fn operators_are_made_and_unmade_by_operators_and_one_is_always_left() {
    let server = Server::start();
    let before = server.last_event();
    let (ada, anna) = (server.administrator("ada"), server.user("anna"));
    let made = ["user.created", "user.operator_made", "organization.owned", "user.created"];
    assert_eq!(server.deeds(before), made);
    let set = |caller: &Actor, user: &str, operator: bool| {
        server.ask(&caller.basic(), "PATCH", &path(user), &json!({ "operator": operator }))
    };
    let last = |server: &Server| {
        for (method, suffix, body) in
            [("PATCH", "", json!({ "operator": false })), ("POST", "/disable", NONE), ("DELETE", "", NONE)]
        {
            let path = format!("{}{suffix}", path("ada"));
            for authorization in [ada.basic(), bearer(server.secret())] {
                let reply = server.ask(&authorization, method, &path, &body);
                assert_eq!(reply.problem(409), "last_operator", "{method} {path}");
            }
        }
    };
    last(&server);
    let before = server.last_event();
    assert_eq!(set(&ada, "anna", true).expect(200).json()["operator"], true);
    set(&ada, "anna", true).expect(200);
    assert_eq!(server.deeds(before), ["user.operator_made"]);
    server.ask(&anna.basic(), "POST", "/v1/organizations", &json!({ "slug": "acme" })).expect(201);
    // One who is disabled is none that is left.
    server.locally("POST", "/v1/users/anna/disable", &NONE).expect(200);
    last(&server);
    server.locally("POST", "/v1/users/anna/enable", &NONE).expect(200);
    set(&anna, "ada", false).expect(200);
    assert_eq!(set(&ada, "ada", true).problem(403), "operator_required", "nobody comes back by themself");
    assert_eq!(set(&anna, "anna", false).problem(409), "last_operator");
    // Whoever isn't the last may go in any way, labels and enabling aside.
    server
        .ask(&anna.basic(), "PATCH", "/v1/users/anna", &json!({ "title": "x", "operator": true }))
        .expect(200);
    server.locally("DELETE", "/v1/users/ada", &NONE).expect(204);
}

#[test]
fn of_the_last_two_operators_one_is_left_however_many_ask_at_once() {
    for (method, suffix, body) in
        [("PATCH", "", json!({ "operator": false })), ("POST", "/disable", NONE), ("DELETE", "", NONE)]
    {
        let server = Server::start();
        let operators = [server.administrator("ada"), server.administrator("eve")];
        let tokens =
            operators.each_ref().map(|actor| server.token_with(actor, &["--privilege", "jeton:admin"]));
        let statuses = at_once(64, |number| {
            // Half of them against each, half as the local operator, half as the other one.
            let target = ["ada", "eve"][number % 2];
            let caller = if number % 4 < 2 { server.secret() } else { &tokens[(number + 1) % 2] };
            server.with(caller, method, &format!("{}{suffix}", path(target)), &body).status
        });
        assert!(
            statuses.iter().all(|status| matches!(status, 200 | 204 | 401 | 403 | 404 | 409)),
            "{statuses:?}"
        );
        assert!(statuses.contains(&409) && statuses.iter().any(|status| *status < 300), "{statuses:?}");
        let connection = database::open(&server.data());
        let left = "SELECT count(*) FROM users WHERE operator = 1 AND active = 1 AND deleted_at IS NULL";
        assert_eq!(connection.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 1, "{statuses:?}");
    }
}

#[test]
fn deleting_a_user_kills_every_token_at_once_and_leaves_nobody_to_be_found() {
    let estate = Estate::new();
    let server = &estate.server;
    let body = json!({ "email": "both@example.org", "first_name": "Firstname", "last_name": "Lastname" });
    server.locally("PATCH", &path("both"), &body).expect(200);
    let made = server.mint(&estate.both, &named("t"));
    let tokens = [text(&made), server.token(&estate.both)];
    let id = estate.id("both");
    server
        .locally("PATCH", "/v1/organizations/other/members/both", &json!({ "role": "administrator" }))
        .expect(200);
    server.locally("PATCH", "/v1/organizations/other", &json!({ "owner": "both" })).expect(200);
    assert!(tokens.iter().all(|token| server.accepts(token)));
    let before = server.last_event();
    server.locally("DELETE", &path("both"), &NONE).expect(204);
    for token in &tokens {
        assert_eq!(server.with(token, "GET", "/v1/tokens/self", &NONE).problem(401), "owner_disabled");
    }
    let deeds = server.deeds(before);
    for deed in ["user.deleted", "member.removed", "organization.updated owner"] {
        assert!(deeds.iter().any(|done| done == deed), "{deeds:?}");
    }
    assert_eq!(server.locally("GET", "/v1/organizations/other", &NONE).json()["owner"], NONE);
    // By no name and in no way.
    let short: String = id.replace('-', "").chars().take(24).collect();
    for name in ["both", &id, &short, &format!("deleted:{id}")] {
        for (method, suffix, body) in [
            ("GET", "", NONE),
            ("PATCH", "", json!({ "title": "x" })),
            ("DELETE", "", NONE),
            ("POST", "/enable", NONE),
            ("PUT", "/password", json!({ "password": GOOD })),
        ] {
            let reply = server.locally(method, &format!("{}{suffix}", path(name)), &body);
            assert_eq!(reply.problem(404), "not_found", "{method} {name}{suffix}");
        }
        let body = json!({ "user": name });
        server.locally("POST", "/v1/organizations/acme/members", &body).problem(404);
        server.locally("GET", &format!("/v1/organizations/acme/members/{name}"), &NONE).problem(404);
        let owner = json!({ "name": "t", "owner": name });
        server.locally("POST", "/v1/tokens", &owner).problem(404);
    }
    server.ask(&estate.both.basic(), "GET", "/v1/me", &NONE).problem(401);
    let list = server.locally("GET", "/v1/users", &NONE).expect(200).text();
    assert!(!list.contains(&id) && !list.contains("both"), "{list}");
    // What was theirs is still told apart, without who it was.
    let shown =
        server.locally("GET", &format!("/v1/tokens/{}", made["id"].as_str().unwrap()), &NONE).expect(200);
    assert_eq!(shown.json()["owner"], format!("deleted:{id}"));
    let connection = database::open(&server.data());
    let rows = database::dump(&connection, "users").into_iter().flatten().collect::<Vec<_>>().join(" ");
    for personal in ["both@example.org", "Firstname", "Lastname"] {
        assert!(!rows.contains(personal), "{rows}");
    }
    assert_eq!(database::count(&connection, "passwords"), 4, "each of the others has one");
    let found = "SELECT count(*) FROM user_words WHERE user_words MATCH 'Fir'";
    assert_eq!(connection.query_row(found, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    // The name is free, and whoever takes it is somebody else.
    let again = server.user_of("acme", "both", &json!({}));
    assert!(!tokens.iter().any(|token| server.accepts(token)));
    let items = server.ask(&again.basic(), "GET", "/v1/tokens", &NONE).expect(200).json()["items"].clone();
    assert_eq!(items, json!([]));
}

#[test]
fn words_that_are_changed_are_found_by_and_those_that_were_are_not() {
    let server = Server::start();
    server.user("anna");
    for name in ["Adelaide", "Brunhilde", ""] {
        server.locally("PATCH", "/v1/users/anna", &json!({ "first_name": name })).expect(200);
    }
    server.locally("PATCH", "/v1/users/anna", &json!({ "last_name": "Calliope" })).expect(200);
    let connection = database::open(&server.data());
    for (word, count) in [("Ade", 0), ("Bru", 0), ("Cal", 1), ("ann", 1)] {
        let found = "SELECT count(*) FROM user_words WHERE user_words MATCH ?";
        let found: i64 = connection.query_row(found, [word], |row| row.get(0)).unwrap();
        assert_eq!(found, count, "{word}");
    }
    let check = "INSERT INTO user_words (user_words, rank) VALUES ('integrity-check', 0)";
    connection.execute(check, []).unwrap();
}
