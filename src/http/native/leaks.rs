//! `/v1/leaks`: tokens that were found where others can read them; and `/v1/tokens/{id}/leaks`: where.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::wire::SecretField;
use crate::{
    core::{
        id::Reference,
        refusal::{Failure, Refusal},
        secret::SecretText,
    },
    http::{
        Site,
        body::Body,
        guard::{Asker, From},
        reply::Reply,
    },
    service::leaks::{Held, Leak, Report},
};

/// How many tokens one request may be about.
const MOST: usize = 100;

/// What a token of ours is called where the reporter has no word for it.
const KIND: &str = "jeton_token";

/// A text that looks like a token and was found somewhere, as GitHub's secret scanning tells of it. Further members are
/// passed over.
#[derive(Deserialize, ToSchema)]
pub(super) struct LeakReport {
    /// The text.
    #[schema(value_type = String)]
    token: SecretField,
    /// What the reporter calls such texts.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Where it was found.
    url: Option<String>,
    /// In what: `content`, `commit`, `pull_request_body` and the like.
    source: Option<String>,
}

/// Whether it was a token of ours, as GitHub wants to be told.
#[derive(Serialize, ToSchema)]
pub(super) struct LeakVerdict {
    /// The SHA-256 of the text, in base64.
    token_hash: String,
    /// What the reporter called it.
    token_type: String,
    /// `true_positive` of a token of ours, dead or alive; else `false_positive`.
    label: &'static str,
}

/// Tokens that are asked about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LeakCheck {
    /// 1 to 100 of them; one may stand twice.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100)]
    tokens: Vec<SecretField>,
}

/// What is known of each, in the order they were asked about.
#[derive(Serialize, ToSchema)]
pub(super) struct LeakChecks {
    items: Vec<HeldObject>,
}

/// What is known of a token.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldToken)]
pub(super) struct HeldObject {
    /// Whether it is one of ours; where it isn't, the rest is `null`.
    genuine: bool,
    /// Whether it is good, for one client or another.
    live: bool,
    /// Why it isn't.
    code: Option<&'static str>,
    /// Since when it isn't, where that is on record.
    since: Option<String>,
    /// Its id.
    token_id: Option<String>,
    /// Its owner's username.
    owner: Option<String>,
    /// Its organization's slug.
    organization: Option<String>,
    expires_at: Option<String>,
}

impl HeldObject {
    fn of(held: Option<Held>) -> Self {
        let Some(Held { standing, death }) = held else {
            return Self {
                genuine: false,
                live: false,
                code: None,
                since: None,
                token_id: None,
                owner: None,
                organization: None,
                expires_at: None,
            };
        };
        let since = death.as_ref().and_then(|obituary| obituary.since);
        Self {
            genuine: true,
            live: death.is_none(),
            code: death.map(|obituary| obituary.death.code()),
            since: since.map(|since| since.to_string()),
            token_id: Some(standing.token.id.to_string()),
            owner: Some(standing.account.user.username.clone()),
            organization: Some(standing.account.organization.slug.clone()),
            expires_at: standing.token.expires_at.map(|at| at.to_string()),
        }
    }
}

/// Where a token was found.
#[derive(Serialize, ToSchema)]
#[schema(as = Leak)]
pub(super) struct LeakObject {
    /// When that was reported.
    at: String,
    /// What the reporter calls such tokens.
    #[serde(rename = "type")]
    kind: String,
    /// Where; empty where that isn't known.
    url: String,
    /// In what: the reporter's word.
    source: String,
    /// The reporter's address.
    address: Option<String>,
}

impl std::convert::From<Leak> for LeakObject {
    fn from(leak: Leak) -> Self {
        let Leak { at, kind, url, source, address, .. } = leak;
        Self { at: at.to_string(), kind, url, source, address }
    }
}

/// Where a token was found, the latest report first.
#[derive(Serialize, ToSchema)]
pub(super) struct LeakList {
    items: Vec<LeakObject>,
}

/// Says that tokens were found where others can read them: 1 to 100, in the form of GitHub's secret scanning. Whoever
/// holds a token whole may say so, with no other credential. A token of ours is put on record, and switched off or
/// revoked where its organization's policy says so.
#[utoipa::path(post, path = "/v1/leaks", tag = "leaks", security(()), request_body = Vec<LeakReport>,
    responses((status = 200, body = Vec<LeakVerdict>)))]
#[post("/leaks", data = "<body>")]
pub(in crate::http) async fn report(
    site: &State<Site>,
    from: From<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let sent: Vec<LeakReport> = body.json_list()?;
    if sent.is_empty() || sent.len() > MOST {
        return Err(Refusal::malformed("the list must hold 1 to 100 reports").into());
    }
    let reports: Vec<Report> = sent.into_iter().map(LeakReport::read).collect();
    let genuine = site.service.report_leaks(&reports, from.0.address).await?;
    let verdict = |(report, genuine): (Report, bool)| LeakVerdict {
        token_hash: BASE64_STANDARD.encode(Sha256::digest(report.token.expose())),
        token_type: report.kind,
        label: if genuine { "true_positive" } else { "false_positive" },
    };
    Reply::json(200, &reports.into_iter().zip(genuine).map(verdict).collect::<Vec<_>>())
}

impl LeakReport {
    fn read(self) -> Report {
        Report {
            token: self.token.0,
            kind: self.kind.unwrap_or_else(|| KIND.to_owned()),
            url: self.url.unwrap_or_default(),
            source: self.source.unwrap_or_default(),
        }
    }
}

/// What is known of each of up to 100 tokens that were found somewhere: whether it is good, and whose it is. Nothing is
/// put on record, and it counts as no use.
#[utoipa::path(post, path = "/v1/leaks/check", tag = "leaks", request_body = LeakCheck,
    responses((status = 200, body = LeakChecks)))]
#[post("/leaks/check", data = "<body>")]
pub(in crate::http) fn check(site: &State<Site>, body: Body) -> Result<Reply, Failure> {
    let LeakCheck { tokens } = body.json()?;
    if tokens.is_empty() || tokens.len() > MOST {
        return Err(Refusal::invalid("tokens", format!("1 to {MOST} of them")).into());
    }
    let tokens: Vec<SecretText> = tokens.into_iter().map(|token| token.0).collect();
    let items = site.service.look_at_held(&tokens)?.into_iter().map(HeldObject::of).collect();
    Reply::json(200, &LeakChecks { items })
}

/// Where a token was found, the latest report first; 100 places at the most are kept.
#[utoipa::path(get, path = "/v1/tokens/{id}/leaks", tag = "leaks", params(("id" = String, Path)), responses(
    (status = 200, body = LeakList), (status = 404)))]
#[get("/tokens/<id>/leaks")]
pub(in crate::http) async fn list(site: &State<Site>, asker: Asker<'_>, id: &str) -> Result<Reply, Failure> {
    let reference = Reference::parse(id).ok_or(Refusal::NotFound { what: "token" })?;
    let items = site.service.leaks(asker.0?, reference).await?;
    Reply::json(200, &LeakList { items: items.into_iter().map(Into::into).collect() })
}
