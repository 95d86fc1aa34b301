//! Uses in memory, and what becomes of them in the tables.

use super::{Demanded, From, Instant, TokenId, Uses};
use crate::core::uses::{SOURCES, Source};

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
    let used = batch[0].1.to_write().used.unwrap();
    assert_eq!((used.last_at, used.count, used.address.as_deref()), (at(2), 2, Some("127.0.0.1")));
    assert_eq!(used.agent.as_deref(), Some("é".repeat(60).as_str()));
    assert!(uses.take().is_empty());
    uses.note(TOKEN, at(5), Some(From::new(None, Some("curl"))), Demanded::Own("jeton:admin"));
    uses.put_back(batch);
    assert_eq!(uses.last_at(TOKEN), Some(at(5)));
    let written = uses.take()[0].1.to_write();
    let used = written.used.unwrap();
    assert_eq!((used.count, used.address, used.agent.as_deref()), (3, None, Some("curl")), "the newest");
    let counts: Vec<_> = written.sources.iter().map(|it| (it.count, it.first_at, it.last_at)).collect();
    assert_eq!(counts, [(2, at(2), at(5)), (1, at(1), at(1))]);
    assert_eq!(written.demands.privileges, [("jeton:admin".to_owned(), at(5))]);
}

#[test]
fn a_refusal_is_no_use() {
    let uses = Uses::default();
    uses.note(TOKEN, at(1), None, Demanded::Own("jeton:admin"));
    uses.note(TOKEN, at(2), None, Demanded::Openly);
    assert_eq!(uses.last_at(TOKEN), None);
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
