//! The sockets that requests come in by: planned before anything is touched, bound later.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use thiserror::Error;

use crate::ops::config::Config;

/// Connections that the kernel keeps for us while we are busy; it cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// A Unix socket is for its owner and group, so that a proxy gets in by group membership and no other user does.
const UNIX_MODE: u32 = 0o660;

/// A bound socket.
#[derive(Debug)]
pub enum Bound {
    /// TCP, with TLS when that is set up.
    Tcp(TcpListener),
    /// A Unix socket, always plain.
    Unix(UnixListener),
}

/// Why there is nothing to listen on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Tokens would cross a network in the clear.
    #[error(
        "{0} isn't a loopback address: give --tls-cert and --tls-key, or --behind-proxy when a proxy does TLS"
    )]
    Exposed(SocketAddr),
    /// A socket that systemd handed over and that isn't one.
    #[error("socket {index} of LISTEN_FDS is neither a TCP nor a Unix stream socket")]
    Inherited {
        /// Which one, from 0.
        index: usize,
        /// Why.
        source: io::Error,
    },
    /// A path that somebody listens on, or that isn't a socket.
    #[error("can't listen on {}: {reason}", .path.display())]
    Occupied {
        /// The path.
        path: PathBuf,
        /// What is there.
        reason: &'static str,
    },
    /// The system refused.
    #[error("can't listen on {place}")]
    Bind {
        /// Address or path.
        place: String,
        /// Why.
        source: io::Error,
    },
}

/// What to listen on.
#[derive(Debug)]
pub struct Plan {
    inherited: Vec<Bound>,
    tcp: Option<SocketAddr>,
    unix: Option<PathBuf>,
}

impl Plan {
    /// From the sockets that systemd handed over, or else from the settings.
    ///
    /// # Errors
    /// [`ListenError::Exposed`] when an address isn't loopback and neither TLS nor a proxy is said to protect it.
    pub fn new(config: &Config, inherited: ListenFd) -> Result<Self, ListenError> {
        let inherited = take_inherited(inherited)?;
        let protected = config.tls.is_some() || config.behind_proxy;
        let plan = if inherited.is_empty() {
            let tcp = config.listen.tcp.map(SocketAddr::from);
            Self { inherited, tcp, unix: config.listen.unix.clone() }
        } else {
            Self { inherited, tcp: None, unix: None }
        };
        let inherited = plan.inherited.iter().filter_map(Bound::address);
        match plan.tcp.into_iter().chain(inherited).find(|address| !is_loopback(*address)) {
            Some(exposed) if !protected => Err(ListenError::Exposed(exposed)),
            _ => Ok(plan),
        }
    }

    /// Whether the sockets were handed over.
    pub fn is_inherited(&self) -> bool {
        !self.inherited.is_empty()
    }

    /// Binds what was planned.
    pub fn bind(self) -> Result<Vec<Bound>, ListenError> {
        let mut bound = self.inherited;
        if let Some(address) = self.tcp {
            let failed = |source| ListenError::Bind { place: address.to_string(), source };
            bound.push(Bound::Tcp(bind_tcp(address).map_err(failed)?));
        }
        if let Some(path) = self.unix {
            bound.push(Bound::Unix(bind_unix(&path)?));
        }
        Ok(bound)
    }
}

impl Bound {
    /// The TCP address, with the port that port 0 became.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The socket's path.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(listener) => Some(listener.local_addr().ok()?.as_pathname()?.to_owned()),
        }
    }

    /// As an address that a client takes: `http://127.0.0.1:8700`, `https://…`, `unix:/path`.
    pub fn url(&self, tls: bool) -> Option<String> {
        match self {
            Self::Tcp(_) => Some(format!("{}://{}", if tls { "https" } else { "http" }, self.address()?)),
            Self::Unix(_) => Some(format!("unix:{}", std::path::absolute(self.path()?).ok()?.display())),
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn take_inherited(mut handed: ListenFd) -> Result<Vec<Bound>, ListenError> {
    (0..handed.len())
        .map(|index| {
            let unix = handed.take_unix_listener(index).ok().flatten().map(Bound::Unix);
            match unix {
                Some(unix) => Ok(unix),
                None => match handed.take_tcp_listener(index) {
                    Ok(Some(tcp)) => Ok(Bound::Tcp(tcp)),
                    Ok(None) => unreachable!("the index is below the length"),
                    Err(source) => Err(ListenError::Inherited { index, source }),
                },
            }
        })
        .collect()
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the one before.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `::` stands for every address, whatever the machine's default is.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds a path. A socket that nobody listens on is what a crash left, and is replaced.
fn bind_unix(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |source| ListenError::Bind { place: path.display().to_string(), source };
    match path.symlink_metadata() {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ListenError::Occupied {
                path: path.to_owned(),
                reason: "something that isn't a socket is there",
            });
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(ListenError::Occupied {
                path: path.to_owned(),
                reason: "another process listens there",
            });
        }
        Ok(_) => std::fs::remove_file(path).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
    SockAddr::unix(path).and_then(|address| socket.bind(&address)).map_err(failed)?;
    // Before `listen`, so that nobody connects under another mode.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(UNIX_MODE)).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::ops::config::Sources;

    fn plan(flags: &[(&'static str, &str)]) -> Result<Plan, ListenError> {
        let flags = flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        let config = Config::load(Sources { flags, ..Sources::default() }).unwrap();
        Plan::new(&config, ListenFd::empty())
    }

    #[test]
    fn an_open_address_needs_protection() {
        for address in ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1"] {
            assert!(matches!(plan(&[("address", address)]), Err(ListenError::Exposed(_))), "{address}");
            assert!(plan(&[("address", address), ("behind_proxy", "true")]).is_ok());
            assert!(plan(&[("address", address), ("tls_cert", "/c"), ("tls_key", "/k")]).is_ok());
        }
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(plan(&[("address", address)]).is_ok(), "{address}");
        }
    }

    #[test]
    fn port_0_becomes_a_port() {
        let bound = plan(&[("port", "0")]).unwrap().bind().unwrap();
        let address = bound[0].address().unwrap();
        assert_ne!(address.port(), 0);
        assert_eq!(bound[0].url(true), Some(format!("https://{address}")));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let text = path.to_str().unwrap();
        let first = plan(&[("unix", text)]).unwrap().bind().unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, UNIX_MODE);
        assert_eq!(first[0].url(true), Some(format!("unix:{text}")));
        assert!(plan(&[("unix", text)]).unwrap().bind().unwrap_err().to_string().contains("another process"));
        drop(first);
        plan(&[("unix", text)]).unwrap().bind().unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "mine").unwrap();
        assert!(plan(&[("unix", text)]).unwrap().bind().unwrap_err().to_string().contains("isn't a socket"));
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}
