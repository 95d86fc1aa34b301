//! What was gathered of many tokens and is to be merged into the tables later: appended as it comes, and then written
//! once for many uses of a token, in the order of the tables.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use rusqlite::params;

use super::{
    packed::{Unpack, pack},
    rows::{ReadError, Rows},
    sources::Successor,
    totals::{Scope, Total},
    uses::{Owners, sums},
    writer::{Tx, Write},
};
use crate::core::{gathered::Gathered, id::TokenId, refusal::Failure};

/// How many tokens there are to a part, about.
const PART: u64 = 4_096;

/// How many parts there are at the least and at the most.
const PARTS: (usize, usize) = (16, 1_024);

/// How many tokens are merged at once, about: other writes wait for that.
const TOKENS: usize = 4_096;

/// How many bytes are merged at once, about.
const BYTES: usize = 1 << 20;

/// The spill is to stay below this part of the database.
const SHARE: u64 = 8;

/// What the spill may always take, and more than what it is never to take, in bytes.
const MOST: (u64, u64) = (16 << 20, 1 << 30);

/// Before every id that there is.
const FIRST: TokenId = TokenId::from_bytes([0; 16]);

/// The places of a part's rows: from the first to before the second.
const fn places(part: i64) -> (i64, i64) {
    (part << 32, (part + 1) << 32)
}

/// What is spilled.
#[derive(Clone, Debug, Default)]
pub struct Spilled {
    /// How much, in bytes.
    pub bytes: u64,
    /// Beyond this it is to be merged whatever else there is to do, in bytes.
    pub most: u64,
    /// The parts in which there is anything, and how much, in the order of the tables.
    pub parts: Vec<(i64, u64)>,
}

impl Spilled {
    /// The part in which there is most; `None` where nothing is spilled.
    pub fn largest(&self) -> Option<i64> {
        self.parts.iter().max_by_key(|(_, bytes)| *bytes).map(|(part, _)| *part)
    }
}

impl Rows<'_> {
    /// How much is spilled, and where.
    pub fn spilled(&self) -> Result<Spilled, ReadError> {
        let parts =
            self.all("SELECT part, bytes FROM spill_parts WHERE bytes > 0 ORDER BY first", [], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
        let pages: i64 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let size: i64 = self.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        Ok(Spilled {
            bytes: parts.iter().map(|(_, bytes)| bytes).sum(),
            most: (pages.cast_unsigned() * size.cast_unsigned() / SHARE).clamp(MOST.0, MOST.1),
            parts,
        })
    }

    /// The part that a token's uses are spilled into; `None` where nothing is spilled.
    pub fn part_of(&self, token: TokenId) -> Result<Option<i64>, ReadError> {
        self.one(
            "SELECT part FROM spill_parts WHERE first <= ? ORDER BY first DESC LIMIT 1",
            [token],
            |row| row.get(0),
        )
    }

    /// What is spilled of a token.
    pub fn spilled_of(&self, token: TokenId) -> Result<Option<Gathered>, ReadError> {
        let Some(part) = self.part_of(token)? else { return Ok(None) };
        let mut all: Option<Gathered> = None;
        let mut statement =
            self.connection.prepare_cached("SELECT what FROM spill WHERE place >= ? AND place < ?")?;
        let mut rows = statement.query(places(part))?;
        while let Some(row) = rows.next()? {
            let what = row.get_ref(0)?.as_blob().unwrap_or_default();
            // In their order, each once.
            let tokens = Unpack::new(what).into_iter().flatten();
            let found = tokens.take_while(|(id, _)| *id <= token).find(|(id, _)| *id == token);
            if let Some((_, gathered)) = found {
                all.get_or_insert_default().add(gathered);
            }
        }
        Ok(all)
    }
}

/// Spills a batch of what was gathered in memory, sorted by token. What an organization had of checks and what all had is
/// in the table at once. Of a user who was deleted meanwhile nothing is spilled.
pub struct Spill(pub Vec<(TokenId, Arc<Gathered>)>);

impl Write for Spill {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self(mut batch) = self;
        for ((of, hour), tally) in sums(&batch) {
            tx.add_checks(of, hour, &tally)?;
        }
        let mut owners = Owners::default();
        let mut gone = Vec::new();
        for (token, gathered) in &batch {
            if owners.is_gone(tx, *token, gathered)? {
                gone.push(*token);
                tx.put_gathered(*token, gathered, true, None)?;
            }
        }
        if !gone.is_empty() {
            batch.retain(|(token, _)| gone.binary_search(token).is_err());
        }
        let parts = tx.parts(&batch)?;
        let mut rest = batch.as_slice();
        for (at, (first, part)) in parts.iter().enumerate() {
            let end =
                parts.get(at + 1).map_or(rest.len(), |(next, _)| rest.partition_point(|(id, _)| id < next));
            let (own, others) = rest.split_at(end);
            rest = others;
            if own.is_empty() {
                continue;
            }
            let (what, (from, to)) = (pack(own), places(*part));
            tx.execute(
                "INSERT INTO spill (place, what)
                 VALUES (ifnull((SELECT max(place) FROM spill WHERE place >= ?1 AND place < ?2), ?1) + 1, ?3)",
                params![from, to, what],
            )?;
            let bytes = i64::try_from(what.len()).unwrap_or(i64::MAX);
            tx.execute("UPDATE spill_parts SET bytes = bytes + ? WHERE first = ?", params![bytes, first])?;
        }
        Ok(())
    }
}

/// A token's in a merge.
struct Folded {
    successor: Option<Successor>,
    gathered: Gathered,
    /// Where there is a successor each by itself: what was before it was made isn't counted with what was after.
    more: Vec<Gathered>,
}

/// Merges a part of the spill into the tables, or the beginning of it; says whether there may be more of it.
pub struct Merge {
    /// Which.
    pub part: i64,
    /// How many rows of checks may stand for tokens. Beyond them the oldest go.
    pub most_hours: u64,
}

impl Write for Merge {
    type Output = bool;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<bool, Failure> {
        let (from, to) = places(self.part);
        let mut folded: HashMap<TokenId, Folded> = HashMap::new();
        let (mut last, mut bytes) = (from, 0);
        {
            let sql = "SELECT place, what FROM spill WHERE place >= ? AND place < ? ORDER BY place";
            let mut statement = tx.connection.prepare_cached(sql).map_err(ReadError::from)?;
            let mut rows = statement.query([from, to]).map_err(ReadError::from)?;
            while folded.len() < TOKENS
                && bytes < BYTES
                && let Some(row) = rows.next().map_err(ReadError::from)?
            {
                last = row.get(0).map_err(ReadError::from)?;
                let what = row.get_ref(1).map_err(ReadError::from)?.as_blob().unwrap_or_default();
                bytes += what.len();
                let tokens = Unpack::new(what);
                if tokens.is_none() {
                    tracing::error!(
                        place = last,
                        "what was gathered of some uses was edited: it is passed over"
                    );
                }
                for (token, gathered) in tokens.into_iter().flatten() {
                    fold(tx, &mut folded, token, gathered)?;
                }
            }
        }
        let mut tokens: Vec<_> = folded.into_iter().collect();
        tokens.sort_unstable_by_key(|(token, _)| *token);
        // Of whoever was erased nothing is spilled: that is merged before.
        let any_gone = !tx.users_to_erase(1)?.is_empty();
        let mut hours = 0;
        for (token, Folded { successor, gathered, more }) in tokens {
            let gone = any_gone && tx.is_orphan(token)?;
            for gathered in std::iter::once(gathered).chain(more) {
                hours += tx.put_gathered(token, &gathered, gone, successor)?;
            }
        }
        tx.count_hours(hours, self.most_hours)?;
        tx.execute("DELETE FROM spill WHERE place >= ? AND place <= ?", [from, last])?;
        let left =
            tx.one("SELECT 1 FROM spill WHERE place >= ? AND place < ? LIMIT 1", [from, to], |_| Ok(()))?;
        let merged = if left.is_some() { i64::try_from(bytes).unwrap_or(i64::MAX) } else { i64::MAX };
        tx.execute("UPDATE spill_parts SET bytes = max(bytes - ?, 0) WHERE part = ?", [merged, self.part])?;
        if left.is_none() && tx.one("SELECT 1 FROM spill LIMIT 1", [], |_| Ok(()))?.is_none() {
            tx.execute("DELETE FROM spill_parts", [])?;
        }
        Ok(left.is_some())
    }
}

fn fold(
    tx: &Tx<'_>,
    folded: &mut HashMap<TokenId, Folded>,
    token: TokenId,
    gathered: Gathered,
) -> Result<(), ReadError> {
    match folded.entry(token) {
        Entry::Vacant(none) => {
            none.insert(Folded { successor: tx.successor(token)?, gathered, more: Vec::new() });
        }
        Entry::Occupied(there) => {
            let there = there.into_mut();
            if there.successor.is_some() {
                there.more.push(gathered);
            } else {
                there.gathered.add(gathered);
            }
        }
    }
    Ok(())
}

impl Tx<'_> {
    /// Where each part begins. They are chosen where nothing is spilled: so that each gets as much of this batch, which is
    /// sorted by token.
    fn parts(&self, batch: &[(TokenId, Arc<Gathered>)]) -> Result<Vec<(TokenId, i64)>, ReadError> {
        let parts = self.all("SELECT first, part FROM spill_parts ORDER BY first", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        if !parts.is_empty() {
            return Ok(parts);
        }
        let tokens = self.total(Total::Tokens, Scope::EVERYWHERE)?;
        let count = usize::try_from((tokens / PART).next_power_of_two()).unwrap_or(PARTS.1);
        let count = count.clamp(PARTS.0, PARTS.1);
        let borders =
            (1..count).filter_map(|part| batch.get(part * batch.len() / count)).map(|(token, _)| *token);
        let mut firsts: Vec<_> = std::iter::once(FIRST).chain(borders).collect();
        firsts.dedup();
        let parts: Vec<_> = firsts.into_iter().zip(0..).collect();
        for (first, part) in &parts {
            self.execute(
                "INSERT INTO spill_parts (first, part, bytes) VALUES (?, ?, 0)",
                params![first, part],
            )?;
        }
        Ok(parts)
    }
}
