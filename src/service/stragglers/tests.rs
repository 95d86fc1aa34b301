//! Who is told to be left: over a real store, with rotations of every kind.

use crate::{
    core::{
        id::{Reference, TokenId},
        rotation::Mode,
        time::Instant,
        uses::{SOURCES, Source},
    },
    service::{
        stragglers::Stragglers,
        tests::stage::{Stage, local},
    },
};

const HOUR: i64 = 3_600_000;
const ONE: (&str, &str) = ("10.0.0.1", "curl");
const OTHER: (&str, &str) = ("10.0.0.2", "curl");

async fn look(stage: &Stage, token: TokenId) -> Stragglers {
    stage.service.stragglers(&local(), &Reference::Id(token)).await.unwrap()
}

/// Addresses, and how often they have used the old one since.
fn left(found: &Stragglers) -> Vec<(&str, u64)> {
    found.sources.iter().map(|source| (source.address.as_deref().unwrap_or("-"), source.count)).collect()
}

#[tokio::test]
async fn whoever_moves_on_is_no_straggler_until_they_fall_back() {
    let stage = Stage::new().await;
    let old = stage.token("a:b").await;
    let id = old.view.token.id;
    assert_eq!(look(&stage, id).await.successor, None);
    for from in [ONE, OTHER, ("10.0.0.3", "gone")] {
        for _ in 0..5 {
            assert!(stage.present(&old, from, "").await);
        }
    }
    stage.time.pass(1);
    let new = stage.rotate(id, Mode::OnFirstUse { window: HOUR, linger: HOUR }).await;
    let found = look(&stage, id).await;
    assert_eq!((found.successor, found.superseded_at), (Some(new.view.token.id), None));
    assert!(left(&found).is_empty() && !found.safe_to_finish, "nobody uses either");

    for _ in 0..2 {
        stage.present(&old, OTHER, "").await;
    }
    stage.present(&old, ONE, "").await;
    assert_eq!(left(&look(&stage, id).await), [("10.0.0.1", 1), ("10.0.0.2", 2)]);
    assert!(stage.present(&new, ONE, "").await);
    let found = look(&stage, id).await;
    assert_eq!(left(&found), [("10.0.0.2", 2)]);
    assert_eq!(found.superseded_at, Some(stage.service.now()));
    assert_eq!(found.dies_at, stage.service.now().checked_add(HOUR));
    assert!(!found.safe_to_finish);

    // Another agent at the same address is another one.
    stage.present(&new, (OTHER.0, "wget"), "").await;
    assert_eq!(left(&look(&stage, id).await), [("10.0.0.2", 2)]);
    stage.present(&new, OTHER, "").await;
    let found = look(&stage, id).await;
    assert!(left(&found).is_empty() && found.safe_to_finish);
    stage.present(&old, OTHER, "").await;
    let found = look(&stage, id).await;
    assert_eq!(left(&found), [("10.0.0.2", 3)]);
    assert!(!found.safe_to_finish);
}

#[tokio::test]
async fn a_rotation_that_was_begun_anew_counts_anew() {
    let stage = Stage::new().await;
    let old = stage.token("a:b").await;
    let id = old.view.token.id;
    let waiting = Mode::OnFirstUse { window: HOUR, linger: HOUR };
    stage.rotate(id, waiting).await;
    stage.present(&old, ONE, "").await;
    stage.present(&old, ONE, "").await;
    assert_eq!(left(&look(&stage, id).await), [("10.0.0.1", 2)]);
    stage.time.pass(1);
    stage.rotate(id, waiting).await;
    assert!(left(&look(&stage, id).await).is_empty());
    stage.present(&old, ONE, "").await;
    assert_eq!(left(&look(&stage, id).await), [("10.0.0.1", 1)]);
    // Waited for in vain, it is a rotation no more.
    stage.time.pass(HOUR);
    assert_eq!(look(&stage, id).await.successor, None);
}

#[tokio::test]
async fn a_successors_successor_will_do() {
    let stage = Stage::new().await;
    let old = stage.token("a:b").await;
    let id = old.view.token.id;
    let new = stage.rotate(id, Mode::Overlap { window: HOUR }).await;
    stage.present(&old, ONE, "").await;
    assert!(!look(&stage, id).await.safe_to_finish);
    let newer = stage.rotate(new.view.token.id, Mode::Now).await;
    assert!(!stage.present(&old, ONE, "").await, "it has ended");
    stage.present(&newer, ONE, "").await;
    let found = look(&stage, id).await;
    assert_eq!(found.successor, Some(new.view.token.id));
    assert!(left(&found).is_empty() && found.safe_to_finish);
}

#[tokio::test]
async fn those_who_are_not_told_apart_are_not_seen_to_move() {
    let stage = Stage::new().await;
    let old = stage.token("a:b").await;
    let id = old.view.token.id;
    let new = stage.rotate(id, Mode::Overlap { window: HOUR }).await;
    let agents: Vec<String> = (0..=SOURCES).map(|number| format!("agent {number}")).collect();
    for agent in &agents {
        stage.present(&old, (ONE.0, agent), "").await;
    }
    for agent in &agents {
        stage.present(&new, (ONE.0, agent), "").await;
    }
    let found = look(&stage, id).await;
    // Whoever the successor doesn't tell apart stays as well.
    assert!(left(&found).contains(&(Source::OTHERS, 1)) && !found.safe_to_finish);
    assert!(found.sources.iter().all(|source| source.last_at > Instant::from_millis(0)));
}

#[tokio::test]
async fn a_line_of_many_successors_is_not_read_one_by_one() {
    let stage = Stage::new().await;
    let old = stage.token("a:b").await;
    let id = old.view.token.id;
    let first = stage.rotate(id, Mode::Overlap { window: HOUR }).await;
    for from in [ONE, OTHER, ("10.0.0.3", "curl")] {
        stage.present(&old, from, "").await;
    }
    let mut last = stage.rotate(first.view.token.id, Mode::Now).await;
    stage.present(&last, ONE, "").await;
    for _ in 0..5 {
        last = stage.rotate(last.view.token.id, Mode::Now).await;
    }
    stage.present(&last, OTHER, "").await;
    // Edited rows aren't believed; here none of those in between is asked for.
    let connection = rusqlite::Connection::open(stage.directory.path().join("jeton.db")).unwrap();
    let edit = "UPDATE tokens SET privileges = '*:*' WHERE line IS NOT NULL AND id <> ?";
    assert_eq!(connection.execute(edit, [first.view.token.id.0]).unwrap(), 6);
    assert_eq!(left(&look(&stage, id).await), [("10.0.0.3", 1)]);
}
