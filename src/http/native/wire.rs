//! What stands in our own API's JSON, and how it becomes what the use cases take.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        decision::Account,
        id::{OfOrganization, OfToken},
        lifetime::Lifetime,
        minting::Wish,
        privilege::Privileges,
        refusal::Refusal,
        secret::SecretText,
        text,
        time::Instant,
        token::hint,
        user::{self, Role},
    },
    service::{change::Change, issue::IssueRequest, list::TokenView, people::NewUser},
};

/// A refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// The status's reason phrase.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence on what is wrong and what would be right.
    detail: String,
    /// The stable word for it.
    code: &'static str,
    /// The field that is wrong, where one is.
    field: Option<String>,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateToken {
    /// A name for people, 1 to 200 characters.
    name: String,
    /// More words for people.
    description: Option<String>,
    /// A URL of a picture.
    icon: Option<String>,
    /// `30d`, `12h`, `90m`, `3600s`, `52w`, `never` or an RFC 3339 instant; absent for the organization's default.
    lifetime: Option<String>,
    /// An RFC 3339 instant; not together with `lifetime`.
    expires_at: Option<String>,
    /// `domain:action` each; absent for all that the credential holds, `[]` for none.
    privileges: Option<Vec<String>>,
    /// Modules of the organization, by number or id.
    modules: Option<Vec<String>>,
    /// A restricted token reads and revokes itself at jeton and nothing more.
    restricted: Option<bool>,
    /// By slug or any id; absent for the token's own or the user's home.
    organization: Option<String>,
    /// By username: for the local operator, who names the user the token is for.
    owner: Option<String>,
}

impl TryFrom<CreateToken> for IssueRequest {
    type Error = Refusal;

    fn try_from(body: CreateToken) -> Result<Self, Refusal> {
        let (lifetime, lifetime_field) = match (body.lifetime, body.expires_at) {
            (None, None) => (Lifetime::Default, "lifetime"),
            (Some(text), None) => (Lifetime::parse("lifetime", &text)?, "lifetime"),
            (None, Some(text)) => {
                let instant = Instant::parse(&text);
                let instant = instant.ok_or_else(|| Refusal::invalid("expires_at", "an RFC 3339 instant"))?;
                (Lifetime::Until(instant), "expires_at")
            }
            (Some(_), Some(_)) => return Err(Refusal::invalid("expires_at", "not together with lifetime")),
        };
        Ok(Self {
            name: text::name("name", &body.name)?,
            description: text::lines(
                "description",
                &body.description.unwrap_or_default(),
                text::DESCRIPTION,
            )?,
            icon: text::line("icon", &body.icon.unwrap_or_default(), text::ICON)?,
            wish: Wish {
                lifetime,
                lifetime_field,
                privileges: body.privileges.map(|list| Privileges::parse(&list)).transpose()?,
                modules: body.modules.map(module_names).transpose()?,
                restricted: body.restricted.unwrap_or_default(),
            },
            organization: body.organization,
            owner: body.owner,
        })
    }
}

/// Modules that one request may name.
const MOST_MODULES: usize = 100;

fn module_names(names: Vec<String>) -> Result<Vec<String>, Refusal> {
    if names.len() > MOST_MODULES {
        return Err(Refusal::invalid("modules", format!("at most {MOST_MODULES}")));
    }
    Ok(names)
}

/// What to change of a token; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RelabelToken {
    /// A new name.
    name: Option<String>,
    /// A new description.
    description: Option<String>,
    /// A new icon.
    icon: Option<String>,
    /// Those of its modules that stay: they only narrow.
    modules: Option<Vec<String>>,
}

impl TryFrom<RelabelToken> for Change {
    type Error = Refusal;

    fn try_from(body: RelabelToken) -> Result<Self, Refusal> {
        let description = |text: String| text::lines("description", &text, text::DESCRIPTION);
        Ok(Self::Relabel {
            name: body.name.map(|name| text::name("name", &name)).transpose()?,
            description: body.description.map(description).transpose()?,
            icon: body.icon.map(|icon| text::line("icon", &icon, text::ICON)).transpose()?,
            modules: body.modules.map(module_names).transpose()?,
        })
    }
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenObject {
    /// A UUIDv7.
    id: String,
    /// `TKN-dddd-dddd`.
    number: String,
    name: String,
    description: String,
    icon: String,
    /// Its owner's username.
    owner: String,
    /// Its organization's slug.
    organization: String,
    /// What it was given; each check cuts this to what its owner still holds.
    privileges: Vec<String>,
    modules: Vec<String>,
    restricted: bool,
    /// `active`, `expired`, `disabled` or `deleted`.
    status: &'static str,
    /// RFC 3339, as all times here.
    created_at: String,
    updated_at: String,
    /// `null` for never.
    expires_at: Option<String>,
    /// How often it has changed: its ETag.
    change_sequence: u32,
    /// `null` for never.
    last_used_at: Option<String>,
    /// How the token begins, with nothing of its secret.
    hint: String,
}

impl TokenObject {
    pub(super) fn new(view: TokenView, now: Instant) -> Self {
        let TokenView { token, owner, organization, last_used_at } = view;
        Self {
            id: token.id.to_string(),
            number: token.number.show::<OfToken>(),
            status: token.shown_status(now),
            created_at: token.created_at.to_string(),
            updated_at: token.updated_at.to_string(),
            expires_at: token.expires_at.map(|at| at.to_string()),
            change_sequence: token.change_sequence,
            last_used_at: last_used_at.map(|at| at.to_string()),
            hint: hint(token.id),
            name: token.name,
            description: token.description,
            icon: token.icon,
            owner,
            organization,
            privileges: token.privileges.iter().map(ToString::to_string).collect(),
            modules: token.modules,
            restricted: token.restricted,
        }
    }
}

/// A token that was just made, the one time with its secret. Its `Debug` isn't derived for that reason.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedToken<'a> {
    #[serde(flatten)]
    pub(super) object: TokenObject,
    /// The token itself: shown here and never again.
    pub(super) token: &'a str,
}

/// A page of tokens, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenPage {
    pub(super) items: Vec<TokenObject>,
    /// Where the next page goes on; `null` on the last.
    pub(super) next_cursor: Option<String>,
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
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
    /// The home, by slug or any id; absent for `default`.
    organization: Option<String>,
}

impl TryFrom<CreateUser> for NewUser {
    type Error = Refusal;

    fn try_from(body: CreateUser) -> Result<Self, Refusal> {
        let personal =
            |field, text: Option<String>| text::line(field, &text.unwrap_or_default(), text::PERSONAL);
        let role = body.role.as_deref().map_or(Some(Role::Member), Role::from_stored);
        Ok(Self {
            username: user::username(&body.username)?,
            password: body.password.0,
            email: body.email.map(|email| user::email(&email)).transpose()?.unwrap_or_default(),
            first_name: personal("first_name", body.first_name)?,
            last_name: personal("last_name", body.last_name)?,
            title: personal("title", body.title)?,
            image: text::line("image", &body.image.unwrap_or_default(), text::ICON)?,
            operator: body.operator.unwrap_or_default(),
            role: role.ok_or_else(|| Refusal::invalid("role", "administrator or member"))?,
            may_issue: body.may_issue,
            privileges: Privileges::parse(&body.privileges.unwrap_or_default())?,
            organization: body.organization,
        })
    }
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// At least 15 characters, at most 256 bytes, not a common one.
    pub(super) password: SecretField,
}

/// A string that is wiped when it goes.
#[derive(ToSchema)]
#[schema(value_type = String)]
pub(super) struct SecretField(pub(super) SecretText);

impl<'de> Deserialize<'de> for SecretField {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(SecretText::new).map(Self)
    }
}

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserObject {
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
    /// The home organization's slug.
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

/// A page of users, in the order they were made.
#[derive(Serialize, ToSchema)]
pub(super) struct UserPage {
    pub(super) items: Vec<UserObject>,
    /// Where the next page goes on; `null` on the last.
    pub(super) next_cursor: Option<String>,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// `token`, `password` or `local` (the operator at the machine's command line).
    pub(super) credential: &'static str,
    /// The user acted as; `null` for the local operator.
    pub(super) user: Option<UserObject>,
    /// The organization acted in; `null` for the local operator.
    pub(super) organization: Option<OrganizationObject>,
    /// The token presented, where one was.
    pub(super) token: Option<TokenObject>,
    /// What this credential may be used for now.
    pub(super) privileges: Vec<String>,
}

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub(super) struct OrganizationObject {
    /// A UUIDv7.
    id: String,
    /// `ACC-dddd-dddd`.
    number: String,
    slug: String,
    name: String,
    description: String,
}

impl From<&Account> for OrganizationObject {
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
