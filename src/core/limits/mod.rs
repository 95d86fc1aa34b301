//! The limits of a token: from where, on what, from when on, how often and how fast it is good. Set when it is made and
//! never widened.

mod network;
mod rate;
mod route;

use std::{fmt, net::IpAddr};

use super::{id::TokenId, refusal::Refusal, time::Instant};

pub use self::{
    network::{Networks, network},
    rate::{Rate, Window},
    route::{Asked, Route},
};

/// How many networks of a kind, and how many routes, a token may list.
pub const MOST: usize = 100;

/// The most uses that can be counted out.
pub const MOST_USES: u64 = 1_000_000_000_000;

/// What a token is limited to; by default to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The addresses it is good from.
    pub networks: Networks,
    /// What it is good for; empty for all.
    pub routes: Vec<Route>,
    /// The first instant at which it is good.
    pub not_before: Option<Instant>,
    /// How often it may be used in all.
    pub uses: Option<u64>,
    /// How often in a period.
    pub rate: Option<Rate>,
    /// The token that its rate is counted with: the one that first had it, of those that minted one another.
    pub counted_with: Option<TokenId>,
    /// The token that its uses are counted with: the one that first had them, of those that replaced one another.
    pub uses_with: Option<TokenId>,
}

/// What is known of the request that a token comes with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What is asked for.
    pub asked: Asked<'a>,
}

impl Limits {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether uses have to be counted before they are let through.
    pub const fn counts(&self) -> bool {
        self.uses.is_some() || self.rate.is_some()
    }

    /// Whether a count of its own goes with it, and not those of the tokens that it is counted with alone.
    pub const fn has_own_count(&self) -> bool {
        (self.uses.is_some() && self.uses_with.is_none())
            || (self.rate.is_some() && self.counted_with.is_none())
    }

    /// Holds a request against the routes; `about_itself` where the token is asked for nothing but itself, which no route
    /// keeps it from.
    pub(super) fn judge_route(&self, asked: Asked<'_>, about_itself: bool) -> Result<(), Refusal> {
        if self.routes.is_empty() || about_itself { Ok(()) } else { route::judge(&self.routes, asked) }
    }

    /// The limits of a token that takes the place of `predecessor`: the same ones, and the same counts.
    #[must_use]
    pub fn of_successor(&self, predecessor: TokenId) -> Self {
        let mut limits = self.clone();
        if limits.uses.is_some() {
            limits.uses_with.get_or_insert(predecessor);
        }
        if limits.rate.is_some() {
            limits.counted_with.get_or_insert(predecessor);
        }
        limits
    }

    /// The limits of a token that is minted with these asked for by the token `parent`, whose own are `limits`: what isn't
    /// asked for is as there, and what is asked for must lie within.
    ///
    /// What the parent counts isn't counted anew: uses are named and come out of the parent's own, and a rate is shared.
    pub(super) fn within(self, parent: TokenId, limits: &Self) -> Result<Self, Refusal> {
        let wider = |field| Refusal::WiderThanMinter { field };
        let networks = self.networks.within(&limits.networks)?;
        let routes = if self.routes.is_empty() { limits.routes.clone() } else { self.routes };
        let covered = |route: &Route| limits.routes.iter().any(|held| held.covers(route));
        if !limits.routes.is_empty() && !routes.iter().all(covered) {
            return Err(wider("limits.routes"));
        }
        let not_before = self.not_before.or(limits.not_before);
        if not_before < limits.not_before {
            return Err(wider("limits.not_before"));
        }
        if let Some(most) = limits.uses
            && self.uses.is_none_or(|uses| uses > most)
        {
            return Err(wider("limits.uses"));
        }
        let (rate, counted_with) = match (self.rate, limits.rate) {
            (rate, None) => (rate, None),
            (Some(rate), Some(held)) if !rate.is_within(held) => return Err(wider("limits.rate")),
            (rate, held) => (rate.or(held), limits.counted_with.or(Some(parent))),
        };
        Ok(Self { networks, routes, not_before, uses: self.uses, rate, counted_with, uses_with: None })
    }

    /// Reads the stored form. `None` where it isn't one.
    pub fn from_stored(text: &str) -> Option<Self> {
        let mut limits = Self::default();
        for line in text.lines() {
            let (key, value) = line.split_once(' ')?;
            match key {
                "allow" => limits.networks.allow.push(value.parse().ok()?),
                "deny" => limits.networks.deny.push(value.parse().ok()?),
                "route" => limits.routes.push(Route::parse(value).ok()?),
                "not_before" => limits.not_before = Some(Instant::from_millis(value.parse().ok()?)),
                "uses" => limits.uses = Some(value.parse().ok()?),
                "rate" => limits.rate = Some(Rate::parse(value).ok()?),
                "counted_with" => limits.counted_with = Some(TokenId::parse_uuid(value)?),
                "uses_with" => limits.uses_with = Some(TokenId::parse_uuid(value)?),
                _ => return None,
            }
        }
        Some(limits)
    }
}

impl fmt::Display for Limits {
    /// The stored form: a line each, nothing for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.networks.allow.iter().try_for_each(|network| writeln!(f, "allow {network}"))?;
        self.networks.deny.iter().try_for_each(|network| writeln!(f, "deny {network}"))?;
        self.routes.iter().try_for_each(|route| writeln!(f, "route {route}"))?;
        self.not_before.iter().try_for_each(|at| writeln!(f, "not_before {}", at.millis()))?;
        self.uses.iter().try_for_each(|uses| writeln!(f, "uses {uses}"))?;
        self.rate.iter().try_for_each(|rate| writeln!(f, "rate {rate}"))?;
        self.counted_with.iter().try_for_each(|token| writeln!(f, "counted_with {token}"))?;
        self.uses_with.iter().try_for_each(|token| writeln!(f, "uses_with {token}"))
    }
}

#[cfg(test)]
mod tests;
