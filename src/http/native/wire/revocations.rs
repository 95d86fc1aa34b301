//! Revocations of many tokens on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tokens::TokenObject;
use crate::{
    core::{
        filter::{Filter, Test, Value},
        id::{OfToken, Reference, TokenId},
        limits::network,
        listing::TokenField,
        privilege::Privilege,
        refusal::Refusal,
        time::Instant,
        token::Ending,
    },
    http::body::object,
    service::{
        descendants::DescendantView,
        revocations::{Doomed, Plan, RevocationFilter},
    },
};

/// Tokens to be ended in one call: looked at first, and then ended as they stood.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct CreateRevocation {
    /// Which: all that is said must hold, and something must be said.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = RevocationFilterObject, required = true)]
    filter: Option<RevocationFilterObject>,
    /// `disable`, or `delete` for good.
    action: String,
    /// Whether to say what would end and to end nothing; so it is where it is absent.
    dry_run: Option<bool>,
    /// That of the plan, to carry it out.
    digest: Option<String>,
}

/// Which tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevocationFilter)]
pub(in crate::http::native) struct RevocationFilterObject {
    /// A username or a user's id.
    owner: Option<String>,
    /// A slug or any id.
    organization: Option<String>,
    /// A privilege that was given, to the letter.
    privilege: Option<String>,
    /// Any id of a token: it, and all that it has minted and they in turn.
    minted_by: Option<String>,
    /// Made at this instant or later.
    created_after: Option<String>,
    /// Made before this instant.
    created_before: Option<String>,
    /// An address or a network, that it was last used from.
    last_address: Option<String>,
    /// The first 8 to 32 hexadecimal digits of its id, with hyphens or without.
    id_prefix: Option<String>,
}

/// What was asked for.
pub(in crate::http::native) struct Asked {
    pub(in crate::http::native) filter: RevocationFilter,
    pub(in crate::http::native) action: Ending,
    /// That of the plan, where it is to be carried out.
    pub(in crate::http::native) digest: Option<String>,
}

impl TryFrom<CreateRevocation> for Asked {
    type Error = Refusal;

    fn try_from(body: CreateRevocation) -> Result<Self, Refusal> {
        let CreateRevocation { filter, action, dry_run, digest } = body;
        let filter = filter.map(RevocationFilter::try_from).transpose()?;
        let filter = filter.ok_or_else(|| Refusal::invalid("filter", SOMETHING))?;
        let action = Ending::from_stored(&action);
        let action = action.ok_or_else(|| Refusal::invalid("action", "disable or delete"))?;
        let digest = match (dry_run.unwrap_or(true), digest) {
            (true, _) => None,
            (false, Some(digest)) if is_digest(&digest) => Some(digest),
            (false, Some(_)) => {
                return Err(Refusal::invalid("digest", "64 hexadecimal digits, as the plan has them"));
            }
            (false, None) => {
                let problem = "is needed to carry out a plan: ask with dry_run first, and send what it says";
                return Err(Refusal::invalid("digest", problem));
            }
        };
        Ok(Self { filter, action, digest })
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

const SOMETHING: &str = "name at least one of owner, organization, privilege, minted_by, created_after, \
                         created_before, last_address and id_prefix";

impl TryFrom<RevocationFilterObject> for RevocationFilter {
    type Error = Refusal;

    fn try_from(body: RevocationFilterObject) -> Result<Self, Refusal> {
        let mut tests: Vec<(TokenField, Test)> = Vec::new();
        if let Some(text) = &body.privilege {
            let privilege: Privilege = text
                .parse()
                .map_err(|_| Refusal::invalid("filter.privilege", "a privilege is domain:action"))?;
            tests.push((TokenField::Privilege, Test::Equals(Value::Text(privilege.as_str().to_owned()))));
        }
        let instant = |field: &'static str, text: &Option<String>| {
            let read = |text: &String| {
                Instant::parse(text).map(Value::At).ok_or(Refusal::invalid(field, "an RFC 3339 instant"))
            };
            text.as_ref().map(read).transpose()
        };
        let from = instant("filter.created_after", &body.created_after)?.map(Test::AtLeast);
        let to = instant("filter.created_before", &body.created_before)?.map(Test::Below);
        tests.extend(from.into_iter().chain(to).map(|test| (TokenField::CreatedAt, test)));
        if let Some(text) = &body.last_address {
            tests.push((TokenField::LastAddress, Test::Within(network("filter.last_address", text)?)));
        }
        if let Some(text) = &body.id_prefix {
            let (first, last) = TokenId::begun_by(text).ok_or_else(|| {
                Refusal::invalid("filter.id_prefix", "8 to 32 hexadecimal digits, with hyphens or without")
            })?;
            tests.push((TokenField::Id, Test::AtLeast(Value::Id(first.0))));
            tests.push((TokenField::Id, Test::AtMost(Value::Id(last.0))));
        }
        let minter = body.minted_by.map(|text| {
            Reference::<OfToken>::parse(&text)
                .ok_or_else(|| Refusal::invalid("filter.minted_by", "any id of a token"))
        });
        let minter = minter.transpose()?;
        let named = body.owner.is_some() || body.organization.is_some() || minter.is_some();
        if !named && tests.is_empty() {
            return Err(Refusal::invalid("filter", SOMETHING));
        }
        let conditions = tests.into_iter().fold(Filter::default(), |all, (field, test)| all.and(field, test));
        Ok(Self { owner: body.owner, organization: body.organization, minter, conditions })
    }
}

/// What a revocation would end, or has ended.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(in crate::http::native) struct RevocationObject {
    /// `disable` or `delete`.
    action: &'static str,
    /// Whether nothing was ended.
    dry_run: bool,
    /// How many tokens, those that aren't shown too.
    count: usize,
    /// Whether they are more than are shown.
    more: bool,
    /// They, the oldest first: the first 1,000.
    tokens: Vec<DoomedToken>,
    /// Stands for what is to be done to which tokens, those that aren't shown too: what carries out exactly this, and nothing else.
    digest: String,
}

/// A token, and what would feel its end.
#[derive(Serialize, ToSchema)]
struct DoomedToken {
    /// A UUIDv7.
    id: String,
    /// `TKN-dddd-dddd`.
    number: String,
    name: String,
    /// Its owner's username.
    owner: String,
    /// Its organization's slug.
    organization: String,
    status: &'static str,
    /// `null` for never.
    last_used_at: Option<String>,
    /// What it was used from in the last week, the latest first: the latest 5.
    used_from: Vec<UsedFrom>,
}

/// What a token was used from.
#[derive(Serialize, ToSchema)]
struct UsedFrom {
    /// `null` over a Unix socket; `others` for all that aren't told apart.
    address: Option<String>,
    /// Its `User-Agent`.
    agent: Option<String>,
    last_at: String,
    /// How often.
    count: u64,
}

impl RevocationObject {
    pub(in crate::http::native) fn new(plan: Plan, dry_run: bool, now: Instant) -> Self {
        let Plan { action, count, more, tokens, digest } = plan;
        let tokens = tokens.into_iter().map(|doomed| DoomedToken::new(doomed, now)).collect();
        Self { action: action.as_str(), dry_run, count, more, tokens, digest }
    }
}

impl DoomedToken {
    fn new(doomed: Doomed, now: Instant) -> Self {
        let Doomed { token, owner, organization, last_used_at, used_from } = doomed;
        let used_from = used_from.into_iter().map(|source| UsedFrom {
            address: source.address,
            agent: source.agent,
            last_at: source.last_at.to_string(),
            count: source.count,
        });
        Self {
            id: token.id.to_string(),
            number: token.number.show::<OfToken>(),
            status: token.shown_status(now),
            name: token.name,
            owner: owner.username.clone(),
            organization: organization.slug.clone(),
            last_used_at: last_used_at.map(|at| at.to_string()),
            used_from: used_from.collect(),
        }
    }
}

/// A token that another one has minted, or one that it minted.
#[derive(Serialize, ToSchema)]
#[schema(as = Descendant)]
pub(in crate::http::native) struct DescendantObject {
    #[serde(flatten)]
    token: TokenObject,
    /// How many mintings lie between: 1 for what the token itself has minted.
    depth: u32,
}

impl DescendantObject {
    pub(in crate::http::native) fn new(view: DescendantView, now: Instant) -> Self {
        Self { token: TokenObject::new(view.view, now), depth: view.depth }
    }
}
