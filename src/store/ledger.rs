//! What writes leave to be written with their commit, once for all that share it.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{
    rows::ReadError,
    tokens::Renamed,
    totals::{Scope, Total},
    writer::Tx,
};
use crate::core::{id::Kind, journal::Fate, number::Number, refusal::Failure};

/// What a transaction's writes have left so far.
#[derive(Default)]
pub(super) struct Ledger {
    /// Names that the index of words doesn't know yet.
    pub(super) renamed: Vec<Renamed>,
    /// What the log isn't told of yet.
    pub(super) fates: Vec<Fate>,
    /// By how much totals change.
    counts: Vec<(Total, Scope, i64)>,
    /// The last number that was taken of each kind.
    numbers: BTreeMap<&'static str, i64>,
}

/// How far a ledger had come before a write, to go back to.
pub(super) struct Mark {
    renamed: usize,
    fates: usize,
    counts: usize,
    numbers: BTreeMap<&'static str, i64>,
}

impl Ledger {
    pub(super) fn mark(&self) -> Mark {
        let Self { renamed, fates, counts, numbers } = self;
        let numbers = numbers.clone();
        Mark { renamed: renamed.len(), fates: fates.len(), counts: counts.len(), numbers }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        self.renamed.truncate(mark.renamed);
        self.fates.truncate(mark.fates);
        self.counts.truncate(mark.counts);
        self.numbers = mark.numbers;
    }
}

impl Tx<'_> {
    /// Counts `change` more, or fewer.
    pub(super) fn count(&mut self, of: Total, scope: impl Into<Scope>, change: i64) {
        self.ledger.counts.push((of, scope.into(), change));
    }

    /// The next number of a kind.
    pub fn next_number<K: Kind>(&mut self) -> Result<Number, Failure> {
        let last = match self.ledger.numbers.get(K::NAME) {
            Some(last) => Some(*last),
            None => self.one("SELECT last FROM sequences WHERE kind = ?", [K::NAME], |row| row.get(0))?,
        };
        let number = Number::after::<K>(last.unwrap_or(0))?;
        self.ledger.numbers.insert(K::NAME, number.place().into());
        Ok(number)
    }

    /// Writes all of it but what the log is to be told: that comes with the commit itself.
    pub(super) fn settle(&mut self) -> Result<(), ReadError> {
        self.index_names()?;
        self.seal_chain()?;
        let mut counts = std::mem::take(&mut self.ledger.counts);
        counts.sort_unstable_by_key(|(of, scope, _)| (*of, *scope));
        for same in counts.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let (of, scope, _) = same[0];
            self.add(of, scope, same.iter().map(|(.., change)| change).sum())?;
        }
        for (kind, last) in std::mem::take(&mut self.ledger.numbers) {
            self.execute(
                "INSERT INTO sequences VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last = ?2",
                params![kind, last],
            )?;
        }
        Ok(())
    }
}
