//! A whole check, as the gate makes it: from the text that is presented to the answer, uses and checks counted.

use divan::Bencher;
use jeton::{
    core::{
        decision::Demand,
        id::{Reference, TokenId},
        secret::SecretText,
        wanted::Wanted,
    },
    service::change::{Change, Labels, Target},
};

use super::stage::{Stage, operator, peer, wanted};

/// How many tokens there are.
const THERE: usize = 4_096;

/// Checks a token that is good.
fn check(stage: &Stage, text: &SecretText, wanted: &Wanted) {
    let verdict = stage.service.judge_token(text, Demand::Pass(wanted), peer());
    let first_use = verdict.outcome.expect("a token that is good");
    assert!(first_use.is_none(), "it waits for nothing");
}

/// The token is in the cache. One that is checked again and again is in the processor's own too; where many take turns a
/// check waits for the memory that its token lies in, and for whatever else uses that.
#[divan::bench(args = [1, THERE], min_time = 1, sample_size = 64)]
fn hit(bencher: Bencher<'_, '_>, in_turn: usize) {
    let (stage, wanted) = (Stage::new(), wanted("orders:read"));
    let tokens = stage.tokens(in_turn);
    for token in &tokens {
        check(&stage, &token.secret, &wanted);
    }
    let mut turn = tokens.iter().cycle();
    bencher
        // A copy: what was just received is at hand.
        .with_inputs(|| turn.next().expect("it has no end").secret.clone())
        .bench_local_refs(|text| check(&stage, text, &wanted));
}

/// How many tokens are checked between two commits.
const BETWEEN_COMMITS: u32 = 64;

/// The token is in the cache, but of an older generation: a commit that may change a decision makes useless what was read
/// before it. That is the dearer of two kinds of misses, since a connection reads its pages of the database anew as well.
/// More tokens than there is room for would find those ready, and many of themselves too: the cache doesn't give up what
/// is used often for what passes by.
///
/// No token is checked twice after the same commit, and none is a neighbour in the table of the one before.
#[divan::bench(sample_size = BETWEEN_COMMITS, sample_count = 200)]
fn miss(bencher: Bencher<'_, '_>) {
    let (stage, wanted) = (Stage::new(), wanted("orders:read"));
    let tokens = stage.tokens(THERE);
    let (spare, tokens) = tokens.split_first().expect("so many");
    let mut asked = 0;
    bencher
        .with_inputs(|| {
            // All of a sample's inputs are made before the first is used.
            if asked % BETWEEN_COMMITS == 0 {
                raise_the_generation(&stage, spare.view.token.id, asked);
            }
            asked += 1;
            tokens[asked as usize * 1_031 % tokens.len()].secret.clone()
        })
        .bench_local_refs(|text| check(&stage, text, &wanted));
}

/// Any change of any token does it.
fn raise_the_generation(stage: &Stage, token: TokenId, number: u32) {
    let labels = Labels { description: Some(number.to_string()), ..Labels::default() };
    let (target, change) = (Target::of(Reference::Id(token)), Change::Relabel(labels));
    let changed = stage.runtime.block_on(stage.service.change(&operator(), target, change));
    changed.expect("a change by the operator");
}
