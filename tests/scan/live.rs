//! Which of those that were found are live, whose they are, and how they are ended and reported.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use super::{broken, made, objects, ready, silent, write};
use crate::harness::{Output, Run, Server, server::Actor, token, token::Wire};

struct Scene {
    server: Server,
    anna: Actor,
    /// Live, of ada; live, of anna; disabled; never issued; of a right id and a wrong secret.
    tokens: [String; 5],
}

fn scene() -> Scene {
    let server = Server::start();
    let (ada, anna) = (server.administrator("ada"), server.user("anna"));
    let live = [server.token(&ada), server.token_with(&anna, &["--uses", "1"])];
    let disabled = server.token(&anna);
    server.run(&["token", "disable", &Wire::read(&disabled).uuid()]).done();
    let forged = token::resealed(&token::altered(&live[0], 40));
    let [one, other] = live;
    let tokens = [one, other, disabled, made(1), forged];
    let directory = server.home().join("tree");
    for (at, text) in tokens.iter().enumerate() {
        write(&directory, &format!("{at}.txt"), format!("{text}\n"));
    }
    write(&directory, "again.txt", &tokens[0]);
    write(&directory, "broken.txt", broken(1));
    Scene { server, anna, tokens }
}

impl Scene {
    fn scan(&self, arguments: &[&str]) -> Output {
        self.server.command(&[&["scan", "tree"], arguments].concat()).within(self.server.home()).run()
    }

    fn shown(&self, at: usize) -> Value {
        let path = format!("/v1/tokens/{}", Wire::read(&self.tokens[at]).uuid());
        self.server.locally("GET", &path, &Value::Null).expect(200).json()
    }

    fn silent(&self, output: &Output) {
        silent(output, &self.tokens.each_ref().map(String::as_str));
    }
}

/// What is said of each file, in their order.
fn said(output: &Output) -> Vec<(&str, &str)> {
    let line = |line| {
        let (place, rest): (&str, &str) = str::split_once(line, ": jtn_").unwrap();
        (place, rest.splitn(3, ' ').nth(2).unwrap_or_default())
    };
    output.stdout.lines().map(line).collect()
}

#[test]
fn the_live_ones_are_named_with_their_owners() {
    let scene = scene();
    let output = scene.scan(&["--check"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    scene.silent(&output);
    let said = said(&output);
    let of = |at: usize, owner: &str| {
        let expires = scene.shown(at)["expires_at"].as_str().unwrap().to_owned();
        format!("live, owner {owner}, organization default, expires {expires}")
    };
    let since = scene.shown(2)["updated_at"].as_str().unwrap().to_owned();
    let disabled = format!("dead: token_disabled since {since}, owner anna, organization default");
    let (ada, anna) = (of(0, "ada"), of(1, "anna"));
    let expected = [
        ("tree/0.txt:1", ada.as_str()),
        ("tree/1.txt:1", &anna),
        ("tree/2.txt:1", &disabled),
        ("tree/3.txt:1", "unknown to this server"),
        ("tree/4.txt:1", "unknown to this server"),
        ("tree/again.txt:1", &ada),
    ];
    assert_eq!(said, expected);
    // Nobody used them, and the one that is good once is good still.
    assert_eq!(
        (scene.shown(0)["last_used_at"].take(), scene.shown(1)["used"].take()),
        (Value::Null, 0.into())
    );
    assert!(scene.server.accepts(&scene.tokens[1]));
    let used_up = scene.scan(&["--check"]);
    assert!(used_up.stdout.contains("dead: token_used_up, owner anna"), "{}", used_up.stdout);

    let json = scene.scan(&["--check", "--json"]);
    scene.silent(&json);
    let found = objects(&json);
    assert_eq!((&found[0]["live"], &found[0]["owner"]), (&true.into(), &"ada".into()));
    assert_eq!((&found[2]["code"], &found[4]["genuine"]), (&"token_disabled".into(), &false.into()));
}

#[test]
fn by_itself_it_asks_nobody() {
    let scene = scene();
    for arguments in [&[][..], &["--offline"]] {
        let output = scene.scan(arguments);
        assert!(said(&output).iter().all(|(_, known)| known.is_empty()), "{}", output.stdout);
    }
    let nowhere = scene.server.home().join("nowhere");
    let run = Run::new(&["scan", "tree"]).within(scene.server.home()).data_dir(&nowhere);
    assert_eq!(run.run().code, Some(1));
    assert!(!nowhere.exists());
    // A server that doesn't answer is trouble.
    let run = Run::new(&["scan", "tree", "--check", "--url", "http://127.0.0.1:1"]).env("JETON_TOKEN", "x");
    let output = run.within(scene.server.home()).run();
    assert_eq!(
        (output.code, super::places(&output).len()),
        (Some(2), 6),
        "what was found is told all the same"
    );
}

#[test]
fn revoking_ends_those_that_are_live() {
    let scene = scene();
    let output = scene.scan(&["--revoke"]);
    assert_eq!(output.code, Some(1), "they were found");
    scene.silent(&output);
    let said = said(&output);
    assert_eq!(said[0].1, "revoked now, owner ada, organization default");
    assert_eq!((said[1].1, said[5].1), ("revoked now, owner anna, organization default", said[0].1));
    assert!(said[2].1.starts_with("dead: token_disabled"));
    assert!(!scene.server.accepts(&scene.tokens[0]) && !scene.server.accepts(&scene.tokens[1]));
    assert_eq!(scene.shown(2)["status"], "disabled");
    let again = scene.scan(&["--revoke"]);
    assert!(again.stdout.contains("dead: token_deleted") && !again.stdout.contains("revoked now"));
}

#[test]
fn over_the_network_it_takes_the_right_to_ask() {
    let scene = scene();
    let ada = Actor::named("ada");
    let server = &scene.server;
    let asking = server.token_with(&ada, &["--privilege", "jeton:introspect"]);
    let url = format!("http://{}", server.address());
    let scan = |token: &str, arguments: &[&str]| {
        let run = Run::new(&[&["scan", "tree", "--url", &url], arguments].concat());
        run.within(server.home()).env("JETON_TOKEN", token).run()
    };
    let plain = server.token(&scene.anna);
    let refused = scan(&plain, &["--check"]);
    assert_eq!(refused.code, Some(2));
    assert_eq!(super::places(&refused).len(), 6, "what was found is told all the same");
    assert!(said(&refused).iter().all(|(_, known)| known.is_empty()), "{}", refused.stdout);
    assert!(refused.stderr.contains("jeton:introspect"), "{}", refused.stderr);
    let output = scan(&asking, &["--revoke"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(!server.accepts(&scene.tokens[0]) && server.accepts(&asking));
    scene.silent(&output);
}

#[test]
fn what_was_found_is_put_on_record() {
    let scene = scene();
    let output = scene.scan(&["--report"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("reported 6 places, 4 of them genuine"), "{}", output.stderr);
    scene.silent(&output);
    let id = Wire::read(&scene.tokens[0]).uuid();
    let kept = scene.server.run(&["token", "leaks", &id, "--json"]).json();
    let mut urls: Vec<_> =
        kept.as_array().unwrap().iter().map(|leak| leak["url"].as_str().unwrap()).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["tree/0.txt:1", "tree/again.txt:1"]);
    assert_eq!(kept[0]["source"], "jeton_scan");
}

/// A server that knows every token as live, and answers each revocation with the next status; where it listens.
fn stand_in(statuses: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut statuses = statuses.iter();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).unwrap() > 2 {
                head += &std::mem::take(&mut line).to_lowercase();
            }
            let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            let mut body = vec![0; length.trim().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let (status, reply) = if head.starts_with("post /v1/leaks/check ") {
                let asked: Value = serde_json::from_slice(&body).unwrap();
                let known = json!({ "genuine": true, "live": true });
                ("200 OK", json!({ "items": vec![known; asked["tokens"].as_array().unwrap().len()] }))
            } else {
                (*statuses.next().unwrap(), json!({}))
            };
            let reply = reply.to_string();
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
            let reply = format!("{head}Content-Length: {}\r\n\r\n{reply}", reply.len());
            stream.get_mut().write_all(reply.as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn one_that_cannot_be_revoked_keeps_no_other_from_it() {
    let home = tempfile::tempdir().unwrap();
    for at in 0..4 {
        write(home.path(), &format!("tree/{at}"), made(at));
    }
    let url = stand_in(&["500 Internal Server Error", "404 Not Found", "410 Gone", "200 OK"]);
    let run = ready(home.path(), &["tree", "--revoke", "--url", &url]).env("JETON_TOKEN", "x");
    let output = run.run();
    assert_eq!(output.code, Some(2));
    let expected =
        [("tree/0:1", "live"), ("tree/1:1", "dead"), ("tree/2:1", "dead"), ("tree/3:1", "revoked now")];
    assert_eq!(said(&output), expected, "{}", output.stderr);
    let id = Wire::read(&made(0)).uuid();
    assert!(output.stderr.contains(&format!("{id} isn't revoked: ")), "{}", output.stderr);
    let url = stand_in(&["404 Not Found", "200 OK", "200 OK", "200 OK"]);
    let run = ready(home.path(), &["tree", "--revoke", "--url", &url]).env("JETON_TOKEN", "x");
    assert_eq!(run.run().code, Some(1), "what is gone already is done");
}
