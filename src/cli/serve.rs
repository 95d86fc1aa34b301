//! `jeton serve`: from settings to an open door, and back to a closed database.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use listenfd::ListenFd;
use tracing::level_filters::LevelFilter;
use tracing::{info, warn};

use crate::cli::application::{Application, keeping};
use crate::cli::client::Client;
use crate::cli::first_admin;
use crate::cli::settings::SettingFlags;
use crate::door::{self, Entrance, Limits, Listener};
use crate::http::{Dialects, GateSetting, Setting};
use crate::ops::config::{Config, DoorSettings};
use crate::ops::control::Control;
use crate::ops::data_dir::{DataDir, Lock, SOCKET, for_serve};
use crate::ops::lifecycle::{StopSignals, hangups, raise_file_limit};
use crate::ops::listen::{Bound, Plan};
use crate::ops::log;
use crate::ops::notify::Notifier;
use crate::ops::tls::Certificates;
use crate::store::Keeping;

type Tls = Option<Arc<Certificates>>;

/// What requests come in by.
struct Sockets {
    bound: Vec<Bound>,
    /// The Unix socket that is ours to remove.
    own_socket: Option<PathBuf>,
    /// Whether systemd made them and goes on listening.
    inherited: bool,
    tls: Tls,
    /// How many descriptors there may be, these included; `None` for as many as one likes.
    open_files: Option<u64>,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub settings: SettingFlags,
    /// Start although jeton.journal is missing or broken, and begin another: what was revoked since the database was
    /// saved may work again
    #[arg(long)]
    accept_resurrection: bool,
}

/// Runs the server until it is asked to stop.
pub fn run(arguments: &ServeArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let _flush = log::install(config.log.unwrap_or(LevelFilter::INFO), config.log_format)?;
    let tls = config.tls.as_ref().map(Certificates::load).transpose()?;
    let plan = Plan::new(config, ListenFd::from_env())?;
    if plan.is_inherited() && config.listen.explicit {
        warn!("listening on the sockets that were handed over: address, port and unix have no effect");
    }
    let path = for_serve(config.data_dir.clone(), std::env::var_os("STATE_DIRECTORY"));
    let data_dir = DataDir::with_pepper(&path, config.pepper_place())?;
    let lock = data_dir.lock()?;
    let open_files = raise_file_limit();
    // One that systemd made stays: it goes on listening there.
    let inherited = plan.is_inherited();
    let own_socket = config.listen.unix.clone().filter(|_| !inherited);
    let sockets = Sockets { bound: plan.bind()?, own_socket, inherited, tls, open_files };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    info!(data_dir = %data_dir.path().display(), open_files, version = env!("CARGO_PKG_VERSION"), "starting");
    let keeping = keeping(config, arguments.accept_resurrection)?;
    let result = runtime.block_on(serve(config, &data_dir, &lock, sockets, keeping));
    // What still runs has nobody left to answer to.
    runtime.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

async fn serve(
    config: &Config,
    data_dir: &DataDir,
    lock: &Lock,
    sockets: Sockets,
    keeping: Keeping,
) -> anyhow::Result<()> {
    let Sockets { bound, own_socket, inherited, tls, open_files } = sockets;
    let signals = StopSignals::install().context("can't catch signals")?;
    if let Some(certificates) = &tls {
        tokio::spawn(Arc::clone(certificates).watch(hangups()?));
    }
    let urls: Vec<String> = bound.iter().filter_map(|bound| bound.url(tls.is_some())).collect();
    let public = config.public_url.as_ref().or(urls.first()).map_or("", String::as_str);
    let setting = Setting {
        public_url: public.to_owned(),
        dialects: config.dialects.as_deref().map_or_else(Dialects::all, Dialects::named),
        hosts: config.hosts.clone(),
        api_trusts_proxy: config.api_trusts_proxy,
        gate: GateSetting {
            proxies: config.trusted_proxy.clone(),
            header: config.gate_header.clone(),
            policies: config.gate_policies.clone(),
        },
    };
    let application = Application::open(data_dir, lock, setting, keeping).await?;
    application.keep_house();
    // What a crashed server left.
    data_dir.remove_control()?;
    let mut entrances: Vec<Entrance> =
        bound.into_iter().map(|bound| entrance(bound, &tls, inherited)).collect();
    let control = Listener::Unix(data_dir.bind_control()?);
    entrances.push(Entrance { listener: control, tls: None, inherited: false });

    let api = Client::in_process(application.app, application.secret.reveal());
    if !application.has_users()? {
        first_admin::welcome(&api, &*application.entropy, data_dir, public).await?;
    }
    data_dir.write_control(&Control {
        pid: std::process::id(),
        listen: urls.clone(),
        socket: data_dir.file(SOCKET),
        secret: application.secret.reveal().expose().to_owned(),
    })?;
    for url in &urls {
        info!(url, "listening");
    }

    let notifier = Notifier::from_env();
    let mut failed = false;
    let stop = async {
        // The sockets listen already: whoever is let go on by this is answered.
        notifier.ready();
        tokio::select! {
            signal = signals.received() => info!(signal, "stopping"),
            () = application.failed() => failed = true,
            never = notifier.keep_watch(|| application.answers()) => match never {},
        }
        notifier.stopping();
        application.hold_back_nobody();
    };
    let drained = door::serve(entrances, limits(&config.door, open_files), application.app, stop).await?;
    info!(?drained, "connections are closed");
    // Before the lock goes: from then on both belong to whoever holds it.
    let removed = data_dir.remove_control();
    if let Some(path) = own_socket {
        let _ = std::fs::remove_file(path);
    }
    application.close().await;
    removed?;
    anyhow::ensure!(
        !failed,
        "stopped because the database can't be written safely any more: the log says why"
    );
    info!("stopped");
    Ok(())
}

fn entrance(bound: Bound, tls: &Tls, inherited: bool) -> Entrance {
    let (listener, tls) = match bound {
        Bound::Tcp(listener) => (Listener::Tcp(listener), tls.as_ref().map(Certificates::server)),
        Bound::Unix(listener) => (Listener::Unix(listener), None),
    };
    Entrance { listener, tls, inherited }
}

/// Descriptors that aren't for connections: the database's, the log, the sockets themselves.
const OTHER_FILES: u64 = 128;

/// As set, but never more connections than there are descriptors for.
fn limits(settings: &DoorSettings, open_files: Option<u64>) -> Limits {
    let room = open_files.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES).max(1));
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    Limits {
        head_timeout: settings.head_timeout,
        body_timeout: settings.body_timeout,
        idle_timeout: settings.idle_timeout,
        write_timeout: settings.write_timeout,
        head_bytes: settings.head_bytes,
        body_bytes: settings.body_bytes,
        headers: settings.headers,
        connections: settings.connections.min(room),
        connections_per_peer: settings.connections_per_peer,
    }
}
