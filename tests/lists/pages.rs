//! Pages, cursors, totals and tables, while rows come and go.

use std::collections::HashSet;

use serde_json::Value;

use super::{Asker, COLUMNS, encode, filled, local, text};
use crate::harness::{Server, server::named};

#[test]
fn events_are_a_table_too() {
    let server = filled(100);
    let mut local = local(&server);
    let all = local.all("/v1/events", 200);
    let table = |path: &str, accept: &str| {
        let mut client = server.client();
        client.get(path).bearer(server.secret()).header("Accept", accept).send().expect(200)
    };
    let rows = |items: &[Value]| -> String {
        let row = |item: &Value| {
            let cells = COLUMNS.iter().map(|column| match &item[*column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            cells.collect::<Vec<_>>().join(",") + "\r\n"
        };
        COLUMNS.join(",") + "\r\n" + &items.iter().map(row).collect::<String>()
    };
    for whole in [table("/v1/events", "text/csv"), table("/v1/events?format=csv", "*/*")] {
        assert_eq!(whole.header("content-type"), Some("text/csv; charset=utf-8"));
        assert_eq!(whole.header("link"), None);
        assert_eq!(whole.text(), rows(&all));
    }
    assert!(table("/v1/events?format=json", "text/csv").text().starts_with('{'));
    let none = table("/v1/events?kind=module.", "text/csv");
    assert_eq!(none.text(), rows(&[]));

    let first = table("/v1/events?limit=30&kind=token.&format=csv&sort=sequence", "*/*");
    let link = first.header("link").unwrap();
    let next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    let second = table(&next, "*/*");
    let expected = local.all("/v1/events?kind=token.&sort=sequence", 200);
    assert_eq!(first.text(), rows(&expected[..30]));
    assert_eq!(second.text(), rows(&expected[30..60]));
    assert!(second.header("link").unwrap().matches("cursor=").count() == 1);
    assert_eq!(local.send("/v1/events?format=csv&limit=10001").problem(400), "invalid");
    assert_eq!(local.send("/v1/events?limit=201").problem(400), "invalid");
}

#[test]
fn pages_miss_nothing_and_repeat_nothing_while_rows_come_and_go() {
    let server = filled(400);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let keeper_id = crate::harness::token::Wire::read(&keeper).uuid();
    let mut local = local(&server);
    for sort in ["-created_at", "created_at", "name", "-expires_at", "last_used_at", "-name&name=e"] {
        let before = local.all(&format!("/v1/tokens?sort={sort}"), 200);
        let path = format!("/v1/tokens?limit=23&sort={sort}");
        let (mut seen, mut cursor, mut gone) = (Vec::new(), String::new(), HashSet::new());
        loop {
            let page = local.get(&format!("{path}{cursor}"));
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()));
            server.child(&keeper, &named(&format!("deploy {}", seen.len())));
            // One that was seen and one that may not have been.
            for victim in
                [&seen[seen.len() - 1], &text(&before[before.len() - 1 - gone.len()], "id").to_owned()]
            {
                if *victim == keeper_id {
                    continue;
                }
                let path = format!("/v1/tokens/{victim}");
                server.client().delete(&path).bearer(server.secret()).send();
                gone.insert(victim.clone());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "{sort}: some twice");
        for item in &before {
            let id = text(item, "id");
            assert!(gone.contains(id) || seen.iter().any(|seen| seen == id), "{sort}: {id} is missed");
        }
    }
}

#[test]
fn a_cursor_that_is_damaged_or_foreign_is_refused() {
    let server = filled(100);
    let mut local = local(&server);
    let mut refused = |path: &str| {
        let reply = local.send(path);
        assert_eq!(reply.problem(400), "invalid", "{path}");
        assert_eq!(reply.json()["field"], "cursor", "{path}");
    };
    let cursor = |path: &str| -> String {
        let page = server.client().get(path).bearer(server.secret()).send().expect(200).json();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let good = cursor("/v1/tokens?limit=2&sort=name");
    for at in 0..good.len() {
        let other = if good.as_bytes()[at] == b'x' { 'y' } else { 'x' };
        refused(&format!("/v1/tokens?sort=name&cursor={}{other}{}", &good[..at], &good[at + 1..]));
        refused(&format!("/v1/tokens?sort=name&cursor={}", &good[..at]));
    }
    for sort in ["-name", "created_at", "expires_at", "-last_used_at"] {
        refused(&format!("/v1/tokens?sort={sort}&cursor={good}"));
    }
    refused(&format!("/v1/tokens?cursor={good}"));
    refused(&format!("/v1/users?sort=username&cursor={good}"));
    refused(&format!("/v1/events?cursor={good}"));
    let of_users = cursor("/v1/users?limit=2");
    refused(&format!("/v1/tokens?sort=created_at&cursor={of_users}"));
}

#[test]
fn totals_are_exact_whatever_is_done() {
    let server = filled(60);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let mut local = local(&server);
    let mut mine = Asker { client: server.client(), token: keeper.clone() };
    let mut client = server.client();
    let mut check = |what: &str| {
        for path in [
            "/v1/tokens",
            "/v1/tokens?owner=anna",
            "/v1/tokens?organization=default",
            "/v1/tokens?owner=anna&organization=default",
            "/v1/tokens?status=disabled",
            "/v1/tokens?status=deleted",
            "/v1/tokens?name=renamed",
            "/v1/tokens?name=counted",
            "/v1/users",
            "/v1/organizations/default/members",
            "/v1/events",
            "/v1/events?organization=default",
        ] {
            let counted = local.all(path, 200).len();
            let join = if path.contains('?') { '&' } else { '?' };
            let total = local.get(&format!("{path}{join}total=true&limit=1"))["total"].clone();
            assert_eq!(total, counted, "{path} {what}");
        }
        assert_eq!(mine.get("/v1/tokens?total=true")["total"], mine.all("/v1/tokens", 200).len(), "{what}");
        assert!(mine.get("/v1/tokens").get("total").is_none(), "only where it is asked");
    };
    check("at first");
    let made: Vec<_> =
        (0..4).map(|count| server.child(&keeper, &named(&format!("counted {count}")))).collect();
    check("after making some");
    let path = |at: usize| format!("/v1/tokens/{}", text(&made[at], "id"));
    client.post(&format!("{}/disable", path(0))).bearer(&keeper).send().expect(200);
    check("after disabling one");
    let name = named("renamed, all of it");
    client.patch(&path(1)).bearer(&keeper).header("If-Match", "\"0\"").json(&name).send().expect(200);
    check("after renaming one");
    client.delete(&path(1)).bearer(&keeper).send().expect(204);
    client.delete(&path(2)).bearer(&keeper).send().expect(204);
    check("after deleting two");
    client.delete(&path(2)).bearer(&keeper).send().problem(410);
    client.post(&format!("{}/enable", path(0))).bearer(&keeper).send().expect(200);
    check("after enabling one");
    server.user("berta");
    check("after making a user");
}

#[test]
fn nothing_of_an_old_name_stays_in_the_file() {
    let mut server = filled(60);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    // Three letters are one term of the index of words, found in the file as they stand.
    let (first, second) = ("鑫龘靐", "𰻞𪚥䨻");
    let renamed = server.child(&keeper, &named(&format!("one {first} two")));
    let deleted = server.child(&keeper, &named(&format!("{second} three")));
    let path = |token: &Value| format!("/v1/tokens/{}", text(token, "id"));
    let holds = |server: &mut Server, needle: &str| {
        server.stop();
        let bytes = std::fs::read(server.data().join("jeton.db")).unwrap();
        let log = std::fs::metadata(server.data().join("jeton.db-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0, "all of it is in the file");
        server.launch();
        // The first letter may be shared with the term before.
        bytes.windows(needle.len() - 4).any(|window| window == &needle.as_bytes()[4..])
    };
    let found = |server: &Server, needle: &str| {
        local(server).all(&format!("/v1/tokens?name={}", encode(needle)), 9).len()
    };
    assert_eq!((found(&server, first), found(&server, second)), (1, 1));
    assert!(holds(&mut server, first) && holds(&mut server, second));
    let mut client = server.client();
    let name = named("quite another");
    client.patch(&path(&renamed)).bearer(&keeper).header("If-Match", "\"0\"").json(&name).send().expect(200);
    assert_eq!((found(&server, first), found(&server, "quite another")), (0, 1));
    assert!(!holds(&mut server, first));
    server.client().delete(&path(&deleted)).bearer(&keeper).send().expect(204);
    assert_eq!(found(&server, second), 0);
    let name = local(&server).all("/v1/tokens?status=deleted", 50);
    assert!(name.iter().any(|item| text(item, "name").contains(second)), "the row keeps its name");
    // The integrity of the index, as SQLite itself sees it.
    server.stop();
    let connection = crate::harness::database::open(&server.data());
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
