//! `jeton events [verify | prune]`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use crate::cli::client::{Body, Client, encode};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::output::{self, Column};
use crate::ops::config::Config;

const PATH: &str = "/v1/events";

const LIST: &[Column] = &[
    ("SEQUENCE", "sequence"),
    ("AT", "at"),
    ("KIND", "kind"),
    ("BY", "actor"),
    ("USER", "actor_username"),
    ("ADDRESS", "address"),
    ("OBJECT", "object"),
    ("ORGANIZATION", "organization"),
    ("DETAIL", "detail"),
];

/// How long a walk along the whole record may take: a million events are some seconds.
const WALK: Duration = Duration::from_hours(1);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct EventsArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    filter: Filter,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Hold every event against the one before: exit code 0 if the record is sound, 1 if it isn't
    Verify,
    /// Remove the oldest events for good; the rest can still be verified
    Prune {
        /// Those before this instant: RFC 3339
        #[arg(long, value_name = "INSTANT")]
        before: String,
    },
}

/// Which events, newest first.
#[derive(Debug, Args)]
struct Filter {
    /// Done by this user: username or id
    #[arg(long, value_name = "USER")]
    actor: Option<String>,
    /// About this token or done with it: any of its ids
    #[arg(long, value_name = "ID")]
    token: Option<String>,
    /// About this: an id
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Of this kind, such as token.created, or of all that begin so, such as token.
    #[arg(long)]
    kind: Option<String>,
    /// Not before: RFC 3339
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Before: RFC 3339
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// In this organization: slug or id
    #[arg(long)]
    organization: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Filter {
    /// What the list is asked with.
    fn target(&self) -> String {
        let given = [
            ("actor", &self.actor),
            ("token", &self.token),
            ("object", &self.object),
            ("kind", &self.kind),
            ("since", &self.since),
            ("until", &self.until),
            ("organization", &self.organization),
        ];
        let mut target = PATH.to_owned();
        for (name, value) in given {
            let Some(value) = value else { continue };
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.push_str(&encode(value));
        }
        target
    }
}

pub fn run(arguments: &EventsArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let EventsArgs { client, filter, action } = arguments;
    with_client(client, config, data_dir_flag, async |api| match action {
        Some(Action::Verify) => verify(api, client.json).await,
        Some(Action::Prune { before }) => prune(api, before, client.json).await,
        None => list(api, filter, client.json).await,
    })
}

async fn list(api: &Client, filter: &Filter, json: bool) -> anyhow::Result<ExitCode> {
    if filter.csv {
        output::raw(&api.table(&filter.target(), filter.limit).await?)?;
    } else {
        output::list(&api.list_up_to(&filter.target(), filter.limit).await?, LIST, json)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(api: &Client, json: bool) -> anyhow::Result<ExitCode> {
    let found = api.call_within(WALK, Method::GET, &format!("{PATH}/verify"), Body::Empty).await?;
    if json {
        output::json(&found)?;
    } else {
        output::line(&sentence(&found))?;
    }
    Ok(if found["sound"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn prune(api: &Client, before: &str, json: bool) -> anyhow::Result<ExitCode> {
    let body = Body::Json(Map::from_iter([("before".to_owned(), before.into())]));
    let done = api.call_within(WALK, Method::POST, &format!("{PATH}/prune"), body).await?;
    if json {
        output::json(&done)?;
    } else {
        output::line(&format!("removed {} events, {} in all", done["removed"], done["pruned"]))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One line for a person.
fn sentence(found: &Value) -> String {
    let count = &found["count"];
    if found["sound"] == true {
        let pruned = found["pruned_at"].as_str().map(|at| {
            let at = output::escape(at);
            format!(" ({} before them were removed, the last of them at {at})", found["pruned"])
        });
        return format!("sound: {count} events{}", pruned.unwrap_or_default());
    }
    let problem = output::escape(found["problem"].as_str().unwrap_or("the server doesn't say why"));
    format!("not sound: event {}: {problem} (the {count} before it are sound)", found["first_bad"])
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::{EventsArgs, sentence};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        events: EventsArgs,
    }

    fn parsed(arguments: &[&str]) -> Result<EventsArgs, clap::Error> {
        Line::try_parse_from([&["events"], arguments].concat()).map(|line| line.events)
    }

    #[test]
    fn every_flag_is_a_filter() {
        let target = |arguments: &[&str]| parsed(arguments).unwrap().filter.target();
        assert_eq!(target(&[]), "/v1/events");
        assert_eq!(target(&["--kind", "token."]), "/v1/events?kind=token.");
        let all = [
            "--actor",
            "bo",
            "--token",
            "TKN-0000-0001",
            "--object",
            "x",
            "--kind",
            "k",
            "--since",
            "2026-01-01T00:00:00+01:00",
            "--until",
            "u",
            "--organization",
            "a&b",
            "--limit",
            "7",
        ];
        assert_eq!(
            target(&all),
            "/v1/events?actor=bo&token=TKN-0000-0001&object=x&kind=k&since=2026-01-01T00%3A00%3A00%2B01%3A00\
             &until=u&organization=a%26b"
        );
        assert_eq!(parsed(&all).unwrap().filter.limit, 7);
    }

    #[test]
    fn verify_takes_no_filter_and_one_form_is_chosen() {
        assert!(parsed(&["verify"]).unwrap().action.is_some());
        assert!(parsed(&["verify", "--json"]).unwrap().client.json);
        assert!(parsed(&["--kind", "x", "verify"]).is_err());
        assert!(parsed(&["--csv", "--json"]).is_err());
    }

    #[test]
    fn one_line_says_what_was_found() {
        assert_eq!(sentence(&json!({"sound": true, "count": 12})), "sound: 12 events");
        assert_eq!(
            sentence(&json!({"sound": true, "count": 2, "pruned": 9, "pruned_at": "2026-01-01T00:00:00Z"})),
            "sound: 2 events (9 before them were removed, the last of them at 2026-01-01T00:00:00Z)"
        );
        assert_eq!(
            sentence(&json!({"sound": false, "count": 4, "first_bad": 5, "problem": "it is missing"})),
            "not sound: event 5: it is missing (the 4 before it are sound)"
        );
        assert!(sentence(&json!({})).starts_with("not sound"));
    }
}
