//! `jeton check -`: whether a token on standard input is good.

use std::net::IpAddr;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use http::Method;
use serde_json::Value;

use crate::cli::client::Body;
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::output;
use crate::cli::password;
use crate::core::secret::SecretText;
use crate::core::time::Instant;
use crate::ops::config::Config;

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// `-`: the token comes from standard input, since arguments are there for everybody to see
    #[arg(value_name = "-", allow_hyphen_values = true)]
    source: String,
    /// Client's address, for a token that is limited in networks
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// What the client asks for, such as 'GET api.example/v1/reports', for a token that is limited in routes
    #[arg(long, value_name = "METHOD HOST/PATH")]
    request: Option<Asked>,
    /// Privilege that it has to hold, or several parted by `|` of which one will do; may be repeated
    #[arg(long, value_name = "PRIVILEGE")]
    require: Vec<String>,
}

/// A method, a host and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    method: String,
    host: String,
    path: String,
}

impl FromStr for Asked {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "a method, a host and a path: 'GET api.example/v1/reports'";
        let (method, rest) = text.split_once(' ').ok_or(form)?;
        let (host, path) = rest.split_at(rest.find('/').ok_or(form)?);
        if method.is_empty() || host.is_empty() || rest.contains(' ') {
            return Err(form);
        }
        Ok(Self { method: method.to_owned(), host: host.to_owned(), path: path.to_owned() })
    }
}

impl CheckArgs {
    /// What introspection is told besides the token.
    fn facts(&self) -> Vec<(&'static str, SecretText)> {
        let address = self.address.map(|address| ("address", address.to_string()));
        let asked = self.request.iter().flat_map(|Asked { method, host, path }| {
            [("method", method.clone()), ("host", host.clone()), ("path", path.clone())]
        });
        let require = (!self.require.is_empty()).then(|| ("require", self.require.join(" ")));
        address
            .into_iter()
            .chain(asked)
            .chain(require)
            .map(|(name, value)| (name, SecretText::new(value)))
            .collect()
    }
}

pub fn run(arguments: &CheckArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    if arguments.source != "-" {
        // Without repeating it: it may be the token.
        return Err(Usage("give `-` and the token on standard input, not as an argument".to_owned()).into());
    }
    let token = password::read_line(std::io::stdin().lock())?;
    let fields = [("token", SecretText::new(token.trim()))].into_iter().chain(arguments.facts()).collect();
    let client = &arguments.client;
    let found = with_client(client, config, data_dir_flag, async |api| {
        api.call(Method::POST, "/oauth/introspect", Body::Form(fields)).await
    })?;
    if client.json {
        output::json(&found)?;
    } else {
        output::line(&sentence(&found))?;
    }
    Ok(if found["active"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One line for a person, which never holds the token.
fn sentence(found: &Value) -> String {
    if found["active"] != true {
        return "not active".to_owned();
    }
    let owner = found["username"].as_str().or(found["sub"].as_str());
    let owner = owner.map(|owner| format!(", owner {}", output::escape(owner))).unwrap_or_default();
    let scope = found["scope"].as_str().filter(|scope| !scope.is_empty());
    let scope = scope.map(|scope| format!(", privileges {}", output::escape(scope))).unwrap_or_default();
    let expiry =
        found["exp"].as_i64().and_then(|seconds| seconds.checked_mul(1000)).map(Instant::from_millis);
    let expiry = expiry.map_or_else(|| ", never expires".to_owned(), |at| format!(", expires {at}"));
    format!("active{owner}{scope}{expiry}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Asked, sentence};

    #[test]
    fn a_request_is_a_method_a_host_and_a_path() {
        let asked = "GET api.example:8443/v1/reports?page=2".parse::<Asked>().unwrap();
        let Asked { method, host, path } = asked;
        assert_eq!([method, host, path], ["GET", "api.example:8443", "/v1/reports?page=2"]);
        for wrong in ["", "GET", "GET api.example", "GET /v1", " api.example/v1", "GET api.example/a b"] {
            assert!(wrong.parse::<Asked>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_line_says_what_is_known() {
        assert_eq!(sentence(&json!({"active": false})), "not active");
        assert_eq!(sentence(&json!({})), "not active");
        assert_eq!(sentence(&json!({"active": "true"})), "not active");
        assert_eq!(
            sentence(&json!({"active": true, "username": "bo", "scope": "a:b c:d", "exp": 1_700_000_000})),
            "active, owner bo, privileges a:b c:d, expires 2023-11-14T22:13:20.000Z"
        );
    }
}
