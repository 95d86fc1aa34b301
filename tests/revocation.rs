//! Revoke, then check at once from sixteen connections: none is accepted.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use serde_json::{Value, json};

use crate::harness::{Client, Server, campaign, server::named, token};

const CHECKERS: usize = 16;

/// Connections that each check, on a thread of its own, every token they are sent.
struct Checkers {
    ask: Vec<Sender<String>>,
    said: Receiver<u16>,
}

impl Checkers {
    fn new(server: &Server) -> Self {
        let (report, said) = channel();
        let ask = (0..CHECKERS).map(|_| {
            let (ask, asked) = channel::<String>();
            let (mut client, report) = (server.client(), report.clone());
            thread::spawn(move || {
                for token in asked {
                    let status = client.get("/v1/tokens/self").bearer(&token).send().status;
                    if report.send(status).is_err() {
                        return;
                    }
                }
            });
            ask
        });
        Self { ask: ask.collect(), said }
    }

    /// What all of them are told, asking at the same moment.
    fn check(&self, token: &str) -> Vec<u16> {
        for ask in &self.ask {
            ask.send(token.into()).unwrap();
        }
        (0..CHECKERS).map(|_| self.said.recv().unwrap()).collect()
    }
}

/// One way of taking a token out of use; it is in force when this returns.
type Stop = fn(&mut Client, &str, &str);

const STOPS: [(&str, Stop); 5] = [
    ("deleting itself", |client, _, token| {
        client.delete("/v1/tokens/self").bearer(token).send().expect(204);
    }),
    ("deleting by another", |client, keeper, token| {
        let id = token::Wire::read(token).uuid();
        client.delete(&format!("/v1/tokens/{id}")).bearer(keeper).send().expect(204);
    }),
    ("disabling", |client, keeper, token| {
        let id = token::Wire::read(token).uuid();
        client.post(&format!("/v1/tokens/{id}/disable")).bearer(keeper).send().expect(200);
    }),
    ("oauth", |client, _, token| {
        client.post("/oauth/revoke").form(&format!("token={token}")).send().expect(200);
    }),
    ("oauth with descendants", |client, _, token| {
        client.post("/oauth/revoke").form(&format!("token={token}&descendants=true")).send().expect(200);
    }),
];

#[test]
fn none_of_sixteen_connections_accepts_what_was_just_revoked() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let checkers = Checkers::new(&server);
    let mut client = server.client();
    for round in 0..campaign(1_000, 10_000) {
        let made = client.post("/v1/tokens").bearer(&keeper).json(&named("short")).send().expect(201).json();
        let text = made["token"].as_str().unwrap();
        // Hot in every cache there may be, so that a stale one would show.
        assert_eq!(checkers.check(text), [200; CHECKERS], "round {round}, before");
        let (what, stop) = STOPS[round % STOPS.len()];
        stop(&mut client, &keeper, text);
        assert_eq!(checkers.check(text), [401; CHECKERS], "round {round}, after {what}");
        // Disabled ones would fill the quota.
        client.delete(&format!("/v1/tokens/{}", made["id"].as_str().unwrap())).bearer(&keeper).send();
    }
}

#[test]
fn revoking_while_it_is_being_checked_lets_nothing_through_afterwards() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let checkers = Checkers::new(&server);
    let mut client = server.client();
    for round in 0..campaign(100, 1_000) {
        let made = server.child(&keeper, &named("raced"));
        let text = made["token"].as_str().unwrap();
        // Checks are under way when the revocation comes: any may still be told yes.
        for ask in checkers.ask.iter().cycle().take(CHECKERS * 4) {
            ask.send(text.into()).unwrap();
        }
        client.delete("/v1/tokens/self").bearer(text).send().expect(204);
        for _ in 0..CHECKERS * 4 {
            assert!(matches!(checkers.said.recv().unwrap(), 200 | 401));
        }
        assert_eq!(checkers.check(text), [401; CHECKERS], "round {round}");
    }
}

#[test]
fn disabling_a_user_is_in_force_on_every_connection_before_its_reply() {
    let server = Server::start();
    let anna = server.user("anna");
    let text = server.token(&anna);
    let checkers = Checkers::new(&server);
    let mut client = server.client();
    for round in 0..campaign(100, 1_000) {
        assert_eq!(checkers.check(&text), [200; CHECKERS], "round {round}");
        client.post("/v1/users/anna/disable").bearer(server.secret()).send().expect(200);
        assert_eq!(checkers.check(&text), [401; CHECKERS], "round {round}");
        client.post("/v1/users/anna/enable").bearer(server.secret()).send().expect(200);
    }
}

/// Ways of management to stop a token and to let it in again, as the local operator: method, path and body of each.
type Switch = [(&'static str, &'static str, Value); 2];

fn switches() -> Vec<Switch> {
    let members = "/v1/organizations/acme/members";
    let policy = "/v1/organizations/acme/policy";
    let anna = json!({ "user": "anna", "role": "administrator" });
    vec![
        [("PATCH", policy, json!({ "api_access": false })), ("PATCH", policy, json!({ "api_access": true }))],
        [
            ("POST", "/v1/organizations/acme/disable", Value::Null),
            ("POST", "/v1/organizations/acme/enable", Value::Null),
        ],
        [("DELETE", "/v1/organizations/acme/members/anna", Value::Null), ("POST", members, anna)],
    ]
}

#[test]
fn what_management_stops_is_stopped_on_every_connection_before_its_reply() {
    let server = Server::start();
    server.organization("acme", &json!({}));
    let anna = server.member("anna");
    server.join("acme", &anna, &json!({ "role": "administrator" }));
    let text = server.token_with(&anna, &["--organization", "acme"]);
    let checkers = Checkers::new(&server);
    for round in 0..campaign(20, 200) {
        for [stop, start] in switches() {
            assert_eq!(checkers.check(&text), [200; CHECKERS], "round {round}, before {stop:?}");
            assert!(server.locally(stop.0, stop.1, &stop.2).status < 300);
            assert_eq!(checkers.check(&text), [401; CHECKERS], "round {round}, after {stop:?}");
            assert!(server.locally(start.0, start.1, &start.2).status < 300);
        }
    }
    assert_eq!(checkers.check(&text), [200; CHECKERS]);
    server.locally("DELETE", "/v1/users/anna", &Value::Null).expect(204);
    assert_eq!(checkers.check(&text), [401; CHECKERS]);
}

#[test]
fn a_revocation_at_the_command_line_is_in_force_when_the_command_ends() {
    let server = Server::start();
    let anna = server.user("anna");
    let checkers = Checkers::new(&server);
    for _ in 0..5 {
        let text = server.token(&anna);
        assert_eq!(checkers.check(&text), [200; CHECKERS]);
        server.run(&["token", "revoke", &token::Wire::read(&text).uuid()]).done();
        assert_eq!(checkers.check(&text), [401; CHECKERS]);
    }
}

#[test]
fn of_many_who_revoke_at_once_all_are_told_the_same_and_it_happens_once() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let made = server.child(&keeper, &json!({ "name": "once" }));
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let mut clients: Vec<_> = (0..16).map(|_| server.client()).collect();
    for client in &mut clients {
        let request = client.delete(&path).bearer(&keeper).bytes();
        client.write_raw(&request).unwrap();
    }
    for client in &mut clients {
        let status = client.read_reply(false).unwrap().status;
        assert!(matches!(status, 204 | 404 | 410), "{status}");
    }
    let connection = crate::harness::database::open(&server.data());
    let deeds = "SELECT count(*) FROM events WHERE deed = 'token.deleted'";
    assert_eq!(connection.query_row(deeds, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}
