//! `jeton revoke`: ends many tokens in one call, once they have been looked at.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use crate::cli::client::{Body, Client};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::output::{self, Column};
use crate::ops::config::Config;

const PATH: &str = "/v1/revocations";

const LIST: &[Column] = &[
    ("NUMBER", "number"),
    ("NAME", "name"),
    ("OWNER", "owner"),
    ("ORGANIZATION", "organization"),
    ("STATUS", "status"),
    ("LAST USED", "last_used_at"),
    ("USED FROM", "addresses"),
];

#[derive(Debug, Args)]
pub struct RevokeArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// What to do to each
    #[arg(long, value_enum, default_value_t = Action::Disable)]
    action: Action,
    /// Say which tokens would end, and end none
    #[arg(long, conflicts_with = "digest")]
    dry_run: bool,
    /// Carry out the plan that a dry run gave this digest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
}

/// Which tokens: those that meet all that is given.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct FilterArgs {
    /// Those of this user: username or id
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Those of this organization
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Those that were given this privilege
    #[arg(long)]
    privilege: Option<String>,
    /// The token with this id, and all that it has minted and they in turn
    #[arg(long, value_name = "ID")]
    minted_by: Option<String>,
    /// Those made at this instant or later, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    created_after: Option<String>,
    /// Those made before this instant
    #[arg(long, value_name = "INSTANT")]
    created_before: Option<String>,
    /// Those last used from this address or network
    #[arg(long, value_name = "NETWORK")]
    last_address: Option<String>,
    /// Those whose id begins with these 8 digits or more
    #[arg(long, value_name = "DIGITS")]
    id_prefix: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    /// Switch it off, until it is enabled
    Disable,
    /// Revoke it for good
    Delete,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }
}

impl FilterArgs {
    fn into_request(self) -> Map<String, Value> {
        let given = [
            ("owner", self.owner),
            ("organization", self.organization),
            ("privilege", self.privilege),
            ("minted_by", self.minted_by),
            ("created_after", self.created_after),
            ("created_before", self.created_before),
            ("last_address", self.last_address),
            ("id_prefix", self.id_prefix),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
    }
}

pub fn run(arguments: RevokeArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let RevokeArgs { client, filter, action, dry_run, digest } = arguments;
    // Nobody is asked who may not be there to see what for.
    let asks = !dry_run && digest.is_none();
    if asks && (client.json || !io::stdin().is_terminal() || !io::stderr().is_terminal()) {
        let hint = "look first: give --dry-run, and then --digest with what that says";
        return Err(Usage(hint.to_owned()).into());
    }
    let request = Request { filter: filter.into_request(), action, json: client.json };
    with_client(&client, config, data_dir_flag, async |api| match digest {
        Some(digest) => request.carry_out(api, digest).await,
        None if asks => request.ask_and_carry_out(api).await,
        None => request.plan(api).await.map(drop),
    })?;
    Ok(ExitCode::SUCCESS)
}

struct Request {
    filter: Map<String, Value>,
    action: Action,
    json: bool,
}

impl Request {
    async fn send(&self, api: &Client, more: Value) -> anyhow::Result<Value> {
        let mut body = Map::new();
        body.insert("filter".to_owned(), self.filter.clone().into());
        body.insert("action".to_owned(), self.action.as_str().into());
        if let Value::Object(more) = more {
            body.extend(more);
        }
        api.call(Method::POST, PATH, Body::Json(body)).await
    }

    /// Shows what would end, and gives its digest and how many it is.
    async fn plan(&self, api: &Client) -> anyhow::Result<(String, u64)> {
        let plan = self.send(api, json!({ "dry_run": true })).await?;
        let digest = plan["digest"].as_str().context("the server's answer holds no digest")?.to_owned();
        let count = plan["count"].as_u64().unwrap_or_default();
        if self.json {
            output::json(&plan)?;
        } else {
            output::list(&rows(&plan), LIST, false)?;
            if plan["more"] == true {
                let shown = plan["tokens"].as_array().map_or(0, Vec::len);
                output::line(&format!("the oldest {shown} are shown"))?;
            }
            output::line(&format!("{} to {}", tokens(count), self.action.as_str()))?;
            output::line(&format!("digest {}", output::escape(&digest)))?;
        }
        Ok((digest, count))
    }

    async fn carry_out(&self, api: &Client, digest: String) -> anyhow::Result<()> {
        let done = self.send(api, json!({ "dry_run": false, "digest": digest })).await?;
        let count = done["count"].as_u64().unwrap_or_default();
        let did = match self.action {
            Action::Disable => "disabled",
            Action::Delete => "deleted",
        };
        let said =
            if self.json { output::json(&done) } else { output::line(&format!("{did} {}", tokens(count))) };
        Ok(said?)
    }

    async fn ask_and_carry_out(&self, api: &Client) -> anyhow::Result<()> {
        let (digest, count) = self.plan(api).await?;
        if count == 0 {
            return Ok(());
        }
        let mut terminal = io::stderr();
        write!(terminal, "{} {}? [y/N] ", capital(self.action.as_str()), tokens(count))?;
        terminal.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return self.carry_out(api, digest).await;
        }
        anyhow::bail!("nothing was done")
    }
}

fn tokens(count: u64) -> String {
    if count == 1 { "1 token".to_owned() } else { format!("{count} tokens") }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// The plan's tokens, with the addresses that they were used from in a word or two.
fn rows(plan: &Value) -> Vec<Value> {
    let addresses = |token: &Value| {
        let from = token["used_from"].as_array().into_iter().flatten();
        let mut addresses: Vec<&str> = from.filter_map(|source| source["address"].as_str()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.join(" ")
    };
    let tokens = plan["tokens"].as_array().into_iter().flatten();
    let row = |token: &Value| {
        let mut row = token.clone();
        row["addresses"] = addresses(token).into();
        row
    };
    tokens.map(row).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::{RevokeArgs, rows};

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        revoke: RevokeArgs,
    }

    #[test]
    fn only_what_is_given_is_asked_and_something_must_be() {
        let read = |line: &str| Only::try_parse_from(format!("revoke {line}").split_whitespace());
        let filter = read("--owner bo --last-address 10.0.0.0/8 --dry-run").unwrap().revoke.filter;
        let filter = Value::Object(filter.into_request());
        assert_eq!(filter, json!({ "owner": "bo", "last_address": "10.0.0.0/8" }));
        for wrong in ["", "--dry-run", "--owner bo --dry-run --digest x", "--owner bo --action enable"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_stand_in_one_cell() {
        let from = |address: Value| json!({ "address": address });
        let used =
            json!([from(json!("::1")), from(json!("10.0.0.1")), from(json!("::1")), from(json!(null))]);
        let plan = json!({ "tokens": [{ "used_from": used }, { "used_from": [] }] });
        let cells: Vec<_> = rows(&plan).into_iter().map(|row| row["addresses"].clone()).collect();
        assert_eq!(cells, [json!("10.0.0.1 ::1"), json!("")]);
    }
}
