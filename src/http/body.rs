//! Bodies, taken without a word of them in any error or log.

use std::{convert::Infallible, fmt, marker::PhantomData};

use rocket::{
    Data, Request,
    data::{self, FromData, ToByteUnit},
    http::RawStr,
    outcome::Outcome,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use zeroize::Zeroizing;

use crate::core::refusal::Refusal;

/// What no body may be longer than, however it comes; the door has a setting below it. In bytes.
const LONGEST: u64 = 1 << 20;

/// A request's whole body.
pub(super) struct Body(Result<Zeroizing<Vec<u8>>, Refusal>);

#[rocket::async_trait]
impl<'r> FromData<'r> for Body {
    type Error = Infallible;

    async fn from_data(_: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        Outcome::Success(Self(match data.open(LONGEST.bytes()).into_bytes().await {
            Ok(body) if body.is_complete() => Ok(Zeroizing::new(body.into_inner())),
            Ok(_) => Err(Refusal::BodyTooLarge { limit: LONGEST }),
            Err(_) => Err(Refusal::malformed("the body couldn't be read")),
        }))
    }
}

impl Body {
    /// One that is all there.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Ok(Zeroizing::new(bytes.to_vec())))
    }

    /// All of it, as it came.
    pub(super) fn bytes(&self) -> Result<&[u8], Refusal> {
        self.0.as_ref().map(|bytes| bytes.as_slice()).map_err(Clone::clone)
    }

    /// Whether there is none: some clients send nothing where nothing needs to be said.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_ok_and(<[u8]>::is_empty)
    }

    /// Reads a JSON document. A wrong one is refused by the field's name and what would be right; what was sent is never
    /// repeated.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let bytes = self.bytes()?;
        // Serde takes a list for an object, its items for the members in their order.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(Refusal::malformed("the body must be a JSON object"));
        }
        Self::document(bytes)
    }

    /// Reads a JSON document that is a list.
    pub(super) fn json_list<T: DeserializeOwned>(&self) -> Result<Vec<T>, Refusal> {
        let bytes = self.bytes()?;
        if bytes.trim_ascii_start().first() != Some(&b'[') {
            return Err(Refusal::malformed("the body must be a JSON list"));
        }
        Self::document::<Vec<Item<T>>>(bytes).map(|items| items.into_iter().map(|item| item.0).collect())
    }

    fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let document: T =
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| explain(&error))?;
        deserializer.end().map_err(|_| Refusal::malformed("the body goes on after its JSON document"))?;
        Ok(document)
    }

    /// Reads a form (`application/x-www-form-urlencoded`): each name at most once, as RFC 6749 asks.
    pub(super) fn form(&self) -> Result<Form, Refusal> {
        let text =
            std::str::from_utf8(self.bytes()?).map_err(|_| Refusal::malformed("the form isn't UTF-8"))?;
        let mut fields = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = RawStr::new(part).split_at_byte(b'=');
            let decode = |raw: &RawStr| raw.url_decode().map(std::borrow::Cow::into_owned);
            let (Ok(name), Ok(value)) = (decode(name), decode(value)) else {
                return Err(Refusal::malformed("the form isn't UTF-8"));
            };
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(Refusal::malformed("the form names a field twice"));
            }
            fields.push((name, Zeroizing::new(value)));
        }
        Ok(Form(fields))
    }
}

/// A form's fields.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// A field's value, if it is there. One without a value is as good as not there (RFC 6749, 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(other, _)| other == name);
        field.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// An object in a list.
struct Item<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = object(deserializer)?;
        item.map(Self).ok_or_else(|| serde::de::Error::custom("null, expected an object"))
    }
}

/// Reads an object inside a body, or `null`. Serde alone takes a list for one, its items for the members in their order.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members)).map(Some)
        }
    }

    deserializer.deserialize_any(Object(PhantomData))
}

/// Serde's message holds what was sent up to its last ", expected ", and our own words after it.
fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    use serde_json::error::Category;
    let message = error.inner().to_string();
    let (line, column) = (error.inner().line(), error.inner().column());
    let place = format!("at line {line} column {column}");
    match error.inner().classify() {
        Category::Data => {}
        Category::Eof => return Refusal::malformed("the body ends before its JSON document does"),
        Category::Syntax | Category::Io => {
            return Refusal::Malformed { detail: format!("the body isn't JSON: wrong {place}").into() };
        }
    }
    // Where an object inside the document is wrong, these two are told of it: its path stands before the member's name.
    let within = |path: &str| if path == "." { String::new() } else { format!("{path}.") };
    let path = error.path().to_string();
    for ours in ["missing field `", "duplicate field `"] {
        if let Some((field, _)) = message.strip_prefix(ours).and_then(|rest| rest.split_once('`')) {
            return Refusal::invalid(
                within(&path) + field,
                if ours.starts_with('m') { "is needed" } else { "stands twice" },
            );
        }
    }
    let expected = message.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
    let expected = expected.split(" at line ").next().unwrap_or_default();
    if let Some((field, _)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        // A name as names are may be said back; whatever else stands in its place may be a secret.
        if field.len() <= 40 && field.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Refusal::invalid(path, format!("unknown: this takes {expected}"));
        }
        return Refusal::Malformed {
            detail: format!("an unknown field {place}: this takes {expected}").into(),
        };
    }
    if path == "." {
        // The document itself has no name.
        return Refusal::malformed("the body must be a JSON object");
    }
    Refusal::invalid(path, format!("wrong {place}: needs {expected}"))
}

#[cfg(test)]
mod tests {
    use super::{Body, Refusal, Zeroizing};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[allow(dead_code, reason = "only its presence is looked at")]
        name: String,
        #[allow(dead_code, reason = "only its presence is looked at")]
        count: Option<u8>,
        #[allow(dead_code, reason = "only its members are looked at")]
        #[serde(default, deserialize_with = "super::object")]
        inner: Option<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code, reason = "only its presence is looked at")]
        size: u8,
    }

    fn verdict(text: &str) -> String {
        let body = Body(Ok(Zeroizing::new(text.into())));
        body.json::<Sample>().map_or_else(|refusal| refusal.to_string(), |_| "read".into())
    }

    #[test]
    fn a_wrong_document_is_refused_by_field_and_without_a_word_of_it() {
        for (text, expected) in [
            (r#"{"name":"a"}"#, "read"),
            (r"{}", "name: is needed"),
            (r#"{"name":"a","name":"b"}"#, "name: stands twice"),
            (r#"{"name":"a","names":1}"#, "names: unknown: this takes one of `name`, `count`, `inner`"),
            (
                r#"{"name":"a","canary1":1}"#,
                "an unknown field at line 1 column 21: this takes one of `name`, `count`, `inner`",
            ),
            (
                r#"{"name":"a","count":"canary, expected nothing"}"#,
                "count: wrong at line 1 column 46: needs u8",
            ),
            (r#"{"name":"a","count":300}"#, "count: wrong at line 1 column 23: needs u8"),
            (r#"{"name":"a","inner":{"size":1}}"#, "read"),
            (r#"{"name":"a","inner":{}}"#, "inner.size: is needed"),
            (r#"{"name":"a","inner":{"size":1,"size":1}}"#, "inner.size: stands twice"),
            (r#"{"name":"a","inner":{"sizes":1}}"#, "inner.sizes: unknown: this takes `size`"),
            (r#"{"name":"a","inner":{"size":"canary"}}"#, "inner.size: wrong at line 1 column 36: needs u8"),
            (r#"{"name":"a","inner":[1]}"#, "inner: wrong at line 1 column 21: needs an object"),
            (r#"{"name":"canary"#, "the body ends before its JSON document does"),
            (r#"{"name":canary}"#, "the body isn't JSON: wrong at line 1 column 9"),
            (r#"{"name":"a"} canary"#, "the body goes on after its JSON document"),
            ("", "the body ends before its JSON document does"),
            (r#" ["a"]"#, "the body must be a JSON object"),
            ("null", "the body must be a JSON object"),
            (r#""canary""#, "the body must be a JSON object"),
        ] {
            let verdict = verdict(text);
            assert_eq!(verdict, expected, "{text}");
            assert!(!verdict.contains("canary"));
        }
        let deep = format!(r#"{{"name":{}"#, "[".repeat(100_000));
        assert!(verdict(&deep).starts_with("name: wrong"), "{}", verdict(&deep));
    }

    #[test]
    fn a_form_names_each_field_once() {
        let form = |text: &str| Body(Ok(Zeroizing::new(text.into()))).form();
        let read = form("token=a%2Bb+c&token_type_hint=x").expect("a form");
        assert_eq!(read.get("token"), Some("a+b c"));
        assert_eq!(read.get("other"), None);
        assert_eq!(form("token=&other").expect("a form").get("token"), None);
        assert!(matches!(form("token=a&token=b"), Err(Refusal::Malformed { .. })));
        assert!(matches!(form("token=a&t%6Fken="), Err(Refusal::Malformed { .. })));
        assert!(form("token=%ff").is_err());
    }
}
