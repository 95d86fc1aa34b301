//! What systemd is told: that jeton serves, that it stops, and that it is still well (`sd_notify(3)`).
//!
//! Without `NOTIFY_SOCKET` nothing is told to anybody.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tracing::warn;

/// The service manager's ear, should there be one.
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// From `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. A socket that can't be reached is warned of and left.
    pub fn from_env() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let to = variable("NOTIFY_SOCKET").and_then(|path| {
            connect(&path)
                .inspect_err(|error| warn!(%error, "NOTIFY_SOCKET is of no use: nobody is told of the start"))
                .ok()
        });
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let ours =
            variable("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(std::process::id().into());
        let watchdog =
            number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0).map(Duration::from_micros);
        Self { to, watchdog }
    }

    /// Requests are being answered.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// The stop has begun.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Tells that all is well at half the interval, for as long as `is_well` says so within a quarter of it. Doesn't end;
    /// where nobody watches it asks nothing.
    pub async fn keep_watch<F: Future<Output = bool>>(&self, is_well: impl Fn() -> F) -> Infallible {
        let Some(interval) = self.watchdog.filter(|_| self.to.is_some()) else {
            return std::future::pending().await;
        };
        let mut told = true;
        loop {
            let well = tokio::time::timeout(interval / 4, is_well()).await == Ok(true);
            if well {
                self.say("WATCHDOG=1");
            } else if told {
                warn!("the database doesn't answer: systemd starts jeton again if that goes on");
            }
            told = well;
            // Once it is late, it is asked more often: there is less time left.
            tokio::time::sleep(if well { interval / 2 } else { interval / 16 }).await;
        }
    }

    fn say(&self, state: &str) {
        let Some((socket, address)) = &self.to else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            warn!(%error, state, "systemd can't be told");
        }
    }
}

/// A path, or a name in the abstract namespace that `@` stands before.
fn connect(path: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that doesn't listen holds nothing up.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Notifier {
        Notifier::new(|name| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.into())
        })
    }

    #[test]
    fn an_abstract_socket_hears_it_too() {
        let name = format!("jeton-notify-{}", std::process::id());
        let ear = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let notifier = with(&[("NOTIFY_SOCKET", &format!("@{name}"))]);
        notifier.ready();
        notifier.stopping();
        let mut heard = [0; 64];
        for expected in ["READY=1", "STOPPING=1"] {
            let length = ear.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], expected.as_bytes());
        }
    }

    #[test]
    fn another_process_is_watched_by_others() {
        let watched = |pid: &str| with(&[("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", pid)]).watchdog;
        assert_eq!(watched(&std::process::id().to_string()), Some(Duration::from_secs(2)));
        assert_eq!(watched("1"), None);
        assert_eq!(with(&[("WATCHDOG_USEC", "many")]).watchdog, None);
        assert_eq!(with(&[("WATCHDOG_USEC", "0")]).watchdog, None);
    }

    #[test]
    fn without_a_socket_nothing_happens() {
        with(&[]).ready();
        with(&[("NOTIFY_SOCKET", "/nowhere/at/all")]).ready();
    }
}
