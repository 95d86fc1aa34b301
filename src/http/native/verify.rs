//! `/v1/events/verify`: is the record of events sound? And `/v1/events/prune`, which removes its oldest part.

use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        refusal::{Failure, Refusal},
        time::Instant,
    },
    http::{Site, body::Body, guard::Asker, reply::Reply},
    service::audit::Verdict,
};

/// Whether the record of events is whole and as it was written.
#[derive(Serialize, ToSchema)]
#[schema(as = EventsVerdict)]
pub(super) struct VerdictObject {
    /// Whether it is.
    sound: bool,
    /// How many events are sound, from the first one on.
    count: i64,
    /// The sequence of the first that isn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_bad: Option<i64>,
    /// What is wrong with that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// How many events were removed from before the first one, where any were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<i64>,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned_at: Option<String>,
}

impl From<Verdict> for VerdictObject {
    fn from(verdict: Verdict) -> Self {
        let (first_bad, flaw) = verdict.flaw.unzip();
        let problem = flaw.map(|flaw| flaw.to_string());
        let (pruned, pruned_at) =
            verdict.pruned.map(|pruned| (pruned.through, pruned.at.to_string())).unzip();
        Self { sound: first_bad.is_none(), count: verdict.count, first_bad, problem, pruned, pruned_at }
    }
}

/// Walks along the whole record of events and holds each against the one before.
#[utoipa::path(get, path = "/v1/events/verify", tag = "events", responses((status = 200, body = VerdictObject)))]
#[get("/events/verify")]
pub(in crate::http) async fn verify(site: &State<Site>) -> Result<Reply, Failure> {
    Reply::json(200, &VerdictObject::from(site.service.verify_events().await?))
}

/// Which events to remove.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PruneEvents {
    /// Those before this instant, which has passed.
    before: String,
}

/// What is removed of the record.
#[derive(Serialize, ToSchema)]
pub(super) struct EventsPruned {
    /// How many events this removed.
    removed: u64,
    /// How many are gone in all: the first that is left has the sequence after this.
    pruned: i64,
}

/// Removes the events before an instant, for good. The rest can still be verified: where it begins is sealed. That it was
/// done, by whom and up to when, is an event.
#[utoipa::path(post, path = "/v1/events/prune", tag = "events", request_body = PruneEvents,
    responses((status = 200, body = EventsPruned)))]
#[post("/events/prune", data = "<body>")]
pub(in crate::http) async fn prune(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let before = Instant::parse(&body.json::<PruneEvents>()?.before)
        .ok_or_else(|| Refusal::invalid("before", "an RFC 3339 instant"))?;
    let (removed, pruned) = site.service.prune_events(asker.0?, before).await?;
    Reply::json(200, &EventsPruned { removed, pruned: pruned.map_or(0, |pruned| pruned.through) })
}
