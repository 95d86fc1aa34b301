//! Removing the oldest events, so that what is left is still a chain: where it begins is sealed, as where it ends is.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use super::{
    events::{BEGINNING, COLUMNS, End, Walk},
    rows::{ReadError, Rows, Sealed},
    totals::{Scope, Total},
    writer::Tx,
};
use crate::core::{
    event::{Flaw, Origin},
    id::OrganizationId,
    keys::Sealer,
    refusal::{Failure, Refusal},
    time::Instant,
};

/// What was removed from the beginning of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The last event that is gone; as many are, since they are counted from one.
    pub through: i64,
    /// When it was removed.
    pub at: Instant,
}

/// A row.
#[derive(Debug)]
pub(super) struct Cut {
    end: End,
    at: Instant,
    actor: String,
    user: Option<Vec<u8>>,
    token: Option<Vec<u8>>,
}

pub(super) fn seal_cut(sealer: Sealer, cut: &Cut) -> Sealer {
    sealer
        .int(cut.end.sequence)
        .bytes(&cut.end.link.0)
        .int(cut.at.millis())
        .text(&cut.actor)
        .bytes(cut.user.as_deref().unwrap_or_default())
        .bytes(cut.token.as_deref().unwrap_or_default())
}

pub(super) fn cut(row: &Row<'_>) -> rusqlite::Result<Sealed<Cut>> {
    let cut = Cut {
        end: End { sequence: row.get("sequence")?, link: row.get("link")? },
        at: row.get("at")?,
        actor: row.get("actor")?,
        user: row.get("actor_user")?,
        token: row.get("actor_token")?,
    };
    Sealed::read(row, cut)
}

/// Where the record begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    /// What the first event goes on from.
    pub(super) end: End,
    /// What was before it.
    pub(super) pruned: Option<Pruned>,
}

impl Rows<'_> {
    /// Where the chain begins; `None` where its seal is broken, and nobody can say.
    pub(super) fn beginning(&self) -> Result<Option<Beginning>, ReadError> {
        let found = self.one("SELECT * FROM pruned", [], cut).and_then(|row| {
            row.map(|row| self.unseal(row, "pruned", seal_cut, |cut| cut.end.sequence.to_string()))
                .transpose()
        });
        match found {
            Ok(None) => Ok(Some(Beginning { end: BEGINNING, pruned: None })),
            Ok(Some(Cut { end, at, .. })) => {
                Ok(Some(Beginning { end, pruned: Some(Pruned { through: end.sequence, at }) }))
            }
            Err(error) if error.is_edit() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What was removed of the record so far.
    pub fn pruned(&self) -> Result<Option<Pruned>, ReadError> {
        Ok(self.beginning()?.and_then(|beginning| beginning.pruned))
    }
}

fn unsound(sequence: i64, flaw: Flaw) -> Refusal {
    let problem = format!("event {sequence} isn't sound ({flaw}): nothing is removed from there on");
    Refusal::invalid("before", problem)
}

impl Tx<'_> {
    /// Removes the oldest events, at most `limit` of those before `before`; how many they were. Each is held against the
    /// one in front of it first: what isn't sound stays, so that it is found.
    pub fn prune_events(
        &mut self,
        before: Instant,
        limit: u32,
        now: Instant,
        by: &Origin,
    ) -> Result<u32, Failure> {
        let first = self.beginning()?.ok_or_else(|| unsound(1, Flaw::Beginning))?;
        let end = self.chain.sound_end().ok_or_else(|| unsound(first.end.sequence + 1, Flaw::End))?;
        let mut walk = Walk::from(first, end);
        let mut counts: BTreeMap<Option<OrganizationId>, i64> = BTreeMap::new();
        let mut removed = 0;
        {
            let mut statement = self.connection.prepare_cached(COLUMNS).map_err(ReadError::from)?;
            let mut rows = statement.query(params![i64::MIN, i64::MAX, limit]).map_err(ReadError::from)?;
            while let Some(row) = rows.next().map_err(ReadError::from)? {
                let at: Instant = row.get(1).map_err(ReadError::from)?;
                if at >= before {
                    break;
                }
                self.step(&mut walk, row)?.map_err(|(sequence, flaw)| unsound(sequence, flaw))?;
                *counts.entry(row.get("organization").map_err(ReadError::from)?).or_default() += 1;
                removed += 1;
            }
        }
        if removed == 0 {
            return Ok(0);
        }
        let end = walk.at();
        self.execute("DELETE FROM events WHERE sequence <= ?", [end.sequence])?;
        self.count(Total::Events, Scope::EVERYWHERE, -i64::from(removed));
        for (organization, count) in counts {
            if let Some(organization) = organization {
                self.count(Total::Events, organization, -count);
            }
        }
        let id = |id: [u8; 16]| id.to_vec();
        let cut = Cut {
            end,
            at: now,
            actor: by.actor.as_str().to_owned(),
            user: by.actor.user().map(|user| id(user.0)),
            token: by.actor.token().map(|token| id(token.0)),
        };
        let (seal, pepper) = self.seal("pruned", |sealer| seal_cut(sealer, &cut));
        self.execute(
            "INSERT OR REPLACE INTO pruned (one, sequence, link, at, actor, actor_user, actor_token, seal, seal_pepper)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![end.sequence, end.link, cut.at, cut.actor, cut.user, cut.token, seal, pepper],
        )?;
        Ok(removed)
    }
}
