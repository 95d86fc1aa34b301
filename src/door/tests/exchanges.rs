//! What the door must keep of HTTP/1.1.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use super::*;

#[test]
fn connections_are_kept_and_requests_pipelined() {
    let door = Door::open(Limits::default());
    let mut stream = door.connect();
    for _ in 0..3 {
        stream.write_all(get("/hello").as_bytes()).unwrap();
        assert!(one_reply(&mut stream).unwrap().ends_with("\r\n\r\nhello"));
    }
    let echo = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\r\n\r\n";
    let chunked =
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let many = [get("/hello"), echo.into(), get("/later"), chunked.into(), get("/hello")].concat();
    stream.write_all(many.as_bytes()).unwrap();
    for body in ["hello", "\r\n\r\n", "later", "abc", "hello"] {
        let reply = one_reply(&mut stream).unwrap();
        assert!(reply.ends_with(&format!("\r\n\r\n{body}")), "{reply}");
    }
}

#[test]
fn requests_may_arrive_in_any_pieces() {
    let door = Door::open(Limits::default());
    let mut stream = door.connect();
    stream.set_nodelay(true).unwrap();
    let echo = "\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n";
    for byte in [echo.to_owned(), get("/hello")].concat().bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(one_reply(&mut stream).unwrap().ends_with("\r\n\r\nabc"));
    assert!(one_reply(&mut stream).unwrap().ends_with("\r\n\r\nhello"));
}

#[test]
fn head_has_the_length_and_no_body() {
    let door = Door::open(Limits::default());
    let reply = door.send("HEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("content-length: 5\r\n") && reply.ends_with("\r\n\r\n"), "{reply}");
}

#[test]
fn continue_is_sent_only_when_the_body_is_wanted() {
    let door = Door::open(Limits::default());
    let mut stream = door.connect();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    assert!(one_reply(&mut stream).unwrap().starts_with("HTTP/1.1 100 Continue"));
    stream.write_all(b"abc").unwrap();
    assert!(one_reply(&mut stream).unwrap().ends_with("\r\n\r\nabc"));
    let reply =
        door.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\nExpect: 100-continue\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
}

#[test]
fn a_panic_is_500_and_ends_no_connection() {
    let door = Door::open(Limits::default());
    let mut stream = door.connect();
    for path in ["/panic", "/panic"] {
        stream.write_all(get(path).as_bytes()).unwrap();
        assert!(one_reply(&mut stream).unwrap().starts_with("HTTP/1.1 500 "));
    }
    stream.write_all(get("/hello").as_bytes()).unwrap();
    assert!(one_reply(&mut stream).unwrap().starts_with("HTTP/1.1 200 "));
}

#[test]
fn large_and_endless_replies_stream() {
    let door = Door::open(Limits::default());
    let reply = door.send(get_and_close("/whole"));
    assert!(reply.contains("content-length: 1000000\r\n"), "{}", &reply[..200]);
    assert!(reply.ends_with(&"w".repeat(1_000_000)));
    let reply = door.send(get_and_close("/stream/3"));
    assert!(reply.contains("transfer-encoding: chunked\r\n"), "{}", &reply[..200]);
    assert_eq!(reply.matches('s').count() / 65536, 48);
}

#[test]
fn the_peer_is_handed_on() {
    let door = Door::open(Limits::default());
    assert!(door.send(get_and_close("/who")).ends_with("127.0.0.1"));
}

#[test]
fn http_1_0_and_half_closing_clients_are_answered() {
    let door = Door::open(Limits::default());
    assert!(door.send("GET /hello HTTP/1.0\r\n\r\n").ends_with("hello"));
    let mut stream = door.connect();
    stream.write_all(get("/later").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(until_closed(&mut stream).ends_with("later"));
}

#[test]
fn unix_sockets_are_served_and_exempt_from_the_cap_per_peer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("door.sock");
    let listener = Listener::Unix(UnixListener::bind(&path).unwrap());
    let entrance = Entrance { listener, tls: None, inherited: false };
    let limits = Limits { connections_per_peer: 1, ..Limits::default() };
    let door = Door::open_on(entrance, ([127, 0, 0, 1], 0).into(), limits);
    let mut streams: Vec<_> = (0..3).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for stream in &mut streams {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(get("/hello").as_bytes()).unwrap();
        assert!(one_reply(stream).unwrap().ends_with("hello"));
    }
    drop(streams);
    assert_eq!(door.close(), Drained { cut: 0 });
    assert!(UnixStream::connect(&path).is_err());
}

#[test]
fn tls_is_served_and_its_handshake_timed() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let entrance =
        Entrance { listener: Listener::Tcp(listener), tls: Some(Arc::new(server)), inherited: false };
    let door = Door::open_on(entrance, address, short());

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let session = rustls::ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(session, door.connect());
    for path in ["/hello", "/later"] {
        stream.write_all(get(path).as_bytes()).unwrap();
        assert!(one_reply(&mut stream).unwrap().ends_with(&path[1..]));
    }

    let mut silent = door.connect();
    let before = std::time::Instant::now();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert!(before.elapsed() < Duration::from_millis(900));
}
