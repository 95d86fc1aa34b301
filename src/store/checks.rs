//! How many checks there were in each hour. Nothing is decided by these rows.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows},
    totals::{Scope, Total},
    writer::{Tx, Write},
};
use crate::core::{
    checks::{Hour, Outcome, Tally},
    id::{OrganizationId, TokenId},
    refusal::Failure,
};

/// Whose checks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checked {
    /// Everybody's.
    Instance,
    /// Those of an organization's tokens.
    Organization(OrganizationId),
    /// A token's.
    Token(TokenId),
}

/// The kind of a token's rows.
const TOKEN: i64 = 2;

/// Each kind of rows.
pub const KINDS: [i64; 3] = [0, 1, TOKEN];

impl Checked {
    const fn kind(self) -> i64 {
        match self {
            Self::Instance => 0,
            Self::Organization(_) => 1,
            Self::Token(_) => TOKEN,
        }
    }

    const fn id(self) -> [u8; 16] {
        match self {
            Self::Instance => [0; 16],
            Self::Organization(id) => id.0,
            Self::Token(id) => id.0,
        }
    }
}

fn tally(row: &Row<'_>) -> rusqlite::Result<(Hour, Tally)> {
    let mut tally = Tally::default();
    for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
        tally = tally.with(outcome, row.get::<_, i64>(at + 1)?.cast_unsigned());
    }
    Ok((Hour(row.get(0)?), tally))
}

impl Rows<'_> {
    /// The hours in which there were any, as far as they are written down.
    pub fn checks(&self, of: Checked, first: Hour, last: Hour) -> Result<Vec<(Hour, Tally)>, ReadError> {
        self.all(
            "SELECT hour, admitted, dead, forbidden, limited, unknown FROM checks
             WHERE id = ? AND hour >= ? AND hour <= ?",
            params![of.id(), first.0, last.0],
            tally,
        )
    }
}

/// Writes down checks that were counted in memory, on top of those that stand. Of a token whose user was deleted
/// meanwhile nothing is kept.
pub struct Counted {
    /// Whose, in which hour and how many.
    pub checks: Vec<(Checked, Hour, Tally)>,
    /// How many rows of tokens may stand there. Beyond them the oldest go.
    pub most: u64,
}

impl Write for Counted {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let mut made = 0;
        for (of, hour, tally) in &self.checks {
            let kept = match of {
                Checked::Token(token) => tx.has_user(*token)?,
                Checked::Instance | Checked::Organization(_) => true,
            };
            if kept && tx.add_checks(*of, *hour, tally)? {
                made += i64::from(of.kind() == TOKEN);
            }
        }
        tx.count_hours(made, self.most)
    }
}

impl Tx<'_> {
    fn has_user(&self, token: TokenId) -> Result<bool, ReadError> {
        let found = self.one(
            "SELECT 1 FROM tokens JOIN users ON users.id = owner WHERE tokens.id = ? AND deleted_at IS NULL",
            [token],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Counts so many more rows of tokens, of which `most` may stand.
    pub(super) fn count_hours(&mut self, made: i64, most: u64) -> Result<(), Failure> {
        if made > 0 {
            self.add(Total::Checks, Scope::EVERYWHERE, made)?;
            self.bound_checks(most)?;
        }
        Ok(())
    }

    /// Says whether it is a new row.
    pub(super) fn add_checks(&self, of: Checked, Hour(hour): Hour, tally: &Tally) -> Result<bool, ReadError> {
        let [admitted, dead, forbidden, limited, unknown] =
            Outcome::ALL.map(|outcome| tally.of(outcome).cast_signed());
        let counts = params![of.id(), hour, admitted, dead, forbidden, limited, unknown, of.kind()];
        let known = self.execute(
            "UPDATE checks SET admitted = admitted + ?3, dead = dead + ?4, forbidden = forbidden + ?5,
                 limited = limited + ?6, unknown = unknown + ?7
             WHERE id = ?1 AND hour = ?2 AND kind = ?8",
            counts,
        )?;
        if known == 0 {
            self.execute(
                "INSERT INTO checks (id, hour, kind, admitted, dead, forbidden, limited, unknown)
                 VALUES (?1, ?2, ?8, ?3, ?4, ?5, ?6, ?7)",
                counts,
            )?;
        }
        Ok(known == 0)
    }

    /// Takes away the oldest rows of tokens where there are more than `most`.
    fn bound_checks(&self, most: u64) -> Result<(), ReadError> {
        let beyond = self.total(Total::Checks, Scope::EVERYWHERE)?.saturating_sub(most);
        if beyond > 0 {
            self.take_checks(TOKEN, Hour(i64::MAX), beyond)?;
        }
        Ok(())
    }

    /// Takes away the oldest rows of a kind before an hour, so many at the most; says how many they were.
    fn take_checks(&self, kind: i64, before: Hour, most: u64) -> Result<usize, ReadError> {
        let gone = self.execute(
            "DELETE FROM checks WHERE (id, hour) IN
                 (SELECT id, hour FROM checks INDEXED BY checks_by_age WHERE kind = ? AND hour < ?
                  ORDER BY hour LIMIT ?)",
            params![kind, before.0, most.cast_signed()],
        )?;
        if kind == TOKEN {
            self.uncount_checks(gone)?;
        }
        Ok(gone)
    }

    fn uncount_checks(&self, gone: usize) -> Result<(), ReadError> {
        if gone == 0 {
            return Ok(());
        }
        self.add(Total::Checks, Scope::EVERYWHERE, -i64::try_from(gone).unwrap_or(i64::MAX))
    }

    /// Takes away all of a token: when somebody works is theirs.
    pub(super) fn erase_checks(&self, token: TokenId) -> Result<(), ReadError> {
        let gone = self.execute("DELETE FROM checks WHERE id = ? AND kind = 2", [token])?;
        self.uncount_checks(gone)
    }
}

/// Takes away the oldest rows of a kind that are older than is kept, some at a time; says how many they were.
pub struct PruneChecks {
    /// Which.
    pub kind: i64,
    /// From this hour on they stay.
    pub before: Hour,
    /// How many at the most.
    pub most: u64,
}

impl Write for PruneChecks {
    type Output = usize;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<usize, Failure> {
        Ok(tx.take_checks(self.kind, self.before, self.most)?)
    }
}
