//! Conditions on every field, each with what it means.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Condition, on};
use crate::dialects::softwareone::text;

/// What tokens are called here.
pub(super) const NAMES: [&str; 12] = [
    "Deploy",
    "deploy",
    "it's",
    "a*b",
    "ab",
    r"C:\dir\",
    "x, (y)=\"z\"",
    "déjà & vu",
    "null",
    "deploy two",
    "+1",
    "100%",
];
/// What is said of them.
pub(super) const DESCRIPTIONS: [&str; 6] = ["", "CI", "ci", "nightly\nbuild", "The* star", "empty()"];

/// Percent-encodes all but letters, digits and the star, as the vendor's client does.
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// A value in the quotation marks that it hasn't got itself.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("%22{}%22", encode(text)) } else { format!("'{}'", encode(text)) }
}

/// Whether a text matches a pattern, by the letter; `\*` is a star.
fn like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['\\', '*', pattern @ ..], _) => text.first() == Some(&'*') && like(pattern, &text[1..]),
        (['*', rest @ ..], _) => like(rest, text) || (!text.is_empty() && like(pattern, &text[1..])),
        ([one, pattern @ ..], [other, text @ ..]) => one == other && like(pattern, text),
        _ => false,
    }
}

fn letters(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// Operators that compare, and which orders pass.
const ORDERS: [(&str, &[Ordering]); 4] = [
    ("lt", &[Ordering::Less]),
    ("le", &[Ordering::Less, Ordering::Equal]),
    ("gt", &[Ordering::Greater]),
    ("ge", &[Ordering::Greater, Ordering::Equal]),
];

fn on_texts(conditions: &mut Vec<Condition>) {
    for (field, values) in [("name", &NAMES[..]), ("description", &DESCRIPTIONS)] {
        for value in values.iter().copied().filter(|value| !value.is_empty()) {
            let held = move |row: &Value| text(row, field);
            conditions.push(on(format!("eq({field},{})", quoted(value)), move |row| held(row) == value));
            conditions.push(on(format!("{field}={}", quoted(value)), move |row| held(row) == value));
            conditions.push(on(format!("ne({field},{})", quoted(value)), move |row| held(row) != value));
            for (operator, passing) in ORDERS {
                let order = move |row: &Value| lower(&held(row)).cmp(&lower(value));
                let query = format!("{operator}({field},{})", quoted(value));
                conditions.push(on(query, move |row| passing.contains(&order(row))));
            }
        }
        for pattern in [
            "*", "d*", "D*", "*y", "*o*", "a*b", r"a\*b", r"The\**", "*two", "*é*", "ab", r"*\", "*a*l*",
            "**",
        ] {
            let held = move |row: &Value| text(row, field);
            conditions.push(on(format!("like({field},{})", quoted(pattern)), move |row| {
                like(&letters(pattern), &letters(&held(row)))
            }));
            conditions.push(on(format!("ilike({field},{})", quoted(pattern)), move |row| {
                like(&letters(&lower(pattern)), &letters(&lower(&held(row))))
            }));
        }
        for nothing in ["null()", "empty()", "null(%20)"] {
            conditions.push(on(format!("eq({field},{nothing})"), move |row| row[field] == ""));
            conditions.push(on(format!("ne({field},{nothing})"), move |row| row[field] != ""));
        }
        conditions.push(on(format!("{field}=null()"), move |row| row[field] == ""));
        conditions.push(on(format!("eq({field},'')"), move |row| row[field] == ""));
        let two = |row: &Value, field: &str| ["deploy", "ci", "it's"].contains(&text(row, field).as_str());
        conditions.push(on(format!("in({field},(deploy,'ci',%22it's%22))"), move |row| two(row, field)));
        conditions.push(on(format!("out({field},(deploy,'ci',%22it's%22))"), move |row| !two(row, field)));
        conditions.push(on(format!("in({field},())"), |_| false));
        conditions.push(on(format!("out({field},())"), |_| true));
    }
    // Bare values, as the vendor's older client sends them.
    for (query, name) in [
        ("name=deploy%20two", "deploy two"),
        ("eq(name,deploy two)", "deploy two"),
        ("eq(name,null)", "null"),
        ("name=+1", "+1"),
        ("name=%2B1", "+1"),
        ("name=100%25", "100%"),
        (r"name=C:\dir\", r"C:\dir\"),
        ("eq(name,d%C3%A9j%C3%A0%20%26%20vu)", "déjà & vu"),
        ("and(%20eq(name,%20ab%20)%20)", "ab"),
    ] {
        conditions.push(on(query.replace(' ', "%20"), move |row| row["name"] == name));
    }
}

fn on_words(conditions: &mut Vec<Condition>, rows: &[Value]) {
    let (one, two) = (text(&rows[1], "id"), text(&rows[7], "id"));
    let is = |id: &str| {
        let id = id.to_owned();
        move |row: &Value| row["id"] == id.as_str()
    };
    let of_two = |row: &Value, ids: &[String; 2]| ids.iter().any(|id| row["id"] == id.as_str());
    let both = [one.clone(), two.clone()];
    let again = both.clone();
    conditions.push(on(format!("id={one}"), is(&one)));
    conditions.push(on(format!("eq(id,%22{two}%22)"), is(&two)));
    conditions.push(on(format!("ne(id,{one})"), move |row| row["id"] != one.as_str()));
    conditions.push(on(format!("in(id,({},{two}))", both[0]), move |row| of_two(row, &both)));
    conditions.push(on(format!("out(id,({},{two}))", again[0]), move |row| !of_two(row, &again)));
    conditions.push(on("in(id,(TKN-0000-0001,canary,ACC-1234-5678))", |_| false));
    for (word, status) in
        [("Active", "Active"), ("ACTIVE", "Active"), ("disabled", "Disabled"), ("Deleted", "Deleted")]
    {
        conditions.push(on(format!("status={word}"), move |row| row["status"] == status));
        conditions.push(on(format!("ne(status,{word})"), move |row| row["status"] != status));
        conditions.push(on(format!("out(status,('{word}'))"), move |row| row["status"] != status));
    }
    conditions.push(on("in(status,(Disabled,deleted))", |row| row["status"] == "Disabled"));
    conditions.push(on("ilike(status,dis*)", |row| row["status"] == "Disabled"));
    conditions.push(on("like(status,*e*)", |_| true));
    conditions.push(on("status=null()", |_| false));
    conditions.push(on("eq(account.type,vendor)", |_| true));
    conditions.push(on("account.status=active", |_| true));
    conditions.push(on("ne(account.status,Active)", |_| false));
}

fn on_times(conditions: &mut Vec<Condition>, rows: &[Value]) {
    let used: Vec<String> =
        rows.iter().filter_map(|row| row["lastAccessAt"].as_str().map(str::to_owned)).collect();
    let created = text(&rows[rows.len() / 2]["audit"]["created"], "at");
    let updated = text(&rows[rows.len() / 3]["audit"]["updated"], "at");
    let held = |row: &Value, path: &str| -> Option<String> {
        let value = path.split('.').fold(row, |value, member| &value[member]);
        value.as_str().map(str::to_owned)
    };
    for (path, at) in [
        ("lastAccessAt", used[used.len() / 2].clone()),
        ("audit.created.at", created),
        ("audit.updated.at", updated),
    ] {
        let spellings = [
            at.clone(),
            format!("'{at}'"),
            format!("%22{at}%22"),
            at.trim_end_matches('Z').to_owned(),
            at.replace('Z', "+00:00"),
            at.replace('Z', "%2B00:00"),
        ];
        for (spelled, (operator, passing)) in spellings.iter().zip(ORDERS.iter().cycle()) {
            let at = at.clone();
            conditions.push(on(format!("{operator}({path},{spelled})"), move |row| {
                held(row, path).is_some_and(|held| passing.contains(&held.cmp(&at)))
            }));
        }
        let (is, is_not, one_of) = (at.clone(), at.clone(), at.clone());
        conditions.push(on(format!("{path}={at}"), move |row| held(row, path).as_ref() == Some(&is)));
        conditions.push(on(format!("ne({path},{at})"), move |row| held(row, path).as_ref() != Some(&is_not)));
        conditions.push(on(format!("in({path},({at},2020-01-01))"), move |row| {
            held(row, path).as_ref() == Some(&one_of)
        }));
        conditions.push(on(format!("eq({path},null())"), move |row| held(row, path).is_none()));
        conditions.push(on(format!("ne({path},empty())"), move |row| held(row, path).is_some()));
        conditions.push(on(format!("gt({path},2020-01-01)"), move |row| held(row, path).is_some()));
        conditions.push(on(format!("lt({path},2020-01-01T00:00:00.000Z)"), |_| false));
    }
}

fn modules(row: &Value) -> Vec<String> {
    row["modules"].as_array().unwrap().iter().map(|module| text(module, "id")).collect()
}

fn on_modules(conditions: &mut Vec<Condition>) {
    type OfOne = fn(&str) -> bool;
    let of_one: [(&str, OfOne); 9] = [
        ("id=MOD-1111", |id| id == "MOD-1111"),
        ("eq(id,'MOD-2222')", |id| id == "MOD-2222"),
        ("ne(id,MOD-2222)", |id| id != "MOD-2222"),
        ("in(id,(MOD-1111,MOD-2222))", |id| id == "MOD-1111" || id == "MOD-2222"),
        ("out(id,(MOD-1111,MOD-3333-4444))", |id| id == "MOD-2222"),
        ("and(ne(id,MOD-1111),ne(id,MOD-2222))", |id| id == "MOD-3333-4444"),
        ("not(or(id=MOD-1111,id=MOD-9999))", |id| id != "MOD-1111"),
        ("id=MOD-9999", |_| false),
        ("out(id,())", |_| true),
    ];
    for (query, meets) in of_one {
        conditions
            .push(on(format!("any(modules,{query})"), move |row| modules(row).iter().any(|id| meets(id))));
        conditions
            .push(on(format!("all(modules,{query})"), move |row| modules(row).iter().all(|id| meets(id))));
    }
    conditions.push(on("modules=empty()", |row| modules(row).is_empty()));
    conditions.push(on("ne(modules,null())", |row| !modules(row).is_empty()));
}

pub(super) fn conditions(rows: &[Value]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    on_texts(&mut conditions);
    on_words(&mut conditions, rows);
    on_times(&mut conditions, rows);
    on_modules(&mut conditions);
    conditions
}
