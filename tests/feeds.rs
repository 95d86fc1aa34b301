//! Calendar feeds of what expires: read by their own key alone, for as long as whoever they are for may see it.

use serde_json::{Value, json};

use crate::harness::{
    Client, Reply, Run, Server, database,
    server::{Actor, named},
};

/// The path and query of a feed's URL.
fn path(url: &str) -> String {
    url[url.find("/v1/").expect("a path")..].to_owned()
}

fn feed(server: &Server, actor: &Actor, body: &Value) -> (String, String) {
    let request = server.client().post("/v1/feeds").basic(&actor.name, &actor.password).json(body).send();
    let made = request.expect(201).json();
    (made["id"].as_str().unwrap().to_owned(), path(made["url"].as_str().unwrap()))
}

fn read(client: &mut Client, target: &str) -> Reply {
    client.get(target).send()
}

/// A calendar's events: the properties of each by name, read strictly by RFC 5545.
fn events(reply: Reply) -> Vec<Vec<(String, String)>> {
    let reply = reply.expect(200);
    assert_eq!(reply.header("content-type"), Some("text/calendar; charset=utf-8"));
    let text = reply.text();
    let lines: Vec<&str> = text.strip_suffix("\r\n").expect("a line ends").split("\r\n").collect();
    assert!(lines.iter().all(|line| line.len() <= 75 && !line.contains(['\r', '\n'])), "{text}");
    let unfolded = text.replace("\r\n ", "");
    let (mut open, mut events): (Vec<String>, Vec<Vec<(String, String)>>) = (Vec::new(), Vec::new());
    for line in unfolded.split_terminator("\r\n") {
        let (name, value) = line.split_once(':').expect("a name and a value");
        match name {
            "BEGIN" => {
                open.push(value.to_owned());
                if value == "VEVENT" {
                    assert_eq!(open, ["VCALENDAR", "VEVENT"]);
                    events.push(Vec::new());
                }
            }
            "END" => assert_eq!(open.pop().as_deref(), Some(value)),
            _ => {
                let inside = open.last().expect("nothing stands outside");
                if let (Some(event), true) = (events.last_mut(), inside != "VCALENDAR") {
                    let alarm = if inside == "VALARM" { "alarm " } else { "" };
                    let raw =
                        value.replace("\\\\", "").replace("\\;", "").replace("\\,", "").replace("\\n", "");
                    assert!(!raw.contains(['\\', ',', ';']) || name.contains(';'), "unescaped: {line}");
                    event.push((format!("{alarm}{name}"), value.to_owned()));
                }
            }
        }
    }
    assert!(open.is_empty() && unfolded.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
    events
}

fn of<'a>(event: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = event.iter().filter(|(other, _)| other == name);
    let value = &found.next().unwrap_or_else(|| panic!("no {name} in {event:?}")).1;
    assert!(found.next().is_none(), "{name} twice");
    value
}

#[test]
fn a_calendar_shows_what_expires_and_when() {
    let server = Server::start();
    let [ada, bo] = [server.administrator("ada"), server.user("bo")];
    let name = format!("a, b; c\\d {}", "ü".repeat(60));
    let made = server.mint(&bo, &json!({ "name": name, "lifetime": "10d" }));
    server.mint(&bo, &json!({ "name": "later", "lifetime": "20d" }));
    server.mint(&ada, &json!({ "name": "another's", "lifetime": "15d" }));
    let (_, target) = feed(&server, &bo, &json!({}));
    let mut client = server.client();
    let reply = read(&mut client, &target);
    let tag = reply.header("etag").unwrap().to_owned();
    let found = events(reply);
    assert_eq!(found.len(), 2);
    let first = &found[0];
    assert_eq!(of(first, "UID"), format!("{}@jeton", made["id"].as_str().unwrap()));
    let escaped = name.replace('\\', "\\\\").replace(',', "\\,").replace(';', "\\;");
    assert_eq!(of(first, "SUMMARY"), format!("{escaped} expires"));
    let told = of(first, "DESCRIPTION");
    assert!(told.contains("Owner: bo") && told.contains("Organization: default"), "{told}");
    let expires = made["expires_at"].as_str().unwrap().replace(['-', ':'], "");
    assert_eq!(of(first, "DTSTART"), format!("{}Z", expires.split('.').next().unwrap()));
    assert!(of(first, "DTSTAMP").len() == 16);
    assert_eq!((of(first, "alarm TRIGGER"), of(first, "alarm ACTION")), ("-P7D", "DISPLAY"));
    assert_eq!(of(&found[1], "SUMMARY"), "later expires");
    // Who has it already isn't sent it again.
    client.get(&target).header("If-None-Match", &tag).send().expect(304);
    let gone = made["id"].as_str().unwrap();
    server.run(&["token", "disable", gone]).done();
    let reply = client.get(&target).header("If-None-Match", &tag).send();
    assert_eq!(events(reply).len(), 1);

    // An organization's, for who administers it.
    let (_, whole) = feed(&server, &ada, &json!({ "organization": "default" }));
    let summaries: Vec<_> =
        events(read(&mut client, &whole)).iter().map(|event| of(event, "SUMMARY").to_owned()).collect();
    assert_eq!(summaries, ["another's expires", "later expires"]);
}

#[test]
fn a_key_opens_its_feed_and_nothing_else() {
    let server = Server::start();
    let bo = server.user("bo");
    let (_, target) = feed(&server, &bo, &json!({}));
    let key = target.split_once("key=").unwrap().1;
    assert!(key.starts_with("jtf_") && key.len() == 47, "{key}");
    let mut client = server.client();
    for path in ["/v1/me", "/v1/tokens", "/v1/feeds", "/v1/tokens/self", "/gate"] {
        assert_eq!(client.get(path).bearer(key).send().status, 401, "{path}");
    }
    for path in ["/v1/me", "/v1/tokens", "/v1/feeds"] {
        let reply = client.get(&format!("{path}?key={key}")).basic(&bo.name, &bo.password).send();
        assert_eq!(reply.problem(400), "invalid", "{path}");
    }
    let wrong = format!("{}{}", &target[..target.len() - 1], if target.ends_with('x') { 'y' } else { 'x' });
    assert_eq!(read(&mut client, &wrong).problem(401), "credential_invalid");
    assert_eq!(read(&mut client, "/v1/expiries.ics").problem(401), "credential_missing");
    let by_password = client.get("/v1/expiries.ics").basic(&bo.name, &bo.password).send();
    assert_eq!(by_password.problem(401), "credential_missing");
    let token = server.token(&bo);
    assert_eq!(
        read(&mut client, &format!("/v1/expiries.ics?key={token}")).problem(401),
        "credential_invalid"
    );
    read(&mut client, &format!("{target}&token={token}")).expect(400);
    read(&mut client, &target).expect(200);
    // It stands in no file and in no log.
    let raw = &key[4..];
    assert!(!server.log().contains(raw));
    for name in ["jeton.db", "jeton.db-wal"] {
        let bytes = std::fs::read(server.data().join(name)).unwrap();
        assert!(!bytes.windows(raw.len()).any(|window| window == raw.as_bytes()), "{name}");
    }
}

#[test]
fn a_feed_ends_with_what_its_user_may_see() {
    let mut server = Server::start();
    let [ada, bo, eve] = [server.administrator("ada"), server.user("bo"), server.manager("eve")];
    let mut client = server.client();
    let (_, own) = feed(&server, &bo, &json!({}));
    let (_, managed) = feed(&server, &eve, &json!({ "organization": "default" }));
    let refused = client.post("/v1/feeds").basic(&bo.name, &bo.password);
    assert_eq!(
        refused.json(&json!({ "organization": "default" })).send().problem(403),
        "administrator_required"
    );
    let theirs = client.post("/v1/feeds").basic(&ada.name, &ada.password);
    assert_eq!(theirs.json(&json!({ "user": "bo" })).send().problem(403), "owner_foreign");
    for target in [&own, &managed] {
        read(&mut client, target).expect(200);
    }
    server.run(&["user", "disable", "bo"]).done();
    assert_eq!(read(&mut client, &own).problem(401), "credential_invalid");
    server.run(&["user", "enable", "bo"]).done();
    read(&mut client, &own).expect(200);
    server.run(&["org", "member", "set", "default", "eve", "--role", "member"]).done();
    assert_eq!(read(&mut client, &managed).problem(401), "credential_invalid");
    server.run(&["user", "delete", "bo"]).done();
    assert_eq!(read(&mut client, &own).problem(401), "credential_invalid");
    assert_eq!(database::count(&database::open(&server.data()), "feeds"), 1);

    // At the command line, by the local operator and over a URL, with a server and without.
    let url = server.run(&["feed", "add", "--user", "ada"]).done();
    assert!(url.starts_with("http://") && url.trim_end().lines().count() == 1, "{url}");
    read(&mut client, &path(url.trim_end())).expect(200);
    server.run(&["feed", "add"]).refused(1);
    let token = server.token_with(&ada, &["--privilege", "jeton:admin"]);
    let address = format!("http://{}", server.address());
    Run::new(&["feed", "add", "--url", &address]).env("JETON_TOKEN", &token).run().done();
    let listed = server.run(&["feed", "list", "--user", "ada", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let id = listed[0]["id"].as_str().unwrap();
    server.run(&["feed", "remove", id]).done();
    server.run(&["feed", "remove", id]).refused(1);
    assert_eq!(read(&mut client, &path(url.trim_end())).problem(401), "credential_invalid");
    server.stop();
    assert!(server.run(&["feed", "list", "--user", "ada"]).done().contains("ada"));

    // A row that was edited opens nothing.
    server.launch();
    let (id, target) = feed(&server, &ada, &json!({}));
    let connection = database::open(&server.data());
    let edited = "UPDATE feeds SET organization = (SELECT id FROM organizations) WHERE lower(hex(id)) = ?";
    assert_eq!(connection.execute(edited, [id.replace('-', "")]).unwrap(), 1);
    assert_eq!(read(&mut server.client(), &target).problem(401), "credential_invalid");
}

#[test]
fn a_user_has_so_many_feeds_and_no_more() {
    let server = Server::start();
    let bo = server.user("bo");
    let keeper = server.token(&bo);
    server.child(&keeper, &named("short"));
    for _ in 0..20 {
        feed(&server, &bo, &json!({}));
    }
    let mut client = server.client();
    let more = client.post("/v1/feeds").basic(&bo.name, &bo.password).json(&json!({})).send();
    assert_eq!(more.problem(400), "invalid");
}
