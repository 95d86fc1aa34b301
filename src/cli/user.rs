//! `jeton user add | set | set-password | disable | enable | delete | list | show`.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use crate::cli::client::{Body, Client, path_of};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::listing;
use crate::cli::org::{role, something};
use crate::cli::output::{self, Column};
use crate::cli::password;
use crate::ops::config::Config;

const PATH: &str = "/v1/users";

const LIST: &[Column] = &[
    ("USERNAME", "username"),
    ("ACTIVE", "active"),
    ("OPERATOR", "operator"),
    ("ORGANIZATION", "organization"),
    ("ROLE", "role"),
    ("EMAIL", "email"),
];

const SHOW: &[Column] = &[
    ("username", "username"),
    ("id", "id"),
    ("active", "active"),
    ("operator", "operator"),
    ("organization", "organization"),
    ("role", "role"),
    ("may issue", "may_issue"),
    ("privileges", "privileges"),
    ("email", "email"),
    ("first name", "first_name"),
    ("last name", "last_name"),
    ("title", "title"),
    ("image", "image"),
    ("created", "created_at"),
    ("updated", "updated_at"),
];

#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user
    Add(AddArgs),
    /// Change a user
    Set(SetArgs),
    /// Give a user another password; tokens stay as they are
    SetPassword {
        /// Username or id
        name: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Stop a user and all tokens of theirs at once
    Disable {
        /// Username or id
        name: String,
    },
    /// Let a user and their tokens in again
    Enable {
        /// Username or id
        name: String,
    },
    /// Delete a user for good: no sign-in, every token dead, what is personal erased
    Delete {
        /// Username or id
        name: String,
    },
    /// List users
    List(ListArgs),
    /// Show a user
    Show {
        /// Username or id
        name: String,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only those with this in their username, e-mail address, first or last name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only the members of this organization
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Only those who are enabled, or those who aren't
    #[arg(long, value_name = "true|false")]
    active: Option<bool>,
    /// Only operators, or only the others
    #[arg(long, value_name = "true|false")]
    operator: Option<bool>,
    /// Only administrators or members
    #[arg(long, value_name = "administrator|member")]
    role: Option<String>,
    /// In the order of created_at or username; a - before it for descending
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Option<String>,
}

impl ListArgs {
    fn target(self) -> String {
        listing::target(
            PATH,
            [
                ("name", self.name),
                ("organization", self.organization),
                ("active", self.active.map(|active| active.to_string())),
                ("operator", self.operator.map(|operator| operator.to_string())),
                ("role", self.role),
                ("sort", self.sort),
            ],
        )
    }
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Username: a-z, 0-9, . _ @ -
    name: String,
    /// Make an administrator who operates the instance too
    #[arg(long)]
    admin: bool,
    /// Organization that is to be the home [default: your own, or `default`]
    #[arg(long = "org", value_name = "SLUG")]
    organization: Option<String>,
    /// What to be there [default: member]
    #[arg(long, conflicts_with = "admin", value_parser = PossibleValuesParser::new(["admin", "member"]))]
    role: Option<String>,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// First name
    #[arg(long)]
    first_name: Option<String>,
    /// Last name
    #[arg(long)]
    last_name: Option<String>,
    /// Title
    #[arg(long)]
    title: Option<String>,
    /// Privilege to grant in the organization, domain:action; repeat for more
    #[arg(long = "privilege", value_name = "PRIVILEGE")]
    privileges: Vec<String>,
    /// Whether the user may issue tokens, whatever the organization's policy says
    #[arg(long, value_name = "true|false")]
    may_issue: Option<bool>,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// Username or id
    name: String,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// First name
    #[arg(long)]
    first_name: Option<String>,
    /// Last name
    #[arg(long)]
    last_name: Option<String>,
    /// Title
    #[arg(long)]
    title: Option<String>,
    /// URL of a picture
    #[arg(long, value_name = "URL")]
    image: Option<String>,
    /// Whether to operate the instance
    #[arg(long, value_name = "true|false")]
    operator: Option<bool>,
    /// New home, out of the organizations that the user is in
    #[arg(long = "org", value_name = "SLUG")]
    organization: Option<String>,
}

pub fn run(arguments: UserArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let UserArgs { client, action } = arguments;
    // Asked for before the lock is taken: a person at a prompt must not keep a server from starting.
    let action = action.ready()?;
    with_client(&client, config, data_dir_flag, async |api| act(api, action, client.json).await)?;
    Ok(ExitCode::SUCCESS)
}

/// What to ask of the server.
enum Ask {
    Add(Map<String, Value>),
    Set(String, Map<String, Value>),
    Delete { path: String, name: String },
    SetPassword(String, Map<String, Value>),
    Switch { path: String, verb: &'static str },
    List(String),
    Show(String),
}

impl Action {
    fn ready(self) -> anyhow::Result<Ask> {
        Ok(match self {
            Self::Add(user) => Ask::Add(user.into_request()?),
            Self::Set(user) => user.into_request()?,
            Self::Delete { name } => Ask::Delete { path: path_of(PATH, &name)?, name },
            Self::SetPassword { name, password_stdin } => {
                let path = format!("{}/password", path_of(PATH, &name)?);
                let password = password::new_password(password_stdin)?;
                Ask::SetPassword(path, Map::from_iter([("password".to_owned(), password.as_str().into())]))
            }
            Self::Disable { name } => Ask::Switch { path: path_of(PATH, &name)?, verb: "disable" },
            Self::Enable { name } => Ask::Switch { path: path_of(PATH, &name)?, verb: "enable" },
            Self::List(asked) => Ask::List(asked.target()),
            Self::Show { name } => Ask::Show(path_of(PATH, &name)?),
        })
    }
}

impl AddArgs {
    fn into_request(self) -> anyhow::Result<Map<String, Value>> {
        let password = password::new_password(self.password_stdin)?;
        let mut user = new_user(
            &self.name,
            &password,
            self.admin,
            [
                ("email", self.email),
                ("first_name", self.first_name),
                ("last_name", self.last_name),
                ("title", self.title),
                ("organization", self.organization),
            ],
        );
        if let Some(word) = &self.role {
            user.insert("role".to_owned(), role(word));
        }
        if !self.privileges.is_empty() {
            user.insert("privileges".to_owned(), self.privileges.into());
        }
        if let Some(may_issue) = self.may_issue {
            user.insert("may_issue".to_owned(), may_issue.into());
        }
        Ok(user)
    }
}

impl SetArgs {
    fn into_request(self) -> Result<Ask, Usage> {
        let texts = [
            ("email", self.email),
            ("first_name", self.first_name),
            ("last_name", self.last_name),
            ("title", self.title),
            ("image", self.image),
            ("organization", self.organization),
        ];
        let mut user: Map<String, Value> =
            texts.into_iter().filter_map(|(member, text)| Some((member.to_owned(), text?.into()))).collect();
        if let Some(operator) = self.operator {
            user.insert("operator".to_owned(), operator.into());
        }
        something(&user)?;
        Ok(Ask::Set(path_of(PATH, &self.name)?, user))
    }
}

/// The request for a new user; what isn't given is left to the server.
fn new_user<const N: usize>(
    name: &str,
    password: &str,
    admin: bool,
    more: [(&'static str, Option<String>); N],
) -> Map<String, Value> {
    let mut user = Map::new();
    user.insert("username".to_owned(), name.into());
    user.insert("password".to_owned(), password.into());
    if admin {
        user.insert("operator".to_owned(), true.into());
        user.insert("role".to_owned(), "administrator".into());
    }
    user.extend(more.into_iter().filter_map(|(member, text)| Some((member.to_owned(), text?.into()))));
    user
}

/// Makes an administrator of `default` who operates the instance.
pub async fn add_administrator(api: &Client, name: &str, password: &str) -> anyhow::Result<Value> {
    api.call(Method::POST, PATH, Body::Json(new_user(name, password, true, []))).await
}

async fn act(api: &Client, ask: Ask, json: bool) -> anyhow::Result<()> {
    match ask {
        Ask::Add(user) => {
            let user = api.call(Method::POST, PATH, Body::Json(user)).await?;
            output::object(&user, SHOW, json)?;
        }
        Ask::Set(path, user) => {
            let user = api.call(Method::PATCH, &path, Body::Json(user)).await?;
            output::object(&user, SHOW, json)?;
        }
        Ask::Delete { path, name } => {
            api.call(Method::DELETE, &path, Body::Empty).await?;
            done(&format!("deleted {}", output::escape(&name)), json)?;
        }
        Ask::SetPassword(path, password) => {
            api.call(Method::PUT, &path, Body::Json(password)).await?;
            done("password set", json)?;
        }
        Ask::Switch { path, verb } => {
            let user = api.call(Method::POST, &format!("{path}/{verb}"), Body::Empty).await?;
            output::object(&user, SHOW, json)?;
        }
        Ask::List(target) => output::list(&api.list(&target).await?, LIST, json)?,
        Ask::Show(path) => output::object(&api.call(Method::GET, &path, Body::Empty).await?, SHOW, json)?,
    }
    Ok(())
}

/// Says so to people; a script has the exit code.
fn done(text: &str, json: bool) -> std::io::Result<()> {
    if json { Ok(()) } else { output::line(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::new_user;

    #[test]
    fn only_what_is_given_is_sent() {
        let user = |admin, email: Option<&str>| {
            Value::Object(new_user("bo", "pw", admin, [("email", email.map(str::to_owned))]))
        };
        assert_eq!(user(false, None), json!({"username": "bo", "password": "pw"}));
        assert_eq!(
            user(true, Some("b@x.org")),
            json!({"username": "bo", "password": "pw", "operator": true, "role": "administrator", "email": "b@x.org"})
        );
    }
}
