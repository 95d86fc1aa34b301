//! Kodexa: access tokens of one's own, in pages that are narrowed by a small language.
//!
//! Ours to choose, since the vendor doesn't say: the secret stands in `token`, in the reply that makes it alone; a token
//! that is given no name is called `Access token`; a PUT without `changeSequence` is meant for any; a user's roles are
//! those in the organization that the caller acts in; preferences are what a page shows to somebody who knows it; the
//! environment is called `jeton`.
//!
//! Of a page: `pageSize` above 100 is 100; parameters without a value, and those that there aren't, mean nothing; `*` in
//! `query` is everything; a page is always sorted, by default the newest first. Of a filter: see [`filter`].

mod fields;
mod filter;
mod page;
mod wire;
mod words;

use rocket::{State, delete, get, post, put, routes};

use self::{
    page::{PageRequest, TokenPage},
    wire::{AccessToken, CreatedToken, NewToken, Overview, TokenUpdate, UserObject},
    words::WORDS,
};
use super::Dialect;
use crate::{
    core::{
        decision::{Account, Demand},
        id::{OfToken, Reference},
        refusal::{Failure, Refusal},
        user::Membership,
    },
    http::{
        Site,
        body::Body,
        carrier::Carriers,
        documents::carried,
        guard::Asker,
        mount::{Access, Mount},
        query::Query,
        reply::Reply,
    },
    service::{
        Caller,
        change::{Change, Labels, Target},
        list::{TokenQuery, TokenView},
    },
};

pub(super) const DIALECT: Dialect = Dialect {
    name: "kodexa",
    words: WORDS,
    mounts,
    document: carried!("kodexa"),
    #[cfg(test)]
    described: <Document as utoipa::OpenApi>::openapi,
    #[cfg(test)]
    bodies: |_| Some(words::BODY),
};

fn mounts() -> Vec<Mount> {
    let mount = Mount::new("/api", DIALECT.words)
        .carried_by(Carriers::Over("x-api-key", "x-access-token"))
        .routes(Access::Needs(Demand::User), routes![create, list, show, update, delete, account, overview]);
    vec![mount]
}

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Kodexa access tokens", description = "As jeton serves them."),
    paths(create, list, show, update, delete, account, overview),
    components(schemas(words::Problem, crate::http::openapi::ProblemDocument)),
    security(("x-api-key" = []), ("x-access-token" = []), ("bearer" = []), ("basic" = []))
)]
struct Document;

/// A token by either of its UUIDs; what is none is answered like an unknown one.
fn reference(text: &str) -> Result<Reference<OfToken>, Refusal> {
    match Reference::parse(text) {
        Some(reference @ Reference::Id(_)) => Ok(reference),
        _ => Err(Refusal::NotFound { what: "token" }),
    }
}

fn account_of(caller: &Caller) -> Result<&Account, Refusal> {
    caller.subject.account().ok_or(Refusal::UserRequired)
}

/// What a token's owner is, as far as the caller may know.
fn membership(site: &Site, caller: &Caller, view: &TokenView) -> Result<Option<Membership>, Failure> {
    let account = account_of(caller)?;
    if account.user.id == view.owner.id {
        return Ok(account.membership.clone());
    }
    match site.service.user(caller, &view.owner.id.to_string()) {
        Ok(account) => Ok(account.membership),
        Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn shown(site: &Site, caller: &Caller, view: TokenView) -> Result<Reply, Failure> {
    let membership = membership(site, caller, &view)?;
    Reply::json(200, &AccessToken::new(view, membership.as_ref()))
}

/// Makes an access token. Its secret stands in this reply and nowhere else, ever.
#[utoipa::path(post, path = "/api/access-tokens", tag = "kodexa", request_body = NewToken, responses(
    (status = 201, body = CreatedToken<'static>), (status = 404), (status = 409)))]
#[post("/access-tokens", data = "<body>")]
async fn create(site: &State<Site>, asker: Asker<'_>, body: Body) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let body: NewToken = if body.is_empty() { NewToken::default() } else { body.json()? };
    let issued = site.service.issue(caller, body.try_into()?).await?;
    let membership = membership(site, caller, &issued.view)?;
    let object = AccessToken::new(issued.view, membership.as_ref());
    Reply::json(201, &CreatedToken { object, token: issued.secret.expose() })
}

/// A page of the caller's own access tokens.
#[utoipa::path(get, path = "/api/access-tokens", tag = "kodexa",
    params(
        ("page" = Option<u32>, Query, description = "from 0 on"),
        ("pageSize" = Option<u32>, Query, minimum = 1, description = "10 where it isn't given; more than 100 are 100"),
        ("sort" = Option<Vec<String>>, Query, description = "fields and directions: `name:asc;createdOn:desc`; the newest first where it isn't given"),
        ("filter" = Option<Vec<String>>, Query, description = "conditions such as `name ~ 'deploy*' and not (expiresAt : null)`; all that are given must hold"),
        ("query" = Option<String>, Query, description = "part of the name, in any case; `*` for everything"),
    ),
    responses((status = 200, body = TokenPage)))]
#[get("/access-tokens")]
async fn list(site: &State<Site>, asker: Asker<'_>, query: Query<'_>) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let account = account_of(caller)?;
    let request = PageRequest::read(&query, &account.user)?;
    let query = TokenQuery::own(request.listing());
    let page = site.service.tokens(caller, query).await?;
    let membership = account.membership.as_ref();
    let content = page.items.into_iter().map(|view| AccessToken::new(view, membership)).collect();
    Reply::json(200, &TokenPage::new(&request, content, page.total.unwrap_or_default()))
}

/// One access token, by either of its UUIDs.
#[utoipa::path(get, path = "/api/access-tokens/{id}", tag = "kodexa", params(("id" = String, Path, format = "uuid")), responses(
    (status = 200, body = AccessToken), (status = 404)))]
#[get("/access-tokens/<id>")]
fn show(site: &State<Site>, asker: Asker<'_>, id: &str) -> Result<Reply, Failure> {
    let caller = asker.0?;
    shown(site, caller, site.service.kept_token(caller, &reference(id)?)?)
}

/// Changes an access token's name. Nothing else of it ever changes.
#[utoipa::path(put, path = "/api/access-tokens/{id}", tag = "kodexa", request_body = TokenUpdate,
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = AccessToken), (status = 404), (status = 409)))]
#[put("/access-tokens/<id>", data = "<body>")]
async fn update(site: &State<Site>, asker: Asker<'_>, id: &str, body: Body) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let reference = reference(id)?;
    let body: TokenUpdate = body.json()?;
    body.check(&site.service.kept_token(caller, &reference)?.token)?;
    let change = Change::Relabel(Labels { name: body.name()?, description: None, icon: None, modules: None });
    let target = Target { version: body.version(), ..Target::of(reference) };
    shown(site, caller, site.service.change(caller, target, change).await?)
}

/// Revokes an access token for good.
#[utoipa::path(delete, path = "/api/access-tokens/{id}", tag = "kodexa", params(("id" = String, Path, format = "uuid")), responses(
    (status = 204), (status = 404)))]
#[delete("/access-tokens/<id>")]
async fn delete(site: &State<Site>, asker: Asker<'_>, id: &str) -> Result<Reply, Failure> {
    site.service.change(asker.0?, Target::of(reference(id)?), Change::Delete).await?;
    Ok(Reply::empty(204))
}

/// The caller.
#[utoipa::path(get, path = "/api/account/me", tag = "kodexa", responses((status = 200, body = UserObject)))]
#[get("/account/me")]
fn account(asker: Asker<'_>) -> Result<Reply, Failure> {
    let account = account_of(asker.0?)?;
    Reply::json(200, &UserObject::new(&account.user, account.membership.as_ref()))
}

/// What serves this API: the vendor's clients read it to see whether a login is good.
#[utoipa::path(get, path = "/api/overview", tag = "kodexa", responses((status = 200, body = Overview)))]
#[get("/overview")]
fn overview() -> Result<Reply, Failure> {
    Reply::json(200, &Overview::new())
}
