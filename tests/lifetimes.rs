//! How long a token lives: every form of saying so, checked to the last millisecond, and never "never" by accident.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{
    Client, Server,
    server::{Actor, named},
};

const DAY: i64 = 86_400_000;

/// Milliseconds since 1970 of an RFC 3339 instant.
fn millis(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("no instant: {value}"));
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// The instant that many milliseconds from now.
fn from_now(offset: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    jiff::Timestamp::from_millisecond(i64::try_from(now).unwrap() + offset).unwrap().to_string()
}

struct Mint {
    _server: Server,
    client: Client,
    parent: Actor,
}

impl Mint {
    fn new() -> Self {
        let server = Server::start();
        let anna = server.user("anna");
        Self { client: server.client(), parent: anna, _server: server }
    }

    fn ask(&mut self, body: &str) -> crate::harness::Reply {
        let request = self.client.post("/v1/tokens").basic(&self.parent.name, &self.parent.password);
        request.text("application/json", body).send()
    }

    /// Mints and gives the lifetime that came out, in milliseconds.
    fn lifetime(&mut self, field: &str, value: &Value) -> i64 {
        let made = self.ask(&json!({ "name": "t", field: value }).to_string()).expect(201).json();
        millis(&made["expires_at"]) - millis(&made["created_at"])
    }
}

#[test]
fn the_default_is_30_days_and_the_longest_366() {
    let mut mint = Mint::new();
    let made = mint.ask(r#"{"name":"t"}"#).expect(201).json();
    assert_eq!(millis(&made["expires_at"]) - millis(&made["created_at"]), 30 * DAY);
    assert_eq!(mint.lifetime("lifetime", &json!("366d")), 366 * DAY);
    for over in ["367d", "8785h", "31622401s"] {
        let reply = mint.ask(&json!({ "name": "t", "lifetime": over }).to_string());
        assert!(matches!(reply.status, 400 | 422), "{over} is {}", reply.status);
        assert!(reply.text().contains("366"), "the limit is named: {}", reply.text());
    }
}

#[test]
fn a_child_ends_with_its_parent_at_the_latest() {
    let server = Server::start();
    let anna = server.user("anna");
    let parent = server.mint(&anna, &json!({ "name": "parent", "lifetime": "2h" }));
    let secret = parent["token"].as_str().unwrap();
    let end = |body: &str| {
        let asked = server.client().post("/v1/tokens").bearer(secret).text("application/json", body).send();
        asked.expect(201).json()["expires_at"].clone()
    };
    assert_eq!(end(r#"{"name":"t"}"#), parent["expires_at"], "what names no end is cut");
    assert!(end(r#"{"name":"t","lifetime":"1h"}"#).as_str() < parent["expires_at"].as_str());
    let instant = json!({ "name": "t", "expires_at": parent["expires_at"] }).to_string();
    assert_eq!(end(&instant), parent["expires_at"]);
    server.policy("default", &json!({ "allow_never": true }));
    for (field, value) in
        [("lifetime", "121m"), ("lifetime", "never"), ("expires_at", "2999-01-01T00:00:00Z")]
    {
        let longer = json!({ "name": "t", field: value });
        let refused = server.with(secret, "POST", "/v1/tokens", &longer);
        match value {
            "2999-01-01T00:00:00Z" => assert_eq!(refused.problem(400), "invalid", "beyond the policy too"),
            _ => assert_eq!(refused.problem(403), "wider_than_minter", "{value}"),
        }
    }
}

#[test]
fn plain_forms_mean_what_they_say() {
    let mut mint = Mint::new();
    for (text, expected) in
        [("30d", 30 * DAY), ("12h", DAY / 2), ("1d", DAY), ("90m", 90 * 60_000), ("1h", 3_600_000)]
    {
        assert_eq!(mint.lifetime("lifetime", &json!(text)), expected, "{text}");
    }
    let wanted = from_now(5 * DAY);
    let made = mint.ask(&json!({ "name": "t", "expires_at": wanted }).to_string()).expect(201).json();
    assert_eq!(millis(&made["expires_at"]), millis(&json!(wanted)));
    let offset = "2027-02-28T23:59:59.999+14:00";
    let made = mint.ask(&json!({ "name": "t", "expires_at": offset }).to_string()).expect(201).json();
    assert_eq!(made["expires_at"], "2027-02-28T09:59:59.999Z");
}

#[test]
fn what_is_not_clearly_inside_the_policy_is_refused() {
    let mut mint = Mint::new();
    let numbers = [
        "0",
        "-1",
        "-0",
        "1e9",
        "1e308",
        "1e309",
        "2147483648",
        "4294967296",
        "9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "999999999991",
        "NaN",
        "Infinity",
        "1.5",
        "",
        " ",
        "1",
        "٣٠",
    ];
    let mut lifetimes: Vec<String> = [
        "0d", "-1d", "never", "Never", "NEVER", "forever", "d", "30 d", " 30d", "30d ", "30D30", "30d12h30",
        "1y", "+30d", "0x1d", "30dd", "P30D\0", "1e1d", "1.5d",
    ]
    .map(Into::into)
    .into();
    for number in numbers {
        lifetimes.push(number.into());
        for unit in ["d", "h", "s", "ms", "w", "y"] {
            let text = format!("{number}{unit}");
            if !matches!(
                text.as_str(),
                "1d" | "1h" | "1w" | "1s" | "1ms" | "1.5d" | "2147483648ms" | "4294967296ms"
            ) {
                lifetimes.push(text);
            }
        }
    }
    for lifetime in &lifetimes {
        let body = json!({ "name": "t", "lifetime": lifetime }).to_string();
        refused_or_sane(&mut mint, &body);
    }
    for number in numbers {
        // Bare, as JSON would have it: a number, or no JSON at all.
        refused(&mut mint, &format!(r#"{{"name":"t","lifetime":{number}}}"#));
        refused(&mut mint, &format!(r#"{{"name":"t","expires_at":{number}}}"#));
    }
    for instant in [
        "2027-02-30T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "+010000-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2027-01-01",
        "2027-01-01T00:00:00",
        "2027-01-01T24:00:01Z",
        "2027-13-01T00:00:00Z",
        "tomorrow",
        "",
        "2027-01-01T00:00:00Zjunk",
        "2027-01-01T00:00:00+99:99",
        &from_now(-1_000),
        &from_now(367 * DAY),
        &from_now(100 * 365 * DAY),
    ] {
        refused(&mut mint, &json!({ "name": "t", "expires_at": instant }).to_string());
    }
    refused(&mut mint, &json!({ "name": "t", "lifetime": "1d", "expires_at": from_now(DAY) }).to_string());
    for odd in [json!([]), json!({}), json!(true), json!(["1d"])] {
        refused(&mut mint, &json!({ "name": "t", "lifetime": odd }).to_string());
        refused(&mut mint, &json!({ "name": "t", "expires_at": odd }).to_string());
    }
}

#[track_caller]
fn refused(mint: &mut Mint, body: &str) {
    let reply = mint.ask(body);
    assert!(matches!(reply.status, 400 | 422), "{body} is {}: {}", reply.status, reply.text());
    reply.problem(reply.status);
}

/// Refused, or minted with an end that lies inside the policy: never without one.
#[track_caller]
fn refused_or_sane(mint: &mut Mint, body: &str) {
    let reply = mint.ask(body);
    if reply.status == 201 {
        let made = reply.json();
        let lifetime = millis(&made["expires_at"]) - millis(&made["created_at"]);
        assert!((1..=366 * DAY).contains(&lifetime), "{body} gave {lifetime} ms");
        assert!(!body.contains('-') && !body.contains('e'), "{body} was taken for {lifetime} ms");
    } else {
        assert!(matches!(reply.status, 400 | 422), "{body} is {}", reply.status);
    }
}

#[test]
fn a_leap_day_is_an_instant_like_any_other() {
    let server = Server::setup().at("@2027-06-01 00:00:00").start();
    let anna = server.user("anna");
    let body = json!({ "name": "t", "expires_at": "2028-02-29T12:00:00Z" });
    assert_eq!(server.mint(&anna, &body)["expires_at"], "2028-02-29T12:00:00.000Z");
}

#[test]
fn an_expired_token_is_refused_and_says_why_and_a_clock_that_runs_back_revives_nothing() {
    let mut server = Server::setup().at("+0").start();
    let anna = server.user("anna");
    let hour = server.token_with(&anna, &["--lifetime", "1h"]);
    let month = server.token_with(&anna, &["--lifetime", "30d"]);
    assert!(server.accepts(&hour));

    server.stop();
    server.set_env("FAKETIME", "+2h");
    server.launch();
    let mut client = server.client();
    assert_eq!(client.get("/v1/tokens/self").bearer(&hour).send().problem(401), "token_expired");
    assert!(server.accepts(&month), "a jump forward takes nothing that still has time");

    for back in ["+0", "-1h", "-10y"] {
        server.stop();
        server.set_env("FAKETIME", back);
        server.launch();
        let mut client = server.client();
        assert_eq!(
            client.get("/v1/tokens/self").bearer(&hour).send().problem(401),
            "token_expired",
            "{back}"
        );
        let made = server.child(&month, &named("after"));
        assert!(
            millis(&made["created_at"]) >= millis(&json!(from_now(7_190_000))),
            "time stood at +2h: {made}"
        );
    }
}

#[test]
fn odd_years_neither_crash_nor_extend() {
    for year in ["1970-01-01 00:00:10", "2038-01-19 03:14:07", "2106-02-07 06:28:15", "9998-12-31 00:00:00"] {
        let server = Server::setup().at(&format!("@{year}")).start();
        let anna = server.user("anna");
        let token = server.token_with(&anna, &["--lifetime", "1d"]);
        let shown = server.client().get("/v1/tokens/self").bearer(&token).send().expect(200).json();
        assert_eq!(millis(&shown["expires_at"]) - millis(&shown["created_at"]), DAY, "{year}");
    }
}
