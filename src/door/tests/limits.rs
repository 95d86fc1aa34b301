//! Time limits and caps.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use super::*;

/// That the door closes `stream` `after` this long, give or take a loaded machine.
#[track_caller]
fn closed_after(stream: &mut TcpStream, after: Duration, since: Instant) {
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    let elapsed = since.elapsed();
    assert!(
        elapsed >= after.mul_f32(0.9) && elapsed < after + Duration::from_millis(700),
        "{elapsed:?} {ended:?}"
    );
}

#[test]
fn slow_heads_are_closed_however_they_drip() {
    let limits = short();
    let door = Door::open(limits.clone());
    let since = Instant::now();
    let mut silent = door.connect();
    let mut dripping = door.connect();
    let mut drip = dripping.try_clone().unwrap();
    std::thread::spawn(move || {
        for byte in get("/hello").bytes().take(30) {
            let _ = drip.write_all(&[byte]);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    closed_after(&mut dripping, limits.head_timeout, since);
    closed_after(&mut silent, limits.head_timeout, since);
}

#[test]
fn slow_bodies_get_408() {
    let limits = short();
    let door = Door::open(limits.clone());
    let since = Instant::now();
    let mut stream = door.connect();
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    let reply = one_reply(&mut stream).unwrap();
    assert!(reply.starts_with("HTTP/1.1 408 ") && reply.contains("body_timeout"), "{reply}");
    closed_after(&mut stream, limits.body_timeout, since);
}

#[test]
fn idle_connections_are_closed_and_busy_ones_are_not() {
    let limits = short();
    let door = Door::open(limits.clone());
    let mut stream = door.connect();
    let mut since = Instant::now();
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(450));
        since = Instant::now();
        stream.write_all(get("/hello").as_bytes()).unwrap();
        one_reply(&mut stream).unwrap();
    }
    closed_after(&mut stream, limits.idle_timeout, since);
}

#[test]
fn a_reader_that_stops_is_cut_and_one_that_goes_on_is_not() {
    let door = Door::open(short());
    let mut stopped = door.connect();
    stopped.write_all(get("/stream/64").as_bytes()).unwrap();
    let mut steady = door.connect();
    steady.write_all(get_and_close("/stream/16").as_bytes()).unwrap();
    let mut taken = 0;
    let mut buffer = vec![0; 2 * 1024 * 1024];
    loop {
        let read = steady.read(&mut buffer).unwrap();
        taken += read;
        if read == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(taken > 16 * 1024 * 1024);
    std::thread::sleep(Duration::from_millis(1200));
    let mut bytes = Vec::new();
    assert_eq!(stopped.read_to_end(&mut bytes).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn the_newest_goes_over_a_cap_and_the_others_stay() {
    let door = Door::open(Limits { connections_per_peer: 2, ..Limits::default() });
    let mut kept = [door.connect(), door.connect()];
    for stream in &mut kept {
        stream.write_all(get("/hello").as_bytes()).unwrap();
        one_reply(stream).unwrap();
    }
    let reply = until_closed(&mut door.connect());
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("too_many_connections"), "{reply}");
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    other.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    other.connect(&door.address.into()).unwrap();
    let mut other = TcpStream::from(other);
    for stream in kept.iter_mut().chain([&mut other]) {
        stream.write_all(get("/hello").as_bytes()).unwrap();
        assert!(one_reply(stream).unwrap().ends_with("hello"));
    }
    drop(kept);
    let freed = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        door.send(get_and_close("/hello")).ends_with("hello")
    });
    assert!(freed);
}
