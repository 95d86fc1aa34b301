//! What is kept of reports, and what they change.

use super::{Report, kept, word};
use crate::{
    core::{
        organization::{OnLeak, PolicyChange},
        secret::SecretText,
        time::DAY,
    },
    service::{
        organizations::OrganizationChange,
        tests::stage::{Stage, local},
    },
};

async fn report(stage: &Stage, token: &SecretText, urls: std::ops::Range<u32>) {
    let report = |at: u32| Report {
        token: SecretText::new(token.expose()),
        kind: String::new(),
        url: format!("https://x.example/{at}"),
        source: "content".to_owned(),
    };
    let reports: Vec<_> = urls.map(report).collect();
    stage.service.report_leaks(&reports, None).await.unwrap();
}

/// How many places are kept, which is the first of them, and how many events there are.
fn counts(stage: &Stage) -> (i64, i64, i64) {
    let first = "SELECT min(CAST(substr(url, 19) AS INTEGER)) FROM token_leaks";
    let events = "SELECT count(*) FROM events WHERE deed = 'token.leaked'";
    (stage.number("SELECT count(*) FROM token_leaks"), stage.number(first), stage.number(events))
}

#[tokio::test]
async fn the_latest_places_are_kept_and_the_log_takes_so_many_a_day() {
    let stage = Stage::new().await;
    let secret = stage.token("*").await.secret;
    report(&stage, &secret, 0..90).await;
    stage.time.pass(1_000);
    report(&stage, &secret, 90..150).await;
    assert_eq!(counts(&stage), (100, 50, 100), "bogus ones don't shut out the one that comes after");
    stage.time.pass(1_000);
    report(&stage, &secret, 140..160).await;
    assert_eq!(counts(&stage), (100, 60, 100));
    stage.time.pass(DAY);
    report(&stage, &secret, 160..161).await;
    assert_eq!(counts(&stage), (100, 61, 101));
}

#[tokio::test]
async fn a_report_makes_the_cache_stale_only_where_it_ends_a_token() {
    let stage = Stage::new().await;
    let secret = stage.token("*").await.secret;
    let before = stage.service.generation();
    report(&stage, &secret, 0..100).await;
    assert_eq!((stage.service.generation(), counts(&stage).0), (before, 100));
    let policy = PolicyChange { on_leak: Some(OnLeak::Disable), ..PolicyChange::default() };
    let change =
        OrganizationChange::Update { name: None, description: None, image: None, owner: None, policy };
    stage.service.change_organization(&local(), "default", change, None).await.unwrap();
    let before = stage.service.generation();
    report(&stage, &secret, 0..100).await;
    assert_eq!(stage.service.generation(), before, "no news");
    report(&stage, &secret, 100..101).await;
    let ended = stage.service.generation();
    assert_ne!(ended, before);
    report(&stage, &secret, 101..102).await;
    assert_eq!(stage.service.generation(), ended, "it is switched off already");
}

#[test]
fn what_is_kept_of_a_text_is_short_and_plain() {
    assert_eq!(kept("https://x.example/a\r\nb\u{1b}[2J", 500), "https://x.example/ab[2J");
    assert_eq!(kept(&"é".repeat(600), 500).chars().count(), 500);
    let token = "jtn_02wLIRxqmq3WTUOVsbnSg0_LQNUGZHT5u543eF8cvF8tKdPlcVkNSYQAq1KIqZ6f742sHjjd";
    let shown = kept(&format!("https://x.example/?t={token}&u=1"), 500);
    assert_eq!(shown, "https://x.example/?t=jtn_02wLIRxqmq3WTUOVsbnSg0_…&u=1");
}

#[test]
fn a_word_is_told_only_if_it_is_plain() {
    assert_eq!(word("pull_request_body"), "pull_request_body");
    for odd in ["Content", "a b", "a\"b", "x1", &"a".repeat(33)] {
        assert_eq!(word(odd), "");
    }
}
