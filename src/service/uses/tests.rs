//! Uses in memory, and what becomes of them in the tables.

use super::{Demanded, From, Instant, LastUse, STRETCH, TokenId, Uses};
use crate::core::{
    id::Reference,
    time::DAY,
    uses::{SOURCES, Source},
};
use crate::service::tests::stage::{BEGIN, Stage, local};

const TOKEN: TokenId = TokenId::from_bytes([7; 16]);

fn at(millis: i64) -> Instant {
    Instant::from_millis(millis)
}

fn use_it(uses: &Uses, now: i64, address: &str, agent: &str) {
    let from = From::new(address.parse().ok(), Some(agent));
    uses.note(TOKEN, at(now), Some(from), Demanded::Nothing);
}

#[test]
fn uses_add_up_and_what_could_not_be_written_is_kept() {
    let uses = Uses::default();
    use_it(&uses, 2, "", "curl");
    use_it(&uses, 1, "127.0.0.1", &"é".repeat(100));
    let batch = uses.take();
    assert_eq!(batch.len(), 1);
    let first = batch[0].1.to_write().used.unwrap();
    assert_eq!((first.last_at, first.count, first.address.as_deref()), (at(2), 2, Some("127.0.0.1")));
    assert_eq!(first.agent.as_deref(), Some("é".repeat(60).as_str()));
    assert!(uses.take().is_empty());
    uses.note(TOKEN, at(5), Some(From::new(None, Some("curl"))), Demanded::Own("jeton:admin"));
    uses.put_back(batch);
    let last = LastUse { at: at(5), address: None, agent: Some("curl".into()) };
    assert_eq!(uses.last(TOKEN), Some(last));
    let written = uses.take()[0].1.to_write();
    let all = written.used.unwrap();
    assert_eq!((all.count, all.address, all.agent.as_deref()), (3, None, Some("curl")), "the newest");
    let counts: Vec<_> = written.sources.iter().map(|it| (it.count, it.first_at, it.last_at)).collect();
    assert_eq!(counts, [(2, at(2), at(5)), (1, at(1), at(1))]);
    assert_eq!(written.demands.privileges, [("jeton:admin".to_owned(), at(5))]);
}

#[test]
fn a_refusal_is_no_use() {
    let uses = Uses::default();
    uses.note(TOKEN, at(1), None, Demanded::Own("jeton:admin"));
    uses.note(TOKEN, at(2), None, Demanded::Openly);
    assert_eq!(uses.last(TOKEN), None);
    let written = uses.take()[0].1.to_write();
    assert!(written.used.is_none() && written.sources.is_empty());
    assert_eq!(written.demands.openly, Some(at(2)));
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
    let first = uses.take();
    // As many again that couldn't be written before.
    for number in 0..most {
        use_it(&uses, 1_000 + number, "127.0.0.3", &format!("agent {number}"));
    }
    let named = |sources: &[Source], agent: &str| {
        sources.iter().find(|it| it.agent.as_deref() == Some(agent)).map(|it| it.count)
    };
    let sources = first[0].1.to_write().sources;
    assert_eq!(sources.len(), SOURCES as usize + 1);
    assert_eq!(named(&sources, "steady"), Some((most + 3).cast_unsigned()));
    assert_eq!(named(&sources, "agent 3"), None);
    assert_eq!(named(&sources, "agent 4"), Some(1));
    let others = sources.last().unwrap();
    assert_eq!((others.address.as_deref(), others.agent.as_deref()), (Some(Source::OTHERS), None));
    assert_eq!((others.count, others.first_at, others.last_at), (4, at(0), at(3)));

    uses.put_back(first);
    let written = uses.take()[0].1.to_write();
    assert_eq!(written.sources.len(), SOURCES as usize + 1);
    assert!(written.sources[..SOURCES as usize].iter().all(|it| it.last_at >= at(1_000)));
    let all = (most * 3 + 6).cast_unsigned();
    assert_eq!(written.sources.iter().map(|it| it.count).sum::<u64>(), all);
    assert_eq!(written.used.unwrap().count, all);
}

#[tokio::test]
async fn what_could_not_be_written_stays_in_memory() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    assert!(stage.present(&token, ("10.0.0.1", "curl"), "a:b").await);
    stage.service.store.close();
    assert!(stage.service.write_uses().await.is_err());
    assert!(stage.service.gathered_use(token.view.token.id).is_some());
    let gathered = stage.service.uses.take();
    let written = gathered[0].1.to_write();
    assert_eq!((written.sources.len(), written.demands.privileges.len()), (1, 1));
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
    let tokens = i64::try_from(STRETCH).unwrap() * 2 + 1;
    for number in 0..tokens {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&(number + 1).to_be_bytes());
        let from = From::new(None, Some("curl"));
        stage.service.uses.note(TokenId::from_bytes(id), at(BEGIN), Some(from), Demanded::Nothing);
    }
    let mut asked = Box::pin(stage.service.write_uses());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asked.as_mut().poll(&mut context).is_pending());
    tokio::task::yield_now().await;
    drop(asked);
    stage.service.write_uses().await.unwrap();
    assert_eq!(stage.number("SELECT sum(count) FROM token_uses"), tokens);
}
