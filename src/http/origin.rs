//! Whether a request that a browser's cookie comes with was made by jeton's own page. A method proves nothing: a form whose
//! first field is `_method` becomes any of them.

use rocket::{
    Request,
    outcome::Outcome,
    request::{self, FromRequest},
};

use super::{Site, carrier::PAGE_HEADER, hosts::is_loopback};
use crate::core::refusal::Refusal;

/// Refuses a request that doesn't show it: the page's own header, which no form can send and no other page's script without
/// being let; the browser's word, in `Sec-Fetch-Site` or `Origin`, that it is of the same origin, and none that it isn't; no
/// body of a kind that forms can send.
pub(super) fn proven(request: &Request<'_>) -> Result<(), Refusal> {
    let unproven = Err(Refusal::OriginUnproven);
    let headers = request.headers();
    let sent = |name| {
        let mut values = headers.get(name);
        (values.next(), values.next().is_none())
    };
    let ((page, once), (site, one_site), (origin, one_origin)) =
        (sent(PAGE_HEADER), sent("sec-fetch-site"), sent("origin"));
    if page.is_none() || !once || !one_site || !one_origin {
        return unproven;
    }
    let public_url = request.rocket().state::<Site>().map(|site| site.public_url.as_str());
    let host = headers.get_one("host").unwrap_or_default();
    let is_own = |origin: &str| is_own(origin, host, public_url.unwrap_or_default());
    let told = match (site, origin) {
        (None, None) => false,
        (site, origin) => site.is_none_or(|site| site == "same-origin") && origin.is_none_or(is_own),
    };
    let json = |media: &str| {
        media.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    };
    if told && headers.get("content-type").all(json) { Ok(()) } else { unproven }
}

/// Whether an origin (RFC 6454) is jeton's: that of the public URL, or that of the host that the request names, which has
/// been looked at before. Without TLS a name may be anybody's, but for this machine's own.
fn is_own(origin: &str, host: &str, public_url: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let public = public_url.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next()));
    let is_public = public.is_some_and(|(public_scheme, public)| {
        scheme.eq_ignore_ascii_case(public_scheme)
            && public.is_some_and(|public| authority.eq_ignore_ascii_case(public))
    });
    let is_trustworthy = scheme == "https" || (scheme == "http" && is_loopback(authority));
    is_public || (is_trustworthy && !host.is_empty() && authority.eq_ignore_ascii_case(host))
}

/// That a request was made by jeton's own page, in a handler of an open route.
pub(super) struct OwnPage(pub(super) Result<(), Refusal>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for OwnPage {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Self::Error> {
        Outcome::Success(Self(proven(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn an_origin_is_own_by_the_public_url_or_by_a_trustworthy_host() {
        let public = "https://tokens.example.org/jeton";
        for (origin, host) in [
            ("https://tokens.example.org", "127.0.0.1:8700"),
            ("HTTPS://Tokens.Example.org", ""),
            ("https://other.example.org:8443", "other.example.org:8443"),
            ("http://localhost:8700", "localhost:8700"),
            ("http://127.0.0.1:8700", "127.0.0.1:8700"),
            ("http://[::1]:8700", "[::1]:8700"),
        ] {
            assert!(is_own(origin, host, public), "{origin} at {host}");
        }
        for (origin, host) in [
            ("null", "null"),
            ("", ""),
            ("https://", ""),
            ("https://evil.example", "tokens.example.org"),
            ("http://tokens.example.org", "tokens.example.org"),
            ("http://192.0.2.1:8700", "192.0.2.1:8700"),
            ("https://tokens.example.org:8443", "tokens.example.org"),
            ("http://localhost:8701", "localhost:8700"),
            ("http://localhost:8700", "127.0.0.1:8700"),
            ("http://localhost.evil.example", "localhost.evil.example"),
            ("file://localhost:8700", "localhost:8700"),
            ("https://tokens.example.org/", "127.0.0.1"),
        ] {
            assert!(!is_own(origin, host, public), "{origin} at {host}");
        }
    }
}
