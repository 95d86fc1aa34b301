//! What differs from run to run: held to its form first, then replaced by a name.

use std::{collections::HashMap, time::SystemTime};

use jiff::Timestamp;
use regex_lite::Regex;
use serde_json::Value;

use crate::harness::token::Wire;

/// Everything that looks as if it might be one of ours, so that a wrong one is seen rather than left standing. The first
/// that matches counts.
const LOOKS: [(&str, &str); 8] = [
    ("token", r"jtn_[^\s\x22'<>&]*"),
    ("trace", r"\b00-[0-9a-fA-F]{32}-[0-9a-fA-F]{16}-[0-9a-fA-F]{2}\b"),
    ("uuid", r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    ("time", r"\b\d{4}-\d\d-\d\d[Tt][0-9:.,]*(?:[Zz]|[+-][0-9:]+)?"),
    ("clock", r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"),
    ("number", r"\b(?:TKN|ACC|USR|MOD)-[0-9A-Za-z-]*"),
    ("hex", r"\b[0-9a-fA-F]{32}\b"),
    ("short", r"\b[0-9a-fA-F]{24}\b"),
];

/// Members that hold a name of one of these kinds, `null`, or one of [`FIXED`].
const MEMBERS: [(&[&str], &[&str]); 8] = [
    (&["_id", "organizationId"], &["short"]),
    (&["userId"], &["short", "uuid"]),
    (&["id"], &["uuid", "TKN", "ACC", "USR", "MOD"]),
    (&["tokenId"], &["uuid"]),
    (&["uuid"], &["second"]),
    (&["traceId"], &["trace"]),
    (&["user-token", "tokenValue"], &["token"]),
    (
        &[
            "createdAt",
            "updatedAt",
            "createdOn",
            "updatedOn",
            "expiresOn",
            "expiresAt",
            "expiredAt",
            "lastUsed",
            "lastAccessAt",
            "at",
            "expire_time",
            "created_at",
            "updated_at",
            "expires_at",
            "last_used_at",
        ],
        &["time", "future"],
    ),
];

/// Members whose own are named for fields and say what is wrong with them.
const COMPLAINTS: [&str; 1] = ["errors"];

/// What stands for never.
const FIXED: [&str; 2] = ["9999-12-31T23:59:59.999Z", "9999-12-31 23:59:59"];

/// Headers that hold a whole number of seconds.
const SECONDS: [&str; 3] = ["retry-after", "x-retry-after", "x-rate-limit-user-reset"];

/// The names given so far, and what they stand for.
pub struct Names {
    looks: Regex,
    since: Timestamp,
    given: HashMap<String, String>,
    counts: HashMap<&'static str, usize>,
}

impl Names {
    /// None yet; a time before now is none of this run's.
    pub fn new() -> Self {
        let looks: Vec<_> = LOOKS.iter().map(|(name, look)| format!("(?P<{name}>{look})")).collect();
        let since = Timestamp::try_from(SystemTime::now()).unwrap();
        // What jeton tells of a time is cut to milliseconds.
        let since = Timestamp::from_millisecond(since.as_millisecond()).unwrap();
        Self {
            looks: Regex::new(&looks.join("|")).unwrap(),
            since,
            given: HashMap::new(),
            counts: HashMap::new(),
        }
    }

    /// `text` with names for what has one; the test fails where something isn't of its form.
    pub fn redact(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for member in ["version", "release"] {
            let said = |value: &str| format!("\"{member}\": \"{value}\"");
            text = text.replace(&said(env!("CARGO_PKG_VERSION")), &said("<version>"));
        }
        let looks = self.looks.clone();
        let mut redacted = String::new();
        let mut from = 0;
        for found in looks.captures_iter(&text) {
            let (kind, value) =
                LOOKS.iter().find_map(|(kind, _)| Some((*kind, found.name(kind)?))).expect("one of them");
            redacted.push_str(&text[from..value.start()]);
            redacted.push_str(&self.name(kind, value.as_str()));
            from = value.end();
        }
        redacted + &text[from..]
    }

    /// A header's value.
    pub fn header(&mut self, name: &str, value: &str) -> String {
        if SECONDS.contains(&name) {
            let seconds: u32 = value.parse().unwrap_or_else(|_| panic!("{name}: {value}"));
            assert!((1..=86_400).contains(&seconds), "{name}: {value}");
            return "<seconds>".into();
        }
        self.redact(value)
    }

    /// `text`, which may use names given before, with what they stand for.
    pub fn restore(&self, text: &str) -> String {
        self.given.iter().fold(text.to_owned(), |text, (value, name)| text.replace(name, value))
    }

    fn name(&mut self, look: &str, value: &str) -> String {
        match look {
            "token" => self.token(value),
            "trace" | "hex" => {
                assert_eq!(value, value.to_ascii_lowercase(), "a trace id");
                self.given("trace", value)
            }
            "uuid" => self.uuid(value),
            "time" => self.time(value),
            "clock" => self.clock(value),
            "number" => self.number(value),
            _ => {
                assert_eq!(value, value.to_ascii_lowercase(), "24 digits of hex are in lower case");
                self.given("short", value)
            }
        }
    }

    /// The same name for the same value.
    fn given(&mut self, kind: &'static str, value: &str) -> String {
        if let Some(name) = self.given.get(value) {
            return name.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("<{kind}-{count}>");
        self.given.insert(value.into(), name.clone());
        name
    }

    fn token(&mut self, value: &str) -> String {
        if let Some(begin) = value.strip_suffix('…') {
            let digits = begin.strip_prefix("jtn_").and_then(|rest| rest.strip_suffix('_'));
            let digits = digits.is_some_and(|digits| {
                digits.len() == 22 && digits.bytes().all(|digit| digit.is_ascii_alphanumeric())
            });
            assert!(digits, "no hint: {value}");
            return self.given("hint", value);
        }
        Wire::read(value);
        self.given("token", value)
    }

    fn uuid(&mut self, value: &str) -> String {
        assert_eq!(value, value.to_ascii_lowercase(), "a UUID is in lower case");
        assert!(matches!(value.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "no variant of ours: {value}");
        match value.as_bytes()[14] {
            b'7' => self.given("uuid", value),
            b'8' => self.given("second", value),
            _ => panic!("neither version 7 nor 8: {value}"),
        }
    }

    fn number(&mut self, value: &str) -> String {
        let (prefix, digits) = value.split_at(4);
        let fours: Vec<_> = digits.split('-').collect();
        let four = |part: &&str| part.len() == 4 && part.bytes().all(|digit| digit.is_ascii_digit());
        let kind = match prefix {
            "TKN-" => "TKN",
            "ACC-" => "ACC",
            "USR-" => "USR",
            // The setting says these.
            _ => return value.into(),
        };
        assert!(fours.len() == 2 && fours.iter().all(four), "no number: {value}");
        self.given(kind, value)
    }

    fn time(&self, value: &str) -> String {
        if FIXED.contains(&value) {
            return value.into();
        }
        let form = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$").unwrap();
        assert!(form.is_match(value), "not to the millisecond in UTC: {value}");
        self.when(value, value.parse().expect("a time"))
    }

    fn clock(&self, value: &str) -> String {
        if FIXED.contains(&value) {
            return value.into();
        }
        self.when(value, format!("{}Z", value.replace(' ', "T")).parse().expect("a time"))
    }

    fn when(&self, value: &str, at: Timestamp) -> String {
        assert!(at >= self.since, "{value} is before this run");
        let now = Timestamp::try_from(SystemTime::now()).unwrap();
        if at <= now { "<time>".into() } else { "<future>".into() }
    }
}

/// Asserts that the members of a redacted body that have a form hold it.
pub fn assert_members(body: &Value) {
    match body {
        Value::Array(items) => items.iter().for_each(assert_members),
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| !COMPLAINTS.contains(&name.as_str())) {
                let kinds = MEMBERS.iter().find(|(names, _)| names.contains(&name.as_str()));
                if let (Some((_, kinds)), Value::String(text)) = (kinds, value) {
                    assert_form(name, text, kinds);
                }
                assert_members(value);
            }
        }
        _ => {}
    }
}

fn assert_form(name: &str, text: &str, kinds: &[&str]) {
    let named = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let kind = named.map_or_else(|| text.split('-').next(), |named| named.split('-').next());
    let fixed = kinds.contains(&"time") && FIXED.contains(&text);
    let is_module = named.is_none() && is_module(text);
    let right = fixed || (kind.is_some_and(|kind| kinds.contains(&kind)) && (named.is_some() || is_module));
    assert!(right, "{name} holds no {}: {text}", kinds.join(" or "));
}

fn is_module(text: &str) -> bool {
    Regex::new(r"^MOD-\d{4}(-\d{4})?$").unwrap().is_match(text)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use serde_json::json;

    use super::{Names, assert_members};

    const TOKEN: &str = "jtn_0351wwRVdeSSokfPpVTjzY_7z8xLzlrGd2aYMsfccwRcDWAvPkMezcfIRf5DZKHtpX3eQI05";

    fn panics(act: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(act)).is_err()
    }

    #[test]
    fn what_is_of_its_form_gets_a_name_and_the_same_the_same() {
        let mut names = Names::new();
        let uuid = "01a202c2-cf4f-756d-b1fd-2dc9bcda572d";
        let text = format!(
            "{uuid} {} {TOKEN} idt:TKN-6180-3400:{TOKEN} {}… 01a202c2cf4f756db1fd2dc9 {uuid} MOD-1111 ACC-6180-3400",
            uuid.replace("-756d", "-856d"),
            &TOKEN[..27],
        );
        let redacted = names.redact(&text);
        assert_eq!(
            redacted,
            "<uuid-1> <second-1> <token-1> idt:<TKN-1>:<token-1> <hint-1> <short-1> <uuid-1> MOD-1111 <ACC-1>"
        );
        assert_eq!(names.restore(&redacted), text);
        assert_eq!(names.redact("9999-12-31 23:59:59 2999-01-01 00:00:00"), "9999-12-31 23:59:59 <future>");
        let now = jiff::Timestamp::from_millisecond(jiff::Timestamp::now().as_millisecond()).unwrap();
        assert_eq!(names.redact(&format!("{now:.3}")), "<time>");
        assert_eq!(names.header("retry-after", "17"), "<seconds>");
    }

    #[test]
    fn what_looks_like_one_and_is_not_of_the_form_fails_the_test() {
        let last = if TOKEN.ends_with('5') { "6" } else { "5" };
        for wrong in [
            // A version, a variant and a case that no UUID of ours has.
            "01a202c2-cf4f-456d-b1fd-2dc9bcda572d",
            "01a202c2-cf4f-756d-71fd-2dc9bcda572d",
            "01A202C2-CF4F-756D-B1FD-2DC9BCDA572D",
            // Another checksum, another length, and a hint with a digit of the secret.
            &format!("{}{last}", &TOKEN[..75]),
            &TOKEN[..75],
            &format!("{}…", &TOKEN[..28]),
            // Not to the millisecond, not in UTC, and not in this run.
            "2999-01-01T00:00:00Z",
            "2999-01-01T00:00:00.000000Z",
            "2999-01-01T00:00:00.000+00:00",
            "2020-01-01T00:00:00.000Z",
            "2020-01-01 00:00:00",
            "TKN-1-2",
            "ACC-61803400",
            "01A202C2CF4F756DB1FD2DC9",
        ] {
            assert!(panics(|| drop(Names::new().redact(wrong))), "{wrong} is let through");
        }
        for wrong in ["0", "-1", "1.5", "soon"] {
            assert!(panics(|| drop(Names::new().header("retry-after", wrong))), "{wrong} is let through");
        }
    }

    #[test]
    fn a_member_that_has_a_form_holds_nothing_else() {
        assert_members(&json!([{ "id": "<uuid-1>", "modules": [{ "id": "MOD-1111" }], "expiresAt": null }]));
        assert_members(
            &json!({ "_id": "<short-2>", "expiresOn": "9999-12-31T23:59:59.999Z", "at": "<future>" }),
        );
        for wrong in [
            json!({ "id": "7" }),
            json!({ "id": "<short-1>" }),
            json!({ "id": "MOD-11" }),
            json!({ "_id": "<uuid-1>" }),
            json!({ "data": [{ "uuid": "<uuid-1>" }] }),
            json!({ "user-token": "<hint-1>" }),
            json!({ "expire_time": "tomorrow" }),
            json!({ "traceId": "7" }),
        ] {
            assert!(panics(|| assert_members(&wrong)), "{wrong} is let through");
        }
    }
}
