//! The time that running processes have lived through, and what the clock has jumped over.
//!
//! A clock that jumps makes everything old at once, so nothing is done for its age by the clock alone. Beside it a running
//! process counts the time that it lives through: by the clock that nobody can set, in small steps. The count is written
//! down and the next process goes on from it: a clock set while nothing runs doesn't move it, and a restart loses a minute
//! of it at the most. A jump while a process runs shows, because the two clocks part; what was jumped over is remembered
//! as a gap, which makes nothing older.

use super::time::{DAY, Instant};

const MINUTE: i64 = 60 * 1000;

/// How far the clocks may part before it is taken for a jump, in milliseconds.
const JUMP: i64 = 5 * MINUTE;

/// What one look can add to the time lived through, in milliseconds: a process that was stopped hasn't lived.
const LONGEST_STEP: i64 = 5 * MINUTE;

/// How long nothing is done after a jump, in milliseconds that are lived through.
const HELD: i64 = DAY;

/// A clock may run faster than the other by one part in so many: far more than a machine's clocks do.
const SLACK: i64 = 100;

/// How many gaps are remembered; before that the two oldest become one.
const MOST_GAPS: usize = 100;

/// A stretch of time that the clock jumped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What it would have shown.
    pub from: Instant,
    /// What it showed.
    pub to: Instant,
}

/// What is known of the time that has passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lived {
    /// How much of it processes have lived through, in milliseconds.
    pub millis: i64,
    /// Up to when nothing is done, as `millis` counts.
    pub held_until: i64,
    /// What the clock jumped over, oldest first.
    pub gaps: Vec<Gap>,
}

impl Lived {
    /// Whether the clock has jumped not long ago.
    pub const fn is_held(&self) -> bool {
        self.millis < self.held_until
    }

    /// Does nothing for a day from now on.
    pub const fn hold(&mut self) {
        self.held_until = self.millis.saturating_add(HELD);
    }

    /// When something that began at `since` has lasted so many milliseconds, gaps left out.
    pub fn after(&self, since: Instant, millis: i64) -> Instant {
        let since = since.millis();
        let mut end = since.saturating_add(millis);
        for gap in &self.gaps {
            let (from, to) = (gap.from.millis().max(since), gap.to.millis());
            if from < end && from < to {
                end = end.saturating_add(to - from);
            }
        }
        Instant::from_millis(end)
    }

    fn jumped_over(&mut self, gap: Gap) {
        self.gaps.push(gap);
        if self.gaps.len() > MOST_GAPS {
            // What lies between the two makes nothing older either: all is done rather later than too early.
            self.gaps[1].from = self.gaps[0].from;
            self.gaps.remove(0);
        }
    }

    /// The gaps as they are stored: `from-to` each, in milliseconds.
    pub fn gaps_to_text(&self) -> String {
        let texts = self.gaps.iter().map(|gap| format!("{}-{}", gap.from.millis(), gap.to.millis()));
        texts.collect::<Vec<_>>().join(" ")
    }

    /// Reads them.
    pub fn gaps_from_text(text: &str) -> Option<Vec<Gap>> {
        let millis = |text: &str| text.parse().ok().map(Instant::from_millis);
        let gap = |text: &str| {
            let (from, to) = text.split_once('-')?;
            Some(Gap { from: millis(from)?, to: millis(to)? })
        };
        text.split_ascii_whitespace().map(gap).collect()
    }
}

/// Looks at both clocks of one process, again and again.
#[derive(Debug, Default)]
pub struct Watch {
    last: Option<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    elapsed: i64,
    /// By how much the clock is ahead of the one that nobody can set, jumps and great haste apart.
    lead: i64,
}

impl Watch {
    /// Counts what was lived through since the last look; says whether the clock has jumped since.
    ///
    /// `now` is what decisions are made by, `elapsed` the clock that nobody can set, both in milliseconds. The first look
    /// of a process has nothing to hold them against.
    pub fn look(&mut self, lived: &mut Lived, now: Instant, elapsed: i64) -> bool {
        let lead = now.millis().saturating_sub(elapsed);
        let Some(last) = self.last else {
            self.last = Some(Seen { elapsed, lead });
            return false;
        };
        let step = elapsed.saturating_sub(last.elapsed).max(0);
        lived.millis = lived.millis.saturating_add(step.min(LONGEST_STEP));
        let jumped = lead.saturating_sub(last.lead) > JUMP;
        if jumped {
            let from = Instant::from_millis(elapsed.saturating_add(last.lead));
            lived.jumped_over(Gap { from, to: now });
            lived.hold();
        }
        // Small jumps add up to a great one, unless they are no more than what a clock may run fast.
        let lead = if jumped { lead } else { lead.min(last.lead.saturating_add(step / SLACK)) };
        self.last = Some(Seen { elapsed, lead });
        jumped
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Gap, HELD, Instant, LONGEST_STEP, Lived, MINUTE, MOST_GAPS, Watch};

    const fn at(millis: i64) -> Instant {
        Instant::from_millis(millis)
    }

    /// Both clocks, as they are looked at once a minute.
    struct Clocks {
        watch: Watch,
        lived: Lived,
        wall: i64,
        elapsed: i64,
    }

    impl Clocks {
        fn start(wall: i64, lived: Lived) -> Self {
            let mut clocks = Self { watch: Watch::default(), lived, wall, elapsed: 7 };
            assert!(!clocks.look(0, 0));
            clocks
        }

        /// Lets time pass and sets the wall clock forward by so much.
        fn look(&mut self, pass: i64, forward: i64) -> bool {
            self.wall += pass + forward;
            self.elapsed += pass;
            self.watch.look(&mut self.lived, at(self.wall), self.elapsed)
        }
    }

    #[test]
    fn what_is_lived_through_is_counted_in_small_steps() {
        let mut clocks = Clocks::start(1_000_000, Lived { millis: 500, ..Lived::default() });
        for _ in 0..10 {
            assert!(!clocks.look(MINUTE, 0));
        }
        assert_eq!(clocks.lived, Lived { millis: 500 + 10 * MINUTE, ..Lived::default() });
        assert!(!clocks.look(30 * DAY, 0), "a process that was stopped sees no jump");
        assert_eq!(clocks.lived.millis, 500 + 10 * MINUTE + LONGEST_STEP, "and hasn't lived");
    }

    #[test]
    fn a_jump_is_seen_and_holds_everything_up_for_a_day_of_life() {
        let mut clocks = Clocks::start(0, Lived::default());
        assert!(!clocks.look(MINUTE, 5 * MINUTE), "five minutes are none");
        let mut clocks = Clocks::start(0, Lived::default());
        assert!(clocks.look(MINUTE, 5 * MINUTE + 1));
        assert_eq!(clocks.lived.gaps, [Gap { from: at(MINUTE), to: at(6 * MINUTE + 1) }]);
        let from = clocks.lived.millis;
        while clocks.lived.is_held() {
            assert!(!clocks.look(MINUTE, 0));
        }
        assert_eq!(clocks.lived.millis - from, HELD);
        // A restart neither ends it nor begins it anew.
        assert!(clocks.look(MINUTE, 365 * DAY));
        clocks.look(MINUTE, 0);
        let (left, lived) = (clocks.lived.held_until - clocks.lived.millis, clocks.lived);
        let clocks = Clocks::start(clocks.wall + 3 * DAY, lived);
        assert_eq!(clocks.lived.held_until - clocks.lived.millis, left);
    }

    #[test]
    fn small_jumps_add_up_and_a_fast_clock_is_none() {
        let mut clocks = Clocks::start(0, Lived::default());
        for _ in 0..10_000 {
            assert!(!clocks.look(MINUTE, MINUTE / 200));
        }
        assert!(!clocks.look(MINUTE, 3 * MINUTE));
        assert!(clocks.look(MINUTE, 3 * MINUTE));
        let gap = clocks.lived.gaps[0];
        assert!(gap.to.millis() - gap.from.millis() > 5 * MINUTE);
    }

    #[test]
    fn a_gap_makes_nothing_older() {
        let gaps = vec![Gap { from: at(100), to: at(200) }, Gap { from: at(250), to: at(1_000) }];
        let lived = Lived { gaps, ..Lived::default() };
        for (since, millis, end) in [
            (0, 100, 100),
            (0, 101, 201),
            (150, 10, 210),
            (200, 50, 250),
            (200, 51, 1_001),
            (0, 150, 250),
            (0, 151, 1_001),
            (1_000, 5, 1_005),
            (2_000, i64::MAX, i64::MAX),
        ] {
            assert_eq!(lived.after(at(since), millis), at(end), "{since} and {millis}");
        }
    }

    #[test]
    fn gaps_are_bounded_and_read_back() {
        let mut clocks = Clocks::start(0, Lived::default());
        for _ in 0..MOST_GAPS + 5 {
            assert!(clocks.look(MINUTE, DAY));
        }
        let lived = &clocks.lived;
        assert_eq!(lived.gaps.len(), MOST_GAPS);
        assert_eq!(lived.gaps[0].from, at(MINUTE), "the oldest are one");
        assert!(lived.gaps.windows(2).all(|two| two[0].to < two[1].from));
        assert_eq!(Lived::gaps_from_text(&lived.gaps_to_text()).as_ref(), Some(&lived.gaps));
        assert_eq!(Lived::gaps_from_text(""), Some(Vec::new()));
        assert_eq!(Lived::gaps_from_text("1-2 3"), None);
    }
}
