//! `jeton token create`.

use clap::Args;
use serde_json::{Map, Value};

use super::{
    PATH, given,
    issue::{Handed, issue},
};
use crate::cli::client::Client;
use crate::cli::failure::Usage;

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Owner of the token; with --url it is the owner of JETON_TOKEN
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// What the token is for
    #[arg(long)]
    name: String,
    /// More words about it
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    life: LifeArgs,
    /// Privilege such as orders:read; may be repeated [default: all that the owner has]
    #[arg(long = "privilege", value_name = "PRIVILEGE")]
    privileges: Vec<String>,
    /// Give the token no privilege at all
    #[arg(long, conflicts_with = "privileges")]
    no_privileges: bool,
    /// At jeton itself, let the token read and revoke itself and nothing more
    #[arg(long)]
    restricted: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// Organization that the token works in [default: the owner's]
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    #[command(flatten)]
    handed: Handed,
}

/// How the token is to end.
#[derive(Debug, Args)]
struct LifeArgs {
    /// How long it lives, such as 30d or 12h [default: the server's]
    #[arg(long)]
    lifetime: Option<String>,
    /// Disable it after so long without use, such as 90d; delete it after twice that [default: the organization's]
    #[arg(long, value_name = "DURATION")]
    max_idle: Option<String>,
    /// Let it be good only while JETON_TOKEN is
    #[arg(long)]
    tied: bool,
}

/// What the token is to be limited to, for good.
#[derive(Debug, Args)]
struct LimitArgs {
    /// Network or address that it is good from, such as 10.0.0.0/8; may be repeated [default: from everywhere]
    #[arg(long = "allow-network", value_name = "NETWORK")]
    allow: Vec<String>,
    /// Network or address that it isn't good from; may be repeated
    #[arg(long = "deny-network", value_name = "NETWORK")]
    deny: Vec<String>,
    /// What it is good for, such as 'GET api.example/v1/reports/*'; may be repeated [default: everything]
    #[arg(long = "route", value_name = "METHOD HOST/PATH")]
    routes: Vec<String>,
    /// Instant at which it begins to be good, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    not_before: Option<String>,
    /// How often it may be used in all
    #[arg(long, value_name = "NUMBER")]
    uses: Option<u64>,
    /// How often in a period: 10/s, 100/min, 1000/h or 10000/day
    #[arg(long)]
    rate: Option<String>,
}

impl LimitArgs {
    /// Those that were given.
    fn into_request(self) -> Map<String, Value> {
        let list = |list: Vec<String>| (!list.is_empty()).then(|| Value::from(list));
        let networks = given([("allow", list(self.allow)), ("deny", list(self.deny))]);
        given([
            ("networks", (!networks.is_empty()).then(|| networks.into())),
            ("routes", list(self.routes)),
            ("not_before", self.not_before.map(Value::from)),
            ("uses", self.uses.map(Value::from)),
            ("rate", self.rate.map(Value::from)),
        ])
    }
}

impl CreateArgs {
    fn into_request(self) -> Map<String, Value> {
        let mut token = given([
            ("name", Some(self.name.into())),
            ("owner", self.user.map(Value::from)),
            ("description", self.description.map(Value::from)),
            ("lifetime", self.life.lifetime.map(Value::from)),
            ("organization", self.organization.map(Value::from)),
            ("tied", self.life.tied.then_some(true.into())),
            ("max_idle", self.life.max_idle.map(Value::from)),
        ]);
        if self.no_privileges || !self.privileges.is_empty() {
            token.insert("privileges".to_owned(), self.privileges.into());
        }
        if self.restricted {
            token.insert("restricted".to_owned(), true.into());
        }
        let limits = self.limits.into_request();
        if !limits.is_empty() {
            token.insert("limits".to_owned(), limits.into());
        }
        token
    }
}

pub(super) async fn create(api: &Client, mut token: CreateArgs, json: bool) -> anyhow::Result<()> {
    if token.user.is_none() && api.is_local_operator() {
        return Err(Usage("say whose token it is: --user NAME".to_owned()).into());
    }
    let handed = std::mem::take(&mut token.handed);
    issue(api, PATH, token.into_request(), handed, json).await
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::CreateArgs;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        create: CreateArgs,
    }

    fn request(line: &str) -> Value {
        Value::Object(Only::parse_from(format!("create {line}").split(' ')).create.into_request())
    }

    #[test]
    fn only_what_is_given_is_sent() {
        assert_eq!(request("--user bo --name ci"), json!({"owner": "bo", "name": "ci"}));
        assert_eq!(
            request("--name ci --tied --max-idle 90d"),
            json!({"name": "ci", "tied": true, "max_idle": "90d"})
        );
        assert_eq!(
            request(
                "--name ci --lifetime 30d --privilege a:b --privilege c:* --restricted --organization x --uri"
            ),
            json!({"name": "ci", "lifetime": "30d", "privileges": ["a:b", "c:*"], "restricted": true, "organization": "x"})
        );
    }

    #[test]
    fn only_limits_that_are_given_are_sent() {
        assert_eq!(request("--name ci --uses 3"), json!({"name": "ci", "limits": {"uses": 3}}));
        let all = "--name ci --allow-network 10.0.0.0/8 --allow-network ::1 --deny-network 10.1.0.0/16 --rate 9/s \
                   --not-before 2030-01-01T00:00:00Z";
        let mut line: Vec<_> = ["create"].into_iter().chain(all.split_whitespace()).collect();
        line.extend(["--route", "GET a.example/*", "--route", "* b.example/x"]);
        let sent = Value::Object(Only::parse_from(line).create.into_request());
        let limits = json!({
            "networks": {"allow": ["10.0.0.0/8", "::1"], "deny": ["10.1.0.0/16"]},
            "routes": ["GET a.example/*", "* b.example/x"], "not_before": "2030-01-01T00:00:00Z", "rate": "9/s",
        });
        assert_eq!(sent["limits"], limits);
    }

    #[test]
    fn no_privileges_is_said_and_not_left_out() {
        assert_eq!(request("--name ci --no-privileges"), json!({"name": "ci", "privileges": []}));
        assert!(
            Only::try_parse_from(["create", "--name", "x", "--no-privileges", "--privilege", "a:b"]).is_err()
        );
    }
}
