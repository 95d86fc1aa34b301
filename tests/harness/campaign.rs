//! How often a campaign repeats: `tests/run --long` sets `JETON_TEST_LONG=1`.

use std::env;

/// The count for this run: `short` by default, `long` under `--long`.
pub fn campaign(short: usize, long: usize) -> usize {
    if env::var_os("JETON_TEST_LONG").is_some_and(|value| value == "1") { long } else { short }
}

/// Raises the soft limit of file descriptors so that this process may hold `wanted` sockets.
///
/// Fails the test where the hard limit forbids it: a campaign of 10,000 that ran with 1,000 would say nothing.
pub fn at_least(wanted: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if now.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: now.maximum.map(|hard| hard.max(wanted)) };
        setrlimit(Resource::Nofile, raised)
            .unwrap_or_else(|error| panic!("this test needs {wanted} open files: {error}"));
    }
}
