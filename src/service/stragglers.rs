//! Who still uses a token that is being replaced.

use super::{Caller, Service};
use crate::{
    core::{
        id::{OfToken, Reference, TokenId},
        refusal::{Failure, Refusal},
        time::Instant,
        token::Token,
        uses::Source,
    },
    store::{ReadError, Rows},
};

/// How far a rotation has come.
#[derive(Clone, Debug, Default)]
pub struct Stragglers {
    /// What is to take the token's place, or has taken it; `None` where nothing is.
    pub successor: Option<TokenId>,
    /// Since when it has.
    pub superseded_at: Option<Instant>,
    /// When the old one dies.
    pub dies_at: Option<Instant>,
    /// What has used the old one since the successor was made, and no successor after that; each with its uses since
    /// then.
    pub sources: Vec<Source>,
    /// Whether the successor is in use and nothing else is left.
    pub safe_to_finish: bool,
}

impl Service {
    /// Who has used a token since its successor was made, and hasn't moved on: their last use is one of the old token.
    ///
    /// Sources that aren't told apart can't be seen to move on, so they stay until the old token dies.
    pub async fn stragglers(
        &self,
        caller: &Caller,
        reference: &Reference<OfToken>,
    ) -> Result<Stragglers, Failure> {
        let token = self.token(caller, reference)?.token;
        // One that moved on a second ago has moved on.
        let line = self.store.read(|rows| rows.successors(&token))?;
        let token = token.id;
        self.settle_uses_of(&[&[token][..], &line].concat()).await?;
        let now = self.now();
        let read = move |rows: &Rows<'_>| rows.steady(|rows| stragglers(rows, token, now));
        self.store.read_apart(read).await
    }
}

fn stragglers(rows: &Rows<'_>, token: TokenId, now: Instant) -> Result<Stragglers, Failure> {
    let token = rows.token(token)?.ok_or(Refusal::NotFound { what: "token" })?;
    let Some(successor) = successor(rows, &token, now)? else {
        let dies_at = token.expires_at;
        return Ok(Stragglers { dies_at, ..Stragglers::default() });
    };
    let moved = rows.sources_after(&token)?;
    let mut sources = rows.sources_beside(token.id, successor.id, successor.created_at)?;
    sources.retain(|source| !has_moved(source, &moved));
    let used = rows.used_after(&token)?;
    Ok(Stragglers {
        successor: Some(successor.id),
        superseded_at: token.superseded.map(|superseded| superseded.at),
        dies_at: token.expires_at,
        safe_to_finish: used && sources.is_empty(),
        sources,
    })
}

/// What has taken a token's place, or is to take it.
fn successor(rows: &Rows<'_>, token: &Token, now: Instant) -> Result<Option<Token>, ReadError> {
    if let Some(superseded) = token.superseded {
        return rows.token(superseded.by)?.ok_or_else(ReadError::missing).map(Some);
    }
    let waits = |it: &Token| it.waiting.is_some_and(|waiting| now < waiting.until);
    Ok(rows.waiting_for(token.id)?.filter(waits))
}

/// Whether a source's last use is one of what came after the token.
fn has_moved(source: &Source, moved: &[Source]) -> bool {
    let is_it = |it: &&Source| it.address == source.address && it.agent == source.agent;
    let others = source.address.as_deref() == Some(Source::OTHERS);
    !others && moved.iter().find(is_it).is_some_and(|it| it.last_at > source.last_at)
}

#[cfg(test)]
mod tests;
