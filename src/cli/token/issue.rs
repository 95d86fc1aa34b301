//! Asking for a token and printing it: it is told this once.

use anyhow::Context as _;
use clap::Args;
use http::Method;
use serde_json::{Map, Value};

use crate::cli::client::{Body, Client};
use crate::cli::output;
use crate::core::idempotency::Key;
use crate::core::secret::random;
use crate::ops::entropy::Entropy;

/// How it is handed over.
#[derive(Debug, Default, Args)]
pub(super) struct Handed {
    /// Print it as a secret-token: URI (RFC 8959)
    #[arg(long)]
    uri: bool,
    /// Get the token of the same command with the same key, if it made one within ten minutes and that wasn't used yet:
    /// a UUID, say [default: a random one for each command]
    #[arg(long, value_name = "KEY", value_parser = key)]
    idempotency_key: Option<Key>,
    #[arg(skip)]
    never_again: bool,
}

impl Handed {
    /// Sends no key that wasn't given.
    pub(super) const fn never_again(&mut self) {
        self.never_again = true;
    }
}

fn key(text: &str) -> Result<Key, String> {
    // The flag's name stands before it already.
    Key::parse(text).map_err(|refusal| refusal.to_string().replacen("Idempotency-Key: ", "", 1))
}

/// Asks for a token and prints it.
pub(super) async fn issue(
    api: &Client,
    path: &str,
    request: Map<String, Value>,
    Handed { uri, idempotency_key, never_again }: Handed,
    json: bool,
) -> anyhow::Result<()> {
    // One that is made here is told here: there is nothing to be lost in between.
    let random =
        || (!api.is_in_process() && !never_again).then(|| Key::from_random(random(&Entropy::system())));
    let reply = match idempotency_key.or_else(random) {
        Some(key) => api.make(path, request, &key).await?,
        None => api.call(Method::POST, path, Body::Json(request)).await?,
    };
    let printed = if json {
        output::json(&reply)
    } else {
        let scheme = if uri { "secret-token:" } else { "" };
        let secret = reply["token"].as_str().context("the server's answer holds no token")?;
        output::line(&format!("{scheme}{secret}"))
    };
    // Even a closed output is a failure here: nobody can be shown this token again.
    printed.map_err(|error| {
        let id = reply["id"].as_str().unwrap_or("?");
        anyhow::anyhow!("token {id} was issued but can't be printed: {error}; revoke it and issue another")
    })
}
