//! The rules of the tree, held over the source tree: who may name whom, and what may stand nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each room and the rooms it may name; what isn't listed it may not.
const ROOMS: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("store", &["core"]),
    // Time and randomness are handed in from `ops`.
    ("service", &["store", "core", "ops"]),
    ("ops", &["core"]),
    ("http", &["service", "core", "ops"]),
    ("door", &["http", "core"]),
    ("cli", &["door", "http", "service", "store", "ops", "core"]),
];

/// Each crate that is kept to where it belongs, as path prefixes under `src`.
const CRATES: [(&str, &[&str]); 15] = [
    ("rusqlite", &["store/"]),
    ("rusqlite_migration", &["store/"]),
    ("r2d2", &["store/"]),
    ("r2d2_sqlite", &["store/"]),
    ("scheduled_thread_pool", &["store/"]),
    ("rocket", &["http/"]),
    ("hyper", &["door/", "cli/client"]),
    ("hyper_util", &["door/", "cli/client"]),
    ("clap", &["cli/"]),
    ("prometheus_client", &["ops/"]),
    ("zip", &["cli/scan/"]),
    ("flate2", &["cli/scan/", "http/admin/", "http/documents"]),
    ("age", &["ops/sealed_backup/"]),
    // `jeton scan` has a reader of its own, of the same name.
    ("tar", &["ops/sealed_backup/", "cli/scan/"]),
    ("anyhow", &["cli/", "ops/", "main.rs"]),
];

/// One source file.
struct Source {
    /// Its path under `src`, or under the crate for tests and benches.
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

fn sources(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let base = root().join(directory);
    let mut waiting = vec![base.clone()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(directory == "benches" || !found.is_empty(), "no source under {directory}");
    found
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Whether all of it is for tests.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs" || part == "fixtures.rs")
    }

    /// Its lines of code, with their numbers: no comment lines, and nothing from the first `#[cfg(test)] mod` on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().enumerate().peekable();
        let mut over = false;
        std::iter::from_fn(move || {
            let (number, line) = lines.next()?;
            let opens = |next: Option<&(usize, &str)>| {
                next.is_some_and(|(_, line)| line.trim_start().starts_with("mod "))
            };
            over |= line.trim() == "#[cfg(test)]" && opens(lines.peek());
            (!over).then_some((number + 1, line))
        })
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The rooms that its code names as `crate::room`, alone or in braces.
    fn rooms_named(&self) -> Vec<(usize, String)> {
        let code: Vec<_> = self.code().collect();
        let mut named = Vec::new();
        for (at, (number, line)) in code.iter().enumerate() {
            let mut rest = *line;
            while let Some((_, after)) = rest.split_once("crate::") {
                rest = after;
                if after.starts_with('{') {
                    let tail: String =
                        code[at..].iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
                    let from = tail.find("crate::{").map_or(0, |found| found + 8);
                    named.extend(top_level_names(&tail[from..]).into_iter().map(|name| (*number, name)));
                } else {
                    named.push((*number, word(after)));
                }
            }
        }
        named
    }
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The first names inside a brace group of a `use`, without what is nested in them.
fn top_level_names(text: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (1, Vec::new(), true);
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            _ if fresh && depth == 1 && (letter.is_alphabetic()) => {
                names.push(word(&text[at..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Whether `line` names the crate `name`: as a path's beginning and not as part of another word.
fn names_crate(line: &str, name: &str) -> bool {
    let mut from = 0;
    while let Some(at) = line[from..].find(name).map(|at| at + from) {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let own = !before.is_some_and(|letter| letter.is_alphanumeric() || "_:\"/.-`".contains(letter));
        if own
            && (after.starts_with("::") || (line.trim_start().starts_with("use ") && after.starts_with(';')))
        {
            return true;
        }
        from = at + name.len();
    }
    false
}

fn misplaced_rooms(source: &Source) -> Vec<String> {
    let Some(room) = source.path.split_once('/').map(|(room, _)| room) else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: {room} is no room of the house", source.path)];
    };
    let rooms: Vec<_> = ROOMS.iter().map(|(name, _)| *name).collect();
    let wrong = source.rooms_named().into_iter().filter(|(_, named)| {
        rooms.contains(&named.as_str()) && named != room && !allowed.contains(&named.as_str())
    });
    wrong.map(|(line, named)| format!("{}:{line}: {room} may not name {named}", source.path)).collect()
}

fn misplaced_crates(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    // A room's own tests may put a small application behind it.
    if source.is_test() {
        return found;
    }
    for (name, places) in CRATES {
        if places.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        let wrong = source.code().filter(|(_, line)| names_crate(line, name));
        found
            .extend(wrong.map(|(number, _)| format!("{}:{number}: {name} doesn't belong here", source.path)));
    }
    found
}

fn banned_words(source: &Source) -> Vec<String> {
    // In pieces, so that this file doesn't hold them itself.
    let banned = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let ignored = format!("#[{}", "ignore");
    let mut found = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for word in banned.iter().chain([&ignored]) {
            if line.contains(word.as_str()) {
                found.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    found
}

fn unwraps(source: &Source) -> Vec<String> {
    if source.is_test() {
        return Vec::new();
    }
    let wrong =
        source.code().filter(|(_, line)| line.contains(".unwrap()") || line.contains(".unwrap_err()"));
    wrong.map(|(number, _)| format!("{}:{number}: unwrap outside tests", source.path)).collect()
}

fn headless(source: &Source) -> Vec<String> {
    let good = source.text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > 10);
    if good { Vec::new() } else { vec![format!("{}: doesn't begin with its //! header", source.path)] }
}

fn too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= 500 { Vec::new() } else { vec![format!("{}: {lines} lines", source.path)] }
}

/// SQL put together from text: `format!` (and its kin) with a statement in its literal.
fn formatted_sql(source: &Source) -> Vec<String> {
    let text: String = source.code().map(|(_, line)| format!("{line}\n")).collect();
    let mut found = Vec::new();
    for call in ["format!(", "format_args!(", "write!(", ".push_str("] {
        for (at, _) in text.match_indices(call) {
            let literal = text[at..].split('"').nth(1).unwrap_or_default();
            let literal = literal.trim_start_matches(['\\', '\n', ' ']);
            let verbs = [
                "SELECT ",
                "INSERT ",
                "UPDATE ",
                "DELETE ",
                "CREATE ",
                "DROP ",
                "ALTER ",
                "PRAGMA ",
                "WHERE ",
                "ORDER BY ",
            ];
            if verbs.iter().any(|verb| literal.starts_with(verb)) {
                found.push(format!("{}: SQL from {call}", source.path));
            }
        }
    }
    found
}

fn empty_names(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let name = stem.rsplit('/').next().unwrap_or_default();
    let empty = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    if empty.contains(&name) {
        vec![format!("{}: a name that says nothing", source.path)]
    } else {
        Vec::new()
    }
}

fn printers(source: &Source) -> Vec<String> {
    let prints = |line: &str| {
        ["print", "println"].iter().any(|name| names_macro(line, name)) || line.contains("stdout()")
    };
    let count = source.code().filter(|(_, line)| prints(line)).count();
    if count == 0 || source.is_test() { Vec::new() } else { vec![source.path.clone()] }
}

fn names_macro(line: &str, name: &str) -> bool {
    let call = format!("{name}!(");
    line.match_indices(&call)
        .any(|(at, _)| !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
}

/// A dialect that names the store, our own API or another dialect, or says one thing for whatever refusal there is.
fn untranslated(source: &Source) -> Vec<String> {
    let names: Vec<String> = fs::read_dir(root().join("src/http/dialects"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .collect();
    let Some(path) = source.path.strip_prefix("http/dialects/") else { return Vec::new() };
    let own = path.split(['/', '.']).next().unwrap_or_default();
    // The list itself, and what holds all of them.
    if matches!(own, "mod" | "tests") {
        return Vec::new();
    }
    let others = names.iter().map(String::as_str).filter(|name| !["mod", "tests", own].contains(name));
    let foreign: Vec<&str> = others.chain(["native", "store"]).collect();
    let mut wrong = Vec::new();
    let mut of_refusals = false;
    for (number, line) in source.code() {
        let is_there = |name: &&&str| {
            line.contains(&format!("{name}::"))
                || line.contains(&format!("::{name}"))
                || word(line.trim()) == **name
        };
        let there = foreign.iter().filter(is_there);
        wrong.extend(there.map(|name| format!("{}:{number}: a dialect names {name}", source.path)));
        of_refusals |= line.contains("match refusal {");
        if of_refusals && line.trim_start().starts_with("_ =>") {
            wrong.push(format!("{}:{number}: the same for whatever refusal", source.path));
        }
        of_refusals &= line != "}";
    }
    wrong
}

#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn all_of(rule: fn(&Source) -> Vec<String>, directories: &[&str]) -> Vec<String> {
    directories.iter().flat_map(|directory| sources(directory)).flat_map(|source| rule(&source)).collect()
}

const EVERYWHERE: [&str; 3] = ["src", "tests", "benches"];

#[test]
fn rooms_name_only_the_rooms_they_may() {
    none(&all_of(misplaced_rooms, &["src"]));
}

#[test]
fn a_dialect_is_a_translator_and_nothing_more() {
    none(&all_of(untranslated, &["src"]));
}

#[test]
fn crates_stay_where_they_belong() {
    none(&all_of(misplaced_crates, &["src"]));
}

#[test]
fn nothing_unfinished_is_left() {
    none(&all_of(banned_words, &EVERYWHERE));
}

#[test]
fn nothing_unwraps_outside_tests() {
    none(&all_of(unwraps, &["src"]));
}

#[test]
fn every_file_says_what_it_is() {
    none(&all_of(headless, &EVERYWHERE));
}

#[test]
fn no_file_is_too_long() {
    none(&all_of(too_long, &EVERYWHERE));
}

#[test]
fn no_sql_is_put_together_from_text() {
    none(&all_of(formatted_sql, &["src"]));
}

#[test]
fn names_say_something() {
    none(&all_of(empty_names, &EVERYWHERE));
}

#[test]
fn one_file_alone_writes_to_standard_output() {
    let printers = all_of(printers, &["src"]);
    assert!(printers.len() <= 1 && printers.iter().all(|path| path.starts_with("cli/")), "{printers:?}");
}

#[test]
fn main_is_short() {
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 30, "{} lines", main.lines().count());
}

#[test]
fn a_panic_is_never_an_abort_and_unsafe_code_is_forbidden() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    for (name, profile) in manifest["profile"].as_table().unwrap() {
        assert_ne!(profile.get("panic").and_then(toml::Value::as_str), Some("abort"), "profile {name}");
    }
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for absent in ["h2", "openssl", "openssl-sys"] {
        assert!(!lock.contains(&format!("name = \"{absent}\"\n")), "{absent} is linked");
    }
}

#[test]
fn nothing_else_lies_at_the_top() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "build.rs",
        "src",
        "static",
        "tests",
        "benches",
        "packaging",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "deny.toml",
        "rustfmt.toml",
        "clippy.toml",
        ".gitignore",
        ".pre-commit-hooks.yaml",
        ".git",
        ".cargo",
        ".ci",
        "target",
        "jeton-data",
    ];
    for entry in fs::read_dir(root()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!(allowed.contains(&name.as_str()), "{name} doesn't belong at the top");
    }
}

#[test]
fn the_rules_see_what_breaks_them() {
    let source = |path: &str, text: &str| Source::new(path, text);
    assert_eq!(misplaced_rooms(&source("core/id.rs", "use crate::store::Row;")).len(), 1);
    assert_eq!(
        misplaced_rooms(&source("core/id.rs", "use crate::{\n    core::id,\n    ops::{clock, store},\n};"))
            .len(),
        1
    );
    assert_eq!(misplaced_rooms(&source("attic/id.rs", "")).len(), 1);
    assert_eq!(misplaced_rooms(&source("http/a.rs", "// crate::store\nuse crate::service::x;")).len(), 0);
    let dialect = |text: &str| untranslated(&source("http/dialects/akinon.rs", text)).len();
    assert_eq!(dialect("use crate::http::native::words;"), 1);
    assert_eq!(dialect("    http::{\n        native,\n    },"), 1);
    assert_eq!(dialect("use super::datasentinel::said;"), 1);
    assert_eq!(dialect("    match refusal {\n        _ => 400,\n"), 1);
    assert_eq!(
        dialect("use super::Dialect;\nuse crate::{http::akinon, service::list};\n    match x {\n_ => 1,"),
        0
    );
    assert_eq!(misplaced_crates(&source("service/a.rs", "    let c: rusqlite::Connection;")).len(), 1);
    assert_eq!(misplaced_crates(&source("core/a.rs", "use clap::Parser;")).len(), 1);
    assert_eq!(misplaced_crates(&source("http/a.rs", "use rocket::get; use ::http::Method;")).len(), 0);
    assert_eq!(misplaced_crates(&source("service/a.rs", "crate::http::rocket(service)")).len(), 0);
    assert_eq!(banned_words(&source("a.rs", &format!("{}!()", "todo"))).len(), 1);
    assert_eq!(unwraps(&source("a.rs", "x.unwrap();\n#[cfg(test)]\nmod tests {\n  y.unwrap();\n}")).len(), 1);
    assert_eq!(headless(&source("a.rs", "use x;")).len(), 1);
    assert_eq!(too_long(&source("a.rs", &"\n".repeat(501))).len(), 1);
    assert_eq!(
        formatted_sql(&source("store/a.rs", "let sql = format!(\n    \"SELECT {x} FROM y\"\n);")).len(),
        1
    );
    assert_eq!(empty_names(&source("store/utils.rs", "")).len(), 1);
    assert_eq!(printers(&source("ops/a.rs", "println!(\"x\");")).len(), 1);
    assert_eq!(printers(&source("ops/a.rs", "eprintln!(\"x\");")).len(), 0);
}
