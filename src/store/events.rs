//! The chain of events: appended with each mutation, in its transaction; where it ends is sealed with each commit.

use rusqlite::{Row, params};

use super::{
    pruned::{Beginning, Pruned},
    rows::{ReadError, Rows, Sealed},
    totals::{Scope, Total},
    writer::Tx,
};
use crate::core::{
    event::{Entry, Event, Flaw},
    id::UserId,
    keys::{Digest, PepperId, Sealer},
    refusal::Failure,
    time::Instant,
};

/// What stands before the first event.
pub(super) const BEGINNING: End = End { sequence: 0, link: Digest([0; 32]) };

/// A place in the chain: after this event, with this link, or at the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) sequence: i64,
    pub(super) link: Digest,
}

/// A stretch of whole rows.
pub(super) const COLUMNS: &str =
    "SELECT sequence, at, actor, actor_user, actor_token, address, address_digest, deed, object_kind, object,
            organization, detail, link, link_pepper
     FROM events WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?";

fn seal_end(sealer: Sealer, end: &End) -> Sealer {
    sealer.int(end.sequence).bytes(&end.link.0)
}

/// Where a transaction appends, and what it has appended so far.
#[derive(Debug)]
pub(super) struct Chain {
    end: End,
    at: Instant,
    /// Whether the end as found was ours. One that wasn't is left as it is: sealed anew, it would hide what was cut off.
    sealed: bool,
    /// The last one as found.
    before: i64,
}

/// How far a chain had come before a write, to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    end: End,
    at: Instant,
}

impl Chain {
    /// Where it ends, with what the transaction has appended; `None` where the end as found wasn't ours.
    pub(super) fn sound_end(&self) -> Option<End> {
        self.sealed.then_some(self.end)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { end: self.end, at: self.at }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        (self.end, self.at) = (mark.end, mark.at);
    }
}

/// How far a walk along the chain has come. Events that are recorded while it lasts are the next walk's.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// Where it began; `None` where that seal is broken.
    first: Option<Beginning>,
    at: End,
    /// The last row there was when the walk began.
    last: i64,
    /// The sealed end at that time; `None` where its seal is broken.
    end: Option<End>,
}

impl Walk {
    pub(super) const fn from(first: Beginning, end: End) -> Self {
        Self { first: Some(first), at: first.end, last: end.sequence, end: Some(end) }
    }

    /// How many events were found sound.
    pub fn count(&self) -> i64 {
        self.at.sequence - self.first.map_or(0, |first| first.end.sequence)
    }

    /// What was removed from before its beginning.
    pub fn pruned(&self) -> Option<Pruned> {
        self.first.and_then(|first| first.pruned)
    }

    pub(super) const fn at(&self) -> End {
        self.at
    }

    /// The sequence that is looked at next.
    pub const fn next(&self) -> i64 {
        self.at.sequence + 1
    }
}

/// What a stretch of a walk has found.
#[derive(Clone, Copy, Debug)]
pub enum Stretch {
    /// Sound so far, and there is more.
    More(Walk),
    /// Sound to the end.
    Sound(Walk),
    /// Not sound: the first row that is wrong, and how. The walk stands before it.
    Flawed(Walk, i64, Flaw),
}

impl Rows<'_> {
    /// The end of the chain as it was sealed; `None` where nobody can say.
    fn sealed_end(&self) -> Result<Option<End>, ReadError> {
        let row = self.one("SELECT sequence, link, seal, seal_pepper FROM chain_end", [], |row| {
            Sealed::read(row, End { sequence: row.get(0)?, link: row.get(1)? })
        })?;
        self.believe_end(row)
    }

    fn believe_end(&self, row: Option<Sealed<End>>) -> Result<Option<End>, ReadError> {
        let Some(row) = row else { return Ok(None) };
        match self.unseal(row, "chain_end", seal_end, |end| end.sequence.to_string()) {
            Ok(end) => Ok(Some(end)),
            Err(error) if error.is_edit() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The users who did something to a thing: the last one, and the first. `None` for what nobody with a name did.
    pub fn actors_upon(&self, object: [u8; 16]) -> Result<[Option<UserId>; 2], ReadError> {
        let actor = |row: &Row<'_>| row.get(0);
        let last = self.one(
            "SELECT actor_user FROM events INDEXED BY events_by_object WHERE object = ? ORDER BY sequence DESC LIMIT 1",
            [object],
            actor,
        )?;
        // Where its making isn't on record any more, the first that is left wasn't by its maker.
        let first = self.one(
            "SELECT iif(deed LIKE '%.created', actor_user, NULL) FROM events INDEXED BY events_by_object
             WHERE object = ? ORDER BY sequence LIMIT 1",
            [object],
            actor,
        )?;
        Ok([last.flatten(), first.flatten()])
    }

    fn last_event(&self) -> Result<Option<(End, Instant)>, ReadError> {
        self.one("SELECT sequence, link, at FROM events ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok((End { sequence: row.get(0)?, link: row.get(1)? }, row.get(2)?))
        })
    }

    /// Where the next event is appended: after the sealed end, so that what was cut off stays missing, and after
    /// the last row, so that a row put there by somebody else doesn't stop the writer.
    pub(super) fn end_of_chain(&self) -> Result<Chain, ReadError> {
        let (last, at) = self.last_event()?.unwrap_or((BEGINNING, Instant::default()));
        let sealed = self.sealed_end()?;
        let link = sealed.map_or(last.link, |end| end.link);
        let sequence = sealed.map_or(0, |end| end.sequence).max(last.sequence);
        let end = End { sequence, link };
        Ok(Chain { end, at, sealed: sealed.is_some(), before: end.sequence })
    }

    /// Whether the last event is the one that was sealed as the end: a glance, where a walk would take long.
    pub(super) fn ends_as_sealed(&self) -> Result<bool, ReadError> {
        let last = self.last_event()?.map_or(BEGINNING, |(end, _)| end);
        let sealed = self.sealed_end()?;
        Ok(sealed.is_some_and(|end| end.sequence == last.sequence && end.link.matches(&last.link)))
    }

    /// Begins a walk along the whole chain.
    pub fn walk(&self) -> Result<Walk, ReadError> {
        // Before all else: what is removed from then on is found to be.
        let first = self.beginning()?;
        // One statement, and so one moment: between two the log grows.
        let found = self.one(
            "SELECT (SELECT max(sequence) FROM events) AS last, chain_end.sequence, link, seal, seal_pepper
             FROM (SELECT 1) LEFT JOIN chain_end",
            [],
            |row| {
                let sealed = match row.get(1)? {
                    Some(sequence) => Some(Sealed::read(row, End { sequence, link: row.get(2)? })?),
                    None => None,
                };
                Ok((row.get::<_, Option<i64>>(0)?.unwrap_or(0), sealed))
            },
        )?;
        let (last, sealed) = found.unwrap_or((0, None));
        let at = first.map_or(BEGINNING, |first| first.end);
        Ok(Walk { first, at, last, end: self.believe_end(sealed)? })
    }

    /// Goes on with a walk, by at most `limit` events: a read short enough that the log can be cut meanwhile.
    pub fn walk_on(&self, mut walk: Walk, limit: u32) -> Result<Stretch, ReadError> {
        let Some(first) = walk.first else { return Ok(Stretch::Flawed(walk, walk.next(), Flaw::Beginning)) };
        let from = if walk.at.sequence == first.end.sequence { i64::MIN } else { walk.next() };
        let mut statement = self.connection.prepare_cached(COLUMNS)?;
        let mut rows = statement.query(params![from, walk.last, limit])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            seen += 1;
            if let Err((sequence, flaw)) = self.step(&mut walk, row)? {
                return Ok(self.further(&walk)?.unwrap_or(Stretch::Flawed(walk, sequence, flaw)));
            }
        }
        if seen == limit {
            return Ok(Stretch::More(walk));
        }
        if let Some(further) = self.further(&walk)? {
            return Ok(further);
        }
        Ok(match walk.end {
            None => Stretch::Flawed(walk, walk.next(), Flaw::End),
            Some(end) if end.sequence > walk.at.sequence => Stretch::Flawed(walk, walk.next(), Flaw::CutOff),
            Some(end) if end.sequence == walk.at.sequence && !end.link.matches(&walk.at.link) => {
                Stretch::Flawed(walk, end.sequence, Flaw::Link)
            }
            // More was removed than there was.
            Some(end) if end.sequence < walk.at.sequence => {
                Stretch::Flawed(walk, end.sequence + 1, Flaw::AfterEnd)
            }
            Some(_) => Stretch::Sound(walk),
        })
    }

    /// Where a walk goes on whose next events were removed while it lasted.
    fn further(&self, walk: &Walk) -> Result<Option<Stretch>, ReadError> {
        let moved = self.beginning()?.is_some_and(|first| first.end.sequence > walk.at.sequence);
        // Anew: it may even begin after where the walk was to end.
        moved.then(|| self.walk().map(Stretch::More)).transpose()
    }

    /// Holds a row against the one before it, and goes on to it.
    pub(super) fn step(&self, walk: &mut Walk, row: &Row<'_>) -> Result<Result<(), (i64, Flaw)>, ReadError> {
        let sequence = row.get(0)?;
        if let Err(flawed) = self.check_next(walk, sequence, row) {
            return Ok(Err(flawed));
        }
        walk.at = End { sequence, link: row.get(12)? };
        Ok(Ok(()))
    }

    fn check_next(&self, walk: &Walk, sequence: i64, row: &Row<'_>) -> Result<(), (i64, Flaw)> {
        let next = walk.next();
        if sequence < next {
            return Err((sequence, Flaw::BeforeFirst));
        }
        if sequence > next {
            return Err((next, Flaw::Missing));
        }
        if walk.end.is_some_and(|end| sequence > end.sequence) {
            return Err((sequence, Flaw::AfterEnd));
        }
        let (entry, link, pepper) = entry(row).map_err(|_| (sequence, Flaw::Column))?;
        entry.check(self.keys, pepper, &walk.at.link, &link).map_err(|flaw| (sequence, flaw))
    }
}

fn entry<'r>(row: &'r Row<'_>) -> rusqlite::Result<(Entry<'r>, Digest, PepperId)> {
    let text = |at| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_str()?);
    let id = |at| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_blob_or_null()?);
    let entry = Entry {
        sequence: row.get(0)?,
        at: row.get(1)?,
        actor: text(2)?,
        actor_user: id(3)?,
        actor_token: id(4)?,
        address: row.get_ref(5)?.as_str_or_null()?,
        address_digest: row.get(6)?,
        deed: text(7)?,
        object_kind: text(8)?,
        object: row.get_ref(9)?.as_blob()?,
        organization: id(10)?,
        detail: text(11)?,
    };
    Ok((entry, row.get(12)?, row.get(13)?))
}

impl Tx<'_> {
    /// Appends an event. Its time never goes back along the chain.
    pub fn record(&mut self, event: &Event) -> Result<(), Failure> {
        let lacking = || Failure::broken("the keyring lacks its current key");
        let pepper = self.keys.current();
        let Event { origin, deed, object, organization, detail, .. } = event;
        let (actor_user, actor_token) = (origin.actor.user(), origin.actor.token());
        let (sequence, at) = (self.chain.end.sequence + 1, event.at.max(self.chain.at));
        let address = origin.address.as_deref();
        let digest =
            address.map(|address| self.keys.address_digest(pepper, sequence, address).ok_or_else(lacking));
        let entry = Entry {
            sequence,
            at,
            actor: origin.actor.as_str(),
            actor_user: actor_user.as_ref().map(|id| id.0.as_slice()),
            actor_token: actor_token.as_ref().map(|id| id.0.as_slice()),
            address,
            address_digest: digest.transpose()?,
            deed: deed.as_str(),
            object_kind: object.kind,
            object: &object.id,
            organization: organization.as_ref().map(|id| id.0.as_slice()),
            detail,
        };
        let link = entry.link(self.keys, pepper, &self.chain.end.link).ok_or_else(lacking)?;
        self.execute(
            "INSERT INTO events (sequence, at, actor, actor_user, actor_token, address, address_digest, deed,
                                 object_kind, object, organization, detail, link, link_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                entry.sequence,
                entry.at,
                entry.actor,
                entry.actor_user,
                entry.actor_token,
                entry.address,
                entry.address_digest,
                entry.deed,
                entry.object_kind,
                entry.object,
                entry.organization,
                entry.detail,
                link,
                pepper,
            ],
        )?;
        self.chain.end = End { sequence, link };
        self.chain.at = at;
        self.count(Total::Events, Scope::EVERYWHERE, 1);
        if let Some(organization) = organization {
            self.count(Total::Events, *organization, 1);
        }
        Ok(())
    }

    /// Seals where the chain ends now.
    pub(super) fn seal_chain(&self) -> Result<(), ReadError> {
        let Chain { end, before, sealed, .. } = self.chain;
        if !sealed || end.sequence == before {
            return Ok(());
        }
        let (seal, pepper) = self.seal("chain_end", |sealer| seal_end(sealer, &end));
        self.execute(
            "UPDATE chain_end SET sequence = ?, link = ?, seal = ?, seal_pepper = ?",
            params![end.sequence, end.link, seal, pepper],
        )?;
        Ok(())
    }

    /// Seals the end anew with the current pepper. One whose seal is broken stays as it is.
    pub(super) fn reseal_end(&self) -> Result<(), ReadError> {
        let Some(end) = self.sealed_end()? else { return Ok(()) };
        let (seal, pepper) = self.seal("chain_end", |sealer| seal_end(sealer, &end));
        self.execute("UPDATE chain_end SET seal = ?, seal_pepper = ?", params![seal, pepper])?;
        Ok(())
    }

    /// Seals the end of a chain that never had one: in the migration that brings it, and never again.
    pub(super) fn seal_first_end(&self) -> Result<(), ReadError> {
        let end = self.last_event()?.map_or(BEGINNING, |(end, _)| end);
        let (seal, pepper) = self.seal("chain_end", |sealer| seal_end(sealer, &end));
        self.execute(
            "INSERT INTO chain_end (one, sequence, link, seal, seal_pepper) VALUES (1, ?, ?, ?, ?)",
            params![end.sequence, end.link, seal, pepper],
        )?;
        Ok(())
    }
}
