//! Time limits and caps, one connection at a time: what is half sent, unread or idle is closed on time.

use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use crate::harness::{
    Server, Target, alone, at_least,
    client::Stream,
    server::{Setup, named},
    wait_for,
};

/// Every limit at a second, so that a test is over soon.
fn hasty() -> Setup {
    Server::setup().flags(&[
        "--head-timeout",
        "1s",
        "--body-timeout",
        "1s",
        "--idle-timeout",
        "1s",
        "--write-timeout",
        "1s",
    ])
}

/// How long a connection stays open after `first` was written, with one byte of `drip` every 100 ms.
fn open_for(server: &Server, first: &[u8], drip: &[u8]) -> (Duration, Vec<u8>) {
    let mut stream = Stream::connect(&Target::Tcp(server.address()), None).unwrap();
    stream.write_all(first).unwrap();
    stream.patience(Duration::from_millis(100)).unwrap();
    let (start, mut answer, mut drip) = (Instant::now(), Vec::new(), drip.iter().cycle());
    while start.elapsed() < Duration::from_secs(10) {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => return (start.elapsed(), answer),
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // A byte to a connection that is being closed is lost, which is what this waits to see.
                let _ = drip.next().map(|byte| stream.write(&[*byte]));
            }
            Err(_) => return (start.elapsed(), answer),
        }
    }
    panic!("still open after {:?}", start.elapsed());
}

#[track_caller]
fn on_time(took: Duration) {
    let range = Duration::from_millis(800)..Duration::from_millis(2_500);
    assert!(range.contains(&took), "a limit of 1 s closed after {took:?}");
}

#[test]
fn a_half_sent_head_is_closed_on_time_however_it_drips() {
    let server = hasty().start();
    on_time(open_for(&server, b"", b"").0);
    on_time(open_for(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n", b"").0);
    on_time(open_for(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Drip: ", b"y").0);
}

#[test]
fn a_half_sent_body_is_closed_on_time_and_says_so() {
    let server = hasty().start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let head = |framing: &str| {
        format!(
            "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n{{"
        )
    };
    for (framing, drip) in [("Content-Length: 1000", &b""[..]), ("Content-Length: 1000", b" ")] {
        let (took, answer) = open_for(&server, head(framing).as_bytes(), drip);
        on_time(took);
        assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    }
    let chunked = head("Transfer-Encoding: chunked").replace("\r\n\r\n{", "\r\n\r\n5\r\n{");
    on_time(open_for(&server, chunked.as_bytes(), b"").0);
}

#[test]
fn an_idle_connection_is_closed_on_time() {
    let server = hasty().start();
    let (took, answer) = open_for(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", b"");
    on_time(took);
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_reader_that_does_not_read_is_closed_on_time() {
    let server = hasty().start();
    let reader = slow_reader(&server, [127, 0, 0, 1]);
    let port = reader.local_addr().unwrap().as_socket().unwrap().port();
    wait_for("the reader to be accepted", Duration::from_secs(2), || holds(&server, port).then_some(()));
    let start = Instant::now();
    wait_for("the reader to be dropped", Duration::from_secs(8), || (!holds(&server, port)).then_some(()));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(reader);
}

/// Whether the server holds a connection from this port; one that only the kernel still knows has no inode.
fn holds(server: &Server, port: u16) -> bool {
    let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", server.pid())).unwrap();
    let (ours, theirs) = (format!(":{:04X}", server.address().port()), format!(":{port:04X}"));
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|fields| fields[1].ends_with(&ours) && fields[2].ends_with(&theirs) && fields[9] != "0")
}

/// A connection that has asked for far more than it will ever read.
pub fn slow_reader(server: &Server, from: [u8; 4]) -> socket2::Socket {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind(&std::net::SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&server.address().into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(500);
    // As much as goes: the server stops reading once it can't write.
    let _ = (&socket).write(&request);
    socket
}

/// How many descriptors the server has open.
pub fn open_sockets(server: &Server) -> usize {
    let links = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().flatten();
    links
        .filter(|entry| {
            std::fs::read_link(entry.path())
                .is_ok_and(|to| to.as_os_str().to_string_lossy().starts_with("socket:"))
        })
        .count()
}

#[test]
fn the_defaults_are_ten_seconds_for_a_head_and_for_a_body() {
    let server = Server::start();
    let body = b"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{";
    std::thread::scope(|scope| {
        let waits = [&b"GET / HTTP/1.1\r\n"[..], body].map(|first| {
            let server = &server;
            scope.spawn(move || {
                let mut stream = Stream::connect(&Target::Tcp(server.address()), None).unwrap();
                stream.write_all(first).unwrap();
                let start = Instant::now();
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                start.elapsed()
            })
        });
        for wait in waits {
            let took = wait.join().unwrap();
            assert!((9.5..13.0).contains(&took.as_secs_f64()), "{took:?}");
        }
    });
}

#[test]
fn one_peer_has_its_share_and_no_more() {
    let server = Server::setup().flags(&["--connections-per-peer", "8"]).start();
    let mut held: Vec<_> = (0..8).map(|_| server.client().from([127, 0, 0, 50])).collect();
    for client in &mut held {
        client.get("/health/live").send().expect(200);
    }
    let over = server.client().from([127, 0, 0, 50]).get("/health/live").try_send();
    assert!(over.is_err() || over.as_ref().is_ok_and(|reply| reply.status == 503), "{over:?}");
    server.client().from([127, 0, 0, 51]).get("/health/live").send().expect(200);
    for client in &mut held {
        client.get("/health/live").send().expect(200);
    }
    held.pop();
    wait_for("the place to be free again", Duration::from_secs(2), || {
        let reply = server.client().from([127, 0, 0, 50]).get("/health/live").try_send().ok()?;
        (reply.status == 200).then_some(())
    });
}

#[test]
fn connections_in_all_are_capped_and_the_cap_frees_up() {
    let server = Server::setup().flags(&["--connections", "16", "--connections-per-peer", "16"]).start();
    let mut held: Vec<_> = (0..16).map(|at| server.client().from([127, 0, 1, at + 1])).collect();
    for client in &mut held {
        client.get("/health/live").send().expect(200);
    }
    let mut over = Stream::connect(&Target::Tcp(server.address()), Some([127, 0, 2, 1])).unwrap();
    over.patience(Duration::from_millis(300)).unwrap();
    over.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut buffer = [0; 12];
    let told = over.read(&mut buffer).unwrap_or(0);
    assert_ne!(&buffer[..told], b"HTTP/1.1 200", "the seventeenth was served");
    held.truncate(8);
    wait_for("a place", Duration::from_secs(2), || {
        let reply = server.client().from([127, 0, 2, 2]).get("/health/live").try_send().ok()?;
        (reply.status == 200).then_some(())
    });
}

#[test]
fn running_out_of_descriptors_ends_nothing_and_passes() {
    alone();
    at_least(2_000);
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut good = server.client();
    good.get("/v1/me").bearer(&token).send().expect(200);
    let limit = std::process::Command::new("prlimit")
        .args(["--pid", &server.pid().to_string(), "--nofile=64:64"])
        .status()
        .unwrap();
    assert!(limit.success());
    let flood: Vec<_> = (0..200)
        .map(|_| Stream::connect(&Target::Tcp(server.address()), None))
        .filter_map(Result::ok)
        .collect();
    assert!(flood.len() > 100, "the kernel's queue takes them: {}", flood.len());
    for count in 0..20 {
        good.get("/v1/me").bearer(&token).send().expect(200);
        good.post("/v1/tokens").bearer(&token).json(&named(&format!("{count}"))).send().expect(201);
    }
    drop(flood);
    let start = Instant::now();
    wait_for("accepting to resume", Duration::from_secs(3), || {
        let mut client = server.client();
        client.connect().ok()?;
        let reply = client.get("/v1/me").bearer(&token).try_send().ok()?;
        (reply.status == 200).then_some(())
    });
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
