//! A child that is tied to its parent is good while the parent is; and what a token has minted, listed and revoked.

use std::time::Duration;

use rusqlite::params;
use serde_json::{Value, json};

use crate::harness::{Server, database, estate::bearer, token, wait_for};

const NONE: Value = Value::Null;

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn secret(made: &Value) -> String {
    text(&made["token"])
}

/// What every check says of a token: `None` that it is good, else the word for why not.
#[track_caller]
fn verdict(server: &Server, token: &str, asker: &str) -> Option<String> {
    let mut client = server.client();
    let reply = client.get("/v1/tokens/self").bearer(token).send();
    let word = (reply.status != 200).then(|| reply.problem(401));
    let good = word.is_none();
    let status = if good { 200 } else { 401 };
    let gate = client.get("/gate").bearer(token).send().expect(status);
    assert_eq!(gate.header("x-auth-reason").unwrap_or_default(), word.as_deref().unwrap_or_default());
    let form = format!("token={token}");
    let introspected = client.post("/oauth/introspect").bearer(asker).form(&form).send().expect(200).json();
    assert_eq!(introspected["active"], good);
    if !good {
        assert_eq!(introspected, json!({ "active": false }));
    }
    for (header, before, path) in [
        ("x-access-token", "", "/api/v1/me/tokens"),
        ("Authorization", "Bearer ", "/v4/apiAccessTokens"),
        ("x-api-key", "", "/api/account/me"),
        ("Authorization", "Bearer ", "/public/v1/accounts/api-tokens"),
    ] {
        let reply = client.get(path).header(header, format!("{before}{token}")).send();
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    client.get(&format!("/ds-api/user-token?token={token}")).send().expect(status);
    word
}

#[test]
fn a_tied_child_is_good_while_its_parent_is() {
    let server = Server::start();
    let anna = server.user("anna");
    let asker = server.secret();
    let parent = server.token(&anna);
    let id = token::Wire::read(&parent).uuid();
    let tied = secret(&server.child(&parent, &json!({ "name": "tied", "tied": true })));
    let below = secret(&server.child(&tied, &json!({ "name": "below", "tied": true })));
    let loose = secret(&server.child(&parent, &json!({ "name": "loose" })));
    // Tied to what isn't tied itself: it has nothing to do with the parent.
    let apart = secret(&server.child(&loose, &json!({ "name": "apart", "tied": true })));
    let all = |dead: Option<&str>| {
        for token in [&tied, &below] {
            assert_eq!(verdict(&server, token, asker).as_deref(), dead);
        }
        for token in [&loose, &apart] {
            assert_eq!(verdict(&server, token, asker), None);
        }
    };
    let switch = |verb: &str| {
        server.ask(&anna.basic(), "POST", &format!("/v1/tokens/{id}/{verb}"), &NONE).expect(200);
    };
    all(None);
    for _ in 0..2 {
        switch("disable");
        all(Some("parent_dead"));
        switch("enable");
        all(None);
    }
    // The one in the middle ends what is below it and nothing above.
    let middle = format!("/v1/tokens/{}", token::Wire::read(&tied).uuid());
    server.ask(&anna.basic(), "POST", &format!("{middle}/disable"), &NONE).expect(200);
    assert_eq!(verdict(&server, &tied, asker).as_deref(), Some("token_disabled"));
    assert_eq!(verdict(&server, &below, asker).as_deref(), Some("parent_dead"));
    assert_eq!(verdict(&server, &parent, asker), None);
    server.ask(&anna.basic(), "POST", &format!("{middle}/enable"), &NONE).expect(200);
    all(None);
    server.ask(&anna.basic(), "DELETE", &format!("/v1/tokens/{id}"), &NONE).expect(204);
    all(Some("parent_dead"));
    // A dead one mints nothing.
    let reply = server.with(&tied, "POST", "/v1/tokens", &json!({ "name": "late" }));
    assert_eq!(reply.problem(401), "parent_dead");
}

#[test]
fn no_child_outlives_a_parent_that_expires() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = secret(&server.mint(&anna, &json!({ "name": "parent", "lifetime": "2s" })));
    let tied = secret(&server.child(&parent, &json!({ "name": "tied", "tied": true })));
    let loose = secret(&server.child(&parent, &json!({ "name": "loose" })));
    wait_for("the parent to expire", Duration::from_secs(10), || (!server.accepts(&parent)).then_some(()));
    for token in [&tied, &loose] {
        assert_eq!(verdict(&server, token, server.secret()).as_deref(), Some("token_expired"));
    }
}

#[test]
fn a_tie_that_is_edited_away_is_refused() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    for edit in [
        "UPDATE tokens SET tied = 0 WHERE id = ?1",
        "UPDATE tokens SET tied = 0, minted_by = 'local', minted_by_token = NULL WHERE id = ?1",
        "UPDATE tokens SET minted_by_token = (SELECT max(id) FROM tokens) WHERE id = ?1",
        // Its parent's row: switched on again, or said to be replaced by the child itself.
        "UPDATE tokens SET status = 'active' WHERE id = ?2",
        "UPDATE tokens SET superseded_by = ?1, superseded_at = 1 WHERE id = ?2",
    ] {
        let over = secret(&server.child(&parent, &json!({ "name": "over" })));
        let tied = secret(&server.child(&over, &json!({ "name": "tied", "tied": true })));
        let path = format!("/v1/tokens/{}/disable", token::Wire::read(&over).uuid());
        server.with(&parent, "POST", &path, &NONE).expect(200);
        // No check has read it yet, so none is kept.
        let connection = database::open(&server.data());
        let ids = [&tied, &over].map(|text| token::Wire::read(text).id);
        let used = 1 + usize::from(edit.contains("?2"));
        if edit.contains("?1") {
            assert_eq!(connection.execute(edit, rusqlite::params_from_iter(&ids[..used])).unwrap(), 1);
        } else {
            let edit = edit.replace("?2", "?1");
            assert_eq!(connection.execute(&edit, params![ids[1]]).unwrap(), 1);
        }
        let reply = server.with(&tied, "GET", "/v1/tokens/self", &NONE);
        assert_eq!(reply.status, 401, "{edit}: {}", reply.text());
        server.wait_for_log("edited by something else");
    }
}

#[test]
fn descendants_are_listed_with_their_depth_page_by_page() {
    let server = Server::start();
    let [anna, berta] = ["anna", "berta"].map(|name| server.user(name));
    let manager = server.manager("mia");
    let parent = server.token(&anna);
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        let child = server.child(&parent, &json!({ "name": name }));
        let below = server.child(&secret(&child), &json!({ "name": format!("{name}{name}") }));
        let last = server.child(&secret(&below), &json!({ "name": format!("{name}{name}{name}") }));
        expected.extend([(child, 1), (below, 2), (last, 3)]);
    }
    server.with(&secret(&expected[1].0), "DELETE", "/v1/tokens/self", &NONE).expect(204);
    let expected: Vec<_> = expected.iter().map(|(made, depth)| (text(&made["id"]), *depth)).collect();
    let id = token::Wire::read(&parent).uuid();
    let list = |by: &str, id: &str, query: &str| {
        server.ask(by, "GET", &format!("/v1/tokens/{id}/descendants{query}"), &NONE)
    };
    let listed = |page: &Value| -> Vec<(String, u64)> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| (text(&item["id"]), item["depth"].as_u64().unwrap())).collect()
    };
    let by = anna.basic();
    let whole = list(&by, &id, "?total=true").expect(200).json();
    assert_eq!((listed(&whole), &whole["total"]), (expected.clone(), &json!(9)));
    assert_eq!(whole["next_cursor"], NONE);
    assert_eq!(whole["items"][1]["status"], "deleted");
    for (by, id) in [(&bearer(&parent), &id.replace('-', "")[..24]), (&manager.basic(), id.as_str())] {
        assert_eq!(listed(&list(by, id, "").expect(200).json()), expected);
    }
    assert_eq!(
        listed(&list(&by, &expected[0].0, "").expect(200).json()),
        [(expected[1].0.clone(), 1), (expected[2].0.clone(), 2)]
    );
    for (sort, expected) in
        [("", expected.clone()), ("&sort=-created_at", expected.iter().rev().cloned().collect())]
    {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&by, &id, &format!("?limit=2{sort}{cursor}")).expect(200).json();
            found.extend(listed(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected);
    }
    // Somebody else's is as good as none.
    for (by, id) in [(&berta.basic(), id.as_str()), (&by, "01890000-0000-7000-8000-000000000000")] {
        assert_eq!(list(by, id, "").problem(404), "not_found");
    }
    let restricted = server.token_with(&anna, &["--restricted"]);
    assert_eq!(list(&bearer(&restricted), &id, "").problem(403), "token_restricted");
    assert_eq!(list(&by, &id, "?sort=name").problem(400), "invalid");
    let shown = server.run(&["token", "descendants", &id]).done();
    assert_eq!(shown.lines().count(), 10, "{shown}");
    assert!(shown.starts_with("DEPTH"), "{shown}");
    let shown = server.run(&["token", "descendants", &id, "--json"]).json();
    assert_eq!(shown.as_array().unwrap().len(), 9);
}

/// An edited row can do nothing; but it may hide nothing either.
#[test]
fn revoking_with_descendants_goes_past_a_row_that_was_edited() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    let edited = secret(&server.child(&parent, &json!({ "name": "edited" })));
    let below = secret(&server.child(&edited, &json!({ "name": "below" })));
    let other = server.token(&anna);
    let connection = database::open(&server.data());
    let edit = "UPDATE tokens SET privileges = '*:* jeton:admin' WHERE id = ?";
    assert_eq!(connection.execute(edit, params![token::Wire::read(&edited).id]).unwrap(), 1);
    let form = format!("token={parent}&descendants=true");
    server.client().post("/oauth/revoke").form(&form).send().expect(200);
    for gone in [&parent, &edited, &below] {
        assert!(!server.accepts(gone));
    }
    assert!(server.accepts(&other));
}

/// What a token minted is what took its place by then, and what is tied to the one is tied to the other.
#[test]
fn a_successor_has_its_predecessors_descendants() {
    let server = Server::start();
    let anna = server.user("anna");
    let old = server.token(&anna);
    let child = secret(&server.child(&old, &json!({ "name": "child", "tied": true })));
    let now = json!({ "mode": "now" });
    let new = secret(&server.with(&old, "POST", "/v1/tokens/self/rotate", &now).expect(201).json());
    let later = secret(&server.child(&new, &json!({ "name": "later", "tied": true })));
    let id = token::Wire::read(&new).uuid();
    let path = format!("/v1/tokens/{id}/descendants");
    let below = server.ask(&anna.basic(), "GET", &path, &NONE).expect(200).json();
    let found: Vec<_> = below["items"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect();
    assert_eq!(found, [&child, &later].map(|text| token::Wire::read(text).uuid()));
    assert!(server.accepts(&child), "its parent lives on in another");
    let body = json!({ "filter": { "minted_by": id }, "action": "disable", "dry_run": true });
    let plan = server.ask(&anna.basic(), "POST", "/v1/revocations", &body).expect(200).json();
    assert_eq!(plan["count"], 3, "{plan}");
    let form = format!("token={new}&descendants=true");
    server.client().post("/oauth/revoke").form(&form).send().expect(200);
    for gone in [&new, &child, &later] {
        assert!(!server.accepts(gone));
    }
}

/// Whoever rotates a token gets its secret: that of what isn't tied isn't for what is.
#[test]
fn a_tied_token_rotates_nothing_that_outlives_its_parent() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    let tied = secret(&server.child(&parent, &json!({ "name": "tied", "tied": true })));
    let loose = server.child(&parent, &json!({ "name": "loose" }));
    let path = format!("/v1/tokens/{}/rotate", text(&loose["id"]));
    let refused = server.with(&tied, "POST", &path, &json!({}));
    assert_eq!(
        (refused.problem(403).as_str(), &refused.json()["field"]),
        ("wider_than_minter", &json!("tied"))
    );
    server.with(&parent, "POST", &path, &json!({})).expect(201);
    server.with(&tied, "POST", "/v1/tokens/self/rotate", &json!({})).expect(201);
}

/// Else whoever rotates a token often makes each check of what it minted slow.
#[test]
fn a_parent_that_was_rotated_often_is_found_at_once() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut parents = vec![server.token(&anna)];
    let [one, two, three] =
        [(); 3].map(|()| secret(&server.child(&parents[0], &json!({ "name": "child", "tied": true }))));
    for _ in 0..5 {
        let now = json!({ "mode": "now" });
        let last = parents.last().unwrap();
        parents.push(secret(&server.with(last, "POST", "/v1/tokens/self/rotate", &now).expect(201).json()));
    }
    let other = server.token(&anna);
    let ids: Vec<_> = parents.iter().map(|text| token::Wire::read(text).id).collect();
    let connection = database::open(&server.data());
    // Edited rows are refused: none of those between the first and the last is read.
    for id in &ids[1..5] {
        let edit = "UPDATE tokens SET privileges = '*:*' WHERE id = ?";
        assert_eq!(connection.execute(edit, params![id]).unwrap(), 1);
    }
    assert!(server.accepts(&one));
    // Nor is another row one of the line because it says so, or the last gone because it doesn't.
    let other = token::Wire::read(&other).id;
    let refuses = |child: &str| {
        let reply = server.with(child, "GET", "/v1/tokens/self", &NONE);
        assert_eq!(reply.status, 401, "{}", reply.text());
    };
    let set = "UPDATE tokens SET line = ?1 WHERE id = ?2";
    assert_eq!(connection.execute(set, params![ids[0], other]).unwrap(), 1);
    refuses(&two);
    assert_eq!(connection.execute(set, params![None::<[u8; 16]>, other]).unwrap(), 1);
    assert_eq!(connection.execute(set, params![None::<[u8; 16]>, ids[5]]).unwrap(), 1);
    refuses(&three);
    server.wait_for_log("edited by something else");
}
