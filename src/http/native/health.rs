//! Is the process there, and can it do its work?

use rocket::{State, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core::refusal::Failure,
    http::{Site, reply::Reply},
};

/// A state of health.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
    /// The version of this jeton.
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "health", security(()), responses((status = 200, body = Health)))]
#[get("/health/live")]
pub(in crate::http) fn live() -> Result<Reply, Failure> {
    Reply::json(200, &OK)
}

/// Whether it can read and write: 503 where it can't.
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()), responses(
    (status = 200, body = Health)))]
#[get("/health/ready")]
pub(in crate::http) fn ready(site: &State<Site>) -> Result<Reply, Failure> {
    if site.service.is_ready() { Reply::json(200, &OK) } else { Err(Failure::Busy) }
}
