//! Bodies that aren't what they should be: unknown, doubled, mistyped, nested, and not JSON at all.

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, server::named};

struct Stage {
    server: Server,
    client: Client,
    token: String,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let anna = server.user("anna");
        let token = server.token(&anna);
        Self { client: server.client(), token, server }
    }

    fn post(&mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.client.post("/v1/tokens").bearer(&self.token).text("application/json", body).send()
    }

    /// How many tokens there are.
    fn count(&mut self) -> usize {
        let list: Value = self.client.get("/v1/tokens").bearer(&self.token).send().expect(200).json();
        list["items"].as_array().unwrap().len()
    }
}

#[track_caller]
fn refused(reply: &Reply) {
    assert!(matches!(reply.status, 400 | 415 | 422), "{}: {}", reply.status, reply.text());
    reply.problem(reply.status);
}

#[test]
fn fields_that_the_server_sets_are_refused_by_name() {
    let mut stage = Stage::new();
    for field in [
        "id",
        "uuid",
        "user",
        "hash",
        "digest",
        "secret",
        "token",
        "createdOn",
        "created_at",
        "updated_at",
        "changeSequence",
        "change_sequence",
        "expiresAt",
        "status",
        "minted_by",
        "number",
        "hint",
        "last_used_at",
        "last_used_address",
        "last_used_agent",
        "used",
        "uses",
        "networks",
        "operator",
        "nothing",
        "Name",
        "name ",
        "__proto__",
    ] {
        let mut body = named("t");
        body[field] = json!("x");
        let reply = stage.post(body.to_string());
        refused(&reply);
    }
    assert_eq!(stage.count(), 1);
}

#[test]
fn a_field_stated_twice_is_refused() {
    let mut stage = Stage::new();
    for body in [
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a","name":"a"}"#,
        r#"{"name":"a","restricted":true,"restricted":false}"#,
        r#"{"name":"a","n\u0061me":"b"}"#,
    ] {
        refused(&stage.post(body));
    }
    assert_eq!(stage.count(), 1);
}

#[test]
fn values_of_another_type_are_refused() {
    let mut stage = Stage::new();
    let odd = [json!(1), json!(true), json!([]), json!({}), json!(1.5)];
    for field in ["name", "description", "icon", "organization"] {
        for value in &odd {
            let mut body = named("t");
            body[field] = value.clone();
            refused(&stage.post(body.to_string()));
        }
    }
    for (field, values) in [
        ("restricted", [json!("true"), json!(1), json!([]), json!({})]),
        ("privileges", [json!("a:b"), json!(1), json!([1]), json!({ "a": "b" })]),
        ("modules", [json!("x"), json!(1), json!([1]), json!({})]),
        ("limits", [json!("10/s"), json!(1), json!([]), json!([{}])]),
    ] {
        for value in values {
            let mut body = named("t");
            body[field] = value;
            refused(&stage.post(body.to_string()));
        }
    }
    assert_eq!(stage.count(), 1);
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    let mut stage = Stage::new();
    let latin = b"{\"name\":\"caf\xe9\"}".to_vec();
    let surrogate = br#"{"name":"\ud800"}"#.to_vec();
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"\"name\"",
        b"1",
        b"{",
        b"}",
        b"{\"name\":\"a\"",
        b"{\"name\":\"a\"}x",
        b"{\"name\":\"a\"}{\"name\":\"b\"}",
        b"{'name':'a'}",
        b"{\"name\":\"a\",}",
        b"\xef\xbb\xbf{\"name\":\"a\"}",
    ];
    for body in bodies {
        refused(&stage.post(body));
    }
    refused(&stage.post(latin));
    refused(&stage.post(surrogate));
    refused(&stage.post(b"{\"name\":\"a\0b\"}".to_vec()));
    assert_eq!(stage.count(), 1);
}

#[test]
fn a_body_nested_a_hundred_thousand_deep_is_refused_and_the_server_goes_on() {
    let server = Server::setup().flags(&["--body-bytes", "1MiB"]).start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for field in ["name", "privileges", "x"] {
            let depth = 100_000;
            let body = format!("{{\"{field}\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let reply = client.post("/v1/tokens").bearer(&token).text("application/json", body).send();
            refused(&reply);
            let body = format!("{{\"{field}\":{}", open.repeat(depth));
            refused(&client.post("/v1/tokens").bearer(&token).text("application/json", body).send());
        }
    }
    assert!(server.accepts(&token));
}

#[test]
fn the_body_is_read_for_what_it_is_and_not_for_what_it_is_called() {
    // Scripts say `-d` and nothing more, which curl calls a form.
    let mut stage = Stage::new();
    for media_type in ["application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain"] {
        let request = stage.client.post("/v1/tokens").bearer(&stage.token);
        request.text(media_type, r#"{"name":"a"}"#).send().expect(201);
        let request = stage.client.post("/v1/tokens").bearer(&stage.token);
        refused(&request.text(media_type, "name=a").send());
    }
    let packed = stage.client.post("/v1/tokens").bearer(&stage.token).header("Content-Encoding", "gzip");
    assert_eq!(
        packed.text("application/json", "\x1f\x08").send().problem(415),
        "content_encoding_unsupported"
    );
    assert_eq!(stage.count(), 4);
}

#[test]
fn sql_in_every_field_is_only_text() {
    let mut stage = Stage::new();
    let corpus = [
        "'",
        "\"",
        "' OR '1'='1",
        "'; DROP TABLE token; --",
        "\\'; --",
        "1); DELETE FROM users; --",
        "x' AND sleep(9)--",
        "' UNION SELECT * FROM sqlite_schema --",
        "%27%20OR%201=1",
        "\u{2019} OR 1=1",
    ];
    for text in corpus {
        let made = stage.post(json!({ "name": text, "description": text }).to_string()).expect(201).json();
        assert_eq!((made["name"].as_str(), made["description"].as_str()), (Some(text), Some(text)));
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!("/v1/tokens/{encoded}"),
            format!("/v1/tokens?cursor={encoded}"),
            format!("/v1/tokens?limit={encoded}"),
            format!("/v1/users/{encoded}"),
        ] {
            // The local secret may look at users: what it names isn't there.
            let caller = if path.contains("users") { stage.server.secret() } else { &stage.token };
            let reply = stage.server.client().get(&path).bearer(caller).send();
            assert!(matches!(reply.status, 400 | 404 | 422), "{path} is {}", reply.status);
        }
        let reply = stage.client.get("/v1/me").basic(text, text).send();
        assert!(matches!(reply.status, 401 | 429), "{}", reply.status);
    }
    assert_eq!(stage.count(), corpus.len() + 1);
}

#[test]
fn a_list_is_taken_for_no_object() {
    let server = Server::start();
    let mut client = server.client();
    let mut ask = |method: &str, path: &str, body: &str| {
        let request = client.request(method, path).bearer(server.secret());
        request.text("application/json", body).send().problem(400);
    };
    ask("POST", "/v1/users", r#"["eve", "eve walks a crooked mile"]"#);
    ask("PATCH", "/v1/organizations/default/policy", "[false]");
    ask("PATCH", "/v1/organizations/default", r#"{"policy": [false]}"#);
    let policy = client.get("/v1/organizations/default/policy").bearer(server.secret()).send().json();
    assert_eq!(policy["api_access"], true);
}
