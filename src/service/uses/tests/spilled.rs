//! What is spilled, and what becomes of it: the same as of what is written into the tables at once.

use super::{
    Arc, BEGIN, Batch, DAY, Demanded, FEW, Gathered, Hour, Outcome, Reference, Stage, Tally, TokenId, at,
    local, use_many,
};
use crate::{
    core::{
        filter::Filter,
        gathered::{Seen, Times},
        listing::{Count, Direction, Listing, Position, TokenField},
        refusal::Failure,
        rotation::Mode,
    },
    service::{
        issue::Issued,
        list::{TokenQuery, Whose},
        uses::MOST_HOURS,
    },
    store::{Held, Merge, Spill, Used},
};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn millis(&mut self, most: u64) -> i64 {
        BEGIN + self.below(most).cast_signed()
    }
}

/// What may be gathered of a token in a while that begins `from` milliseconds after the clock did.
fn gathering(dice: &mut Dice, of: &Issued, from: u64) -> Gathered {
    let mut gathered = Gathered::default();
    let token = &of.view.token;
    gathered.whose = Some((token.owner, token.organization));
    for _ in 0..dice.below(4) {
        let address = ["", "10.0.0.1", "2001:db8::1"][usize::try_from(dice.below(3)).unwrap()].parse().ok();
        let agent = ["", "curl", "another 1.0 (é)"][usize::try_from(dice.below(3)).unwrap()];
        let agent = (!agent.is_empty()).then(|| agent.into());
        let first_at = at(dice.millis(900) + from.cast_signed());
        let last_at = at(first_at.millis() + dice.below(90).cast_signed());
        gathered.add_seen(Seen {
            address,
            agent,
            times: Times { first_at, last_at, count: 1 + dice.below(300) },
        });
    }
    for _ in 0..dice.below(4) {
        let privilege = format!("orders:{}", dice.below(9));
        gathered.add_demand(privilege.into(), at(dice.millis(1000) + from.cast_signed()));
    }
    if dice.below(3) == 0 {
        gathered.add_openly(at(dice.millis(1000) + from.cast_signed()));
    }
    if dice.below(5) == 0 {
        gathered.add_others(&Times::once(at(dice.millis(1000) + from.cast_signed())));
    }
    for _ in 0..dice.below(3) {
        let hour = Hour::of(at(BEGIN + dice.below(5).cast_signed() * DAY / 24));
        let outcome = Outcome::ALL[usize::try_from(dice.below(4)).unwrap()];
        gathered.add_checks(hour, &Tally::default().with(outcome, 1 + dice.below(200)));
    }
    gathered
}

/// Every row of a statement, its columns in one text.
fn rows(stage: &Stage, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(stage.directory.path().join("jeton.db")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at).unwrap());
        Ok(format!("{:?}", values.collect::<Vec<_>>()))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

const TABLES: [&str; 5] = [
    "SELECT place, last_at, count FROM token_uses JOIN tokens ON id = token ORDER BY place",
    // Of two sources at the same time either may be called the last.
    "SELECT place, t.address, agent FROM token_uses AS t JOIN tokens ON id = token WHERE 1 =
         (SELECT count(*) FROM token_sources AS s WHERE s.token = t.token AND s.last_at = t.last_at) ORDER BY place",
    // What is told of a source beside a successor.
    "SELECT o.place, address, agent, first_at, last_at, count, iif(last_at >= s.created_at, s.place, NULL),
         iif(last_at >= s.created_at, since_count, 0)
     FROM token_sources JOIN tokens AS o ON o.id = token LEFT JOIN tokens AS s ON s.id = successor ORDER BY 1, 2, 3",
    "SELECT place, privilege, last_at FROM token_demands JOIN tokens ON id = token ORDER BY place, 2",
    "SELECT (SELECT place FROM tokens WHERE tokens.id = checks.id), hour, kind, admitted, dead, forbidden, limited, unknown
     FROM checks ORDER BY 1, 2, 3",
];

/// Two stages on which the same is made.
async fn two(tokens: usize) -> [(Stage, Vec<Issued>); 2] {
    let mut both = Vec::new();
    for _ in 0..2 {
        let stage = Stage::new().await;
        let mut issued = Vec::new();
        for _ in 0..tokens {
            issued.push(stage.token("*:*").await);
        }
        both.push((stage, issued));
    }
    both.try_into().ok().unwrap()
}

async fn merge_all(stage: &Stage) {
    let parts = stage.service.store.read(|rows| rows.spilled()).unwrap().parts;
    for (part, _) in parts {
        while stage.service.store.write(Merge { part, most_hours: MOST_HOURS }).await.unwrap() {}
    }
    assert_eq!(stage.number("SELECT (SELECT count(*) FROM spill) + (SELECT count(*) FROM spill_parts)"), 0);
}

#[tokio::test]
async fn what_is_spilled_and_merged_is_what_is_written_at_once() {
    let [(straight, one), (spilled, other)] = two(60).await;
    // Some give way to another meanwhile.
    for round in 0..12 {
        if round % 4 == 1 {
            let mode = Mode::OnFirstUse { linger: 1_000, window: DAY };
            let at = usize::try_from(round).unwrap();
            for (stage, tokens) in [(&straight, &one), (&spilled, &other)] {
                stage.time.set_wall(BEGIN + round * 1000);
                stage.rotate(tokens[at].view.token.id, mode).await;
            }
        }
        let from = round.cast_unsigned() * 1000;
        for (stage, tokens, spill) in [(&straight, &one, false), (&spilled, &other, true)] {
            let mut dice = Dice(round.cast_unsigned());
            let mut batch: Batch = Vec::new();
            for token in tokens {
                if dice.below(3) > 0 {
                    batch.push((token.view.token.id, Arc::new(gathering(&mut dice, token, from))));
                }
            }
            if spill {
                stage.service.store.write(Spill(batch)).await.unwrap();
            } else {
                let used = Used { gathered: batch, most: MOST_HOURS };
                stage.service.store.write(used).await.unwrap();
            }
        }
        // What is read of one token by its id is the same before it is merged.
        for (one, other) in one.iter().zip(&other) {
            let of = |stage: &Stage, token: &Issued| {
                let used = stage.service.store.read(|rows| rows.token_use(token.view.token.id)).unwrap();
                used.map(|used| (used.last_at, used.count))
            };
            assert_eq!(of(&straight, one), of(&spilled, other));
        }
        if round == 5 {
            merge_all(&spilled).await;
        }
    }
    assert!(spilled.number("SELECT count(*) FROM spill") > 0);
    assert_ne!(rows(&straight, TABLES[0]), rows(&spilled, TABLES[0]));
    merge_all(&spilled).await;
    for sql in TABLES {
        let (written, merged) = (rows(&straight, sql), rows(&spilled, sql));
        assert!(written.len() > 10, "{sql}");
        let differing = written.iter().zip(&merged).find(|(one, other)| one != other);
        assert_eq!(differing, None);
        assert_eq!(written.len(), merged.len());
    }
    let hours = "SELECT count FROM totals WHERE list = 'checks'";
    assert_eq!(straight.number(hours), spilled.number(hours));
}

/// So much that it is spilled, and a use of one token from somewhere.
async fn spill(stage: &Stage, token: &Issued, from: (&str, &str)) {
    use_many(&stage.service, FEW + 1);
    assert!(stage.present(token, from, "a:b").await);
    stage.service.write_uses().await.unwrap();
    assert!(stage.number("SELECT count(*) FROM spill") > 0);
    assert_eq!(stage.service.gathered_use(token.view.token.id), None);
}

fn merged(stage: &Stage, token: TokenId) -> bool {
    stage.service.store.read(|rows| rows.merged_use(token)).unwrap().is_some()
}

#[tokio::test]
async fn what_is_spilled_is_seen_by_whoever_asks() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    let id = token.view.token.id;
    let reference = Reference::Id(id);
    spill(&stage, &token, ("10.0.0.1", "curl")).await;
    let now = stage.service.now();
    let last = stage.service.token(&local(), &reference).unwrap().last_use.unwrap();
    assert_eq!(
        (last.at, last.address.as_deref(), last.agent.as_deref()),
        (now, Some("10.0.0.1"), Some("curl"))
    );
    let query = crate::service::checks::CheckQuery { token: Some(reference), hours: 48, organization: None };
    let history = stage.service.checks(&local(), query).await.unwrap();
    assert_eq!(history.of(Outcome::Admitted).iter().sum::<u64>(), 1);
    assert!(!merged(&stage, id));
    let needs = stage.service.token_needs(&local(), &reference).await.unwrap();
    assert_eq!(needs.demands.privileges, [("a:b".to_owned(), now)]);
    assert!(merged(&stage, id));
    assert!(stage.number("SELECT count(*) FROM spill") > 0, "the others' stay");
    stage.service.settle_all_uses().await.unwrap();
    assert_eq!(stage.number("SELECT count(*) FROM spill"), 0);
    assert_eq!(stage.number("SELECT sum(count) FROM token_uses"), i64::try_from(FEW).unwrap() + 2);
}

#[tokio::test]
async fn what_an_earlier_process_spilled_is_merged() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    spill(&stage, &token, ("10.0.0.1", "curl")).await;
    // Nothing of it is done at the end.
    let stage = stage.again().await;
    assert!(stage.number("SELECT count(*) FROM spill") > 0 && !merged(&stage, token.view.token.id));
    let service = Arc::clone(&stage.service);
    let keeping = tokio::spawn(async move { service.keep_uses().await });
    while stage.number("SELECT count(*) FROM spill") > 0 {
        tokio::task::yield_now().await;
    }
    keeping.abort();
    assert!(merged(&stage, token.view.token.id));
    assert_eq!(stage.number("SELECT sum(count) FROM token_uses"), i64::try_from(FEW).unwrap() + 2);
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_spilled() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    let there = |stage: &Stage| {
        let bytes = std::fs::read(stage.directory.path().join("jeton.db")).unwrap();
        ["very personal", "0123456789abcdef"]
            .map(|it| bytes.windows(it.len()).any(|bytes| bytes == it.as_bytes()))
    };
    // What was spilled before the deletion.
    spill(&stage, &token, ("10.9.8.7", "very personal")).await;
    while !stage.service.store.scrub(false).await.unwrap() {}
    assert_eq!(there(&stage), [true, false]);
    stage.service.delete_user(&local(), "anna", None).await.unwrap();
    stage.service.erase_deleted().await.unwrap();
    assert_eq!(there(&stage), [false, false]);
    // What is to be spilled only after it: of the user there is when and how often.
    let (id, now) = (token.view.token.id, stage.service.now());
    for number in 0..=1 {
        use_many(&stage.service, FEW + 1);
        stage.service.note_use(id, now, None, Some("0123456789abcdef"), Demanded::Own("jeton:admin"));
        if number == 1 {
            stage.service.uses.count(Some(&token.view.token), Outcome::Admitted, now);
        }
        stage.service.write_uses().await.unwrap();
        assert!(stage.number("SELECT count(*) FROM spill") > 0);
    }
    while !stage.service.store.scrub(false).await.unwrap() {}
    assert_eq!(there(&stage), [false, false]);
    stage.service.settle_all_uses().await.unwrap();
    let found = stage.service.store.read(|rows| rows.token_use(id)).unwrap().unwrap();
    assert_eq!((found.last_at, found.count, found.agent), (now, 3, None));
    let theirs = "SELECT (SELECT count(*) FROM token_sources WHERE agent <> 'curl')
        + (SELECT count(*) FROM token_demands) + (SELECT count(*) FROM checks WHERE kind = 2)";
    assert_eq!(stage.number(theirs), 0);
}

#[tokio::test]
async fn what_was_edited_is_passed_over() {
    let stage = Stage::new().await;
    let token = stage.token("a:b").await;
    spill(&stage, &token, ("10.0.0.1", "curl")).await;
    let connection = rusqlite::Connection::open(stage.directory.path().join("jeton.db")).unwrap();
    connection.execute("UPDATE spill SET what = x'01ffffffffffffffff7f00' WHERE place % 2 = 1", []).unwrap();
    connection.execute("INSERT INTO spill SELECT place + 9, x'' FROM spill", []).unwrap();
    connection.execute("INSERT INTO spill SELECT max(place) + 1, randomblob(500) FROM spill", []).unwrap();
    assert!(stage.service.token(&local(), &Reference::Id(token.view.token.id)).is_ok());
    stage.service.settle_all_uses().await.unwrap();
    assert_eq!(stage.number("SELECT count(*) FROM spill"), 0);
}

#[tokio::test]
async fn a_list_by_last_use_knows_all_uses_and_does_not_wait_for_long() {
    let stage = Stage::new().await;
    let (token, other) = (stage.token("a:b").await, stage.token("a:b").await);
    spill(&stage, &token, ("10.0.0.1", "curl")).await;
    let list = || {
        let service = Arc::clone(&stage.service);
        let listing = Listing {
            filter: Filter::All(Vec::new()),
            sort: vec![(TokenField::LastUsedAt, Direction::Down)],
            position: Position::Offset(0),
            limit: 1,
            total: Count::No,
        };
        let query =
            TokenQuery { whose: Whose::Seen, organization: None, minter: None, deleted: false, listing };
        async move { service.tokens(&local(), query).await.map(|page| page.items[0].token.id) }
    };
    assert_eq!(list().await.unwrap(), token.view.token.id);

    spill(&stage, &other, ("10.0.0.1", "curl")).await;
    let held = Held::new(&stage.service.store).await;
    let refused = held.then(list()).await.await.unwrap().unwrap_err();
    assert!(matches!(refused, Failure::Busy), "{refused:?}");
    held.release();
    assert_eq!(list().await.unwrap(), other.view.token.id);
}
