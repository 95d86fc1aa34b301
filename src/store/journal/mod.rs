//! The log beside the database (see [`crate::core::journal`]): written and synced before the commit that it tells of, read
//! at each start. So it never knows less than the database, unless the log was cut; and a database that was brought back
//! from a backup knows less than the log, and learns the rest of it.

mod copy;
mod file;
mod find;
mod heal;

use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

use rusqlite::{Connection, TransactionBehavior, params};

use self::{
    copy::Copy,
    file::{adopt, begin, compact, set_aside},
    find::{Found, find},
    heal::Healed,
};
use super::{
    Keeping,
    rows::{ReadError, Rows, Sealed},
    schema::OpenError,
    writer::Tx,
};
use crate::core::{
    event::{Actor, Deed, Event, Object, Origin},
    journal::{Fate, Key, Linker, Record},
    keys::{Digest, Keyring, PepperId, Sealer},
    refusal::Failure,
    secret::{Entropy, random},
    time::{Clock, Instant},
};

/// What is done where the log is missing or isn't what the database left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsound {
    /// Nothing is served.
    #[default]
    Refused,
    /// What it knew is forgotten, as far as it can't be read, and another one is begun.
    Accepted,
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There is none.
    #[error("is missing")]
    Missing,
    /// A line isn't as it was written, or one before it is gone.
    #[error("is broken at line {0}")]
    Line(usize),
    /// It is another one.
    #[error("isn't this database's")]
    Other,
    /// There was more of it.
    #[error("was cut short: it ends at record {last}, and this database has seen {seen}")]
    CutShort {
        /// The last one in it.
        last: i64,
        /// The last one that the database knows.
        seen: i64,
    },
}

/// What the database keeps about the log.
struct Kept {
    log: Option<Digest>,
    sequence: i64,
    key: Vec<u8>,
    key_pepper: PepperId,
    /// How long the log was when it was last weighed whether it can be made smaller, in bytes.
    weighed: u64,
}

fn seal_kept(sealer: Sealer, row: &Kept) -> Sealer {
    let sealer = sealer
        .bytes(row.log.as_ref().map_or(&[], |log| log.0.as_slice()))
        .int(row.sequence)
        .bytes(&row.key)
        .int(row.key_pepper.into());
    // Rows of before are sealed without it.
    if row.weighed == 0 { sealer } else { sealer.int(row.weighed.cast_signed()) }
}

/// Where a log ends: what is appended begins here.
#[derive(Clone, Copy)]
struct End {
    length: u64,
    sequence: i64,
    link: Digest,
}

/// The open log, to append to.
pub(super) struct Journal {
    file: File,
    key: Linker,
    kept: Kept,
    end: End,
    /// Where it ended before the last append.
    before: End,
    copy: Option<Copy>,
}

impl Rows<'_> {
    fn kept_of_journal(&self) -> Result<Option<Kept>, ReadError> {
        let row = self.one("SELECT * FROM journal", [], |row| {
            let value = Kept {
                log: row.get("log")?,
                sequence: row.get("sequence")?,
                key: row.get("key")?,
                key_pepper: row.get("key_pepper")?,
                weighed: row.get::<_, i64>("weighed")?.cast_unsigned(),
            };
            Sealed::read(row, value)
        })?;
        row.map(|row| self.unseal(row, "journal", seal_kept, |_| "1".to_owned())).transpose()
    }
}

impl Tx<'_> {
    fn keep_of_journal(&self, row: &Kept) -> Result<(), ReadError> {
        let (seal, pepper) = self.seal("journal", |sealer| seal_kept(sealer, row));
        self.execute(
            "INSERT OR REPLACE INTO journal (one, log, sequence, key, key_pepper, weighed, seal, seal_pepper)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            params![row.log, row.sequence, row.key, row.key_pepper, row.weighed.cast_signed(), seal, pepper],
        )?;
        Ok(())
    }

    /// What to append to the log before this is committed.
    pub(super) fn becomes(&mut self, fate: Fate) {
        self.ledger.fates.push(fate);
    }
}

impl Journal {
    /// Opens the log at `path`, or takes it from its copy where that knows more, teaches the database what it missed, and
    /// says what that was, a sentence each.
    pub(super) fn open(
        connection: &mut Connection,
        path: &Path,
        keys: &Keyring,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
        keeping: &Keeping,
    ) -> Result<(Self, Vec<String>), OpenError> {
        let set_up = |error: &dyn std::fmt::Display| OpenError::SetUp(error.to_string());
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tx = Tx::new(&transaction, keys).map_err(|error| set_up(&error))?;
        let (mut kept, key) = key_of(&tx, keys, entropy, keeping.unsound).map_err(|error| set_up(&error))?;
        let (mut found, mut flaw) = look(path, &key, &kept)?;
        let copy = keeping.journal_copy.as_deref().map(|copy| Copy::look(copy, &key, &kept));
        if let Some(better) = copy.as_ref().and_then(|copy| copy.better_than(found.as_ref(), flaw)) {
            tracing::warn!("{} is taken from its copy, which knows more", path.display());
            adopt(path, better)?;
            (found, flaw) = look(path, &key, &kept)?;
        }
        if let Some(flaw) = flaw
            && keeping.unsound == Unsound::Refused
        {
            return Err(OpenError::Journal { path: path.to_owned(), flaw });
        }
        // As far as it can be read it is true, whatever is wrong with the rest.
        let readable = found.filter(|found| kept.log.is_some_and(|log| found.is_log(&log)));
        let now = clock.now();
        let mut healed = Healed::default();
        for Record { at, fate, .. } in readable.iter().flat_map(|found| &found.records) {
            healed.learn(&mut tx, fate, *at, now).map_err(|error| set_up(&error))?;
        }
        tx.ledger.fates.clear();
        let (file, end) = if let Some(found) = readable.filter(|_| flaw.is_none()) {
            compact(path, &key, found, &mut kept.weighed)?
        } else {
            if flaw.is_some() {
                set_aside(path)?;
            }
            begin(path, &key, kept.sequence + 1, now, random(entropy))?
        };
        kept.log = Some(file.1);
        kept.sequence = end.sequence;
        let mut finish = || {
            healed.record(&mut tx, &file.1, now)?;
            if let Some(flaw) = flaw {
                tracing::warn!(%flaw, "{} is forgotten, as was asked for", path.display());
                tx.record(&about(Deed::ResurrectionAccepted, &file.1, String::new(), now))?;
            }
            tx.settle()?;
            tx.keep_of_journal(&kept)?;
            Ok::<_, Failure>(())
        };
        finish().map_err(|error| set_up(&error))?;
        transaction.commit()?;
        let copy = copy.map(|copy| copy.follow(&file.0, end));
        Ok((Self { file: file.0, key, kept, end, before: end, copy }, healed.said))
    }

    /// Appends what a transaction did and syncs it; notes in the transaction how far the log goes then. What fails is to
    /// be [taken back](Self::take_back), whatever of it is written.
    pub(super) fn append(&mut self, tx: &mut Tx<'_>, now: Instant) -> Result<(), ReadError> {
        let mut end = self.end;
        let mut text = String::new();
        for fate in std::mem::take(&mut tx.ledger.fates) {
            let record = Record { sequence: end.sequence + 1, at: now, fate };
            let (written, link) = self.key.write(&record, &end.link);
            text += &written;
            text.push('\n');
            (end.sequence, end.link) = (record.sequence, link);
        }
        end.length += text.len() as u64;
        self.before = self.end;
        let full_or_broken =
            |error: io::Error| if is_full(&error) { ReadError::Full } else { ReadError::Journal(error) };
        self.file.write_all_at(text.as_bytes(), self.before.length).map_err(full_or_broken)?;
        self.file.sync_data().map_err(ReadError::Journal)?;
        if let Some(copy) = &mut self.copy {
            copy.append(&self.file, text.as_bytes(), self.before.length);
        }
        self.end = end;
        self.kept.sequence = end.sequence;
        tx.keep_of_journal(&self.kept)
    }

    /// Takes back what was appended last: it wasn't committed. That needs no room, as a word that it didn't happen would.
    pub(super) fn take_back(&mut self) -> Result<(), ReadError> {
        let taken = self.file.set_len(self.before.length).and_then(|()| self.file.sync_data());
        taken.map_err(ReadError::Journal)?;
        if let Some(copy) = &mut self.copy {
            copy.cut(self.before.length);
        }
        self.end = self.before;
        self.kept.sequence = self.end.sequence;
        Ok(())
    }
}

/// What is kept and the key in it, made now where there is none, under the current pepper.
fn key_of(
    tx: &Tx<'_>,
    keys: &Keyring,
    entropy: &dyn Entropy,
    unsound: Unsound,
) -> Result<(Kept, Linker), ReadError> {
    let kept = match tx.kept_of_journal() {
        Err(error) if error.is_edit() && unsound == Unsound::Accepted => None,
        kept => kept?,
    };
    let key = kept.as_ref().and_then(|kept| keys.unwrap_journal_key(kept.key_pepper, &kept.key));
    let key = key.unwrap_or_else(|| Key::new(random(entropy)));
    let wrapped = || (keys.wrap_journal_key(&key, random(entropy)), keys.current());
    let kept = match kept {
        Some(kept) if kept.key_pepper == keys.current() => kept,
        Some(kept) => {
            let (key, key_pepper) = wrapped();
            Kept { key, key_pepper, ..kept }
        }
        None => {
            let (key, key_pepper) = wrapped();
            Kept { log: None, sequence: 0, key, key_pepper, weighed: 0 }
        }
    };
    Ok((kept, key.linker()))
}

/// What a file holds of the log that the database knows, with those records that it doesn't, and what is wrong with it.
fn look(path: &Path, key: &Linker, kept: &Kept) -> Result<(Option<Found>, Option<Flaw>), OpenError> {
    let found = find(path, key, kept.sequence)?;
    let flaw = flaw(kept, found.as_ref());
    Ok((found, flaw))
}

fn flaw(kept: &Kept, found: Option<&Found>) -> Option<Flaw> {
    let Some(log) = kept.log else {
        // One that a crash left before the database knew of it: its key is lost, and there is nothing in it yet.
        return found.filter(|found| found.lines > 1).map(|_| Flaw::Other);
    };
    let Some(found) = found else { return Some(Flaw::Missing) };
    if !found.is_log(&log) {
        return Some(if found.sound == 0 { Flaw::Line(1) } else { Flaw::Other });
    }
    if let Some(line) = found.broken_at {
        return Some(Flaw::Line(line));
    }
    (found.end.sequence < kept.sequence)
        .then_some(Flaw::CutShort { last: found.end.sequence, seen: kept.sequence })
}

/// An event about the log whose first line has this HMAC.
fn about(deed: Deed, log: &Digest, detail: String, at: Instant) -> Event {
    let mut id = [0; 16];
    id.copy_from_slice(&log.0[..16]);
    let origin = Origin { actor: Actor::Local, address: None };
    Event { at, origin, deed, object: Object { kind: "journal", id }, organization: None, detail }
}

/// Whether there was no room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
