//! A plain HTTP/1.1 client that keeps its connection and hides nothing: status, headers and body as they came.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// How long a reply may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a server listens.
#[derive(Clone, Debug)]
pub enum Target {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// One connection, whatever it runs on.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Connects to `target`, from the loopback address `from` (127.x.y.z) if given.
    pub fn connect(target: &Target, from: Option<[u8; 4]>) -> io::Result<Self> {
        let stream = match (target, from) {
            (Target::Unix(path), _) => Self::Unix(UnixStream::connect(path)?),
            (Target::Tcp(address), None) => Self::Tcp(TcpStream::connect(address)?),
            (Target::Tcp(address), Some(from)) => {
                use socket2::{Domain, Socket, Type};
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                socket.bind(&SocketAddr::from((from, 0)).into())?;
                socket.connect(&(*address).into())?;
                Self::Tcp(socket.into())
            }
        };
        stream.patience(PATIENCE)?;
        if let Self::Tcp(tcp) = &stream {
            tcp.set_nodelay(true)?;
        }
        Ok(stream)
    }

    /// Bounds every later read and write.
    pub fn patience(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.set_read_timeout(Some(limit)).and(tcp.set_write_timeout(Some(limit))),
            Self::Unix(unix) => unix.set_read_timeout(Some(limit)).and(unix.set_write_timeout(Some(limit))),
        }
    }

    /// Makes reads return at once when nothing is there.
    pub fn nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.set_nonblocking(true),
            Self::Unix(unix) => unix.set_nonblocking(true),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buffer),
            Self::Unix(unix) => unix.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(buffer),
            Self::Unix(unix) => unix.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client of one server: it connects when first used and keeps the connection while the server does.
#[derive(Debug)]
pub struct Client {
    target: Target,
    from: Option<[u8; 4]>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    stream: Stream,
    unread: Vec<u8>,
}

impl Client {
    /// A client of the server at `target`.
    pub fn new(target: Target) -> Self {
        Self { target, from: None, held: None }
    }

    /// The same, from another loopback address.
    pub fn from(mut self, address: [u8; 4]) -> Self {
        self.from = Some(address);
        self
    }

    /// Starts a request; `target` is what stands in the request line.
    pub fn request(&mut self, method: &str, target: &str) -> Request<'_> {
        Request {
            client: self,
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Starts a GET.
    pub fn get(&mut self, target: &str) -> Request<'_> {
        self.request("GET", target)
    }

    /// Starts a POST.
    pub fn post(&mut self, target: &str) -> Request<'_> {
        self.request("POST", target)
    }

    /// Starts a PATCH.
    pub fn patch(&mut self, target: &str) -> Request<'_> {
        self.request("PATCH", target)
    }

    /// Starts a DELETE.
    pub fn delete(&mut self, target: &str) -> Request<'_> {
        self.request("DELETE", target)
    }

    /// Writes `bytes` as they are on a connection of their own and reads all that comes back until it closes.
    pub fn raw(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.drop_connection();
        let mut stream = Stream::connect(&self.target, self.from).expect("the server accepts");
        // A server that has seen enough may close before all is written; what it answered is still to be read.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..read]);
        }
        answer
    }

    /// Writes `bytes` as they are on a connection of their own and reads one reply.
    pub fn raw_reply(&mut self, bytes: &[u8]) -> Reply {
        self.drop_connection();
        self.write_raw(bytes).expect("the server accepts");
        self.read_reply(false).expect("the server answers")
    }

    /// Writes `bytes` as they are on the kept connection.
    pub fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held()?.stream.write_all(bytes)
    }

    /// Reads the next reply on the kept connection; `bodiless` for a HEAD's.
    pub fn read_reply(&mut self, bodiless: bool) -> io::Result<Reply> {
        let held = self.held.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let reply = Reply::read(held, bodiless);
        let closes = reply.as_ref().map_or(true, |reply| reply.header("connection") == Some("close"));
        if closes {
            self.held = None;
        }
        reply
    }

    /// Whether a connection is open.
    pub fn is_connected(&self) -> bool {
        self.held.is_some()
    }

    /// Connects now rather than at the first request.
    pub fn connect(&mut self) -> io::Result<()> {
        self.held().map(drop)
    }

    /// Closes the connection.
    pub fn drop_connection(&mut self) {
        self.held = None;
    }

    fn held(&mut self) -> io::Result<&mut Held> {
        if self.held.is_none() {
            let stream = Stream::connect(&self.target, self.from)?;
            self.held = Some(Held { stream, unread: Vec::new() });
        }
        Ok(self.held.as_mut().expect("connected just above"))
    }
}

/// A request being put together; nothing is sent that isn't stated, but `Host` and `Content-Length`.
#[must_use]
#[derive(Debug)]
pub struct Request<'client> {
    client: &'client mut Client,
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// Presents a token as `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Presents a username and a password.
    pub fn basic(self, username: &str, password: &str) -> Self {
        let pair = BASE64_STANDARD.encode(format!("{username}:{password}"));
        self.header("Authorization", format!("Basic {pair}"))
    }

    /// Sends `body` as JSON.
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// Sends an `application/x-www-form-urlencoded` body, already encoded.
    pub fn form(self, body: &str) -> Self {
        self.text("application/x-www-form-urlencoded", body)
    }

    /// Sends `body` under a media type of its own.
    pub fn text(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", media_type)
    }

    /// Sends it; the test fails where no reply comes.
    pub fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.target);
        self.try_send().unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends it; an error is a reply that didn't come whole.
    pub fn try_send(self) -> io::Result<Reply> {
        let bytes = self.bytes();
        let bodiless = self.method == "HEAD";
        self.client.write_raw(&bytes).and_then(|()| self.client.read_reply(bodiless)).inspect_err(|_| {
            self.client.held = None;
        })
    }

    /// What would go over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let host = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        if !host {
            bytes.extend_from_slice(b"Host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// A reply as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers in their order, values as text.
    pub headers: Vec<(String, String)>,
    /// The body, with any chunking taken off.
    pub body: Vec<u8>,
}

impl Reply {
    /// Takes away what differs from any reply to the next: when it was made, and what its request is called.
    pub fn settle(&mut self) {
        self.headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    }

    fn read(connection: &mut Held, bodiless: bool) -> io::Result<Self> {
        let head = loop {
            if let Some(end) = connection.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break connection.unread.drain(..end + 4).collect::<Vec<_>>();
            }
            connection.more()?;
        };
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let mut lines = head.split_terminator("\r\n");
        let status = lines.next().unwrap_or_default();
        let status = status.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {head:?}")))?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().into())).collect();
        let mut reply = Self { status, headers, body: Vec::new() };
        if !(bodiless || matches!(status, 100..=199 | 204 | 304)) {
            reply.body = reply.read_body(connection)?;
        }
        Ok(reply)
    }

    fn read_body(&self, held: &mut Held) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding") == Some("chunked") {
            let mut body = Vec::new();
            loop {
                let length = held.line()?;
                let length = usize::from_str_radix(length.trim(), 16).map_err(io::Error::other)?;
                let chunk = held.exactly(length + 2)?;
                if length == 0 {
                    return Ok(body);
                }
                body.extend_from_slice(&chunk[..length]);
            }
        }
        match self.header("content-length").map(str::parse) {
            Some(length) => held.exactly(length.map_err(io::Error::other)?),
            None => held.rest(),
        }
    }

    /// The value of a header that stands once; fails the test when it stands twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next();
        assert_eq!(values.next(), None, "{name} stands twice in {:?}", self.headers);
        first
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body of UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Asserts a problem document (RFC 9457) with this status, whole and well formed, and gives its code.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{text}");
        for member in ["title", "detail", "code"] {
            assert!(problem[member].as_str().is_some_and(|value| !value.is_empty()), "no {member} in {text}");
        }
        let code = problem["code"].as_str().unwrap_or_default();
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
        code.into()
    }
}

impl Held {
    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.unread.extend_from_slice(&buffer[..read]);
                Ok(())
            }
            // A read with a time limit isn't taken up again by the system.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more()?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|window| window == b"\r\n") {
                let line = self.exactly(end + 2)?;
                return String::from_utf8(line).map_err(io::Error::other);
            }
            self.more()?;
        }
    }

    fn rest(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.more() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
        }
        Ok(std::mem::take(&mut self.unread))
    }
}
