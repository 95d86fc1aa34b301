//! Modules: numbered once and for all in their organization, and what tokens narrowed to them may do.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, estate::bearer};

const NONE: Value = Value::Null;
const ACME: &str = "/v1/organizations/acme/modules";

fn add(server: &Server, number: &str) -> Reply {
    server.locally("POST", ACME, &json!({ "number": number, "name": format!("module {number}") }))
}

#[test]
fn a_module_is_made_listed_renamed_and_removed() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let before = server.last_event();
    let one = add(&server, "MOD-2000").expect(201).json();
    let two = add(&server, "MOD-1000-0001").expect(201).json();
    assert_eq!((&one["number"], &one["name"]), (&json!("MOD-2000"), &json!("module MOD-2000")));
    let list = |server: &Server| server.locally("GET", ACME, &NONE).expect(200).json();
    assert_eq!(list(&server), json!({ "items": [two, one] }));
    let id = one["id"].as_str().unwrap();
    for (name, by) in [("a", "MOD-2000"), ("b", id)] {
        let renamed =
            server.locally("PATCH", &format!("{ACME}/{by}"), &json!({ "name": name })).expect(200).json();
        assert_eq!(
            (&renamed["name"], &renamed["id"], &renamed["number"]),
            (&json!(name), &one["id"], &one["number"])
        );
    }
    for body in [json!({ "name": "b" }), json!({})] {
        server.locally("PATCH", &format!("{ACME}/MOD-2000"), &body).expect(200);
    }
    server.locally("DELETE", &format!("{ACME}/{id}"), &NONE).expect(204);
    assert_eq!(list(&server), json!({ "items": [two] }));
    for (method, body) in [("PATCH", json!({ "name": "c" })), ("DELETE", NONE)] {
        for gone in ["MOD-2000", id, "MOD-9999", "nonsense"] {
            let reply = server.locally(method, &format!("{ACME}/{gone}"), &body);
            assert_eq!(reply.problem(404), "not_found", "{method} {gone}");
        }
    }
    assert_eq!(
        server.deeds(before),
        ["module.added", "module.added", "module.renamed", "module.renamed", "module.removed"]
    );
}

#[test]
fn a_number_has_one_grammar_and_is_never_given_again_in_its_organization() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    server.organization("other", &json!({}));
    for bad in
        ["", "MOD", "MOD-", "MOD-123", "MOD-12345", "mod-1234", "MOD-1234-567", "MOD-123a", "TKN-1234-5678"]
    {
        let reply = add(&server, bad);
        assert_eq!(
            (reply.problem(400), &reply.json()["field"]),
            ("invalid".into(), &json!("number")),
            "{bad}"
        );
    }
    for body in [
        json!({ "number": "MOD-1234" }),
        json!({ "name": "n" }),
        json!({ "number": "MOD-1234", "name": " " }),
        json!({ "number": "MOD-1234", "name": "n", "id": "x" }),
        json!({ "number": "MOD-1234", "name": "n", "deleted_at": 0 }),
        json!({ "number": "MOD-1234", "name": "n", "organization": "other" }),
    ] {
        server.locally("POST", ACME, &body).problem(400);
    }
    add(&server, "MOD-1234").expect(201);
    for _ in 0..2 {
        let reply = add(&server, "MOD-1234");
        assert_eq!((reply.problem(409), &reply.json()["field"]), ("taken".into(), &json!("number")));
        // Removed, it is taken all the same.
        server.locally("DELETE", &format!("{ACME}/MOD-1234"), &NONE);
    }
    let elsewhere = json!({ "number": "MOD-1234", "name": "n" });
    server.locally("POST", "/v1/organizations/other/modules", &elsewhere).expect(201);
}

#[test]
fn an_organization_has_at_most_a_thousand() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let mut client = server.client();
    let mut post = |number: usize| {
        let body = json!({ "number": format!("MOD-{number:04}"), "name": "n" });
        client.post(ACME).bearer(server.secret()).json(&body).send()
    };
    for number in 0..1_000 {
        post(number).expect(201);
    }
    assert_eq!(post(1_000).problem(400), "invalid");
    assert_eq!(server.locally("GET", ACME, &NONE).json()["items"].as_array().unwrap().len(), 1_000);
    server.locally("DELETE", &format!("{ACME}/MOD-0500"), &NONE).expect(204);
    post(1_000).expect(201);
    post(1_001).problem(400);
}

#[test]
fn tokens_are_narrowed_to_modules_and_never_widened() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    server.organization("other", &json!({}));
    let mia = server.manager_of("acme", "mia");
    let one = add(&server, "MOD-0001").expect(201).json();
    for number in ["MOD-0002", "MOD-0003"] {
        add(&server, number).expect(201);
    }
    let foreign = json!({ "number": "MOD-0009", "name": "n" });
    let foreign = server.locally("POST", "/v1/organizations/other/modules", &foreign).expect(201).json();
    let mint = |authorization: &str, modules: Value| {
        server.ask(authorization, "POST", "/v1/tokens", &json!({ "name": "t", "modules": modules }))
    };
    let made = mint(&mia.basic(), json!(["MOD-0002", one["id"], "MOD-0001"])).expect(201).json();
    assert_eq!(made["modules"], json!(["MOD-0001", "MOD-0002"]), "by number, in order, none twice");
    for unknown in
        [json!(["MOD-0009"]), json!([foreign["id"]]), json!(["MOD-7777"]), json!(["x"]), json!([""])]
    {
        let reply = mint(&mia.basic(), unknown);
        assert_eq!((reply.problem(400), &reply.json()["field"]), ("invalid".into(), &json!("modules")));
    }
    let parent = bearer(made["token"].as_str().unwrap());
    let child = mint(&parent, NONE).expect(201).json();
    assert_eq!(child["modules"], made["modules"], "not named, they are the parent's");
    assert_eq!(mint(&parent, json!(["MOD-0001"])).expect(201).json()["modules"], json!(["MOD-0001"]));
    let wider = mint(&parent, json!(["MOD-0001", "MOD-0003"]));
    assert_eq!((wider.problem(403), &wider.json()["field"]), ("wider_than_minter".into(), &json!("modules")));
    // A change only narrows.
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let narrow = |modules: Value| {
        let mut client = server.client();
        let request = client.patch(&path).basic(&mia.name, &mia.password).header("If-Match", "*");
        request.json(&json!({ "modules": modules })).send()
    };
    narrow(json!(["MOD-0001", "MOD-0003"])).problem(400);
    assert_eq!(narrow(json!(["MOD-0002"])).expect(200).json()["modules"], json!(["MOD-0002"]));
    // A module that is removed stays on the tokens that name it, and comes onto no new one.
    server.locally("DELETE", &format!("{ACME}/MOD-0002"), &NONE).expect(204);
    let shown = server.ask(&mia.basic(), "GET", &path, &NONE).expect(200).json();
    assert_eq!(shown["modules"], json!(["MOD-0002"]));
    assert!(server.accepts(made["token"].as_str().unwrap()));
    mint(&mia.basic(), json!(["MOD-0002"])).problem(400);
    mint(&parent, json!(["MOD-0002"])).problem(400);
}
