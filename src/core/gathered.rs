//! What is gathered of one token until it stands in the tables: in memory, and in the spill that memory runs over into.
//!
//! Most tokens are used from one place and for one thing between two writes, so the first of each stands in the value
//! itself and only what comes on top is allocated.

use std::{net::IpAddr, sync::Arc};

use super::{
    checks::{Hour, Outcome, Tally},
    id::{OrganizationId, UserId},
    time::Instant,
    uses::{LastUse, SOURCES},
};

/// How many demands are kept apart. The table has its own bound; what is left out here is noted as asked openly as
/// well.
const DEMANDS: usize = 256;

/// When and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The first time.
    pub first_at: Instant,
    /// The last time.
    pub last_at: Instant,
    /// How often.
    pub count: u64,
}

impl Times {
    /// Once.
    pub const fn once(at: Instant) -> Self {
        Self { first_at: at, last_at: at, count: 1 }
    }

    /// Adds others to these.
    pub fn add(&mut self, other: &Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.count = self.count.saturating_add(other.count);
    }
}

/// Uses from one address by one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The address; `None` over a Unix socket.
    pub address: Option<IpAddr>,
    /// The `User-Agent`.
    pub agent: Option<Arc<str>>,
    /// When and how often.
    pub times: Times,
}

/// A privilege, and when it was last demanded.
pub type Demanded = (Arc<str>, Instant);

/// What comes on top of the first of each.
#[derive(Clone, Debug, Default)]
struct Rest {
    seen: Vec<Seen>,
    others: Option<Times>,
    demands: Vec<Demanded>,
    checks: Vec<(Hour, Tally)>,
}

/// Uses of a token, by source; what was demanded of it; and what came of its checks.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Its owner and its organization, where they are known.
    pub whose: Option<(UserId, OrganizationId)>,
    /// The one that was used last.
    seen: Option<Seen>,
    demand: Option<Demanded>,
    openly: Option<Instant>,
    checks: Option<(Hour, Tally)>,
    rest: Option<Box<Rest>>,
}

impl Gathered {
    /// Uses of which nothing is known but when and how often, and whether anything was demanded.
    pub fn bare(times: Times, demanded: bool) -> Self {
        let rest = Rest { others: Some(times), ..Rest::default() };
        Self { openly: demanded.then_some(times.last_at), rest: Some(rest.into()), ..Self::default() }
    }

    /// How many things are kept of it.
    pub fn len(&self) -> usize {
        1 + self.rest.as_ref().map_or(0, |rest| rest.seen.len() + rest.demands.len() + rest.checks.len())
    }

    /// Whether nothing is kept of it.
    pub fn is_empty(&self) -> bool {
        let rest = self.rest.as_ref();
        self.seen.is_none()
            && self.demand.is_none()
            && self.openly.is_none()
            && self.checks.is_none()
            && rest.is_none_or(|rest| rest.others.is_none())
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// Adds a use from where it is known to have been used already, if it is; says whether it is.
    pub fn add_known_use(&mut self, address: Option<IpAddr>, agent: Option<&str>, now: Instant) -> bool {
        let same = |it: &Seen| it.address == address && it.agent.as_deref() == agent;
        let times = Times::once(now);
        if let Some(first) = self.seen.as_mut().filter(|first| same(first)) {
            first.times.add(&times);
            return true;
        }
        let Some((first, rest)) = self.seen.as_mut().zip(self.rest.as_mut()) else { return false };
        let Some(place) = rest.seen.iter().position(same) else { return false };
        rest.seen[place].times.add(&times);
        if now >= first.times.last_at {
            std::mem::swap(first, &mut rest.seen[place]);
        }
        true
    }

    /// Adds uses from one source.
    pub fn add_seen(&mut self, seen: Seen) {
        let Some(first) = &mut self.seen else {
            self.seen = Some(seen);
            return;
        };
        let (address, agent) = (seen.address, seen.agent.clone());
        let same = |it: &Seen| it.address == address && it.agent == agent;
        if same(first) {
            first.times.add(&seen.times);
            return;
        }
        let rest = self.rest.get_or_insert_default();
        let place = rest.seen.iter().position(same);
        match place {
            Some(place) => rest.seen[place].times.add(&seen.times),
            None => rest.seen.insert(0, seen),
        }
        // The one that was used last is the first, and those used longest ago are the first to go.
        let changed = &mut rest.seen[place.unwrap_or(0)];
        if changed.times.last_at >= first.times.last_at {
            std::mem::swap(first, changed);
        }
        if rest.seen.len() >= SOURCES as usize {
            rest.seen.sort_by_key(|it| std::cmp::Reverse(it.times.last_at));
            while rest.seen.len() >= SOURCES as usize
                && let Some(Seen { times, .. }) = rest.seen.pop()
            {
                add_to(&mut rest.others, &times);
            }
        }
    }

    /// Adds uses from nowhere in particular.
    pub fn add_others(&mut self, times: &Times) {
        add_to(&mut self.rest().others, times);
    }

    /// Adds a demand that is known already, if it is; says whether it is.
    pub fn add_known_demand(&mut self, privilege: &str, at: Instant) -> bool {
        let more = self.rest.as_mut().map(|rest| rest.demands.as_mut_slice()).unwrap_or_default();
        let known = self.demand.iter_mut().chain(more).find(|(known, _)| **known == *privilege);
        known.map(|(_, last_at)| *last_at = at.max(*last_at)).is_some()
    }

    /// Adds what was demanded.
    pub fn add_demand(&mut self, privilege: Arc<str>, at: Instant) {
        if self.add_known_demand(&privilege, at) {
        } else if self.demand.is_none() {
            self.demand = Some((privilege, at));
        } else if self.rest().demands.len() + 1 < DEMANDS {
            self.rest().demands.push((privilege, at));
        } else {
            self.add_openly(at);
        }
    }

    /// Adds that it was asked about, and not for what.
    pub fn add_openly(&mut self, at: Instant) {
        self.openly = self.openly.max(Some(at));
    }

    /// Adds checks of an hour.
    pub fn add_checks(&mut self, hour: Hour, tally: &Tally) {
        let more = self.rest.as_mut().map(|rest| rest.checks.as_mut_slice()).unwrap_or_default();
        if let Some((_, known)) = self.checks.iter_mut().chain(more).find(|(known, _)| *known == hour) {
            known.add(tally);
        } else if self.checks.is_none() {
            self.checks = Some((hour, *tally));
        } else {
            self.rest().checks.push((hour, *tally));
        }
    }

    /// Counts a check.
    pub fn count(&mut self, hour: Hour, outcome: Outcome) {
        let mut one = Tally::default();
        one.count(outcome);
        self.add_checks(hour, &one);
    }

    /// Adds what else was gathered, before it or after it.
    pub fn add(&mut self, other: Self) {
        self.whose = self.whose.or(other.whose);
        let rest = other.rest.map(|rest| *rest).unwrap_or_default();
        other.seen.into_iter().chain(rest.seen).for_each(|seen| self.add_seen(seen));
        if let Some(others) = rest.others {
            self.add_others(&others);
        }
        let demands = other.demand.into_iter().chain(rest.demands);
        demands.for_each(|(privilege, at)| self.add_demand(privilege, at));
        if let Some(at) = other.openly {
            self.add_openly(at);
        }
        let checks = other.checks.into_iter().chain(rest.checks);
        checks.for_each(|(hour, tally)| self.add_checks(hour, &tally));
    }

    /// The sources that are told apart, the one that was used last first.
    pub fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().chain(self.rest.iter().flat_map(|rest| &rest.seen))
    }

    /// Uses from all others.
    pub fn others(&self) -> Option<&Times> {
        self.rest.as_ref()?.others.as_ref()
    }

    /// What was demanded.
    pub fn demands(&self) -> impl Iterator<Item = &Demanded> {
        self.demand.iter().chain(self.rest.iter().flat_map(|rest| &rest.demands))
    }

    /// When it was last asked about by somebody who didn't say for what.
    pub const fn openly(&self) -> Option<Instant> {
        self.openly
    }

    /// What came of its checks, by the hour.
    pub fn checks(&self) -> impl Iterator<Item = &(Hour, Tally)> {
        self.checks.iter().chain(self.rest.iter().flat_map(|rest| &rest.checks))
    }

    /// All its uses; `None` where there was none.
    pub fn times(&self) -> Option<Times> {
        let mut all = self.seen().map(|seen| &seen.times).chain(self.others());
        let mut times = *all.next()?;
        all.for_each(|more| times.add(more));
        Some(times)
    }

    /// The last use; `None` where there was none. Where it was from is told if that is told apart from others.
    pub fn last(&self) -> Option<LastUse> {
        let at = self.times()?.last_at;
        let seen = self.seen.as_ref().filter(|seen| seen.times.last_at == at);
        Some(LastUse {
            at,
            address: seen.and_then(|seen| seen.address).map(|address| address.to_string()),
            agent: seen.and_then(|seen| seen.agent.as_deref()).map(Into::into),
        })
    }
}

fn add_to(sum: &mut Option<Times>, times: &Times) {
    match sum {
        Some(sum) => sum.add(times),
        none => *none = Some(*times),
    }
}
