//! How often in a period: so many uses from the first one on, and no more until the period is over.

use std::fmt;

use crate::core::refusal::Refusal;

/// Units of a period, in seconds.
const UNITS: [(&str, u32); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("day", 86_400)];

/// The most uses in a period.
const MOST: u32 = 1_000_000_000;

/// So many uses in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    uses: u32,
    /// In seconds, one of [`UNITS`].
    period: u32,
}

impl Rate {
    /// Reads `10/s`, `100/min`, `1000/h` or `10000/day`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let (uses, unit) = text.split_once('/')?;
            let plain = !uses.starts_with('0') && uses.bytes().all(|byte| byte.is_ascii_digit());
            let uses = uses.parse().ok().filter(|uses| plain && (1..=MOST).contains(uses))?;
            let (_, period) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            Some(Self { uses, period })
        };
        read().ok_or_else(|| {
            let problem = format!("a number from 1 to {MOST} and a unit: 10/s, 100/min, 1000/h, 10000/day");
            Refusal::invalid("limits.rate", problem)
        })
    }

    /// Whether it is no more in the same period: what two tokens count together, they count in one.
    pub(super) const fn is_within(self, held: Self) -> bool {
        self.period == held.period && self.uses <= held.uses
    }

    const fn period_ms(self) -> i64 {
        self.period as i64 * 1_000
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, period)| *period == self.period).map_or("s", |(name, _)| name);
        write!(f, "{}/{unit}", self.uses)
    }
}

/// Uses since a period began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// When it began, in milliseconds of whatever clock it is asked with.
    pub began: i64,
    /// How often since.
    pub used: u32,
}

impl Window {
    /// Whether its period is over, or it has none.
    pub const fn is_over(self, rate: Rate, now: i64) -> bool {
        self.used == 0 || now - self.began >= rate.period_ms()
    }

    /// The window after one use more at `now`, by the clock of `began`.
    pub fn after_use(self, rate: Rate, now: i64) -> Result<Self, Refusal> {
        if self.is_over(rate, now) {
            return Ok(Self { began: now, used: 1 });
        }
        if self.used < rate.uses {
            return Ok(Self { used: self.used + 1, ..self });
        }
        let left = self.began + rate.period_ms() - now;
        // Rounded up, so that whoever waits as long isn't too early.
        let seconds = left.div_euclid(1_000) + i64::from(left.rem_euclid(1_000) > 0);
        let retry_after = u32::try_from(seconds.max(1)).unwrap_or(rate.period);
        Err(Refusal::RateExceeded { limit: rate.uses, period: rate.period, retry_after })
    }
}
