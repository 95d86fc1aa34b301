//! The carriers of a credential: exactly one of them, once.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use rocket::http::RawStr;
use zeroize::Zeroizing;

use super::head::Headers;
use crate::{
    core::{
        refusal::Refusal,
        secret::{SecretText, SessionSecret},
        token,
    },
    service::verify::Credential,
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
    /// One, which may be the page's cookie.
    OrCookie,
}

/// A credential, and whether HTTP Basic carried it.
pub(super) struct Found {
    pub(super) credential: Credential,
    pub(super) by_basic: bool,
}

impl Found {
    fn token(text: &str) -> Self {
        Self { credential: Credential::Bearer(SecretText::new(text.trim())), by_basic: false }
    }
}

/// The credential among headers: exactly one, in exactly one carrier.
pub(super) fn credential(headers: &impl Headers, carriers: Carriers) -> Result<Found, Refusal> {
    let ignored = match carriers {
        Carriers::Over(first, second) if headers.values(first).next().is_some() => second,
        Carriers::Over(..) | Carriers::AnyOne | Carriers::OrCookie => "",
    };
    let mut found = None;
    let authorization_headers = headers.values("authorization").map(Carrier::Authorization);
    let token_headers = TOKEN_HEADERS.iter().filter(|name| **name != ignored);
    let token_headers = token_headers.flat_map(|name| headers.values(name).map(Carrier::Token));
    let cookies = (carriers == Carriers::OrCookie).then(|| cookies(headers).map(Carrier::Cookie));
    for carrier in authorization_headers.chain(token_headers).chain(cookies.into_iter().flatten()) {
        if found.replace(carrier).is_some() {
            return Err(Refusal::CredentialAmbiguous);
        }
    }
    match found.ok_or(Refusal::CredentialMissing)? {
        Carrier::Token(text) => Ok(Found::token(text)),
        Carrier::Authorization(text) => authorization(text),
        Carrier::Cookie(text) => Ok(Found { credential: session(headers, text)?, by_basic: false }),
    }
}

/// The cookie that says who is signed in at the page. The prefix lets no other host, no path and no plain connection set
/// it (draft-ietf-httpbis-rfc6265bis, 4.1.3.2).
pub(super) const COOKIE: &str = "__Host-jeton";

/// What jeton's own page sends along with each request, and no other page's form can: `1` where somebody did something,
/// [`WATCHING`] where it looks for what is new.
pub(super) const PAGE_HEADER: &str = "jeton-page";

/// Doesn't count as a use of the session.
const WATCHING: &str = "watching";

/// The values of the page's cookie, of which there should be one.
fn cookies(headers: &impl Headers) -> impl Iterator<Item = &str> {
    let pairs = headers.values("cookie").flat_map(|header| header.split(';'));
    pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// The session that a request's cookie stands for, whatever else came along: one that is signed in anew.
pub(super) fn cookie(headers: &impl Headers) -> Option<SessionSecret> {
    cookies(headers).find_map(SessionSecret::parse)
}

fn session(headers: &impl Headers, cookie: &str) -> Result<Credential, Refusal> {
    let secret = SessionSecret::parse(cookie).ok_or(Refusal::SessionEnded)?;
    let active = !headers.values(PAGE_HEADER).any(|value| value == WATCHING);
    Ok(Credential::Session { secret, active })
}

/// The credential in one header and no other: a token as it is, or what `Authorization` may hold.
pub(super) fn credential_in(headers: &impl Headers, name: &str) -> Result<Found, Refusal> {
    let mut values = headers.values(name);
    let text = values.next().ok_or(Refusal::CredentialMissing)?;
    if values.next().is_some() {
        return Err(Refusal::CredentialAmbiguous);
    }
    if text.trim().contains(' ') { authorization(text) } else { Ok(Found::token(text)) }
}

enum Carrier<'a> {
    Authorization(&'a str),
    Token(&'a str),
    Cookie(&'a str),
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

#[cfg(test)]
mod tests {
    use super::{Credential, authorization};

    fn read(text: &str) -> Option<String> {
        Some(match authorization(text).ok()?.credential {
            Credential::Bearer(text) => format!("bearer {}", text.expose()),
            Credential::Password { username, password } => format!("{username} {}", password.expose()),
            Credential::Session { .. } => return None,
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
