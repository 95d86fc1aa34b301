//! Histories and what is staged, in repositories made by the real `git`.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Output},
};

use super::{at, broken, findings, made, ready, scan, silent, write};
use crate::harness::command::{JETON, text};

/// Runs git in a directory, with nothing of this machine's configuration.
fn try_git(directory: &Path, arguments: &[&str]) -> Output {
    let bin = directory.parent().unwrap().join("bin");
    Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("HOME", directory.parent().unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_COMMITTER_NAME", "Ada")])
        .envs([("GIT_AUTHOR_EMAIL", "ada@example.org"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
        .output()
        .expect("git is one of the packages that tests/run installs")
}

#[track_caller]
fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = try_git(directory, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits all there is: the commit's name.
fn commit(directory: &Path, message: &str) -> String {
    git(directory, &["add", "-A"]);
    git(directory, &["commit", "-q", "--allow-empty", "-m", message]);
    git(directory, &["rev-parse", "HEAD"])
}

fn repository(home: &Path) -> std::path::PathBuf {
    let path = home.join("work");
    fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "-b", "main"]);
    path
}

#[test]
fn a_history_tells_the_commit_that_brought_each() {
    let home = tempfile::tempdir().unwrap();
    let work = repository(home.path());
    assert_eq!(scan(home.path(), &["--git", "work"]).code, Some(0), "nothing was committed yet");
    let tokens: Vec<String> = (0..6).map(made).collect();
    write(&work, "app.ini", format!("[x]\nkey = {}\n", tokens[0]));
    write(&work, "broken.txt", broken(8));
    let first = commit(&work, "Begin");
    fs::remove_file(work.join("app.ini")).unwrap();
    write(&work, "moved/app.ini", format!("[x]\nkey = {}\n", tokens[0]));
    write(&work, "ä b.txt", format!("\n\n{}", tokens[1]));
    let second = commit(&work, "Move it");
    fs::remove_dir_all(work.join("moved")).unwrap();
    fs::remove_file(work.join("ä b.txt")).unwrap();
    commit(&work, "Take it out again");
    git(&work, &["checkout", "-q", "-b", "side"]);
    write(&work, "side", &tokens[2]);
    let side = commit(&work, "Aside");
    git(&work, &["checkout", "-q", "main"]);
    let told = commit(&work, &format!("Use\n\nThe key is {}", tokens[3]));
    // What a merge alone brings is in neither parent.
    git(&work, &["merge", "-q", "--no-ff", "--no-commit", "side"]);
    write(&work, "merged", &tokens[5]);
    let merge = commit(&work, "Merge");
    git(&work, &["tag", "-a", "v1", "-m", &tokens[4]]);
    let tag = git(&work, &["rev-parse", "v1"]);
    let mut expected = vec![
        at(&format!("{first}:app.ini:2"), &tokens[0]),
        at(&format!("{second}:ä b.txt:3"), &tokens[1]),
        at(&format!("{side}:side:1"), &tokens[2]),
        at(&format!("{told}:(message)"), &tokens[3]),
        at(&format!("{tag}:(tag)"), &tokens[4]),
        at(&format!("{merge}:merged:1"), &tokens[5]),
    ];
    expected.sort();
    git(home.path().join("work").as_path(), &["clone", "-q", "--bare", ".", "../bare"]);
    for place in ["work", "bare"] {
        let output = scan(home.path(), &["--git", place]);
        let mut found = findings(&output);
        found.sort();
        assert_eq!(found, expected, "{place}");
        silent(&output, &tokens.iter().map(String::as_str).collect::<Vec<_>>());
    }
    git(&work, &["clone", "-q", "--depth=1", &format!("file://{}", text(&work)), "../shallow"]);
    let shallow = scan(home.path(), &["--git", "shallow"]);
    assert!(shallow.stderr.contains("shallow"), "{}", shallow.stderr);
}

#[test]
fn what_nothing_leads_to_is_scanned_on_request() {
    let home = tempfile::tempdir().unwrap();
    let work = repository(home.path());
    write(&work, "a", "nothing");
    commit(&work, "Begin");
    write(&work, "b", made(1));
    commit(&work, "Leak");
    git(&work, &["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(scan(home.path(), &["--git", "work"]).code, Some(0));
    let all = findings(&scan(home.path(), &["--git", "work", "--all-objects"]));
    let blob = all[0].0.strip_suffix(":1").unwrap();
    assert_eq!((blob.len(), &all[0].1), (40, &at("", &made(1)).1), "told by its own name");
}

#[test]
fn a_hostile_repository_has_nothing_run() {
    let home = tempfile::tempdir().unwrap();
    let work = repository(home.path());
    write(&work, "a", made(1));
    write(&work, ".gitattributes", "* diff=evil filter=evil\n");
    let first = commit(&work, "Begin");
    let evil = home.path().join("evil");
    fs::write(&evil, format!("#!/bin/sh\ntouch {}/ran\n", text(home.path()))).unwrap();
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.smudge",
        "filter.evil.clean",
        "gpg.program",
        "core.sshCommand",
        "alias.rev-list",
    ] {
        git(&work, &["config", key, text(&evil)]);
    }
    for (key, value) in [("log.showSignature", "true"), ("color.ui", "always"), ("log.showRoot", "false")] {
        git(&work, &["config", key, value]);
    }
    // A replaced object is the one that it was.
    let blob = git(&work, &["rev-parse", "HEAD:a"]);
    fs::write(home.path().join("plain"), "plain").unwrap();
    let plain = git(&work, &["hash-object", "-w", "--no-filters", "../plain"]);
    git(&work, &["replace", &blob, &plain]);
    let output = scan(home.path(), &["--git", "work"]);
    assert_eq!(findings(&output), [at(&format!("{first}:a:1"), &made(1))]);
    let staged = scan(&work, &["--staged"]);
    assert_eq!(staged.code, Some(0), "{}", staged.stderr);
    assert!(!home.path().join("ran").exists(), "something was run");
}

#[test]
fn what_is_not_there_is_not_fetched_by_an_older_git_either() {
    let home = tempfile::tempdir().unwrap();
    let work = repository(home.path());
    write(&work, "a", made(1));
    commit(&work, "Begin");
    fs::remove_file(work.join("a")).unwrap();
    commit(&work, "Take it out");
    git(&work, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", text(&work));
    git(&work, &["clone", "-q", "--filter=blob:none", &url, "../partial"]);
    let partial = home.path().join("partial");
    git(&partial, &["config", "protocol.allow", "always"]);
    git(&partial, &["config", "protocol.file.allow", "always"]);
    // One that doesn't know how it is told to fetch nothing.
    let older = home.path().join("older/git");
    write(home.path(), "older/git", "#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec /usr/bin/git \"$@\"\n");
    fs::set_permissions(&older, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", text(older.parent().unwrap()));
    let output = ready(home.path(), &["--git", "partial"]).env("PATH", path).run();
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{}", output.stderr);
}

#[test]
fn what_is_staged_elsewhere_is_seen_from_a_subdirectory() {
    let home = tempfile::tempdir().unwrap();
    let work = repository(home.path());
    write(&work, "sub/b", "nothing");
    write(&work, "a", made(1));
    git(&work, &["add", "-A"]);
    git(&work, &["config", "diff.relative", "true"]);
    assert_eq!(findings(&scan(&work.join("sub"), &["--staged"])), [at("a:1", &made(1))]);
}

#[test]
fn what_is_no_repository_is_told() {
    let home = tempfile::tempdir().unwrap();
    let error = scan(home.path(), &["--git", "."]).refused(2);
    assert!(error.contains("no git repository"), "{error}");
    scan(home.path(), &["--git", "nowhere"]).refused(2);
    scan(home.path(), &["--staged"]).refused(2);
}

#[test]
fn somebody_elses_repository_is_told_clearly() {
    if !crate::harness::command::is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let work = repository(home.path());
    std::os::unix::fs::chown(work.join(".git"), Some(65_534), None).unwrap();
    std::os::unix::fs::chown(&work, Some(65_534), None).unwrap();
    let error = scan(home.path(), &["--git", "work"]).refused(2);
    assert!(error.contains("safe.directory") && error.contains("somebody else"), "{error}");
}

#[test]
fn the_hook_keeps_a_token_out_of_a_commit() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("bin")).unwrap();
    symlink(JETON, home.path().join("bin/jeton")).unwrap();
    let work = repository(home.path());
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/hooks/pre-commit");
    let mode = fs::metadata(&packaged).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "it can be run as it is");
    fs::copy(packaged, work.join(".git/hooks/pre-commit")).unwrap();
    // The first commit of all has nothing before it.
    write(&work, "sub/app.ini", format!("a\n{}", made(1)));
    git(&work, &["add", "-A"]);
    let refused = try_git(&work, &["commit", "-q", "-m", "Begin"]);
    let said = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
    assert!(!refused.status.success() && said.contains("sub/app.ini:2"), "{said}");
    assert!(said.contains("Not committed") && !said.contains(&made(1)[57..70]), "{said}");
    assert!(
        !try_git(&work, &["rev-parse", "-q", "--verify", "HEAD"]).status.success(),
        "nothing was committed"
    );
    write(&work, "sub/app.ini", "a\n");
    commit(&work, "Begin");
    // What isn't staged isn't committed; what is committed by name is looked at from wherever that is said.
    write(&work, "sub/app.ini", format!("a\n{}", made(1)));
    write(&work, "other", "x");
    git(&work, &["add", "other"]);
    git(&work, &["commit", "-q", "-m", "Other"]);
    let refused = try_git(&work.join("sub"), &["commit", "-q", "-m", "Named", "app.ini"]);
    assert!(!refused.status.success());
    // What was there before is nobody's to hold against a commit.
    git(&work, &["commit", "-q", "--no-verify", "-a", "-m", "Leak"]);
    write(&work, "other", "y");
    commit(&work, "Go on");
    assert_eq!(scan(&work, &["--staged"]).code, Some(0));
}

#[test]
fn the_hook_is_offered_to_the_framework() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let offered = fs::read_to_string(root.join(".pre-commit-hooks.yaml")).unwrap();
    for line in
        ["- id: jeton-scan", "  entry: jeton scan --staged", "  language: system", "  pass_filenames: false"]
    {
        assert!(offered.lines().any(|other| other == line), "{line}");
    }
}
