//! What a server knows of tokens that were found; and telling it, and ending them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use anyhow::bail;
use http::Method;
use serde_json::{Map, Value, json};

use super::place::Finding;
use crate::cli::client::{Body, Client, Lost, path_of};
use crate::cli::failure::Refused;
use crate::cli::output::escape;
use crate::core::id::TokenId;
use crate::core::secret::SecretText;

/// How many tokens are asked about at a time.
const BATCH: usize = 100;

/// How many places are reported at a time: they may be long, and a body may not.
const REPORTS: usize = 10;

/// The most characters of a place that are reported.
const LONGEST_PLACE: usize = 300;

/// Each token that was asked about, once, with what is known of it.
#[derive(Default)]
pub struct Known(BTreeMap<(TokenId, String), Value>);

/// The checksum tells tokens of one id and different secrets apart.
fn key(finding: &Finding) -> (TokenId, String) {
    let text = finding.token.reveal();
    let checksum = text.expose().get(70..).unwrap_or_default();
    (finding.id(), checksum.to_owned())
}

impl Known {
    /// Asks about all that was found; what was answered before a failure is kept.
    pub async fn ask(&mut self, api: &Client, findings: &[Finding]) -> anyhow::Result<()> {
        let mut tokens: BTreeMap<_, SecretText> = BTreeMap::new();
        for finding in findings {
            tokens.entry(key(finding)).or_insert_with(|| finding.token.reveal());
        }
        let tokens: Vec<_> = tokens.into_iter().collect();
        for batch in tokens.chunks(BATCH) {
            let texts: Vec<&str> = batch.iter().map(|(_, text)| text.expose()).collect();
            let body = Body::Json(Map::from_iter([("tokens".to_owned(), json!(texts))]));
            let mut reply = api.call(Method::POST, "/v1/leaks/check", body).await?;
            for (at, (key, _)) in batch.iter().enumerate() {
                self.0.insert(key.clone(), reply["items"][at].take());
            }
        }
        Ok(())
    }

    /// What is known of a token; `None` where it wasn't answered about.
    pub fn of(&self, finding: &Finding) -> Option<&Value> {
        self.0.get(&key(finding))
    }

    /// Ends those that are live. One that can't be ended is named, and the others are ended all the same, unless the
    /// server has stopped answering.
    pub async fn revoke(&mut self, api: &Client, findings: &[Finding]) -> anyhow::Result<()> {
        let mut failed = BTreeSet::new();
        for finding in findings {
            let key = key(finding);
            let Some(known) = self.0.get_mut(&key).filter(|known| known["live"] == true) else { continue };
            if failed.contains(&key) {
                continue;
            }
            match end(api, finding).await {
                Ok(ended) => {
                    known["live"] = false.into();
                    known["revoked"] = ended.into();
                }
                Err(error) if error.downcast_ref() == Some(&Lost::Late) => return Err(error),
                Err(error) => {
                    let _ = writeln!(io::stderr(), "{} isn't revoked: {error:#}", finding.id());
                    failed.insert(key);
                }
            }
        }
        match failed.len() {
            0 => Ok(()),
            1 => bail!("a live token couldn't be revoked"),
            count => bail!("{count} live tokens couldn't be revoked"),
        }
    }
}

/// Ends a token, by the operator's right, or by the right of who holds it (RFC 7009); says whether it was there still.
async fn end(api: &Client, finding: &Finding) -> anyhow::Result<bool> {
    let ended = if api.is_local_operator() {
        let path = path_of("/v1/tokens", &finding.id().to_string())?;
        api.call(Method::DELETE, &path, Body::Empty).await
    } else {
        let form = Body::Form(vec![("token", finding.token.reveal())]);
        api.call(Method::POST, "/oauth/revoke", form).await
    };
    match ended {
        Ok(_) => Ok(true),
        Err(error) if error.downcast_ref().is_some_and(Refused::is_gone) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts on record where tokens were found; how many of them are the server's.
pub async fn report(api: &Client, findings: &[Finding]) -> anyhow::Result<usize> {
    let mut genuine = 0;
    for batch in findings.chunks(REPORTS) {
        let report = |finding: &Finding| {
            let place: String = finding.whence().chars().take(LONGEST_PLACE).collect();
            let token = finding.token.reveal();
            json!({ "token": token.expose(), "type": "jeton_token", "url": place, "source": "jeton_scan" })
        };
        let reports = batch.iter().map(report).collect();
        let reply = api.call(Method::POST, "/v1/leaks", Body::List(reports)).await?;
        let verdicts = reply.as_array().into_iter().flatten();
        genuine += verdicts.filter(|verdict| verdict["label"] == "true_positive").count();
    }
    Ok(genuine)
}

/// What is known of a token, in a line.
pub fn sentence(known: &Value) -> String {
    if known["genuine"] != true {
        return "unknown to this server".to_owned();
    }
    let text = |member: &str| known[member].as_str().map(escape);
    let state = match (known["revoked"] == true, known["live"] == true, text("code")) {
        (true, ..) => "revoked now".to_owned(),
        (_, true, _) => "live".to_owned(),
        (_, _, Some(code)) => format!("dead: {code}"),
        (_, _, None) => "dead".to_owned(),
    };
    let since = text("since").map(|since| format!(" since {since}")).unwrap_or_default();
    let of = |what: &str, member: &str| text(member).map(|it| format!(", {what} {it}")).unwrap_or_default();
    let expires = if known["live"] == true { of("expires", "expires_at") } else { String::new() };
    format!("{state}{since}{}{}{expires}", of("owner", "owner"), of("organization", "organization"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sentence;

    #[test]
    fn a_line_says_whether_it_is_live_and_whose_it_is() {
        assert_eq!(sentence(&json!({ "genuine": false, "live": false })), "unknown to this server");
        assert_eq!(sentence(&json!(null)), "unknown to this server");
        let mut known = json!({
            "genuine": true, "live": true, "code": null, "since": null, "owner": "ada", "organization": "acme",
            "expires_at": "2030-01-01T00:00:00.000Z",
        });
        let live = "live, owner ada, organization acme, expires 2030-01-01T00:00:00.000Z";
        assert_eq!(sentence(&known), live);
        known["live"] = false.into();
        known["revoked"] = true.into();
        assert_eq!(sentence(&known), "revoked now, owner ada, organization acme");
        let dead = json!({ "genuine": true, "live": false, "code": "token_expired", "since": "2020", "owner": "bo" });
        assert_eq!(sentence(&dead), "dead: token_expired since 2020, owner bo");
    }
}
