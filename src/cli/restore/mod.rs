//! `jeton restore`.

mod sealed;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tracing::level_filters::LevelFilter;

use crate::cli::application::{Application, keeping};
use crate::cli::failure::Usage;
use crate::cli::output;
use crate::core::keys::{Keyring, Pepper};
use crate::core::time::Clock as _;
use crate::http::{Dialects, GateSetting, Setting};
use crate::ops::clock::Clock;
use crate::ops::config::{Config, LogFormat};
use crate::ops::data_dir::{DATABASE, DataDir, JOURNAL, Lock, PEPPER, for_command};
use crate::ops::log;
use crate::ops::sealed_backup::is_sealed;
use crate::store::{self, Keeping, Verified};

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Backup to restore
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take it even if its record of events was edited
    #[arg(long)]
    force: bool,
    /// Restore although there is no jeton.journal, or a broken one: what was revoked since the backup may work again
    #[arg(long)]
    accept_resurrection: bool,
    /// Read the passphrase of an encrypted backup from standard input instead of asking for it
    #[arg(long)]
    passphrase_stdin: bool,
}

pub fn run(arguments: &RestoreArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let level = config.log.unwrap_or(LevelFilter::INFO);
    let _flush = log::install(level, Some(config.log_format.unwrap_or(LogFormat::Text)))?;
    let file = &arguments.file;
    let mut source = File::open(file).with_context(|| format!("can't open {}", file.display()))?;
    let is_sealed = is_sealed(&mut source).with_context(|| format!("can't read {}", file.display()))?;
    if arguments.passphrase_stdin && !is_sealed {
        let text = format!("{} isn't encrypted: leave --passphrase-stdin out", file.display());
        return Err(Usage(text).into());
    }
    let (path, place) = (for_command(config.data_dir.clone())?, config.pepper_place());
    let data_dir =
        if is_sealed { DataDir::with_lost_pepper(&path, place) } else { DataDir::with_pepper(&path, place) }?;
    let held = data_dir.lock().context("stop the server before restoring")?;
    let journal = data_dir.file(JOURNAL);
    let keeping = keeping(config, arguments.accept_resurrection)?;
    let has_copy = keeping.journal_copy.as_ref().is_some_and(|copy| copy.exists());
    anyhow::ensure!(
        arguments.accept_resurrection || journal.exists() || has_copy,
        "{} is missing: put the one there that lay beside the newest jeton.db, or give --accept-resurrection, by which \
         what was revoked since the backup may work again",
        journal.display()
    );
    let bring = if is_sealed { sealed::bring } else { bring };
    let brought = bring(&data_dir, &held, source, arguments);
    if brought.is_err() {
        data_dir.give_up_restoring(&held)?;
    }
    let verified = brought?;
    let (is_there, has_log) = data_dir.has_database()?;
    if is_there && has_log {
        // One that is too damaged for that is kept with its log beside it.
        if let Err(error) = store::settle(&data_dir.file(DATABASE)) {
            tracing::warn!(%error, "the database that is there is kept as it is, its log apart");
        }
    }
    let stamp: String = Clock::system().now().to_string().chars().filter(|c| !"-:.".contains(*c)).collect();
    let kept = data_dir.finish_restoring(&held, &stamp)?;
    if let Some(kept) = &kept {
        output::line(&format!("the database that was there is kept as {}", kept.display()))?;
    }
    open_once(&data_dir, &held, keeping).with_context(|| match &kept {
        Some(kept) => {
            format!("the backup is in place but can't be used; {} is what was there", kept.display())
        }
        None => "the backup is in place but can't be used".to_owned(),
    })?;
    output::line(&format!(
        "restored {} to {}: schema {}, {} events",
        arguments.file.display(),
        data_dir.file(DATABASE).display(),
        verified.schema,
        verified.events
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Brings the backup into the directory under another name, and holds it against the keys that are there.
fn bring(
    data_dir: &DataDir,
    held: &Lock,
    mut source: File,
    arguments: &RestoreArgs,
) -> anyhow::Result<Verified> {
    let pepper = data_dir.read_pepper()?.with_context(|| {
        format!(
            "{} holds no keys: put the {PEPPER} that belongs to the backup there first",
            data_dir.pepper_file().display()
        )
    })?;
    let (path, mut staged) = data_dir.begin_restoring(held)?;
    io::copy(&mut source, &mut staged).and_then(|_| staged.sync_all()).with_context(|| copying(&path))?;
    verify(&path, &pepper, arguments)
}

/// Holds what was brought against the keys that it goes with.
fn verify(staged: &Path, pepper: &Pepper, arguments: &RestoreArgs) -> anyhow::Result<Verified> {
    let file = arguments.file.display();
    let verified =
        store::verify(staged, &Keyring::new(pepper)).with_context(|| format!("can't restore {file}"))?;
    anyhow::ensure!(
        verified.is_sound || arguments.force,
        "can't restore {file}: its record of events was edited by something else than jeton; --force takes it all the same"
    );
    Ok(verified)
}

fn copying(to: &Path) -> String {
    format!("can't copy it to {}", to.display())
}

/// Opens the database as a server would, which raises an older schema, and closes it.
fn open_once(data_dir: &DataDir, held: &Lock, keeping: Keeping) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let opened = runtime.block_on(async {
        let setting = Setting {
            public_url: String::new(),
            dialects: Dialects::named(&[]),
            hosts: Vec::new(),
            api_trusts_proxy: false,
            gate: GateSetting::default(),
        };
        Application::open(data_dir, held, setting, keeping).await?.close().await;
        Ok(())
    });
    runtime.shutdown_background();
    opened
}
