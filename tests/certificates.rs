//! Certificates that are renewed while the server runs: shown to whoever connects from then on, and nobody is cut off.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use rustls::{ClientConnection, StreamOwned};

use crate::harness::{Server, command::text, files::set_mode, wait_for};

type Made = rcgen::CertifiedKey<rcgen::KeyPair>;

/// A server with TLS, and the certificates that it may show.
struct Stage {
    server: Server,
    cert: PathBuf,
    key: PathBuf,
    trusted: Vec<Made>,
    _home: tempfile::TempDir,
}

fn made() -> Made {
    rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap()
}

impl Stage {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
        let trusted = vec![made(), made(), made()];
        put(&cert, &trusted[0].cert.pem());
        put(&key, &trusted[0].signing_key.serialize_pem());
        let server =
            Server::setup().flags(&["--tls-cert", text(&cert), "--tls-key", text(&key)]).start_over_control();
        Self { server, cert, key, trusted, _home: home }
    }

    /// Puts another pair in the place of the one there is.
    fn renew(&self, which: usize) {
        put(&self.cert, &self.trusted[which].cert.pem());
        put(&self.key, &self.trusted[which].signing_key.serialize_pem());
    }

    fn connect(&self) -> Visitor {
        let mut roots = rustls::RootCertStore::empty();
        for made in &self.trusted {
            roots.add(made.cert.der().clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut visitor = Visitor(BufReader::new(StreamOwned::new(session, stream)));
        visitor.asks();
        visitor
    }

    /// Which of the certificates a newcomer is shown.
    fn shown(&self) -> usize {
        let visitor = self.connect();
        let shown = visitor.0.get_ref().conn.peer_certificates().unwrap();
        self.trusted.iter().position(|made| *made.cert.der() == shown[0]).unwrap()
    }
}

/// As a renewing tool does: whole, or not there.
fn put(path: &PathBuf, pem: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, pem).unwrap();
    set_mode(&fresh, 0o600);
    fs::rename(&fresh, path).unwrap();
}

/// Somebody who stays connected.
struct Visitor(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Visitor {
    fn asks(&mut self) {
        self.0.get_mut().write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (mut line, mut length) = (String::new(), 0);
        self.0.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        self.0.read_exact(&mut vec![0; length]).unwrap();
    }
}

const SOON: Duration = Duration::from_secs(15);

#[test]
fn a_renewed_certificate_is_shown_after_a_hangup_and_no_connection_is_cut() {
    let mut stage = Stage::new();
    let mut early = stage.connect();
    assert_eq!(stage.shown(), 0);
    stage.renew(1);
    stage.server.signal(Signal::HUP);
    wait_for("the second certificate", SOON, || (stage.shown() == 1).then_some(()));
    early.asks();

    // What is broken changes nothing, and is told.
    fs::write(&stage.key, "not a key").unwrap();
    stage.server.signal(Signal::HUP);
    stage.server.wait_for_log("the certificate from before stays in use");
    assert!(stage.server.log().contains("key.pem"));
    assert_eq!(stage.shown(), 1);
    early.asks();
    stage.server.stop();
}

#[test]
fn a_renewed_certificate_is_shown_without_anybody_saying_so() {
    let stage = Stage::new();
    let mut early = stage.connect();
    // The one and then the other: between the two they don't fit together.
    put(&stage.cert, &stage.trusted[2].cert.pem());
    assert_eq!(stage.shown(), 0);
    put(&stage.key, &stage.trusted[2].signing_key.serialize_pem());
    wait_for("the third certificate", SOON, || (stage.shown() == 2).then_some(()));
    early.asks();
}
