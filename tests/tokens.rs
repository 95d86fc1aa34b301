//! A token's life: the form it has, what is shown of it, how its status moves, and who may see it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{Server, server::named, token};

#[test]
fn the_form_on_the_wire_is_pinned() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = server.mint(&anna, &named("form"));
    let wire = token::Wire::read(made["token"].as_str().unwrap());
    assert_eq!(made["id"], wire.uuid(), "the id in the token is the token's id");
    assert_eq!(wire.id[6] >> 4, 7, "UUID version 7");
    assert_eq!(wire.id[8] >> 6, 0b10, "RFC 9562's variant");
}

#[test]
fn every_digit_counts() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for place in 0..token.len() {
        for text in [token::altered(&token, place), token::resealed(&token::altered(&token, place))] {
            if text == token {
                continue;
            }
            let reply = client.get("/v1/tokens/self").bearer(&text).send();
            assert_eq!(reply.problem(401), "credential_invalid", "altered at {place}");
        }
    }
    assert!(server.accepts(&token));
}

#[test]
fn the_object_has_exactly_its_fields_and_the_secret_comes_once() {
    let server = Server::start();
    let anna = server.user("anna");
    let body = json!({ "name": "deploy", "description": "CI", "lifetime": "30d" });
    let mut client = server.client();
    let reply = client.post("/v1/tokens").basic(&anna.name, &anna.password).json(&body).send().expect(201);
    let made = reply.json();
    let mut fields: Vec<_> = made.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    let expected = [
        "cause",
        "change_sequence",
        "created_at",
        "description",
        "expires_at",
        "hint",
        "icon",
        "id",
        "idle_until",
        "last_used_address",
        "last_used_agent",
        "last_used_at",
        "limits",
        "max_idle",
        "modules",
        "name",
        "number",
        "organization",
        "owner",
        "parent",
        "privileges",
        "replaces",
        "restricted",
        "status",
        "superseded_at",
        "superseded_by",
        "tied",
        "token",
        "updated_at",
        "used",
        "waits_until",
    ];
    assert_eq!(fields, expected);
    assert_eq!(
        reply.header("location"),
        Some(format!("/v1/tokens/{}", made["id"].as_str().unwrap()).as_str())
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.header("etag").is_some());
    assert_eq!(made["owner"], "anna");
    assert_eq!(made["organization"], "default");
    assert_eq!(made["status"], "active");
    assert_eq!(made["change_sequence"], 0);
    for of_use in ["last_used_at", "last_used_address", "last_used_agent"] {
        assert_eq!(made[of_use], Value::Null);
    }
    assert_eq!(made["restricted"], false);
    for time in ["created_at", "updated_at", "expires_at"] {
        let text = made[time].as_str().unwrap();
        assert!(text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.', "{time}: {text}");
    }

    let token = made["token"].as_str().unwrap();
    let shown = client.get("/v1/tokens/self").bearer(token).send().expect(200);
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("token");
    let mut got = shown.json();
    // The use that this very request is may already be counted.
    got["last_used_at"] = Value::Null;
    got["last_used_address"] = Value::Null;
    assert_eq!(got, expected);
    assert!(!shown.text().contains(&token[27..39]), "the hint gives away no run of the secret");
    let hint = made["hint"].as_str().unwrap();
    assert!(
        token.starts_with(hint.trim_end_matches('…')) && hint.len() <= 32,
        "the token's id and no more: {hint}"
    );
}

#[test]
fn a_path_takes_any_of_a_tokens_ids() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = server.mint(&anna, &named("ids"));
    let token = made["token"].as_str().unwrap();
    let uuid = made["id"].as_str().unwrap().to_owned();
    let number = made["number"].as_str().unwrap().to_owned();
    assert!(is_number(&number, "TKN"), "{number}");
    let short: String = uuid.replace('-', "").chars().take(24).collect();
    let second = format!("{}8{}", &uuid[..14], &uuid[15..]);
    let mut client = server.client();
    for id in [&uuid, &number, &short, &second, &"self".to_owned()] {
        let got = client.get(&format!("/v1/tokens/{id}")).bearer(token).send().expect(200).json();
        assert_eq!(got["id"], uuid, "by {id}");
    }
    let hex = uuid.replace('-', "");
    for wrong in ["TKN-0000-0000", "ACC-0000-0001", "self2", "anna", &hex[..23], "%20", "TKN-9999-99999"] {
        let reply = client.get(&format!("/v1/tokens/{wrong}")).bearer(token).send();
        assert_eq!(reply.problem(404), "not_found", "{wrong}");
    }
}

fn is_number(text: &str, prefix: &str) -> bool {
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.split_once('-'));
    digits.is_some_and(|(high, low)| {
        [high, low].iter().all(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[test]
fn ids_numbers_and_short_ids_never_repeat() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    let mut client = server.client();
    let (mut ids, mut shorts, mut numbers) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut last = String::new();
    for count in 0..500 {
        let made = client
            .post("/v1/tokens")
            .bearer(&parent)
            .json(&named(&format!("{count}")))
            .send()
            .expect(201)
            .json();
        let id = made["id"].as_str().unwrap().to_owned();
        assert!(id > last, "ids ascend: {last} then {id}");
        assert!(shorts.insert(id.replace('-', "")[..24].to_owned()), "the first 12 bytes are unique too");
        assert!(numbers.insert(made["number"].as_str().unwrap().to_owned()));
        assert!(ids.insert(id.clone()));
        last = id;
    }
    assert!(!numbers.contains("TKN-0000-0000"));
}

#[test]
fn status_moves_between_active_and_disabled_and_then_to_deleted_for_good() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let made = server.child(&keeper, &named("moved"));
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let mut client = server.client();
    let mut act = |verb: &str| client.post(&format!("/v1/tokens/{id}/{verb}")).bearer(&keeper).send();

    let disabled = act("disable").expect(200).json();
    assert_eq!((&disabled["status"], &disabled["change_sequence"]), (&json!("disabled"), &json!(1)));
    assert!(!server.accepts(token));
    assert_eq!(act("disable").expect(200).json()["change_sequence"], 1, "what is so already changes nothing");
    let enabled = act("enable").expect(200).json();
    assert_eq!((&enabled["status"], &enabled["change_sequence"]), (&json!("active"), &json!(2)));
    assert!(server.accepts(token));

    let mut client = server.client();
    client.delete(&format!("/v1/tokens/{id}")).bearer(&keeper).send().expect(204);
    assert!(!server.accepts(token));
    for verb in ["enable", "disable"] {
        let reply = client.post(&format!("/v1/tokens/{id}/{verb}")).bearer(&keeper).send();
        assert!(matches!(reply.status, 404 | 409 | 410), "{verb} on a deleted token is {}", reply.status);
    }
    assert!(!server.accepts(token));
}

#[test]
fn use_does_not_raise_the_change_sequence_and_is_shown_within_seconds() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for _ in 0..20 {
        client.get("/v1/me").bearer(&token).send().expect(200);
    }
    let shown = crate::harness::wait_for("the use to be written", std::time::Duration::from_secs(8), || {
        let shown = client.get("/v1/tokens/self").bearer(&token).send().expect(200).json();
        (!shown["last_used_at"].is_null()).then_some(shown)
    });
    assert_eq!(shown["change_sequence"], 0);
}

#[test]
fn a_token_deletes_itself() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    server.client().delete("/v1/tokens/self").bearer(&token).send().expect(204);
    assert!(!server.accepts(&token));
}

#[test]
fn why_a_token_is_dead_is_told_only_to_whoever_has_its_whole_secret() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let mut client = server.client();
    let mut code = |text: &str| client.get("/v1/tokens/self").bearer(text).send().problem(401);
    let made = server.child(&keeper, &named("told"));
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let wrong = token::resealed(&token::altered(token, 50));

    let mut other = server.client();
    other.post(&format!("/v1/tokens/{id}/disable")).bearer(&keeper).send().expect(200);
    assert_eq!((code(token).as_str(), code(&wrong).as_str()), ("token_disabled", "credential_invalid"));
    other.delete(&format!("/v1/tokens/{id}")).bearer(&keeper).send().expect(204);
    assert_eq!((code(token).as_str(), code(&wrong).as_str()), ("token_deleted", "credential_invalid"));
}

#[test]
fn another_owners_token_is_404_byte_for_byte_like_an_unknown_one() {
    let server = Server::start();
    let (anna, berta) = (server.user("anna"), server.user("berta"));
    let ours = server.token(&berta);
    let theirs = server.mint(&anna, &named("private"));
    let uuid = theirs["id"].as_str().unwrap().to_owned();
    let unknown = "01890000-0000-7000-8000-000000000001".to_owned();
    let short = |uuid: &str| uuid.replace('-', "").chars().take(24).collect::<String>();
    let pairs = [
        (uuid.clone(), unknown.clone()),
        (short(&uuid), short(&unknown)),
        (theirs["number"].as_str().unwrap().to_owned(), "TKN-9876-5432".to_owned()),
    ];
    let requests = [
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", Some(json!({ "name": "mine" }))),
        ("POST", "/disable", None),
        ("POST", "/enable", None),
    ];
    let mut client = server.client();
    for (foreign, unknown) in pairs {
        for (method, suffix, body) in &requests {
            let mut ask = |id: &str| {
                let path = format!("/v1/tokens/{id}{suffix}");
                let request = client.request(method, &path).bearer(&ours).header("If-Match", "\"0\"");
                match body {
                    Some(body) => request.json(body).send(),
                    None => request.send(),
                }
            };
            let (mut one, mut other) = (ask(&foreign), ask(&unknown));
            assert_eq!(one.status, 404, "{method} {suffix}");
            for reply in [&mut one, &mut other] {
                reply.settle();
            }
            assert_eq!(one, other, "{method} {suffix}");
        }
    }
    let seen = client.get("/v1/tokens").bearer(&ours).send().expect(200).text();
    assert!(!seen.contains(&uuid));
    assert!(server.accepts(theirs["token"].as_str().unwrap()));
}

#[test]
fn a_list_is_paged_by_a_cursor_and_misses_nothing() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    let mut made: Vec<String> = (0..25)
        .map(|count| {
            server.child(&parent, &named(&format!("page {count}")))["id"].as_str().unwrap().to_owned()
        })
        .collect();
    made.push(token::Wire::read(&parent).uuid());
    let mut client = server.client();
    let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page =
            client.get(&format!("/v1/tokens?limit=10{cursor}")).bearer(&parent).send().expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 10 && !items.is_empty());
        assert!(items.iter().all(|item| item.get("token").is_none()));
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(seen.len(), 26);
    assert_eq!(seen.iter().collect::<HashSet<_>>(), made.iter().collect::<HashSet<_>>());
    for wrong in [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=99999999999999999999",
        "cursor=!",
        "limits=3",
        "limit=1&limit=2",
    ] {
        let reply = client.get(&format!("/v1/tokens?{wrong}")).bearer(&parent).send();
        reply.problem(400);
    }
}

#[test]
fn only_the_owner_and_the_local_operator_mint_for_a_user() {
    let server = Server::start();
    let (anna, ada) = (server.user("anna"), server.administrator("ada"));
    let admin = server.token_with(&ada, &["--privilege", "jeton:admin"]);
    let mut client = server.client();
    let body = json!({ "name": "theirs", "owner": "anna" });
    for refused in [
        client.post("/v1/tokens").bearer(&admin).json(&body).send(),
        client.post("/v1/tokens").basic(&ada.name, &ada.password).json(&body).send(),
    ] {
        assert!(matches!(refused.status, 400 | 403 | 422), "{}", refused.text());
    }
    let made = client.post("/v1/tokens").bearer(server.secret()).json(&body).send().expect(201).json();
    assert_eq!(made["owner"], anna.name);
    let nobody = client.post("/v1/tokens").bearer(server.secret()).json(&named("nobody's")).send();
    assert!(matches!(nobody.status, 400 | 422), "{}", nobody.text());
}
