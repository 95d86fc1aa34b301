//! What proxies and services ask about other people's tokens.

pub(super) mod oauth;
