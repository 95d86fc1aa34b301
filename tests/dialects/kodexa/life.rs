//! An access token's life: made, read, renamed, deleted.

use serde_json::{Value, json};

use super::{Kodexa, TOKENS, keys, path, refused, text, wrong_field};
use crate::harness::Server;

const MEMBERS: [&str; 9] =
    ["changeSequence", "createdOn", "expiresAt", "id", "name", "updatedOn", "user", "userId", "uuid"];

#[test]
fn a_token_lives_from_post_to_delete() {
    let mut kodexa = Kodexa::start();
    let mut made = kodexa.made(&json!({ "name": "deploy" }));
    let secret = made.as_object_mut().unwrap().remove("token").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(kodexa.server.accepts(secret));
    assert_eq!(keys(&made), MEMBERS);
    assert_eq!(made["name"], "deploy");
    assert_eq!(made["changeSequence"], 0);
    assert_eq!(made["userId"], made["user"]["id"]);
    assert_ne!(made["id"], made["uuid"]);
    for id in [text(&made, "id"), text(&made, "uuid")] {
        assert_eq!(kodexa.get(&path(id)).expect(200).json(), made, "by {id}");
    }

    let id = text(&made, "id").to_owned();
    let mut sent = made.clone();
    sent["name"] = json!("deploy 2");
    let renamed = kodexa.put(&id, &sent).expect(200).json();
    assert_eq!(renamed["name"], "deploy 2");
    assert_eq!(renamed["changeSequence"], 1);
    assert!(text(&renamed, "updatedOn") > text(&made, "updatedOn"));
    for member in ["createdOn", "expiresAt", "id", "user", "userId", "uuid"] {
        assert_eq!(renamed[member], made[member], "{member}");
    }
    assert_eq!(kodexa.get(&path(&id)).expect(200).json(), renamed);
    let listed = kodexa.get(TOKENS).expect(200).json();
    assert_eq!(listed["content"][0], renamed);
    assert!(kodexa.server.accepts(secret), "a name is nothing to a token");

    let gone = kodexa.delete(&id).expect(204);
    assert!(gone.body.is_empty());
    assert!(!kodexa.server.accepts(secret));
    for id in [&id, text(&made, "uuid")] {
        refused(&kodexa.get(&path(id)), 404);
        refused(&kodexa.put(id, &sent), 404);
        refused(&kodexa.delete(id), 404);
    }
    let listed = kodexa.get(TOKENS).expect(200).json();
    assert_eq!(listed["totalElements"], 1, "but the one that asks");
}

#[test]
fn the_secret_stands_in_one_reply_alone() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({}));
    let secret = text(&made, "token")[27..].to_owned();
    let id = text(&made, "id").to_owned();
    for reply in [
        kodexa.get(&path(&id)),
        kodexa.get(TOKENS),
        kodexa.put(&id, &json!({ "name": "x" })),
        kodexa.get("/api/account/me"),
    ] {
        let reply = reply.expect(200);
        assert!(!reply.text().contains(&secret) && !reply.text().contains("\"token\""), "{}", reply.text());
    }
}

#[test]
fn a_token_that_is_given_no_name_has_one() {
    let mut kodexa = Kodexa::start();
    for body in [json!({}), json!({ "name": null })] {
        assert_eq!(kodexa.made(&body)["name"], "Access token");
    }
    for name in [json!(""), json!("  "), json!("a\nb"), json!("e".repeat(201)), json!(7), json!(["a"])] {
        wrong_field(&kodexa.post(&json!({ "name": name })), "name");
    }
    assert_eq!(kodexa.get(TOKENS).expect(200).json()["totalElements"], 3);
}

#[test]
fn a_token_lives_as_long_as_is_asked_or_allowed() {
    let mut kodexa = Kodexa::start();
    let at = text(&kodexa.made(&json!({})), "expiresAt").to_owned();
    for spelling in [at.clone(), at.replace('Z', "+00:00"), at.replace('Z', "999-00:00")] {
        assert_eq!(kodexa.made(&json!({ "expiresAt": spelling }))["expiresAt"], at, "{spelling}");
    }
    // The policy is strict at first: its default then.
    for body in [json!({}), json!({ "expiresAt": null })] {
        assert!(kodexa.made(&body)["expiresAt"].is_string());
    }
    for wrong in [
        json!("2023-11-07T05:31:56Z"),
        json!("1969-12-31T23:59:59Z"),
        json!("9999-12-30T00:00:00Z"),
        json!("<string>"),
        json!("2030-01-01T00:00:00"),
        json!("2030-01-01"),
        json!(""),
        json!(1_700_000_000),
        json!({}),
    ] {
        wrong_field(&kodexa.post(&json!({ "expiresAt": wrong })), "expiresAt");
    }
    kodexa.server.run(&["org", "set", "default", "--allow-never", "true"]).done();
    for body in [json!({}), json!({ "expiresAt": null })] {
        assert_eq!(kodexa.made(&body)["expiresAt"], Value::Null);
    }
}

#[test]
fn nobody_makes_a_token_for_somebody_else() {
    let mut kodexa = Kodexa::start();
    let me = kodexa.get("/api/account/me").expect(200).json();
    for own in [json!(null), me["id"].clone(), me["uuid"].clone()] {
        assert_eq!(kodexa.made(&json!({ "userId": own }))["userId"], me["id"]);
    }
    let bert = kodexa.server.user("bert");
    let theirs = kodexa.client.get("/api/account/me").basic(&bert.name, &bert.password).send().expect(200);
    let theirs = theirs.json();
    for other in [theirs["id"].clone(), theirs["uuid"].clone(), json!("bert"), json!("<string>"), json!("")] {
        refused(&kodexa.post(&json!({ "userId": other })), 403);
    }
    wrong_field(&kodexa.post(&json!({ "userId": 7 })), "userId");
    // An operator's own tokens are their own too.
    let operator = kodexa.server.administrator("olga");
    let request = kodexa.client.post(TOKENS).basic(&operator.name, &operator.password);
    refused(&request.json(&json!({ "userId": theirs["id"] })).send(), 403);
}

#[test]
fn a_put_changes_the_name_and_nothing_else() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({ "name": "first" }));
    let id = text(&made, "id").to_owned();
    let whole = kodexa.get(&path(&id)).expect(200).json();
    // Nothing is asked, so nothing changes.
    for body in [
        json!({}),
        json!({ "name": null, "changeSequence": null, "expiresAt": null, "userId": null }),
        whole.clone(),
    ] {
        assert_eq!(kodexa.put(&id, &body).expect(200).json(), whole);
    }
    // What the server sets is nothing to it, whatever stands there.
    let mut body = json!({ "name": "second" });
    for member in
        ["id", "uuid", "user", "createdOn", "updatedOn", "token", "organization", "privileges", "status"]
    {
        for odd in [json!("<string>"), json!(7), json!(null), json!([{ "a": [] }]), json!({ "id": "x" })] {
            body[member] = odd;
            let put = kodexa.put(&id, &body).expect(200).json();
            let mut expected = whole.clone();
            for moved in ["name", "changeSequence", "updatedOn"] {
                expected[moved] = put[moved].clone();
            }
            assert_eq!(put, expected, "{body}");
            assert_eq!((&put["name"], &put["changeSequence"]), (&json!("second"), &json!(1)));
        }
    }
    let native =
        kodexa.client.get(&format!("/v1/tokens/{id}")).bearer(&kodexa.token).send().expect(200).json();
    assert_eq!(native["status"], "active");
    for name in [json!(""), json!(" "), json!("a\u{7}"), json!(7)] {
        wrong_field(&kodexa.put(&id, &json!({ "name": name })), "name");
    }
    assert_eq!(kodexa.get(&path(&id)).expect(200).json()["name"], "second");
}

#[test]
fn a_put_that_would_move_what_never_moves_is_refused_and_moves_nothing() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({ "name": "first" }));
    let id = text(&made, "id").to_owned();
    let before = kodexa.get(&path(&id)).expect(200).json();
    let at = text(&before, "expiresAt").to_owned();
    let bert = kodexa.server.user("bert");
    let theirs = kodexa.client.get("/api/account/me").basic(&bert.name, &bert.password).send().expect(200);
    for (field, wrong) in [
        ("expiresAt", json!("9999-12-30T00:00:00Z")),
        ("expiresAt", json!("2026-11-07T05:31:56Z")),
        ("expiresAt", json!("2023-11-07T05:31:56Z")),
        ("expiresAt", json!("never")),
        ("expiresAt", json!(7)),
        ("userId", theirs.json()["id"].clone()),
        ("userId", json!("<string>")),
        ("userId", json!(7)),
    ] {
        let mut body = before.clone();
        body["name"] = json!("second");
        body[field] = wrong;
        wrong_field(&kodexa.put(&id, &body), field);
        assert_eq!(kodexa.get(&path(&id)).expect(200).json(), before, "{body}");
    }
    // The same instant and the same user in other words are no move.
    let user = before["user"]["uuid"].clone();
    for (field, same) in [("expiresAt", json!(at.replace('Z', "000+00:00"))), ("userId", user)] {
        kodexa.put(&id, &json!({ field: same })).expect(200);
    }
    // One that never dies isn't given an end either.
    kodexa.server.run(&["org", "set", "default", "--allow-never", "true"]).done();
    let forever = kodexa.made(&json!({}));
    wrong_field(&kodexa.put(text(&forever, "id"), &json!({ "expiresAt": at })), "expiresAt");
}

#[test]
fn a_stale_put_is_refused_and_changes_nothing() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({ "name": "first" }));
    let id = text(&made, "id").to_owned();
    let read = kodexa.get(&path(&id)).expect(200).json();
    let mut mine = read.clone();
    mine["name"] = json!("mine");
    let now = kodexa.put(&id, &mine).expect(200).json();
    let mut theirs = read;
    theirs["name"] = json!("theirs");
    refused(&kodexa.put(&id, &theirs), 409);
    for sequence in [json!(-1), json!(2), json!(4_294_967_295_u32), json!(4_294_967_296_u64), json!(i64::MIN)]
    {
        refused(&kodexa.put(&id, &json!({ "name": "theirs", "changeSequence": sequence })), 409);
    }
    for sequence in [json!("1"), json!(1.5), json!(1e300), json!([1]), json!(true)] {
        wrong_field(
            &kodexa.put(&id, &json!({ "name": "theirs", "changeSequence": sequence })),
            "changeSequence",
        );
    }
    assert_eq!(kodexa.get(&path(&id)).expect(200).json(), now);
    // A name that is so already is stale too where its version is.
    refused(&kodexa.put(&id, &json!({ "name": "mine", "changeSequence": 0 })), 409);
    // Who doesn't say which means any.
    kodexa.put(&id, &json!({ "name": "any" })).expect(200);
}

#[test]
fn use_is_no_change() {
    let mut kodexa = Kodexa::start();
    let before = kodexa.own();
    for _ in 0..3 {
        kodexa.get("/api/account/me").expect(200);
    }
    kodexa.server.stop();
    kodexa.server.launch();
    kodexa.client = kodexa.server.client();
    assert_eq!(kodexa.own(), before);
    assert_eq!(before["changeSequence"], 0);
}

#[test]
fn only_a_uuid_names_a_token() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({}));
    let id = text(&made, "id").to_owned();
    let native =
        kodexa.client.get(&format!("/v1/tokens/{id}")).bearer(&kodexa.token).send().expect(200).json();
    let short = id.replace('-', "")[..24].to_owned();
    for wrong in [
        text(&native, "number"),
        &short,
        "01890000-0000-7000-8000-000000000000",
        "00000000-0000-0000-0000-000000000000",
        "self",
        "<string>",
        "1",
        "a'b",
        &id.replace('-', "_"),
        &format!("{id}0"),
        &"9".repeat(2_000),
    ] {
        let wrong = wrong.replace(['<', '>'], "%3C");
        refused(&kodexa.get(&path(&wrong)), 404);
        refused(&kodexa.put(&wrong, &json!({ "name": "x" })), 404);
        refused(&kodexa.delete(&wrong), 404);
    }
    assert_eq!(kodexa.get(&path(&id)).expect(200).json()["changeSequence"], 0);
}

#[test]
fn another_users_token_is_nobodys_but_who_manages_it() {
    let mut anna = Kodexa::start();
    let made = anna.made(&json!({ "name": "hers" }));
    let id = text(&made, "id").to_owned();
    let before = anna.get(&path(&id)).expect(200).json();
    let bert = anna.server.user("bert");
    let admin = anna.server.manager("mia");
    let mut as_bert = |method: &str| {
        let request = anna.client.request(method, &path(&id)).basic(&bert.name, &bert.password);
        request.json(&json!({ "name": "his" })).send()
    };
    for method in ["GET", "PUT", "DELETE"] {
        refused(&as_bert(method), 404);
    }
    let mut as_admin = |method: &str, path: &str, body: &Value| {
        anna.client.request(method, path).basic(&admin.name, &admin.password).json(body).send()
    };
    let nothing = json!({});
    let seen = as_admin("GET", &path(&id), &nothing).expect(200).json();
    assert_eq!(seen, before, "its owner's roles and not the administrator's");
    let listed = as_admin("GET", TOKENS, &nothing).expect(200).json();
    assert_eq!(listed["totalElements"], 0, "a list is of one's own");
    as_admin("PUT", &path(&id), &json!({ "name": "managed" })).expect(200);
    assert_eq!(anna.get(&path(&id)).expect(200).json()["name"], "managed");
    assert!(anna.server.accepts(text(&made, "token")));
    let mut as_admin = |method: &str| {
        anna.client.request(method, &path(&id)).basic(&admin.name, &admin.password).json(&nothing).send()
    };
    as_admin("DELETE").expect(204);
    assert!(!anna.server.accepts(text(&made, "token")));
}

#[test]
fn a_full_quota_is_a_conflict() {
    let server = Server::start();
    server.run(&["org", "set", "default", "--quota", "2"]).done();
    let mut kodexa = Kodexa::of(server, "anna");
    let made = kodexa.made(&json!({}));
    refused(&kodexa.post(&json!({})), 409);
    kodexa.delete(text(&made, "id")).expect(204);
    kodexa.made(&json!({}));
}
