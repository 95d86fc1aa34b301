//! Backups with the keys in them: one file and one passphrase bring all of it back, and without the passphrase it tells
//! nothing.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rusqlite::Connection;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::{
    Output, Run, Server,
    command::text,
    files::{children, copy, mode, picture, set_mode},
    server::named,
    token,
};

const PASSPHRASE: &str = "a horse that walks a crooked mile";

/// A running server with five tokens, and a backup of it with its keys.
struct Stage {
    server: Server,
    backup: PathBuf,
    tokens: Vec<String>,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let anna = server.user("anna");
        let minted = (0..5).map(|_| server.mint(&anna, &named("unmistakable"))["token"].clone());
        let tokens = minted.map(|token| token.as_str().unwrap().to_owned()).collect();
        let backup = server.home().join("backup.age");
        back_up(&server, &backup).run().done();
        Self { server, backup, tokens }
    }

    fn pepper(&self) -> PathBuf {
        self.server.data().join("pepper.key")
    }

    /// A directory of this name that holds these files of the server's.
    fn home(&self, name: &str, files: &[&str]) -> PathBuf {
        let home = self.server.home().join(name);
        copy(&self.server.data(), &home).unwrap();
        for path in children(&home) {
            if !files.contains(&path.file_name().unwrap().to_str().unwrap()) {
                fs::remove_file(path).unwrap();
            }
        }
        home
    }

    fn restore(&self, home: &Path) -> Run {
        restore(&self.backup, home)
    }
}

fn back_up(server: &Server, file: &Path) -> Run {
    server.command(&["backup", text(file), "--with-pepper", "--passphrase-stdin"]).input(PASSPHRASE)
}

fn restore(file: &Path, home: &Path) -> Run {
    Run::new(&["restore", text(file), "--passphrase-stdin"]).data_dir(home).input(format!("{PASSPHRASE}\n"))
}

fn check(home: &Path, token: &str) -> Option<i32> {
    Run::new(&["check", "-"]).data_dir(home).input(token.as_bytes()).run().code
}

/// The lines of a pepper file that hold keys.
fn keys(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn refused(output: Output, words: &str) {
    let refusal = output.refused(1);
    assert!(refusal.contains(words), "{refusal}");
}

/// What is in a sealed file, by name, as other programs read it.
fn unpacked(file: &Path) -> Vec<(String, Vec<u8>)> {
    let sealed = fs::read(file).unwrap();
    let identity = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
    let plain = age::decrypt(&identity, &sealed).unwrap();
    let mut archive = tar::Archive::new(&*plain);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    });
    entries.collect()
}

#[test]
fn one_file_brings_everything_back_after_the_directory_is_lost() {
    let Stage { mut server, backup, tokens } = Stage::new();
    let pepper = fs::read_to_string(server.data().join("pepper.key")).unwrap();
    server.stop();
    fs::remove_dir_all(server.data()).unwrap();
    let home = server.data();
    refused(restore(&backup, &home).run(), "--accept-resurrection");
    let said = restore(&backup, &home).arg("--accept-resurrection").run().done();
    assert!(said.contains("pepper.key is the backup's") && said.contains("restored"), "{said}");
    let (restored, database) = (home.join("pepper.key"), home.join("jeton.db"));
    assert_eq!(keys(&fs::read_to_string(&restored).unwrap()), keys(&pepper));
    assert_eq!((mode(&restored), mode(&database)), (0o600, 0o600));
    server.launch();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    assert!(server.run(&["events", "verify"]).done().starts_with("sound: "));
}

#[test]
fn what_was_revoked_since_stays_dead_where_the_journal_is_kept() {
    let mut stage = Stage::new();
    let (dead, alive) = stage.tokens.split_at(3);
    for token in dead {
        stage.server.client().delete("/v1/tokens/self").bearer(token).send().expect(204);
    }
    stage.server.stop();
    let home = stage.home("new", &["jeton.journal"]);
    stage.restore(&home).run().done();
    assert!(dead.iter().all(|token| check(&home, token) == Some(1)));
    assert!(alive.iter().all(|token| check(&home, token) == Some(0)));
}

#[test]
fn the_file_tells_nothing_and_opens_without_jeton() {
    let stage = Stage::new();
    let bytes = fs::read(&stage.backup).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert_eq!(mode(&stage.backup), 0o600);
    let left: Vec<_> = children(stage.server.home());
    assert!(!left.iter().any(|path| text(path).contains("backup.age.")), "{left:?}");

    let inside = unpacked(&stage.backup);
    let names: Vec<_> = inside.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["pepper.key", "jeton.db"], "and no journal, which would be an old one");
    let pepper = fs::read_to_string(stage.pepper()).unwrap();
    assert_eq!(keys(std::str::from_utf8(&inside[0].1).unwrap()), keys(&pepper));
    let database = stage.server.home().join("by-hand.db");
    fs::write(&database, &inside[1].1).unwrap();
    let count = |sql| Connection::open(&database).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0));
    assert_eq!(count("SELECT count(*) FROM tokens WHERE name = 'unmistakable'").unwrap(), 5);

    let holds = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let key = keys(&pepper)[0][2..].to_owned();
    let secrets = [
        URL_SAFE_NO_PAD.decode(&key).unwrap(),
        key.into_bytes(),
        b"unmistakable".to_vec(),
        b"pepper.key".to_vec(),
        b"SQLite format 3".to_vec(),
        PASSPHRASE.into(),
        token::Wire::read(&stage.tokens[0]).id.to_vec(),
    ];
    assert!(secrets.iter().all(|secret| !holds(&bytes, secret)));
    assert!(holds(&inside[1].1, b"unmistakable"), "the scan finds what is there");
    let log = stage.server.log();
    assert!(!log.contains(PASSPHRASE) && !log.contains(&keys(&pepper)[0][2..]));
}

#[test]
fn it_is_made_without_a_server_too_and_says_what_it_made() {
    let mut server = Server::start();
    server.stop();
    let file = server.home().join("backup.age");
    let made = back_up(&server, &file).arg("--json").run().json();
    let bytes = fs::read(&file).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&made["sha256"], &made["bytes"]), (&json!(digest), &json!(bytes.len())));
    refused(back_up(&server, &file).run(), "--force");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn what_cant_be_made_is_refused_before_anything_is_written() {
    let server = Server::start();
    let file = server.home().join("backup.age");
    let ask = || server.command(&["backup", text(&file), "--with-pepper"]);
    let short = ask().arg("--passphrase-stdin").input("elevenchars\n").run();
    refused(short, "11 characters: it needs 12");
    let terminal = ask().run().refused(2);
    assert!(terminal.contains("--passphrase-stdin"), "{terminal}");
    // No server sends the keys.
    let url = format!("http://{}", server.address());
    let command = ["backup", text(&file), "--with-pepper", "--passphrase-stdin"];
    for run in [Run::new(&command).arg("--url").arg(&url), Run::new(&command).env("JETON_URL", &url)] {
        let remote = run.env("JETON_TOKEN", server.secret()).input(PASSPHRASE).run().refused(2);
        assert!(remote.contains("no server sends it"), "{remote}");
    }
    let nowhere = Run::new(&command).within(server.home()).input(PASSPHRASE).run();
    refused(nowhere, "no data directory");
    let plain = server.command(&["backup", text(&file), "--passphrase-stdin"]).run().refused(2);
    assert!(plain.contains("--with-pepper"), "{plain}");
    // Another file of keys than the server was started with.
    let other = server.home().join("other.key");
    fs::write(&other, format!("1 {}\n", "A".repeat(43))).unwrap();
    set_mode(&other, 0o600);
    refused(
        back_up(&server, &file).arg("--pepper-file").arg(text(&other)).run(),
        "other.key isn't the pepper",
    );
    let left = children(server.home());
    assert!(!left.iter().any(|path| text(path).contains("backup.age")), "{left:?}");
}

#[test]
fn a_kill_leaves_no_database_to_read() {
    let server = Server::start();
    let target = server.home().join("target");
    fs::create_dir(&target).unwrap();
    let line =
        "exec strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:signal=KILL:when=1 \"$@\"";
    let output = back_up(&server, &target.join("backup.age")).env("PATH", "/usr/bin:/bin").shell(line).run();
    assert_ne!(output.code, Some(0));
    let left = children(&target);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(fs::read(&left[0]).unwrap().starts_with(b"age-encryption.org/v1\n"));
}

#[test]
fn a_full_disk_at_the_target_is_said_and_leaves_no_file() {
    let server = Server::start();
    let disk = server.home().join("disk");
    fs::create_dir(&disk).unwrap();
    // Room for the copy, and none for what it becomes; then not even that.
    for size in ["600k", "64k"] {
        let line = format!(
            "unshare -m sh -c 'mount -t tmpfs -o size={size} none {0} && {{ \"$@\"; code=$?; ls -A {0} >&2; exit $code; }}' sh \"$@\"",
            text(&disk)
        );
        let run = back_up(&server, &disk.join("backup.age")).env("PATH", "/usr/bin:/bin").shell(&line);
        let refusal = run.run().refused(1);
        assert_eq!(refusal.lines().count(), 1, "nothing is left: {refusal}");
        assert!(refusal.contains("backup.age") && refusal.contains("No space left"), "{refusal}");
    }
}

#[test]
fn a_wrong_passphrase_an_altered_file_and_one_cut_short_change_nothing() {
    let mut stage = Stage::new();
    stage.server.stop();
    let good = fs::read(&stage.backup).unwrap();
    let (empty, full) = (stage.home("empty", &["jeton.journal"]), stage.server.data());
    let bad = stage.server.home().join("bad.age");
    let mut altered = good.clone();
    altered[good.len() / 2] ^= 1;
    let files =
        [("altered", altered), ("cut", good[..good.len() - 1].to_vec()), ("cut", good[..100].to_vec())];
    for home in [&empty, &full] {
        let _ = fs::remove_file(home.join("jeton.lock"));
        fs::write(home.join("jeton.lock"), "").unwrap();
        set_mode(&home.join("jeton.lock"), 0o600);
        let before = picture(home);
        refused(stage.restore(home).input("a horse that walks another mile").run(), "passphrase is wrong");
        assert_eq!(picture(home), before);
        for (what, bytes) in &files {
            fs::write(&bad, bytes).unwrap();
            refused(restore(&bad, home).run(), "altered or cut short");
            assert_eq!(picture(home), before, "{what}");
        }
    }
    let plain = stage.server.home().join("plain.db");
    stage.server.run(&["backup", text(&plain)]).done();
    assert!(restore(&plain, &full).run().refused(2).contains("isn't encrypted"));
}

#[test]
fn keys_that_are_there_are_kept_and_others_are_never_replaced() {
    let mut stage = Stage::new();
    stage.server.stop();
    // A rotation since: the newer key stays.
    let later = stage.home("later", &["jeton.journal", "pepper.key", "jeton.db"]);
    Run::new(&["pepper", "rotate"]).data_dir(&later).run().done();
    let rotated = fs::read(later.join("pepper.key")).unwrap();
    stage.restore(&later).run().done();
    assert_eq!(fs::read(later.join("pepper.key")).unwrap(), rotated);
    assert_eq!(check(&later, &stage.tokens[0]), Some(0));
    // Another installation's.
    let other = stage.home("other", &["jeton.journal"]);
    let foreign = other.join("pepper.key");
    fs::write(&foreign, format!("1 {}\n", "A".repeat(43))).unwrap();
    set_mode(&foreign, 0o600);
    fs::copy(later.join("jeton.lock"), other.join("jeton.lock")).unwrap();
    let before = picture(&other);
    let refusal = stage.restore(&other).run().refused(1);
    assert!(refusal.contains(text(&foreign)) && refusal.contains("move it elsewhere"), "{refusal}");
    assert_eq!(picture(&other), before);
    // Lost keys, and the database that they were for.
    let lost = stage.home("lost", &["jeton.journal", "jeton.db"]);
    stage.restore(&lost).run().done();
    assert_eq!(check(&lost, &stage.tokens[0]), Some(0));
}

#[test]
fn where_jeton_doesnt_write_the_keys_it_prints_the_line() {
    let mut stage = Stage::new();
    stage.server.stop();
    let home = stage.home("new", &["jeton.journal"]);
    let place = stage.server.home().join("elsewhere.key");
    let ask = || stage.restore(&home).arg("--pepper-file").arg(text(&place));
    let output = ask().run();
    let key = keys(&fs::read_to_string(stage.pepper()).unwrap()).concat();
    assert_eq!((output.code, output.stdout.trim_end()), (Some(1), key.as_str()), "{output:?}");
    assert!(output.stderr.contains(text(&place)) && !output.stderr.contains(&key[2..]), "{output:?}");
    let names: Vec<_> = children(&home).into_iter().filter(|path| !path.ends_with("jeton.lock")).collect();
    assert_eq!(names, [home.join("jeton.journal")]);
    fs::write(&place, output.stdout).unwrap();
    set_mode(&place, 0o600);
    ask().run().done();
    assert!(!home.join("pepper.key").exists());
    let checked = Run::new(&["check", "-", "--pepper-file", text(&place)]).data_dir(&home);
    assert_eq!(checked.input(stage.tokens[0].as_bytes()).run().code, Some(0));
}
