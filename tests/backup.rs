//! Backups: made while tokens are, whole, private, and of no use without the keys.

use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::{
    RaiseOnDrop, Run, Server,
    command::text,
    files::{children, mode},
    server::named,
    token,
};

fn has_token(backup: &std::path::Path, token: &str) -> bool {
    let connection = Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let id = token::Wire::read(token).id;
    let count: i64 = connection
        .query_row("SELECT count(*) FROM tokens WHERE id = ?1", [id.as_slice()], |row| row.get(0))
        .unwrap();
    count == 1
}

#[test]
fn a_backup_under_load_holds_all_that_was_acknowledged_before_it_began() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let (acknowledged, stop) = (Mutex::new(vec![keeper.clone()]), AtomicBool::new(false));
    thread::scope(|scope| {
        let _end = RaiseOnDrop(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.client();
                while !stop.load(Ordering::Relaxed) {
                    let made = client.post("/v1/tokens").bearer(&keeper).json(&named("load")).send();
                    if made.status == 201 {
                        let token = made.json()["token"].as_str().unwrap().to_owned();
                        acknowledged.lock().unwrap().push(token);
                    } else {
                        // As many as there may be: what makes the load is the making.
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        }
        for number in 0..5 {
            let file = server.home().join(format!("{number}.db"));
            let before = acknowledged.lock().unwrap().clone();
            server.run(&["backup", text(&file)]).done();
            assert!(before.iter().all(|token| has_token(&file, token)), "backup {number} lacks one");
            let home = server.home().join(format!("restored-{number}"));
            fs::create_dir(&home).unwrap();
            fs::copy(server.data().join("pepper.key"), home.join("pepper.key")).unwrap();
            // Another machine, and the log of what was revoked isn't at hand.
            Run::new(&["restore", text(&file), "--accept-resurrection"]).data_dir(&home).run().done();
            let last = before.last().unwrap();
            let check = Run::new(&["check", "-"]).data_dir(&home).input(last.as_bytes()).run();
            assert_eq!(check.code, Some(0), "{check:?}");
            let verdict = Run::new(&["events", "verify"]).data_dir(&home).run().done();
            assert!(verdict.starts_with("sound: "), "{verdict}");
        }
    });
}

#[test]
fn a_backup_is_made_the_same_with_a_server_and_without() {
    let mut server = Server::start();
    let ada = server.administrator("ada");
    let admin = server.token_with(&ada, &["--privilege", "jeton:admin"]);
    let home = server.home().to_path_buf();
    let file = |name: &str| home.join(name);
    let made = server.run(&["backup", text(&file("running.db")), "--json"]).json();
    let bytes = fs::read(file("running.db")).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&made["sha256"], &made["bytes"]), (&json!(digest), &json!(bytes.len())));
    let remote = file("remote.db");
    Run::new(&["backup", text(&remote), "--url", &format!("http://{}", server.address())])
        .env("JETON_TOKEN", admin.clone())
        .run()
        .done();
    let stopped = file("stopped.db");
    server.stop();
    server.run(&["backup", text(&stopped)]).done();
    for file in [file("running.db"), remote, stopped] {
        assert!(has_token(&file, &admin), "{}", file.display());
        assert_eq!(mode(&file), 0o600);
    }
    let names: Vec<_> = children(&server.data());
    assert!(!names.iter().any(|path| text(path).contains("copy")), "{names:?}");
}

#[test]
fn the_api_sends_it_with_its_digest_to_operators_alone() {
    let server = Server::start();
    let (anna, ada) = (server.user("anna"), server.administrator("ada"));
    let mut client = server.client();
    let reply = client.post("/v1/backup").basic(&ada.name, &ada.password).send().expect(200);
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&reply.body)));
    assert_eq!(reply.header("repr-digest"), Some(digest.as_str()));
    assert_eq!(reply.header("content-type"), Some("application/vnd.sqlite3"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.body.starts_with(b"SQLite format 3\0"));
    assert_eq!(client.post("/v1/backup").basic(&anna.name, &anna.password).send().status, 403);
    assert_eq!(client.post("/v1/backup").send().status, 401);
}

#[test]
fn a_backup_is_private_and_replaces_nothing_unasked() {
    let server = Server::start();
    let file = server.home().join("backup.db");
    let back_up = || server.command(&["backup", text(&file)]).shell("umask 000; exec \"$@\"");
    back_up().run().done();
    assert_eq!(mode(&file), 0o600);
    let first = fs::read(&file).unwrap();
    server.user("anna");
    let refusal = back_up().run().refused(1);
    assert!(refusal.contains("backup.db") && refusal.contains("--force"), "{refusal}");
    assert_eq!(fs::read(&file).unwrap(), first);
    back_up().arg("--force").run().done();
    assert_ne!(fs::read(&file).unwrap(), first);
    assert_eq!(mode(&file), 0o600);
    assert!(!children(server.home()).iter().any(|path| text(path).contains("partial")));
    let nowhere = server.run(&["backup", text(&server.home().join("no/such.db"))]).refused(1);
    assert!(nowhere.contains("such.db"), "{nowhere}");
}

#[test]
fn no_secret_is_in_a_backup() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let tokens: Vec<_> = (0..20).map(|_| server.mint(&ada, &named("scanned"))).collect();
    let file = server.home().join("backup.db");
    server.run(&["backup", text(&file)]).done();
    let bytes = fs::read(&file).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"scanned"), "the scan finds what is there");
    let pepper = fs::read_to_string(server.data().join("pepper.key")).unwrap();
    let key = pepper.lines().find(|line| line.starts_with("1 ")).unwrap()[2..].to_owned();
    let mut secrets = vec![
        key.clone().into_bytes(),
        URL_SAFE_NO_PAD.decode(&key).unwrap(),
        server.secret().as_bytes().to_vec(),
        ada.password.clone().into_bytes(),
    ];
    for made in &tokens {
        let text = made["token"].as_str().unwrap().as_bytes();
        secrets.extend([text[27..70].to_vec(), text[30..42].to_vec()]);
    }
    for secret in secrets {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        for form in [secret.clone(), STANDARD.encode(&secret).into_bytes(), hex.into_bytes()] {
            assert!(!holds(&form), "{:?}", String::from_utf8_lossy(&form));
        }
    }
}

#[test]
fn a_full_disk_at_the_target_is_said_and_leaves_no_file() {
    let server = Server::start();
    let disk = server.home().join("disk");
    fs::create_dir(&disk).unwrap();
    let file = disk.join("backup.db");
    let line = format!(
        "unshare -m sh -c 'mount -t tmpfs -o size=64k none {0} && {{ \"$@\"; code=$?; ls -A {0} >&2; exit $code; }}' sh \"$@\"",
        text(&disk)
    );
    let output = server.command(&["backup", text(&file)]).env("PATH", "/usr/bin:/bin").shell(&line).run();
    let refusal = output.refused(1);
    let lines: Vec<_> = refusal.lines().collect();
    assert_eq!(lines.len(), 1, "nothing is left: {refusal}");
    assert!(lines[0].contains("backup.db") && lines[0].contains("No space left"), "{refusal}");
    let good = server.home().join("good.db");
    server.run(&["backup", text(&good)]).done();
}

#[test]
fn what_a_crash_left_of_a_copy_is_taken_away() {
    let mut server = Server::start();
    server.kill();
    let left = server.data().join("jeton.db.copy");
    fs::write(&left, "half").unwrap();
    server.launch();
    assert!(!left.exists());
}
