//! Feeds on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{core::secret::FeedSecret, service::feeds::FeedView};

/// A feed to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct CreateFeed {
    /// In whose name: only the local operator, who is no user, names one.
    pub(in crate::http::native) user: Option<String>,
    /// Of all tokens in it, by slug or any id, while the user administers it; absent for the user's own.
    pub(in crate::http::native) organization: Option<String>,
}

/// A feed.
#[derive(Serialize, ToSchema)]
#[schema(as = Feed)]
pub(in crate::http::native) struct FeedObject {
    /// A UUIDv7, which opens nothing.
    id: String,
    /// In whose name it is read.
    user: String,
    /// Of all tokens in it; `null` of the user's own.
    organization: Option<String>,
    created_at: String,
}

impl From<FeedView> for FeedObject {
    fn from(view: FeedView) -> Self {
        let FeedView { feed, user, organization } = view;
        Self { id: feed.id.to_string(), user, organization, created_at: feed.created_at.to_string() }
    }
}

/// A feed that was just made, with what opens it.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct CreatedFeed {
    /// A UUIDv7, which opens nothing.
    id: String,
    /// In whose name it is read.
    user: String,
    /// Of all tokens in it; `null` of the user's own.
    organization: Option<String>,
    created_at: String,
    /// Where a calendar program subscribes. The key in it is shown this once.
    url: String,
}

impl CreatedFeed {
    pub(in crate::http::native) fn new(view: FeedView, secret: &FeedSecret, public_url: &str) -> Self {
        let FeedObject { id, user, organization, created_at } = view.into();
        let url = format!("{public_url}/v1/expiries.ics?key={}", secret.reveal().expose());
        Self { id, user, organization, created_at, url }
    }
}

/// A user's feeds.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct FeedList {
    pub(in crate::http::native) items: Vec<FeedObject>,
}
