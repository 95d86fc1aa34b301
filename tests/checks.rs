//! How many checks there were in each hour, and when tokens expire: counted right, kept, and shown to the right people.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Client, Server, database,
    server::{Actor, named},
    token::Wire,
    wait_for,
};

const OUTCOMES: [&str; 5] = ["admitted", "dead", "forbidden", "limited", "unknown"];

fn sums(history: &Value) -> [u64; 5] {
    let hours = usize::try_from(history["hours"].as_u64().unwrap()).unwrap();
    OUTCOMES.map(|outcome| {
        let counts = history["outcomes"][outcome].as_array().unwrap();
        assert_eq!(counts.len(), hours);
        counts.iter().map(|count| count.as_u64().unwrap()).sum()
    })
}

/// What the local operator, who isn't counted, is shown.
fn counted(server: &Server, query: &str) -> [u64; 5] {
    sums(&server.locally("GET", &format!("/v1/checks{query}"), &Value::Null).expect(200).json())
}

fn minted(server: &Server, actor: &Actor, body: &Value) -> (String, String) {
    let made = server.mint(actor, body);
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

fn introspect(server: &Server, by: &mut Client, token: &str) {
    let body = format!("token={token}");
    by.post("/oauth/introspect").bearer(server.secret()).form(&body).send().expect(200);
}

#[test]
fn every_way_to_ask_is_counted_by_what_came_of_it() {
    let mut server = Server::start();
    let ada = server.administrator("ada");
    let (id, token) = minted(&server, &ada, &json!({ "name": "asks", "privileges": ["orders:read"] }));
    let limits = json!({ "networks": { "allow": ["203.0.113.0/24"] } });
    let (fenced_id, fenced) = minted(&server, &ada, &json!({ "name": "fenced", "limits": limits }));
    let mut client = server.client();
    client.get("/gate?require=orders:read").bearer(&token).send().expect(200);
    client.get("/gate?require=mail:send").bearer(&token).send().expect(403);
    client.get("/v1/tokens/self").bearer(&token).send().expect(200);
    client.get("/v1/users").bearer(&token).send().expect(403);
    client.get("/gate").bearer(&fenced).send().expect(403);
    client.get("/gate").bearer("jtn_nothing").send().expect(401);
    client.get("/v1/me").bearer("jtn_nothing").send().expect(401);
    for text in [&token, &fenced, "jtn_nothing"] {
        introspect(&server, &mut client, text);
    }
    let body = json!({ "tokens": [token, "jtn_nothing"] });
    server.locally("POST", "/v1/introspect/batch", &body).expect(200);
    // No token was judged: a password, none, too many, and a path that isn't there.
    client.get("/v1/me").basic(&ada.name, &ada.password).send().expect(200);
    client.get("/v1/me").basic(&ada.name, "a wrong walk of a mile").send().expect(401);
    client.get("/gate").send().expect(401);
    client.get("/v1/nothing").bearer(&token).send().expect(404);
    server.locally("POST", &format!("/v1/tokens/{id}/disable"), &Value::Null).expect(200);
    client.get("/gate").bearer(&token).send().expect(401);
    introspect(&server, &mut client, &token);

    let expected = |server: &Server| {
        for span in ["", "&span=30d"] {
            assert_eq!(counted(server, &format!("?token={id}{span}")), [4, 2, 2, 0, 0], "{span}");
            assert_eq!(counted(server, &format!("?token={fenced_id}{span}")), [0, 0, 0, 2, 0]);
            assert_eq!(counted(server, &format!("?organization=default{span}")), [4, 2, 2, 2, 0]);
            assert_eq!(counted(server, &format!("?{span}")), [4, 2, 2, 2, 4]);
        }
    };
    expected(&server);
    server.stop();
    server.launch();
    expected(&server);

    // What is written down survives a crash.
    let mut client = server.client();
    client.get("/gate").bearer(&token).send().expect(401);
    let connection = database::open(&server.data());
    let written = || -> i64 {
        connection.query_row("SELECT sum(dead) FROM checks WHERE kind = 2", [], |row| row.get(0)).unwrap()
    };
    wait_for("the flush", Duration::from_secs(8), || (written() == 3).then_some(()));
    drop(connection);
    server.kill();
    server.launch();
    assert_eq!(counted(&server, &format!("?token={id}")), [4, 3, 2, 0, 0]);
    assert_eq!(counted(&server, ""), [4, 3, 2, 2, 4]);
}

#[test]
fn a_history_is_of_whole_hours_and_the_running_one_is_the_last() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    assert!(server.accepts(&token));
    for (query, hours) in [("", 48), ("?span=2d", 48), ("?span=30d", 720)] {
        let shown = server.locally("GET", &format!("/v1/checks{query}"), &Value::Null).expect(200).json();
        assert_eq!(shown["hours"], hours);
        let since: jiff::Timestamp = shown["since"].as_str().unwrap().parse().unwrap();
        let ago = jiff::Timestamp::now().as_second() - since.as_second();
        assert_eq!((since.as_second() % 3600, ago / 3600), (0, hours - 1), "{query}");
        let admitted = shown["outcomes"]["admitted"].as_array().unwrap();
        assert_eq!(admitted.last().unwrap(), 1, "{query}");
    }
}

#[test]
fn a_check_that_is_refused_writes_nothing_either() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let connection = database::open(&server.data());
    let version = || connection.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let (mut seen, mut commits) = (version(), 0);
    let start = std::time::Instant::now();
    let mut client = server.client();
    for _ in 0..300 {
        client.get("/gate").bearer("jtn_nothing").send().expect(401);
        client.get("/gate?require=mail:send").bearer(&token).send();
        client.get("/gate").bearer(&token).send().expect(200);
        let now = version();
        commits += u64::from(now != seen);
        seen = now;
    }
    let allowed = 2 + start.elapsed().as_secs();
    assert!(commits <= allowed, "{commits} commits for 900 checks in {:?}", start.elapsed());
    let before = version();
    assert_eq!(counted(&server, "")[4], 300);
    assert!(version() - before <= 1, "looking writes nothing: a flush may have come between");
}

#[test]
fn who_may_look_at_whose_checks() {
    let server = Server::start();
    server.organization("other", &json!({}));
    let (ada, anna, root) = (server.manager("ada"), server.user("anna"), server.administrator("root"));
    let own = Wire::read(&server.token(&anna)).uuid();
    let hers = Wire::read(&server.token(&ada)).uuid();
    let ask = |actor: &Actor, query: &str| {
        let mut client = server.client();
        client.get(&format!("/v1/checks{query}")).basic(&actor.name, &actor.password).send()
    };
    let own_query = format!("?token={own}");
    let her_query = format!("?token={hers}");
    for (actor, query, code) in [
        (&anna, "", "operator_required"),
        (&ada, "?span=30d", "operator_required"),
        (&anna, "?organization=default", "administrator_required"),
    ] {
        assert_eq!(ask(actor, query).problem(403), code, "{} {query}", actor.name);
    }
    for (actor, query) in [
        (&anna, her_query.as_str()),
        (&anna, "?organization=other"),
        (&ada, "?organization=other"),
        (&root, "?organization=nowhere"),
        (&root, "?token=01890000-0000-7000-8000-000000000000"),
    ] {
        assert_eq!(ask(actor, query).problem(404), "not_found", "{} {query}", actor.name);
    }
    for (actor, query) in [
        (&anna, own_query.as_str()),
        (&ada, own_query.as_str()),
        (&ada, "?organization=default"),
        (&root, ""),
        (&root, "?organization=other"),
        (&root, her_query.as_str()),
    ] {
        ask(actor, query).expect(200);
    }
    for (query, field) in [
        ("?span=1d", "span"),
        ("?token=x", "token"),
        ("?organization=default&organization=other", "organization"),
        (&format!("{own_query}&organization=default"), "token"),
    ] {
        let reply = ask(&root, query);
        assert_eq!(
            (reply.problem(400).as_str(), &reply.json()["field"]),
            ("invalid", &json!(field)),
            "{query}"
        );
    }
    assert_eq!(ask(&root, "?since=2026-01-01").problem(400), "malformed");
}

/// What of the tokens in a list expires on each day from today on, later and never: by the list alone.
fn model(server: &Server, actor: &Actor, query: &str, days: usize) -> Value {
    let path = format!("/v1/tokens?limit=200{query}");
    let list = server.client().get(&path).basic(&actor.name, &actor.password).send().expect(200).json();
    let today = jiff::Timestamp::now().as_second() / 86_400;
    let (mut on, mut later, mut never) = (vec![0; days], 0, 0);
    for token in list["items"].as_array().unwrap() {
        if token["status"] != "active" {
            continue;
        }
        let Some(expires_at) = token["expires_at"].as_str() else {
            never += 1;
            continue;
        };
        let day = expires_at.parse::<jiff::Timestamp>().unwrap().as_second() / 86_400 - today;
        *on.get_mut(usize::try_from(day).unwrap()).unwrap_or(&mut later) += 1;
    }
    json!([on, later, never])
}

#[test]
fn the_calendar_counts_what_is_live_on_its_day() {
    let server = Server::start();
    server.organization("other", &json!({}));
    let (ada, anna, root) = (server.manager("ada"), server.user("anna"), server.administrator("root"));
    for slug in ["default", "other"] {
        server.policy(slug, &json!({ "allow_never": true }));
    }
    server.join("other", &anna, &json!({ "may_issue": true }));
    let lifetimes = ["1h", "1d", "1d", "2d", "30d", "89d", "90d", "91d", "200d", "never", "never", "4d"];
    for (place, lifetime) in lifetimes.iter().enumerate() {
        for (actor, organization) in [(&anna, "default"), (&anna, "other"), (&ada, "default")] {
            let owner = &actor.name;
            let body =
                json!({ "name": "x", "lifetime": lifetime, "organization": organization, "owner": owner });
            let made = server.locally("POST", "/v1/tokens", &body).expect(201).json();
            let id = made["id"].as_str().unwrap();
            match place % 6 {
                4 => drop(server.locally("DELETE", &format!("/v1/tokens/{id}"), &Value::Null).expect(204)),
                5 => drop(
                    server.locally("POST", &format!("/v1/tokens/{id}/disable"), &Value::Null).expect(200),
                ),
                _ => {}
            }
        }
    }
    for actor in [&anna, &ada, &root] {
        for (organization, days) in
            [("", 90), ("", 1), ("", 366), ("&organization=default", 90), ("&organization=other", 7)]
        {
            if actor.name == "ada" && organization.ends_with("other") {
                continue;
            }
            let path = format!("/v1/tokens/expiring?days={days}{organization}");
            let shown =
                server.client().get(&path).basic(&actor.name, &actor.password).send().expect(200).json();
            let expected = model(&server, actor, organization, days);
            let found = json!([shown["days"], shown["later"], shown["never"]]);
            assert_eq!(found, expected, "{} {organization} {days}", actor.name);
            assert_eq!(shown["since"], jiff::Timestamp::now().to_string()[..10]);
        }
    }
    let mut client = server.client();
    let whole = client.get("/v1/tokens/expiring").bearer(server.secret()).send().expect(200).json();
    assert_eq!(whole["days"].as_array().unwrap().len(), 90);
    assert!(whole["never"].as_u64().unwrap() >= 3, "{whole}");
    for days in ["0", "367", "-1", "x", ""] {
        let reply = client.get(&format!("/v1/tokens/expiring?days={days}")).bearer(server.secret()).send();
        assert_eq!(
            (reply.problem(400).as_str(), &reply.json()["field"]),
            ("invalid", &json!("days")),
            "{days}"
        );
    }
    let path = "/v1/tokens/expiring?organization=other";
    let reply = client.get(path).basic(&ada.name, &ada.password).send();
    assert_eq!(reply.problem(404), "not_found");
    // A name of its own beside the ids.
    assert_eq!(client.delete("/v1/tokens/expiring").bearer(server.secret()).send().status, 405);
    client.post("/v1/tokens").bearer(&server.token(&anna)).json(&named("x")).send().expect(201);
}
