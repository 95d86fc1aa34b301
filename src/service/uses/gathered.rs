//! What is gathered of one token until it is written down.

use std::net::IpAddr;

use super::Demanded;
use crate::{
    core::{
        time::Instant,
        token::Use,
        uses::{Demands, LastUse, SOURCES, Source},
    },
    store::Gathering,
};

/// How much of a `User-Agent` is kept, in bytes.
const AGENT: usize = 120;

/// How many demands are kept apart in memory. The table has its own bound; what is left out here is noted as asked
/// openly as well.
const DEMANDS: usize = 256;

/// Where a use came from.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    address: Option<IpAddr>,
    agent: Option<&'a str>,
}

impl<'a> From<'a> {
    pub(super) fn new(address: Option<IpAddr>, agent: Option<&'a str>) -> Self {
        Self { address, agent: agent.map(|agent| &agent[..agent.floor_char_boundary(AGENT)]) }
    }
}

#[derive(Clone)]
struct Tally {
    first_at: Instant,
    last_at: Instant,
    count: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.count += other.count;
    }
}

#[derive(Clone)]
struct Seen {
    address: Option<IpAddr>,
    agent: Option<Box<str>>,
    tally: Tally,
}

/// Uses of a token, by source, and what was demanded of it.
#[derive(Clone, Default)]
pub(super) struct Gathered {
    /// The one that was used last is the first.
    seen: Vec<Seen>,
    others: Option<Tally>,
    demands: Vec<(Box<str>, Instant)>,
    openly: Option<Instant>,
}

impl Gathered {
    /// How many things are kept of it, beside the first.
    pub(super) fn len(&self) -> usize {
        self.seen.len() + self.demands.len()
    }

    /// Adds a use. One from where the last came from allocates nothing.
    pub(super) fn add_use(&mut self, from: From<'_>, now: Instant) {
        let From { address, agent } = from;
        let tally = Tally { first_at: now, last_at: now, count: 1 };
        let known = self.seen.iter().position(|it| it.address == address && it.agent.as_deref() == agent);
        if let Some(place) = known {
            self.seen[place].tally.add(&tally);
            self.seen[..=place].rotate_right(1);
        } else {
            self.seen.insert(0, Seen { address, agent: agent.map(Into::into), tally });
            self.bound();
        }
    }

    /// Adds what was demanded.
    pub(super) fn add_demand(&mut self, demanded: Demanded<'_>, now: Instant) {
        if matches!(demanded, Demanded::Openly) {
            self.openly = self.openly.max(Some(now));
        }
        demanded.each(|privilege| self.demand(privilege, now));
    }

    fn demand(&mut self, privilege: &str, at: Instant) {
        if let Some((_, last_at)) = self.demands.iter_mut().find(|(known, _)| **known == *privilege) {
            *last_at = at.max(*last_at);
        } else if self.demands.len() < DEMANDS {
            self.demands.push((privilege.into(), at));
        } else {
            self.openly = self.openly.max(Some(at));
        }
    }

    /// Adds what was gathered before and couldn't be written.
    pub(super) fn add_earlier(&mut self, earlier: Self) {
        for seen in earlier.seen {
            let same = |it: &&mut Seen| it.address == seen.address && it.agent == seen.agent;
            match self.seen.iter_mut().find(same) {
                Some(known) => known.tally.add(&seen.tally),
                None => self.seen.push(seen),
            }
        }
        self.bound();
        if let Some(others) = earlier.others {
            self.add_others(others);
        }
        for (privilege, at) in earlier.demands {
            self.demand(&privilege, at);
        }
        self.openly = self.openly.max(earlier.openly);
    }

    fn bound(&mut self) {
        while self.seen.len() > SOURCES as usize {
            if let Some(Seen { tally, .. }) = self.seen.pop() {
                self.add_others(tally);
            }
        }
    }

    fn add_others(&mut self, tally: Tally) {
        match &mut self.others {
            Some(others) => others.add(&tally),
            none => *none = Some(tally),
        }
    }

    /// The last use; `None` where there was none.
    pub(super) fn last(&self) -> Option<LastUse> {
        let last = self.seen.first()?;
        Some(LastUse {
            at: self.seen.iter().map(|seen| seen.tally.last_at).max()?,
            address: last.address.map(|address| address.to_string()),
            agent: last.agent.as_deref().map(Into::into),
        })
    }

    /// As it is written down.
    pub(super) fn to_write(&self) -> Gathering {
        let used = self.last().map(|LastUse { at, address, agent }| {
            let tallies = self.seen.iter().map(|seen| &seen.tally).chain(&self.others);
            let (last_at, count) = tallies
                .fold((at, 0), |(last_at, count), tally| (last_at.max(tally.last_at), count + tally.count));
            Use { last_at, address, agent, count }
        });
        let source = |address, agent: Option<&str>, tally: &Tally| {
            let Tally { first_at, last_at, count } = *tally;
            Source { address, agent: agent.map(str::to_owned), first_at, last_at, count }
        };
        let seen = self.seen.iter().map(|seen| {
            let address = seen.address.map(|address| address.to_string());
            source(address, seen.agent.as_deref(), &seen.tally)
        });
        let others = self.others.iter().map(|others| source(None, None, others).among_others());
        let privileges = self.demands.iter().map(|(privilege, at)| (privilege.to_string(), *at)).collect();
        Gathering {
            used,
            sources: seen.chain(others).collect(),
            demands: Demands { privileges, openly: self.openly },
        }
    }
}
