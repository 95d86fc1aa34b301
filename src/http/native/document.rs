//! The OpenAPI 3.1 document, out of the handlers' own descriptions.

use std::sync::LazyLock;

use http::StatusCode;
use rocket::get;
use utoipa::{
    Modify, OpenApi, ToSchema as _,
    openapi::{
        Content, Ref, RefOr, Response,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{events, health, me, members, modules, organizations, tokens, users, verify, wire};
use crate::http::{gate::oauth, problem::MEDIA_TYPE, reply::Reply};

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
        tokens::delete, tokens::disable, tokens::enable,
        me::me, users::create, users::list, users::show, users::change, users::disable, users::enable, users::delete,
        users::set_password,
        organizations::create, organizations::list, organizations::show, organizations::change,
        organizations::disable, organizations::enable, organizations::policy, organizations::change_policy,
        organizations::privileges, organizations::set_privileges, organizations::add_privilege,
        organizations::remove_privilege,
        modules::list, modules::create, modules::rename, modules::remove,
        members::list, members::create, members::show, members::change, members::remove,
        events::list, verify::verify,
        oauth::introspect, oauth::revoke, oauth::metadata,
        health::live, health::ready, openapi,
    ),
    components(schemas(wire::ProblemDocument)),
    modifiers(&Carriers, &Refusals),
    security(("basic" = []), ("bearer" = []), ("x-api-key" = []), ("x-access-token" = []), ("user-token" = [])),
)]
struct Document;

/// The carriers of a credential: exactly one of them in a request.
struct Carriers;

impl Modify for Carriers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        components.add_security_scheme("basic", http(HttpAuthScheme::Basic));
        components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
        for name in ["x-api-key", "x-access-token", "user-token"] {
            components
                .add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name))));
        }
    }
}

/// What any operation may answer beside its own, said once; and what every refusal looks like.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let operations =
                [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
            operations.into_iter().flatten().for_each(complete);
        }
    }
}

/// Refusals of the door and of the routes alike.
const ANY: [u16; 3] = [400, 500, 503];
/// Those of a route that takes a body.
const WITH_BODY: [u16; 3] = [408, 413, 415];
/// Those of a route that demands a credential.
const WITH_DEMAND: [u16; 3] = [401, 403, 429];

fn complete(operation: &mut Operation) {
    // Two handlers may have one name in different modules.
    if let (Some(id), Some(tag)) = (&operation.operation_id, operation.tags.iter().flatten().next()) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
    let with_body = operation.request_body.as_ref().map_or(&[][..], |_| &WITH_BODY[..]);
    // A route that demands nothing says so; the others leave it to the document.
    let with_demand = operation.security.as_ref().map_or(&WITH_DEMAND[..], |_| &[][..]);
    let responses = &mut operation.responses.responses;
    for status in ANY.iter().chain(with_body).chain(with_demand) {
        responses.entry(status.to_string()).or_insert_with(|| RefOr::T(Response::default()));
    }
    for (status, response) in responses {
        let (Ok(status), RefOr::T(response)) = (StatusCode::from_bytes(status.as_bytes()), response) else {
            continue;
        };
        if response.description.is_empty() {
            status.canonical_reason().unwrap_or_default().clone_into(&mut response.description);
        }
        if status.as_u16() >= 400 {
            let problem = Ref::from_schema_name(wire::ProblemDocument::name());
            response.content.insert(MEDIA_TYPE.into(), RefOr::T(Content::new(Some(problem))));
        }
    }
}

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| Document::openapi().to_pretty_json().expect("the document is plain data"));

/// The document as text.
pub fn openapi_json() -> String {
    DOCUMENT.clone()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "documents", security(()), responses((status = 200)))]
#[get("/openapi.json")]
pub(in crate::http) fn openapi() -> Reply {
    Reply::json_text(openapi_json())
}
