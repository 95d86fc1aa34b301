//! The forms of what stands on the wire.

use regex_lite::Regex;
use serde_json::{Value, json};

use super::{Kodexa, TOKENS, keys, path, refused, text, wrong_field};

const USER: [&str; 22] = [
    "active",
    "bio",
    "businessGroup",
    "changeSequence",
    "createdOn",
    "email",
    "firstName",
    "groupsJson",
    "id",
    "image",
    "isExternallyManaged",
    "lastName",
    "preferences",
    "roles",
    "rolesJson",
    "searchText",
    "showDeveloperTools",
    "title",
    "updatedOn",
    "userStorage",
    "userType",
    "uuid",
];

/// The body that the vendor documents, placeholders and all.
fn documented(user_id: &Value, expires_at: &Value) -> Value {
    json!({
        "changeSequence": 123,
        "createdOn": "2023-11-07T05:31:56Z",
        "expiresAt": expires_at,
        "id": "<string>",
        "name": "<string>",
        "updatedOn": "2023-11-07T05:31:56Z",
        "user": {
            "active": true,
            "bio": "<string>",
            "businessGroup": "<string>",
            "changeSequence": 123,
            "createdOn": "2023-11-07T05:31:56Z",
            "email": "<string>",
            "firstName": "<string>",
            "groupsJson": "<string>",
            "id": "<string>",
            "image": "<string>",
            "isExternallyManaged": true,
            "lastName": "<string>",
            "preferences": { "showOnboarding": true, "showScrollbars": true, "showWelcomeMessage": true },
            "roles": { "roles": ["<string>"] },
            "rolesJson": "<string>",
            "searchText": "<string>",
            "showDeveloperTools": true,
            "title": "<string>",
            "updatedOn": "2023-11-07T05:31:56Z",
            "userStorage": { "favoriteLinks": [{ "link": "<string>" }] },
            "userType": "<string>",
            "uuid": "<string>"
        },
        "userId": user_id,
        "uuid": "<string>"
    })
}

/// Asserts that `value` has every member that `sample` has, of the same kind, at any depth.
fn same_kinds(value: &Value, sample: &Value, place: &str) {
    match (value, sample) {
        (Value::Object(members), Value::Object(samples)) => {
            for (key, sample) in samples {
                let member = members.get(key).unwrap_or_else(|| panic!("no {place}.{key}"));
                same_kinds(member, sample, &format!("{place}.{key}"));
            }
        }
        (Value::Array(items), Value::Array(samples)) => {
            for item in items {
                same_kinds(item, &samples[0], place);
            }
        }
        _ => assert_eq!(
            std::mem::discriminant(value),
            std::mem::discriminant(sample),
            "{place} is {value}, and {sample} where it is documented"
        ),
    }
}

#[test]
fn the_documented_example_goes_in_and_comes_out() {
    let mut kodexa = Kodexa::start();
    let me = kodexa.get("/api/account/me").expect(200).json();
    let soon = kodexa.made(&json!({}))["expiresAt"].clone();
    let body = documented(&me["id"], &soon);
    let made = kodexa.made(&body);
    same_kinds(&made, &body, "token");
    assert_eq!(made["name"], "<string>");
    assert_eq!(made["expiresAt"], soon);
    assert_eq!((&made["changeSequence"], &made["userId"]), (&json!(0), &me["id"]));
    assert_eq!(made["user"], me, "not what was sent");
    assert_eq!(keys(&made["user"]), USER);
    // The same example with what it has for a time is one whose time is past.
    wrong_field(&kodexa.post(&documented(&me["id"], &json!("2023-11-07T05:31:56Z"))), "expiresAt");
    refused(&kodexa.post(&documented(&json!("<string>"), &soon)), 403);
    let id = text(&made, "id").to_owned();
    let mut body = documented(&me["id"], &soon);
    refused(&kodexa.put(&id, &body), 409);
    body["changeSequence"] = json!(0);
    body["name"] = json!("put");
    let put = kodexa.put(&id, &body).expect(200).json();
    assert_eq!((&put["name"], &put["id"], &put["user"]), (&json!("put"), &made["id"], &me));
}

#[test]
fn what_the_server_sets_may_be_anything_in_a_post() {
    let mut kodexa = Kodexa::start();
    let me = kodexa.get("/api/account/me").expect(200).json();
    for member in ["id", "uuid", "user", "createdOn", "updatedOn", "changeSequence", "token", "organization"]
    {
        for odd in [
            json!(null),
            json!(7),
            json!(-1.5),
            json!("x"),
            json!([]),
            json!([1, { "a": 2 }]),
            json!({ "id": 7 }),
        ] {
            let mut body = json!({ "name": "odd" });
            body[member] = odd;
            let made = kodexa.made(&body);
            assert_eq!((&made["user"], &made["changeSequence"]), (&me, &json!(0)), "{body}");
            assert_ne!(made["id"], body["id"]);
        }
    }
}

#[test]
fn times_and_ids_have_their_forms() {
    let mut kodexa = Kodexa::start();
    let made = kodexa.made(&json!({}));
    let uuid = |version: char| {
        Regex::new(&format!(
            "^[0-9a-f]{{8}}-[0-9a-f]{{4}}-{version}[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}$"
        ))
        .unwrap()
    };
    let time = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$").unwrap();
    for object in [&made, &made["user"]] {
        assert!(uuid('7').is_match(text(object, "id")), "{object}");
        assert!(uuid('8').is_match(text(object, "uuid")), "{object}");
        for member in ["createdOn", "updatedOn"] {
            assert!(time.is_match(text(object, member)), "{object}");
        }
    }
    assert!(time.is_match(text(&made, "expiresAt")));
}

#[test]
fn a_user_is_shown_as_they_are() {
    let mut kodexa = Kodexa::start();
    let olga = kodexa.server.administrator("olga");
    let person = json!({
        "email": "olga@example.com", "first_name": "Olga", "last_name": "Ruiz", "title": "Lead",
        "image": "https://example.com/o.png"
    });
    let secret = kodexa.server.secret().to_owned();
    let shown = kodexa.client.get("/v1/users/olga").bearer(&secret).send().expect(200);
    let tag = shown.header("etag").unwrap().to_owned();
    let change = kodexa.client.patch("/v1/users/olga").bearer(&secret).header("If-Match", tag).json(&person);
    change.send().expect(200);
    let native = kodexa.client.get("/v1/users/olga").bearer(&secret).send().expect(200).json();
    let me = kodexa.client.get("/api/account/me").basic(&olga.name, &olga.password).send().expect(200).json();
    let id = text(&native, "id");
    let expected = json!({
        "active": true,
        "bio": "",
        "businessGroup": "",
        "changeSequence": 1,
        "createdOn": native["created_at"],
        "email": "olga@example.com",
        "firstName": "Olga",
        "groupsJson": "[]",
        "id": id,
        "image": "https://example.com/o.png",
        "isExternallyManaged": false,
        "lastName": "Ruiz",
        "preferences": { "showOnboarding": false, "showScrollbars": true, "showWelcomeMessage": false },
        "roles": { "roles": ["ADMINISTRATOR", "OPERATOR"] },
        "rolesJson": r#"["ADMINISTRATOR","OPERATOR"]"#,
        "searchText": "olga Olga Ruiz",
        "showDeveloperTools": false,
        "title": "Lead",
        "updatedOn": me["updatedOn"],
        "userStorage": { "favoriteLinks": [] },
        "userType": "USER",
        "uuid": format!("{}8{}", &id[..14], &id[15..]),
    });
    assert_eq!(me, expected);
    let mine = kodexa.get("/api/account/me").expect(200).json();
    assert_eq!(mine["roles"], json!({ "roles": ["MEMBER"] }));
    let made = kodexa.made(&json!({}));
    assert_eq!(made["user"], mine);
    let listed = kodexa.get(TOKENS).expect(200).json();
    assert!(listed["content"].as_array().unwrap().iter().all(|token| token["user"] == mine));
    // To who manages it, a token's owner is who they are too.
    let seen = kodexa.client.get(&path(text(&made, "id"))).basic(&olga.name, &olga.password).send();
    assert_eq!(seen.expect(200).json()["user"], mine);
}

#[test]
fn the_overview_has_what_the_vendors_clients_read() {
    let mut kodexa = Kodexa::start();
    let overview = kodexa.get("/api/overview").expect(200).json();
    for member in ["environment", "version", "release", "name", "description"] {
        assert!(!text(&overview, member).is_empty(), "{overview}");
    }
    assert_eq!(overview["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(overview["extensionPacks"], json!([]));
}
