//! The record of events: one for each mutation and each refused sign-in, and nothing in it that was typed.

use std::thread;

use serde_json::{Value, json};

use crate::{
    chain::verdict,
    harness::{Server, database, server::named},
};

/// Every event: kind, actor, its user and token, address, object kind, object, detail.
fn recorded(server: &Server) -> Vec<[String; 8]> {
    let connection = database::open(&server.data());
    let mut statement = connection
        .prepare(
            "SELECT deed, actor, ifnull(nullif(hex(actor_user), ''), '-'), ifnull(nullif(hex(actor_token), ''), '-'), ifnull(address, '-'),
                    object_kind, hex(object), detail
             FROM events ORDER BY sequence",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok(std::array::from_fn(|at| row.get(at).unwrap())));
    rows.unwrap().map(Result::unwrap).collect()
}

/// A UUID as SQLite's `hex` shows its bytes.
fn hex(id: &Value) -> String {
    id.as_str().unwrap().replace('-', "").to_uppercase()
}

fn user_id(server: &Server, name: &str) -> String {
    let shown = server.client().get(&format!("/v1/users/{name}")).bearer(server.secret()).send();
    hex(&shown.expect(200).json()["id"])
}

const ZEROS: &str = "00000000000000000000000000000000";

#[test]
fn each_mutation_leaves_one_event_of_its_kind_by_whoever_did_it() {
    let server = Server::start();
    let anna = server.user("anna");
    let anna_id = user_id(&server, "anna");
    let made = server.mint(&anna, &named("keeper"));
    let (keeper, keeper_id) = (made["token"].as_str().unwrap(), hex(&made["id"]));
    let mut client = server.client();
    let mut known = recorded(&server).len();
    let mut last = |what: &str, status: u16, reply: crate::harness::Reply| {
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        let all = recorded(&server);
        assert_eq!(all.len(), known + 1, "{what} leaves one event");
        known += 1;
        all.last().unwrap().clone()
    };

    let by_password = ["password", &anna_id, "-", "127.0.0.1"];
    let by_token = ["token", &anna_id, &keeper_id, "127.0.0.1"];
    let by_operator = ["local", "-", "-", "127.0.0.1"];
    let expect = |event: &[String; 8], kind: &str, actor: [&str; 4], object: [&str; 2], detail: &str| {
        assert_eq!(
            event.each_ref().map(String::as_str),
            [kind, actor[0], actor[1], actor[2], actor[3], object[0], object[1], detail]
        );
    };

    let reply = client.post("/v1/tokens").basic("anna", &anna.password).json(&named("one")).send();
    let id = reply.json()["id"].clone();
    let (path, one) = (format!("/v1/tokens/{}", id.as_str().unwrap()), hex(&id));
    expect(&last("by password", 201, reply), "token.created", by_password, ["token", &one], "");

    let relabel = json!({ "name": "typed name", "description": "typed words" });
    let reply = client.patch(&path).bearer(keeper).header("If-Match", "*").json(&relabel).send();
    let event = last("relabel", 200, reply);
    expect(&event, "token.relabelled", by_token, ["token", &one], "name description");
    let reply = client.post(&format!("{path}/disable")).bearer(keeper).send();
    expect(&last("disable", 200, reply), "token.disabled", by_token, ["token", &one], "");
    let reply = client.post(&format!("{path}/enable")).bearer(keeper).send();
    expect(&last("enable", 200, reply), "token.enabled", by_token, ["token", &one], "");
    let reply = client.delete(&path).basic("anna", &anna.password).send();
    expect(&last("delete", 204, reply), "token.deleted", by_password, ["token", &one], "");

    let body = json!({ "username": "berta", "password": "a walk of a crooked mile" });
    let reply = client.post("/v1/users").bearer(server.secret()).json(&body).send();
    let berta = hex(&reply.json()["id"]);
    expect(&last("a user", 201, reply), "user.created", by_operator, ["user", &berta], "");
    for (path, kind) in [("disable", "user.disabled"), ("enable", "user.enabled")] {
        let reply = client.post(&format!("/v1/users/berta/{path}")).bearer(server.secret()).send();
        expect(&last(path, 200, reply), kind, by_operator, ["user", &berta], "");
    }
    let body = json!({ "password": "another crooked mile" });
    let reply = client.request("PUT", "/v1/users/anna/password").basic("anna", &anna.password).json(&body);
    let event = last("password", 204, reply.send());
    expect(&event, "user.password_set", by_password, ["user", &anna_id], "");

    let form = format!("token={keeper}");
    let reply = client.post("/oauth/revoke").form(&form).send();
    expect(&last("revoke", 200, reply), "token.deleted", by_token, ["token", &keeper_id], "");

    // What changes nothing, or is refused, leaves none.
    for (method, path, body) in [
        ("POST", "/v1/users/berta/enable", None),
        ("POST", "/v1/users", Some(json!({ "username": "berta", "password": "a walk of a crooked mile" }))),
        ("POST", "/v1/users/nobody/disable", None),
        ("GET", "/v1/users", None),
    ] {
        let request = client.request(method, path).bearer(server.secret());
        let _ = match body {
            Some(body) => request.json(&body).send(),
            None => request.send(),
        };
        assert_eq!(recorded(&server).len(), known, "{method} {path}");
    }
    assert_eq!(verdict(&server), json!({ "sound": true, "count": known }));
}

#[test]
fn each_wrong_password_is_an_event_before_its_answer_and_holds_nothing_typed() {
    let server = Server::start();
    let [anna, berta] = [server.user("anna"), server.user("berta")];
    server.run(&["user", "disable", "berta"]).done();
    let (anna_id, berta_id) = (user_id(&server, "anna"), user_id(&server, "berta"));
    let mut client = server.client().from([127, 7, 7, 7]);
    let mut known = recorded(&server).len();
    for (name, password, object) in [
        ("anna", "typed by mistake 1", anna_id.as_str()),
        ("typed-nobody", "typed by mistake 2", ZEROS),
        ("berta", "typed by mistake 3", &berta_id),
        ("berta", &berta.password, &berta_id),
        // Somebody's password in the wrong field.
        ("typed.secret.words", "anna", ZEROS),
    ] {
        client.get("/v1/me").basic(name, password).send().expect(401);
        let all = recorded(&server);
        known += 1;
        assert_eq!(all.len(), known, "{name}: one event, written before the answer");
        let expected = ["sign_in.refused", "nobody", "-", "-", "127.7.7.7", "user", object, ""];
        assert_eq!(all[known - 1].each_ref().map(String::as_str), expected, "{name}");
    }
    client.get("/v1/me").basic("anna", &anna.password).send().expect(200);
    // Neither a name nor a password that the rules allow: nothing was looked at.
    client.get("/v1/me").basic("NO GOOD NAME", "typed").send().expect(401);
    client.get("/v1/me").basic("anna", &"y".repeat(300)).send().expect(401);
    assert_eq!(recorded(&server).len(), known);
    let connection = database::open(&server.data());
    for row in database::dump(&connection, "events") {
        assert!(!row.iter().any(|text| text.contains("typed") || text.contains("mile")), "{row:?}");
    }
    assert_eq!(verdict(&server)["sound"], true);
}

#[test]
fn tries_that_are_not_looked_at_are_summed_up() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let anna_id = user_id(&server, "anna");
    // Side by side: one that isn't looked at is answered late.
    let statuses: Vec<u16> = thread::scope(|scope| {
        let guessing = |from: usize| {
            let (server, token) = (&server, &token);
            move || {
                let mut client = server.client().from([127, 7, 7, 8]);
                let mut guess = |number: usize| {
                    let password = format!("guess number {number:05}");
                    let status = client.get("/v1/me").basic("anna", &password).send().status;
                    assert!(server.accepts(token), "the owner's tokens go on");
                    status
                };
                (from..from + 5).map(&mut guess).collect::<Vec<_>>()
            }
        };
        let guessers: Vec<_> = (0..100).step_by(5).map(|from| scope.spawn(guessing(from))).collect();
        guessers.into_iter().flat_map(|guesser| guesser.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    let throttled = statuses.len() - looked_at;
    assert!(looked_at < 20 && throttled > 80, "{looked_at}, {throttled}");
    server.stop();
    let all = recorded(&server);
    let of = |kind: &str| all.iter().filter(|event| event[0] == kind).collect::<Vec<_>>();
    assert_eq!(of("sign_in.refused").len(), looked_at);
    let sums = of("sign_in.throttled");
    assert!((1..=3).contains(&sums.len()), "a few for all of them: {sums:?}");
    let mut sum = 0;
    for event in sums {
        assert_eq!(
            event[1..7].iter().map(String::as_str).collect::<Vec<_>>(),
            ["nobody", "-", "-", "127.7.7.8", "user", &anna_id]
        );
        sum += event[7].strip_prefix("count=").unwrap().parse::<usize>().unwrap();
    }
    assert_eq!(sum, throttled);
    server.launch();
    assert_eq!(verdict(&server)["sound"], true);
}

#[test]
fn a_store_that_takes_no_events_changes_no_answer() {
    let server = Server::start();
    server.user("anna");
    let connection = database::open(&server.data());
    let mut client = server.client();
    let mut ask = |name: &str| {
        let mut reply = client.get("/v1/me").basic(name, "not the password at all").send();
        reply.settle();
        reply
    };
    let usual = ask("anna");
    assert_eq!(usual.status, 401);
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(ask("anna"), usual);
    assert_eq!(ask("nobody"), usual);
    connection.execute_batch("ROLLBACK").unwrap();
    server.wait_for_log("isn't recorded");
}
