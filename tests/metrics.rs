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
    // A sum of seconds is a fraction; what is asked of it is that it is a number.
    let value: f64 = value.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)?;
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
    #[allow(clippy::cast_possible_truncation)]
    (is_name(name) && good).then_some((name, series, value as i64))
}

/// The samples of a histogram: for each set of labels buckets that grow up to the last, which is the count, and a sum.
fn histogram(metric: &str, samples: &[(&str, &str, i64)], page: &mut Page) -> Result<(), String> {
    let mut last: Option<(String, f64, i64)> = None;
    let (mut closed, mut sums) = (BTreeMap::new(), 0);
    for (name, series, value) in samples {
        let suffix = name.strip_prefix(metric).ok_or_else(|| format!("{series} in {metric}"))?;
        let labels = series.strip_prefix(name).unwrap_or_default().trim_matches(['{', '}']);
        let bound = labels.split(',').find_map(|label| label.strip_prefix("le=\"")?.strip_suffix('"'));
        let others: Vec<_> = labels.split(',').filter(|label| !label.starts_with("le=")).collect();
        let others = others.join(",");
        match (suffix, bound) {
            ("_sum", None) => sums += 1,
            ("_count", None) => {}
            ("_bucket", Some(bound)) => {
                let bound: f64 = bound.replace("+Inf", "inf").parse().map_err(|_| series.to_string())?;
                if let Some((before, less, fewer)) = &last
                    && *before == others
                    && (bound <= *less || value < fewer)
                {
                    return Err(format!("{series} isn't more than the one before"));
                }
                if bound.is_infinite() {
                    closed.insert(others.clone(), *value);
                }
                last = Some((others, bound, *value));
            }
            _ => return Err(format!("{series} is no part of a histogram")),
        }
        if page.insert((*series).to_owned(), *value).is_some() {
            return Err(format!("twice: {series}"));
        }
    }
    let counts = samples.iter().filter(|(name, ..)| name.ends_with("_count"));
    let counts: BTreeMap<String, i64> = counts
        .map(|(name, series, value)| {
            (series.strip_prefix(name).unwrap_or_default().trim_matches(['{', '}']).to_owned(), *value)
        })
        .collect();
    if counts.is_empty() || counts != closed || sums != counts.len() {
        return Err(format!("{metric}: {counts:?} and {closed:?}"));
    }
    Ok(())
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
        let words = words.trim_end();
        if !words.ends_with('.') {
            return Err(wrong("help that is no sentence"));
        }
        let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(metric));
        match kind {
            Some(" gauge") if !metric.ends_with("_total") => {}
            Some(" histogram") if metric.ends_with("_seconds") => {
                let mut samples = Vec::new();
                while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                    samples.push(sample(line).ok_or_else(|| format!("no sample of {metric}: {line:?}"))?);
                }
                histogram(metric, &samples, &mut page)?;
                continue;
            }
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
        format!("jeton_build_info{{version=\"{version}\",schema=\"{SCHEMA}\"}}"),
        r#"jeton_checks_total{endpoint="softwareone",outcome="limited"}"#.to_owned(),
        r#"jeton_check_duration_seconds_bucket{le="+Inf",endpoint="gate"}"#.to_owned(),
        "jeton_disk_free_bytes".to_owned(),
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

/// As `jeton_build_info` has it.
const SCHEMA: i64 = 12;

#[test]
fn every_number_is_right_after_a_known_series_of_requests() {
    let server = Server::start();
    let anna = server.user("anna");
    let long = server.mint(&anna, &json!({ "name": "long", "lifetime": "200d" }));
    let soon = server.mint(&anna, &json!({ "name": "soon", "lifetime": "6d" }));
    let later = server.mint(&anna, &json!({ "name": "later", "lifetime": "20d" }));
    let off = server.mint(&anna, &json!({ "name": "off" }));
    let gone = server.mint(&anna, &json!({ "name": "gone" }));
    let text = |token: &Value| token["token"].as_str().unwrap().to_owned();
    let path = |token: &Value| format!("/v1/tokens/{}", token["id"].as_str().unwrap());
    server.locally("POST", &format!("{}/disable", path(&off)), &Value::Null);
    server.locally("DELETE", &path(&gone), &Value::Null);
    let mut client = server.client();
    for (token, status) in [(text(&long), 200), (text(&long), 200), (text(&off), 401), ("jtn_x".into(), 401)]
    {
        assert_eq!(client.get("/gate").bearer(&token).send().status, status);
    }
    assert_eq!(client.get("/gate?require=jeton:admin").bearer(&text(&long)).send().status, 403);
    server.accepts(&text(&long));
    client.get("/api/v1/me/tokens").bearer(&text(&long)).send();
    client.post("/oauth/introspect").bearer(server.secret()).form(&format!("token={}", text(&gone))).send();
    for _ in 0..2 {
        client.get("/v1/me").basic("anna", "wrong").send().expect(401);
    }
    let page = page(&server);
    for (series, value) in [
        (r#"jeton_checks_total{endpoint="gate",outcome="admitted"}"#, 2),
        (r#"jeton_checks_total{endpoint="gate",outcome="dead"}"#, 1),
        (r#"jeton_checks_total{endpoint="gate",outcome="unknown"}"#, 1),
        (r#"jeton_checks_total{endpoint="gate",outcome="forbidden"}"#, 1),
        (r#"jeton_checks_total{endpoint="gate",outcome="limited"}"#, 0),
        (r#"jeton_check_duration_seconds_count{endpoint="gate"}"#, 5),
        (r#"jeton_checks_total{endpoint="native",outcome="admitted"}"#, 1),
        (r#"jeton_check_duration_seconds_count{endpoint="native"}"#, 1),
        (r#"jeton_check_duration_seconds_count{endpoint="akinon"}"#, 1),
        (r#"jeton_check_duration_seconds_count{endpoint="kodexa"}"#, 0),
        (r#"jeton_checks_total{endpoint="introspection",outcome="dead"}"#, 1),
        (r#"jeton_tokens{state="active"}"#, 3),
        (r#"jeton_tokens{state="expired"}"#, 0),
        (r#"jeton_tokens{state="disabled"}"#, 1),
        (r#"jeton_tokens{state="deleted"}"#, 1),
        (r#"jeton_tokens_expiring{within="7d"}"#, 1),
        (r#"jeton_tokens_expiring{within="30d"}"#, 2),
        (r#"jeton_tokens_expiring{within="90d"}"#, 2),
        (r#"jeton_sign_ins_refused_total{reason="password"}"#, 2),
        (r#"jeton_sign_ins_refused_total{reason="throttled"}"#, 0),
        ("jeton_sessions", 0),
        ("jeton_commits_failed_total", 0),
        ("jeton_ready", 1),
    ] {
        assert_eq!(page[series], value, "{series}");
    }
    assert!(page["jeton_commit_duration_seconds_count"] >= 8, "a change is a commit: {page:?}");
    assert!(page["jeton_connections"] >= 1);
    assert!(page["jeton_tokens_oldest_unused_age_seconds"] < 20);
    let database = std::fs::metadata(server.data().join("jeton.db")).unwrap().len();
    assert_eq!(page["jeton_database_size_bytes"].unsigned_abs(), database);
    assert!(page["jeton_wal_size_bytes"] > 0 && page["jeton_disk_free_bytes"] > 1 << 20);
    assert!(page["jeton_disk_size_bytes"] >= page["jeton_disk_free_bytes"]);
    // Counted in the database once in some seconds, however often it is asked for.
    server.mint(&anna, &named("another"));
    assert_eq!(self::page(&server)[r#"jeton_tokens{state="active"}"#], 3);
    drop((soon, later));
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
    let histogram = "# HELP d_seconds W.\n# TYPE d_seconds histogram\nd_seconds_sum 0.5\nd_seconds_count 2\nd_seconds_bucket{le=\"0.1\"} 1\nd_seconds_bucket{le=\"+Inf\"} 2\n";
    assert_eq!(parse(histogram).unwrap().len(), 4);
    for (from, to) in [
        ("d_seconds_sum 0.5\n", ""),
        ("d_seconds_count 2", "d_seconds_count 3"),
        ("le=\"0.1\"} 1", "le=\"0.1\"} 3"),
        ("le=\"0.1\"} 1", "le=\"x\"} 1"),
        ("d_seconds_bucket{le=\"+Inf\"} 2\n", ""),
        ("HELP d_seconds", "HELP d_ms"),
        ("d_seconds_sum", "d_seconds_max"),
    ] {
        assert!(
            histogram.contains(from) && parse(&histogram.replace(from, to)).is_err(),
            "{from:?} as {to:?}"
        );
    }
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

/// Whether some series of a page has this name and all these labels; histograms by their parts.
fn has(page: &Page, name: &str, labels: &[(&str, &str)]) -> bool {
    page.keys().any(|series| {
        let (own, rest) = series.split_once('{').unwrap_or((series, ""));
        let own_labels: Vec<&str> = rest.trim_end_matches('}').split(',').collect();
        own == name
            && labels
                .iter()
                .all(|(label, value)| own_labels.contains(&format!("{label}=\"{value}\"").as_str()))
    })
}

/// The metrics that an expression asks for, with the labels that it asks for by their value.
fn asked(expression: &str) -> Vec<(String, Vec<(String, String)>)> {
    let selector = regex_lite::Regex::new(r"(jeton_[a-z0-9_]+)(?:\{([^}]*)\})?").unwrap();
    let label = regex_lite::Regex::new(r#"([a-z_]+)="([^"]*)""#).unwrap();
    let labels =
        |text: &str| label.captures_iter(text).map(|found| (found[1].into(), found[2].into())).collect();
    let found = selector.captures_iter(expression);
    found
        .map(|found| (found[1].into(), found.get(2).map_or(Vec::new(), |text| labels(text.as_str()))))
        .collect()
}

fn expressions(name: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    if path.extension().is_some_and(|ending| ending == "yml") {
        return text
            .lines()
            .filter_map(|line| Some(line.trim().strip_prefix("expr: ")?.to_owned()))
            .collect();
    }
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_dashboard_and_the_rules_ask_for_what_there_is_and_for_all_of_it() {
    let server = Server::start();
    let page = page(&server);
    let dashboard = expressions("grafana/jeton.json");
    let rules = expressions("prometheus/jeton.rules.yml");
    assert!(dashboard.len() > 15 && rules.len() > 8);
    for expression in dashboard.iter().chain(&rules) {
        let asked = asked(expression);
        assert!(!asked.is_empty(), "{expression}");
        for (name, labels) in asked {
            let labels: Vec<_> =
                labels.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
            assert!(has(&page, &name, &labels), "{name} {labels:?} in {expression}");
        }
    }
    let shown = dashboard.join(" ");
    for series in page.keys() {
        let name = series.split('{').next().unwrap();
        let base =
            ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(shown.contains(base), "{base} isn't on the dashboard");
    }
}
