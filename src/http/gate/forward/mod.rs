//! Forward-auth: a proxy asks about each request before it passes it on, and gets a status and who it is.
//!
//! Answered at the door, without Rocket, from the one decision. What is wanted stands in the proxy's configuration
//! (`ask.rs`), what was asked for in headers that only a trusted proxy is believed in (`original.rs`).

mod ask;
#[cfg(test)]
mod document;
mod original;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode, header::CACHE_CONTROL};

use self::ask::{Ask, Known, Misasked, Profile};
#[cfg(test)]
pub(in crate::http) use self::document::describe;
use super::GateSetting;
use crate::{
    core::{
        checks::Endpoint,
        decision::{Demand, Identity, Standing},
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::{DAY, Instant},
    },
    http::{
        app::{Peer, Whole},
        carrier::{Carriers, Found, credential, credential_in},
        head::{Head, Lines},
        introspection::{DEPRECATION, deprecated},
        native,
        quick::Answered,
        reply::Reply,
        told::plain,
    },
    service::{
        Service,
        verify::{self, Credential, Verdict},
    },
};

/// The gate's path.
const GATE: &str = "/gate";

/// What stands behind it where a policy is named in the path.
const POLICY: &str = "/policy/";

/// How many queries are kept as they were read, and how long one may be for that, in bytes.
const KNOWN: usize = 256;
const KNOWN_LENGTH: usize = 512;

/// From how long before its expiry on a token is announced, in milliseconds.
const ANNOUNCED: i64 = 14 * DAY;

const USER: HeaderName = HeaderName::from_static("x-auth-user");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-auth-organization");
const TOKEN_ID: HeaderName = HeaderName::from_static("x-auth-token-id");
const PRIVILEGES: HeaderName = HeaderName::from_static("x-auth-privileges");
const EXPIRES: HeaderName = HeaderName::from_static("x-auth-expires");
const EXPIRES_IN: HeaderName = HeaderName::from_static("x-auth-expires-in");
const SUPERSEDED_AT: HeaderName = HeaderName::from_static("x-auth-superseded-at");
const REASON: HeaderName = HeaderName::from_static("x-auth-reason");

/// The gate.
pub(in crate::http) struct Gate {
    service: Arc<Service>,
    setting: GateSetting,
    /// What was asked before: a proxy asks by the few queries of its configuration.
    known: quick_cache::sync::Cache<String, Arc<Known>>,
}

impl Gate {
    pub(in crate::http) fn new(service: Arc<Service>, setting: GateSetting) -> Self {
        Self { service, setting, known: quick_cache::sync::Cache::new(KNOWN) }
    }

    /// The answer to a request that is the gate's; `None` for any other.
    pub(in crate::http) fn answer(&self, head: &Head<'_>, peer: Peer) -> Option<Answered> {
        let rest = head.path.strip_prefix(GATE)?;
        if rest.is_empty() {
            return Some(by_query(self, head, peer));
        }
        Some(by_policy(self, head, peer, rest.strip_prefix(POLICY)?))
    }

    fn answer_to(&self, ask: Result<Ask<'_>, Misasked>, head: &Head<'_>, peer: Peer) -> Answered {
        match ask {
            Ok(ask) => self.said(self.judge(head, peer, &ask), ask.profile),
            Err(Misasked { profile, refusal }) => self.said(refused(refusal), profile),
        }
    }

    fn judge<'a>(&self, head: &Head<'a>, peer: Peer, ask: &Ask<'a>) -> Verdict {
        let read = || {
            let client = original::client(head, peer, &self.setting.proxies, ask)?;
            Ok((client, self.token(head.headers)?))
        };
        match read() {
            Ok((original::Client { address, asked }, token)) => {
                let agent = head.headers.all("user-agent").next();
                let agent = agent.and_then(|agent| std::str::from_utf8(agent).ok());
                let client = verify::Peer { address, agent, asked, endpoint: Endpoint::GATE };
                self.service.judge_token(&token, Demand::Pass(&ask.wanted), client)
            }
            Err(refusal) => refused(refusal),
        }
    }

    fn token(&self, headers: Lines<'_>) -> Result<SecretText, Refusal> {
        let Found { credential, .. } = match &self.setting.header {
            Some(header) => credential_in(&headers, header.as_str())?,
            None => credential(&headers, Carriers::AnyOne)?,
        };
        match credential {
            Credential::Bearer(text) => Ok(text),
            Credential::Password { .. } | Credential::Session { .. } => Err(Refusal::TokenRequired),
        }
    }

    fn said(&self, verdict: Verdict, profile: Profile) -> Answered {
        let Verdict { standing, outcome } = verdict;
        let mut headers = Vec::with_capacity(16);
        identify(&mut headers, standing.as_deref(), self.service.now());
        let first_uses = outcome.as_ref().ok().copied().flatten().into_iter().collect();
        let status = match outcome {
            Ok(_) => {
                deprecate(&mut headers, standing.as_deref());
                headers.push((REASON, BLANK));
                headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
                StatusCode::OK
            }
            Err(failure) => {
                let problem = native::failure(&failure);
                headers.push((REASON, HeaderValue::from_static(problem.code)));
                let reply = Reply::empty(profile.folded(problem.status)).because_of(&failure);
                // There is no body to say it in what is wrong with a question (RFC 6750, 3.1).
                let reply = if problem.status == 400 {
                    let description = plain(&problem.detail);
                    let error = format!(
                        r#"Bearer realm="jeton", error="invalid_request", error_description="{description}""#
                    );
                    reply.header("WWW-Authenticate", error)
                } else {
                    reply
                };
                let refusal = Whole::from_reply(reply);
                headers.extend(refusal.headers);
                refusal.status
            }
        };
        Answered { answer: Whole { status, headers, body: Vec::new() }, first_uses }
    }
}

/// Whether a request that a proxy has got may pass: who asks is in a carrier of the request, what is wanted of them in the
/// query, which stands in the proxy's configuration. Every method but CONNECT is answered the same, without a body.
#[utoipa::path(get, path = "/gate", tag = "gate",
    params(
        ("require" = Option<Vec<String>>, Query, description = "a privilege, or several parted by `|` of which one will do; repeated where all are needed"),
        ("organization" = Option<String>, Query, description = "the slug of the organization that the token must belong to"),
        ("module" = Option<String>, Query, description = "the number of a module that the token must be good for"),
        ("policy" = Option<String>, Query, description = "all that is wanted, by a name of jeton's configuration; not together with the others"),
        ("profile" = Option<String>, Query, description = "`nginx`, `caddy`, `traefik` or `envoy`: which headers say what was asked for; to nginx everything but 200 and 401 is said as 403"),
    ))]
fn by_query(gate: &Gate, head: &Head<'_>, peer: Peer) -> Answered {
    let query = head.query.unwrap_or_default();
    if let Some(known) = gate.known.get(query) {
        return gate.answer_to(Ok(known.ask()), head, peer);
    }
    let ask = Ask::of_query(query, &gate.setting.policies);
    if let Ok(ask) = &ask
        && query.len() <= KNOWN_LENGTH
    {
        gate.known.insert(query.to_owned(), Arc::new(Known::of(ask)));
    }
    gate.answer_to(ask, head, peer)
}

/// The same for proxies that put the client's path and query behind their own: what is wanted is a policy of jeton's
/// configuration, what is asked for is the method, the host and what follows the name, and no query is read.
#[utoipa::path(get, path = "/gate/policy/{policy}", tag = "gate",
    params(("policy" = String, Path, description = "a name of jeton's configuration; whatever follows it is the path that was asked for")))]
fn by_policy<'a>(gate: &'a Gate, head: &Head<'a>, peer: Peer, named: &'a str) -> Answered {
    gate.answer_to(Ask::of_path(named, &gate.setting.policies), head, peer)
}

const fn refused(refusal: Refusal) -> Verdict {
    Verdict { standing: None, outcome: Err(Failure::Refused(refusal)) }
}

/// A header line of an answer.
type Said = (HeaderName, HeaderValue);

const BLANK: HeaderValue = HeaderValue::from_static("");

/// Says whose token it is. Each header is there on every answer, blank where nothing is known, so that a proxy puts it in
/// the place of the client's own.
fn identify(headers: &mut Vec<Said>, standing: Option<&Standing>, now: Instant) {
    let Some(standing) = standing else {
        let all = [USER, ORGANIZATION, TOKEN_ID, PRIVILEGES, EXPIRES, EXPIRES_IN, SUPERSEDED_AT];
        return headers.extend(all.map(|name| (name, BLANK)));
    };
    let token = &standing.token;
    let Identity { user, organization, token: id, privileges, expires } = standing.identity();
    for (name, text) in [
        (USER, user),
        (ORGANIZATION, organization),
        (TOKEN_ID, id),
        (PRIVILEGES, privileges),
        (EXPIRES, expires),
    ] {
        headers.push((name, HeaderValue::from_maybe_shared(text.clone()).unwrap_or(BLANK)));
    }
    let left = token.expires_at.map(|at| at.millis() - now.millis());
    let soon = left.filter(|left| (0..ANNOUNCED).contains(left)).map(|left| (left / 1000).into());
    headers.push((EXPIRES_IN, soon.unwrap_or(BLANK)));
    let superseded = token.superseded.map(|superseded| text(&superseded.at.to_string()));
    headers.push((SUPERSEDED_AT, superseded.unwrap_or(BLANK)));
}

fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(BLANK)
}

/// Marks the use of a token that is good and gives way to another. There only where that is so: by being there it says so
/// (RFC 9745), and a blank one would be no date.
fn deprecate(headers: &mut Vec<Said>, standing: Option<&Standing>) {
    if let Some(superseded) = standing.and_then(|standing| standing.token.superseded) {
        headers.push((HeaderName::from_static(DEPRECATION), text(&deprecated(superseded))));
    }
}
