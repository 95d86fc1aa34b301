//! What proxies and services ask about other people's tokens.

pub(super) mod forward;
pub(super) mod oauth;
pub(super) mod token;

use std::collections::BTreeMap;

use http::HeaderName;

use crate::{core::wanted::Wanted, ops::config::Proxies};

/// What the gate is set up with.
#[derive(Clone, Debug, Default)]
pub struct GateSetting {
    /// Whose word is taken for where a request came from and what it was.
    pub proxies: Proxies,
    /// The one header that a token is read in; `None` for all that may carry one.
    pub header: Option<HeaderName>,
    /// What is wanted where it is asked by a policy's name.
    pub policies: BTreeMap<String, Wanted>,
}
