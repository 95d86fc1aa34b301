//! nginx and Caddy as a test's own: the shipped set-up with its addresses replaced, in a directory that goes away.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use tempfile::TempDir;

use crate::harness::{
    Client, Target,
    command::{append, text},
    python, wait_for,
};

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian's.
    Nginx,
    /// PyPI's.
    Caddy,
}

/// One that runs; dropping it ends it.
pub struct Proxy {
    child: Child,
    address: SocketAddr,
    home: TempDir,
}

/// What is shipped for proxies.
pub fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/proxy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Proxy {
    /// Starts one that asks the gate at `gate` and passes on to `application`; `edited` is what is made of the set-up
    /// as it is shipped.
    pub fn start(
        kind: Kind,
        gate: SocketAddr,
        application: SocketAddr,
        edited: impl FnOnce(String) -> String,
    ) -> Self {
        let site = match kind {
            Kind::Nginx => shipped("nginx.conf"),
            Kind::Caddy => shipped("Caddyfile"),
        };
        let site = edited(site).replace("127.0.0.1:8700", &gate.to_string());
        let site = site.replace("127.0.0.1:9000", &application.to_string());
        let home = tempfile::tempdir().unwrap();
        let address = free();
        let mut command = match kind {
            Kind::Nginx => nginx(home.path(), address, &site),
            Kind::Caddy => caddy(home.path(), address, &site),
        };
        let log = append(&home.path().join("proxy.log"));
        let child = command
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut proxy = Self { child, address, home };
        wait_for("the proxy to listen", Duration::from_secs(20), || {
            let ended = proxy.child.try_wait().expect("our own child");
            assert_eq!(ended, None, "{}", proxy.log());
            TcpStream::connect(address).ok()
        });
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(Target::Tcp(self.address))
    }

    /// All that it said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.path().join("proxy.log")).unwrap_or_default())
            .into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("--- the proxy's log, its last lines ---");
            for line in tail.iter().rev() {
                eprintln!("{line}");
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free on a loopback address that no other test has, this process's or another's.
fn free() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id().to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let own = Ipv4Addr::new(127, 100 + process[2] % 100, process[3], number);
    TcpListener::bind((own, 0)).and_then(|listener| listener.local_addr()).unwrap()
}

/// `text` with the one occurrence of `old` replaced.
pub fn replaced(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old} in {text}");
    text.replace(old, new)
}

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn nginx(home: &Path, address: SocketAddr, site: &str) -> Command {
    let site = replaced(site, "listen 80;", &format!("listen {address};"));
    write(home, "site.conf", &site);
    for name in ["server.conf", "location.conf"] {
        write(home, &format!("jeton/{name}"), &shipped(&format!("nginx/{name}")));
    }
    // One process, so that ending it ends all of it, and nothing is written anywhere else.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.iter().map(|name| format!("{name}_temp_path {name};\n")).collect();
    let main = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr info;\n\
         events {{ worker_connections 512; }}\n\
         http {{\naccess_log off;\n{temporary}include site.conf;\n}}\n"
    );
    write(home, "nginx.conf", &main);
    let program = Path::new("/usr/sbin/nginx");
    let program = if program.exists() { program } else { Path::new("nginx") };
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-p", text(home), "-c", text(&home.join("nginx.conf"))]);
    command
}

fn caddy(home: &Path, address: SocketAddr, site: &str) -> Command {
    let here = format!(
        "http://{}:{} {{
	bind {}
",
        super::HOST,
        address.port(),
        address.ip()
    );
    let site = replaced(
        site,
        &format!(
            "
{} {{
",
            super::HOST
        ),
        &format!(
            "
{here}"
        ),
    );
    write(home, "Caddyfile", &format!("{{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}}\n{site}"));
    write(home, "jeton.caddy", &shipped("caddy/jeton.caddy"));
    let program: PathBuf = python::environment("gate/requirements.txt").join("bin/caddy");
    let mut command = Command::new(program);
    command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]);
    command.env_clear().env("HOME", home).env("XDG_DATA_HOME", home).env("XDG_CONFIG_HOME", home);
    command
}
