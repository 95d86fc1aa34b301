//! `/v1/tokens`: issued, listed, read, relabelled, switched off and on, revoked.

use rocket::{State, delete, get, patch, post};
use zeroize::Zeroizing;

use super::{
    lists,
    wire::{CreateToken, CreatedToken, ListPage, Paging, RelabelToken, TokenObject},
};
use crate::{
    core::{
        id::{OfToken, Reference},
        refusal::{Failure, Refusal},
        time::Instant,
    },
    http::{
        Site,
        body::Body,
        guard::{Asker, Version},
        once::Repeatable,
        query::Query,
        reply::Reply,
    },
    service::{
        Caller,
        change::{Change, Target},
        issue::{Issued, Replied, Telling},
        list::TokenView,
    },
};

/// A token by any of its ids; what is none of them is answered like an unknown one.
pub(super) fn reference(text: &str) -> Result<Reference<OfToken>, Refusal> {
    Reference::parse(text).ok_or(Refusal::NotFound { what: "token" })
}

fn target(id: &str) -> Result<Target, Refusal> {
    reference(id).map(Target::of)
}

pub(super) fn at(id: &str, version: &Version) -> Result<Target, Refusal> {
    Ok(Target { version: version.if_given(), ..target(id)? })
}

fn shown(site: &Site, view: TokenView) -> Result<Reply, Failure> {
    let tag = format!("\"{}\"", view.token.change_sequence);
    Ok(Reply::json(200, &TokenObject::new(view, site.service.now()))?.header("ETag", tag))
}

/// Issues a token. Its secret stands in this reply and nowhere else, ever; but a reply that was lost is given again, to the
/// same request of the same caller with the same `Idempotency-Key`, within ten minutes and until the token is used.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = CreateToken,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "at least 128 random bits: 22 to 255 characters, a UUID say; makes it safe to send the request again")),
    responses(
        (status = 201, body = CreatedToken<'static>, headers(("Location" = String, description = "The token's path"))),
        (status = 404), (status = 409), (status = 422)))]
#[post("/tokens", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    repeatable: Repeatable<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let request = body.json::<CreateToken>()?.try_into()?;
    let telling = Telling { once: repeatable.once(&body)?, render: created };
    Ok(made(&site.service.issue_telling(asker.0?, request, telling).await?))
}

/// The reply that gives a token out.
pub(super) fn made(replied: &Replied) -> Reply {
    // What was just made has never changed.
    let reply = Reply::json_bytes(201, &replied.reply).header("ETag", "\"0\"");
    reply.header("Location", format!("/v1/tokens/{}", replied.token))
}

/// The document that tells of a token that was just made.
pub(super) fn created(issued: Issued, now: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let object = TokenObject::new(issued.view, now);
    let document = CreatedToken { object, token: issued.secret.expose() };
    serde_json::to_vec(&document).map(Zeroizing::new).map_err(Failure::broken)
}

/// Tokens, newest first: an operator's are all there are, an administrator's those of the organization, anybody else's
/// their own. Deleted ones are listed only where they are asked for.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens",
    params(Paging,
        ("sort" = Option<String>, Query, description = "`created_at`, `name`, `expires_at` or `last_used_at`, `-` before it for descending; `-created_at` where it isn't given"),
        ("status" = Option<String>, Query, description = "`active`, `expired`, `disabled` or `deleted`"),
        ("owner" = Option<String>, Query, description = "a username or a user's id"),
        ("organization" = Option<String>, Query, description = "a slug or any id: all tokens in it for who manages it, else the caller's own in it"),
        ("name" = Option<String>, Query, description = "part of the name, capital and small ASCII letters taken as the same"),
        ("privilege" = Option<String>, Query, description = "a privilege that was given, to the letter"),
        ("minted_by" = Option<String>, Query, description = "`password`, `session`, `local`, `token`, or any id of the token that minted it"),
        ("expires_before" = Option<String>, Query, description = "an RFC 3339 instant"),
        ("unused_since" = Option<String>, Query, description = "made before this instant and not used from it on"),
        ("created_after" = Option<String>, Query, description = "at this instant or later"),
        ("created_before" = Option<String>, Query, description = "before this instant"),
    ),
    responses((status = 200, body = ListPage<TokenObject>), (status = 404)))]
#[get("/tokens")]
pub(in crate::http) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let query = lists::tokens(&query)?;
    let sort = query.listing.sort.clone();
    let page = site.service.tokens(asker.0?, query).await?;
    let now = site.service.now();
    Reply::json(200, &ListPage::new(page, &sort, |view| TokenObject::new(view, now)))
}

/// The token that is presented.
#[utoipa::path(get, path = "/v1/tokens/self", tag = "tokens", responses(
    (status = 200, body = TokenObject), (status = 404)))]
#[get("/tokens/self")]
pub(in crate::http) fn show_self(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    shown_own(site, asker.0?)
}

/// The same, to a caller that is known.
pub(in crate::http) fn shown_own(site: &Site, caller: &Caller) -> Result<Reply, Failure> {
    shown(site, site.service.own_token(caller)?)
}

/// Revokes the token that is presented, for good.
#[utoipa::path(delete, path = "/v1/tokens/self", tag = "tokens", responses(
    (status = 204), (status = 404)))]
#[delete("/tokens/self")]
pub(in crate::http) async fn delete_self(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    site.service.revoke_own(asker.0?).await?;
    Ok(Reply::empty(204))
}

/// One of the caller's tokens, by id, 24-hex id or number.
#[utoipa::path(get, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 200, body = TokenObject), (status = 404)))]
#[get("/tokens/<id>")]
pub(in crate::http) fn show(site: &State<Site>, asker: Asker<'_>, id: &str) -> Result<Reply, Failure> {
    shown(site, site.service.token(asker.0?, &reference(id)?)?)
}

/// Changes a token's labels, or narrows its modules. Needs `If-Match`.
#[utoipa::path(patch, path = "/v1/tokens/{id}", tag = "tokens", request_body = RelabelToken,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "the ETag that the change is meant for")),
    responses(
        (status = 200, body = TokenObject),
        (status = 404), (status = 410), (status = 412), (status = 428)))]
#[patch("/tokens/<id>", data = "<body>")]
pub(in crate::http) async fn relabel(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
    version: Version,
    body: Body,
) -> Result<Reply, Failure> {
    let change = body.json::<RelabelToken>()?.try_into()?;
    let version = version.required()?;
    shown(site, site.service.change(asker.0?, Target { version, ..target(id)? }, change).await?)
}

/// Revokes a token for good.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 204), (status = 404), (status = 410), (status = 412)))]
#[delete("/tokens/<id>")]
pub(in crate::http) async fn delete(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
    version: Version,
) -> Result<Reply, Failure> {
    site.service.change(asker.0?, at(id, &version)?, Change::Delete).await?;
    Ok(Reply::empty(204))
}

/// Switches a token off, until it is enabled.
#[utoipa::path(post, path = "/v1/tokens/{id}/disable", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 200, body = TokenObject), (status = 404), (status = 410), (status = 412)))]
#[post("/tokens/<id>/disable")]
pub(in crate::http) async fn disable(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
    version: Version,
) -> Result<Reply, Failure> {
    shown(site, site.service.change(asker.0?, at(id, &version)?, Change::Disable).await?)
}

/// Switches a token on again.
#[utoipa::path(post, path = "/v1/tokens/{id}/enable", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 200, body = TokenObject), (status = 404), (status = 410), (status = 412)))]
#[post("/tokens/<id>/enable")]
pub(in crate::http) async fn enable(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
    version: Version,
) -> Result<Reply, Failure> {
    shown(site, site.service.change(asker.0?, at(id, &version)?, Change::Enable).await?)
}
