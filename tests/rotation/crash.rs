//! kill -9 at each step of a rotation: of the old token and the new one, one always works.

use std::{thread, time::Duration};

use serde_json::json;

use super::{rotate, successor, uuid};
use crate::harness::{Client, Server, campaign, database, server::named};

/// Which step the server is killed at.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// While the successor is asked for.
    Asked,
    /// While it is used for the first time.
    FirstUse,
    /// While the old one lingers.
    Linger,
    /// While it waits in vain.
    Waiting,
}

fn good(client: &mut Client, token: &str) -> bool {
    client.get("/gate").bearer(token).send().status == 200
}

/// One rotation with a kill in the midst of it; the token that the client goes on with.
fn killed(server: &mut Server, old: &str, step: Step, delay: Duration) -> String {
    let window = if matches!(step, Step::Waiting) { "1s" } else { "1h" };
    let linger = if matches!(step, Step::Linger) { "1s" } else { "0s" };
    let body = json!({ "window": window, "linger": linger });
    let mut client = server.client();
    let mut made = None;
    if !matches!(step, Step::Asked) {
        made = Some(successor(rotate(&mut client, old, &body)));
    }
    if matches!(step, Step::Linger) {
        assert!(good(&mut client, made.as_deref().unwrap()));
    }
    let made = thread::scope(|scope| {
        let asking = scope.spawn(|| match (step, &made) {
            (Step::Asked, _) => {
                let asked = client.post("/v1/tokens/self/rotate").bearer(old).json(&body).try_send();
                asked.ok().map(successor)
            }
            (Step::FirstUse, Some(new)) => {
                let _ = client.get("/gate").bearer(new).try_send();
                made.clone()
            }
            _ => made.clone(),
        });
        thread::sleep(delay);
        server.kill();
        asking.join().unwrap()
    });
    server.launch();
    let mut client = server.client();
    let old_works = good(&mut client, old);
    if matches!(step, Step::Waiting) {
        assert!(old_works, "nothing was used");
    }
    match made {
        // Whoever got no answer holds the old one alone; and asks again.
        None => {
            assert!(old_works, "{step:?}: the old token is gone, and nobody holds a new one");
            old.to_owned()
        }
        Some(_) if matches!(step, Step::Waiting) => old.to_owned(),
        Some(new) => {
            assert!(good(&mut client, &new), "{step:?}: whoever holds the new one is locked out");
            new
        }
    }
}

#[test]
fn a_kill_at_any_step_locks_nobody_out() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let mut token = server.mint(&anna, &named("ci"))["token"].as_str().unwrap().to_owned();
    let steps = [Step::Asked, Step::FirstUse, Step::Linger, Step::Waiting];
    for round in 0..campaign(24, 1_000) {
        let step = steps[round % steps.len()];
        let delay = Duration::from_micros((round as u64 * 397) % 6_000);
        token = killed(&mut server, &token, step, delay);
        // What is left of the round: only one is good afterwards.
        let mut client = server.client();
        token = successor(rotate(&mut client, &token, &json!({ "mode": "now" })));
    }
    server.kill();
    let connection = database::open(&server.data());
    let live = "SELECT count(*) FROM tokens WHERE status = 'active' AND superseded_by IS NULL AND waits_until IS NULL";
    let live: i64 = connection.query_row(live, [], |row| row.get(0)).unwrap();
    assert_eq!(live, 1, "{}", uuid(&token));
}
