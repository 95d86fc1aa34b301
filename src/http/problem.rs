//! RFC 9457 problem documents, the one shape of every refusal.

use http::StatusCode;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

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

    /// The same under another status.
    #[must_use]
    pub fn under(self, status: u16) -> Self {
        Self { extra: self.extra, ..Self::new(status, self.code, self.detail) }
    }

    /// Adds a member of our own.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((key, value.into()));
        self
    }

    /// The document's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers become JSON")
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(4 + self.extra.len()))?;
        members.serialize_entry("title", self.title)?;
        members.serialize_entry("status", &self.status)?;
        members.serialize_entry("detail", &self.detail)?;
        members.serialize_entry("code", self.code)?;
        for (key, value) in &self.extra {
            members.serialize_entry(key, value)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_its_members() {
        let document = Problem::new(413, "body_too_large", "over 16 bytes").with("limit", 16).to_json();
        let value: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(value["title"], "Payload Too Large");
        assert_eq!(value["status"], 413);
        assert_eq!(value["code"], "body_too_large");
        assert_eq!(value["limit"], 16);
        assert!(value.get("type").is_none());
    }
}
