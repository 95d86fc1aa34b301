//! Checks by the hour and expiries by the day, on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::core::{
    checks::{History, Outcome},
    expiries::Expiries,
};

/// How many checks had each outcome, a number an hour, the oldest first.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct CheckOutcomes {
    /// Let through.
    admitted: Vec<u64>,
    /// The token is no more good, or not yet: expired, disabled, deleted, superseded; its owner or organization is off.
    dead: Vec<u64>,
    /// It lacks a privilege, or isn't meant for what was asked.
    forbidden: Vec<u64>,
    /// One of the token's own limits: network, route, uses, rate.
    limited: Vec<u64>,
    /// No token of ours; counted for the instance alone.
    unknown: Vec<u64>,
}

/// The checks of a while.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct CheckHistory {
    /// When the first hour begins.
    since: String,
    /// How many hours there are. The last one isn't over.
    hours: u64,
    outcomes: CheckOutcomes,
}

impl From<History> for CheckHistory {
    fn from(history: History) -> Self {
        let outcomes = CheckOutcomes {
            admitted: history.of(Outcome::Admitted),
            dead: history.of(Outcome::Dead),
            forbidden: history.of(Outcome::Forbidden),
            limited: history.of(Outcome::Limited),
            unknown: history.of(Outcome::Unknown),
        };
        let hours = outcomes.admitted.len() as u64;
        Self { since: history.first().begins_at().to_string(), hours, outcomes }
    }
}

/// When tokens expire.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct ExpiryCalendar {
    /// Today in UTC, the first of the days.
    since: String,
    /// How many expire on each day in UTC; today, those that haven't yet.
    days: Vec<u64>,
    /// How many expire after the last of these days.
    later: u64,
    /// How many never do.
    never: u64,
}

impl From<Expiries> for ExpiryCalendar {
    fn from(expiries: Expiries) -> Self {
        let since = expiries.since();
        let Expiries { days, later, never, .. } = expiries;
        Self { since, days, later, never }
    }
}
