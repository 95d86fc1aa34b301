//! Akinon AppMaker: the caller's own tokens below `/me/tokens`.
//!
//! Ours to choose, since the vendor doesn't say: a month is a calendar month; the list holds the newest 10,000, for there
//! are no pages; a token that lives for good expires with the last millisecond of the year 9999; a mask is the prefix and
//! the public id. Some texts of an organization have a least length there: a slug of one letter is shown as `-a`, which
//! is no slug of ours, a name that is too short by the slug and a description that is too short by the name; what is too
//! long is cut. An organization without an owner is shown as the token's owner's.

mod wire;

use rocket::{State, delete, get, post, routes};
use serde_json::{Value, json};

use self::wire::{CreateToken, ListedToken, OrganizationObject, TokenObject};
use super::Dialect;
use crate::{
    core::{
        decision::Demand,
        filter::Filter,
        id::Reference,
        listing::{Count, Direction, Listing, Position, TokenField},
        refusal::{Failure, Refusal},
        token::hint,
    },
    http::{
        Site,
        body::Body,
        documents::carried,
        guard::Asker,
        mount::{Access, Mount},
        reply::{Reply, Words},
        told::Told,
    },
    service::{
        change::{Change, Target},
        list::TokenQuery,
    },
};

pub(super) const DIALECT: Dialect = Dialect {
    name: "akinon",
    words: Words(said),
    mounts,
    document: carried!("akinon"),
    #[cfg(test)]
    described: <Document as utoipa::OpenApi>::openapi,
    #[cfg(test)]
    bodies: |status| {
        Some(("application/json", if status == 400 { "AkinonBadRequest" } else { "AkinonError" }))
    },
};

fn mounts() -> Vec<Mount> {
    let routes = routes![create, list, delete];
    vec![Mount::new("/api/v1", DIALECT.words).routes(Access::Needs(Demand::User), routes)]
}

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Akinon AppMaker access tokens", description = "As jeton serves them."),
    paths(create, list, delete),
    components(schemas(wire::BadRequest, wire::ErrorBody, wire::LifetimeWord, crate::http::openapi::ProblemDocument)),
    security(("basic" = []), ("bearer" = []), ("x-api-key" = []), ("x-access-token" = []), ("user-token" = []))
)]
struct Document;

fn said(failure: &Failure) -> Reply {
    let status = match failure {
        Failure::Refused(refusal) => status_of(refusal),
        Failure::Busy => 503,
        Failure::StorageFull => 507,
        Failure::Broken(_) => 500,
    };
    let told = Told::of(failure);
    let mut body = json!({ "apiError": [told.detail] });
    if status == 400 {
        let fields = told.field.map(|(field, problem)| (top(&field).to_owned(), Value::from(problem)));
        body["validationError"] =
            Value::Object(fields.filter(|(field, _)| !field.is_empty()).into_iter().collect());
    }
    Reply::value(status, "application/json", &body).because_of(failure)
}

/// The member of a body that a place inside it belongs to: `privileges` of `privileges[3]`, nothing of the body itself.
fn top(place: &str) -> &str {
    place.split(['.', '[']).next().unwrap_or_default()
}

const fn status_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::CredentialMissing
        | Refusal::CredentialInvalid
        | Refusal::TokenDead(_)
        | Refusal::BasicRequired
        | Refusal::SessionEnded
        | Refusal::TokenRequired => 401,
        // No 404 is declared: a token that there isn't is a wrong request. Nor is a 403 where one is made.
        Refusal::CredentialAmbiguous
        | Refusal::Malformed { .. }
        | Refusal::Invalid { .. }
        | Refusal::FilterTooBroad { .. }
        | Refusal::RouteUnclear { .. }
        | Refusal::NotFound { .. }
        | Refusal::TokenDeleted
        | Refusal::PrivilegeNotHeld { .. }
        | Refusal::WiderThanMinter { .. }
        | Refusal::QuotaFull { .. }
        | Refusal::NumbersExhausted { .. } => 400,
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
        | Refusal::ApiAccessOff { .. } => 403,
        Refusal::RouteUnknown => 404,
        Refusal::MethodNotAllowed { .. } => 405,
        Refusal::Taken { .. }
        | Refusal::LastOperator
        | Refusal::OrganizationOwned { .. }
        | Refusal::RotationUnderway { .. }
        | Refusal::IdempotencyForeign
        | Refusal::IdempotencySpent { .. }
        | Refusal::PlanShifted { .. }
        | Refusal::StatusUnfit { .. }
        | Refusal::VersionStale { .. } => 409,
        Refusal::BodyTooLarge { .. } => 413,
        Refusal::IdempotencyMismatch => 422,
        Refusal::VersionMissing => 428,
        Refusal::Throttled { .. } | Refusal::RateExceeded { .. } => 429,
    }
}

/// Issues a token. Its secret stands in this reply and nowhere else, ever.
#[utoipa::path(post, path = "/api/v1/me/tokens", tag = "akinon", request_body = CreateToken,
    responses((status = 201, body = TokenObject<'static>)))]
#[post("/me/tokens", data = "<body>")]
async fn create(site: &State<Site>, asker: Asker<'_>, body: Body) -> Result<Reply, Failure> {
    let request = body.json::<CreateToken>()?.try_into()?;
    let issued = site.service.issue(asker.0?, request).await?;
    Reply::json(201, &TokenObject::new(issued.view, issued.secret.expose()))
}

/// How many tokens a list holds.
const MOST_LISTED: u32 = 10_000;

/// The caller's own tokens, newest first.
#[utoipa::path(get, path = "/api/v1/me/tokens", tag = "akinon",
    responses((status = 200, body = Vec<ListedToken<'static>>)))]
#[get("/me/tokens")]
async fn list(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    let query = TokenQuery::own(Listing {
        filter: Filter::default(),
        sort: vec![(TokenField::CreatedAt, Direction::Down)],
        position: Position::Offset(0),
        limit: MOST_LISTED,
        total: Count::No,
    });
    let page = site.service.tokens(asker.0?, query).await?;
    let masks: Vec<String> = page.items.iter().map(|view| hint(view.token.id)).collect();
    let shown = page.items.into_iter().zip(&masks).map(|(view, mask)| ListedToken {
        organization: OrganizationObject::new(&view.organization, view.token.owner),
        object: TokenObject::new(view, mask),
    });
    Reply::json(200, &shown.collect::<Vec<_>>())
}

/// Revokes one of the caller's own tokens, for good.
#[utoipa::path(delete, path = "/api/v1/me/tokens/{tokenId}", tag = "akinon",
    params(("tokenId" = String, Path, description = "24 hex digits", pattern = "^[0-9a-fA-F]{24}$")),
    responses((status = 204)))]
#[delete("/me/tokens/<tokenId>")]
#[allow(non_snake_case, reason = "the name in the path")]
async fn delete(site: &State<Site>, asker: Asker<'_>, tokenId: &str) -> Result<Reply, Failure> {
    let Some(reference @ Reference::Short(_)) = Reference::parse(&tokenId.to_ascii_lowercase()) else {
        return Err(Refusal::invalid("tokenId", "24 hex digits").into());
    };
    let target = Target { own: true, ..Target::of(reference) };
    site.service.change(asker.0?, target, Change::Delete).await?;
    Ok(Reply::empty(204))
}

#[cfg(test)]
mod tests {
    use super::top;

    #[test]
    fn a_wrong_item_is_its_lists_fault_and_a_wrong_body_no_fields() {
        for (place, field) in [("privileges[3]", "privileges"), ("name", "name"), (".", ""), ("a.b", "a")] {
            assert_eq!(top(place), field, "{place}");
        }
    }
}
