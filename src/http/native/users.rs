//! `/v1/users`: made, listed, read, disabled, enabled, given a password.

use rocket::{State, get, post, put};

use super::{
    lists,
    wire::{CreateUser, ListPage, NewPassword, Paging, UserObject},
};
use crate::{
    core::{decision::Account, refusal::Failure},
    http::{Site, body::Body, guard::Asker, query::Query, reply::Reply},
};

fn shown(account: &Account) -> Result<Reply, Failure> {
    Reply::json(200, &UserObject::from(account))
}

/// Makes a user.
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
    Ok(Reply::json(201, &UserObject::from(&account))?.header("Location", location))
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

/// One user, by name or id.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "users", params(("user" = String, Path)), responses(
    (status = 200, body = UserObject), (status = 404)))]
#[get("/users/<user>")]
pub(in crate::http) fn show(site: &State<Site>, user: &str) -> Result<Reply, Failure> {
    shown(&site.service.user(user)?)
}

/// Disables a user: no sign-in, and every token dead on its next check.
#[utoipa::path(post, path = "/v1/users/{user}/disable", tag = "users", params(("user" = String, Path)), responses(
    (status = 200, body = UserObject), (status = 404)))]
#[post("/users/<user>/disable")]
pub(in crate::http) async fn disable(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
) -> Result<Reply, Failure> {
    shown(&site.service.set_user_active(asker.0?, user, false).await?)
}

/// Enables a user, and with it the tokens that were good before.
#[utoipa::path(post, path = "/v1/users/{user}/enable", tag = "users", params(("user" = String, Path)), responses(
    (status = 200, body = UserObject), (status = 404)))]
#[post("/users/<user>/enable")]
pub(in crate::http) async fn enable(
    site: &State<Site>,
    asker: Asker<'_>,
    user: &str,
) -> Result<Reply, Failure> {
    shown(&site.service.set_user_active(asker.0?, user, true).await?)
}

/// Sets a password: an operator anybody's, a user their own with the old one. Tokens stay as they are.
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
