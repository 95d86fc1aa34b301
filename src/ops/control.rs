//! How commands find the running server: `control.json`, and the socket for local administration.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::ops::data_dir::{CONTROL, DataDir, DataDirError, SOCKET};

/// `sun_path` with its final NUL.
const SUN_PATH: usize = 108;
const CONTROL_NEW: &str = "control.json.new";
const CONTROL_LIMIT: u64 = 64 * 1024;

/// What the running server says about itself. The lock, not this, says whether it runs.
#[derive(Serialize, Deserialize)]
pub struct Control {
    /// The server's process.
    pub pid: u32,
    /// Where it listens: `http://127.0.0.1:8700`, `https://…`, `unix:/path`.
    pub listen: Vec<String>,
    /// The socket for local administration.
    pub socket: PathBuf,
    /// The credential of the local operator, new at each start.
    pub secret: String,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("pid", &self.pid)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl DataDir {
    /// Says where the server listens. The caller holds the lock.
    pub fn write_control(&self, control: &Control) -> Result<(), DataDirError> {
        let mut text = serde_json::to_vec(control).expect("text and numbers are always JSON");
        let written = self.write_private(CONTROL, CONTROL_NEW, &text);
        text.zeroize();
        written
    }

    /// What the server said; nothing when there is none or what it said can't be read.
    pub fn read_control(&self) -> Option<Control> {
        serde_json::from_str(&self.read_private(CONTROL, CONTROL_LIMIT).ok()??).ok()
    }

    /// Removes what a server said, and its socket. The caller holds the lock.
    pub fn remove_control(&self) -> Result<(), DataDirError> {
        self.remove(CONTROL)?;
        self.remove(SOCKET)
    }

    /// The process that `control.json` names.
    pub(in crate::ops) fn server_pid(&self) -> Option<u32> {
        self.read_control().map(|control| control.pid)
    }

    /// Listens for local administration, on a socket for nobody but the owner. The caller holds the lock, so what is
    /// in its place has no listener.
    pub fn bind_control(&self) -> Result<UnixListener, DataDirError> {
        let path = self.file(SOCKET);
        let io_error = |source| DataDirError::Io { what: "listen on", path: path.clone(), source };
        let occupied = path.symlink_metadata().is_ok_and(|found| !found.file_type().is_socket());
        if occupied {
            return Err(io_error(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something that isn't a socket is there",
            )));
        }
        self.remove(SOCKET)?;
        let listener = UnixListener::bind(self.socket_path()).map_err(io_error)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(io_error)?;
        Ok(listener)
    }

    /// Connects to the running server.
    pub fn connect_control(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.socket_path())
    }

    /// The socket's path, by way of the open directory when it doesn't fit into a socket's address.
    fn socket_path(&self) -> PathBuf {
        let path = self.file(SOCKET);
        if path.as_os_str().len() < SUN_PATH {
            return path;
        }
        Path::new("/proc/self/fd").join(self.handle().as_raw_fd().to_string()).join(SOCKET)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::MetadataExt as _;

    use super::{Control, SOCKET};
    use crate::ops::data_dir::{CONTROL, DataDir};

    fn control() -> Control {
        Control {
            pid: 7,
            listen: vec!["http://127.0.0.1:1".to_owned()],
            socket: "/d/control.sock".into(),
            secret: "jtc_secret".to_owned(),
        }
    }

    #[test]
    fn what_the_server_said_is_read_back_and_private() {
        let home = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(home.path()).unwrap();
        assert!(data_dir.read_control().is_none());
        data_dir.write_control(&control()).unwrap();
        assert_eq!(home.path().join(CONTROL).metadata().unwrap().mode() & 0o777, 0o600);
        let read = data_dir.read_control().unwrap();
        assert_eq!((read.pid, read.secret.as_str()), (7, "jtc_secret"));
        data_dir.remove_control().unwrap();
        assert!(data_dir.read_control().is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", control()).contains("jtc_"));
    }

    #[test]
    fn the_socket_is_reached_however_long_its_path_is() {
        let home = tempfile::tempdir().unwrap();
        for directory in [home.path().join("short"), home.path().join("d".repeat(120))] {
            let data_dir = DataDir::open(&directory).unwrap();
            drop(data_dir.bind_control().unwrap());
            let listener = data_dir.bind_control().unwrap();
            assert_eq!(directory.join(SOCKET).metadata().unwrap().mode() & 0o777, 0o600);
            data_dir.connect_control().unwrap().write_all(b"x").unwrap();
            let mut byte = [0];
            listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"x");
        }
    }
}
