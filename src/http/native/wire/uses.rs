//! What tokens are used from and for, on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core::{privilege::Privileges, uses::Source},
    service::{demands::Needs, stragglers::Stragglers},
};

/// A privilege that was demanded.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct DemandedPrivilege {
    privilege: String,
    /// The last time.
    last_at: String,
}

/// A token's privileges and what was demanded of it.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct PrivilegeUse {
    /// What it was given.
    granted: Vec<String>,
    /// What proxies, services and jeton itself demanded of it, whether it holds it or not.
    demanded: Vec<DemandedPrivilege>,
    /// Those of `granted` by which nothing was met that was demanded.
    never: Vec<String>,
    /// The least that meets all that was demanded and that it holds.
    to_used: Vec<String>,
    /// When it was last asked about by somebody who didn't say for what, and may have used any of it; `null` for never.
    asked_openly_at: Option<String>,
    /// From when on this was kept: 30 days ago, or later.
    since: String,
}

fn list(privileges: &Privileges) -> Vec<String> {
    privileges.iter().map(ToString::to_string).collect()
}

impl From<Needs> for PrivilegeUse {
    fn from(needs: Needs) -> Self {
        let Needs { granted, demands, since } = needs;
        let demanded = demands.privileges.iter().map(|(privilege, last_at)| DemandedPrivilege {
            privilege: privilege.clone(),
            last_at: last_at.to_string(),
        });
        Self {
            granted: list(&granted),
            demanded: demanded.collect(),
            never: list(&demands.never(&granted)),
            to_used: list(&demands.to_used(&granted)),
            asked_openly_at: demands.openly.map(|at| at.to_string()),
            since: since.to_string(),
        }
    }
}

/// An address and an agent that still use a token that is being replaced.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct Straggler {
    /// `null` over a Unix socket; `others` for all that aren't told apart, beyond the 64 that were last seen.
    address: Option<String>,
    /// Its `User-Agent`, cut short; `null` for none.
    agent: Option<String>,
    /// The last use of the old token.
    last_at: String,
    /// Uses of the old token since the successor was made.
    count: u64,
}

impl From<Source> for Straggler {
    fn from(source: Source) -> Self {
        let Source { address, agent, last_at, count, .. } = source;
        Self { address, agent, last_at: last_at.to_string(), count }
    }
}

/// How far a rotation has come.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct StragglerList {
    /// The token that takes the other's place; `null` where none does.
    successor: Option<String>,
    /// Since when it has taken it; `null` while it waits for its first use.
    superseded_at: Option<String>,
    /// When the old token dies; `null` for never.
    dies_at: Option<String>,
    /// What has used the old token since the successor was made, and no successor after that.
    stragglers: Vec<Straggler>,
    /// Whether the successor is in use and nothing uses the old token any more.
    safe_to_finish: bool,
}

impl From<Stragglers> for StragglerList {
    fn from(found: Stragglers) -> Self {
        let Stragglers { successor, superseded_at, dies_at, sources, safe_to_finish } = found;
        Self {
            successor: successor.map(|id| id.to_string()),
            superseded_at: superseded_at.map(|at| at.to_string()),
            dies_at: dies_at.map(|at| at.to_string()),
            stragglers: sources.into_iter().map(Straggler::from).collect(),
            safe_to_finish,
        }
    }
}
