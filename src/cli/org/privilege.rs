//! `jeton org privilege add | list | remove`.

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::{given, part, remove};
use crate::cli::client::{Body, Client, path_of};
use crate::cli::output;

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add a privilege that exists in an organization
    Add {
        /// Slug or id of the organization
        slug: String,
        /// domain:action
        privilege: String,
    },
    /// List the privileges that exist in an organization
    List {
        /// Slug or id of the organization
        slug: String,
    },
    /// Remove a privilege: whoever holds it holds it no more, until it is added again
    Remove {
        /// Slug or id of the organization
        slug: String,
        /// domain:action
        privilege: String,
    },
}

pub async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<()> {
    match action {
        Action::Add { slug, privilege } => {
            let request = given([("privilege", Some(privilege.into()))]);
            print(&api.call(Method::POST, &part(&slug, "privileges")?, Body::Json(request)).await?, json)?;
        }
        Action::List { slug } => {
            print(&api.call(Method::GET, &part(&slug, "privileges")?, Body::Empty).await?, json)?;
        }
        Action::Remove { slug, privilege } => {
            remove(api, &path_of(&part(&slug, "privileges")?, &privilege)?, &privilege, json).await?;
        }
    }
    Ok(())
}

/// One a line; as JSON an array, like every list.
fn print(reply: &Value, json: bool) -> anyhow::Result<()> {
    let Value::Array(privileges) = &reply["privileges"] else {
        anyhow::bail!("the server's answer holds no privileges");
    };
    if json {
        output::json(&reply["privileges"])?;
        return Ok(());
    }
    let lines = privileges.iter().filter_map(Value::as_str).map(|text| output::escape(text) + "\n");
    Ok(output::raw(lines.collect::<String>().as_bytes())?)
}
