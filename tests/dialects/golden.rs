//! Exchanges that stand as text: the request, and the whole reply.
//!
//! `tests/golden/<dialect>/<what>.txt` holds a run of exchanges with a fresh server, one after the other:
//!
//! ```text
//! Words about the file, as many lines as they need.
//!
//! ### What this exchange shows
//! POST /ds-api/user-token
//! Authorization: Basic {basic:ada}
//!
//! {"a": "body, if there is one"}
//! ---
//! 201
//! content-type: application/json
//!
//! {
//!   "user-token": "<token-1>"
//! }
//! ```
//!
//! To add an exchange, write it down to its body (no `---` is needed), run `JETON_GOLDEN=write tests/run golden::`, and read
//! what came: `write` rewrites every reply, everything else compares. To add a file, make one.
//!
//! A request is sent as it stands, with `Host` and, where there is a body, `Content-Length`. In its target, headers and
//! body `{password:ada}` stands for ada's password, `{basic:ada}` for what follows `Basic `, `{token:ada}` for a token of
//! ada's, minted when it is first named, `{dead:ada}` for one that was deleted, `{days:30}` for the time in thirty days.
//! Whatever a reply above has a name for, `<token-1>` say, may stand in a request below; the same value has the same name
//! throughout a file.
//!
//! A reply is its status, all its headers but the connection's own in alphabetical order, and its body, JSON set in
//! lines with its members in the order they came in. What differs from run to run is replaced by a name, by rules that
//! first hold it to its form (`redact`). A time of this run is `<time>`, a later one `<future>`.
//!
//! Who and what there is, the same for each file (`setting`):
//! - ada: administrator of `default` and operator, with an e-mail address, names, a title and an image;
//! - bert: a member of `default` and of `acme`, who may issue and holds `*:*`;
//! - carl: a member of `default`, who may not issue and holds nothing;
//! - mona: administrator of `acme` ("Acme", with a description and an image; tokens that never expire are allowed there;
//!   modules `MOD-1111` and `MOD-2222-3333`);
//! - sam: administrator of `small`, whose quota is one token and whose longest lifetime is an hour;
//! - otto: administrator of `closed`, whose API access is off.

mod difference;
mod exchange;
mod redact;
mod setting;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use exchange::{Exchange, File};

use crate::harness::Server;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every file, in the order of their names.
fn files() -> Vec<PathBuf> {
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries(&folder()).flat_map(|dialect| entries(&dialect)).collect();
    files.sort();
    files
}

/// Plays a file's requests on a fresh server and gives the file with what was answered.
fn played(file: &File) -> String {
    let mut setting = setting::Setting::new();
    let replies = file.exchanges.iter().map(|exchange| setting.play(exchange));
    let exchanges: Vec<Exchange> = replies.collect();
    File { words: file.words.clone(), exchanges }.text()
}

/// Compares, or writes; gives what is wrong.
fn hold(path: &Path) -> Option<String> {
    let old = fs::read_to_string(path).unwrap();
    let file = File::read(&old).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()));
    let new = played(&file);
    let name = path.strip_prefix(folder()).unwrap().display();
    if env::var_os("JETON_GOLDEN").is_some_and(|value| value == "write") {
        // Whatever differs between two runs has no rule yet.
        let differs = difference::between(&new, &played(&file));
        fs::write(path, new).unwrap();
        return differs.map(|shown| format!("{name}: differs from run to run\n{shown}"));
    }
    difference::between(&old, &new).map(|shown| format!("{name}: - is written, + was answered\n{shown}"))
}

#[test]
fn every_exchange_is_as_it_stands_in_its_file() {
    let wrong: Vec<_> = files().iter().filter_map(|path| hold(path)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_dialect_has_exchanges_and_every_folder_is_a_dialects() {
    let server = Server::start();
    let document = server.client().get("/openapi.json").send().expect(200).json();
    let paths = document["paths"].as_object().unwrap().keys();
    let dialects: BTreeSet<_> =
        paths.filter_map(|path| path.strip_prefix("/openapi/")?.strip_suffix(".json")).collect();
    let files = files();
    let folders: BTreeSet<_> =
        files.iter().map(|path| path.parent().unwrap().file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(folders, dialects);
    for path in files {
        let count = File::read(&fs::read_to_string(&path).unwrap()).unwrap().exchanges.len();
        assert!(count > 0, "{} holds no exchange", path.display());
    }
}

#[test]
fn an_altered_reply_is_noticed_wherever_it_is_altered() {
    let text = "### a title\nGET /ds-api/\n";
    let answered = played(&File::read(text).unwrap());
    assert_eq!(
        difference::between(&answered, &played(&File::read(&answered).unwrap())),
        None,
        "as it stands"
    );
    for (from, to) in [
        ("\n200\n", "\n201\n"),
        ("application/json", "text/plain"),
        ("cache-control: no-store\n", ""),
        ("\"OK\"", "\"KO\""),
        ("\n}\n", ",\n  \"more\": 1\n}\n"),
    ] {
        let altered = answered.replacen(from, to, 1);
        assert_ne!(altered, answered, "{from:?} isn't in it");
        let shown = difference::between(&altered, &answered).unwrap_or_else(|| panic!("{from:?} to {to:?}"));
        assert!(shown.contains("a title"), "says where: {shown}");
    }
}
