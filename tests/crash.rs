//! kill -9 while tokens are issued and revoked: nothing acknowledged is lost, nothing revoked comes back.
//!
//! Clients keep a journal of what they meant to do and what was acknowledged; after each crash the server must agree
//! with it. What was sent but not answered may have happened or not, once and for all.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::harness::{Client, RaiseOnDrop, Server, campaign, database, files, server::named};

/// What a client knows of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Its issue was acknowledged.
    Live,
    /// Its revocation was sent; no answer came.
    Either,
    /// Its revocation was acknowledged, or it was once seen refused.
    Dead,
}

/// The journal: outside the server, so that no crash takes any of it.
#[derive(Clone, Default)]
struct Journal(Vec<(String, Known)>);

impl Journal {
    /// Where the server disagrees; what was open is settled by what it says now.
    fn disagreements(&mut self, client: &mut Client) -> Vec<String> {
        let mut found = Vec::new();
        for (place, (token, known)) in self.0.iter_mut().enumerate() {
            let status = client.get("/v1/tokens/self").bearer(token).send().status;
            match (*known, status) {
                (Known::Live, 200) | (Known::Dead, 401) => {}
                (Known::Either, 200 | 401) => *known = if status == 200 { Known::Live } else { Known::Dead },
                (Known::Live, _) => {
                    found.push(format!("token {place}: an acknowledged issue is lost ({status})"));
                }
                (_, _) => found.push(format!("token {place}: revoked, and is answered {status}")),
            }
        }
        found
    }
}

/// Issues and revokes on one connection until the server is gone; gives back what it knows.
fn work(
    mut client: Client,
    keeper: &str,
    mut mine: Vec<(String, Known)>,
    stop: &AtomicBool,
) -> Vec<(String, Known)> {
    let mut round = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let oldest = mine.iter().position(|(_, known)| *known == Known::Live);
        if let (0, Some(place)) = (round % 3, oldest) {
            // Intent first: an answer that doesn't come leaves it open.
            mine[place].1 = Known::Either;
            let token = mine[place].0.clone();
            match client.delete("/v1/tokens/self").bearer(&token).try_send() {
                Ok(reply) if reply.status == 204 => mine[place].1 = Known::Dead,
                Ok(reply) => panic!("a revocation is answered {}: {}", reply.status, reply.text()),
                Err(_) => break,
            }
        } else {
            match client.post("/v1/tokens").bearer(keeper).json(&named("crash")).try_send() {
                Ok(reply) if reply.status == 201 => {
                    mine.push((reply.json()["token"].as_str().unwrap().into(), Known::Live));
                }
                Ok(reply) => panic!("an issue is answered {}: {}", reply.status, reply.text()),
                // Whether it was issued nobody knows, and nobody holds its secret.
                Err(_) => break,
            }
        }
    }
    mine
}

/// One crash under load, `delay` after the load begins.
fn crash(server: &mut Server, keeper: &str, journal: &mut Journal, delay: Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let share = journal.0.len().div_ceil(WORKERS).max(1);
    let mut shares: Vec<Vec<_>> = journal.0.chunks(share).map(<[_]>::to_vec).collect();
    shares.resize(WORKERS, Vec::new());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let _end = RaiseOnDrop(&stop);
        for mine in shares {
            let (client, stop, done) = (server.client(), &stop, &done);
            scope.spawn(move || done.lock().unwrap().extend(work(client, keeper, mine, stop)));
        }
        thread::sleep(delay);
        server.kill();
    });
    journal.0 = done.into_inner().unwrap();
}

const WORKERS: usize = 4;

#[test]
fn a_crash_under_load_loses_nothing_acknowledged_and_revives_nothing() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token_with(&anna, &["--lifetime", "30d"]);
    let mut journal = Journal::default();
    let (mut issued, mut dead) = (0, 0);
    for cycle in 0..campaign(10, 1_000) {
        // From at once to two hundred milliseconds, evenly spread.
        let delay = Duration::from_millis((cycle as u64 * 73) % 200);
        crash(&mut server, &keeper, &mut journal, delay);
        server.launch();
        assert!(
            server.started_in < Duration::from_secs(1),
            "cycle {cycle}: ready after {:?}",
            server.started_in
        );
        let found = journal.disagreements(&mut server.client());
        assert_eq!(found, Vec::<String>::new(), "cycle {cycle}");
        issued += journal.0.iter().filter(|(_, known)| *known == Known::Live).count();
        dead += journal.0.iter().filter(|(_, known)| *known == Known::Dead).count();
        // Enough of the past is kept to see a resurrection; not so much that checking it is all there is to do.
        if journal.0.len() > 1_500 {
            journal.0.drain(..1_000);
            revoke_all(&server, &keeper, &journal);
        }
    }
    assert!(issued > 10 && dead > 5, "the load was no load: {issued} live, {dead} dead");
    server.kill();
    let connection = database::open(&server.data());
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

/// Revokes what the journal no longer names, so that no quota fills up.
fn revoke_all(server: &Server, keeper: &str, journal: &Journal) {
    let kept: std::collections::HashSet<_> =
        journal.0.iter().map(|(token, _)| crate::harness::token::Wire::read(token).uuid()).collect();
    let keeper_id = crate::harness::token::Wire::read(keeper).uuid();
    let mut client = server.client();
    let mut cursor = String::new();
    loop {
        let page =
            client.get(&format!("/v1/tokens?limit=100{cursor}")).bearer(keeper).send().expect(200).json();
        for item in page["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap();
            if id != keeper_id && !kept.contains(id) {
                client.delete(&format!("/v1/tokens/{id}")).bearer(keeper).send().expect(204);
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return,
        }
    }
}

#[test]
fn the_campaign_would_see_a_lost_acknowledgement_and_a_revival() {
    // The negative control: a server put back to an older copy has lost both.
    let mut server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let old = server.token(&anna);
    let mut journal = Journal(vec![(old.clone(), Known::Live)]);
    server.stop();
    let copy = tempfile::tempdir().unwrap();
    files::copy(&server.data(), copy.path()).unwrap();

    server.launch();
    let new = server.child(&keeper, &named("new"))["token"].as_str().unwrap().to_owned();
    server.client().delete("/v1/tokens/self").bearer(&old).send().expect(204);
    journal.0 = vec![(old, Known::Dead), (new, Known::Live)];
    assert_eq!(journal.disagreements(&mut server.client()), Vec::<String>::new());
    server.stop();

    for path in files::children(&server.data()) {
        std::fs::remove_file(path).unwrap();
    }
    files::copy(copy.path(), &server.data()).unwrap();
    server.launch();
    let found = journal.disagreements(&mut server.client());
    assert!(found.len() == 2 && found[0].contains("revoked") && found[1].contains("lost"), "{found:?}");
}

#[test]
fn an_issue_cut_short_is_whole_or_absent() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    for cycle in 0..campaign(3, 100) {
        let mut journal = Journal::default();
        crash(&mut server, &keeper, &mut journal, Duration::from_millis(20 + cycle as u64 % 50));
        server.launch();
        server.stop();
        let connection = database::open(&server.data());
        let counted = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let tokens = counted("SELECT count(*) FROM tokens");
        let created = counted("SELECT count(*) FROM events WHERE deed = 'token.created'");
        let dead = counted("SELECT count(*) FROM tokens WHERE status = 'deleted'");
        let deleted = counted("SELECT count(*) FROM events WHERE deed = 'token.deleted'");
        // A deletion that had got no further than the log was done by a start: one event tells of all of those.
        let replayed = counted(
            "SELECT coalesce(sum(CAST(substr(detail, length('tokens=') + 1) AS INTEGER)), 0) FROM events
             WHERE deed = 'journal.replayed'",
        );
        assert_eq!(
            (tokens, dead),
            (created, deleted + replayed),
            "cycle {cycle}: a row without its event, or the reverse"
        );
        drop(connection);
        server.launch();
    }
}
