//! The OpenAPI 3.1 document, out of the handlers' own descriptions.

use utoipa::{
    OpenApi, ToSchema as _,
    openapi::{
        SecurityRequirement,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use super::{
    backup, checks, events, feeds, forms, health, imports, introspect, leaks, me, members, modules,
    organizations, revocations, rotate, sessions, tokens, users, uses, verify,
};
use crate::http::{
    carrier::COOKIE,
    documents,
    gate::{forward, oauth, token},
    metrics,
    openapi::{ProblemDocument, complete, of, operations, tagged},
    problem::MEDIA_TYPE,
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
        feeds::create, feeds::list, feeds::remove, feeds::calendar, events::list, verify::verify, verify::prune,
        sessions::create, sessions::show, sessions::delete, sessions::list, sessions::end,
        imports::create, introspect::batch, leaks::report, leaks::check, leaks::list,
        oauth::introspect, oauth::revoke, oauth::metadata, oauth::metadata_below, token::issue,
        health::live, health::ready, metrics::metrics, backup::create, documents::openapi,
    ),
    components(schemas(ProblemDocument)),
    security(("basic" = []), ("bearer" = []), ("x-api-key" = []), ("x-access-token" = []), ("user-token" = [])),
)]
struct Document;

/// Our own API's document.
pub(in crate::http) fn own() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    tagged(&mut document, "/v1/");
    complete(&mut document, |_| Some((MEDIA_TYPE, "Problem")));
    debug_assert_eq!(ProblemDocument::name(), "Problem");
    cookie(&mut document);
    operations(&mut document).for_each(forms::parameters);
    forms::apply(&mut document);
    document.merge(forward::describe());
    document
}

/// One more carrier below `/v1`: the page's cookie.
fn cookie(document: &mut utoipa::openapi::OpenApi) {
    let scheme = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
    document.components.get_or_insert_default().add_security_scheme("cookie", scheme);
    let carriers = document.security.clone().unwrap_or_default();
    let with_cookie = || {
        let cookie = SecurityRequirement::new("cookie", Vec::<String>::new());
        carriers.iter().cloned().chain([cookie]).collect()
    };
    for (_, item) in document.paths.paths.iter_mut().filter(|(path, _)| path.starts_with("/v1/")) {
        for operation in of(item) {
            operation.security.get_or_insert_with(with_cookie);
        }
    }
}
