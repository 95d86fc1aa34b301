//! How our own API says a failure: RFC 9457.

use crate::{
    core::{
        refusal::{Failure, Refusal},
        token::Whose,
    },
    http::{
        problem::Problem,
        reply::{Reply, Words},
        told::Told,
    },
};

/// The native API's words.
pub(in crate::http) const WORDS: Words =
    Words(|failure| Reply::problem(&self::failure(failure)).because_of(failure));

/// A failure as a problem.
pub(in crate::http) fn failure(failure: &Failure) -> Problem {
    let status = match failure {
        Failure::Refused(refusal) => status(refusal),
        Failure::Busy => 503,
        Failure::StorageFull => 507,
        Failure::Broken(_) => 500,
    };
    let Told { code, detail, field, incident } = Told::of(failure);
    let mut problem = Problem::new(status, code, detail);
    if let Some((field, _)) = field {
        problem = problem.with("field", field.as_ref());
    }
    if let Some(incident) = incident {
        problem = problem.with("incident", incident);
    }
    match failure {
        Failure::Refused(Refusal::BodyTooLarge { limit }) => problem.with("limit", *limit),
        Failure::Refused(Refusal::QuotaFull { limit } | Refusal::RateExceeded { limit, .. }) => {
            problem.with("limit", *limit)
        }
        Failure::Refused(Refusal::VersionStale { current }) => problem.with("change_sequence", *current),
        Failure::Refused(Refusal::PlanShifted { digest }) => problem.with("digest", digest.as_str()),
        Failure::Refused(Refusal::IdempotencySpent { token }) => problem.with("token_id", token.to_string()),
        Failure::Refused(Refusal::NetworkDenied(whose)) => of(problem, whose),
        Failure::Refused(Refusal::TokenDead(dead)) => {
            let problem = of(problem, &dead.whose);
            match dead.since {
                Some(since) => problem.with("since", since.to_string()),
                None => problem,
            }
        }
        _ => problem,
    }
}

/// With which token it is and whom to ask about it.
fn of(problem: Problem, whose: &Whose) -> Problem {
    let Whose { token, owner, organization } = whose;
    let problem = problem.with("token_id", token.to_string());
    problem.with("owner", owner.as_str()).with("organization", organization.as_str())
}

const fn status(refusal: &Refusal) -> u16 {
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
        Refusal::Throttled { .. } | Refusal::RateExceeded { .. } => 429,
        Refusal::TokenRestricted
        | Refusal::OriginUnproven
        | Refusal::SignInAgain
        | Refusal::PrivilegeMissing { .. }
        | Refusal::UserRequired
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
        | Refusal::QuotaFull { .. }
        | Refusal::StatusUnfit { .. }
        | Refusal::NumbersExhausted { .. } => 409,
        Refusal::TokenDeleted => 410,
        Refusal::VersionStale { .. } => 412,
        Refusal::BodyTooLarge { .. } => 413,
        Refusal::IdempotencyMismatch => 422,
        Refusal::VersionMissing => 428,
    }
}
