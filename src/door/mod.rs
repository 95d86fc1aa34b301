//! The door: accepts connections, speaks HTTP/1.1 on them within limits, and hands each request to the application.
//!
//! hyper parses and writes; what it leaves open is closed around it. Below it, the wire (`wire.rs`) times heads, idle connections and
//! slow readers, watches the framing (`framing.rs`) and closes without resetting. Above it, the exchange (`exchange.rs`) screens
//! each head (`screen.rs`), gathers the body and calls the application. Beside it, the lane (`lane.rs`) answers what is asked over
//! and over. The accept loop (`accept.rs`) holds the caps (`census.rs`) and outlives a lack of descriptors.

mod accept;
mod alarm;
mod census;
mod clock;
mod connection;
pub mod dial;
mod exchange;
mod framing;
mod lane;
mod refusal;
mod screen;
mod shared;
mod stream;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::http::App;

pub use screen::Rejection;

/// When connections that are still open after the stop are cut: what is left of 3 s is for storage to close.
const CUT_AFTER: Duration = Duration::from_millis(2500);

/// What one connection may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From a head's first byte to its last; from a connection's start to its first byte; for a TLS handshake.
    pub head_timeout: Duration,
    /// For a whole body, from the end of its head.
    pub body_timeout: Duration,
    /// Between two requests on a connection.
    pub idle_timeout: Duration,
    /// For a write that makes no progress at all, which is how a client that doesn't read shows.
    pub write_timeout: Duration,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of a head: request line and headers.
    pub head_bytes: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one IPv4 address or IPv6 /64. Unix sockets have no address and are exempt.
    pub connections_per_peer: usize,
}

impl Default for Limits {
    /// Room for fifteen thousand connections that do nothing (20 KiB each) beside those that work; one peer can
    /// take three quarters of it, since behind a proxy or a NAT one address is everybody.
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(10),
            body_bytes: 16 * 1024,
            head_bytes: 16 * 1024,
            headers: 64,
            connections: 20_000,
            connections_per_peer: 15_000,
        }
    }
}

/// A socket to accept on.
#[derive(Debug)]
pub enum Listener {
    /// TCP, IPv4 or IPv6.
    Tcp(std::net::TcpListener),
    /// Unix domain.
    Unix(std::os::unix::net::UnixListener),
}

/// A socket to accept on and how.
#[derive(Debug)]
pub struct Entrance {
    /// The bound, listening socket.
    pub listener: Listener,
    /// TLS on it, if any.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whether another process holds the socket too (systemd's `LISTEN_FDS`) and keeps it open after us.
    pub inherited: bool,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they had not ended in time; 0 when everything was answered.
    pub cut: usize,
}

/// What a door tells its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Cut,
}

/// Serves `app` on `entrances` until `stop` is ready, then closes in order: nothing more is accepted, what the kernel
/// has accepted is served, every request that has arrived is answered, and connections end when they have nothing
/// left to say. Returns as soon as all have, 3 s after `stop` at the latest.
///
/// # Errors
/// A listener that can't be registered with the runtime.
pub async fn serve(
    entrances: Vec<Entrance>,
    limits: Limits,
    app: &'static App,
    stop: impl Future<Output = ()>,
) -> io::Result<Drained> {
    let (phase, watching) = watch::channel(Phase::Open);
    let census = census::Census::new(limits.connections, limits.connections_per_peer);
    let seats = Arc::clone(&census);
    app.count_connections(move || seats.seated());
    let common = Arc::new(connection::Common::new(app, limits));
    let accepting = entrances
        .into_iter()
        .map(|entrance| accept::Accepting::new(entrance, &common, &census, &watching))
        .collect::<io::Result<Vec<_>>>()?;
    for entrance in accepting {
        tokio::spawn(entrance.run());
    }
    drop(watching);
    stop.await;
    phase.send_replace(Phase::Closing);
    // Every accept loop and every connection holds a receiver until it ends.
    if tokio::time::timeout(CUT_AFTER, phase.closed()).await.is_ok() {
        return Ok(Drained { cut: 0 });
    }
    let cut = census.seated();
    phase.send_replace(Phase::Cut);
    phase.closed().await;
    Ok(Drained { cut })
}
