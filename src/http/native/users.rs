//! `/v1/users`: made, listed, read, changed, disabled, enabled, deleted, given a password.

use rocket::{State, delete, get, patch, post, put};

use super::{
    lists,
    wire::{ChangeUser, CreateUser, ListPage, NewPassword, Paging, UserObject},
};
use crate::{
    core::{decision::Account, refusal::Failure},
    http::{
        Site,
        body::Body,
        guard::{Asker, Version},
        query::Query,
        reply::Reply,
    },
    service::accounts::AccountChange,
};

fn shown(status: u16, account: &Account) -> Result<Reply, Failure> {
    let tag = format!("\"{}\"", account.user.change_sequence);
    Ok(Reply::json(status, &UserObject::from(account))?.header("ETag", tag))
}

/// Makes a user in an organization that the caller manages.
#[utoipa::path(post, path = "/v1/users", tag = "users", request_body = CreateUser, responses(
    (status = 201, body = UserObject, headers(("Location" = String, description = "The user's path"))), (status = 404), (status = 409)))]
#[post("/users", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let user = body.json::<CreateUser>()?.try_into()?;
    let account = site.service.create_user(asker.0?, user).await?;
    let location = format!("/v1/users/{}", account.user.id);
    Ok(shown(201, &account)?.header("Location", location))
}

/// Users, in the order they were made: all of them for an operator, the members of the organization for who manages it.
#[utoipa::path(get, path = "/v1/users", tag = "users",
    params(Paging,
        ("sort" = Option<String>, Query, description = "`created_at`, which it is where it isn't given, or `username`; `-` before it for descending"),
        ("organization" = Option<String>, Query, description = "a slug or any id; only its members"),
        ("name" = Option<String>, Query, description = "part of the username, e-mail address, first or last name, capital and small ASCII letters taken as the same"),
        ("active" = Option<bool>, Query),
        ("operator" = Option<bool>, Query),
        ("role" = Option<String>, Query, description = "`administrator` or `member`, in the organization that is asked for, else at home"),
        ("created_after" = Option<String>, Query, description = "at this instant or later"),
        ("created_before" = Option<String>, Query, description = "before this instant"),
    ),
    responses((status = 200, body = ListPage<UserObject>), (status = 404)))]
#[get("/users")]
pub(in crate::http) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let (organization, listing) = lists::users(&query)?;
    let sort = listing.sort.clone();
    let page = site.service.users(asker.0?, organization, listing).await?;
    Reply::json(200, &ListPage::new(page, &sort, |account| UserObject::from(&account)))
}

/// One user that the caller may see, by name or id.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "users", params(("user" = String, Path)), responses(
    (status = 200, body = UserObject), (status = 404)))]
#[get("/users/<user>")]
pub(in crate::http) fn show(site: &State<Site>, asker: Asker<'_>, user: &str) -> Result<Reply, Failure> {
    shown(200, &site.service.user(asker.0?, user)?)
}

/// Changes a user's labels; by an operator, the home and whether they operate the instance too.
#[utoipa::path(patch, path = "/v1/users/{user}", tag = "users", request_body = ChangeUser,
    params(("user" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag that the change is meant for")),
    responses((status = 200, body = UserObject), (status = 404), (status = 409), (status = 412)))]
#[patch("/users/<user>", data = "<body>")]
pub(in crate::http) async fn change(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
    version: Version,
    body: Body,
) -> Result<Reply, Failure> {
    let change = body.json::<ChangeUser>()?.try_into()?;
    shown(200, &site.service.change_account(asker.0?, user, change, version.if_given()).await?)
}

/// Disables a user: no sign-in, and every token dead on its next check.
#[utoipa::path(post, path = "/v1/users/{user}/disable", tag = "users", params(("user" = String, Path)), responses(
    (status = 200, body = UserObject), (status = 404), (status = 409), (status = 412)))]
#[post("/users/<user>/disable")]
pub(in crate::http) async fn disable(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
    version: Version,
) -> Result<Reply, Failure> {
    let change = AccountChange::Activate(false);
    shown(200, &site.service.change_account(asker.0?, user, change, version.if_given()).await?)
}

/// Enables a user, and with it the tokens that were good before.
#[utoipa::path(post, path = "/v1/users/{user}/enable", tag = "users", params(("user" = String, Path)), responses(
    (status = 200, body = UserObject), (status = 404), (status = 412)))]
#[post("/users/<user>/enable")]
pub(in crate::http) async fn enable(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
    version: Version,
) -> Result<Reply, Failure> {
    let change = AccountChange::Activate(true);
    shown(200, &site.service.change_account(asker.0?, user, change, version.if_given()).await?)
}

/// Deletes a user for good: no sign-in, every token dead at once, and what is personal erased soon after.
#[utoipa::path(delete, path = "/v1/users/{user}", tag = "users", params(("user" = String, Path)), responses(
    (status = 204), (status = 404), (status = 409), (status = 412)))]
#[delete("/users/<user>")]
pub(in crate::http) async fn delete(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
    version: Version,
) -> Result<Reply, Failure> {
    site.service.delete_user(asker.0?, user, version.if_given()).await?;
    Ok(Reply::empty(204))
}

/// Sets a password: whoever manages the account, or the user by the old one. Tokens stay as they are.
#[utoipa::path(put, path = "/v1/users/{user}/password", tag = "users", request_body = NewPassword,
    params(("user" = String, Path)), responses(
    (status = 204), (status = 404)))]
#[put("/users/<user>/password", data = "<body>")]
pub(in crate::http) async fn set_password(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
    body: Body,
) -> Result<Reply, Failure> {
    let body = body.json::<NewPassword>()?;
    site.service.set_password(asker.0?, user, body.password.0).await?;
    Ok(Reply::empty(204))
}
