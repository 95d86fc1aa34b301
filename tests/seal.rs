//! A row edited behind jeton's back is refused and reported, never believed.

use std::fs;

use rusqlite::{Connection, params};
use serde_json::json;

use crate::harness::{Server, database, files, server::named, token};

/// A server with a token for each way of editing it, none of them used yet.
struct Stage {
    server: Server,
    keeper: String,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let anna = server.user("anna");
        server.user("berta");
        let keeper = server.token(&anna);
        Self { server, keeper }
    }

    fn mint(&self) -> String {
        self.server.child(&self.keeper, &named("edited"))["token"].as_str().unwrap().into()
    }

    /// Runs `edit` on the row of a fresh token in both situations, and asserts that the token is refused after each.
    fn refuses(&mut self, what: &str, prepare: impl Fn(&Self, &str), edit: impl Fn(&Connection, &[u8])) {
        let (behind, before) = (self.mint(), self.mint());
        for text in [&behind, &before] {
            prepare(self, text);
        }
        // While it runs, on a row that no check has read yet.
        change(&self.server, &behind, &edit);
        self.assert_refused(what, &behind);
        // While it is stopped.
        self.server.stop();
        change(&self.server, &before, &edit);
        self.server.launch();
        self.assert_refused(what, &before);
        self.assert_refused(what, &behind);
        assert!(self.server.accepts(&self.keeper), "{what}: and no other row");
    }

    fn assert_refused(&self, what: &str, text: &str) {
        let reply = self.server.client().get("/v1/tokens/self").bearer(text).send();
        assert_eq!(reply.status, 401, "{what}: {}", reply.text());
        self.server.wait_for_log("edited by something else");
    }
}

fn change(server: &Server, text: &str, edit: &impl Fn(&Connection, &[u8])) {
    let connection = database::open(&server.data());
    edit(&connection, &token::Wire::read(text).id);
}

/// Sets one column of a token's row; exactly one row must change.
fn set(connection: &Connection, assignment: &str, id: &[u8]) {
    let sql = format!("UPDATE tokens SET {assignment} WHERE id = ?1");
    assert_eq!(connection.execute(&sql, params![id]).unwrap(), 1, "{assignment}");
}

#[test]
fn writing_back_what_stood_there_changes_nothing() {
    // What shows that the others fail by their edit and not by being touched.
    let stage = Stage::new();
    let text = stage.mint();
    change(&stage.server, &text, &|connection, id| {
        set(connection, "status = status, expires_at = expires_at, owner = owner", id);
    });
    assert!(stage.server.accepts(&text));
    assert!(!stage.server.log().contains("edited"));
}

#[test]
fn a_flipped_status_is_refused() {
    let mut stage = Stage::new();
    let ask = |stage: &Stage, text: &str, suffix: &str, method: &str| {
        let path = format!("/v1/tokens/{}{suffix}", token::Wire::read(text).uuid());
        assert!(stage.server.client().request(method, &path).bearer(&stage.keeper).send().status < 300);
    };
    stage.refuses(
        "disabled to active",
        |stage, text| ask(stage, text, "/disable", "POST"),
        |connection, id| set(connection, "status = 'active'", id),
    );
    stage.refuses(
        "deleted to active",
        |stage, text| ask(stage, text, "", "DELETE"),
        |connection, id| set(connection, "status = 'active'", id),
    );
}

#[test]
fn a_word_that_means_nothing_is_an_edit_and_no_failure() {
    let mut stage = Stage::new();
    for nonsense in ["status = 'resting'", "minted_by = 'stork'", "restricted = 7"] {
        stage.refuses(nonsense, |_, _| {}, |connection, id| set(connection, nonsense, id));
    }
    let mut client = stage.server.client();
    let list = client.get("/v1/tokens").bearer(&stage.keeper).send().expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "left out, all but the keeper: {list}");
}

#[test]
fn a_stretched_expiry_is_refused() {
    let mut stage = Stage::new();
    for later in ["expires_at + 1", "NULL", "9223372036854775807"] {
        stage.refuses(
            later,
            |_, _| {},
            |connection, id| set(connection, &format!("expires_at = {later}"), id),
        );
    }
}

#[test]
fn widened_privileges_are_refused() {
    let mut stage = Stage::new();
    for wide in ["'*:* jeton:admin'", "'jeton:introspect'", "''"] {
        stage.refuses(wide, |_, _| {}, |connection, id| set(connection, &format!("privileges = {wide}"), id));
    }
}

/// Else whoever can write to the file undoes a rotation, a tie or an end.
#[test]
fn an_edited_life_is_refused() {
    let mut stage = Stage::new();
    let other =
        token::Wire::read(&stage.mint()).id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let superseded = format!("superseded_by = x'{other}', superseded_at = 1");
    for edit in [
        "tied = 1",
        "max_idle = 1000",
        &format!("replaces = x'{other}'"),
        &format!("line = x'{other}'"),
        "waits_until = 9999999999999, linger = 0",
        "waits_until = 9999999999999",
        &superseded,
        "cause = 'leak'",
        "cause = 'boredom'",
    ] {
        stage.refuses(edit, |_, _| {}, |connection, id| set(connection, edit, id));
    }
    let give_way = |stage: &Stage, text: &str| {
        let body = json!({ "mode": "overlap", "window": "1h" });
        stage.server.with(text, "POST", "/v1/tokens/self/rotate", &body).expect(201);
    };
    stage.refuses("gave way", give_way, |connection, id| {
        set(connection, "superseded_by = NULL, superseded_at = NULL", id);
    });
}

#[test]
fn a_successor_doesnt_die_of_an_edit_of_the_token_that_it_replaces() {
    let stage = Stage::new();
    let old = stage.mint();
    let body = json!({ "window": "1h" });
    let made = stage.server.with(&old, "POST", "/v1/tokens/self/rotate", &body).expect(201).json();
    let new = made["token"].as_str().unwrap();
    change(&stage.server, &old, &|connection, id| set(connection, "expires_at = expires_at + 1", id));
    let mut client = stage.server.client();
    let mut shown = || client.get("/v1/tokens/self").bearer(new).send().expect(200).json();
    assert!(shown()["waits_until"].is_string(), "its first use");
    assert!(shown()["waits_until"].is_null(), "which was what it waited for");
    stage.assert_refused("the old one", &old);
    assert!(!stage.server.log().contains("isn't committed yet"));
}

#[test]
fn a_lifted_restriction_and_lifted_limits_are_refused() {
    let mut stage = Stage::new();
    for edit in ["restricted = 1 - restricted", "limits = 'x'", "modules = 'MOD-0000-0001'"] {
        stage.refuses(edit, |_, _| {}, |connection, id| set(connection, edit, id));
    }
}

#[test]
fn another_owner_is_refused() {
    let mut stage = Stage::new();
    stage.refuses(
        "owner",
        |_, _| {},
        |connection, id| set(connection, "owner = (SELECT id FROM users WHERE username = 'berta')", id),
    );
}

#[test]
fn another_tokens_digest_or_seal_is_refused() {
    let mut stage = Stage::new();
    let mine = token::Wire::read(&stage.keeper).id;
    for column in ["digest", "seal", "digest = (SELECT digest FROM tokens WHERE id = ?2), seal"] {
        stage.refuses(
            column,
            |_, _| {},
            |connection, id| {
                let sql = format!(
                    "UPDATE tokens SET {column} = (SELECT seal FROM tokens WHERE id = ?2) WHERE id = ?1"
                );
                assert_eq!(connection.execute(&sql, params![id, mine]).unwrap(), 1);
            },
        );
    }
}

#[test]
fn a_row_moved_to_another_id_is_refused() {
    let server = Server::start();
    let anna = server.user("anna");
    let (dead, live) = (server.token(&anna), server.token(&anna));
    server.client().delete("/v1/tokens/self").bearer(&dead).send().expect(204);
    let (dead_id, live_id) = (token::Wire::read(&dead).id, token::Wire::read(&live).id);
    // The tombstone's id on the live row: the dead token's text would find it, were its digest its own.
    let connection = database::open(&server.data());
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection
        .execute("CREATE TEMP TABLE kept AS SELECT digest FROM tokens WHERE id = ?1", params![dead_id])
        .unwrap();
    connection.execute("DELETE FROM tokens WHERE id = ?1", params![dead_id]).unwrap();
    let sql = "UPDATE tokens SET id = ?1, digest = (SELECT digest FROM kept) WHERE id = ?2";
    assert_eq!(connection.execute(sql, params![dead_id, live_id]).unwrap(), 1);
    drop(connection);
    let reply = server.client().get("/v1/tokens/self").bearer(&dead).send();
    assert!(matches!(reply.status, 401 | 503), "{}", reply.text());
}

/// Edits rows beside the token's own with `edit`, restarts, and asserts that anna's token is refused and reported;
/// berta's is still good where the edit was anna's alone.
fn stops(edit: &str, annas_alone: bool) {
    let mut server = Server::start();
    let (anna, berta) = (server.member("anna"), server.user("berta"));
    let (token, other) = (server.token(&anna), server.token(&berta));
    assert!(server.accepts(&token));
    if edit.contains("active") {
        server.run(&["user", "disable", "anna"]).done();
    }
    server.stop();
    let connection = database::open(&server.data());
    assert_eq!(connection.execute(edit, []).unwrap(), 1, "{edit}");
    drop(connection);
    server.launch();
    let reply = server.client().get("/v1/tokens/self").bearer(&token).send();
    assert!(matches!(reply.status, 401 | 503), "{edit}: {} {}", reply.status, reply.text());
    server.wait_for_log("edited by something else");
    assert!(!annas_alone || server.accepts(&other), "{edit}: an innocent's token is refused too");
}

#[test]
fn an_edited_owner_stops_the_token() {
    stops("UPDATE users SET active = 1 WHERE username = 'anna'", true);
    stops("UPDATE users SET operator = 1 WHERE username = 'anna'", true);
}

#[test]
fn an_edited_membership_stops_the_token() {
    let of_anna = "WHERE user = (SELECT id FROM users WHERE username = 'anna')";
    stops(&format!("UPDATE memberships SET role = 'administrator' {of_anna}"), true);
    stops(&format!("UPDATE memberships SET privileges = '*:*' {of_anna}"), true);
    stops(&format!("UPDATE memberships SET may_issue = 1 {of_anna}"), true);
}

#[test]
fn an_edited_organization_stops_the_token() {
    for edit in
        ["max_lifetime = max_lifetime * 100", "allow_never = 1", "privileges = 'a:b'", "quota = 1000000"]
    {
        stops(&format!("UPDATE organizations SET {edit}"), false);
    }
}

#[test]
fn a_swapped_password_is_refused() {
    let mut server = Server::start();
    let (anna, berta) = (server.user("anna"), server.administrator("berta"));
    server.stop();
    let connection = database::open(&server.data());
    let of = |name: &str| format!("(SELECT id FROM users WHERE username = '{name}')");
    let sql = format!(
        "UPDATE passwords SET hash = (SELECT hash FROM passwords WHERE user = {}) WHERE user = {}",
        of("anna"),
        of("berta")
    );
    assert_eq!(connection.execute(&sql, []).unwrap(), 1);
    drop(connection);
    server.launch();
    let mut client = server.client();
    let reply = client.get("/v1/me").basic(&berta.name, &anna.password).send();
    assert!(matches!(reply.status, 401 | 503), "anna's password opened berta's account: {}", reply.text());
    client.get("/v1/me").basic(&anna.name, &anna.password).send().expect(200);
}

#[test]
fn random_damage_never_crashes_and_never_revives() {
    let mut server = Server::start();
    let anna = server.user("anna");
    let (live, revoked) = (server.token(&anna), server.token(&anna));
    server.client().delete("/v1/tokens/self").bearer(&revoked).send().expect(204);
    server.stop();
    let good = fs::read(server.data().join("jeton.db")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    files::copy(&server.data(), &data).unwrap();
    let check =
        |text: &str| crate::harness::Run::new(&["check", "-"]).data_dir(&data).input(text.as_bytes()).run();
    assert_eq!(check(&live).code, Some(0), "undamaged it is good");

    // A small generator of our own: the damage is the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for round in 0..crate::harness::campaign(25, 1_000) {
        let mut bad = good.clone();
        match round % 3 {
            0 => bad.truncate(random(bad.len() / 512) * 512),
            1 => {
                let place = random(bad.len());
                bad[place] ^= 1 << random(8);
            }
            _ => {
                for _ in 0..64 {
                    let place = random(bad.len());
                    bad[place] = u8::try_from(random(256)).unwrap();
                }
            }
        }
        for name in ["jeton.db-wal", "jeton.db-shm"] {
            let _ = fs::remove_file(data.join(name));
        }
        fs::write(data.join("jeton.db"), &bad).unwrap();
        for text in [&live, &revoked] {
            let output = check(text);
            assert!(!output.stderr.contains("panicked"), "round {round}: {}", output.stderr);
            assert!(matches!(output.code, Some(0 | 1)), "round {round}: {output:?}");
        }
        assert_eq!(check(&revoked).code, Some(1), "round {round} revived a revoked token");
    }
}
