//! `/v1/events/verify`: is the record of events sound?

use rocket::{State, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core::refusal::Failure,
    http::{Site, reply::Reply},
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
}

impl From<Verdict> for VerdictObject {
    fn from(verdict: Verdict) -> Self {
        let (first_bad, flaw) = verdict.flaw.unzip();
        let problem = flaw.map(|flaw| flaw.to_string());
        Self { sound: first_bad.is_none(), count: verdict.count, first_bad, problem }
    }
}

/// Walks along the whole record of events and holds each against the one before.
#[utoipa::path(get, path = "/v1/events/verify", tag = "events", responses((status = 200, body = VerdictObject)))]
#[get("/events/verify")]
pub(in crate::http) async fn verify(site: &State<Site>) -> Result<Reply, Failure> {
    Reply::json(200, &VerdictObject::from(site.service.verify_events().await?))
}
