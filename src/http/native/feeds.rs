//! `/v1/expiries.ics`: when tokens expire, for calendar programs; `/v1/feeds`: the keys that open it.

use rocket::{State, delete, get, post};

use super::wire::{CreateFeed, CreatedFeed, FeedList, FeedObject};
use crate::{
    core::{
        id::FeedId,
        refusal::{Failure, Refusal},
        secret::FeedSecret,
    },
    http::{
        Site,
        body::Body,
        guard::Asker,
        query::{FEED_KEY, Query},
        reply::Reply,
    },
};

/// Makes a feed: of one's own tokens, or of all in an organization that one administers.
#[utoipa::path(post, path = "/v1/feeds", tag = "tokens", request_body = CreateFeed,
    responses((status = 201, body = CreatedFeed), (status = 404)))]
#[post("/feeds", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let CreateFeed { user, organization } = body.json()?;
    let (view, secret) = site.service.create_feed(asker.0?, user, organization).await?;
    Reply::json(201, &CreatedFeed::new(view, &secret, &site.public_url))
}

/// The feeds of a user: oneself, or somebody whose account one manages.
#[utoipa::path(get, path = "/v1/feeds", tag = "tokens",
    params(("username" = Option<String>, Query, description = "a username or a user's id; absent for one's own")),
    responses((status = 200, body = FeedList), (status = 404)))]
#[get("/feeds")]
pub(in crate::http) fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let parameters = query.only(&["username"])?;
    let feeds = site.service.feeds(asker.0?, parameters.text("username"))?;
    Reply::json(200, &FeedList { items: feeds.into_iter().map(FeedObject::from).collect() })
}

/// Removes a feed: one's own, or of somebody whose account one manages.
#[utoipa::path(delete, path = "/v1/feeds/{id}", tag = "tokens", params(("id" = String, Path)), responses(
    (status = 204), (status = 404)))]
#[delete("/feeds/<id>")]
pub(in crate::http) async fn remove(
    site: &State<Site>,
    asker: Asker<'_>,
    id: &str,
) -> Result<Reply, Failure> {
    let id = FeedId::parse_uuid(id).ok_or(Refusal::NotFound { what: "feed" })?;
    site.service.remove_feed(asker.0?, id).await?;
    Ok(Reply::empty(204))
}

/// When tokens expire, the next 5,000, as a calendar (RFC 5545) with an alarm seven days before each. The key is a feed's;
/// nothing else opens this, and it opens nothing else.
#[utoipa::path(get, path = "/v1/expiries.ics", tag = "tokens", security(()),
    params(("key" = String, Query, description = "a feed's key")),
    responses((status = 200, content((String = "text/calendar"))), (status = 401)))]
#[get("/expiries.ics")]
pub(in crate::http) async fn calendar(site: &State<Site>, query: Query<'_>) -> Result<Reply, Failure> {
    let parameters = query.only(&[FEED_KEY])?;
    let key = parameters.text(FEED_KEY).ok_or(Refusal::CredentialMissing)?;
    let secret = FeedSecret::parse(key).ok_or(Refusal::CredentialInvalid)?;
    let calendar = site.service.calendar(secret).await?;
    Ok(Reply::file("text/calendar; charset=utf-8", calendar.into_bytes()))
}
