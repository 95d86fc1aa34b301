//! `jeton doctor`: looks at an installation and says what is to be done. It changes nothing.

mod database;
mod machine;
mod server;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        failure::Usage,
        output::{self, escape},
    },
    ops::{
        config::Config,
        data_dir::{DataDir, for_command},
    },
};

/// What `doctor` takes.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Read the whole database, and verify every event
    #[arg(long)]
    deep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    /// It wants doing soon.
    Warn,
    /// It wants doing at once.
    Bad,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// What was found out about one thing.
#[derive(Debug)]
struct Finding {
    check: &'static str,
    state: State,
    /// How it is, and where it isn't well what to do.
    says: String,
}

impl Finding {
    fn new(check: &'static str, state: State, says: impl Into<String>) -> Self {
        Self { check, state, says: says.into() }
    }

    fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Ok, says)
    }

    fn warn(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Warn, says)
    }

    fn bad(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Bad, says)
    }

    fn line(&self) -> String {
        format!("{:4}  {:11}  {}", self.state.as_str(), self.check, escape(&self.says))
    }

    fn json(&self) -> Value {
        json!({ "check": self.check, "state": self.state.as_str(), "says": self.says })
    }
}

/// Looks at everything and says it.
///
/// # Errors
/// Where there is nothing that could be looked at: exit code 2.
pub fn run(arguments: &DoctorArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let looked =
        for_command(config.data_dir.clone()).and_then(|path| DataDir::look(&path, config.pepper_place()));
    let data_dir = looked.map_err(|error| Usage(format!("{:#}", anyhow::Error::from(error))))?;
    let findings = findings(arguments, config, data_dir)?;
    let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    if arguments.json {
        let all: Vec<_> = findings.iter().map(Finding::json).collect();
        output::json(&json!({ "state": worst.as_str(), "findings": all }))?;
    } else {
        output::raw(findings.iter().map(|finding| finding.line() + "\n").collect::<String>().as_bytes())?;
    }
    Ok(if worst == State::Ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn findings(arguments: &DoctorArgs, config: &Config, data_dir: DataDir) -> anyhow::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("can't look for a server")?;
    let mut findings = vec![permissions(&data_dir)];
    findings.extend(database::findings(&data_dir, arguments.deep));
    findings.push(machine::disk(&data_dir));
    findings.push(machine::unit(data_dir.path()));
    findings.push(machine::log(config));
    findings.push(runtime.block_on(server::reachable(data_dir)));
    Ok(findings)
}

fn permissions(data_dir: &DataDir) -> Finding {
    let flaws: Vec<_> = data_dir.flaws().iter().map(ToString::to_string).collect();
    if flaws.is_empty() {
        return Finding::ok("permissions", format!("{} is its owner's alone", data_dir.path().display()));
    }
    Finding::bad("permissions", flaws.join("; "))
}
