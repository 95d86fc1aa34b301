//! A part of what is gathered in memory.

use std::{
    collections::{HashMap, HashSet},
    mem,
    net::IpAddr,
    sync::Arc,
};

use super::{Apart, Batch, Demanded};
use crate::core::{
    checks::{Hour, Outcome, Tally},
    gathered::{Gathered, Seen, Times},
    id::{OrganizationId, TokenId},
    time::Instant,
    token::Token,
    uses::LastUse,
};

type Tokens = HashMap<TokenId, Arc<Gathered>>;

/// What is kept of a token where there is no room for more.
#[derive(Clone, Copy)]
struct Bare {
    times: Times,
    demanded: bool,
}

#[derive(Default)]
pub(super) struct Shard {
    tokens: Tokens,
    /// What was taken and isn't settled yet.
    away: Tokens,
    bare: HashMap<TokenId, Bare>,
    apart: HashMap<Apart, Tally>,
    /// Agents and privileges are the same for many tokens.
    texts: HashSet<Arc<str>>,
}

impl Shard {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// What there is of a token, new where there is room for it.
    fn entry(&mut self, token: TokenId, room: bool) -> Option<(&mut Gathered, usize)> {
        use std::collections::hash_map::Entry;
        match self.tokens.entry(token) {
            Entry::Occupied(there) => Some((Arc::make_mut(there.into_mut()), 0)),
            Entry::Vacant(none) if room => Some((Arc::make_mut(none.insert(Arc::default())), 1)),
            Entry::Vacant(_) => None,
        }
    }

    /// Notes a use and what was demanded; says how many things there are more.
    pub(super) fn note(
        &mut self,
        token: TokenId,
        now: Instant,
        from: Option<(Option<IpAddr>, Option<&str>)>,
        demanded: Demanded<'_>,
        room: bool,
    ) -> usize {
        let Some((gathered, new)) = self.entry(token, room) else {
            if from.is_some() {
                self.note_bare(token, &Times::once(now), !matches!(demanded, Demanded::Nothing));
            }
            return 0;
        };
        let before = gathered.len();
        let mut unknown = None;
        if let Some((address, agent)) = from
            && !gathered.add_known_use(address, agent, now)
        {
            if room {
                unknown = Some((address, agent));
            } else {
                gathered.add_others(&Times::once(now));
            }
        }
        if matches!(demanded, Demanded::Openly) {
            gathered.add_openly(now);
        }
        let mut demands = Vec::new();
        demanded.each(|privilege| {
            if !gathered.add_known_demand(privilege, now) {
                if room {
                    demands.push(privilege.to_owned());
                } else {
                    gathered.add_openly(now);
                }
            }
        });
        if unknown.is_none() && demands.is_empty() {
            return new;
        }
        let agent = unknown.and_then(|(_, agent)| agent).map(|agent| self.text(agent));
        let demands: Vec<_> = demands.iter().map(|privilege| self.text(privilege)).collect();
        let Some((gathered, _)) = self.entry(token, room) else { return new };
        if let Some((address, _)) = unknown {
            gathered.add_seen(Seen { address, agent, times: Times::once(now) });
        }
        for privilege in demands {
            gathered.add_demand(privilege, now);
        }
        new + gathered.len() - before
    }

    fn note_bare(&mut self, token: TokenId, times: &Times, demanded: bool) {
        let bare = self.bare.entry(token);
        let bare = bare.and_modify(|bare| bare.times.add(times)).or_insert(Bare { times: *times, demanded });
        bare.demanded |= demanded;
    }

    /// Counts a check of a token; says how many things there are more.
    pub(super) fn count(&mut self, of: &Token, hour: Hour, outcome: Outcome, room: bool) -> usize {
        let Some((gathered, new)) = self.entry(of.id, room) else {
            self.count_apart(Some(of.organization), hour, outcome);
            return 0;
        };
        let before = gathered.len();
        gathered.whose = Some((of.owner, of.organization));
        gathered.count(hour, outcome);
        new + gathered.len() - before
    }

    /// Counts one that isn't a token's.
    pub(super) fn count_apart(&mut self, whose: Option<OrganizationId>, hour: Hour, outcome: Outcome) {
        self.apart.entry((whose, hour)).or_default().count(outcome);
    }

    /// Adds some of them.
    pub(super) fn add_apart(&mut self, whose: Option<OrganizationId>, hour: Hour, tally: &Tally) {
        self.apart.entry((whose, hour)).or_default().add(tally);
    }

    /// A token's last use.
    pub(super) fn last(&self, token: TokenId) -> Option<LastUse> {
        let there = self.tokens.get(&token).and_then(|gathered| gathered.last());
        let away = self.away.get(&token).and_then(|gathered| gathered.last());
        let bare = self.bare.get(&token);
        let bare = bare.map(|bare| LastUse { at: bare.times.last_at, address: None, agent: None });
        // Of two at the same time the one of which more is known.
        [bare, away, there].into_iter().flatten().max_by_key(|last| last.at)
    }

    pub(super) fn each_check(
        &self,
        each: &mut impl FnMut(Option<TokenId>, Option<OrganizationId>, Hour, &Tally),
    ) {
        for (token, gathered) in self.tokens.iter().chain(&self.away) {
            let organization = gathered.whose.map(|(_, organization)| organization);
            gathered.checks().for_each(|(hour, tally)| each(Some(*token), organization, *hour, tally));
        }
        self.apart.iter().for_each(|((whose, hour), tally)| each(None, *whose, *hour, tally));
    }

    /// Whether anything is left of which only little was kept.
    pub(super) fn is_bare(&self) -> bool {
        !self.bare.is_empty()
    }

    /// Takes all there is, and of what only little was kept of up to `most` tokens; says how many things that makes more.
    pub(super) fn take(&mut self, most: usize, batch: &mut Batch) -> usize {
        self.away = mem::take(&mut self.tokens);
        self.texts = HashSet::new();
        let mut more = 0;
        let some: Vec<TokenId> = self.bare.keys().take(most).copied().collect();
        for token in some {
            let Some(Bare { times, demanded }) = self.bare.remove(&token) else { continue };
            more += usize::from(!self.away.contains_key(&token));
            let there = self.away.entry(token).or_default();
            Arc::make_mut(there).add(Gathered::bare(times, demanded));
        }
        if self.bare.is_empty() {
            self.bare = HashMap::new();
        }
        batch.extend(self.away.iter().map(|(token, gathered)| (*token, Arc::clone(gathered))));
        more
    }

    pub(super) fn take_apart(&mut self) -> impl Iterator<Item = (Apart, Tally)> + use<> {
        mem::take(&mut self.apart).into_iter()
    }

    /// How many things were taken.
    pub(super) fn taken(&self) -> usize {
        self.away.values().map(|gathered| gathered.len()).sum()
    }

    /// How many things there are in detail.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.tokens.values().map(|gathered| gathered.len()).sum()
    }

    /// Lets go of what was taken.
    pub(super) fn settle(&mut self) {
        self.away = HashMap::new();
    }

    /// Takes back what couldn't be written; says how many things there are more.
    pub(super) fn put_back(&mut self, token: TokenId, earlier: Gathered, room: bool) -> usize {
        if let Some((gathered, new)) = self.entry(token, room) {
            let before = gathered.len();
            gathered.add(earlier);
            return new + gathered.len() - before;
        }
        let organization = earlier.whose.map(|(_, organization)| organization);
        earlier.checks().for_each(|(hour, tally)| self.add_apart(organization, *hour, tally));
        if let Some(times) = earlier.times() {
            let demanded = earlier.openly().is_some() || earlier.demands().next().is_some();
            self.note_bare(token, &times, demanded);
        }
        0
    }
}
