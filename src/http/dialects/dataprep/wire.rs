//! Dataprep's objects on the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    core::{lifetime::Lifetime, limits::Limits, minting::Wish, refusal::Refusal, text},
    service::{issue::IssueRequest, list::TokenView},
};

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = DataprepCreateToken)]
#[serde(rename_all = "camelCase", expecting = "a JSON object")]
pub(super) struct CreateToken {
    /// Whole seconds, or -1 for good.
    #[schema(value_type = i64, minimum = -1)]
    lifetime_seconds: Value,
    /// For people.
    #[schema(max_length = 2000)]
    description: Option<String>,
}

const LIFETIME: &str = "lifetimeSeconds";

/// Reads a lifetime: only what is written as a whole number is one.
fn lifetime(seconds: &Value) -> Result<Lifetime, Refusal> {
    match seconds.as_i64() {
        Some(-1) => Ok(Lifetime::Never),
        // What is beyond all counting is beyond every policy, which says so.
        Some(seconds @ 1..) => Ok(Lifetime::For(seconds.saturating_mul(1000))),
        _ => Err(Refusal::invalid(LIFETIME, "a whole number of seconds, at least 1, or -1 for never")),
    }
}

impl CreateToken {
    pub(super) fn request(self, organization: Option<&str>) -> Result<IssueRequest, Refusal> {
        Ok(IssueRequest {
            // The API has no name for one.
            name: "apiAccessToken".to_owned(),
            description: text::lines(
                "description",
                &self.description.unwrap_or_default(),
                text::DESCRIPTION,
            )?,
            icon: String::new(),
            wish: Wish {
                lifetime: lifetime(&self.lifetime_seconds)?,
                lifetime_field: LIFETIME,
                privileges: None,
                modules: None,
                limits: Limits::default(),
                outlives: true,
                restricted: false,
                tied: None,
                max_idle: None,
            },
            organization: organization.map(str::to_owned),
            owner: None,
        })
    }
}

/// What is told of a token.
#[derive(Serialize, ToSchema)]
#[schema(as = DataprepTokenInfo)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenInfo {
    #[schema(format = "uuid")]
    token_id: String,
    description: String,
    /// `null` for never.
    #[schema(format = "date-time", required)]
    expired_at: Option<String>,
    /// `null` for never.
    #[schema(format = "date-time", required)]
    last_used: Option<String>,
    #[schema(format = "date-time")]
    created_at: String,
}

impl TokenInfo {
    pub(super) fn new(view: TokenView) -> Self {
        let last_used = view.last_used_at().map(|at| at.to_string());
        let token = view.token;
        Self {
            token_id: token.id.to_string(),
            expired_at: token.expires_at.map(|at| at.to_string()),
            last_used,
            created_at: token.created_at.to_string(),
            description: token.description,
        }
    }
}

/// A new token.
#[derive(Serialize, ToSchema)]
#[schema(as = DataprepCreatedToken)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedToken<'a> {
    /// The token itself: shown here and never again.
    pub(super) token_value: &'a str,
    pub(super) token_info: TokenInfo,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = DataprepTokenList)]
pub(super) struct TokenList {
    pub(super) data: Vec<TokenInfo>,
    /// How many there are in all.
    pub(super) count: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_str};

    use super::{Lifetime, lifetime};

    #[test]
    fn only_a_whole_number_of_seconds_is_a_lifetime() {
        let read = |text: &str| lifetime(&from_str::<Value>(text).expect("JSON")).ok();
        assert_eq!(read("-1"), Some(Lifetime::Never));
        assert_eq!(read("1"), Some(Lifetime::For(1000)));
        assert_eq!(read("9223372036854775807"), Some(Lifetime::For(i64::MAX)));
        for text in [
            "0",
            "-0",
            "-2",
            "1.0",
            "1.5",
            "-1.0",
            "1e3",
            "9223372036854775808",
            "18446744073709551616",
            "-9223372036854775808",
            "1e308",
            "\"100\"",
            "null",
            "true",
            "[100]",
            "{}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
