//! The OpenAPI 3.1 document, out of the handlers' own descriptions.

use rocket::{State, get};
use utoipa::{OpenApi, ToSchema as _};

use super::{
    checks, events, forms, health, introspect, leaks, me, members, modules, organizations, revocations,
    rotate, tokens, users, uses, verify,
};
use crate::http::{
    Site,
    gate::{forward, oauth, token},
    metrics,
    openapi::{ProblemDocument, complete, operations},
    problem::MEDIA_TYPE,
    reply::Reply,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "jeton",
        description = "Self-hosted API access tokens: issued, checked and revoked. Every refusal is a problem document (RFC 9457) with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    paths(
        tokens::create, tokens::list, tokens::show_self, tokens::delete_self, tokens::show, tokens::relabel,
        tokens::delete, tokens::disable, tokens::enable, rotate::rotate, rotate::rotate_self,
        uses::privileges, uses::stragglers, checks::show, checks::expiring,
        revocations::create, revocations::descendants,
        me::me, users::create, users::list, users::show, users::change, users::disable, users::enable, users::delete,
        users::set_password,
        organizations::create, organizations::list, organizations::show, organizations::change,
        organizations::disable, organizations::enable, organizations::policy, organizations::change_policy,
        organizations::privileges, organizations::set_privileges, organizations::add_privilege,
        organizations::remove_privilege,
        modules::list, modules::create, modules::rename, modules::remove,
        members::list, members::create, members::show, members::change, members::remove,
        events::list, verify::verify,
        introspect::batch, leaks::report, leaks::check, leaks::list,
        oauth::introspect, oauth::revoke, oauth::metadata, oauth::metadata_below, token::issue,
        health::live, health::ready, metrics::metrics, openapi,
    ),
    components(schemas(ProblemDocument)),
    security(("basic" = []), ("bearer" = []), ("x-api-key" = []), ("x-access-token" = []), ("user-token" = [])),
)]
struct Document;

/// Our own API's document.
pub(in crate::http) fn own() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    complete(&mut document, |_| Some((MEDIA_TYPE, "Problem")));
    debug_assert_eq!(ProblemDocument::name(), "Problem");
    operations(&mut document).for_each(forms::parameters);
    forms::apply(&mut document);
    document.merge(forward::describe());
    document
}

/// This document: of everything that is served here.
#[utoipa::path(get, path = "/openapi.json", tag = "documents", security(()),
    responses((status = 200, body = serde_json::Value)))]
#[get("/openapi.json")]
pub(in crate::http) fn openapi(site: &State<Site>) -> Reply {
    Reply::json_text(site.document.clone())
}
