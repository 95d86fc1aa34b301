//! The list of tokens: a page of it, or all of it as a stream of lines.

use std::convert::Infallible;

use rocket::{
    Request, State, get,
    http::uri::Origin,
    outcome::Outcome,
    request::{self, FromRequest},
};

use super::{
    object,
    parameters::Parameters,
    rql,
    wire::{Meta, Pagination, TokenPage},
};
use crate::{
    core::{
        listing::{Count, Listing, Position},
        refusal::Failure,
    },
    http::{Site, guard::Asker, reply::Reply},
    service::list::TokenQuery,
};

/// How many tokens a page has at the most, and where the request doesn't say.
const PAGE: u32 = 100;

/// How many tokens a stream has at the most.
const STREAM: u32 = 10_000;

const LINES: &str = "application/jsonl";

/// Whether a request asks for a stream: by both of the vendor's headers.
pub(super) struct Streams(bool);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Streams {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        let headers = request.headers();
        let accepted = headers.get("accept").flat_map(|accept| accept.split(','));
        let mut media_types = accepted.filter_map(|one| one.split(';').next());
        let lines = media_types.any(|media_type| media_type.trim().eq_ignore_ascii_case(LINES));
        let streams =
            headers.get_one("mpt-streaming").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Outcome::Success(Self(lines && streams))
    }
}

/// The caller's tokens. Every other segment of the query is a condition (RQL) that must hold: `eq(status,Active)`,
/// `name=deploy`, `or(ilike(name,*ci*),any(modules,id=MOD-1234))`.
#[utoipa::path(get, path = "/v1/accounts/api-tokens", tag = "softwareone",
    params(
        ("select" = Option<String>, Query, description = "members of each object: `+audit,-name`"),
        ("order" = Option<String>, Query, description = "`id` (the order they were made in), `name`, `description`, `status`, `lastAccessAt`, `audit.created.at`, `audit.updated.at`, `-` before one for descending"),
        ("limit" = Option<i64>, Query, minimum = 0, description = "at most so many; 100 at the most, 0 to count only"),
        ("offset" = Option<i64>, Query, minimum = 0, description = "after so many"),
        ("token" = Option<String>, Query, description = "the one token whose secret this is"),
        ("MPT-Streaming" = Option<String>, Header, description = "`true`, beside `Accept: application/jsonl`: one object a line, up to 10,000"),
    ),
    responses((status = 200, content(
        (TokenPage<'static> = "application/json"),
        (String = "application/jsonl"),
    ), headers(("MPT-Streaming" = String, description = "`true` for a stream"),
        ("MPT-Item-Count" = String, description = "how many lines a stream has")))))]
#[get("/api-tokens")]
pub(super) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    uri: &Origin<'_>,
    streams: Streams,
) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let parameters = Parameters::read(uri)?;
    let selection = parameters.selection()?;
    let (sort, offset) = (parameters.order()?, parameters.offset()?);
    let limit = if streams.0 { parameters.stream_limit(STREAM)? } else { parameters.limit(PAGE)? };
    let filter = rql::filter(&site.service, caller, &parameters.conditions)?;
    let query = TokenQuery::own(Listing {
        filter,
        sort,
        position: Position::Offset(offset),
        limit,
        total: if streams.0 { Count::No } else { Count::Always },
    });
    let page = site.service.tokens(caller, query).await?;
    let total = page.total.unwrap_or_default();
    let objects = page.items.into_iter().map(|view| object(site, view, None, &selection));
    if !streams.0 {
        let data = objects.collect::<Result<_, _>>()?;
        let meta = Meta { pagination: Pagination { offset, limit, total }, omitted: selection.omitted() };
        return Reply::json(200, &TokenPage { meta, data });
    }
    let (mut lines, mut count) = (Vec::new(), 0);
    for object in objects {
        serde_json::to_writer(&mut lines, &object?).map_err(Failure::broken)?;
        lines.push(b'\n');
        count += 1;
    }
    let reply = Reply::file(LINES, lines).header("MPT-Streaming", "true");
    Ok(reply.header("MPT-Item-Count", u64::to_string(&count)))
}
