//! Is the record of events whole, and as it was written? And its oldest part removed, so that this can still be said. Only
//! for whoever operates the instance.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Caller, Service, reach::Reach, to_the_end};
pub use crate::store::Pruned;
use crate::{
    core::{
        decision::decide_for_good,
        event::{Deed, Event, Flaw, Object},
        refusal::{Failure, Refusal},
        time::Instant,
    },
    store::{Store, Stretch, Tx, Write},
};

/// How many events are read at a time: some milliseconds' worth, so that the write-ahead log never waits for a walk.
const STRETCH: u32 = 2_048;

/// How many events are removed in a write: others wait for it.
const BATCH: u32 = 500;

/// The pause before the files are scrubbed again, and how often that is tried where a reader is in its midst.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: u32 = 50;

/// What a walk along the record has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many events are sound, from the first one on.
    pub count: i64,
    /// The sequence of the first that isn't, and what is wrong with it.
    pub flaw: Option<(i64, Flaw)>,
    /// What was removed from before the first one.
    pub pruned: Option<Pruned>,
}

impl Service {
    /// Walks along the record, from its beginning to where it ended when the walk began.
    pub async fn verify_events(&self) -> Result<Verdict, Failure> {
        let mut walk = self.store.read_apart(|rows| Ok(rows.walk()?)).await?;
        loop {
            match self.store.read_apart(move |rows| Ok(rows.walk_on(walk, STRETCH)?)).await? {
                Stretch::More(further) => walk = further,
                Stretch::Sound(end) => {
                    return Ok(Verdict { count: end.count(), flaw: None, pruned: end.pruned() });
                }
                Stretch::Flawed(before, sequence, flaw) => {
                    tracing::error!(sequence, %flaw, "the record of events isn't sound");
                    let (count, pruned) = (before.count(), before.pruned());
                    return Ok(Verdict { count, flaw: Some((sequence, flaw)), pruned });
                }
            }
        }
    }

    /// Removes the events before an instant, and returns how many they were and what is gone in all. Once begun it goes on to
    /// its end, in steps that other writes have their turn between; after each the rest is a chain.
    pub async fn prune_events(
        &self,
        caller: &Caller,
        before: Instant,
    ) -> Result<(u64, Option<Pruned>), Failure> {
        let now = self.now();
        if before > now {
            return Err(Refusal::invalid("before", "an instant that has passed").into());
        }
        let (store, caller) = (Arc::clone(&self.store), caller.clone());
        to_the_end(async move {
            let mut removed = 0;
            loop {
                let write = Prune { caller: caller.clone(), before, begun: removed > 0, now };
                match store.write(write).await? {
                    0 => break,
                    some => removed += u64::from(some),
                }
            }
            if removed > 0 {
                scrub(&store).await?;
            }
            Ok((removed, store.read(|rows| rows.pruned())?))
        })
        .await
    }
}

/// Empties the write-ahead log of what was removed; where readers don't let it, the next one that is emptied does.
async fn scrub(store: &Store) -> Result<(), Failure> {
    for _ in 0..TRIES {
        if store.scrub(false).await? {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    tracing::warn!("events that were removed are still in the write-ahead log, which something reads");
    Ok(())
}

struct Prune {
    caller: Caller,
    before: Instant,
    /// Whether it is on record already.
    begun: bool,
    now: Instant,
}

impl Write for Prune {
    type Output = u32;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<u32, Failure> {
        let Self { caller, before, begun, now } = self;
        let subject = caller.decide_again(tx, now)?;
        Reach::of(tx, &subject, now)?.instance()?;
        decide_for_good(&subject, now)?;
        let origin = caller.origin();
        let removed = tx.prune_events(before, BATCH, now, &origin)?;
        if removed > 0 && !begun {
            tx.record(&Event {
                at: now,
                origin,
                deed: Deed::EventsPruned,
                object: Object::RECORD,
                organization: None,
                detail: format!("before={before}"),
            })?;
        }
        Ok(removed)
    }
}
