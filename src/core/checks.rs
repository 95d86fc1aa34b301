//! Checks by the hour: how a judged token is counted, and the hours that are shown of it.

use super::{
    life::Death,
    refusal::Refusal,
    time::{DAY, Instant},
};

/// An hour, in milliseconds.
const HOUR: i64 = DAY / 24;

/// How many hours are kept and shown at the most, the running one among them: 30 days.
pub const KEPT_HOURS: u16 = 720;

/// What came of a check. Closed: what is counted is a fixed handful of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was let through.
    Admitted,
    /// The token is no more good, or not yet: expired, disabled, deleted, superseded; its owner or organization is off.
    Dead,
    /// It lacks what was demanded, or isn't meant for it.
    Forbidden,
    /// One of its own limits: network, route, uses, rate.
    Limited,
    /// It is no token of ours. Whose it would have been nobody knows: it is counted for the instance alone.
    Unknown,
}

impl Outcome {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Admitted, Self::Dead, Self::Forbidden, Self::Limited, Self::Unknown];

    /// As what a refused check is counted; `None` where it isn't a token that was judged.
    pub const fn of(refusal: &Refusal) -> Option<Self> {
        Some(match refusal {
            Refusal::CredentialInvalid => Self::Unknown,
            Refusal::TokenDead(dead) => match dead.death {
                Death::UsedUp => Self::Limited,
                Death::NotYetValid
                | Death::Expired
                | Death::Superseded
                | Death::Undone
                | Death::Disabled
                | Death::Deleted
                | Death::Idle
                | Death::Leaked
                | Death::ParentDead
                | Death::OwnerDisabled
                | Death::OwnerGone
                | Death::OrganizationDisabled
                | Death::ApiAccessOff => Self::Dead,
            },
            Refusal::TokenRestricted
            | Refusal::PrivilegeMissing { .. }
            | Refusal::OrganizationForeign
            | Refusal::ModuleMissing { .. }
            | Refusal::UserRequired
            | Refusal::OperatorRequired
            | Refusal::AdministratorRequired => Self::Forbidden,
            Refusal::NetworkDenied(_)
            | Refusal::RouteDenied
            | Refusal::RouteUnclear { .. }
            | Refusal::RateExceeded { .. } => Self::Limited,
            Refusal::CredentialMissing
            | Refusal::CredentialAmbiguous
            | Refusal::BasicRequired
            | Refusal::TokenRequired
            | Refusal::SessionEnded
            | Refusal::OriginUnproven
            | Refusal::SignInAgain
            | Refusal::Throttled { .. }
            | Refusal::OwnerForeign
            | Refusal::IssuingForbidden { .. }
            | Refusal::ApiAccessOff { .. }
            | Refusal::PrivilegeNotHeld { .. }
            | Refusal::WiderThanMinter { .. }
            | Refusal::Malformed { .. }
            | Refusal::Invalid { .. }
            | Refusal::NotFound { .. }
            | Refusal::TokenDeleted
            | Refusal::StatusUnfit { .. }
            | Refusal::RotationUnderway { .. }
            | Refusal::IdempotencyMismatch
            | Refusal::IdempotencyForeign
            | Refusal::IdempotencySpent { .. }
            | Refusal::PlanShifted { .. }
            | Refusal::VersionMissing
            | Refusal::VersionStale { .. }
            | Refusal::Taken { .. }
            | Refusal::LastOperator
            | Refusal::OrganizationOwned { .. }
            | Refusal::FilterTooBroad { .. }
            | Refusal::QuotaFull { .. }
            | Refusal::NumbersExhausted { .. }
            | Refusal::BodyTooLarge { .. }
            | Refusal::RouteUnknown
            | Refusal::MethodNotAllowed { .. } => return None,
        })
    }
}

/// Which API a check was made for: jeton's own ones, then the dialects in the order of their list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(usize);

impl Endpoint {
    /// A proxy asked about somebody's request.
    pub const GATE: Self = Self(0);
    /// A service asked about a token.
    pub const INTROSPECTION: Self = Self(1);
    /// Somebody called jeton's own API.
    pub const NATIVE: Self = Self(2);
    /// How many can be told apart; dialects beyond that are counted as the last.
    pub const MOST: usize = 16;

    /// The dialect at a place of their list.
    pub const fn dialect(at: usize) -> Self {
        let place = at.saturating_add(3);
        Self(if place < Self::MOST { place } else { Self::MOST - 1 })
    }

    /// Where it is counted, less than [`Endpoint::MOST`].
    pub const fn place(self) -> usize {
        self.0
    }
}

impl Outcome {
    /// Its word in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Dead => "dead",
            Self::Forbidden => "forbidden",
            Self::Limited => "limited",
            Self::Unknown => "unknown",
        }
    }
}

/// Checks, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([u64; Outcome::ALL.len()]);

impl Tally {
    /// Counts one more.
    pub const fn count(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }

    /// So many of an outcome in all.
    #[must_use]
    pub const fn with(mut self, outcome: Outcome, count: u64) -> Self {
        self.0[outcome as usize] = count;
        self
    }

    /// Adds others to these.
    pub fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(sum, more)| *sum += more);
    }

    /// How many had an outcome.
    pub const fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }
}

/// An hour of the clock in UTC, by how many there were since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The one that an instant lies in.
    pub const fn of(at: Instant) -> Self {
        Self(at.millis().div_euclid(HOUR))
    }

    /// When it begins.
    pub const fn begins_at(self) -> Instant {
        Instant::from_millis(self.0 * HOUR)
    }

    /// The first of so many hours of which this is the last.
    #[must_use]
    pub const fn first_of(self, hours: u16) -> Self {
        Self(self.0 - hours as i64 + 1)
    }
}

/// The checks of each hour of a while, up to the running one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    first: Hour,
    hours: Vec<Tally>,
}

impl History {
    /// So many hours, the one that `now` lies in the last; without any checks yet.
    pub fn until(now: Instant, hours: u16) -> Self {
        Self { first: Hour::of(now).first_of(hours), hours: vec![Tally::default(); usize::from(hours)] }
    }

    /// Adds what was counted in an hour. What lies outside is passed over: before, or after it by a clock that was wrong.
    pub fn add(&mut self, hour: Hour, tally: &Tally) {
        let place = usize::try_from(hour.0.saturating_sub(self.first.0));
        if let Some(there) = place.ok().and_then(|place| self.hours.get_mut(place)) {
            there.add(tally);
        }
    }

    /// The first of the hours.
    pub const fn first(&self) -> Hour {
        self.first
    }

    /// How many had an outcome in each hour, the oldest first.
    pub fn of(&self, outcome: Outcome) -> Vec<u64> {
        self.hours.iter().map(|tally| tally.of(outcome)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{History, Hour, Outcome, Tally};
    use crate::core::{
        id::TokenId,
        life::Death,
        privilege::Privilege,
        refusal::Refusal,
        time::{DAY, Instant},
        token::{Obituary, Whose},
    };

    fn whose() -> Whose {
        Whose { token: TokenId::from_bytes([1; 16]), owner: "ada".into(), organization: "default".into() }
    }

    #[test]
    fn a_refusal_is_counted_as_what_it_is_for_the_holder() {
        let dead = |death| Refusal::TokenDead(Box::new(Obituary { death, since: None, whose: whose() }));
        for (refusal, outcome) in [
            (Refusal::CredentialInvalid, Some(Outcome::Unknown)),
            (dead(Death::Expired), Some(Outcome::Dead)),
            (dead(Death::NotYetValid), Some(Outcome::Dead)),
            (dead(Death::ApiAccessOff), Some(Outcome::Dead)),
            (dead(Death::UsedUp), Some(Outcome::Limited)),
            (Refusal::TokenRestricted, Some(Outcome::Forbidden)),
            (Refusal::PrivilegeMissing { needed: Privilege::admin() }, Some(Outcome::Forbidden)),
            (Refusal::OrganizationForeign, Some(Outcome::Forbidden)),
            (Refusal::OperatorRequired, Some(Outcome::Forbidden)),
            (Refusal::NetworkDenied(Box::new(whose())), Some(Outcome::Limited)),
            (Refusal::RouteDenied, Some(Outcome::Limited)),
            (Refusal::RateExceeded { limit: 1, period: 1, retry_after: 1 }, Some(Outcome::Limited)),
            (Refusal::CredentialMissing, None),
            (Refusal::TokenRequired, None),
            (Refusal::NotFound { what: "token" }, None),
        ] {
            assert_eq!(Outcome::of(&refusal), outcome, "{refusal:?}");
        }
    }

    #[test]
    fn outcomes_are_counted_apart() {
        let mut tally = Tally::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| tally.count(outcome));
        }
        tally.add(&Tally::default().with(Outcome::Dead, 10));
        assert_eq!(Outcome::ALL.map(|outcome| tally.of(outcome)), [0, 11, 2, 3, 4]);
    }

    #[test]
    fn an_hour_lasts_from_its_first_millisecond_to_its_last() {
        let at = |text| Instant::parse(text).unwrap();
        let hour = Hour::of(at("2026-11-22T19:00:00Z"));
        assert_eq!(hour, Hour::of(at("2026-11-22T19:59:59.999Z")));
        assert_eq!(Hour(hour.0 + 1), Hour::of(at("2026-11-22T20:00:00Z")));
        assert_eq!(hour.begins_at(), at("2026-11-22T19:00:00Z"));
        assert_eq!(Hour::of(Instant::from_millis(-1)), Hour(-1));
    }

    #[test]
    fn a_history_ends_with_the_running_hour_and_begins_as_many_before() {
        let now = Instant::from_millis(1_800_000_000_000);
        let running = Hour::of(now);
        let mut history = History::until(now, 48);
        let one = Tally::default().with(Outcome::Admitted, 1);
        for ahead in [-1_000_000, -48, -47, -1, -1, 0, 1, i64::MAX - running.0] {
            history.add(Hour(running.0 + ahead), &one);
        }
        history.add(Hour(i64::MIN), &one);
        let admitted = history.of(Outcome::Admitted);
        assert_eq!((admitted.len(), admitted[0], admitted[46], admitted[47]), (48, 1, 2, 1));
        assert_eq!(admitted.iter().sum::<u64>(), 4);
        assert_eq!(history.first(), Hour(running.0 - 47));
        assert_eq!(Hour::of(Instant::from_millis(now.millis() - 2 * DAY)), Hour(running.0 - 48));
    }
}
