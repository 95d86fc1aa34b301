//! `Idempotency-Key`: a request that may come again because its reply was lost. Only the routes whose handlers take
//! this guard know the header; everywhere else it says nothing.

use std::convert::Infallible;

use rocket::{
    Request,
    http::uri::Origin,
    outcome::Outcome,
    request::{self, FromRequest},
};

use super::body::Body;
use crate::core::{
    idempotency::{HEADER, Key, Once},
    refusal::Refusal,
};

/// A request, and the key that it came with, if any.
pub(super) struct Repeatable<'r> {
    key: Result<Option<Key>, Refusal>,
    method: &'static str,
    uri: &'r Origin<'r>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Repeatable<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        let mut keys = request.headers().get(HEADER);
        let key = match (keys.next(), keys.next()) {
            (Some(_), Some(_)) => Err(Refusal::invalid(HEADER, "stands twice")),
            (key, _) => key.map(Key::parse).transpose(),
        };
        Outcome::Success(Self { key, method: request.method().as_str(), uri: request.uri() })
    }
}

impl Repeatable<'_> {
    /// The request as it is known again, with its body; `None` where it came without a key.
    pub(super) fn once(self, body: &Body) -> Result<Option<Once>, Refusal> {
        let Some(key) = self.key? else { return Ok(None) };
        Ok(Some(Once::new(key, self.method, &self.uri.to_string(), body.bytes()?)))
    }
}
