//! `jeton check -`: whether a token on standard input is good.

use std::process::ExitCode;

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
}

pub fn run(arguments: &CheckArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    if arguments.source != "-" {
        // Without repeating it: it may be the token.
        return Err(Usage("give `-` and the token on standard input, not as an argument".to_owned()).into());
    }
    let token = password::read_line(std::io::stdin().lock())?;
    let token = SecretText::new(token.trim());
    let client = &arguments.client;
    let found = with_client(client, config, data_dir_flag, async |api| {
        api.call(Method::POST, "/oauth/introspect", Body::Form("token", token)).await
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

    use super::sentence;

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
