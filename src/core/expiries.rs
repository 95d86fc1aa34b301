//! The calendar of what expires: how many on each day.

use super::time::{DAY, Instant};

/// The most days that are told apart: a year, and the day before it is over.
pub const MOST_DAYS: u16 = 366;

/// How many expire on each day in UTC, from today on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiries {
    today: i64,
    /// On each day, today first.
    pub days: Vec<u64>,
    /// After the last of these.
    pub later: u64,
    /// Not at all.
    pub never: u64,
}

impl Expiries {
    /// None yet, on so many days from that of `now` on.
    pub fn from(now: Instant, days: u16) -> Self {
        let today = now.millis().div_euclid(DAY);
        Self { today, days: vec![0; usize::from(days)], later: 0, never: 0 }
    }

    /// Counts one that expires then; one that did before today isn't there any more.
    pub fn add(&mut self, expires_at: Option<Instant>) {
        let Some(expires_at) = expires_at else {
            self.never += 1;
            return;
        };
        let Ok(day) = usize::try_from(expires_at.millis().div_euclid(DAY) - self.today) else { return };
        *self.days.get_mut(day).unwrap_or(&mut self.later) += 1;
    }

    /// The first of the days, as ISO 8601 has it.
    pub fn since(&self) -> String {
        let begins = Instant::from_millis(self.today * DAY).to_string();
        begins.split('T').next().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Expiries;
    use crate::core::time::Instant;

    #[test]
    fn a_day_is_one_of_utc() {
        let at = |text| Instant::parse(text);
        let mut expiries = Expiries::from(at("2026-11-22T19:17:27Z").unwrap(), 3);
        for expires_at in [
            at("2026-11-21T23:59:59.999Z"),
            at("2026-11-22T23:59:59.999Z"),
            at("2026-11-23T00:00:00Z"),
            at("2026-11-24T23:59:59Z"),
            at("2026-11-24T12:00:00Z"),
            at("2026-11-25T00:00:00Z"),
            Some(Instant::LAST),
            None,
        ] {
            expiries.add(expires_at);
        }
        assert_eq!((expiries.days.as_slice(), expiries.later, expiries.never), (&[1, 1, 2][..], 2, 1));
        assert_eq!(expiries.since(), "2026-11-22");
    }
}
