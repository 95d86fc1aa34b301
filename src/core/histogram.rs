//! How long things took, counted by fixed bounds: without a lock, and without room that grows. Nothing is decided by it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The upper bounds, in nanoseconds: from a check out of memory to a sync on a disk in trouble.
pub const BOUNDS: [u64; 15] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
];

/// How many counts there are: one for each bound, and one for what is beyond the last.
const COUNTS: usize = BOUNDS.len() + 1;

/// What is counted into.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; COUNTS],
    nanos: AtomicU64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were within each bound and not within the one before; the last, how many were beyond all.
    pub counts: [u64; COUNTS],
    /// All of them together, in nanoseconds.
    pub nanos: u64,
}

impl Histogram {
    /// Counts one.
    pub fn note(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Adds what was counted so far.
    pub fn add_to(&self, sum: &mut Durations) {
        for (sum, count) in sum.counts.iter_mut().zip(&self.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        sum.nanos = sum.nanos.saturating_add(self.nanos.load(Ordering::Relaxed));
    }

    /// What was counted so far.
    pub fn read(&self) -> Durations {
        let mut sum = Durations::default();
        self.add_to(&mut sum);
        sum
    }
}

impl Durations {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BOUNDS, Histogram};

    #[test]
    fn a_duration_is_counted_within_the_first_bound_that_holds_it() {
        let histogram = Histogram::default();
        for nanos in [0, BOUNDS[0], BOUNDS[0] + 1, BOUNDS[14], BOUNDS[14] + 1] {
            histogram.note(Duration::from_nanos(nanos));
        }
        let read = histogram.read();
        assert_eq!((read.counts[0], read.counts[1], read.counts[14], read.counts[15]), (2, 1, 1, 1));
        assert_eq!(read.count(), 5);
        assert_eq!(read.nanos, 2 * BOUNDS[0] + 1 + 2 * BOUNDS[14] + 1);
        assert!(BOUNDS.is_sorted());
    }
}
