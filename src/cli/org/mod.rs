//! `jeton org add | list | show | set | disable | enable`, and what is in an organization: modules, privileges, members.

mod member;
mod module;
mod privilege;

pub use self::member::role;

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use crate::cli::client::{Body, Client, path_of};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::output::{self, Column};
use crate::ops::config::Config;

const PATH: &str = "/v1/organizations";

const LIST: &[Column] = &[
    ("SLUG", "slug"),
    ("NAME", "name"),
    ("OWNER", "owner"),
    ("ENABLED", "enabled"),
    ("API ACCESS", "policy.api_access"),
    ("ISSUERS", "policy.issuers"),
];

const SHOW: &[Column] = &[
    ("slug", "slug"),
    ("id", "id"),
    ("number", "number"),
    ("name", "name"),
    ("description", "description"),
    ("image", "image"),
    ("owner", "owner"),
    ("enabled", "enabled"),
    ("privileges", "privileges"),
    ("api access", "policy.api_access"),
    ("issuers", "policy.issuers"),
    ("max lifetime", "policy.max_lifetime"),
    ("default lifetime", "policy.default_lifetime"),
    ("allow never", "policy.allow_never"),
    ("quota", "policy.quota"),
    ("max idle", "policy.max_idle"),
    ("on leak", "policy.on_leak"),
    ("created", "created_at"),
    ("updated", "updated_at"),
];

#[derive(Debug, Args)]
pub struct OrgArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add an organization
    Add {
        /// Slug: a-z, 0-9 and -
        slug: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// List organizations
    List,
    /// Show an organization
    Show {
        /// Slug or id
        slug: String,
    },
    /// Change an organization; the policy governs what is minted from then on
    Set {
        /// Slug or id
        slug: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Switch an organization off, and every token of it at once
    Disable {
        /// Slug or id
        slug: String,
    },
    /// Switch an organization on again, and the tokens that were good before
    Enable {
        /// Slug or id
        slug: String,
    },
    /// Add, list and remove modules, which tokens may be narrowed to
    #[command(subcommand)]
    Module(module::Action),
    /// Add, list and remove the privileges that exist
    #[command(subcommand)]
    Privilege(privilege::Action),
    /// Add, list, change and remove members
    #[command(subcommand)]
    Member(member::Action),
}

/// What stands in an organization; what isn't given is left to the server.
#[derive(Debug, Default, Args)]
struct Fields {
    /// Name for people
    #[arg(long)]
    name: Option<String>,
    /// More words about it
    #[arg(long)]
    description: Option<String>,
    /// URL of a picture
    #[arg(long, value_name = "URL")]
    image: Option<String>,
    /// Owner by username or id: one of its administrators, or who is to be its first
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Whether tokens may live for good
    #[arg(long, value_name = "true|false")]
    allow_never: Option<bool>,
    /// Longest life of a token, such as 366d
    #[arg(long, value_name = "DURATION")]
    max_lifetime: Option<String>,
    /// Life of a token that names none, such as 30d; cut to the longest
    #[arg(long, value_name = "DURATION")]
    default_lifetime: Option<String>,
    /// Who issues tokens, single members apart
    #[arg(long, value_name = "WHO", value_parser = PossibleValuesParser::new(["admins", "members"]))]
    issuers: Option<String>,
    /// Off stops every token at once; on brings them back
    #[arg(long, value_name = "on|off", value_parser = PossibleValuesParser::new(["on", "off"]), hide_possible_values = true)]
    api_access: Option<String>,
    /// Live tokens a user may have
    #[arg(long, value_name = "N")]
    quota: Option<u32>,
    /// After how long without use a token is disabled, such as 90d; after twice that it is deleted
    #[arg(long, value_name = "DURATION|never")]
    max_idle: Option<String>,
    /// What becomes of a token that leaked, beside being put on record
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(["record", "disable", "delete"]))]
    on_leak: Option<String>,
}

impl Fields {
    fn into_request(self) -> Map<String, Value> {
        let policy = given([
            ("allow_never", self.allow_never.map(Value::from)),
            ("max_lifetime", self.max_lifetime.map(Value::from)),
            ("default_lifetime", self.default_lifetime.map(Value::from)),
            ("issuers", self.issuers.map(Value::from)),
            ("api_access", self.api_access.map(|switch| Value::from(switch == "on"))),
            ("quota", self.quota.map(Value::from)),
            ("max_idle", self.max_idle.map(Value::from)),
            ("on_leak", self.on_leak.map(Value::from)),
        ]);
        given([
            ("name", self.name.map(Value::from)),
            ("description", self.description.map(Value::from)),
            ("image", self.image.map(Value::from)),
            ("owner", self.owner.map(Value::from)),
            ("policy", (!policy.is_empty()).then_some(Value::Object(policy))),
        ])
    }
}

/// An object of those members that have a value.
fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
}

/// What a command says that was asked to change something and not what.
pub fn something(request: &Map<String, Value>) -> Result<(), Usage> {
    if request.is_empty() { Err(Usage("say what to set: --help lists it".to_owned())) } else { Ok(()) }
}

pub fn run(arguments: OrgArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let OrgArgs { client, action } = arguments;
    with_client(&client, config, data_dir_flag, async |api| act(api, action, client.json).await)?;
    Ok(ExitCode::SUCCESS)
}

async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<()> {
    match action {
        Action::Add { slug, fields } => {
            let mut organization = fields.into_request();
            organization.insert("slug".to_owned(), slug.into());
            show(api, Method::POST, PATH, Body::Json(organization), json).await
        }
        Action::List => Ok(output::list(&api.list(PATH).await?, LIST, json)?),
        Action::Show { slug } => show(api, Method::GET, &path_of(PATH, &slug)?, Body::Empty, json).await,
        Action::Set { slug, fields } => {
            let request = fields.into_request();
            something(&request)?;
            show(api, Method::PATCH, &path_of(PATH, &slug)?, Body::Json(request), json).await
        }
        Action::Disable { slug } => {
            let path = format!("{}/disable", path_of(PATH, &slug)?);
            show(api, Method::POST, &path, Body::Empty, json).await
        }
        Action::Enable { slug } => {
            let path = format!("{}/enable", path_of(PATH, &slug)?);
            show(api, Method::POST, &path, Body::Empty, json).await
        }
        Action::Module(action) => module::act(api, action, json).await,
        Action::Privilege(action) => privilege::act(api, action, json).await,
        Action::Member(action) => member::act(api, action, json).await,
    }
}

async fn show(api: &Client, method: Method, path: &str, body: Body, json: bool) -> anyhow::Result<()> {
    Ok(output::object(&api.call(method, path, body).await?, SHOW, json)?)
}

/// The path of a part of an organization.
fn part(slug: &str, part: &str) -> Result<String, Usage> {
    Ok(format!("{}/{part}", path_of(PATH, slug)?))
}

/// Removes what is at `path`, and says so to people.
async fn remove(api: &Client, path: &str, what: &str, json: bool) -> anyhow::Result<()> {
    api.call(Method::DELETE, path, Body::Empty).await?;
    if !json {
        output::line(&format!("removed {}", output::escape(what)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::Fields;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        fields: Fields,
    }

    fn request(line: &str) -> Value {
        Value::Object(Only::parse_from(format!("set {line}").split(' ')).fields.into_request())
    }

    #[test]
    fn only_what_is_given_is_sent() {
        assert_eq!(request("--name n"), json!({"name": "n"}));
        assert_eq!(
            request("--api-access off --allow-never true --issuers members --quota 0 --max-lifetime 1d"),
            json!({"policy": {
                "api_access": false, "allow_never": true, "issuers": "members", "quota": 0, "max_lifetime": "1d"
            }})
        );
        assert_eq!(request("--api-access on"), json!({"policy": {"api_access": true}}));
        assert_eq!(
            request("--max-idle 90d --on-leak disable"),
            json!({"policy": {"max_idle": "90d", "on_leak": "disable"}})
        );
        for wrong in
            ["--on-leak tell", "--api-access yes", "--issuers all", "--quota -1", "--allow-never maybe"]
        {
            assert!(Only::try_parse_from(format!("set {wrong}").split(' ')).is_err(), "{wrong}");
        }
    }
}
