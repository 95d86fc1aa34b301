//! `jeton token …`: what can be done about tokens, one file for each that asks for more than an id.

mod create;
mod expiring;
mod issue;
mod rotate;
mod uses;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use self::{
    create::{CreateArgs, create},
    expiring::{ExpiringArgs, expiring, unknown},
    rotate::{RotateArgs, rotate},
    uses::NarrowArgs,
};
use crate::cli::client::{Body, Client, path_of};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::listing;
use crate::cli::output::{self, Column};
use crate::ops::config::Config;

const PATH: &str = "/v1/tokens";

const LIST: &[Column] = &[
    ("NUMBER", "number"),
    ("NAME", "name"),
    ("OWNER", "owner"),
    ("ORGANIZATION", "organization"),
    ("STATUS", "status"),
    ("EXPIRES", "expires_at"),
    ("LAST USED", "last_used_at"),
];

const DESCENDANTS: &[Column] = &[
    ("DEPTH", "depth"),
    ("NUMBER", "number"),
    ("NAME", "name"),
    ("TIED", "tied"),
    ("STATUS", "status"),
    ("EXPIRES", "expires_at"),
    ("LAST USED", "last_used_at"),
];

const SHOW: &[Column] = &[
    ("number", "number"),
    ("id", "id"),
    ("name", "name"),
    ("description", "description"),
    ("owner", "owner"),
    ("organization", "organization"),
    ("privileges", "privileges"),
    ("modules", "modules"),
    ("restricted", "restricted"),
    ("tied", "tied"),
    ("parent", "parent"),
    ("only from", "limits.networks.allow"),
    ("never from", "limits.networks.deny"),
    ("routes", "limits.routes"),
    ("not before", "limits.not_before"),
    ("uses", "limits.uses"),
    ("rate", "limits.rate"),
    ("status", "status"),
    ("cause", "cause"),
    ("hint", "hint"),
    ("created", "created_at"),
    ("updated", "updated_at"),
    ("expires", "expires_at"),
    ("last used", "last_used_at"),
    ("last from", "last_used_address"),
    ("last by", "last_used_agent"),
    ("max idle", "max_idle"),
    ("idle until", "idle_until"),
    ("used", "used"),
    ("replaces", "replaces"),
    ("waits until", "waits_until"),
    ("replaced by", "superseded_by"),
    ("replaced", "superseded_at"),
];

const LEAKS: &[Column] =
    &[("AT", "at"), ("TYPE", "type"), ("SOURCE", "source"), ("URL", "url"), ("ADDRESS", "address")];

/// Its limits that are lists.
const LISTS: [&str; 3] = ["/limits/networks/allow", "/limits/networks/deny", "/limits/routes"];

#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Issue a token and print it, this once and alone
    Create(Box<CreateArgs>),
    /// List tokens: all of them on this machine; with --url those that JETON_TOKEN may see
    List(Box<ListArgs>),
    /// Tell what expires soon, for a monitoring system: exit code 0 if nothing does, 1 if something does, 2 if something
    /// does within --critical or if it couldn't be asked
    Expiring(Box<ExpiringArgs>),
    /// Show a token
    Show {
        /// Id, 24-hex id, TKN number, or `self`
        id: String,
    },
    /// List what a token has minted and they in turn
    Descendants {
        /// Id, 24-hex id or TKN number
        id: String,
    },
    /// Stop a token until it is enabled
    Disable {
        /// Id, 24-hex id or TKN number
        id: String,
    },
    /// Let a disabled token in again
    Enable {
        /// Id, 24-hex id or TKN number
        id: String,
    },
    /// Give a token a successor and print that, this once and alone
    Rotate(RotateArgs),
    /// List where a token was found that others can read it
    Leaks {
        /// Id, 24-hex id or TKN number
        id: String,
    },
    /// Show what a token may do, and what of that anybody asked for in the last 30 days
    Privileges {
        /// Id, 24-hex id or TKN number
        id: String,
    },
    /// Rotate a token into one that may do no more than was asked for
    Narrow(NarrowArgs),
    /// Show who still uses a token that has a successor: exit code 0 if nobody does, 1 if somebody does
    Stragglers {
        /// Id, 24-hex id or TKN number
        id: String,
    },
    /// Revoke a token for good
    Revoke {
        /// Id, 24-hex id, TKN number, or `self`
        id: String,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only this user's: username or id
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only this organization's
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Only those that are active, expired, disabled or deleted; the deleted are listed only so
    #[arg(long)]
    status: Option<String>,
    /// Only those with this in their name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only those that were given this privilege
    #[arg(long)]
    privilege: Option<String>,
    /// Only those minted by `password`, `session`, `local`, `token`, or the token with this id
    #[arg(long, value_name = "WORD|ID")]
    minted_by: Option<String>,
    /// Only those that expire before this instant, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    expires_before: Option<String>,
    /// Only those made before this instant and not used from it on
    #[arg(long, value_name = "INSTANT")]
    unused_since: Option<String>,
    /// In the order of created_at, name, expires_at or last_used_at; a - before it for descending
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Option<String>,
}

impl ListArgs {
    fn target(self) -> String {
        listing::target(
            PATH,
            [
                ("owner", self.user),
                ("organization", self.organization),
                ("status", self.status),
                ("name", self.name),
                ("privilege", self.privilege),
                ("minted_by", self.minted_by),
                ("expires_before", self.expires_before),
                ("unused_since", self.unused_since),
                ("sort", self.sort),
            ],
        )
    }
}

/// An object of those members that have a value.
fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
}

pub fn run(arguments: TokenArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let TokenArgs { client, action } = arguments;
    let watches = matches!(action, Action::Expiring(_));
    match with_client(&client, config, data_dir_flag, async |api| act(api, action, client.json).await) {
        Err(error) if watches && !error.is::<Usage>() => unknown(&error),
        other => other,
    }
}

async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<ExitCode> {
    match action {
        Action::Create(token) => create(api, *token, json).await?,
        Action::List(asked) => output::list(&api.list(&asked.target()).await?, LIST, json)?,
        Action::Expiring(asked) => return expiring(api, *asked, json).await,
        Action::Show { id } => show(api, Method::GET, &path_of(PATH, &id)?, json).await?,
        Action::Descendants { id } => {
            let found = api.list(&format!("{}/descendants", path_of(PATH, &id)?)).await?;
            output::list(&found, DESCENDANTS, json)?;
        }
        Action::Disable { id } => {
            show(api, Method::POST, &format!("{}/disable", path_of(PATH, &id)?), json).await?;
        }
        Action::Enable { id } => {
            show(api, Method::POST, &format!("{}/enable", path_of(PATH, &id)?), json).await?;
        }
        Action::Rotate(asked) => rotate(api, asked, json).await?,
        Action::Leaks { id } => {
            let path = format!("{}/leaks", path_of(PATH, &id)?);
            let mut found = api.call(Method::GET, &path, Body::Empty).await?;
            let items = found["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            output::list(&items, LEAKS, json)?;
        }
        Action::Privileges { id } => uses::privileges(api, &id, json).await?,
        Action::Narrow(asked) => uses::narrow(api, asked, json).await?,
        Action::Stragglers { id } => return uses::stragglers(api, &id, json).await,
        Action::Revoke { id } => {
            api.call(Method::DELETE, &path_of(PATH, &id)?, Body::Empty).await?;
            if !json {
                output::line(&format!("revoked {}", output::escape(&id)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(api: &Client, method: Method, path: &str, json: bool) -> anyhow::Result<()> {
    let mut token = api.call(method, path, Body::Empty).await?;
    if !json {
        for list in LISTS {
            token.pointer_mut(list).map(in_a_line);
        }
    }
    Ok(output::object(&token, SHOW, json)?)
}

/// A list that limits nothing while it is empty; what stands in it may hold spaces.
fn in_a_line(list: &mut Value) {
    let texts: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    *list = if texts.is_empty() { Value::Null } else { texts.join(", ").into() };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_list_is_shown_in_a_line() {
        let mut lists = [json!(["GET a/*", "* b/x"]), json!([])];
        lists.iter_mut().for_each(super::in_a_line);
        assert_eq!(lists, [json!("GET a/*, * b/x"), json!(null)]);
    }
}
