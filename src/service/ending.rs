//! Ending a token: the one way of doing it, whoever or whatever does it.

use super::{issue::event, successors::undo_successor};
use crate::{
    core::{
        event::{Deed, Origin},
        refusal::Failure,
        time::Instant,
        token::{Cause, Ending, Status, Token},
    },
    store::Tx,
};

/// The status that it brings, and what it is called on record.
const fn brought(ending: Ending) -> (Status, Deed) {
    match ending {
        Ending::Disable => (Status::Disabled, Deed::TokenDisabled),
        Ending::Delete => (Status::Deleted, Deed::TokenDeleted),
    }
}

/// Whether anything happens to a token that is ended so.
pub(super) fn changes(token: &Token, ending: Ending) -> bool {
    token.status != Status::Deleted && token.status != brought(ending).0
}

/// Ends a token, and with it what waits to replace it, and puts that on record. Nothing happens to one that has ended so
/// already; says whether anything did.
pub(super) fn end(
    tx: &mut Tx<'_>,
    token: &mut Token,
    ending: Ending,
    cause: Cause,
    origin: &Origin,
    now: Instant,
) -> Result<bool, Failure> {
    if !changes(token, ending) {
        return Ok(false);
    }
    let (before, (status, deed)) = (token.status, brought(ending));
    token.switch(status, cause, now);
    tx.update_token(before, token, now)?;
    undo_successor(tx, token, origin, now)?;
    let mut ended = event(token, deed, origin.clone(), now);
    if cause != Cause::Said {
        ended.detail = format!("cause={}", cause.as_str());
    }
    tx.record(&ended)?;
    Ok(true)
}
