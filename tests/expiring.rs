//! `jeton token expiring`, as a monitoring system runs it: a line that says it all, and an exit code.

use crate::harness::{Run, Server};

#[test]
fn a_monitoring_system_learns_what_expires() {
    let mut server = Server::start();
    let (ada, bo) = (server.administrator("ada"), server.user("bo"));
    server.token_with(&ada, &["--lifetime", "60d"]);
    let asked = |server: &Server, arguments: &[&str], code: i32, begins: &str| {
        let told = server.run(&[&["token", "expiring"], arguments].concat());
        assert_eq!(told.code, Some(code), "{arguments:?}: {told:?}");
        assert!(told.stdout.starts_with(begins), "{arguments:?}: {}", told.stdout);
        told.stdout
    };
    asked(&server, &["--within", "14d"], 0, "OK: no token expires within 14d\n");
    server.token_with(&bo, &["--lifetime", "10d"]);
    let told =
        asked(&server, &["--within", "14d", "--critical", "3d"], 1, "WARNING: 1 token expires within 14d");
    assert!(told.lines().count() == 3 && told.lines().next().unwrap().contains("test of bo at 20"), "{told}");
    asked(&server, &["--within", "9d"], 0, "OK");
    asked(&server, &["--within", "14d", "--user", "ada"], 0, "OK");
    asked(&server, &["--within", "14d", "--organization", "default"], 1, "WARNING");
    asked(
        &server,
        &["--within", "14d", "--critical", "11d"],
        2,
        "CRITICAL: 1 token expires within 14d, 1 of them",
    );
    let listed = server.run(&["token", "expiring", "--within", "90d", "--json"]);
    assert_eq!(listed.code, Some(1));
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!([&listed[0]["owner"], &listed[1]["owner"]], ["bo", "ada"], "the soonest first");

    // One that is off expires for nobody.
    let id = listed[0]["id"].as_str().unwrap();
    server.run(&["token", "disable", id]).done();
    asked(&server, &["--within", "14d"], 0, "OK");
    server.run(&["token", "enable", id]).done();

    // What isn't said isn't good.
    asked(&server, &["--within", "14d", "--user", "nobody"], 2, "CRITICAL: can't ask");
    let url = format!("http://{}", server.address());
    let remote =
        Run::new(&["token", "expiring", "--within", "14d", "--url", &url]).env("JETON_TOKEN", "jtn_x");
    assert_eq!(remote.run().code, Some(2));
    server.stop();
    asked(&server, &["--within", "14d"], 1, "WARNING");
    let gone = remote.run();
    assert_eq!(gone.code, Some(2));
    assert!(gone.stdout.starts_with("CRITICAL: can't ask what expires: "), "{gone:?}");
    for wrong in [&["--within", "1d", "--critical", "2d"][..], &["--within", "soon"], &[]] {
        server.run(&[&["token", "expiring"], wrong].concat()).refused(2);
    }
}
