//! The time that decisions are made by: never backwards, never slower than the monotonic clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::core::time::{self, Instant};

/// Where a [`Clock`] reads the time from.
pub trait TimeSource: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z by the wall clock, which an administrator or NTP may set.
    fn wall_ms(&self) -> i64;
    /// Milliseconds since some fixed instant, by a clock that nobody can set.
    fn monotonic_ms(&self) -> i64;
}

/// Milliseconds UTC for every decision and every stored instant.
///
/// A wall clock that is set back extends no lifetime: time goes on from the latest instant ever seen, at the monotonic
/// clock's pace, until the wall clock has caught up.
pub struct Clock {
    source: Box<dyn TimeSource>,
    /// The largest difference seen between the wall (or a floor) and the monotonic clock.
    lead: AtomicI64,
}

impl Clock {
    /// The machine's own clocks.
    pub fn system() -> Self {
        Self::new(SystemTimeSource { started: std::time::Instant::now() })
    }

    /// A clock that reads `source`.
    pub fn new(source: impl TimeSource + 'static) -> Self {
        Self { source: Box::new(source), lead: AtomicI64::new(i64::MIN) }
    }

    fn advance(&self, lead: i64) -> i64 {
        self.lead.fetch_max(lead, Ordering::AcqRel).max(lead)
    }
}

impl time::Clock for Clock {
    fn now(&self) -> Instant {
        let monotonic = self.source.monotonic_ms();
        let lead = self.advance(self.source.wall_ms().saturating_sub(monotonic));
        Instant::from_millis(monotonic.saturating_add(lead))
    }

    fn elapsed(&self) -> i64 {
        self.source.monotonic_ms()
    }

    fn raise_floor(&self, seen: Instant) {
        self.advance(seen.millis().saturating_sub(self.source.monotonic_ms()));
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("now", &time::Clock::now(self)).finish()
    }
}

struct SystemTimeSource {
    started: std::time::Instant,
}

impl TimeSource for SystemTimeSource {
    fn wall_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            // Before 1970: the floor decides.
            Err(_) => 0,
        }
    }

    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock whose hands a test moves.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct ManualTime(std::sync::Arc<(AtomicI64, AtomicI64)>);

#[cfg(test)]
impl ManualTime {
    /// Shows `wall_ms`, with the monotonic clock at zero.
    pub fn at(wall_ms: i64) -> Self {
        let time = Self::default();
        time.set_wall(wall_ms);
        time
    }

    /// Sets the wall clock and leaves the monotonic one where it is.
    pub fn set_wall(&self, wall_ms: i64) {
        self.0.0.store(wall_ms, Ordering::SeqCst);
    }

    /// Lets `ms` pass on both.
    pub fn pass(&self, ms: i64) {
        self.0.0.fetch_add(ms, Ordering::SeqCst);
        self.0.1.fetch_add(ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
impl TimeSource for ManualTime {
    fn wall_ms(&self) -> i64 {
        self.0.0.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> i64 {
        self.0.1.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, ManualTime};
    use crate::core::time::{Clock as _, Instant};

    const fn at(ms: i64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn follows_the_wall_clock() {
        let time = ManualTime::at(1_000);
        let clock = Clock::new(time.clone());
        assert_eq!(clock.now(), at(1_000));
        time.pass(250);
        assert_eq!(clock.now(), at(1_250));
        time.set_wall(90_000);
        assert_eq!(clock.now(), at(90_000));
    }

    #[test]
    fn goes_on_at_the_monotonic_pace_when_set_back() {
        let time = ManualTime::at(50_000);
        let clock = Clock::new(time.clone());
        assert_eq!(clock.now(), at(50_000));
        time.set_wall(10_000);
        assert_eq!(clock.now(), at(50_000));
        time.pass(400);
        assert_eq!(clock.now(), at(50_400));
        time.set_wall(60_000);
        assert_eq!(clock.now(), at(60_000));
    }

    #[test]
    fn a_floor_holds_and_time_passes_above_it() {
        let time = ManualTime::at(1_000);
        let clock = Clock::new(time.clone());
        clock.raise_floor(at(5_000));
        clock.raise_floor(at(3_000));
        assert_eq!(clock.now(), at(5_000));
        time.pass(10);
        assert_eq!(clock.now(), at(5_010));
    }

    #[test]
    fn the_edges_of_time_do_not_overflow() {
        let time = ManualTime::at(i64::MIN);
        let clock = Clock::new(time.clone());
        time.pass(1);
        clock.raise_floor(at(i64::MAX));
        assert_eq!(clock.now(), at(i64::MAX));
    }
}
