//! `/v1/organizations/{organization}/members`: listed, put there, read, changed, taken out.

use rocket::{State, delete, get, patch, post};

use super::{
    lists,
    wire::{AddMember, ChangeMember, ListPage, MemberObject, Paging},
};
use crate::{
    core::refusal::Failure,
    http::{Site, body::Body, guard::Asker, query::Query, reply::Reply},
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

/// Puts a user into an organization.
#[utoipa::path(post, path = "/v1/organizations/{organization}/members", tag = "members", request_body = AddMember,
    params(("organization" = String, Path)), responses(
    (status = 201, body = MemberObject, headers(("Location" = String, description = "The member's path"))), (status = 404), (status = 409)))]
#[post("/organizations/<organization>/members", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    body: Body,
) -> Result<Reply, Failure> {
    let member = body.json::<AddMember>()?.try_into()?;
    let view = site.service.add_member(asker.0?, organization, member).await?;
    let location = format!("/v1/organizations/{}/members/{}", view.organization, view.user.id);
    Ok(Reply::json(201, &MemberObject::from(view))?.header("Location", location))
}

/// One member, by username or id.
#[utoipa::path(get, path = "/v1/organizations/{organization}/members/{user}", tag = "members",
    params(("organization" = String, Path), ("user" = String, Path)), responses(
    (status = 200, body = MemberObject), (status = 404)))]
#[get("/organizations/<organization>/members/<user>")]
pub(in crate::http) fn show(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    user: &str,
) -> Result<Reply, Failure> {
    Reply::json(200, &MemberObject::from(site.service.member(asker.0?, organization, user)?))
}

/// Changes what a member is, may and holds.
#[utoipa::path(patch, path = "/v1/organizations/{organization}/members/{user}", tag = "members",
    request_body = ChangeMember, params(("organization" = String, Path), ("user" = String, Path)), responses(
    (status = 200, body = MemberObject), (status = 404), (status = 409)))]
#[patch("/organizations/<organization>/members/<user>", data = "<body>")]
pub(in crate::http) async fn change(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    user: &str,
    body: Body,
) -> Result<Reply, Failure> {
    let update = body.json::<ChangeMember>()?.try_into()?;
    let view = site.service.change_member(asker.0?, organization, user, update).await?;
    Reply::json(200, &MemberObject::from(view))
}

/// Takes a user out of an organization: their tokens of it are dead, until they are put there again.
#[utoipa::path(delete, path = "/v1/organizations/{organization}/members/{user}", tag = "members",
    params(("organization" = String, Path), ("user" = String, Path)), responses(
    (status = 204), (status = 404), (status = 409)))]
#[delete("/organizations/<organization>/members/<user>")]
pub(in crate::http) async fn remove(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    user: &str,
) -> Result<Reply, Failure> {
    site.service.remove_member(asker.0?, organization, user).await?;
    Ok(Reply::empty(204))
}
