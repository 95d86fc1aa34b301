//! Certificates: the server's own from two PEM files, and the machine's roots for the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

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

/// The server's side, for HTTP/1.1 alone.
pub fn server(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let pair = |source| TlsError::Pair { cert: files.cert.clone(), key: files.key.clone(), source };
    let chain = certificates(&files.cert)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| pem("private key", &files.key, &error))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
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
    use std::fs;

    use super::server;
    use crate::ops::config::TlsFiles;

    #[test]
    fn a_pair_is_taken_and_a_wrong_one_named() {
        let home = tempfile::tempdir().unwrap();
        let files = TlsFiles { cert: home.path().join("cert.pem"), key: home.path().join("key.pem") };
        assert!(server(&files).unwrap_err().to_string().contains("cert.pem"));
        let ours = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.cert, ours.cert.pem()).unwrap();
        fs::write(&files.key, "not a key").unwrap();
        assert!(server(&files).unwrap_err().to_string().contains("key.pem"));
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        assert!(server(&files).is_err(), "another certificate's key");
        fs::write(&files.key, ours.signing_key.serialize_pem()).unwrap();
        assert!(server(&files).is_ok());
        fs::write(&files.cert, "").unwrap();
        assert!(server(&files).unwrap_err().to_string().contains("there is none"));
    }
}
