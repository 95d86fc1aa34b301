//! The set-ups that are shipped: the README shows them as they are, and they name nothing that the gate doesn't know.

use std::{fs, path::Path};

use super::proxy::shipped;
use crate::harness::{
    Run, Server,
    command::{text, wait_for_end},
};

/// The headers that the gate answers with.
const ANSWERS: [&str; 8] = [
    "x-auth-user",
    "x-auth-organization",
    "x-auth-token-id",
    "x-auth-privileges",
    "x-auth-expires",
    "x-auth-expires-in",
    "x-auth-superseded-at",
    "x-auth-reason",
];

/// `text` without comments and blank lines.
fn bare(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.split(" # ").next().unwrap_or(line).trim_end());
    lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with('#')).collect()
}

#[test]
fn the_readme_shows_what_is_shipped() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for (language, file) in [("nginx", "nginx.conf"), ("caddyfile", "Caddyfile")] {
        let opening = format!("```{language}\n");
        let (_, block) = readme.split_once(&opening).unwrap_or_else(|| panic!("no block of {language}"));
        let (block, rest) = block.split_once("\n```").unwrap();
        assert!(!rest.contains(&opening), "one block of {language}");
        assert_eq!(bare(block), bare(&shipped(file)), "{file}");
        assert!(bare(block).len() <= 14, "{file} fits a screen");
    }
}

#[test]
fn every_set_up_passes_on_all_that_the_gate_says_and_nothing_else() {
    for file in ["nginx/location.conf", "caddy/jeton.caddy", "traefik.yml", "envoy.yaml"] {
        let lower = bare(&shipped(file)).join("\n").to_ascii_lowercase();
        let word = |at: usize| {
            let end = lower[at..].find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
            lower[at..].get(..end.unwrap_or(lower.len() - at)).unwrap().to_owned()
        };
        let named: Vec<String> = lower.match_indices("x-auth-").map(|(at, _)| word(at)).collect();
        for name in &named {
            assert!(ANSWERS.contains(&name.as_str()), "{file} names {name}");
        }
        for name in ANSWERS {
            assert!(named.iter().any(|known| known == name), "{file} leaves out {name}");
        }
    }
}

#[test]
fn the_yaml_is_laid_out_as_yaml_is() {
    for file in ["traefik.yml", "envoy.yaml"] {
        let text = shipped(file);
        let mut before = 0;
        for line in bare(&text) {
            let indent = line.len() - line.trim_start().len();
            assert!(!line.contains('\t') && indent % 2 == 0, "{file}: {line}");
            assert!(indent <= before + 4, "{file}: {line}");
            for (open, close) in [('{', '}'), ('[', ']')] {
                assert_eq!(line.matches(open).count(), line.matches(close).count(), "{file}: {line}");
            }
            assert!(line.contains(':') || line.trim_start().starts_with("- "), "{file}: {line}");
            before = indent;
        }
    }
}

#[test]
fn a_service_may_ask_by_itself() {
    let mut server = Server::start();
    let ada = server.administrator("ada");
    let anna = server.user("anna");
    let own = server.token_with(&ada, &["--privilege", "jeton:introspect"]);
    let token = server.token_with(&anna, &["--privilege", "orders:*", "--privilege", "mail:send"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/proxy/introspect.py");
    let url = format!("http://{}", server.address());
    let ask = |token: &str, needed: &[&str]| {
        let mut child = std::process::Command::new("python3")
            .arg(text(&script))
            .args(needed)
            .env("JETON_URL", &url)
            .env("JETON_TOKEN", &own)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), token.as_bytes()).unwrap();
        wait_for_end(&mut child, std::time::Duration::from_secs(20)).code()
    };
    assert_eq!(ask(&token, &[]), Some(0));
    assert_eq!(ask(&token, &["orders:read", "mail:send"]), Some(0));
    assert_eq!(ask(&token, &["orders:read", "mail:read"]), Some(1));
    assert_eq!(ask(&token, &["jeton:admin"]), Some(1));
    assert_eq!(ask("nothing", &[]), Some(1));
    let near = server.token_with(&anna, &["--privilege", "orders:read", "--allow-network", "203.0.113.0/24"]);
    assert_eq!(ask(&near, &["orders:read", "address=203.0.113.7", "path=/v1/reports?page=2"]), Some(0));
    assert_eq!(ask(&near, &["orders:read", "address=198.51.100.7"]), Some(1));
    assert_eq!(ask(&near, &["orders:read"]), Some(1));
    let id = crate::harness::token::Wire::read(&token).uuid();
    let revoke = Run::new(&["token", "revoke", &id]).data_dir(&server.data());
    revoke.run().done();
    assert_eq!(ask(&token, &[]), Some(1));
    server.stop();
    assert_eq!(ask(&token, &[]), Some(3), "no answer is no yes");
}
