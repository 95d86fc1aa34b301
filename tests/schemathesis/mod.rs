//! The document held against the server by somebody else: schemathesis makes requests out of it, right and wrong, and
//! no reply may be a failure or undocumented. In `--long` only: it needs Python and PyPI.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::harness::{Server, campaign, command::text, python};

/// Its directory in the tree.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis")
}

/// Runs it with a credential and more arguments; its report goes to the server's directory.
fn hold(server: &Server, credential: &str, more: &[&str]) {
    let report = server.home().join("schemathesis.log");
    let url = format!("http://{}/openapi.json", server.address());
    let mut command =
        Command::new(python::environment("schemathesis/requirements.txt").join("bin/schemathesis"));
    command.args(["--config-file", text(&here().join("schemathesis.toml")), "run", &url]);
    // A fixed seed: what fails once fails again.
    command.args(["--seed", "1", "--max-examples", &campaign(10, 100).to_string()]);
    command.args(["-H", &format!("Authorization: Bearer {credential}")]).args(more);
    let log = File::create(&report).unwrap();
    let status = command
        .current_dir(server.home())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status()
        .unwrap();
    assert!(status.success(), "{}", fs::read_to_string(&report).unwrap());
}

#[test]
fn schemathesis_finds_nothing_wrong() {
    if campaign(0, 1) == 0 {
        return;
    }
    // The local operator's secret, which no request can revoke.
    let server = Server::start();
    hold(&server, server.secret(), &[]);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    // A token, for what only a token is asked, on a server where nothing has been tried yet; it isn't to revoke itself.
    let server = Server::start();
    let ada = server.administrator("ada");
    let token = server.token_with(&ada, &["--privilege", "jeton:admin"]);
    let itself = ["--include-path-regex", "/v1/(me|tokens/self)$", "--exclude-method", "DELETE"];
    hold(&server, &token, &itself);
    // Other vendors' APIs are for users: the local operator is none.
    let server = Server::start();
    let ada = server.administrator("ada");
    let dialects = ["--include-path-regex", "^/(ds-api|v4|api|public|v1/accounts)/"];
    hold(&server, &server.token(&ada), &dialects);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
