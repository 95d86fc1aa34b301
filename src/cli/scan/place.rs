//! Where a token stands, as it is told: never with a token in it.

use std::fmt;

use serde_json::{Value, json};

use crate::cli::output::escape;
use crate::core::find::redacted;
use crate::core::id::TokenId;
use crate::core::token::{Presented, hint};

/// A file, or what is in one: an archive's entry, a blob of a commit.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The commit that brought it, where that is known.
    pub commit: Option<String>,
    /// The file's path.
    pub path: String,
    /// The entries that lead to it, each in the archive before.
    pub inner: Vec<String>,
}

impl Place {
    /// A file.
    pub fn file(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// An entry of the archive that stands here.
    pub fn entry(&self, name: &str) -> Self {
        let mut place = self.clone();
        place.inner.push(name.to_owned());
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(commit) = &self.commit {
            write!(f, "{commit}:")?;
        }
        f.write_str(&shown(&self.path))?;
        self.inner.iter().try_for_each(|name| write!(f, "!{}", shown(name)))
    }
}

/// A name of others: without what could steer a terminal, and a token in it cut.
fn shown(name: &str) -> String {
    escape(&redacted(name))
}

/// Where in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// In this line of a text.
    Line(u64),
    /// This many bytes from the beginning of what has no lines.
    Byte(u64),
    /// In its name.
    Name,
    /// Somewhere in it.
    Whole,
}

/// A token that was found, and where.
#[derive(Clone, Debug)]
pub struct Finding {
    /// In what.
    pub place: Place,
    /// Where in it.
    pub spot: Spot,
    /// The token.
    pub token: Presented,
}

impl Finding {
    /// The token's id, which is no secret.
    pub fn id(&self) -> TokenId {
        self.token.id
    }

    /// Where it stands, in a word.
    pub fn whence(&self) -> String {
        let place = &self.place;
        match self.spot {
            Spot::Line(line) => format!("{place}:{line}"),
            Spot::Byte(offset) => format!("{place}@{offset}"),
            Spot::Name => format!("{place}(name)"),
            Spot::Whole => place.to_string(),
        }
    }

    /// The line for a person.
    pub fn told(&self) -> String {
        format!("{}: {} {}", self.whence(), hint(self.id()), self.id())
    }

    /// The object for a machine.
    pub fn object(&self) -> Value {
        let (line, offset) = match self.spot {
            Spot::Line(line) => (Some(line), None),
            Spot::Byte(offset) => (None, Some(offset)),
            Spot::Name | Spot::Whole => (None, None),
        };
        json!({
            "where": self.whence(), "commit": self.place.commit, "path": redacted(&self.place.path),
            "inner": self.place.inner.iter().map(|name| redacted(name)).collect::<Vec<_>>(),
            "line": line, "offset": offset, "hint": hint(self.id()), "id": self.id().to_string(),
        })
    }
}
