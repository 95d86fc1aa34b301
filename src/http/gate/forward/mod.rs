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

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, USER_AGENT},
    request::Parts,
};

use self::ask::{Ask, Misasked, Profile};
#[cfg(test)]
pub(in crate::http) use self::document::describe;
use super::GateSetting;
use crate::{
    core::{
        checks::Endpoint,
        decision::{Demand, Standing},
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::{DAY, Instant},
    },
    http::{
        app::{Answer, AnswerBody, Peer},
        carrier::{Carriers, Found, credential, credential_in},
        introspection::{DEPRECATION, deprecated},
        native,
        reply::Reply,
        told::plain,
    },
    service::{
        FirstUse, Service,
        verify::{self, Credential, Verdict},
    },
};

/// The gate's path.
const GATE: &str = "/gate";

/// What stands behind it where a policy is named in the path.
const POLICY: &str = "/policy/";

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
}

/// What the gate answers, and what is to be settled before that leaves.
pub(in crate::http) struct Gated {
    pub(in crate::http) answer: Answer,
    pub(in crate::http) first_use: Option<FirstUse>,
}

impl Gate {
    pub(in crate::http) const fn new(service: Arc<Service>, setting: GateSetting) -> Self {
        Self { service, setting }
    }

    /// The answer to a request that is the gate's; `None` for any other.
    pub(in crate::http) fn answer(&self, head: &Parts, peer: Peer) -> Option<Gated> {
        // A whole URL is no proxy's, and the door's to refuse; nor is a tunnel.
        if head.uri.authority().is_some() || head.method == Method::CONNECT {
            return None;
        }
        let rest = head.uri.path().strip_prefix(GATE)?;
        if rest.is_empty() {
            return Some(by_query(self, head, peer));
        }
        Some(by_policy(self, head, peer, rest.strip_prefix(POLICY)?))
    }

    /// Settles the first use of a token that waited for it: before its answer leaves.
    pub(in crate::http) async fn settle(&self, first: FirstUse) {
        self.service.commit_rotation(Some(first)).await;
    }

    fn answer_to(&self, ask: Result<Ask<'_>, Misasked>, head: &Parts, peer: Peer) -> Gated {
        match ask {
            Ok(ask) => self.said(self.judge(head, peer, &ask), ask.profile),
            Err(Misasked { profile, refusal }) => self.said(refused(refusal), profile),
        }
    }

    fn judge(&self, head: &Parts, peer: Peer, ask: &Ask<'_>) -> Verdict {
        let read = || {
            let client = original::client(head, peer, &self.setting.proxies, ask)?;
            Ok((client, self.token(&head.headers)?))
        };
        match read() {
            Ok((original::Client { address, asked }, token)) => {
                let agent = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
                let client = verify::Peer { address, agent, asked, endpoint: Endpoint::GATE };
                self.service.judge_token(&token, Demand::Pass(&ask.wanted), client)
            }
            Err(refusal) => refused(refusal),
        }
    }

    fn token(&self, headers: &HeaderMap) -> Result<SecretText, Refusal> {
        let Found { credential, .. } = match &self.setting.header {
            Some(header) => credential_in(headers, header.as_str())?,
            None => credential(headers, Carriers::AnyOne)?,
        };
        match credential {
            Credential::Bearer(text) => Ok(text),
            Credential::Password { .. } | Credential::Session { .. } => Err(Refusal::TokenRequired),
        }
    }

    fn said(&self, verdict: Verdict, profile: Profile) -> Gated {
        let Verdict { standing, outcome } = verdict;
        let mut headers = HeaderMap::with_capacity(16);
        identify(&mut headers, standing.as_deref(), self.service.now());
        let first_use = outcome.as_ref().ok().copied().flatten();
        let status = match outcome {
            Ok(_) => {
                deprecate(&mut headers, standing.as_deref());
                headers.insert(REASON, HeaderValue::from_static(""));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                StatusCode::OK
            }
            Err(failure) => {
                let problem = native::failure(&failure);
                headers.insert(REASON, HeaderValue::from_static(problem.code));
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
                let answer = Answer::from_reply(reply);
                headers.extend(answer.headers);
                answer.status
            }
        };
        let answer = Answer { status, headers, body: AnswerBody::from(Vec::new()) };
        Gated { answer, first_use }
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
fn by_query(gate: &Gate, head: &Parts, peer: Peer) -> Gated {
    let ask = Ask::of_query(head.uri.query().unwrap_or_default(), &gate.setting.policies);
    gate.answer_to(ask, head, peer)
}

/// The same for proxies that put the client's path and query behind their own: what is wanted is a policy of jeton's
/// configuration, what is asked for is the method, the host and what follows the name, and no query is read.
#[utoipa::path(get, path = "/gate/policy/{policy}", tag = "gate",
    params(("policy" = String, Path, description = "a name of jeton's configuration; whatever follows it is the path that was asked for")))]
fn by_policy(gate: &Gate, head: &Parts, peer: Peer, named: &str) -> Gated {
    gate.answer_to(Ask::of_path(named, &gate.setting.policies), head, peer)
}

const fn refused(refusal: Refusal) -> Verdict {
    Verdict { standing: None, outcome: Err(Failure::Refused(refusal)) }
}

/// Says whose token it is. Each header is there on every answer, blank where nothing is known, so that a proxy puts it in
/// the place of the client's own.
fn identify(headers: &mut HeaderMap, standing: Option<&Standing>, now: Instant) {
    let Some(Standing { token, account, privileges, .. }) = standing else {
        for name in [USER, ORGANIZATION, TOKEN_ID, PRIVILEGES, EXPIRES, EXPIRES_IN, SUPERSEDED_AT] {
            headers.insert(name, HeaderValue::from_static(""));
        }
        return;
    };
    let mut say = |name, text: &str| {
        headers.insert(name, HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("")));
    };
    say(USER, &account.user.username);
    say(ORGANIZATION, &account.organization.slug);
    say(TOKEN_ID, &token.id.to_string());
    say(PRIVILEGES, &privileges.to_string());
    say(EXPIRES, &token.expires_at.map(|at| at.to_string()).unwrap_or_default());
    let left = token.expires_at.map(|at| at.millis() - now.millis());
    let soon = left.filter(|left| (0..ANNOUNCED).contains(left)).map(|left| (left / 1000).to_string());
    say(EXPIRES_IN, &soon.unwrap_or_default());
    say(SUPERSEDED_AT, &token.superseded.map(|superseded| superseded.at.to_string()).unwrap_or_default());
}

/// Marks the use of a token that is good and gives way to another. There only where that is so: by being there it says so
/// (RFC 9745), and a blank one would be no date.
fn deprecate(headers: &mut HeaderMap, standing: Option<&Standing>) {
    if let Some(superseded) = standing.and_then(|standing| standing.token.superseded) {
        let since = HeaderValue::from_str(&deprecated(superseded));
        headers.insert(DEPRECATION, since.unwrap_or(HeaderValue::from_static("")));
    }
}
