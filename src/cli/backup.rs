//! `jeton backup`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use http::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};

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
}

/// What was made.
struct Made {
    bytes: u64,
    sha256: String,
}

pub fn run(arguments: &BackupArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let BackupArgs { client, file, force } = arguments;
    let begun = Partial::new(file, *force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{} is there already: name another file, or give --force", file.display())
        }
        _ => anyhow::Error::new(error).context(cant_write(file)),
    })?;
    let made = with_client(client, config, data_dir_flag, async |api| copy(api, begun, file).await)?;
    let Made { bytes, sha256 } = made;
    if client.json {
        output::json(&json!({ "file": file.display().to_string(), "bytes": bytes, "sha256": sha256 }))?;
    } else {
        output::line(&format!("{}: {bytes} bytes, verified; keep pepper.key apart from it", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn cant_write(file: &Path) -> String {
    format!("can't write {}", file.display())
}

/// Takes the copy in, which the server has verified, and holds it against the digest that came with it.
async fn copy(api: &Client, mut partial: Partial, file: &Path) -> anyhow::Result<Made> {
    let (mut bytes, mut hash, mut failed) = (0, Sha256::new(), None);
    let mut take = |data: &[u8]| {
        bytes += data.len() as u64;
        hash.update(data);
        partial.write_all(data).map_err(|error| {
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
    let digest = hash.finalize();
    let expected = format!("sha-256=:{}:", STANDARD.encode(digest));
    let told = headers.get("repr-digest").and_then(|told| told.to_str().ok());
    anyhow::ensure!(told == Some(&expected), "the copy didn't arrive whole: make it again");
    partial.finish().with_context(|| cant_write(file))?;
    let mut sha256 = String::new();
    for byte in digest {
        write!(sha256, "{byte:02x}").expect("a string takes all");
    }
    Ok(Made { bytes, sha256 })
}
