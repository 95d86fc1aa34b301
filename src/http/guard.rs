//! What a handler may know of the caller and the connection.

use std::convert::Infallible;

use rocket::{
    Request,
    outcome::Outcome,
    request::{self, FromRequest},
};

use super::{
    Site,
    carrier::{Carriers, Found, credential},
    forwarded, tags,
};
use crate::{
    core::{
        checks::Endpoint,
        limits,
        refusal::{Failure, Refusal},
        secret::SecretText,
    },
    service::{
        Caller,
        verify::{Credential, Peer},
    },
};

/// The other end, as far as a throttle and a record of use want it.
pub(super) fn peer<'a>(request: &'a Request<'_>) -> Peer<'a> {
    let socket = request.remote().map(|remote| remote.ip().to_canonical());
    let address = match request.rocket().state::<Site>() {
        Some(site) if site.proxies.trusts(socket) => {
            let forwarded: Vec<&str> = request.headers().get("x-forwarded-for").collect();
            forwarded::client(socket, &forwarded, &site.proxies)
        }
        _ => socket,
    };
    let asked = limits::Asked {
        method: Some(request.method().as_str()),
        // What the request says of its host is the client's to choose.
        host: request.rocket().state::<Site>().and_then(Site::host),
        path: Some(request.uri().path().as_str()),
    };
    // Said by the route's mount; the page's own and nobody's are jeton's.
    let endpoint = request.local_cache(|| CountedAt(Endpoint::NATIVE)).0;
    Peer { address, agent: request.headers().get_one("user-agent"), asked, endpoint }
}

/// As whose a check of the caller is counted.
pub(super) struct CountedAt(pub(super) Endpoint);

/// What a route's demand left behind for its handler.
pub(super) struct Asked(pub(super) Option<Caller>);

/// The caller, in a handler whose route demands one.
pub(super) struct Asker<'r>(pub(super) Result<&'r Caller, Failure>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Asker<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        let asked = request.local_cache(|| Asked(None));
        // Refused rather than let through: a handler that wants a caller stands at an open route.
        Outcome::Success(Self(
            asked.0.as_ref().ok_or_else(|| Failure::broken("an open route asks for its caller")),
        ))
    }
}

/// The token that a request presents, as it came; nothing for a password.
pub(super) struct Presented(pub(super) Option<SecretText>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Presented {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        let found = credential(request.headers(), Carriers::AnyOne);
        Outcome::Success(Self(match found {
            Ok(Found { credential: Credential::Bearer(text), .. }) => Some(text),
            _ => None,
        }))
    }
}

/// The peer, in a handler of an open route.
pub(super) struct From<'r>(pub(super) Peer<'r>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for From<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        Outcome::Success(Self(peer(request)))
    }
}

/// `If-Match` (RFC 9110, 13.1.1) over a change sequence.
pub(super) enum Version {
    /// The request doesn't say.
    Unsaid,
    /// `*`: any.
    Any,
    /// This one.
    Only(u32),
}

/// Stands for an entity tag that no version of ours has.
const NO_VERSION: u32 = u32::MAX;

impl Version {
    /// The version that a change is meant for; `None` where the request doesn't say or says any.
    pub(super) const fn if_given(&self) -> Option<u32> {
        match self {
            Self::Only(version) => Some(*version),
            Self::Unsaid | Self::Any => None,
        }
    }

    /// The same, where the request must say.
    pub(super) const fn required(&self) -> Result<Option<u32>, Refusal> {
        match self {
            Self::Unsaid => Err(Refusal::VersionMissing),
            said => Ok(said.if_given()),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Version {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        Outcome::Success(match request.headers().get_one("if-match").map(str::trim) {
            None => Self::Unsaid,
            Some("*") => Self::Any,
            Some(tag) => Self::Only(tags::version(tag).unwrap_or(NO_VERSION)),
        })
    }
}
