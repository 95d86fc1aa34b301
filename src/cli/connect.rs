//! Whom a command talks to: a server by its address, the one that runs on the data directory, or the database itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use rustls_pki_types::ServerName;

use crate::cli::application::{Application, keeping};
use crate::cli::client::{Client, Endpoint};
use crate::cli::failure::Usage;
use crate::core::secret::SecretText;
use crate::http::{Dialects, GateSetting, Setting};
use crate::ops::config::{Config, LogFormat};
use crate::ops::data_dir::{DataDir, DataDirError, Lock, for_command};
use crate::ops::{log, tls};

/// How long a command waits while the lock is held by a server that starts or stops, or by another command.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(25);

/// What every command that asks a server takes.
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Server to ask, with the token in JETON_TOKEN: http://…, https://… or unix:/path [env: JETON_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl ClientArgs {
    /// The server that was named. A data directory on the command line is more than an address in the environment.
    pub fn server(&self, data_dir_flag: bool) -> Result<Option<String>, Usage> {
        match &self.url {
            Some(_) if data_dir_flag => Err(Usage("give --url or --data-dir, not both".to_owned())),
            Some(url) => Ok(Some(url.clone())),
            None if data_dir_flag => Ok(None),
            None => Ok(std::env::var("JETON_URL").ok()),
        }
    }
}

/// Runs `command` with a client for whatever `arguments` and `config` say.
pub fn with_client<T>(
    arguments: &ClientArgs,
    config: &Config,
    data_dir_flag: bool,
    command: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let server = arguments.server(data_dir_flag)?;
    let level = config.log.unwrap_or(tracing::level_filters::LevelFilter::WARN);
    let _flush = log::install(level, Some(config.log_format.unwrap_or(LogFormat::Text)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        match server {
            Some(url) => command(&remote(&url)?).await,
            None => local(config, command).await,
        }
    });
    runtime.shutdown_background();
    result
}

/// A client of a server that was named.
fn remote(url: &str) -> anyhow::Result<Client> {
    let endpoint = parse_url(url)?;
    let token = std::env::var("JETON_TOKEN")
        .ok()
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Usage("set JETON_TOKEN to the token that the server should see".to_owned()))?;
    Ok(Client::remote(endpoint, SecretText::new(token)))
}

/// Where a server is by its address.
pub fn parse_url(url: &str) -> anyhow::Result<Endpoint> {
    let wrong = || Usage(format!("`{}` isn't http://…, https://… or unix:/path", url.escape_debug()));
    if let Some(path) = url.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
        return Ok(Endpoint::Unix(PathBuf::from(path)));
    }
    let uri: http::Uri = url.parse().map_err(|_| wrong())?;
    let authority =
        uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?.clone();
    let prefix = uri.path().trim_end_matches('/').to_owned();
    match uri.scheme_str() {
        Some("http") => Ok(Endpoint::Tcp { authority, prefix, tls: None }),
        Some("https") => {
            let host = authority.host().trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(host).map_err(|_| wrong())?;
            Ok(Endpoint::Tcp { authority, prefix, tls: Some((tls::client()?, name)) })
        }
        _ => Err(wrong().into()),
    }
}

/// A client of the data directory: of the server that holds it, or else of the application in this process.
async fn local<T>(
    config: &Config,
    command: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let data_dir =
        Arc::new(DataDir::with_pepper(&for_command(config.data_dir.clone())?, config.pepper_place())?);
    match lock_or_server(&data_dir).await? {
        Holder::Server(secret) => command(&Client::control(data_dir, secret)).await,
        Holder::Us(lock) => {
            let application = Application::open(&data_dir, &lock, own_api(), keeping(config, false)?).await?;
            let result = command(&Client::in_process(application.app, application.secret.reveal())).await;
            application.settle().await;
            application.close().await;
            result
        }
    }
}

/// What the command line speaks: our own API.
pub(super) fn own_api() -> Setting {
    Setting {
        public_url: String::new(),
        dialects: Dialects::named(&[]),
        hosts: Vec::new(),
        api_trusts_proxy: false,
        gate: GateSetting::default(),
    }
}

enum Holder {
    Us(Lock),
    Server(SecretText),
}

/// Takes the lock, or finds the server that holds it. Between the two is a server that starts or stops.
async fn lock_or_server(data_dir: &DataDir) -> Result<Holder, DataDirError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = data_dir.try_lock()? {
            return Ok(Holder::Us(lock));
        }
        let pid = data_dir.holder();
        // A file of another process is what a crashed server left.
        let control = data_dir.read_control().filter(|control| Some(control.pid) == pid);
        if let Some(control) = control.filter(|_| is_listening(data_dir)) {
            return Ok(Holder::Server(SecretText::new(control.secret.clone())));
        }
        if Instant::now() >= deadline {
            return Err(DataDirError::Held { path: data_dir.path().to_owned(), pid });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_listening(data_dir: &DataDir) -> bool {
    match data_dir.connect_control() {
        Ok(_) => true,
        // A full backlog is a busy server.
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(
            matches!(parse_url("unix:/run/s").unwrap(), Endpoint::Unix(path) if path.as_os_str() == "/run/s")
        );
        let Endpoint::Tcp { authority, prefix, tls: None } = parse_url("http://[::1]:8700/jeton/").unwrap()
        else {
            panic!("http");
        };
        assert_eq!((authority.as_str(), prefix.as_str()), ("[::1]:8700", "/jeton"));
        for wrong in ["", "localhost:8700", "ftp://a", "unix:s", "http://u:p@a", "/v1"] {
            assert!(parse_url(wrong).is_err_and(|error| error.is::<Usage>()), "{wrong}");
        }
    }

    #[test]
    fn a_directory_on_the_command_line_and_an_address_exclude_each_other() {
        let arguments = ClientArgs { url: Some("http://a".to_owned()), json: false };
        assert!(arguments.server(true).is_err());
        assert_eq!(arguments.server(false).unwrap().as_deref(), Some("http://a"));
    }
}
