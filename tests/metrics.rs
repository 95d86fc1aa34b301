//! What is scraped: in the text format of Prometheus to the letter, by operators, with no series that wasn't there from
//! the start.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Server, server::named};

/// Every sample by its name and labels, as the page has them.
pub type Page = BTreeMap<String, i64>;

/// Scrapes it as the local operator.
pub fn page(server: &Server) -> Page {
    let reply = server.locally("GET", "/metrics", &Value::Null).expect(200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    parse(&reply.text()).unwrap_or_else(|problem| panic!("{problem} in {}", reply.text()))
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A sample's name and labels, and its value.
fn sample(line: &str) -> Option<(&str, &str, i64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
    };
    let label = |label: &str| {
        let quoted = label.split_once('=').filter(|(name, _)| is_name(name)).map(|(_, value)| value);
        let value = quoted.and_then(|value| value.strip_prefix('"')?.strip_suffix('"'));
        value.is_some_and(|value| !value.contains(['"', '\\', '{', '}', ',']))
    };
    let good = series == name || labels.split(',').all(label);
    (is_name(name) && good).then_some((name, series, value.parse().ok()?))
}

/// Reads a page of version 0.0.4: of each metric `# HELP`, `# TYPE` and then its samples, all together and each once.
fn parse(text: &str) -> Result<Page, String> {
    let mut page = Page::new();
    let mut seen = BTreeSet::new();
    let mut lines = text.strip_suffix('\n').ok_or("no line feed at the end")?.split('\n').peekable();
    while let Some(line) = lines.next() {
        let wrong = |what: &str| format!("{what}: {line:?}");
        let help = line.strip_prefix("# HELP ").ok_or_else(|| wrong("no help"))?;
        let (metric, words) = help.split_once(' ').ok_or_else(|| wrong("no help"))?;
        if !is_name(metric) || words.is_empty() || words.contains('\\') || !seen.insert(metric) {
            return Err(wrong("no name, no words, or told twice"));
        }
        let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(metric));
        match kind {
            Some(" gauge") if !metric.ends_with("_total") => {}
            Some(" counter") if metric.ends_with("_total") => {}
            other => return Err(format!("{metric} is a {other:?}")),
        }
        let before = page.len();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            match sample(line) {
                Some((name, series, value)) if name == metric && value >= 0 => {
                    if page.insert(series.to_owned(), value).is_some() {
                        return Err(format!("twice: {series}"));
                    }
                }
                _ => return Err(format!("no sample of {metric}: {line:?}")),
            }
        }
        if page.len() == before {
            return Err(format!("{metric} has no sample"));
        }
    }
    Ok(page)
}

#[test]
fn the_page_has_every_series_from_the_start_and_never_more() {
    let server = Server::start();
    let names = || page(&server).into_keys().collect::<BTreeSet<_>>();
    let first = names();
    let version = env!("CARGO_PKG_VERSION");
    for series in [
        r#"jeton_tokens_idle_announced{action="disable"}"#.to_owned(),
        r#"jeton_tokens_idle_announced{action="delete"}"#.to_owned(),
        r#"jeton_tokens_idle_total{action="disable"}"#.to_owned(),
        r#"jeton_tokens_idle_total{action="delete"}"#.to_owned(),
        format!("jeton_build_info{{version=\"{version}\"}}"),
    ] {
        assert!(first.contains(&series), "{series} in {first:?}");
    }
    let anna = server.user("anna");
    server.organization("acme", &json!({ "policy": { "max_idle": "90d" } }));
    let token = server.mint(&anna, &named("x"));
    assert!(server.accepts(token["token"].as_str().unwrap()));
    server.client().get("/metrics").bearer("jtn_wrong").send().expect(401);
    assert_eq!(names(), first);
}

#[test]
fn a_scraper_has_a_token_of_an_operators() {
    let server = Server::start();
    let boss = server.administrator("boss");
    let scraper = server.token_with(&boss, &["--privilege", "jeton:admin"]);
    server.with(&scraper, "GET", "/metrics", &Value::Null).expect(200);
    let only = ["--privilege", "jeton:admin", "--route", "GET */metrics", "--allow-network", "127.0.0.1"];
    let only = server.token_with(&boss, &only);
    server.with(&only, "GET", "/metrics", &Value::Null).expect(200);
    server.with(&only, "GET", "/v1/users", &Value::Null).expect(403);
    server.with(&server.token(&boss), "GET", "/metrics", &Value::Null).expect(403);
    let member = server.user("member");
    server.with(&server.token(&member), "GET", "/metrics", &Value::Null).expect(403);
    server.client().get("/metrics").send().expect(401);
}

#[test]
fn the_parser_takes_no_page_that_is_wrong() {
    let good = "# HELP a_b Words.\n# TYPE a_b gauge\na_b{x=\"1\",y=\"z\"} 3\na_b{x=\"2\",y=\"z\"} 0\n# HELP c_total W.\n# TYPE c_total counter\nc_total 7\n";
    assert_eq!(parse(good).unwrap().len(), 3);
    for (from, to) in [
        ("c_total 7\n", "c_total 7"),
        ("c_total 7\n", ""),
        ("c_total 7", "c 7"),
        ("c_total 7", "c_total -7"),
        ("c_total 7", "c_total 7 8"),
        ("c_total 7", "c_total{} 7"),
        ("TYPE c_total counter", "TYPE c_total gauge"),
        ("TYPE c_total counter", "TYPE c counter"),
        ("# HELP c_total W.\n", ""),
        ("HELP c_total W.", "HELP c_total"),
        ("c_total", "a_b"),
        ("x=\"2\"", "x=\"1\""),
        ("x=\"2\"", "x=2"),
        ("x=\"2\"", "x=\"\"\""),
        ("a_b{x=\"1\"", "A_b{x=\"1\""),
        ("7\n", "7\n# EOF\n"),
    ] {
        assert!(good.contains(from) && parse(&good.replace(from, to)).is_err(), "{from:?} as {to:?}");
    }
}
