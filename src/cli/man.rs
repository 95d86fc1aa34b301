//! `jeton man DIR`: a manual page for each command.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use crate::cli::Cli;

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The directory to write them to, made where there is none
    #[arg(value_name = "DIR")]
    into: PathBuf,
}

pub fn run(arguments: &ManArgs) -> anyhow::Result<ExitCode> {
    let into = &arguments.into;
    fs::create_dir_all(into).with_context(|| format!("can't make {}", into.display()))?;
    let pages = format!("can't write the pages to {}", into.display());
    clap_mangen::generate_to(Cli::command(), into).context(pages)?;
    Ok(ExitCode::SUCCESS)
}
