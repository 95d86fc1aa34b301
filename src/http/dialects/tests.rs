//! Every refusal in the words of every dialect: one table, `refusals.txt`.

use std::{env, fmt::Write, fs, path::Path};

use regex_lite::Regex;

use super::{ALL, Dialects};
use crate::core::{
    id::TokenId,
    privilege::Privilege,
    refusal::{Failure, Refusal},
    time::Instant,
    token::{Death, Obituary, Whose},
};

fn whose() -> Whose {
    Whose { token: TokenId::from_bytes([7; 16]), owner: "alice".into(), organization: "acme".into() }
}

fn dead(death: Death) -> Refusal {
    let since = Some(Instant::from_millis(1_700_000_000_000));
    Refusal::TokenDead(Box::new(Obituary { death, since, whose: whose() }))
}

/// One of each kind, in the order of [`place`].
fn samples() -> Vec<Refusal> {
    let privilege = || "orders:write".parse::<Privilege>().unwrap();
    vec![
        Refusal::CredentialMissing,
        Refusal::CredentialAmbiguous,
        Refusal::CredentialInvalid,
        dead(Death::Expired),
        dead(Death::ApiAccessOff),
        Refusal::BasicRequired,
        Refusal::TokenRequired,
        Refusal::Throttled { limit: 5, retry_after: 7 },
        Refusal::TokenRestricted,
        Refusal::PrivilegeMissing { needed: privilege() },
        Refusal::UserRequired,
        Refusal::OrganizationForeign,
        Refusal::ModuleMissing { needed: "MOD-0001".into() },
        Refusal::NetworkDenied(Box::new(whose())),
        Refusal::RouteDenied,
        Refusal::RouteUnclear { what: "the path holds an encoded slash" },
        Refusal::RateExceeded { limit: 100, period: 60, retry_after: 7 },
        Refusal::OperatorRequired,
        Refusal::AdministratorRequired,
        Refusal::OwnerForeign,
        Refusal::IssuingForbidden { organization: "acme".into() },
        Refusal::ApiAccessOff { organization: "acme".into() },
        Refusal::PrivilegeNotHeld { privilege: privilege() },
        Refusal::WiderThanMinter { field: "modules" },
        Refusal::malformed("the body isn't JSON"),
        Refusal::invalid("name", "at most 200 characters"),
        Refusal::NotFound { what: "token" },
        Refusal::NotFound { what: "organization" },
        Refusal::TokenDeleted,
        Refusal::StatusUnfit { status: "active" },
        Refusal::VersionMissing,
        Refusal::VersionStale { current: 3 },
        Refusal::Taken { field: "slug" },
        Refusal::LastOperator,
        Refusal::OrganizationOwned { organization: "acme".into() },
        Refusal::RotationUnderway { predecessor: whose().token },
        Refusal::IdempotencyMismatch,
        Refusal::IdempotencyForeign,
        Refusal::IdempotencySpent { token: whose().token },
        Refusal::PlanShifted { digest: "8f".into() },
        Refusal::FilterTooBroad { filter: "description".into() },
        Refusal::QuotaFull { limit: 10 },
        Refusal::NumbersExhausted { kind: "token" },
        Refusal::BodyTooLarge { limit: 16_384 },
        Refusal::RouteUnknown,
        Refusal::MethodNotAllowed { allow: "GET, HEAD".into() },
        Refusal::SessionEnded,
        Refusal::OriginUnproven,
        Refusal::SignInAgain,
    ]
}

/// Where a kind's first sample stands. Whoever adds a kind adds a sample.
fn place(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::CredentialMissing => 0,
        Refusal::CredentialAmbiguous => 1,
        Refusal::CredentialInvalid => 2,
        Refusal::TokenDead(_) => 3,
        Refusal::BasicRequired => 5,
        Refusal::TokenRequired => 6,
        Refusal::Throttled { .. } => 7,
        Refusal::TokenRestricted => 8,
        Refusal::PrivilegeMissing { .. } => 9,
        Refusal::UserRequired => 10,
        Refusal::OrganizationForeign => 11,
        Refusal::ModuleMissing { .. } => 12,
        Refusal::NetworkDenied(_) => 13,
        Refusal::RouteDenied => 14,
        Refusal::RouteUnclear { .. } => 15,
        Refusal::RateExceeded { .. } => 16,
        Refusal::OperatorRequired => 17,
        Refusal::AdministratorRequired => 18,
        Refusal::OwnerForeign => 19,
        Refusal::IssuingForbidden { .. } => 20,
        Refusal::ApiAccessOff { .. } => 21,
        Refusal::PrivilegeNotHeld { .. } => 22,
        Refusal::WiderThanMinter { .. } => 23,
        Refusal::Malformed { .. } => 24,
        Refusal::Invalid { .. } => 25,
        Refusal::NotFound { .. } => 26,
        Refusal::TokenDeleted => 28,
        Refusal::StatusUnfit { .. } => 29,
        Refusal::VersionMissing => 30,
        Refusal::VersionStale { .. } => 31,
        Refusal::Taken { .. } => 32,
        Refusal::LastOperator => 33,
        Refusal::OrganizationOwned { .. } => 34,
        Refusal::RotationUnderway { .. } => 35,
        Refusal::IdempotencyMismatch => 36,
        Refusal::IdempotencyForeign => 37,
        Refusal::IdempotencySpent { .. } => 38,
        Refusal::PlanShifted { .. } => 39,
        Refusal::FilterTooBroad { .. } => 40,
        Refusal::QuotaFull { .. } => 41,
        Refusal::NumbersExhausted { .. } => 42,
        Refusal::BodyTooLarge { .. } => 43,
        Refusal::RouteUnknown => 44,
        Refusal::MethodNotAllowed { .. } => 45,
        Refusal::SessionEnded => 46,
        Refusal::OriginUnproven => 47,
        Refusal::SignInAgain => 48,
    }
}

/// A failure as each dialect says it: status and body, what differs from reply to reply left out.
fn said(failure: &Failure) -> String {
    let varies = Regex::new(r#""traceId":"[^"]+""#).unwrap();
    ALL.iter().fold(String::new(), |mut text, dialect| {
        let reply = (dialect.words.0)(failure);
        let status = reply.status();
        let body = String::from_utf8(reply.into_body()).unwrap();
        let body = varies.replace_all(&body, r#""traceId":"…""#);
        writeln!(text, "    {:12} {status} {body}", dialect.name).unwrap();
        text
    })
}

/// `JETON_GOLDEN=write` in the environment writes the table anew.
#[test]
fn every_refusal_has_its_words_in_every_dialect() {
    let samples = samples();
    for (at, refusal) in samples.iter().enumerate() {
        assert!(place(refusal) <= at && place(&samples[place(refusal)]) == place(refusal), "{refusal:?}");
    }
    let mut table = String::new();
    for refusal in samples {
        let (code, words) = (refusal.code(), refusal.to_string());
        write!(table, "{code} ({words})\n{}", said(&refusal.into())).unwrap();
    }
    for failure in [Failure::Busy, Failure::StorageFull, Failure::broken("a cause that is for the log")] {
        assert!(!said(&failure).contains("a cause"));
        write!(table, "{failure}\n{}", said(&failure)).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/dialects/refusals.txt");
    if env::var_os("JETON_GOLDEN").is_some_and(|how| how == "write") {
        fs::write(&path, &table).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == table, "refusals.txt isn't what is said any more:\n{table}");
}

#[test]
fn the_names_are_those_of_the_list() {
    assert_eq!(Dialects::NAMES.len(), ALL.len());
    let none = Dialects::named(&[]);
    assert!(none.0.is_empty() && Dialects::all().0.len() == ALL.len());
    for name in Dialects::NAMES {
        let one = Dialects::named(&[(*name).to_owned()]);
        assert_eq!(one.0.iter().map(|dialect| dialect.name).collect::<Vec<_>>(), [*name]);
    }
}
