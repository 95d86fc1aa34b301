//! How Dataprep says no.

use serde::Serialize;
use serde_json::json;
use utoipa::{IntoResponses, ToSchema};

use crate::{
    core::{
        refusal::{Failure, Refusal},
        token::Death,
    },
    http::{reply::Reply, told::Told},
};

/// A refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = DataprepError)]
pub(super) struct ErrorBody {
    exception: Exception,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = DataprepException)]
pub(super) struct Exception {
    /// A stable word for it.
    name: &'static str,
    /// One sentence.
    message: String,
    /// What is wrong with a field, or the same sentence.
    details: String,
}

/// A refusal of the credential: `Unauthorized`.
#[cfg(test)]
#[derive(Serialize, ToSchema)]
#[schema(as = DataprepUnauthorized)]
pub(super) struct Unauthorized(String);

/// Too many wrong passwords.
#[derive(IntoResponses)]
#[response(status = 429, headers(
    ("x-rate-limit-user-limit" = String, description = "How many wrong passwords cost nothing"),
    ("x-rate-limit-user-remaining" = String, description = "How many of them are left: 0"),
    ("x-rate-limit-user-reset" = String, description = "Seconds until another try is worth it"),
    ("x-retry-after" = String, description = "The same"),
))]
#[allow(dead_code, reason = "what the document says of it")]
pub(super) struct Throttled;

pub(super) fn said(failure: &Failure) -> Reply {
    let off = Failure::from(Refusal::RouteUnknown);
    let failure = match failure {
        // Where API access is off, nothing of this is there.
        Failure::Refused(Refusal::ApiAccessOff { .. }) => &off,
        Failure::Refused(Refusal::TokenDead(dead)) if dead.death == Death::ApiAccessOff => &off,
        other => other,
    };
    let (status, name) = match failure {
        Failure::Refused(refusal) => named(refusal),
        Failure::Busy => (503, "ServiceUnavailableException"),
        Failure::StorageFull => (507, "InsufficientStorageException"),
        Failure::Broken(_) => (500, "InternalServerErrorException"),
    };
    if status == 401 {
        return Reply::text(status, "Unauthorized").because_of(failure);
    }
    let told = Told::of(failure);
    let details = told.field.map_or_else(|| told.detail.clone(), |(_, problem)| problem);
    let exception = Exception { name, message: told.detail, details };
    let reply = Reply::value(status, "application/json", &json!(ErrorBody { exception })).because_of(failure);
    let Failure::Refused(Refusal::Throttled { limit, retry_after }) = failure else { return reply };
    reply
        .header("x-rate-limit-user-limit", limit.to_string())
        .header("x-rate-limit-user-remaining", "0")
        .header("x-rate-limit-user-reset", retry_after.to_string())
        .header("x-retry-after", retry_after.to_string())
}

/// The status and the name of a refusal.
const fn named(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::CredentialAmbiguous
        | Refusal::Malformed { .. }
        | Refusal::Invalid { .. }
        | Refusal::FilterTooBroad { .. }
        | Refusal::RouteUnclear { .. } => (400, "ValidationFailed"),
        Refusal::CredentialMissing
        | Refusal::CredentialInvalid
        | Refusal::TokenDead(_)
        | Refusal::BasicRequired
        | Refusal::SessionEnded
        | Refusal::TokenRequired => (401, ""),
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
        | Refusal::PrivilegeNotHeld { .. }
        | Refusal::WiderThanMinter { .. } => (403, "ForbiddenException"),
        Refusal::NotFound { .. } => (404, "NotFoundException"),
        Refusal::RouteUnknown | Refusal::ApiAccessOff { .. } => (404, "RouteNotFoundException"),
        Refusal::MethodNotAllowed { .. } => (405, "MethodNotAllowedException"),
        Refusal::StatusUnfit { .. }
        | Refusal::VersionStale { .. }
        | Refusal::Taken { .. }
        | Refusal::LastOperator
        | Refusal::OrganizationOwned { .. }
        | Refusal::RotationUnderway { .. }
        | Refusal::IdempotencyForeign
        | Refusal::IdempotencySpent { .. }
        | Refusal::PlanShifted { .. }
        | Refusal::QuotaFull { .. }
        | Refusal::NumbersExhausted { .. } => (409, "ConflictException"),
        Refusal::TokenDeleted => (410, "GoneException"),
        Refusal::BodyTooLarge { .. } => (413, "PayloadTooLargeException"),
        Refusal::IdempotencyMismatch => (422, "UnprocessableEntityException"),
        Refusal::VersionMissing => (428, "PreconditionRequiredException"),
        Refusal::Throttled { .. } | Refusal::RateExceeded { .. } => (429, "TooManyRequestsException"),
    }
}
