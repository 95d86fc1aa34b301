//! `jeton token expiring`: what is about to expire, told as a monitoring check tells it.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{LIST, PATH};
use crate::cli::client::Client;
use crate::cli::failure::{Usage, explain};
use crate::cli::listing;
use crate::cli::output::{self, escape};
use crate::core::lifetime::duration_between;
use crate::core::time::{Clock as _, DAY, Instant};
use crate::ops::clock::Clock;

/// The longest time ahead.
const FARTHEST: i64 = 3_660 * DAY;

const WARNING: u8 = 1;
const CRITICAL: u8 = 2;

#[derive(Debug, Args)]
pub struct ExpiringArgs {
    /// How long ahead: 14d, 36h
    #[arg(long, value_name = "DURATION")]
    within: String,
    /// From when on it is urgent: 3d
    #[arg(long, value_name = "DURATION")]
    critical: Option<String>,
    /// Only this user's: username or id
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only this organization's
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
}

/// What was asked for, in milliseconds.
struct Ahead {
    within: i64,
    critical: Option<i64>,
}

impl Ahead {
    fn of(asked: &ExpiringArgs) -> Result<Self, Usage> {
        let read = |flag, text: &str| {
            duration_between(flag, text, 1000, FARTHEST).map_err(|refusal| Usage(refusal.to_string()))
        };
        let within = read("--within", &asked.within)?;
        let critical = asked.critical.as_deref().map(|text| read("--critical", text)).transpose()?;
        if critical.is_some_and(|critical| critical > within) {
            return Err(Usage("--critical is longer than --within: give a shorter time".to_owned()));
        }
        Ok(Self { within, critical })
    }
}

/// The verdict: 0 where nothing expires, 1 where something does, 2 where that is urgent.
pub async fn expiring(api: &Client, asked: ExpiringArgs, json: bool) -> anyhow::Result<ExitCode> {
    let ahead = Ahead::of(&asked)?;
    let now = Clock::system().now();
    let words = asked.within.clone();
    let found = api.list(&target(asked, now, ahead.within)).await?;
    let urgent = ahead.critical.map_or(0, |critical| expire_before(&found, now, critical));
    if json {
        output::json(&Value::from(found.as_slice()))?;
    } else {
        output::line(&sentence(found.len(), urgent, &words, found.first()))?;
        if !found.is_empty() {
            output::list(&found, LIST, json)?;
        }
    }
    Ok(ExitCode::from(match (urgent, found.len()) {
        (0, 0) => 0,
        (0, _) => WARNING,
        _ => CRITICAL,
    }))
}

/// What can't be asked may be expiring: whoever watches is told on standard output, where such checks are read.
pub fn unknown(error: &anyhow::Error) -> anyhow::Result<ExitCode> {
    if let Some((_, text)) = explain(error) {
        output::line(&format!("CRITICAL: can't ask what expires: {}", escape(&text)))?;
    }
    Ok(ExitCode::from(CRITICAL))
}

fn target(asked: ExpiringArgs, now: Instant, within: i64) -> String {
    let before = now.checked_add(within).unwrap_or(Instant::LAST);
    listing::target(
        PATH,
        [
            ("status", Some("active".to_owned())),
            ("expires_before", Some(before.to_string())),
            ("owner", asked.user),
            ("organization", asked.organization),
            ("sort", Some("expires_at".to_owned())),
        ],
    )
}

fn expire_before(found: &[Value], now: Instant, millis: i64) -> usize {
    let limit = now.checked_add(millis).unwrap_or(Instant::LAST);
    let at = |token: &&Value| token["expires_at"].as_str().and_then(Instant::parse);
    found.iter().filter(|token| at(token).is_some_and(|at| at < limit)).count()
}

/// One line for a person or a pager.
fn sentence(count: usize, urgent: usize, within: &str, first: Option<&Value>) -> String {
    let tokens =
        |count| if count == 1 { "1 token expires".to_owned() } else { format!("{count} tokens expire") };
    let first = first.map(|token| {
        let of = |member: &str| escape(token[member].as_str().unwrap_or("?"));
        format!(", first {} of {} at {}", of("name"), of("owner"), of("expires_at"))
    });
    let first = first.unwrap_or_default();
    match (count, urgent) {
        (0, _) => format!("OK: no token expires within {within}"),
        (_, 0) => format!("WARNING: {} within {within}{first}", tokens(count)),
        _ => format!("CRITICAL: {} within {within}, {urgent} of them very soon{first}", tokens(count)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Ahead, DAY, ExpiringArgs, Instant, expire_before, sentence};

    fn asked(within: &str, critical: Option<&str>) -> ExpiringArgs {
        let critical = critical.map(Into::into);
        ExpiringArgs { within: within.into(), critical, user: None, organization: None }
    }

    #[test]
    fn the_urgent_is_a_part_of_the_rest() {
        let ahead = Ahead::of(&asked("2w", Some("3d"))).unwrap();
        assert_eq!((ahead.within, ahead.critical), (14 * DAY, Some(3 * DAY)));
        for (within, critical) in [("1d", Some("2d")), ("0d", None), ("soon", None), ("9999999d", None)] {
            assert!(Ahead::of(&asked(within, critical)).is_err(), "{within}");
        }
    }

    #[test]
    fn one_line_says_how_bad_it_is() {
        let token = json!({ "name": "nightly", "owner": "ada", "expires_at": "2026-01-02T00:00:00Z" });
        assert_eq!(sentence(0, 0, "14d", None), "OK: no token expires within 14d");
        assert_eq!(
            sentence(1, 0, "14d", Some(&token)),
            "WARNING: 1 token expires within 14d, first nightly of ada at 2026-01-02T00:00:00Z"
        );
        assert!(
            sentence(3, 1, "14d", Some(&token))
                .starts_with("CRITICAL: 3 tokens expire within 14d, 1 of them")
        );
        let now = Instant::parse("2026-01-01T00:00:00Z").unwrap();
        assert_eq!(
            [DAY, DAY + 1].map(|within| expire_before(std::slice::from_ref(&token), now, within)),
            [0, 1]
        );
    }
}
