//! Tokens on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limits::{CreateLimits, LimitsObject};
use crate::{
    core::{
        id::OfToken,
        lifetime::{Lifetime, policy_duration, show},
        minting::Wish,
        privilege::Privileges,
        refusal::Refusal,
        rotation::Mode,
        text,
        time::Instant,
        token::hint,
        uses::LastUse,
    },
    http::body::object,
    service::{
        change::{Change, Labels},
        issue::IssueRequest,
        list::TokenView,
        rotate::RotateRequest,
    },
};

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct CreateToken {
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
    /// Where, for what, when and how often it is to be good; absent for what the token that mints it is limited to.
    #[serde(default, deserialize_with = "object")]
    limits: Option<CreateLimits>,
    /// A restricted token reads and revokes itself at jeton and nothing more.
    restricted: Option<bool>,
    /// Whether it is to be good only while the token that mints it is; absent for what holds of that one.
    tied: Option<bool>,
    /// After how long without use it is to be disabled: `30d`, `12h`, `90m`, `3600s`, `52w`; absent leaves it to the
    /// organization's policy, or to the token that mints it.
    max_idle: Option<String>,
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
                limits: body.limits.unwrap_or_default().try_into()?,
                outlives: false,
                restricted: body.restricted.unwrap_or_default(),
                tied: body.tied,
                max_idle: body.max_idle.map(|text| policy_duration("max_idle", &text)).transpose()?,
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
pub(in crate::http::native) struct RelabelToken {
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
        Ok(Self::Relabel(Labels {
            name: body.name.map(|name| text::name("name", &name)).transpose()?,
            description: body.description.map(description).transpose()?,
            icon: body.icon.map(|icon| text::line("icon", &icon, text::ICON)).transpose()?,
            modules: body.modules.map(module_names).transpose()?,
        }))
    }
}

/// How a token is to be rotated.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct RotateToken {
    /// `on_first_use`: the token gives way when its successor is used for the first time, and not at all where it isn't
    /// used within the window. `overlap`: both are good for the window. `now`: the token is dead at once. Absent for the
    /// first.
    mode: Option<String>,
    /// How long the successor waits for its first use, or both are good: 1s to 30d; absent for `24h`.
    window: Option<String>,
    /// How long the token is good after that use: 0s to 7d; absent for `5m`.
    linger: Option<String>,
    /// What the successor is to hold of what the token holds; absent for all of it.
    privileges: Option<Vec<String>>,
}

impl TryFrom<RotateToken> for RotateRequest {
    type Error = Refusal;

    fn try_from(body: RotateToken) -> Result<Self, Refusal> {
        let RotateToken { mode, window, linger, privileges } = body;
        Ok(Self {
            mode: Mode::parse(mode.as_deref(), window.as_deref(), linger.as_deref())?,
            privileges: privileges.map(|list| Privileges::parse(&list)).transpose()?,
        })
    }
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(in crate::http::native) struct TokenObject {
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
    limits: LimitsObject,
    /// The token that minted it; `null` where none did.
    parent: Option<String>,
    /// Whether it is good only while that one is, or what has replaced that one.
    tied: bool,
    /// After how long without use it is disabled, such as `30d`; `null` leaves it to the policy.
    max_idle: Option<String>,
    /// When it is disabled if nobody uses it until then, by its own word or the policy's; not before that was announced.
    /// `null` where it isn't.
    idle_until: Option<String>,
    /// The token that it has replaced, or waits to replace.
    replaces: Option<String>,
    /// Until when it waits for the first use that makes it replace the other; `null` where it doesn't wait.
    waits_until: Option<String>,
    /// The token that has replaced it.
    superseded_by: Option<String>,
    /// Since when; it may be good beside that one for a while.
    superseded_at: Option<String>,
    /// `active`, `expired`, `disabled` or `deleted`.
    status: &'static str,
    /// Why it has it, where nobody said so: `idle`, `leak` or `undone`; else empty.
    cause: &'static str,
    /// RFC 3339, as all times here.
    created_at: String,
    updated_at: String,
    /// `null` for never.
    expires_at: Option<String>,
    /// How often it has changed: its version, which an ETag begins with.
    change_sequence: u32,
    /// `null` for never.
    last_used_at: Option<String>,
    /// From which address then; `null` for never and over a Unix socket.
    last_used_address: Option<String>,
    /// By which `User-Agent` then, cut short; `null` where there was none.
    last_used_agent: Option<String>,
    /// How often it was used and for what it minted, where a limit counts that; else `null`.
    used: Option<u64>,
    /// How the token begins, with nothing of its secret.
    hint: String,
}

impl TokenObject {
    pub(in crate::http::native) fn new(view: TokenView, now: Instant) -> Self {
        let idle_until = view.idle_until(now).map(|at| at.to_string());
        let TokenView { token, owner, organization, last_use, used, .. } = view;
        let (last_used_at, last_used_address, last_used_agent) = match last_use {
            None => (None, None, None),
            Some(LastUse { at, address, agent }) => (Some(at.to_string()), address, agent),
        };
        Self {
            id: token.id.to_string(),
            number: token.number.show::<OfToken>(),
            status: token.shown_status(now),
            cause: token.cause.as_str(),
            created_at: token.created_at.to_string(),
            updated_at: token.updated_at.to_string(),
            expires_at: token.expires_at.map(|at| at.to_string()),
            change_sequence: token.change_sequence,
            last_used_at,
            last_used_address,
            last_used_agent,
            used,
            hint: hint(token.id),
            limits: LimitsObject::from(&token.limits),
            name: token.name,
            description: token.description,
            icon: token.icon,
            owner: owner.username.clone(),
            organization: organization.slug.clone(),
            privileges: token.privileges.iter().map(ToString::to_string).collect(),
            modules: token.modules,
            restricted: token.restricted,
            parent: token.minted_by.token().map(|id| id.to_string()),
            tied: token.tied,
            max_idle: token.max_idle.map(show),
            idle_until,
            replaces: token.replaces.map(|id| id.to_string()),
            waits_until: token.waiting.map(|waiting| waiting.until.to_string()),
            superseded_by: token.superseded.map(|superseded| superseded.by.to_string()),
            superseded_at: token.superseded.map(|superseded| superseded.at.to_string()),
        }
    }
}

/// A token that was just made, the one time with its secret. Its `Debug` isn't derived for that reason.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct CreatedToken<'a> {
    #[serde(flatten)]
    pub(in crate::http::native) object: TokenObject,
    /// The token itself: shown here and never again.
    pub(in crate::http::native) token: &'a str,
}
