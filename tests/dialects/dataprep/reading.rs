//! Lists, single tokens and their end.

use serde_json::{Value, json};

use super::{INFO_KEYS, NONE, TOKENS, assert_keys, id, ids, list, mint, path, refused, seconds, text, value};
use crate::harness::{
    Server,
    estate::bearer,
    server::{Actor, named},
};

#[test]
fn a_list_is_the_callers_own_newest_first_with_a_count() {
    let server = Server::start();
    let (anna, mia, ada) = (server.user("anna"), server.manager("mia"), server.administrator("ada"));
    assert_eq!(list(&server, &anna.basic()), json!({ "data": [], "count": 0 }));
    let made: Vec<Value> =
        (1..=3).map(|number| mint(&server, &anna.basic(), &seconds(number * 100))).collect();
    let native = server.mint(&anna, &named("native"));
    let shown = list(&server, &anna.basic());
    assert_keys(&shown, &["data", "count"]);
    assert_eq!(shown["count"], 4);
    assert_eq!(ids(&shown), [text(&native, "id"), id(&made[2]), id(&made[1]), id(&made[0])]);
    for (info, made) in shown["data"].as_array().unwrap()[1..].iter().rev().zip(&made) {
        assert_keys(info, &INFO_KEYS);
        assert_eq!(*info, made["tokenInfo"]);
    }
    for other in [&mia, &ada] {
        assert_eq!(list(&server, &other.basic())["count"], 0, "an administrator's call is no different");
    }
}

#[test]
fn a_value_is_never_to_be_read_again() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    let token = bearer(value(&made));
    for authorization in [&anna.basic(), &token] {
        for path in [TOKENS, &path(&made)] {
            let shown = server.ask(authorization, "GET", path, &NONE).expect(200).text();
            assert!(
                shown.contains(id(&made)) && !shown.contains("jtn_") && !shown.contains("token\""),
                "{shown}"
            );
            assert!(!shown.contains(&value(&made)[27..70]));
        }
    }
}

#[test]
fn expired_and_disabled_tokens_stay_listed_and_deleted_ones_do_not() {
    let mut server = Server::setup().at("+0").start();
    let anna = server.user("anna");
    let [disabled, deleted] = [(); 2].map(|()| mint(&server, &anna.basic(), &seconds(86_400)));
    let expired = mint(&server, &anna.basic(), &seconds(3600));
    server.ask(&anna.basic(), "POST", &format!("/v1/tokens/{}/disable", id(&disabled)), &NONE).expect(200);
    server.ask(&anna.basic(), "DELETE", &path(&deleted), &NONE).expect(204);
    server.stop();
    server.set_env("FAKETIME", "+2h");
    server.launch();
    let shown = list(&server, &anna.basic());
    assert_eq!(ids(&shown), [id(&expired), id(&disabled)]);
    assert_eq!(shown["count"], 2);
    for made in [&expired, &disabled] {
        let info = server.ask(&anna.basic(), "GET", &path(made), &NONE).expect(200).json();
        assert_eq!(text(&info, "tokenId"), id(made));
        super::unauthorized(&server.with(value(made), "GET", TOKENS, &NONE));
    }
    // What doesn't work any more can still be deleted.
    server.ask(&anna.basic(), "DELETE", &path(&expired), &NONE).expect(204);
    server.ask(&anna.basic(), "DELETE", &path(&disabled), &NONE).expect(204);
    assert_eq!(list(&server, &anna.basic())["count"], 0);
}

#[test]
fn limit_and_offset_are_honoured_and_the_count_is_of_all() {
    let server = Server::start();
    let anna = server.user("anna");
    let made: Vec<Value> = (0..5).map(|_| mint(&server, &anna.basic(), &seconds(100))).collect();
    let newest: Vec<&str> = made.iter().rev().map(id).collect();
    for (query, expected) in [
        ("", &newest[..]),
        ("?", &newest),
        ("?limit=2", &newest[..2]),
        ("?limit=2&offset=2", &newest[2..4]),
        ("?offset=4&limit=2", &newest[4..]),
        ("?offset=3", &newest[3..]),
        ("?limit=10000&offset=0", &newest),
        ("?fields=tokenId&includeCount=true", &newest),
        ("?offset=5", &[]),
        ("?offset=4294967295", &[]),
    ] {
        let shown = server.ask(&anna.basic(), "GET", &format!("{TOKENS}{query}"), &NONE).expect(200).json();
        assert_eq!(ids(&shown), expected, "{query}");
        assert_eq!(shown["count"], 5, "{query}");
    }
    for query in [
        "limit=0",
        "limit=-1",
        "limit=10001",
        "limit=",
        "limit=x",
        "limit=1.5",
        "limit=1&limit=2",
        "limit=%ff",
        "limit=18446744073709551616",
        "offset=-1",
        "offset=",
        "offset=1e3",
        "offset=4294967296",
        "offset=x",
        "offset=0&offset=0",
    ] {
        let reply = server.ask(&anna.basic(), "GET", &format!("{TOKENS}?{query}"), &NONE);
        let exception = refused(&reply, 400, "ValidationFailed");
        let name = query.split('=').next().unwrap();
        assert!(text(&exception, "message").starts_with(name), "{query}: {exception}");
    }
}

#[test]
fn a_last_use_is_shown() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    let shown = || server.ask(&anna.basic(), "GET", &path(&made), &NONE).expect(200).json();
    assert_eq!(shown()["lastUsed"], NONE);
    assert!(server.accepts(value(&made)));
    let last = text(&shown(), "lastUsed").parse::<jiff::Timestamp>().expect("an instant");
    let from = text(&made["tokenInfo"], "createdAt").parse::<jiff::Timestamp>().unwrap();
    assert!(last >= from);
}

#[test]
fn a_deleted_token_is_gone_and_dead_everywhere() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    let reply = server.ask(&anna.basic(), "DELETE", &path(&made), &NONE).expect(204);
    assert!(reply.body.is_empty() && reply.header("content-type").is_none());
    assert!(!server.accepts(value(&made)));
    super::unauthorized(&server.with(value(&made), "GET", TOKENS, &NONE));
    for method in ["GET", "DELETE"] {
        refused(&server.ask(&anna.basic(), method, &path(&made), &NONE), 410, "GoneException");
    }
    assert_eq!(list(&server, &anna.basic())["count"], 0);
}

#[test]
fn a_token_reads_and_deletes_itself() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    server.with(value(&made), "GET", &path(&made), &NONE).expect(200);
    server.with(value(&made), "DELETE", &path(&made), &NONE).expect(204);
    assert!(!server.accepts(value(&made)));
}

#[test]
fn another_users_token_is_unknown_and_lives_on_unless_an_administrator_deletes_it() {
    let server = Server::start();
    let [anna, bo] = ["anna", "bo"].map(|name| server.user(name));
    server.organization("acme", &json!({}));
    let stranger = server.manager_of("acme", "max");
    let made = mint(&server, &anna.basic(), &seconds(100));
    for other in [&bo, &stranger] {
        for method in ["GET", "DELETE"] {
            let reply = server.ask(&other.basic(), method, &path(&made), &NONE);
            refused(&reply, 404, "NotFoundException");
        }
        assert!(server.accepts(value(&made)), "{} deleted it", other.name);
    }
    let deletes = |administrator: &Actor| {
        let made = mint(&server, &anna.basic(), &seconds(100));
        server.ask(&administrator.basic(), "DELETE", &path(&made), &NONE).expect(204);
        assert!(!server.accepts(value(&made)));
    };
    deletes(&server.manager("mia"));
    deletes(&server.administrator("ada"));
    assert!(server.accepts(value(&made)));
}

#[test]
fn what_is_no_uuid_of_a_token_is_unknown() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    let own = server.with(value(&made), "GET", "/v1/tokens/self", &NONE).expect(200).json();
    let bare = id(&made).replace('-', "");
    let braced = format!("%7B{}%7D", id(&made));
    for unknown in [
        "00000000-0000-7000-8000-000000000000",
        "00000000-0000-0000-0000-000000000000",
        text(&own, "number"),
        &bare,
        &bare[..24],
        &braced,
        "self",
        "1",
        "-1",
        "%20",
        "%F0%9F%92%A9",
    ] {
        for method in ["GET", "DELETE"] {
            let reply = server.ask(&anna.basic(), method, &format!("{TOKENS}/{unknown}"), &NONE);
            refused(&reply, 404, "NotFoundException");
        }
    }
    assert!(server.accepts(value(&made)));
}

#[test]
fn the_document_names_the_endpoints_and_needs_a_credential() {
    let server = Server::start();
    let anna = server.user("anna");
    let made = mint(&server, &anna.basic(), &seconds(100));
    let reply = server.with(value(&made), "GET", "/v4/open-api-spec", &NONE).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let document = reply.json();
    let paths: Vec<_> = document["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(paths, ["/v4/apiAccessTokens", "/v4/apiAccessTokens/{tokenId}", "/v4/open-api-spec"]);
    let alone = server.client().get("/openapi/dataprep.json").send().expect(200).json();
    assert_eq!(document, alone);
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        let content = operation["responses"]["401"]["content"].as_object().expect("a body");
        assert_eq!(content.keys().collect::<Vec<_>>(), ["text/plain"]);
    }
    super::unauthorized(&server.ask("", "GET", "/v4/open-api-spec", &NONE));
}
