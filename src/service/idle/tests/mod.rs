//! Expiry of the unused over a real store, with clocks whose hands are moved.

mod clocks;

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::time::timeout;

use super::Idle;
use crate::{
    core::{
        id::{Reference, TokenId},
        lifetime::Lifetime,
        minting::Wish,
        organization::PolicyChange,
        refusal::Failure,
        token::Ending,
        token::{Cause, Status},
    },
    ops::clock::ManualTime,
    service::{
        Service,
        change::{Change, Target},
        issue::Issued,
        organizations::OrganizationChange,
        tests::stage::{Stage, local, open, present, request, wish},
    },
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_900_000_000_000;

#[tokio::test]
async fn the_end_of_the_process_waits_for_no_walk() {
    let stage = Stage::new().await;
    let _walking = stage.service.idle.state.lock().await;
    timeout(Duration::from_secs(20), stage.service.shut_down()).await.unwrap();
}

/// A service over a directory, with a clock of its own for each process.
struct Scene {
    directory: TempDir,
    time: ManualTime,
    service: Arc<Service>,
}

impl Scene {
    async fn set() -> Self {
        let Stage { directory, time, service } = Stage::at(START).await;
        Self { directory, time, service }
    }

    async fn token(&self, max_idle: Option<i64>) -> Issued {
        let wish = Wish { lifetime: Lifetime::For(366 * DAY), max_idle, ..wish() };
        self.service.issue(&local(), request("idle", wish)).await.unwrap()
    }

    async fn policy(&self, max_idle: Option<i64>) {
        let policy = PolicyChange { max_idle: Some(max_idle), ..PolicyChange::default() };
        let change =
            OrganizationChange::Update { name: None, description: None, image: None, owner: None, policy };
        self.service.change_organization(&local(), "default", change, None).await.unwrap();
    }

    /// Lets so much pass on both clocks, looking every five minutes.
    async fn live(&self, millis: i64) {
        let step = 5 * MINUTE;
        for _ in 0..millis / step {
            self.time.pass(step);
            self.look().await;
        }
        assert_eq!(millis % step, 0);
    }

    async fn look(&self) {
        self.service.look_for_idle().await.unwrap();
    }

    async fn change(&self, token: &Issued, change: Change) {
        let target = Target::of(Reference::Id(token.view.token.id));
        self.service.change(&local(), target, change).await.unwrap();
    }

    async fn present(&self, token: &Issued) -> Result<(), &'static str> {
        match present(&self.service, &token.secret).await {
            Ok(()) => Ok(()),
            Err(Failure::Refused(refusal)) => Err(refusal.code()),
            Err(failure) => panic!("{failure}"),
        }
    }

    fn state(&self, token: &Issued) -> (Status, Cause) {
        let row = self.service.store.read(|rows| rows.token(token.view.token.id)).unwrap().unwrap();
        (row.status, row.cause)
    }

    /// For what a notice says: `None` where there is none.
    fn told(&self, token: &Issued) -> Option<(Ending, i64)> {
        let notice = self.service.store.read(|rows| rows.notice(token.view.token.id)).unwrap()?;
        Some((notice.action, notice.due_at.millis() - START))
    }

    /// How many are told, and how many were dealt with.
    fn tally(&self) -> [(i64, i64); 2] {
        Ending::ALL.map(|action| {
            let tally = self.service.idle_tally(action);
            let there = self.service.store.read(|rows| rows.notices(action)).unwrap();
            assert_eq!(tally.announced, there, "the count is that of the rows");
            (tally.announced, tally.done)
        })
    }

    /// Ends the process and starts another, whose monotonic clock begins anew, `off` later by the wall clock.
    async fn restart(self, off: i64) -> Self {
        self.service.shut_down().await;
        self.start_again(off)
    }

    fn start_again(self, off: i64) -> Self {
        let Self { directory, time, service } = self;
        drop(service);
        let time = ManualTime::at(crate::ops::clock::TimeSource::wall_ms(&time) + off);
        let service = open(directory.path(), &time);
        Self { directory, time, service }
    }

    /// What stands on record about a token.
    fn record(&self, token: TokenId) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.directory.path().join("jeton.db")).unwrap();
        let mut statement = connection
            .prepare("SELECT trim(deed || ' ' || detail) || ' ' || (at - ?) FROM events WHERE object = ? ORDER BY sequence")
            .unwrap();
        let rows = statement.query_map(rusqlite::params![START, token.0], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

const GOOD: (Status, Cause) = (Status::Active, Cause::Said);
const OFF: (Status, Cause) = (Status::Disabled, Cause::Idle);
const GONE: (Status, Cause) = (Status::Deleted, Cause::Idle);

fn run(test: impl AsyncFnOnce(Scene)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { test(Scene::set().await).await });
}

#[test]
fn a_token_that_nobody_uses_is_told_switched_off_told_again_and_deleted() {
    run(async |scene| {
        let token = scene.token(Some(4 * DAY)).await;
        scene.live(3 * DAY - 5 * MINUTE).await;
        assert_eq!(scene.told(&token), None);
        scene.live(5 * MINUTE).await;
        assert_eq!(scene.told(&token), Some((Ending::Disable, 4 * DAY)));
        assert_eq!(scene.tally(), [(1, 0), (0, 0)]);
        scene.live(DAY - 5 * MINUTE).await;
        assert_eq!(scene.state(&token), GOOD);
        scene.live(5 * MINUTE).await;
        assert_eq!(scene.state(&token), OFF);
        assert_eq!(scene.present(&token).await, Err("token_idle"));
        assert_eq!(scene.tally(), [(0, 1), (0, 0)]);
        scene.live(3 * DAY).await;
        assert_eq!(scene.told(&token), Some((Ending::Delete, 8 * DAY)));
        assert_eq!((scene.state(&token), scene.tally()), (OFF, [(0, 1), (1, 0)]));
        scene.live(DAY).await;
        assert_eq!((scene.state(&token), scene.tally()), (GONE, [(0, 1), (0, 1)]));
        assert_eq!(scene.present(&token).await, Err("token_idle"));
        let due = |millis| crate::core::time::Instant::from_millis(START + millis);
        let record = [
            "token.created 0".to_owned(),
            format!("token.idle_announced action=disable due={} {}", due(4 * DAY), 3 * DAY),
            format!("token.disabled cause=idle {}", 4 * DAY),
            format!("token.idle_announced action=delete due={} {}", due(8 * DAY), 7 * DAY),
            format!("token.deleted cause=idle {}", 8 * DAY),
        ];
        assert_eq!(scene.record(token.view.token.id), record);
        assert_eq!(scene.service.verify_events().await.unwrap().flaw, None);
    });
}

#[test]
fn a_use_makes_the_notice_void_even_while_it_is_in_memory() {
    run(async |scene| {
        let [used, late, unused] =
            [scene.token(Some(4 * DAY)).await, scene.token(Some(4 * DAY)).await, scene.token(None).await];
        scene.live(4 * DAY - 5 * MINUTE).await;
        assert!(scene.told(&used).is_some() && scene.told(&late).is_some() && scene.told(&unused).is_none());
        scene.present(&used).await.unwrap();
        scene.service.flush_uses().await;
        // Gathered, and not written down yet when its time has come.
        scene.present(&late).await.unwrap();
        scene.live(5 * MINUTE).await;
        assert_eq!([&used, &late, &unused].map(|token| scene.state(token)), [GOOD; 3]);
        scene.live(5 * MINUTE).await;
        assert_eq!((scene.told(&used), scene.told(&late)), (None, None));
        assert_eq!(scene.tally(), [(0, 0), (0, 0)]);
        // The next time counts from the use.
        scene.live(3 * DAY - 15 * MINUTE).await;
        assert_eq!(scene.told(&used), None);
        scene.live(5 * MINUTE).await;
        assert_eq!(scene.told(&used), Some((Ending::Disable, 8 * DAY - 5 * MINUTE)));
    });
}

#[test]
fn enabling_counts_as_a_use_and_what_somebody_else_did_goes_first() {
    run(async |scene| {
        let [back, off, gone] = [
            scene.token(Some(4 * DAY)).await,
            scene.token(Some(4 * DAY)).await,
            scene.token(Some(4 * DAY)).await,
        ];
        scene.live(3 * DAY + HOUR).await;
        assert_eq!(scene.tally()[0], (3, 0));
        scene.change(&off, Change::Disable).await;
        scene.change(&gone, Change::Delete).await;
        scene.live(DAY).await;
        assert_eq!(scene.state(&back), OFF);
        assert_eq!(scene.state(&off), (Status::Disabled, Cause::Said));
        assert_eq!(scene.state(&gone), (Status::Deleted, Cause::Said));
        assert_eq!((scene.told(&off), scene.told(&gone)), (None, None));
        scene.change(&back, Change::Enable).await;
        assert_eq!(scene.state(&back), GOOD);
        scene.present(&back).await.unwrap();
        scene.live(2 * DAY).await;
        assert_eq!((scene.state(&back), scene.told(&back)), (GOOD, None));
        // Told that it will be deleted, it is enabled: void too.
        let other = scene.token(Some(4 * DAY)).await;
        scene.live(7 * DAY + HOUR).await;
        assert_eq!(scene.told(&other).map(|told| told.0), Some(Ending::Delete));
        scene.change(&other, Change::Enable).await;
        scene.live(DAY).await;
        assert_eq!((scene.state(&other), scene.told(&other)), (GOOD, None));
    });
}

#[test]
fn the_policy_holds_for_tokens_that_are_there_and_is_taken_back() {
    run(async |scene| {
        let (by_policy, own) = (scene.token(None).await, scene.token(Some(2 * DAY)).await);
        scene.live(DAY).await;
        scene.policy(Some(4 * DAY)).await;
        scene.live(2 * DAY - HOUR).await;
        assert_eq!((scene.state(&own), scene.told(&by_policy)), (OFF, None), "the shorter counts");
        scene.live(HOUR).await;
        assert_eq!(scene.told(&by_policy), Some((Ending::Disable, 4 * DAY)));
        scene.policy(Some(8 * DAY)).await;
        scene.live(10 * MINUTE).await;
        assert_eq!(scene.told(&by_policy), None, "it may lie idle for longer now");
        scene.policy(Some(DAY)).await;
        scene.look().await;
        assert_eq!(scene.told(&by_policy), Some((Ending::Disable, 3 * DAY + 10 * MINUTE + 6 * HOUR)));
        scene.live(6 * HOUR).await;
        assert_eq!(scene.state(&by_policy), OFF);
        scene.policy(None).await;
        scene.live(3 * DAY).await;
        assert_eq!(scene.state(&by_policy), OFF, "without a limit nothing is deleted");
        assert_eq!(scene.state(&own), GONE);
    });
}

#[test]
fn many_are_told_and_ended_some_at_a_time() {
    run(async |scene| {
        let mut tokens = Vec::new();
        for _ in 0..450 {
            tokens.push(scene.token(None).await);
        }
        scene.policy(Some(HOUR)).await;
        scene.live(45 * MINUTE).await;
        assert_eq!(scene.tally()[0], (450, 0));
        scene.present(&tokens[7]).await.unwrap();
        scene.live(20 * MINUTE).await;
        assert_eq!(scene.tally()[0], (0, 449));
        assert_eq!((scene.state(&tokens[7]), scene.state(&tokens[8])), (GOOD, OFF));
        assert_eq!(scene.service.verify_events().await.unwrap().flaw, None);
    });
}

#[test]
fn a_look_is_made_when_something_is_due_and_no_sooner() {
    run(async |scene| {
        let pause = async || scene.service.look_for_idle().await.unwrap().as_millis();
        assert_eq!(pause().await, 60_000);
        assert_eq!(scene.service.idle.shortest.load(std::sync::atomic::Ordering::SeqCst), i64::MAX);
        let _token = scene.token(Some(4_000)).await;
        assert!(scene.service.idle.afresh.load(std::sync::atomic::Ordering::SeqCst));
        assert!((2_900..=3_000).contains(&pause().await));
        scene.time.pass(3_000);
        assert_eq!(pause().await, 1_000, "told, it has a second left");
        assert_eq!(scene.tally()[0], (1, 0));
        scene.time.pass(1_000);
        pause().await;
        assert_eq!(scene.tally()[0], (0, 1));
        let fresh = Idle::default();
        assert_eq!(fresh.shortest.into_inner(), i64::MAX);
    });
}
