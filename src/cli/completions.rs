//! `jeton completions SHELL`.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, output};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete in
    shell: Shell,
}

pub fn run(arguments: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    // By way of memory: clap_complete panics when its output is closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "jeton", &mut script);
    output::raw(&script)?;
    Ok(ExitCode::SUCCESS)
}
