//! `jeton feed add | list | remove`: keys that a calendar program reads expiries with.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;

use crate::cli::client::{Body, Client, path_of};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::listing;
use crate::cli::output::{self, Column};
use crate::ops::config::Config;

const PATH: &str = "/v1/feeds";

const LIST: &[Column] =
    &[("ID", "id"), ("USER", "user"), ("ORGANIZATION", "organization"), ("CREATED", "created_at")];

#[derive(Debug, Args)]
pub struct FeedArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a feed and print its URL, this once
    Add {
        /// In whose name: username or id; with --url it is whoever JETON_TOKEN acts as
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Of all tokens in an organization that the user administers, instead of the user's own
        #[arg(long, value_name = "SLUG")]
        organization: Option<String>,
    },
    /// List a user's feeds
    List {
        /// Whose: username or id
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Remove a feed: its URL opens nothing any more
    Remove {
        /// Its id
        id: String,
    },
}

pub fn run(arguments: FeedArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let FeedArgs { client, action } = arguments;
    with_client(&client, config, data_dir_flag, async |api| act(api, action, client.json).await)
}

async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<ExitCode> {
    match action {
        Action::Add { user, organization } => {
            let given = [("user", user), ("organization", organization)];
            let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
            let feed = api.call(Method::POST, PATH, Body::Json(given.collect())).await?;
            if json {
                output::json(&feed)?;
            } else {
                output::line(feed["url"].as_str().unwrap_or_default())?;
            }
        }
        Action::List { user } => {
            let path = listing::target(PATH, [("username", user)]);
            let mut found = api.call(Method::GET, &path, Body::Empty).await?;
            let items = found["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            output::list(&items, LIST, json)?;
        }
        Action::Remove { id } => {
            api.call(Method::DELETE, &path_of(PATH, &id)?, Body::Empty).await?;
            if !json {
                output::line(&format!("removed {}", output::escape(&id)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
