//! Counts of uses: exact whoever comes at once, kept over a restart, and missed rather than begun anew where somebody
//! took them away.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use rusqlite::params;
use serde_json::{Value, json};

use super::{Stage, too_fast};
use crate::harness::{Server, database, server::named, token, wait_for};

const CONNECTIONS: u64 = 32;
const EACH: u64 = 20;

/// How many of 640 requests over 32 connections are let through.
fn let_through(server: &Server, token: &str) -> u64 {
    let passed = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = server.client();
                for _ in 0..EACH {
                    let reply = client.get("/v1/tokens/self").bearer(token).send();
                    match reply.status {
                        200 => drop(passed.fetch_add(1, Ordering::Relaxed)),
                        429 => drop(too_fast(&reply)),
                        _ => assert_eq!(reply.problem(401), "token_used_up"),
                    }
                }
            });
        }
    });
    passed.into_inner()
}

#[test]
fn uses_and_rates_are_exact_under_32_connections() {
    let mut stage = Stage::new();
    let all = CONNECTIONS * EACH;
    let half = all / 2;
    let free = stage.mint(&json!({}));
    assert_eq!(let_through(&stage.server, &free), all, "without a limit all are let through");
    let counted = stage.mint(&json!({ "uses": half }));
    assert_eq!(let_through(&stage.server, &counted), half);
    assert_eq!(stage.shown(&counted)["used"], half);
    let quick = stage.mint(&json!({ "rate": format!("{half}/day") }));
    assert_eq!(let_through(&stage.server, &quick), half);
    let both = stage.mint(&json!({ "uses": half + 1, "rate": format!("{half}/day") }));
    assert_eq!(let_through(&stage.server, &both), half);
    assert_eq!(stage.shown(&both)["used"], half, "what the rate refuses isn't used");
}

/// A token's row of counts: uses in all, and in the period of its rate.
fn written(server: &Server, token: &str) -> (u64, u64) {
    let connection = database::open(&server.data());
    let sql = "SELECT used, began_used FROM token_meters WHERE token = ?";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let (used, began) = connection.query_row(sql, params![token::Wire::read(token).id], row).unwrap();
    (used.cast_unsigned(), began.cast_unsigned())
}

fn wait_until_written(server: &Server, token: &str, counts: (u64, u64)) {
    wait_for("the counts to be written down", Duration::from_secs(30), || {
        (written(server, token) == counts).then_some(())
    });
}

/// How many more of 20 requests are let through.
fn left(stage: &mut Stage, token: &str) -> usize {
    (0..20).filter(|_| stage.present(token).status == 200).count()
}

#[test]
fn a_clean_restart_forgets_nothing() {
    let mut stage = Stage::new();
    let (counted, quick) = (stage.mint(&json!({ "uses": 10 })), stage.mint(&json!({ "rate": "10/day" })));
    for round in 0..2 {
        for token in [&counted, &quick] {
            for _ in 0..3 {
                stage.present(token).expect(200);
            }
        }
        stage.server.stop();
        assert_eq!(written(&stage.server, &counted), (3 * (round + 1), 0));
        assert_eq!(written(&stage.server, &quick), (0, 3 * (round + 1)));
        stage.server.launch();
        stage.client = stage.server.client();
    }
    assert_eq!(left(&mut stage, &counted), 4);
    assert_eq!(left(&mut stage, &quick), 4);
}

#[test]
fn a_kill_forgets_what_was_not_written_down_and_no_more() {
    let mut stage = Stage::new();
    let (counted, quick) = (stage.mint(&json!({ "uses": 10 })), stage.mint(&json!({ "rate": "10/day" })));
    for _ in 0..6 {
        stage.present(&counted).expect(200);
        stage.present(&quick).expect(200);
    }
    wait_until_written(&stage.server, &counted, (6, 0));
    wait_until_written(&stage.server, &quick, (0, 6));
    stage.server.kill();
    stage.server.launch();
    stage.client = stage.server.client();
    assert_eq!(stage.shown(&counted)["used"], 6);
    assert_eq!(left(&mut stage, &counted), 4);
    assert_eq!(left(&mut stage, &quick), 4);
}

/// What another process did meanwhile, the command line without a server, is counted on.
#[test]
fn what_the_command_line_uses_counts_too() {
    let mut stage = Stage::new();
    let token = stage.mint(&json!({ "uses": 5 }));
    stage.present(&token).expect(200);
    stage.server.stop();
    for code in [0, 0, 0, 0, 1] {
        let check = stage.server.command(&["check", "-"]).input(token.as_bytes()).run();
        assert_eq!(check.code, Some(code), "{}", check.stderr);
    }
    stage.server.launch();
    stage.client = stage.server.client();
    assert_eq!(stage.shown(&token)["used"], 5);
    assert_eq!(stage.present(&token).problem(401), "token_used_up");
}

/// Somebody who can write to the file and lacks the key makes nothing good again.
#[test]
fn counts_that_were_edited_or_taken_away_are_missed() {
    let edits = [
        "DELETE FROM token_meters WHERE token = ?1",
        "UPDATE token_meters SET used = 0 WHERE token = ?1",
        "UPDATE token_meters SET began_used = began_used - 1 WHERE token = ?1",
        "UPDATE token_meters SET began_at = began_at - 90000000 WHERE token = ?1",
        "UPDATE token_meters SET used = -1 WHERE token = ?1",
        "UPDATE token_meters SET seal = (SELECT seal FROM token_meters WHERE token <> ?1) WHERE token = ?1",
    ];
    for edit in edits {
        let mut stage = Stage::new();
        let (kept, token) =
            (stage.mint(&json!({ "uses": 9 })), stage.mint(&json!({ "uses": 9, "rate": "9/day" })));
        stage.present(&kept).expect(200);
        stage.present(&token).expect(200);
        stage.server.stop();
        let connection = database::open(&stage.server.data());
        assert_eq!(connection.execute(edit, params![token::Wire::read(&token).id]).unwrap(), 1, "{edit}");
        drop(connection);
        stage.server.launch();
        stage.client = stage.server.client();
        let refused = stage.present(&token);
        assert_eq!(refused.problem(401), "credential_invalid", "{edit}");
        let told = if edit.starts_with("DELETE") { "the count is gone" } else { "edited by something else" };
        stage.server.wait_for_log(told);
        assert_eq!(stage.present(&kept).expect(200).json()["used"], 2, "{edit}: and no other");
        let shown = stage.shown(&token);
        assert_eq!((&shown["status"], &shown["used"]), (&json!("active"), &Value::Null), "{edit}");
        // It can still be taken out of the way.
        let path = format!("/v1/tokens/{}", shown["id"].as_str().unwrap());
        stage.client.delete(&path).basic("anna", &stage.anna.password).send().expect(204);
    }
}

#[test]
fn an_edit_under_a_running_server_is_noticed_where_the_row_is_read() {
    let mut stage = Stage::new();
    let (before, behind) = (stage.mint(&json!({ "uses": 9 })), stage.mint(&json!({ "uses": 9 })));
    stage.present(&before).expect(200);
    let connection = database::open(&stage.server.data());
    for token in [&before, &behind] {
        let sql = "UPDATE token_meters SET used = used + 1 WHERE token = ?1";
        assert_eq!(connection.execute(sql, params![token::Wire::read(token).id]).unwrap(), 1);
    }
    assert_eq!(stage.present(&behind).problem(401), "credential_invalid", "nobody had read it");
    // Its counts are in memory, where nobody edits them.
    assert_eq!(stage.present(&before).expect(200).json()["used"], 2);
}

#[test]
fn a_token_without_a_count_has_no_row() {
    let stage = Stage::new();
    let parent = stage.mint(&json!({ "rate": "100/day" }));
    stage.server.child(&parent, &named("counted with its parent"));
    stage.mint(&json!({ "networks": { "allow": ["127.0.0.1"] } }));
    let connection = database::open(&stage.server.data());
    assert_eq!(database::count(&connection, "token_meters"), 1);
}
