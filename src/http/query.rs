//! Query strings: only what a route knows, each name once, and never a token.

use std::borrow::Cow;
use std::convert::Infallible;

use rocket::{
    Request,
    http::RawStr,
    outcome::Outcome,
    request::{self, FromRequest},
};

use crate::core::refusal::Refusal;

/// Names under which clients put tokens into URLs (RFC 6750, 2.3, and the vendors').
const TOKEN_NAMES: [&str; 3] = ["token", "access_token", "user-token"];

/// Refuses a token in a query: by the time it is read it stands in somebody's log.
pub(super) fn refuse_token_in_query(request: &Request<'_>) -> Result<(), Refusal> {
    let Some(query) = request.uri().query() else { return Ok(()) };
    let named = |part: &RawStr| TOKEN_NAMES.contains(&part.split_at_byte(b'=').0.as_str());
    if query.raw_segments().any(named) {
        return Err(Refusal::invalid(
            "token",
            "not taken from a URL, which ends up in logs: send it in a header",
        ));
    }
    Ok(())
}

/// A request's query.
pub(super) struct Query<'r>(Option<&'r RawStr>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Query<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        Outcome::Success(Self(request.uri().query().map(|query| query.as_str().into())))
    }
}

impl<'r> Query<'r> {
    /// The values of `names`, in their order. Any other name, or one that stands twice, is refused.
    pub(super) fn only<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<[Option<Cow<'r, str>>; N], Refusal> {
        let mut values = [const { None }; N];
        let parts = self.0.iter().flat_map(|query| query.split('&')).filter(|part| !part.is_empty());
        for part in parts {
            let (name, value) = part.split_at_byte(b'=');
            let Some(at) = names.iter().position(|known| *known == name.as_str()) else {
                let known = if names.is_empty() { "none".into() } else { names.join(", ") };
                return Err(Refusal::Malformed {
                    detail: format!("an unknown query parameter: this takes {known}").into(),
                });
            };
            let value = value.url_decode().map_err(|_| Refusal::invalid(names[at], "isn't UTF-8"))?;
            if values[at].replace(value).is_some() {
                return Err(Refusal::invalid(names[at], "stands twice"));
            }
        }
        Ok(values)
    }
}

/// How many items a page has when the request doesn't say.
const PAGE: u32 = 50;

/// How many it has at the most.
const LARGEST_PAGE: u32 = 200;

/// The number of items that a page is to have.
pub(super) fn page_limit(text: Option<&str>) -> Result<u32, Refusal> {
    let Some(text) = text else { return Ok(PAGE) };
    text.parse()
        .ok()
        .filter(|limit| (1..=LARGEST_PAGE).contains(limit))
        .ok_or_else(|| Refusal::invalid("limit", format!("1 to {LARGEST_PAGE}")))
}
