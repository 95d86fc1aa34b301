//! Access tokens and users on Kodexa's wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        id::{OfUser, Reference},
        lifetime::Lifetime,
        limits::Limits,
        minting::Wish,
        refusal::Refusal,
        text,
        time::Instant,
        token::Token,
        user::{Membership, Role, User},
    },
    service::{issue::IssueRequest, list::TokenView},
};

/// The name of a token that is given none.
const UNNAMED: &str = "Access token";

/// An access token to be made. Keys that the server sets may stand in it and mean nothing.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = KodexaNewAccessToken)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewToken {
    /// `Access token` where there is none.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// `null` for as long as may be.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Nobody but the caller.
    user_id: Option<String>,
}

impl TryFrom<NewToken> for IssueRequest {
    type Error = Refusal;

    fn try_from(body: NewToken) -> Result<Self, Refusal> {
        let lifetime = body.expires_at.as_deref().map(instant).transpose()?;
        let wish = Wish {
            lifetime: lifetime.map_or(Lifetime::NeverOrDefault, Lifetime::Until),
            lifetime_field: "expiresAt",
            privileges: None,
            modules: None,
            limits: Limits::default(),
            outlives: true,
            restricted: false,
            tied: None,
            max_idle: None,
        };
        Ok(Self {
            name: text::name("name", body.name.as_deref().unwrap_or(UNNAMED))?,
            description: String::new(),
            icon: String::new(),
            wish,
            organization: None,
            owner: body.user_id,
        })
    }
}

fn instant(text: &str) -> Result<Instant, Refusal> {
    Instant::parse(text).ok_or_else(|| Refusal::invalid("expiresAt", "an RFC 3339 instant"))
}

/// An access token as it is to be; what is absent or `null` stays. Keys that the server sets mean nothing.
#[derive(Deserialize, ToSchema)]
#[schema(as = KodexaAccessTokenUpdate)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenUpdate {
    /// A new name.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// At which change the token is meant to be; another is refused.
    #[schema(format = Int32)]
    change_sequence: Option<i64>,
    /// What it is: a token's life never changes.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What it is: nor does its owner.
    user_id: Option<String>,
}

impl TokenUpdate {
    /// Refuses to move what never moves.
    pub(super) fn check(&self, token: &Token) -> Result<(), Refusal> {
        if let Some(text) = &self.expires_at
            && token.expires_at != Some(instant(text)?)
        {
            return Err(Refusal::invalid("expiresAt", "never changes: make another token"));
        }
        if let Some(text) = &self.user_id
            && Reference::<OfUser>::parse(text) != Some(Reference::Id(token.owner))
        {
            return Err(Refusal::invalid("userId", "never changes: make another token"));
        }
        Ok(())
    }

    /// The version that it is meant for. No token is ever at the last of them.
    pub(super) fn version(&self) -> Option<u32> {
        self.change_sequence.map(|sequence| u32::try_from(sequence).unwrap_or(u32::MAX))
    }

    /// The new name, if there is one.
    pub(super) fn name(&self) -> Result<Option<String>, Refusal> {
        self.name.as_deref().map(|name| text::name("name", name)).transpose()
    }
}

/// An access token.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaAccessToken)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessToken {
    /// How often it has changed; use doesn't count.
    #[schema(format = Int32)]
    change_sequence: u32,
    #[schema(format = DateTime)]
    created_on: String,
    /// `null` for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// A UUID.
    id: String,
    name: String,
    #[schema(format = DateTime)]
    updated_on: String,
    user: UserObject,
    /// The `id` of `user`.
    user_id: String,
    /// The second UUID: either names the token.
    uuid: String,
}

impl AccessToken {
    /// `membership` is its owner's.
    pub(super) fn new(view: TokenView, membership: Option<&Membership>) -> Self {
        let TokenView { token, owner, .. } = view;
        Self {
            change_sequence: token.change_sequence,
            created_on: token.created_at.to_string(),
            expires_at: token.expires_at.map(|at| at.to_string()),
            id: token.id.to_string(),
            name: token.name,
            updated_on: token.updated_at.to_string(),
            user: UserObject::new(&owner, membership),
            user_id: owner.id.to_string(),
            uuid: token.id.second(),
        }
    }
}

/// An access token that was just made, the one time with its secret. Its `Debug` isn't derived for that reason.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaCreatedAccessToken)]
pub(super) struct CreatedToken<'a> {
    #[serde(flatten)]
    pub(super) object: AccessToken,
    /// The token itself: shown here and never again.
    pub(super) token: &'a str,
}

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaUser)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserObject {
    active: bool,
    bio: &'static str,
    business_group: &'static str,
    #[schema(format = Int32)]
    change_sequence: u32,
    #[schema(format = DateTime)]
    created_on: String,
    /// Empty where none is known.
    email: String,
    first_name: String,
    groups_json: &'static str,
    /// A UUID.
    id: String,
    image: String,
    is_externally_managed: bool,
    last_name: String,
    preferences: Preferences,
    roles: Roles,
    /// The same roles, as the text of a JSON list.
    roles_json: String,
    /// The username and the names.
    search_text: String,
    show_developer_tools: bool,
    title: String,
    #[schema(format = DateTime)]
    updated_on: String,
    user_storage: UserStorage,
    user_type: &'static str,
    /// The second UUID.
    uuid: String,
}

/// What a page shows to its user.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaPreferences)]
#[serde(rename_all = "camelCase")]
struct Preferences {
    show_onboarding: bool,
    show_scrollbars: bool,
    show_welcome_message: bool,
}

/// What a user is.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaRoles)]
struct Roles {
    /// `ADMINISTRATOR` or `MEMBER` of the organization, and `OPERATOR` of the instance.
    roles: Vec<&'static str>,
}

/// What a user has put aside.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaUserStorage)]
#[serde(rename_all = "camelCase")]
struct UserStorage {
    favorite_links: Vec<FavoriteLink>,
}

/// A link to a page.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaFavoriteLink)]
struct FavoriteLink {
    link: String,
}

impl UserObject {
    pub(super) fn new(user: &User, membership: Option<&Membership>) -> Self {
        let role = membership.map(|membership| match membership.role {
            Role::Administrator => "ADMINISTRATOR",
            Role::Member => "MEMBER",
        });
        let roles: Vec<_> = role.into_iter().chain(user.operator.then_some("OPERATOR")).collect();
        let names = [&user.username, &user.first_name, &user.last_name].map(String::as_str);
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        Self {
            active: user.active,
            bio: "",
            business_group: "",
            change_sequence: user.change_sequence,
            created_on: user.created_at.to_string(),
            email: user.email.clone(),
            first_name: user.first_name.clone(),
            groups_json: "[]",
            id: user.id.to_string(),
            image: user.image.clone(),
            is_externally_managed: false,
            last_name: user.last_name.clone(),
            preferences: Preferences {
                show_onboarding: false,
                show_scrollbars: true,
                show_welcome_message: false,
            },
            roles_json: serde_json::json!(roles).to_string(),
            roles: Roles { roles },
            search_text: names.join(" "),
            show_developer_tools: false,
            title: user.title.clone(),
            updated_on: user.updated_at.to_string(),
            user_storage: UserStorage { favorite_links: Vec::new() },
            user_type: "USER",
            uuid: user.id.second(),
        }
    }
}

/// What serves this API.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaOverview)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overview {
    name: &'static str,
    description: &'static str,
    environment: &'static str,
    /// Of jeton.
    version: &'static str,
    release: &'static str,
    extension_packs: Vec<ExtensionPack>,
}

/// What could be installed beside it.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaExtensionPack)]
struct ExtensionPack {
    #[serde(rename = "ref")]
    reference: String,
}

impl Overview {
    pub(super) const fn new() -> Self {
        Self {
            name: "jeton",
            description: "jeton serves this API's access tokens",
            environment: "jeton",
            version: env!("CARGO_PKG_VERSION"),
            release: env!("CARGO_PKG_VERSION"),
            extension_packs: Vec::new(),
        }
    }
}
