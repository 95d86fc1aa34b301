//! The door over real sockets, each test with a door of its own.

mod closing;
mod exchanges;
mod limits;
mod refusals;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use rocket::Data;
use rocket::data::ToByteUnit;
use rocket::response::stream::ByteStream;
use tokio::sync::oneshot;

use super::{Drained, Entrance, Limits, Listener, serve};
use crate::http::App;

/// No test waits longer than this for a byte.
const PATIENCE: Duration = Duration::from_secs(10);

#[rocket::get("/hello")]
fn hello() -> &'static str {
    "hello"
}

#[rocket::get("/who")]
fn who(remote: std::net::SocketAddr) -> String {
    remote.ip().to_string()
}

#[rocket::get("/panic")]
fn panics() -> &'static str {
    panic!("as it should")
}

#[rocket::get("/later")]
async fn later() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "later"
}

#[rocket::get("/whole")]
fn whole() -> Vec<u8> {
    vec![b'w'; 1_000_000]
}

#[rocket::get("/stream/<mebibytes>")]
fn stream(mebibytes: usize) -> ByteStream![Vec<u8>] {
    ByteStream! {
        for _ in 0..mebibytes * 16 {
            yield vec![b's'; 64 * 1024];
        }
    }
}

#[rocket::post("/echo", data = "<body>")]
async fn echo(body: Data<'_>) -> Vec<u8> {
    body.open(1.mebibytes()).into_bytes().await.unwrap().into_inner()
}

fn routes() -> rocket::Rocket<rocket::Build> {
    let config =
        rocket::Config { log_level: rocket::config::LogLevel::Off, ..rocket::Config::release_default() };
    rocket::custom(config).mount("/", rocket::routes![hello, who, panics, later, whole, stream, echo])
}

/// A door that serves until it is stopped.
struct Door {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Drained>,
}

/// Limits short enough for a test to wait for.
fn short() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(500),
        body_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_secs(1),
        write_timeout: Duration::from_millis(500),
        ..Limits::default()
    }
}

impl Door {
    fn open(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self::open_on(
            Entrance { listener: Listener::Tcp(listener), tls: None, inherited: false },
            address,
            limits,
        )
    }

    fn open_on(entrance: Entrance, address: SocketAddr, limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let app = App::launch(routes()).await.unwrap();
                serve(vec![entrance], limits, app, async { drop(stopped.await) }).await.unwrap()
            })
        });
        Self { address, stop, thread }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `bytes` on a connection of their own and reads until the door closes it.
    fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        until_closed(&mut stream)
    }

    fn close(self) -> Drained {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one reply with a `Content-Length` and leaves what follows.
fn one_reply(stream: &mut impl Read) -> std::io::Result<String> {
    let mut reply = Vec::new();
    let mut byte = [0];
    while !reply.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        reply.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&reply).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    reply.extend(body);
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

fn get_and_close(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}
