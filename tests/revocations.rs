//! Many tokens ended in one call: looked at first, and then exactly those that were looked at, all or none.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use crate::harness::{
    Client, Reply, Server,
    estate::{at_once, bearer},
    fill::fill,
    server::{Actor, named},
    token,
};

const PATH: &str = "/v1/revocations";
const NONE: Value = Value::Null;

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn id(token: &str) -> String {
    token::Wire::read(token).uuid()
}

/// What would end, or what is said to that.
fn ask(server: &Server, by: &str, filter: &Value, action: &str) -> Reply {
    server.ask(by, "POST", PATH, &json!({ "filter": filter, "action": action, "dry_run": true }))
}

fn carry_out(server: &Server, by: &str, filter: &Value, action: &str, digest: &str) -> Reply {
    let body = json!({ "filter": filter, "action": action, "dry_run": false, "digest": digest });
    server.ask(by, "POST", PATH, &body)
}

fn plan(server: &Server, by: &str, filter: &Value, action: &str) -> Value {
    ask(server, by, filter, action).expect(200).json()
}

/// The ids in a plan.
fn ids(plan: &Value) -> BTreeSet<String> {
    let tokens = plan["tokens"].as_array().expect("tokens");
    assert_eq!((&plan["count"], &plan["more"]), (&json!(tokens.len()), &json!(false)));
    tokens.iter().map(|token| text(&token["id"])).collect()
}

/// The names in what would be disabled, in their order.
fn names(server: &Server, by: &str, filter: &Value) -> Vec<String> {
    let plan = plan(server, by, filter, "disable");
    let mut names: Vec<_> = plan["tokens"].as_array().unwrap().iter().map(|it| text(&it["name"])).collect();
    names.sort();
    names
}

fn mint(server: &Server, actor: &Actor, name: &str) -> String {
    text(&server.mint(actor, &named(name))["token"])
}

#[test]
fn a_plan_says_what_would_end_and_what_used_it_and_ends_nothing() {
    let server = Server::start();
    let [anna, berta] = ["anna", "berta"].map(|name| server.user(name));
    let (one, two) = (mint(&server, &anna, "one"), mint(&server, &anna, "two"));
    mint(&server, &berta, "other");
    for _ in 0..3 {
        let request = server.client();
        let mut client: Client = request.from([127, 0, 0, 7]);
        client.get("/v1/tokens/self").bearer(&one).header("User-Agent", "probe/1").send().expect(200);
    }
    let after = server.last_event();
    let by = bearer(server.secret());
    let plan = plan(&server, &by, &json!({ "owner": "anna" }), "disable");
    assert_eq!(
        (&plan["action"], &plan["dry_run"], &plan["count"]),
        (&json!("disable"), &json!(true), &json!(2))
    );
    assert_eq!(ids(&plan), BTreeSet::from([id(&one), id(&two)]));
    let first = &plan["tokens"][0];
    assert_eq!(
        (&first["name"], &first["owner"], &first["organization"]),
        (&json!("one"), &json!("anna"), &json!("default"))
    );
    assert_eq!(first["status"], "active");
    let used = &first["used_from"][0];
    assert_eq!(
        (&used["address"], &used["agent"], &used["count"]),
        (&json!("127.0.0.7"), &json!("probe/1"), &json!(3))
    );
    assert_eq!(used["last_at"], first["last_used_at"]);
    let second = &plan["tokens"][1];
    assert_eq!((&second["used_from"], &second["last_used_at"]), (&json!([]), &NONE));
    let digest = text(&plan["digest"]);
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    // Asked again it is the same, whoever asks; for another action it is another.
    assert_eq!(
        ask(&server, &anna.basic(), &json!({ "owner": "anna" }), "disable").json()["digest"],
        digest.as_str()
    );
    assert_ne!(ask(&server, &by, &json!({ "owner": "anna" }), "delete").json()["digest"], digest.as_str());
    assert!(server.accepts(&one) && server.accepts(&two));
    assert_eq!(server.deeds(after), Vec::<String>::new());
}

#[test]
fn what_was_planned_is_done_and_in_force_at_the_reply() {
    let server = Server::start();
    let [anna, berta] = ["anna", "berta"].map(|name| server.user(name));
    let by = bearer(server.secret());
    for (action, did, code) in
        [("disable", "disabled", "token_disabled"), ("delete", "deleted", "token_deleted")]
    {
        let tokens = [(); 3].map(|()| mint(&server, &anna, "leaver's"));
        let other = mint(&server, &berta, "other");
        for token in tokens.iter().chain([&other]) {
            assert!(server.accepts(token));
        }
        let filter = json!({ "owner": "anna" });
        let planned = plan(&server, &by, &filter, action);
        assert!(tokens.iter().all(|token| ids(&planned).contains(&id(token))));
        let after = server.last_event();
        let done = carry_out(&server, &by, &filter, action, &text(&planned["digest"])).expect(200).json();
        for token in &tokens {
            let reply = server.client().get("/v1/tokens/self").bearer(token).send();
            assert_eq!(reply.problem(401), code);
        }
        assert!(server.accepts(&other));
        assert_eq!((&done["dry_run"], &done["digest"]), (&json!(false), &planned["digest"]));
        assert_eq!(ids(&done), ids(&planned));
        assert!(done["tokens"].as_array().unwrap().iter().all(|token| token["status"] == did));
        let count = ids(&planned).len();
        let mut deeds = vec![format!("token.{did}"); count];
        deeds.push(format!("revocation.carried_out action={action} tokens={count}"));
        assert_eq!(server.deeds(after), deeds);
        // There is nothing left to do; what was disabled can still be deleted.
        let again = carry_out(&server, &by, &filter, action, &text(&planned["digest"]));
        assert_eq!(again.problem(409), "plan_shifted");
        assert_eq!(plan(&server, &by, &filter, action)["count"], 0);
    }
    server.locally("GET", "/v1/events/verify", &NONE).expect(200);
    let event = server.locally("GET", "/v1/events?kind=revocation.carried_out&limit=1", &NONE).json();
    assert_eq!(event["items"][0]["object_kind"], "organization");
    assert_eq!(event["items"][0]["organization"], "default");
}

/// What changes a plan, and how.
type Shift<'a> = (&'a str, &'a dyn Fn());

#[test]
fn what_has_shifted_since_is_refused_and_nothing_is_done() {
    let server = Server::start();
    let anna = server.user("anna");
    let by = anna.basic();
    let tokens = [(); 3].map(|()| mint(&server, &anna, "x"));
    let filter = json!({ "owner": "anna" });
    let path = format!("/v1/tokens/{}", id(&tokens[0]));
    let shifts: [Shift<'_>; 4] = [
        ("made", &|| drop(mint(&server, &anna, "new"))),
        ("switched off", &|| drop(server.ask(&by, "POST", &format!("{path}/disable"), &NONE).expect(200))),
        ("switched on", &|| drop(server.ask(&by, "POST", &format!("{path}/enable"), &NONE).expect(200))),
        ("deleted", &|| drop(server.ask(&by, "DELETE", &path, &NONE).expect(204))),
    ];
    for (what, shift) in shifts {
        let planned = text(&plan(&server, &by, &filter, "delete")["digest"]);
        shift();
        let after = server.last_event();
        let reply = carry_out(&server, &by, &filter, "delete", &planned);
        assert_eq!(reply.problem(409), "plan_shifted", "{what}");
        assert_eq!(server.deeds(after), Vec::<String>::new(), "{what}");
        let now = text(&reply.json()["digest"]);
        assert_ne!(now, planned, "{what}");
        assert_eq!(plan(&server, &by, &filter, "delete")["digest"], now.as_str(), "{what}");
    }
    assert!(server.accepts(&tokens[1]) && server.accepts(&tokens[2]));
    // A plan is for what was planned: not for another action, nor another filter.
    let planned = text(&plan(&server, &by, &filter, "disable")["digest"]);
    assert_eq!(carry_out(&server, &by, &filter, "delete", &planned).problem(409), "plan_shifted");
    let one = json!({ "minted_by": id(&tokens[1]) });
    assert_eq!(carry_out(&server, &by, &one, "disable", &planned).problem(409), "plan_shifted");
    // What the refusal says is now the plan.
    let reply = carry_out(&server, &by, &one, "disable", &planned);
    carry_out(&server, &by, &one, "disable", &text(&reply.json()["digest"])).expect(200);
    assert!(!server.accepts(&tokens[1]) && server.accepts(&tokens[2]));
}

#[test]
fn a_leavers_thousand_tokens_end_in_one_call() {
    let server = Server::start();
    server.policy("default", &json!({ "quota": 2_000 }));
    let [leaver, stays] = ["leaver", "stays"].map(|name| server.user(name));
    let kept = mint(&server, &stays, "kept");
    let root = mint(&server, &leaver, "root");
    let mut client = server.client();
    let tokens: Vec<String> = (1..1_000)
        .map(|number| {
            let body = named(&format!("t-{number}"));
            text(&client.post("/v1/tokens").bearer(&root).json(&body).send().expect(201).json()["token"])
        })
        .chain([root.clone()])
        .collect();
    for token in &tokens {
        client.get("/v1/tokens/self").bearer(token).send().expect(200);
    }
    let (by, filter) = (bearer(server.secret()), json!({ "owner": "leaver" }));
    let planned = plan(&server, &by, &filter, "disable");
    assert_eq!(planned["count"], 1_000);
    let start = std::time::Instant::now();
    carry_out(&server, &by, &filter, "disable", &text(&planned["digest"])).expect(200);
    println!("1,000 tokens in {:?}", start.elapsed());
    for token in &tokens {
        let reply = client.get("/v1/tokens/self").bearer(token).send();
        assert_eq!(reply.problem(401), "token_disabled");
    }
    client.get("/v1/tokens/self").bearer(&kept).send().expect(200);
    server.locally("GET", "/v1/events/verify", &NONE).expect(200);
}

#[test]
fn of_many_who_carry_out_one_plan_one_does_it() {
    let server = Server::start();
    let anna = server.user("anna");
    let (by, filter) = (anna.basic(), json!({ "owner": "anna" }));
    for _ in 0..5 {
        mint(&server, &anna, "x");
    }
    let digest = text(&plan(&server, &by, &filter, "delete")["digest"]);
    let after = server.last_event();
    // By passwords they would wait for one another's hash.
    let by = bearer(server.secret());
    let statuses = at_once(8, |_| carry_out(&server, &by, &filter, "delete", &digest).status);
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(done, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    assert_eq!(server.deeds(after).len(), 6);
}

#[test]
fn everybody_ends_what_they_may_change_and_nothing_else() {
    let server = Server::start();
    for slug in ["acme", "bravo"] {
        server.organization(slug, &json!({}));
    }
    let [ann, bob] = ["ann", "bob"].map(|name| server.issuer_of("acme", name));
    let cid = server.issuer_of("bravo", "cid");
    let mia = server.manager_of("acme", "mia");
    // A manager of one organization is a member of another.
    let body = json!({ "privileges": ["*:*"], "may_issue": true });
    server.join("bravo", &mia, &body);
    server.join("bravo", &ann, &body);
    let in_bravo = |actor: &Actor, name: &str| {
        server.mint(actor, &json!({ "name": name, "organization": "bravo" }));
    };
    for (actor, name) in [(&ann, "ann's"), (&bob, "bob's"), (&cid, "cid's"), (&mia, "mia's")] {
        mint(&server, actor, name);
    }
    in_bravo(&mia, "mia's in bravo");
    in_bravo(&ann, "ann's in bravo");
    let any = json!({ "created_after": "2020-01-01T00:00:00Z" });
    let all = ["ann's", "ann's in bravo", "bob's", "cid's", "mia's", "mia's in bravo"];
    let local = bearer(server.secret());
    assert_eq!(names(&server, &local, &any), all);
    assert_eq!(names(&server, &server.administrator("ada").basic(), &any), all);
    assert_eq!(names(&server, &mia.basic(), &any), ["ann's", "bob's", "mia's", "mia's in bravo"]);
    assert_eq!(names(&server, &ann.basic(), &any), ["ann's", "ann's in bravo"]);
    assert_eq!(names(&server, &cid.basic(), &any), ["cid's"]);
    for (by, slug, seen) in [
        (mia.basic(), "acme", &["ann's", "bob's", "mia's"][..]),
        (mia.basic(), "bravo", &["mia's in bravo"]),
        (ann.basic(), "bravo", &["ann's in bravo"]),
        (local.clone(), "bravo", &["ann's in bravo", "cid's", "mia's in bravo"]),
    ] {
        assert_eq!(names(&server, &by, &json!({ "organization": slug })), seen, "{slug}");
    }
    // A token reaches no farther than its organization, and as an administrator's only where it may administer.
    let token = |actor: &Actor, privileges: Value| {
        bearer(&text(&server.mint(actor, &json!({ "name": "tool", "privileges": privileges }))["token"]))
    };
    let plain = token(&mia, json!([]));
    assert_eq!(names(&server, &plain, &any), ["mia's", "tool"]);
    let managing = token(&mia, json!(["jeton:admin"]));
    assert_eq!(names(&server, &managing, &any), ["ann's", "bob's", "mia's", "tool", "tool"]);
    let restricted = json!({ "name": "restricted", "restricted": true });
    let restricted = bearer(&text(&server.mint(&mia, &restricted)["token"]));
    assert_eq!(ask(&server, &restricted, &any, "disable").problem(403), "token_restricted");
    assert_eq!(ask(&server, "", &any, "disable").problem(401), "credential_missing");
    // Whoever may not be known of is nobody.
    for filter in
        [json!({ "owner": "cid" }), json!({ "owner": "nobody" }), json!({ "organization": "nowhere" })]
    {
        assert_eq!(ask(&server, &bob.basic(), &filter, "disable").problem(404), "not_found", "{filter}");
    }
    assert_eq!(ask(&server, &bob.basic(), &json!({ "owner": "ann" }), "disable").problem(404), "not_found");
    let of_ann = server.locally("GET", "/v1/tokens?owner=ann&organization=acme", &NONE).json();
    let theirs = json!({ "minted_by": of_ann["items"][0]["id"] });
    assert_eq!(ask(&server, &bob.basic(), &theirs, "disable").problem(404), "not_found");
    assert_eq!(names(&server, &mia.basic(), &theirs), ["ann's"]);
    // What they may not see is in no plan, and untouched by one that is carried out.
    let digest = text(&plan(&server, &mia.basic(), &any, "delete")["digest"]);
    assert_eq!(carry_out(&server, &ann.basic(), &any, "delete", &digest).problem(409), "plan_shifted");
    carry_out(&server, &mia.basic(), &any, "delete", &digest).expect(200);
    assert_eq!(names(&server, &local, &any), ["ann's in bravo", "cid's"]);
}

#[test]
fn each_filter_narrows_and_all_must_hold() {
    let server = Server::start();
    let by = bearer(server.secret());
    let [anna, berta] = ["anna", "berta"].map(|name| server.user(name));
    let body = json!({ "name": "a1", "privileges": ["orders:read", "bills:read"] });
    let first = server.mint(&anna, &body);
    let secret = text(&first["token"]);
    let child = server.child(&secret, &json!({ "name": "a2", "privileges": ["orders:read"] }));
    let below = server.child(&text(&child["token"]), &json!({ "name": "a3", "privileges": [] }));
    let later = text(&below["created_at"]);
    mint(&server, &berta, "b1");
    let from = |address: [u8; 4], token: &Value| {
        let mut client = server.client().from(address);
        client.get("/v1/tokens/self").bearer(token["token"].as_str().unwrap()).send().expect(200);
    };
    // Of several the last one counts.
    from([127, 1, 2, 9], &child);
    from([127, 1, 2, 3], &child);
    from([127, 1, 3, 3], &below);
    let is =
        |filter: Value, expected: &[&str]| assert_eq!(names(&server, &by, &filter), expected, "{filter}");
    let berta_id = text(&server.locally("GET", "/v1/users/berta", &NONE).json()["id"]);
    is(json!({ "owner": "berta" }), &["b1"]);
    is(json!({ "owner": berta_id }), &["b1"]);
    is(json!({ "organization": "default" }), &["a1", "a2", "a3", "b1"]);
    is(json!({ "privilege": "orders:read" }), &["a1", "a2"]);
    is(json!({ "privilege": "orders:*" }), &[]);
    for minter in
        [text(&child["id"]), text(&child["number"]), text(&child["id"]).replace('-', "")[..24].into()]
    {
        is(json!({ "minted_by": minter }), &["a2", "a3"]);
    }
    is(json!({ "minted_by": first["id"] }), &["a1", "a2", "a3"]);
    is(json!({ "minted_by": first["id"], "privilege": "orders:read" }), &["a1", "a2"]);
    is(json!({ "minted_by": first["id"], "owner": "berta" }), &[]);
    is(json!({ "created_before": later }), &["a1", "a2"]);
    is(json!({ "created_after": later }), &["a3", "b1"]);
    is(
        json!({ "created_after": first["created_at"], "created_before": later, "owner": "anna" }),
        &["a1", "a2"],
    );
    is(json!({ "last_address": "127.1.2.3" }), &["a2"]);
    is(json!({ "last_address": "127.1.2.9" }), &[]);
    is(json!({ "last_address": "::ffff:127.1.2.3" }), &["a2"]);
    is(json!({ "last_address": "127.1.2.0/24" }), &["a2"]);
    is(json!({ "last_address": "127.1.0.0/16" }), &["a2", "a3"]);
    is(json!({ "last_address": "127.1.2.0/23" }), &["a2", "a3"]);
    // The first one made the second from here.
    is(json!({ "last_address": "0.0.0.0/0", "privilege": "orders:read" }), &["a1", "a2"]);
    is(json!({ "last_address": "127.0.0.0/24" }), &["a1"]);
    is(json!({ "last_address": "::/0" }), &[]);
    let id = text(&child["id"]);
    for prefix in [
        id.clone(),
        id.to_uppercase(),
        id.replace('-', ""),
        id[..35].into(),
        id.replace('-', "")[..24].into(),
    ] {
        is(json!({ "id_prefix": prefix }), &["a2"]);
    }
    // The first digits are the time to a minute or so.
    assert!(names(&server, &by, &json!({ "id_prefix": &id[..8] })).contains(&"a2".to_owned()));
    is(json!({ "id_prefix": "00000000" }), &[]);
    // What is dead as it is isn't in it; what is disabled can still be deleted.
    server.locally("POST", &format!("/v1/tokens/{id}/disable"), &NONE).expect(200);
    is(json!({ "owner": "anna" }), &["a1", "a3"]);
    assert_eq!(plan(&server, &by, &json!({ "owner": "anna" }), "delete")["count"], 3);
    server.locally("DELETE", &format!("/v1/tokens/{id}"), &NONE).expect(204);
    assert_eq!(plan(&server, &by, &json!({ "owner": "anna" }), "delete")["count"], 2);
    // Past a deleted one it goes on to what that minted.
    is(json!({ "minted_by": id }), &["a3"]);
}

#[test]
fn a_request_that_is_wrong_is_told_where() {
    let server = Server::start();
    let anna = server.user("anna");
    mint(&server, &anna, "x");
    let by = bearer(server.secret());
    let owner = json!({ "owner": "anna" });
    for (body, field) in [
        (json!({ "action": "disable", "dry_run": true }), "filter"),
        (json!({ "filter": {}, "action": "disable", "dry_run": true }), "filter"),
        (json!({ "filter": null, "action": "disable", "dry_run": true }), "filter"),
        (json!({ "filter": { "owner": null }, "action": "disable" }), "filter"),
        (json!({ "filter": ["anna"], "action": "disable" }), "filter"),
        (json!({ "filter": { "name": "x" }, "action": "disable" }), "filter.name"),
        (json!({ "filter": owner, "dry_run": true }), "action"),
        (json!({ "filter": owner, "action": "enable" }), "action"),
        (json!({ "filter": owner, "action": "Delete" }), "action"),
        (json!({ "filter": owner, "action": "delete", "dry_run": false }), "digest"),
        (json!({ "filter": owner, "action": "delete", "dry_run": false, "digest": null }), "digest"),
        (json!({ "filter": owner, "action": "delete", "dry_run": false, "digest": "" }), "digest"),
        (json!({ "filter": owner, "action": "delete", "dry_run": "no" }), "dry_run"),
        (json!({ "filter": owner, "action": "delete", "force": true }), "force"),
        (json!({ "filter": { "privilege": "orders" }, "action": "delete" }), "filter.privilege"),
        (json!({ "filter": { "minted_by": "anna" }, "action": "delete" }), "filter.minted_by"),
        (json!({ "filter": { "created_after": "yesterday" }, "action": "delete" }), "filter.created_after"),
        (json!({ "filter": { "created_before": 7 }, "action": "delete" }), "filter.created_before"),
        (json!({ "filter": { "last_address": "10.0.0.1/8" }, "action": "delete" }), "filter.last_address"),
        (json!({ "filter": { "last_address": "localhost" }, "action": "delete" }), "filter.last_address"),
        (json!({ "filter": { "id_prefix": "0198abc" }, "action": "delete" }), "filter.id_prefix"),
        (json!({ "filter": { "id_prefix": "0198abcg" }, "action": "delete" }), "filter.id_prefix"),
        (json!({ "filter": { "id_prefix": "jtn_0123" }, "action": "delete" }), "filter.id_prefix"),
    ] {
        let reply = server.ask(&by, "POST", PATH, &body);
        assert_eq!(reply.problem(400), "invalid", "{body}");
        assert_eq!(reply.json()["field"], field, "{body}: {}", reply.text());
    }
    assert_eq!(plan(&server, &by, &owner, "delete")["count"], 1);
}

/// Whoever ends a set that their own credential is in gets the reply, and nothing after it.
#[test]
fn the_callers_own_token_ends_with_the_others() {
    let server = Server::start();
    let anna = server.user("anna");
    let [own, other] = ["own", "other"].map(|name| mint(&server, &anna, name));
    let (by, filter) = (bearer(&own), json!({ "owner": "anna" }));
    let planned = plan(&server, &by, &filter, "disable");
    assert_eq!(planned["count"], 2);
    let done = carry_out(&server, &by, &filter, "disable", &text(&planned["digest"])).expect(200).json();
    assert_eq!(done["count"], 2);
    assert!(!server.accepts(&own) && !server.accepts(&other));
}

#[test]
fn a_plan_is_bounded() {
    let mut server = Server::start();
    server.stop();
    fill(&server.data(), 20_000);
    server.launch();
    let by = bearer(server.secret());
    let reply = ask(&server, &by, &json!({ "privilege": "orders:read" }), "delete");
    assert_eq!((reply.problem(400).as_str(), &reply.json()["field"]), ("invalid", &json!("filter")));
    assert!(reply.text().contains("10000"), "{}", reply.text());
    let since = jiff::Timestamp::now().as_millisecond() - 200 * 86_400_000;
    let since = jiff::Timestamp::from_millisecond(since).unwrap().to_string();
    let filter = json!({ "privilege": "orders:read", "created_after": since });
    let start = Instant::now();
    let planned = plan(&server, &by, &filter, "disable");
    println!("{} tokens planned in {:?}", planned["count"], start.elapsed());
    // What is shown is bounded further; what is counted and done isn't.
    assert_eq!((planned["tokens"].as_array().unwrap().len(), &planned["more"]), (1_000, &json!(true)));
    let shown = server.run(&["revoke", "--privilege", "orders:read", "--created-after", &since, "--dry-run"]);
    let shown = shown.done();
    assert!(
        shown.contains(&format!("\nthe oldest 1000 are shown\n{} tokens to disable\n", planned["count"]))
    );
    let start = Instant::now();
    let done = carry_out(&server, &by, &filter, "disable", &text(&planned["digest"])).expect(200).json();
    assert_eq!((&done["count"], &done["more"]), (&planned["count"], &json!(true)));
    println!("and disabled in {:?}", start.elapsed());
    assert!(planned["count"].as_u64().unwrap() > 5_000);
    assert_eq!(plan(&server, &by, &filter, "disable")["count"], 0);
}
