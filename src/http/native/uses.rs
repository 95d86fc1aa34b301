//! `/v1/tokens/{id}/privileges` and `/v1/tokens/{id}/stragglers`: what a token is used for, and who still uses it.

use rocket::{State, get};

use super::{
    tokens::reference,
    wire::{PrivilegeUse, StragglerList},
};
use crate::{
    core::refusal::Failure,
    http::{Site, guard::Asker, reply::Reply},
};

/// What a token was given beside what was demanded of it in the last 30 days, and which of its privileges nobody ever
/// asked for.
#[utoipa::path(get, path = "/v1/tokens/{id}/privileges", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 200, body = PrivilegeUse), (status = 404)))]
#[get("/tokens/<id>/privileges")]
pub(in crate::http) async fn privileges(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
) -> Result<Reply, Failure> {
    let needs = site.service.token_needs(asker.0?, &reference(id)?).await?;
    Reply::json(200, &PrivilegeUse::from(needs))
}

/// Who has used a token since its successor was made and not moved on. A token that has no successor has none.
#[utoipa::path(get, path = "/v1/tokens/{id}/stragglers", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 200, body = StragglerList), (status = 404)))]
#[get("/tokens/<id>/stragglers")]
pub(in crate::http) async fn stragglers(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
) -> Result<Reply, Failure> {
    let stragglers = site.service.stragglers(asker.0?, &reference(id)?).await?;
    Reply::json(200, &StragglerList::from(stragglers))
}
