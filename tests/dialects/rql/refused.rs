//! What is refused, however it is made up.

use super::Dice;
use crate::{
    dialects::softwareone::{Setting, TOKENS, keys, refused},
    harness::{Server, campaign, estate::bearer},
};

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
        let query: String = (0..=dice.roll(14)).map(|_| pieces[dice.roll(pieces.len())]).collect();
        let path = format!("{TOKENS}?{query}");
        let reply = client.get(&path).header("Authorization", bearer(&setting.token)).send();
        assert!(matches!(reply.status, 200 | 400), "{query}: {}", reply.status);
        if reply.status == 400 {
            refused(&reply, 400);
        }
    }
}
