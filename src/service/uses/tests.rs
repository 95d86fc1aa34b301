//! Uses in memory, and what becomes of them in the tables.

use std::sync::Arc;

use super::{Batch, Demanded, FEW, Instant, KEPT, LastUse, MANY, STRETCH, TokenId, Uses};
use crate::core::{
    checks::{Hour, Outcome, Tally},
    gathered::Gathered,
    id::Reference,
    time::DAY,
    uses::{SOURCES, Source},
};
use crate::service::{
    Service,
    tests::stage::{BEGIN, Stage, local},
};

mod spilled;

const TOKEN: TokenId = TokenId::from_bytes([7; 16]);

fn at(millis: i64) -> Instant {
    Instant::from_millis(millis)
}

fn use_it(uses: &Uses, now: i64, address: &str, agent: &str) {
    uses.note(TOKEN, at(now), Some((address.parse().ok(), Some(agent))), Demanded::Nothing);
}

/// Many tokens' ids, in their order.
fn many(count: usize) -> impl Iterator<Item = TokenId> {
    (1..=count as u64).map(|number| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        TokenId::from_bytes(id)
    })
}

/// Uses each once.
fn use_many(service: &Service, count: usize) {
    for id in many(count) {
        service.uses.note(id, at(BEGIN), Some((None, Some("curl"))), Demanded::Nothing);
    }
}

/// The one token's that is taken, as if it couldn't be written.
fn taken(uses: &Uses) -> (Batch, Gathered) {
    let (batch, _) = uses.take();
    uses.uncount();
    uses.settle();
    assert!(batch.len() <= 1);
    let first = batch.first().map(|(_, gathered)| Gathered::clone(gathered)).unwrap_or_default();
    (batch, first)
}

#[test]
fn uses_add_up_and_what_could_not_be_written_is_kept() {
    let uses = Uses::default();
    use_it(&uses, 1, "", "curl");
    use_it(&uses, 2, "127.0.0.1", &"é".repeat(100));
    let (batch, first) = taken(&uses);
    let times = first.times().unwrap();
    assert_eq!((times.first_at, times.last_at, times.count), (at(1), at(2), 2));
    let last = first.last().unwrap();
    assert_eq!((last.at, last.address.as_deref()), (at(2), Some("127.0.0.1")));
    assert_eq!(last.agent.as_deref(), Some("é".repeat(60).as_str()));
    assert!(taken(&uses).0.is_empty());
    uses.note(TOKEN, at(5), Some((None, Some("curl"))), Demanded::Own("jeton:admin"));
    uses.put_back(batch, Vec::new());
    let last = LastUse { at: at(5), address: None, agent: Some("curl".into()) };
    assert_eq!(uses.last(TOKEN), Some(last.clone()));
    let (_, all) = taken(&uses);
    assert_eq!((all.times().unwrap().count, all.last()), (3, Some(last)), "the newest");
    let counts: Vec<_> = all.seen().map(|it| (it.times.count, it.times.first_at, it.times.last_at)).collect();
    assert_eq!(counts, [(2, at(1), at(5)), (1, at(2), at(2))]);
    let demands: Vec<_> = all.demands().map(|(privilege, last_at)| (&**privilege, *last_at)).collect();
    assert_eq!(demands, [("jeton:admin", at(5))]);
}

#[test]
fn a_refusal_is_no_use() {
    let uses = Uses::default();
    uses.note(TOKEN, at(1), None, Demanded::Own("jeton:admin"));
    uses.note(TOKEN, at(2), None, Demanded::Openly);
    assert_eq!(uses.last(TOKEN), None);
    let (_, all) = taken(&uses);
    assert!(all.times().is_none() && all.seen().next().is_none());
    assert_eq!(all.openly(), Some(at(2)));
}

#[test]
fn beyond_the_bound_the_longest_unseen_stand_together() {
    let uses = Uses::default();
    let most = i64::from(SOURCES);
    for number in 0..most + 3 {
        use_it(&uses, number, "127.0.0.1", &format!("agent {number}"));
        // One that comes again and again isn't forgotten.
        use_it(&uses, number, "127.0.0.2", "steady");
    }
    let (batch, first) = taken(&uses);
    // As many again that couldn't be written before.
    for number in 0..most {
        use_it(&uses, 1_000 + number, "127.0.0.3", &format!("agent {number}"));
    }
    let named =
        |agent: &str| first.seen().find(|it| it.agent.as_deref() == Some(agent)).map(|it| it.times.count);
    assert_eq!(first.seen().count(), SOURCES as usize);
    assert_eq!(named("steady"), Some((most + 3).cast_unsigned()));
    assert_eq!(named("agent 3"), None);
    assert_eq!(named("agent 4"), Some(1));
    let others = first.others().unwrap();
    assert_eq!((others.count, others.first_at, others.last_at), (4, at(0), at(3)));

    uses.put_back(batch, Vec::new());
    let (_, all) = taken(&uses);
    assert_eq!(all.seen().count(), SOURCES as usize);
    assert!(all.seen().all(|it| it.times.last_at >= at(1_000)));
    assert_eq!(all.times().unwrap().count, (most * 3 + 6).cast_unsigned());
}

#[test]
fn what_is_kept_in_memory_is_bounded_and_no_last_use_is_lost() {
    let uses = Uses::default();
    let tokens = KEPT * 3;
    // Nobody takes it away, and some come again from elsewhere.
    for round in 0..2 {
        for (number, id) in many(tokens).enumerate() {
            let agent = format!("agent {round} of {}", number % 7);
            let demanded = Demanded::Own("jeton:admin");
            uses.note(id, at(1 + round), Some((None, Some(&agent))), demanded);
        }
    }
    let kept = || -> usize { uses.shards.iter().map(|shard| super::lock(shard).kept()).sum() };
    assert_eq!((kept(), uses.kept.load(super::Ordering::Relaxed)), (KEPT, KEPT));
    assert!(many(tokens).all(|id| uses.last(id).is_some_and(|last| last.at == at(2))));
    // Taken, and put back as often as it can't be written: the bound holds, and nothing is told twice.
    for _ in 0..3 {
        let (batch, apart) = uses.take();
        assert!(batch.len() <= KEPT + MANY);
        assert!(many(tokens).all(|id| uses.last(id).is_some()), "on its way too");
        uses.put_back(batch, apart);
        assert!(kept() <= KEPT + MANY);
        assert_eq!(kept(), uses.kept.load(super::Ordering::Relaxed));
    }
    let (mut count, mut openly) = (0, 0);
    loop {
        let (batch, _) = uses.take();
        if batch.is_empty() {
            break;
        }
        for (_, gathered) in &batch {
            let times = gathered.times().unwrap();
            assert_eq!(times.last_at, at(2));
            count += times.count;
            openly += usize::from(gathered.openly().is_some());
            assert!(gathered.openly().is_some() || gathered.demands().next().is_some());
        }
        uses.uncount();
        uses.settle();
    }
    assert_eq!(count, 2 * tokens as u64);
    assert!(openly >= tokens - KEPT, "for what it isn't known");
    assert_eq!((kept(), uses.kept.load(super::Ordering::Relaxed)), (0, 0));
}

#[tokio::test]
async fn what_could_not_be_written_stays_in_memory() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    assert!(stage.present(&token, ("10.0.0.1", "curl"), "a:b").await);
    stage.service.store.close();
    assert!(stage.service.write_uses().await.is_err());
    assert!(stage.service.gathered_use(token.view.token.id).is_some());
    let (_, all) = taken(&stage.service.uses);
    assert_eq!((all.seen().count(), all.demands().count(), all.checks().count()), (1, 1, 1));
}

#[tokio::test]
async fn the_table_keeps_the_last_sources_apart_and_counts_the_others() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    let most = SOURCES as usize;
    for number in 0..most + 10 {
        assert!(stage.present(&token, ("10.0.0.1", &format!("agent {number}")), "").await);
        assert!(stage.present(&token, ("10.0.0.2", "steady"), "").await);
        if number % 20 == 0 {
            stage.service.write_uses().await.unwrap();
        }
    }
    stage.service.write_uses().await.unwrap();
    let id = token.view.token.id;
    let sources = stage.service.store.read(|rows| rows.sources(id)).unwrap();
    assert_eq!(sources.len(), most + 1);
    let [first, .., others] = &sources[..] else { panic!("many") };
    assert_eq!((first.agent.as_deref(), first.count), (Some("steady"), most as u64 + 10));
    assert_eq!((others.address.as_deref(), others.count), (Some(Source::OTHERS), 11));
    assert_eq!(sources.iter().map(|source| source.count).sum::<u64>(), 2 * (most as u64 + 10));
    let since = sources[1].first_at;
    let late = stage.service.store.read(|rows| rows.sources_since(id, since, 9)).unwrap();
    assert_eq!(late, sources[..2], "the steady one, and whoever came last");
    let latest = stage.service.store.read(|rows| rows.sources_since(id, since, 1)).unwrap();
    assert_eq!(latest, sources[..1]);
}

#[tokio::test]
async fn more_demands_than_are_kept_leave_a_doubt() {
    let stage = Stage::new().await;
    let token = stage.token("*:*").await;
    for number in 0..300 {
        assert!(stage.present(&token, ("", ""), &format!("a:{number}")).await);
        if number % 100 == 0 {
            stage.service.write_uses().await.unwrap();
        }
    }
    let needs = stage.service.token_needs(&local(), &Reference::Id(token.view.token.id)).await.unwrap();
    assert_eq!(needs.demands.privileges.len(), 256);
    assert_eq!(needs.demands.openly, Some(at(BEGIN + 44)), "of those that went, the last");
    assert!(!needs.demands.privileges.iter().any(|(privilege, _)| privilege == "a:43"));
}

#[tokio::test]
async fn a_month_later_it_is_gone_unless_the_clock_may_be_wrong() {
    let stage = Stage::new().await;
    let token = stage.token("a:*").await;
    let days = |days: i64| days * DAY;
    stage.present(&token, ("10.0.0.1", "old"), "a:b").await;
    stage.service.write_uses().await.unwrap();
    let left = |stage: &Stage| {
        stage
            .number("SELECT (SELECT count(*) FROM token_sources) * 10 + (SELECT count(*) FROM token_demands)")
    };
    stage.service.prune_uses().await.unwrap();
    assert_eq!(left(&stage), 11);
    // It jumps, and then runs: nothing goes for a day, over a new start too.
    stage.time.pass(days(40));
    stage.service.prune_uses().await.unwrap();
    let stage = stage.again().await;
    stage.time.pass(days(1) - 1_000);
    stage.service.prune_uses().await.unwrap();
    assert_eq!(left(&stage), 11);
    stage.present(&token, ("10.0.0.1", "new"), "a:c").await;
    stage.service.write_uses().await.unwrap();
    assert_eq!(left(&stage), 22);
    stage.time.pass(1_000);
    stage.service.prune_uses().await.unwrap();
    assert_eq!(left(&stage), 11);
    assert_eq!(stage.number("SELECT count(*) FROM token_sources WHERE agent = 'new'"), 1);
    assert_eq!(stage.number("SELECT count FROM token_uses"), 2, "how often stays");
}

#[tokio::test]
async fn demands_are_noted_where_they_are_met_and_where_they_are_lacked() {
    let stage = Stage::new().await;
    let token = stage.token("orders:* bills:read").await;
    assert!(stage.present(&token, ("10.0.0.1", "curl"), "orders:read|orders:write").await);
    assert!(!stage.present(&token, ("10.0.0.1", "curl"), "mail:send").await);
    let needs = stage.service.token_needs(&local(), &Reference::Id(token.view.token.id)).await.unwrap();
    let demanded: Vec<_> = needs.demands.privileges.iter().map(|(privilege, _)| privilege.as_str()).collect();
    assert_eq!(demanded, ["mail:send", "orders:read", "orders:write"]);
    assert_eq!(needs.demands.openly, None);
    assert_eq!(needs.since, token.view.token.created_at);
    assert_eq!(stage.number("SELECT count FROM token_uses"), 1, "a refusal is no use");
    assert!(stage.present(&token, ("10.0.0.1", "curl"), "").await);
    let needs = stage.service.token_needs(&local(), &Reference::Id(token.view.token.id)).await.unwrap();
    assert_eq!(needs.demands.openly, Some(stage.service.now()));
}

#[tokio::test]
async fn nothing_is_lost_where_whoever_asked_hangs_up() {
    let stage = Stage::new().await;
    for tokens in [STRETCH * 2 + 1, FEW + 1] {
        let written = || stage.number("SELECT coalesce(sum(count), 0) FROM token_uses");
        let before = written();
        use_many(&stage.service, tokens);
        let mut asked = Box::pin(stage.service.write_uses());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(asked.as_mut().poll(&mut context).is_pending());
        tokio::task::yield_now().await;
        drop(asked);
        stage.service.settle_all_uses().await.unwrap();
        assert_eq!(written() - before, i64::try_from(tokens).unwrap());
    }
}
