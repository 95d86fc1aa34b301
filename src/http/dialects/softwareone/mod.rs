//! SoftwareONE Marketplace: API tokens of an account, enabled, disabled and found by queries.
//!
//! Ours to choose, since the vendor doesn't say: an expired token shows `Disabled` and can be neither enabled nor
//! disabled; a change of status from the wrong one is 400; an account's `type` is `Vendor` and its `status` says whether
//! the organization is in use; `by` in `audit` has a name alone. Lists have the oldest first, unless they are ordered;
//! ids are ordered as they were given. `select` works wherever an object is sent, and never takes its `id` away.
//! `null()` and `empty()` are the same; a time without a zone is in UTC. A streamed list ends after 10,000 tokens.

mod list;
mod parameters;
pub mod rql;
mod select;
mod wire;
mod words;

use rocket::{State, delete, get, http::uri::Origin, post, put, routes};

use self::{
    parameters::selected,
    select::Selection,
    wire::{NewToken, Shown, TokenChange, TokenObject},
};
use super::Dialect;
use crate::{
    core::{
        decision::{Demand, Subject},
        id::{Kind as _, OfOrganization, OfToken, Reference},
        number::Number,
        refusal::{Failure, Refusal},
        secret::SecretText,
    },
    http::{
        Site,
        body::Body,
        documents::carried,
        guard::{Asker, Presented},
        mount::{Access, Mount},
        reply::{Reply, Words},
    },
    service::{
        Caller,
        change::{Change, Target},
        list::TokenView,
    },
};

pub(super) const DIALECT: Dialect = Dialect {
    name: "softwareone",
    words: Words(words::said),
    mounts,
    document: carried!("softwareone"),
    #[cfg(test)]
    described,
    #[cfg(test)]
    bodies: |_| Some(("application/problem+json", "SoftwareoneProblem")),
};

fn mounts() -> Vec<Mount> {
    let mount = |base| {
        Mount::new(base, DIALECT.words).routes(Access::NeedsToFind(Demand::User), routes![list::list]).routes(
            Access::Needs(Demand::User),
            routes![create, show, show_in_account, change, delete, enable, disable],
        )
    };
    vec![mount("/v1/accounts"), mount("/public/v1/accounts")]
}

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "SoftwareONE API tokens", description = "As jeton serves them."),
    paths(create, list::list, show, show_in_account, change, delete, enable, disable),
    components(schemas(words::Problem, crate::http::openapi::ProblemDocument)),
    security(("bearer" = []), ("basic" = []), ("x-api-key" = []), ("x-access-token" = []), ("user-token" = []))
)]
struct Document;

/// All that is served, below `/public` too.
#[cfg(test)]
fn described() -> utoipa::openapi::OpenApi {
    let (mut document, mut public) =
        (<Document as utoipa::OpenApi>::openapi(), <Document as utoipa::OpenApi>::openapi());
    for operation in crate::http::openapi::operations(&mut public) {
        operation.operation_id = operation.operation_id.take().map(|id| format!("public_{id}"));
    }
    let paths = public.paths.paths.into_iter().map(|(path, item)| (format!("/public{path}"), item));
    document.paths.paths.extend(paths);
    document
}

/// A token by its `TKN-` id; what is none is answered like an unknown one.
fn reference(id: &str) -> Result<Reference<OfToken>, Refusal> {
    let number = Number::parse(OfToken::PREFIX, id).map(Reference::Number);
    number.ok_or(Refusal::NotFound { what: OfToken::NAME })
}

/// An object as it is sent; `secret` is what stands in its `token`.
fn object<'a>(
    site: &Site,
    view: TokenView,
    secret: Option<&'a str>,
    selection: &Selection,
) -> Result<TokenObject<'a>, Failure> {
    let names_authors = selection.has("audit.created.by") || selection.has("audit.updated.by");
    let authors = if names_authors {
        site.service.token_authors(view.token.id)?
    } else {
        <[Option<String>; 2]>::default()
    };
    Ok(TokenObject::new(Shown { view, now: site.service.now(), secret, authors }, selection))
}

/// Issues a token. Its secret stands in this reply and nowhere else.
#[utoipa::path(post, path = "/v1/accounts/api-tokens", tag = "softwareone", request_body = NewToken,
    params(("select" = Option<String>, Query, description = "members of the reply: `+audit,-name`")),
    responses((status = 201, body = TokenObject<'static>), (status = 409)))]
#[post("/api-tokens", data = "<body>")]
async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    uri: &Origin<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let selection = selected(uri)?;
    let request = body.json::<NewToken>()?.try_into()?;
    let issued = site.service.issue(asker.0?, request).await?;
    let number = issued.view.token.number.show::<OfToken>();
    let secret = SecretText::new(format!("idt:{number}:{}", issued.secret.expose()));
    Reply::json(201, &object(site, issued.view, Some(secret.expose()), &selection)?)
}

/// The text that was presented, where it is this very token that was.
fn presented_of<'p>(caller: &Caller, view: &TokenView, presented: &'p Presented) -> Option<&'p str> {
    let Subject::Token(standing) = &caller.subject else { return None };
    presented.0.as_ref().filter(|_| standing.token.id == view.token.id).map(SecretText::expose)
}

/// One of the caller's tokens.
#[utoipa::path(get, path = "/v1/accounts/api-tokens/{id}", tag = "softwareone",
    params(("id" = String, Path, pattern = "^TKN-[0-9]{4}-[0-9]{4}$"), ("select" = Option<String>, Query, description = "members of the reply: `+audit,-name`")),
    responses((status = 200, body = TokenObject<'static>), (status = 404)))]
#[get("/api-tokens/<id>")]
fn show(
    site: &State<Site>,
    asker: Asker<'_>,
    presented: Presented,
    uri: &Origin<'_>,
    id: &str,
) -> Result<Reply, Failure> {
    let (caller, selection) = (asker.0?, selected(uri)?);
    let view = site.service.token(caller, &reference(id)?)?;
    let secret = presented_of(caller, &view, &presented);
    Reply::json(200, &object(site, view, secret, &selection)?)
}

/// One of the caller's tokens, where its `href` says that it is.
#[utoipa::path(get, path = "/v1/accounts/accounts/{account}/tokens/{id}", tag = "softwareone",
    params(("account" = String, Path, pattern = "^ACC-[0-9]{4}-[0-9]{4}$"), ("id" = String, Path, pattern = "^TKN-[0-9]{4}-[0-9]{4}$"),
        ("select" = Option<String>, Query, description = "members of the reply: `+audit,-name`")),
    responses((status = 200, body = TokenObject<'static>), (status = 404)))]
#[get("/accounts/<account>/tokens/<id>")]
fn show_in_account(
    site: &State<Site>,
    asker: Asker<'_>,
    presented: Presented,
    uri: &Origin<'_>,
    account: &str,
    id: &str,
) -> Result<Reply, Failure> {
    let (caller, selection) = (asker.0?, selected(uri)?);
    let view = site.service.token(caller, &reference(id)?)?;
    if view.organization.number.show::<OfOrganization>() != account {
        return Err(Refusal::NotFound { what: OfToken::NAME }.into());
    }
    let secret = presented_of(caller, &view, &presented);
    Reply::json(200, &object(site, view, secret, &selection)?)
}

/// Changes a token's labels, or narrows its modules.
#[utoipa::path(put, path = "/v1/accounts/api-tokens/{id}", tag = "softwareone", request_body = TokenChange,
    params(("id" = String, Path, pattern = "^TKN-[0-9]{4}-[0-9]{4}$"), ("select" = Option<String>, Query, description = "members of the reply: `+audit,-name`")),
    responses((status = 200, body = TokenObject<'static>), (status = 404)))]
#[put("/api-tokens/<id>", data = "<body>")]
async fn change(
    site: &State<Site>,
    asker: Asker<'_>,
    uri: &Origin<'_>,
    id: &str,
    body: Body,
) -> Result<Reply, Failure> {
    let (caller, selection, reference) = (asker.0?, selected(uri)?, reference(id)?);
    let body = body.json::<TokenChange>()?;
    if let Some(account) = body.account() {
        let kept = site.service.kept_token(caller, &reference)?;
        if kept.organization.number.show::<OfOrganization>() != account {
            return Err(Refusal::invalid("account", "a token stays in its account").into());
        }
    }
    let changed = site.service.change(caller, Target::of(reference), body.try_into()?).await?;
    Reply::json(200, &object(site, changed, None, &selection)?)
}

/// Revokes a token for good.
#[utoipa::path(delete, path = "/v1/accounts/api-tokens/{id}", tag = "softwareone", params(("id" = String, Path, pattern = "^TKN-[0-9]{4}-[0-9]{4}$")),
    responses((status = 204), (status = 404)))]
#[delete("/api-tokens/<id>")]
async fn delete(site: &State<Site>, asker: Asker<'_>, id: &str) -> Result<Reply, Failure> {
    site.service.change(asker.0?, Target::of(reference(id)?), Change::Delete).await?;
    Ok(Reply::empty(204))
}

/// Switches a disabled token on again.
#[utoipa::path(post, path = "/v1/accounts/api-tokens/{id}/enable", tag = "softwareone",
    params(("id" = String, Path, pattern = "^TKN-[0-9]{4}-[0-9]{4}$"), ("select" = Option<String>, Query, description = "members of the reply: `+audit,-name`")),
    responses((status = 200, body = TokenObject<'static>), (status = 404)))]
#[post("/api-tokens/<id>/enable")]
async fn enable(site: &State<Site>, asker: Asker<'_>, uri: &Origin<'_>, id: &str) -> Result<Reply, Failure> {
    switch(site, asker, uri, id, Change::Enable).await
}

/// Switches an active token off, until it is enabled.
#[utoipa::path(post, path = "/v1/accounts/api-tokens/{id}/disable", tag = "softwareone",
    params(("id" = String, Path, pattern = "^TKN-[0-9]{4}-[0-9]{4}$"), ("select" = Option<String>, Query, description = "members of the reply: `+audit,-name`")),
    responses((status = 200, body = TokenObject<'static>), (status = 404)))]
#[post("/api-tokens/<id>/disable")]
async fn disable(site: &State<Site>, asker: Asker<'_>, uri: &Origin<'_>, id: &str) -> Result<Reply, Failure> {
    switch(site, asker, uri, id, Change::Disable).await
}

async fn switch(
    site: &Site,
    asker: Asker<'_>,
    uri: &Origin<'_>,
    id: &str,
    to: Change,
) -> Result<Reply, Failure> {
    let (caller, selection) = (asker.0?, selected(uri)?);
    let target = Target { strict: true, ..Target::of(reference(id)?) };
    let switched = site.service.change(caller, target, to).await?;
    Reply::json(200, &object(site, switched, None, &selection)?)
}
