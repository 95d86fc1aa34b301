//! Every condition and every order, on each list.

use std::{cmp::Ordering, collections::HashSet};

use serde_json::{Value, json};

use super::{Asker, COLUMNS, contains, encode, filled, local, text};
use crate::harness::{
    campaign,
    server::{Actor, named},
};

/// A condition as the query has it, and what it means.
type Condition = (String, Box<dyn Fn(&Value) -> bool>);

fn on(query: &str, meaning: impl Fn(&Value) -> bool + 'static) -> Condition {
    (query.into(), Box::new(meaning))
}

/// An order as the query has it, its default first, and what it means upwards.
type Sort = (&'static str, fn(&Value, &Value) -> Ordering);

/// Asks for each condition alone and for some together, in each order and both directions.
fn every_condition(asker: &mut Asker, list: &str, all: &[Value], conditions: &[Condition], sorts: &[Sort]) {
    let mut rounds = 0;
    let pairs = conditions.len() * conditions.len();
    for pair in (0..conditions.len()).map(|at| at * conditions.len() + at).chain((0..pairs).step_by(7)) {
        let (one, two) = (&conditions[pair / conditions.len()], &conditions[pair % conditions.len()]);
        let name = |condition: &Condition| condition.0.split('=').next().unwrap().to_owned();
        let both = if name(one) == name(two) { vec![one] } else { vec![one, two] };
        let (word, order) = sorts[pair % sorts.len()];
        let descending = pair / 3 % 2 == 0;
        let mut expected: Vec<_> =
            all.iter().filter(|item| both.iter().all(|condition| condition.1(item))).collect();
        expected.sort_by(|one, two| if descending { order(two, one) } else { order(one, two) });
        let query: Vec<_> = both.iter().map(|condition| condition.0.clone()).collect();
        let path = format!(
            "{list}?{}&sort={}{word}&total=true",
            query.join("&"),
            if descending { "-" } else { "" },
        );
        assert_eq!(asker.get(&path)["total"], expected.len(), "{path}");
        let limit = (expected.len() / 3).clamp(3, 200);
        let seen = asker.all(&path, limit);
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected, "{path}");
        rounds += 1;
    }
    assert!(rounds > conditions.len());
}

fn by_id(one: &Value, two: &Value) -> Ordering {
    text(one, "id").cmp(text(two, "id"))
}

fn by_name(one: &Value, two: &Value) -> Ordering {
    text(one, "name").to_ascii_lowercase().cmp(&text(two, "name").to_ascii_lowercase()).then(by_id(one, two))
}

/// Never comes last.
fn by_expiry(one: &Value, two: &Value) -> Ordering {
    let key = |item: &Value| item["expires_at"].as_str().unwrap_or("~").to_owned();
    key(one).cmp(&key(two)).then(by_id(one, two))
}

/// Never comes first.
fn by_use(one: &Value, two: &Value) -> Ordering {
    text(one, "last_used_at").cmp(text(two, "last_used_at")).then(by_id(one, two))
}

#[test]
fn every_filter_and_order_of_tokens_is_what_it_says() {
    let mut server = filled(campaign(300, 2_000));
    let parent = server.token_with(&Actor { name: "user-3".into(), password: String::new() }, &[]);
    let parent_id = server.client().get("/v1/tokens/self").bearer(&parent).send().expect(200).json();
    let children: HashSet<String> = (0..7)
        .map(|count| text(&server.child(&parent, &named(&format!("Kind é \"{count}%_\\"))), "id").to_owned())
        .collect();
    // A stop writes down what has been used, so that nothing moves in what follows.
    server.stop();
    server.launch();
    let mut local = local(&server);
    let all = local.all("/v1/tokens", 200);
    let middle = text(&all[all.len() / 2], "created_at").to_owned();
    let expiry = text(&all[7], "expires_at").to_owned();
    let mut conditions: Vec<Condition> = Vec::new();
    for status in ["active", "expired", "disabled"] {
        conditions.push(on(&format!("status={status}"), move |item| item["status"] == status));
    }
    for owner in ["user-3", "user-1"] {
        conditions.push(on(&format!("owner={owner}"), move |item| item["owner"] == owner));
    }
    for organization in ["org-2", "default"] {
        let query = format!("organization={organization}");
        conditions.push(on(&query, move |item| item["organization"] == organization));
    }
    for needle in ["deploy", "BACKUP", "ana", "00", " ", "é \"3%_\\", "nightly-00001", "no such thing"] {
        let query = format!("name={}", encode(needle));
        conditions.push(on(&query, move |item| contains(text(item, "name"), needle)));
    }
    conditions.push(on("privilege=orders%3Aread", |item| item["privileges"] == json!(["orders:read"])));
    conditions.push(on("privilege=billing:export", |item| item["privileges"] == json!(["billing:export"])));
    let kin = children.clone();
    conditions.push(on("minted_by=token", move |item| kin.contains(text(item, "id"))));
    for id in [text(&parent_id, "id"), text(&parent_id, "number")] {
        let kin = children.clone();
        conditions.push(on(&format!("minted_by={id}"), move |item| kin.contains(text(item, "id"))));
    }
    let kin = children.clone();
    conditions.push(on("minted_by=local", move |item| !kin.contains(text(item, "id"))));
    conditions.push(on("minted_by=session", |_| false));
    conditions.push(on("minted_by=TKN-9999-0001", |_| false));
    let at = expiry.clone();
    conditions.push(on(&format!("expires_before={at}"), move |item| {
        !item["expires_at"].is_null() && text(item, "expires_at") < at.as_str()
    }));
    let at = middle.clone();
    conditions.push(on(&format!("unused_since={at}"), move |item| {
        text(item, "created_at") < at.as_str() && text(item, "last_used_at") < at.as_str()
    }));
    let at = middle.clone();
    conditions.push(on(&format!("created_after={at}"), move |item| text(item, "created_at") >= at.as_str()));
    let at = middle;
    conditions.push(on(&format!("created_before={at}"), move |item| text(item, "created_at") < at.as_str()));
    let sorts: [Sort; 4] =
        [("created_at", by_id), ("name", by_name), ("expires_at", by_expiry), ("last_used_at", by_use)];
    every_condition(&mut local, "/v1/tokens", &all, &conditions, &sorts);

    // The deleted, which are never among the others.
    let deleted = local.all("/v1/tokens?status=deleted", 200);
    assert!(deleted.len() > 5 && deleted.iter().all(|item| item["status"] == "deleted"));
    assert!(all.iter().all(|item| item["status"] != "deleted"));
    let keep: [usize; 6] = [3, 4, 5, 6, 7, 9];
    let conditions: Vec<_> = conditions.into_iter().enumerate().filter(|(at, _)| keep.contains(at)).collect();
    let conditions: Vec<_> = conditions
        .into_iter()
        .map(|(_, (query, meaning))| (format!("{query}&status=deleted"), meaning))
        .collect();
    every_condition(&mut local, "/v1/tokens", &deleted, &conditions, &sorts);
    // Newest first where nothing is said.
    let mut sorted = all.clone();
    sorted.sort_by(|one, two| by_id(two, one));
    assert_eq!(all, sorted);
}

fn by_username(one: &Value, two: &Value) -> Ordering {
    text(one, "username").cmp(text(two, "username"))
}

#[test]
fn every_filter_and_order_of_users_and_members_is_what_it_says() {
    let server = filled(1_500);
    server.administrator("ada");
    let mut local = local(&server);
    let all = local.all("/v1/users", 200);
    assert_eq!(all.len(), 31);
    let middle = text(&all[15], "created_at").to_owned();
    let mut conditions: Vec<Condition> = Vec::new();
    for needle in ["user-1", "R DER", "berg 1", "example", "deploy.", "ad", "nobody"] {
        conditions.push(on(&format!("name={}", encode(needle)), move |item| {
            ["username", "email", "first_name", "last_name"]
                .iter()
                .any(|field| contains(text(item, field), needle))
        }));
    }
    for flag in [true, false] {
        conditions.push(on(&format!("active={flag}"), move |item| item["active"] == flag));
        conditions.push(on(&format!("operator={flag}"), move |item| item["operator"] == flag));
    }
    for role in ["administrator", "member"] {
        conditions.push(on(&format!("role={role}"), move |item| item["role"] == role));
    }
    let at = middle.clone();
    conditions.push(on(&format!("created_after={at}"), move |item| text(item, "created_at") >= at.as_str()));
    let at = middle;
    conditions.push(on(&format!("created_before={at}"), move |item| text(item, "created_at") < at.as_str()));
    let sorts: [Sort; 2] = [("created_at", by_id), ("username", by_username)];
    every_condition(&mut local, "/v1/users", &all, &conditions, &sorts);
    let mut within: Vec<Condition> = vec![on("organization=default", |_| true)];
    within.extend(conditions);
    every_condition(&mut local, "/v1/users", &all, &within, &sorts);

    let path = "/v1/organizations/org-1/members";
    let members = local.all(path, 3);
    assert_eq!(members.len(), 22);
    let of_user = |item: &Value, field: &str, all: &[Value]| -> Value {
        all.iter().find(|user| user["username"] == item["user"]).unwrap()[field].clone()
    };
    assert!(
        members.iter().all(|item| item["organization"] == "org-1" && item["privileges"] == json!(["*:*"]))
    );
    let since = text(&members[0], "created_at").to_owned();
    let mut conditions: Vec<Condition> = Vec::new();
    for needle in ["user-1", "berg 2", "example", "nobody"] {
        let users = all.clone();
        conditions.push(on(&format!("name={}", encode(needle)), move |item| {
            ["username", "email", "last_name"]
                .iter()
                .any(|field| contains(of_user(item, field, &users).as_str().unwrap(), needle))
        }));
    }
    for role in ["administrator", "member"] {
        conditions.push(on(&format!("role={role}"), move |item| item["role"] == role));
    }
    conditions.push(on("may_issue=true", |_| false));
    conditions.push(on("privilege=*:*", |_| true));
    conditions.push(on("privilege=orders:read", |_| false));
    let at = since.clone();
    conditions.push(on(&format!("created_after={at}"), move |item| text(item, "created_at") >= at.as_str()));
    let at = since;
    conditions.push(on(&format!("created_before={at}"), move |item| text(item, "created_at") < at.as_str()));
    let sorts: [Sort; 2] = [
        ("created_at", |one, two| text(one, "user_id").cmp(text(two, "user_id"))),
        ("username", |one, two| text(one, "user").cmp(text(two, "user"))),
    ];
    every_condition(&mut local, path, &members, &conditions, &sorts);
}

#[test]
fn every_filter_and_order_of_events_is_what_it_says() {
    let server = filled(120);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let made = server.child(&keeper, &named("child"));
    server.client().delete("/v1/tokens/self").bearer(text(&made, "token")).send().expect(204);
    let mut local = local(&server);
    let all = local.all("/v1/events", 200);
    assert!(all.len() > 240 / 2, "{}", all.len());
    let mut keys: Vec<_> = all[0].as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut columns = COLUMNS;
    columns.sort_unstable();
    assert_eq!(keys, columns);
    let keeper_id = server.client().get("/v1/tokens/self").bearer(&keeper).send().expect(200).json();
    let anna_id = local.get("/v1/users/anna")["id"].as_str().unwrap().to_owned();
    let mut conditions: Vec<Condition> = Vec::new();
    for actor in ["anna".to_owned(), anna_id.clone(), "user-3".into()] {
        conditions.push(on(&format!("actor={actor}"), move |item| {
            text(item, "actor_username") == actor || text(item, "actor_user") == actor
        }));
    }
    let id = text(&keeper_id, "id").to_owned();
    for form in [id.clone(), text(&keeper_id, "number").into(), id.replace('-', "")[..24].to_owned()] {
        let id = id.clone();
        conditions.push(on(&format!("token={form}"), move |item| {
            text(item, "object") == id || text(item, "actor_token") == id
        }));
    }
    for object in [anna_id, id, text(&made, "id").to_owned()] {
        conditions.push(on(&format!("object={object}"), move |item| text(item, "object") == object));
    }
    for kind in ["token.created", "token.deleted", "user.created", "user.never"] {
        conditions.push(on(&format!("kind={kind}"), move |item| item["kind"] == kind));
    }
    for kind in ["token.", "user.", "organization.", "module."] {
        conditions.push(on(&format!("kind={kind}"), move |item| text(item, "kind").starts_with(kind)));
    }
    for organization in ["org-2", "default"] {
        conditions.push(on(&format!("organization={organization}"), move |item| {
            item["organization"] == organization
        }));
    }
    for at in [&all[1], &all[all.len() / 2], &all[all.len() - 1]] {
        let at = text(at, "at").to_owned();
        let until = at.clone();
        conditions.push(on(&format!("since={at}"), move |item| text(item, "at") >= at.as_str()));
        conditions.push(on(&format!("until={until}"), move |item| text(item, "at") < until.as_str()));
    }
    let sorts: [Sort; 1] = [("sequence", |one, two| one["sequence"].as_i64().cmp(&two["sequence"].as_i64()))];
    every_condition(&mut local, "/v1/events", &all, &conditions, &sorts);
    assert_eq!(local.send("/v1/events?kind=nonsense").problem(400), "invalid");
    assert_eq!(local.send("/v1/events?object=TKN-0000-0001").problem(400), "invalid");
    assert_eq!(local.send("/v1/events?actor=nobody").problem(404), "not_found");
    assert_eq!(local.get("/v1/events?token=TKN-9999-0001")["items"], json!([]));
    assert_eq!(local.send(&format!("/v1/events?token={keeper}")).problem(400), "invalid", "never a secret");
}
