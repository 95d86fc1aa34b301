//! `jeton doctor`: each thing that can be wrong is broken here, and named with what to do.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use serde_json::{Value, json};

use crate::harness::{
    Run, Server,
    command::{JETON, text},
    database,
};

/// What it says, by check: a state and a sentence.
struct Found(Value);

impl Found {
    #[track_caller]
    fn of(run: Run, code: i32) -> Self {
        let output = run.arg("--json").run();
        assert_eq!(output.code, Some(code), "{output:?}");
        Self(serde_json::from_str(&output.stdout).unwrap())
    }

    fn about(&self, check: &str) -> &Value {
        let findings = self.0["findings"].as_array().unwrap();
        findings.iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("{check}: {}", self.0))
    }

    /// Asserts that this check has this state and that each of `words` is said.
    #[track_caller]
    fn says(&self, check: &str, state: &str, words: &[&str]) -> &Self {
        let found = self.about(check);
        assert_eq!(found["state"], state, "{found}");
        for word in words {
            assert!(found["says"].as_str().unwrap().contains(word), "{word} in {found}");
        }
        self
    }
}

/// A doctor that sees no unit of this machine's.
fn doctor(server: &Server, more: &[&str]) -> Run {
    let none = server.home().join("units");
    server.command(&[&["doctor"], more].concat()).env("SYSTEMD_UNIT_PATH", text(&none))
}

const CHECKS: [&str; 10] =
    ["permissions", "pepper", "schema", "integrity", "events", "clock", "expiry", "disk", "unit", "log"];

#[test]
fn all_is_well_with_a_server_and_without() {
    let mut server = Server::start();
    server.token(&server.user("anna"));
    for more in [&[][..], &["--deep"]] {
        let found = Found::of(doctor(&server, more), 0);
        assert_eq!(found.0["state"], "ok");
        for check in CHECKS {
            found.says(check, "ok", &[]);
        }
        found.says("server", "ok", &["is ready at http://127.0.0.1:", &server.pid().to_string()]);
    }
    server.stop();
    let before = listing(&server.data());
    let found = Found::of(doctor(&server, &["--deep"]), 0);
    found.says("server", "ok", &["none runs"]).says("events", "ok", &["all "]);
    assert_eq!(listing(&server.data()), before, "it changes nothing");
    let lines = doctor(&server, &[]).run().done();
    assert_eq!(lines.lines().count(), CHECKS.len() + 1);
    assert!(lines.lines().all(|line| line.starts_with("ok    ")), "{lines}");
}

/// Each file with its mode and content.
fn listing(directory: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .flatten()
        .map(|file| {
            let mode = file.metadata().unwrap().permissions().mode();
            (file.file_name().into_string().unwrap(), mode, fs::read(file.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn what_it_cant_look_at_is_exit_code_2() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = home.path().join("nowhere");
    Run::new(&["doctor"]).data_dir(&nowhere).run().refused(2);
    assert!(!nowhere.exists(), "it makes none");
    fs::write(&nowhere, "").unwrap();
    assert!(Run::new(&["doctor"]).data_dir(&nowhere).run().refused(2).contains("isn't a directory"));
    fs::create_dir(home.path().join("empty")).unwrap();
    fs::set_permissions(home.path().join("empty"), fs::Permissions::from_mode(0o700)).unwrap();
    let empty = Run::new(&["doctor"]).data_dir(&home.path().join("empty"));
    Found::of(empty, 1).says("schema", "bad", &["there is no database"]);
}

#[test]
fn loose_modes_are_named() {
    let mut server = Server::start();
    server.stop();
    let mode = |name: &str, mode| {
        fs::set_permissions(server.data().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, loose, tight) in [("jeton.db", 0o640, 0o600), ("pepper.key", 0o604, 0o600), ("", 0o755, 0o700)]
    {
        mode(name, loose);
        let words = [&format!("{loose:04o}"), "chmod", &format!("{tight:o}")].map(|word| word.to_owned());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Found::of(doctor(&server, &[]), 1).says("permissions", "bad", &words).says("pepper", "ok", &[]);
        mode(name, tight);
    }
    Found::of(doctor(&server, &[]), 0);
}

#[test]
fn a_pepper_that_is_gone_or_isnt_the_databases_is_named() {
    let mut server = Server::start();
    server.stop();
    let pepper = server.data().join("pepper.key");
    let own = fs::read(&pepper).unwrap();
    fs::remove_file(&pepper).unwrap();
    let found = Found::of(doctor(&server, &[]), 1);
    found.says("pepper", "bad", &["missing"]).says("events", "warn", &["pepper"]).says(
        "integrity",
        "ok",
        &[],
    );
    fs::write(&pepper, "gibberish").unwrap();
    fs::set_permissions(&pepper, fs::Permissions::from_mode(0o600)).unwrap();
    Found::of(doctor(&server, &[]), 1).says("pepper", "bad", &["isn't a pepper file"]);
    let mut other = Server::start();
    other.stop();
    fs::copy(other.data().join("pepper.key"), &pepper).unwrap();
    Found::of(doctor(&server, &[]), 1).says("pepper", "bad", &["another key"]);
    fs::write(&pepper, own).unwrap();
    Found::of(doctor(&server, &[]), 0);
}

#[test]
fn another_schema_and_a_damaged_file_are_named() {
    let mut server = Server::start();
    server.stop();
    let connection = database::open(&server.data());
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    for (other, state, word) in [(version + 1, "bad", "newer"), (version - 1, "warn", "next start")] {
        connection.pragma_update(None, "user_version", other).unwrap();
        Found::of(doctor(&server, &[]), 1).says("schema", state, &[word, &other.to_string()]);
    }
    connection.pragma_update(None, "user_version", version).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let file = server.data().join("jeton.db");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 4096;
    bytes[4096..last].chunks_mut(4096).for_each(|page| page[..64].fill(0xff));
    fs::write(&file, bytes).unwrap();
    Found::of(doctor(&server, &[]), 1).says("integrity", "bad", &["damaged"]);
    fs::write(&file, [b'x'; 8192]).unwrap();
    let found = Found::of(doctor(&server, &[]), 1);
    assert!(found.0.to_string().contains("isn't a database"), "{}", found.0);
}

#[test]
fn an_event_that_was_edited_is_named_by_deep_and_a_cut_end_at_once() {
    let mut server = Server::start();
    let anna = server.user("anna");
    server.token(&anna);
    for running in [true, false] {
        if !running {
            server.stop();
        }
        let connection = database::open(&server.data());
        connection.execute("UPDATE events SET detail = 'forged' WHERE sequence = 2", []).unwrap();
        Found::of(doctor(&server, &[]), 0).says("events", "ok", &["--deep"]);
        Found::of(doctor(&server, &["--deep"]), 1).says("events", "bad", &["event 2", "tampered"]);
    }
    let connection = database::open(&server.data());
    connection.execute("DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)", []).unwrap();
    Found::of(doctor(&server, &[]), 1).says("events", "bad", &["end"]);
}

#[test]
fn a_clock_that_is_behind_is_named() {
    let mut server = Server::start();
    server.stop();
    let connection = database::open(&server.data());
    connection.execute("UPDATE clock SET seen_at = seen_at + 3600000", []).unwrap();
    drop(connection);
    Found::of(doctor(&server, &[]), 1).says("clock", "warn", &["behind", "set it right"]);
}

#[test]
fn tokens_that_expire_are_counted_and_the_first_named() {
    let server = Server::start();
    let anna = server.user("anna");
    let soon = server.mint(&anna, &json!({ "name": "soon", "lifetime": "3d" }));
    server.mint(&anna, &json!({ "name": "sooner", "lifetime": "5d" }));
    server.mint(&anna, &json!({ "name": "later", "lifetime": "20d" }));
    let found = Found::of(doctor(&server, &[]), 1);
    found.says("expiry", "warn", &["2 of 3", soon["id"].as_str().unwrap()]);
    assert!(!found.0.to_string().contains(soon["token"].as_str().unwrap()));
}

#[test]
fn a_server_that_crashed_or_isnt_reached_is_named() {
    let mut server = Server::start();
    let control = server.data().join("control.json");
    let text = fs::read_to_string(&control).unwrap();
    let mut moved: Value = serde_json::from_str(&text).unwrap();
    moved["listen"] = json!(["http://127.0.0.1:1"]);
    fs::write(&control, moved.to_string()).unwrap();
    Found::of(doctor(&server, &[]), 1).says("server", "bad", &["http://127.0.0.1:1", "can't be reached"]);
    fs::write(&control, &text).unwrap();
    Found::of(doctor(&server, &[]), 0);
    server.kill();
    Found::of(doctor(&server, &[]), 1).says("server", "warn", &["didn't stop in order"]);
}

#[test]
fn a_unit_that_starts_something_else_is_named() {
    let server = Server::start();
    let units = server.home().join("units");
    fs::create_dir(&units).unwrap();
    let data = text(&server.data()).to_owned();
    let installed = server.home().join("jeton");
    symlink(JETON, &installed).unwrap();
    for (service, state, words) in [
        (format!("ExecStart={} serve --data-dir {data}", installed.display()), "ok", vec!["this binary"]),
        (format!("ExecStart={JETON} serve --data-dir={data}"), "ok", vec![]),
        ("ExecStart=/nowhere/jeton serve".into(), "bad", vec!["/nowhere/jeton", "isn't there"]),
        ("ExecStart=/bin/sh serve".into(), "warn", vec!["another binary"]),
        (format!("ExecStart={JETON} serve"), "warn", vec!["StateDirectory"]),
        (format!("ExecStart={JETON} serve\nStateDirectory=jeton"), "warn", vec!["/var/lib/jeton", &data]),
        (String::new(), "bad", vec!["ExecStart"]),
    ] {
        fs::write(units.join("jeton.service"), format!("[Service]\n{service}\n")).unwrap();
        Found::of(doctor(&server, &[]), i32::from(state != "ok")).says("unit", state, &words);
    }
}

#[test]
fn a_log_that_says_too_little_is_named() {
    let server = Server::start();
    for (name, value, state) in [
        ("JETON_LOG", "off", "warn"),
        ("JETON_LOG", "error", "warn"),
        ("JETON_LOG", "warn", "ok"),
        ("JETON_LOG_FORMAT", "text", "warn"),
        ("JETON_LOG_FORMAT", "json", "ok"),
    ] {
        let found = Found::of(doctor(&server, &[]).env(name, value), i32::from(state == "warn"));
        found.says("log", state, &[]);
    }
}
