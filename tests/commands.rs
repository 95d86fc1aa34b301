//! The command line: its fixed forms, its exit codes, and one code path with a server and without.

use std::time::Duration;

use crate::harness::{Output, Run, Server, token};

/// Runs `check` on every way of reaching a server: a running one, none, and over `--url`.
fn every_way(check: impl Fn(&str, &dyn Fn(&[&str]) -> Run)) {
    let mut server = Server::start();
    let ada = server.administrator("ada");
    let admin = server.token_with(&ada, &["--privilege", "jeton:admin", "--privilege", "jeton:introspect"]);
    check("running", &|arguments| server.command(arguments));
    let url = format!("http://{}", server.address());
    check("url", &|arguments| {
        Run::new(arguments).arg("--url").arg(url.clone()).env("JETON_TOKEN", admin.clone())
    });
    check("variable", &|arguments| {
        Run::new(arguments).env("JETON_URL", url.clone()).env("JETON_TOKEN", admin.clone())
    });
    server.stop();
    check("stopped", &|arguments| server.command(arguments));
}

#[test]
fn users_are_managed_the_same_every_way() {
    every_way(|way, jeton| {
        let name = &format!("anna-{way}");
        let add = ["user", "add", name, "--email", "anna@example.org", "--password-stdin"];
        jeton(&add).input("a walk of a crooked mile\n").run().done();
        let again = jeton(&add).input("a walk of a crooked mile\n").run().refused(1);
        assert!(again.contains("username"), "{way}: {again}");
        let shown = jeton(&["user", "show", name, "--json"]).run().json();
        assert_eq!(
            (&shown["username"], &shown["email"]),
            (&name.as_str().into(), &"anna@example.org".into()),
            "{way}"
        );
        jeton(&["user", "disable", name]).run().done();
        assert_eq!(jeton(&["user", "show", name, "--json"]).run().json()["active"], false, "{way}");
        jeton(&["user", "enable", name]).run().done();
        assert_eq!(jeton(&["user", "show", name, "--json"]).run().json()["active"], true, "{way}");
        jeton(&["user", "set-password", name, "--password-stdin"]).input("another mile to walk").run().done();
        let table = jeton(&["user", "list"]).run().done();
        assert!(table.contains(name.as_str()), "{way}: {table}");
        let found =
            |asked: &[&str]| jeton(&[&["user", "list"], asked].concat()).run().done().contains(name.as_str());
        let organized =
            ["--organization", "default", "--active", "true", "--operator", "false", "--role", "member"];
        assert!(found(&organized) && found(&["--name", name, "--sort", "-username"]), "{way}");
        assert!(!found(&["--active", "false"]) && !found(&["--role", "administrator"]), "{way}");
        jeton(&["user", "show", "nobody"]).run().refused(1);
        let short = jeton(&["user", "add", "short", "--password-stdin"]).input("short").run().refused(1);
        assert!(short.contains("15"), "{way} names the limit: {short}");
    });
}

#[test]
fn tokens_are_managed_the_same_every_way() {
    every_way(|way, jeton| {
        // Over --url it is an operator's own token that acts, and nobody mints for another.
        let made =
            jeton(&["token", "create", "--user", "ada", "--name", "n", "--lifetime", "2d", "--restricted"])
                .run();
        let text = made.done();
        assert!(
            text.ends_with('\n') && text.trim_end().lines().count() == 1,
            "{way}: the token and nothing else"
        );
        let wire = token::Wire::read(text.trim_end());
        let id = wire.uuid();
        let shown = jeton(&["token", "show", &id, "--json"]).run().json();
        assert_eq!((&shown["restricted"], &shown["name"]), (&true.into(), &"n".into()), "{way}");
        let number = shown["number"].as_str().unwrap().to_owned();
        jeton(&["token", "disable", &number]).run().done();
        assert_eq!(check(jeton, &text).code, Some(1), "{way}: disabled");
        jeton(&["token", "enable", &id]).run().done();
        assert_eq!(check(jeton, &text).code, Some(0), "{way}: enabled");
        let table = jeton(&["token", "list"]).run().done();
        assert!(table.contains(&number) && !table.contains(&text[27..39]), "{way}: {table}");
        let found = |asked: &[&str]| {
            let listed = jeton(&[&["token", "list", "--json"], asked].concat()).run().json();
            listed.as_array().unwrap().iter().any(|item| item["id"] == id.as_str())
        };
        for (asked, expected) in [
            (&["--user", "ada", "--organization", "default"][..], true),
            (&["--status", "active", "--name", "N", "--sort", "-expires_at"], true),
            (&["--status", "disabled"], false),
            (&["--expires-before", "2000-01-01T00:00:00Z"], false),
            (&["--unused-since", "2000-01-01T00:00:00Z"], false),
            (&["--minted-by", "session"], false),
            (&["--privilege", "no:such"], false),
        ] {
            assert_eq!(found(asked), expected, "{way}: {asked:?}");
        }
        jeton(&["token", "list", "--user", "nobody"]).run().refused(1);
        jeton(&["token", "list", "--sort", "colour"]).run().refused(1);
        jeton(&["token", "revoke", &id]).run().done();
        assert_eq!(check(jeton, &text).code, Some(1), "{way}: revoked");
        assert!(found(&["--status", "deleted"]) && !found(&[]), "{way}");
        jeton(&["token", "show", "TKN-9999-9998"]).run().refused(1);
    });
}

#[test]
fn a_token_is_limited_and_checked_for_a_request_every_way() {
    every_way(|way, jeton| {
        let limits = [
            "--allow-network",
            "10.0.0.0/8",
            "--allow-network",
            "2001:db8::1",
            "--deny-network",
            "10.1.0.0/16",
            "--route",
            "GET api.example/v1/*",
            "--route",
            "* other.example/*",
            "--not-before",
            "2020-01-01T00:00:00Z",
            "--uses",
            "2",
            "--rate",
            "100/min",
        ];
        let create = ["token", "create", "--user", "ada", "--name", "limited"];
        let text = jeton(&[&create[..], &limits].concat()).run().done();
        let id = token::Wire::read(text.trim_end()).uuid();
        let shown = jeton(&["token", "show", &id]).run().done();
        for line in [
            "only from     10.0.0.0/8, 2001:db8::1/128\n",
            "never from    10.1.0.0/16\n",
            "routes        GET api.example/v1/*, * other.example/*\n",
            "not before    2020-01-01T00:00:00.000Z\n",
            "uses          2\n",
            "rate          100/min\n",
            "used          0\n",
        ] {
            assert!(shown.contains(line), "{way}: {line}{shown}");
        }
        let check =
            |more: &[&str]| jeton(&[&["check", "-"], more].concat()).input(text.as_bytes()).run().code;
        assert_eq!(check(&[]), Some(1), "{way}: nothing is known of the request");
        let asked = ["--address", "10.2.3.4", "--request", "GET api.example/v1/reports?page=2"];
        assert_eq!(check(&asked), Some(0), "{way}");
        assert_eq!(
            check(&["--address", "10.1.3.4", "--request", "GET api.example/v1/reports"]),
            Some(1),
            "{way}"
        );
        assert_eq!(
            check(&["--address", "10.2.3.4", "--request", "POST api.example/v1/reports"]),
            Some(1),
            "{way}"
        );
        assert_eq!(check(&asked), Some(0), "{way}");
        assert_eq!(check(&asked), Some(1), "{way}: used up");
        let shown = jeton(&["token", "show", &id, "--json"]).run().json();
        assert_eq!((&shown["limits"]["uses"], &shown["used"]), (&2.into(), &2.into()), "{way}");
        let free = jeton(&[&create[..], &["--json"]].concat()).run().json();
        assert_eq!(free["limits"]["uses"], serde_json::Value::Null, "{way}");
        let shown = jeton(&["token", "show", free["id"].as_str().unwrap()]).run().done();
        for line in ["only from     -\n", "routes        -\n", "uses          -\n", "used          -\n"] {
            assert!(shown.contains(line), "{way}: {line}{shown}");
        }
        let wrong = jeton(&[&create[..], &["--rate", "often"]].concat()).run().refused(1);
        assert!(wrong.contains("limits.rate"), "{way}: {wrong}");
    });
}

#[test]
fn organizations_are_managed_the_same_every_way() {
    every_way(|way, jeton| {
        let slug = &format!("acme-{way}");
        let json = |arguments: &[&str]| jeton(&[arguments, &["--json"]].concat()).run().json();
        let made = json(&[
            "org",
            "add",
            slug,
            "--name",
            "Acme",
            "--allow-never",
            "true",
            "--max-lifetime",
            "10d",
            "--default-lifetime",
            "1d",
            "--issuers",
            "members",
            "--api-access",
            "on",
            "--quota",
            "5",
        ]);
        assert_eq!((&made["name"], &made["policy"]["quota"]), (&"Acme".into(), &5.into()), "{way}");
        let again = jeton(&["org", "add", slug]).run().refused(1);
        assert!(again.contains("slug"), "{way}: {again}");
        let set =
            ["org", "set", slug, "--api-access", "off", "--quota", "0", "--issuers", "admins", "--name", "N"];
        let policy = &json(&set)["policy"];
        assert_eq!((&policy["api_access"], &policy["issuers"]), (&false.into(), &"admins".into()), "{way}");
        assert_eq!(policy["max_lifetime"], "10d", "{way}: what isn't said stays");
        jeton(&["org", "set", slug, "--api-access", "on"]).run().done();
        jeton(&["org", "set", slug]).run().refused(2);
        jeton(&["org", "set", slug, "--max-lifetime", "never"]).run().refused(1);
        jeton(&["org", "set", "nothing", "--name", "N"]).run().refused(1);
        assert_eq!(json(&["org", "disable", slug])["enabled"], false, "{way}");
        assert_eq!(json(&["org", "enable", slug])["enabled"], true, "{way}");
        let shown = jeton(&["org", "show", slug]).run().done();
        assert!(
            shown.contains("default lifetime  1d\n") && shown.contains("quota             0\n"),
            "{shown}"
        );
        let table = jeton(&["org", "list"]).run().done();
        assert!(table.starts_with("SLUG") && table.contains(slug.as_str()), "{way}: {table}");
        assert!(json(&["org", "list"]).as_array().unwrap().iter().any(|org| org["slug"] == slug.as_str()));
    });
}

#[test]
fn what_is_in_an_organization_is_managed_the_same_every_way() {
    every_way(|way, jeton| {
        let (slug, user) = (&format!("acme-{way}"), &format!("bo-{way}"));
        let json = |arguments: &[&str]| jeton(&[arguments, &["--json"]].concat()).run().json();
        jeton(&["org", "add", slug]).run().done();
        let module = json(&["org", "module", "add", slug, "MOD-0001", "First one"]);
        assert_eq!((&module["number"], &module["name"]), (&"MOD-0001".into(), &"First one".into()), "{way}");
        jeton(&["org", "module", "add", slug, "MOD-0001", "again"]).run().refused(1);
        assert!(jeton(&["org", "module", "list", slug]).run().done().contains("First one"), "{way}");
        jeton(&["org", "module", "remove", slug, "MOD-0001"]).run().done();
        assert_eq!(json(&["org", "module", "list", slug]), serde_json::json!([]), "{way}");

        jeton(&["org", "privilege", "add", slug, "orders:*"]).run().done();
        jeton(&["org", "privilege", "remove", slug, "*:*"]).run().done();
        jeton(&["org", "privilege", "remove", slug, "*:*"]).run().refused(1);
        assert_eq!(jeton(&["org", "privilege", "list", slug]).run().done(), "orders:*\n", "{way}");
        assert_eq!(json(&["org", "privilege", "list", slug]), serde_json::json!(["orders:*"]), "{way}");

        let add =
            ["user", "add", user, "--org", slug, "--privilege", "orders:read", "--password-stdin", "--json"];
        let bo = jeton(&add).input("a walk of a crooked mile").run().json();
        assert_eq!(
            (&bo["organization"], &bo["privileges"]),
            (&slug.as_str().into(), &["orders:read"][..].into()),
            "{way}"
        );
        let member = json(&[
            "org",
            "member",
            "add",
            slug,
            "ada",
            "--role",
            "admin",
            "--may-issue",
            "true",
            "--privilege",
            "orders:read",
        ]);
        assert_eq!((&member["role"], &member["may_issue"]), (&"administrator".into(), &true.into()), "{way}");
        let member = json(&["org", "member", "set", slug, "ada", "--role", "member", "--may-issue", "false"]);
        assert_eq!((&member["role"], &member["may_issue"]), (&"member".into(), &false.into()), "{way}");
        assert_eq!(member["privileges"], serde_json::json!(["orders:read"]), "{way}: what isn't said stays");
        let more =
            ["org", "member", "set", slug, "ada", "--privilege", "orders:a", "--privilege", "orders:b"];
        assert_eq!(json(&more)["privileges"], serde_json::json!(["orders:a", "orders:b"]), "{way}");
        jeton(&["org", "member", "set", slug, "ada", "--privilege", "bills:read"]).run().refused(1);
        jeton(&["org", "member", "remove", slug, "ada"]).run().done();
        jeton(&["org", "member", "remove", slug, "ada"]).run().refused(1);

        let changed =
            json(&["user", "set", user, "--email", "bo@example.org", "--title", "Dr", "--operator", "true"]);
        assert_eq!(
            (&changed["email"], &changed["operator"]),
            (&"bo@example.org".into(), &true.into()),
            "{way}"
        );
        jeton(&["user", "set", user, "--org", "default"]).run().refused(1);
        jeton(&["org", "member", "add", "default", user]).run().done();
        assert_eq!(json(&["user", "set", user, "--org", "default"])["organization"], "default", "{way}");
        jeton(&["user", "set", user]).run().refused(2);
        jeton(&["user", "delete", user]).run().done();
        jeton(&["user", "delete", user]).run().refused(1);
        jeton(&["user", "show", user]).run().refused(1);
        let last = jeton(&["user", "delete", "ada"]).run().refused(1);
        assert!(last.contains("last operator"), "{way}: {last}");
    });
}

fn check(jeton: &dyn Fn(&[&str]) -> Run, token: &str) -> Output {
    jeton(&["check", "-"]).input(token.as_bytes()).run()
}

#[test]
fn wrong_usage_is_2_and_touches_nothing() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [
        &["nothing"][..],
        &["user"],
        &["user", "add"],
        &["token", "create"],
        &["token", "create", "--user", "a"],
        &["user", "add", "anna", "--password", "an argument is no place for it"],
        &["token", "create", "--user", "a", "--name", "b", "--uses", "often"],
        &["check"],
        &["check", "-", "--address", "localhost"],
        &["check", "-", "--request", "GET"],
        &["serve", "extra"],
        &["user", "list", "--nothing"],
        &["token", "show"],
        &["org", "add"],
        &["org", "add", "acme", "--issuers", "everybody"],
        &["org", "set", "acme", "--api-access", "true"],
        &["org", "member", "add", "acme"],
        &["org", "member", "add", "acme", "bo", "--role", "owner"],
        &["org", "module", "add", "acme", "MOD-0001"],
        &["user", "delete"],
    ] {
        let output = Run::new(arguments).within(home.path()).run();
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn help_version_and_completions_go_to_standard_output() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["completions", "bash"],
        &["completions", "zsh"],
    ] {
        let text = Run::new(arguments).run().done();
        assert!(text.contains("jeton"), "{arguments:?}");
    }
    let help = Run::new(&["serve", "--help"]).run().done();
    for flag in [
        "--data-dir",
        "--address",
        "--port",
        "--unix",
        "--config",
        "--tls-cert",
        "--tls-key",
        "--behind-proxy",
        "--public-url",
        "--head-timeout",
        "--body-bytes",
        "--connections-per-peer",
    ] {
        assert!(help.contains(flag), "{flag} isn't in the help");
    }
}

#[test]
fn a_secret_is_read_from_standard_input_and_never_from_an_argument() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let output = server.run(&["check", &token]);
    assert_eq!(output.code, Some(2), "a token as an argument is in everybody's process list");
    assert!(!output.stderr.contains(&token[27..39]), "and isn't repeated");
}

#[test]
fn nothing_is_asked_of_who_is_not_there() {
    // No terminal, no --password-stdin: refused rather than waiting for somebody to type.
    let server = Server::start();
    let output = server.run(&["user", "add", "anna"]);
    assert!(output.took < Duration::from_secs(5));
    assert_ne!(output.code, Some(0));
    assert!(output.stderr.contains("--password-stdin"), "{}", output.stderr);
}

#[test]
fn a_closed_standard_output_is_no_crash() {
    let server = Server::start();
    server.user("anna");
    let run =
        server.command(&["user", "list"]).shell("\"$@\" | true; exit 0").env("PATH", "/usr/bin:/bin").run();
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn the_event_says_that_the_local_operator_minted() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let id = token::Wire::read(&token).uuid();
    server.stop();
    let shown = server.run(&["token", "show", &id, "--json"]).json();
    assert_eq!(shown["owner"], "anna");
}
