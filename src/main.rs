//! The `jeton` binary: parse, run, exit code.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// What is freed is overwritten: frameworks copy headers and bodies into strings of their own, secrets among them.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    jeton::cli::run(std::env::args_os())
}
