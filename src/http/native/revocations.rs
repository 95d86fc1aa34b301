//! `/v1/revocations`, which ends many tokens in one call, and `/v1/tokens/{id}/descendants`: what one has minted.

use rocket::{State, get, post};

use super::{
    lists,
    tokens::reference,
    wire::{Asked, CreateRevocation, DescendantObject, ListPage, Paging, RevocationObject},
};
use crate::{
    core::refusal::Failure,
    http::{Site, body::Body, guard::Asker, query::Query, reply::Reply},
};

/// Says which tokens match a filter and would end, and stands by it with a digest; or ends them, all at once, if they are
/// still those that the digest was of. Of all tokens those count that the caller may change; the caller's own ends with
/// the others where it matches. What has expired is dead as it is, and in no plan.
#[utoipa::path(post, path = "/v1/revocations", tag = "tokens", request_body = CreateRevocation, responses(
    (status = 200, body = RevocationObject), (status = 404), (status = 409)))]
#[post("/revocations", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let Asked { filter, action, digest } = body.json::<CreateRevocation>()?.try_into()?;
    let caller = asker.0?;
    let dry_run = digest.is_none();
    let plan = match digest {
        None => site.service.plan_revocation(caller, &filter, action).await?,
        Some(digest) => site.service.carry_out(caller, filter, action, digest).await?,
    };
    Reply::json(200, &RevocationObject::new(plan, dry_run, site.service.now()))
}

/// All that a token has minted and they in turn, the oldest first: deleted ones too, and what was minted by those whose
/// place it has taken.
#[utoipa::path(get, path = "/v1/tokens/{id}/descendants", tag = "tokens",
    params(("id" = String, Path), Paging,
        ("sort" = Option<String>, Query, description = "`created_at`, `-` before it for descending")),
    responses((status = 200, body = ListPage<DescendantObject>), (status = 404)))]
#[get("/tokens/<id>/descendants")]
pub(in crate::http) async fn descendants(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let listing = lists::descendants(&query)?;
    let sort = listing.sort.clone();
    let page = site.service.descendants(asker.0?, reference(id)?, listing).await?;
    let now = site.service.now();
    Reply::json(200, &ListPage::new(page, &sort, |view| DescendantObject::new(view, now)))
}
