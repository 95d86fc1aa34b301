//! What a token looks like, who is shown its secret, and what it is made with.

use serde_json::{Value, json};

use super::{Setting, TOKENS, keys, plain, refused, text};
use crate::harness::{Server, client::Reply, estate::bearer};

const MEMBERS: [&str; 10] =
    ["account", "description", "href", "icon", "id", "lastAccessAt", "modules", "name", "status", "token"];

fn is_number(text: &str, prefix: &str) -> bool {
    let form = regex_lite::Regex::new(&format!(r"^{prefix}-\d{{4}}-\d{{4}}$")).unwrap();
    form.is_match(text)
}

#[test]
fn a_token_has_exactly_its_members_and_shows_its_secret_once() {
    let setting = Setting::new();
    setting.module("default", "MOD-1756");
    setting.module("default", "MOD-9042-8216");
    let account = setting.account("default");
    let body = json!({
        "account": { "id": account }, "name": "Robot", "description": "Test token", "icon": "/static/robot.png",
        "modules": [{ "id": "MOD-9042-8216" }, { "id": "MOD-1756" }],
    });
    // A token that is good for no module mints none that is.
    let made = setting.server.ask(&setting.anna.basic(), "POST", TOKENS, &body).expect(201).json();
    assert_eq!(keys(&made), MEMBERS);
    let id = text(&made, "id");
    assert!(is_number(&id, "TKN"), "{id}");
    assert!(is_number(&account, "ACC"), "{account}");
    let href = format!("/v1/accounts/accounts/{account}/tokens/{id}");
    let expected = json!({
        "id": id, "href": href, "name": "Robot", "description": "Test token", "icon": "/static/robot.png", "status": "Active",
        "account": { "id": account, "name": made["account"]["name"], "type": "Vendor", "status": "Active", "icon": "" },
        "modules": [
            { "id": "MOD-1756", "name": "Module MOD-1756", "description": "" },
            { "id": "MOD-9042-8216", "name": "Module MOD-9042-8216", "description": "" },
        ],
        "token": made["token"], "lastAccessAt": null,
    });
    assert_eq!(made, expected);
    assert!(setting.server.accepts(&plain(&made)));

    let mut shown = made.clone();
    shown["token"] = Value::Null;
    // The use just made may already be written down.
    let without_use = |mut object: Value| {
        object["lastAccessAt"] = Value::Null;
        object
    };
    for path in [format!("{TOKENS}/{id}"), href] {
        for path in [path.clone(), format!("/public{path}")] {
            let got = setting.server.with(&setting.token, "GET", &path, &Value::Null).expect(200).json();
            assert_eq!(without_use(got), shown, "{path}");
        }
    }
    for path in [TOKENS.to_owned(), format!("/public{TOKENS}")] {
        let page = setting.server.with(&setting.token, "GET", &path, &Value::Null).expect(200).json();
        assert_eq!(without_use(page["data"][1].clone()), shown, "{path}");
        assert!(!page.to_string().contains("idt:"));
    }
    let other = "/v1/accounts/accounts/ACC-0000-0001/tokens/";
    for path in [format!("{other}{id}"), format!("/public{other}{id}"), format!("{other}x")] {
        refused(&setting.server.with(&setting.token, "GET", &path, &Value::Null), 404);
    }
}

#[test]
fn a_token_that_reads_itself_gets_back_what_it_presented() {
    let setting = Setting::new();
    let made = setting.named("self");
    let other = setting.named("other");
    let (id, numbered, plain) = (text(&made, "id"), text(&made, "token"), plain(&made));
    let path = format!("{TOKENS}/{id}");
    for presented in [&numbered, &plain, &format!("secret-token:{plain}")] {
        let shown = setting.server.with(presented, "GET", &path, &Value::Null).expect(200).json();
        assert_eq!(&text(&shown, "token"), presented);
    }
    let client = |name: &str, value: &str| -> Reply {
        setting.server.client().get(&path).header(name, value).send().expect(200)
    };
    assert_eq!(client("x-api-key", &numbered).json()["token"], numbered);
    // Whoever else may read it gets nothing back, and neither does a list or a change.
    let null = [
        setting.server.with(&plain, "GET", &format!("{TOKENS}/{}", text(&other, "id")), &Value::Null),
        setting.get(&format!("/{id}")),
        setting.server.client().get(&path).basic("anna", &setting.anna.password).send(),
        setting.server.with(&plain, "PUT", &path, &json!({ "name": "renamed" })),
    ];
    for reply in null {
        assert_eq!(reply.expect(200).json()["token"], Value::Null);
    }
    let page = setting.server.with(&plain, "GET", TOKENS, &Value::Null).expect(200);
    assert!(!page.text().contains("jtn_"));
}

#[test]
fn a_number_before_a_token_must_be_its_own() {
    let setting = Setting::new();
    let (one, two) = (setting.named("one"), setting.named("two"));
    let wrong = format!("idt:{}:{}", text(&two, "id"), plain(&one));
    refused(&setting.server.with(&wrong, "GET", TOKENS, &Value::Null), 401);
    for token in [text(&one, "token"), text(&two, "token")] {
        setting.server.with(&token, "GET", TOKENS, &Value::Null).expect(200);
        setting.server.with(&token, "GET", "/v1/tokens/self", &Value::Null).expect(200);
    }
}

#[test]
fn an_account_is_named_by_its_id_and_must_be_the_callers() {
    let setting = Setting::new();
    setting.server.organization("acme", &json!({}));
    setting.server.organization("beta", &json!({}));
    setting.server.join("acme", &setting.anna, &json!({ "may_issue": true }));
    let (home, acme, beta) = (setting.account("default"), setting.account("acme"), setting.account("beta"));
    let create = |account: &Value| {
        let body = json!({ "name": "placed", "account": account });
        setting.server.ask(&setting.anna.basic(), "POST", TOKENS, &body)
    };
    for (account, expected) in
        [(json!(null), &home), (json!({ "id": home }), &home), (json!({ "id": acme }), &acme)]
    {
        assert_eq!(&create(&account).expect(201).json()["account"]["id"], expected);
    }
    let event = setting.server.last_event();
    for wrong in [
        json!({ "id": beta }),
        json!({ "id": "ACC-0000-0001" }),
        json!({ "id": "acme" }),
        json!({ "id": "" }),
        json!({}),
        json!({ "id": null }),
        json!({ "name": "acme" }),
    ] {
        let errors = refused(&create(&wrong), 400);
        assert_eq!(keys(&errors), ["account"], "{wrong}");
    }
    // A token is of one account and mints for no other.
    let body = json!({ "name": "placed", "account": { "id": acme } });
    assert_eq!(keys(&refused(&setting.ask("POST", "", &body), 400)), ["account"]);
    assert_eq!(setting.server.last_event(), event, "nothing was made");
}

#[test]
fn modules_must_exist_and_only_narrow() {
    let setting = Setting::new();
    for number in ["MOD-1111", "MOD-2222", "MOD-3333-4444"] {
        setting.module("default", number);
    }
    let by_password = |body: &Value| setting.server.ask(&setting.anna.basic(), "POST", TOKENS, body);
    let of = |numbers: &[&str]| -> Value { numbers.iter().map(|number| json!({ "id": number })).collect() };
    let ids = |token: &Value| -> Vec<String> {
        token["modules"].as_array().unwrap().iter().map(|module| text(module, "id")).collect()
    };
    let all =
        json!({ "name": "wide", "modules": of(&["MOD-3333-4444", "MOD-1111", "MOD-2222", "MOD-1111"]) });
    let made = by_password(&all).expect(201).json();
    assert_eq!(ids(&made), ["MOD-1111", "MOD-2222", "MOD-3333-4444"]);
    for (modules, named) in [
        (of(&["MOD-1111", "MOD-9999"]), "MOD-9999"),
        (of(&["MOD-9999-9999"]), "MOD-9999-9999"),
        (of(&["canary"]), ""),
        (json!([{}]), ""),
        (json!([null]), ""),
    ] {
        let reply = by_password(&json!({ "name": "none", "modules": modules }));
        let errors = refused(&reply, 400);
        assert_eq!(keys(&errors), ["modules"]);
        assert!(errors["modules"][0].as_str().unwrap().contains(named), "{errors}");
        assert!(!reply.text().contains("canary"));
    }
    let put = |modules: Value| {
        let path = format!("{TOKENS}/{}", text(&made, "id"));
        setting.server.ask(&setting.anna.basic(), "PUT", &path, &json!({ "modules": modules }))
    };
    assert_eq!(ids(&put(made["modules"].clone()).expect(200).json()).len(), 3, "as they came, they stay");
    assert_eq!(ids(&put(of(&["MOD-2222", "MOD-1111"])).expect(200).json()), ["MOD-1111", "MOD-2222"]);
    assert_eq!(keys(&refused(&put(of(&["MOD-1111", "MOD-3333-4444"])), 400)), ["modules"]);
    assert_eq!(ids(&put(json!(null)).expect(200).json()), ["MOD-1111", "MOD-2222"]);
    // A child is no wider than what mints it.
    let child = |modules: Value| {
        let body = json!({ "name": "child", "modules": modules });
        setting.server.with(&plain(&made), "POST", TOKENS, &body)
    };
    assert_eq!(keys(&refused(&child(of(&["MOD-3333-4444"])), 403)), ["modules"]);
    assert_eq!(ids(&child(of(&["MOD-1111"])).expect(201).json()), ["MOD-1111"]);
    assert_eq!(ids(&put(json!([])).expect(200).json()), [""; 0]);
    assert_eq!(keys(&refused(&put(of(&["MOD-1111"])), 400)), ["modules"]);
}

#[test]
fn a_token_lives_for_good_where_that_is_allowed() {
    let setting = Setting::new();
    let expiry = |made: &Value| {
        let path = format!("/v1/tokens/{}", text(made, "id"));
        setting.server.with(&setting.token, "GET", &path, &Value::Null).expect(200).json()["expires_at"]
            .clone()
    };
    assert!(expiry(&setting.named("mortal")).is_string());
    setting.server.policy("default", &json!({ "allow_never": true }));
    assert_eq!(expiry(&setting.named("immortal")), Value::Null);
}

#[test]
fn what_the_server_sets_is_not_set_by_anybody_else() {
    let setting = Setting::new();
    let made = setting.named("kept");
    let set = json!({
        "id": "TKN-0000-0001", "href": "/canary", "status": "Deleted", "token": "canary", "lastAccessAt": "2020-01-01T00:00:00Z",
        "audit": { "created": { "at": "2020-01-01T00:00:00Z" } }, "expires_at": "9999-01-01T00:00:00Z", "owner": "berta",
        "privileges": ["jeton:admin"], "restricted": true, "unknown": [1],
    });
    let with_name = |name: &str| {
        let mut body = set.clone();
        body["name"] = json!(name);
        body
    };
    let native = |object: &Value| {
        let path = format!("/v1/tokens/{}", text(object, "id"));
        setting.server.with(&setting.token, "GET", &path, &Value::Null).expect(200).json()
    };
    let before = native(&made);
    let changed =
        setting.ask("PUT", &format!("/{}", text(&made, "id")), &with_name("kept")).expect(200).json();
    assert_eq!(native(&changed), before, "nothing is different");
    let other = setting.create(&with_name("made"));
    assert_ne!(other["id"], "TKN-0000-0001");
    assert_eq!((&other["status"], &other["lastAccessAt"]), (&json!("Active"), &Value::Null));
    let native = native(&other);
    for member in ["owner", "privileges", "restricted", "organization"] {
        assert_eq!(native[member], before[member], "{member}");
    }
    assert!(setting.server.accepts(&plain(&other)));
}

#[test]
fn select_chooses_what_is_sent_wherever_an_object_is() {
    let setting = Setting::new();
    let made = setting.ask("POST", "?select=+audit,-name", &json!({ "name": "chosen" })).expect(201).json();
    assert!(made["name"].is_null() && made["token"].is_string());
    let id = text(&made, "id");
    let audit = &made["audit"];
    assert_eq!(keys(audit), ["created", "updated"]);
    assert_eq!(audit["created"]["by"], json!({ "name": "anna" }));
    assert_eq!(audit["created"]["at"], audit["updated"]["at"]);
    for (method, rest) in [("GET", ""), ("POST", "/disable"), ("POST", "/enable")] {
        let reply =
            setting.ask(method, &format!("/{id}{rest}?select=-*,name,audit.updated.at"), &Value::Null);
        let object = reply.expect(200).json();
        assert_eq!(keys(&object), ["audit", "id", "name"], "{method} {rest}");
        assert_eq!(keys(&object["audit"]), ["updated"]);
        assert_eq!(keys(&object["audit"]["updated"]), ["at"]);
    }
    let put =
        setting.ask("PUT", &format!("/{id}?select=-account.icon,-modules"), &json!({})).expect(200).json();
    assert_eq!(keys(&put["account"]), ["id", "name", "status", "type"]);
    assert!(put.get("modules").is_none());
    for query in ["select=", "select=,", ""] {
        let object = setting.get(&format!("/{id}?{query}")).expect(200).json();
        assert_eq!(keys(&object), MEMBERS, "{query}");
    }
    for query in [
        "select=canary",
        "select=+audit.canary",
        "select=audit&select=name",
        "canary=1",
        "limit=1",
        "eq(name,canary)",
    ] {
        let reply = setting.get(&format!("/{id}?{query}"));
        refused(&reply, 400);
        assert!(!reply.text().contains("canary"), "{}", reply.text());
    }
}

/// Whoever changed a token last is told apart from whoever made it.
#[test]
fn audit_says_who_did_what_when() {
    let setting = Setting::new();
    let manager = setting.server.manager("mona");
    let made = setting.named("watched");
    let path = format!("{TOKENS}/{}", text(&made, "id"));
    setting.server.ask(&manager.basic(), "POST", &format!("{path}/disable"), &Value::Null).expect(200);
    let audit =
        setting.get(&format!("/{}?select=audit", text(&made, "id"))).expect(200).json()["audit"].clone();
    assert_eq!(audit["created"]["by"]["name"], "anna");
    assert_eq!(audit["updated"]["by"]["name"], "mona");
    assert!(audit["created"]["at"].as_str() < audit["updated"]["at"].as_str(), "{audit}");
}

#[test]
fn a_token_works_through_every_carrier() {
    let setting = Setting::new();
    let numbered = text(&setting.named("carried"), "token");
    let get = |name: &str, value: &str| setting.server.client().get(TOKENS).header(name, value).send();
    for name in ["x-api-key", "x-access-token", "user-token"] {
        get(name, &numbered).expect(200);
    }
    get("Authorization", &bearer(&numbered)).expect(200);
    let server: &Server = &setting.server;
    server.client().get(TOKENS).basic("", &numbered).send().expect(200);
}
