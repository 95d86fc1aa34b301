//! Reports of tokens that were found where others can read them: in GitHub's form, from whoever holds the secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Reply, Server, database, scan, server::Actor, token, wait_for};

const URL: &str =
    "https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt";

/// What GitHub sends of one finding.
fn found(token: &str) -> Value {
    json!({ "type": "jeton_api_token", "token": token, "url": URL, "source": "content" })
}

/// Reports without a credential.
fn report(server: &Server, reports: &Value) -> Reply {
    server.ask("", "POST", "/v1/leaks", reports)
}

fn labels(reply: Reply) -> Vec<String> {
    let verdicts = reply.expect(200).json();
    let label = |verdict: &Value| verdict["label"].as_str().unwrap().to_owned();
    verdicts.as_array().unwrap().iter().map(label).collect()
}

fn leaks(server: &Server, token: &str) -> Vec<Value> {
    let path = format!("/v1/tokens/{}/leaks", token::Wire::read(token).uuid());
    let mut list = server.locally("GET", &path, &Value::Null).expect(200).json();
    serde_json::from_value(list["items"].take()).unwrap()
}

/// The kind, actor and detail of each event that is about a token, the first one first, but for its making.
fn events(server: &Server, token: &str) -> Vec<(String, String, String)> {
    let path = format!("/v1/events?limit=200&sort=sequence&object={}", token::Wire::read(token).uuid());
    let list = server.locally("GET", &path, &Value::Null).expect(200).json();
    let text = |event: &Value, member: &str| event[member].as_str().unwrap().to_owned();
    let events = list["items"].as_array().unwrap().iter().skip(1);
    events.map(|event| (text(event, "kind"), text(event, "actor"), text(event, "detail"))).collect()
}

fn told(kind: &str, detail: &str) -> (String, String, String) {
    (kind.into(), "nobody".into(), detail.into())
}

fn stage() -> (Server, Actor, String) {
    let server = Server::start();
    let anna = server.user("anna");
    let text = server.token(&anna);
    (server, anna, text)
}

#[test]
fn a_report_of_githubs_is_answered_as_github_wants_it() {
    let (server, _, text) = stage();
    let misspelt = token::altered(&text, 74);
    let foreign = token::resealed(&token::altered(&text, 40));
    let mut reports = json!([found(&text), found(&misspelt), found(&foreign), found("NMIfyYncKcRALEXAMPLE")]);
    reports[0]["something new"] = json!({ "of": "theirs" });
    let reply = report(&server, &reports).expect(200);
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let verdict = |text: &str, label: &str| json!({ "token_hash": hash(text), "token_type": "jeton_api_token", "label": label });
    let expected = json!([
        verdict(&text, "true_positive"),
        verdict(&misspelt, "false_positive"),
        verdict(&foreign, "false_positive"),
        verdict("NMIfyYncKcRALEXAMPLE", "false_positive"),
    ]);
    assert_eq!(reply.json(), expected);
    let kept = leaks(&server, &text);
    assert_eq!(kept.len(), 1, "and nothing of what isn't a token");
    assert_eq!(kept[0]["type"], "jeton_api_token");
    assert_eq!((&kept[0]["url"], &kept[0]["source"]), (&URL.into(), &"content".into()));
    assert_eq!(kept[0]["address"], "127.0.0.1");
    assert_eq!(events(&server, &text), [told("token.leaked", "content")]);
    assert!(server.accepts(&text), "by default it is put on record and no more");
    let table = server.run(&["token", "leaks", &token::Wire::read(&text).uuid()]).done();
    assert!(table.contains(URL) && table.contains("content"), "{table}");
    let connection = database::open(&server.data());
    let rows = "SELECT count(*) FROM token_leaks";
    assert_eq!(connection.query_row(rows, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn what_github_leaves_out_may_be_left_out() {
    let (server, _, text) = stage();
    let reply = report(&server, &json!([{ "token": text, "type": null, "url": null }])).expect(200);
    assert_eq!(reply.json()[0]["token_type"], "jeton_token");
    assert_eq!(leaks(&server, &text)[0]["url"], "");
    assert_eq!(events(&server, &text), [told("token.leaked", "")]);
}

#[test]
fn a_token_that_leaked_is_dealt_with_as_the_policy_says() {
    for (policy, status) in [("record", "active"), ("disable", "disabled"), ("delete", "deleted")] {
        let (server, _, text) = stage();
        server.policy("default", &json!({ "on_leak": policy }));
        assert!(server.accepts(&text), "hot in the cache");
        assert_eq!(labels(report(&server, &json!([found(&text)]))), ["true_positive"]);
        let reply = server.with(&text, "GET", "/v1/tokens/self", &Value::Null);
        let path = format!("/v1/tokens/{}", token::Wire::read(&text).uuid());
        let shown = server.locally("GET", &path, &Value::Null).expect(200).json();
        assert_eq!(shown["status"], status);
        if policy == "record" {
            reply.expect(200);
            continue;
        }
        assert_eq!((reply.status, &reply.json()["code"]), (401, &"token_leaked".into()), "{policy}");
        assert_eq!(shown["cause"], "leak");
        let done = format!("token.{status}");
        let expected = [told("token.leaked", "content"), told(&done, "cause=leak")];
        assert_eq!(events(&server, &text), expected, "{policy}");
        // What is dead is put on record and left at that.
        let mut other = found(&text);
        other["url"] = "https://elsewhere.example/".into();
        assert_eq!(labels(report(&server, &json!([other]))), ["true_positive"]);
        assert_eq!(leaks(&server, &text).len(), 2);
        assert_eq!(events(&server, &text).len(), 3, "{policy}");
    }
}

#[test]
fn whatever_has_become_of_a_token_it_is_known() {
    let server = Server::start();
    let anna = server.user("anna");
    let restricted = server.token_with(&anna, &["--restricted"]);
    let brief = server.token_with(&anna, &["--lifetime", "1s"]);
    let [disabled, deleted] = [server.token(&anna), server.token(&anna)];
    for (verb, text) in [("disable", &disabled), ("revoke", &deleted)] {
        server.run(&["token", verb, &token::Wire::read(text).uuid()]).done();
    }
    wait_for("a token to expire", std::time::Duration::from_secs(5), || {
        (!server.accepts(&brief)).then_some(())
    });
    server.policy("default", &json!({ "on_leak": "delete" }));
    let all = [&restricted, &brief, &disabled, &deleted];
    let reports = Value::from(all.map(|text| found(text)).to_vec());
    assert_eq!(labels(report(&server, &reports)), ["true_positive"; 4]);
    let last = |text: &str| events(&server, text).pop().unwrap();
    assert_eq!(last(&restricted), told("token.deleted", "cause=leak"));
    assert_eq!(last(&brief), told("token.leaked", "content"), "it is over");
    assert_eq!(last(&disabled), told("token.deleted", "cause=leak"), "it could have been enabled again");
    assert_eq!(last(&deleted), told("token.leaked", "content"));
}

/// Otherwise nobody who switches it on again is told that others have it.
#[test]
fn a_token_that_is_off_already_is_told_to_have_leaked() {
    let (server, _, text) = stage();
    server.policy("default", &json!({ "on_leak": "disable" }));
    let id = token::Wire::read(&text).uuid();
    server.run(&["token", "disable", &id]).done();
    assert_eq!(labels(report(&server, &json!([found(&text)]))), ["true_positive"]);
    let reply = server.with(&text, "GET", "/v1/tokens/self", &Value::Null);
    assert_eq!(reply.problem(401), "token_leaked");
    let events = events(&server, &text);
    assert_eq!(events.last(), Some(&told("token.disabled", "cause=leak")));
}

#[test]
fn a_report_that_comes_again_is_no_news() {
    let (server, anna, text) = stage();
    server.policy("default", &json!({ "on_leak": "disable" }));
    for _ in 0..3 {
        assert_eq!(labels(report(&server, &json!([found(&text), found(&text)]))), ["true_positive"; 2]);
    }
    assert_eq!(leaks(&server, &text).len(), 1);
    assert_eq!(events(&server, &text).len(), 2);
    // Whoever lets it in again knows of the place; of another they don't.
    let id = token::Wire::read(&text).uuid();
    server.run(&["token", "enable", &id]).done();
    report(&server, &json!([found(&text)])).expect(200);
    assert!(server.accepts(&text));
    let mut other = found(&text);
    other["url"] = "https://elsewhere.example/".into();
    report(&server, &json!([other])).expect(200);
    assert!(!server.accepts(&text));
    // No more than a hundred places are kept, whatever comes.
    let many = server.token(&anna);
    for round in 0..4 {
        let place = |at: usize| {
            let mut report = found(&many);
            report["url"] = format!("https://x.example/{round}/{at}").into();
            report
        };
        report(&server, &(0..40).map(place).collect::<Vec<_>>().into()).expect(200);
    }
    assert_eq!(leaks(&server, &many).len(), 100);
    assert_eq!(events(&server, &many).iter().filter(|(kind, ..)| kind == "token.leaked").count(), 100);
    assert!(server.run(&["events", "verify"]).done().starts_with("sound: "));
}

#[test]
fn a_day_later_it_is_news_again() {
    let mut server = Server::setup().at("+0h").start();
    let anna = server.user("anna");
    let text = server.token(&anna);
    report(&server, &json!([found(&text)])).expect(200);
    server.stop();
    server.set_env("FAKETIME", "+25h");
    server.launch();
    report(&server, &json!([found(&text)])).expect(200);
    assert_eq!(leaks(&server, &text).len(), 2);
    server.stop();
}

#[test]
fn what_isnt_a_list_of_1_to_100_reports_is_refused() {
    let (server, _, text) = stage();
    let reports = |count: usize| Value::from(vec![json!({ "token": "x", "type": "y" }); count]);
    assert_eq!(labels(report(&server, &reports(100))).len(), 100);
    for (body, says) in [
        (reports(101), "the list must hold 1 to 100 reports"),
        (json!([]), "the list must hold 1 to 100 reports"),
        (json!({ "token": text }), "the body must be a JSON list"),
        (json!([{ "url": URL }]), "[0].token: is needed"),
        (json!([found("x"), { "token": 5 }]), "[1].token: wrong at"),
        (json!([found("x"), [text]]), "[1]: wrong at"),
        (json!([null]), "[0]: wrong at"),
    ] {
        let reply = report(&server, &body);
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(reply.status, 400, "{detail}");
        let field = reply.json()["field"].as_str().map(|field| format!("{field}: ")).unwrap_or_default();
        assert!(detail.contains(says) || format!("{field}{detail}").contains(says), "{says}: {detail}");
        assert!(!reply.text().contains(&text[30..42]));
    }
    assert!(leaks(&server, &text).is_empty());
}

#[test]
fn a_place_is_kept_short_and_without_the_token_in_it() {
    let (server, _, text) = stage();
    let mut place = found(&text);
    place["url"] = format!("https://x.example/?token={text}&{}", "y".repeat(2_000)).into();
    place["type"] = "z".repeat(500).into();
    place["source"] = format!("Pull {text}").into();
    report(&server, &json!([place])).expect(200);
    let kept = &leaks(&server, &text)[0];
    assert!(
        kept["url"].as_str().unwrap().starts_with(&format!("https://x.example/?token={}_…&y", &text[..26]))
    );
    assert_eq!(kept["url"].as_str().unwrap().chars().count(), 500);
    assert_eq!(kept["type"].as_str().unwrap().len(), 64);
    assert_eq!(events(&server, &text), [told("token.leaked", "")], "no plain word");
    let wire = token::Wire::read(&text);
    let secret = &wire.secret.as_bytes()[..12];
    for (path, bytes) in scan::contents(server.home()) {
        assert!(!bytes.windows(12).any(|run| run == secret), "{}", path.display());
    }
}

#[test]
fn a_credential_that_comes_along_is_neither_needed_nor_looked_at() {
    let (server, _, text) = stage();
    let mut client = server.client();
    for bearer in ["jtn_wrong", &text] {
        let reply = client.post("/v1/leaks").bearer(bearer).json(&json!([found(&text)])).send();
        assert_eq!(labels(reply), ["true_positive"]);
    }
    let shown =
        server.locally("GET", &format!("/v1/tokens/{}", token::Wire::read(&text).uuid()), &Value::Null);
    assert_eq!(shown.json()["last_used_at"], Value::Null, "that was no use of it");
}

#[test]
fn where_a_token_was_found_is_shown_to_whoever_may_see_it() {
    let (server, anna, text) = stage();
    report(&server, &json!([found(&text)])).expect(200);
    let path = format!("/v1/tokens/{}/leaks", token::Wire::read(&text).uuid());
    server.ask(&anna.basic(), "GET", &path, &Value::Null).expect(200);
    let berta = server.user("berta");
    server.ask(&berta.basic(), "GET", &path, &Value::Null).expect(404);
    server.ask("", "GET", &path, &Value::Null).expect(401);
}

#[test]
fn a_check_says_what_is_known_and_is_no_use() {
    let (server, _, text) = stage();
    let foreign = token::resealed(&token::altered(&text, 40));
    let ask = |text: &str| {
        let body = json!({ "tokens": [text, "jtn_x"] });
        server.locally("POST", "/v1/leaks/check", &body).expect(200).json()["items"].take()
    };
    let found = ask(&text);
    assert_eq!((&found[0]["genuine"], &found[0]["live"]), (&true.into(), &true.into()));
    assert_eq!((&found[0]["owner"], &found[0]["organization"]), (&"anna".into(), &"default".into()));
    assert_eq!(found[0]["token_id"], token::Wire::read(&text).uuid());
    assert_eq!(found[1]["genuine"], false);
    let nothing = ask(&foreign);
    assert_eq!((&nothing[0]["genuine"], &nothing[0]["owner"]), (&false.into(), &Value::Null));
    let id = token::Wire::read(&text).uuid();
    let shown = server.locally("GET", &format!("/v1/tokens/{id}"), &Value::Null).json();
    assert_eq!(shown["last_used_at"], Value::Null);
    server.run(&["token", "disable", &id]).done();
    let dead = ask(&text);
    assert_eq!((&dead[0]["live"], &dead[0]["code"]), (&false.into(), &"token_disabled".into()));
    assert!(dead[0]["since"].is_string());
    let none = server.locally("POST", "/v1/leaks/check", &json!({ "tokens": [] }));
    assert_eq!(none.expect(400).json()["field"], "tokens");
}

#[test]
fn nothing_of_a_report_is_left_of_a_deleted_user() {
    let (server, _, text) = stage();
    let place = "https://pastebin.example/annas-very-own";
    let mut mine = found(&text);
    mine["url"] = place.into();
    let mut client = server.client().from([127, 9, 8, 7]);
    client.post("/v1/leaks").json(&json!([mine])).send().expect(200);
    let stands = |needle: &str| {
        let all = scan::contents(&server.data());
        all.iter().any(|(_, bytes)| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
    };
    assert!(stands("annas-very-own") && stands("127.9.8.7"), "the scan sees what is there");
    server.locally("DELETE", "/v1/users/anna", &Value::Null).expect(204);
    wait_for("the report to be blanked", std::time::Duration::from_mins(1), || {
        (!stands("annas-very-own") && !stands("127.9.8.7")).then_some(())
    });
    // Nor does it come back with the next report.
    mine["url"] = format!("{place}-again").into();
    for _ in 0..2 {
        client.post("/v1/leaks").json(&json!([mine])).send().expect(200);
    }
    assert!(!stands("annas-very-own") && !stands("127.9.8.7"));
    assert_eq!(leaks(&server, &text).len(), 1, "blanked already, and the same one");
}
