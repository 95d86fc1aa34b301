//! Instants as jeton keeps and shows them.

use std::fmt;

use jiff::{Span, Timestamp, tz::TimeZone};

/// A day, in milliseconds.
pub const DAY: i64 = 24 * 60 * 60 * 1000;

/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The last millisecond that has a date in every time zone before the year 10000: RFC 3339 has no later year.
    pub const LAST: Self = Self(253_402_207_199_999);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as RFC 7519's NumericDate and RFC 7662 have it.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This much later; `None` beyond [`Instant::LAST`].
    pub fn checked_add(self, millis: i64) -> Option<Self> {
        self.0.checked_add(millis).map(Self).filter(|sum| *sum <= Self::LAST)
    }

    /// So many calendar months later in UTC, on the month's last day where it has no such day; `None` beyond
    /// [`Instant::LAST`].
    pub fn checked_add_months(self, months: i8) -> Option<Self> {
        let date = Timestamp::from_millisecond(self.0).ok()?.to_zoned(TimeZone::UTC);
        let later = date.checked_add(Span::new().months(months)).ok()?.timestamp();
        Some(Self(later.as_millisecond())).filter(|sum| *sum <= Self::LAST)
    }

    /// Reads RFC 3339, any offset, fractions beyond a millisecond cut off; years 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let timestamp: Timestamp = text.parse().ok()?;
        let instant = Self(timestamp.as_millisecond());
        (instant >= Self(0) && instant <= Self::LAST).then_some(instant)
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC with three decimals: `2026-11-22T03:34:13.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{timestamp:.3}")
    }
}

/// Where the time comes from; a test hands in one that it moves.
pub trait Clock: Send + Sync {
    /// The time now: never before a time it has given, nor before the floor.
    fn now(&self) -> Instant;

    /// Milliseconds since some fixed moment, by a clock that nobody can set.
    fn elapsed(&self) -> i64;

    /// Tells of a time that was seen, by an earlier process say: `now` is never before it again.
    fn raise_floor(&self, seen: Instant);
}

#[cfg(test)]
mod tests {
    use super::Instant;

    #[test]
    fn an_instant_is_shown_with_milliseconds_in_utc() {
        assert_eq!(Instant::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Instant::LAST.to_string(), "9999-12-30T21:59:59.999Z");
        assert_eq!(Instant::from_millis(1_700_000_000_007).to_string(), "2023-11-14T22:13:20.007Z");
    }

    #[test]
    fn an_instant_is_read_with_any_offset() {
        assert_eq!(Instant::parse("1970-01-01T01:00:00+01:00"), Some(Instant::from_millis(0)));
        assert_eq!(
            Instant::parse("2023-11-14T22:13:20.0079Z"),
            Some(Instant::from_millis(1_700_000_000_007))
        );
        for text in
            ["", "2023-11-14", "2023-11-14T22:13:20", "10000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "now"]
        {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn months_are_the_calendars_and_end_with_it() {
        let at = |text| Instant::parse(text).expect("an instant");
        for (from, months, to) in [
            ("2024-01-31T10:00:00.007Z", 1, "2024-02-29T10:00:00.007Z"),
            ("2023-01-31T10:00:00Z", 1, "2023-02-28T10:00:00Z"),
            ("2023-08-31T00:00:00Z", 6, "2024-02-29T00:00:00Z"),
            ("2024-02-29T23:59:59.999Z", 12, "2025-02-28T23:59:59.999Z"),
            ("2023-03-01T00:00:00Z", 12, "2024-03-01T00:00:00Z"),
        ] {
            assert_eq!(at(from).checked_add_months(months), Some(at(to)), "{from} and {months} months");
        }
        assert_eq!(Instant::LAST.checked_add_months(1), None);
    }

    #[test]
    fn adding_stops_at_year_9999() {
        assert_eq!(Instant::LAST.checked_add(1), None);
        assert_eq!(Instant::from_millis(1).checked_add(i64::MAX), None);
        assert_eq!(Instant::from_millis(1).checked_add(2), Some(Instant::from_millis(3)));
    }
}
