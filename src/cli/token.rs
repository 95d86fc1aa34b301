//! `jeton token create | list | show | disable | enable | revoke`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use crate::cli::client::{Body, Client, path_of};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::listing;
use crate::cli::output::{self, Column};
use crate::core::idempotency::Key;
use crate::core::secret::random;
use crate::ops::config::Config;
use crate::ops::entropy::Entropy;

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
    ("only from", "limits.networks.allow"),
    ("never from", "limits.networks.deny"),
    ("routes", "limits.routes"),
    ("not before", "limits.not_before"),
    ("uses", "limits.uses"),
    ("rate", "limits.rate"),
    ("status", "status"),
    ("hint", "hint"),
    ("created", "created_at"),
    ("updated", "updated_at"),
    ("expires", "expires_at"),
    ("last used", "last_used_at"),
    ("used", "used"),
];

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
    /// Show a token
    Show {
        /// Id, 24-hex id, TKN number, or `self`
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

#[derive(Debug, Args)]
struct CreateArgs {
    /// Owner of the token; with --url it is the owner of JETON_TOKEN
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// What the token is for
    #[arg(long)]
    name: String,
    /// More words about it
    #[arg(long)]
    description: Option<String>,
    /// How long it lives, such as 30d or 12h [default: the server's]
    #[arg(long)]
    lifetime: Option<String>,
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
    /// Print it as a secret-token: URI (RFC 8959)
    #[arg(long)]
    uri: bool,
    /// Get the token of the same command with the same key, if it made one within ten minutes and that wasn't used yet:
    /// a UUID, say [default: a random one for each command]
    #[arg(long, value_name = "KEY", value_parser = key)]
    idempotency_key: Option<Key>,
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

/// An object of those members that have a value.
fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
}

fn key(text: &str) -> Result<Key, String> {
    // The flag's name stands before it already.
    Key::parse(text).map_err(|refusal| refusal.to_string().replacen("Idempotency-Key: ", "", 1))
}

impl CreateArgs {
    fn into_request(self) -> Map<String, Value> {
        let mut token = given([
            ("name", Some(self.name.into())),
            ("owner", self.user.map(Value::from)),
            ("description", self.description.map(Value::from)),
            ("lifetime", self.lifetime.map(Value::from)),
            ("organization", self.organization.map(Value::from)),
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

pub fn run(arguments: TokenArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let TokenArgs { client, action } = arguments;
    with_client(&client, config, data_dir_flag, async |api| act(api, action, client.json).await)?;
    Ok(ExitCode::SUCCESS)
}

async fn act(api: &Client, action: Action, json: bool) -> anyhow::Result<()> {
    match action {
        Action::Create(token) => create(api, *token, json).await?,
        Action::List(asked) => output::list(&api.list(&asked.target()).await?, LIST, json)?,
        Action::Show { id } => show(api, Method::GET, &path_of(PATH, &id)?, json).await?,
        Action::Disable { id } => {
            show(api, Method::POST, &format!("{}/disable", path_of(PATH, &id)?), json).await?;
        }
        Action::Enable { id } => {
            show(api, Method::POST, &format!("{}/enable", path_of(PATH, &id)?), json).await?;
        }
        Action::Revoke { id } => {
            api.call(Method::DELETE, &path_of(PATH, &id)?, Body::Empty).await?;
            if !json {
                output::line(&format!("revoked {}", output::escape(&id)))?;
            }
        }
    }
    Ok(())
}

async fn create(api: &Client, token: CreateArgs, json: bool) -> anyhow::Result<()> {
    if token.user.is_none() && api.is_local_operator() {
        return Err(Usage("say whose token it is: --user NAME".to_owned()).into());
    }
    let scheme = if token.uri { "secret-token:" } else { "" };
    // One that is made here is told here: there is nothing to be lost in between.
    let random = || (!api.is_in_process()).then(|| Key::from_random(random(&Entropy::system())));
    let reply = match token.idempotency_key.clone().or_else(random) {
        Some(key) => api.make(PATH, token.into_request(), &key).await?,
        None => api.call(Method::POST, PATH, Body::Json(token.into_request())).await?,
    };
    let printed = if json {
        output::json(&reply)
    } else {
        let secret = reply["token"].as_str().context("the server's answer holds no token")?;
        output::line(&format!("{scheme}{secret}"))
    };
    // Even a closed output is a failure here: nobody can be shown this token again.
    printed.map_err(|error| {
        let id = reply["id"].as_str().unwrap_or("?");
        anyhow::anyhow!("token {id} was issued but can't be printed: {error}; revoke it and issue another")
    })
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
    fn a_list_is_shown_in_a_line() {
        let mut lists = [json!(["GET a/*", "* b/x"]), json!([])];
        lists.iter_mut().for_each(super::in_a_line);
        assert_eq!(lists, [json!("GET a/*, * b/x"), json!(null)]);
    }

    #[test]
    fn no_privileges_is_said_and_not_left_out() {
        assert_eq!(request("--name ci --no-privileges"), json!({"name": "ci", "privileges": []}));
        assert!(
            Only::try_parse_from(["create", "--name", "x", "--no-privileges", "--privilege", "a:b"]).is_err()
        );
    }
}
