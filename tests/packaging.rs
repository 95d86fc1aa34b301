//! What is shipped beside the binary: the units and the account are ones that systemd takes.

use std::{fs, path::Path, process::Command};

use crate::harness::command::JETON;

fn packaged(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)).unwrap()
}

#[test]
fn systemd_takes_the_units_and_calls_the_service_safe() {
    let home = tempfile::tempdir().unwrap();
    let (unit, socket) = (home.path().join("jeton.service"), home.path().join("jeton.socket"));
    // The binary isn't installed where a test runs.
    let text = packaged("jeton.service");
    assert!(text.contains("ExecStart=/usr/bin/jeton serve --config /etc/jeton/jeton.toml\n"));
    fs::write(&unit, text.replace("/usr/bin/jeton", JETON)).unwrap();
    fs::write(&socket, packaged("jeton.socket")).unwrap();
    let verify = Command::new("systemd-analyze").arg("verify").args([&unit, &socket]).output().unwrap();
    let said = String::from_utf8_lossy(&verify.stderr).into_owned();
    assert!(verify.status.success() && said.is_empty(), "{said}");
    // Of 100, and 100 is the worst: no more than 0.3 of 10.
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=3", "--no-pager"])
        .arg(&unit)
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn systemd_takes_the_unit_of_litestream() {
    let home = tempfile::tempdir().unwrap();
    let unit = home.path().join("jeton-litestream.service");
    let text = packaged("jeton-litestream.service");
    let starts = "ExecStart=/usr/bin/litestream replicate -config /etc/jeton/litestream.yml\n";
    assert!(text.contains(starts) && text.contains("User=jeton\n"));
    fs::write(&unit, text.replace("/usr/bin/litestream", JETON)).unwrap();
    // It is ordered after jeton's, which has to be there for that.
    fs::write(home.path().join("jeton.service"), packaged("jeton.service").replace("/usr/bin/jeton", JETON))
        .unwrap();
    fs::write(home.path().join("jeton.socket"), packaged("jeton.socket")).unwrap();
    let verify = Command::new("systemd-analyze").arg("verify").arg(&unit).output().unwrap();
    let said = String::from_utf8_lossy(&verify.stderr).into_owned();
    assert!(verify.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_service_has_no_network_and_its_socket_is_the_default_address() {
    let unit = packaged("jeton.service");
    for line in [
        "PrivateNetwork=yes",
        "RestrictAddressFamilies=AF_UNIX",
        "IPAddressDeny=any",
        "Requires=jeton.socket",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    assert!(packaged("jeton.socket").contains("\nListenStream=127.0.0.1:8700\n"));
    assert!(packaged("jeton.toml").contains("\n# port = 8700\n"));
}

#[test]
fn the_account_is_made_by_sysusers() {
    let line = packaged("jeton.sysusers");
    let line = line.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(line.starts_with("u jeton - ") && line.contains("/var/lib/jeton"), "{line}");
    let unit = packaged("jeton.service");
    assert!(unit.contains("User=jeton\n") && unit.contains("StateDirectory=jeton\n"));
}

#[test]
fn the_unit_starts_again_only_what_can_mend_itself() {
    let unit = packaged("jeton.service");
    assert!(unit.contains("Restart=on-failure\n") && unit.contains("RestartPreventExitStatus=2\n"));
    let wrong = crate::harness::Run::new(&["serve", "--nothing"]).run();
    assert_eq!(wrong.code, Some(2), "and 2 is what wrong settings give");
}
