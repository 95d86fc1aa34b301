//! Replies over a real store, with a clock whose hands are moved.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    core::{
        idempotency::{KEPT_FOR, Key, Once},
        keys::Pepper,
        refusal::{Failure, Refusal},
        secret::SecretText,
    },
    ops::clock::{Clock, ManualTime},
    service::{
        Service,
        issue::Telling,
        tests::stage::{Stage, local, open, open_with, present, request, secret, wish},
    },
};

const KEY: &str = "4b1f0e5c-9a51-4f6e-8d57-0c1f5a9e7b33";
const NOW: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;

/// The stage's pepper with another one after it.
fn new_pepper() -> Pepper {
    let first = Pepper::generate([1; 32]).to_file_text();
    Pepper::parse(&format!("{}2 {}\n", first.as_str(), "A".repeat(43))).unwrap()
}

async fn setting() -> (TempDir, ManualTime, Arc<Service>) {
    let Stage { directory, time, service } = Stage::at(NOW).await;
    (directory, time, service)
}

async fn ask_with(service: &Service, key: &str) -> Result<SecretText, Failure> {
    let once = Once::new(Key::parse(key).unwrap(), "POST", "/v1/tokens", b"{}");
    let telling = Telling { once: Some(once), render: secret };
    let replied = service.issue_telling(&local(), request("robot", wish()), telling).await?;
    Ok(SecretText::new(String::from_utf8(replied.reply.to_vec()).unwrap()))
}

async fn ask(service: &Service) -> Result<SecretText, Failure> {
    ask_with(service, KEY).await
}

#[track_caller]
fn same(one: &SecretText, other: &Result<SecretText, Failure>) {
    assert!(other.as_ref().is_ok_and(|other| other.expose() == one.expose()), "{other:?}");
}

#[track_caller]
fn other(one: &SecretText, other: &Result<SecretText, Failure>) {
    assert!(other.as_ref().is_ok_and(|other| other.expose() != one.expose()), "{other:?}");
}

#[track_caller]
fn spent(outcome: &Result<SecretText, Failure>) {
    assert!(matches!(outcome, Err(Failure::Refused(Refusal::IdempotencySpent { .. }))), "{outcome:?}");
}

async fn use_it(service: &Service, token: &SecretText) {
    present(service, token).await.unwrap();
}

/// How many rows there are, and how many of them still have their ciphertext.
fn rows(directory: &TempDir) -> (u32, u32) {
    let connection = Connection::open(directory.path().join("jeton.db")).unwrap();
    connection
        .query_row("SELECT count(*), count(reply) FROM replies", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

#[tokio::test]
async fn a_reply_is_given_again_for_ten_minutes_and_no_longer() {
    let (directory, time, service) = setting().await;
    let first = ask(&service).await.unwrap();
    time.pass(KEPT_FOR - 1);
    same(&first, &ask(&service).await);
    assert_eq!(rows(&directory), (1, 1));
    time.pass(1);
    service.wipe_replies().await.unwrap();
    assert_eq!(rows(&directory), (0, 0));
    let second = ask(&service).await;
    other(&first, &second);
    // Nor where nobody came by to wipe it.
    time.pass(KEPT_FOR);
    other(&second.unwrap(), &ask(&service).await);
    assert_eq!(rows(&directory), (1, 1));
}

#[tokio::test]
async fn the_first_use_ends_it_at_once_and_wipes_it_soon() {
    let (directory, time, service) = setting().await;
    let token = ask(&service).await.unwrap();
    use_it(&service, &token).await;
    assert_eq!(rows(&directory), (1, 1), "a use writes nothing itself");
    spent(&ask(&service).await);
    service.wipe_replies().await.unwrap();
    assert_eq!(rows(&directory), (1, 0));
    spent(&ask(&service).await);
    use_it(&service, &token).await;
    time.pass(KEPT_FOR);
    other(&token, &ask(&service).await);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_it_neither_longer_nor_shorter() {
    let (_directory, time, service) = setting().await;
    let token = ask(&service).await.unwrap();
    time.set_wall(NOW + 100 * HOUR);
    same(&token, &ask(&service).await);
    time.set_wall(NOW - 100 * HOUR);
    time.pass(KEPT_FOR - 1);
    same(&token, &ask(&service).await);
    time.pass(1);
    other(&token, &ask(&service).await);
}

#[tokio::test]
async fn a_restart_goes_on_with_what_was_left_and_never_with_more_than_ten_minutes() {
    let (directory, time, service) = setting().await;
    let token = ask(&service).await.unwrap();
    service.shut_down().await;
    time.pass(KEPT_FOR - 1_000);
    let service = open(directory.path(), &time);
    same(&token, &ask(&service).await);
    service.shut_down().await;
    // Set back: what was seen is a floor, and what was left is left.
    time.set_wall(NOW - 100 * HOUR);
    let service = open(directory.path(), &time);
    same(&token, &ask(&service).await);
    time.pass(KEPT_FOR);
    other(&token, &ask(&service).await);
    service.shut_down().await;
    time.set_wall(NOW + HOUR);
    let service = open(directory.path(), &time);
    service.wipe_replies().await.unwrap();
    assert_eq!(rows(&directory), (0, 0));
}

#[tokio::test]
async fn a_use_is_remembered_over_a_restart_and_noticed_after_one() {
    let (directory, time, service) = setting().await;
    let (used, unused) =
        (ask(&service).await.unwrap(), ask_with(&service, &KEY.replace('4', "5")).await.unwrap());
    use_it(&service, &used).await;
    service.shut_down().await;
    assert_eq!(rows(&directory), (2, 1), "stopping wipes what is due");
    let service = open(directory.path(), &time);
    spent(&ask(&service).await);
    use_it(&service, &unused).await;
    spent(&ask_with(&service, &KEY.replace('4', "5")).await);
}

#[tokio::test]
async fn a_key_from_before_a_new_pepper_finds_its_reply() {
    let (directory, time, service) = setting().await;
    let token = ask(&service).await.unwrap();
    service.shut_down().await;
    let service = open_with(directory.path(), Clock::new(time.clone()), new_pepper());
    same(&token, &ask(&service).await);
    use_it(&service, &token).await;
    service.wipe_replies().await.unwrap();
    spent(&ask(&service).await);
}

#[tokio::test]
async fn an_edited_row_gives_nothing_to_anybody() {
    let (directory, time, service) = setting().await;
    let token = ask(&service).await.unwrap();
    let mine = ask_with(&service, &KEY.replace('4', "5")).await.unwrap();
    service.shut_down().await;
    let connection = Connection::open(directory.path().join("jeton.db")).unwrap();
    connection.execute("UPDATE replies SET caller = 'password', caller_id = zeroblob(16)", []).unwrap();
    drop(connection);
    let service = open(directory.path(), &time);
    assert!(matches!(ask(&service).await, Err(Failure::Broken(_))));
    use_it(&service, &token).await;
    use_it(&service, &mine).await;
    service.wipe_replies().await.unwrap();
    assert_eq!(rows(&directory), (0, 0));
}

#[tokio::test]
async fn whoever_hangs_up_leaves_no_wiping_half_done() {
    let (directory, time, service) = setting().await;
    ask(&service).await.unwrap();
    time.pass(KEPT_FOR);
    let hang_up = || {
        let mut asked = Box::pin(service.wipe_replies());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(asked.as_mut().poll(&mut context).is_pending());
    };
    hang_up();
    for _ in 0..1_000 {
        if service.replies.lock().kept.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((rows(&directory), service.replies.lock().kept.len()), ((0, 0), 0));
    // Nor is it forgotten where it fails.
    let token = ask(&service).await.unwrap();
    use_it(&service, &token).await;
    service.store.close();
    hang_up();
    for _ in 0..1_000 {
        if !service.replies.lock().used.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("what is to be wiped is forgotten");
}
