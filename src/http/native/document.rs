//! The OpenAPI 3.1 document, out of the handlers' own descriptions.

use std::sync::LazyLock;

use http::StatusCode;
use rocket::get;
use utoipa::{
    Modify, OpenApi, ToSchema as _,
    openapi::{
        Content, Header, ObjectBuilder, Ref, RefOr, Response, Type,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{events, forms, health, me, members, modules, organizations, tokens, users, verify, wire};
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
    modifiers(&Carriers, &Refusals, &Forms),
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

/// What every text looks like.
struct Forms;

impl Modify for Forms {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        forms::apply(document);
    }
}

/// Refusals of the door and of the routes alike.
const ANY: [u16; 5] = [400, 414, 431, 500, 503];
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
    forms::parameters(operation);
    for (status, response) in &mut operation.responses.responses {
        let (Ok(status), RefOr::T(response)) = (StatusCode::from_bytes(status.as_bytes()), response) else {
            continue;
        };
        if response.description.is_empty() {
            status.canonical_reason().unwrap_or_default().clone_into(&mut response.description);
        }
        if let Some((name, description)) = header(status.as_u16(), response) {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let mut header = Header::new(text);
            header.description = Some(description.to_owned());
            response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
        }
        if status.as_u16() >= 400 {
            let problem = Ref::from_schema_name(wire::ProblemDocument::name());
            response.content.insert(MEDIA_TYPE.into(), RefOr::T(Content::new(Some(problem))));
        }
    }
}

/// What has a version, which a change can be meant for.
const VERSIONED: [&str; 6] = ["Token", "CreatedToken", "User", "Organization", "Policy", "PrivilegeList"];

/// The header that a reply may come with, beside those of its own.
fn header(status: u16, response: &Response) -> Option<(&'static str, &'static str)> {
    let versioned = response.content.values().any(|content| {
        let RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) = content else { return false };
        schema.ref_location.rsplit('/').next().is_some_and(|name| VERSIONED.contains(&name))
    });
    Some(match status {
        200..300 if versioned => ("ETag", "The version, for `If-Match`"),
        401 | 403 => ("WWW-Authenticate", "The challenge (RFC 6750, 3)"),
        415 => ("Accept-Encoding", "The encodings that are taken"),
        429 | 503 => ("Retry-After", "Seconds until another try is worth it"),
        _ => return None,
    })
}

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| Document::openapi().to_pretty_json().expect("the document is plain data"));

/// The document as text.
pub fn openapi_json() -> String {
    DOCUMENT.clone()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "documents", security(()),
    responses((status = 200, body = serde_json::Value)))]
#[get("/openapi.json")]
pub(in crate::http) fn openapi() -> Reply {
    Reply::json_text(openapi_json())
}
