//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockFilter, SockRef};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::census::Census;
use super::connection::Common;
use super::stream::Plain;
use super::{Entrance, Listener, Phase, refusal};
use crate::http::Peer;

/// How long accepting rests when the process or the system is out of descriptors or memory: long enough not to burn
/// a core, short enough that nobody notices once there are some again.
const REST: Duration = Duration::from_millis(100);
/// A classic BPF program over a TCP header: drop a packet with SYN set, pass any other. Dropping all would lose the
/// last packet of handshakes whose clients count as connected already.
const NO_SYN: [SockFilter; 4] = [
    SockFilter::new(0x30, 0, 0, 13),       // load the byte of flags
    SockFilter::new(0x45, 0, 1, 0x02),     // SYN?
    SockFilter::new(0x06, 0, 0, 0),        // drop
    SockFilter::new(0x06, 0, 0, u32::MAX), // pass
];

/// One listening socket and what serves its connections.
pub(super) struct Accepting {
    listener: Bound,
    inherited: bool,
    admission: Admission,
}

/// What becomes of a connection once it is accepted.
struct Admission {
    tls: Option<TlsAcceptor>,
    common: Arc<Common>,
    census: Arc<Census>,
    phase: watch::Receiver<Phase>,
}

enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Accepting {
    pub(super) fn new(
        entrance: Entrance,
        common: &Arc<Common>,
        census: &Arc<Census>,
        phase: &watch::Receiver<Phase>,
    ) -> io::Result<Self> {
        let listener = match entrance.listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Bound::Tcp(TcpListener::from_std(listener)?)
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Bound::Unix(UnixListener::from_std(listener)?)
            }
        };
        Ok(Self {
            listener,
            inherited: entrance.inherited,
            admission: Admission {
                tls: entrance.tls.map(TlsAcceptor::from),
                common: Arc::clone(common),
                census: Arc::clone(census),
                phase: phase.clone(),
            },
        })
    }

    /// Accepts until the door closes, then takes in whatever the kernel has accepted already.
    pub(super) async fn run(self) {
        let mut phase = self.admission.phase.clone();
        let mut resting = false;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = phase.wait_for(|phase| *phase != Phase::Open) => break,
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok((plain, peer)) => {
                    resting = false;
                    self.admission.admit(plain, peer);
                }
                // The peer gave up in the queue; the next one is waiting.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !std::mem::replace(&mut resting, true) {
                        tracing::warn!(%error, "cannot accept connections for now; open ones go on");
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
        self.shut();
        // A handshake that is being finished on another core gets the moment it needs. No longer: a client whose
        // SYN is dropped here tries again a second later.
        tokio::task::yield_now().await;
        self.drain();
    }

    async fn accept(&self) -> io::Result<(Plain, Peer)> {
        match &self.listener {
            Bound::Tcp(listener) => {
                listener.accept().await.map(|(stream, peer)| (Plain::Tcp(stream), Peer::Net(peer)))
            }
            Bound::Unix(listener) => {
                listener.accept().await.map(|(stream, _)| (Plain::Unix(stream), Peer::Local))
            }
        }
    }

    /// Lets no further connection into the queue, so that closing the socket resets nobody: whoever comes later
    /// finds it closed. A socket that somebody else holds too (systemd) is left as it is, and keeps its queue.
    fn shut(&self) {
        if self.inherited {
            return;
        }
        // When this fails, a connection that arrives in the next microseconds may be reset.
        let _ = match &self.listener {
            Bound::Tcp(listener) => SockRef::from(listener).attach_filter(&NO_SYN),
            Bound::Unix(listener) => SockRef::from(listener).shutdown(std::net::Shutdown::Read),
        };
    }

    /// Takes in the kernel's queue to its end. The runtime may not know yet that the socket is readable, so this asks
    /// the kernel itself.
    fn drain(self) {
        let Self { listener, admission, .. } = self;
        match listener {
            Bound::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else { return };
                while let Some((stream, peer)) = next(|| listener.accept()) {
                    let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                    let Ok(stream) = stream else { continue };
                    admission.admit(Plain::Tcp(stream), Peer::Net(peer));
                }
            }
            Bound::Unix(listener) => {
                let Ok(listener) = listener.into_std() else { return };
                while let Some((stream, _)) = next(|| listener.accept()) {
                    let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
                    let Ok(stream) = stream else { continue };
                    admission.admit(Plain::Unix(stream), Peer::Local);
                }
            }
        }
    }
}

impl Admission {
    /// Over a cap the newest connection goes, and those that are being served stay.
    fn admit(&self, plain: Plain, peer: Peer) {
        let Some(seat) = self.census.seat(peer) else {
            self.turn_away(&plain);
            return;
        };
        if let Plain::Tcp(stream) = &plain {
            // Only latency is lost without it.
            let _ = stream.set_nodelay(true);
        }
        let (common, tls, phase) = (Arc::clone(&self.common), self.tls.clone(), self.phase.clone());
        tokio::spawn(common.serve(plain, peer, tls, phase, seat));
    }

    /// Tells a client why, where that costs nothing: no wait, no task, no handshake.
    fn turn_away(&self, plain: &Plain) {
        if self.tls.is_some() {
            return;
        }
        let reply = refusal::too_many_connections();
        let _ = match plain {
            Plain::Tcp(stream) => stream.try_write(&reply),
            Plain::Unix(stream) => stream.try_write(&reply),
        };
    }
}

/// The next connection of a queue; none when it is empty.
fn next<T>(accept: impl Fn() -> io::Result<T>) -> Option<T> {
    loop {
        match accept() {
            Ok(connection) => return Some(connection),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            Err(_) => return None,
        }
    }
}
