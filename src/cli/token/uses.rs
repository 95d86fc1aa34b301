//! `jeton token privileges | narrow | stragglers`: what a token is used for, and who still uses it.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use http::Method;
use serde_json::Value;

use super::{
    PATH,
    issue::Handed,
    rotate::{GiveWay, successor},
};
use crate::cli::client::{Body, Client, path_of};
use crate::cli::output::{self, Column, escape};
use crate::core::time::{Clock as _, DAY, Instant};
use crate::ops::clock::Clock;

const NEEDS: &[Column] = &[
    ("granted", "granted"),
    ("never asked for", "never"),
    ("enough would be", "to_used"),
    ("asked openly", "asked_openly_at"),
    ("kept since", "since"),
];

const DEMANDED: &[Column] = &[("PRIVILEGE", "privilege"), ("LAST ASKED FOR", "last_at")];

const STRAGGLERS: &[Column] =
    &[("ADDRESS", "address"), ("AGENT", "agent"), ("LAST USED", "last_at"), ("USES", "count")];

#[derive(Debug, Args)]
pub struct NarrowArgs {
    /// Id, 24-hex id or TKN number
    id: String,
    /// To those that were asked for in the last 30 days
    #[arg(long, required = true)]
    to_used: bool,
    /// Only say what would stay and what would go
    #[arg(long)]
    dry_run: bool,
    /// Even where it can't be known what is needed
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    give_way: GiveWay,
    #[command(flatten)]
    handed: Handed,
}

async fn needs(api: &Client, id: &str) -> anyhow::Result<Value> {
    api.call(Method::GET, &format!("{}/privileges", path_of(PATH, id)?), Body::Empty).await
}

/// Shows what a token may do and what of that was asked for.
pub async fn privileges(api: &Client, id: &str, json: bool) -> anyhow::Result<()> {
    let needs = needs(api, id).await?;
    output::object(&needs, NEEDS, json)?;
    if let (false, Some(demanded)) = (json, needs["demanded"].as_array().filter(|all| !all.is_empty())) {
        output::line("")?;
        output::list(demanded, DEMANDED, json)?;
    }
    Ok(())
}

/// Rotates a token into one that holds no more than was asked for.
pub async fn narrow(api: &Client, asked: NarrowArgs, json: bool) -> anyhow::Result<()> {
    let needs = needs(api, &asked.id).await?;
    let goes = goes(&needs);
    if !asked.anyway
        && let Some(doubt) = doubt(&needs, Clock::system().now())
    {
        bail!("{doubt}; --anyway does it all the same");
    }
    if asked.dry_run {
        let plan = serde_json::json!({ "stays": &needs["to_used"], "goes": &goes });
        return Ok(output::object(&plan, &[("stays", "stays"), ("goes", "goes")], json)?);
    }
    if goes.is_empty() {
        if !json {
            output::line("nothing to narrow: all that it holds was asked for")?;
        }
        return Ok(());
    }
    successor(api, &asked.id, asked.give_way, Some(needs["to_used"].clone()), asked.handed, json).await
}

/// What it holds and wouldn't hold any more.
fn goes(needs: &Value) -> Vec<&Value> {
    let kept = needs["to_used"].as_array();
    let stays = |privilege: &&Value| kept.is_some_and(|kept| kept.contains(privilege));
    needs["granted"].as_array().into_iter().flatten().filter(|privilege| !stays(privilege)).collect()
}

/// Why it can't be known what is needed.
fn doubt(needs: &Value, now: Instant) -> Option<String> {
    if let Some(at) = needs["asked_openly_at"].as_str() {
        let at = escape(at);
        return Some(format!(
            "at {at} somebody asked whether it is good and didn't say for what: they may use any of its privileges"
        ));
    }
    let since = needs["since"].as_str().and_then(Instant::parse);
    if since.is_none_or(|since| now.millis() - since.millis() < DAY) {
        return Some("what is asked of it is on record for less than a day".to_owned());
    }
    let nothing = needs["to_used"].as_array().is_none_or(Vec::is_empty);
    (nothing && !goes(needs).is_empty()).then(|| "nothing was asked of it that it holds".to_owned())
}

/// Lists who still uses a token that has a successor: exit code 0 where nobody does and the successor is used, else 1.
pub async fn stragglers(api: &Client, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let found = api.call(Method::GET, &format!("{}/stragglers", path_of(PATH, id)?), Body::Empty).await?;
    if json {
        output::json(&found)?;
    } else {
        let stragglers = found["stragglers"].as_array().map_or(&[][..], Vec::as_slice);
        if !stragglers.is_empty() {
            output::list(stragglers, STRAGGLERS, json)?;
        }
        output::line(&sentence(&found, stragglers.len()))?;
    }
    Ok(if found["safe_to_finish"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One line for a person.
fn sentence(found: &Value, stragglers: usize) -> String {
    if found["successor"].is_null() {
        return "nothing to finish: the token has no successor".to_owned();
    }
    let dies_at = found["dies_at"].as_str().map(|at| format!(", which ends at {}", escape(at)));
    let old = format!("the old token{}", dies_at.unwrap_or_default());
    match (found["safe_to_finish"] == true, stragglers) {
        (true, _) => format!("safe to finish: nothing uses {old}"),
        (false, 0) => format!("not safe to finish: the successor isn't used yet, nor {old}"),
        (false, 1) => format!("not safe to finish: one still uses {old}"),
        (false, many) => format!("not safe to finish: {many} still use {old}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DAY, Instant, doubt, goes, sentence};

    fn needs(openly: Option<&str>, since: i64, to_used: &[&str]) -> Value {
        let since = Instant::from_millis(since).to_string();
        json!({ "granted": ["a:b", "c:d"], "to_used": to_used, "asked_openly_at": openly, "since": since })
    }

    #[test]
    fn nothing_is_narrowed_in_the_dark() {
        let now = Instant::from_millis(DAY);
        let doubted = |needs: Value| doubt(&needs, now).unwrap_or_default();
        assert_eq!(doubted(needs(None, 0, &["a:b"])), "");
        assert!(doubted(needs(Some("1970"), 0, &["a:b"])).starts_with("at 1970 somebody asked"));
        assert!(doubted(needs(None, 1, &["a:b"])).contains("less than a day"));
        assert!(doubted(needs(None, 0, &[])).starts_with("nothing was asked"));
        assert!(doubted(json!({})).contains("less than a day"));
        assert_eq!(goes(&needs(None, 0, &["a:b"])), [&json!("c:d")]);
    }

    #[test]
    fn one_line_says_whether_it_is_over() {
        let found = |safe: bool| json!({ "successor": "S", "safe_to_finish": safe, "dies_at": "T" });
        let said = |safe: bool, count| sentence(&found(safe), count);
        assert_eq!(said(true, 0), "safe to finish: nothing uses the old token, which ends at T");
        assert_eq!(said(false, 2), "not safe to finish: 2 still use the old token, which ends at T");
        let unending = json!({ "successor": "S" });
        assert_eq!(sentence(&unending, 1), "not safe to finish: one still uses the old token");
        assert_eq!(sentence(&json!({}), 0), "nothing to finish: the token has no successor");
    }
}
