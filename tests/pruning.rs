//! The oldest part of the record is removed, and the rest is still proved: to begin where it was cut, and to end where it
//! ends.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    chain::verdict,
    harness::{Client, Reply, Server, database, files, server::named},
};

/// A server with some hundreds of events, more than are removed at once.
fn long() -> Server {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let id = server.child(&keeper, &named("switched"))["id"].as_str().unwrap().to_owned();
    let mut client = server.client();
    for _ in 0..280 {
        for change in ["disable", "enable"] {
            client.post(&format!("/v1/tokens/{id}/{change}")).bearer(&keeper).send().expect(200);
        }
    }
    server
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The instant of an event, and how many are before it.
fn place(connection: &Connection, sequence: i64) -> (String, i64) {
    let sql =
        format!("SELECT count(*) FROM events WHERE at < (SELECT at FROM events WHERE sequence = {sequence})");
    let at = number(connection, &format!("SELECT at FROM events WHERE sequence = {sequence}"));
    let at = jiff::Timestamp::from_millisecond(at).unwrap();
    (at.to_string(), number(connection, &sql))
}

/// Whether the database or its log holds these bytes.
fn holds(server: &Server, wanted: &[u8]) -> bool {
    ["jeton.db", "jeton.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(server.data().join(name)).unwrap_or_default();
        bytes.windows(wanted.len()).any(|window| window == wanted)
    })
}

fn prune(client: &mut Client, secret: &str, before: &str) -> Reply {
    client.post("/v1/events/prune").bearer(secret).json(&json!({ "before": before })).send()
}

#[test]
fn what_is_left_is_proved_from_where_it_was_cut() {
    let mut server = long();
    let connection = database::open(&server.data());
    let count = database::count(&connection, "events");
    let link = "SELECT link FROM events WHERE sequence = 100";
    let link: Vec<u8> = connection.query_row(link, [], |row| row.get(0)).unwrap();
    assert!(holds(&server, &link));
    let (before, gone) = place(&connection, 540);
    assert!(gone > 500, "more than one step");
    let found = prune(&mut server.client(), server.secret(), &before).expect(200).json();
    assert_eq!(found, json!({ "removed": gone, "pruned": gone }));
    assert_eq!(number(&connection, "SELECT min(sequence) FROM events"), gone + 1);
    let found = verdict(&server);
    let left = count - gone + 1;
    assert_eq!(
        (&found["sound"], &found["count"], &found["pruned"]),
        (&json!(true), &json!(left), &json!(gone))
    );
    assert!(found["pruned_at"].is_string());
    let said = server.run(&["events", "verify"]).done();
    assert!(said.starts_with(&format!("sound: {left} events ({gone} before them were removed")), "{said}");
    // It is on record, once, by whom and up to when.
    let recorded =
        server.client().get("/v1/events?kind=events.pruned&total=true").bearer(server.secret()).send();
    let recorded: Value = recorded.expect(200).json();
    assert_eq!((&recorded["total"], &recorded["items"][0]["actor"]), (&json!(1), &json!("local")));
    let detail = recorded["items"][0]["detail"].as_str().unwrap().strip_prefix("before=").unwrap();
    assert_eq!(detail.parse::<jiff::Timestamp>().unwrap(), before.parse().unwrap());
    // The totals follow.
    let total = |scope: &str| {
        number(&connection, &format!("SELECT count FROM totals WHERE list = 'events' AND scope = {scope}"))
    };
    assert_eq!(total("zeroblob(16)"), left);
    assert_eq!(
        total("(SELECT id FROM organizations)"),
        number(&connection, "SELECT count(*) FROM events WHERE organization IS NOT NULL")
    );

    // The same again removes nothing, and is no event; later more goes.
    let again = prune(&mut server.client(), server.secret(), &before).expect(200).json();
    assert_eq!(again, json!({ "removed": 0, "pruned": gone }));
    let last = number(&connection, "SELECT max(sequence) FROM events");
    let (later, _) = place(&connection, last);
    let said = server.run(&["events", "prune", "--before", &later]).done();
    assert_eq!(said, format!("removed {} events, {} in all\n", last - 1 - gone, last - 1));
    let found = verdict(&server);
    assert_eq!((&found["count"], &found["pruned"]), (&json!(2), &json!(last - 1)));

    // Nothing of it is in any file, and it goes on after a restart.
    assert!(!holds(&server, &link), "what was removed is still there");
    server.stop();
    assert!(!holds(&server, &link), "what was removed is still there");
    server.launch();
    server.user("bert");
    assert_eq!(verdict(&server)["sound"], true);
    assert!(!server.log().contains("doesn't end where"), "{}", server.log());
}

#[test]
fn whatever_is_done_behind_its_back_is_still_found() {
    let mut server = long();
    let (before, gone) = place(&database::open(&server.data()), 100);
    prune(&mut server.client(), server.secret(), &before).expect(200);
    server.stop();
    let kept = files_of(&server);
    for (edit, first, word) in [
        ("UPDATE events SET detail = 'name' WHERE sequence = 300", 300, "link"),
        ("UPDATE events SET link = zeroblob(32) WHERE sequence = 300", 300, "link"),
        ("DELETE FROM events WHERE sequence < 200", gone + 1, "missing"),
        ("DELETE FROM pruned", 1, "missing"),
        (
            "UPDATE pruned SET sequence = 199, link = (SELECT link FROM events WHERE sequence = 199)",
            1,
            "beginning",
        ),
        ("UPDATE pruned SET at = at + 1", 1, "beginning"),
        ("UPDATE pruned SET actor_user = zeroblob(16)", 1, "beginning"),
        ("UPDATE events SET sequence = 7 WHERE sequence = 300", 7, "before"),
    ] {
        std::fs::write(server.data().join("jeton.db"), &kept).unwrap();
        server.launch();
        let connection = database::open(&server.data());
        assert!(connection.execute(edit, []).unwrap() > 0, "{edit}");
        let found = verdict(&server);
        assert_eq!((&found["sound"], &found["first_bad"]), (&json!(false), &json!(first)), "{edit}: {found}");
        assert!(found["problem"].as_str().unwrap().contains(word), "{edit}: {found}");
        // And it isn't removed, so that it stays found.
        let (latest, _) = place(&connection, number(&connection, "SELECT max(sequence) FROM events"));
        assert_eq!(prune(&mut server.client(), server.secret(), &latest).problem(400), "invalid", "{edit}");
        assert_eq!(verdict(&server)["sound"], false, "{edit}");
        drop(connection);
        server.stop();
    }
}

fn files_of(server: &Server) -> Vec<u8> {
    assert!(!files::children(&server.data()).iter().any(|path| path.ends_with("jeton.db-wal") && wal(path)));
    std::fs::read(server.data().join("jeton.db")).unwrap()
}

fn wal(path: &std::path::Path) -> bool {
    std::fs::metadata(path).is_ok_and(|log| log.len() > 0)
}

#[test]
fn only_an_operator_removes_events_and_only_past_ones() {
    let server = Server::start();
    let [anna, eve, olga] = [server.user("anna"), server.manager("eve"), server.administrator("olga")];
    let mut client = server.client();
    let mut ask = |actor: &crate::harness::server::Actor, before: &str| {
        let body = json!({ "before": before });
        client.post("/v1/events/prune").basic(&actor.name, &actor.password).json(&body).send().status
    };
    let past = "2000-01-01T00:00:00Z";
    assert_eq!([ask(&anna, past), ask(&eve, past), ask(&olga, past)], [403, 403, 200]);
    assert_eq!([ask(&olga, "2999-01-01T00:00:00Z"), ask(&olga, "yesterday")], [400, 400]);
    server.run(&["events", "prune"]).refused(2);
    server.run(&["events", "prune", "--before", "2999-01-01T00:00:00Z"]).refused(1);
    assert_eq!(verdict(&server).get("pruned"), None);
}

#[test]
fn a_walk_goes_on_where_the_record_begins_meanwhile() {
    let server = long();
    let connection = database::open(&server.data());
    std::thread::scope(|scope| {
        let pruning = scope.spawn(|| {
            let mut client = server.client();
            for sequence in (20..560).step_by(20) {
                let (before, _) = place(&database::open(&server.data()), sequence);
                prune(&mut client, server.secret(), &before).expect(200);
            }
        });
        while !pruning.is_finished() {
            let found = server.client().get("/v1/events/verify").bearer(server.secret()).send().expect(200);
            assert_eq!(found.json()["sound"], true, "{}", found.text());
        }
    });
    assert!(number(&connection, "SELECT min(sequence) FROM events") > 400);
}
