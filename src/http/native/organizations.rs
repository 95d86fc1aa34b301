//! `/v1/organizations`: made, listed, read, changed, switched off and on; their policy and privileges.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rocket::{State, delete, get, patch, post, put};

use super::wire::{
    AddPrivilege, ChangeOrganization, ChangePolicy, CreateOrganization, OrganizationObject, OrganizationPage,
    PolicyObject, PrivilegeList,
};
use crate::{
    core::{
        privilege::Privilege,
        refusal::{Failure, Refusal},
    },
    http::{
        Site,
        body::Body,
        guard::{Asker, Version},
        query::{PAGE, Query},
        reply::Reply,
    },
    service::organizations::{OrganizationChange, OrganizationView},
};

fn tagged(reply: Reply, view: &OrganizationView) -> Reply {
    reply.header("ETag", format!("\"{}\"", view.organization.change_sequence))
}

fn shown(status: u16, view: OrganizationView) -> Result<Reply, Failure> {
    let tag = format!("\"{}\"", view.organization.change_sequence);
    Ok(Reply::json(status, &OrganizationObject::from(view))?.header("ETag", tag))
}

fn policy_of(view: &OrganizationView) -> Result<Reply, Failure> {
    Ok(tagged(Reply::json(200, &PolicyObject::from(&view.organization.policy))?, view))
}

fn privileges_of(view: &OrganizationView) -> Result<Reply, Failure> {
    Ok(tagged(Reply::json(200, &PrivilegeList::new(&view.organization.privileges))?, view))
}

fn read_cursor(text: &str) -> Result<String, Refusal> {
    let slug = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    slug.filter(|slug| !slug.is_empty())
        .ok_or_else(|| Refusal::invalid("cursor", "take it from next_cursor of the page before"))
}

/// Makes an organization.
#[utoipa::path(post, path = "/v1/organizations", tag = "organizations", request_body = CreateOrganization, responses(
    (status = 201, body = OrganizationObject, headers(("Location" = String, description = "The organization's path"))),
    (status = 409)))]
#[post("/organizations", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let organization = body.json::<CreateOrganization>()?.try_into()?;
    let view = site.service.create_organization(asker.0?, organization).await?;
    let location = format!("/v1/organizations/{}", view.organization.slug);
    Ok(shown(201, view)?.header("Location", location))
}

/// The organizations that the caller manages or is in, by slug.
#[utoipa::path(get, path = "/v1/organizations", tag = "organizations",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where it isn't given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = OrganizationPage)))]
#[get("/organizations")]
pub(in crate::http) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let query = query.only(&["limit", "cursor"])?;
    let after = query.text("cursor").map(read_cursor).transpose()?;
    let page = site.service.organizations(asker.0?, after, PAGE.read(query.text("limit"))?).await?;
    let document = OrganizationPage {
        items: page.items.into_iter().map(OrganizationObject::from).collect(),
        next_cursor: page.next.map(|slug| URL_SAFE_NO_PAD.encode(slug)),
    };
    Reply::json(200, &document)
}

/// One organization, by slug or any id.
#[utoipa::path(get, path = "/v1/organizations/{organization}", tag = "organizations",
    params(("organization" = String, Path)), responses(
    (status = 200, body = OrganizationObject), (status = 404)))]
#[get("/organizations/<organization>")]
pub(in crate::http) fn show(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
) -> Result<Reply, Failure> {
    shown(200, site.service.organization(asker.0?, organization)?)
}

/// Changes an organization's labels, owner or policy.
#[utoipa::path(patch, path = "/v1/organizations/{organization}", tag = "organizations",
    request_body = ChangeOrganization,
    params(("organization" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag that the change is meant for")),
    responses((status = 200, body = OrganizationObject), (status = 404), (status = 412)))]
#[patch("/organizations/<organization>", data = "<body>")]
pub(in crate::http) async fn change(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    version: Version,
    body: Body,
) -> Result<Reply, Failure> {
    let change = body.json::<ChangeOrganization>()?.try_into()?;
    shown(200, changed(site, asker, organization, change, version).await?)
}

async fn changed(
    site: &Site,
    asker: Asker<'_>,
    organization: &str,
    change: OrganizationChange,
    version: Version,
) -> Result<OrganizationView, Failure> {
    site.service.change_organization(asker.0?, organization, change, version.if_given()).await
}

/// Switches an organization off: every token of it is dead on its next check, and nothing is minted.
#[utoipa::path(post, path = "/v1/organizations/{organization}/disable", tag = "organizations",
    params(("organization" = String, Path)), responses(
    (status = 200, body = OrganizationObject), (status = 404), (status = 412)))]
#[post("/organizations/<organization>/disable")]
pub(in crate::http) async fn disable(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    version: Version,
) -> Result<Reply, Failure> {
    shown(200, changed(site, asker, organization, OrganizationChange::Enable(false), version).await?)
}

/// Switches an organization on again, and with it the tokens that were good before.
#[utoipa::path(post, path = "/v1/organizations/{organization}/enable", tag = "organizations",
    params(("organization" = String, Path)), responses(
    (status = 200, body = OrganizationObject), (status = 404), (status = 412)))]
#[post("/organizations/<organization>/enable")]
pub(in crate::http) async fn enable(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    version: Version,
) -> Result<Reply, Failure> {
    shown(200, changed(site, asker, organization, OrganizationChange::Enable(true), version).await?)
}

/// What tokens an organization allows.
#[utoipa::path(get, path = "/v1/organizations/{organization}/policy", tag = "organizations",
    params(("organization" = String, Path)), responses(
    (status = 200, body = PolicyObject), (status = 404)))]
#[get("/organizations/<organization>/policy")]
pub(in crate::http) fn policy(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
) -> Result<Reply, Failure> {
    policy_of(&site.service.organization(asker.0?, organization)?)
}

/// Changes what tokens an organization allows, from the next one minted on; API access for all at once.
#[utoipa::path(patch, path = "/v1/organizations/{organization}/policy", tag = "organizations",
    request_body = ChangePolicy,
    params(("organization" = String, Path), ("If-Match" = Option<String>, Header, description = "the organization's ETag that the change is meant for")),
    responses((status = 200, body = PolicyObject), (status = 404), (status = 412)))]
#[patch("/organizations/<organization>/policy", data = "<body>")]
pub(in crate::http) async fn change_policy(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    version: Version,
    body: Body,
) -> Result<Reply, Failure> {
    let change = body.json::<ChangePolicy>()?.try_into()?;
    policy_of(&changed(site, asker, organization, change, version).await?)
}

/// The privileges that exist in an organization.
#[utoipa::path(get, path = "/v1/organizations/{organization}/privileges", tag = "organizations",
    params(("organization" = String, Path)), responses(
    (status = 200, body = PrivilegeList), (status = 404)))]
#[get("/organizations/<organization>/privileges")]
pub(in crate::http) fn privileges(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
) -> Result<Reply, Failure> {
    privileges_of(&site.service.organization(asker.0?, organization)?)
}

/// Puts other privileges in the place of those that exist in an organization.
#[utoipa::path(put, path = "/v1/organizations/{organization}/privileges", tag = "organizations",
    request_body = PrivilegeList, params(("organization" = String, Path)), responses(
    (status = 200, body = PrivilegeList), (status = 404), (status = 412)))]
#[put("/organizations/<organization>/privileges", data = "<body>")]
pub(in crate::http) async fn set_privileges(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    version: Version,
    body: Body,
) -> Result<Reply, Failure> {
    let change = body.json::<PrivilegeList>()?.try_into()?;
    privileges_of(&changed(site, asker, organization, change, version).await?)
}

/// Adds a privilege, if it isn't there.
#[utoipa::path(post, path = "/v1/organizations/{organization}/privileges", tag = "organizations",
    request_body = AddPrivilege, params(("organization" = String, Path)), responses(
    (status = 200, body = PrivilegeList), (status = 404), (status = 412)))]
#[post("/organizations/<organization>/privileges", data = "<body>")]
pub(in crate::http) async fn add_privilege(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    version: Version,
    body: Body,
) -> Result<Reply, Failure> {
    let change = body.json::<AddPrivilege>()?.try_into()?;
    privileges_of(&changed(site, asker, organization, change, version).await?)
}

/// Takes a privilege away: whoever holds it holds it no more, until it is added again.
#[utoipa::path(delete, path = "/v1/organizations/{organization}/privileges/{privilege}", tag = "organizations",
    params(("organization" = String, Path), ("privilege" = String, Path)), responses(
    (status = 204), (status = 404), (status = 412)))]
#[delete("/organizations/<organization>/privileges/<privilege>")]
pub(in crate::http) async fn remove_privilege(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    privilege: &str,
    version: Version,
) -> Result<Reply, Failure> {
    let privilege: Privilege = privilege.parse().map_err(|_| Refusal::NotFound { what: "privilege" })?;
    changed(site, asker, organization, OrganizationChange::RemovePrivilege(privilege), version).await?;
    Ok(Reply::empty(204))
}
