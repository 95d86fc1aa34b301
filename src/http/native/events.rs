//! `/v1/events`: what was done, as JSON or as a table.

use rocket::{
    State, get,
    http::{Accept, MediaType},
};

use super::{
    lists,
    wire::{EVENT_COLUMNS, EventObject, ListPage, Paging},
};
use crate::{
    core::refusal::Failure,
    http::{Site, guard::Asker, query::Query, reply::Reply},
};

/// What was done, the latest first: all of it for an operator, what was done in the organization for who manages it.
/// As `text/csv` it is a table of the same columns, of up to 10,000 rows, whose `Link` header leads on.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(Paging,
        ("sort" = Option<String>, Query, description = "`-sequence`, which it is where it isn't given, or `sequence`"),
        ("actor" = Option<String>, Query, description = "who did it: a username or a user's id"),
        ("token" = Option<String>, Query, description = "any id of a token that it was done by or to"),
        ("object" = Option<String>, Query, description = "the id of what it was done to"),
        ("kind" = Option<String>, Query, description = "`token.created` and the like, or the beginning of some: `token.`"),
        ("since" = Option<String>, Query, description = "at this instant or later"),
        ("until" = Option<String>, Query, description = "before this instant"),
        ("organization" = Option<String>, Query, description = "a slug or any id"),
        ("format" = Option<String>, Query, description = "`json` or `csv`, whatever `Accept` says"),
    ),
    responses(
        (status = 200, content((ListPage<EventObject> = "application/json"), (String = "text/csv")),
            headers(("Link" = String, description = "where a table goes on, as `next`"))),
        (status = 404)))]
#[get("/events")]
pub(in crate::http) async fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
    accept: Option<&Accept>,
) -> Result<Reply, Failure> {
    let accepts_table = accept.is_some_and(|accept| *accept.preferred().media_type() == MediaType::CSV);
    let (wanted, as_table) = lists::events(&query, accepts_table)?;
    let sort = wanted.listing.sort.clone();
    let page = site.service.events(asker.0?, wanted).await?;
    let page = ListPage::new(page, &sort, EventObject::from);
    if !as_table {
        return Reply::json(200, &page);
    }
    let reply = Reply::file("text/csv; charset=utf-8", table(page.items())?);
    Ok(match page.next_cursor() {
        None => reply,
        Some(cursor) => {
            reply.header("Link", format!("</v1/events?{}>; rel=\"next\"", query.going_on(cursor)))
        }
    })
}

/// RFC 4180: a header row, and CRLF after each row.
fn table(events: &[EventObject]) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(EVENT_COLUMNS).map_err(Failure::broken)?;
    for event in events {
        writer.serialize(event).map_err(Failure::broken)?;
    }
    writer.into_inner().map_err(Failure::broken)
}
