//! What tokens are used from and for: who still uses one that is replaced, what nobody asks for, and the marks of it.

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, database, server::Actor, token::Wire};

/// A token as it was made.
struct Made {
    id: String,
    token: String,
}

impl Made {
    fn of(made: &Value) -> Self {
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        Self { id: text("id"), token: text("token") }
    }

    fn new(server: &Server, actor: &Actor, privileges: &[&str]) -> Self {
        Self::of(&server.mint(actor, &json!({ "name": "used", "privileges": privileges })))
    }

    /// Its successor.
    fn rotate(&self, server: &Server, how: &Value) -> Self {
        let path = format!("/v1/tokens/{}/rotate", self.id);
        Self::of(&server.locally("POST", &path, how).expect(201).json())
    }

    fn look(&self, server: &Server, what: &str) -> Value {
        server.locally("GET", &format!("/v1/tokens/{}/{what}", self.id), &Value::Null).expect(200).json()
    }
}

fn server() -> (Server, Actor) {
    let server = Server::start();
    let ada = server.administrator("ada");
    (server, ada)
}

fn ask(client: &mut Client, target: &str, token: &str, agent: &str) -> Reply {
    client.get(target).bearer(token).header("User-Agent", agent).send()
}

fn introspect(server: &Server, token: &Made, more: &str) -> Reply {
    let mut client = server.client();
    client
        .post("/oauth/introspect")
        .bearer(server.secret())
        .form(&format!("token={}{more}", token.token))
        .send()
}

#[test]
fn a_token_shows_from_where_it_was_used_last() {
    let (server, ada) = server();
    let token = Made::new(&server, &ada, &[]);
    let path = format!("/v1/tokens/{}", token.id);
    let last = |shown: &Value| {
        ["last_used_at", "last_used_address", "last_used_agent"].map(|member| shown[member].clone())
    };
    let shown = || server.locally("GET", &path, &Value::Null).expect(200).json();
    assert_eq!(last(&shown()), [Value::Null, Value::Null, Value::Null]);
    let mut client = server.client().from([127, 0, 0, 7]);
    // What steers a terminal: it has no place in what is printed.
    ask(&mut client, "/v1/tokens/self", &token.token, "curl/8 \u{202e}txt.\u{9b}2J").expect(200);
    let gathered = shown();
    assert_eq!(
        last(&gathered)[1..],
        [json!("127.0.0.7"), json!("curl/8 \u{202e}txt.\u{9b}2J")],
        "before it is written down"
    );
    let page = server.locally("GET", "/v1/tokens?name=used", &Value::Null).expect(200).json();
    assert_eq!(last(&page["items"][0]), last(&gathered));
    server.locally("GET", "/v1/tokens?sort=last_used_at", &Value::Null).expect(200);
    assert_eq!(last(&shown()), last(&gathered), "and after");
    let printed = server.run(&["token", "show", &token.id]).done();
    assert!(printed.contains("last from     127.0.0.7\n"), "{printed}");
    assert!(printed.contains("last by       curl/8 \\u{202e}txt.\\u{9b}2J\n"), "{printed}");
    // A later use without an agent, over what is written.
    client.get("/gate").bearer(&token.token).send().expect(200);
    assert_eq!(last(&shown())[1..], [json!("127.0.0.7"), Value::Null]);
}

#[test]
fn of_a_deleted_users_tokens_no_address_is_shown() {
    let (server, ada) = server();
    let token = Made::new(&server, &ada, &[]);
    server.administrator("eve");
    let mut client = server.client().from([127, 0, 0, 7]);
    ask(&mut client, "/gate", &token.token, "curl/8").expect(200);
    server.locally("DELETE", "/v1/users/ada", &Value::Null).expect(204);
    // Whether what was gathered is written down yet, and erased there, or isn't.
    let shown = server.locally("GET", &format!("/v1/tokens/{}", token.id), &Value::Null).expect(200).json();
    assert!(shown["last_used_at"].is_string());
    assert_eq!([&shown["last_used_address"], &shown["last_used_agent"]], [&Value::Null; 2]);
}

#[test]
fn two_agents_move_to_a_successor_one_after_the_other() {
    let (server, ada) = server();
    let old = Made::new(&server, &ada, &["orders:read"]);
    let found = old.look(&server, "stragglers");
    assert_eq!((&found["successor"], &found["safe_to_finish"]), (&Value::Null, &json!(false)));
    let said = server.run(&["token", "stragglers", &old.id]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("nothing to finish"), "{}", said.stdout);
    let mut agents = [
        (server.client().from([127, 0, 0, 2]), "nightly/1"),
        (server.client().from([127, 0, 0, 3]), "worker/2"),
    ];
    for (client, agent) in &mut agents {
        ask(client, "/gate?require=orders:read", &old.token, agent).expect(200);
    }
    let new = old.rotate(&server, &json!({ "window": "1h", "linger": "1h" }));
    let found = old.look(&server, "stragglers");
    assert_eq!((&found["stragglers"], &found["safe_to_finish"]), (&json!([]), &json!(false)));
    assert_eq!((&found["successor"], &found["superseded_at"]), (&json!(new.id), &Value::Null));
    for (client, agent) in &mut agents {
        ask(client, "/gate", &old.token, agent).expect(200);
        ask(client, "/v1/tokens/self", &old.token, agent).expect(200);
    }
    let (client, agent) = &mut agents[0];
    ask(client, "/gate", &new.token, agent).expect(200);

    let found = old.look(&server, "stragglers");
    let left = found["stragglers"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{found}");
    assert_eq!((&left[0]["address"], &left[0]["agent"]), (&json!("127.0.0.3"), &json!("worker/2")));
    assert_eq!((&left[0]["count"], &found["safe_to_finish"]), (&json!(2), &json!(false)));
    assert!(found["superseded_at"].is_string() && found["dies_at"].is_string());
    let said = server.run(&["token", "stragglers", &old.id]);
    assert_eq!(said.code, Some(1));
    let said = said.stdout;
    assert!(said.contains("127.0.0.3  worker/2") && !said.contains("127.0.0.2"), "{said}");
    assert!(said.contains("not safe to finish: one still uses the old token"), "{said}");

    let (client, agent) = &mut agents[1];
    ask(client, "/gate", &new.token, agent).expect(200);
    let found = old.look(&server, "stragglers");
    assert_eq!((&found["stragglers"], &found["safe_to_finish"]), (&json!([]), &json!(true)));
    let said = server.run(&["token", "stragglers", &old.id]).done();
    assert!(said.starts_with("safe to finish"), "{said}");
}

#[test]
fn what_is_superseded_and_still_good_is_marked() {
    let (server, ada) = server();
    let old = Made::new(&server, &ada, &["orders:read"]);
    let mut client = server.client();
    let plain = ask(&mut client, "/gate", &old.token, "x").expect(200);
    assert_eq!(plain.header("x-auth-superseded-at"), Some(""));
    assert_eq!(
        (plain.header("deprecation"), introspect(&server, &old, "").header("deprecation")),
        (None, None)
    );
    let new = old.rotate(&server, &json!({ "mode": "overlap", "window": "1h" }));
    let shown = server.locally("GET", &format!("/v1/tokens/{}", old.id), &Value::Null).json();
    let since = shown["superseded_at"].as_str().unwrap();
    let marked = ask(&mut client, "/gate", &old.token, "x").expect(200);
    assert_eq!(marked.header("x-auth-superseded-at"), Some(since));
    let date = marked.header("deprecation").unwrap();
    let told = introspect(&server, &old, "").expect(200);
    let seconds = told.json()["superseded_at"].as_i64().unwrap();
    assert_eq!((date, told.header("deprecation")), (format!("@{seconds}").as_str(), Some(date)));
    let refused = ask(&mut client, "/gate?require=mail:send", &old.token, "x").expect(403);
    assert_eq!((refused.header("x-auth-superseded-at"), refused.header("deprecation")), (Some(since), None));
    let inactive = introspect(&server, &old, "&require=mail:send").expect(200);
    assert_eq!((inactive.text().as_str(), inactive.header("deprecation")), ("{\"active\":false}", None));
    let other = ask(&mut client, "/gate", &new.token, "x").expect(200);
    assert_eq!((other.header("x-auth-superseded-at"), other.header("deprecation")), (Some(""), None));
    assert!(introspect(&server, &new, "").json().get("superseded_at").is_none());
}

#[test]
fn introspection_says_what_it_is_for() {
    let (server, ada) = server();
    let token = Made::new(&server, &ada, &["orders:*", "mail:send"]);
    for (require, active) in [
        ("orders:read", true),
        ("orders:read+mail:send", true),
        ("orders:read+mail:read", false),
        ("bills:read|orders:write", true),
        ("bills:read%7Cmail:read+mail:send", false),
        ("", true),
    ] {
        let reply = introspect(&server, &token, &format!("&require={require}")).expect(200);
        assert_eq!(reply.json()["active"], active, "{require}");
        let list: Vec<String> =
            require.split('+').filter(|it| !it.is_empty()).map(|it| it.replace("%7C", "|")).collect();
        let mut body = json!({ "tokens": [token.token] });
        if !list.is_empty() {
            body["require"] = json!(list);
        }
        let reply = server.locally("POST", "/v1/introspect/batch", &body).expect(200).json();
        assert_eq!(reply["items"][0]["active"], active, "{require}");
    }
    for wrong in ["orders", "orders:read|", "+", "Orders:read"] {
        let reply = introspect(&server, &token, &format!("&require={wrong}"));
        reply.problem(400);
        assert_eq!(reply.json()["field"], "require", "{wrong}");
    }
    for wrong in [json!([]), json!([""]), json!(["a:b c:d"]), json!(vec!["a:b"; 101])] {
        let body = json!({ "tokens": [token.token], "require": wrong });
        let reply = server.locally("POST", "/v1/introspect/batch", &body);
        reply.problem(400);
        assert_eq!(reply.json()["field"], "require");
    }
}

#[test]
fn what_was_never_asked_for_is_told_and_goes() {
    let mut server = Server::setup().at("-3d").start();
    let ada = server.administrator("ada");
    let token = Made::new(&server, &ada, &["orders:*", "bills:read", "jeton:introspect", "jeton:admin"]);
    let mut client = server.client();
    ask(&mut client, "/gate?require=orders:read", &token.token, "x").expect(200);
    ask(&mut client, "/gate?require=mail:send", &token.token, "x").expect(403);
    client.post("/oauth/introspect").bearer(&token.token).form("token=x").send().expect(200);
    let needs = token.look(&server, "privileges");
    assert_eq!(needs["granted"], json!(["bills:read", "jeton:admin", "jeton:introspect", "orders:*"]));
    assert_eq!(needs["never"], json!(["bills:read", "jeton:admin"]));
    assert_eq!(needs["to_used"], json!(["jeton:introspect", "orders:read"]));
    let demanded: Vec<_> =
        needs["demanded"].as_array().unwrap().iter().map(|it| it["privilege"].as_str().unwrap()).collect();
    assert_eq!(demanded, ["jeton:introspect", "mail:send", "orders:read"]);
    assert_eq!(needs["asked_openly_at"], Value::Null);
    let shown = server.locally("GET", &format!("/v1/tokens/{}", token.id), &Value::Null).json();
    assert_eq!(needs["since"], shown["created_at"]);
    let minter = Made::new(&server, &ada, &["orders:*", "bills:read"]);
    server.child(&minter.token, &json!({ "name": "child", "privileges": ["bills:read"] }));
    assert_eq!(minter.look(&server, "privileges")["to_used"], json!(["bills:read"]));
    let open = Made::new(&server, &ada, &["orders:*"]);
    introspect(&server, &open, "").expect(200);
    let young = Made::new(&server, &ada, &["orders:*"]);
    server.stop();

    // Three days later, in which nothing was asked.
    server.set_env("FAKETIME", "+0");
    server.launch();
    let narrow =
        |id: &str, more: &[&str]| server.run(&[&["token", "narrow", id, "--to-used"], more].concat());
    let refused = narrow(&open.id, &[]).refused(1);
    assert!(refused.contains("didn't say for what"), "{refused}");
    let refused = narrow(&young.id, &["--dry-run"]).refused(1);
    assert!(refused.contains("nothing was asked of it"), "{refused}");
    let fresh = Made::new(&server, &ada, &["orders:*"]);
    let refused = narrow(&fresh.id, &[]).refused(1);
    assert!(refused.contains("less than a day"), "{refused}");
    let plan = narrow(&token.id, &["--dry-run"]).done();
    assert!(plan.contains("stays  jeton:introspect orders:read"), "{plan}");
    assert!(plan.contains("goes   bills:read jeton:admin orders:*"), "{plan}");
    assert!(token.look(&server, "privileges")["granted"].as_array().unwrap().len() == 4, "nothing was done");
    let printed = narrow(&token.id, &["--mode", "now"]).done();
    let successor = Wire::read(printed.trim()).uuid();
    let shown = server.locally("GET", &format!("/v1/tokens/{successor}"), &Value::Null).json();
    assert_eq!(shown["privileges"], json!(["jeton:introspect", "orders:read"]));
    assert_eq!(shown["replaces"], json!(token.id));
    let printed = narrow(&fresh.id, &["--anyway", "--json"]).json();
    assert_eq!(printed["privileges"], json!([]));
    let said = server.run(&["token", "privileges", &open.id]).done();
    assert!(said.contains("never asked for  orders:*") && said.contains("asked openly     20"), "{said}");
}

#[test]
fn a_member_sees_their_own_and_nobody_elses() {
    let (server, ada) = server();
    let token = Made::new(&server, &ada, &["orders:read"]);
    token.rotate(&server, &json!({ "mode": "overlap", "window": "1h" }));
    let moss = server.member("moss");
    for what in ["privileges", "stragglers"] {
        let path = format!("/v1/tokens/{}/{what}", token.id);
        assert_eq!(server.ask(&moss.basic(), "GET", &path, &Value::Null).problem(404), "not_found");
        server.ask(&ada.basic(), "GET", &path, &Value::Null).expect(200);
        server.locally("GET", &format!("/v1/tokens/self/{what}"), &Value::Null).problem(404);
    }
}

#[test]
fn a_deleted_users_traces_go_with_them() {
    let (mut server, _) = server();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client().from([127, 0, 0, 9]);
    ask(&mut client, "/gate?require=orders:read", &token, "of-anna").expect(200);
    server.run(&["user", "delete", "anna"]).done();
    server.stop();
    let connection = database::open(&server.data());
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("token_sources"), count("token_demands")), (0, 0));
}
