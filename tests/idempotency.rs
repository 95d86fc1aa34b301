//! A reply that was lost: the same request with the same Idempotency-Key gets it again, its caller alone, and for no
//! longer than is needed.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    harness::{
        Client, Reply, Server, campaign, database,
        estate::at_once,
        scan::{Runs, contents},
        server::{Actor, named},
        token, wait_for,
    },
    secrecy::{holds_none, secret_bytes},
};

const HEADER: &str = "Idempotency-Key";
const KEY: &str = "4b1f0e5c-9a51-4f6e-8d57-0c1f5a9e7b33";

/// Mints with a key; `by` is an `Authorization` header.
fn mint(client: &mut Client, by: &str, key: &str, body: &Value) -> Reply {
    client.post("/v1/tokens").header("Authorization", by).header(HEADER, key).json(body).send()
}

fn text(reply: &Reply) -> String {
    reply.json()["token"].as_str().expect("a token").into()
}

/// A reply but for its date.
fn undated(mut reply: Reply) -> Reply {
    reply.settle();
    reply
}

fn tokens(server: &Server) -> i64 {
    database::count(&database::open(&server.data()), "tokens")
}

/// How many replies are known of, and how many are still there to be given.
fn kept(server: &Server) -> (i64, i64) {
    let connection = database::open(&server.data());
    let counts = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    connection.query_row("SELECT count(*), count(reply) FROM replies", [], counts).unwrap()
}

#[test]
fn the_same_request_gets_the_same_reply_and_no_second_token() {
    let server = Server::start();
    let anna = server.user("anna").basic();
    let mut client = server.client();
    let before = server.last_event();
    let first = mint(&mut client, &anna, KEY, &named("a")).expect(201);
    assert_eq!(
        first.header("location"),
        Some(format!("/v1/tokens/{}", first.json()["id"].as_str().unwrap()).as_str())
    );
    assert_eq!(first.header("etag"), Some("\"0\""));
    for key in [KEY.to_owned(), format!("\"{KEY}\"")] {
        assert_eq!(undated(mint(&mut client, &anna, &key, &named("a"))), undated(first.clone()));
    }
    assert_eq!((tokens(&server), server.deeds(before)), (1, vec!["token.created".to_owned()]));
    // What changes about it, and who owns it, changes nothing about what was said then.
    let path = first.header("location").unwrap().to_owned();
    client
        .patch(&path)
        .header("Authorization", &anna)
        .header("If-Match", "*")
        .json(&named("b"))
        .send()
        .expect(200);
    server.locally("PATCH", "/v1/users/anna", &json!({ "first_name": "Anna" })).expect(200);
    client.post(&format!("{path}/disable")).header("Authorization", &anna).send().expect(200);
    assert_eq!(undated(mint(&mut client, &anna, KEY, &named("a"))), undated(first.clone()));
    client.post(&format!("{path}/enable")).header("Authorization", &anna).send().expect(200);
    assert!(server.accepts(&text(&first)));
    let other = mint(&mut client, &anna, &KEY.replace('4', "5"), &named("a")).expect(201);
    assert_ne!(text(&other), text(&first));
    let without = server.mint(&Actor::named("anna"), &named("a"));
    assert_eq!((without["name"].as_str(), tokens(&server)), (Some("a"), 3));
}

#[test]
fn requests_that_come_together_make_one_token() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token_with(&anna, &["--uses", "1000"]);
    let by = format!("Bearer {parent}");
    let body = json!({ "name": "one", "limits": { "uses": 5 } });
    for round in 0..campaign(5, 100) {
        let key = format!("{KEY}-{round}");
        let replies = at_once(16, |_| undated(mint(&mut server.client(), &by, &key, &body).expect(201)));
        assert!(replies.iter().all(|reply| *reply == replies[0]), "round {round}");
        assert_eq!(tokens(&server), 2 + i64::try_from(round).unwrap());
    }
    // What a child takes of its parent's uses is taken once.
    let used =
        server.with(&parent, "GET", "/v1/tokens/self", &Value::Null).expect(200).json()["used"].as_u64();
    let rounds = u64::try_from(campaign(5, 100)).unwrap();
    assert_eq!(used, Some(rounds * 16 + rounds * 5 + 1));
}

#[test]
fn another_request_and_another_caller_are_told_so() {
    let server = Server::start();
    let (anna, bert) = (server.user("anna"), server.user("bert"));
    let mut client = server.client();
    let first = mint(&mut client, &anna.basic(), KEY, &named("a")).expect(201);
    for body in [r#"{"name":"b"}"#, r#"{"name":"a" }"#, r#"{"name":"a","restricted":true}"#] {
        let request = client.post("/v1/tokens").header("Authorization", anna.basic()).header(HEADER, KEY);
        assert_eq!(
            request.text("application/json", body).send().problem(422),
            "idempotency_mismatch",
            "{body}"
        );
    }
    let query = client.post("/v1/tokens?x=1").header("Authorization", anna.basic()).header(HEADER, KEY);
    assert_eq!(query.json(&named("a")).send().problem(422), "idempotency_mismatch");
    let child = server.token(&anna);
    let ours = json!({ "name": "a", "owner": "anna" });
    for (by, same) in [
        (bert.basic(), named("a")),
        (format!("Bearer {}", server.token(&bert)), named("a")),
        // The same user by a token is another caller: it may be narrower.
        (format!("Bearer {child}"), named("a")),
        (format!("Bearer {}", server.secret()), ours),
    ] {
        let told = mint(&mut client, &by, KEY, &same);
        assert_eq!(told.problem(409), "idempotency_foreign");
        // Not even whether it is the same request.
        let different = json!({ "name": "c", "owner": same["owner"].as_str() });
        assert_eq!(undated(mint(&mut client, &by, KEY, &different)), undated(told));
    }
    assert_eq!(undated(mint(&mut client, &anna.basic(), KEY, &named("a"))), undated(first));
}

#[test]
fn what_was_refused_is_not_kept_and_who_was_let_in_is_decided_on_again() {
    let server = Server::start();
    let (anna, moss) = (server.user("anna"), server.member("moss"));
    let mut client = server.client();
    assert_eq!(mint(&mut client, &moss.basic(), KEY, &named("a")).problem(403), "issuing_forbidden");
    server.policy("default", &json!({ "issuers": "members" }));
    mint(&mut client, &moss.basic(), KEY, &named("a")).expect(201);
    server.policy("default", &json!({ "quota": 1 }));
    let other = KEY.replace('4', "5");
    assert_eq!(mint(&mut client, &moss.basic(), &other, &named("b")).problem(409), "quota_full");
    mint(&mut client, &moss.basic(), KEY, &named("a")).expect(201);
    server.policy("default", &json!({ "quota": 9 }));
    mint(&mut client, &moss.basic(), &other, &named("b")).expect(201);
    assert_eq!(kept(&server), (2, 2));

    let parent = server.token(&anna);
    let by = format!("Bearer {parent}");
    let third = KEY.replace('4', "6");
    mint(&mut client, &by, &third, &named("c")).expect(201);
    client.delete("/v1/tokens/self").bearer(&parent).send().expect(204);
    assert_eq!(mint(&mut client, &by, &third, &named("c")).problem(401), "token_deleted");
}

/// What became of a token, and how.
type Way<'a> = (&'a str, &'a dyn Fn(&mut Client, &str));

#[test]
fn a_token_that_was_used_or_revoked_is_told_of_and_not_given_again() {
    let server = Server::start();
    let anna = server.user("anna").basic();
    let asker = server.administrator("ada");
    let mut client = server.client();
    let ways: [Way<'_>; 4] = [
        ("at jeton", &|client, token| drop(client.get("/v1/me").bearer(token).send().expect(200))),
        ("at the gate", &|client, token| drop(client.get("/gate").bearer(token).send().expect(200))),
        ("somebody asks", &|client, token| {
            let request = client.post("/oauth/introspect").basic(&asker.name, &asker.password);
            assert_eq!(request.form(&format!("token={token}")).send().expect(200).json()["active"], true);
        }),
        ("revoked", &|client, token| {
            let path = format!("/v1/tokens/{}", token::Wire::read(token).uuid());
            client.delete(&path).header("Authorization", &anna).send().expect(204);
        }),
    ];
    for (place, (what, use_it)) in ways.iter().enumerate() {
        let key = format!("{KEY}-{place}");
        let made = text(&mint(&mut client, &anna, &key, &named("a")).expect(201));
        use_it(&mut client, &made);
        let told = mint(&mut client, &anna, &key, &named("a"));
        assert_eq!(told.problem(409), "idempotency_spent", "{what}");
        assert_eq!(
            told.json()["token_id"].as_str(),
            Some(token::Wire::read(&made).uuid().as_str()),
            "{what}"
        );
        assert!(!told.text().contains(&made));
    }
    assert_eq!(tokens(&server), 4);
    // Those that were used are wiped soon, in the background; the revoked one is good for nothing.
    wait_for("the replies to be wiped", Duration::from_secs(3), || (kept(&server) == (4, 1)).then_some(()));
}

#[test]
fn ten_minutes_later_it_is_a_new_request() {
    let mut server = Server::start();
    let anna = server.user("anna").basic();
    let first = text(&mint(&mut server.client(), &anna, KEY, &named("a")).expect(201));
    server.stop();
    let home = tempfile::tempdir().unwrap();
    crate::harness::files::copy(&server.data(), &home.path().join("data")).unwrap();
    assert_eq!(kept(&server), (1, 1));
    server.launch();
    assert_eq!(text(&mint(&mut server.client(), &anna, KEY, &named("a")).expect(201)), first);
    drop(server);
    let later = Server::setup().at("+11m").start_in(home);
    assert_ne!(text(&mint(&mut later.client(), &anna, KEY, &named("a")).expect(201)), first);
    assert_eq!((tokens(&later), kept(&later)), (2, (1, 1)));
}

#[test]
fn a_bad_key_is_refused_by_name_and_makes_nothing() {
    let server = Server::start();
    let anna = server.user("anna").basic();
    let mut client = server.client();
    let long = "k".repeat(256);
    let bad: [&[u8]; 9] = [
        b"",
        b"\"\"",
        b"1",
        b"abcdefghijklmnopqrstu",
        b"8e03978e40d543e89be5a0d2b8c3f1a",
        b"8e03978e-40d5-43e8-9be5-a0d2b8c3f1a-",
        long.as_bytes(),
        b"with a space and more than 22",
        b"4b1f0e5c-9a51-4f6e-8d57-0c1f5a9e7b3\xff",
    ];
    for key in bad {
        let request = client.post("/v1/tokens").header("Authorization", &anna).header(HEADER, key);
        let reply = request.json(&named("a")).send();
        assert_eq!(reply.problem(400), "invalid", "{key:?}");
        assert_eq!(reply.json()["field"], HEADER);
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("22 to 255") && detail.contains("128"), "{detail}");
    }
    let request = client.post("/v1/tokens").header("Authorization", &anna).header(HEADER, KEY);
    let reply = request.header(HEADER, KEY).json(&named("a")).send();
    assert_eq!(reply.problem(400), "invalid");
    assert!(reply.text().contains("Idempotency-Key: stands twice"), "{}", reply.text());
    assert_eq!((tokens(&server), kept(&server)), (0, (0, 0)));
}

#[test]
fn other_vendors_apis_and_reads_know_no_such_header() {
    let server = Server::start();
    let anna = server.user("anna");
    let mut client = server.client();
    let mut make = |key: &str| {
        let request = client.post("/ds-api/user-token").basic(&anna.name, &anna.password);
        request.header(HEADER, key).send().expect(201).json()["user-token"].as_str().unwrap().to_owned()
    };
    assert_ne!(make(KEY), make(KEY));
    make("no key at all");
    assert_eq!((tokens(&server), kept(&server)), (3, (0, 0)));
    client.get("/v1/tokens").basic(&anna.name, &anna.password).header(HEADER, "x").send().expect(200);
}

#[test]
fn a_deleted_users_replies_go_with_the_user() {
    let server = Server::start();
    let anna = server.user("anna").basic();
    mint(&mut server.client(), &anna, KEY, &named("a")).expect(201);
    assert_eq!(kept(&server), (1, 1));
    server.locally("DELETE", "/v1/users/anna", &Value::Null).expect(204);
    wait_for("the user to be erased", Duration::from_secs(15), || (kept(&server) == (0, 0)).then_some(()));
}

/// Every twelve bytes of the secret and of the key, in every disguise.
fn runs_of(made: &str, key: &str) -> Runs {
    let mut runs = Runs::default();
    let secret = token::Wire::read(made).secret;
    runs.add_disguised("the secret's digits", secret.as_bytes());
    runs.add_disguised("the secret's bytes", &secret_bytes(&secret));
    runs.add_disguised("the key", key.as_bytes());
    runs
}

/// How many tokens have a name.
fn named_so(server: &Server, name: &str) -> i64 {
    let connection = database::open(&server.data());
    connection.query_row("SELECT count(*) FROM tokens WHERE name = ?", [name], |row| row.get(0)).unwrap()
}

#[test]
fn a_crash_between_the_commit_and_the_reply_loses_no_secret() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    let anna = server.user("anna").basic();
    let (mut committed, mut told) = (0, 0);
    for round in 0..campaign(12, 300) {
        let key = format!("k{round:04}-{}", "Zyxwvutsrqponmlkjihgfe");
        let name = format!("crash {round}");
        let mut client = server.client();
        let bytes = client
            .post("/v1/tokens")
            .header("Authorization", &anna)
            .header(HEADER, &key)
            .json(&named(&name))
            .bytes();
        client.write_raw(&bytes).unwrap();
        // At the commit itself, or at some moment of the milliseconds around it: a password takes its time.
        if round % 2 == 0 {
            wait_for("the commit", Duration::from_secs(5), || (named_so(&server, &name) == 1).then_some(()));
            committed += 1;
        } else {
            thread::sleep(Duration::from_millis(20 + round as u64 * 7 % 60));
        }
        server.kill();
        let first = client.read_reply(false).ok();
        let left = contents(server.home());
        server.launch();
        let again = mint(&mut server.client(), &anna, &key, &named(&name)).expect(201);
        if let Some(first) = first {
            told += 1;
            assert_eq!(undated(first), undated(again.clone()), "round {round}");
        }
        assert_eq!(named_so(&server, &name), 1, "round {round}");
        let runs = runs_of(&text(&again), &key);
        assert!(left.iter().all(|(_, bytes)| runs.find(bytes).is_none()), "round {round}: left by the crash");
        holds_none(&server, &runs, "while the reply is kept");
        assert!(server.accepts(&text(&again)), "round {round}");
        assert_eq!(mint(&mut server.client(), &anna, &key, &named(&name)).problem(409), "idempotency_spent");
        holds_none(&server, &runs, "after the first use");
    }
    eprintln!("{committed} crashes came right after the commit; {told} replies had arrived");
    server.stop();
    // What shows that the scan sees what it looks for.
    std::fs::write(server.data().join("planted"), KEY).unwrap();
    let runs = runs_of(&token::resealed(&format!("jtn_{}_{}", "0".repeat(22), "1".repeat(49))), KEY);
    assert!(contents(&server.data()).iter().any(|(_, bytes)| runs.find(bytes).is_some()));
}

/// Stands before the server; cuts the first connection where a reply comes back, and passes the others on.
fn cutter(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            let mut upstream = TcpStream::connect(server).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let mut reply = [0; 8 * 1024];
            let read = upstream.read(&mut reply).unwrap();
            if number > 0 {
                client.write_all(&reply[..read]).unwrap();
            }
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
    });
    address
}

#[test]
fn the_command_line_loses_no_token_with_a_connection() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.token(&anna);
    let create = |url: &str, more: &[&str]| {
        let arguments = [&["token", "create", "--name", "ci", "--url", url][..], more].concat();
        crate::harness::Run::new(&arguments).env("JETON_TOKEN", &parent).run()
    };
    let before = tokens(&server);
    let made = create(&format!("http://{}", cutter(server.address())), &[]).done();
    assert!(server.accepts(made.trim()));
    assert_eq!(tokens(&server), before + 1);

    let direct = format!("http://{}", server.address());
    let given = ["--idempotency-key", KEY];
    let one = create(&direct, &given).done();
    assert_eq!(create(&direct, &given).done(), one);
    assert_ne!(create(&direct, &[]).done(), one);
    let wrong = create(&direct, &["--idempotency-key", "short"]).refused(2);
    assert!(wrong.contains("22 to 255"), "{wrong}");

    // Nobody answers at all: what may have been made can be asked for again.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", silent.local_addr().unwrap());
    let closing = thread::spawn(move || {
        for client in silent.incoming().take(2) {
            let _ = client.unwrap().read(&mut [0; 4096]);
        }
    });
    let told = create(&nobody, &given).refused(1);
    assert!(told.contains(&format!("--idempotency-key {KEY}")), "{told}");
    closing.join().unwrap();
}
