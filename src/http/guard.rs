//! Who asks: the credential out of whichever carrier, and what a handler may know of the caller.

use std::{borrow::Cow, convert::Infallible};

use base64::{Engine, engine::general_purpose::STANDARD};
use rocket::{
    Request,
    http::RawStr,
    outcome::Outcome,
    request::{self, FromRequest},
};
use zeroize::Zeroizing;

use super::{Site, forwarded};
use crate::{
    core::{
        limits,
        refusal::{Failure, Refusal},
        secret::SecretText,
        token,
    },
    service::{
        Caller,
        verify::{Credential, Peer},
    },
};

/// Headers that carry a token and nothing else.
const TOKEN_HEADERS: [&str; 3] = ["x-api-key", "x-access-token", "user-token"];

/// How many carriers a request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carriers {
    /// One.
    AnyOne,
    /// One; but where the first of these headers is sent, the second is as if it weren't.
    Over(&'static str, &'static str),
}

/// A credential, and whether HTTP Basic carried it.
pub(super) struct Found {
    pub(super) credential: Credential,
    pub(super) by_basic: bool,
}

/// The credential of a request: exactly one, in exactly one carrier.
pub(super) fn credential(request: &Request<'_>, carriers: Carriers) -> Result<Found, Refusal> {
    let headers = request.headers();
    let ignored = match carriers {
        Carriers::Over(first, second) if headers.contains(first) => second,
        Carriers::Over(..) | Carriers::AnyOne => "",
    };
    let mut found = None;
    let authorization_headers = headers.get("authorization").map(Carrier::Authorization);
    let token_headers = TOKEN_HEADERS.iter().filter(|name| **name != ignored);
    let token_headers = token_headers.flat_map(|name| headers.get(name).map(Carrier::Token));
    for carrier in authorization_headers.chain(token_headers) {
        if found.replace(carrier).is_some() {
            return Err(Refusal::CredentialAmbiguous);
        }
    }
    match found.ok_or(Refusal::CredentialMissing)? {
        Carrier::Token(text) => {
            Ok(Found { credential: Credential::Bearer(SecretText::new(text.trim())), by_basic: false })
        }
        Carrier::Authorization(text) => authorization(text),
    }
}

enum Carrier<'a> {
    Authorization(&'a str),
    Token(&'a str),
}

/// `Bearer` (RFC 6750) or `Basic` (RFC 7617), the scheme in any case. A token that comes by Basic, as the password or as
/// a username without one, is a token: the same decision for every carrier.
fn authorization(text: &str) -> Result<Found, Refusal> {
    let (scheme, rest) = text.trim().split_once(' ').ok_or(Refusal::CredentialInvalid)?;
    let rest = rest.trim_start();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Found { credential: Credential::Bearer(SecretText::new(rest)), by_basic: false });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Refusal::CredentialInvalid);
    }
    let decoded = Zeroizing::new(STANDARD.decode(rest).map_err(|_| Refusal::CredentialInvalid)?);
    let decoded = std::str::from_utf8(&decoded).map_err(|_| Refusal::CredentialInvalid)?;
    let (username, password) = decoded.split_once(':').ok_or(Refusal::CredentialInvalid)?;
    let token = token_in(password).or_else(|| password.is_empty().then(|| token_in(username)).flatten());
    let credential = token.map_or_else(
        || Credential::Password { username: username.to_owned(), password: SecretText::new(password) },
        Credential::Bearer,
    );
    Ok(Found { credential, by_basic: true })
}

/// The token that a part of Basic is, or is meant to be: as it stands or form-encoded, as OAuth's clients are to send
/// their secret (RFC 6749, 2.3.1). No token has a character that decoding would change.
fn token_in(part: &str) -> Option<SecretText> {
    let decoded = RawStr::new(part).url_decode().map_or_else(|_| part.to_owned(), Cow::into_owned);
    let decoded = Zeroizing::new(decoded);
    token::Presented::resembles(&decoded).then(|| SecretText::new(decoded.as_str()))
}

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
    Peer { address, agent: request.headers().get_one("user-agent"), asked }
}

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
        let found = credential(request, Carriers::AnyOne);
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
            Some(tag) => {
                let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                // `"00"` is another tag than `"0"`.
                let version = quoted
                    .and_then(|tag| tag.parse().ok().filter(|version: &u32| version.to_string() == tag));
                Self::Only(version.unwrap_or(NO_VERSION))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, authorization};

    fn read(text: &str) -> Option<String> {
        Some(match authorization(text).ok()?.credential {
            Credential::Bearer(text) => format!("bearer {}", text.expose()),
            Credential::Password { username, password } => format!("{username} {}", password.expose()),
        })
    }

    #[test]
    fn every_form_of_the_authorization_header_is_read() {
        for (text, expected) in [
            ("Bearer abc", Some("bearer abc")),
            ("bearer   abc", Some("bearer abc")),
            ("Basic YWRhOnB3Ong=", Some("ada pw:x")),
            ("BASIC YWRhOg==", Some("ada ")),
            ("Basic YWRhOmp0bl94", Some("bearer jtn_x")),
            ("Basic anRuX3g6", Some("bearer jtn_x")),
            // Form-encoded: `a%40b:secret-token%3Ajtn_x`, `idt%3ATKN-1%3Ajtn%5Fx:`; a password stands as it is.
            ("Basic YSU0MGI6c2VjcmV0LXRva2VuJTNBanRuX3g=", Some("bearer secret-token:jtn_x")),
            ("Basic aWR0JTNBVEtOLTElM0FqdG4lNUZ4Og==", Some("bearer idt:TKN-1:jtn_x")),
            ("Basic YWRhOmElM0FiJWZmK2M=", Some("ada a%3Ab%ff+c")),
            ("Basic", None),
            ("Basic !!!", None),
            ("Basic YWRh", None),
            ("Digest x", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
