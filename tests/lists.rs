//! Lists: every filter and every order on each, held against what a look at the whole list gives; pages that miss
//! nothing; and who sees what.

use std::{cmp::Ordering, collections::HashSet};

use serde_json::{Value, json};

use crate::harness::{
    Client, Reply, Server, campaign,
    fill::fill,
    server::{Actor, named},
};

/// Asks with one credential.
struct Asker {
    client: Client,
    token: String,
}

impl Asker {
    fn send(&mut self, path: &str) -> Reply {
        self.client.get(path).bearer(&self.token).send()
    }

    fn get(&mut self, path: &str) -> Value {
        self.send(path).expect(200).json()
    }

    /// Everything on a list, page by page.
    fn all(&mut self, path: &str, limit: usize) -> Vec<Value> {
        let path = format!("{path}{}limit={limit}", if path.contains('?') { '&' } else { '?' });
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}"));
            let found = page["items"].as_array().unwrap();
            assert!(found.len() <= limit);
            items.extend(found.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// A server with a few hundred tokens of twenty users in five organizations and `default`.
fn filled(tokens: usize) -> Server {
    let mut server = Server::start();
    server.stop();
    fill(&server.data(), tokens);
    server.launch();
    server
}

fn local(server: &Server) -> Asker {
    Asker { client: server.client(), token: server.secret().into() }
}

/// Whoever was made by `fill`, with a password from now on.
fn actor(server: &Server, name: &str) -> Actor {
    let actor = Actor { name: name.into(), password: format!("{name} walks a crooked mile") };
    let body = json!({ "password": actor.password });
    let path = format!("/v1/users/{name}/password");
    server.client().request("PUT", &path).bearer(server.secret()).json(&body).send().expect(204);
    actor
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().unwrap_or_default()
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn contains(text: &str, needle: &str) -> bool {
    text.to_ascii_lowercase().contains(&needle.to_ascii_lowercase())
}

/// A condition as the query has it, and what it means.
type Condition = (String, Box<dyn Fn(&Value) -> bool>);

fn on(query: &str, meaning: impl Fn(&Value) -> bool + 'static) -> Condition {
    (query.into(), Box::new(meaning))
}

/// An order as the query has it, its default first, and what it means upwards.
type Sort = (&'static str, fn(&Value, &Value) -> Ordering);

/// Asks for each condition alone and for some together, in each order and both directions.
fn every_condition(asker: &mut Asker, list: &str, all: &[Value], conditions: &[Condition], sorts: &[Sort]) {
    let mut asked = 0;
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
        asked += 1;
    }
    assert!(asked > conditions.len());
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
    let parent = server.token_with(&Actor { name: "user-1".into(), password: String::new() }, &[]);
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

const COLUMNS: [&str; 12] = [
    "sequence",
    "at",
    "kind",
    "actor",
    "actor_user",
    "actor_username",
    "actor_token",
    "address",
    "object_kind",
    "object",
    "organization",
    "detail",
];

#[test]
fn events_are_a_table_too() {
    let server = filled(100);
    let mut local = local(&server);
    let all = local.all("/v1/events", 200);
    let table = |path: &str, accept: &str| {
        let mut client = server.client();
        client.get(path).bearer(server.secret()).header("Accept", accept).send().expect(200)
    };
    let rows = |items: &[Value]| -> String {
        let row = |item: &Value| {
            let cells = COLUMNS.iter().map(|column| match &item[*column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            cells.collect::<Vec<_>>().join(",") + "\r\n"
        };
        COLUMNS.join(",") + "\r\n" + &items.iter().map(row).collect::<String>()
    };
    for whole in [table("/v1/events", "text/csv"), table("/v1/events?format=csv", "*/*")] {
        assert_eq!(whole.header("content-type"), Some("text/csv; charset=utf-8"));
        assert_eq!(whole.header("link"), None);
        assert_eq!(whole.text(), rows(&all));
    }
    assert!(table("/v1/events?format=json", "text/csv").text().starts_with('{'));
    let none = table("/v1/events?kind=module.", "text/csv");
    assert_eq!(none.text(), rows(&[]));

    let first = table("/v1/events?limit=30&kind=token.&format=csv&sort=sequence", "*/*");
    let link = first.header("link").unwrap();
    let next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    let second = table(&next, "*/*");
    let expected = local.all("/v1/events?kind=token.&sort=sequence", 200);
    assert_eq!(first.text(), rows(&expected[..30]));
    assert_eq!(second.text(), rows(&expected[30..60]));
    assert!(second.header("link").unwrap().matches("cursor=").count() == 1);
    assert_eq!(local.send("/v1/events?format=csv&limit=10001").problem(400), "invalid");
    assert_eq!(local.send("/v1/events?limit=201").problem(400), "invalid");
}

#[test]
fn pages_miss_nothing_and_repeat_nothing_while_rows_come_and_go() {
    let server = filled(400);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let mut local = local(&server);
    for sort in ["-created_at", "created_at", "name", "-expires_at", "last_used_at", "-name&name=e"] {
        let before = local.all(&format!("/v1/tokens?sort={sort}"), 200);
        let path = format!("/v1/tokens?limit=23&sort={sort}");
        let (mut seen, mut cursor, mut gone) = (Vec::new(), String::new(), HashSet::new());
        loop {
            let page = local.get(&format!("{path}{cursor}"));
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()));
            server.child(&keeper, &named(&format!("deploy {}", seen.len())));
            // One that was seen and one that may not have been.
            for victim in
                [&seen[seen.len() - 1], &text(&before[before.len() - 1 - gone.len()], "id").to_owned()]
            {
                let path = format!("/v1/tokens/{victim}");
                server.client().delete(&path).bearer(server.secret()).send();
                gone.insert(victim.clone());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "{sort}: some twice");
        for item in &before {
            let id = text(item, "id");
            assert!(gone.contains(id) || seen.iter().any(|seen| seen == id), "{sort}: {id} is missed");
        }
    }
}

#[test]
fn a_cursor_that_is_damaged_or_foreign_is_refused() {
    let server = filled(100);
    let mut local = local(&server);
    let mut refused = |path: &str| {
        let reply = local.send(path);
        assert_eq!(reply.problem(400), "invalid", "{path}");
        assert_eq!(reply.json()["field"], "cursor", "{path}");
    };
    let cursor = |path: &str| -> String {
        let page = server.client().get(path).bearer(server.secret()).send().expect(200).json();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let good = cursor("/v1/tokens?limit=2&sort=name");
    for at in 0..good.len() {
        let other = if good.as_bytes()[at] == b'x' { 'y' } else { 'x' };
        refused(&format!("/v1/tokens?sort=name&cursor={}{other}{}", &good[..at], &good[at + 1..]));
        refused(&format!("/v1/tokens?sort=name&cursor={}", &good[..at]));
    }
    for sort in ["-name", "created_at", "expires_at", "-last_used_at"] {
        refused(&format!("/v1/tokens?sort={sort}&cursor={good}"));
    }
    refused(&format!("/v1/tokens?cursor={good}"));
    refused(&format!("/v1/users?sort=username&cursor={good}"));
    refused(&format!("/v1/events?cursor={good}"));
    let of_users = cursor("/v1/users?limit=2");
    refused(&format!("/v1/tokens?sort=created_at&cursor={of_users}"));
}

#[test]
fn totals_are_exact_whatever_is_done() {
    let server = filled(60);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let mut local = local(&server);
    let mut mine = Asker { client: server.client(), token: keeper.clone() };
    let mut client = server.client();
    let mut check = |what: &str| {
        for path in [
            "/v1/tokens",
            "/v1/tokens?owner=anna",
            "/v1/tokens?organization=default",
            "/v1/tokens?owner=anna&organization=default",
            "/v1/tokens?status=disabled",
            "/v1/tokens?status=deleted",
            "/v1/tokens?name=renamed",
            "/v1/tokens?name=counted",
            "/v1/users",
            "/v1/organizations/default/members",
            "/v1/events",
            "/v1/events?organization=default",
        ] {
            let counted = local.all(path, 200).len();
            let join = if path.contains('?') { '&' } else { '?' };
            let total = local.get(&format!("{path}{join}total=true&limit=1"))["total"].clone();
            assert_eq!(total, counted, "{path} {what}");
        }
        assert_eq!(mine.get("/v1/tokens?total=true")["total"], mine.all("/v1/tokens", 200).len(), "{what}");
        assert!(mine.get("/v1/tokens").get("total").is_none(), "only where it is asked");
    };
    check("at first");
    let made: Vec<_> =
        (0..4).map(|count| server.child(&keeper, &named(&format!("counted {count}")))).collect();
    check("after making some");
    let path = |at: usize| format!("/v1/tokens/{}", text(&made[at], "id"));
    client.post(&format!("{}/disable", path(0))).bearer(&keeper).send().expect(200);
    check("after disabling one");
    let name = named("renamed, all of it");
    client.patch(&path(1)).bearer(&keeper).header("If-Match", "\"0\"").json(&name).send().expect(200);
    check("after renaming one");
    client.delete(&path(1)).bearer(&keeper).send().expect(204);
    client.delete(&path(2)).bearer(&keeper).send().expect(204);
    check("after deleting two");
    client.delete(&path(2)).bearer(&keeper).send().problem(410);
    client.post(&format!("{}/enable", path(0))).bearer(&keeper).send().expect(200);
    check("after enabling one");
    server.user("berta");
    check("after making a user");
}

#[test]
fn everybody_sees_what_is_theirs_to_see() {
    let server = filled(300);
    let (ada, member, manager) =
        (server.administrator("ada"), actor(&server, "user-5"), actor(&server, "user-3"));
    let mut local = local(&server);
    let all = local.all("/v1/tokens", 200);
    let expected = |keep: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all.iter().filter(|item| keep(item)).cloned().collect()
    };
    let mint =
        |actor: &Actor, extra: &[&str]| server.token_with(actor, &[extra, &["--lifetime", "1d"]].concat());
    let ids = |items: &[Value]| -> HashSet<String> {
        items.iter().map(|item| text(item, "id").to_owned()).collect()
    };
    let by_password = |actor: &Actor, path: &str| -> Vec<Value> {
        let path = format!("{path}{}limit=200", if path.contains('?') { '&' } else { '?' });
        let reply = server.client().get(&path).basic(&actor.name, &actor.password).send().expect(200);
        reply.json()["items"].as_array().unwrap().clone()
    };
    let status = |actor: &Actor, path: &str| {
        server.client().get(path).basic(&actor.name, &actor.password).send().status
    };
    // A member: their own, everywhere; in an organization, their own there; others are unknown.
    let own = |item: &Value| item["owner"] == "user-5";
    assert_eq!(by_password(&member, "/v1/tokens"), expected(&own));
    assert_eq!(
        by_password(&member, "/v1/tokens?organization=org-2"),
        expected(&|item| own(item) && item["organization"] == "org-2")
    );
    assert_eq!(by_password(&member, "/v1/tokens?owner=user-5"), expected(&own));
    assert_eq!(status(&member, "/v1/tokens?owner=user-3"), 404);
    assert_eq!(status(&member, "/v1/tokens?owner=nobody"), 404);
    assert_eq!(status(&member, "/v1/tokens?organization=nowhere"), 404);
    for path in ["/v1/users", "/v1/events", "/v1/organizations/org-1/members"] {
        let reply = server.client().get(path).basic(&member.name, &member.password).send();
        assert_eq!(reply.problem(403), "administrator_required", "{path}");
    }
    // An administrator of every organization, at home in `default`.
    assert_eq!(by_password(&manager, "/v1/tokens").len(), 0, "none are in default");
    assert_eq!(
        by_password(&manager, "/v1/tokens?organization=org-4"),
        expected(&|item| item["organization"] == "org-4")
    );
    assert_eq!(
        by_password(&manager, "/v1/tokens?organization=org-4&owner=user-5"),
        expected(&|item| item["organization"] == "org-4" && own(item))
    );
    assert_eq!(by_password(&manager, "/v1/users").len(), 21);
    assert_eq!(by_password(&manager, "/v1/organizations/org-1/members").len(), 20);
    let events = by_password(&manager, "/v1/events?organization=org-1");
    assert!(!events.is_empty() && events.iter().all(|event| event["organization"] == "org-1"));
    assert!(by_password(&manager, "/v1/events").iter().all(|event| event["organization"] == "default"));
    // An operator: all of it.
    assert_eq!(by_password(&ada, "/v1/tokens").len(), all.len().min(200));
    assert_eq!(by_password(&ada, "/v1/users?organization=org-1").len(), 20);

    // Tokens see no farther than their organization, and manage only with jeton:admin.
    let plain = mint(&manager, &["--organization", "org-1", "--privilege", "a:b"]);
    let admin = mint(&manager, &["--organization", "org-1", "--privilege", "jeton:admin"]);
    let restricted = mint(&manager, &["--organization", "org-1", "--restricted"]);
    let ask = |token: &str, path: &str| server.client().get(path).bearer(token).send();
    let listed = |token: &str, path: &str| {
        let reply = ask(token, &format!("{path}{}limit=200", if path.contains('?') { '&' } else { '?' }));
        reply.expect(200).json()["items"].as_array().unwrap().clone()
    };
    let all = local.all("/v1/tokens", 200);
    let in_org = |keep: &dyn Fn(&Value) -> bool| -> HashSet<String> {
        ids(&all
            .iter()
            .filter(|item| item["organization"] == "org-1" && keep(item))
            .cloned()
            .collect::<Vec<_>>())
    };
    assert_eq!(ids(&listed(&plain, "/v1/tokens")), in_org(&|item| item["owner"] == "user-3"));
    assert_eq!(ids(&listed(&admin, "/v1/tokens")), in_org(&|_| true));
    assert_eq!(ids(&listed(&admin, "/v1/tokens?owner=user-5")), in_org(&own));
    for path in
        ["/v1/tokens?organization=org-2", "/v1/users?organization=org-2", "/v1/events?organization=org-2"]
    {
        assert_eq!(ask(&admin, path).problem(404), "not_found", "{path}");
    }
    assert_eq!(ask(&plain, "/v1/tokens?organization=org-2").problem(404), "not_found");
    for path in ["/v1/users", "/v1/events", "/v1/organizations/org-1/members"] {
        assert_eq!(ask(&plain, path).problem(403), "privilege_missing", "{path}");
        assert_eq!(ask(&restricted, path).problem(403), "token_restricted", "{path}");
        ask(&admin, path).expect(200);
    }
    assert_eq!(ask(&restricted, "/v1/tokens").problem(403), "token_restricted");
    assert_eq!(listed(&admin, "/v1/users").len(), 20);
}

#[test]
fn what_a_list_is_asked_wrongly_is_named() {
    let server = filled(40);
    let mut local = local(&server);
    for (path, field) in [
        ("/v1/tokens?status=Active", "status"),
        ("/v1/tokens?status=", "status"),
        ("/v1/tokens?name=", "name"),
        ("/v1/tokens?name=a%00b", "name"),
        ("/v1/tokens?name=%ff", "name"),
        ("/v1/tokens?privilege=x", "privilege"),
        ("/v1/tokens?minted_by=nobody", "minted_by"),
        ("/v1/tokens?expires_before=tomorrow", "expires_before"),
        ("/v1/tokens?unused_since=1", "unused_since"),
        ("/v1/tokens?created_after=2026-01-01", "created_after"),
        ("/v1/tokens?created_before=", "created_before"),
        ("/v1/tokens?sort=owner", "sort"),
        ("/v1/tokens?sort=--name", "sort"),
        ("/v1/tokens?sort=", "sort"),
        ("/v1/tokens?total=1", "total"),
        ("/v1/tokens?limit=0", "limit"),
        ("/v1/tokens?limit=201", "limit"),
        ("/v1/tokens?status=active&status=active", "status"),
        ("/v1/users?active=yes", "active"),
        ("/v1/users?operator=1", "operator"),
        ("/v1/users?role=owner", "role"),
        ("/v1/users?sort=name", "sort"),
        ("/v1/organizations/org-1/members?may_issue=null", "may_issue"),
        ("/v1/organizations/org-1/members?sort=role", "sort"),
        ("/v1/events?since=x", "since"),
        ("/v1/events?format=xml", "format"),
        ("/v1/events?sort=at", "sort"),
        ("/v1/events?kind=.", "kind"),
    ] {
        let reply = local.send(path);
        assert_eq!(reply.problem(400), "invalid", "{path}");
        assert_eq!(reply.json()["field"], field, "{path}");
    }
    for path in ["/v1/tokens?nothing=1", "/v1/users?owner=x", "/v1/events?name=x", "/v1/tokens?active=true"] {
        assert_eq!(local.send(path).problem(400), "malformed", "{path}");
    }
}

#[test]
fn nothing_of_an_old_name_stays_in_the_file() {
    let mut server = filled(60);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    // Three letters are one term of the index of words, found in the file as they stand.
    let (first, second) = ("鑫龘靐", "𰻞𪚥䨻");
    let renamed = server.child(&keeper, &named(&format!("one {first} two")));
    let deleted = server.child(&keeper, &named(&format!("{second} three")));
    let path = |token: &Value| format!("/v1/tokens/{}", text(token, "id"));
    let holds = |server: &mut Server, needle: &str| {
        server.stop();
        let bytes = std::fs::read(server.data().join("jeton.db")).unwrap();
        let log = std::fs::metadata(server.data().join("jeton.db-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0, "all of it is in the file");
        server.launch();
        // The first letter may be shared with the term before.
        bytes.windows(needle.len() - 4).any(|window| window == &needle.as_bytes()[4..])
    };
    let found = |server: &Server, needle: &str| {
        local(server).all(&format!("/v1/tokens?name={}", encode(needle)), 9).len()
    };
    assert_eq!((found(&server, first), found(&server, second)), (1, 1));
    assert!(holds(&mut server, first) && holds(&mut server, second));
    let mut client = server.client();
    let name = named("quite another");
    client.patch(&path(&renamed)).bearer(&keeper).header("If-Match", "\"0\"").json(&name).send().expect(200);
    assert_eq!((found(&server, first), found(&server, "quite another")), (0, 1));
    assert!(!holds(&mut server, first));
    server.client().delete(&path(&deleted)).bearer(&keeper).send().expect(204);
    assert_eq!(found(&server, second), 0);
    let name = local(&server).all("/v1/tokens?status=deleted", 50);
    assert!(name.iter().any(|item| text(item, "name").contains(second)), "the row keeps its name");
    // The integrity of the index, as SQLite itself sees it.
    server.stop();
    let connection = crate::harness::database::open(&server.data());
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
