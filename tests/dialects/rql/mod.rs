//! SoftwareONE's query language: every operator on every field against a reading of its own, and what is refused.

mod conditions;
mod refused;

use std::time::Duration;

use serde_json::{Value, json};

use self::conditions::{DESCRIPTIONS, NAMES, conditions, encode};
use super::softwareone::{Setting, TOKENS, names, plain, text};
use crate::harness::{campaign, wait_for};

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
        for number in &all {
            setting.module("default", number);
        }
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

    /// All that a query finds: a page of it, or a stream where a page isn't enough.
    fn found(&self, query: &str) -> Vec<Value> {
        let rest = format!("?{query}&select=audit");
        let page = self.setting.get(&rest);
        assert_eq!(page.status, 200, "{query}: {}", page.text());
        let page = page.json();
        let found = page["data"].as_array().unwrap().clone();
        let total = &page["$meta"]["pagination"]["total"];
        if *total == found.len() {
            return found;
        }
        let mut client = self.setting.server.client();
        let path = format!("{TOKENS}{rest}");
        let request = client.get(&path).bearer(&self.setting.token).header("MPT-Streaming", "true");
        let stream = request.header("Accept", "application/jsonl").send().expect(200);
        let lines: Vec<_> = stream.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(*total, lines.len(), "{query}");
        lines
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
    let parts: Vec<_> = (0..=dice.roll(3)).map(|_| compound(dice, leaves, depth - 1)).collect();
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
