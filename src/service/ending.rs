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

/// Ends a token, and with it what waits to replace it, and puts that on record. Nothing happens to one that has ended so
/// already, unless it is for another reason that weighs more: a word or a leak where it only lay idle. Says whether
/// anything did.
pub(super) fn end(
    tx: &mut Tx<'_>,
    token: &mut Token,
    ending: Ending,
    cause: Cause,
    origin: &Origin,
    now: Instant,
) -> Result<bool, Failure> {
    let (status, deed) = match ending {
        Ending::Disable => (Status::Disabled, Deed::TokenDisabled),
        Ending::Delete => (Status::Deleted, Deed::TokenDeleted),
    };
    let before = token.status;
    let weighs_more =
        token.cause == Cause::Idle && cause != Cause::Idle || cause == Cause::Leak && token.cause != cause;
    if before == Status::Deleted || (before == status && !weighs_more) {
        return Ok(false);
    }
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
