//! Peppers: a new one is taken up as tokens are used, an old one goes when nothing needs it, and neither is lost half-way.

use std::{fs, path::Path, process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::harness::{
    Run, Server,
    command::{Output, text},
    files,
};

/// The row of a pepper in what `pepper status` says.
fn row(server: &Server, pepper: u64) -> Value {
    let all = server.run(&["pepper", "status", "--json"]).json();
    let found = all.as_array().unwrap().iter().find(|row| row["pepper"] == pepper).cloned();
    found.unwrap_or_else(|| panic!("no pepper {pepper} in {all}"))
}

fn live(server: &Server, pepper: u64) -> u64 {
    row(server, pepper)["live_tokens"].as_u64().unwrap()
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// A server with five tokens and a pepper that came after them.
fn rotated() -> (Server, Vec<String>) {
    let mut server = Server::start();
    let anna = server.user("anna");
    let tokens: Vec<String> = (0..5).map(|_| server.token(&anna)).collect();
    server.stop();
    server.run(&["pepper", "rotate"]).done();
    assert_eq!(row(&server, 2)["state"], "waits for a start");
    server.launch();
    // Beside the server that runs.
    assert_eq!((&row(&server, 1)["state"], &row(&server, 2)["state"]), (&"old".into(), &"current".into()));
    (server, tokens)
}

#[test]
fn tokens_move_to_a_new_pepper_as_they_are_used() {
    let (mut server, tokens) = rotated();
    assert!(tokens[..3].iter().all(|token| server.accepts(token)));
    server.stop();
    assert_eq!((live(&server, 1), live(&server, 2)), (2, 3));
    let said = server.run(&["pepper", "retire", "1"]).refused(1);
    assert!(said.contains("alone checks: 2;"), "{said}");
    assert_eq!(lines(&server.data().join("pepper.key")).len(), 2);

    server.launch();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    server.stop();
    assert_eq!((live(&server, 1), live(&server, 2)), (0, 5));
    server.run(&["pepper", "retire", "1"]).done();
    let left = lines(&server.data().join("pepper.key"));
    assert!(left[0].starts_with("2 ") && left[1].starts_with("retired 1 ") && left.len() == 2);
    let retired = row(&server, 1);
    assert_eq!((&retired["state"], &retired["sealed_rows"]), (&"retired".into(), &0.into()), "{retired}");

    server.launch();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    let said = server.run(&["events", "verify"]).done();
    assert!(said.starts_with("sound: "), "{said}");
    let fresh = server.token(&server.user("bert"));
    assert!(server.accepts(&fresh));
    server.stop();
    assert_eq!(live(&server, 2), 6);
    // Nothing is left of it that could be retired, and the current one can't be.
    assert!(server.run(&["pepper", "retire", "1"]).refused(1).contains("pepper 1"));
    assert!(server.run(&["pepper", "retire", "2"]).refused(1).contains("current"));
}

#[test]
fn tokens_that_nobody_used_end_with_their_pepper_on_request() {
    let (mut server, tokens) = rotated();
    assert!(tokens[..3].iter().all(|token| server.accepts(token)));
    assert!(server.run(&["pepper", "retire", "1"]).refused(1).contains("stop"), "a server runs");
    server.stop();
    let said = server.run(&["pepper", "retire", "1", "--kill-tokens"]);
    assert!(said.stderr.contains("deleted for it: 2"), "{said:?}");
    server.launch();
    let good: Vec<bool> = tokens.iter().map(|token| server.accepts(token)).collect();
    assert_eq!(good, [true, true, true, false, false]);
    assert!(server.run(&["events", "verify"]).done().starts_with("sound: "));
    let deleted = server.run(&["events", "--kind", "token.deleted", "--json"]).json();
    assert_eq!(deleted.as_array().unwrap().len(), 2);
}

/// Runs a command and kills it after a while; says whether it had come to its end.
fn killed_after(run: &Run, pause: Duration) -> bool {
    let mut command = run.command();
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    thread::sleep(pause);
    let ended = child.try_wait().unwrap().is_some();
    let _ = child.kill();
    child.wait().unwrap();
    ended
}

#[test]
fn a_crash_in_the_midst_loses_no_pepper_and_no_token() {
    let (mut server, tokens) = rotated();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    server.stop();
    let mut ended = false;
    for pause in (0..).step_by(7).map(Duration::from_millis) {
        ended = killed_after(&server.command(&["pepper", "rotate"]), pause);
        assert!(lines(&server.data().join("pepper.key")).len() >= 2);
        if ended || pause > Duration::from_secs(5) {
            break;
        }
    }
    assert!(ended, "a rotation ends in time");
    server.launch();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    server.stop();
    for pause in (20..).step_by(25).map(Duration::from_millis) {
        ended = killed_after(&server.command(&["pepper", "retire", "1"]), pause);
        if ended || pause > Duration::from_secs(5) {
            break;
        }
    }
    let left = lines(&server.data().join("pepper.key"));
    assert!(ended && left.iter().any(|line| line.starts_with("retired 1 ")), "a retirement ends in time");
    server.launch();
    assert!(tokens.iter().all(|token| server.accepts(token)));
    assert!(server.run(&["events", "verify"]).done().starts_with("sound: "));
}

/// Puts the line that `pepper rotate` printed into a file of this mode.
fn put(file: &Path, printed: Output, mode: u32) {
    let line = printed.done();
    let before = fs::read_to_string(file).unwrap_or_default();
    let _ = fs::remove_file(file);
    fs::write(file, format!("{before}{line}")).unwrap();
    files::set_mode(file, mode);
}

#[test]
fn a_credential_of_systemds_is_read_and_never_written() {
    let home = tempfile::tempdir().unwrap();
    let credentials = home.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    let (file, data) = (credentials.join("pepper"), home.path().join("data"));
    let rotate = || Run::new(&["pepper", "rotate"]).data_dir(&data).arg("--pepper-file").arg(text(&file));
    put(&file, rotate().run(), 0o440);
    let mut server = Server::setup().env("CREDENTIALS_DIRECTORY", text(&credentials)).start_in(home);
    let add = ["user", "add", "anna", "--admin", "--password-stdin"];
    server
        .command(&add)
        .env("CREDENTIALS_DIRECTORY", text(&credentials))
        .input("a crooked mile or two")
        .run()
        .done();
    let create = ["token", "create", "--name", "x", "--user", "anna"];
    let create = server.command(&create).env("CREDENTIALS_DIRECTORY", text(&credentials)).run();
    let token = create.done().trim_end().to_owned();
    assert!(!server.data().join("pepper.key").exists(), "it isn't made where it isn't needed");

    // A second line comes from systemd too: printed, put there by hand, taken up by the next start.
    server.stop();
    let before = fs::read(&file).unwrap();
    let printed =
        server.command(&["pepper", "rotate"]).env("CREDENTIALS_DIRECTORY", text(&credentials)).run();
    assert_eq!(fs::read(&file).unwrap(), before, "jeton doesn't write it");
    put(&file, printed, 0o440);
    server.launch();
    assert!(server.accepts(&token));
    server.stop();
    // Named, it has to be as private as jeton's own would be; and it is named or the database isn't opened.
    let named = ["events", "--pepper-file", text(&file)];
    assert!(server.run(&named).refused(1).contains("chmod 600"));
    files::set_mode(&file, 0o600);
    server.run(&named).done();
    assert!(server.run(&["events"]).refused(1).contains("--pepper-file"));
    // What is no pepper isn't taken for one, whoever put it there.
    files::set_mode(&file, 0o640);
    fs::write(&file, "nothing\n").unwrap();
    let events = server.command(&["events"]).env("CREDENTIALS_DIRECTORY", text(&credentials)).run();
    assert!(events.refused(1).contains("pepper file"));
}
