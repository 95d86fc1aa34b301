//! `jeton pepper status|rotate|retire`: works on the data directory itself, beside a server or without one.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::application::{Application, keeping};
use crate::cli::connect::own_api;
use crate::cli::output::{self, Column};
use crate::core::keys::{Keyring, PepperId};
use crate::core::time::Clock as _;
use crate::ops::clock::Clock;
use crate::ops::config::{Config, LogFormat};
use crate::ops::data_dir::{DATABASE, DataDir, Rewritten, for_command};
use crate::ops::entropy::Entropy;
use crate::ops::log;
use crate::service::peppers;

const STATUS: &[Column] = &[
    ("PEPPER", "pepper"),
    ("STATE", "state"),
    ("SINCE", "since"),
    ("LIVE TOKENS", "live_tokens"),
    ("SEALED ROWS", "sealed_rows"),
    ("EVENTS", "events"),
];

#[derive(Debug, Args)]
pub struct PepperArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what hangs on each pepper: live tokens that it alone checks, rows that it seals, events that it links
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a pepper for new tokens; old ones are keyed with it as they are used. A running server takes it up when it is
    /// started again
    Rotate,
    /// Take away what tokens could be checked with by an old pepper; the record of events stays provable. The server is
    /// stopped meanwhile
    Retire {
        /// The pepper's id
        id: PepperId,
        /// Delete the live tokens that it alone checks, instead of refusing
        #[arg(long)]
        kill_tokens: bool,
    },
}

pub fn run(arguments: &PepperArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let level = config.log.unwrap_or(tracing::level_filters::LevelFilter::WARN);
    let _flush = log::install(level, Some(config.log_format.unwrap_or(LogFormat::Text)))?;
    let data_dir = DataDir::with_pepper(&for_command(config.data_dir.clone())?, config.pepper_place())?;
    match arguments.action {
        Action::Status { json } => status(&data_dir, json),
        Action::Rotate => rotate(&data_dir),
        Action::Retire { id, kill_tokens } => retire(&data_dir, config, id, kill_tokens),
    }
}

fn status(data_dir: &DataDir, json: bool) -> anyhow::Result<ExitCode> {
    let pepper = data_dir.read_pepper()?.context("there is no pepper yet: the first start makes it")?;
    let keys = Keyring::new(&pepper);
    let uses = peppers::uses(&data_dir.file(DATABASE), &pepper, Clock::system().now())?;
    let known = |id: PepperId| uses.iter().any(|found| found.id == id);
    let state = |id: PepperId| match id {
        id if keys.current() == id => "current",
        id if keys.ids().any(|live| live == id) => "old",
        _ => "retired",
    };
    let mut rows: Vec<Value> = uses
        .iter()
        .map(|found| {
            json!({
                "pepper": found.id,
                "state": state(found.id),
                "since": found.since.to_string(),
                "live_tokens": found.tokens,
                "sealed_rows": found.seals,
                "events": found.events,
            })
        })
        .collect();
    let waiting = keys.ids().filter(|id| !known(*id)).map(|id| {
        json!({ "pepper": id, "state": "waits for a start", "since": null, "live_tokens": 0, "sealed_rows": 0,
            "events": 0 })
    });
    rows.extend(waiting);
    output::list(&rows, STATUS, json)?;
    Ok(ExitCode::SUCCESS)
}

fn rotate(data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    let rewritten = data_dir.rotate_pepper(&Entropy::system())?;
    let runs = data_dir.holder().is_some();
    let next = if runs { "restart the server: until then" } else { "the next start takes it up; until then" };
    let file = data_dir.pepper_file();
    match rewritten {
        Rewritten::Done => say(&format!(
            "{} has a new pepper: {next} new tokens are keyed with the old one. Copy the file to where its copy is kept.",
            file.display()
        ))?,
        Rewritten::ByHand(line) => {
            output::line(&line)?;
            say(&format!(
                "Add this line to {}, which jeton doesn't write; then {next} new tokens are keyed with the old one.",
                file.display()
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn retire(data_dir: &DataDir, config: &Config, id: PepperId, kill_tokens: bool) -> anyhow::Result<ExitCode> {
    let lock = data_dir.lock().context("a pepper is retired while no server runs: stop it first")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let application = Application::open(data_dir, &lock, own_api(), keeping(config, false)?).await?;
        let ended = application.retire_pepper(id, kill_tokens).await;
        application.close().await;
        ended
    });
    runtime.shutdown_background();
    let ended = ended?;
    // Only now that nothing needs it: a crash before this leaves a file that is good for everything.
    let rewritten = data_dir.retire_pepper(&lock, id)?.context("the pepper file was changed meanwhile")?;
    let killed = if ended > 0 { format!("; tokens deleted for it: {ended}") } else { String::new() };
    match rewritten {
        Rewritten::Done => say(&format!(
            "pepper {id} is retired{killed}. Backups from before need the old {}.",
            data_dir.pepper_file().display()
        ))?,
        Rewritten::ByHand(line) => {
            output::line(&line)?;
            say(&format!(
                "pepper {id} isn't needed any more{killed}: put this line in {} in the place of its own. Backups from \
                 before need the old one.",
                data_dir.pepper_file().display()
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Words for a person, beside what a script reads.
fn say(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}
