//! Why jeton says no. A refusal knows nothing of HTTP: each dialect has its own words for each.

use std::{borrow::Cow, sync::Arc};

use super::{
    id::TokenId,
    privilege::Privilege,
    token::{Obituary, Status, Whose},
};

/// What was asked is understood and refused. Closed: a new one compiles only when every dialect renders it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credential came and one is needed.
    #[error("this needs a credential: a password by HTTP Basic, or a token")]
    CredentialMissing,
    /// Two credentials, or one twice: which of them counts would be a guess.
    #[error("more than one credential was sent: send one, in one header, once")]
    CredentialAmbiguous,
    /// Unknown, misspelt, wrong: one answer for all, so that nothing can be learned by trying.
    #[error("the credential isn't valid")]
    CredentialInvalid,
    /// A token that was good once, told only to whoever presents its whole secret.
    #[error("{0}")]
    TokenDead(Box<Obituary>),
    /// What is asked for is given for a username and a password alone.
    #[error("this takes a credential by HTTP Basic and in no other way")]
    BasicRequired,
    /// The gate lets tokens through, and nobody who would have to be signed in for each request.
    #[error("this takes a token: passwords are for jeton itself")]
    TokenRequired,
    /// The session that a browser's cookie stands for is over, or never was.
    #[error("nobody is signed in any more: sign in")]
    SessionEnded,
    /// A browser's cookie came along with a request that the page itself may not have made.
    #[error(
        "the request doesn't show that jeton's own page made it, opened over https or on localhost, under `public_url` or the name that jeton hears"
    )]
    OriginUnproven,
    /// What is asked can't be undone, makes somebody mightier or outlives the session, and the password was given too long
    /// ago.
    #[error(
        "give the password again: this can't be undone, makes somebody mightier, or outlives the session"
    )]
    SignInAgain,
    /// Too many wrong passwords for this account or from this peer.
    #[error("too many wrong passwords: wait {retry_after} s")]
    Throttled {
        /// Wrong ones that cost nothing yet.
        limit: u32,
        /// Seconds until the next try is looked at.
        retry_after: u32,
    },

    /// A token made `restricted` reads and revokes itself and nothing more.
    #[error("this token is restricted: it may read and revoke itself and nothing more")]
    TokenRestricted,
    /// The credential lacks a privilege.
    #[error("this needs the privilege {needed}")]
    PrivilegeMissing {
        /// What was demanded.
        needed: Privilege,
    },
    /// The token belongs to another organization than is wanted.
    #[error("the token belongs to another organization than this needs")]
    OrganizationForeign,
    /// The token isn't good for a module.
    #[error("this needs a token that is good for the module {needed}")]
    ModuleMissing {
        /// Its number.
        needed: String,
    },
    /// The token's networks don't hold the address that the request came from.
    #[error("the token isn't good from this address: {0}")]
    NetworkDenied(Box<Whose>),
    /// The token's routes don't hold the request.
    #[error("the token isn't good for this method, host and path")]
    RouteDenied,
    /// What was asked for could be read in two ways, and something has to judge it.
    #[error("{what}")]
    RouteUnclear {
        /// What is unclear.
        what: &'static str,
    },
    /// The token was used as often as its rate allows.
    #[error("the token's rate of {limit} in {period} s is used up: wait {retry_after} s")]
    RateExceeded {
        /// Uses in a period.
        limit: u32,
        /// The period, in seconds.
        period: u32,
        /// Seconds until it is good again.
        retry_after: u32,
    },
    /// The local operator is no user, and this is about the caller's own tokens.
    #[error("this needs a user's own credential")]
    UserRequired,
    /// Only an operator of the instance may.
    #[error("this needs an operator of this instance")]
    OperatorRequired,
    /// Only an administrator of the organization may.
    #[error("this needs an administrator of the organization")]
    AdministratorRequired,
    /// Nobody but the local operator mints for another user.
    #[error("a token is minted with its owner's own credential")]
    OwnerForeign,
    /// The organization lets this user make no tokens.
    #[error("you may not issue tokens in the organization {organization}: an administrator can let you")]
    IssuingForbidden {
        /// Its slug.
        organization: String,
    },
    /// The organization, or its API access, is switched off.
    #[error("API access is off in the organization {organization}")]
    ApiAccessOff {
        /// Its slug.
        organization: String,
    },
    /// A token may only hold what its minter holds.
    #[error("privileges: {privilege} isn't held by the credential that asks for it")]
    PrivilegeNotHeld {
        /// The one that is too much.
        privilege: Privilege,
    },
    /// A child may not be wider than the token that mints it.
    #[error("{field}: wider than the token that mints it")]
    WiderThanMinter {
        /// On which axis.
        field: &'static str,
    },

    /// The request is no such document as is needed.
    #[error("{detail}")]
    Malformed {
        /// What is wrong, without a word of what was sent.
        detail: Cow<'static, str>,
    },
    /// One field of a request is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Its name in the native API.
        field: Cow<'static, str>,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// There is no such thing, or none that the caller may know of.
    #[error("no such {what}")]
    NotFound {
        /// The word for it.
        what: &'static str,
    },
    /// The token was deleted: nothing changes it any more.
    #[error("the token is deleted, which is for good")]
    TokenDeleted,
    /// The change would change nothing, where that is asked to be refused.
    #[error("the token is {status}: there is nothing to change")]
    StatusUnfit {
        /// What it is.
        status: &'static str,
    },
    /// The token, or the one that it replaced, is in the midst of being replaced.
    #[error("a rotation isn't over: finish it first by revoking {predecessor}, or rotate with mode now")]
    RotationUnderway {
        /// The token that is still good beside its successor.
        predecessor: TokenId,
    },
    /// An idempotency key came back with another request.
    #[error("this Idempotency-Key came with another request before")]
    IdempotencyMismatch,
    /// An idempotency key came back from somebody else.
    #[error("this Idempotency-Key was used by another caller")]
    IdempotencyForeign,
    /// An idempotency key came back after the token that it made had been used or revoked.
    #[error(
        "the token {token} was made with this Idempotency-Key and was used or revoked since: its secret isn't kept"
    )]
    IdempotencySpent {
        /// The token.
        token: TokenId,
    },
    /// What a plan was made for isn't what would happen now.
    #[error("what this would end isn't what the plan said: look at it again")]
    PlanShifted {
        /// The digest of what would happen now.
        digest: String,
    },
    /// A change needs the version that it changes.
    #[error("this needs If-Match with the ETag that the change is meant for")]
    VersionMissing,
    /// The thing was changed by somebody else since it was read.
    #[error("changed by somebody else: it is at change {current} now, read it again")]
    VersionStale {
        /// The change sequence that it has now.
        current: u32,
    },
    /// A name that must be unique isn't.
    #[error("{field}: already taken")]
    Taken {
        /// Which name.
        field: &'static str,
    },
    /// There is always an operator.
    #[error("this is the last operator of the instance: make another one first")]
    LastOperator,
    /// An organization's owner stays an administrator of it.
    #[error("this user owns the organization {organization}: give it another owner first")]
    OrganizationOwned {
        /// Its slug.
        organization: String,
    },
    /// No index helps with a filter, and too many rows would have to be looked at.
    #[error(
        "{filter}: too many rows would have to be looked at: narrow it down, by owner or organization say"
    )]
    FilterTooBroad {
        /// The parameter, or several.
        filter: String,
    },
    /// The owner has as many live tokens in the organization as its policy allows.
    #[error("the quota of {limit} live tokens for each user is used up")]
    QuotaFull {
        /// The policy's figure.
        limit: u32,
    },
    /// Every number of a kind has been given.
    #[error("every {kind} number has been given")]
    NumbersExhausted {
        /// The kind's name.
        kind: &'static str,
    },
    /// The body is longer than the limit.
    #[error("the body is over the limit of {limit} bytes")]
    BodyTooLarge {
        /// In bytes.
        limit: u64,
    },
    /// No route has this path.
    #[error("no such route")]
    RouteUnknown,
    /// The path exists, the method doesn't.
    #[error("this path takes {allow}")]
    MethodNotAllowed {
        /// The methods it takes, as an `Allow` header has them.
        allow: String,
    },
}

impl Refusal {
    /// A field that is wrong, and why.
    pub fn invalid(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }

    /// A request that is no document of the kind that is needed.
    pub const fn malformed(detail: &'static str) -> Self {
        Self::Malformed { detail: Cow::Borrowed(detail) }
    }

    /// The stable word for it, in every API and log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CredentialMissing => "credential_missing",
            Self::CredentialAmbiguous => "credential_ambiguous",
            Self::CredentialInvalid => "credential_invalid",
            Self::TokenDead(obituary) => obituary.death.code(),
            Self::BasicRequired => "basic_required",
            Self::TokenRequired => "token_required",
            Self::SessionEnded => "session_ended",
            Self::OriginUnproven => "origin_unproven",
            Self::SignInAgain => "sign_in_again",
            Self::Throttled { .. } => "throttled",
            Self::TokenRestricted => "token_restricted",
            Self::PrivilegeMissing { .. } => "privilege_missing",
            Self::OrganizationForeign => "organization_foreign",
            Self::ModuleMissing { .. } => "module_missing",
            Self::NetworkDenied(_) => "network_denied",
            Self::RouteDenied => "route_denied",
            Self::RouteUnclear { .. } => "route_unclear",
            Self::RateExceeded { .. } => "rate_exceeded",
            Self::UserRequired => "user_required",
            Self::OperatorRequired => "operator_required",
            Self::AdministratorRequired => "administrator_required",
            Self::OwnerForeign => "owner_foreign",
            Self::IssuingForbidden { .. } => "issuing_forbidden",
            Self::ApiAccessOff { .. } => "api_access_off",
            Self::PrivilegeNotHeld { .. } => "privilege_not_held",
            Self::WiderThanMinter { .. } => "wider_than_minter",
            Self::Malformed { .. } => "malformed",
            Self::Invalid { .. } => "invalid",
            Self::NotFound { .. } => "not_found",
            Self::TokenDeleted => Status::DELETED_CODE,
            Self::StatusUnfit { .. } => "status_unfit",
            Self::RotationUnderway { .. } => "rotation_underway",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::IdempotencyForeign => "idempotency_foreign",
            Self::IdempotencySpent { .. } => "idempotency_spent",
            Self::PlanShifted { .. } => "plan_shifted",
            Self::VersionMissing => "version_missing",
            Self::VersionStale { .. } => "version_stale",
            Self::Taken { .. } => "taken",
            Self::LastOperator => "last_operator",
            Self::OrganizationOwned { .. } => "organization_owned",
            Self::FilterTooBroad { .. } => "filter_too_broad",
            Self::QuotaFull { .. } => "quota_full",
            Self::NumbersExhausted { .. } => "numbers_exhausted",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::RouteUnknown => "route_unknown",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
        }
    }
}

/// Why a use case has no answer: refused, or not able to say.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A bounded queue is full or the store can't be written just now: the same request may work later.
    #[error("busy: try again in a moment")]
    Busy,
    /// The disk has no room for what was to be written. What is there is still read, and tokens can still be ended.
    #[error("the disk is full: nothing was written")]
    StorageFull,
    /// Something that must hold doesn't. The cause is for the log and nobody else.
    #[error("{0}")]
    Broken(Arc<str>),
}

impl Failure {
    /// A cause for the log.
    pub fn broken(cause: impl std::fmt::Display) -> Self {
        Self::Broken(cause.to_string().into())
    }
}
