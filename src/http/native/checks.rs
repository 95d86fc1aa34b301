//! `/v1/checks` and `/v1/tokens/expiring`: how many checks there were in each hour, and how many tokens expire on each day.

use rocket::{State, get};

use super::{
    lists,
    wire::{CheckHistory, ExpiryCalendar},
};
use crate::{
    core::refusal::Failure,
    http::{Site, guard::Asker, query::Query, reply::Reply},
};

/// How many checks there were in each hour, by what came of them: of the whole instance, for operators; of an
/// organization, for who administers it; of a token, for whoever sees it. Passwords aren't counted.
#[utoipa::path(get, path = "/v1/checks", tag = "tokens",
    params(
        ("span" = Option<String>, Query, description = "`2d` or `30d`, the running hour being the last; `2d` where it isn't given"),
        ("organization" = Option<String>, Query, description = "a slug or any id: those of its tokens"),
        ("token" = Option<String>, Query, description = "any id of a token: its own; in the place of an organization"),
    ),
    responses((status = 200, body = CheckHistory), (status = 404)))]
#[get("/checks")]
pub(in crate::http) async fn show(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let history = site.service.checks(asker.0?, lists::checks(&query)?).await?;
    Reply::json(200, &CheckHistory::from(history))
}

/// How many of the tokens that `GET /v1/tokens` lists, and that are active and haven't expired, expire on each day.
#[utoipa::path(get, path = "/v1/tokens/expiring", tag = "tokens",
    params(
        ("days" = Option<u16>, Query, description = "1 to 366, today being the first; 90 where it isn't given"),
        ("organization" = Option<String>, Query, description = "a slug or any id: all tokens in it for who manages it, else the caller's own in it"),
    ),
    responses((status = 200, body = ExpiryCalendar), (status = 404)))]
#[get("/tokens/expiring")]
pub(in crate::http) async fn expiring(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let (organization, days) = lists::expiring(&query)?;
    let expiries = site.service.expiring(asker.0?, organization, days).await?;
    Reply::json(200, &ExpiryCalendar::from(expiries))
}
