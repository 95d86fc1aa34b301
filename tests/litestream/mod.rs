//! Replicated by the real Litestream: what it had synced comes back whole, and what was revoked stays so.

mod program;

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use rusqlite::Connection;
use serde_json::json;

use self::program::Litestream;
use crate::harness::{
    RaiseOnDrop, Server, database,
    files::{children, mode, set_mode},
    server::named,
    token::Wire,
    wait_for,
};

fn settings(replica: &Path) -> String {
    let copy = replica.join("jeton.journal");
    format!("replication = \"litestream\"\njournal_copy = \"{}\"\n", copy.display())
}

fn uuid(token: &str) -> String {
    Wire::read(token).uuid()
}

fn revoke(server: &Server, token: &str) {
    server.client().delete("/v1/tokens/self").bearer(token).send().expect(204);
}

/// Issues tokens on two connections until told to stop; each with the time at which it was acknowledged.
fn issue(server: &Server, stop: &AtomicBool) -> Vec<(SystemTime, String)> {
    let keeper = server.token(&server.user("anna"));
    let room = json!({ "quota": 1_000_000 });
    server.locally("PATCH", "/v1/organizations/default/policy", &room).expect(200);
    let issued = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.client();
                while !stop.load(Ordering::Relaxed) {
                    let made =
                        client.post("/v1/tokens").bearer(&keeper).json(&named("load")).send().expect(201);
                    let text = made.json()["token"].as_str().unwrap().to_owned();
                    issued.lock().unwrap().push((SystemTime::now(), text));
                    // So that there are some near each sync and not too many to look at.
                    thread::sleep(Duration::from_millis(10));
                }
            });
        }
    });
    issued.into_inner().unwrap()
}

#[test]
fn a_lost_machine_comes_back_with_all_that_was_synced_and_nothing_that_was_revoked() {
    let replica = tempfile::tempdir().unwrap();
    let mut server = Server::setup().settings(&settings(replica.path())).start();
    let mut litestream = Litestream::replicate(&server.data(), replica.path());
    let stop = AtomicBool::new(false);
    let issued = thread::scope(|scope| {
        let _end = RaiseOnDrop(&stop);
        let issuing = scope.spawn(|| issue(&server, &stop));
        // Some syncs in the midst of it, the last of which began once the one before it was done.
        let first = litestream.syncs();
        wait_for("five syncs", Duration::from_secs(30), || (litestream.syncs() >= first + 5).then_some(()));
        litestream.kill();
        stop.store(true, Ordering::Relaxed);
        issuing.join().unwrap()
    });
    let bound = litestream.last_but_one();
    let synced: Vec<_> = issued.iter().filter(|(at, _)| *at < bound).collect();
    assert!(synced.len() > 20, "{} of {}", synced.len(), issued.len());

    // Litestream is gone: of this only the journal's copy knows.
    let (revoked, kept) = synced.split_at(10);
    for (_, token) in revoked {
        revoke(&server, token);
    }
    server.kill();
    let machine = tempfile::tempdir().unwrap();
    let data = machine.path().join("data");
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o700);
    fs::copy(server.data().join("pepper.key"), data.join("pepper.key")).unwrap();
    drop(server);

    litestream.restore(&data);
    assert_eq!(mode(&data.join("jeton.db")), 0o600);
    let restored = Server::setup().settings(&settings(replica.path())).start_in(machine);
    assert!(restored.log().contains("is taken from its copy"), "{}", restored.log());
    for (_, token) in kept {
        assert!(restored.accepts(token), "{} was synced and is missing", uuid(token));
    }
    for (_, token) in revoked {
        assert!(!restored.accepts(token), "{} lives again", uuid(token));
    }
    assert!(restored.run(&["events", "verify"]).done().starts_with("sound: "));
}

#[test]
fn its_tables_are_left_alone_and_checkpoints_are_its_affair() {
    let replica = tempfile::tempdir().unwrap();
    let mut server = Server::setup().settings(&settings(replica.path())).start();
    let litestream = Litestream::replicate(&server.data(), replica.path());
    let tables = |data: &Path| -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE name LIKE '\\_litestream%' ESCAPE '\\' ORDER BY name";
        let connection = database::open(data);
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let its = wait_for("its tables", Duration::from_secs(20), || {
        Some(tables(&server.data())).filter(|tables| tables.len() == 2)
    });
    // Erasing somebody rewrites the database, where that is jeton's own.
    let anna = server.user("anna");
    let token = server.token(&anna);
    server.locally("DELETE", "/v1/users/anna", &serde_json::Value::Null).expect(204);
    assert!(!server.accepts(&token));
    assert_eq!(tables(&server.data()), its);
    server.stop();
    drop(litestream);

    let log = |data: &Path| fs::metadata(data.join("jeton.db-wal")).map_or(0, |log| log.len());
    assert!(log(&server.data()) > 0, "the stop moved nothing: the next sync finds all of it");
    server.launch();
    let bertha = server.user("bertha");
    let token = server.token(&bertha);
    let before = log(&server.data());
    server.stop();
    assert!(log(&server.data()) >= before, "nor does another");
    server.launch();
    assert!(server.accepts(&token));
    assert!(server.run(&["events", "verify"]).done().starts_with("sound: "));

    // Taken back, it is jeton's affair again.
    server.stop();
    server.restart_with(&["--replication", "none"]);
    server.stop();
    assert_eq!(log(&server.data()), 0);
}

#[test]
fn a_copy_that_cant_be_written_holds_nothing_up_and_catches_up() {
    let home = tempfile::tempdir().unwrap();
    let away = home.path().join("away");
    let copy = away.join("jeton.journal");
    let mut server = Server::setup().flags(&["--journal-copy", copy.to_str().unwrap()]).start();
    let journal = || fs::read(server.data().join("jeton.journal")).unwrap();
    let anna = server.user("anna");
    let tokens: Vec<_> = (0..4).map(|_| server.token(&anna)).collect();
    revoke(&server, &tokens[0]);
    assert!(server.log().contains("isn't a whole copy of the journal"), "{}", server.log());

    fs::create_dir(&away).unwrap();
    revoke(&server, &tokens[1]);
    assert_eq!(fs::read(&copy).unwrap(), journal());
    assert_eq!(mode(&copy), 0o600);
    revoke(&server, &tokens[2]);
    assert_eq!(fs::read(&copy).unwrap(), journal());

    // The disk goes away and another comes, while the server runs.
    fs::remove_dir_all(&away).unwrap();
    let old = journal();
    fs::create_dir(&away).unwrap();
    revoke(&server, &tokens[3]);
    assert_eq!(fs::read(&copy).unwrap(), journal());
    // And while it doesn't.
    server.stop();
    fs::remove_dir_all(&away).unwrap();
    server.launch();
    fs::create_dir(&away).unwrap();
    server.stop();
    server.launch();
    let whole = fs::read(server.data().join("jeton.journal")).unwrap();
    assert!(fs::read(&copy).unwrap() == whole && whole.len() > old.len(), "a start makes it whole as well");

    // What isn't its copy isn't written to.
    server.stop();
    fs::write(&copy, "somebody else's\n").unwrap();
    server.launch();
    assert!(server.log().contains("isn't a copy of this database's journal"), "{}", server.log());
    let bertha = server.user("bertha");
    revoke(&server, &server.token(&bertha));
    assert_eq!(fs::read(&copy).unwrap(), b"somebody else's\n");
    assert_eq!(children(&away).len(), 1, "and nothing is left beside it");
}

#[test]
fn the_journal_itself_is_no_copy_of_it() {
    let mut server = Server::start();
    server.stop();
    let journal = server.data().join("jeton.journal");
    server.restart_with(&["--journal-copy", journal.to_str().unwrap()]);
    assert!(server.log().contains("isn't a copy of this database's journal"), "{}", server.log());
    let anna = server.user("anna");
    let token = server.token(&anna);
    revoke(&server, &token);
    let connection: Connection = database::open(&server.data());
    let seen: i64 = connection.query_row("SELECT sequence FROM journal", [], |row| row.get(0)).unwrap();
    drop(connection);
    let last = fs::read_to_string(&journal).unwrap().lines().last().unwrap().to_owned();
    assert!(last.contains(&seen.to_string()), "{last}: the log that counts is the one in the directory");
    server.kill();
    server.launch();
    assert!(!server.accepts(&token));
}

#[test]
fn a_copy_stands_in_for_a_journal_that_is_lost_or_older() {
    let away = tempfile::tempdir().unwrap();
    let copy = away.path().join("jeton.journal");
    let mut server = Server::setup().flags(&["--journal-copy", copy.to_str().unwrap()]).start();
    let anna = server.user("anna");
    let tokens: Vec<_> = (0..3).map(|_| server.token(&anna)).collect();
    revoke(&server, &tokens[0]);
    server.stop();
    let saved = tempfile::tempdir().unwrap();
    for name in ["jeton.db", "jeton.journal"] {
        fs::copy(server.data().join(name), saved.path().join(name)).unwrap();
    }
    server.launch();
    revoke(&server, &tokens[1]);
    server.stop();

    // Both set back together: nobody could tell, but for the copy.
    for name in ["jeton.db", "jeton.journal"] {
        fs::copy(saved.path().join(name), server.data().join(name)).unwrap();
    }
    server.launch();
    let alive: Vec<_> = tokens.iter().map(|token| server.accepts(token)).collect();
    assert_eq!(alive, [false, false, true]);
    server.stop();

    fs::remove_file(server.data().join("jeton.journal")).unwrap();
    server.launch();
    assert_eq!(fs::read(&copy).unwrap(), fs::read(server.data().join("jeton.journal")).unwrap());
    revoke(&server, &tokens[2]);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(server.data().join("jeton.journal")).unwrap());
}
