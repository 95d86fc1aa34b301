//! Each dialect can be switched off, and taken out of the tree.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::harness::{Run, Server, campaign, files::children, turn};

/// A method, a path with a word in the place of each parameter, and the dialect that documents it.
struct Operation {
    method: String,
    path: String,
    dialect: String,
}

fn document(server: &Server, path: &str) -> Value {
    server.client().get(path).send().expect(200).json()
}

/// The dialects that a server says it has.
fn served(server: &Server) -> BTreeSet<String> {
    let document = document(server, "/openapi.json");
    let paths = document["paths"].as_object().unwrap().keys();
    let named = paths.filter_map(|path| path.strip_prefix("/openapi/")?.strip_suffix(".json"));
    named.map(Into::into).collect()
}

/// All operations of all dialects, by each one's own document.
fn operations(server: &Server) -> Vec<Operation> {
    let mut operations = Vec::new();
    for dialect in served(server) {
        let document = document(server, &format!("/openapi/{dialect}.json"));
        for (path, item) in document["paths"].as_object().unwrap() {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "some-id" } else { part });
            let path = parts.collect::<Vec<_>>().join("/");
            let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
            operations.extend(methods.map(|method| Operation {
                method,
                path: path.clone(),
                dialect: dialect.clone(),
            }));
        }
    }
    operations
}

/// A reply's bytes but for its date.
fn answer(server: &Server, method: &str, path: &str, token: &str) -> String {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let request = format!("{head}Authorization: Bearer {token}\r\n{body}");
    let reply = String::from_utf8(server.client().raw(request.as_bytes())).unwrap();
    let its_own = |line: &&str| line.starts_with("date: ") || line.starts_with("x-request-id: ");
    reply.lines().filter(|line| !its_own(line)).collect::<Vec<_>>().join("\n")
}

/// A path that is nobody's, beside `path`: APIs that are on may have words for what is below their base.
fn nowhere(path: &str) -> String {
    format!("/{}/nowhere", path.split('/').nth(1).unwrap())
}

#[test]
fn what_is_off_answers_as_an_unknown_route_and_what_is_on_as_before() {
    let whole = Server::start();
    let operations = operations(&whole);
    let all = served(&whole);
    assert!(all.len() >= 5 && operations.len() >= 20, "{all:?}");
    let token = whole.token(&whole.user("ada"));
    for operation in &operations {
        let Operation { method, path, .. } = operation;
        let reply = answer(&whole, method, path, &token);
        assert_ne!(reply, answer(&whole, method, &nowhere(path), &token), "{method} {path} is served");
    }
    let alone = all.iter().map(String::as_str);
    for names in alone.chain(["none", "akinon,kodexa"]) {
        let server = Server::setup().flags(&["--dialects", names]).start();
        let on: BTreeSet<_> = names.split(',').filter(|name| *name != "none").map(String::from).collect();
        assert_eq!(served(&server), on);
        let token = server.token(&server.user("ada"));
        for Operation { method, path, dialect } in &operations {
            let reply = answer(&server, method, path, &token);
            let unknown = answer(&server, method, &nowhere(path), &token);
            if on.contains(dialect) {
                assert_ne!(reply, unknown, "--dialects {names}: {method} {path}");
                continue;
            }
            assert_eq!(reply, unknown, "--dialects {names}: {method} {path}");
            // Nobody else's words either, but where what is on has its base above.
            if !on.iter().any(|name| is_below(name, path)) {
                assert_eq!(reply, answer(&server, method, "/nowhere", &token), "--dialects {names}");
                assert!(method == "HEAD" || reply.contains("\"route_unknown\""), "{reply}");
            }
        }
    }
}

/// Whether a path of another dialect's is below this one's base.
fn is_below(dialect: &str, path: &str) -> bool {
    dialect == "kodexa" && path.starts_with("/api/")
}

#[test]
fn what_is_off_stands_in_no_document() {
    let whole = Server::start();
    let all = served(&whole);
    let server = Server::setup().env("JETON_DIALECTS", "akinon,kodexa").start();
    let merged = document(&server, "/openapi.json");
    let before = document(&whole, "/openapi.json");
    let schemas = |document: &Value, dialect: &str| {
        let start = format!("{}{}", dialect[..1].to_uppercase(), &dialect[1..]);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        schemas.keys().filter(|name| name.starts_with(&start)).count()
    };
    for dialect in &all {
        let on = ["akinon", "kodexa"].contains(&dialect.as_str());
        let own = server.client().get(&format!("/openapi/{dialect}.json")).send();
        assert_eq!(own.status, if on { 200 } else { 404 }, "{dialect}");
        if !on {
            let nowhere = server.client().get("/openapi/nowhere.json").send();
            assert_eq!(own.body, nowhere.body, "{dialect}");
        }
        let paths = document(&whole, &format!("/openapi/{dialect}.json"));
        for path in paths["paths"].as_object().unwrap().keys() {
            assert_eq!(merged["paths"].get(path).is_some(), on, "{dialect}: {path}");
        }
        assert!(schemas(&before, dialect) > 0, "{dialect} has schemas that bear its name");
        assert_eq!(schemas(&merged, dialect) > 0, on, "{dialect}'s schemas");
    }
}

#[test]
fn an_unknown_dialect_is_refused_by_name_and_the_known_ones_are_listed() {
    let known = served(&Server::start());
    let home = tempfile::tempdir().unwrap();
    let run = || Run::new(&["serve", "--port", "0"]).data_dir(&home.path().join("data")).within(home.path());
    for wrong in ["sesame", "akinon,sesame", "akinon,kodexa,x"] {
        for said in [
            run().arg("--dialects").arg(wrong).run().refused(2),
            run().env("JETON_DIALECTS", wrong).run().refused(2),
        ] {
            assert!(said.contains(wrong), "{wrong:?} isn't named in {said}");
            for name in &known {
                assert!(said.contains(name.as_str()), "{name} isn't listed in {said}");
            }
        }
    }
    // What can't be a name isn't taken for one.
    for wrong in ["Akinon", "akinon;kodexa", "none,akinon", ","] {
        let said = run().arg("--dialects").arg(wrong).run().refused(2);
        assert!(said.contains(wrong), "{wrong:?} isn't named in {said}");
    }
    assert_eq!(children(home.path()), Vec::<PathBuf>::new(), "nothing is made");
}

/// A copy of what a build needs, at a place that stays so that a second check is quicker.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Self {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apart");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let _ = fs::remove_dir_all(&copy);
        for directory in ["src", "static"] {
            copy_tree(&root.join(directory), &copy.join(directory));
        }
        for file in ["Cargo.lock", "build.rs"] {
            fs::copy(root.join(file), copy.join(file)).unwrap();
        }
        // A package of its own wherever it lies, and tests and benchmarks are left behind.
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        fs::write(copy.join("Cargo.toml"), manifest + "\n[workspace]\n").unwrap();
        for main in ["tests/main.rs", "benches/inside/main.rs", "benches/load/fill.rs"] {
            let main = copy.join(main);
            fs::create_dir_all(main.parent().unwrap()).unwrap();
            fs::write(main, "").unwrap();
        }
        Self(copy)
    }

    fn dialects(&self) -> PathBuf {
        self.0.join("src/http/dialects")
    }

    /// Takes a dialect's file or folder out.
    fn remove_files(&self, name: &str) {
        let (file, folder) = (self.dialects().join(format!("{name}.rs")), self.dialects().join(name));
        if folder.is_dir() {
            fs::remove_dir_all(folder).unwrap();
        } else {
            fs::remove_file(file).unwrap();
        }
    }

    /// Takes a dialect out of the list: its module, and its entry, which may share its line with others.
    fn remove_lines(&self, name: &str) {
        let list = self.dialects().join("mod.rs");
        let text = fs::read_to_string(&list).unwrap();
        let (module, entry) = (format!("mod {name};\n"), format!("{name}::DIALECT"));
        assert_eq!([&module, &entry].map(|its| text.matches(its.as_str()).count()), [1, 1], "{name}");
        let there = |ways: [String; 2]| ways.into_iter().find(|way| text.contains(way)).expect("one of both");
        // One of which something is measured is public.
        let (module, entry) =
            (there([format!("pub {module}"), module]), there([format!("{entry},"), format!(", {entry}")]));
        fs::write(list, text.replace(&module, "").replace(&entry, "")).unwrap();
    }

    /// Whether it builds, and what the compiler says.
    fn checks(&self) -> (bool, String) {
        // Beside what is built already: what it depends on is there, and nothing of it is written over.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["check", "--locked", "--offline", "--target-dir"])
            .arg(target)
            .current_dir(&self.0)
            .output()
            .expect("cargo");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in children(from) {
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

#[test]
fn taking_any_one_dialect_out_leaves_a_project_that_builds() {
    turn::together();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/dialects/mod.rs");
    let list = fs::read_to_string(source).unwrap();
    let entry = regex_lite::Regex::new(r"(\w+)::DIALECT\b").unwrap();
    let names: Vec<_> = entry.captures_iter(&list).map(|found| found[1].to_owned()).collect();
    assert!(names.len() >= 5, "{names:?}");
    // A check takes a quarter of a minute, so that every run sees one and `--long` all.
    for (at, name) in names.iter().take(campaign(1, names.len())).enumerate() {
        let tree = Tree::new();
        tree.remove_files(name);
        if at == 0 {
            let (checks, said) = tree.checks();
            assert!(!checks && said.contains(name.as_str()), "{name} is gone, its lines aren't: {said}");
        }
        tree.remove_lines(name);
        let (checks, said) = tree.checks();
        assert!(checks, "without {name}: {said}");
    }
}
