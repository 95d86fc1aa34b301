//! The OpenAPI 3.1 document, out of the handlers' own descriptions.

use std::sync::LazyLock;

use rocket::get;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{health, me, tokens, users, wire};
use crate::http::{gate::oauth, reply::Reply};

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
        me::me, users::create, users::list, users::show, users::disable, users::enable, users::set_password,
        oauth::introspect, oauth::revoke, oauth::metadata,
        health::live, health::ready, openapi,
    ),
    components(schemas(wire::ProblemDocument)),
    modifiers(&Carriers),
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
