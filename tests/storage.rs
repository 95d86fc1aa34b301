//! What is kept and when: pragmas, durable commits, the chain of events, and checks that write nothing.

use std::{collections::HashSet, fs, time::Duration};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::harness::{Server, database, server::named, token, wait_for};

#[test]
fn the_database_is_in_wal_mode_and_sound() {
    let server = Server::start();
    let anna = server.user("anna");
    server.token(&anna);
    let connection = database::open(&server.data());
    let ask = |pragma: &str| {
        connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(ask("journal_mode"), "wal");
    assert_eq!(ask("integrity_check"), "ok");
    let broken: Option<String> = connection.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).ok();
    assert_eq!(broken, None);
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert!(version >= 1);
}

#[test]
fn only_a_digest_of_the_secret_is_stored() {
    let server = Server::start();
    let anna = server.user("anna");
    let text = server.token(&anna);
    let connection = database::open(&server.data());
    let id = token::Wire::read(&text).id;
    let digest: Vec<u8> = connection
        .query_row("SELECT digest FROM tokens WHERE id = ?1", [id.as_slice()], |row| row.get(0))
        .unwrap();
    assert_eq!(digest.len(), 32);
    // Not a plain hash of it either: without the pepper nothing can be tried.
    for guess in [&text[..], &text[27..70], &text[27..], &text[..70]] {
        assert_ne!(digest, Sha256::digest(guess).to_vec());
    }
}

#[test]
fn a_reply_comes_only_after_its_commit_is_on_disk() {
    let server = Server::setup()
        .env("PATH", "/usr/bin:/bin")
        .shell("exec strace -D -f -qq -o syncs -e trace=fsync,fdatasync \"$@\"")
        .start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let syncs = || {
        let trace = fs::read_to_string(server.home().join("syncs")).unwrap_or_default();
        trace.lines().filter(|line| line.contains("sync(")).count()
    };
    let mut client = server.client();
    for count in 0..20 {
        let before = syncs();
        client.post("/v1/tokens").bearer(&keeper).json(&named(&format!("{count}"))).send().expect(201);
        // The tracer writes its line while the call is held up, so before the reply could be sent.
        assert!(syncs() > before, "issue {count} was acknowledged without a sync");
    }
}

#[test]
fn writes_that_come_together_share_a_sync() {
    let server = Server::setup()
        .env("PATH", "/usr/bin:/bin")
        .shell("exec strace -D -f -qq -o syncs -e trace=fsync,fdatasync -e inject=fdatasync:delay_exit=20000 \"$@\"")
        .start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let syncs = || {
        let trace = fs::read_to_string(server.home().join("syncs")).unwrap_or_default();
        trace.lines().filter(|line| line.contains("sync(")).count()
    };
    let before = syncs();
    let mut clients: Vec<_> = (0..64).map(|_| server.client()).collect();
    for client in &mut clients {
        let request = client.post("/v1/tokens").bearer(&keeper).json(&named("shared")).bytes();
        client.write_raw(&request).unwrap();
    }
    for client in &mut clients {
        client.read_reply(false).unwrap().expect(201);
    }
    let used = syncs() - before;
    assert!((1..=32).contains(&used), "64 issues at once took {used} syncs");
}

/// An event: deed, actor, the actor's user and token, and in hex its object and its link.
type Row = (String, String, Option<Vec<u8>>, Option<Vec<u8>>, String, String);

#[test]
fn every_mutation_leaves_its_event_and_no_names() {
    let mut server = Server::start();
    let (anna, ada) = (server.user("anna-secretname"), server.administrator("ada-secretname"));
    let keeper = server.token(&anna);
    let mut client = server.client();
    let made = client
        .post("/v1/tokens")
        .bearer(&keeper)
        .header("User-Agent", "agent-secretname")
        .json(&json!({ "name": "label-secretname", "description": "words-secretname" }))
        .send()
        .expect(201)
        .json();
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    client
        .patch(&path)
        .bearer(&keeper)
        .header("If-Match", "\"0\"")
        .json(&named("other-secretname"))
        .send()
        .expect(200);
    client.post(&format!("{path}/disable")).bearer(&keeper).send().expect(200);
    client.post(&format!("{path}/enable")).bearer(&keeper).send().expect(200);
    client.delete(&path).bearer(&keeper).send().expect(204);
    for verb in ["disable", "enable"] {
        client.post(&format!("/v1/users/{}/{verb}", anna.name)).bearer(server.secret()).send().expect(200);
    }
    let password = json!({ "password": "a longer secretname for all" });
    let put = format!("/v1/users/{}/password", anna.name);
    client.request("PUT", &put).bearer(server.secret()).json(&password).send().expect(204);
    client.get("/v1/me").basic("guess-secretname", "wrong-secretname-password").send().expect(401);
    client.get("/v1/me").basic(&ada.name, &ada.password).send().expect(200);
    server.stop();

    let connection = database::open(&server.data());
    let mut statement = connection
        .prepare("SELECT deed, actor, actor_user, actor_token, hex(object), hex(link) FROM events ORDER BY sequence")
        .unwrap();
    let rows: Vec<Row> = statement
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let deeds: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
    let object = made["id"].as_str().unwrap().replace('-', "").to_uppercase();
    let of_token: Vec<_> = rows.iter().filter(|row| row.4 == object).map(|row| row.0.as_str()).collect();
    assert_eq!(
        of_token,
        ["token.created", "token.relabelled", "token.disabled", "token.enabled", "token.deleted"],
        "{deeds:?}"
    );
    for deed in ["organization.created", "user.created", "user.disabled", "user.enabled", "user.password_set"]
    {
        assert!(deeds.contains(&deed), "no {deed} among {deeds:?}");
    }
    let keeper = token::Wire::read(&keeper).id.to_vec();
    for row in rows.iter().filter(|row| row.4 == object) {
        assert_eq!(
            (row.1.as_str(), row.2.is_some(), row.3.as_ref()),
            ("token", true, Some(&keeper)),
            "{}",
            row.0
        );
    }
    let links: HashSet<_> = rows.iter().map(|row| &row.5).collect();
    assert_eq!(links.len(), rows.len(), "every link is its own");
    let all = database::dump(&connection, "events").concat().join(" ");
    let hex: String = "secretname".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!all.contains("secretname") && !all.contains(&hex), "{all}");
    let sequences = "SELECT count(*) = max(sequence) - min(sequence) + 1 FROM events";
    assert!(connection.query_row(sequences, [], |row| row.get::<_, bool>(0)).unwrap(), "no gap");
}

#[test]
fn what_is_refused_leaves_no_event_and_no_row() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let mut client = server.client();
    let refused = [
        client.post("/v1/tokens").bearer(&keeper).json(&json!({ "name": "x", "lifetime": "never" })).send(),
        client
            .post("/v1/tokens")
            .bearer(&keeper)
            .json(&json!({ "name": "x", "privileges": ["jeton:admin"] }))
            .send(),
        client.patch("/v1/tokens/self").bearer(&keeper).header("If-Match", "\"9\"").json(&named("x")).send(),
        client.post("/v1/tokens").json(&named("x")).send(),
    ];
    assert!(refused.iter().all(|reply| reply.status >= 400));
    server.stop();
    let connection = database::open(&server.data());
    assert_eq!(database::count(&connection, "tokens"), 1);
    let made: i64 = connection
        .query_row("SELECT count(*) FROM events WHERE deed LIKE 'token.%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(made, 1);
}

#[test]
fn a_check_writes_nothing_but_its_use_and_that_in_batches() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let connection = database::open(&server.data());
    let version = || connection.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let (events, mut seen, mut commits) = (database::count(&connection, "events"), version(), 0);
    let start = std::time::Instant::now();
    let mut client = server.client();
    let checks = 1_000;
    for _ in 0..checks {
        client.get("/v1/tokens/self").bearer(&keeper).send().expect(200);
        let now = version();
        commits += u64::from(now != seen);
        seen = now;
    }
    let allowed = 2 + start.elapsed().as_secs();
    assert!(commits <= allowed, "{commits} commits for {checks} checks in {:?}", start.elapsed());
    assert_eq!(database::count(&connection, "events"), events);

    // Flushed at most 5 s later, or at stop: none is lost by a stop.
    let used = || -> i64 {
        connection.query_row("SELECT coalesce(sum(count), 0) FROM token_uses", [], |row| row.get(0)).unwrap()
    };
    wait_for("the flush", Duration::from_secs(6), || (used() >= checks).then_some(()));
    for _ in 0..10 {
        client.get("/v1/tokens/self").bearer(&keeper).send().expect(200);
    }
    let before_stop = used();
    drop(client);
    server.stop();
    assert_eq!(used(), checks + 10, "{before_stop} before the stop");
}

#[test]
fn another_process_that_holds_the_database_is_waited_for_and_then_said_to_be_busy() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let connection = database::open(&server.data());
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut client = server.client();
    let reply = client.post("/v1/tokens").bearer(&keeper).json(&named("waits")).send();
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.header("retry-after").is_some());
    assert!(server.accepts(&keeper), "checks go on");
    connection.execute_batch("ROLLBACK").unwrap();
    client.post("/v1/tokens").bearer(&keeper).json(&named("goes on")).send().expect(201);
}
