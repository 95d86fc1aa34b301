//! Members of an organization on the wire.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::users::role;
use crate::{
    core::{privilege::Privileges, refusal::Refusal, user::Role},
    service::members::{MemberUpdate, MemberView, NewMember},
};

/// A user to be put into an organization.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct AddMember {
    /// By username or id.
    user: String,
    /// `administrator` or `member`, the default.
    role: Option<String>,
    /// Whether to issue tokens there; absent leaves it to the organization's policy.
    may_issue: Option<bool>,
    /// What to hold there, out of what the organization has.
    privileges: Option<Vec<String>>,
}

impl TryFrom<AddMember> for NewMember {
    type Error = Refusal;

    fn try_from(body: AddMember) -> Result<Self, Refusal> {
        Ok(Self {
            user: body.user,
            role: body.role.as_deref().map_or(Ok(Role::Member), role)?,
            may_issue: body.may_issue,
            privileges: Privileges::parse(&body.privileges.unwrap_or_default())?,
        })
    }
}

/// What to change of a member; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct ChangeMember {
    /// `administrator` or `member`.
    role: Option<String>,
    /// Whether to issue tokens there; `null` leaves it to the organization's policy.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<bool>)]
    #[allow(clippy::option_option, reason = "`null` is another wish than nothing said")]
    may_issue: Option<Option<bool>>,
    /// What to hold there, in the place of what was granted.
    privileges: Option<Vec<String>>,
}

/// Tells `null`, which is said, from a field that isn't there.
#[allow(clippy::option_option, reason = "as its field has it")]
fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<bool>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl TryFrom<ChangeMember> for MemberUpdate {
    type Error = Refusal;

    fn try_from(body: ChangeMember) -> Result<Self, Refusal> {
        Ok(Self {
            role: body.role.as_deref().map(role).transpose()?,
            may_issue: body.may_issue,
            privileges: body.privileges.map(|list| Privileges::parse(&list)).transpose()?,
        })
    }
}

/// A member of an organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(in crate::http::native) struct MemberObject {
    /// The username.
    user: String,
    /// A UUIDv7.
    user_id: String,
    /// The organization's slug.
    organization: String,
    /// `administrator` or `member`.
    role: &'static str,
    /// `null` leaves it to the organization's policy.
    may_issue: Option<bool>,
    /// What was granted; what comes by role isn't listed.
    privileges: Vec<String>,
    /// Whether the user is enabled.
    active: bool,
    /// When the user became a member.
    created_at: String,
}

impl From<MemberView> for MemberObject {
    fn from(view: MemberView) -> Self {
        let MemberView { user, organization, membership } = view;
        Self {
            user: user.username,
            user_id: user.id.to_string(),
            organization,
            role: membership.role.as_str(),
            may_issue: membership.may_issue,
            privileges: membership.privileges.iter().map(ToString::to_string).collect(),
            active: user.active,
            created_at: membership.created_at.to_string(),
        }
    }
}
