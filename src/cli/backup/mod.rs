//! `jeton backup`.

mod sealed;
mod tally;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use http::Method;
use serde_json::json;

use self::tally::{Sum, Tally};
use crate::cli::client::Client;
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::output;
use crate::ops::config::Config;
use crate::ops::partial::Partial;

const PATH: &str = "/v1/backup";

/// How long a copy of the largest database may take.
const COPYING: Duration = Duration::from_hours(6);

#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// File to make; only its owner can read it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Put the pepper in too, and encrypt all of it to a passphrase, as `age -d` decrypts it
    #[arg(long)]
    with_pepper: bool,
    /// Read the passphrase from standard input instead of asking for it
    #[arg(long, requires = "with_pepper")]
    passphrase_stdin: bool,
}

pub fn run(arguments: &BackupArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let BackupArgs { client, file, with_pepper, .. } = arguments;
    let (made, hint) = if *with_pepper {
        (
            sealed::make(arguments, config, data_dir_flag)?,
            "encrypted, verified; keep its passphrase apart from it",
        )
    } else {
        let mut copy = Tally::new(begin(arguments)?);
        with_client(client, config, data_dir_flag, async |api| fetch(api, &mut copy, file).await)?;
        let made = copy.sum();
        copy.into_inner().finish().with_context(|| cant_write(file))?;
        (made, "verified; keep pepper.key apart from it")
    };
    let bytes = made.bytes;
    if client.json {
        output::json(&json!({ "file": file.display().to_string(), "bytes": bytes, "sha256": made.hex() }))?;
    } else {
        output::line(&format!("{}: {bytes} bytes, {hint}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn begin(arguments: &BackupArgs) -> anyhow::Result<Partial> {
    let BackupArgs { file, force, .. } = arguments;
    Partial::new(file, *force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} is there already: name another file, or give --force", file.display())
        }
        _ => anyhow::Error::new(error).context(cant_write(file)),
    })
}

fn cant_write(file: &Path) -> String {
    format!("can't write {}", file.display())
}

/// Takes the copy in, which the server has verified, and holds it against the digest that came with it.
async fn fetch<W: Write + Send>(api: &Client, copy: &mut Tally<W>, file: &Path) -> anyhow::Result<()> {
    let mut failed = None;
    let mut take = |data: &[u8]| {
        copy.write_all(data).map_err(|error| {
            let kind = error.kind();
            failed = Some(error);
            kind.into()
        })
    };
    let headers = api.download(COPYING, Method::POST, PATH, &mut take).await;
    if let Some(error) = failed {
        return Err(error).with_context(|| cant_write(file));
    }
    let headers = headers?;
    let expected = format!("sha-256=:{}:", STANDARD.encode(copy.sum().sha256));
    let told = headers.get("repr-digest").and_then(|told| told.to_str().ok());
    anyhow::ensure!(told == Some(&expected), "the copy didn't arrive whole: make it again");
    Ok(())
}
