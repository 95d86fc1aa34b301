//! How long a token lives: what was asked for, held against the policy; checked arithmetic, no sentinel.

use std::borrow::Cow;

use super::{
    organization::Policy,
    refusal::Refusal,
    time::{DAY, Instant},
};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// So many milliseconds from now, more than none.
    For(i64),
    /// Until an instant.
    Until(Instant),
    /// For good.
    Never,
    /// Whatever the policy's default is.
    Default,
    /// So many calendar months from now, clamped to the last month's last day.
    Months(i8),
    /// So many milliseconds from now, or as long as is allowed where that is shorter.
    AtMost(i64),
    /// For good where the policy allows it, else whatever its default is: what a request means that can't or doesn't
    /// say.
    NeverOrDefault,
}

impl Lifetime {
    /// Reads `30d`, `12h`, `90m`, `3600s`, `52w`, `never` or an RFC 3339 instant.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Refusal> {
        if text == "never" {
            return Ok(Self::Never);
        }
        if let Some((count, unit)) = duration(text) {
            let millis = count.parse::<i64>().ok().and_then(|count| count.checked_mul(unit));
            return millis.filter(|millis| *millis > 0).map(Self::For).ok_or_else(|| {
                Refusal::invalid(field, "must be more than none and end before the year 10000")
            });
        }
        Instant::parse(text).map(Self::Until).ok_or_else(|| {
            Refusal::invalid(
                field,
                "a number and a unit (30d, 12h, 90m, 3600s, 52w), never, or an RFC 3339 instant",
            )
        })
    }

    /// Whether it leaves open when exactly it ends.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Default | Self::NeverOrDefault | Self::AtMost(_))
    }

    /// The expiry under a policy: the first instant at which the token is dead; `None` for never.
    ///
    /// What isn't clearly inside the policy is refused with the limit named.
    pub fn resolve(
        self,
        field: &'static str,
        policy: &Policy,
        now: Instant,
    ) -> Result<Option<Instant>, Refusal> {
        let longest = || format!("the longest life allowed here is {}", show(policy.max_lifetime));
        let beyond = || Refusal::invalid(field, longest());
        let expires_at = match self {
            Self::Never | Self::NeverOrDefault if policy.allow_never => return Ok(None),
            Self::Never => {
                return Err(Refusal::invalid(field, format!("never isn't allowed here: {}", longest())));
            }
            Self::Default | Self::NeverOrDefault => {
                now.checked_add(policy.default_lifetime.min(policy.max_lifetime))
            }
            Self::AtMost(millis) => now.checked_add(millis.min(policy.max_lifetime)),
            Self::Months(months) => now.checked_add_months(months),
            Self::For(millis) => now.checked_add(millis),
            Self::Until(instant) if instant <= now => {
                return Err(Refusal::invalid(field, "this instant is past"));
            }
            Self::Until(instant) => Some(instant),
        };
        let expires_at = expires_at.ok_or_else(beyond)?;
        if expires_at.millis() - now.millis() > policy.max_lifetime {
            return Err(beyond());
        }
        Ok(Some(expires_at))
    }
}

/// The longest life that a policy may allow, in milliseconds: a hundred years.
const LONGEST: i64 = 36_525 * DAY;

/// Reads a policy's duration, `30d` and the like: a second at least, a hundred years at most; in milliseconds.
pub fn policy_duration(field: impl Into<Cow<'static, str>>, text: &str) -> Result<i64, Refusal> {
    let millis = duration(text).and_then(|(count, unit)| count.parse::<i64>().ok()?.checked_mul(unit));
    millis.filter(|millis| (1000..=LONGEST).contains(millis)).ok_or_else(|| {
        Refusal::invalid(field, "a number and a unit (30d, 12h, 90m, 3600s, 52w), from 1s to 36525d")
    })
}

/// Reads a duration, `5m` and the like, within these limits; all in milliseconds.
pub fn duration_between(field: &'static str, text: &str, least: i64, most: i64) -> Result<i64, Refusal> {
    let millis = duration(text).and_then(|(count, unit)| count.parse::<i64>().ok()?.checked_mul(unit));
    millis.filter(|millis| (least..=most).contains(millis)).ok_or_else(|| {
        let (least, most) = (show(least), show(most));
        Refusal::invalid(field, format!("a number and a unit (24h, 90m, 3600s, 7d), from {least} to {most}"))
    })
}

/// The digits of `30d` and the like, and the unit's milliseconds; `None` where it has no such form.
fn duration(text: &str) -> Option<(&str, i64)> {
    let unit = match text.as_bytes().last()? {
        b's' => 1000,
        b'm' => 60 * 1000,
        b'h' => 60 * 60 * 1000,
        b'd' => DAY,
        b'w' => 7 * DAY,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some((digits, unit))
}

/// A duration in the largest unit that it is a whole number of.
pub fn show(millis: i64) -> String {
    let units = [(DAY, "d"), (60 * 60 * 1000, "h"), (60 * 1000, "m"), (1000, "s")];
    let unit = units.iter().find(|(unit, _)| millis % unit == 0);
    unit.map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}

#[cfg(test)]
mod tests {
    use super::{DAY, Instant, LONGEST, Lifetime, Policy, Refusal, policy_duration, show};

    const NOW: Instant = Instant::from_millis(1_700_000_000_000);

    fn resolve(text: &str, policy: &Policy) -> Result<Option<Instant>, Refusal> {
        Lifetime::parse("lifetime", text)?.resolve("lifetime", policy, NOW)
    }

    #[test]
    fn every_form_gives_its_expiry() {
        let policy = Policy { allow_never: true, ..Policy::default() };
        for (text, millis) in [
            ("30d", 30 * DAY),
            ("12h", DAY / 2),
            ("90m", 5_400_000),
            ("3600s", 3_600_000),
            ("52w", 364 * DAY),
        ] {
            assert_eq!(resolve(text, &policy), Ok(NOW.checked_add(millis)), "{text}");
        }
        assert_eq!(resolve("never", &policy), Ok(None));
        assert_eq!(resolve("2023-11-14T22:13:21Z", &policy), Ok(NOW.checked_add(1000)));
        assert_eq!(Lifetime::Default.resolve("lifetime", &policy, NOW), Ok(NOW.checked_add(30 * DAY)));
    }

    #[test]
    fn what_is_not_said_is_never_where_that_is_allowed() {
        let (strict, lax) = (Policy::default(), Policy { allow_never: true, ..Policy::default() });
        let resolve = |policy| Lifetime::NeverOrDefault.resolve("expiresAt", policy, NOW);
        assert_eq!(resolve(&lax), Ok(None));
        assert_eq!(resolve(&strict), Ok(NOW.checked_add(30 * DAY)));
    }

    /// From March 2023 to March 2024 are 366 days.
    #[test]
    fn a_year_of_months_fits_the_default_policy_in_a_leap_year_too() {
        let march = Instant::parse("2023-03-01T00:00:00Z").expect("an instant");
        let expiry = Lifetime::Months(12).resolve("lifetime", &Policy::default(), march);
        assert_eq!(expiry, Ok(Instant::parse("2024-03-01T00:00:00Z")));
        let short = Policy { max_lifetime: 365 * DAY, ..Policy::default() };
        assert!(Lifetime::Months(12).resolve("lifetime", &short, march).is_err());
    }

    #[test]
    fn what_is_not_clearly_inside_the_policy_is_refused() {
        let policy = Policy::default();
        for text in [
            "",
            "0",
            "-1",
            "0d",
            "-0d",
            "-1d",
            "1",
            "1e9d",
            "367d",
            "never",
            "Never",
            "NaN",
            "d",
            "1 d",
            "1.5d",
            "2147483648d",
            "9007199254740993s",
            "9223372036854775807s",
            "9223372036854775808s",
            "18446744073709551616d",
            "999999999991d",
            "9999-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "2023-11-14T22:13:20Z",
            "1970-01-01T00:00:00Z",
            "+1d",
            "١d",
        ] {
            assert!(resolve(text, &policy).is_err(), "{text}");
        }
        assert!(resolve("366d", &policy).is_ok());
        let refusal = Lifetime::For(367 * DAY).resolve("lifetime", &policy, NOW).expect_err("too long");
        assert_eq!(refusal.to_string(), "lifetime: the longest life allowed here is 366d");
    }

    #[test]
    fn even_the_widest_policy_ends_with_the_calendar() {
        let policy = Policy { max_lifetime: i64::MAX, ..Policy::default() };
        assert!(resolve("9999999d", &policy).is_err());
        assert!(resolve("9999-12-30T21:59:59.999Z", &policy).is_ok());
    }

    #[test]
    fn a_default_longer_than_the_longest_is_cut_to_it() {
        let policy = Policy { max_lifetime: DAY, ..Policy::default() };
        assert_eq!(Lifetime::Default.resolve("lifetime", &policy, NOW), Ok(NOW.checked_add(DAY)));
    }

    #[test]
    fn a_policys_durations_are_bounded() {
        for (text, millis) in [("1s", 1000), ("36525d", LONGEST), ("52w", 364 * DAY), ("90m", 5_400_000)] {
            assert_eq!(policy_duration("max_lifetime", text), Ok(millis), "{text}");
            assert_eq!(policy_duration("max_lifetime", &show(millis)), Ok(millis), "{text}");
        }
        for text in [
            "",
            "0s",
            "never",
            "-1d",
            "36526d",
            "9223372036854775807d",
            "2030-01-01T00:00:00Z",
            "1",
            "1ms",
            "30D",
            " 1d",
        ] {
            let refusal = policy_duration("max_lifetime", text).expect_err(text);
            assert!(refusal.to_string().starts_with("max_lifetime: "), "{text}");
        }
    }
}
