//! Dataprep by Trifacta: `/v4/apiAccessTokens`, off like an unknown route where an organization has API access off.
//!
//! Ours to choose, since the vendor doesn't say: an unknown token is a `NotFoundException`; a list without `limit` holds
//! the newest 10,000; the workspace in `x-trifacta-workspace-id` is an organization by slug or any id; tokens have no name
//! there, so that all made there have the same.

mod wire;
mod words;

use std::convert::Infallible;

use rocket::{
    Request, State, delete, get,
    outcome::Outcome,
    post,
    request::{self, FromRequest},
    routes,
};

use self::{
    wire::{CreateToken, CreatedToken, TokenInfo, TokenList},
    words::{Throttled, said},
};
use super::Dialect;
use crate::{
    core::{
        decision::Demand,
        filter::Filter,
        id::{OfToken, Reference},
        listing::{Count, Direction, Listing, Position, TokenField},
        refusal::{Failure, Refusal},
    },
    http::{
        Site,
        body::Body,
        documents::carried,
        guard::Asker,
        mount::{Access, Mount},
        query::{Limits, Query},
        reply::{Reply, Words},
    },
    service::{
        Caller,
        change::{Change, Target},
        list::TokenQuery,
    },
};

pub(super) const DIALECT: Dialect = Dialect {
    name: "dataprep",
    words: Words(said),
    mounts,
    document: carried!("dataprep"),
    #[cfg(test)]
    described: <Document as utoipa::OpenApi>::openapi,
    #[cfg(test)]
    bodies: |status| {
        Some(match status {
            401 => ("text/plain", "DataprepUnauthorized"),
            _ => ("application/json", "DataprepError"),
        })
    },
};

fn mounts() -> Vec<Mount> {
    let routes = routes![create, list, show, delete, describe];
    vec![Mount::new("/v4", DIALECT.words).routes(Access::Needs(Demand::User), routes)]
}

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Dataprep access tokens", description = "As jeton serves them."),
    paths(create, list, show, delete, describe),
    components(schemas(words::ErrorBody, words::Unauthorized, crate::http::openapi::ProblemDocument)),
    security(("basic" = []), ("bearer" = []), ("x-api-key" = []), ("x-access-token" = []), ("user-token" = []))
)]
struct Document;

/// The organization that a request names in a header of its own; `None` for the token's own or the user's home.
struct Workspace<'r>(Result<Option<&'r str>, Refusal>);

const WORKSPACE: &str = "x-trifacta-workspace-id";

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Workspace<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        let mut named = request.headers().get(WORKSPACE).map(str::trim);
        Outcome::Success(Self(match (named.next(), named.next()) {
            (_, Some(_)) => Err(Refusal::invalid(WORKSPACE, "stands twice")),
            (named, None) => Ok(named),
        }))
    }
}

/// Who asks, and about which workspace: one in which the API is on.
fn within<'a>(
    site: &Site,
    asker: Asker<'a>,
    workspace: Workspace<'a>,
) -> Result<(&'a Caller, Option<&'a str>), Failure> {
    let (caller, workspace) = (asker.0?, workspace.0?);
    site.service.open_organization(caller, workspace)?;
    Ok((caller, workspace))
}

/// Issues a token to whoever asks.
#[utoipa::path(post, path = "/v4/apiAccessTokens", tag = "dataprep", request_body = CreateToken,
    params(("x-trifacta-workspace-id" = Option<String>, Header, description = "a slug or any id of an organization")),
    responses((status = 201, body = CreatedToken<'static>), (status = 404), (status = 409), Throttled))]
#[post("/apiAccessTokens", data = "<body>")]
async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    workspace: Workspace<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let (caller, workspace) = within(site, asker, workspace)?;
    let request = body.json::<CreateToken>()?.request(workspace)?;
    let issued = site.service.issue(caller, request).await?;
    let token_info = TokenInfo::new(issued.view);
    Reply::json(201, &CreatedToken { token_value: issued.secret.expose(), token_info })
}

/// How many tokens a list holds at the most, and where nothing is said of it.
const LIMITS: Limits = Limits { usual: 10_000, most: 10_000 };

/// The caller's own tokens, newest first.
#[utoipa::path(get, path = "/v4/apiAccessTokens", tag = "dataprep",
    params(
        ("limit" = Option<u32>, Query, description = "at most so many", minimum = 1, maximum = 10_000),
        ("offset" = Option<u32>, Query, description = "without so many of the newest", minimum = 0),
        ("x-trifacta-workspace-id" = Option<String>, Header, description = "only those in this organization, by slug or any id"),
    ),
    responses((status = 200, body = TokenList), (status = 404), Throttled))]
#[get("/apiAccessTokens")]
async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    workspace: Workspace<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let (caller, workspace) = within(site, asker, workspace)?;
    let (limit, offset) = (query.once("limit")?, query.once("offset")?);
    let offset = offset.map_or(Ok(0), |text| {
        text.parse::<u32>().map_err(|_| Refusal::invalid("offset", format!("0 to {}", u32::MAX)))
    })?;
    let listing = Listing {
        filter: Filter::default(),
        sort: vec![(TokenField::CreatedAt, Direction::Down)],
        position: Position::Offset(offset.into()),
        limit: LIMITS.read(limit.as_deref())?,
        total: Count::Always,
    };
    let query = TokenQuery { organization: workspace.map(str::to_owned), ..TokenQuery::own(listing) };
    let page = site.service.tokens(caller, query).await?;
    let count = page.total.ok_or_else(|| Failure::broken("a list wasn't counted"))?;
    Reply::json(200, &TokenList { data: page.items.into_iter().map(TokenInfo::new).collect(), count })
}

/// A token by its UUID; whatever isn't one is answered like an unknown one.
fn reference(text: &str) -> Result<Reference<OfToken>, Refusal> {
    let reference = Reference::parse(text).filter(|reference| matches!(reference, Reference::Id(_)));
    reference.ok_or(Refusal::NotFound { what: "token" })
}

/// What is told of one token.
#[utoipa::path(get, path = "/v4/apiAccessTokens/{tokenId}", tag = "dataprep",
    params(("tokenId" = String, Path, format = "uuid"), ("x-trifacta-workspace-id" = Option<String>, Header)),
    responses((status = 200, body = TokenInfo), (status = 404), (status = 410), Throttled))]
#[get("/apiAccessTokens/<tokenId>")]
#[allow(non_snake_case, reason = "the name in the path")]
fn show(
    site: &State<Site>,
    asker: Asker<'_>,
    workspace: Workspace<'_>,
    tokenId: &str,
) -> Result<Reply, Failure> {
    let (caller, _) = within(site, asker, workspace)?;
    Reply::json(200, &TokenInfo::new(site.service.kept_token(caller, &reference(tokenId)?)?))
}

/// Revokes a token, for good: one of the caller's own, or for an administrator anybody's.
#[utoipa::path(delete, path = "/v4/apiAccessTokens/{tokenId}", tag = "dataprep",
    params(("tokenId" = String, Path, format = "uuid"), ("x-trifacta-workspace-id" = Option<String>, Header)),
    responses((status = 204), (status = 404), (status = 410), Throttled))]
#[delete("/apiAccessTokens/<tokenId>")]
#[allow(non_snake_case, reason = "the name in the path")]
async fn delete(
    site: &State<Site>,
    asker: Asker<'_>,
    workspace: Workspace<'_>,
    tokenId: &str,
) -> Result<Reply, Failure> {
    let (caller, _) = within(site, asker, workspace)?;
    site.service.change(caller, Target::of(reference(tokenId)?), Change::Delete).await?;
    Ok(Reply::empty(204))
}

/// What there is.
#[utoipa::path(get, path = "/v4/open-api-spec", tag = "dataprep",
    params(("x-trifacta-workspace-id" = Option<String>, Header)),
    responses((status = 200, body = Object, content_type = "application/json"), (status = 404), Throttled))]
#[get("/open-api-spec")]
fn describe(site: &State<Site>, asker: Asker<'_>, workspace: Workspace<'_>) -> Result<Reply, Failure> {
    within(site, asker, workspace)?;
    Ok(Reply::json_text(DIALECT.document.text()))
}
