//! Pages on the wire, and what stands in those that are only ever listed.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    core::listing::{Direction, Field},
    service::{directory::EventView, list::Page},
};

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes")]
pub(in crate::http::native) struct Paging {
    /// 1 to 200, 50 where it isn't given.
    limit: Option<u32>,
    /// `next_cursor` of the page before, with everything else as it was.
    cursor: Option<String>,
    /// Whether to count all that match, where that is quick.
    total: Option<bool>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct ListPage<T> {
    items: Vec<T>,
    /// Where the next page goes on; `null` on the last.
    next_cursor: Option<String>,
    /// How many match in all, where that was asked and is quick: without a filter, or where two thousand rows answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

impl<T> ListPage<T> {
    pub(in crate::http::native) fn new<V, F: Field>(
        page: Page<V>,
        sort: &[(F, Direction)],
        show: impl FnMut(V) -> T,
    ) -> Self {
        Self {
            items: page.items.into_iter().map(show).collect(),
            next_cursor: page.next.map(|cursor| cursor.show(sort)),
            total: page.total,
        }
    }

    pub(in crate::http::native) fn items(&self) -> &[T] {
        &self.items
    }

    pub(in crate::http::native) fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(in crate::http::native) struct EventObject {
    /// Its place in the chain.
    sequence: i64,
    at: String,
    /// `token.created` and the like.
    kind: String,
    /// `local`, `password`, `token`, ...
    actor: String,
    /// The id of the user who acted; `null` where none did.
    actor_user: Option<String>,
    actor_username: Option<String>,
    /// The id of the token that acted.
    actor_token: Option<String>,
    /// From where; `null` over a Unix socket, and once it was erased.
    address: Option<String>,
    /// `token`, `user`, `organization` or `module`.
    object_kind: String,
    /// Its id; `null` where it was none.
    object: Option<String>,
    /// The organization's slug.
    organization: Option<String>,
    /// The names of the fields that changed, parted by spaces.
    detail: String,
}

/// The members of an event in their order: the columns of a table.
pub(in crate::http::native) const EVENT_COLUMNS: [&str; 12] = [
    "sequence",
    "at",
    "kind",
    "actor",
    "actor_user",
    "actor_username",
    "actor_token",
    "address",
    "object_kind",
    "object",
    "organization",
    "detail",
];

impl From<EventView> for EventObject {
    fn from(view: EventView) -> Self {
        let EventView { row, actor_username, organization } = view;
        let object = crate::core::id::TokenId::from_bytes(row.object);
        Self {
            sequence: row.sequence,
            at: row.at.to_string(),
            kind: row.kind,
            actor: row.actor,
            actor_user: row.actor_user.map(|id| id.to_string()),
            actor_username,
            actor_token: row.actor_token.map(|id| id.to_string()),
            address: row.address,
            object_kind: row.object_kind,
            object: (row.object != [0; 16]).then(|| object.to_string()),
            organization,
            detail: row.detail,
        }
    }
}
