//! Every refusal in the words of every dialect: one table, `refusals.txt`.

use std::{env, fmt::Write, fs, path::Path};

use regex_lite::Regex;

use super::{ALL, Dialects};
use crate::core::{
    privilege::Privilege,
    refusal::{Failure, Refusal},
    token::Death,
};

/// One of each kind, in the order of [`place`].
fn samples() -> Vec<Refusal> {
    let privilege = || "orders:write".parse::<Privilege>().unwrap();
    vec![
        Refusal::CredentialMissing,
        Refusal::CredentialAmbiguous,
        Refusal::CredentialInvalid,
        Refusal::TokenDead(Death::Expired),
        Refusal::TokenDead(Death::ApiAccessOff),
        Refusal::BasicRequired,
        Refusal::Throttled { limit: 5, retry_after: 7 },
        Refusal::TokenRestricted,
        Refusal::PrivilegeMissing { needed: privilege() },
        Refusal::UserRequired,
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
        Refusal::FilterTooBroad { filter: "description".into() },
        Refusal::QuotaFull { limit: 10 },
        Refusal::NumbersExhausted { kind: "token" },
        Refusal::BodyTooLarge { limit: 16_384 },
        Refusal::RouteUnknown,
        Refusal::MethodNotAllowed { allow: "GET, HEAD".into() },
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
        Refusal::Throttled { .. } => 6,
        Refusal::TokenRestricted => 7,
        Refusal::PrivilegeMissing { .. } => 8,
        Refusal::UserRequired => 9,
        Refusal::OperatorRequired => 10,
        Refusal::AdministratorRequired => 11,
        Refusal::OwnerForeign => 12,
        Refusal::IssuingForbidden { .. } => 13,
        Refusal::ApiAccessOff { .. } => 14,
        Refusal::PrivilegeNotHeld { .. } => 15,
        Refusal::WiderThanMinter { .. } => 16,
        Refusal::Malformed { .. } => 17,
        Refusal::Invalid { .. } => 18,
        Refusal::NotFound { .. } => 19,
        Refusal::TokenDeleted => 21,
        Refusal::StatusUnfit { .. } => 22,
        Refusal::VersionMissing => 23,
        Refusal::VersionStale { .. } => 24,
        Refusal::Taken { .. } => 25,
        Refusal::LastOperator => 26,
        Refusal::OrganizationOwned { .. } => 27,
        Refusal::FilterTooBroad { .. } => 28,
        Refusal::QuotaFull { .. } => 29,
        Refusal::NumbersExhausted { .. } => 30,
        Refusal::BodyTooLarge { .. } => 31,
        Refusal::RouteUnknown => 32,
        Refusal::MethodNotAllowed { .. } => 33,
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
    for failure in [Failure::Busy, Failure::broken("a cause that is for the log")] {
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
