//! How our own API says a failure: RFC 9457, with the challenges of RFC 6750.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    core::refusal::{Failure, Refusal},
    http::{
        problem::Problem,
        reply::{Reply, Words},
    },
};

/// The native API's words.
pub(in crate::http) const WORDS: Words =
    Words(|failure| Reply::from_problem(&self::failure(failure), failure));

/// Numbers the failures that are nobody's fault but ours, so that a reply and its line in the log find each other.
static BROKEN: AtomicU64 = AtomicU64::new(1);

/// A failure as a problem.
pub(in crate::http) fn failure(failure: &Failure) -> Problem {
    match failure {
        Failure::Refused(refusal) => problem(refusal),
        Failure::Busy => Problem::new(503, "busy", failure.to_string()),
        Failure::Broken(cause) => {
            let incident = BROKEN.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%cause, incident, "a request failed");
            Problem::new(500, "internal", "jeton failed; its log says why").with("incident", incident)
        }
    }
}

/// A refusal as a problem.
pub(in crate::http) fn problem(refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::CredentialMissing | Refusal::CredentialInvalid | Refusal::TokenDead(_) => 401,
        Refusal::CredentialAmbiguous
        | Refusal::Malformed { .. }
        | Refusal::Invalid { .. }
        | Refusal::FilterTooBroad { .. } => 400,
        Refusal::Throttled { .. } => 429,
        Refusal::TokenRestricted
        | Refusal::PrivilegeMissing { .. }
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
        | Refusal::QuotaFull { .. }
        | Refusal::NumbersExhausted { .. } => 409,
        Refusal::TokenDeleted => 410,
        Refusal::VersionStale { .. } => 412,
        Refusal::BodyTooLarge { .. } => 413,
        Refusal::VersionMissing => 428,
    };
    let problem = Problem::new(status, refusal.code(), refusal.to_string());
    match refusal {
        Refusal::Invalid { field, .. } => problem.with("field", field.as_ref()),
        Refusal::Taken { field } | Refusal::WiderThanMinter { field } => problem.with("field", *field),
        Refusal::FilterTooBroad { filter } => problem.with("field", filter.as_str()),
        Refusal::PrivilegeNotHeld { .. } => problem.with("field", "privileges"),
        Refusal::BodyTooLarge { limit } => problem.with("limit", *limit),
        Refusal::QuotaFull { limit } => problem.with("limit", *limit),
        Refusal::VersionStale { current } => problem.with("change_sequence", *current),
        _ => problem,
    }
}

impl Reply {
    /// A problem with the headers that its failure calls for.
    pub(in crate::http) fn from_problem(problem: &Problem, failure: &Failure) -> Self {
        let reply = Self::problem(problem);
        match failure {
            Failure::Busy => reply.header("Retry-After", "1"),
            Failure::Broken(_) => reply,
            Failure::Refused(refusal) => match refusal {
                // RFC 6750, 3.1: no error code where no credential came.
                Refusal::CredentialMissing => reply.header("WWW-Authenticate", r#"Bearer realm="jeton""#),
                Refusal::CredentialInvalid | Refusal::TokenDead(_) => reply.header(
                    "WWW-Authenticate",
                    format!(r#"Bearer realm="jeton", error="invalid_token", error_description="{refusal}""#),
                ),
                Refusal::PrivilegeMissing { needed } => reply.header(
                    "WWW-Authenticate",
                    format!(r#"Bearer realm="jeton", error="insufficient_scope", scope="{needed}""#),
                ),
                Refusal::Throttled { retry_after } => reply.header("Retry-After", retry_after.to_string()),
                Refusal::MethodNotAllowed { allow } => reply.header("Allow", allow.clone()),
                _ => reply,
            },
        }
    }
}
