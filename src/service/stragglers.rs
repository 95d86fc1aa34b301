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
#[derive(Clone, Debug)]
pub struct Stragglers {
    /// What is to take the token's place, or has taken it.
    pub successor: TokenId,
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
        let token = self.token(caller, reference)?.token.id;
        // One that moved on a second ago has moved on.
        self.write_uses().await?;
        let now = self.now();
        let read = move |rows: &Rows<'_>| rows.steady(|rows| stragglers(rows, token, now));
        self.store.read_apart(read).await
    }
}

fn stragglers(rows: &Rows<'_>, token: TokenId, now: Instant) -> Result<Stragglers, Failure> {
    let token = rows.token(token)?.ok_or(Refusal::NotFound { what: "token" })?;
    let successors = successors(rows, &token, now)?;
    let successor = successors.first().ok_or(Refusal::NotFound { what: "rotation" })?;
    let mut sources = Vec::new();
    for source in rows.sources_beside(token.id, successor.id, successor.created_at)? {
        if !has_moved(rows, &source, &successors)? {
            sources.push(source);
        }
    }
    let mut used = false;
    for successor in &successors {
        used |= rows.token_use(successor.id)?.is_some();
    }
    Ok(Stragglers {
        successor: successor.id,
        superseded_at: token.superseded.map(|superseded| superseded.at),
        dies_at: token.expires_at,
        safe_to_finish: used && sources.is_empty(),
        sources,
    })
}

/// What takes a token's place, and what has taken the place of that.
fn successors(rows: &Rows<'_>, token: &Token, now: Instant) -> Result<Vec<Token>, ReadError> {
    let mut found = Vec::new();
    let mut last = token.superseded;
    while let Some(superseded) = last {
        let successor = rows.token(superseded.by)?.ok_or_else(ReadError::missing)?;
        last = successor.superseded;
        found.push(successor);
    }
    if found.is_empty() {
        let waits = |it: &Token| it.waiting.is_some_and(|waiting| now < waiting.until);
        found.extend(rows.waiting_for(token.id)?.filter(waits));
    }
    Ok(found)
}

fn has_moved(rows: &Rows<'_>, source: &Source, successors: &[Token]) -> Result<bool, ReadError> {
    if source.address.as_deref() == Some(Source::OTHERS) {
        return Ok(false);
    }
    for successor in successors {
        if rows.last_use_from(successor.id, source)?.is_some_and(|last_at| last_at > source.last_at) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
