//! Replies: what is sent, and refusals in the words of the API they happen in.

use std::io::Cursor;

use rocket::{
    Request, Response,
    http::Status,
    response::{self, Responder},
};
use serde::Serialize;

use super::{native, problem::Problem, tags};
use crate::core::refusal::{Failure, Refusal};

/// How an API says a failure.
#[derive(Clone, Copy)]
pub(super) struct Words(pub(super) fn(&Failure) -> Reply);

/// A whole reply.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// A JSON document.
    pub(super) fn json(status: u16, document: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(document).map_err(Failure::broken)?;
        Ok(Self { status, content_type: "application/json", headers: Vec::new(), body })
    }

    /// A JSON document that is text already.
    pub(super) fn json_text(text: String) -> Self {
        Self { status: 200, content_type: "application/json", headers: Vec::new(), body: text.into_bytes() }
    }

    /// A JSON document that was written down already.
    pub(super) fn json_bytes(status: u16, body: &[u8]) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body: body.to_vec() }
    }

    /// A document of another kind.
    pub(super) const fn file(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, content_type, headers: Vec::new(), body }
    }

    /// No body.
    pub(super) const fn empty(status: u16) -> Self {
        Self { status, content_type: "", headers: Vec::new(), body: Vec::new() }
    }

    /// A problem document (RFC 9457).
    pub(super) fn problem(problem: &Problem) -> Self {
        let body = problem.to_json();
        Self { status: problem.status, content_type: super::problem::MEDIA_TYPE, headers: Vec::new(), body }
    }

    /// A document of an API whose media types are its own.
    pub(super) fn value(status: u16, content_type: &'static str, document: &serde_json::Value) -> Self {
        Self { status, content_type, headers: Vec::new(), body: document.to_string().into_bytes() }
    }

    /// Plain text.
    pub(super) fn text(status: u16, text: &str) -> Self {
        Self { status, content_type: "text/plain", headers: Vec::new(), body: text.as_bytes().to_vec() }
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The version of what it shows, where that has one.
    pub(super) fn version(&self) -> Option<&str> {
        let (_, tag) = self.headers.iter().find(|(name, _)| *name == "ETag")?;
        Some(tag.trim_matches('"'))
    }

    /// With this tag in the place of any other.
    #[must_use]
    pub(super) fn tagged(mut self, tag: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "ETag");
        self.header("ETag", format!("\"{tag}\""))
    }

    /// All of it but the body.
    pub(super) fn head(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let content_type = (!self.content_type.is_empty()).then_some(("Content-Type", self.content_type));
        content_type.into_iter().chain(self.headers.iter().map(|(name, value)| (*name, value.as_str())))
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// With one more value of a header that is a list.
    #[must_use]
    pub(super) fn also(mut self, name: &'static str, value: &str) -> Self {
        match self.headers.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.extend([", ", value]),
            None => self.headers.push((name, value.to_owned())),
        }
        self
    }

    /// With one more header.
    #[must_use]
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl<'r> Responder<'r, 'static> for Reply {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let reply = tags::conditional(self, request);
        let mut response = Response::build();
        response.status(Status::new(reply.status));
        for (name, value) in reply.head() {
            response.raw_header(name, value.to_owned());
        }
        response.sized_body(reply.body.len(), Cursor::new(reply.body)).ok()
    }
}

impl<'r> Responder<'r, 'static> for Failure {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let words = request.local_cache(|| native::WORDS);
        (words.0)(&self).respond_to(request)
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        Failure::from(self).respond_to(request)
    }
}
