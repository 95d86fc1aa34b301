//! `/v1/organizations/{organization}/modules`: made, listed, renamed, removed.

use rocket::{State, delete, get, patch, post};

use super::wire::{AddModule, ModuleList, ModuleObject, RenameModule};
use crate::{
    core::refusal::Failure,
    http::{Site, body::Body, guard::Asker, reply::Reply},
};

/// Every module of an organization, by number.
#[utoipa::path(get, path = "/v1/organizations/{organization}/modules", tag = "modules",
    params(("organization" = String, Path)), responses(
    (status = 200, body = ModuleList), (status = 404)))]
#[get("/organizations/<organization>/modules")]
pub(in crate::http) fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
) -> Result<Reply, Failure> {
    let modules = site.service.modules(asker.0?, organization)?;
    Reply::json(200, &ModuleList { items: modules.into_iter().map(ModuleObject::from).collect() })
}

/// Makes a module. A number that one had before is taken.
#[utoipa::path(post, path = "/v1/organizations/{organization}/modules", tag = "modules", request_body = AddModule,
    params(("organization" = String, Path)), responses(
    (status = 201, body = ModuleObject), (status = 404), (status = 409)))]
#[post("/organizations/<organization>/modules", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    body: Body,
) -> Result<Reply, Failure> {
    let (number, name) = body.json::<AddModule>()?.read()?;
    let module = site.service.add_module(asker.0?, organization, number, name).await?;
    Reply::json(201, &ModuleObject::from(module))
}

/// Gives a module, by number or id, another name.
#[utoipa::path(patch, path = "/v1/organizations/{organization}/modules/{module}", tag = "modules",
    request_body = RenameModule, params(("organization" = String, Path), ("module" = String, Path)), responses(
    (status = 200, body = ModuleObject), (status = 404)))]
#[patch("/organizations/<organization>/modules/<module>", data = "<body>")]
pub(in crate::http) async fn rename(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    module: &str,
    body: Body,
) -> Result<Reply, Failure> {
    let name = body.json::<RenameModule>()?.read()?;
    let module = site.service.rename_module(asker.0?, organization, module, name).await?;
    Reply::json(200, &ModuleObject::from(module))
}

/// Removes a module: no new token is narrowed to it. Those that are keep its number.
#[utoipa::path(delete, path = "/v1/organizations/{organization}/modules/{module}", tag = "modules",
    params(("organization" = String, Path), ("module" = String, Path)), responses(
    (status = 204), (status = 404)))]
#[delete("/organizations/<organization>/modules/<module>")]
pub(in crate::http) async fn remove(
    site: &State<Site>,
    asker: Asker<'_>,
    organization: &str,
    module: &str,
) -> Result<Reply, Failure> {
    site.service.remove_module(asker.0?, organization, module).await?;
    Ok(Reply::empty(204))
}
