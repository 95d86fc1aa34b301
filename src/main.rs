//! The `jeton` binary: parse, run, exit code.
fn main() {}
