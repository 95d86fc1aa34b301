//! RFC 9457 problem documents, the one shape of every refusal.

use http::StatusCode;
use serde_json::{Map, Value};

/// Media type of a rendered [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal as its client reads it (RFC 9457, without `type`: our problems have no page of their own).
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status, repeated in the document.
    pub status: u16,
    /// Stable, machine-readable name of what is wrong.
    pub code: &'static str,
    /// The status's reason phrase.
    pub title: &'static str,
    /// One sentence for whoever debugs the client; never holds a secret.
    pub detail: String,
    /// Further members, in order.
    pub extra: Vec<(&'static str, Value)>,
}

impl Problem {
    /// A problem whose title is the status's reason phrase.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        let title = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error");
        Self { status, code, title, detail: detail.into(), extra: Vec::new() }
    }

    /// Adds a member of our own.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((key, value.into()));
        self
    }

    /// The document's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("title".into(), self.title.into());
        members.insert("status".into(), self.status.into());
        members.insert("detail".into(), self.detail.as_str().into());
        members.insert("code".into(), self.code.into());
        for (key, value) in &self.extra {
            members.insert((*key).into(), value.clone());
        }
        Value::Object(members).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_its_members() {
        let document = Problem::new(413, "body_too_large", "over 16 bytes").with("limit", 16).to_json();
        let value: Value = serde_json::from_slice(&document).expect("JSON");
        assert_eq!(value["title"], "Payload Too Large");
        assert_eq!(value["status"], 413);
        assert_eq!(value["code"], "body_too_large");
        assert_eq!(value["limit"], 16);
        assert!(value.get("type").is_none());
    }
}
