//! Akinon's objects on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        id::UserId, lifetime::Lifetime, limits::Limits, minting::Wish, organization::Organization,
        privilege::Privileges, refusal::Refusal, text, time::DAY,
    },
    service::{issue::IssueRequest, list::TokenView},
};

/// A refusal.
#[cfg(test)]
#[derive(Serialize, ToSchema)]
#[schema(as = AkinonError)]
pub(super) struct ErrorBody {
    /// What is wrong, in one sentence.
    #[serde(rename = "apiError")]
    api_error: Vec<String>,
}

/// What is wrong with a request.
#[cfg(test)]
#[derive(Serialize, ToSchema)]
#[schema(as = AkinonBadRequest)]
#[serde(rename_all = "camelCase")]
pub(super) struct BadRequest {
    /// What is wrong with which field; empty where no field is.
    validation_error: std::collections::BTreeMap<String, String>,
    /// What is wrong, in one sentence.
    api_error: Vec<String>,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = AkinonCreateToken)]
#[serde(expecting = "a JSON object")]
pub(super) struct CreateToken {
    /// A name for people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// How long it lives.
    #[schema(value_type = LifetimeWord)]
    lifetime: String,
    /// `domain:action` each; absent for all that the credential holds, `[]` for none.
    #[schema(max_items = 100)]
    privileges: Option<Vec<String>>,
}

/// How long a token lives.
#[derive(ToSchema)]
#[schema(as = AkinonLifetime, rename_all = "kebab-case")]
#[allow(dead_code, reason = "what the document says of it")]
pub(super) enum LifetimeWord {
    OneWeek,
    OneMonth,
    ThreeMonths,
    SixMonths,
    OneYear,
}

fn lifetime(word: &str) -> Result<Lifetime, Refusal> {
    Ok(match word {
        "one-week" => Lifetime::For(7 * DAY),
        "one-month" => Lifetime::Months(1),
        "three-months" => Lifetime::Months(3),
        "six-months" => Lifetime::Months(6),
        "one-year" => Lifetime::Months(12),
        _ => {
            let words = "one-week, one-month, three-months, six-months or one-year";
            return Err(Refusal::invalid("lifetime", words));
        }
    })
}

impl TryFrom<CreateToken> for IssueRequest {
    type Error = Refusal;

    fn try_from(body: CreateToken) -> Result<Self, Refusal> {
        Ok(Self {
            name: text::name("name", &body.name)?,
            description: String::new(),
            icon: String::new(),
            wish: Wish {
                lifetime: lifetime(&body.lifetime)?,
                lifetime_field: "lifetime",
                privileges: body.privileges.map(|list| Privileges::parse(&list)).transpose()?,
                modules: None,
                limits: Limits::default(),
                outlives: true,
                restricted: false,
                tied: None,
                max_idle: None,
            },
            organization: None,
            owner: None,
        })
    }
}

/// A token; `token` is whole in the reply to its making and masked ever after.
#[derive(Serialize, ToSchema)]
#[schema(as = AkinonToken)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenObject<'a> {
    #[serde(rename = "_id")]
    #[schema(pattern = "^[0-9a-f]{24}$")]
    id: String,
    name: String,
    token: &'a str,
    /// `domain:action` each.
    privileges: Vec<String>,
    #[schema(pattern = "^[0-9a-f]{24}$")]
    user_id: String,
    #[schema(pattern = "^[0-9a-f]{24}$")]
    organization_id: String,
    /// The year 9999 for never.
    #[schema(format = "date-time")]
    expires_on: String,
    #[schema(format = "date-time")]
    created_at: String,
    #[schema(format = "date-time")]
    updated_at: String,
}

const NEVER: &str = "9999-12-31T23:59:59.999Z";

impl<'a> TokenObject<'a> {
    pub(super) fn new(view: TokenView, shown: &'a str) -> Self {
        let TokenView { token, .. } = view;
        Self {
            id: token.id.short(),
            token: shown,
            privileges: token.privileges.iter().map(ToString::to_string).collect(),
            user_id: token.owner.short(),
            organization_id: token.organization.short(),
            expires_on: token.expires_at.map_or_else(|| NEVER.to_owned(), |at| at.to_string()),
            created_at: token.created_at.to_string(),
            updated_at: token.updated_at.to_string(),
            name: token.name,
        }
    }
}

/// A token of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = AkinonListedToken)]
pub(super) struct ListedToken<'a> {
    #[serde(flatten)]
    pub(super) object: TokenObject<'a>,
    pub(super) organization: OrganizationObject,
}

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(as = AkinonOrganization)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrganizationObject {
    #[serde(rename = "_id")]
    #[schema(pattern = "^[0-9a-f]{24}$")]
    id: String,
    #[schema(min_length = 2, max_length = 100)]
    name: String,
    #[schema(pattern = "^[a-z0-9-]{2,100}$", min_length = 2, max_length = 100)]
    slug: String,
    #[schema(min_length = 2, max_length = 255)]
    description: String,
    #[schema(pattern = "^[0-9a-f]{24}$")]
    owner: String,
    /// `false`: there is no such organization here.
    is_executive: bool,
    /// 1 in use, 0 switched off.
    #[schema(minimum = 0, maximum = 1)]
    status: u8,
    /// The privileges that exist in it.
    privileges: Vec<String>,
    /// A URL of a picture; left out where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    image_url: String,
    #[schema(format = "date-time")]
    created_at: String,
    #[schema(format = "date-time")]
    updated_at: String,
}

impl OrganizationObject {
    /// An organization as whoever owns a token in it is shown it.
    pub(super) fn new(organization: &Organization, reader: UserId) -> Self {
        let slug = shown_slug(&organization.slug);
        let name = fitting(&organization.name, &slug, 100);
        Self {
            id: organization.id.short(),
            description: fitting(&organization.description, &name, 255),
            owner: organization.owner.unwrap_or(reader).short(),
            is_executive: false,
            status: organization.enabled.into(),
            privileges: organization.privileges.iter().map(ToString::to_string).collect(),
            image_url: organization.image.clone(),
            created_at: organization.created_at.to_string(),
            updated_at: organization.updated_at.to_string(),
            name,
            slug,
        }
    }
}

fn shown_slug(slug: &str) -> String {
    if slug.len() < 2 { format!("-{slug}") } else { slug.to_owned() }
}

/// A text of at least two characters, else what stands for it; at most so many of them.
fn fitting(text: &str, otherwise: &str, most: usize) -> String {
    let text = if text.chars().nth(1).is_some() { text } else { otherwise };
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::{fitting, lifetime, shown_slug};
    use crate::core::{organization::Policy, time::Instant};

    #[test]
    fn a_month_that_is_too_short_ends_a_life_on_its_last_day() {
        let at = |text| Instant::parse(text).expect("an instant");
        let ends = |from, word| {
            lifetime(word).expect("a lifetime").resolve("lifetime", &Policy::default(), at(from))
        };
        for (from, word, to) in [
            ("2024-01-31T10:00:00.007Z", "one-week", "2024-02-07T10:00:00.007Z"),
            ("2024-01-31T10:00:00.007Z", "one-month", "2024-02-29T10:00:00.007Z"),
            ("2023-01-31T10:00:00.007Z", "one-month", "2023-02-28T10:00:00.007Z"),
            ("2023-11-30T23:59:59.999Z", "three-months", "2024-02-29T23:59:59.999Z"),
            ("2023-08-31T00:00:00Z", "six-months", "2024-02-29T00:00:00Z"),
            ("2024-02-29T12:00:00Z", "one-year", "2025-02-28T12:00:00Z"),
            ("2023-03-01T12:00:00Z", "one-year", "2024-03-01T12:00:00Z"),
        ] {
            assert_eq!(ends(from, word), Ok(Some(at(to))), "{word} from {from}");
        }
        for word in ["", "One-Week", "one week", "never", "two-weeks"] {
            assert!(lifetime(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_short_text_is_replaced_and_a_long_one_cut() {
        assert_eq!((shown_slug("a"), shown_slug("ab")), ("-a".into(), "ab".into()));
        assert_eq!(fitting("é", "other", 100), "other");
        assert_eq!(fitting("", "other", 100), "other");
        assert_eq!(fitting("éé", "other", 100), "éé");
        assert_eq!(fitting(&"é".repeat(101), "other", 100), "é".repeat(100));
    }
}
