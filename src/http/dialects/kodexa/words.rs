//! How Kodexa's API says a failure: RFC 9457, with the fields that are wrong beside it.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    core::refusal::{Failure, Refusal},
    http::{
        problem::MEDIA_TYPE,
        reply::{Reply, Words},
        told::Told,
    },
};

pub(super) const WORDS: Words = Words(said);

#[cfg(test)]
pub(super) const BODY: (&str, &str) = (MEDIA_TYPE, "KodexaProblem");

/// A refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaProblem)]
pub(super) struct Problem {
    /// `about:blank`: our problems have no page of their own.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status's reason phrase.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence on what is wrong and what would be right.
    detail: String,
    /// With a 400: what is wrong, by the name of the field.
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Map<String, Value>>,
}

fn said(failure: &Failure) -> Reply {
    let status = match failure {
        Failure::Refused(refusal) => status_of(refusal),
        Failure::Busy => 503,
        Failure::StorageFull => 507,
        Failure::Broken(_) => 500,
    };
    let Told { detail, field, .. } = Told::of(failure);
    let errors =
        (status == 400).then(|| field.into_iter().map(|(field, problem)| named(failure, &field, problem)));
    let problem = Problem {
        kind: "about:blank",
        title: StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error"),
        status,
        detail,
        errors: errors.map(Iterator::collect),
    };
    Reply::value(status, MEDIA_TYPE, &json!(problem)).because_of(failure)
}

/// A field that is wrong, by the name that this API has for it.
fn named(failure: &Failure, field: &str, problem: String) -> (String, Value) {
    let field = match failure {
        // It names fields as the native API does; here they all stand in one parameter.
        Failure::Refused(Refusal::FilterTooBroad { .. }) if field != "sort" => "filter",
        _ => field,
    };
    (field.to_owned(), problem.into())
}

const fn status_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::CredentialMissing
        | Refusal::CredentialInvalid
        | Refusal::TokenDead(_)
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
        // A token that was deleted is gone, as if it had never been.
        Refusal::NotFound { .. } | Refusal::TokenDeleted | Refusal::RouteUnknown => 404,
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
