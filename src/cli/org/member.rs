//! `jeton org member add | list | set | remove`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use super::{given, part, remove, something};
use crate::cli::client::{Body, Client, path_of};
use crate::cli::output::{self, Column};

const LIST: &[Column] = &[
    ("USER", "user"),
    ("ROLE", "role"),
    ("MAY ISSUE", "may_issue"),
    ("ACTIVE", "active"),
    ("PRIVILEGES", "privileges"),
];

const SHOW: &[Column] = &[
    ("user", "user"),
    ("id", "user_id"),
    ("organization", "organization"),
    ("role", "role"),
    ("may issue", "may_issue"),
    ("privileges", "privileges"),
    ("active", "active"),
    ("since", "created_at"),
];

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Put a user into an organization
    Add(MemberArgs),
    /// List the members
    List {
        /// Slug or id of the organization
        slug: String,
    },
    /// Change what a member is, may and holds
    Set(MemberArgs),
    /// Take a user out of an organization: their tokens of it are dead, until they are added again
    Remove {
        /// Slug or id of the organization
        slug: String,
        /// Username or id
        user: String,
    },
}

#[derive(Debug, Args)]
pub struct MemberArgs {
    /// Slug or id of the organization
    slug: String,
    /// Username or id
    user: String,
    /// Administrators manage the organization and hold what exists in it
    #[arg(long, value_parser = PossibleValuesParser::new(["admin", "member"]))]
    role: Option<String>,
    /// Whether to issue tokens, whatever the policy says; `policy` leaves it to that again
    #[arg(long, value_name = "true|false|policy", value_parser = PossibleValuesParser::new(["true", "false", "policy"]), hide_possible_values = true)]
    may_issue: Option<String>,
    /// Privilege to hold there, domain:action, in the place of what was granted; repeat for more
    #[arg(long = "privilege", value_name = "PRIVILEGE")]
    privileges: Vec<String>,
    /// Grant no privilege
    #[arg(long, conflicts_with = "privileges")]
    no_privileges: bool,
}

impl MemberArgs {
    fn into_request(self) -> Map<String, Value> {
        let privileges = self.no_privileges || !self.privileges.is_empty();
        given([
            ("role", self.role.as_deref().map(role)),
            ("may_issue", self.may_issue.map(|word| word.parse::<bool>().map_or(Value::Null, Value::from))),
            ("privileges", privileges.then(|| self.privileges.into())),
        ])
    }
}

/// A role as the API has it.
pub fn role(word: &str) -> Value {
    if word == "admin" { "administrator".into() } else { word.into() }
}

pub async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<()> {
    match action {
        Action::Add(member) => {
            let path = part(&member.slug, "members")?;
            let user = Value::from(member.user.as_str());
            let mut request = member.into_request();
            request.insert("user".to_owned(), user);
            output::object(&api.call(Method::POST, &path, Body::Json(request)).await?, SHOW, json)?;
        }
        Action::List { slug } => {
            output::list(&api.list(&part(&slug, "members")?).await?, LIST, json)?;
        }
        Action::Set(member) => {
            let path = path_of(&part(&member.slug, "members")?, &member.user)?;
            let request = member.into_request();
            something(&request)?;
            output::object(&api.call(Method::PATCH, &path, Body::Json(request)).await?, SHOW, json)?;
        }
        Action::Remove { slug, user } => {
            remove(api, &path_of(&part(&slug, "members")?, &user)?, &user, json).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::MemberArgs;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        member: MemberArgs,
    }

    fn request(line: &str) -> Value {
        Value::Object(Only::parse_from(format!("set acme bo {line}").trim().split(' ')).member.into_request())
    }

    #[test]
    fn only_what_is_given_is_sent_in_the_apis_words() {
        assert_eq!(request(""), json!({}));
        assert_eq!(
            request("--role admin --may-issue false"),
            json!({"role": "administrator", "may_issue": false})
        );
        assert_eq!(
            request("--role member --may-issue policy --privilege a:b --privilege c:*"),
            json!({"role": "member", "may_issue": null, "privileges": ["a:b", "c:*"]})
        );
        assert_eq!(request("--no-privileges"), json!({"privileges": []}));
    }
}
