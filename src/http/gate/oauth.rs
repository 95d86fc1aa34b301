//! OAuth's token introspection (RFC 7662), revocation (RFC 7009) and metadata (RFC 8414).

use rocket::{
    State, get,
    http::uri::{Segments, fmt},
    post,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core::{
        privilege::Privilege,
        refusal::{Failure, Refusal},
        secret::SecretText,
    },
    http::{
        Site,
        body::{Body, Form},
        guard::From,
        introspection::{Context, Introspection, marked, wanted},
        native,
        problem::Problem,
        reply::{Reply, Words},
        told::plain,
    },
    service::{FirstUse, verify::Peer},
};

/// A problem document that is an OAuth error as well (RFC 6749, 5.2; RFC 6750, 3.1).
pub(in crate::http) const WORDS: Words = Words(|failure| {
    let problem = native::failure(failure);
    let error = match problem.status {
        401 => "invalid_client",
        403 => "insufficient_scope",
        429 | 503 => "temporarily_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    };
    said_as(problem, error, failure)
});

/// A problem under OAuth's word for it.
pub(super) fn said_as(problem: Problem, error: &'static str, failure: &Failure) -> Reply {
    let (status, description) = (problem.status, plain(&problem.detail));
    let problem = problem.with("error", error).with("error_description", description);
    let reply = Reply::problem(&problem).because_of(failure);
    // A client that came with its secret in Basic is to be challenged by that name (RFC 6749, 5.2), and one with a token
    // by its own: whichever it was, it finds it.
    let basic_already = matches!(failure, Failure::Refused(Refusal::BasicRequired));
    if status == 401 && !basic_already {
        reply.also("WWW-Authenticate", r#"Basic realm="jeton""#)
    } else {
        reply
    }
}

fn token(form: &Form) -> Result<SecretText, Refusal> {
    form.get("token").map(SecretText::new).ok_or_else(|| Refusal::invalid("token", "is needed, in the form"))
}

/// What `/oauth/introspect` takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "for the document: forms are read by name, whatever else stands in them")]
pub(in crate::http) struct IntrospectionForm {
    /// The token that is asked about.
    token: String,
    /// Not needed: any value will do.
    #[schema(value_type = String, required = false)]
    token_type_hint: Option<String>,
    /// The address of the client that the token came from. A token that is limited in networks is good where this is
    /// known and in them.
    #[schema(value_type = String, required = false)]
    address: Option<String>,
    /// What the client asked for. A token that is limited in routes is good where this is known and in them.
    #[schema(value_type = String, required = false)]
    method: Option<String>,
    /// What it is asked for: privileges parted by spaces, all of which it has to hold, each perhaps several parted by `|`
    /// of which one will do. Where it isn't said, whoever asks may use any that it holds.
    #[schema(value_type = String, required = false)]
    require: Option<String>,
    /// Perhaps with its port.
    #[schema(value_type = String, required = false)]
    host: Option<String>,
    /// Begins with a slash; a query is passed over.
    #[schema(value_type = String, required = false)]
    path: Option<String>,
}

/// What `/oauth/revoke` takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "for the document: forms are read by name, whatever else stands in them")]
pub(in crate::http) struct RevocationForm {
    /// The token to be revoked: it is its own credential.
    token: String,
    /// Not needed: any value will do.
    #[schema(value_type = String, required = false)]
    token_type_hint: Option<String>,
    /// Whether what it has minted goes along.
    #[schema(value_type = bool, required = false)]
    descendants: Option<bool>,
}

/// Whether a token is usable, and for what. Whatever isn't usable is exactly `{"active":false}`.
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth",
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Introspection<'static>,
            headers(("Deprecation" = Option<String>, description = "since when another token has its place (RFC 9745)")))))]
#[post("/introspect", data = "<body>")]
pub(in crate::http) async fn introspect(
    site: &State<Site>,
    from: From<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let (reply, first_use) = introspected(site, &body, from.0)?;
    site.service.commit_rotation(first_use).await;
    Ok(reply)
}

/// The answer, and what is to be settled before it leaves.
pub(in crate::http) fn introspected(
    site: &Site,
    body: &Body,
    asker: Peer<'_>,
) -> Result<(Reply, Option<FirstUse>), Failure> {
    let form = body.form()?;
    let [address, method, host, path] = ["address", "method", "host", "path"].map(|name| form.get(name));
    let facts = Context { address, method, host, path }.facts()?;
    let wanted = wanted(form.get("require").map(str::split_ascii_whitespace))?;
    let (found, first_use) = site.service.introspect(&token(&form)?, &wanted, &facts, asker)?;
    let found = found.as_deref();
    Ok((marked(Reply::json(200, &Introspection::of(found, &site.public_url))?, found), first_use))
}

/// Revokes a token for whoever holds it. What isn't a token of ours is answered the same.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth", security(()),
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200)))]
#[post("/revoke", data = "<body>")]
pub(in crate::http) async fn revoke(
    site: &State<Site>,
    from: From<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let form = body.form()?;
    let descendants = match form.get("descendants") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::invalid("descendants", "true or false").into()),
    };
    site.service.revoke_presented(&token(&form)?, descendants, from.0.address).await?;
    Ok(Reply::empty(200))
}

/// Where the endpoints are and what they take, each value out of its registry (RFC 8414, 2).
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Metadata<'a> {
    /// The public URL of this jeton.
    issuer: &'a str,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: [&'static str; 1],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// Those that exist in every jeton: the other ones are each organization's own.
    scopes_supported: [String; 2],
    /// Nothing is authorized in a browser, and the member has to be there.
    response_types_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 1],
    service_documentation: String,
}

fn metadata_of(site: &Site) -> Result<Reply, Failure> {
    let issuer = site.public_url.as_str();
    let document = Metadata {
        issuer,
        token_endpoint: format!("{issuer}/oauth/token"),
        // A username and a password.
        token_endpoint_auth_methods_supported: ["client_secret_basic"],
        introspection_endpoint: format!("{issuer}/oauth/introspect"),
        // A token as the client's secret, or by itself.
        introspection_endpoint_auth_methods_supported: ["client_secret_basic", "Bearer"],
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        revocation_endpoint_auth_methods_supported: ["none"],
        scopes_supported: [Privilege::introspect(), Privilege::admin()]
            .map(|privilege| privilege.to_string()),
        response_types_supported: ["none"],
        grant_types_supported: ["client_credentials"],
        service_documentation: format!("{issuer}/openapi.json"),
    };
    Reply::json(200, &document)
}

/// The metadata of this authorization server.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth", security(()),
    responses((status = 200, body = Metadata<'static>)))]
#[get("/.well-known/oauth-authorization-server")]
pub(in crate::http) fn metadata(site: &State<Site>) -> Result<Reply, Failure> {
    metadata_of(site)
}

/// The same where the public URL has a path: that stands after the well-known part (RFC 8414, 3.1). No other path does.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server/{path}", tag = "oauth", security(()),
    params(("path" = String, Path, description = "the public URL's path, with as many parts as it has")),
    responses((status = 200, body = Metadata<'static>), (status = 404)))]
#[get("/.well-known/oauth-authorization-server/<path..>")]
pub(in crate::http) fn metadata_below(
    site: &State<Site>,
    path: Segments<'_, fmt::Path>,
) -> Result<Reply, Failure> {
    let (_, after_scheme) = site.public_url.split_once("://").unwrap_or_default();
    let own = after_scheme.split_once('/').map(|(_, own)| own);
    match own {
        Some(own) if path.eq(own.split('/')) => metadata_of(site),
        _ => Err(Refusal::RouteUnknown.into()),
    }
}
