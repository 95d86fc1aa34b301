//! `/v1/organizations/{organization}/members`: who is in an organization, and as what.

use rocket::{State, get};

use super::{
    lists,
    wire::{ListPage, MemberObject, Paging},
};
use crate::{
    core::refusal::Failure,
    http::{Site, guard::Asker, query::Query, reply::Reply},
};

/// An organization's members, in the order the users were made.
#[utoipa::path(get, path = "/v1/organizations/{organization}/members", tag = "members",
    params(("organization" = String, Path, description = "a slug or any id"), Paging,
        ("sort" = Option<String>, Query, description = "`created_at`, which it is where it isn't given, or `username`; `-` before it for descending"),
        ("name" = Option<String>, Query, description = "part of the username, e-mail address, first or last name, capital and small ASCII letters taken as the same"),
        ("role" = Option<String>, Query, description = "`administrator` or `member`"),
        ("may_issue" = Option<bool>, Query, description = "what an administrator has said"),
        ("privilege" = Option<String>, Query, description = "a privilege that was granted, to the letter"),
        ("created_after" = Option<String>, Query, description = "a member from this instant on or later"),
        ("created_before" = Option<String>, Query, description = "a member before this instant"),
    ),
    responses((status = 200, body = ListPage<MemberObject>), (status = 404)))]
#[get("/organizations/<organization>/members")]
pub(in crate::http) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let listing = lists::members(&query)?;
    let sort = listing.sort.clone();
    let page = site.service.members(asker.0?, organization.to_owned(), listing).await?;
    Reply::json(200, &ListPage::new(page, &sort, MemberObject::from))
}
