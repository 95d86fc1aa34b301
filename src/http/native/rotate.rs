//! `/v1/tokens/{id}/rotate`: a token gets a successor.

use rocket::{State, post};

use super::{
    tokens::{at, created, made},
    wire::{CreatedToken, RotateToken},
};
use crate::{
    core::refusal::{Failure, Refusal},
    http::{
        Site,
        body::Body,
        guard::{Asker, Version},
        once::Repeatable,
        reply::Reply,
    },
    service::{change::Target, issue::Telling, rotate::RotateRequest},
};

/// Makes a successor of a token of the caller's own: it inherits everything, and its secret stands in this reply and
/// nowhere else, ever. The token gives way to it as `mode` says, and never lives longer for it.
#[utoipa::path(post, path = "/v1/tokens/{id}/rotate", tag = "tokens", request_body = RotateToken,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header,
        description = "at least 128 random bits: 22 to 255 characters, a UUID say; makes it safe to send the request again")),
    responses(
        (status = 201, body = CreatedToken<'static>, headers(("Location" = String, description = "The successor's path"))),
        (status = 404), (status = 409), (status = 410), (status = 412), (status = 422)))]
#[post("/tokens/<id>/rotate", data = "<body>")]
pub(in crate::http) async fn rotate(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
    version: Version,
    repeatable: Repeatable<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let (caller, target, request) = (asker.0?, at(id, &version)?, request(&body)?);
    let telling = Telling { once: repeatable.once(&body)?, render: created };
    Ok(made(&site.service.rotate(caller, target, request, telling).await?))
}

/// The same of the token that is presented.
#[utoipa::path(post, path = "/v1/tokens/self/rotate", tag = "tokens", request_body = RotateToken,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "at least 128 random bits: 22 to 255 characters, a UUID say; makes it safe to send the request again")),
    responses(
        (status = 201, body = CreatedToken<'static>, headers(("Location" = String, description = "The successor's path"))),
        (status = 404), (status = 409), (status = 422)))]
#[post("/tokens/self/rotate", data = "<body>")]
pub(in crate::http) async fn rotate_self(
    site: &State<Site>,
    asker: Asker<'_>,
    repeatable: Repeatable<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let (caller, request) = (asker.0?, request(&body)?);
    let telling = Telling { once: repeatable.once(&body)?, render: created };
    Ok(made(&site.service.rotate(caller, Target::own(caller)?, request, telling).await?))
}

/// An empty body asks for what a body that says nothing does.
fn request(body: &Body) -> Result<RotateRequest, Refusal> {
    if body.is_empty() { RotateToken::default() } else { body.json::<RotateToken>()? }.try_into()
}
