//! The application over a data directory whose lock this process holds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::core::keys::PepperId;
use crate::core::secret::{ControlSecret, random};
use crate::http::{App, Setting};
use crate::ops::clock::Clock;
use crate::ops::config::{Config, Replication};
use crate::ops::data_dir::{DATABASE, DataDir, Lock};
use crate::ops::entropy::Entropy;
use crate::service::{Opening, Service};
use crate::store::{Checkpoints, Keeping, Unsound};

/// The service, its routes, and the local operator's credential.
pub struct Application {
    /// The routes.
    pub app: &'static App,
    /// Makes the secrets that the command line itself hands out.
    pub entropy: Arc<Entropy>,
    /// The local operator's credential, good for as long as this runs.
    pub secret: ControlSecret,
    service: Arc<Service>,
}

/// How the files are kept by these settings.
pub fn keeping(config: &Config, accept_resurrection: bool) -> anyhow::Result<Keeping> {
    let copy = config.journal_copy.as_deref().map(std::path::absolute).transpose();
    Ok(Keeping {
        unsound: if accept_resurrection { Unsound::Accepted } else { Unsound::Refused },
        checkpoints: match config.replication {
            Replication::None => Checkpoints::Own,
            Replication::Litestream => Checkpoints::Litestream,
        },
        journal_copy: copy.context("can't say where journal_copy is")?,
    })
}

/// How long a command waits for what is to be done behind it.
const SETTLING: Duration = Duration::from_mins(1);

impl Application {
    /// Opens the database, made with its keys when the directory is new.
    pub async fn open(
        data_dir: &DataDir,
        held: &Lock,
        setting: Setting,
        keeping: Keeping,
    ) -> anyhow::Result<Self> {
        let entropy = Arc::new(Entropy::system());
        let pepper = data_dir.pepper(held, &*entropy)?;
        let secret = ControlSecret::generate(random(&*entropy));
        let opening = Opening {
            database: data_dir.file(DATABASE),
            pepper,
            clock: Arc::new(Clock::system()),
            entropy: Arc::clone(&entropy) as _,
            control: secret.clone(),
            keeping,
        };
        let service = tokio::task::spawn_blocking(|| Service::open(opening)).await??;
        let app = App::launch(crate::http::rocket(Arc::clone(&service), setting))
            .await
            .context("can't start the application")?;
        Ok(Self { app, entropy, secret, service })
    }

    /// Writes down what gathers in memory, every few seconds, erases deleted users, ends tokens that nobody uses, wipes
    /// replies that arrived and takes away what is too old, for as long as the runtime lives.
    pub fn keep_house(&self) {
        let service = Arc::clone(&self.service);
        tokio::spawn(async move { service.keep_uses().await });
        let service = Arc::clone(&self.service);
        tokio::spawn(async move { service.keep_erasing().await });
        let service = Arc::clone(&self.service);
        tokio::spawn(async move { service.keep_sweeping().await });
        let service = Arc::clone(&self.service);
        tokio::spawn(async move { service.keep_pruning().await });
        let service = Arc::clone(&self.service);
        tokio::spawn(async move { service.keep_replies().await });
    }

    /// Does what a server would do in the background, where there is no server to do it.
    pub async fn settle(&self) {
        let held_up = match tokio::time::timeout(SETTLING, self.service.erase_deleted()).await {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => "something reads the database".to_owned(),
        };
        tracing::warn!(held_up, "a deleted user isn't erased yet: the next start goes on with it");
    }

    /// Makes a pepper dispensable; answers how many tokens were ended for it.
    pub async fn retire_pepper(&self, id: PepperId, kill_tokens: bool) -> anyhow::Result<u64> {
        Ok(self.service.retire_pepper(id, kill_tokens).await?)
    }

    /// Whether there is any user at all.
    pub fn has_users(&self) -> anyhow::Result<bool> {
        Ok(self.service.has_users()?)
    }

    /// Whether the store answers now; one that hangs doesn't say no.
    pub async fn answers(&self) -> bool {
        self.service.answers().await
    }

    /// Resolves once nothing can be written safely any more.
    pub async fn failed(&self) {
        self.service.failed().await;
    }

    /// Lets go who is held back: nothing is to be waited for while the door closes.
    pub fn hold_back_nobody(&self) {
        self.service.hold_back_nobody();
    }

    /// Writes what is still in memory and closes the database.
    pub async fn close(self) {
        self.service.shut_down().await;
    }
}
