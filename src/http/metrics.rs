//! `/metrics`: what a monitoring system scrapes.

use std::sync::Arc;

use rocket::{State, get};

use super::{Site, reply::Reply};
use crate::{
    core::{refusal::Failure, token::Ending},
    ops::metrics::{Kind, MEDIA_TYPE, Metrics, Series},
    service::{IdleTally, Service},
};

/// The metrics of a service.
pub(super) fn of(service: &Arc<Service>) -> Metrics {
    let idle = |read: fn(IdleTally) -> i64| {
        Ending::ALL
            .map(|action| {
                let service = Arc::clone(service);
                Series::new(&[("action", action.as_str())], move || read(service.idle_tally(action)))
            })
            .into()
    };
    Metrics::new()
        .with(
            Kind::Gauge,
            "jeton_tokens_idle_announced",
            "Tokens to which it is announced that they will be disabled or deleted because nobody uses them.",
            idle(|tally| tally.announced),
        )
        .with(
            Kind::Counter,
            "jeton_tokens_idle_total",
            "Tokens that were disabled or deleted because nobody used them, since the start.",
            idle(|tally| tally.done),
        )
}

/// How it goes, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub(super) fn metrics(site: &State<Site>) -> Result<Reply, Failure> {
    Ok(Reply::file(MEDIA_TYPE, site.metrics.render().map_err(Failure::broken)?.into_bytes()))
}
