//! Checks in memory, and what becomes of them in the table.

use super::{Caller, CheckQuery, Checked, Hour, Outcome};
use crate::{
    core::{
        checks::{Endpoint, Tally},
        decision::Demand,
        id::{OrganizationId, Reference, TokenId},
        limits::Asked,
        refusal::Failure,
        secret::SecretText,
        time::{DAY, Instant},
    },
    service::{
        change::{Change, Target},
        tests::stage::{BEGIN, Stage, local},
        verify::Peer,
    },
    store::{Counted, PruneChecks},
};

const HOUR: i64 = DAY / 24;

/// Each hour's sum of an outcome that isn't nothing, by how many hours ago it was.
async fn shown(stage: &Stage, query: CheckQuery, outcome: Outcome) -> Vec<(usize, u64)> {
    let history = stage.service.checks(&local(), query).await.unwrap().of(outcome);
    let ago = history.iter().rev().copied().enumerate();
    ago.filter(|(_, count)| *count > 0).collect()
}

fn of_all(hours: u16) -> CheckQuery {
    CheckQuery { hours, ..CheckQuery::default() }
}

fn of_token(token: TokenId) -> CheckQuery {
    CheckQuery { token: Some(Reference::Id(token)), ..of_all(720) }
}

fn of_default() -> CheckQuery {
    CheckQuery { organization: Some("default".into()), ..of_all(720) }
}

#[tokio::test]
async fn a_check_is_counted_for_its_token_its_organization_and_all() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    let id = token.view.token.id;
    assert!(stage.present(&token, ("10.0.0.1", "curl"), "a:b").await);
    assert!(!stage.present(&token, ("10.0.0.1", "curl"), "c:d").await);
    stage.time.pass(HOUR);
    assert!(stage.present(&token, ("10.0.0.1", "curl"), "").await);
    let target = Target::of(Reference::Id(id));
    stage.service.change(&local(), target, Change::Disable).await.unwrap();
    assert!(!stage.present(&token, ("10.0.0.1", "curl"), "").await);
    let nobody = Peer { address: None, agent: None, asked: Asked::default(), endpoint: Endpoint::NATIVE };
    let unknown = stage.service.judge_token(&SecretText::new("jtn_none"), Demand::Itself, nobody);
    assert!(unknown.outcome.is_err());
    // In memory, on the way, written down, and after a new start.
    let look = async |stage: &Stage| {
        for query in [of_token(id), of_default(), of_all(48)] {
            assert_eq!(shown(stage, query.clone(), Outcome::Admitted).await, [(0, 1), (1, 1)]);
            assert_eq!(shown(stage, query.clone(), Outcome::Forbidden).await, [(1, 1)]);
            assert_eq!(shown(stage, query.clone(), Outcome::Dead).await, [(0, 1)]);
            let is_all = query.token.is_none() && query.organization.is_none();
            let unknown: &[_] = if is_all { &[(0, 1)] } else { &[] };
            assert_eq!(shown(stage, query, Outcome::Unknown).await, unknown);
        }
    };
    look(&stage).await;
    assert_eq!(stage.number("SELECT count(*) FROM checks"), 0);
    stage.service.flush_uses().await;
    assert_eq!(stage.number("SELECT count(*) FROM checks"), 6);
    look(&stage).await;
    assert!(!stage.present(&token, ("10.0.0.1", "curl"), "").await);
    assert_eq!(shown(&stage, of_token(id), Outcome::Dead).await, [(0, 2)], "on top of what is written");
    let stage = stage.again().await;
    assert_eq!(shown(&stage, of_token(id), Outcome::Dead).await, [(0, 2)]);
    assert_eq!(stage.number("SELECT count FROM totals WHERE list = 'checks'"), 2);
}

#[tokio::test]
async fn a_clock_that_goes_back_counts_where_it_was() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    stage.time.pass(3 * HOUR);
    stage.present(&token, ("", ""), "").await;
    stage.service.flush_uses().await;
    stage.time.set_wall(BEGIN);
    stage.present(&token, ("", ""), "").await;
    assert_eq!(shown(&stage, of_all(48), Outcome::Admitted).await, [(0, 2)]);
    let stage = stage.again().await;
    stage.present(&token, ("", ""), "").await;
    assert_eq!(shown(&stage, of_all(48), Outcome::Admitted).await, [(0, 3)]);
    // Rows of hours that are still to come are there, and not shown.
    let checks = vec![(Checked::Instance, Hour(i64::MAX), Tally::default().with(Outcome::Admitted, 9))];
    stage.service.store.write(Counted { checks, most: 9 }).await.unwrap();
    assert_eq!(shown(&stage, of_all(720), Outcome::Admitted).await, [(0, 3)]);
}

#[tokio::test]
async fn a_month_is_kept_and_the_running_hour_unless_the_clock_may_be_wrong() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    for _ in 0..40 {
        stage.present(&token, ("", ""), "").await;
        stage.service.flush_uses().await;
        // A day later, to the millisecond: no jump.
        stage.time.pass(DAY - 1);
        stage.service.prune_uses().await.unwrap();
    }
    for query in [of_token(token.view.token.id), of_default(), of_all(720)] {
        let admitted = shown(&stage, query, Outcome::Admitted).await;
        assert_eq!((admitted.len(), admitted[0]), (29, (24, 1)), "720 hours with this one");
    }
    assert_eq!(stage.number("SELECT count(*) FROM checks"), 3 * 29);
    assert_eq!(stage.number("SELECT count FROM totals WHERE list = 'checks'"), 29);
    stage.time.pass(400 * DAY);
    stage.service.prune_uses().await.unwrap();
    assert_eq!(stage.number("SELECT count(*) FROM checks"), 3 * 29, "it may have jumped");
    stage.time.pass(DAY);
    stage.service.prune_uses().await.unwrap();
    assert_eq!(stage.number("SELECT count(*) FROM checks"), 0);
    assert_eq!(stage.number("SELECT count FROM totals WHERE list = 'checks'"), 0);
}

#[tokio::test]
async fn beyond_the_bound_the_oldest_hours_of_tokens_go() {
    let stage = Stage::new().await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(stage.token("a:b").await.view.token.id);
    }
    let one = Tally::default().with(Outcome::Admitted, 1);
    for hour in 0..5 {
        let of_tokens = tokens.iter().map(|id| (Checked::Token(*id), Hour(hour), one));
        let checks = of_tokens.chain([(Checked::Instance, Hour(hour), one)]).collect();
        stage.service.store.write(Counted { checks, most: 7 }).await.unwrap();
    }
    assert_eq!(stage.number("SELECT count(*) FROM checks WHERE kind = 2"), 7);
    assert_eq!(stage.number("SELECT count(*) FROM checks WHERE kind = 2 AND hour >= 3"), 6);
    assert_eq!(stage.number("SELECT count(*) FROM checks WHERE kind = 0"), 5, "the instance's stay");
    assert_eq!(stage.number("SELECT count FROM totals WHERE list = 'checks'"), 7);
    let prune = |most| PruneChecks { kind: 0, before: Hour(4), most };
    assert_eq!(stage.service.store.write(prune(3)).await.unwrap(), 3);
    assert_eq!(stage.service.store.write(prune(3)).await.unwrap(), 1);
    assert_eq!(stage.number("SELECT hour FROM checks WHERE kind = 0"), 4);
}

#[tokio::test]
async fn an_erased_user_leaves_no_hour_of_a_token() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    stage.present(&token, ("", ""), "").await;
    stage.service.flush_uses().await;
    stage.present(&token, ("", ""), "").await;
    stage.service.delete_user(&local(), "anna", None).await.unwrap();
    stage.service.erase_deleted().await.unwrap();
    let left = || stage.number("SELECT count(*) FROM checks WHERE kind = 2");
    assert_eq!((left(), stage.number("SELECT count FROM totals WHERE list = 'checks'")), (0, 0));
    assert!(!stage.present(&token, ("", ""), "").await);
    stage.service.flush_uses().await;
    assert_eq!(left(), 0, "what was counted before, and what is after");
    assert_eq!(shown(&stage, of_default(), Outcome::Admitted).await, [(0, 2)], "nobody's in particular");
    assert_eq!(shown(&stage, of_default(), Outcome::Dead).await, [(0, 1)]);
}

#[tokio::test]
async fn what_could_not_be_written_stays_and_nothing_is_lost_where_whoever_asked_hangs_up() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    let tokens = 2_049_u64;
    let mut many = token.view.token.clone();
    for number in 0..tokens {
        many.id.0[8..].copy_from_slice(&(number + 1).to_be_bytes());
        many.organization = OrganizationId::from_bytes([9; 16]);
        stage.service.uses.count(Some(&many), Outcome::Limited, Instant::from_millis(BEGIN));
    }
    let mut flush = Box::pin(stage.service.flush_uses());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(flush.as_mut().poll(&mut context).is_pending());
    drop(flush);
    assert_eq!(shown(&stage, of_all(720), Outcome::Limited).await, [(0, tokens)]);
    stage.service.flush_uses().await;
    assert_eq!(stage.number("SELECT sum(limited) FROM checks WHERE kind = 1"), tokens.cast_signed());
    stage.present(&token, ("", ""), "").await;
    stage.service.store.close();
    stage.service.flush_uses().await;
    assert_eq!(shown(&stage, of_token(token.view.token.id), Outcome::Admitted).await, [(0, 1)]);
}

#[tokio::test]
async fn who_runs_nothing_looks_at_nothing() {
    let stage = Stage::new().await;
    let caller = Caller { demand: Demand::Owner, ..local() };
    assert!(stage.service.checks(&caller, of_all(48)).await.is_ok());
    let query = CheckQuery { organization: Some("nowhere".into()), ..of_all(48) };
    assert!(matches!(stage.service.checks(&caller, query).await, Err(Failure::Refused(_))));
    assert!(stage.service.checks(&caller, of_token(TokenId::from_bytes([1; 16]))).await.is_err());
}
