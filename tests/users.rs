//! Users: the names and passwords they may have, and what disabling one or changing a password does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server};

fn add(client: &mut Client, server: &Server, body: &Value) -> Reply {
    client.post("/v1/users").bearer(server.secret()).json(body).send()
}

const GOOD: &str = "a walk of a crooked mile";

#[test]
fn usernames_have_one_grammar() {
    let server = Server::start();
    let mut client = server.client();
    let longest = "x".repeat(64);
    for good in ["a", "0", "anna", "anna.b_c@d-e", &longest] {
        let reply = add(&mut client, &server, &json!({ "username": good, "password": GOOD }));
        assert_eq!(reply.expect(201).json()["username"], good);
    }
    let long = "x".repeat(65);
    for bad in [
        "",
        "Anna",
        ".anna",
        "-anna",
        "_a",
        "@a",
        "an na",
        "anna\n",
        "\u{e4}nna",
        "anna/..",
        "anna%",
        &long,
        "an:na",
    ] {
        let reply = add(&mut client, &server, &json!({ "username": bad, "password": GOOD }));
        assert!(matches!(reply.status, 400 | 422), "{bad:?} is {}", reply.status);
        assert!(reply.text().contains("username"), "{}", reply.text());
    }
    let again = add(&mut client, &server, &json!({ "username": "anna", "password": GOOD }));
    assert_eq!(again.problem(409), "taken");
}

#[test]
fn a_user_shows_its_fields_and_never_its_password() {
    let server = Server::start();
    let mut client = server.client();
    let body = json!({
        "username": "anna", "password": GOOD, "email": "anna@example.org", "first_name": "Anna", "last_name": "B",
        "title": "Dr", "image": "https://example.org/anna.png",
    });
    let reply = add(&mut client, &server, &body).expect(201);
    let made = reply.json();
    for (field, value) in body.as_object().unwrap() {
        if field != "password" {
            assert_eq!(&made[field], value);
        }
    }
    assert_eq!(
        (&made["active"], &made["operator"], &made["organization"]),
        (&json!(true), &json!(false), &json!("default"))
    );
    let shown = client.get("/v1/users/anna").bearer(server.secret()).send().expect(200);
    assert_eq!(shown.json(), made);
    for text in [reply.text(), shown.text()] {
        assert!(!text.contains(GOOD) && !text.contains("argon2") && !text.contains("password"), "{text}");
    }
}

#[test]
fn passwords_are_long_and_uncommon_and_need_nothing_else() {
    let server = Server::start();
    let mut client = server.client();
    let mut count = 0;
    let mut status = |password: &str| {
        count += 1;
        let body = json!({ "username": format!("user{count}"), "password": password });
        add(&mut client, &server, &body).status
    };
    for good in [
        "all lower case!",
        "fifteenletters!",
        &(0..64).map(|number| format!("{number:02}.,")).collect::<String>(),
        "пятнадцать букв",
        "a\u{301}bcdefghijklmno",
    ] {
        assert_eq!(status(good), 201, "{good:?}");
    }
    let over = "y".repeat(257);
    for bad in [
        "",
        "short",
        "fourteen chars",
        &over,
        "passwordpassword",
        "123456789012345",
        "correcthorsebatterystaple",
    ] {
        let got = status(bad);
        assert!(matches!(got, 400 | 422), "{bad:?} is {got}");
    }
}

#[test]
fn unknown_disabled_and_wrong_answer_the_same() {
    let server = Server::start();
    let anna = server.user("anna");
    let berta = server.user("berta");
    server.run(&["user", "disable", "berta"]).done();
    let mut client = server.client();
    let mut ask = |name: &str, password: &str| {
        let mut reply = client.get("/v1/me").basic(name, password).send();
        reply.settle();
        reply
    };
    let wrong = ask(&anna.name, "not the password at all");
    assert_eq!(wrong.problem(401), "credential_invalid");
    assert_eq!(ask("nobody", "not the password at all"), wrong);
    assert_eq!(ask(&berta.name, &berta.password), wrong, "disabled, with the right password");
    assert_eq!(ask(&berta.name, "not the password at all"), wrong);
    assert_eq!(ask("NO GOOD NAME", "x"), wrong);
}

#[test]
fn changing_a_password_leaves_tokens_alone() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let run = server.command(&["user", "set-password", "anna", "--password-stdin"]);
    run.input("another walk of a mile").run().done();
    assert!(server.accepts(&token));
    let mut client = server.client();
    client.get("/v1/me").basic("anna", "another walk of a mile").send().expect(200);
    client.get("/v1/me").basic("anna", &anna.password).send().expect(401);
}

#[test]
fn disabling_a_user_stops_all_tokens_at_once_and_enabling_brings_them_back() {
    let server = Server::start();
    let anna = server.user("anna");
    let tokens: Vec<_> = (0..5).map(|_| server.token(&anna)).collect();
    let dead = server.token(&anna);
    server.client().delete("/v1/tokens/self").bearer(&dead).send().expect(204);
    let mut client = server.client();
    for _ in 0..3 {
        assert!(tokens.iter().all(|token| server.accepts(token)));
        client.post("/v1/users/anna/disable").bearer(server.secret()).send().expect(200);
        assert!(!tokens.iter().any(|token| server.accepts(token)));
        client.post("/v1/users/anna/enable").bearer(server.secret()).send().expect(200);
    }
    assert!(tokens.iter().all(|token| server.accepts(token)));
    assert!(!server.accepts(&dead), "what was deleted stays so");
}

#[test]
fn the_local_secret_works_for_local_administration_only_as_it_stands() {
    let server = Server::start();
    let mut client = server.client();
    let secret = server.secret();
    client.get("/v1/users").bearer(secret).send().expect(200);
    for wrong in [&secret[..secret.len() - 1], &format!("{secret}x"), &secret.to_uppercase(), "jtc_"] {
        assert_eq!(client.get("/v1/users").bearer(wrong).send().status, 401);
    }
}

#[test]
fn passwords_are_guessed_slowly_and_the_owners_tokens_go_on() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let mut statuses = Vec::new();
    for guess in 0..20 {
        let reply = client.get("/v1/me").basic("anna", &format!("guess number {guess:05}")).send();
        if reply.status == 429 {
            assert!(reply.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()));
            assert_eq!(reply.problem(429), "throttled");
        }
        statuses.push(reply.status);
    }
    assert!(statuses.contains(&429), "20 wrong guesses in a row: {statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    assert!(server.accepts(&token));
}

#[test]
fn a_flood_of_sign_ins_is_bounded_and_leaves_token_checks_alone() {
    crate::harness::alone();
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let before = server.resident();
    let count = crate::harness::campaign(200, 500);
    let mut open = Vec::new();
    for guess in 0..count {
        let mut client = server.client().from([127, 2, u8::try_from(guess % 250).unwrap(), 1]);
        let request = client.get("/v1/me").basic("anna", &format!("guess number {guess:05}")).bytes();
        client.write_raw(&request).unwrap();
        // Half of them hang up at once.
        if guess % 2 == 0 {
            open.push(client);
        }
    }
    let start = std::time::Instant::now();
    let mut slowest = Duration::ZERO;
    let mut good = server.client();
    while start.elapsed() < Duration::from_secs(2) {
        let asked = std::time::Instant::now();
        good.get("/v1/tokens/self").bearer(&token).send().expect(200);
        slowest = slowest.max(asked.elapsed());
    }
    let statuses: Vec<_> = open.iter_mut().map(|client| client.read_reply(false).unwrap().status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    let grown = server.resident().saturating_sub(before);
    assert!(grown <= 64 << 20, "{grown} bytes more");
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
}

#[test]
fn whoever_may_not_administer_changes_no_user() {
    let server = Server::start();
    let anna = server.member("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let body = json!({ "username": "eve", "password": GOOD, "operator": true });
    assert_eq!(client.post("/v1/users").bearer(&token).json(&body).send().status, 403);
    assert_eq!(client.post("/v1/users").json(&body).send().status, 401);
    assert_eq!(client.post("/v1/users/anna/disable").bearer(&token).send().status, 403);
    let replaced = client.request("PUT", "/v1/users/anna/password").bearer(&token);
    let replaced = replaced.json(&json!({ "password": GOOD })).send();
    assert!(
        matches!(replaced.status, 403 | 404),
        "a leaked token would be worth an account: {}",
        replaced.status
    );
    let own = client.request("PUT", "/v1/users/anna/password").basic(&anna.name, &anna.password);
    own.json(&json!({ "password": GOOD })).send().expect(204);
    client.get("/v1/me").basic(&anna.name, GOOD).send().expect(200);
}

#[test]
fn a_list_shows_an_administrator_no_home_that_isnt_theirs() {
    let server = Server::start();
    let mut client = server.client();
    for slug in ["shop", "lab"] {
        let body = json!({ "slug": slug, "name": slug });
        client.post("/v1/organizations").bearer(server.secret()).json(&body).send().expect(201);
    }
    for (name, home) in [("bob", "shop"), ("eve", "lab")] {
        let body =
            json!({ "username": name, "password": GOOD, "organization": home, "role": "administrator" });
        add(&mut client, &server, &body).expect(201);
    }
    let member = json!({ "user": "eve" });
    client.post("/v1/organizations/shop/members").bearer(server.secret()).json(&member).send().expect(201);
    let list = client.get("/v1/users").basic("bob", GOOD).send().expect(200).json();
    let eve = list["items"].as_array().unwrap().iter().find(|user| user["username"] == "eve").unwrap();
    assert_eq!(
        (&eve["organization"], &eve["role"], &eve["privileges"]),
        (&json!("shop"), &json!("member"), &json!([]))
    );
    assert_eq!(*eve, client.get("/v1/users/eve").basic("bob", GOOD).send().expect(200).json());
}
