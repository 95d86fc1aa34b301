//! What came of the checks at each API and how long they took, since the start: for whoever watches jeton.
//!
//! A check adds to three numbers that no other thread writes to, as long as there are no more threads than shards. They
//! are summed up when somebody looks.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Instant,
};

use super::Service;
use crate::core::{
    checks::{Endpoint, Outcome},
    histogram::{Durations, Histogram},
};

/// A power of two.
const SHARDS: usize = 16;

/// In cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Shard {
    outcomes: [[AtomicU64; Outcome::ALL.len()]; Endpoint::MOST],
    durations: [Histogram; Endpoint::MOST],
}

/// The numbers.
#[derive(Default)]
pub(super) struct Pace {
    shards: [Shard; SHARDS],
}

/// The next thread's shard.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
}

impl Pace {
    pub(super) fn count(&self, endpoint: Endpoint, outcome: Outcome, began: Instant) {
        // A thread that is ending counts into the first.
        let shard = &self.shards[MINE.try_with(|mine| *mine).unwrap_or(0)];
        shard.outcomes[endpoint.place()][outcome as usize].fetch_add(1, Ordering::Relaxed);
        shard.durations[endpoint.place()].note(began.elapsed());
    }

    fn outcomes(&self, endpoint: Endpoint, outcome: Outcome) -> u64 {
        let count =
            |shard: &Shard| shard.outcomes[endpoint.place()][outcome as usize].load(Ordering::Relaxed);
        self.shards.iter().map(count).sum()
    }

    fn durations(&self, endpoint: Endpoint) -> Durations {
        let mut sum = Durations::default();
        for shard in &self.shards {
            shard.durations[endpoint.place()].add_to(&mut sum);
        }
        sum
    }
}

impl Service {
    /// How many checks at an API had an outcome, since the start.
    pub fn checks_at(&self, endpoint: Endpoint, outcome: Outcome) -> u64 {
        self.pace.outcomes(endpoint, outcome)
    }

    /// How long the checks at an API took, since the start.
    pub fn check_durations(&self, endpoint: Endpoint) -> Durations {
        self.pace.durations(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Instant};

    use super::{Endpoint, Outcome, Pace, SHARDS};

    #[test]
    fn what_many_threads_count_adds_up() {
        let pace = Arc::new(Pace::default());
        let threads = (0..2 * SHARDS).map(|_| {
            let pace = Arc::clone(&pace);
            thread::spawn(move || {
                for _ in 0..100 {
                    pace.count(Endpoint::GATE, Outcome::Dead, Instant::now());
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let all = 200 * SHARDS as u64;
        assert_eq!(pace.outcomes(Endpoint::GATE, Outcome::Dead), all);
        assert_eq!(pace.outcomes(Endpoint::GATE, Outcome::Admitted), 0);
        assert_eq!(pace.durations(Endpoint::GATE).count(), all);
        assert_eq!(pace.durations(Endpoint::NATIVE).count(), 0);
        assert_eq!(Endpoint::dialect(99).place(), Endpoint::MOST - 1);
    }
}
