//! Signals, sockets, TLS and a log that nobody reads: what surrounds a running server.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::harness::{
    Client, Run, Server, Target,
    command::{append, text, wait_for_end},
    files::mode,
    server::named,
    wait_for,
};

#[test]
fn both_stop_signals_end_with_exit_code_0_at_once() {
    for which in [Signal::TERM, Signal::INT] {
        let mut server = Server::start();
        let start = Instant::now();
        server.signal(which);
        // The second of either is harmless.
        server.signal(Signal::TERM);
        server.signal(Signal::INT);
        let status = server.terminate_within(Duration::from_secs(3));
        assert_eq!(status.code(), Some(0), "{}", server.log());
        assert!(start.elapsed() < Duration::from_secs(1), "{:?} with nothing to do", start.elapsed());
    }
}

#[test]
fn idle_connections_do_not_hold_up_a_stop() {
    let mut server = Server::start();
    let mut clients: Vec<_> = (0..50).map(|_| server.client()).collect();
    for client in &mut clients {
        client.get("/health/live").send().expect(200);
    }
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn a_request_that_never_ends_holds_up_a_stop_for_3_seconds_at_most() {
    let mut server = Server::start();
    let mut client = server.client();
    client.write_raw(b"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_millis(3_500), "{:?}", start.elapsed());
}

#[test]
fn a_hangup_and_a_pause_are_survived() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    for which in [Signal::HUP, Signal::PIPE, Signal::STOP, Signal::CONT] {
        server.signal(which);
    }
    assert!(server.accepts(&token) && server.runs());
}

#[test]
fn a_log_that_nobody_reads_stalls_no_request() {
    // The server's standard error is a pipe that fills up: 64 KiB, then a write would block.
    let server = Server::setup()
        .env("JETON_LOG", "trace")
        .shell("mkfifo full && exec \"$@\" 2<>full")
        .env("PATH", "/usr/bin:/bin")
        .start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for count in 0..2_000 {
        // Each leaves something to say: a refusal, a mutation, a route that isn't.
        client.get(&format!("/nowhere/{count}")).send().expect(404);
        client.get("/v1/me").bearer("jtn_wrong").send().expect(401);
    }
    client.post("/v1/tokens").bearer(&token).json(&named("still")).send().expect(201);
}

#[test]
fn a_unix_socket_serves_like_the_port() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("jeton.sock");
    let server = Server::setup().flags(&["--unix", text(&socket)]).start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = Client::new(Target::Unix(socket));
    let list = client.get("/v1/users").bearer(server.secret()).send().expect(200);
    assert_eq!(server.client().get("/v1/users").bearer(server.secret()).send().expect(200).body, list.body);
    client.get("/v1/me").bearer(&token).send().expect(200);
}

#[test]
fn a_socket_handed_over_is_the_one_that_is_listened_on() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let run = Run::new(&["serve"])
        .data_dir(&data)
        .within(home.path())
        .shell("exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"");
    let log = append(&home.path().join("log"));
    let mut child = run.command().stdin(Stdio::from(OwnedFd::from(listener))).stderr(log).spawn().unwrap();
    let mut client = Client::new(Target::Tcp(address));
    // The socket listens from before the start: the first request waits rather than fails.
    let reply = client.get("/health/ready").send();
    let control =
        wait_for("control.json", Duration::from_secs(5), || fs::read(data.join("control.json")).ok());
    let control = String::from_utf8(control).unwrap();
    crate::harness::command::signal(child.id(), Signal::TERM);
    assert_eq!(wait_for_end(&mut child, Duration::from_secs(5)).code(), Some(0));
    reply.expect(200);
    assert!(control.contains(&address.to_string()), "{control}");
}

#[test]
fn tls_is_spoken_with_the_certificate_that_was_given_and_nothing_else_is() {
    let home = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    crate::harness::files::set_mode(&key, 0o600);
    let server =
        Server::setup().flags(&["--tls-cert", text(&cert), "--tls-key", text(&key)]).start_over_control();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let session = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut tls = rustls::StreamOwned::new(session, TcpStream::connect(server.address()).unwrap());
    tls.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // Whether it says goodbye in TLS is not what this asks.
    let _ = tls.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));

    let plain = server.client().raw(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        !plain.starts_with(b"HTTP/1.1 2"),
        "plain HTTP on the TLS port: {}",
        String::from_utf8_lossy(&plain)
    );
}

#[test]
fn no_secret_is_in_the_arguments_or_the_environment() {
    let server = Server::start();
    let proc = format!("/proc/{}", server.pid());
    let seen =
        [fs::read(format!("{proc}/cmdline")).unwrap(), fs::read(format!("{proc}/environ")).unwrap()].concat();
    let secret = server.secret().as_bytes();
    assert!(!seen.windows(secret.len()).any(|window| window == secret));
    assert_eq!(mode(&server.data().join("control.json")), 0o600);
}

#[test]
fn liveness_and_readiness_answer_anybody() {
    let server = Server::start();
    for path in ["/health/live", "/health/ready"] {
        server.client().get(path).send().expect(200);
        let head = server.client().request("HEAD", path).send().expect(200);
        assert_eq!(head.body, b"");
    }
}

#[test]
fn an_expectation_is_met_before_the_body_is_sent() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let body = r#"{"name":"later"}"#;
    let head = format!(
        "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    client.write_raw(head.as_bytes()).unwrap();
    assert_eq!(client.read_reply(false).unwrap().status, 100);
    client.write_raw(body.as_bytes()).unwrap();
    assert_eq!(client.read_reply(false).unwrap().status, 201);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let ask = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
            .into_bytes()
    };
    let requests = [ask("/v1/me"), ask("/nowhere"), ask("/v1/tokens/self")].concat();
    client.write_raw(&requests).unwrap();
    let statuses: Vec<_> = (0..3).map(|_| client.read_reply(false).unwrap().status).collect();
    assert_eq!(statuses, [200, 404, 200]);
}
