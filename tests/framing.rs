//! Requests that two readers could read in two ways: refused at the door, and nothing smuggled behind them.

use crate::harness::{Server, server::Setup};

struct Stage {
    server: Server,
    token: String,
}

impl Stage {
    fn new() -> Self {
        Self::of(Server::setup())
    }

    fn of(setup: Setup) -> Self {
        let server = setup.start();
        let anna = server.user("anna");
        let token = server.token(&anna);
        Self { server, token }
    }

    /// Sends these bytes (`TOKEN` stands for a good one) and gives all statuses that come back, and the last body.
    fn send(&self, bytes: &[u8]) -> (Vec<u16>, String) {
        let text = String::from_utf8_lossy(&self.server.client().raw(&self.filled(bytes))).into_owned();
        let statuses =
            text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok());
        (statuses.collect(), text)
    }

    fn filled(&self, bytes: &[u8]) -> Vec<u8> {
        let mut filled = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.windows(5).position(|window| window == b"TOKEN") {
            filled.extend_from_slice(&rest[..at]);
            filled.extend_from_slice(self.token.as_bytes());
            rest = &rest[at + 5..];
        }
        [filled, rest.to_vec()].concat()
    }

    /// Asserts that one reply comes, of one of these statuses, as a problem where it is HTTP at all.
    #[track_caller]
    fn refuses(&self, expected: &[u16], bytes: &[u8]) {
        let (statuses, text) = self.send(bytes);
        let shown = String::from_utf8_lossy(bytes);
        let shown: String = shown.chars().take(200).collect();
        assert_eq!(statuses.len(), 1, "{shown:?} was answered {statuses:?}");
        assert!(expected.contains(&statuses[0]), "{shown:?} was answered {statuses:?}");
        assert!(text.contains("application/problem+json") || statuses[0] == 400, "{shown:?}: {text}");
    }
}

#[test]
fn both_framings_and_doubled_ones_are_400_and_nothing_is_smuggled() {
    let stage = Stage::new();
    let hidden = "GET /v1/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer TOKEN\r\n\r\n";
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 0\r\nContent-Length: 70\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: y\r\n folded\r\n",
        "X : y\r\n",
        " X: y\r\n",
    ] {
        let request =
            format!("POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n0\r\n\r\n{hidden}");
        stage.refuses(&[400, 413], request.as_bytes());
    }
}

#[test]
fn a_line_that_ends_in_a_bare_newline_is_400() {
    let stage = Stage::new();
    stage.refuses(&[400], b"GET /health/live HTTP/1.1\nHost: localhost\n\n");
    stage.refuses(&[400], b"GET /health/live HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n");
    stage.refuses(&[400], b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n");
}

#[test]
fn one_host_and_no_more() {
    let stage = Stage::new();
    stage.refuses(&[400], b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n");
    stage.refuses(&[400], b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n");
    stage.refuses(&[400], b"GET /health/live HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n");
}

#[test]
fn a_doubled_credential_is_400() {
    let stage = Stage::new();
    for name in ["Authorization", "x-api-key", "x-access-token", "user-token", "X-API-KEY"] {
        let value = if name == "Authorization" { "Bearer TOKEN" } else { "TOKEN" };
        let request = format!(
            "GET /v1/me HTTP/1.1\r\nHost: localhost\r\n{name}: {value}\r\n{name}: {value}\r\nConnection: close\r\n\r\n"
        );
        stage.refuses(&[400], request.as_bytes());
    }
}

#[test]
fn a_raw_path_that_means_two_things_is_never_more_than_400() {
    let stage = Stage::new();
    for path in [
        "//v1/me",
        "/v1//me",
        "/v1/me//",
        "/v1/./me",
        "/v1/../v1/me",
        "/../v1/me",
        "/v1/%2e%2e/v1/me",
        "/v1/%2E/me",
        "/v1%2fme",
        "/v1%2Fme",
        "/v1%5cme",
        "/v1%5Cme",
        "/v1\\me",
        "/v1/me%00",
        "/v1/me%00.json",
        "/%c0%afv1/me",
        "/v1/%e0%80%afme",
        "/v1/me%",
        "/v1/me%2",
        "/v1/me%zz",
        "/v1/me%0a",
        "/v1/%ff",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer TOKEN\r\nConnection: close\r\n\r\n"
        );
        stage.refuses(&[400], request.as_bytes());
    }
    for target in ["http://evil/v1/me", "https://x/v1/me", "*", "v1/me", "x:443", "?a", "#"] {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer TOKEN\r\nConnection: close\r\n\r\n"
        );
        stage.refuses(&[400, 404], request.as_bytes());
    }
    stage.refuses(&[400, 405], b"CONNECT x:443 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stage.refuses(&[400, 404, 405], b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

#[test]
fn other_protocols_are_not_spoken() {
    let stage = Stage::new();
    let (statuses, text) = stage.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(statuses.is_empty() || statuses[0] >= 400, "{text}");
    assert!(!text.as_bytes().starts_with(b"\0\0"), "a settings frame came back");
    let upgrade = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";
    assert!(!stage.send(upgrade).0.contains(&101));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"\0\0\0\0\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1 x\r\n\r\n",
    ] {
        let (statuses, text) = stage.send(&[garbage, b"\r\n\r\n"].concat());
        assert!(statuses.is_empty() || statuses == [400], "{text}");
    }
    // HTTP/1.0 is answered or refused, never taken for 1.1 with a body left over.
    let (statuses, _) = stage.send(b"GET /health/live HTTP/1.0\r\n\r\n");
    assert!(statuses.len() <= 1, "{statuses:?}");
}

#[test]
fn heads_are_bounded_in_bytes_and_lines() {
    let stage = Stage::new();
    let headers = |count: usize| (0..count).map(|at| format!("x-{at}: y\r\n")).collect::<String>();
    let request = |extra: &str| {
        format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}\r\n")
    };
    assert_eq!(stage.send(request(&headers(62)).as_bytes()).0, [200], "64 in all");
    for count in [63, 101, 1_000] {
        stage.refuses(&[431], request(&headers(count)).as_bytes());
    }
    stage.refuses(&[431], request(&format!("x: {}\r\n", "y".repeat(17_000))).as_bytes());
    stage.refuses(&[431, 413], request(&format!("x: {}\r\n", "y".repeat(409_600))).as_bytes());
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(65_535));
    stage.refuses(&[414, 431], long.as_bytes());
    let chunk = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;{}\r\nx\r\n0\r\n\r\n",
        "e".repeat(20_000)
    );
    stage.refuses(&[400, 413], chunk.as_bytes());
}

/// hyper's own refusal of a head is bare: it is replaced on a kept connection as on a new one.
#[test]
fn a_head_that_is_too_large_is_told_so_after_a_good_request_too() {
    let server = Server::start();
    let mut client = server.client();
    client.get("/health/live").send().expect(200);
    let large = client.get("/health/live").header("x-large", "y".repeat(17_000)).send();
    assert_eq!(large.problem(431), "head_too_large");
}

#[test]
fn what_breaks_off_ends_no_connection_but_its_own() {
    let stage = Stage::new();
    let mut good = stage.server.client();
    good.get("/v1/me").bearer(&stage.token).send().expect(200);
    for piece in [
        &b"G"[..],
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX",
        b"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
        b"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n",
        b"\xff\xff\xff\xff",
    ] {
        let mut client = stage.server.client();
        client.write_raw(piece).unwrap();
        client.drop_connection();
        assert!(good.is_connected());
        good.get("/v1/me").bearer(&stage.token).send().expect(200);
    }
}

#[test]
fn a_client_does_not_choose_its_own_address() {
    let stage = Stage::new();
    let mut client = stage.server.client();
    for (name, value) in [
        ("X-Real-IP", "192.0.2.99"),
        ("X-Forwarded-For", "192.0.2.99"),
        ("Forwarded", "for=192.0.2.99"),
        ("X_Real_IP", "192.0.2.99"),
    ] {
        let request = client.post("/v1/tokens").bearer(&stage.token).header(name, value);
        request.json(&serde_json::json!({ "name": "from" })).send().expect(201);
    }
    let connection = crate::harness::database::open(&stage.server.data());
    let seen = crate::harness::database::dump(&connection, "events").concat();
    assert!(
        !seen.iter().any(|value| value.contains("192.0.2.99"))
            && seen.iter().any(|value| value == "127.0.0.1")
    );
}
