//! The data directory: how it comes to be, and everything that is wrong enough with it to refuse.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::harness::{
    Output, Run, Server, campaign,
    command::{is_root, signal, text, wait_for_end},
    database,
    files::{children, mode, picture, set_mode},
    wait_for,
};

/// A directory that a server set up, filled and left in good order.
struct Prepared {
    server: Server,
    token: String,
}

impl Prepared {
    fn new() -> Self {
        let mut server = Server::start();
        let anna = server.user("anna");
        let token = server.token(&anna);
        server.stop();
        Self { server, token }
    }

    fn data(&self) -> PathBuf {
        self.server.data()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    /// Starts on it and asserts a refusal: quick, in one sentence that holds `words`, and no byte changed.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        let before = picture(&self.data());
        let output = serve(&self.data(), self.server.home());
        assert!(output.took < Duration::from_secs(1), "refused after {:?} only", output.took);
        assert_ne!(output.code, Some(0));
        assert_eq!(picture(&self.data()), before, "a refused start changed something: {}", output.stderr);
        let said = output.refused(1);
        for word in words {
            assert!(said.contains(word), "{word:?} isn't in {said:?}");
        }
        let sentences = said.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(sentences, 1, "one clear sentence, not {said:?}");
        assert!(!said.contains(&self.token[27..]));
    }
}

/// Starts a server that is expected to refuse.
fn serve(data: &Path, home: &Path) -> Output {
    Run::new(&["serve", "--port", "0"]).data_dir(data).within(home).run()
}

#[test]
fn an_empty_directory_is_set_up_at_once() {
    let server = Server::start();
    let names = ["jeton.db", "pepper.key", "jeton.lock", "control.json"];
    for name in names {
        assert!(server.data().join(name).is_file(), "no {name}");
    }
    let anna = server.administrator("anna");
    let me = server.client().get("/v1/me").basic(&anna.name, &anna.password).send().expect(200).json();
    assert_eq!(me["organization"]["slug"], "default");
    assert!(server.started_in < Duration::from_secs(1), "{:?}", server.started_in);
}

#[test]
fn a_directory_named_explicitly_is_set_up_by_whichever_command_first_needs_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("a/b");
    Run::new(&["user", "add", "anna", "--password-stdin"])
        .data_dir(&data)
        .input("a mile and a half, crooked")
        .run()
        .done();
    assert_eq!(mode(&data), 0o700);
    let users = Run::new(&["user", "list", "--json"]).data_dir(&data).run().json();
    assert!(users.to_string().contains("\"anna\""), "{users}");
}

#[test]
fn everything_is_private_whatever_the_umask() {
    let server = Server::setup().shell("umask 000; exec \"$@\"").start();
    let anna = server.user("anna");
    server.token(&anna);
    assert_eq!(mode(&server.data()), 0o700);
    let entries = children(&server.data());
    assert!(entries.len() >= 5, "{entries:?}");
    for path in entries {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn without_a_terminal_nothing_secret_is_printed_and_the_log_says_what_to_run() {
    let server = Server::start();
    let log = server.log();
    assert!(log.contains("jeton user add NAME --admin"), "{log}");
    for secret in ["jtn_", "jtc_", server.secret()] {
        assert!(!log.contains(secret), "{log}");
    }
    let users = server.run(&["user", "list", "--json"]).done();
    assert!(!users.contains("\"admin\""), "nobody was told a password, so nobody may have one: {users}");
}

#[test]
fn on_a_terminal_an_administrator_is_made_whose_curl_line_works() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let screen = home.path().join("screen");
    let line = format!("{} serve --port 0 --data-dir {}", crate::harness::command::JETON, data.display());
    let mut terminal = Command::new("script")
        .args(["-q", "-e", "-f", "-c", &line, text(&screen)])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pasted = wait_for("a curl line", Duration::from_secs(10), || {
        let seen = String::from_utf8(fs::read(&screen).unwrap_or_default()).unwrap();
        let at = seen.find("curl ")?;
        let line = seen[at..].lines().next()?.trim_end().to_owned();
        (seen[at..].contains('\n')).then_some((seen, line))
    });
    let (seen, line) = pasted;
    wait_for("the server", Duration::from_secs(10), || data.join("control.json").exists().then_some(()));
    let reply = Command::new("/bin/sh").args(["-c", &line]).output().unwrap();
    let said = String::from_utf8_lossy(&reply.stdout).into_owned();
    let users = Run::new(&["user", "show", "admin", "--json"]).data_dir(&data).run().json();
    let pid: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(data.join("control.json")).unwrap()).unwrap();
    signal(u32::try_from(pid["pid"].as_u64().unwrap()).unwrap(), rustix::process::Signal::TERM);
    wait_for_end(&mut terminal, Duration::from_secs(10));
    assert!(reply.status.success() && said.contains("jtn_"), "{seen}\n{said}");
    assert_eq!(users["operator"], true, "{users}");
}

#[test]
fn a_database_without_its_pepper_is_refused_and_gets_no_new_one() {
    let prepared = Prepared::new();
    fs::remove_file(prepared.file("pepper.key")).unwrap();
    prepared.refuses(&["pepper.key"]);
    assert!(!prepared.file("pepper.key").exists());
}

#[test]
fn a_database_with_another_pepper_is_refused() {
    let prepared = Prepared::new();
    let other = Prepared::new();
    fs::copy(other.file("pepper.key"), prepared.file("pepper.key")).unwrap();
    prepared.refuses(&["pepper"]);
}

#[test]
fn a_pepper_that_is_none_is_refused() {
    let prepared = Prepared::new();
    let path = prepared.file("pepper.key");
    let good = fs::read_to_string(&path).unwrap();
    let cut = &good[..good.trim_end().len() - 1];
    for bad in ["", "\n", "1\n", "no pepper at all\n", cut, "\u{0}\u{1}\u{2}"] {
        fs::write(&path, bad).unwrap();
        prepared.refuses(&["pepper"]);
    }
    fs::write(&path, [0xff; 64]).unwrap();
    prepared.refuses(&["pepper"]);
    fs::write(&path, &good).unwrap();
    let mut server = prepared.server;
    server.launch();
    assert!(server.accepts(&prepared.token), "with its own pepper it starts again");
}

#[test]
fn a_pepper_that_is_no_plain_file_is_refused() {
    let prepared = Prepared::new();
    let path = prepared.file("pepper.key");
    let aside = prepared.server.home().join("aside.key");
    fs::rename(&path, &aside).unwrap();

    symlink(&aside, &path).unwrap();
    prepared.refuses(&["pepper.key"]);
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    prepared.refuses(&["pepper.key"]);
    fs::remove_dir(&path).unwrap();

    let made = Command::new("mkfifo").args(["-m", "600", text(&path)]).status().unwrap();
    assert!(made.success());
    prepared.refuses(&["pepper.key"]);
}

#[test]
fn a_database_that_is_a_link_is_refused() {
    let prepared = Prepared::new();
    let aside = prepared.server.home().join("aside.db");
    fs::rename(prepared.file("jeton.db"), &aside).unwrap();
    symlink(&aside, prepared.file("jeton.db")).unwrap();
    prepared.refuses(&["jeton.db"]);
}

#[test]
fn loose_modes_are_refused() {
    let prepared = Prepared::new();
    for (name, loose) in
        [("pepper.key", 0o640), ("pepper.key", 0o604), ("jeton.db", 0o644), ("jeton.db", 0o660)]
    {
        set_mode(&prepared.file(name), loose);
        prepared.refuses(&[name]);
        set_mode(&prepared.file(name), 0o600);
    }
    // Where others may write, they may have: where they may only read, it is mended.
    set_mode(&prepared.data(), 0o770);
    prepared.refuses(&[text(&prepared.data()), "chmod 700"]);
    set_mode(&prepared.data(), 0o755);
    let mut server = prepared.server;
    server.launch();
    assert_eq!(mode(&server.data()), 0o700);
}

#[test]
fn a_schema_newer_than_the_binary_is_refused() {
    let prepared = Prepared::new();
    let connection = database::open(&prepared.data());
    connection.pragma_update(None, "user_version", 9_999).unwrap();
    // Leaves the WAL empty and the journal mode as it was.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    for leftover in ["jeton.db-wal", "jeton.db-shm"] {
        let _ = fs::remove_file(prepared.file(leftover));
    }
    prepared.refuses(&["newer"]);
}

#[test]
fn a_database_that_is_none_is_refused() {
    let prepared = Prepared::new();
    let path = prepared.file("jeton.db");
    let good = fs::read(&path).unwrap();
    let mut headless = good.clone();
    headless[..100].fill(0);
    let mut short = good.clone();
    short.truncate(good.len() / 2);
    for bad in
        [b"not a database, only some text that is long enough to be looked at".to_vec(), headless, short]
    {
        fs::write(&path, bad).unwrap();
        prepared.refuses(&["jeton.db"]);
    }
}

#[test]
fn a_held_directory_is_refused_naming_the_holder_and_the_holder_goes_on() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let before = fs::read(server.data().join("control.json")).unwrap();
    let output = serve(&server.data(), server.home());
    assert!(output.took < Duration::from_secs(1), "{:?}", output.took);
    let said = output.refused(1);
    assert!(said.contains(&server.pid().to_string()), "{said}");
    assert_eq!(fs::read(server.data().join("control.json")).unwrap(), before);
    assert!(server.accepts(&token) && server.runs());
}

#[test]
fn of_many_racing_starts_exactly_one_wins() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let racers = campaign(24, 100);
    let run = Run::new(&["serve", "--port", "0"]).data_dir(&data).within(home.path());
    let start =
        || run.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut children: Vec<_> = (0..racers).map(|_| start()).collect();
    wait_for("all but one to give up", Duration::from_mins(1), || {
        let ended = children.iter_mut().filter_map(|child| child.try_wait().unwrap()).count();
        (ended >= racers - 1).then_some(())
    });
    wait_for("the winner to listen", Duration::from_secs(10), || {
        data.join("control.json").exists().then_some(())
    });
    let (mut living, mut codes) = (Vec::new(), Vec::new());
    for child in &mut children {
        match child.try_wait().unwrap() {
            Some(status) => codes.push(status.code()),
            None => living.push(child.id()),
        }
    }
    let control: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("control.json")).unwrap()).unwrap();
    let named = control["pid"].as_u64();
    for child in &mut children {
        let _ = child.kill();
        let _ = child.wait();
    }
    assert_eq!(living.len(), 1, "{living:?}");
    assert_eq!(named, Some(living[0].into()), "the winner's control.json stands");
    assert!(codes.iter().all(|code| *code == Some(1)), "{codes:?}");
}

#[test]
fn a_crash_frees_the_lock_and_leaves_no_control_file_that_misleads() {
    let mut server = Server::start();
    let first = server.secret().to_owned();
    server.kill();
    assert!(server.data().join("control.json").exists(), "a killed process can't tidy up");
    // The lock and not the file says whether a server runs: this works in-process.
    server.run(&["user", "list"]).done();
    server.launch();
    assert_ne!(server.secret(), first, "the secret is new at each start");
    let old = server.client().get("/v1/users").bearer(&first).send();
    assert_eq!(old.status, 401);
}

#[test]
fn control_file_and_socket_go_at_stop() {
    let mut server = Server::start();
    server.stop();
    let left: Vec<_> =
        children(&server.data()).into_iter().filter(|path| text(path).contains("control")).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    let wal = server.data().join("jeton.db-wal");
    assert!(!wal.exists() || wal.metadata().unwrap().len() == 0, "the WAL is checkpointed");
}

#[test]
fn a_directory_of_another_account_is_refused_with_the_line_that_works() {
    let prepared = Prepared::new();
    let data = prepared.data();
    let (account, directory) = if is_root() {
        for path in children(&data).into_iter().chain([data.clone()]) {
            std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).unwrap();
        }
        (name_of(65_534), data)
    } else {
        // Somebody who isn't root can't give a directory away, but knows one that isn't theirs.
        ("root".into(), PathBuf::from("/usr"))
    };
    let owner = directory.metadata().unwrap().uid();
    for arguments in [&["user", "list"][..], &["serve", "--port", "0"], &["token", "list"]] {
        let said = Run::new(arguments).data_dir(&directory).within(prepared.server.home()).run().refused(1);
        let line = format!(
            "`sudo -u {account} {} {} --data-dir {}`",
            crate::harness::command::JETON,
            arguments.join(" "),
            text(&directory)
        );
        assert!(said.contains(&line), "{line:?} isn't in {said:?}");
        assert!(said.contains(text(&directory)), "{said}");
    }
    assert_eq!(directory.metadata().unwrap().uid(), owner);
}

fn name_of(uid: u32) -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let mut lines = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields[2] == uid.to_string()).expect("every Debian has it")[0].into()
}

#[test]
fn serve_falls_back_to_a_directory_beside_it_and_to_systemds() {
    for (variable, name) in [(None, "jeton-data"), (Some("STATE_DIRECTORY"), "state")] {
        let home: TempDir = tempfile::tempdir().unwrap();
        let data = home.path().join(name);
        let mut run = Run::new(&["serve", "--port", "0"]).within(home.path());
        if let Some(variable) = variable {
            run = run.env(variable, text(&data));
        }
        let mut child = run.command().stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("control.json", Duration::from_secs(10), || {
            data.join("control.json").exists().then_some(())
        });
        signal(child.id(), rustix::process::Signal::TERM);
        assert_eq!(wait_for_end(&mut child, Duration::from_secs(10)).code(), Some(0));
    }
}

#[test]
fn other_commands_say_so_when_there_is_no_directory() {
    let home = tempfile::tempdir().unwrap();
    let said = Run::new(&["user", "list"]).within(home.path()).run().refused(1);
    assert!(said.contains("/var/lib/jeton") && said.contains("jeton-data"), "{said}");
    assert_eq!(children(home.path()), Vec::<PathBuf>::new());

    Run::new(&["user", "list", "--data-dir", "jeton-data"]).within(home.path()).run().done();
    Run::new(&["user", "list"]).within(home.path()).run().done();
}
