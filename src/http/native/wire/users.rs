//! Users on the wire, and who asks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TokenObject;
use crate::{
    core::{
        decision::Account,
        id::OfOrganization,
        privilege::Privileges,
        refusal::Refusal,
        secret::SecretText,
        text,
        user::{self, Role},
    },
    service::{
        accounts::{AccountChange, UserUpdate},
        people::NewUser,
    },
};

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct CreateUser {
    /// `[a-z0-9][a-z0-9._@-]{0,63}`.
    username: String,
    /// At least 15 characters, at most 256 bytes, not a common one.
    password: SecretField,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    /// A job title.
    title: Option<String>,
    /// A URL of a picture.
    image: Option<String>,
    /// Whether to operate the whole instance.
    operator: Option<bool>,
    /// `administrator` or `member`, the default, of the organization.
    role: Option<String>,
    /// Whether to issue tokens there; absent leaves it to the organization's policy.
    may_issue: Option<bool>,
    /// What to hold there, out of what the organization has.
    privileges: Option<Vec<String>>,
    /// The home, by slug or any id; absent for the caller's own, which is `default` for the local operator.
    organization: Option<String>,
}

impl TryFrom<CreateUser> for NewUser {
    type Error = Refusal;

    fn try_from(body: CreateUser) -> Result<Self, Refusal> {
        let personal =
            |field, text: Option<String>| text::line(field, &text.unwrap_or_default(), text::PERSONAL);
        Ok(Self {
            username: user::username(&body.username)?,
            password: body.password.0,
            email: body.email.map(|email| user::email(&email)).transpose()?.unwrap_or_default(),
            first_name: personal("first_name", body.first_name)?,
            last_name: personal("last_name", body.last_name)?,
            title: personal("title", body.title)?,
            image: text::line("image", &body.image.unwrap_or_default(), text::ICON)?,
            operator: body.operator.unwrap_or_default(),
            role: body.role.as_deref().map_or(Ok(Role::Member), role)?,
            may_issue: body.may_issue,
            privileges: Privileges::parse(&body.privileges.unwrap_or_default())?,
            organization: body.organization,
        })
    }
}

/// Reads a role.
pub(super) fn role(text: &str) -> Result<Role, Refusal> {
    Role::from_stored(text).ok_or_else(|| Refusal::invalid("role", "administrator or member"))
}

/// What to change of a user; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct ChangeUser {
    /// Empty for none.
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    /// A job title.
    title: Option<String>,
    /// A URL of a picture.
    image: Option<String>,
    /// Whether to operate the whole instance: for an operator to say.
    operator: Option<bool>,
    /// A new home, by slug or any id, out of the organizations that the user is in: for an operator to say.
    organization: Option<String>,
}

impl TryFrom<ChangeUser> for AccountChange {
    type Error = Refusal;

    fn try_from(body: ChangeUser) -> Result<Self, Refusal> {
        let personal = |field, text: Option<String>| {
            text.map(|text| text::line(field, &text, text::PERSONAL)).transpose()
        };
        let email = |text: String| if text.is_empty() { Ok(text) } else { user::email(&text) };
        Ok(Self::Update(UserUpdate {
            email: body.email.map(email).transpose()?,
            first_name: personal("first_name", body.first_name)?,
            last_name: personal("last_name", body.last_name)?,
            title: personal("title", body.title)?,
            image: body.image.map(|image| text::line("image", &image, text::ICON)).transpose()?,
            operator: body.operator,
            organization: body.organization,
        }))
    }
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct NewPassword {
    /// At least 15 characters, at most 256 bytes, not a common one.
    pub(in crate::http::native) password: SecretField,
}

/// A string that is wiped when it goes.
#[derive(ToSchema)]
#[schema(value_type = String)]
pub(in crate::http::native) struct SecretField(pub(in crate::http::native) SecretText);

impl<'de> Deserialize<'de> for SecretField {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(SecretText::new).map(Self)
    }
}

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::http::native) struct UserObject {
    /// A UUIDv7.
    id: String,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    title: String,
    image: String,
    active: bool,
    operator: bool,
    /// The home organization's slug; to an administrator who doesn't manage that, one that they do.
    organization: String,
    /// In that organization; `null` where the user has left it.
    role: Option<&'static str>,
    may_issue: Option<bool>,
    /// What the user holds there, by grant and by role.
    privileges: Vec<String>,
    created_at: String,
    updated_at: String,
    change_sequence: u32,
}

impl From<&Account> for UserObject {
    fn from(account: &Account) -> Self {
        let user = &account.user;
        Self {
            id: user.id.to_string(),
            username: user.username.clone(),
            email: user.email.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            title: user.title.clone(),
            image: user.image.clone(),
            active: user.active,
            operator: user.operator,
            organization: account.organization.slug.clone(),
            role: account.membership.as_ref().map(|membership| membership.role.as_str()),
            may_issue: account.membership.as_ref().and_then(|membership| membership.may_issue),
            privileges: account.holdings().iter().map(ToString::to_string).collect(),
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
            change_sequence: user.change_sequence,
        }
    }
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct Me {
    /// `token`, `password`, `session` or `local` (the operator at the machine's command line).
    pub(in crate::http::native) credential: &'static str,
    /// The user acted as; `null` for the local operator.
    pub(in crate::http::native) user: Option<UserObject>,
    /// The organization acted in; `null` for the local operator.
    pub(in crate::http::native) organization: Option<MyOrganization>,
    /// The token presented, where one was.
    pub(in crate::http::native) token: Option<TokenObject>,
    /// What this credential may be used for now.
    pub(in crate::http::native) privileges: Vec<String>,
}

/// The organization acted in.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct MyOrganization {
    /// A UUIDv7.
    id: String,
    /// `ACC-dddd-dddd`.
    number: String,
    slug: String,
    name: String,
    description: String,
}

impl From<&Account> for MyOrganization {
    fn from(account: &Account) -> Self {
        let organization = &account.organization;
        Self {
            id: organization.id.to_string(),
            number: organization.number.show::<OfOrganization>(),
            slug: organization.slug.clone(),
            name: organization.name.clone(),
            description: organization.description.clone(),
        }
    }
}
