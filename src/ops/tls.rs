//! Certificates: the server's own from two PEM files, read again when they change, and the machine's roots for the command
//! line.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::signal::unix::Signal;

use crate::ops::config::TlsFiles;

/// Why TLS can't be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A PEM file that can't be read as what it should hold.
    #[error("can't read the {what} in {}: {reason}", .path.display())]
    Pem {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A pair that doesn't fit together, or that rustls can't use.
    #[error("can't use {} with {}", .cert.display(), .key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A machine without a usable root certificate.
    #[error("this machine has no root certificates to check an https address with{0}")]
    NoRoots(String),
}

fn provider() -> Arc<CryptoProvider> {
    // Named rather than the process default, which only one crate in a process may set.
    Arc::new(ring::default_provider())
}

/// How often it is looked whether the files are others.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What tells a file from the one that was there before: device, inode, length, and when it was written.
type Mark = Option<(u64, u64, u64, i64, i64)>;

fn mark(path: &Path) -> Mark {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// The certificate that is shown to whoever connects, and the files that it comes from.
#[derive(Debug)]
pub struct Certificates {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
    /// Of the files as they were read last, whether or not they were of use.
    marks: Mutex<[Mark; 2]>,
}

impl Certificates {
    /// Reads the files.
    pub fn load(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let marks = Mutex::new(marks(files));
        let current = RwLock::new(Arc::new(pair(files)?));
        Ok(Arc::new(Self { files: files.clone(), current, marks }))
    }

    /// The server's side, for HTTP/1.1 alone. A handshake takes what is current at its beginning; connections go on with
    /// what they began with.
    pub fn server(self: &Arc<Self>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring does the default versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Reads the files again on each hangup, and when they change; for as long as the runtime lives.
    pub async fn watch(self: Arc<Self>, mut hangups: Signal) {
        loop {
            let asked = tokio::select! {
                hangup = hangups.recv() => hangup.is_some(),
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let certificates = Arc::clone(&self);
            // A panic in there has been logged; the certificate stays.
            let _ = tokio::task::spawn_blocking(move || certificates.look(asked)).await;
        }
    }

    /// Takes what the files hold now, where they changed or somebody asked. What is of no use is told, and nothing changes.
    fn look(&self, asked: bool) {
        let now = marks(&self.files);
        let mut before = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked && *before == now {
            return;
        }
        *before = now;
        match pair(&self.files) {
            Ok(pair) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!(cert = %self.files.cert.display(), "the certificate was read again");
            }
            Err(error) => {
                let why = anyhow::Error::from(error);
                tracing::error!(error = format!("{why:#}"), "the certificate from before stays in use");
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn marks(files: &TlsFiles) -> [Mark; 2] {
    [mark(&files.cert), mark(&files.key)]
}

/// The certificate with its key, which fit together.
fn pair(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&files.cert)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| pem("private key", &files.key, &error))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsError::Pair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        source,
    })
}

/// The command line's side, which trusts what the machine trusts.
pub fn client() -> Result<Arc<ClientConfig>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(TlsError::NoRoots(why));
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring does the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| pem("certificate", path, &error))?;
    if chain.is_empty() {
        return Err(TlsError::Pem {
            what: "certificate",
            path: path.to_owned(),
            reason: "there is none".to_owned(),
        });
    }
    Ok(chain)
}

fn pem(what: &'static str, path: &Path, error: &rustls_pki_types::pem::Error) -> TlsError {
    TlsError::Pem { what, path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::Certificates;
    use crate::ops::config::TlsFiles;

    #[test]
    fn a_pair_is_taken_and_a_wrong_one_named() {
        let home = tempfile::tempdir().unwrap();
        let files = TlsFiles { cert: home.path().join("cert.pem"), key: home.path().join("key.pem") };
        let refused = || Certificates::load(&files).unwrap_err().to_string();
        assert!(refused().contains("cert.pem"));
        let ours = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.cert, ours.cert.pem()).unwrap();
        fs::write(&files.key, "not a key").unwrap();
        assert!(refused().contains("key.pem"));
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        assert!(Certificates::load(&files).is_err(), "another certificate's key");
        fs::write(&files.key, ours.signing_key.serialize_pem()).unwrap();
        assert!(Certificates::load(&files).is_ok());
        fs::write(&files.cert, "").unwrap();
        assert!(refused().contains("there is none"));
    }

    #[test]
    fn what_changed_is_taken_once_it_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let files = TlsFiles { cert: home.path().join("cert.pem"), key: home.path().join("key.pem") };
        let [first, second] =
            [(); 2].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
        fs::write(&files.cert, first.cert.pem()).unwrap();
        fs::write(&files.key, first.signing_key.serialize_pem()).unwrap();
        let certificates = Certificates::load(&files).unwrap();
        let shown = || Arc::clone(&certificates.current.read().unwrap());
        let before = shown();
        certificates.look(false);
        assert!(Arc::ptr_eq(&before, &shown()), "nothing changed");
        fs::write(&files.cert, second.cert.pem()).unwrap();
        certificates.look(false);
        assert!(Arc::ptr_eq(&before, &shown()), "half of a pair");
        fs::write(&files.key, second.signing_key.serialize_pem()).unwrap();
        certificates.look(false);
        assert_eq!(shown().cert[0], *second.cert.der());
        fs::remove_file(&files.key).unwrap();
        certificates.look(true);
        assert_eq!(shown().cert[0], *second.cert.der());
    }
}
