//! What is answered at the door without hyper and without Rocket: nobody can tell.

use serde_json::{Value, json};

use crate::harness::{
    Reply, Server,
    client::{Client, Request},
};

/// What differs from any reply to the next one, taken away: when it was made, what its request is called, and a use's
/// time, which the tag of what shows it covers too.
fn settled(mut reply: Reply) -> (u16, Vec<(String, String)>, String) {
    reply.settle();
    for (name, value) in &mut reply.headers {
        if name == "etag" {
            *value = value.split('-').next().unwrap_or_default().to_owned();
        }
    }
    reply.headers.sort();
    let body = match serde_json::from_slice::<Value>(&reply.body) {
        Ok(mut document) => {
            if let Some(document) = document.as_object_mut() {
                document.remove("last_used_at");
            }
            document.to_string()
        }
        Err(_) => reply.text(),
    };
    reply.headers.retain(|(name, _)| name != "content-length" || body.is_empty());
    (reply.status, reply.headers, body)
}

/// A connection that has left the lane.
fn beyond(server: &Server) -> Client {
    let mut client = server.client();
    client.get("/health/live").send().expect(200);
    client
}

struct Stage {
    server: Server,
    good: String,
    asker: String,
    dead: String,
}

impl Stage {
    fn new() -> Self {
        let server = Server::setup().flags(&["--trusted-proxy", "127.0.0.0/8"]).start();
        let anna = server.user("anna");
        let [good, dead] = [(); 2].map(|()| server.token(&anna));
        let asker = server.token_with(&server.administrator("root"), &["--privilege", "jeton:introspect"]);
        server.client().delete("/v1/tokens/self").bearer(&dead).send().expect(204);
        Self { server, good, asker, dead }
    }

    /// Asserts that a request is answered the same on a fresh connection and on one that hyper has; says how.
    #[track_caller]
    fn same(&self, ask: impl for<'c> Fn(&'c mut Client) -> Request<'c>) -> u16 {
        let send = |mut client: Client| {
            let request = ask(&mut client);
            let shown = String::from_utf8_lossy(&request.bytes()).into_owned();
            (shown, request.send())
        };
        let ((shown, here), (_, there)) = (send(self.server.client()), send(beyond(&self.server)));
        let named = shown.to_ascii_lowercase().contains("x-request-id: ");
        assert!(!named || here.header("x-request-id") == there.header("x-request-id"), "{shown}");
        assert_eq!(here.header("x-request-id").is_some(), there.header("x-request-id").is_some(), "{shown}");
        let status = here.status;
        assert_eq!(settled(here), settled(there), "{shown}");
        status
    }
}

#[test]
fn a_gates_answer_is_the_same_with_hyper_and_without() {
    let stage = Stage::new();
    let Stage { good, dead, .. } = &stage;
    let gate = "/gate?require=a:b";
    assert_eq!(stage.same(|it| it.get(gate).bearer(good)), 200);
    assert_eq!(stage.same(|it| it.get("/gate").header("X-Api-Key", good)), 200);
    assert_eq!(stage.same(|it| it.get(gate).bearer(good).header("X-Request-Id", "from-nginx")), 200);
    assert_eq!(stage.same(|it| it.get(gate).bearer(good).header("X-Forwarded-For", "192.0.2.7, x")), 200);
    assert_eq!(stage.same(|it| it.request("HEAD", gate).bearer(good)), 200);
    assert_eq!(stage.same(|it| it.request("BREW", gate).bearer(good)), 200);
    assert_eq!(stage.same(|it| it.post(gate).bearer(good).form("a=b")), 200);
    assert_eq!(stage.same(|it| it.get(gate).bearer(dead)), 401);
    assert_eq!(stage.same(|it| it.get(gate)), 401);
    assert_eq!(stage.same(|it| it.get(gate).basic("anna", "no token")), 401);
    assert_eq!(stage.same(|it| it.get(gate).bearer(good).bearer(good)), 400);
    assert_eq!(stage.same(|it| it.get(gate).header("Authorization", b"Bearer \xff")), 401);
    assert_eq!(stage.same(|it| it.get("/gate?require=a").bearer(good)), 400);
    assert_eq!(stage.same(|it| it.get("/gate?profile=nginx&policy=none").bearer(good)), 403);
    assert_eq!(stage.same(|it| it.get("/gate/policy/none/x").bearer(good)), 400);
    assert_eq!(stage.same(|it| it.get("/gates").bearer(good)), 404);
    assert_eq!(stage.same(|it| it.get("http://localhost/gate").bearer(good)), 400);
    assert_eq!(stage.same(|it| it.get("/gate#require=a").bearer(good)), 200, "a fragment is nobody's");
    // More than the lane has room for at first, and more than any head may have.
    assert_eq!(stage.same(|it| it.get(gate).bearer(good).header("X-Long", "x".repeat(9_000))), 200);
    assert_eq!(stage.same(|it| it.get(gate).bearer(good).header("X-Long", "x".repeat(20_000))), 431);
    let many =
        |it: &mut Client| (0..65).fold(it.get(gate).bearer(good), |it, _| it.header("X-Many", "x")).send();
    assert_eq!(settled(many(&mut stage.server.client())), settled(many(&mut beyond(&stage.server))));
}

#[test]
fn a_tokens_own_document_is_the_same_with_rocket_and_without() {
    let stage = Stage::new();
    let Stage { good, dead, .. } = &stage;
    let path = "/v1/tokens/self";
    assert_eq!(stage.same(|it| it.get(path).bearer(good)), 200);
    assert_eq!(stage.same(|it| it.get(path).basic("", good).header("User-Agent", "curl/8")), 200);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("X-Request-Id", "mine")), 200);
    assert_eq!(stage.same(|it| it.request("HEAD", path).bearer(good)), 200);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("If-None-Match", "*")), 304);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("Cookie", "__Host-jeton=jts_x")), 400);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).bearer(good)), 400);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("X-Api-Key", good)), 400);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("Content-Encoding", "gzip")), 415);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("Host", "evil.example")), 421);
    assert_eq!(stage.same(|it| it.get(path).bearer(good).header("User-Agent", b"\xff")), 200);
    assert_eq!(stage.same(|it| it.get(path).bearer(dead)), 401);
    assert_eq!(stage.same(|it| it.get(path).bearer("jtn_none")), 401);
    assert_eq!(stage.same(|it| it.get(path).bearer(stage.server.secret())), 404);
    assert_eq!(stage.same(|it| it.get(path)), 401);
    assert_eq!(stage.same(|it| it.get("/v1/tokens/self?token=x").bearer(good)), 400);
    assert_eq!(stage.same(|it| it.get("/v1/tokens/self/").bearer(good)), 200);
    assert_eq!(stage.same(|it| it.get("/v1//tokens/self").bearer(good)), 400);
    let two =
        |it: &mut Client| it.get(path).header("Host", "localhost").header("Host", "a").bearer(good).send();
    assert_eq!(settled(two(&mut stage.server.client())), settled(two(&mut beyond(&stage.server))));
}

#[test]
fn an_introspection_is_the_same_with_rocket_and_without() {
    let stage = Stage::new();
    let Stage { good, dead, asker, .. } = &stage;
    let path = "/oauth/introspect";
    for (by, form, status) in [
        (asker, format!("token={good}"), 200),
        (asker, format!("token={good}&require=a:b&address=192.0.2.1&method=GET&host=h&path=/p"), 200),
        (asker, format!("token={dead}&token_type_hint=x"), 200),
        (asker, "token=none".to_owned(), 200),
        (asker, format!("token={good}&token={good}"), 400),
        (asker, format!("token={good}&address=x"), 400),
        (asker, format!("token={good}&require="), 200),
        (asker, "token=".to_owned(), 400),
        (asker, String::new(), 400),
        (asker, "token=%ff".to_owned(), 400),
        (asker, format!("_method=delete&token={good}"), 405),
        (good, format!("token={good}"), 403),
        (dead, format!("token={good}"), 401),
    ] {
        assert_eq!(stage.same(|it| it.post(path).bearer(by).form(&form)), status, "{form}");
    }
    let form = format!("token={good}");
    assert_eq!(stage.same(|it| it.post(path).form(&form)), 401);
    assert_eq!(stage.same(|it| it.post(path).basic("x", asker).form(&form)), 200);
    assert_eq!(
        stage.same(|it| it.post(path).bearer(asker).form(&form).header("Content-Encoding", "br")),
        415
    );
    assert_eq!(stage.same(|it| it.post(path).bearer(asker).json(&json!({"token": good}))), 400);
    assert_eq!(stage.same(|it| it.get(path).bearer(asker)), 405);
}

#[test]
fn one_connection_may_ask_anything_in_any_order_and_ahead() {
    let stage = Stage::new();
    let Stage { good, asker, .. } = &stage;
    let mut client = stage.server.client();
    let own = client.get("/v1/tokens/self").bearer(good).bytes();
    let gate = client.get("/gate").bearer(good).bytes();
    let refused = client.get("/gate").bytes();
    let form = format!("token={good}");
    let introspection = client.post("/oauth/introspect").bearer(asker).form(&form).bytes();
    let live = client.get("/health/live").bytes();
    let order = [&gate, &own, &refused, &introspection, &gate, &live, &gate, &own, &introspection, &refused];
    client.write_raw(&order.map(|bytes| bytes.clone()).concat()).unwrap();
    let statuses = order.map(|_| client.read_reply(false).unwrap().status);
    assert_eq!(statuses, [200, 200, 401, 200, 200, 200, 200, 200, 200, 401]);
    // In pieces, wherever it is cut.
    for cut in 1..introspection.len() {
        let mut client = stage.server.client();
        client.write_raw(&gate).unwrap();
        client.read_reply(false).unwrap().expect(200);
        client.write_raw(&introspection[..cut]).unwrap();
        if cut % 16 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        client.write_raw(&introspection[cut..]).unwrap();
        assert_eq!(client.read_reply(false).unwrap().expect(200).json()["active"], true, "cut at {cut}");
    }
}
