//! `jeton token rotate`.

use clap::Args;
use serde_json::Value;

use super::{
    PATH, given,
    issue::{Handed, issue},
};
use crate::cli::client::{Client, path_of};

/// When a token gives way to its successor.
#[derive(Debug, Args)]
pub(super) struct GiveWay {
    /// `on_first_use`, `overlap` or `now`: when the token gives way [default: on_first_use]
    #[arg(long)]
    mode: Option<String>,
    /// How long the successor waits for its first use, or both are good [default: 24h]
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,
    /// How long the token is good after that use [default: 5m]
    #[arg(long, value_name = "DURATION")]
    linger: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Id, 24-hex id, TKN number, or `self`
    id: String,
    #[command(flatten)]
    give_way: GiveWay,
    /// Privilege that the successor keeps; may be repeated [default: all of the token's]
    #[arg(long = "privilege", value_name = "PRIVILEGE")]
    privileges: Vec<String>,
    #[command(flatten)]
    handed: Handed,
}

pub(super) async fn rotate(api: &Client, asked: RotateArgs, json: bool) -> anyhow::Result<()> {
    let RotateArgs { id, give_way, privileges, mut handed } = asked;
    if id == "self" && give_way.mode.as_deref() == Some("now") {
        // Asked for again it would be by a token that is dead.
        handed.never_again();
    }
    successor(api, &id, give_way, (!privileges.is_empty()).then(|| privileges.into()), handed, json).await
}

/// Asks for a successor, of these privileges where some are named, and prints it.
pub(super) async fn successor(
    api: &Client,
    id: &str,
    GiveWay { mode, window, linger }: GiveWay,
    privileges: Option<Value>,
    handed: Handed,
    json: bool,
) -> anyhow::Result<()> {
    let request = given([
        ("mode", mode.map(Value::from)),
        ("window", window.map(Value::from)),
        ("linger", linger.map(Value::from)),
        ("privileges", privileges),
    ]);
    issue(api, &format!("{}/rotate", path_of(PATH, id)?), request, handed, json).await
}
