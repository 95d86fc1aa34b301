//! Group commit: tokens issued at once share a transaction and a sync, so that the more of them there are, the less each
//! one costs.

use divan::{Bencher, counter::ItemsCount};
use jeton::core::limits::Limits;

use super::stage::{Stage, request};

/// How many are asked for at once. The writer takes 256 at the most into one commit.
#[divan::bench(args = [1, 8, 64, 512], sample_size = 1, sample_count = 50)]
fn issue(bencher: Bencher<'_, '_>, count: usize) {
    let stage = Stage::new();
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| (0..count).map(|number| request(number, Limits::default())).collect())
        .bench_local_values(|requests| stage.issue_at_once(requests));
}
