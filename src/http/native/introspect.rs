//! `/v1/introspect/batch`: which of many tokens are good, and for what?

use rocket::{State, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::SecretField;
use crate::{
    core::refusal::{Failure, Refusal},
    http::{
        Site,
        body::Body,
        guard::From,
        introspection::{Context, Introspection, wanted},
        reply::Reply,
    },
};

/// How many tokens one request may ask about.
const MOST: usize = 100;

/// Tokens that are asked about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IntrospectionBatch {
    /// 1 to 100 of them; one may stand twice.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100)]
    tokens: Vec<SecretField>,
    /// The address of the client that they came from, for those that are limited in networks.
    address: Option<String>,
    /// What the client asked for, for those that are limited in routes.
    method: Option<String>,
    /// What they are asked for: all of these they have to hold, each perhaps several parted by `|` of which one will do.
    /// Where it isn't said, whoever asks may use any that they hold.
    #[schema(max_items = 100)]
    require: Option<Vec<String>>,
    /// Perhaps with its port.
    host: Option<String>,
    /// Begins with a slash; a query is passed over.
    path: Option<String>,
}

/// What is known of each, in the order they were asked about.
#[derive(Serialize, ToSchema)]
pub(super) struct Introspections<'a> {
    items: Vec<Introspection<'a>>,
}

/// Whether each of up to 100 tokens is usable, and for what. Whatever isn't usable is exactly `{"active":false}`. Each
/// counts as a use, as it does when it is asked about alone.
#[utoipa::path(post, path = "/v1/introspect/batch", tag = "introspection", request_body = IntrospectionBatch,
    responses((status = 200, body = Introspections<'static>)))]
#[post("/introspect/batch", data = "<body>")]
pub(in crate::http) async fn batch(site: &State<Site>, from: From<'_>, body: Body) -> Result<Reply, Failure> {
    let IntrospectionBatch { tokens, address, method, require, host, path } = body.json()?;
    if tokens.is_empty() || tokens.len() > MOST {
        return Err(Refusal::invalid("tokens", format!("1 to {MOST} of them")).into());
    }
    let [address, method, host, path] = [&address, &method, &host, &path].map(Option::as_deref);
    let facts = Context { address, method, host, path }.facts()?;
    let wanted = wanted(require.as_ref().map(|list| list.iter().map(String::as_str)))?;
    let mut found = Vec::with_capacity(tokens.len());
    for token in &tokens {
        let (standing, first_use) = site.service.introspect(&token.0, &wanted, &facts, from.0)?;
        site.service.commit_rotation(first_use).await;
        found.push(standing);
    }
    let items = found.iter().map(|found| Introspection::of(found.as_deref(), &site.public_url));
    Reply::json(200, &Introspections { items: items.collect() })
}
