//! Files and directories, whatever is in them.

use std::{fs, os::unix::fs::symlink, time::Duration};

use super::{at, broken, findings, made, objects, places, ready, scan, silent, write};
use crate::harness::{campaign, command::is_root, token::Wire};

#[test]
fn five_are_planted_one_is_broken_and_four_are_found() {
    let home = tempfile::tempdir().unwrap();
    let tokens: Vec<String> = (0..4).map(made).collect();
    write(home.path(), "src/main.py", format!("import os\n\nTOKEN = \"{}\"\n", tokens[0]));
    write(home.path(), ".env", format!("URL=http://x\nKEY=secret-token:{}", tokens[1]));
    write(
        home.path(),
        "deep/er/notes.md",
        format!("{}\n\n\n?t={}&x", broken(9), tokens[2].replace('_', "%5F")),
    );
    write(home.path(), "program", [b"\0\x01\x02".as_slice(), tokens[3].as_bytes(), b"\0"].concat());
    write(home.path(), "clean.txt", "jtn_ is what a token begins with\n");
    let output = scan(home.path(), &["."]);
    let expected = [
        at("./.env:2", &tokens[1]),
        at("./deep/er/notes.md:4", &tokens[2]),
        at("./program@3", &tokens[3]),
        at("./src/main.py:3", &tokens[0]),
    ];
    assert_eq!(findings(&output), expected);
    let all: Vec<&str> = tokens.iter().map(String::as_str).collect();
    silent(&output, &all);
    assert!(
        output.stderr.contains("scanned 5 files") && output.stderr.contains("4 places"),
        "{}",
        output.stderr
    );
    let clean = scan(home.path(), &["clean.txt"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""));

    let json = scan(home.path(), &["--json", "src", "program"]);
    silent(&json, &all);
    let found = objects(&json);
    assert_eq!((&found[0]["path"], &found[0]["line"]), (&"src/main.py".into(), &3.into()));
    assert_eq!((&found[1]["offset"], &found[1]["id"]), (&3.into(), &Wire::read(&tokens[3]).uuid().into()));
}

#[test]
fn text_in_utf_16_and_standard_input_are_read() {
    let home = tempfile::tempdir().unwrap();
    let text = format!("first\r\nsecond {}\r\n", made(1));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    write(home.path(), "little", &little);
    write(home.path(), "big", [&[0xfe, 0xff][..], &big].concat());
    let output = scan(home.path(), &["little", "big"]);
    assert_eq!(findings(&output), [at("little:2", &made(1)), at("big:2", &made(1))]);
    let output = ready(home.path(), &["-"]).input(text).run();
    assert_eq!(findings(&output), [at("-:2", &made(1))]);
}

#[test]
fn a_name_that_holds_a_token_is_told_and_not_repeated() {
    let home = tempfile::tempdir().unwrap();
    let (named, within) = (made(1), made(2));
    write(home.path(), &format!("d/{named}.txt"), &within);
    let output = scan(home.path(), &["d"]);
    let place = format!("d/{}_….txt", &named[..26]);
    assert_eq!(
        findings(&output),
        [at(&format!("{place}(name)"), &named), at(&format!("{place}:1"), &within)]
    );
    silent(&output, &[&named, &within]);
    silent(&scan(home.path(), &["--json", "d"]), &[&named, &within]);
    let nowhere = scan(home.path(), &[&format!("nowhere/{named}")]);
    assert_eq!(nowhere.code, Some(2));
    silent(&nowhere, &[&named]);
}

#[test]
fn links_are_not_followed_and_a_repository_is_passed_over_with_a_hint() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "tree/a", made(1));
    write(home.path(), "tree/.git/config", made(2));
    write(home.path(), "outside", made(3));
    symlink(".", home.path().join("tree/loop")).unwrap();
    symlink("../outside", home.path().join("tree/link")).unwrap();
    let output = scan(home.path(), &["tree"]);
    assert_eq!(findings(&output), [at("tree/a:1", &made(1))]);
    assert!(output.stderr.contains("--git"), "{}", output.stderr);
    // One that is named is meant.
    assert_eq!(findings(&scan(home.path(), &["tree/link"])), [at("tree/link:1", &made(3))]);
}

#[test]
fn what_cannot_be_read_is_named_and_makes_it_2() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "a", made(1));
    symlink("round", home.path().join("round")).unwrap();
    // The memory of a process is a file that opens and then can't be read.
    let mut unreadable = vec!["nowhere", "round", "/proc/self/mem"];
    if !is_root() {
        write(home.path(), "locked", made(2));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
        fs::set_permissions(home.path().join("locked"), mode).unwrap();
        unreadable.push("locked");
    }
    for path in unreadable {
        let output = scan(home.path(), &[path, "a"]);
        assert_eq!(output.code, Some(2), "{path}");
        assert!(
            output.stderr.lines().any(|line| line.starts_with(&format!("{path}: "))),
            "{}",
            output.stderr
        );
        assert_eq!(places(&output), [at("a:1", &made(1))], "the rest is read all the same");
    }
    for wrong in [&[][..], &["--git", ".", "a"], &["--staged", "a"], &["--url", "http://127.0.0.1:1", "a"]] {
        assert_eq!(scan(home.path(), wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn borders_of_what_is_read_at_a_time_hide_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut bytes = vec![b'.'; 4 << 20];
    let mut expected = Vec::new();
    // Across each border of a stretch, by another number of bytes.
    for border in 1..16 {
        let start = border * 256 * 1024 - border * 5;
        bytes[start..start + 76].copy_from_slice(made(border).as_bytes());
        bytes[start - 100] = b'\n';
        expected.push(at(&format!("big:{}", border + 1), &made(border)));
    }
    write(home.path(), "big", &bytes);
    assert_eq!(findings(&scan(home.path(), &["big"])), expected);
}

#[test]
fn noise_holds_no_token_but_the_planted_one() {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let home = tempfile::tempdir().unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes: Vec<u8> = (0..campaign(5_000_000, 50_000_000))
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            DIGITS[(state % 62) as usize]
        })
        .collect();
    // Every so often something of a token's form.
    for start in (0..bytes.len() - 100).step_by(1_000) {
        bytes[start] = b' ';
        bytes[start + 1..start + 5].copy_from_slice(b"jtn_");
        bytes[start + 27] = b'_';
        bytes[start + 77] = b' ';
    }
    bytes.extend_from_slice(format!("\n{}", made(1)).as_bytes());
    write(home.path(), "noise", &bytes);
    assert_eq!(findings(&scan(home.path(), &["noise"])), [at("noise:2", &made(1))]);
}

#[test]
fn a_large_file_takes_no_more_memory_than_a_small_one() {
    let home = tempfile::tempdir().unwrap();
    let file = fs::File::create(home.path().join("large")).unwrap();
    file.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, made(1).as_bytes(), (1 << 30) - 200).unwrap();
    let run = ready(home.path(), &["large"]).shell("ulimit -d 65536; exec \"$@\"");
    let output = run.run();
    assert_eq!(findings(&output), [at(&format!("large@{}", (1 << 30) - 200), &made(1))]);
    assert!(output.took < Duration::from_secs(20));
}
