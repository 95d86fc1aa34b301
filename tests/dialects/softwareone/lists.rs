//! The list: its envelope, its pages, its order, its stream, and the token that is looked for.

use serde_json::{Value, json};

use super::{Setting, TOKENS, keys, names, plain, refused, text};
use crate::harness::{Server, client::Reply, scan::contents, token::Wire};

fn many(setting: &Setting, count: usize) {
    let mut client = setting.server.client();
    for number in 0..count {
        let body = json!({ "name": format!("token {number:03}"), "description": format!("{}", number % 3) });
        client.post(TOKENS).bearer(&setting.token).json(&body).send().expect(201);
    }
}

#[test]
fn a_page_says_where_it_is_and_nothing_more() {
    let setting = Setting::new();
    many(&setting, 120);
    let page = setting.get("").expect(200).json();
    assert_eq!(keys(&page), ["$meta", "data"]);
    assert_eq!(keys(&page["$meta"]), ["omitted", "pagination"]);
    assert_eq!(page["$meta"]["omitted"], json!(["audit"]));
    let cases = [
        ("", 0, 100, 100),
        ("limit=7", 0, 7, 7),
        ("limit=100", 0, 100, 100),
        ("limit=101", 0, 100, 100),
        ("limit=99999999999999999999", 0, 100, 100),
        ("limit=0", 0, 0, 0),
        ("limit=0&offset=5", 5, 0, 0),
        ("limit=50&offset=100", 100, 50, 21),
        ("offset=121", 121, 100, 0),
        ("offset=5000", 5000, 100, 0),
        ("offset=0&limit=1&select=&order=", 0, 1, 1),
        ("&&limit=1&", 0, 1, 1),
    ];
    for (query, offset, limit, count) in cases {
        let page = setting.get(&format!("?{query}")).expect(200).json();
        let pagination = json!({ "offset": offset, "limit": limit, "total": 121 });
        assert_eq!(page["$meta"]["pagination"], pagination, "{query}");
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}");
    }
    let mut walked = Vec::new();
    for offset in (0..130).step_by(13) {
        walked.extend(setting.names(&format!("limit=13&offset={offset}")));
    }
    let expected: Vec<String> =
        ["test".to_owned()].into_iter().chain((0..120).map(|number| format!("token {number:03}"))).collect();
    assert_eq!(walked, expected, "the oldest first, each once");
    for (query, field) in [
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit", "limit"),
        ("offset=-1", "offset"),
        ("offset=%20", "offset"),
        ("limit=1&limit=2", "limit"),
        ("offset=1&offset=1", "offset"),
        ("select=&select=", "select"),
        ("order=name&order=name", "order"),
        ("order=nothing", "order"),
        ("order=name,,icon", "order"),
        ("order=name,-name", "order"),
        ("select=nothing", "select"),
        ("page=1", "page"),
        ("limit(10)", "limit"),
        ("order(name)", "order"),
        ("Limit=1", "Limit"),
    ] {
        assert_eq!(keys(&refused(&setting.get(&format!("?{query}")), 400)), [field], "{query}");
    }
}

#[test]
fn a_list_has_the_order_that_is_asked_for() {
    let setting = Setting::new();
    for (name, description) in [("b", "1"), ("A", "2"), ("c", "1"), ("a", "2"), ("B", "2")] {
        setting.create(&json!({ "name": name, "description": description }));
    }
    let used = setting.named("used");
    setting.server.with(&plain(&used), "GET", TOKENS, &Value::Null).expect(200);
    let id = |name: &str| text(&setting.get(&format!("?name={name}")).expect(200).json()["data"][0], "id");
    setting.ask("PUT", &format!("/{}", id("b")), &json!({ "icon": "x" })).expect(200);
    for (order, expected) in [
        ("", "test b A c a B used"),
        ("audit.created.at", "test b A c a B used"),
        ("-audit.created.at", "used B a c A b test"),
        ("id", "test b A c a B used"),
        ("status,-id", "used B a c A b test"),
        ("+name", "A a b B c test used"),
        ("-name", "used test c B b a A"),
        ("description,name", "test used b c A a B"),
        ("description,-name", "used test c b B a A"),
        ("-description,-audit.created.at", "B a A c b used test"),
        ("audit.updated.at", "test A c a B used b"),
        ("%2Bname,%20audit.created.at", "A a b B c test used"),
    ] {
        assert_eq!(setting.names(&format!("order={order}")).join(" "), expected, "{order}");
    }
    // The tokens that were used come last, whichever key asks.
    for order in ["lastAccessAt,name", "lastAccessAt"] {
        let names = setting.names(&format!("order={order}&out(name,(test))"));
        assert_eq!(names.last().map(String::as_str), Some("used"), "{order}");
    }
    let names = setting.names("order=description,-lastAccessAt&out(name,(test))&limit=1");
    assert_eq!(names, ["used"], "an order by use after another");
}

#[test]
fn a_list_shows_the_callers_tokens_and_nobody_elses() {
    let setting = Setting::new();
    setting.server.organization("acme", &json!({}));
    setting.server.join("acme", &setting.anna, &json!({ "may_issue": true }));
    let there = setting.server.mint(&setting.anna, &json!({ "name": "there", "organization": "acme" }));
    let berta = setting.server.administrator("berta");
    setting.server.token(&berta);
    setting.named("here");
    let by_password =
        setting.server.ask(&setting.anna.basic(), "GET", TOKENS, &Value::Null).expect(200).json();
    assert_eq!(names(&by_password), ["test", "there", "here"]);
    assert_eq!(setting.names(""), ["test", "here"], "a token sees its own account's");
    let in_acme = setting.server.with(&text(&there, "token"), "GET", TOKENS, &Value::Null).expect(200).json();
    assert_eq!(names(&in_acme), ["there"]);
    let operators = setting.server.ask(&berta.basic(), "GET", TOKENS, &Value::Null).expect(200).json();
    assert_eq!(names(&operators), ["test"], "an operator lists their own here");
}

#[test]
fn a_list_sends_what_is_selected() {
    let setting = Setting::new();
    setting.named("second");
    let page =
        setting.get("?select=+audit,-name,-account.icon&order=-audit.created.at&limit=1").expect(200).json();
    assert_eq!(page["$meta"]["omitted"], json!(["name", "account.icon"]));
    let token = &page["data"][0];
    assert_eq!(keys(&token["audit"]["created"]), ["at", "by"]);
    assert_eq!(token["audit"]["created"]["by"]["name"], "anna");
    assert!(token.get("name").is_none() && token["account"].get("icon").is_none());
    let page = setting.get("?select=-*&limit=0").expect(200).json();
    assert_eq!(page["$meta"]["omitted"].as_array().unwrap().len(), 10);
}

/// The vendor's client asks for a stream by two headers and counts what comes.
#[test]
fn a_stream_has_a_token_a_line_and_says_how_many() {
    let setting = Setting::new();
    many(&setting, 150);
    let ask = |query: &str, headers: &[(&str, &str)]| -> Reply {
        let mut client = setting.server.client();
        let path = format!("/public{TOKENS}?{query}");
        let request = client.get(&path).bearer(&setting.token);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let both = [("Accept", "application/jsonl"), ("MPT-Streaming", "true")];
    for (query, first, count) in [
        ("", "test", 151),
        ("limit=-1", "test", 151),
        ("limit=120", "test", 120),
        ("limit=0", "", 0),
        ("offset=149", "token 148", 2),
        ("eq(description,2)&order=-name&limit=100000", "token 149", 50),
        ("name=nobody", "", 0),
    ] {
        let reply = ask(query, &both).expect(200);
        assert_eq!(reply.header("content-type"), Some("application/jsonl"), "{query}");
        assert_eq!(reply.header("mpt-streaming"), Some("true"));
        assert_eq!(reply.header("mpt-item-count"), Some(count.to_string().as_str()), "{query}");
        let body = reply.text();
        assert!(body.is_empty() || body.ends_with('\n'));
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), count, "{query}");
        if let Some(line) = lines.first() {
            assert_eq!((line["name"].as_str(), &line["token"]), (Some(first), &Value::Null), "{query}");
        }
    }
    let selected = ask("select=-*,name&limit=1", &both).expect(200);
    assert_eq!(keys(&serde_json::from_str(selected.text().trim()).unwrap()), ["id", "name"]);
    for headers in [
        &both[..1],
        &both[1..],
        &[("Accept", "application/json"), ("MPT-Streaming", "true")],
        &[("Accept", "application/jsonl"), ("MPT-Streaming", "false")],
    ] {
        let reply = ask("limit=1", headers).expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"), "{headers:?}");
        assert!(reply.header("mpt-streaming").is_none() && reply.header("mpt-item-count").is_none());
        assert_eq!(reply.json()["$meta"]["pagination"]["total"], 151);
    }
    let several = [("Accept", "text/plain, application/jsonl;q=0.9"), ("MPT-Streaming", "True")];
    assert_eq!(ask("limit=1", &several).header("mpt-streaming"), Some("true"));
    refused(&ask("limit=x", &both), 400);
    refused(&ask("nothing=x", &both), 400);
}

#[test]
fn a_token_is_found_by_its_secret() {
    let setting = Setting::new();
    let made = setting.named("found");
    let (plain, numbered, id) = (plain(&made), text(&made, "token"), text(&made, "id"));
    setting.ask("POST", &format!("/{id}/disable"), &Value::Null).expect(200);
    let encoded = numbered.replace(':', "%3A");
    for query in [
        format!("limit=2&token={plain}"),
        format!("token={numbered}"),
        format!("token={encoded}"),
        format!("token='{encoded}'"),
        format!("eq(token,'{numbered}')&limit=2"),
        format!("eq(token,%22{plain}%22)"),
        format!("eq(token,%27{encoded}%27)"),
        format!("in(token,({plain},jtn_x))"),
        format!("and(token={plain},eq(status,Disabled))"),
        format!("not(ne(token,{plain}))"),
    ] {
        let page = setting.get(&format!("?{query}")).expect(200).json();
        assert_eq!(names(&page), ["found"], "{query}");
        assert_eq!(
            (&page["$meta"]["pagination"]["total"], &page["data"][0]["token"]),
            (&json!(1), &Value::Null)
        );
    }
    assert_eq!(setting.names(&format!("ne(token,{plain})")), ["test"]);
    let other = text(&setting.named("other"), "id");
    let berta = setting.server.user("berta");
    let hers = setting.server.token(&berta);
    let wrong = crate::harness::token::altered(&plain, 40);
    for query in [
        format!("token={hers}"),
        format!("token=idt:{other}:{plain}"),
        format!("token={wrong}"),
        format!("token={}", crate::harness::token::resealed(&wrong)),
        "token=jtn_x".into(),
        "token='a%20b%20(c'".into(),
        "in(token,())".into(),
    ] {
        assert_eq!(setting.names(&query), [""; 0], "{query}");
    }
    for query in ["like(token,jtn*)", "token=null()", "gt(token,a)", "token=", "token"] {
        refused(&setting.get(&format!("?{query}")), 400);
    }
    // An administrator finds it in the account that they manage, but lists only their own.
    let manager = setting.server.manager("mona");
    let path = format!("{TOKENS}?token={plain}");
    let page = setting.server.ask(&manager.basic(), "GET", &path, &Value::Null).expect(200).json();
    assert_eq!(names(&page), [""; 0]);
}

#[test]
fn a_secret_in_a_query_is_never_logged_nor_said_back() {
    let setting = Setting::on(Server::setup().env("JETON_LOG", "trace"));
    let secret = Wire::read(&setting.token).secret;
    for query in [
        format!("token={}", setting.token),
        format!("eq(token,'{}')", setting.token),
        format!("token={}&token={}", setting.token, setting.token),
        format!("tokens={}", setting.token),
        setting.token.clone(),
        format!("{}=1", setting.token),
        format!("{}(a,b)", setting.token),
        format!("eq({},x)", setting.token),
        format!("any({},id=x)", setting.token),
        format!("eq(token,'{}", setting.token),
        format!("eq(audit.created.at,{})", setting.token),
        format!("status={}", setting.token),
        format!("limit={}", setting.token),
        format!("order={}", setting.token),
        format!("select={}", setting.token),
    ] {
        let reply = setting.get(&format!("?{query}"));
        assert!(matches!(reply.status, 200 | 400), "{}", reply.status);
        assert!(!reply.text().contains(&secret[..12]), "{}", reply.text());
    }
    let mut server = setting.server;
    server.stop();
    let log = server.log();
    assert!(secret.as_bytes().windows(12).all(|run| !log.contains(std::str::from_utf8(run).unwrap())));
    for (file, bytes) in contents(server.home()) {
        let found = bytes.windows(12).any(|window| window == &secret.as_bytes()[..12]);
        assert!(!found, "in {}", file.display());
    }
}
