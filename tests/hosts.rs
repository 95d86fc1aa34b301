//! Whom a request means: jeton answers to its own names alone, so that no page whose name is made to point here reads
//! a reply, and says no host's name back.

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, server::named};

/// What no reply may hold, in whatever case.
const MARK: &str = "evil";

/// Hosts that aren't jeton's, each with the mark in it.
const STRANGERS: [&str; 12] = [
    "evil.example",
    "evil.example:8700",
    "EVIL.localhost.example",
    "evil",
    "127.0.0.1.evil.example",
    "localhost.evil",
    "evil.localhost:x",
    "evil@localhost",
    "localhost:80@evil",
    "[::1]evil",
    "localhost, evil",
    "evil.localhost..",
];

/// Whether a reply says the mark anywhere.
fn echoes(reply: &Reply) -> bool {
    let head = reply.headers.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let all = [head.collect(), String::from_utf8_lossy(&reply.body).into_owned()].concat();
    all.to_lowercase().contains(MARK)
}

/// Whether a path is the gate's, where proxies send the application's host.
fn is_gate(path: &str) -> bool {
    path == "/gate" || path.starts_with("/gate/")
}

/// Every path that is served but the gate's, with something in place of its parameters, and which methods it takes.
fn paths(server: &Server) -> Vec<(String, Vec<String>)> {
    let document = server.client().get("/openapi.json").send().expect(200).json();
    let paths = document["paths"].as_object().unwrap().iter();
    let filled = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "default" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let methods =
        |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    let page = ["/", "/assets/x/style.css", "/nowhere"].map(|path| (path.to_owned(), vec!["GET".to_owned()]));
    let paths = paths.filter(|(path, _)| !is_gate(path)).map(|(path, item)| (filled(path), methods(item)));
    page.into_iter().chain(paths).collect()
}

#[test]
fn no_path_is_answered_to_a_stranger() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let token = server.token(&ada);
    let mut client = server.client();
    let paths = paths(&server);
    assert!(paths.len() > 40, "{paths:?}");
    for (path, methods) in &paths {
        for method in methods.iter().map(String::as_str).chain(["OPTIONS", "PROPFIND"]) {
            let request = client.request(method, path).header("Host", "evil.example").bearer(&token);
            let reply = request.send();
            assert_eq!(reply.problem(421), "host_unknown", "{method} {path}");
            assert!(!echoes(&reply), "{method} {path}: {reply:?}");
        }
    }
    // The credential was good, and nothing was done with it.
    assert!(server.accepts(&token));
}

#[test]
fn a_stranger_is_told_what_to_set_and_not_its_name() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let mut client = server.client();
    for host in STRANGERS {
        let request = client.post("/v1/tokens").basic(&ada.name, &ada.password).header("Host", host);
        let reply = request.json(&named("rebound")).send();
        assert_eq!(reply.problem(421), "host_unknown", "{host}");
        let detail = reply.json()["detail"].to_string();
        assert!(detail.contains("`public_url`") && detail.contains("`hosts`"), "{detail}");
        assert!(!echoes(&reply), "{host}: {reply:?}");
        let head = client.request("HEAD", "/v1/me").header("Host", host).send();
        assert_eq!((head.status, head.body.len()), (421, 0), "{host}");
    }
    client.get("/health/live").header("Host", b"\xe9vil").send().expect(421);
    client.get("/health/live").header("Host", "").send().expect(421);
    // Nothing was made, and the connection is as good as before.
    let list = client.get("/v1/tokens").basic(&ada.name, &ada.password).send().expect(200).json();
    assert_eq!(list["items"], json!([]));
}

/// The status of a request that means `host`.
fn asked(client: &mut Client, host: &str) -> u16 {
    client.get("/health/live").header("Host", host).send().status
}

#[test]
fn addresses_localhost_the_public_name_and_those_that_are_set_are_answered() {
    let server = Server::start();
    let mut client = server.client();
    let everybodys = [
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "page.localhost:8700",
        "127.0.0.1",
        "192.0.2.1:8700",
        "[::1]",
        "[2001:db8::1]:8700",
    ];
    let address = server.address().to_string();
    for host in everybodys.into_iter().chain([address.as_str()]) {
        assert_eq!(asked(&mut client, host), 200, "{host}");
    }
    let own = ["tokens.example.org", "Tokens.Example.org:443", "jeton.internal", "jeton:8700", "jeton."];
    for host in own {
        assert_eq!(asked(&mut client, host), 421, "{host}");
    }
    let named = Server::setup()
        .flags(&["--public-url", "https://tokens.example.org:8443/jeton"])
        .env("JETON_HOSTS", "Jeton.internal, jeton")
        .start();
    let mut client = named.client();
    for host in own.into_iter().chain(everybodys) {
        assert_eq!(asked(&mut client, host), 200, "{host}");
    }
    for host in ["example.org", "a.jeton.internal", "jeton.internal.evil"] {
        assert_eq!(asked(&mut client, host), 421, "{host}");
    }
}

#[test]
fn http_1_0_may_leave_the_host_out_and_not_make_one_up() {
    let server = Server::start();
    let ask = |headers: &str| {
        let request = format!("GET /health/live HTTP/1.0\r\n{headers}\r\n");
        let answer = server.client().raw(request.as_bytes());
        String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(ask(""), "200");
    assert_eq!(ask("Host: localhost\r\n"), "200");
    assert_eq!(ask("Host: evil.example\r\n"), "421");
}

#[test]
fn over_a_unix_socket_any_host_will_do() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("jeton.sock");
    let path = socket.to_str().unwrap();
    let server = Server::setup().flags(&["--unix", path]).start();
    for mut client in [server.control_client(), Client::new(crate::harness::Target::Unix(socket.clone()))] {
        assert_eq!(asked(&mut client, "evil.example"), 200);
    }
    assert_eq!(asked(&mut server.client(), "evil.example"), 421);
}

#[test]
fn the_gate_is_asked_for_any_host() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let token = server.token(&ada);
    let mut client = server.client();
    for host in ["evil.example", "evil.example:8443", "localhost"] {
        for path in ["/gate", "/gate?require=orders:read"] {
            let reply = client.get(path).header("Host", host).bearer(&token).send();
            assert_eq!(reply.status, 200, "{host} {path}: {reply:?}");
            assert!(!echoes(&reply), "{reply:?}");
            let reply = client.get(path).header("Host", host).send();
            assert_eq!(reply.status, 401, "{host} {path}");
            assert!(!echoes(&reply), "{reply:?}");
        }
    }
    assert!(is_gate("/gate/policy/orders") && !is_gate("/gates"));
    assert_eq!(client.get("/gates").header("Host", "evil.example").send().problem(421), "host_unknown");
}

/// Where any host is answered, and where a proxy's headers name another one.
#[test]
fn no_reply_says_a_host_back() {
    let server = Server::setup().flags(&["--api-trusts-proxy"]).start();
    let ada = server.administrator("ada");
    let paths = paths(&server);
    let named = [("X-Forwarded-Host", MARK), ("Forwarded", "host=evil"), ("X-Original-Host", MARK)];
    let seen = |reply: &Reply, path: &str| assert!(!echoes(reply), "{path}: {reply:?}");
    let mut good = 0;
    for (path, _) in paths.iter().filter(|(_, methods)| methods.iter().any(|method| method == "GET")) {
        for credential in [server.secret(), "jtn_wrong"] {
            for host in STRANGERS {
                let reply = server.control_client().get(path).header("Host", host).bearer(credential).send();
                assert_ne!(reply.status, 421, "{path}");
                good += usize::from(reply.status == 200);
                seen(&reply, path);
            }
            for (name, value) in named {
                seen(&server.client().get(path).header(name, value).bearer(credential).send(), path);
            }
        }
    }
    assert!(good > 20 * STRANGERS.len(), "only {good} were answered at all");
    // What is made has a path, and so has what a list goes on with.
    let mut client = server.control_client();
    for name in ["one", "two"] {
        let request = client.post("/v1/tokens").basic(&ada.name, &ada.password).header("Host", MARK);
        let made = request.json(&json!({ "name": name })).send().expect(201);
        assert!(made.header("location").is_some_and(|place| place.starts_with("/v1/tokens/")), "{made:?}");
        seen(&made, "a new token");
    }
    let page =
        client.get("/v1/events?format=csv&limit=1").bearer(server.secret()).header("Host", MARK).send();
    assert!(page.header("link").is_some_and(|link| link.starts_with("</v1/events?")), "{page:?}");
    seen(&page, "a page");
}

#[test]
fn an_echo_would_be_noticed() {
    let reply = |place: &str, body: &str| Reply {
        status: 200,
        headers: vec![("location".into(), place.into())],
        body: body.into(),
    };
    assert!(!echoes(&reply("/v1/tokens", "{}")));
    assert!(echoes(&reply("http://Evil.example/v1/tokens", "{}")));
    assert!(echoes(&reply("/v1/tokens", "{\"servers\":[{\"url\":\"http://evil.example\"}]}")));
}
