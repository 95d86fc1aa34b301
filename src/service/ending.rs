//! Ending a token: the one way of doing it, whoever or whatever does it; and one with all that it has minted.

use std::sync::Arc;

use super::{Service, issue::event, successors::undo_successor, to_the_end, verify::believed};
use crate::{
    core::{
        event::{Deed, Origin},
        id::TokenId,
        refusal::Failure,
        revocations::MOST,
        time::Instant,
        token::{Cause, Ending, Status, Token},
    },
    store::{Family, Tx, Write},
};

/// Whether anything happens to a token that is ended so. A word or a leak weighs more than that it only lay idle, and a leak
/// more than a word.
pub(super) fn changes(token: &Token, ending: Ending, cause: Cause) -> bool {
    let weighs_more = match cause {
        Cause::Said => token.cause == Cause::Idle,
        Cause::Leak => token.cause != Cause::Leak,
        Cause::Idle | Cause::Undone => false,
    };
    token.status != Status::Deleted && (token.status != ending.status() || weighs_more)
}

/// Ends a token, and with it what waits to replace it, and puts that on record. Says whether anything
/// [happened](changes).
pub(super) fn end(
    tx: &mut Tx<'_>,
    token: &mut Token,
    ending: Ending,
    cause: Cause,
    origin: &Origin,
    now: Instant,
) -> Result<bool, Failure> {
    if !changes(token, ending, cause) {
        return Ok(false);
    }
    let before = token.status;
    let deed = match ending {
        Ending::Disable => Deed::TokenDisabled,
        Ending::Delete => Deed::TokenDeleted,
    };
    token.switch(ending.status(), cause, now);
    tx.update_token(before, token, now)?;
    undo_successor(tx, token, origin, now)?;
    let mut ended = event(token, deed, origin.clone(), now);
    if cause != Cause::Said {
        ended.detail = format!("cause={}", cause.as_str());
    }
    tx.record(&ended)?;
    Ok(true)
}

/// Ends a token as it stands by now. One that has ended meanwhile stays as it is, and so does an edited row, which can do
/// nothing.
pub(super) fn end_one(
    tx: &mut Tx<'_>,
    id: TokenId,
    ending: Ending,
    origin: &Origin,
    now: Instant,
) -> Result<(), Failure> {
    match believed(tx.token(id))? {
        Some(mut token) => end(tx, &mut token, ending, Cause::Said, origin, now).map(drop),
        None => Ok(()),
    }
}

impl Service {
    /// Revokes a token and, on request, all that it has minted and they in turn: it at once, and the others by and by, so
    /// that other writes have their turn in between. At the reply all of it is in force.
    pub(super) async fn revoke_family(
        &self,
        root: TokenId,
        descendants: bool,
        origin: Origin,
    ) -> Result<(), Failure> {
        let (below, now) = (descendants.then(|| Family::of(root)), self.now());
        self.revoke_to_the_end(Revoke { root, below, at_once: MOST, origin, now }).await
    }

    async fn revoke_to_the_end(&self, revoke: Revoke) -> Result<(), Failure> {
        let (store, mut left) = (Arc::clone(&self.store), Some(revoke));
        // The token is dead at the first commit: nobody could ask for the rest with it.
        to_the_end(async move {
            while let Some(revoke) = left {
                left = store.write(revoke).await?;
            }
            Ok(())
        })
        .await
    }
}

/// Revokes a token and those of its descendants that are found in so many steps; answers what is left to do.
///
/// Whatever is found is ended in the same transaction, so that it makes nothing that isn't found later.
struct Revoke {
    root: TokenId,
    /// The descendants, where they are to be revoked.
    below: Option<Family>,
    at_once: usize,
    origin: Origin,
    now: Instant,
}

impl Write for Revoke {
    type Output = Option<Self>;
    const REVISES: bool = true;

    fn apply(mut self, tx: &mut Tx<'_>) -> Result<Option<Self>, Failure> {
        end_one(tx, self.root, Ending::Delete, &self.origin, self.now)?;
        let Some(family) = &mut self.below else { return Ok(None) };
        for one in tx.more_descendants(family, self.at_once)? {
            end_one(tx, one.id, Ending::Delete, &self.origin, self.now)?;
        }
        let is_done = family.is_whole();
        Ok((!is_done).then_some(self))
    }
}

#[cfg(test)]
mod tests;
