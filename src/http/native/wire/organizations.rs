//! Organizations on the wire: their labels, policy and privileges.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        id::OfOrganization,
        lifetime::{policy_duration, show},
        organization::{Issuers, LARGEST_QUOTA, OnLeak, Policy, PolicyChange, slug},
        privilege::{Privilege, Privileges},
        refusal::Refusal,
        text,
    },
    http::body::object,
    service::organizations::{NewOrganization, OrganizationChange, OrganizationView},
};

/// An organization to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct CreateOrganization {
    /// `[a-z0-9][a-z0-9-]{0,62}`, no id's form: unique, and never another.
    slug: String,
    /// A name for people, 1 to 200 characters; absent for the slug.
    name: Option<String>,
    /// More words for people.
    description: Option<String>,
    /// A URL of a picture.
    image: Option<String>,
    /// An active user, by username or id, who becomes its administrator.
    owner: Option<String>,
    /// What is to exist in it, `domain:action` each; absent for `*:*`.
    privileges: Option<Vec<String>>,
    /// What isn't to be the default.
    #[serde(default, deserialize_with = "object")]
    policy: Option<ChangePolicy>,
}

impl TryFrom<CreateOrganization> for NewOrganization {
    type Error = Refusal;

    fn try_from(body: CreateOrganization) -> Result<Self, Refusal> {
        let slug = slug(&body.slug)?;
        Ok(Self {
            name: body.name.map_or(Ok(slug.clone()), |name| text::name("name", &name))?,
            slug,
            description: description(&body.description.unwrap_or_default())?,
            image: image(&body.image.unwrap_or_default())?,
            owner: body.owner,
            privileges: body
                .privileges
                .map_or_else(|| Ok(Privileges::everything()), |list| existing(&list))?,
            policy: body.policy.unwrap_or_default().within("policy.")?,
        })
    }
}

fn description(text: &str) -> Result<String, Refusal> {
    text::lines("description", text, text::DESCRIPTION)
}

fn image(text: &str) -> Result<String, Refusal> {
    text::line("image", text, text::ICON)
}

/// Reads privileges that are to exist in an organization. Those of jeton itself are in each, by role.
fn existing(list: &[String]) -> Result<Privileges, Refusal> {
    let privileges = Privileges::parse(list)?;
    if privileges.iter().any(Privilege::is_reserved) {
        return Err(Refusal::invalid(
            "privileges",
            "the domain jeton is reserved: its privileges go by role",
        ));
    }
    Ok(privileges)
}

/// What to change of an organization; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct ChangeOrganization {
    /// A new name.
    name: Option<String>,
    /// A new description.
    description: Option<String>,
    /// A new picture.
    image: Option<String>,
    /// A new owner, by username or id, out of its administrators.
    owner: Option<String>,
    /// A new policy, for what is minted from now on.
    #[serde(default, deserialize_with = "object")]
    policy: Option<ChangePolicy>,
}

impl TryFrom<ChangeOrganization> for OrganizationChange {
    type Error = Refusal;

    fn try_from(body: ChangeOrganization) -> Result<Self, Refusal> {
        Ok(Self::Update {
            name: body.name.map(|name| text::name("name", &name)).transpose()?,
            description: body.description.as_deref().map(description).transpose()?,
            image: body.image.as_deref().map(image).transpose()?,
            owner: body.owner,
            policy: body.policy.unwrap_or_default().within("policy.")?,
        })
    }
}

/// What to change of a policy; what is absent stays. It governs what is minted from then on, except `api_access`, which
/// stops and starts every token at once.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct ChangePolicy {
    /// Off: nothing is minted and every token fails every check; on brings them back.
    api_access: Option<bool>,
    /// Who may issue, single users apart: `admins` or `members`.
    issuers: Option<String>,
    /// Longest life of a token: `30d`, `12h`, `90m`, `3600s`, `52w`; from 1s to 36525d.
    max_lifetime: Option<String>,
    /// Life of a token that names none, in the same form; cut to the longest when it is used.
    default_lifetime: Option<String>,
    /// Whether a token may live for good.
    allow_never: Option<bool>,
    /// How many live tokens a user may have in it: 0 to 10,000,000.
    quota: Option<u32>,
    /// After how long without use a token is disabled, in the form of a lifetime; `never` for as long as one likes. What
    /// is unused for twice as long is deleted. Each is announced before: a quarter of that time, at most 7 days. It holds
    /// for tokens that there are already.
    max_idle: Option<String>,
    /// What becomes of a token that was found where others can read it: `record`, `disable` or `delete`.
    on_leak: Option<String>,
}

impl ChangePolicy {
    /// Reads it; `place` is what stands before its fields' names in the document, `policy.` say.
    fn within(self, place: &'static str) -> Result<PolicyChange, Refusal> {
        let field = |name: &str| format!("{place}{name}");
        let duration = |name: &str, text: Option<String>| {
            text.map(|text| policy_duration(field(name), &text)).transpose()
        };
        let issuers = |word: String| {
            Issuers::from_stored(&word).ok_or_else(|| Refusal::invalid(field("issuers"), "admins or members"))
        };
        let on_leak = |word: &str| {
            OnLeak::from_stored(word)
                .ok_or_else(|| Refusal::invalid(field("on_leak"), "record, disable or delete"))
        };
        if self.quota.is_some_and(|quota| quota > LARGEST_QUOTA) {
            return Err(Refusal::invalid(field("quota"), format!("0 to {LARGEST_QUOTA}")));
        }
        Ok(PolicyChange {
            api_access: self.api_access,
            issuers: self.issuers.map(issuers).transpose()?,
            max_lifetime: duration("max_lifetime", self.max_lifetime)?,
            default_lifetime: duration("default_lifetime", self.default_lifetime)?,
            allow_never: self.allow_never,
            quota: self.quota,
            max_idle: match self.max_idle.as_deref() {
                Some("never") => Some(None),
                other => duration("max_idle", other.map(str::to_owned))?.map(Some),
            },
            on_leak: self.on_leak.as_deref().map(on_leak).transpose()?,
        })
    }
}

impl TryFrom<ChangePolicy> for OrganizationChange {
    type Error = Refusal;

    fn try_from(body: ChangePolicy) -> Result<Self, Refusal> {
        let policy = body.within("")?;
        Ok(Self::Update { name: None, description: None, image: None, owner: None, policy })
    }
}

/// A privilege that is to exist in an organization.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct AddPrivilege {
    /// `domain:action`.
    privilege: String,
}

impl TryFrom<AddPrivilege> for OrganizationChange {
    type Error = Refusal;

    fn try_from(body: AddPrivilege) -> Result<Self, Refusal> {
        existing(std::slice::from_ref(&body.privilege))?;
        Ok(Self::AddPrivilege(body.privilege.parse()?))
    }
}

/// The privileges that exist in an organization.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct PrivilegeList {
    /// `domain:action` each.
    privileges: Vec<String>,
}

impl PrivilegeList {
    pub(in crate::http::native) fn new(privileges: &Privileges) -> Self {
        Self { privileges: privileges.iter().map(ToString::to_string).collect() }
    }
}

impl TryFrom<PrivilegeList> for OrganizationChange {
    type Error = Refusal;

    fn try_from(body: PrivilegeList) -> Result<Self, Refusal> {
        Ok(Self::SetPrivileges(existing(&body.privileges)?))
    }
}

/// What tokens an organization allows.
#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
pub(in crate::http::native) struct PolicyObject {
    /// Off: nothing is minted and every token fails every check.
    api_access: bool,
    /// Who may issue, single users apart: `admins` or `members`.
    issuers: &'static str,
    /// Longest life of a token, such as `366d`.
    max_lifetime: String,
    /// Life of a token that names none; cut to the longest when it is used.
    default_lifetime: String,
    /// Whether a token may live for good.
    allow_never: bool,
    /// How many live tokens a user may have in it.
    quota: u32,
    /// After how long without use a token is disabled; `null` for never.
    max_idle: Option<String>,
    /// What becomes of a token that was found where others can read it.
    on_leak: &'static str,
}

impl From<&Policy> for PolicyObject {
    fn from(policy: &Policy) -> Self {
        Self {
            api_access: policy.api_access,
            issuers: policy.issuers.as_str(),
            max_lifetime: show(policy.max_lifetime),
            default_lifetime: show(policy.default_lifetime),
            allow_never: policy.allow_never,
            quota: policy.quota,
            max_idle: policy.max_idle.map(show),
            on_leak: policy.on_leak.as_str(),
        }
    }
}

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub(in crate::http::native) struct OrganizationObject {
    /// A UUIDv7.
    id: String,
    /// `ACC-dddd-dddd`.
    number: String,
    slug: String,
    name: String,
    description: String,
    image: String,
    /// Its owner's username.
    owner: Option<String>,
    /// Off: its tokens are dead.
    enabled: bool,
    /// What exists in it.
    privileges: Vec<String>,
    policy: PolicyObject,
    created_at: String,
    updated_at: String,
    /// How often it has changed: its version, which an ETag begins with.
    change_sequence: u32,
}

impl From<OrganizationView> for OrganizationObject {
    fn from(view: OrganizationView) -> Self {
        let OrganizationView { organization, owner } = view;
        Self {
            id: organization.id.to_string(),
            number: organization.number.show::<OfOrganization>(),
            policy: PolicyObject::from(&organization.policy),
            privileges: organization.privileges.iter().map(ToString::to_string).collect(),
            created_at: organization.created_at.to_string(),
            updated_at: organization.updated_at.to_string(),
            slug: organization.slug,
            name: organization.name,
            description: organization.description,
            image: organization.image,
            owner,
            enabled: organization.enabled,
            change_sequence: organization.change_sequence,
        }
    }
}

/// A page of organizations, by slug.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct OrganizationPage {
    pub(in crate::http::native) items: Vec<OrganizationObject>,
    /// Where the next page goes on; `null` on the last.
    pub(in crate::http::native) next_cursor: Option<String>,
}
