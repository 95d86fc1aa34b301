//! Upgrades: a database of every schema there was, each as the jeton of its time wrote it, is raised with a copy kept, and
//! is the old or the new at every moment. A newer one is left alone.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::harness::{
    Run, Server, campaign,
    command::text,
    database,
    files::{children, mode, set_mode},
};

/// The schema that this binary writes.
fn latest() -> i64 {
    static LATEST: OnceLock<i64> = OnceLock::new();
    *LATEST.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        Run::new(&["user", "list"]).data_dir(home.path()).run().done();
        version(&home.path().join("jeton.db"))
    })
}

/// A time at which the fixtures' tokens live, however late the test is run.
const THEN: &str = "2026-12-01 00:00:00";

/// An old database as text, and what is known of it.
struct Fixture {
    schema: i64,
    sql: String,
}

impl Fixture {
    fn lines(&self, name: &str) -> Vec<&str> {
        let begin = format!("-- {name}: ");
        self.sql.lines().filter_map(|line| line.strip_prefix(&begin)).collect()
    }

    /// A data directory with this database in it.
    fn home(&self) -> TempDir {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        fs::create_dir(&data).unwrap();
        set_mode(&data, 0o700);
        fs::write(data.join("pepper.key"), format!("{}\n", self.lines("pepper")[0])).unwrap();
        let log: String = self.lines("journal").iter().map(|line| format!("{line}\n")).collect();
        if !log.is_empty() {
            fs::write(data.join("jeton.journal"), log).unwrap();
        }
        let connection = Connection::open(data.join("jeton.db")).unwrap();
        connection.execute_batch(&self.sql).unwrap();
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        drop(connection);
        for path in children(&data) {
            set_mode(&path, 0o600);
        }
        home
    }
}

fn all() -> Vec<Fixture> {
    let mut fixtures: Vec<_> = children(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"))
        .into_iter()
        .map(|path| {
            let schema = text(&path).rsplit_once("schema-").unwrap().1.trim_end_matches(".sql").parse();
            Fixture { schema: schema.unwrap(), sql: fs::read_to_string(path).unwrap() }
        })
        .collect();
    fixtures.sort_by_key(|fixture| fixture.schema);
    fixtures
}

fn version(database: &Path) -> i64 {
    let connection = Connection::open(database).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn ids(database: &Path, table: &str) -> Vec<Vec<u8>> {
    let connection = Connection::open(database).unwrap();
    let mut statement = connection.prepare(&format!("SELECT id FROM {table} ORDER BY id")).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn is_as_it_was(server: &Server, fixture: &Fixture) {
    for good in fixture.lines("good") {
        assert!(server.accepts(good), "schema {}: {good}", fixture.schema);
    }
    for dead in fixture.lines("dead") {
        assert!(!server.accepts(dead), "schema {}: {dead}", fixture.schema);
    }
    let verdict = server.client().get("/v1/events/verify").bearer(server.secret()).send().expect(200).json();
    assert_eq!(verdict["sound"], true, "schema {}: {verdict}", fixture.schema);
}

#[test]
fn the_fixtures_are_of_their_schemas() {
    let fixtures = all();
    assert!(fixtures.len() >= 6);
    for fixture in &fixtures {
        let home = fixture.home();
        assert_eq!(version(&home.path().join("data/jeton.db")), fixture.schema);
        assert!(!fixture.lines("good").is_empty() && fixture.lines("dead").len() >= 3);
    }
}

#[test]
fn every_old_database_is_raised_and_kept_and_decides_as_before() {
    for fixture in all() {
        let home = fixture.home();
        let data = home.path().join("data");
        let (users, tokens) = (ids(&data.join("jeton.db"), "users"), ids(&data.join("jeton.db"), "tokens"));
        let mut server = Server::setup().at(THEN).start_in(home);
        is_as_it_was(&server, &fixture);
        let kept = data.join(format!("jeton.db.schema-{}.bak", fixture.schema));
        assert_eq!(kept.exists(), fixture.schema < latest(), "schema {}", fixture.schema);
        // What is new in it can be written.
        let mut client = server.client();
        let made = client.post("/v1/tokens").bearer(fixture.lines("good")[1]);
        let made = made.json(&crate::harness::server::named("after")).send().expect(201).json();
        assert!(server.accepts(made["token"].as_str().unwrap()));
        server.stop();
        assert_eq!(version(&data.join("jeton.db")), latest());
        assert_eq!(ids(&data.join("jeton.db"), "users"), users);
        let now = ids(&data.join("jeton.db"), "tokens");
        assert!(tokens.iter().all(|id| now.contains(id)));
        if fixture.schema == latest() {
            continue;
        }
        assert!(server.log().contains(text(&kept)), "the log says where: {}", server.log());
        assert_eq!(mode(&kept), 0o600);
        assert_eq!(version(&kept), fixture.schema);
        assert_eq!(ids(&kept, "tokens"), tokens);
    }
}

#[test]
fn the_copy_that_was_kept_can_be_restored() {
    let mut server = Server::setup().at(THEN).start_in(all()[0].home());
    server.stop();
    let kept = server.data().join("jeton.db.schema-1.bak");
    server.run(&["restore", text(&kept)]).done();
    assert_eq!(version(&server.data().join("jeton.db")), latest(), "it is raised again");
    assert_eq!(ids(&server.data().join("jeton.db"), "tokens"), ids(&kept, "tokens"));
}

#[test]
fn a_kill_at_any_write_of_an_upgrade_leaves_a_database_that_is_raised_next_time() {
    let fixture = &all()[0];
    let command = |home: &TempDir, line: &str| {
        Run::new(&["user", "list"])
            .data_dir(&home.path().join("data"))
            .env("PATH", "/usr/bin:/bin")
            .shell(line)
            .run()
    };
    let mut kills = 0;
    for call in ["pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink"] {
        // How often it is called without a kill.
        let home = fixture.home();
        let trace = home.path().join("trace");
        command(&home, &format!("exec strace -f -qq -o {} -e trace={call} \"$@\"", text(&trace))).done();
        let mut per_thread = BTreeMap::<String, usize>::new();
        for line in
            fs::read_to_string(&trace).unwrap().lines().filter(|line| line.contains(&format!("{call}(")))
        {
            *per_thread.entry(line.split_whitespace().next().unwrap().into()).or_default() += 1;
        }
        let calls = per_thread.values().copied().max().unwrap_or(0);
        let step = (calls / campaign(4, calls.max(1))).max(1);
        for nth in (1..=calls).step_by(step) {
            let home = fixture.home();
            let data = home.path().join("data");
            let line = format!(
                "exec strace -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={nth} \"$@\""
            );
            kills += usize::from(command(&home, &line).code != Some(0));
            command(&home, "exec \"$@\"").done();
            assert_eq!(version(&data.join("jeton.db")), latest(), "{call} {nth}");
            let kept = data.join("jeton.db.schema-1.bak");
            assert!(kept.exists() && version(&kept) == 1, "{call} {nth}: the old one is kept");
            let verdict = Run::new(&["events", "verify"]).data_dir(&data).run().done();
            assert!(verdict.starts_with("sound: "), "{call} {nth}: {verdict}");
            let tokens = ids(&data.join("jeton.db"), "tokens");
            assert_eq!(tokens, ids(&kept, "tokens"), "{call} {nth}");
        }
    }
    println!("{kills} kills");
    assert!(kills >= 10, "{kills} kills");
}

#[test]
fn a_newer_database_is_refused_and_no_byte_of_it_changes() {
    let mut server = Server::start();
    let anna = server.user("anna");
    server.token(&anna);
    // With a log beside it, as a crash leaves one.
    server.kill();
    let data = server.data();
    let connection = database::open(&data);
    connection.pragma_update(None, "user_version", latest() + 1).unwrap();
    // A connection that is closed would take the log along.
    std::mem::forget(connection);
    let sums = || -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = children(&data);
        files.retain(|path| text(path).contains("/jeton.db") && !text(path).ends_with("-shm"));
        files
            .into_iter()
            .map(|path| (path.clone(), Sha256::digest(fs::read(path).unwrap()).to_vec()))
            .collect()
    };
    let before = sums();
    assert!(before.keys().any(|path| text(path).ends_with("-wal")));
    for arguments in [&["serve", "--port", "0"][..], &["user", "list"], &["backup", "never.db"]] {
        let refusal = server.command(arguments).within(server.home()).run().refused(1);
        assert!(refusal.contains("newer than this binary's"), "{arguments:?}: {refusal}");
        assert_eq!(sums(), before, "{arguments:?}");
    }
    assert!(!server.home().join("never.db").exists());
}
