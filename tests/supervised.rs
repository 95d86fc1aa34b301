//! Under a service manager: it is told how jeton is, holds the socket, and starts it again where the database hangs.

use std::{
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::harness::{
    Client, RaiseOnDrop, Run, Server, Target,
    command::{append, signal, text, wait_for_end},
    database, wait_for,
};

/// The manager's side of `NOTIFY_SOCKET`.
struct Ear {
    home: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Ear {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
        Self { home, socket }
    }

    fn path(&self) -> String {
        text(&self.home.path().join("notify")).to_owned()
    }

    /// What is heard next, should it come in this time.
    fn hear(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut heard = [0; 256];
        let length = self.socket.recv(&mut heard).ok()?;
        Some(String::from_utf8(heard[..length].to_vec()).unwrap())
    }

    #[track_caller]
    fn expect(&self, state: &str) {
        assert_eq!(self.hear(Duration::from_secs(10)).as_deref(), Some(state));
    }
}

#[test]
fn the_manager_hears_of_the_start_and_the_stop_and_is_not_pinged_unless_it_watches() {
    let ear = Ear::new();
    let mut server = Server::setup().env("NOTIFY_SOCKET", &ear.path()).start();
    ear.expect("READY=1");
    server.stop();
    ear.expect("STOPPING=1");
    assert_eq!(ear.hear(Duration::from_millis(1)), None);
}

#[test]
fn pings_cease_while_the_database_hangs_and_no_longer() {
    let ear = Ear::new();
    let setup = Server::setup().env("NOTIFY_SOCKET", &ear.path());
    let mut server = setup.env("WATCHDOG_USEC", "2000000").start();
    ear.expect("READY=1");
    let start = Instant::now();
    for _ in 0..3 {
        ear.expect("WATCHDOG=1");
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "at half the interval, not always");

    // Somebody else holds the write lock: a writer waits, while reads go on.
    let other = database::open(&server.data());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One may have been on its way.
    while ear.hear(Duration::from_millis(1)).is_some() {}
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        let heard = ear.hear(Duration::from_millis(500));
        assert!(heard.is_none() || start.elapsed() < Duration::from_millis(500), "{heard:?}");
    }
    server.client().get("/health/live").send().expect(200);
    server.wait_for_log("the database doesn't answer");

    other.execute_batch("ROLLBACK").unwrap();
    ear.expect("WATCHDOG=1");
    server.stop();
    let last = std::iter::from_fn(|| ear.hear(Duration::from_millis(1))).last();
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

/// Starts a server on a socket that the test keeps, as systemd hands one over.
fn serve(home: &std::path::Path, listener: &TcpListener, ear: &Ear) -> Child {
    let socket = OwnedFd::from(listener.try_clone().unwrap());
    let run = Run::new(&["serve"])
        .data_dir(&home.join("data"))
        .within(home)
        .env("NOTIFY_SOCKET", ear.path())
        .shell("exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"");
    let log = append(&home.join("log"));
    let child = run.command().stdin(Stdio::from(socket)).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    ear.expect("READY=1");
    child
}

#[test]
fn a_restart_under_load_refuses_no_connection() {
    let home = tempfile::tempdir().unwrap();
    let ear = Ear::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (done, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut child = serve(home.path(), &listener, &ear);
    thread::scope(|scope| {
        let _end = RaiseOnDrop(&done);
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drop(TcpStream::connect(address).expect("no connection is refused"));
                    Client::new(Target::Tcp(address)).get("/health/live").send().expect(200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            let before = answered.load(Ordering::Relaxed);
            wait_for("requests to be answered", Duration::from_secs(10), || {
                (answered.load(Ordering::Relaxed) > before + 20).then_some(())
            });
            signal(child.id(), Signal::TERM);
            assert_eq!(wait_for_end(&mut child, Duration::from_secs(10)).code(), Some(0));
            ear.expect("STOPPING=1");
            child = serve(home.path(), &listener, &ear);
        }
    });
    signal(child.id(), Signal::TERM);
    assert_eq!(wait_for_end(&mut child, Duration::from_secs(10)).code(), Some(0));
}
