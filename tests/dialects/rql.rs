//! SoftwareONE's query language: every operator on every field against a reading of its own, and what is refused.

use std::{cmp::Ordering, time::Duration};

use serde_json::{Value, json};

use super::softwareone::{Setting, TOKENS, keys, names, plain, refused, text};
use crate::harness::{Server, campaign, estate::bearer, wait_for};

const NAMES: [&str; 12] = [
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
const DESCRIPTIONS: [&str; 6] = ["", "CI", "ci", "nightly\nbuild", "The* star", "empty()"];
const MODULES: [&[&str]; 4] = [&[], &["MOD-1111"], &["MOD-1111", "MOD-2222"], &["MOD-2222", "MOD-3333-4444"]];

/// Tokens that differ in all that can be asked for; the list shows them with their `audit`.
struct Garden {
    setting: Setting,
    rows: Vec<Value>,
}

impl Garden {
    fn new(count: usize) -> Self {
        let mut setting = Setting::new();
        let all = ["MOD-1111", "MOD-2222", "MOD-3333-4444"];
        all.iter().for_each(|number| setting.module("default", number));
        let of =
            |numbers: &[&str]| -> Value { numbers.iter().map(|number| json!({ "id": number })).collect() };
        let wide = json!({ "name": "wide", "modules": of(&all) });
        let wide = setting.server.ask(&setting.anna.basic(), "POST", TOKENS, &wide).expect(201).json();
        setting.token = plain(&wide);
        let mut client = setting.server.client();
        for number in 0..count {
            let body = json!({
                "name": NAMES[number % NAMES.len()],
                "description": DESCRIPTIONS[number / 5 % DESCRIPTIONS.len()],
                "modules": of(MODULES[number / 3 % MODULES.len()]),
            });
            let made = client.post(TOKENS).bearer(&setting.token).json(&body).send().expect(201).json();
            if number % 5 == 0 {
                client.get(TOKENS).bearer(&plain(&made)).send().expect(200);
            }
            if number % 3 == 0 {
                let path = format!("{TOKENS}/{}/disable", text(&made, "id"));
                client.post(&path).bearer(&setting.token).send().expect(200);
            }
        }
        let short = setting.server.child(&setting.token, &json!({ "name": "short", "lifetime": "1s" }));
        wait_for("a token to expire", Duration::from_secs(10), || {
            let shown = setting.get(&format!("/{}", text(&short, "number"))).expect(200).json();
            (shown["status"] == "Disabled").then_some(())
        });
        // Reading the list is a use of the token that asks; a stop writes down all uses before.
        let lister = text(&setting.server.child(&setting.token, &json!({ "name": "lister" })), "token");
        setting.server.stop();
        setting.server.launch();
        setting.token = lister;
        let mut garden = Self { setting, rows: Vec::new() };
        garden.rows = garden.found("ne(name,lister)");
        assert_eq!(garden.rows.len(), count + 3);
        garden
    }

    /// All that a query finds, page by page.
    fn found(&self, query: &str) -> Vec<Value> {
        let mut found = Vec::new();
        loop {
            let rest = format!("?{query}&select=audit&limit=100&offset={}", found.len());
            let page = self.setting.get(&rest);
            assert_eq!(page.status, 200, "{query}: {}", page.text());
            let page = page.json();
            found.extend(page["data"].as_array().unwrap().clone());
            if page["$meta"]["pagination"]["total"] == found.len() {
                return found;
            }
        }
    }

    #[track_caller]
    fn check(&self, condition: &Condition) {
        let expected: Vec<String> =
            self.rows.iter().filter(|row| (condition.meaning)(row)).map(|row| text(row, "id")).collect();
        let query = format!("ne(name,lister)&{}", condition.query);
        let found: Vec<String> = self.found(&query).iter().map(|row| text(row, "id")).collect();
        assert_eq!(found, expected, "{}", condition.query);
    }
}

/// A condition as the query has it, and what it means.
struct Condition {
    query: String,
    meaning: Box<dyn Fn(&Value) -> bool>,
}

fn on(query: impl Into<String>, meaning: impl Fn(&Value) -> bool + 'static) -> Condition {
    Condition { query: query.into(), meaning: Box::new(meaning) }
}

/// Percent-encodes all but letters, digits and the star, as the vendor's client does.
fn encode(text: &str) -> String {
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

fn conditions(rows: &[Value]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    on_texts(&mut conditions);
    on_words(&mut conditions, rows);
    on_times(&mut conditions, rows);
    on_modules(&mut conditions);
    conditions
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// Some of them put together, so deep.
fn compound(dice: &mut Dice, leaves: &mut dyn FnMut(&mut Dice) -> Condition, depth: usize) -> Condition {
    if depth == 0 || dice.roll(4) == 0 {
        return leaves(dice);
    }
    if dice.roll(3) == 0 {
        let Condition { query, meaning } = compound(dice, leaves, depth - 1);
        return on(format!("not({query})"), move |row| !meaning(row));
    }
    let parts: Vec<_> = (0..1 + dice.roll(3)).map(|_| compound(dice, leaves, depth - 1)).collect();
    let query: Vec<_> = parts.iter().map(|part| part.query.clone()).collect();
    let query = query.join(",");
    if dice.roll(2) == 0 {
        on(format!("and({query})"), move |row| parts.iter().all(|part| (part.meaning)(row)))
    } else {
        on(format!("or({query})"), move |row| parts.iter().any(|part| (part.meaning)(row)))
    }
}

#[test]
fn every_condition_finds_what_it_says() {
    let garden = Garden::new(campaign(60, 2_000));
    for condition in conditions(&garden.rows) {
        garden.check(&condition);
    }
}

#[test]
fn conditions_combine_as_logic_has_it() {
    let garden = Garden::new(campaign(50, 300));
    let mut dice = Dice(7);
    let mut leaves = |dice: &mut Dice| {
        let mut all = conditions(&garden.rows);
        let at = dice.roll(all.len());
        all.swap_remove(at)
    };
    for round in 0..campaign(150, 2_000) {
        let condition = compound(&mut dice, &mut leaves, 1 + round % 5);
        garden.check(&condition);
        // Segments of the query are one condition: all of them.
        if round % 5 == 0 {
            let other = compound(&mut dice, &mut leaves, 2);
            let query = format!("{}&{}", condition.query, other.query);
            garden.check(&on(query, move |row| (condition.meaning)(row) && (other.meaning)(row)));
        }
    }
}

#[test]
fn an_account_is_asked_for_by_what_it_shows() {
    let setting = Setting::new();
    setting.server.organization("acme", &json!({ "name": "Acme & Söhne" }));
    setting.server.organization("beta", &json!({}));
    setting.server.join("acme", &setting.anna, &json!({ "may_issue": true }));
    setting.server.mint(&setting.anna, &json!({ "name": "there", "organization": "acme" }));
    let (home, acme, beta) = (setting.account("default"), setting.account("acme"), setting.account("beta"));
    let found = |query: &str| {
        let reply =
            setting.server.ask(&setting.anna.basic(), "GET", &format!("{TOKENS}?{query}"), &Value::Null);
        names(&reply.expect(200).json()).join(" ")
    };
    for (query, expected) in [
        (format!("account.id={home}"), "test"),
        (format!("eq(account.id,%22{acme}%22)"), "there"),
        (format!("ne(account.id,{acme})"), "test"),
        (format!("in(account.id,({home},{acme}))"), "test there"),
        (format!("out(account.id,({home},{beta}))"), "there"),
        (format!("account.id={beta}"), ""),
        ("account.id=acme".into(), ""),
        (format!("account.name={}", encode("Acme & Söhne")), "there"),
        ("ilike(account.name,*acme*)".into(), "there"),
        ("like(account.name,*acme*)".into(), ""),
        ("not(ilike(account.name,acme*))".into(), "test"),
        ("account.type=Vendor".into(), "test there"),
        ("account.type=Client".into(), ""),
        ("eq(account.status,Active)".into(), "test there"),
    ] {
        assert_eq!(found(&query), expected, "{query}");
    }
    setting.server.locally("POST", "/v1/organizations/acme/disable", &Value::Null).expect(200);
    assert_eq!(found("account.status=disabled"), "there");
    // A token knows of no account but its own.
    assert_eq!(setting.names(&format!("ne(account.id,{home})")), [""; 0]);
    assert_eq!(setting.names(&format!("account.id={acme}")), [""; 0]);
}

#[test]
fn what_is_unknown_or_malformed_is_refused_by_name() {
    let setting = Setting::new();
    let deep = |open: &str, count: usize, close: &str| {
        format!("{}name=x{}", open.repeat(count), close.repeat(count))
    };
    let wide = format!("and({})", vec!["name=x"; 200].join(","));
    for (query, field) in [
        ("eq(nothing,x)", "nothing"),
        ("nothing=x", "nothing"),
        ("and(name=x,or(not(audit.created.by=x)))", "audit.created.by"),
        ("Name=x", "Name"),
        ("account=x", "account"),
        ("account.icon=x", "account.icon"),
        ("modules=x", "modules"),
        ("modules.id=MOD-1111", "modules.id"),
        ("any(account,id=x)", "account"),
        ("any(modules,name=x)", "name"),
        ("any(modules,like(id,M*))", "filter"),
        ("any(modules,any(modules,id=x))", "filter"),
        ("starts(name,x)", "starts"),
        ("EQ(name,x)", "EQ"),
        ("null(name)", "null"),
        ("canary%0A=x", "filter"),
        ("status=canary", "status"),
        ("in(status,(Active,canary))", "status"),
        ("gt(status,Active)", "status"),
        ("gt(id,TKN-1234-5678)", "id"),
        ("id=null()", "id"),
        ("like(account.id,A*)", "account.id"),
        ("audit.created.at=canary", "audit.created.at"),
        ("gt(audit.updated.at,'2026-13-01T00:00:00Z')", "audit.updated.at"),
        ("in(lastAccessAt,(2026-01-01,canary))", "lastAccessAt"),
        ("like(lastAccessAt,2026*)", "lastAccessAt"),
        ("lt(name,null())", "filter"),
        ("canary canary", "filter"),
        ("name=", "filter"),
        ("=x", "filter"),
        ("eq(name,'canary)", "filter"),
        ("eq(name,canary's)", "filter"),
        ("eq(name,x", "filter"),
        ("eq(name,x))", "filter"),
        ("eq(name,x)eq(name,x)", "filter"),
        ("(name=x)", "filter"),
        ("and()", "filter"),
        ("rql=eq(name,canary)", "filter"),
        ("name=%FF", "filter"),
        (&deep("(", 7_000, ")"), "filter"),
        (&deep("not(", 1_500, ")"), "filter"),
        (&deep("and(", 19, ")"), "filter"),
        (&"(".repeat(7_900), "filter"),
        (&wide, "filter"),
    ] {
        let reply = setting.get(&format!("?{}", query.replace(' ', "%20")));
        let errors = refused(&reply, 400);
        assert_eq!(keys(&errors), [field], "{query:.100}");
        assert!(!reply.text().contains("canary"), "{}", reply.text());
    }
    assert_eq!(setting.names("name=test"), ["test"]);
}

/// However long a query is, and whatever is in it, it is answered.
#[test]
fn ten_thousand_parentheses_are_refused_and_nothing_breaks() {
    let setting = Setting::on(Server::setup().flags(&["--head-bytes", "64KiB"]));
    let mut client = setting.server.client();
    for (open, close) in
        [("(", ")"), ("not(", ")"), ("and(name=x,", ")"), ("any(modules,", ")"), ("in(name,(", "))")]
    {
        let query = format!("{}name=x{}", open.repeat(10_000), close.repeat(10_000));
        let query = &query[..query.len().min(60_000)];
        let reply = client.get(&format!("{TOKENS}?{query}")).bearer(&setting.token).send();
        assert!(matches!(reply.status, 400 | 414 | 431), "{open}: {}", reply.status);
    }
    client.get(TOKENS).bearer(&setting.token).send().expect(200);
}

#[test]
fn what_nests_within_the_limits_works() {
    let setting = Setting::new();
    for depth in 1..=17 {
        let not = format!("{}name=test{}", "not(".repeat(depth), ")".repeat(depth));
        assert_eq!(setting.names(&not).len(), (depth + 1) % 2, "{not}");
        let and = format!("{}ne(name,other){}", "and(name=test,".repeat(depth), ")".repeat(depth));
        assert_eq!(setting.names(&and), ["test"], "{and}");
        let or = format!("{}ne(name,test){}", "or(".repeat(depth), ",name=test)".repeat(depth));
        assert_eq!(setting.names(&or), ["test"], "{or}");
    }
    let segments = vec!["name=test"; 90].join("&");
    assert_eq!(setting.names(&segments), ["test"]);
    let many = vec!["x"; 90].join(",");
    assert_eq!(setting.names(&format!("in(name,({many},test))")), ["test"]);
}

#[test]
fn garbage_is_answered_and_breaks_nothing() {
    let setting = Setting::new();
    let pieces = [
        "eq",
        "and",
        "not",
        "(",
        ")",
        ",",
        "'",
        "%22",
        "=",
        "name",
        "status",
        "null()",
        "*",
        "\\",
        "%00",
        "%C3%A9",
        "&",
        "+",
        "any(modules,",
        "in(",
        "limit",
        "-1",
        "select",
        ".",
        "%20",
        "TKN-1234-5678",
        "%E2%98%83",
    ];
    let mut dice = Dice(3);
    let mut client = setting.server.client();
    for _ in 0..campaign(600, 20_000) {
        let query: String = (0..1 + dice.roll(14)).map(|_| pieces[dice.roll(pieces.len())]).collect();
        let path = format!("{TOKENS}?{query}");
        let reply = client.get(&path).header("Authorization", bearer(&setting.token)).send();
        assert!(matches!(reply.status, 200 | 400), "{query}: {}", reply.status);
        if reply.status == 400 {
            refused(&reply, 400);
        }
    }
}
