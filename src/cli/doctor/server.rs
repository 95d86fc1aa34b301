//! Whether a server runs on the directory, and answers where it says that it listens.

use std::{
    net::{TcpStream, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use http::Method;

use super::Finding;
use crate::{
    cli::{
        client::{Body, Client},
        connect::parse_url,
    },
    core::secret::SecretText,
    ops::data_dir::DataDir,
};

const READY: &str = "/health/ready";

/// How long a server may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn reachable(data_dir: DataDir) -> Finding {
    let Some(control) = data_dir.read_control() else {
        return Finding::ok("server", "none runs on this directory");
    };
    let data_dir = Arc::new(data_dir);
    if data_dir.connect_control().is_err() {
        let says = format!(
            "none runs on this directory, and process {} didn't stop in order: start it, nothing is lost",
            control.pid
        );
        return Finding::warn("server", says);
    }
    let local = Client::control(data_dir, SecretText::new(control.secret.clone()));
    let version = match local.call_within(PATIENCE, Method::GET, READY, Body::Empty).await {
        Ok(health) => health["version"].as_str().unwrap_or_default().to_owned(),
        Err(error) => {
            let says = format!("process {} isn't ready: {error:#}; its log says why", control.pid);
            return Finding::bad("server", says);
        }
    };
    for url in &control.listen {
        if let Err(error) = answers(url).await {
            let says = format!(
                "process {} is ready, and {url} can't be reached: {error:#}; look at what stands between",
                control.pid
            );
            return Finding::bad("server", says);
        }
    }
    let places = control.listen.join(" and ");
    let ours = env!("CARGO_PKG_VERSION");
    if version != ours {
        let says = format!("process {} is jeton {version}, this is {ours}: restart it", control.pid);
        return Finding::warn("server", says);
    }
    Finding::ok("server", format!("process {} is ready at {places}", control.pid))
}

async fn answers(url: &str) -> anyhow::Result<()> {
    if let Some(address) = url.strip_prefix("https://") {
        // Its certificate is for a name that isn't this address.
        let mut addresses = address.to_socket_addrs()?;
        let address = addresses.next().ok_or_else(|| anyhow::anyhow!("it is no address"))?;
        TcpStream::connect_timeout(&address, PATIENCE)?;
        return Ok(());
    }
    // Health is nobody's secret: no credential goes over the net.
    let client = Client::remote(parse_url(url)?, SecretText::new("none".to_owned()));
    client.call_within(PATIENCE, Method::GET, READY, Body::Empty).await?;
    Ok(())
}
