//! The gate in the OpenAPI document: answers without bodies, each with all headers.

use http::StatusCode;
use utoipa::{
    OpenApi,
    openapi::{self, Header, ObjectBuilder, RefOr, Response, Type},
};

use crate::http::openapi::operations;

/// The headers of every answer, and what they hold where something is known.
const ALWAYS: [(&str, &str); 8] = [
    ("X-Auth-User", "The owner's username"),
    ("X-Auth-Organization", "The organization's slug"),
    ("X-Auth-Token-Id", "The token's id"),
    ("X-Auth-Privileges", "The token's privileges as they are now, parted by spaces"),
    ("X-Auth-Expires", "RFC 3339, blank for never"),
    ("X-Auth-Expires-In", "Whole seconds, where they are less than fourteen days"),
    ("X-Auth-Superseded-At", "RFC 3339: since when another token has its place"),
    ("X-Auth-Reason", "The code of a refusal"),
];

/// What is answered, and the one header that goes along with it.
const ANSWERS: [(u16, Option<(&str, &str)>); 8] = [
    (
        200,
        Some((
            "Deprecation",
            "Since when another token has the place of this one, where that is so (RFC 9745)",
        )),
    ),
    (400, Some(("WWW-Authenticate", "What is wrong with the question (RFC 6750, 3.1)"))),
    (401, Some(("WWW-Authenticate", "The challenge (RFC 6750, 3)"))),
    (403, Some(("WWW-Authenticate", "The challenge (RFC 6750, 3)"))),
    (429, Some(("Retry-After", "Seconds until another try is worth it"))),
    (500, None),
    (503, Some(("Retry-After", "Seconds until another try is worth it"))),
    (507, None),
];

#[derive(OpenApi)]
#[openapi(paths(super::by_query, super::by_policy))]
struct Document;

/// The gate's operations.
pub(in crate::http) fn describe() -> openapi::OpenApi {
    let mut document = Document::openapi();
    for operation in operations(&mut document) {
        for (status, own) in ANSWERS {
            let mut response = Response::default();
            let phrase = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            phrase.unwrap_or_default().clone_into(&mut response.description);
            for (name, description) in ALWAYS {
                response.headers.insert(name.to_owned(), header(description));
            }
            if let Some((name, description)) = own {
                response.headers.insert(name.to_owned(), header(description));
            }
            operation.responses.responses.insert(status.to_string(), RefOr::T(response));
        }
    }
    document
}

fn header(description: &str) -> RefOr<Header> {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some(description.to_owned());
    RefOr::T(header)
}
