//! The language of filters, held against an evaluation of its own.

mod expression;

use serde_json::{Value, json};

use self::expression::{Chance, Expression};
use super::{Kodexa, TOKENS, keys, refused, text, wrong_field};
use crate::harness::{Server, campaign};

/// A text as it stands in a query.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".into(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl Kodexa {
    /// How many tokens a filter finds.
    fn count(&mut self, filter: &str) -> u64 {
        let page = self.get(&format!("{TOKENS}?filter={}", encode(filter))).expect(200).json();
        page["totalElements"].as_u64().unwrap()
    }
}

#[test]
fn a_filter_finds_what_it_says() {
    let mut kodexa = Kodexa::start();
    for name in ["deploy a", "deploy b", "backup", "it's \"q\" \\ *", "null"] {
        kodexa.made(&json!({ "name": name }));
    }
    let me = kodexa.get("/api/account/me").expect(200).json();
    let one = kodexa.made(&json!({ "name": "renamed" }));
    let (id, uuid) = (text(&one, "id").to_owned(), text(&one, "uuid").to_owned());
    kodexa.put(&id, &json!({ "name": "changed" })).expect(200);
    let created = text(&one, "createdOn");
    for (filter, found) in [
        ("name:'deploy a'".to_owned(), 1),
        ("name=\"deploy a\"".into(), 1),
        ("name:backup".into(), 1),
        ("name~'deploy*'".into(), 2),
        ("name~'DEPLOY*'".into(), 0),
        ("name~~'DEPLOY*'".into(), 2),
        ("name ! 'backup'".into(), 6),
        ("not (name : 'backup')".into(), 6),
        ("name:'null'".into(), 1),
        ("name:null".into(), 0),
        ("name!null".into(), 7),
        (r#"name:'it\'s "q" \\ *'"#.into(), 1),
        (r"name~'*\**'".into(), 1),
        ("name:'backup' or name~'deploy*' and name:'deploy a'".into(), 2),
        ("(name:'backup' or name~'deploy*') and name:'deploy a'".into(), 1),
        (format!("id:'{id}'"), 1),
        (format!("id:{uuid} and uuid:{id}"), 1),
        ("id:nonsense".into(), 0),
        ("changeSequence:1".into(), 1),
        ("changeSequence<1".into(), 6),
        (format!("createdOn:{created}"), 1),
        (format!("createdOn>:{created}"), 1),
        (format!("createdOn<'{created}'"), 6),
        (format!("updatedOn>'{created}'"), 1),
        ("expiresAt:null".into(), 0),
        ("expiresAt!null and expiresAt>2020-01-01T00:00:00Z".into(), 7),
        (format!("userId:'{}'", text(&me, "id")), 7),
        (format!("user.id:'{}' and changeSequence:1", text(&me, "uuid")), 1),
        (format!("userId!'{}'", text(&me, "id")), 0),
        ("user.email:null or changeSequence:1".into(), 7),
        ("user.firstName:'Anna'".into(), 0),
        (String::new(), 7),
        ("  ".into(), 7),
    ] {
        assert_eq!(kodexa.count(&filter), found, "{filter}");
    }
    // Several of them must all hold.
    let both = format!("{TOKENS}?filter=name~'deploy*'&filter=&filter=name!%22deploy+a%22");
    assert_eq!(kodexa.get(&both).expect(200).json()["content"][0]["name"], "deploy b");
    let none = format!("{TOKENS}?filter=name:backup&filter=name:changed");
    assert_eq!(kodexa.get(&none).expect(200).json()["totalElements"], 0);
}

#[test]
fn a_filter_that_is_none_is_refused_by_name() {
    let mut kodexa = Kodexa::start();
    for wrong in [
        "name",
        "name:",
        "name:'a",
        "name:'a' and",
        "name:'a' or or name:'b'",
        "(name:'a'",
        "name:'a')",
        "not",
        ":'a'",
        "name::'a'",
        "name in ['a']",
        "name:'a' name:'b'",
        "name:'a\\n'",
        "token:'canary'",
        "secret~'canary*'",
        "user.password:'canary'",
        "user:'canary'",
        "digest:'canary'",
        "name..x:'a'",
        "createdOn:'canary'",
        "createdOn:'2023-11-07'",
        "changeSequence:'canary'",
        "id>'canary'",
        "expiresAt~'canary'",
        "name>null",
        "\u{0}",
        "🦀",
        "name:'a'; DROP TABLE tokens",
    ] {
        let reply = kodexa.get(&format!("{TOKENS}?filter={}", encode(wrong)));
        assert_eq!(keys(&refused(&reply, 400)), ["filter"], "{wrong}");
        assert!(!reply.text().contains("canary"), "{}", reply.text());
        // One good one beside it doesn't help.
        wrong_field(&kodexa.get(&format!("{TOKENS}?filter=name:a&filter={}", encode(wrong))), "filter");
    }
    let reply = kodexa.get(&format!("{TOKENS}?filter=colour:'a'"));
    assert!(text(&refused(&reply, 400), "filter").contains("colour"), "the field is named");
    wrong_field(&kodexa.get(&format!("{TOKENS}?filter=%ff")), "filter");
}

#[test]
fn a_filter_is_bounded() {
    let mut kodexa = Kodexa::start();
    for (open, close) in [("(", ")"), ("not(", ")"), ("not%20", "")] {
        for depth in [21, 100, 1_000] {
            let filter = format!("{}name:a{}", open.repeat(depth), close.repeat(depth));
            wrong_field(&kodexa.get(&format!("{TOKENS}?filter={filter}")), "filter");
        }
    }
    for filter in ["(".repeat(10_000), "not+".repeat(3_000), format!("name:'{}", "*".repeat(10_000))] {
        wrong_field(&kodexa.get(&format!("{TOKENS}?filter={filter}")), "filter");
    }
    let many = vec!["name:a"; 101].join("+or+");
    wrong_field(&kodexa.get(&format!("{TOKENS}?filter={many}")), "filter");
    let several = vec!["filter=name:a+or+name:b"; 60].join("&");
    refused(&kodexa.get(&format!("{TOKENS}?{several}")), 400);
    kodexa.get("/api/overview").expect(200);
}

/// Tokens that differ in whatever a filter can ask.
fn stocked(count: usize, chance: &mut Chance) -> (Kodexa, Vec<Value>) {
    let mut kodexa = Kodexa::of(Server::start(), "anna");
    let day = text(&kodexa.made(&json!({})), "expiresAt").to_owned();
    kodexa.server.run(&["org", "set", "default", "--allow-never", "true"]).done();
    for _ in 0..count {
        let until = format!("{}{:02}:00:00.000Z", &day[..11], chance.below(24));
        let expires_at = if chance.below(3) == 0 || until > day { Value::Null } else { json!(until) };
        let made = kodexa.made(&json!({ "name": chance.name(), "expiresAt": expires_at }));
        for _ in 0..chance.below(6).saturating_sub(3) {
            kodexa.put(text(&made, "id"), &json!({ "name": chance.name() })).expect(200);
        }
    }
    let mut all = Vec::new();
    for number in 0.. {
        let page = kodexa.get(&format!("{TOKENS}?pageSize=100&page={number}")).expect(200).json();
        all.extend(page["content"].as_array().unwrap().clone());
        if page["last"] == true {
            break;
        }
    }
    assert_eq!(all.len(), count + 2);
    (kodexa, all)
}

#[test]
fn any_filter_in_any_order_finds_what_an_evaluation_of_its_own_finds() {
    let mut chance = Chance(0x6b6f_6465_7861);
    let (mut kodexa, all) = stocked(campaign(200, 1_000), &mut chance);
    let mut some = 0;
    for _ in 0..campaign(250, 3_000) {
        let expression = Expression::any(&mut chance, &all, 3);
        let written = expression.write(&mut chance);
        let order = expression::Order::any(&mut chance);
        let mut expected: Vec<_> = all.iter().filter(|token| expression.holds(token)).collect();
        expected.sort_by(|one, two| order.compare(one, two));
        some += u64::from(!expected.is_empty() && expected.len() < all.len());
        let size = chance.below(40) + 1;
        let pages = (expected.len() as u64).div_ceil(size);
        let number = chance.below(pages + 1);
        let query =
            format!("filter={}&sort={}&page={number}&pageSize={size}", encode(&written), order.write());
        let page = kodexa.get(&format!("{TOKENS}?{query}")).expect(200).json();
        assert_eq!(page["totalElements"], expected.len(), "{written}");
        assert_eq!(page["totalPages"], pages, "{written}");
        let (from, size) = (usize::try_from(number * size).unwrap(), usize::try_from(size).unwrap());
        let on_it: Vec<_> = expected.into_iter().skip(from).take(size).map(|token| &token["id"]).collect();
        let content = page["content"].as_array().unwrap();
        let found: Vec<_> = content.iter().map(|token| &token["id"]).collect();
        assert_eq!(found, on_it, "{written} by {}", order.write());
    }
    assert!(some > 50, "filters that tell tokens apart: {some}");
}
