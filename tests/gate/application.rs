//! An application that answers everything, and writes down what reached it, byte for byte.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The request line.
    pub line: String,
    /// The headers in their order, names as they were spelt.
    pub headers: Vec<(String, String)>,
    /// The body, with any chunking taken off.
    pub body: Vec<u8>,
}

impl Arrival {
    /// The values under a name, in any case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_str()).collect()
    }
}

/// It listens until the test ends.
pub struct Application {
    address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Application {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let length = super::BODY.len();
        Self::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n"), super::BODY)
    }

    /// Starts one that answers with this head, but for what it says of the connection, and body.
    pub fn answering(head: String, body: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let arrivals = Arc::<Mutex<Vec<Arrival>>>::default();
        let seen = arrivals.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, head) = (seen.clone(), head.clone());
                thread::spawn(move || serve(stream, &seen, &head, body));
            }
        });
        Self { address, arrivals }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What arrived since it was last asked.
    pub fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.arrivals.lock().unwrap())
    }

    /// The one request that arrived since it was last asked.
    #[track_caller]
    pub fn only(&self) -> Arrival {
        let mut arrivals = self.take();
        assert_eq!(arrivals.len(), 1, "{arrivals:?}");
        arrivals.remove(0)
    }
}

/// Answers requests on one connection until it ends.
fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Arrival>>, head: &str, body: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    loop {
        let arrival = read(&mut stream, &mut unread)?;
        let bodiless = arrival.line.starts_with("HEAD ");
        let closes = arrival.line.ends_with("HTTP/1.0") || arrival.all("connection") == ["close"];
        // Before the answer, so that whoever has the answer finds it written down.
        seen.lock().unwrap().push(arrival);
        let body = if bodiless { "" } else { body };
        let connection = if closes { "close" } else { "keep-alive" };
        write!(stream, "{head}Connection: {connection}\r\n\r\n{body}")?;
        if closes {
            return Ok(());
        }
    }
}

fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<Arrival> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, unread)?;
    };
    let head: Vec<u8> = unread.drain(..end).collect();
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split_terminator("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
    let mut arrival = Arrival { line, headers: headers.collect(), body: Vec::new() };
    if !arrival.all("expect").is_empty() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if arrival.all("transfer-encoding") == ["chunked"] {
        loop {
            let end = loop {
                if let Some(end) = unread.windows(2).position(|window| window == b"\r\n") {
                    break end;
                }
                more(stream, unread)?;
            };
            let line: Vec<u8> = unread.drain(..end + 2).collect();
            let length =
                usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).map_err(io::Error::other)?;
            let chunk = exactly(stream, unread, length + 2)?;
            if length == 0 {
                break;
            }
            arrival.body.extend_from_slice(&chunk[..length]);
        }
    } else if let Some(length) = arrival.all("content-length").first() {
        let length = length.parse().map_err(io::Error::other)?;
        arrival.body = exactly(stream, unread, length)?;
    }
    Ok(arrival)
}

fn exactly(stream: &mut TcpStream, unread: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while unread.len() < length {
        more(stream, unread)?;
    }
    Ok(unread.drain(..length).collect())
}

fn more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            unread.extend_from_slice(&buffer[..read]);
            Ok(())
        }
    }
}
