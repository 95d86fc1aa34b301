//! A client library of somebody else's, Authlib, reads the metadata and does what it announces.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::stage_on;
use crate::harness::{
    Server, python,
    server::{Actor, named},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oauth/client.py");

/// What the library finds at a server, asked about these tokens.
fn found(server: &Server, tokens: &Value) -> Value {
    let python = python::environment("oauth/requirements.txt").join("bin/python");
    let mut child = Command::new(python)
        .args(["-I", SCRIPT, &format!("http://{}", server.address())])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(tokens.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The operator of the stage.
fn user() -> Value {
    let Actor { name, password } = Actor::named("ada");
    json!({ "name": name, "password": password })
}

#[test]
fn a_standard_client_reads_the_metadata_and_does_what_it_announces() {
    for path in ["", "/jeton"] {
        let issuer = format!("https://tokens.example.org{path}");
        let (server, keeper, asker) = stage_on(Server::setup().flags(&["--public-url", &issuer]));
        let child = |name: &str| server.child(&keeper, &named(name));
        let (good, revoked) = (child("good"), child("revoked"));
        let revoked = revoked["token"].as_str().unwrap();
        server.client().delete("/v1/tokens/self").bearer(revoked).send().expect(204);
        let unknown = "jtn_nothing";
        let tokens = json!({
            "asker": asker, "good": good["token"], "revoked": revoked, "unknown": unknown, "user": user(),
        });
        let found = found(&server, &tokens);
        assert_eq!(found["issuer"], issuer.as_str());
        assert_eq!(found["refused"], json!({}));
        assert_eq!(found["granted"], json!({ "seconds": 3600, "scope": "orders:read" }));
        assert_eq!(found["what was granted"]["scope"], "orders:read");
        assert_eq!(found["what was granted"]["username"], "ada");
        assert_eq!(found["good"]["active"], true);
        assert_eq!(found["good"]["jti"], good["id"]);
        assert_eq!(found["good"], found["good by bearer"]);
        for dead in ["revoked", "unknown", "good once revoked"] {
            assert_eq!(found[dead], json!({ "active": false }), "{dead}");
        }
        assert_eq!(found["revocations"], json!([200, 200]));
        assert!(!server.accepts(good["token"].as_str().unwrap()));
        assert!(server.accepts(&keeper));
    }
}

#[test]
fn a_standard_client_refuses_metadata_that_is_no_good() {
    let (server, keeper, asker) =
        stage_on(Server::setup().flags(&["--public-url", "http://tokens.example.org"]));
    let tokens = json!({ "asker": asker, "good": keeper, "revoked": "x", "unknown": "x", "user": user() });
    let refused = found(&server, &tokens)["refused"].clone();
    for member in ["issuer", "token_endpoint", "introspection_endpoint", "revocation_endpoint"] {
        let complaint = refused[member].as_str().unwrap_or_default();
        assert!(complaint.ends_with("MUST use \"https\" scheme"), "{member}: {refused}");
    }
}
