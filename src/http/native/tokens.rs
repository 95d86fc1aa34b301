//! `/v1/tokens`: issued, listed, read, relabelled, switched off and on, revoked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rocket::{State, delete, get, patch, post};

use super::wire::{CreateToken, CreatedToken, RelabelToken, TokenObject, TokenPage};
use crate::{
    core::{
        id::{Id, OfToken, Reference},
        refusal::{Failure, Refusal},
    },
    http::{
        Site,
        body::Body,
        guard::{Asker, Version},
        query::{Query, page_limit},
        reply::Reply,
    },
    service::{change::Change, list::TokenView},
};

/// A token by any of its ids; what is none of them is answered like an unknown one.
fn reference(text: &str) -> Result<Reference<OfToken>, Refusal> {
    Reference::parse(text).ok_or(Refusal::NotFound { what: "token" })
}

fn shown(site: &Site, view: TokenView) -> Result<Reply, Failure> {
    let tag = format!("\"{}\"", view.token.change_sequence);
    Ok(Reply::json(200, &TokenObject::new(view, site.service.now()))?.header("ETag", tag))
}

/// A cursor as text: what it holds is nobody's business and may change.
pub(super) fn show_cursor<K>(id: Id<K>) -> String {
    URL_SAFE_NO_PAD.encode(id.0)
}

/// Reads a cursor.
pub(super) fn read_cursor<K>(text: &str) -> Result<Id<K>, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(Id::from_bytes)
        .ok_or_else(|| Refusal::invalid("cursor", "take it from next_cursor of the page before"))
}

/// Issues a token. Its secret stands in this reply and nowhere else, ever.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = CreateToken, responses(
    (status = 201, body = CreatedToken<'static>, headers(("Location" = String, description = "The token's path"))), (status = 404), (status = 409)))]
#[post("/tokens", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let request = body.json::<CreateToken>()?.try_into()?;
    let issued = site.service.issue(asker.0?, request).await?;
    let location = format!("/v1/tokens/{}", issued.view.token.id);
    let tag = format!("\"{}\"", issued.view.token.change_sequence);
    let object = TokenObject::new(issued.view, site.service.now());
    let document = CreatedToken { object, token: issued.secret.expose() };
    Ok(Reply::json(201, &document)?.header("Location", location).header("ETag", tag))
}

/// The caller's tokens, newest first, without the deleted.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where it isn't given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("owner" = Option<String>, Query, description = "a username, for the local operator"),
    ),
    responses(
        (status = 200, body = TokenPage),
        (status = 404)))]
#[get("/tokens")]
pub(in crate::http) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let [limit, cursor, owner] = query.only(["limit", "cursor", "owner"])?;
    let limit = page_limit(limit.as_deref())?;
    let before = cursor.as_deref().map(read_cursor).transpose()?;
    let page = site.service.tokens(asker.0?, owner.as_deref(), before, limit).await?;
    let now = site.service.now();
    let document = TokenPage {
        items: page.items.into_iter().map(|view| TokenObject::new(view, now)).collect(),
        next_cursor: page.next.map(show_cursor),
    };
    Reply::json(200, &document)
}

/// The token that is presented.
#[utoipa::path(get, path = "/v1/tokens/self", tag = "tokens", responses(
    (status = 200, body = TokenObject), (status = 404)))]
#[get("/tokens/self")]
pub(in crate::http) fn show_self(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    shown(site, site.service.own_token(asker.0?)?)
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
    shown(site, site.service.change(asker.0?, reference(id)?, change, version).await?)
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
    site.service.change(asker.0?, reference(id)?, Change::Delete, version.if_given()).await?;
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
    shown(site, site.service.change(asker.0?, reference(id)?, Change::Disable, version.if_given()).await?)
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
    shown(site, site.service.change(asker.0?, reference(id)?, Change::Enable, version.if_given()).await?)
}
