//! Counting over a real store, with a clock whose hands are moved.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use super::KEPT_FOR;
use crate::{
    core::{
        limits::{Limits, Rate, Window},
        minting::Wish,
        refusal::{Failure, Refusal},
    },
    ops::clock::ManualTime,
    service::{
        Service,
        issue::Issued,
        tests::stage::{self, Stage, local, open, request, wish},
    },
};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_900_000_000_000;

async fn token(service: &Service, uses: Option<u64>, rate: Option<&str>) -> Issued {
    let rate = rate.map(|rate| Rate::parse(rate).unwrap());
    let wish = Wish { limits: Limits { uses, rate, ..Limits::default() }, ..wish() };
    service.issue(&local(), request("counted", wish)).await.unwrap()
}

async fn present(service: &Service, token: &Issued) -> Result<(), Refusal> {
    stage::present(service, &token.secret).await.map_err(|failure| match failure {
        Failure::Refused(refusal) => refusal,
        failure => panic!("{failure}"),
    })
}

/// How often in a row it is let through.
async fn runs(service: &Service, token: &Issued) -> u32 {
    let mut passed = 0;
    while present(service, token).await.is_ok() {
        passed += 1;
    }
    passed
}

/// What stands in the table: uses in all, and in the period.
fn written(service: &Service, token: &Issued) -> (u64, u32) {
    let meter = service.store.read(|rows| rows.meter(token.view.token.id)).unwrap().unwrap();
    (meter.used, meter.window.used)
}

fn run(test: impl AsyncFnOnce(&Path, ManualTime, Arc<Service>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Stage { directory, time, service } = Stage::at(START).await;
        test(directory.path(), time, service).await;
    });
}

#[test]
fn a_flush_that_fails_loses_nothing() {
    run(async |directory, time, service| {
        let token = token(&service, Some(10), Some("10/day")).await;
        let breaker = Connection::open(directory.join("jeton.db")).unwrap();
        let refuse =
            "CREATE TRIGGER refuse BEFORE INSERT ON token_meters BEGIN SELECT RAISE(ABORT, 'no'); END";
        breaker.execute_batch(refuse).unwrap();
        for round in 1..=3 {
            present(&service, &token).await.unwrap();
            // However long it takes.
            time.pass(KEPT_FOR * 2);
            service.flush_meters().await;
            assert_eq!(written(&service, &token), (0, 0), "nothing can be written");
            assert_eq!(service.gathered_count(&token.view.token), Some(round));
        }
        breaker.execute_batch("DROP TRIGGER refuse").unwrap();
        service.flush_meters().await;
        assert_eq!(written(&service, &token), (3, 3));
        service.flush_meters().await;
        assert_eq!(written(&service, &token), (3, 3), "once");
        assert_eq!(runs(&service, &token).await, 7);
    });
}

#[test]
fn counts_dropped_from_memory_are_read_back() {
    run(async |_, time, service| {
        let (used, fast) = (token(&service, Some(10), None).await, token(&service, None, Some("10/h")).await);
        for _ in 0..4 {
            present(&service, &used).await.unwrap();
            present(&service, &fast).await.unwrap();
        }
        for in_memory in [2, 2, 0] {
            service.flush_meters().await;
            assert_eq!(service.meters.lock().len(), in_memory);
            time.pass(KEPT_FOR / 2);
        }
        assert_eq!(runs(&service, &used).await, 6);
        assert_eq!(present(&service, &used).await.unwrap_err().code(), "token_used_up");
        assert_eq!(runs(&service, &fast).await, 6);
        // The period is the one that had begun.
        let refusal = present(&service, &fast).await;
        assert_eq!(refusal, Err(Refusal::RateExceeded { limit: 10, period: 3_600, retry_after: 3_510 }));
        time.pass(HOUR - 90_000 - 1);
        assert_eq!(runs(&service, &fast).await, 0);
        time.pass(1);
        assert_eq!(runs(&service, &fast).await, 10);
    });
}

#[test]
fn a_restart_goes_on_in_the_same_period() {
    run(async |directory, time, service| {
        let token = token(&service, None, Some("3/day")).await;
        present(&service, &token).await.unwrap();
        time.pass(HOUR);
        present(&service, &token).await.unwrap();
        service.shut_down().await;
        drop(service);
        time.pass(DAY - HOUR - 1_000);
        let service = open(directory, &time);
        assert_eq!(runs(&service, &token).await, 1);
        let refusal = present(&service, &token).await;
        assert_eq!(refusal, Err(Refusal::RateExceeded { limit: 3, period: 86_400, retry_after: 1 }));
        time.pass(1_000);
        assert_eq!(runs(&service, &token).await, 3);
        service.shut_down().await;
    });
}

#[test]
fn a_wall_clock_set_forward_or_back_ends_no_period_and_stretches_none() {
    run(async |_, time, service| {
        let token = token(&service, None, Some("2/min")).await;
        assert_eq!(runs(&service, &token).await, 2);
        for wall in [START + HOUR, START - HOUR] {
            time.set_wall(wall);
            service.flush_meters().await;
            assert_eq!(runs(&service, &token).await, 0);
            time.pass(59_999);
            assert_eq!(runs(&service, &token).await, 0);
            time.pass(1);
            assert_eq!(runs(&service, &token).await, 2);
        }
    });
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    run(async |_, _, service| {
        let token = token(&service, Some(10), None).await;
        let row = &token.view.token;
        present(&service, &token).await.unwrap();
        assert!(service.take_uses(row, 10).is_err(), "nine are left");
        service.take_uses(row, 9).unwrap();
        assert_eq!(present(&service, &token).await.unwrap_err().code(), "token_used_up");
        service.give_back_uses(row.id, 9);
        assert_eq!(runs(&service, &token).await, 9);
        service.flush_meters().await;
        assert_eq!(written(&service, &token), (10, Window::default().used));
    });
}
