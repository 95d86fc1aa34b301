//! `jeton import`: tokens that were made elsewhere, out of a file with a digest of each.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use crate::cli::client::{Body, Client};
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::Usage;
use crate::cli::output;
use crate::ops::config::Config;

const PATH: &str = "/v1/imports";
/// Rows in a request, and about how many bytes of them: less than the smallest body that a server allows by default.
const ROWS: usize = 100;
const BYTES: usize = 12 << 10;

#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Tokens: name, owner and the digest of each; organization, privileges, expires_at and algorithm where they matter
    file: PathBuf,
    /// Form of the file [default: by its ending]
    #[arg(long)]
    format: Option<Format>,
    /// Say what would come of it and import nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A header with the fields' names, a line a token, privileges parted by spaces
    Csv,
    /// A list of objects
    Json,
}

/// A token in the file, and where it stands there.
struct Row {
    place: String,
    token: Map<String, Value>,
}

pub fn run(arguments: &ImportArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<ExitCode> {
    let rows = read(&arguments.file, arguments.format)?;
    let ImportArgs { client, dry_run, .. } = arguments;
    with_client(client, config, data_dir_flag, async |api| import(api, &rows, *dry_run, client.json).await)
}

async fn import(api: &Client, rows: &[Row], dry_run: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let chunks = chunks(rows);
    let looked_at = send(api, &chunks, true).await?;
    let mut bad = 0;
    for (chunk, found) in chunks.iter().zip(&looked_at) {
        for problem in found["problems"].as_array().into_iter().flatten() {
            bad += 1;
            writeln!(io::stderr(), "{}", sentence(chunk, problem))?;
        }
    }
    anyhow::ensure!(bad == 0, "nothing was imported: mend these {bad} of {} rows", rows.len());
    let done = if dry_run { looked_at } else { send(api, &chunks, false).await? };
    let sum = |member: &str| done.iter().filter_map(|found| found[member].as_u64()).sum::<u64>();
    let (imported, there) = (sum("imported"), sum("already_there"));
    for (chunk, found) in chunks.iter().zip(&done) {
        // Somebody changed something between the look and the deed.
        if let Some(problem) = found["problems"].as_array().and_then(|problems| problems.first()) {
            anyhow::bail!("{imported} tokens were imported; then {}", sentence(chunk, problem));
        }
    }
    if as_json {
        output::json(&json!({ "dry_run": dry_run, "imported": imported, "already_there": there }))?;
    } else {
        let would = if dry_run { "would be imported" } else { "imported" };
        output::line(&format!("{imported} tokens {would}, {there} were there already"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn send(api: &Client, chunks: &[&[Row]], dry_run: bool) -> anyhow::Result<Vec<Value>> {
    let mut replies = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let tokens: Vec<&Map<String, Value>> = chunk.iter().map(|row| &row.token).collect();
        let mut body = Map::new();
        body.insert("tokens".to_owned(), json!(tokens));
        body.insert("dry_run".to_owned(), dry_run.into());
        replies.push(api.call(Method::POST, PATH, Body::Json(body)).await?);
    }
    Ok(replies)
}

/// As many rows at a time as a request may hold.
fn chunks(rows: &[Row]) -> Vec<&[Row]> {
    let (mut chunks, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (at, row) in rows.iter().enumerate() {
        let more = Value::Object(row.token.clone()).to_string().len() + 1;
        if at > first && (at - first == ROWS || bytes + more > BYTES) {
            chunks.push(&rows[first..at]);
            (first, bytes) = (at, 0);
        }
        bytes += more;
    }
    chunks.extend((first < rows.len()).then(|| &rows[first..]));
    chunks
}

fn sentence(chunk: &[Row], problem: &Value) -> String {
    let row = problem["row"].as_u64().and_then(|row| chunk.get(usize::try_from(row).ok()?.checked_sub(1)?));
    let place = row.map_or("a row", |row| row.place.as_str());
    let field = problem["field"].as_str().map(|field| format!("{field}: ")).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("the server doesn't say why");
    output::escape(&format!("{place}: {field}{detail}"))
}

fn read(file: &Path, format: Option<Format>) -> anyhow::Result<Vec<Row>> {
    let format = match (format, file.extension().and_then(|ending| ending.to_str())) {
        (Some(format), _) => format,
        (None, Some("csv")) => Format::Csv,
        (None, Some("json")) => Format::Json,
        _ => return Err(Usage("say what form the file has: --format csv or json".to_owned()).into()),
    };
    let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let rows = match format {
        Format::Csv => from_csv(&text)?,
        Format::Json => from_json(&text)?,
    };
    anyhow::ensure!(!rows.is_empty(), "{} holds no token", file.display());
    Ok(rows)
}

/// The columns that there may be.
const FIELDS: [&str; 7] =
    ["name", "owner", "digest", "organization", "privileges", "expires_at", "algorithm"];

fn from_csv(text: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let fields: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    if let Some(unknown) = fields.iter().find(|field| !FIELDS.contains(&field.as_str())) {
        let unknown = output::escape(unknown);
        anyhow::bail!("line 1: `{unknown}` is no field: there are {}", FIELDS.join(", "));
    }
    if let Some(missing) = FIELDS[..3].iter().find(|field| !fields.iter().any(|given| given == **field)) {
        anyhow::bail!("line 1: the column `{missing}` is missing");
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut token = Map::new();
        for (field, text) in fields.iter().zip(&record) {
            // What is empty isn't said, but for what has to be.
            if text.is_empty() && !FIELDS[..3].contains(&field.as_str()) {
                continue;
            }
            let value = match field.as_str() {
                "privileges" => text.split_whitespace().collect::<Vec<_>>().into(),
                _ => Value::from(text),
            };
            token.insert(field.clone(), value);
        }
        rows.push(Row { place: format!("line {line}"), token });
    }
    Ok(rows)
}

fn from_json(text: &str) -> anyhow::Result<Vec<Row>> {
    let tokens: Vec<Map<String, Value>> =
        serde_json::from_str(text).context("the file isn't a JSON list of objects")?;
    let mut rows = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.into_iter().enumerate() {
        let place = format!("token {}", at + 1);
        if let Some(unknown) = token.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            anyhow::bail!(
                "{place}: `{}` is no field: there are {}",
                output::escape(unknown),
                FIELDS.join(", ")
            );
        }
        for field in FIELDS {
            let fits = match token.get(field) {
                None | Some(Value::Null) => !FIELDS[..3].contains(&field),
                Some(Value::Array(words)) => field == "privileges" && words.iter().all(Value::is_string),
                Some(value) => field != "privileges" && value.is_string(),
            };
            anyhow::ensure!(fits, "{place}: {field}: missing or of the wrong kind");
        }
        rows.push(Row { place, token });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::{Row, chunks, from_csv, from_json};

    fn error(read: anyhow::Result<Vec<Row>>) -> String {
        read.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn csv_is_read_by_its_header() {
        let text = "digest,owner,name,privileges,expires_at\nab,bo,\"one, two\",a:b c:*,\ncd,bo,x,,2030-01-01T00:00:00Z\n";
        let rows = from_csv(text).unwrap();
        assert_eq!((rows[0].place.as_str(), rows[1].place.as_str()), ("line 2", "line 3"));
        assert_eq!(rows[0].token["name"], "one, two");
        assert_eq!(rows[0].token["privileges"], serde_json::json!(["a:b", "c:*"]));
        assert!(!rows[0].token.contains_key("expires_at") && !rows[1].token.contains_key("privileges"));
        assert!(error(from_csv("name,owner\n")).contains("`digest` is missing"));
        assert!(error(from_csv("name,owner,digest,hash\n")).contains("`hash` is no field"));
        assert!(from_csv("name,owner,digest\na,b\n").is_err());
    }

    #[test]
    fn json_is_a_list_of_objects() {
        let rows = from_json(r#"[{"name": "a", "owner": "b", "digest": "c", "privileges": []}]"#).unwrap();
        assert_eq!(rows[0].place, "token 1");
        assert!(error(from_json(r#"[{"name": "a", "owner": "b"}]"#)).contains("token 1: digest"));
        assert!(error(from_json(r#"[{"name": "a", "owner": "b", "digest": "c", "x": 1}]"#)).contains("`x`"));
        assert!(from_json("{}").is_err());
    }

    #[test]
    fn a_request_holds_no_more_than_it_may() {
        let text = format!("name,owner,digest\n{}", "a,b,c\n".repeat(250));
        let rows = from_csv(&text).unwrap();
        assert_eq!(chunks(&rows).iter().map(|chunk| chunk.len()).collect::<Vec<_>>(), [100, 100, 50]);
        let text = format!("name,owner,digest\n{}", format!("{},b,c\n", "a".repeat(7_000)).repeat(3));
        assert_eq!(chunks(&from_csv(&text).unwrap()).len(), 3);
        assert!(chunks(&[]).is_empty());
    }
}
