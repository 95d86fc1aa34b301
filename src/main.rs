//! The `jeton` binary: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    jeton::cli::run(std::env::args_os())
}
