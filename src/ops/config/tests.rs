//! The table is walked: each setting by flag, variable and key, in that order of precedence.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{Config, ConfigError, Proxies, SETTINGS, Setting, Shape, Sources, Wanted};

/// A value that isn't the default, and another.
fn examples(setting: &Setting) -> (&'static str, &'static str) {
    match setting.shape {
        Shape::Path => ("/a", "/b"),
        Shape::Address => ("127.0.0.2", "::1"),
        Shape::Port => ("1", "2"),
        Shape::Networks => ("127.0.0.1, unix", "10.0.0.0/8"),
        Shape::Switch => ("true", "false"),
        Shape::Duration => ("1ms", "2m"),
        Shape::Size => ("1KiB", "2KiB"),
        Shape::Count => ("5", "6"),
        Shape::Level => ("trace", "off"),
        Shape::Format => ("text", "json"),
        Shape::Names => ("one", "two, one"),
        Shape::Url => ("https://a.example", "http://b.example"),
        Shape::Hosts => ("a.example", "b.example, c"),
        Shape::Header => ("X-Token", "x-other"),
        Shape::Replication => ("none", "litestream"),
    }
}

fn toml_line(setting: &Setting, text: &str) -> String {
    match setting.shape {
        Shape::Switch | Shape::Port | Shape::Count => format!("{} = {text}", setting.key),
        _ => format!("{} = \"{text}\"", setting.key),
    }
}

/// The two TLS files only make sense together.
fn companion(setting: &Setting) -> Vec<(&'static str, String)> {
    match setting.key {
        "tls_cert" => vec![("tls_key", "/k".to_owned())],
        "tls_key" => vec![("tls_cert", "/c".to_owned())],
        _ => Vec::new(),
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn variable(name: &str, text: &str) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    vec![(name.into(), text.into())]
}

fn load(
    setting: &Setting,
    flag: Option<(&'static str, &str)>,
    from_variable: Option<&str>,
    in_file: Option<&str>,
) -> Result<Config, ConfigError> {
    let file = in_file.map(|text| file(&toml_line(setting, text)));
    let mut flags = companion(setting);
    flags.extend(flag.map(|(key, text)| (key, text.to_owned())));
    Config::load(Sources {
        flags,
        variables: from_variable.map(|text| variable(&setting.variable(), text)).unwrap_or_default(),
        file: file.as_ref().map(|file| file.path().to_owned()),
        dialects: &["one", "two"],
    })
}

#[test]
fn every_setting_has_three_ways_in_and_one_precedence() {
    for setting in SETTINGS {
        let (one, two) = examples(setting);
        let name = setting.key;
        let by_flag = |text| load(setting, Some((name, text)), None, None).unwrap();
        assert_ne!(by_flag(one), by_flag(two), "{name} has no effect");
        assert_eq!(load(setting, None, Some(one), None).unwrap(), by_flag(one), "{name} by variable");
        assert_eq!(load(setting, None, None, Some(one)).unwrap(), by_flag(one), "{name} by key");
        assert_eq!(
            load(setting, None, Some(one), Some(two)).unwrap(),
            by_flag(one),
            "{name}: variable over file"
        );
        assert_eq!(
            load(setting, Some((name, one)), Some(two), Some(two)).unwrap(),
            by_flag(one),
            "{name}: flag first"
        );
    }
}

#[test]
fn a_bad_value_is_refused_by_name_wherever_it_is() {
    for setting in SETTINGS.iter().filter(|setting| setting.shape != Shape::Path) {
        let bad = "\u{1b}nonsense";
        let text = load(setting, None, Some(bad), None).unwrap_err().to_string();
        assert!(text.contains(&setting.variable()) && !text.contains('\u{1b}'), "{text}");
        assert!(setting.shape.check(bad).is_err());
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let sources = Sources { variables: variable("JETON_PROT", "1"), ..Sources::default() };
    assert_eq!(
        Config::load(sources).unwrap_err().to_string(),
        "unknown variable JETON_PROT: did you mean JETON_PORT?"
    );
    let file = file("head_timout = \"1s\"");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let text = Config::load(sources).unwrap_err().to_string();
    assert!(text.contains("`head_timout`") && text.ends_with("did you mean head_timeout?"), "{text}");
}

#[test]
fn variables_of_others_are_left_alone() {
    let variables =
        ["JETON_URL", "JETON_TOKEN", "HOME", "PORT"].into_iter().flat_map(|name| variable(name, "x"));
    let sources = Sources { variables: variables.collect(), ..Sources::default() };
    assert!(Config::load(sources).is_ok());
}

#[test]
fn a_toml_value_of_the_wrong_type_is_refused() {
    for (line, name) in [
        ("port = \"8700\"", "port"),
        ("behind_proxy = \"yes\"", "behind_proxy"),
        ("unix = 3", "unix"),
        ("port = [1]", "port"),
        ("port = 70000", "port"),
        ("head_timeout = 10", "head_timeout"),
        ("[door]\nheaders = 3", "door"),
        ("trusted_proxy = [\"127.0.0.1\"]", "trusted_proxy"),
        ("api_trusts_proxy = \"true\"", "api_trusts_proxy"),
        ("gate_header = \"Host\"", "gate_header"),
        ("hosts = [\"a\"]", "hosts"),
        ("gate_policies = \"orders\"", "gate_policies"),
    ] {
        let file = file(line);
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        let text = Config::load(sources).unwrap_err().to_string();
        assert!(text.contains(name), "{line}: {text}");
    }
}

#[test]
fn a_unix_socket_replaces_tcp_unless_that_is_named_too() {
    let listen = |flags: &[(&'static str, &str)]| {
        let flags = flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        Config::load(Sources { flags, ..Sources::default() }).unwrap().listen
    };
    assert!(listen(&[]).tcp.is_some());
    assert!(!listen(&[]).explicit);
    assert_eq!(listen(&[("unix", "/s")]).tcp, None);
    assert!(listen(&[("unix", "/s"), ("port", "0")]).tcp.is_some());
}

#[test]
fn half_of_tls_is_refused() {
    for (flag, missing) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        let error =
            Config::load(Sources { flags: vec![(flag, "/x".to_owned())], ..Sources::default() }).unwrap_err();
        assert_eq!(error.to_string(), format!("{flag} needs {missing} too"));
    }
}

/// The sample file is the table: each key with its words, commented out, at its default.
fn sample() -> String {
    let mut text = String::from(
        "# Settings of `jeton serve --config FILE`. Each has a flag (--head-timeout) and a variable\n\
         # (JETON_HEAD_TIMEOUT) too: a flag beats a variable, a variable beats this file.\n\
         # What is commented out here shows the default, or an example where there is none.\n",
    );
    for setting in SETTINGS {
        let example = setting.default.unwrap_or(match setting.key {
            "data_dir" => "/var/lib/jeton",
            "unix" => "/run/jeton/jeton.sock",
            "pepper_file" => "/etc/jeton/pepper.key",
            "journal_copy" => "/var/lib/jeton-replica/jeton.journal",
            "tls_cert" => "/etc/jeton/cert.pem",
            "tls_key" => "/etc/jeton/key.pem",
            "public_url" => "https://tokens.example.org",
            "gate_header" => "X-Jeton-Token",
            "hosts" => "jeton.internal, jeton",
            "dialects" => "none",
            "log" => "info",
            _ => "json",
        });
        writeln!(text, "\n# {}\n# {}", setting.help, toml_line(setting, example)).unwrap();
    }
    text + POLICY
}

/// What only the file can say, at its end since tables have to stand there.
const POLICY: &str = "
# What the gate wants where it is asked by name, at /gate/policy/orders: every privilege of `require`, one of those that
# a | parts, and a token of this organization that is good for this module. There is no flag or variable for it.
# [gate_policies.orders]
# require = [\"orders:read\", \"mail:send|mail:read\"]
# organization = \"acme\"
# module = \"MOD-1234\"
";

#[test]
fn the_sample_file_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/jeton.toml");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, sample(), "packaging/jeton.toml is out of date");
    let uncommented: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| is_setting(line))
        .fold(String::new(), |all, line| all + line + "\n");
    let file = file(&uncommented);
    let config = Config::load(Sources { file: Some(file.path().to_owned()), ..Sources::default() }).unwrap();
    let mut orders = Wanted::default();
    orders.require("orders:read").unwrap();
    orders.require("mail:send|mail:read").unwrap();
    orders.organization("acme").unwrap();
    orders.module("MOD-1234").unwrap();
    assert_eq!(config.gate_policies, [("orders".to_owned(), orders)].into());
}

fn is_setting(line: &str) -> bool {
    let mut keys = SETTINGS.iter().map(|setting| setting.key).chain(["require", "organization", "module"]);
    line.starts_with("[gate_policies.") || keys.any(|key| line.starts_with(&format!("{key} = ")))
}

#[test]
fn by_default_loopback_is_trusted_and_at_the_gate_alone() {
    let config = Config::load(Sources::default()).unwrap();
    let trusts = |text: &str| config.trusted_proxy.trusts(Some(text.parse().unwrap()));
    assert!(trusts("127.0.0.1") && trusts("127.9.9.9") && trusts("::1") && trusts("::ffff:127.0.0.1"));
    assert!(!trusts("10.0.0.1") && !trusts("::2") && !config.trusted_proxy.trusts(None));
    assert!(!config.api_trusts_proxy);
    let flags = vec![("trusted_proxy", "none".to_owned())];
    let config = Config::load(Sources { flags, ..Sources::default() }).unwrap();
    assert_eq!(config.trusted_proxy, Proxies::default());
}

#[test]
fn policies_are_read_from_the_file_alone() {
    let file = file("port = 1\n[gate_policies.orders]\nrequire = [\"orders:read\"]\n");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let names: Vec<String> = Config::load(sources).unwrap().gate_policies.into_keys().collect();
    assert_eq!(names, ["orders"]);
    let sources = Sources { variables: variable("JETON_GATE_POLICIES", "orders"), ..Sources::default() };
    let said = Config::load(sources).unwrap_err().to_string();
    assert!(said.starts_with("unknown variable JETON_GATE_POLICIES"), "{said}");
}

#[test]
fn a_policy_that_is_none_is_refused_with_its_place() {
    for (text, named) in [
        ("[gate_policy.orders]", "did you mean gate_policies?"),
        ("[gate_policies.orders]\nrequire = [\"orders\"]", "require of [gate_policies.orders] in "),
    ] {
        let file = file(text);
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        let said = Config::load(sources).unwrap_err().to_string();
        assert!(said.contains(named) && said.contains(file.path().to_str().unwrap()), "{said}");
    }
}
