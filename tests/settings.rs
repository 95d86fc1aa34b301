//! Settings: flag over variable over file, and everything unknown or wrong refused by name before anything is touched.

use std::{fs, path::PathBuf};

use crate::harness::{Run, Server, command::text, files::children};

/// Runs `serve` with this on top and asserts that it is refused, naming `name`, with nothing made.
#[track_caller]
fn refused(code: i32, name: &str, change: impl Fn(Run) -> Run) {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let run = change(Run::new(&["serve"]).data_dir(&data).within(home.path()));
    let said = run.run().refused(code);
    assert!(said.contains(name), "{name:?} isn't in {said:?}");
    let left: Vec<PathBuf> = children(home.path()).into_iter().filter(|path| path.is_dir()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "something was touched first");
}

#[test]
fn an_unknown_flag_is_refused_by_name() {
    refused(2, "--prot", |run| run.arg("--prot").arg("1"));
}

#[test]
fn an_unknown_variable_is_refused_by_name() {
    refused(2, "JETON_PROT", |run| run.env("JETON_PROT", "1"));
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    fs::write(&config, "port = 0\nprot = 1\n").unwrap();
    refused(2, "prot", |run| run.arg("--config").arg(text(&config)));
}

#[test]
fn a_settings_file_that_is_none_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    refused(2, "jeton.toml", |run| run.arg("--config").arg(text(&config)));
    fs::write(&config, "port = = 0\n").unwrap();
    refused(2, "jeton.toml", |run| run.arg("--config").arg(text(&config)));
}

#[test]
fn a_bad_value_is_refused_by_name_wherever_it_stands() {
    let bad = [
        ("port", "65536"),
        ("port", "-1"),
        ("port", "http"),
        ("address", "localhost"),
        ("address", "127.0.0.256"),
        ("head_timeout", "0s"),
        ("body_timeout", "soon"),
        ("idle_timeout", "-1s"),
        ("body_bytes", "0"),
        ("body_bytes", "16 bananas"),
        ("headers", "0"),
        ("connections", "0"),
        ("connections_per_peer", "99999999999999999999999"),
        ("log", "loud"),
        ("public_url", "not a url"),
        ("trusted_proxy", "everybody"),
        ("trusted_proxy", "0.0.0.0/0"),
        ("trusted_proxy", ""),
        ("gate_header", "Host"),
        ("gate_header", "X Token"),
        ("hosts", "jeton:8700"),
        ("hosts", "*.example.org"),
        ("behind_proxy", "perhaps"),
        ("api_trusts_proxy", "perhaps"),
    ];
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    for (key, value) in bad {
        let variable = format!("JETON_{}", key.to_uppercase());
        refused(2, &variable, |run| run.env(&variable, value));
        fs::write(&config, format!("{key} = \"{value}\"\n")).unwrap();
        refused(2, key, |run| run.arg("--config").arg(text(&config)));
        if !matches!(key, "behind_proxy" | "api_trusts_proxy") {
            let flag = format!("--{}", key.replace('_', "-"));
            refused(2, &flag, |run| run.arg(format!("{flag}={value}")));
        }
    }
}

#[test]
fn a_policy_of_the_gate_is_refused_with_its_file_its_name_and_its_field() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    for (line, named) in [
        ("require = [\"orders\"]", "require of [gate_policies.orders]"),
        ("require = \"orders:read\"", "require of [gate_policies.orders]"),
        ("organization = \"No Slug\"", "organization of [gate_policies.orders]"),
        ("module = 1234", "module of [gate_policies.orders]"),
        ("organisation = \"acme\"", "`gate_policies.orders.organisation`"),
    ] {
        fs::write(&config, format!("port = 0\n\n[gate_policies.orders]\n{line}\n")).unwrap();
        for named in [named, text(&config)] {
            refused(2, named, |run| run.arg("--config").arg(text(&config)));
        }
    }
    fs::write(&config, "[gate_policies.Orders]\n").unwrap();
    refused(2, "`Orders`", |run| run.arg("--config").arg(text(&config)));
    // Only the file has room for them.
    refused(2, "--gate-policies", |run| run.arg("--gate-policies").arg("orders"));
    refused(2, "JETON_GATE_POLICIES", |run| run.env("JETON_GATE_POLICIES", "orders"));
    fs::write(&config, "[gate_policies.orders]\nrequire = [\"orders:read\", \"a:b|c:d\"]\n").unwrap();
    Server::setup().flags(&["--config", text(&config)]).start();
}

/// The limit of a body in force: the largest that isn't 413.
fn body_limit(server: &Server) -> usize {
    let fits = |bytes: usize| {
        let body = vec![b' '; bytes];
        let reply = server.client().post("/v1/tokens").text("application/json", body).send();
        reply.status != 413
    };
    [1_500, 1_000, 500, 0].into_iter().find(|bytes| fits(*bytes)).unwrap()
}

#[test]
fn a_flag_beats_a_variable_and_a_variable_beats_the_file() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("jeton.toml");
    fs::write(&config, "body_bytes = \"500\"\n").unwrap();
    let file = Server::setup().flags(&["--config", text(&config)]);
    assert_eq!(body_limit(&file.clone().start()), 500);
    let variable = file.env("JETON_BODY_BYTES", "1000");
    assert_eq!(body_limit(&variable.clone().start()), 1_000);
    assert_eq!(body_limit(&variable.flags(&["--body-bytes", "1500"]).start()), 1_500);
}

#[test]
fn an_address_that_is_not_loopback_needs_tls_or_a_proxy() {
    for address in ["0.0.0.0", "::", "192.0.2.1"] {
        refused(1, "--behind-proxy", |run| run.arg("--address").arg(address).arg("--port").arg("0"));
    }
    Server::setup().flags(&["--address", "0.0.0.0", "--behind-proxy"]).start();
    Server::setup().flags(&["--address", "127.0.0.9"]).start();
}

#[test]
fn one_half_of_tls_is_refused() {
    refused(2, "tls", |run| run.arg("--tls-cert").arg("/nonexistent.pem"));
    refused(2, "tls", |run| run.arg("--tls-key").arg("/nonexistent.pem"));
}

#[test]
fn the_public_url_is_what_documents_name() {
    let server = Server::setup().flags(&["--public-url", "https://tokens.example.org"]).start();
    let reply = server.client().get("/.well-known/oauth-authorization-server").send().expect(200).json();
    assert_eq!(reply["issuer"], "https://tokens.example.org");
    assert_eq!(reply["introspection_endpoint"], "https://tokens.example.org/oauth/introspect");
    assert_eq!(reply["revocation_endpoint"], "https://tokens.example.org/oauth/revoke");
}
