//! What the OpenAPI documents of all our APIs have in common: carriers, refusals, and those of the door.

use http::StatusCode;
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        Content, Header, Object, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, Schema,
        SecurityRequirement, Type,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::AnyOfBuilder,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::problem::MEDIA_TYPE;

/// A refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// The status's reason phrase.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence on what is wrong and what would be right.
    detail: String,
    /// The stable word for it.
    code: &'static str,
    /// The field that is wrong, where one is.
    field: Option<String>,
    /// The limit that was passed, where there is one.
    limit: Option<u64>,
    /// At which change the thing is now, where an `If-Match` was stale.
    change_sequence: Option<u32>,
    /// What would be done now, where a plan has shifted.
    digest: Option<String>,
    /// The number that jeton's log has the cause under, where jeton failed.
    incident: Option<u64>,
    /// The word that OAuth has for it (RFC 6749, 5.2), below `/oauth`.
    error: Option<String>,
    /// The same as `detail`, below `/oauth`.
    error_description: Option<String>,
}

/// The body of an API's refusals: a media type and the name of a schema, for a status; `None` where there is no body.
pub(super) type Bodies = fn(u16) -> Option<(&'static str, &'static str)>;

/// Refusals of the door and of the routes alike.
const ANY: [u16; 6] = [400, 414, 421, 431, 500, 503];
/// Those of a route that takes a body.
const WITH_BODY: [u16; 3] = [408, 413, 415];
/// Those of a route that demands a credential.
const WITH_DEMAND: [u16; 4] = [401, 403, 429, 507];
/// What is said no with before a route is looked for, in our own words whichever API was meant.
const BY_DOOR: [u16; 9] = [400, 408, 413, 414, 415, 421, 431, 500, 503];

/// What has a version, which a change can be meant for.
const VERSIONED: [&str; 6] = ["Token", "CreatedToken", "User", "Organization", "Policy", "PrivilegeList"];

/// Every operation of a document.
pub(super) fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(of)
}

/// Every operation of a path.
pub(super) fn of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// What a tagged reply's header is for.
const TAG: &str = "What the body is known by, for `If-None-Match`; where it shows something that has a version, that \
                   stands in front, and `If-Match` takes it";

/// Says of every GET below `base` that its reply is tagged, and isn't sent to whoever has it already.
pub(super) fn tagged(document: &mut OpenApi, base: &str) {
    let below = document.paths.paths.iter_mut().filter(|(path, _)| path.starts_with(base));
    for operation in below.filter_map(|(_, item)| item.get.as_mut()) {
        let unless = ParameterBuilder::new()
            .name("If-None-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("the ETags of what the client has already"))
            .schema(Some(text()));
        operation.parameters.get_or_insert_default().push(RefOr::T(unless.build()));
        let responses = &mut operation.responses.responses;
        responses.entry("304".to_owned()).or_insert_with(|| RefOr::T(Response::default()));
        for (status, response) in responses {
            if let ("200" | "304", RefOr::T(response)) = (status.as_str(), response) {
                let mut tag = Header::new(text());
                tag.description = Some(TAG.to_owned());
                response.headers.insert("ETag".to_owned(), RefOr::T(tag));
            }
        }
    }
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

/// Says what every operation of an API may answer beside its own, and how its refusals look.
pub(super) fn complete(document: &mut OpenApi, bodies: Bodies) {
    carriers(document);
    operations(document).for_each(|operation| refusals(operation, bodies));
}

/// The carriers of a credential: exactly one of them in a request.
fn carriers(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
    components.add_security_scheme("basic", http(HttpAuthScheme::Basic));
    components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
    for name in ["x-api-key", "x-access-token", "user-token"] {
        let header = ApiKey::Header(ApiKeyValue::new(name));
        components.add_security_scheme(name, SecurityScheme::ApiKey(header));
    }
}

fn refusals(operation: &mut Operation, bodies: Bodies) {
    // Two handlers may have one name in different modules.
    if let (Some(id), Some(tag)) = (&operation.operation_id, operation.tags.iter().flatten().next()) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
    let with_body = operation.request_body.as_ref().map_or(&[][..], |_| &WITH_BODY[..]);
    // A route that demands nothing says so; the others leave it to the document.
    let nothing = SecurityRequirement::default();
    let is_open = operation.security.as_ref().is_some_and(|all| all.contains(&nothing));
    let with_demand = if is_open { &[][..] } else { &WITH_DEMAND[..] };
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
        if let Some((name, description)) = header(status.as_u16(), response) {
            let mut header = Header::new(text());
            header.description = Some(description.to_owned());
            response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
        }
        if status.as_u16() < 400 {
            continue;
        }
        for (media_type, content) in refused_with(status.as_u16(), bodies) {
            response.content.entry(media_type.to_owned()).or_insert(RefOr::T(content));
        }
    }
}

/// What the body of a refusal may be: the API's own, the door's, or where both have one media type, one of the two.
fn refused_with(status: u16, bodies: Bodies) -> Vec<(&'static str, Content)> {
    let content = |name: &str| Content::new(Some(Ref::from_schema_name(name)));
    let (own, by_door) = (bodies(status), ProblemDocument::name());
    match own {
        Some((MEDIA_TYPE, own)) if BY_DOOR.contains(&status) && own != by_door => {
            let either = AnyOfBuilder::new()
                .item(Ref::from_schema_name(own))
                .item(Ref::from_schema_name(by_door.as_ref()));
            vec![(MEDIA_TYPE, Content::new(Some(Schema::AnyOf(either.build()))))]
        }
        own => {
            let by_door = BY_DOOR.contains(&status).then(|| (MEDIA_TYPE, content(&by_door)));
            own.map(|(media_type, name)| (media_type, content(name))).into_iter().chain(by_door).collect()
        }
    }
}

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
