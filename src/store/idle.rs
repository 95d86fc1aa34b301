//! What is announced to tokens that nobody uses, which tokens may lie idle for how long, and the time lived through.
//! Notices and that time decide, so they are sealed.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows, Sealed},
    tokens::token,
    writer::Tx,
};
use crate::core::{
    id::{OrganizationId, TokenId},
    idle::Notice,
    keys::Sealer,
    lived::Lived,
    refusal::Failure,
    token::{Ending, Token},
};

pub(super) fn seal_notice(sealer: Sealer, (token, row): &(TokenId, Notice)) -> Sealer {
    sealer
        .bytes(&token.0)
        .text(row.action.as_str())
        .int(row.announced_at.millis())
        .int(row.due_at.millis())
        .int(row.ripe_at)
}

pub(super) fn notice(row: &Row<'_>) -> rusqlite::Result<Sealed<(TokenId, Notice)>> {
    let value = Notice {
        action: row.get("action")?,
        announced_at: row.get("announced_at")?,
        due_at: row.get("due_at")?,
        ripe_at: row.get("ripe_at")?,
    };
    Sealed::read(row, (row.get("token")?, value))
}

pub(super) fn seal_lived(sealer: Sealer, row: &Lived) -> Sealer {
    sealer.int(row.millis).int(row.held_until).text(&row.gaps_to_text())
}

pub(super) fn lived(row: &Row<'_>) -> rusqlite::Result<Sealed<Lived>> {
    let gaps: String = row.get("gaps")?;
    let gaps = Lived::gaps_from_text(&gaps).ok_or(rusqlite::types::FromSqlError::InvalidType)?;
    Sealed::read(row, Lived { millis: row.get("lived")?, held_until: row.get("held_until")?, gaps })
}

/// Those tokens that may lie idle for so long and no longer, a stretch of a walk over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleWalk {
    /// Those that say so themselves, after this one.
    Own(i64, TokenId),
    /// Those of an organization that says so, after this one.
    Of(OrganizationId, TokenId),
}

/// The id before all others.
const FIRST: TokenId = TokenId::from_bytes([0; 16]);

impl IdleWalk {
    /// Over the tokens that say so themselves.
    pub const fn own() -> Self {
        Self::Own(0, FIRST)
    }

    /// Over an organization's.
    pub const fn of(organization: OrganizationId) -> Self {
        Self::Of(organization, FIRST)
    }
}

impl Rows<'_> {
    /// The time lived through, as it was written down; `None` where it never was.
    pub fn lived(&self) -> Result<Option<Lived>, ReadError> {
        let row = self.one("SELECT * FROM idle_clock", [], lived)?;
        row.map(|row| self.unseal(row, "idle_clock", seal_lived, |_| "1".to_owned())).transpose()
    }

    /// What is announced to a token.
    pub fn notice(&self, token: TokenId) -> Result<Option<Notice>, ReadError> {
        let row = self.one("SELECT * FROM idle_notices WHERE token = ?", [token], notice)?;
        let believed = |row| self.unseal(row, "idle_notices", seal_notice, |(token, _)| token.to_string());
        Ok(row.map(believed).transpose()?.map(|(_, notice)| notice))
    }

    /// At most `limit` of the tokens to which something is announced, those after `after`.
    pub fn noticed(&self, after: Option<TokenId>, limit: u32) -> Result<Vec<TokenId>, ReadError> {
        self.all(
            "SELECT token FROM idle_notices WHERE token > ? ORDER BY token LIMIT ?",
            params![after.unwrap_or(FIRST), limit],
            |row| row.get(0),
        )
    }

    /// At most `limit` of those for which as much was lived through as has to be.
    pub fn ripe(&self, lived: &Lived, limit: u32) -> Result<Vec<TokenId>, ReadError> {
        self.all(
            "SELECT token FROM idle_notices WHERE ripe_at <= ? ORDER BY ripe_at, token LIMIT ?",
            params![lived.millis, limit],
            |row| row.get(0),
        )
    }

    /// How much has to have been lived through for the next one.
    pub fn next_ripe(&self) -> Result<Option<i64>, ReadError> {
        Ok(self.one("SELECT min(ripe_at) FROM idle_notices", [], |row| row.get(0))?.flatten())
    }

    /// How many notices there are of an action.
    pub fn notices(&self, action: Ending) -> Result<i64, ReadError> {
        let count =
            self.one("SELECT count(*) FROM idle_notices WHERE action = ?", [action], |row| row.get(0))?;
        Ok(count.unwrap_or(0))
    }

    /// The shortest time that anything may lie idle, in milliseconds.
    pub fn shortest_idle(&self) -> Result<Option<i64>, ReadError> {
        Ok(self
            .one(
                "SELECT min(shortest) FROM (
                     SELECT min(max_idle) AS shortest FROM organizations WHERE max_idle IS NOT NULL
                     UNION ALL
                     SELECT min(max_idle) FROM tokens WHERE max_idle IS NOT NULL AND status <> 'deleted')",
                [],
                |row| row.get(0),
            )?
            .flatten())
    }

    /// The organizations whose tokens may not lie idle for good.
    pub fn organizations_by_idleness(&self) -> Result<Vec<OrganizationId>, ReadError> {
        self.all("SELECT id FROM organizations WHERE max_idle IS NOT NULL", [], |row| row.get(0))
    }

    /// At most `limit` tokens of a walk, and where it goes on; those that were edited are reported and left out.
    pub fn idle_walk(&self, walk: IdleWalk, limit: u32) -> Result<(Vec<Token>, Option<IdleWalk>), ReadError> {
        let rows = match walk {
            IdleWalk::Own(max_idle, after) => self.all(
                "SELECT * FROM tokens INDEXED BY tokens_kept_by_idleness
                 WHERE max_idle IS NOT NULL AND status <> 'deleted' AND (max_idle, id) > (?, ?)
                 ORDER BY max_idle, id LIMIT ?",
                params![max_idle, after, limit],
                token,
            )?,
            IdleWalk::Of(organization, after) => self.all(
                "SELECT * FROM tokens INDEXED BY tokens_kept_by_organization
                 WHERE organization = ? AND status <> 'deleted' AND id > ? ORDER BY id LIMIT ?",
                params![organization, after, limit],
                token,
            )?,
        };
        let last = rows.last().map(|row| &row.value).filter(|_| rows.len() == limit as usize);
        let next = last.map(|last| match walk {
            IdleWalk::Own(..) => IdleWalk::Own(last.max_idle.unwrap_or(0), last.id),
            IdleWalk::Of(organization, _) => IdleWalk::Of(organization, last.id),
        });
        Ok((Self::sound(rows.into_iter().map(|row| self.believe_token(row)))?, next))
    }
}

impl Tx<'_> {
    /// Announces something to a token.
    pub fn insert_notice(&mut self, token: TokenId, row: Notice) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("idle_notices", |sealer| seal_notice(sealer, &(token, row)));
        self.execute(
            "INSERT INTO idle_notices (token, action, announced_at, due_at, ripe_at, seal, seal_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![token, row.action, row.announced_at, row.due_at, row.ripe_at, seal, pepper],
        )?;
        Ok(())
    }

    /// Takes back what was announced to a token.
    pub fn delete_notice(&mut self, token: TokenId) -> Result<(), Failure> {
        self.execute("DELETE FROM idle_notices WHERE token = ?", [token])?;
        Ok(())
    }

    /// Writes down the time lived through.
    pub fn put_lived(&mut self, row: &Lived) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("idle_clock", |sealer| seal_lived(sealer, row));
        self.execute(
            "INSERT OR REPLACE INTO idle_clock (one, lived, held_until, gaps, seal, seal_pepper)
             VALUES (1, ?, ?, ?, ?, ?)",
            params![row.millis, row.held_until, row.gaps_to_text(), seal, pepper],
        )?;
        Ok(())
    }
}
