//! `jeton scan`: every planted token is found where it is, nothing else is, and no secret is ever printed.

mod archives;
mod files;
mod git;
mod live;

use std::{fs, path::Path};

use serde_json::Value;

use crate::harness::{Output, Run, command::text, token};

/// A token that no server ever issued; whole, with its checksum.
pub fn made(number: usize) -> String {
    let (id, secret) = (number * 7_919 + 1, format!("x{}Q", number * 104_729 + 1).repeat(42));
    token::resealed(&format!("jtn_0{id:021}_0{}000000", &secret[..42]))
}

/// One whose checksum is wrong.
pub fn broken(number: usize) -> String {
    token::altered(&made(number), 60)
}

/// Writes a file, and the directories above it.
pub fn write(directory: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// `jeton scan` in a directory, with these arguments.
pub fn scan(directory: &Path, arguments: &[&str]) -> Output {
    ready(directory, arguments).run()
}

/// The same, not run yet.
pub fn ready(directory: &Path, arguments: &[&str]) -> Run {
    Run::new(&[&["scan"], arguments].concat())
        .within(directory)
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", text(directory))
}

/// What was found and where, in its order, and that the exit code is 1; nothing of a secret may be in what was printed.
#[track_caller]
pub fn findings(output: &Output) -> Vec<(String, String)> {
    assert_eq!(output.code, Some(1), "{output:?}");
    places(output)
}

/// The same, whatever the exit code.
#[track_caller]
pub fn places(output: &Output) -> Vec<(String, String)> {
    let lines = output.stdout.lines().map(|line| {
        let (place, rest) = line.split_once(": jtn_").unwrap_or_else(|| panic!("no finding: {line}"));
        assert_eq!(rest.chars().nth(23), Some('…'), "{line}");
        let id = rest.split(' ').nth(1).unwrap();
        (place.to_owned(), id.to_owned())
    });
    lines.collect()
}

/// Where a token is expected to be found.
pub fn at(place: &str, text: &str) -> (String, String) {
    (place.into(), token::Wire::read(text).uuid())
}

/// Asserts that nothing of these tokens' secrets was printed.
#[track_caller]
pub fn silent(output: &Output, tokens: &[&str]) {
    for text in tokens {
        let secret = &token::Wire::read(text).secret[20..];
        for printed in [&output.stdout, &output.stderr] {
            assert!(!printed.contains(&secret[..12]), "{printed}");
        }
    }
}

/// The objects that were printed, one a line.
pub fn objects(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
