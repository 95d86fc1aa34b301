//! Datasentinel: a username and a password for a token of 24 hours.
//!
//! Ours to choose, since the vendor doesn't say: `expire_time` is UTC, and `9999-12-31 23:59:59` where a token that was
//! minted elsewhere lives for good; `organization_name` is the slug, which the path of the hosted form takes; the token
//! is opaque.

use rocket::{State, get, post, routes};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Dialect;
use crate::{
    core::{
        decision::Demand,
        lifetime::Lifetime,
        limits::Limits,
        minting::Wish,
        refusal::{Failure, Refusal},
        time::{DAY, Instant},
    },
    http::{
        Site,
        documents::carried,
        guard::{self, Asker},
        mount::{Access, Mount},
        query::Query,
        reply::{Reply, Words},
        told::Told,
    },
    service::issue::IssueRequest,
};

pub(super) const DIALECT: Dialect = Dialect {
    name: "datasentinel",
    words: Words(said),
    mounts,
    document: carried!("datasentinel"),
    #[cfg(test)]
    described: <Document as utoipa::OpenApi>::openapi,
    #[cfg(test)]
    bodies: |_| Some(("application/json", "DatasentinelError")),
};

fn mounts() -> Vec<Mount> {
    let mount = Mount::new("/ds-api", DIALECT.words)
        .routes(Access::Open, routes![status])
        .routes(Access::NeedsBasic(Demand::User), routes![create, create_in])
        .routes(Access::Holds(Demand::Itself), routes![show]);
    vec![mount]
}

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Datasentinel access tokens", description = "As jeton serves them."),
    paths(status, create, create_in, show),
    components(schemas(ErrorBody, crate::http::openapi::ProblemDocument)),
    security(("basic" = []))
)]
struct Document;

/// A refusal.
#[cfg(test)]
#[derive(Serialize, ToSchema)]
#[schema(as = DatasentinelError)]
struct ErrorBody {
    /// What is wrong.
    error: String,
}

fn said(failure: &Failure) -> Reply {
    let status = match failure {
        Failure::Refused(refusal) => status_of(refusal),
        Failure::Busy => 503,
        Failure::StorageFull => 507,
        Failure::Broken(_) => 500,
    };
    let error = json!({ "error": Told::of(failure).detail });
    Reply::value(status, "application/json", &error).because_of(failure)
}

const fn status_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::CredentialMissing
        | Refusal::CredentialInvalid
        | Refusal::TokenDead(_)
        | Refusal::TokenDeleted
        | Refusal::BasicRequired
        | Refusal::SessionEnded
        | Refusal::TokenRequired => 401,
        Refusal::CredentialAmbiguous
        | Refusal::Malformed { .. }
        | Refusal::Invalid { .. }
        | Refusal::FilterTooBroad { .. }
        | Refusal::RouteUnclear { .. } => 400,
        Refusal::TokenRestricted
        | Refusal::PrivilegeMissing { .. }
        | Refusal::UserRequired
        | Refusal::OriginUnproven
        | Refusal::SignInAgain
        | Refusal::OrganizationForeign
        | Refusal::ModuleMissing { .. }
        | Refusal::NetworkDenied(_)
        | Refusal::RouteDenied
        | Refusal::OperatorRequired
        | Refusal::AdministratorRequired
        | Refusal::OwnerForeign
        | Refusal::IssuingForbidden { .. }
        | Refusal::ApiAccessOff { .. }
        | Refusal::PrivilegeNotHeld { .. }
        | Refusal::WiderThanMinter { .. } => 403,
        Refusal::NotFound { .. } | Refusal::RouteUnknown => 404,
        Refusal::MethodNotAllowed { .. } => 405,
        Refusal::Taken { .. }
        | Refusal::LastOperator
        | Refusal::OrganizationOwned { .. }
        | Refusal::RotationUnderway { .. }
        | Refusal::IdempotencyForeign
        | Refusal::IdempotencySpent { .. }
        | Refusal::PlanShifted { .. }
        | Refusal::StatusUnfit { .. }
        | Refusal::VersionStale { .. }
        | Refusal::QuotaFull { .. }
        | Refusal::NumbersExhausted { .. } => 409,
        Refusal::BodyTooLarge { .. } => 413,
        Refusal::IdempotencyMismatch => 422,
        Refusal::VersionMissing => 428,
        Refusal::Throttled { .. } | Refusal::RateExceeded { .. } => 429,
    }
}

/// That something answers.
#[derive(Serialize, ToSchema)]
#[schema(as = DatasentinelGreeting)]
struct Greeting {
    /// `OK`.
    status: &'static str,
    message: &'static str,
    version: &'static str,
}

/// Says that the server is there: the vendor's scripts stop without it.
#[utoipa::path(get, path = "/ds-api/", tag = "datasentinel", security(()), responses((status = 200, body = Greeting)))]
#[get("/")]
fn status() -> Result<Reply, Failure> {
    let greeting =
        Greeting { status: "OK", message: "jeton serves this API", version: env!("CARGO_PKG_VERSION") };
    Reply::json(200, &greeting)
}

/// A new token, in this reply alone. One key: scripts count them.
#[derive(Serialize, ToSchema)]
#[schema(as = DatasentinelToken)]
struct NewToken<'a> {
    #[serde(rename = "user-token")]
    token: &'a str,
}

/// Issues a token of 24 hours in the user's home.
#[utoipa::path(post, path = "/ds-api/user-token", tag = "datasentinel", responses(
    (status = 201, body = NewToken<'static>), (status = 409)))]
#[post("/user-token")]
async fn create(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    issue(site, asker, None).await
}

/// Issues a token of 24 hours in an organization.
#[utoipa::path(post, path = "/ds-api/user-token/{organization}", tag = "datasentinel",
    params(("organization" = String, Path, pattern = "^[A-Za-z0-9][A-Za-z0-9-]*$", max_length = 63, description = "a slug or any id")),
    responses((status = 201, body = NewToken<'static>), (status = 404), (status = 409)))]
#[post("/user-token/<organization>")]
async fn create_in(site: &State<Site>, asker: Asker<'_>, organization: &str) -> Result<Reply, Failure> {
    issue(site, asker, Some(organization.to_owned())).await
}

async fn issue(site: &Site, asker: Asker<'_>, organization: Option<String>) -> Result<Reply, Failure> {
    let wish = Wish {
        lifetime: Lifetime::For(DAY),
        lifetime_field: "expire_time",
        privileges: None,
        modules: None,
        limits: Limits::default(),
        outlives: true,
        restricted: false,
        tied: None,
        max_idle: None,
    };
    let request = IssueRequest {
        // The API has no name for one.
        name: "user-token".to_owned(),
        description: String::new(),
        icon: String::new(),
        wish,
        organization,
        owner: None,
    };
    let issued = site.service.issue(asker.0?, request).await?;
    Reply::json(201, &NewToken { token: issued.secret.expose() })
}

/// What is told of a token.
#[derive(Serialize, ToSchema)]
#[schema(as = DatasentinelTokenInfo)]
struct TokenInfo {
    /// Its owner's e-mail address, empty where none is known.
    email: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    #[schema(pattern = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")]
    expire_time: String,
    /// Its organization's slug.
    organization_name: String,
    /// Its owner's username.
    user: String,
}

/// Tells of the token in the query, to whoever knows it.
#[utoipa::path(get, path = "/ds-api/user-token", tag = "datasentinel", security((), ("basic" = [])),
    params(("token" = Option<String>, Query, description = "the token; `user-token` is the same")),
    responses((status = 200, body = TokenInfo), (status = 401), (status = 429)))]
#[get("/user-token")]
async fn show(site: &State<Site>, query: Query<'_>, from: guard::From<'_>) -> Result<Reply, Failure> {
    let token = query.secret(&["token", "user-token"])?.ok_or(Refusal::CredentialMissing)?;
    let view = site.service.held_token(&token, from.0).await?;
    let info = TokenInfo {
        email: view.owner.email.clone(),
        expire_time: view.token.expires_at.map_or_else(|| NEVER.to_owned(), clock_time),
        organization_name: view.organization.slug.clone(),
        user: view.owner.username.clone(),
    };
    Reply::json(200, &info)
}

const NEVER: &str = "9999-12-31 23:59:59";

fn clock_time(at: Instant) -> String {
    let text = at.to_string();
    format!("{} {}", &text[..10], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::{Instant, clock_time};

    #[test]
    fn a_time_is_a_date_and_a_clocks_reading() {
        assert_eq!(clock_time(Instant::from_millis(1_588_082_333_999)), "2020-04-28 13:58:53");
    }
}
