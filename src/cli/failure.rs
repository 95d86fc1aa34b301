//! What a command that didn't succeed says, and the code that it ends with.

use std::io;

use serde_json::Value;
use thiserror::Error;

use crate::cli::output::escape;
use crate::ops::config::ConfigError;

/// The command was given wrongly: exit code 2.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The server said no.
#[derive(Debug, Error)]
#[error("{text}")]
pub struct Refused {
    status: http::StatusCode,
    text: String,
}

impl Refused {
    /// From a status and the problem document that should come with it.
    pub fn new(status: http::StatusCode, body: &[u8]) -> Self {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let detail = problem["detail"].as_str().or(problem["title"].as_str());
        let detail = detail.map_or_else(|| format!("the server answered {status}"), escape);
        // What isn't in the sentence and a person may need.
        let field = problem["field"].as_str().filter(|field| !detail.contains(field));
        let text = field.map_or_else(|| detail.clone(), |field| format!("{}: {detail}", escape(field)));
        Self { status, text }
    }

    /// Whether what it is about isn't there, or isn't any more.
    pub fn is_gone(&self) -> bool {
        matches!(self.status, http::StatusCode::NOT_FOUND | http::StatusCode::GONE)
    }
}

/// The exit code and the text. Nothing when the reader of the output has merely gone away.
pub fn explain(error: &anyhow::Error) -> Option<(u8, String)> {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return None;
    }
    let usage = error.is::<Usage>() || error.is::<ConfigError>();
    Some((if usage { 2 } else { 1 }, format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_in_its_own_words() {
        let told = |body: &str| Refused::new(http::StatusCode::CONFLICT, body.as_bytes()).to_string();
        assert_eq!(told(r#"{"title":"Conflict","detail":"username is taken"}"#), "username is taken");
        assert_eq!(told(r#"{"detail":"too long","field":"name"}"#), "name: too long");
        assert_eq!(told(r#"{"detail":"name is too long","field":"name"}"#), "name is too long");
        assert_eq!(told("{\"detail\":\"a\\u001bb\"}"), "a\\u{1b}b");
        assert_eq!(told("<html>"), "the server answered 409 Conflict");
    }

    #[test]
    fn codes_follow_the_kind() {
        let code = |error: anyhow::Error| explain(&error).map(|(code, _)| code);
        assert_eq!(code(Usage("x".to_owned()).into()), Some(2));
        assert_eq!(code(anyhow::anyhow!("x")), Some(1));
        assert_eq!(code(io::Error::from(io::ErrorKind::BrokenPipe).into()), None);
    }
}
