//! OAuth's token introspection (RFC 7662), revocation (RFC 7009) and metadata (RFC 8414).

use rocket::{State, get, post};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core::{
        decision::Standing,
        refusal::{Failure, Refusal},
        secret::SecretText,
    },
    http::{
        Site,
        body::{Body, Form},
        guard::From,
        native,
        problem::Problem,
        reply::{Reply, Words},
    },
};

/// A problem document that is an OAuth error as well (RFC 6749, 5.2).
pub(in crate::http) const WORDS: Words = Words(|failure| {
    let problem = native::failure(failure);
    let error = match problem.status {
        401 => "invalid_client",
        403 => "unauthorized_client",
        500.. => "temporarily_unavailable",
        _ => "invalid_request",
    };
    let Problem { detail, .. } = &problem;
    let description = detail.clone();
    Reply::problem(&problem.with("error", error).with("error_description", description)).because_of(failure)
});

/// What is known of a usable token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Introspection<'a> {
    /// Whether it is usable now; where it isn't, nothing else stands here.
    active: bool,
    /// Its privileges now, parted by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// Its owner's username.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// Seconds since 1970, absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// Its owner's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The public URL of this jeton.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Its organization's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
}

impl<'a> Introspection<'a> {
    const INACTIVE: Self = Self {
        active: false,
        scope: None,
        client_id: None,
        username: None,
        token_type: None,
        exp: None,
        iat: None,
        sub: None,
        iss: None,
        jti: None,
        organization: None,
    };

    fn of(standing: &'a Standing, issuer: &'a str) -> Self {
        let token = &standing.token;
        Self {
            active: true,
            scope: Some(standing.privileges.to_string()),
            client_id: Some(token.id.to_string()),
            username: Some(&standing.account.user.username),
            token_type: Some("Bearer"),
            exp: token.expires_at.map(crate::core::time::Instant::seconds),
            iat: Some(token.created_at.seconds()),
            sub: Some(token.owner.to_string()),
            iss: Some(issuer),
            jti: Some(token.id.to_string()),
            organization: Some(&standing.account.organization.slug),
        }
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
    /// Not needed.
    #[schema(value_type = String, required = false)]
    token_type_hint: Option<String>,
}

/// What `/oauth/revoke` takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "for the document: forms are read by name, whatever else stands in them")]
pub(in crate::http) struct RevocationForm {
    /// The token to be revoked: it is its own credential.
    token: String,
    /// Not needed.
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
        (status = 200, body = Introspection<'static>)))]
#[post("/introspect", data = "<body>")]
pub(in crate::http) fn introspect(site: &State<Site>, from: From<'_>, body: Body) -> Result<Reply, Failure> {
    let token = token(&body.form()?)?;
    match site.service.introspect(&token, from.0)? {
        Some(standing) => Reply::json(200, &Introspection::of(&standing, &site.public_url)),
        None => Reply::json(200, &Introspection::INACTIVE),
    }
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

/// Where the endpoints are.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Metadata<'a> {
    issuer: &'a str,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// None: tokens are issued at `/v1/tokens`.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 0],
    service_documentation: String,
}

/// The metadata of this authorization server.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth", security(()),
    responses((status = 200, body = Metadata<'static>)))]
#[get("/.well-known/oauth-authorization-server")]
pub(in crate::http) fn metadata(site: &State<Site>) -> Result<Reply, Failure> {
    let issuer = site.public_url.as_str();
    let document = Metadata {
        issuer,
        introspection_endpoint: format!("{issuer}/oauth/introspect"),
        introspection_endpoint_auth_methods_supported: ["client_secret_basic", "bearer"],
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        revocation_endpoint_auth_methods_supported: ["none"],
        response_types_supported: [],
        grant_types_supported: [],
        service_documentation: format!("{issuer}/openapi.json"),
    };
    Reply::json(200, &document)
}
