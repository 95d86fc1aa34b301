//! Being signed in at the page, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    MyOrganization,
    users::{SecretField, UserObject},
};
use crate::{
    core::{decision::Account, id::SessionId, session::Session},
    service::sessions::Begun,
};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct SignIn {
    pub(in crate::http::native) username: String,
    pub(in crate::http::native) password: SecretField,
}

/// Who is signed in, what they may do, and until when.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::http::native) struct SessionObject {
    /// A UUIDv7, which opens nothing.
    id: String,
    user: UserObject,
    /// The home organization.
    organization: Option<MyOrganization>,
    /// What the user holds at home.
    privileges: Vec<String>,
    /// Whether they operate the whole instance.
    operator: bool,
    /// Whether there is anything that they manage: as an operator, or as the administrator of an organization.
    manages: bool,
    /// When the password was given.
    created_at: String,
    /// Until then it counts as just given: what can't be undone needs that.
    recent_until: String,
    /// Until then it is good if nobody does anything, to the minute.
    idle_until: String,
    /// Until then it is good at the most.
    expires_at: String,
}

impl SessionObject {
    pub(in crate::http::native) fn new(session: &Session, account: &Account, manages: bool) -> Self {
        Self {
            id: session.id.to_string(),
            user: UserObject::from(account),
            organization: account.membership.is_some().then(|| MyOrganization::from(account)),
            privileges: account.holdings().iter().map(ToString::to_string).collect(),
            operator: account.user.operator,
            manages,
            created_at: session.created_at.to_string(),
            recent_until: session.recent_until().to_string(),
            idle_until: session.idle_until().to_string(),
            expires_at: session.expires_at().to_string(),
        }
    }
}

/// One of the places where a user is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionRow)]
pub(in crate::http::native) struct SessionRow {
    /// A UUIDv7, which opens nothing.
    id: String,
    username: String,
    /// When the password was given.
    created_at: String,
    /// When it was used last, to the minute.
    seen_at: String,
    /// Until then it is good at the most.
    expires_at: String,
    /// Where it was begun; `null` over a Unix socket.
    address: Option<String>,
    /// What the browser calls itself.
    agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionRow {
    pub(in crate::http::native) fn new(begun: Begun, username: &str, current: Option<SessionId>) -> Self {
        let Begun { session, address, agent } = begun;
        Self {
            id: session.id.to_string(),
            username: username.to_owned(),
            created_at: session.created_at.to_string(),
            seen_at: session.seen_at.to_string(),
            expires_at: session.expires_at().to_string(),
            address,
            agent,
            current: current == Some(session.id),
        }
    }
}

/// Where a user is signed in, the oldest first: twenty at the most.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct SessionList {
    pub(in crate::http::native) items: Vec<SessionRow>,
}
