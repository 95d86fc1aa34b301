//! Refusals as this vendor words them: problem documents with `traceId` and the fields that are wrong.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;

use crate::{
    core::{
        id::hex,
        refusal::{Failure, Refusal},
        secret::random,
    },
    http::{reply::Reply, told::Told},
    ops::entropy::Entropy,
};

/// A refusal. What is refused before it is known whose API was meant has no `type`, `traceId` and `errors`.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneProblem)]
pub(super) struct Problem {
    /// `about:blank`: what is meant is what the status means.
    #[serde(rename = "type")]
    #[schema(required = false)]
    kind: &'static str,
    /// The status's reason phrase.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence on what is wrong.
    detail: String,
    /// No two replies have the same one. jeton's log has it where jeton failed.
    #[serde(rename = "traceId")]
    #[schema(required = false, pattern = "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")]
    trace_id: String,
    /// What is wrong with which field.
    #[schema(required = false, value_type = std::collections::BTreeMap<String, Vec<String>>)]
    errors: Map<String, serde_json::Value>,
}

pub(super) fn said(failure: &Failure) -> Reply {
    let told = Told::of(failure);
    let trace_id = trace_id();
    if let Some(incident) = told.incident {
        tracing::error!(trace_id, incident, "a reply says this trace");
    }
    let status = status(failure);
    let (detail, wrong) = worded(failure, told);
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let problem = json!(Problem {
        kind: "about:blank",
        title: reason.unwrap_or("Error"),
        status,
        detail,
        trace_id,
        errors: wrong.into_iter().map(|(field, problem)| (field.into_owned(), json!([problem]))).collect(),
    });
    Reply::value(status, "application/problem+json", &problem).because_of(failure)
}

/// As W3C's Trace Context has one.
fn trace_id() -> String {
    let bytes: [u8; 24] = random(&Entropy::system());
    format!("00-{}-{}-00", hex(&bytes[..16]), hex(&bytes[16..]))
}

/// A field's name and what is wrong with it.
type Wrong = Option<(Cow<'static, str>, String)>;

/// What is said, in this vendor's names for things.
fn worded(failure: &Failure, told: Told) -> (String, Wrong) {
    let about = |field: &'static str, problem: String| {
        (format!("{field}: {problem}"), Some((Cow::Borrowed(field), problem)))
    };
    match failure {
        Failure::Refused(Refusal::NotFound { what: "organization" }) => {
            about("account", "no such account".into())
        }
        Failure::Refused(Refusal::FilterTooBroad { .. }) => {
            about("filter", "too many tokens would have to be looked at: narrow it down".into())
        }
        _ => (told.detail, told.field),
    }
}

fn status(failure: &Failure) -> u16 {
    match failure {
        Failure::Refused(refusal) => status_of(refusal),
        Failure::Busy => 503,
        Failure::StorageFull => 507,
        Failure::Broken(_) => 500,
    }
}

const fn status_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::CredentialMissing
        | Refusal::CredentialInvalid
        | Refusal::TokenDead(_)
        | Refusal::BasicRequired
        | Refusal::SessionEnded
        | Refusal::TokenRequired => 401,
        // The account is a field of a body, and never a path's.
        Refusal::NotFound { what } if is_organization(what) => 400,
        Refusal::CredentialAmbiguous
        | Refusal::Malformed { .. }
        | Refusal::Invalid { .. }
        | Refusal::FilterTooBroad { .. }
        | Refusal::RouteUnclear { .. }
        | Refusal::TokenDeleted
        | Refusal::StatusUnfit { .. } => 400,
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
        | Refusal::VersionStale { .. }
        | Refusal::QuotaFull { .. }
        | Refusal::NumbersExhausted { .. } => 409,
        Refusal::BodyTooLarge { .. } => 413,
        Refusal::IdempotencyMismatch => 422,
        Refusal::VersionMissing => 428,
        Refusal::Throttled { .. } | Refusal::RateExceeded { .. } => 429,
    }
}

const fn is_organization(what: &str) -> bool {
    matches!(what.as_bytes(), b"organization")
}
