//! Query strings: only what a route knows, each name once, and never a token.

use std::borrow::Cow;
use std::convert::Infallible;

use rocket::{
    Request,
    http::RawStr,
    outcome::Outcome,
    request::{self, FromRequest},
};

use crate::core::{
    filter::Filter,
    id::{OfToken, Reference},
    listing::{Count, Cursor, Direction, Field, Listing, Position},
    refusal::Refusal,
    secret::SecretText,
    text,
    time::Instant,
};

/// Names under which clients put tokens into URLs (RFC 6750, 2.3, and the vendors').
const TOKEN_NAMES: [&str; 3] = ["token", "access_token", "user-token"];

/// The name under which a feed's key stands in the one URL that takes it, for programs that send nothing but a URL.
pub(super) const FEED_KEY: &str = "key";

/// Refuses a token in a query, and a feed's key unless that is what is read there: by the time it is read it stands in
/// somebody's log. A token's id may be named.
pub(super) fn refuse_token_in_query(request: &Request<'_>, reads_key: bool) -> Result<(), Refusal> {
    let Some(query) = request.uri().query() else { return Ok(()) };
    let named = |part: &RawStr| {
        let (name, value) = part.split_at_byte(b'=');
        let is_key = name == FEED_KEY && !reads_key;
        let is_token = TOKEN_NAMES.contains(&name.as_str());
        is_key || (is_token && Reference::<OfToken>::parse(value.as_str()).is_none())
    };
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
    /// The token that stands in it under one of these names, for the few routes that read one there.
    pub(super) fn secret(&self, names: &[&str]) -> Result<Option<SecretText>, Refusal> {
        let mut found = None;
        let parts = self.0.iter().flat_map(|query| query.split('&')).map(|part| part.split_at_byte(b'='));
        for (_, value) in parts.filter(|(name, _)| names.contains(&name.as_str())) {
            let value = value.url_decode().map_err(|_| Refusal::invalid("token", "isn't UTF-8"))?;
            if found.replace(SecretText::new(value.trim())).is_some() {
                return Err(Refusal::invalid("token", "stands twice"));
            }
        }
        Ok(found)
    }

    /// All that stands in it under a name, in order, each decoded.
    pub(super) fn values(&self, name: &'static str) -> Result<Vec<Cow<'r, str>>, Refusal> {
        let parts = self.0.iter().flat_map(|query| query.split('&')).map(|part| part.split_at_byte(b'='));
        let values = parts.filter(|(key, _)| key.as_str() == name).map(|(_, value)| value.url_decode());
        values.map(|value| value.map_err(|_| Refusal::invalid(name, "isn't UTF-8"))).collect()
    }

    /// The one value under a name, if there is one; of an API that takes no notice of other names.
    pub(super) fn once(&self, name: &'static str) -> Result<Option<Cow<'r, str>>, Refusal> {
        let mut values = self.values(name)?.into_iter();
        let first = values.next();
        if values.next().is_some() { Err(Refusal::invalid(name, "stands twice")) } else { Ok(first) }
    }

    /// What stands in it for a list that takes `names`. Any other name, or one that stands twice, is refused.
    pub(super) fn parameters(&self, names: &[&'static str]) -> Result<Parameters<'r>, Refusal> {
        self.only(&[&OF_EVERY_LIST, names].concat())
    }

    /// What stands in it where nothing but `names` may.
    pub(super) fn only(&self, names: &[&'static str]) -> Result<Parameters<'r>, Refusal> {
        let mut values = Vec::new();
        let parts = self.0.iter().flat_map(|query| query.split('&')).filter(|part| !part.is_empty());
        for part in parts {
            let (name, value) = part.split_at_byte(b'=');
            let Some(name) = names.iter().find(|known| **known == name.as_str()) else {
                return Err(Refusal::Malformed {
                    detail: format!("an unknown query parameter: this takes {}", names.join(", ")).into(),
                });
            };
            let value = value.url_decode().map_err(|_| Refusal::invalid(*name, "isn't UTF-8"))?;
            if values.iter().any(|(known, _)| known == name) {
                return Err(Refusal::invalid(*name, "stands twice"));
            }
            values.push((*name, value));
        }
        Ok(Parameters(values))
    }

    /// The query of the next page, which begins at `cursor`.
    pub(super) fn going_on(&self, cursor: &str) -> String {
        let parts = self.0.iter().flat_map(|query| query.split('&')).map(RawStr::as_str);
        let others = parts.filter(|part| !part.is_empty() && !part.starts_with("cursor="));
        let cursor = format!("cursor={cursor}");
        others.chain([cursor.as_str()]).collect::<Vec<_>>().join("&")
    }
}

/// What every list takes.
const OF_EVERY_LIST: [&str; 4] = ["limit", "cursor", "sort", "total"];

/// A list's parameters, each decoded and there once.
pub(super) struct Parameters<'r>(Vec<(&'static str, Cow<'r, str>)>);

impl Parameters<'_> {
    /// As it stands.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_ref())
    }

    /// A copy of it.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// Part of a name.
    pub(super) fn needle(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        let read = |needle: &str| {
            if needle.is_empty() {
                return Err(Refusal::invalid(name, format!("1 to {} characters", text::NAME)));
            }
            text::line(name, needle, text::NAME)
        };
        self.text(name).map(read).transpose()
    }

    /// A time.
    pub(super) fn instant(&self, name: &'static str) -> Result<Option<Instant>, Refusal> {
        let read = |text| Instant::parse(text).ok_or_else(|| Refusal::invalid(name, "an RFC 3339 instant"));
        self.text(name).map(read).transpose()
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Refusal::invalid(name, "true or false")),
        }
    }

    /// One of these words.
    pub(super) fn word(
        &self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let read = |text: &str| {
            let word = words.iter().find(|word| **word == text).copied();
            word.ok_or_else(|| Refusal::invalid(name, words.join(", ")))
        };
        self.text(name).map(read).transpose()
    }

    /// What is asked of a list that can be ordered by `sorts`, by default by the first of them in `direction`.
    pub(super) fn listing<F: Field>(
        &self,
        filter: Filter<F>,
        sorts: &[F],
        direction: Direction,
        limits: Limits,
    ) -> Result<Listing<F>, Refusal> {
        let sort = match self.text("sort") {
            None => (sorts[0], direction),
            Some(text) => {
                let (word, direction) =
                    text.strip_prefix('-').map_or((text, Direction::Up), |word| (word, Direction::Down));
                let field = sorts.iter().find(|field| field.word() == word).copied().ok_or_else(|| {
                    let words: Vec<_> = sorts.iter().map(|field| field.word()).collect();
                    Refusal::invalid("sort", format!("{}; a - before it for descending", words.join(", ")))
                })?;
                (field, direction)
            }
        };
        let sort = vec![sort];
        let position = match self.text("cursor") {
            None => Position::Offset(0),
            Some(cursor) => Position::After(Cursor::parse(cursor, &sort)?),
        };
        Ok(Listing {
            filter,
            position,
            limit: limits.read(self.text("limit"))?,
            total: if self.flag("total")?.unwrap_or_default() { Count::IfQuick } else { Count::No },
            sort,
        })
    }
}

/// How many items a page has when the request doesn't say, and how many at the most.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) usual: u32,
    pub(super) most: u32,
}

/// Of a page of JSON.
pub(super) const PAGE: Limits = Limits { usual: 50, most: 200 };

impl Limits {
    pub(super) fn read(self, text: Option<&str>) -> Result<u32, Refusal> {
        let Some(text) = text else { return Ok(self.usual) };
        text.parse()
            .ok()
            .filter(|limit| (1..=self.most).contains(limit))
            .ok_or_else(|| Refusal::invalid("limit", format!("1 to {}", self.most)))
    }
}
