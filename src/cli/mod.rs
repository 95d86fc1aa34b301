//! The command line: a thin client of the API, and the command that serves it.

mod application;
mod backup;
mod check;
mod client;
mod completions;
mod connect;
mod doctor;
mod events;
mod failure;
mod feed;
mod first_admin;
mod import;
mod listing;
mod man;
mod openapi;
mod org;
mod output;
mod password;
mod pepper;
mod restore;
mod revoke;
mod scan;
mod serve;
mod settings;
mod token;
mod user;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::http::Dialects;
use crate::ops::config::{Config, Sources};
use crate::ops::lifecycle;

/// Issues, checks and revokes API tokens.
#[derive(Debug, Parser)]
#[command(name = "jeton", version, about, disable_help_subcommand = true)]
struct Cli {
    /// Directory of the database and its keys
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// File of the pepper, where it isn't in that directory
    #[arg(long, global = true, value_name = "FILE")]
    pepper_file: Option<String>,
    /// TOML file with settings
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Add, list and change users
    User(user::UserArgs),
    /// Add, list and change organizations, their members, modules and privileges
    Org(org::OrgArgs),
    /// Issue, list and revoke tokens
    Token(token::TokenArgs),
    /// Disable or delete many tokens in one call, once they have been looked at
    Revoke(revoke::RevokeArgs),
    /// Make, list and remove feeds of what expires, for calendar programs
    Feed(feed::FeedArgs),
    /// List what happened, newest first, verify that the record of it is whole, and remove its oldest part
    Events(events::EventsArgs),
    /// Take in tokens that were made elsewhere, by digests of them: all of a file, or none
    Import(import::ImportArgs),
    /// Say what hangs on which pepper, add a new one, retire an old one
    Pepper(pepper::PepperArgs),
    /// Look at an installation and say what is to be done: exit code 0 if all is well, 1 if something is to be done, 2 if
    /// it couldn't look
    Doctor(doctor::DoctorArgs),
    /// Ask whether a token is good: exit code 0 if it is, 1 if it isn't
    Check(check::CheckArgs),
    /// Find tokens in files, in a git history or in what is about to be committed: exit code 0 if all was read and there
    /// are none, 1 if there are, 2 if something couldn't be read or asked about, a broken archive or an encrypted entry say
    Scan(scan::ScanArgs),
    /// Make a copy of the database, while a server runs or not; the keys aren't in it but with --with-pepper, encrypted
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database, which is kept under another name; no server may run
    Restore(restore::RestoreArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Write a manual page for each command
    Man(man::ManArgs),
}

/// Runs the command that `arguments`, the program's name first, stand for.
///
/// The exit code is 0 when it was done, 1 when it was refused or failed, 2 when it was asked for wrongly.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(asked) => {
            // Help and version come this way too. A closed output is nobody's error.
            let _ = asked.print();
            return if asked.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            let Some((code, text)) = failure::explain(&error) else {
                return ExitCode::SUCCESS;
            };
            let _ = writeln!(std::io::stderr(), "error: {text}");
            ExitCode::from(code)
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    lifecycle::harden()?;
    let Cli { data_dir, pepper_file, config: file, command } = cli;
    let load = |flags: Vec<_>| {
        let data_dir = data_dir.clone().map(|path| ("data_dir", path));
        let pepper_file = pepper_file.clone().map(|path| ("pepper_file", path));
        let flags = flags.into_iter().chain(data_dir).chain(pepper_file).collect();
        Config::load(Sources {
            flags,
            variables: std::env::vars_os().collect(),
            file,
            dialects: Dialects::NAMES,
        })
    };
    match command {
        Command::Serve(mut arguments) => {
            let flags = std::mem::take(&mut arguments.settings.0);
            serve::run(&arguments, &load(flags)?)
        }
        Command::User(arguments) => user::run(arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Org(arguments) => org::run(arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Token(arguments) => token::run(arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Revoke(arguments) => revoke::run(arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Feed(arguments) => feed::run(arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Events(arguments) => events::run(&arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Import(arguments) => import::run(&arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Pepper(arguments) => pepper::run(&arguments, &load(Vec::new())?),
        Command::Doctor(arguments) => doctor::run(&arguments, &load(Vec::new())?),
        Command::Check(arguments) => check::run(&arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Scan(arguments) => Ok(scan::run(&arguments, &load(Vec::new())?, data_dir.is_some())),
        Command::Backup(arguments) => backup::run(&arguments, &load(Vec::new())?, data_dir.is_some()),
        Command::Restore(arguments) => restore::run(&arguments, &load(Vec::new())?),
        Command::Openapi => openapi::run(),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}
