//! What a check computes, of the token that is presented and of what is known of it: no lock, no row.

use divan::{Bencher, black_box};
use jeton::{
    core::{
        decision::{Demand, Subject, decide},
        id::TokenId,
        keys::{Digest, Keyring, Pepper},
        limits::{Facts, Limits, Networks, Route},
        refusal::Refusal,
        secret::{Secret, random},
        time::Instant,
        token::Presented,
    },
    ops::entropy::Entropy,
};

use super::stage::{ADDRESS, ASKED, Stage, peer, request, wanted};

/// A token as it may be presented, of nobody's.
fn presented() -> Presented {
    let entropy = Entropy::system();
    let (id, secret) = (TokenId::from_bytes(random(&entropy)), Secret::from_bytes(random(&entropy)));
    Presented { id, secret, number: None }
}

#[divan::bench(min_time = 0.5)]
fn parse_a_token(bencher: Bencher<'_, '_>) {
    let text = presented().reveal();
    assert!(Presented::parse(text.expose()).is_some());
    bencher.bench(|| Presented::read(black_box(text.expose())));
}

#[divan::bench(min_time = 0.5)]
fn parse_one_with_a_wrong_checksum(bencher: Bencher<'_, '_>) {
    let mut text = presented().reveal().expose().to_owned();
    let last = text.pop().expect("a digit");
    text.push(if last == '0' { '1' } else { '0' });
    assert!(Presented::parse(&text).is_none());
    bencher.bench(|| Presented::read(black_box(&text)));
}

/// The most usual thing that is sent in a token's place.
#[divan::bench(min_time = 0.5)]
fn parse_what_is_none(bencher: Bencher<'_, '_>) {
    let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwiaWF0IjoxNTE2MjM5MDIyfQ.c2lnbmF0dXJl";
    assert!(Presented::parse(text).is_none());
    bencher.bench(|| Presented::read(black_box(text)));
}

#[divan::bench(min_time = 0.5)]
fn digest(bencher: Bencher<'_, '_>) {
    let keys = Keyring::new(&Pepper::generate(random(&Entropy::system())));
    let presented = presented();
    bencher.bench(|| -> Option<Digest> {
        let Presented { id, secret, .. } = black_box(&presented);
        keys.digest(keys.current(), *id, secret)
    });
}

/// A token with these limits, as a check finds it.
fn subject(limits: Limits) -> Subject {
    let stage = Stage::new();
    let issued = stage.issue_at_once(vec![request(0, limits)]);
    let verdict = stage.service.judge_token(&issued[0].secret, Demand::Itself, peer());
    Subject::Token(verdict.standing.expect("the token that was issued"))
}

/// Holds a token against a demand over and over, and whether it `passes`.
fn decided(bencher: Bencher<'_, '_>, limits: Limits, privilege: &str, passes: bool) {
    let (subject, wanted) = (subject(limits), wanted(privilege));
    let facts = Facts { address: Some(ADDRESS), asked: ASKED };
    let now = Instant::from_millis(1);
    let judge = || -> Result<(), Refusal> {
        decide(black_box(&subject), Demand::Pass(black_box(&wanted)), black_box(&facts), black_box(now))
    };
    assert_eq!(judge().is_ok(), passes);
    bencher.bench(judge);
}

#[divan::bench(min_time = 0.5)]
fn decide_yes(bencher: Bencher<'_, '_>) {
    decided(bencher, Limits::default(), "orders:read", true);
}

#[divan::bench(min_time = 0.5)]
fn decide_yes_within_limits(bencher: Bencher<'_, '_>) {
    let networks = Networks::parse(&["10.0.0.0/8", "192.0.2.0/24"], &["192.0.2.1"]);
    let routes = Route::parse_all(&["GET */v1/bills/*", "* api.example/v1/orders/*/lines"]);
    let (networks, routes) = (networks.expect("networks"), routes.expect("routes"));
    decided(bencher, Limits { networks, routes, ..Limits::default() }, "orders:read", true);
}

#[divan::bench(min_time = 0.5)]
fn decide_no(bencher: Bencher<'_, '_>) {
    decided(bencher, Limits::default(), "reports:write", false);
}
