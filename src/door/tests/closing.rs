//! Closing the door.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::*;

#[test]
fn everything_that_arrived_is_answered() {
    let door = Door::open(Limits::default());
    let mut idle = door.connect();
    idle.write_all(get("/hello").as_bytes()).unwrap();
    one_reply(&mut idle).unwrap();
    let mut busy = door.connect();
    busy.write_all(get("/later").as_bytes()).unwrap();
    let mut pipelined = door.connect();
    pipelined.write_all(get("/later").repeat(4).as_bytes()).unwrap();
    let mut partial = door.connect();
    partial.write_all(b"GET /hel").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let since = Instant::now();
    door.stop.send(()).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    idle.write_all(get("/hello").as_bytes()).unwrap();
    partial.write_all(b"lo HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();

    let reply = until_closed(&mut idle);
    assert!(reply.ends_with("hello") && reply.contains("connection: close\r\n"), "{reply}");
    assert!(until_closed(&mut partial).ends_with("hello"));
    let reply = until_closed(&mut busy);
    assert!(reply.ends_with("later") && reply.contains("connection: close\r\n"), "{reply}");
    let reply = until_closed(&mut pipelined);
    assert_eq!(reply.matches("HTTP/1.1 200 ").count(), 4, "{reply}");
    assert_eq!(reply.matches("connection: close\r\n").count(), 1, "{reply}");
    assert_eq!(door.thread.join().unwrap(), Drained { cut: 0 });
    assert!(since.elapsed() < Duration::from_millis(2200), "{:?}", since.elapsed());
}

#[test]
fn nothing_that_waits_holds_the_door_open() {
    let door = Door::open(Limits::default());
    let waiting: Vec<_> =
        [&b""[..], b"GET", b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"]
            .map(|bytes| {
                let mut stream = door.connect();
                stream.write_all(bytes).unwrap();
                stream
            })
            .into();
    std::thread::sleep(Duration::from_millis(50));
    let since = Instant::now();
    assert_eq!(door.close(), Drained { cut: 0 });
    assert!(since.elapsed() < Duration::from_millis(1800), "{:?}", since.elapsed());
    drop(waiting);
}

#[test]
fn a_reply_without_end_is_cut() {
    let door = Door::open(Limits::default());
    let mut stream = door.connect();
    stream.write_all(get("/stream/100000").as_bytes()).unwrap();
    let reading = std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()).is_err());
    std::thread::sleep(Duration::from_millis(50));
    let since = Instant::now();
    assert_eq!(door.close(), Drained { cut: 1 });
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    drop(reading.join());
}

/// One client that asks as fast as it can until the door is gone; counts requests that were lost.
fn ask(address: SocketAddr, keep: bool, lost: &AtomicUsize, answered: &AtomicUsize, gone: &AtomicBool) {
    loop {
        // A connection that the kernel did not accept was not promised anything.
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) else {
            return gone.store(true, Ordering::Relaxed);
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        loop {
            let sent = stream.write_all(get("/hello").as_bytes());
            let reply = sent.and_then(|()| one_reply(&mut stream));
            match reply {
                Ok(reply) => {
                    answered.fetch_add(1, Ordering::Relaxed);
                    if !keep || reply.contains("connection: close\r\n") {
                        break;
                    }
                }
                Err(error) => {
                    assert_ne!(error.kind(), ErrorKind::WouldBlock);
                    lost.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
        }
    }
}

#[test]
fn two_hundred_stops_under_load_lose_nothing() {
    let (lost, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for _ in 0..200 {
        let door = Door::open(Limits::default());
        let gone = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for client in 0..8 {
                let (address, lost, answered, gone) = (door.address, &lost, &answered, &gone);
                scope.spawn(move || ask(address, client % 2 == 0, lost, answered, gone));
            }
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(door.close(), Drained { cut: 0 });
        });
        assert!(gone.load(Ordering::Relaxed));
    }
    assert_eq!(lost.load(Ordering::Relaxed), 0, "of {}", answered.load(Ordering::Relaxed));
    assert!(answered.load(Ordering::Relaxed) > 2000);
}
