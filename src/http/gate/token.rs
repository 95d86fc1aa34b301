//! OAuth's token endpoint (RFC 6749, 4.4): a short-lived token for whoever has a username and a password, by the one
//! grant that needs no browser. For clients that know nothing else; our own API says more.

use rocket::{State, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::oauth::said_as;
use crate::{
    core::{
        lifetime::Lifetime,
        limits::Limits,
        minting::Wish,
        privilege::Privileges,
        refusal::{Failure, Refusal},
    },
    http::{
        Site,
        body::Body,
        guard::Asker,
        native,
        reply::{Reply, Words},
    },
    service::issue::IssueRequest,
};

/// The one grant.
const GRANT: &str = "client_credentials";

/// How long such a token lives, in milliseconds: clients come back for another one.
const LIFE: i64 = 3_600_000;

/// The refusals of a token endpoint (RFC 6749, 5.2): all 400 but of the client itself.
pub(in crate::http) const WORDS: Words = Words(|failure| {
    let problem = native::failure(failure);
    let (status, error) = match failure {
        Failure::Refused(Refusal::Invalid { field, .. }) if field == "grant_type" => {
            (400, "unsupported_grant_type")
        }
        Failure::Refused(Refusal::PrivilegeNotHeld { .. }) => (400, "invalid_scope"),
        Failure::Refused(Refusal::Invalid { field, .. }) if field == "privileges" => (400, "invalid_scope"),
        Failure::Refused(Refusal::RouteUnknown) => (404, "invalid_request"),
        _ => match problem.status {
            401 => (401, "invalid_client"),
            403 | 404 | 409 => (400, "unauthorized_client"),
            status @ (429 | 503) => (status, "temporarily_unavailable"),
            status @ 500.. => (status, "server_error"),
            status => (status, "invalid_request"),
        },
    };
    said_as(problem.under(status), error, failure)
});

/// What `/oauth/token` takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "for the document: forms are read by name, whatever else stands in them")]
pub(in crate::http) struct TokenForm {
    /// `client_credentials`: the client's id and secret are a username and a password, in HTTP Basic.
    grant_type: String,
    /// Privileges parted by spaces; absent for all that the user holds.
    #[schema(value_type = String, required = false)]
    scope: Option<String>,
}

/// A token that was just made (RFC 6749, 5.1). Its `Debug` isn't derived for that reason.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Grant<'a> {
    /// The token itself: shown here and never again.
    access_token: &'a str,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    /// Its privileges, parted by spaces.
    scope: String,
}

/// Issues a token to a user who comes with a password: for an hour, or less where no more is allowed.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth", security(("basic" = [])),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Grant<'static>)))]
#[post("/", data = "<body>")]
pub(in crate::http) async fn issue(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let form = body.form()?;
    match form.get("grant_type") {
        Some(GRANT) => {}
        Some(_) => return Err(Refusal::invalid("grant_type", "client_credentials is the only one").into()),
        None => return Err(Refusal::malformed("grant_type: is needed, in the form").into()),
    }
    let scope = form.get("scope").map(|scope| scope.split_ascii_whitespace().collect::<Vec<_>>());
    let request = IssueRequest {
        name: "OAuth client".to_owned(),
        description: String::new(),
        icon: String::new(),
        wish: Wish {
            lifetime: Lifetime::AtMost(LIFE),
            lifetime_field: "lifetime",
            privileges: scope.map(|scope| Privileges::parse(&scope)).transpose()?,
            modules: None,
            limits: Limits::default(),
            outlives: false,
            restricted: false,
            tied: None,
            max_idle: None,
        },
        organization: None,
        owner: None,
    };
    let issued = site.service.issue(caller, request).await?;
    let made = &issued.view.token;
    let life = made.expires_at.map_or(LIFE, |end| end.millis() - made.created_at.millis());
    Reply::json(
        200,
        &Grant {
            access_token: issued.secret.expose(),
            token_type: "Bearer",
            expires_in: life / 1_000,
            scope: issued.view.token.privileges.to_string(),
        },
    )
}
