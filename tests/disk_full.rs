//! A full disk: what is to be written is answered 507, checks go on, and a revocation still works.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::harness::{Server, command::text, server::named, token::Wire, wait_for};

/// A small disk of a test's own. Mounting takes root, which CI's machine gives: elsewhere these tests fail and say so.
struct Disk {
    place: TempDir,
}

impl Disk {
    fn new(size: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let size = format!("size={size},mode=0700");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs", text(place.path())])
            .output()
            .expect("mount is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a tmpfs has to be mounted, so run this as root: {said}");
        Self { place }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Takes all the room there is, to the last byte.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.file("filler")).unwrap();
        for size in [1 << 16, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.file("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server goes after it.
        let _ = Command::new("umount").args(["-l", text(self.place.path())]).status();
    }
}

fn server_on(disk: &Path) -> Server {
    // The data directory itself is on the disk: `data` beside the log is a link to it.
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(disk, home.path().join("data")).unwrap();
    Server::setup().start_in(home)
}

#[test]
fn a_full_disk_stops_what_is_new_and_no_revocation() {
    let disk = Disk::new("32m");
    let data = disk.file("data");
    fs::create_dir(&data).unwrap();
    let mut server = server_on(&data);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let tokens: Vec<_> = (0..24).map(|_| server.token(&anna)).collect();
    let reserve = data.join("jeton.reserve");
    assert!(reserve.metadata().unwrap().len() >= 1 << 20);

    disk.fill();
    let issue = || server.client().post("/v1/tokens").bearer(&keeper).json(&named("x")).send();
    for _ in 0..3 {
        let reply = issue();
        assert_eq!((reply.status, reply.problem(507).as_str()), (507, "storage_full"), "{}", reply.text());
        assert!(server.accepts(&keeper), "checks go on");
    }
    // Uses that gather meanwhile can't be written down, and harm nobody.
    server.wait_for_log("isn't written down yet");
    for (count, token) in tokens.iter().enumerate() {
        let path = format!("/v1/tokens/{}", Wire::read(token).uuid());
        server.client().delete(&path).bearer(server.secret()).send().expect(204);
        assert!(!server.accepts(token), "revocation {count}");
        assert_eq!(issue().status, 507, "the reserve is for revocations alone");
    }
    assert!(server.accepts(&keeper));

    disk.make_room();
    wait_for("room", Duration::from_secs(5), || (issue().status == 201).then_some(()));
    assert!(reserve.metadata().unwrap().len() >= 1 << 20, "it is there again");
    server.stop();
    server.launch();
    assert!(server.accepts(&keeper) && tokens.iter().all(|token| !server.accepts(token)));
    server.run(&["events", "verify"]).done();
    server.stop();
}

#[test]
fn without_any_reserve_a_write_fails_whole_and_the_next_one_works() {
    let disk = Disk::new("32m");
    let data = disk.file("data");
    fs::create_dir(&data).unwrap();
    let mut server = server_on(&data);
    let anna = server.user("anna");
    let tokens: Vec<_> = (0..3).map(|_| server.token(&anna)).collect();
    // Somebody else takes the place of the reserve too, once it is given up.
    disk.fill();
    server.client().delete("/v1/tokens/self").bearer(&tokens[0]).send().expect(204);
    disk.fill();
    let revoke = |token: &str| server.client().delete("/v1/tokens/self").bearer(token).send();
    // What the write-ahead log has room for goes on; then it is said, each time the same.
    let mut refused = false;
    for round in 0..200 {
        let verb = if round % 2 == 0 { "disable" } else { "enable" };
        let path = format!("/v1/tokens/{}/{verb}", Wire::read(&tokens[1]).uuid());
        let reply = server.client().post(&path).bearer(server.secret()).send();
        if reply.status == 507 {
            refused = true;
            break;
        }
        reply.expect(200);
    }
    assert!(refused, "a disk without a byte left takes nothing for ever");
    disk.make_room();
    wait_for("a revocation", Duration::from_secs(5), || (revoke(&tokens[2]).status == 204).then_some(()));
    assert!(!server.accepts(&tokens[0]) && !server.accepts(&tokens[2]));
    server.stop();
    server.launch();
    assert!(!server.accepts(&tokens[0]) && !server.accepts(&tokens[2]));
    server.run(&["events", "verify"]).done();
    server.stop();
}
