//! `jeton revoke`: shows what would end, and ends it on a word.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::harness::{
    Server,
    command::JETON,
    server::{Actor, named},
};

fn mint(server: &Server, actor: &Actor, name: &str) -> String {
    server.mint(actor, &named(name))["token"].as_str().expect("a token").to_owned()
}

#[test]
fn the_command_line_looks_first() {
    let server = Server::start();
    let anna = server.user("anna");
    let tokens = [mint(&server, &anna, "one"), mint(&server, &anna, "two")];
    assert!(server.accepts(&tokens[0]));
    let printed = server.run(&["revoke", "--owner", "anna", "--dry-run"]).done();
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines[0].starts_with("NUMBER") && lines[0].ends_with("USED FROM"), "{printed}");
    assert!(lines[1].contains("one") && lines[1].ends_with("127.0.0.1"), "{printed}");
    assert_eq!(lines[3], "2 tokens to disable", "{printed}");
    let digest = lines[4].strip_prefix("digest ").expect("a digest");
    let refused = server.run(&["revoke", "--owner", "anna"]).refused(2);
    assert!(refused.contains("--dry-run"), "{refused}");
    server.run(&["revoke", "--dry-run"]).refused(2);
    let other = ["revoke", "--owner", "anna", "--action", "delete", "--digest", digest];
    let refused = server.run(&other).refused(1);
    assert!(refused.contains("isn't what the plan said"), "{refused}");
    assert!(server.accepts(&tokens[0]));
    let done = server.run(&["revoke", "--owner", "anna", "--action", "disable", "--digest", digest]).done();
    assert_eq!(done, "disabled 2 tokens\n");
    assert!(tokens.iter().all(|token| !server.accepts(token)));
    let plan = server.run(&["revoke", "--owner", "anna", "--action", "delete", "--dry-run", "--json"]).json();
    assert_eq!(plan["count"], 2);
    let digest = plan["digest"].as_str().unwrap();
    let done =
        server.run(&["revoke", "--owner", "anna", "--action", "delete", "--digest", digest, "--json"]).json();
    assert_eq!(done["tokens"][0]["status"], "deleted");
    server.run(&["revoke", "--owner", "nobody", "--dry-run"]).refused(1);
}

/// At a terminal somebody is shown the plan and asked; what isn't yes is no.
#[test]
fn at_a_terminal_it_asks() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = mint(&server, &anna, "one");
    for (typed, ends) in [("\n", false), ("n\n", false), ("y\n", true)] {
        let command = format!("{JETON} revoke --owner anna --data-dir {}", server.data().display());
        let mut terminal = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        terminal.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let shown = terminal.wait_with_output().unwrap();
        let printed = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(printed.contains("Disable 1 token? [y/N]"), "{printed}");
        assert_eq!((shown.status.success(), !server.accepts(&token)), (ends, ends), "{typed:?}: {printed}");
    }
}
