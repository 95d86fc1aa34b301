//! The two questions of jeton's own API that are asked as often as the gate's, answered without Rocket: which token is
//! this, and is that one good? By the same credential, the same decision and the same words as their routes.
//!
//! Only what needs nothing else is answered here. All that is read before the decision is looked at first, and where any of
//! it is out of the ordinary the request is the route's, as if nobody had looked.

use http::{HeaderName, HeaderValue};

use super::{
    Site,
    app::{Peer, Whole},
    body::Body,
    carrier::{Carriers, Found, credential},
    forwarded,
    gate::oauth,
    head::{Head, Headers, Lines},
    native,
    reply::Reply,
    tags,
};
use crate::{
    core::{checks::Endpoint, decision::Demand, limits::Asked, refusal::Failure, secret::SecretText},
    service::{
        FirstUse,
        verify::{self, Credential},
    },
};

/// What stands in no request that is answered here: what the routes alone read.
const ASIDE: [&str; 3] = ["cookie", "if-none-match", "content-encoding"];

/// A reply, and what is to be settled before it leaves.
pub struct Answered {
    pub(super) answer: Whole,
    pub(super) first_uses: Vec<FirstUse>,
}

impl Answered {
    /// With one line more.
    #[must_use]
    pub fn with(mut self, line: (HeaderName, HeaderValue)) -> Self {
        self.answer.headers.push(line);
        self
    }
}

/// Which of the two.
#[derive(Clone, Copy)]
enum Question {
    Own,
    Introspection,
}

/// The answer to one of the two questions; `None` for whatever is left to the routes.
pub(super) fn answer(site: &Site, head: &Head<'_>, body: &[u8], peer: Peer) -> Option<Answered> {
    let question = match (head.method, head.path) {
        ("GET", "/v1/tokens/self") if body.is_empty() => Question::Own,
        // A form whose first field is that is a request by another method, to Rocket.
        ("POST", "/oauth/introspect") if !body.starts_with(b"_method=") => Question::Introspection,
        _ => return None,
    };
    if head.query.is_some() || !is_ordinary(site, head.headers, peer) {
        return None;
    }
    let Ok(Found { credential: Credential::Bearer(token), .. }) = credential(&head.headers, Carriers::AnyOne)
    else {
        return None;
    };
    let mut first_uses = Vec::new();
    let asker = asker(site, head, peer);
    let (words, said) = match question {
        Question::Own => (native::WORDS, own(site, &token, asker, &mut first_uses)),
        Question::Introspection => (oauth::WORDS, introspected(site, &token, body, asker, &mut first_uses)),
    };
    let reply = said.unwrap_or_else(|failure| (words.0)(&failure));
    Some(Answered { answer: Whole::from_reply(reply), first_uses })
}

/// Whether a request's headers are what the routes would find nothing to say to.
fn is_ordinary(site: &Site, headers: Lines<'_>, peer: Peer) -> bool {
    let is_aside = |name: &str| ASIDE.iter().any(|other| name.eq_ignore_ascii_case(other));
    let is_text = |value| std::str::from_utf8(value).is_ok();
    let host = headers.only("host").and_then(|host| std::str::from_utf8(host).ok());
    host.is_some_and(|host| peer == Peer::Local || site.hosts.know(host))
        && headers.0.iter().all(|(name, value)| is_text(value) && !is_aside(name))
}

/// Who asks, as [`super::guard::peer`] knows it of a request of Rocket's.
fn asker<'a>(site: &'a Site, head: &'a Head<'a>, peer: Peer) -> verify::Peer<'a> {
    let socket = match peer {
        Peer::Net(address) => Some(address.ip().to_canonical()),
        Peer::Local => None,
    };
    let address = if site.proxies.trusts(socket) {
        let forwarded: Vec<&str> = head.headers.values("x-forwarded-for").collect();
        forwarded::client(socket, &forwarded, &site.proxies)
    } else {
        socket
    };
    let asked = Asked { method: Some(head.method), host: site.host(), path: Some(head.path) };
    let agent = head.headers.values("user-agent").next();
    verify::Peer { address, agent, asked, endpoint: Endpoint::NATIVE }
}

fn own(
    site: &Site,
    token: &SecretText,
    asker: verify::Peer<'_>,
    first_uses: &mut Vec<FirstUse>,
) -> Result<Reply, Failure> {
    let caller = site.service.authenticate_bearer(token, Demand::Itself, asker)?;
    first_uses.extend(caller.first_use);
    let reply = native::tokens::shown_own(site, &caller)?;
    let tag = tags::tag(&reply);
    Ok(reply.tagged(&tag))
}

fn introspected(
    site: &Site,
    token: &SecretText,
    body: &[u8],
    asker: verify::Peer<'_>,
    first_uses: &mut Vec<FirstUse>,
) -> Result<Reply, Failure> {
    let caller = site.service.authenticate_bearer(token, Demand::Introspection, asker)?;
    first_uses.extend(caller.first_use);
    let (reply, first_use) = oauth::introspected(site, &Body::of(body), asker)?;
    first_uses.extend(first_use);
    Ok(reply)
}
