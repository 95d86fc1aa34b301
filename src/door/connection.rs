//! One connection from its handshake to its close.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::census::Seat;
use super::exchange::Exchange;
use super::lane::{Lane, Next};
use super::shared::Shared;
use super::stream::{Plain, Stream};
use super::wire::Wire;
use super::{Limits, Phase};
use crate::http::{App, Peer};

/// hyper's smallest allowed buffer.
const SMALLEST_BUFFER: usize = 8192;
/// The most headers that hyper parses without allocating for them.
const FREE_HEADERS: usize = 100;

/// What every connection of a door shares.
pub(super) struct Common {
    pub(super) app: &'static App,
    pub(super) limits: Arc<Limits>,
    pub(super) http: http1::Builder,
}

impl Common {
    pub(super) fn new(app: &'static App, limits: Limits) -> Self {
        let mut http = http1::Builder::new();
        http.keep_alive(true)
            // A client that closes its sending side after its request still gets the reply.
            .half_close(true)
            // The wire's own, which tells waiting from arriving.
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes)
            .max_buf_size(limits.head_bytes.max(SMALLEST_BUFFER));
        if limits.headers > FREE_HEADERS {
            http.max_headers(limits.headers);
        }
        Self { app, limits: Arc::new(limits), http }
    }

    /// Serves one connection until it ends or the door cuts it.
    pub(super) async fn serve(
        self: Arc<Self>,
        plain: Plain,
        peer: Peer,
        tls: Option<TlsAcceptor>,
        mut phase: watch::Receiver<Phase>,
        _seat: Seat,
    ) {
        // The phase is asked first, here and below: a reply that never waits uses up the task's budget, and with it
        // the phase would never be seen to change.
        let mut cut = phase.clone();
        tokio::select! {
            biased;
            _ = cut.wait_for(|phase| *phase == Phase::Cut) => {}
            () = self.converse(plain, peer, tls, &mut phase) => {}
        }
    }

    async fn converse(
        &self,
        plain: Plain,
        peer: Peer,
        tls: Option<TlsAcceptor>,
        phase: &mut watch::Receiver<Phase>,
    ) {
        let Some(stream) = self.open(plain, tls).await else { return };
        let shared = Arc::new(Shared::new());
        let limits = Arc::clone(&self.limits);
        let mut wire = Wire::new(stream, Arc::clone(&limits), Arc::clone(&shared));
        let http = async {
            let lane = Lane { app: self.app, limits: &limits, shared: &shared, peer };
            // How a connection failed is its client's affair; there is nobody to tell and nothing to do.
            if let Ok(Next::Hyper) = lane.serve(&mut wire).await {
                let (limits, shared) = (Arc::clone(&limits), Arc::clone(&shared));
                let exchange = Exchange { app: self.app, limits, shared, peer };
                let _ = self.http.serve_connection(TokioIo::new(wire), exchange).await;
            }
        };
        let mut http = std::pin::pin!(http);
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Open) => shared.drain(),
            () = http.as_mut() => return,
        }
        http.await;
    }

    async fn open(&self, plain: Plain, tls: Option<TlsAcceptor>) -> Option<Stream> {
        let Some(acceptor) = tls else { return Some(Stream::Plain(plain)) };
        let handshake = tokio::time::timeout(self.limits.head_timeout, acceptor.accept(plain));
        Some(Stream::Tls(Box::new(handshake.await.ok()?.ok()?)))
    }
}
