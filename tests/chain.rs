//! The chain that the record of events is: whatever is done to it behind jeton's back, verify names the first row.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::harness::{Server, campaign, database, server::named};

/// What `jeton events verify` says, having asked the running server.
pub fn verdict(server: &Server) -> Value {
    let output = server.run(&["events", "verify", "--json"]);
    let found: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(output.code, Some(i32::from(found["sound"] != true)), "{found}");
    let reply = server.client().get("/v1/events/verify").bearer(server.secret()).send().expect(200);
    assert_eq!(reply.json(), found);
    found
}

/// Asserts that verify names `sequence` as the first that is wrong, for a reason that has `word` in it.
#[track_caller]
fn names(server: &Server, sequence: i64, word: &str) {
    let found = verdict(server);
    assert_eq!((&found["sound"], &found["first_bad"]), (&json!(false), &json!(sequence)), "{found}");
    assert!(found["problem"].as_str().is_some_and(|problem| problem.contains(word)), "{found}");
}

/// A server with some dozens of events, a few of them with an address.
fn busy() -> Server {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    for _ in 0..30 {
        server.child(&keeper, &named("made"));
    }
    assert_eq!(verdict(&server)["sound"], true);
    server
}

/// Runs `sql` on the events and asserts how many rows it touched.
fn tamper(connection: &Connection, sql: &str, rows: usize) {
    assert_eq!(connection.execute(sql, []).unwrap(), rows, "{sql}");
}

#[test]
fn thousands_of_events_are_sound_and_counted() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let count = campaign(600, 9_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = server.client();
                for _ in 0..count / 4 {
                    let made = client.post("/v1/tokens").bearer(&keeper).json(&named("many")).send();
                    let path = format!("/v1/tokens/{}", made.expect(201).json()["id"].as_str().unwrap());
                    for change in ["/disable", "/enable"] {
                        client.post(&format!("{path}{change}")).bearer(&keeper).send().expect(200);
                    }
                    client.delete(&path).bearer(&keeper).send().expect(204);
                }
            });
        }
    });
    let found = verdict(&server);
    let connection = database::open(&server.data());
    let total: i64 = connection
        .query_row("SELECT count FROM totals WHERE list = 'events' AND scope = zeroblob(16)", [], |row| {
            row.get(0)
        })
        .unwrap();
    let in_organization: i64 = connection
        .query_row(
            "SELECT count FROM totals JOIN organizations ON scope = id WHERE list = 'events'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(found, json!({ "sound": true, "count": total }));
    assert_eq!(total, database::count(&connection, "events"));
    assert_eq!(in_organization, total, "all of these happened in the one organization");
    assert!(total >= i64::try_from(count).unwrap() * 4);
    let output = server.run(&["events", "verify"]);
    assert_eq!(output.done().trim_end(), format!("sound: {total} events"));
}

#[test]
fn the_time_never_goes_back_along_the_chain() {
    let server = busy();
    let connection = database::open(&server.data());
    let mut statement = connection.prepare("SELECT at FROM events ORDER BY sequence").unwrap();
    let times: Vec<i64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(times.is_sorted());
}

#[test]
fn an_edited_column_is_found_in_its_row() {
    for edit in [
        "at = at + 1",
        "at = at - 1",
        "actor = 'local'",
        "actor_user = zeroblob(16)",
        "actor_user = NULL",
        "actor_token = NULL",
        "address = '192.0.2.1'",
        "deed = 'token.deleted'",
        "object_kind = 'user'",
        "object = zeroblob(16)",
        "object = zeroblob(0)",
        "organization = NULL",
        "organization = zeroblob(16)",
        "detail = 'name'",
        "link = zeroblob(32)",
        "link = zeroblob(3)",
        "link_pepper = 2",
        "address_digest = NULL",
        "address_digest = zeroblob(32)",
    ] {
        let server = busy();
        let connection = database::open(&server.data());
        tamper(&connection, &format!("UPDATE events SET {edit} WHERE sequence = 17"), 1);
        let found = verdict(&server);
        assert_eq!(found["first_bad"], 17, "{edit}: {found}");
        assert_eq!(found["count"], 16, "{edit}: {found}");
    }
}

#[test]
fn any_flipped_byte_of_a_row_is_found() {
    let mut server = busy();
    let connection = database::open(&server.data());
    let columns = ["actor_user", "actor_token", "object", "organization", "link", "address_digest"];
    for column in columns {
        let read = format!("SELECT {column} FROM events WHERE sequence = 20");
        let kept: Vec<u8> = connection.query_row(&read, [], |row| row.get(0)).unwrap();
        let write = format!("UPDATE events SET {column} = ? WHERE sequence = 20");
        for at in [0, kept.len() / 2, kept.len() - 1] {
            let mut flipped = kept.clone();
            flipped[at] ^= 1;
            connection.execute(&write, params![flipped]).unwrap();
            let found = verdict(&server);
            assert_eq!(found["first_bad"], 20, "{column}, byte {at}: {found}");
        }
        connection.execute(&write, params![kept]).unwrap();
        assert_eq!(verdict(&server)["sound"], true, "as it was");
    }
    server.stop();
}

#[test]
fn a_deleted_row_is_missed_wherever_it_was() {
    for sequence in [1, 2, 17] {
        let server = busy();
        let connection = database::open(&server.data());
        tamper(&connection, &format!("DELETE FROM events WHERE sequence = {sequence}"), 1);
        names(&server, sequence, "missing");
        // Closing the gap doesn't hide it.
        tamper(
            &connection,
            &format!("UPDATE events SET sequence = {sequence} WHERE sequence = {sequence} + 1"),
            1,
        );
        names(&server, sequence, "link");
    }
}

#[test]
fn swapped_rows_are_found_at_the_first_of_them() {
    let server = busy();
    let connection = database::open(&server.data());
    for (from, to) in [(10, -1), (12, 10), (-1, 12)] {
        tamper(&connection, &format!("UPDATE events SET sequence = {to} WHERE sequence = {from}"), 1);
    }
    names(&server, 10, "link");
}

#[test]
fn a_row_put_before_or_after_the_chain_is_found_and_stops_nobody() {
    let server = busy();
    let connection = database::open(&server.data());
    let last = database::count(&connection, "events");
    let copy = |to: i64| {
        let columns =
            "at, actor, actor_user, actor_token, address, deed, object_kind, object, organization, detail,
                       link, link_pepper, address_digest";
        let sql = format!(
            "INSERT INTO events (sequence, {columns}) SELECT {to}, {columns} FROM events WHERE sequence = 9"
        );
        tamper(&connection, &sql, 1);
    };
    copy(last + 1);
    names(&server, last + 1, "after the end");
    // What happens next is recorded after it, and it stays found.
    server.user("berta");
    names(&server, last + 1, "link");
    tamper(&connection, &format!("DELETE FROM events WHERE sequence = {last} + 1"), 1);
    names(&server, last + 1, "missing");
    copy(0);
    names(&server, 0, "before the first");
}

#[test]
fn events_cut_off_the_end_are_missed_now_and_later() {
    let mut server = busy();
    let connection = database::open(&server.data());
    let last = database::count(&connection, "events");
    tamper(&connection, &format!("DELETE FROM events WHERE sequence > {last} - 5"), 5);
    names(&server, last - 4, "cut off");
    server.user("berta");
    names(&server, last - 4, "missing");
    server.stop();
    server.launch();
    names(&server, last - 4, "missing");
    drop(connection);
}

#[test]
fn a_start_over_a_record_that_was_cut_says_so() {
    let mut server = busy();
    server.stop();
    let connection = database::open(&server.data());
    tamper(&connection, "DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)", 1);
    drop(connection);
    server.launch();
    server.wait_for_log("jeton events verify");
}

#[test]
fn the_sealed_end_is_put_back_or_taken_away_in_vain() {
    for edit in [
        "DELETE FROM chain_end",
        "UPDATE chain_end SET sequence = sequence - 1",
        "UPDATE chain_end SET link = (SELECT link FROM events WHERE sequence = 9), sequence = 9",
        "UPDATE chain_end SET seal = zeroblob(32)",
    ] {
        let server = busy();
        let connection = database::open(&server.data());
        let last = database::count(&connection, "events");
        tamper(&connection, edit, 1);
        names(&server, last + 1, "sealed end");
        // Nor is it sealed anew by what happens next.
        server.user("berta");
        let found = verdict(&server);
        assert_eq!(found["sound"], false, "{edit}: {found}");
    }
    // One that was good once, written back: the events after it stand beyond the end.
    let server = busy();
    let connection = database::open(&server.data());
    let old: (i64, Vec<u8>, Vec<u8>) = connection
        .query_row("SELECT sequence, link, seal FROM chain_end", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    server.user("berta");
    connection
        .execute("UPDATE chain_end SET sequence = ?, link = ?, seal = ?", params![old.0, old.1, old.2])
        .unwrap();
    names(&server, old.0 + 1, "after the end");
}

#[test]
fn an_address_blanked_is_sound_and_one_edited_is_not() {
    let server = busy();
    let connection = database::open(&server.data());
    let with_address = "sequence = (SELECT min(sequence) FROM events WHERE address IS NOT NULL)";
    let sequence: i64 = connection
        .query_row(&format!("SELECT sequence FROM events WHERE {with_address}"), [], |row| row.get(0))
        .unwrap();
    tamper(&connection, &format!("UPDATE events SET address = '127.0.0.2' WHERE {with_address}"), 1);
    names(&server, sequence, "address");
    tamper(&connection, &format!("UPDATE events SET address = NULL WHERE sequence = {sequence}"), 1);
    assert_eq!(verdict(&server)["sound"], true);
    // Equal addresses don't show in what is left of them.
    let (rows, digests): (i64, i64) = connection
        .query_row(
            "SELECT count(*), count(DISTINCT address_digest) FROM events WHERE address_digest IS NOT NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert!(rows > 10 && rows == digests, "{rows} rows, {digests} digests");
}

#[test]
fn only_whoever_operates_the_instance_verifies() {
    let server = Server::start();
    let [anna, eve, olga] = [server.user("anna"), server.manager("eve"), server.administrator("olga")];
    let mut client = server.client();
    let mut ask = |actor: &crate::harness::server::Actor| {
        client.get("/v1/events/verify").basic(&actor.name, &actor.password).send().status
    };
    assert_eq!((ask(&anna), ask(&eve), ask(&olga)), (403, 403, 200));
    assert_eq!(client.get("/v1/events/verify").send().status, 401);
}

#[test]
fn a_walk_ends_while_the_log_grows() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                server.child(&keeper, &named("more"));
            }
        });
        let mut client = server.client();
        for _ in 0..30 {
            let reply = client.get("/v1/events/verify").bearer(server.secret()).send().expect(200);
            assert_eq!(reply.json()["sound"], true, "{}", reply.text());
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
