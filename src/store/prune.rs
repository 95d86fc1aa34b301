//! Taking away what tokens were used from and for, a stretch of tokens at a time.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    writer::{Tx, Write},
};
use crate::core::{
    id::TokenId,
    refusal::Failure,
    time::{DAY, Instant},
};

/// Rows in a stretch, about: all of its last token's are in it.
const STRETCH: u32 = 2_000;

/// What is kept for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What tokens were used from.
    Sources,
    /// What was demanded of them.
    Demands,
}

impl Rows<'_> {
    /// When jeton began to keep both.
    pub fn recording_since(&self) -> Result<Option<Instant>, ReadError> {
        self.one("SELECT began_at FROM recording", [], |row| row.get(0))
    }

    /// The last token of the stretch after `after`, and whether anything in it is older than `before`; `None` at the end.
    pub fn stretch(
        &self,
        table: Kept,
        after: Option<TokenId>,
        before: Instant,
    ) -> Result<Option<(TokenId, bool)>, ReadError> {
        let sql = match table {
            Kept::Sources => {
                "SELECT last, EXISTS (SELECT 1 FROM token_sources WHERE token > ?1 AND token <= last AND last_at < ?2)
                 FROM (SELECT max(token) AS last
                       FROM (SELECT token FROM token_sources WHERE token > ?1 ORDER BY token LIMIT ?3))"
            }
            Kept::Demands => {
                "SELECT last, EXISTS (SELECT 1 FROM token_demands WHERE token > ?1 AND token <= last AND last_at < ?2)
                 FROM (SELECT max(token) AS last
                       FROM (SELECT token FROM token_demands WHERE token > ?1 ORDER BY token LIMIT ?3))"
            }
        };
        let found = self.one(sql, params![after.unwrap_or(FIRST), before, STRETCH], |row| {
            Ok((row.get::<_, Option<TokenId>>(0)?, row.get::<_, bool>(1)?))
        })?;
        Ok(found.and_then(|(last, any)| Some((last?, any))))
    }
}

/// Before every id that there is.
const FIRST: TokenId = TokenId::from_bytes([0; 16]);

/// Takes away what is older than `before` of the tokens after `after` up to `last`.
pub struct Prune {
    /// From where.
    pub table: Kept,
    /// The last token of the stretch before.
    pub after: Option<TokenId>,
    /// The last one of this.
    pub last: TokenId,
    /// What was last seen before this instant goes.
    pub before: Instant,
}

impl Write for Prune {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let sql = match self.table {
            Kept::Sources => "DELETE FROM token_sources WHERE token > ? AND token <= ? AND last_at < ?",
            Kept::Demands => "DELETE FROM token_demands WHERE token > ? AND token <= ? AND last_at < ?",
        };
        tx.execute(sql, params![self.after.unwrap_or(FIRST), self.last, self.before])?;
        Ok(())
    }
}

/// Notes that it is looked for what is too old, and says whether it may be taken away.
///
/// A clock that is more than a day ahead of the last look may be a wrong one: nothing goes for a day, in which somebody
/// may see it. After a stop of more than a day the same is waited, for nothing.
pub struct Look {
    /// The time.
    pub now: Instant,
}

impl Write for Look {
    type Output = bool;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<bool, Failure> {
        let Self { now } = self;
        let kept: Option<(Instant, Instant)> =
            tx.one("SELECT looked_at, prunes_from FROM recording", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some((looked_at, prunes_from)) = kept else { return Ok(false) };
        let jumped = now.millis().saturating_sub(looked_at.millis()) > DAY;
        let prunes_from = if jumped { now.checked_add(DAY).unwrap_or(now) } else { prunes_from };
        tx.execute("UPDATE recording SET looked_at = ?, prunes_from = ?", params![now, prunes_from])?;
        Ok(now >= prunes_from)
    }
}
