//! Tokens on this vendor's wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::select::Selection;
use crate::{
    core::{
        id::{Kind as _, OfOrganization, OfToken},
        lifetime::Lifetime,
        limits::Limits,
        minting::Wish,
        number::Number,
        organization::{MOST_MODULES, Module, Organization, module_number},
        refusal::Refusal,
        text,
        time::Instant,
        token::Token,
    },
    http::body::object,
    service::{
        change::{Change, Labels},
        issue::IssueRequest,
        list::TokenView,
    },
};

/// Something that is named by its id; what else stands beside it is ignored.
#[derive(Deserialize, ToSchema)]
#[schema(as = SoftwareoneReference)]
pub(super) struct Named {
    id: Option<String>,
}

/// One of a list of them.
#[derive(Deserialize, ToSchema)]
#[schema(as = SoftwareoneReferenceItem, value_type = Named)]
#[serde(transparent)]
pub(super) struct Item(#[serde(deserialize_with = "object")] Option<Named>);

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = SoftwareoneNewToken)]
pub(super) struct NewToken {
    /// By its `ACC-` id; absent for the caller's own.
    #[serde(default, deserialize_with = "object")]
    account: Option<Named>,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    description: Option<String>,
    icon: Option<String>,
    /// By their `MOD-` ids: each must be one of the account's.
    #[schema(value_type = Option<Vec<Named>>)]
    modules: Option<Vec<Item>>,
}

/// What to change of a token; what is absent or null stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = SoftwareoneTokenChange)]
pub(super) struct TokenChange {
    /// The one that it is in: a token stays in its account.
    #[serde(default, deserialize_with = "object")]
    account: Option<Named>,
    name: Option<String>,
    description: Option<String>,
    icon: Option<String>,
    /// Those that stay: they only narrow.
    #[schema(value_type = Option<Vec<Named>>)]
    modules: Option<Vec<Item>>,
}

fn description(text: &str) -> Result<String, Refusal> {
    text::lines("description", text, text::DESCRIPTION)
}

fn icon(text: &str) -> Result<String, Refusal> {
    text::line("icon", text, text::ICON)
}

/// The numbers of modules, of the right form; whether there are such is for others to say.
fn numbers(items: Vec<Item>) -> Result<Vec<String>, Refusal> {
    if u32::try_from(items.len()).is_ok_and(|count| count <= MOST_MODULES) {
        let number = |item: Item| {
            let id = item.0.and_then(|named| named.id).unwrap_or_default();
            module_number(&id).map_err(|_| Refusal::invalid("modules", "each needs an id that is a module's"))
        };
        return items.into_iter().map(number).collect();
    }
    Err(Refusal::invalid("modules", format!("at most {MOST_MODULES}")))
}

impl TryFrom<NewToken> for IssueRequest {
    type Error = Refusal;

    fn try_from(body: NewToken) -> Result<Self, Refusal> {
        // A slug is no id here.
        let is_number = |id: &String| Number::parse(OfOrganization::PREFIX, id).is_some();
        let account =
            |named: Named| named.id.filter(is_number).ok_or(Refusal::NotFound { what: OfOrganization::NAME });
        Ok(Self {
            name: text::name("name", &body.name)?,
            description: description(&body.description.unwrap_or_default())?,
            icon: icon(&body.icon.unwrap_or_default())?,
            wish: Wish {
                lifetime: Lifetime::NeverOrDefault,
                lifetime_field: "lifetime",
                privileges: None,
                modules: body.modules.map(numbers).transpose()?,
                limits: Limits::default(),
                outlives: true,
                restricted: false,
                tied: None,
                max_idle: None,
            },
            organization: body.account.map(account).transpose()?,
            owner: None,
        })
    }
}

impl TokenChange {
    /// The account that is named, if one is.
    pub(super) fn account(&self) -> Option<&str> {
        self.account.as_ref()?.id.as_deref()
    }
}

impl TryFrom<TokenChange> for Change {
    type Error = Refusal;

    fn try_from(body: TokenChange) -> Result<Self, Refusal> {
        Ok(Self::Relabel(Labels {
            name: body.name.map(|name| text::name("name", &name)).transpose()?,
            description: body.description.as_deref().map(description).transpose()?,
            icon: body.icon.as_deref().map(icon).transpose()?,
            modules: body.modules.map(numbers).transpose()?,
        }))
    }
}

/// `null` where there is none, and not left out.
#[derive(Serialize)]
#[serde(transparent)]
struct OrNull<T>(Option<T>);

/// A token. `select` says which members are sent.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneToken)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenObject<'a> {
    #[schema(pattern = r"^TKN-\d{4}-\d{4}$")]
    id: String,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = r"^/v1/accounts/accounts/ACC-\d{4}-\d{4}/tokens/TKN-\d{4}-\d{4}$")]
    href: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    icon: Option<String>,
    /// `Active`, `Disabled` (an expired one too) or `Deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(Active|Disabled|Deleted)$")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    modules: Option<Vec<ModuleObject>>,
    /// In full in the reply that creates it; to whoever presents the token, the value that was presented; else `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    token: Option<OrNull<&'a str>>,
    /// `null` for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    last_access_at: Option<OrNull<String>>,
    /// Left out unless it is selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    audit: Option<Audit>,
}

/// The account that a token is in.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneAccount)]
struct Account {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = r"^ACC-\d{4}-\d{4}$")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// `Vendor`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kind: Option<&'static str>,
    /// `Active` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    icon: Option<String>,
}

/// A module that a token is good for.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneModule)]
struct ModuleObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = r"^MOD-\d{4}(-\d{4})?$")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'static str>,
}

/// Who did what when.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneAudit)]
struct Audit {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    created: Option<Deed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    updated: Option<Deed>,
}

/// One of those.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneDeed)]
struct Deed {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    at: Option<String>,
    /// `null` where nobody is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Person>)]
    by: Option<OrNull<Person>>,
}

/// Somebody.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareonePerson)]
struct Person {
    /// The username.
    name: String,
}

/// A token and what its row doesn't say.
pub(super) struct Shown<'a> {
    pub(super) view: TokenView,
    pub(super) now: Instant,
    /// What stands in `token`.
    pub(super) secret: Option<&'a str>,
    /// Who changed it last, and who made it.
    pub(super) authors: [Option<String>; 2],
}

impl<'a> TokenObject<'a> {
    pub(super) fn new(shown: Shown<'a>, selection: &Selection) -> Self {
        let Shown { view, now, secret, authors } = shown;
        let (id, account) = (view.token.number.show::<OfToken>(), &view.organization);
        let href =
            || format!("/v1/accounts/accounts/{}/tokens/{id}", account.number.show::<OfOrganization>());
        Self {
            href: selection.has("href").then(href),
            status: selection.has("status").then(|| status(&view.token, now)),
            account: selection.has("account").then(|| Account::new(account, selection)),
            modules: selection.has("modules").then(|| modules(&view, selection)),
            token: selection.has("token").then_some(OrNull(secret)),
            last_access_at: selection
                .has("lastAccessAt")
                .then(|| OrNull(view.last_used_at().map(|at| at.to_string()))),
            audit: selection.has("audit").then(|| Audit::new(&view.token, authors, selection)),
            name: selection.has("name").then_some(view.token.name),
            description: selection.has("description").then_some(view.token.description),
            icon: selection.has("icon").then_some(view.token.icon),
            id,
        }
    }
}

/// The words for a token's status.
pub(super) const STATUSES: [&str; 3] = ["Active", "Disabled", "Deleted"];

fn status(token: &Token, now: Instant) -> &'static str {
    match token.shown_status(now) {
        "active" => STATUSES[0],
        "deleted" => STATUSES[2],
        _ => STATUSES[1],
    }
}

/// The type that every account has.
pub(super) const ACCOUNT_TYPE: &str = "Vendor";

pub(super) fn account_status(organization: &Organization) -> &'static str {
    if organization.enabled { "Active" } else { "Disabled" }
}

impl Account {
    fn new(organization: &Organization, selection: &Selection) -> Self {
        let has = |member| selection.has(member);
        Self {
            id: has("account.id").then(|| organization.number.show::<OfOrganization>()),
            name: has("account.name").then(|| organization.name.clone()),
            kind: has("account.type").then_some(ACCOUNT_TYPE),
            status: has("account.status").then(|| account_status(organization)),
            icon: has("account.icon").then(|| organization.image.clone()),
        }
    }
}

fn modules(view: &TokenView, selection: &Selection) -> Vec<ModuleObject> {
    let shown = |module: &Module| ModuleObject {
        id: selection.has("modules.id").then(|| module.number.clone()),
        name: selection.has("modules.name").then(|| module.name.clone()),
        description: selection.has("modules.description").then_some(""),
    };
    view.modules.iter().map(|module| shown(module)).collect()
}

impl Audit {
    fn new(token: &Token, authors: [Option<String>; 2], selection: &Selection) -> Self {
        let [last, first] = authors;
        let deed = |path: &str, at: Instant, by: Option<String>| {
            selection.has(path).then(|| Deed {
                at: selection.has(&format!("{path}.at")).then(|| at.to_string()),
                by: selection.has(&format!("{path}.by")).then(|| OrNull(by.map(|name| Person { name }))),
            })
        };
        Self {
            created: deed("audit.created", token.created_at, first),
            updated: deed("audit.updated", token.updated_at, last),
        }
    }
}

/// A page of tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneTokenPage)]
pub(super) struct TokenPage<'a> {
    #[serde(rename = "$meta")]
    pub(super) meta: Meta,
    pub(super) data: Vec<TokenObject<'a>>,
}

/// What is said of a page.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareoneMeta)]
pub(super) struct Meta {
    pub(super) pagination: Pagination,
    /// Members that weren't selected.
    pub(super) omitted: Vec<&'static str>,
}

/// Where a page is. One more key breaks the vendor's client.
#[derive(Serialize, ToSchema)]
#[schema(as = SoftwareonePagination)]
pub(super) struct Pagination {
    pub(super) offset: u64,
    pub(super) limit: u32,
    pub(super) total: u64,
}
