//! Forward-auth: a proxy asks about each request before it passes it on, and gets a status and who it is.
//!
//! Answered at the door, without Rocket, from the one decision. What is wanted stands in the proxy's configuration
//! (`ask.rs`), what was asked for in headers that only a trusted proxy is believed in (`original.rs`).

mod ask;
mod original;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, USER_AGENT},
    request::Parts,
};

use self::ask::{Ask, Profile};
use super::GateSetting;
use crate::{
    core::{
        decision::{Demand, Standing},
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::{DAY, Instant},
    },
    http::{
        app::{Answer, AnswerBody, Peer},
        carrier::{Carriers, Found, credential, credential_in},
        native,
        reply::Reply,
    },
    service::{
        Service,
        verify::{self, Credential, Verdict},
    },
};

/// From how long before its expiry on a token is announced, in milliseconds.
const ANNOUNCED: i64 = 14 * DAY;

const USER: HeaderName = HeaderName::from_static("x-auth-user");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-auth-organization");
const TOKEN_ID: HeaderName = HeaderName::from_static("x-auth-token-id");
const PRIVILEGES: HeaderName = HeaderName::from_static("x-auth-privileges");
const EXPIRES: HeaderName = HeaderName::from_static("x-auth-expires");
const EXPIRES_IN: HeaderName = HeaderName::from_static("x-auth-expires-in");
const REASON: HeaderName = HeaderName::from_static("x-auth-reason");

/// The gate.
pub(in crate::http) struct Gate {
    service: Arc<Service>,
    setting: GateSetting,
}

impl Gate {
    pub(in crate::http) const fn new(service: Arc<Service>, setting: GateSetting) -> Self {
        Self { service, setting }
    }

    /// The answer to a request that is the gate's; `None` for any other.
    pub(in crate::http) fn answer(&self, head: &Parts, peer: Peer) -> Option<Answer> {
        let ask = Ask::read(&head.uri, &self.setting.policies)?;
        let profile = ask.as_ref().map_or_else(|(profile, _)| *profile, |ask| ask.profile);
        let verdict = match ask {
            Ok(ask) => self.judge(head, peer, &ask),
            Err((_, refusal)) => refused(refusal),
        };
        Some(self.said(verdict, profile))
    }

    fn judge(&self, head: &Parts, peer: Peer, ask: &Ask<'_>) -> Verdict {
        let read = || {
            let client = original::client(head, peer, &self.setting.proxies, ask)?;
            Ok((client, self.token(&head.headers)?))
        };
        match read() {
            Ok((original::Client { address, asked }, token)) => {
                let agent = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
                let client = verify::Peer { address, agent, asked };
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
            Credential::Password { .. } => Err(Refusal::TokenRequired),
        }
    }

    fn said(&self, verdict: Verdict, profile: Profile) -> Answer {
        let Verdict { standing, outcome } = verdict;
        let mut headers = HeaderMap::with_capacity(16);
        identify(&mut headers, standing.as_deref(), self.service.now());
        let status = match outcome {
            Ok(()) => {
                headers.insert(REASON, HeaderValue::from_static(""));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                StatusCode::OK
            }
            Err(failure) => {
                let problem = native::failure(&failure);
                headers.insert(REASON, HeaderValue::from_static(problem.code));
                let reply = Reply::empty(profile.folded(problem.status)).because_of(&failure);
                let answer = Answer::from_reply(reply);
                headers.extend(answer.headers);
                answer.status
            }
        };
        Answer { status, headers, body: AnswerBody::from(Vec::new()) }
    }
}

const fn refused(refusal: Refusal) -> Verdict {
    Verdict { standing: None, outcome: Err(Failure::Refused(refusal)) }
}

/// Says whose token it is. Each header is there on every answer, blank where nothing is known, so that a proxy puts it in
/// the place of the client's own.
fn identify(headers: &mut HeaderMap, standing: Option<&Standing>, now: Instant) {
    let Some(Standing { token, account, privileges }) = standing else {
        for name in [USER, ORGANIZATION, TOKEN_ID, PRIVILEGES, EXPIRES, EXPIRES_IN] {
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
}
