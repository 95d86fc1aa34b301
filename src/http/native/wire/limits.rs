//! A token's limits on the wire: as they are asked for, and as they are shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        limits::{Limits, MOST_USES, Networks, Rate, Route},
        refusal::Refusal,
        time::Instant,
    },
    http::body::object,
};

/// What a token is to be limited to: for good, and what it mints as well.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateLimits {
    /// The addresses it is to be good from.
    #[serde(default, deserialize_with = "object")]
    networks: Option<CreateNetworks>,
    /// What it is to be good for, `METHOD host/path` each: `GET api.example/v1/reports/*`. `*` stands for any method, any
    /// host, a segment in the middle of a path and all the rest at its end; absent or empty for everything.
    routes: Option<Vec<String>>,
    /// The RFC 3339 instant at which it begins to be good.
    not_before: Option<String>,
    /// How often it may be used in all.
    uses: Option<u64>,
    /// How often in a period: `10/s`, `100/min`, `1000/h`, `10000/day`.
    rate: Option<String>,
}

/// Networks and addresses.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateNetworks {
    /// Good from these alone, such as `10.0.0.0/8`; absent or empty for from everywhere.
    allow: Option<Vec<String>>,
    /// And not from these.
    deny: Option<Vec<String>>,
}

impl TryFrom<CreateLimits> for Limits {
    type Error = Refusal;

    fn try_from(body: CreateLimits) -> Result<Self, Refusal> {
        let CreateLimits { networks, routes, not_before, uses, rate } = body;
        let CreateNetworks { allow, deny } = networks.unwrap_or_default();
        let instant = |text: String| {
            Instant::parse(&text).ok_or_else(|| Refusal::invalid("limits.not_before", "an RFC 3339 instant"))
        };
        if uses.is_some_and(|uses| !(1..=MOST_USES).contains(&uses)) {
            return Err(Refusal::invalid("limits.uses", format!("1 to {MOST_USES}")));
        }
        Ok(Self {
            networks: Networks::parse(&allow.unwrap_or_default(), &deny.unwrap_or_default())?,
            routes: Route::parse_all(&routes.unwrap_or_default())?,
            not_before: not_before.map(instant).transpose()?,
            uses,
            rate: rate.as_deref().map(Rate::parse).transpose()?,
            counted_with: None,
            uses_with: None,
        })
    }
}

/// What a token is limited to, what it has from the token that minted it included.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(super) struct LimitsObject {
    networks: NetworksObject,
    /// `METHOD host/path` each; empty for everything.
    routes: Vec<String>,
    /// `null` where it is good from its making on.
    not_before: Option<String>,
    /// How often it may be used in all; `null` where that isn't counted.
    uses: Option<u64>,
    /// How often in a period, together with what it was minted by and what it mints; `null` where that isn't counted.
    rate: Option<String>,
}

/// The addresses a token is good from.
#[derive(Serialize, ToSchema)]
#[schema(as = Networks)]
struct NetworksObject {
    /// Good from these alone; empty for from everywhere.
    allow: Vec<String>,
    /// And not from these.
    deny: Vec<String>,
}

impl From<&Limits> for LimitsObject {
    fn from(limits: &Limits) -> Self {
        let Limits { networks, routes, not_before, uses, rate, counted_with: _, uses_with: _ } = limits;
        Self {
            networks: NetworksObject { allow: texts(&networks.allow), deny: texts(&networks.deny) },
            routes: texts(routes),
            not_before: not_before.map(|at| at.to_string()),
            uses: *uses,
            rate: rate.map(|rate| rate.to_string()),
        }
    }
}

fn texts(list: &[impl ToString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
