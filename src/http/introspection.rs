//! What is asked and told of somebody else's token, one or many: RFC 7662's members and ours.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use super::reply::Reply;
use crate::core::{
    decision::Standing,
    limits::{Asked, Facts},
    refusal::Refusal,
    time::Instant,
    token::Superseded,
    wanted::Wanted,
};

/// The header that says of a token that another has taken its place (RFC 9745).
pub(super) const DEPRECATION: &str = "deprecation";

/// What stands in it: an instant, as a structured date (RFC 9651, 3.3.7).
pub(super) fn deprecated(superseded: Superseded) -> String {
    format!("@{}", superseded.at.seconds())
}

/// With the mark of a token that is good and gives way to another.
pub(super) fn marked(reply: Reply, found: Option<&Standing>) -> Reply {
    match found.and_then(|standing| standing.token.superseded) {
        Some(superseded) => reply.header("Deprecation", deprecated(superseded)),
        None => reply,
    }
}

/// What whoever asks wants of a token: all of these, each perhaps several parted by `|` of which one will do. Nothing where
/// they don't say.
pub(super) fn wanted<'a>(require: Option<impl Iterator<Item = &'a str>>) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    let Some(require) = require else { return Ok(wanted) };
    for text in require {
        wanted.require(text)?;
    }
    if wanted == Wanted::default() {
        return Err(Refusal::invalid("require", "at least one privilege"));
    }
    Ok(wanted)
}

/// What whoever asks says of the request that a token came with (RFC 7662, 2.1 lets them): its limits are judged by
/// that. They are asked about by a service, so nothing is taken from where the question itself came from.
pub(super) struct Context<'a> {
    /// The client's address.
    pub(super) address: Option<&'a str>,
    /// The method.
    pub(super) method: Option<&'a str>,
    /// The host, perhaps with its port.
    pub(super) host: Option<&'a str>,
    /// The path; a query after it is passed over.
    pub(super) path: Option<&'a str>,
}

impl<'a> Context<'a> {
    /// Reads it.
    pub(super) fn facts(self) -> Result<Facts<'a>, Refusal> {
        let Context { address, method, host, path } = self;
        let address = address.map(str::parse::<IpAddr>).transpose();
        let address = address.map_err(|_| Refusal::invalid("address", "an IP address"))?;
        if path.is_some_and(|path| !path.starts_with('/')) {
            return Err(Refusal::invalid("path", "begins with a slash"));
        }
        let path = path.and_then(|path| path.split('?').next());
        Ok(Facts { address: address.map(|it| it.to_canonical()), asked: Asked { method, host, path } })
    }
}

/// What is known of a usable token.
#[derive(Serialize, ToSchema)]
pub(super) struct Introspection<'a> {
    /// Whether it is usable now; where it isn't, nothing else stands here.
    active: bool,
    /// Its privileges now, parted by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// Its owner's username.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// Seconds since 1970, absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// Its owner's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// Its organization's slug: what it is good for belongs there.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    /// The public URL of this jeton.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Its organization's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    /// Seconds since 1970: since then another token has its place, and it is good for a while; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_at: Option<i64>,
}

impl<'a> Introspection<'a> {
    const INACTIVE: Self = Self {
        active: false,
        scope: None,
        client_id: None,
        username: None,
        token_type: None,
        exp: None,
        iat: None,
        nbf: None,
        sub: None,
        aud: None,
        iss: None,
        jti: None,
        organization: None,
        superseded_at: None,
    };

    /// Of what a token turned out to be; nothing of one that isn't usable.
    pub(super) fn of(found: Option<&'a Standing>, issuer: &'a str) -> Self {
        let Some(Standing { token, account, privileges, .. }) = found else { return Self::INACTIVE };
        let not_before = token.limits.not_before.unwrap_or(token.created_at);
        Self {
            active: true,
            scope: Some(privileges.to_string()),
            client_id: Some(token.id.to_string()),
            username: Some(&account.user.username),
            token_type: Some("Bearer"),
            exp: token.expires_at.map(Instant::seconds),
            iat: Some(token.created_at.seconds()),
            nbf: Some(not_before.seconds()),
            sub: Some(token.owner.to_string()),
            aud: Some(&account.organization.slug),
            iss: Some(issuer),
            jti: Some(token.id.to_string()),
            organization: Some(&account.organization.slug),
            superseded_at: token.superseded.map(|superseded| superseded.at.seconds()),
        }
    }
}
