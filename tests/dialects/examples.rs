//! The vendors' documented requests, sent as they stand there: what is replaced is the host, the credential, placeholders
//! and dates that are past, and nothing else.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Server, server::Actor};

/// Runs a documented `curl` line in a shell and gives the status and the body.
#[track_caller]
fn curl(line: &str) -> (u16, String) {
    let line = line.replacen("curl ", "curl -s -w '\\n%{http_code}' ", 1);
    let output = Command::new("/bin/sh")
        .args(["-eu", "-c", &line])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{line}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
    let (body, status) = stdout.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.into())
}

/// The same, where this status and a JSON body are documented.
#[track_caller]
fn answered(line: &str, status: u16) -> Value {
    let (got, body) = curl(line);
    assert_eq!(got, status, "{line}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{line}: {error}: {body}"))
}

/// A server, where it is, and somebody whose name and password need no quotes in a shell.
fn stage() -> (Server, String, Actor) {
    let server = Server::start();
    let host = format!("http://{}", server.address());
    let actor = Actor { name: "myuser".into(), password: "my-Password-of-old".into() };
    let body = json!({ "username": actor.name, "password": actor.password, "role": "administrator",
        "email": "contact@example.org" });
    server.locally("POST", "/v1/users", &body).expect(201);
    (server, host, actor)
}

/// Asserts that `value` has every key that `example` has, however deep, and a value of the same kind or none.
#[track_caller]
fn has_the_keys_of(example: &Value, value: &Value, at: &str) {
    match (example, value) {
        (Value::Object(example), Value::Object(members)) => {
            for (key, example) in example {
                let member = members.get(key).unwrap_or_else(|| panic!("{at} has no {key}: {value}"));
                has_the_keys_of(example, member, &format!("{at}/{key}"));
            }
        }
        (Value::Array(example), Value::Array(items)) => {
            let Some(example) = example.first() else { return };
            for item in items {
                has_the_keys_of(example, item, at);
            }
        }
        (example, value) => {
            let kind = std::mem::discriminant(example) == std::mem::discriminant(value);
            assert!(kind || value.is_null() || example.is_null(), "{at}: {value} isn't like {example}");
        }
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn datasentinels_two_lines_make_a_token_and_tell_of_it() {
    let (server, host, user) = stage();
    let pair = format!("{}:{}", user.name, user.password);
    let made = answered(&format!("curl -u {pair} -k -X POST {host}/ds-api/user-token"), 201);
    assert_eq!(keys(&made), ["user-token"]);
    let token = made["user-token"].as_str().unwrap();
    let line = format!(
        "export TOKEN={token}
        curl -u {pair} -k -X GET {host}/ds-api/user-token?token=$TOKEN"
    );
    let told = answered(&line, 200);
    let example = json!({ "email": "contact@example.org", "expire_time": "", "organization_name": "default",
        "user": "myuser" });
    assert_eq!(keys(&told), keys(&example));
    for key in ["email", "organization_name", "user"] {
        assert_eq!(told[key], example[key]);
    }
    assert_eq!(curl(&format!("curl -u {pair}x -k -X POST {host}/ds-api/user-token")).0, 401);
    let wrong = format!("curl -u {pair}x -k -X GET {host}/ds-api/user-token?token={token}");
    assert_eq!(curl(&wrong).0, 401);
    assert!(server.accepts(token));
}

#[test]
fn dataprep_mints_by_password_or_token_and_lists_its_endpoints_to_the_token() {
    let (server, host, user) = stage();
    let pair = format!("{}:{}", user.name, user.password);
    let body = r#"{"lifetimeSeconds": 100, "description": "for my scripts"}"#;
    let example = json!({ "tokenValue": "", "tokenInfo": { "tokenId": "", "description": "", "expiredAt": "",
        "lastUsed": null, "createdAt": "" } });
    let path = format!("{host}/v4/apiAccessTokens");
    let made = answered(
        &format!("curl -X POST {path} -u {pair} -H 'Content-Type: application/json' -d '{body}'"),
        201,
    );
    has_the_keys_of(&example, &made, "");
    let token = made["tokenValue"].as_str().unwrap().to_owned();
    let renewed =
        answered(&format!("curl -X POST {path} -H 'Authorization: Bearer {token}' -d '{body}'"), 201);
    has_the_keys_of(&example, &renewed, "");
    assert_ne!(renewed["tokenValue"], made["tokenValue"]);

    // The one line that is documented has no URL; what it gives is the list of endpoints.
    let line = format!("curl -X GET -H \"Authorization: Bearer {token}\" {host}/v4/open-api-spec");
    let endpoints = answered(&line, 200);
    assert!(endpoints["paths"].get("/v4/apiAccessTokens").is_some(), "{endpoints}");

    let list = answered(&format!("curl -H 'Authorization: Bearer {token}' {path}"), 200);
    has_the_keys_of(&json!({ "data": [example["tokenInfo"]], "count": 2 }), &list, "");
    assert_eq!(list["count"], 2);
    let id = made["tokenInfo"]["tokenId"].as_str().unwrap();
    let one = answered(&format!("curl -H 'Authorization: Bearer {token}' {path}/{id}"), 200);
    assert_eq!(keys(&one), keys(&example["tokenInfo"]));
    assert_eq!(
        curl(&format!("curl -X DELETE -H 'Authorization: Bearer {token}' {path}/{id}")),
        (204, String::new())
    );
    assert!(!server.accepts(&token));
}

/// What the vendor's schema of a token requires, and what it lists beside that.
const AKINON: [&str; 9] =
    ["_id", "name", "token", "privileges", "userId", "organizationId", "expiresOn", "createdAt", "updatedAt"];

#[test]
fn akinons_operations_answer_as_its_document_declares() {
    let (server, host, user) = stage();
    let token = server.token(&user);
    let path = format!("{host}/api/v1/me/tokens");
    for carrier in ["Authorization: Bearer ", "x-access-token: "] {
        let credential = format!("-H '{carrier}{token}'");
        for lifetime in ["one-week", "one-month", "three-months", "six-months", "one-year"] {
            let body =
                json!({ "name": "Access token name", "lifetime": lifetime, "privileges": ["orders:read"] });
            let json = "-H 'Content-Type: application/json'";
            let made = answered(&format!("curl -X POST {path} {credential} {json} -d '{body}'"), 201);
            for key in AKINON {
                assert!(made.get(key).is_some(), "no {key} in {made}");
            }
            assert_eq!(made["privileges"], json!(["orders:read"]));
        }
        let list = answered(&format!("curl {path} {credential}"), 200);
        let listed = list.as_array().unwrap();
        assert!(listed.len() > 5);
        let organization =
            ["_id", "name", "slug", "description", "owner", "isExecutive", "status", "privileges"];
        for item in listed {
            for key in ["name", "token", "expiresOn", "privileges", "userId", "organizationId"] {
                assert!(item.get(key).is_some(), "no {key} in {item}");
            }
            for key in organization {
                assert!(item["organization"].get(key).is_some(), "no {key} in {item}");
            }
        }
        let id = listed[0]["_id"].as_str().unwrap();
        assert_eq!(curl(&format!("curl -X DELETE {path}/{id} {credential}")), (204, String::new()));
        let again = answered(&format!("curl -X DELETE {path}/{id} {credential}"), 400);
        assert!(again["apiError"].is_array());
        let wrong = answered(&format!("curl -X POST {path} {credential} -d '{{\"name\": \"x\"}}'"), 400);
        assert!(wrong["validationError"].is_object() && wrong["apiError"].is_array(), "{wrong}");
    }
    for line in [format!("curl {path}"), format!("curl -X DELETE {path}/0123456789abcdef01234567")] {
        assert!(answered(&line, 401)["apiError"].is_array());
    }
}

#[test]
fn softwareones_object_comes_back_from_what_is_said_of_it() {
    let (server, host, user) = stage();
    for number in ["MOD-1756-1452", "MOD-9042-8216"] {
        let body = json!({ "number": number, "name": number });
        server.locally("POST", "/v1/organizations/default/modules", &body).expect(201);
    }
    let example = json!({
        "id": "TKN-4134-7330", "name": "Name", "description": "Description", "icon": "", "status": "Active",
        "modules": [{ "id": "MOD-1756-1452" }, { "id": "MOD-9042-8216" }], "token": "CODE",
    });
    // A token's modules are among those of the one that mints it.
    let minter = json!({ "name": "minter", "modules": ["MOD-1756-1452", "MOD-9042-8216"] });
    let token = server.mint(&user, &minter)["token"].as_str().unwrap().to_owned();
    for base in ["/public/v1/accounts/api-tokens", "/v1/accounts/api-tokens"] {
        let path = format!("{host}{base}");
        let credential = format!("-H 'Authorization: Bearer {token}'");
        // What the server sets is in the documented object too, and means nothing in a request.
        let json = "-H 'Content-Type: application/json'";
        let made = answered(&format!("curl -X POST {path} {credential} {json} -d '{example}'"), 201);
        has_the_keys_of(&example, &made, "");
        for key in ["name", "description", "icon", "status"] {
            assert_eq!(made[key], example[key], "{key}");
        }
        let ids = |object: &Value| {
            let modules = object["modules"].as_array().unwrap();
            modules.iter().map(|module| module["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&made), ids(&example));
        assert_ne!((&made["id"], &made["token"]), (&example["id"], &example["token"]));
        let id = made["id"].as_str().unwrap();
        let account = made["account"]["id"].as_str().unwrap();
        assert_eq!(made["href"], format!("/v1/accounts/accounts/{account}/tokens/{id}"));
        let mut shown = example.clone();
        shown["token"] = Value::Null;
        for target in [format!("{path}/{id}"), format!("{host}{}", made["href"].as_str().unwrap())] {
            has_the_keys_of(&shown, &answered(&format!("curl {target} {credential}"), 200), "");
        }
        let list = answered(&format!("curl {path} {credential}"), 200);
        has_the_keys_of(
            &json!({ "$meta": { "pagination": { "offset": 0, "limit": 0, "total": 0 } }, "data": [] }),
            &list,
            "",
        );
        for (to, status) in [("disable", "Disabled"), ("enable", "Active")] {
            let switched = answered(&format!("curl -X POST {path}/{id}/{to} {credential}"), 200);
            assert_eq!(switched["status"], status);
        }
        let whole = made["token"].as_str().unwrap();
        assert_eq!(curl(&format!("curl {path}/{id} -H 'Authorization: Bearer {whole}'")).0, 200);
        assert_eq!(curl(&format!("curl -X DELETE {path}/{id} {credential}")).0, 204);
        assert_eq!(curl(&format!("curl {path}/{id} -H 'Authorization: Bearer {whole}'")).0, 401);
    }
}

/// The object that Kodexa's documentation shows, in the request and in the reply alike.
fn kodexas() -> Value {
    let then = "2023-11-07T05:31:56Z";
    json!({
        "changeSequence": 123, "createdOn": then, "expiresAt": then, "id": "<string>", "name": "<string>",
        "updatedOn": then,
        "user": {
            "active": true, "bio": "<string>", "businessGroup": "<string>", "changeSequence": 123,
            "createdOn": then, "email": "<string>", "firstName": "<string>", "groupsJson": "<string>",
            "id": "<string>", "image": "<string>", "isExternallyManaged": true, "lastName": "<string>",
            "preferences": { "showOnboarding": true, "showScrollbars": true, "showWelcomeMessage": true },
            "roles": { "roles": ["<string>"] }, "rolesJson": "<string>", "searchText": "<string>",
            "showDeveloperTools": true, "title": "<string>", "updatedOn": then,
            "userStorage": { "favoriteLinks": [{ "link": "<string>" }] }, "userType": "<string>",
            "uuid": "<string>",
        },
        "userId": "<string>", "uuid": "<string>",
    })
}

#[test]
fn kodexas_whole_object_is_taken_and_given() {
    let (server, host, user) = stage();
    let key = server.token(&user);
    let me =
        server.with(&key, "GET", "/v1/me", &Value::Null).json()["user"]["id"].as_str().unwrap().to_owned();
    let in_a_month = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30 * 24);
    let in_a_month = in_a_month.to_string()[..19].to_owned() + "Z";
    let mut body = kodexas();
    // Dates that are past, and the placeholder that names somebody.
    body["expiresAt"] = in_a_month.as_str().into();
    body["userId"] = me.as_str().into();
    let line = format!(
        "curl --request POST \\
          --url {host}/api/access-tokens \\
          --header 'Content-Type: application/json' \\
          --header 'x-api-key: {key}' \\
          --data '
        {body:#}
        '"
    );
    let made = answered(&line, 201);
    has_the_keys_of(&kodexas(), &made, "");
    assert_eq!(made["name"], "<string>");
    assert_eq!(made["userId"], me.as_str());
    assert_eq!(made["changeSequence"], 0, "what the server sets is set by the server");
    assert_eq!(made["expiresAt"].as_str().map(|at| &at[..19]), Some(&in_a_month[..19]));
    let id = made["id"].as_str().unwrap();
    let shown = answered(&format!("curl {host}/api/access-tokens/{id} --header 'x-api-key: {key}'"), 200);
    has_the_keys_of(&kodexas(), &shown, "");
    let token = made["token"].as_str().unwrap();
    assert_eq!(curl(&format!("curl {host}/api/account/me --header 'x-api-key: {token}'")).0, 200);
}
