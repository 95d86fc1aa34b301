//! Where a request to jeton's own API came from: the socket's word, unless proxies are trusted there too.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::harness::{Client, Server, database, server::Setup};

/// The headers in which somebody could say where they come from.
const CLAIMS: [&str; 4] = ["X-Real-IP", "X-Forwarded-For", "Forwarded", "X_Real_IP"];

/// Guesses once at an account that isn't there, with headers; returns the status.
fn guess(client: &mut Client, account: usize, headers: &[(&str, String)]) -> u16 {
    let request = client.get("/v1/me").basic(&format!("nobody{account}"), "not the password at all");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().status
}

/// Guesses this often, sixty-four side by side, since one that isn't looked at is answered late; returns the statuses.
fn guess_often(server: &Server, times: usize, guess: impl Fn(&mut Client, usize) -> u16 + Sync) -> Vec<u16> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let guessing = || {
            let mut client = server.client();
            let rounds = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
            rounds
                .take_while(|round| *round < times)
                .map(|round| guess(&mut client, round))
                .collect::<Vec<_>>()
        };
        let guessers: Vec<_> = (0..64).map(|_| scope.spawn(guessing)).collect();
        guessers.into_iter().flat_map(|guesser| guesser.join().unwrap()).collect()
    })
}

/// The addresses that refused sign-ins were recorded with, each once.
fn recorded(server: &Server) -> Vec<String> {
    let connection = database::open(&server.data());
    let sql = "SELECT DISTINCT ifnull(address, 'none') FROM events WHERE deed = 'sign_in.refused' ORDER BY 1";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn no_header_moves_a_guesser_to_another_address() {
    // The guesser comes from loopback, which the gate trusts.
    let server = Server::start();
    let statuses = guess_often(&server, 1_000, |client, round| {
        let address = format!("10.{}.{}.1", round / 250, round % 250);
        let claims: Vec<_> = CLAIMS
            .iter()
            .map(|name| {
                let value = if *name == "Forwarded" { format!("for={address}") } else { address.clone() };
                (*name, value)
            })
            .collect();
        // One at a time, and all together.
        let some = if round % 5 == 4 { &claims[..] } else { &claims[round % 5..=round % 5] };
        guess(client, round, some)
    });
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    // Fifty are free, and while the test lasts the short waits let a few more in.
    assert!((50..60).contains(&looked_at), "{looked_at} of 1,000 were looked at");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    assert_eq!(recorded(&server), ["127.0.0.1"]);
}

#[test]
fn behind_a_trusted_proxy_clients_are_told_apart_and_forge_nothing() {
    let flags = ["--api-trusts-proxy", "--trusted-proxy", "127.0.0.1, 10.0.0.0/8"];
    let server = Server::setup().flags(&flags).start();
    let from = |client: &mut Client, account: usize, said: &str, real: &str| {
        guess(client, account, &[("X-Forwarded-For", format!("{said}{real}"))])
    };
    let statuses = guess_often(&server, 200, |client, round| {
        // What a client says of itself stands to the left of what the proxy appends.
        let said = match round % 4 {
            0 => String::new(),
            1 => format!("198.51.100.{round}, "),
            2 => format!("198.51.100.{round}, 10.0.0.1, "),
            _ => format!("junk {round}, "),
        };
        from(client, round, &said, "203.0.113.1")
    });
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert!((50..60).contains(&looked_at), "{looked_at} of 200");
    let mut client = server.client();
    let mut through = |account: usize, said: &str, real: &str| from(&mut client, account, said, real);
    assert_eq!(through(1_000, "", "203.0.113.2"), 401, "another client isn't held up");
    // Each try that is looked at doubles the wait, so one of a few comes too early.
    assert!(
        (0..12).any(|more| through(2_000 + more, "203.0.113.2, ", "203.0.113.1") == 429),
        "nor lends its name"
    );
    // A byte that isn't text makes nothing unsaid that a proxy appended to it.
    let mut stray = |account: usize| {
        let request = client.get("/v1/me").basic(&format!("nobody{account}"), "not the password at all");
        request.header("X-Forwarded-For", b"\xff, 203.0.113.1").send().status
    };
    assert!((0..12).any(|more| stray(3_000 + more) == 429));
    let beyond = [("X-Forwarded-For", "203.0.113.3, 10.9.9.9".to_owned())];
    assert_eq!(guess(&mut client, 4_000, &beyond), 401, "a proxy before the proxy");
    assert_eq!(recorded(&server), ["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
}

#[test]
fn what_is_trusted_is_trusted_at_the_gate_alone_unless_the_api_is_to_as_well() {
    let seen = |setup: Setup| {
        let server = setup.start();
        let forged = [("X-Forwarded-For", "203.0.113.1".to_owned())];
        assert_eq!(guess(&mut server.client(), 1, &forged), 401);
        recorded(&server).concat()
    };
    assert_eq!(seen(Server::setup()), "127.0.0.1");
    assert_eq!(seen(Server::setup().flags(&["--trusted-proxy", "127.0.0.1"])), "127.0.0.1");
    assert_eq!(seen(Server::setup().env("JETON_API_TRUSTS_PROXY", "false")), "127.0.0.1");
    let switched = || Server::setup().flags(&["--api-trusts-proxy"]);
    assert_eq!(seen(switched()), "203.0.113.1", "loopback is trusted by default");
    assert_eq!(seen(switched().flags(&["--trusted-proxy", "none"])), "127.0.0.1");
}

#[test]
fn a_proxy_that_nobody_named_is_not_believed() {
    let server = Server::setup().flags(&["--api-trusts-proxy", "--trusted-proxy", "127.0.0.2, unix"]).start();
    let forged = [("X-Forwarded-For", "203.0.113.1".to_owned())];
    assert_eq!(guess(&mut server.client(), 1, &forged), 401);
    assert_eq!(recorded(&server), ["127.0.0.1"]);
    assert_eq!(guess(&mut server.client().from([127, 0, 0, 2]), 2, &forged), 401);
    assert_eq!(recorded(&server), ["127.0.0.1", "203.0.113.1"]);
    let other = [("X-Forwarded-For", "[2001:db8::1]:443".to_owned())];
    assert_eq!(guess(&mut server.control_client(), 3, &other), 401);
    assert_eq!(recorded(&server), ["127.0.0.1", "2001:db8::1", "203.0.113.1"]);
}

#[test]
fn a_unix_socket_is_believed_only_by_name() {
    let server = Server::setup().flags(&["--api-trusts-proxy", "--trusted-proxy", "127.0.0.0/8"]).start();
    let forged = [("X-Forwarded-For", "203.0.113.1".to_owned())];
    assert_eq!(guess(&mut server.control_client(), 1, &forged), 401);
    assert_eq!(recorded(&server), ["none"]);
}

#[test]
fn several_headers_are_one_list_and_use_is_recorded_with_the_client() {
    let mut server = Server::setup().flags(&["--api-trusts-proxy", "--trusted-proxy", "127.0.0.1"]).start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let request = client.get("/v1/tokens/self").bearer(&token);
    let request =
        request.header("X-Forwarded-For", "198.51.100.9").header("x-forwarded-for", "203.0.113.7:80");
    request.send().expect(200);
    server.stop();
    let connection = database::open(&server.data());
    let address: String =
        connection.query_row("SELECT address FROM token_uses", [], |row| row.get(0)).unwrap();
    assert_eq!(address, "203.0.113.7");
}
