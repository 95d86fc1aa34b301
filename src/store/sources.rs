//! What a token was used from: each address and agent by itself, as long as they aren't too many.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::{
    gathered::{Gathered, Seen, Times},
    id::TokenId,
    refusal::Failure,
    time::Instant,
    token::Token,
    uses::{SOURCES, Source},
};

/// How many of a token's successors are looked at together.
const SUCCESSORS: u32 = 64;

/// What takes a token's place, and since when there is such a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Successor {
    id: TokenId,
    made_at: Instant,
}

fn source(row: &Row<'_>) -> rusqlite::Result<Source> {
    let given = |text: String| (!text.is_empty()).then_some(text);
    Ok(Source {
        address: given(row.get(0)?),
        agent: given(row.get(1)?),
        first_at: row.get(2)?,
        last_at: row.get(3)?,
        count: row.get::<_, i64>(4)?.cast_unsigned(),
    })
}

impl Rows<'_> {
    /// All that a token was used from, as far as it is kept and has been written down; what was used last comes first.
    pub fn sources(&self, token: TokenId) -> Result<Vec<Source>, ReadError> {
        self.sources_since(token, Instant::from_millis(0), u32::MAX)
    }

    /// The same, of those that used it at this instant or later; `most` of them.
    pub fn sources_since(&self, token: TokenId, since: Instant, most: u32) -> Result<Vec<Source>, ReadError> {
        self.all(
            "SELECT address, agent, first_at, last_at, count FROM token_sources
             WHERE token = ? AND last_at >= ? ORDER BY last_at DESC, address, agent LIMIT ?",
            params![token, since, most],
            source,
        )
    }

    /// What has used a token since its successor was made, each with its uses since then.
    pub fn sources_beside(
        &self,
        token: TokenId,
        successor: TokenId,
        made_at: Instant,
    ) -> Result<Vec<Source>, ReadError> {
        self.all(
            "SELECT address, agent, first_at, last_at, iif(successor = ?2, since_count, count) FROM token_sources
             WHERE token = ?1 AND last_at >= ?3 ORDER BY last_at DESC, address, agent",
            params![token, successor, made_at],
            source,
        )
    }

    /// What has used those that took a token's place one after the other, or is to take it; each with its last use of any.
    /// Of very many it is the latest that are looked at.
    pub fn sources_after(&self, token: &Token) -> Result<Vec<Source>, ReadError> {
        self.all(
            "SELECT address, agent, min(first_at), max(last_at), sum(count) FROM token_sources WHERE token IN
                 (SELECT id FROM tokens INDEXED BY tokens_by_line WHERE line = ? AND id > ?
                      AND (waits_until IS NULL OR status <> 'deleted') ORDER BY id DESC LIMIT ?)
             GROUP BY address, agent",
            params![token.line(), token.id, SUCCESSORS],
            source,
        )
    }

    /// Those that took a token's place one after the other, or are to take it; of very many the latest.
    pub fn successors(&self, token: &Token) -> Result<Vec<TokenId>, ReadError> {
        self.all(
            "SELECT id FROM tokens INDEXED BY tokens_by_line WHERE line = ? AND id > ?
                 AND (waits_until IS NULL OR status <> 'deleted') ORDER BY id DESC LIMIT ?",
            params![token.line(), token.id, SUCCESSORS],
            |row| row.get(0),
        )
    }

    /// Whether any of them has been used.
    pub fn used_after(&self, token: &Token) -> Result<bool, ReadError> {
        let used = self.one(
            "SELECT 1 FROM token_uses WHERE last_at > 0 AND token IN
                 (SELECT id FROM tokens INDEXED BY tokens_by_line WHERE line = ? AND id > ?
                      AND (waits_until IS NULL OR status <> 'deleted') ORDER BY id DESC LIMIT ?)
             LIMIT 1",
            params![token.line(), token.id, SUCCESSORS],
            |_| Ok(()),
        )?;
        Ok(used.is_some())
    }

    /// What takes a token's place.
    pub(super) fn successor(&self, token: TokenId) -> Result<Option<Successor>, ReadError> {
        self.one(
            "SELECT id, created_at FROM tokens WHERE replaces = ? AND cause <> 'undone' ORDER BY id DESC LIMIT 1",
            [token],
            |row| Ok(Successor { id: row.get(0)?, made_at: row.get(1)? }),
        )
    }
}

fn text(part: Option<&String>) -> &str {
    part.map_or("", String::as_str)
}

impl Tx<'_> {
    /// Puts uses on top of those that stand there. Where more sources than are told apart would stand there, those that
    /// were used longest ago go into one that stands for all others.
    pub(super) fn add_sources(
        &mut self,
        token: TokenId,
        gathered: &Gathered,
        successor: Option<Successor>,
    ) -> Result<(), Failure> {
        let mut grown = false;
        for Seen { address, agent, times } in gathered.seen() {
            let address = address.map(|address| address.to_string());
            let (address, agent) = (text(address.as_ref()), agent.as_deref().unwrap_or_default());
            grown |= self.add_source(token, (address, agent), times, successor, since(times, successor))?;
        }
        if let Some(times) = gathered.others() {
            self.add_source(token, (Source::OTHERS, ""), times, successor, since(times, successor))?;
        }
        if grown { self.fold_sources(token, successor) } else { Ok(()) }
    }

    /// Says whether it is a new one.
    fn add_source(
        &mut self,
        token: TokenId,
        (address, agent): (&str, &str),
        times: &Times,
        successor: Option<Successor>,
        since_count: u64,
    ) -> Result<bool, Failure> {
        let values = params![
            token,
            address,
            agent,
            times.first_at,
            times.last_at,
            times.count.cast_signed(),
            successor.map(|successor| successor.id),
            since_count.cast_signed(),
        ];
        let known = self.execute(
            "UPDATE token_sources SET first_at = min(first_at, ?4), last_at = max(last_at, ?5), count = count + ?6,
                 since_count = iif(successor IS ?7, since_count, 0) + ?8, successor = ?7
             WHERE token = ?1 AND address = ?2 AND agent = ?3",
            values,
        )?;
        if known == 0 {
            self.execute(
                "INSERT INTO token_sources
                     (token, address, agent, first_at, last_at, count, successor, since_count)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                values,
            )?;
        }
        Ok(known == 0)
    }

    fn fold_sources(&mut self, token: TokenId, successor: Option<Successor>) -> Result<(), Failure> {
        // Most have few: then nothing has to be sorted.
        let sql = "SELECT 1 FROM token_sources WHERE token = ? LIMIT 1 OFFSET ?";
        if self.one(sql, params![token, SOURCES], |_| Ok(()))?.is_none() {
            return Ok(());
        }
        let id = successor.map(|successor| successor.id);
        let beyond = self.all(
            "SELECT address, agent, first_at, last_at, count, iif(successor IS ?2, since_count, 0) FROM token_sources
             WHERE token = ?1 AND address <> ?3 ORDER BY last_at DESC, address, agent LIMIT -1 OFFSET ?4",
            params![token, id, Source::OTHERS, SOURCES],
            |row| Ok((source(row)?, row.get::<_, i64>(5)?.cast_unsigned())),
        )?;
        for (source, since_count) in beyond {
            self.execute(
                "DELETE FROM token_sources WHERE token = ? AND address = ? AND agent = ?",
                params![token, text(source.address.as_ref()), text(source.agent.as_ref())],
            )?;
            let Source { first_at, last_at, count, .. } = source;
            let times = Times { first_at, last_at, count };
            self.add_source(token, (Source::OTHERS, ""), &times, successor, since_count)?;
        }
        Ok(())
    }
}

/// How many of these were after the successor was made: they were gathered on one side of that.
fn since(times: &Times, successor: Option<Successor>) -> u64 {
    let since = successor.filter(|successor| times.last_at >= successor.made_at);
    since.map_or(0, |_| times.count)
}
