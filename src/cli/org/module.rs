//! `jeton org module add | list | remove`.

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::{given, part, remove};
use crate::cli::client::{Body, Client, path_of};
use crate::cli::output::{self, Column};

const LIST: &[Column] = &[("NUMBER", "number"), ("NAME", "name"), ("CREATED", "created_at")];

const SHOW: &[Column] = &[("number", "number"), ("id", "id"), ("name", "name"), ("created", "created_at")];

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add a module
    Add {
        /// Slug or id of the organization
        slug: String,
        /// MOD-dddd or MOD-dddd-dddd, never given before in it
        module: String,
        /// Name for people
        name: String,
    },
    /// List the modules
    List {
        /// Slug or id of the organization
        slug: String,
    },
    /// Remove a module; tokens that name it keep its number
    Remove {
        /// Slug or id of the organization
        slug: String,
        /// Number or id
        module: String,
    },
}

pub async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<()> {
    match action {
        Action::Add { slug, module, name } => {
            let request = given([("number", Some(module.into())), ("name", Some(name.into()))]);
            let made = api.call(Method::POST, &part(&slug, "modules")?, Body::Json(request)).await?;
            output::object(&made, SHOW, json)?;
        }
        Action::List { slug } => {
            let mut reply = api.call(Method::GET, &part(&slug, "modules")?, Body::Empty).await?;
            let Value::Array(modules) = reply["items"].take() else {
                anyhow::bail!("the server's answer holds no list");
            };
            output::list(&modules, LIST, json)?;
        }
        Action::Remove { slug, module } => {
            remove(api, &path_of(&part(&slug, "modules")?, &module)?, &module, json).await?;
        }
    }
    Ok(())
}
