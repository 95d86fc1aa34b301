//! Restoring: the database is the backup's or the one that was there, whatever happens meanwhile, and neither is lost.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::harness::{
    Output, Run, Server,
    command::text,
    files::{children, copy, mode, picture},
    server::named,
    token,
};

/// A stopped server with a backup from its midst: a token that is in both, one that was disabled before and one that was
/// made after.
struct Stage {
    server: Server,
    backup: PathBuf,
    kept: String,
    dead: String,
    later: String,
}

impl Stage {
    fn new() -> Self {
        let mut server = Server::start();
        let anna = server.user("anna");
        let (kept, dead) = (server.token(&anna), server.token(&anna));
        server.run(&["token", "disable", &token::Wire::read(&dead).uuid()]).done();
        let backup = server.home().join("backup.db");
        server.run(&["backup", text(&backup)]).done();
        let later = server.token(&anna);
        server.stop();
        Self { server, backup, kept, dead, later }
    }

    fn restore(&self) -> Run {
        self.server.command(&["restore", text(&self.backup)])
    }
}

fn check(home: &Path, token: &str) -> Option<i32> {
    Run::new(&["check", "-"]).data_dir(home).input(token.as_bytes()).run().code
}

fn kept_aside(home: &Path) -> Vec<PathBuf> {
    let aside = |path: &PathBuf| text(path).contains("jeton.db.before-") && !text(path).ends_with("-wal");
    children(home).into_iter().filter(aside).collect()
}

fn refused(output: Output, words: &str) {
    let refusal = output.refused(1);
    assert!(refusal.contains(words), "{refusal}");
}

#[test]
fn what_was_good_is_good_again_and_what_was_there_is_kept() {
    let stage = Stage::new();
    let home = stage.server.data();
    let said = stage.restore().run().done();
    assert_eq!(check(&home, &stage.kept), Some(0));
    assert_eq!(check(&home, &stage.dead), Some(1));
    assert_eq!(check(&home, &stage.later), Some(1));
    let aside = kept_aside(&home);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(said.contains(text(&aside[0])), "{said}");
    assert_eq!((mode(&aside[0]), mode(&home.join("jeton.db"))), (0o600, 0o600));
    // It goes back in as any backup does.
    Run::new(&["restore", text(&aside[0])]).data_dir(&home).run().done();
    assert_eq!(check(&home, &stage.later), Some(0));
    assert!(stage.server.run(&["events", "verify"]).done().starts_with("sound: "));
}

#[test]
fn fifty_tokens_that_were_revoked_since_the_backup_stay_refused() {
    let mut server = Server::start();
    let keeper = server.token(&server.user("anna"));
    let mut client = server.client();
    let tokens: Vec<String> = (0..51)
        .map(|_| {
            let made = client.post("/v1/tokens").bearer(&keeper).json(&named("x")).send().expect(201);
            made.json()["token"].as_str().unwrap().to_owned()
        })
        .collect();
    let backup = server.home().join("backup.db");
    server.run(&["backup", text(&backup)]).done();
    let (revoked, kept) = tokens.split_at(50);
    for token in revoked {
        client.delete("/v1/tokens/self").bearer(token).send().expect(204);
    }
    server.stop();
    server.run(&["restore", text(&backup)]).done();
    server.launch();
    let refused = revoked.iter().filter(|token| !server.accepts(token)).count();
    assert_eq!((refused, server.accepts(&kept[0])), (50, true));
}

#[test]
fn a_crashed_servers_log_is_kept_with_its_database() {
    let mut stage = Stage::new();
    stage.server.launch();
    let berta = stage.server.user("berta");
    let last = stage.server.token(&berta);
    stage.server.kill();
    let home = stage.server.data();
    assert!(home.join("jeton.db-wal").metadata().unwrap().len() > 0);
    stage.restore().run().done();
    assert_eq!(check(&home, &last), Some(1));
    let aside = kept_aside(&home);
    Run::new(&["restore", text(&aside[0])]).data_dir(&home).run().done();
    assert_eq!(check(&home, &last), Some(0));
}

#[test]
fn without_its_pepper_a_backup_checks_no_token() {
    let stage = Stage::new();
    let empty = stage.server.home().join("empty");
    let into = |home: &Path| Run::new(&["restore", text(&stage.backup)]).data_dir(home).run();
    refused(into(&empty), "jeton.journal");
    fs::create_dir_all(&empty).unwrap();
    fs::copy(stage.server.data().join("jeton.journal"), empty.join("jeton.journal")).unwrap();
    refused(into(&empty), "pepper.key");
    let names: Vec<_> = children(&empty).into_iter().filter(|path| !path.ends_with("jeton.lock")).collect();
    assert_eq!(names, [empty.join("jeton.journal")]);
    // Another installation's keys.
    let other = Server::start();
    let foreign = stage.server.home().join("foreign");
    copy(&other.data(), &foreign).unwrap();
    fs::remove_file(foreign.join("jeton.db")).unwrap();
    for name in ["jeton.db-wal", "jeton.db-shm", "control.json"] {
        let _ = fs::remove_file(foreign.join(name));
    }
    refused(into(&foreign), "another key");
    assert!(!foreign.join("jeton.db").exists());
    fs::copy(stage.server.data().join("pepper.key"), empty.join("pepper.key")).unwrap();
    into(&empty).done();
    assert_eq!(check(&empty, &stage.kept), Some(0));
    // Without the journal too, for who takes on what that means.
    let bare = stage.server.home().join("bare");
    fs::create_dir(&bare).unwrap();
    fs::set_permissions(&bare, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(stage.server.data().join("pepper.key"), bare.join("pepper.key")).unwrap();
    refused(into(&bare), "--accept-resurrection");
    let accepting = ["restore", text(&stage.backup), "--accept-resurrection"];
    Run::new(&accepting).data_dir(&bare).run().done();
    assert_eq!(check(&bare, &stage.kept), Some(0));
}

#[test]
fn what_was_revoked_after_the_backup_stays_dead() {
    let mut stage = Stage::new();
    stage.server.launch();
    let kept = &stage.kept;
    stage.server.client().delete("/v1/tokens/self").bearer(kept).send().expect(204);
    stage.server.stop();
    stage.restore().run().done();
    assert_eq!(check(&stage.server.data(), kept), Some(1));
    stage.server.launch();
    assert!(!stage.server.accepts(kept));
}

#[test]
fn a_running_server_is_left_alone() {
    let mut stage = Stage::new();
    stage.server.launch();
    let pid = stage.server.pid().to_string();
    refused(stage.restore().run(), &pid);
    assert!(stage.server.accepts(&stage.later));
    assert!(kept_aside(&stage.server.data()).is_empty());
}

#[test]
fn what_is_damaged_or_foreign_is_refused_and_nothing_is_touched() {
    let stage = Stage::new();
    let home = stage.server.data();
    let before = picture(&home);
    let good = fs::read(&stage.backup).unwrap();
    let bad = stage.server.home().join("bad.db");
    let try_bytes = |bytes: &[u8], words: &str| {
        fs::write(&bad, bytes).unwrap();
        let output = Run::new(&["restore", text(&bad)]).data_dir(&home).run();
        refused(output, words);
        assert_eq!(picture(&home), before, "nothing was touched");
    };
    for length in [0, 100, 4_096, good.len() / 2, good.len() - 4_096, good.len() - 1] {
        try_bytes(&good[..length], "bad.db");
    }
    try_bytes(b"no database at all, whatever its name", "isn't a database");
    let mut zeroed = good.clone();
    zeroed[4_096..8_192].fill(0);
    try_bytes(&zeroed, "damaged");
    let pragma = |line: &str| {
        fs::write(&bad, &good).unwrap();
        Connection::open(&bad).unwrap().execute_batch(line).unwrap();
        fs::read(&bad).unwrap()
    };
    try_bytes(&pragma("PRAGMA user_version = 9999"), "newer");
    try_bytes(&pragma("DELETE FROM instance"), "isn't a database of jeton's");
    try_bytes(&pragma("UPDATE events SET detail = 'x' WHERE sequence = 2"), "--force");
    let missing = stage.server.command(&["restore", text(&stage.server.home().join("none"))]).run();
    refused(missing, "none");
}

#[test]
fn a_flipped_byte_never_makes_a_dead_token_good() {
    let stage = Stage::new();
    let home = stage.server.data();
    let good = fs::read(&stage.backup).unwrap();
    let flipped = stage.server.home().join("flipped.db");
    for at in (1..16).map(|step| step * good.len() / 16 + 1_234) {
        let mut bytes = good.clone();
        let at = at % bytes.len();
        bytes[at] ^= 0x40;
        fs::write(&flipped, &bytes).unwrap();
        let before = picture(&home);
        let output = Run::new(&["restore", text(&flipped)]).data_dir(&home).run();
        if output.code == Some(0) {
            assert_ne!(check(&home, &stage.dead), Some(0), "byte {at}");
        } else {
            output.refused(1);
            assert_eq!(picture(&home), before, "byte {at}");
        }
    }
}

#[test]
fn a_kill_at_any_step_leaves_the_old_or_the_new() {
    let stage = Stage::new();
    let mut kills = 0;
    for call in ["rename", "linkat", "unlinkat", "fsync"] {
        for nth in 1.. {
            let home = stage.server.home().join(format!("{call}-{nth}"));
            copy(&stage.server.data(), &home).unwrap();
            let line = format!(
                "exec strace -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={nth} \"$@\""
            );
            let output = Run::new(&["restore", text(&stage.backup)])
                .data_dir(&home)
                .env("PATH", "/usr/bin:/bin")
                .shell(&line)
                .run();
            let (kept, later) = (check(&home, &stage.kept), check(&home, &stage.later));
            assert_eq!(kept, Some(0), "{call} {nth}");
            if later != Some(0) {
                let aside = kept_aside(&home);
                let lost = aside.iter().all(|path| !holds(path, &stage.later));
                assert!(!lost, "{call} {nth}: {aside:?}");
            }
            fs::remove_dir_all(&home).unwrap();
            if output.code == Some(0) {
                assert_ne!(later, Some(0), "{call} {nth}: restored");
                break;
            }
            kills += 1;
        }
    }
    assert!(kills >= 8, "{kills} kills");
}

fn holds(database: &Path, token: &str) -> bool {
    let connection = Connection::open(database).unwrap();
    let id = token::Wire::read(token).id;
    connection
        .query_row("SELECT count(*) = 1 FROM tokens WHERE id = ?1", [id.as_slice()], |row| row.get(0))
        .unwrap()
}
