//! Tokens that were made elsewhere: by a digest they go on working, and nothing of them is kept but an HMAC.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};

use crate::harness::{
    Run, Server,
    command::text,
    scan::{Runs, contents},
};

const FIRST: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
const SECOND: &str = "sk-live/51H8x~anything:goes+here==";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `jeton import` of a file with this in it.
fn import(server: &Server, name: &str, content: &str, extra: &[&str]) -> Run {
    let file = server.home().join(name);
    fs::write(&file, content).unwrap();
    server.command(&[&["import", text(&file)], extra].concat())
}

fn csv() -> String {
    let (first, second) = (hex(&Sha256::digest(FIRST)), BASE64_STANDARD.encode(Sha512::digest(SECOND)));
    format!(
        "name,owner,digest,algorithm,privileges,expires_at\n\
         deploy,anna,{first},sha256,orders:read,2050-01-01T00:00:00Z\n\
         \"build, nightly\",bert,{second},,,\n"
    )
}

/// A server with two users whose organization lets tokens live long.
fn server() -> Server {
    let server = Server::start();
    server.user("anna");
    server.user("bert");
    server.run(&["org", "set", "default", "--max-lifetime", "20000d"]).done();
    server
}

#[test]
fn a_file_of_digests_makes_tokens_that_work_like_any() {
    let mut server = server();
    assert!(!server.accepts(FIRST));
    let said = import(&server, "tokens.csv", &csv(), &["--dry-run"]).run().done();
    assert_eq!(said, "2 tokens would be imported, 0 were there already\n");
    assert!(!server.accepts(FIRST));
    assert_eq!(
        import(&server, "tokens.csv", &csv(), &[]).run().done(),
        "2 tokens imported, 0 were there already\n"
    );

    let shown = server.client().get("/v1/tokens/self").bearer(FIRST).send().expect(200).json();
    assert_eq!(
        (&shown["owner"], &shown["name"], &shown["expires_at"], &shown["privileges"]),
        (&"anna".into(), &"deploy".into(), &"2050-01-01T00:00:00.000Z".into(), &json!(["orders:read"]))
    );
    let me = server.client().get("/v1/me").header("x-api-key", SECOND).send().expect(200).json();
    assert_eq!(me["user"]["username"], "bert");
    for wrong in [&FIRST[1..], &format!("{FIRST}x"), "ghp_16C7e42F292c6912E7710c838347Ae178B4b"] {
        assert!(!server.accepts(wrong), "{wrong}");
    }
    let gate = |server: &Server, require: &str| {
        server.client().get(&format!("/gate?require={require}")).bearer(FIRST).send().status
    };
    assert_eq!((gate(&server, "orders:read"), gate(&server, "orders:write")), (200, 403));
    let operator = server.administrator("ada");
    let mut client = server.client();
    let asked = client.post("/oauth/introspect").basic(&operator.name, &operator.password);
    let asked = asked.form(&format!("token={FIRST}")).send().expect(200).json();
    assert_eq!((&asked["active"], &asked["username"]), (&true.into(), &"anna".into()));

    // Again it changes nothing, used or not, and JSON says the same.
    let again = "0 tokens imported, 2 were there already\n";
    assert_eq!(import(&server, "tokens.csv", &csv(), &[]).run().done(), again);
    let one =
        json!([{ "name": "deploy", "owner": "anna", "digest": hex(&Sha256::digest(FIRST)) }]).to_string();
    let said = import(&server, "tokens", &one, &["--format", "json", "--json"]).run().json();
    assert_eq!((&said["imported"], &said["already_there"]), (&0.into(), &1.into()));

    server.stop();
    server.launch();
    assert!(server.accepts(FIRST) && server.accepts(SECOND));
    let id = shown["id"].as_str().unwrap();
    server.run(&["token", "revoke", id]).done();
    assert!(!server.accepts(FIRST));
    assert_eq!(import(&server, "tokens.csv", &csv(), &[]).run().done(), again);
    assert!(!server.accepts(FIRST), "deleted stays deleted");
    assert!(server.run(&["events", "verify"]).done().starts_with("sound: "));
}

#[test]
fn a_successor_has_our_own_form() {
    let server = server();
    import(&server, "tokens.csv", &csv(), &[]).run().done();
    let mut client = server.client();
    let rotated = client.post("/v1/tokens/self/rotate").bearer(FIRST).json(&json!({ "mode": "now" }));
    let token = rotated.send().expect(201).json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("jtn_") && server.accepts(&token) && !server.accepts(FIRST));
}

#[test]
fn nothing_is_imported_where_a_row_is_bad() {
    let server = server();
    let digest = |text: &str| hex(&Sha256::digest(text));
    let content = format!(
        "name,owner,digest,privileges,expires_at\n\
         good,anna,{},,\n\
         \"\",anna,{},,\n\
         whose,nobody,{},,\n\
         what,anna,abc,,\n\
         when,anna,{},,tomorrow\n\
         twice,anna,{},,\n",
        digest("a"),
        digest("b"),
        digest("c"),
        digest("d"),
        digest("a"),
    );
    let said = import(&server, "tokens.csv", &content, &[]).run().refused(1);
    for line in
        ["line 3: name: ", "line 4: owner: ", "line 5: digest: ", "line 6: expires_at: ", "line 7: digest: "]
    {
        assert!(said.contains(line), "{line:?} in {said}");
    }
    assert!(said.contains("nothing was imported") && !said.contains("line 2"), "{said}");
    let listed = server.run(&["token", "list", "--json"]).json();
    assert_eq!(listed, json!([]));
    let long = format!("name,owner,digest,expires_at\nx,anna,{},2090-01-01T00:00:00Z\n", digest("a"));
    let said = import(&server, "tokens.csv", &long, &[]).run().refused(1);
    assert!(said.contains("line 2: expires_at: "), "{said}");
    let ada = server.administrator("ada");
    let body = json!({ "tokens": [{ "name": "x", "owner": "ada", "digest": digest("a") }] });
    let mut client = server.client();
    let asked = client.post("/v1/imports").basic(&ada.name, &ada.password).json(&body).send();
    assert_eq!(asked.expect(403).json()["code"], "owner_foreign");
}

#[test]
fn a_new_pepper_takes_them_up_and_no_file_holds_text_or_plain_digest() {
    let mut server = server();
    import(&server, "tokens.csv", &csv(), &[]).run().done();
    server.stop();
    server.run(&["pepper", "rotate"]).done();
    server.launch();
    assert!(server.accepts(FIRST) && server.accepts(SECOND));
    server.stop();
    server.run(&["pepper", "retire", "1"]).done();
    server.launch();
    assert!(server.accepts(FIRST) && server.accepts(SECOND));
    assert_eq!(
        import(&server, "tokens.csv", &csv(), &[]).run().done(),
        "0 tokens imported, 2 were there already\n"
    );
    let mut runs = Runs::default();
    for secret in [FIRST, SECOND] {
        runs.add_disguised("a foreign token's text", secret.as_bytes());
        runs.add_disguised("its plain digest", &Sha256::digest(secret));
        runs.add_disguised("its plain digest", &Sha512::digest(secret));
    }
    for (path, bytes) in contents(&server.data()) {
        assert_eq!(runs.find(&bytes), None, "{}", path.display());
    }
}
