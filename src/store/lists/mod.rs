//! Pages of lists: every one walks an index, and how many rows it may look at is bounded.
//!
//! Statements are constants that yield the ids of rows along one index, between two edges, in one direction. Which
//! index is walked is chosen by what is asked; the rest of the filter is held against each row as it comes. What that
//! costs is counted, a row that is read for many that an index alone tells of.
//! What is returned is ids: the rows themselves are then read by key, as anywhere else.

mod addresses;
mod choose;
mod events;
mod members;
#[cfg(test)]
mod tests;
mod tokens;
mod walk;
mod words;

use self::{
    choose::{Wanted, Work, choose},
    walk::{Along, Way},
};
use super::rows::{ReadError, Rows};
use crate::core::{
    filter::{Filter, Held, Value},
    listing::{Count, Cursor, Direction, Field, Listing, Position},
    refusal::{Failure, Refusal},
};

pub use self::{
    events::{EventRow, EventSet},
    members::UserSet,
    tokens::TokenSet,
};

/// What a page holds.
#[derive(Clone, Debug)]
pub struct Found {
    /// The ids, in order.
    pub ids: Vec<Value>,
    /// Where the next page goes on; `None` on the last.
    pub next: Option<Cursor>,
    /// How many match in all, where that was asked.
    pub total: Option<u64>,
}

/// A list's rows: which there are, how they are found, and what stands in them.
pub trait Set {
    /// Their fields.
    type Field: Field;
    /// What of a row its fields are read from.
    type Record;

    /// The field whose order is that of the ids.
    const BY_ID: Self::Field;
    /// What reading one of its rows costs, wherever it lies, in steps over an index.
    const READ: usize;

    /// The ways to the rows, by the conditions that must all hold.
    fn ways(
        &self,
        rows: &Rows<'_>,
        conditions: &[&Filter<Self::Field>],
    ) -> Result<Vec<Way<Self::Field>>, ReadError>;

    /// A row by what a way yields; `None` where there is none any more or it isn't of the set.
    fn record(&self, rows: &Rows<'_>, yielded: &Yielded) -> Result<Option<(Value, Self::Record)>, ReadError>;

    /// What a row has in a field.
    fn held<'r>(&self, record: &'r Self::Record, field: Self::Field) -> Held<'r>;

    /// What a row is ordered by in a field.
    fn key(&self, record: &Self::Record, field: Self::Field) -> Value;

    /// The place of the first row whose id is this or a later one, as far as words are looked up by place.
    fn place(&self, rows: &Rows<'_>, id: &Value) -> Result<Option<i64>, ReadError>;

    /// How many rows meet these conditions, where that is counted along.
    fn counted(&self, rows: &Rows<'_>, conditions: &[&Filter<Self::Field>])
    -> Result<Option<u64>, ReadError>;
}

/// What a way yields of a row.
#[derive(Clone, Debug)]
pub enum Yielded {
    /// Its id.
    Id(Value),
    /// Its place in the sequence of numbers.
    Place(i64),
}

/// The order of a list: its keys, then the id.
#[derive(Clone, Debug)]
pub(super) struct Order<F> {
    keys: Vec<(F, Direction)>,
    id: Direction,
}

impl<F: Field> Order<F> {
    fn new(sort: &[(F, Direction)], by_id: F) -> Self {
        let keys: Vec<_> = sort.iter().copied().take_while(|(field, _)| *field != by_id).collect();
        let id = sort.iter().find(|(field, _)| *field == by_id).or(sort.last());
        Self { keys, id: id.map_or(Direction::Up, |(_, direction)| *direction) }
    }

    fn compare(&self, one: &Entry, two: &Entry) -> std::cmp::Ordering {
        let directed = |direction, ordering: std::cmp::Ordering| match direction {
            Direction::Up => ordering,
            Direction::Down => ordering.reverse(),
        };
        let keys = self.keys.iter().zip(one.keys.iter().zip(&two.keys));
        keys.map(|((_, direction), (one, two))| directed(*direction, one.cmp(two)))
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| directed(self.id, one.id.cmp(&two.id)))
    }
}

/// A row's place in the order.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    keys: Vec<Value>,
    id: Value,
}

impl Rows<'_> {
    /// A page of a list, and on request how many rows match in all.
    pub fn page<S: Set>(&self, set: &S, listing: &Listing<S::Field>) -> Result<Found, Failure> {
        self.page_within(set, listing, choose::BUDGETS)
    }

    /// The same for a plan, which has thousands of rows and for which somebody waits.
    pub fn long_page<S: Set>(&self, set: &S, listing: &Listing<S::Field>) -> Result<Found, Failure> {
        self.page_within(set, listing, choose::LONG)
    }

    /// Those of these rows that meet a filter, in the order given.
    pub fn those_that<S: Set>(
        &self,
        set: &S,
        ids: &[Value],
        filter: &Filter<S::Field>,
    ) -> Result<Vec<Value>, ReadError> {
        let mut found = Vec::new();
        for id in ids {
            if let Some((id, record)) = set.record(self, &Yielded::Id(id.clone()))?
                && filter.holds(&|field| set.held(&record, field))
            {
                found.push(id);
            }
        }
        Ok(found)
    }

    fn page_within<S: Set>(
        &self,
        set: &S,
        listing: &Listing<S::Field>,
        budgets: choose::Budgets,
    ) -> Result<Found, Failure> {
        listing.filter.check_size()?;
        let conditions = listing.filter.conjuncts();
        if conditions.iter().any(|condition| matches!(condition, Filter::Any(none) if none.is_empty())) {
            return Ok(Found {
                ids: Vec::new(),
                next: None,
                total: (listing.total != Count::No).then_some(0),
            });
        }
        let order = Order::new(&listing.sort, S::BY_ID);
        let (skip, after) = match &listing.position {
            Position::Offset(skip) => (*skip, None),
            Position::After(cursor) => (0, Some(read(cursor, &order)?)),
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let wanted = Wanted { order: &order, after, count: skip.saturating_add(limit).saturating_add(1) };
        let ways = set.ways(self, &conditions)?;
        let work = Work::new(budgets.page);
        let found = choose(self, set, &conditions, &ways, &wanted, budgets.quick, &work)?;
        let mut entries = found.ok_or_else(|| too_broad(&conditions, &ways, "sort"))?;
        entries.drain(..skip.min(entries.len()));
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = if more { entries.last().cloned() } else { None };
        let next = next.map(|Entry { keys, id }| Cursor { keys, id });
        let total = match listing.total {
            Count::No => None,
            Count::IfQuick => self.count(set, &conditions, &ways, &Work::new(budgets.count))?,
            Count::Always => {
                let counted = self.count(set, &conditions, &ways, &work)?;
                Some(counted.ok_or_else(|| too_broad(&conditions, &ways, "total"))?)
            }
        };
        Ok(Found { ids: entries.into_iter().map(|entry| entry.id).collect(), next, total })
    }

    /// How many rows match; `None` where that would cost too much.
    fn count<S: Set>(
        &self,
        set: &S,
        conditions: &[&Filter<S::Field>],
        ways: &[Way<S::Field>],
        work: &Work,
    ) -> Result<Option<u64>, ReadError> {
        match set.counted(self, conditions)? {
            None => choose::count(self, set, conditions, ways, work),
            counted => Ok(counted),
        }
    }

    /// Runs several reads of one moment: what is written meanwhile is seen by none of them.
    pub fn steady<T>(&self, read: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let moment = self.connection.unchecked_transaction().map_err(ReadError::Sql)?;
        let outcome = read(self);
        moment.finish().map_err(ReadError::Sql)?;
        outcome
    }
}

/// A cursor as a place in this order; its sum has been right, so only one that was made up has other values.
fn read<F>(cursor: &Cursor, order: &Order<F>) -> Result<Entry, Refusal> {
    if cursor.keys.len() != order.keys.len() {
        return Err(Refusal::invalid("cursor", "take it from next_cursor of the page before"));
    }
    Ok(Entry { keys: cursor.keys.clone(), id: cursor.id.clone() })
}

/// Names what no index helps with: the conditions that no way uses, or what else it was that took too many rows.
fn too_broad<F: Field>(conditions: &[&Filter<F>], ways: &[Way<F>], otherwise: &'static str) -> Refusal {
    let used = |at: &usize| ways.iter().any(|way| way.uses.contains(at));
    let mut names: Vec<&str> = conditions
        .iter()
        .enumerate()
        .filter(|(at, _)| !used(at))
        .flat_map(|(_, condition)| condition.tests())
        .map(|(field, test)| field.parameter(test))
        .collect();
    names.sort_unstable();
    names.dedup();
    let filter = if names.is_empty() { otherwise.to_owned() } else { names.join(", ") };
    Refusal::FilterTooBroad { filter }
}
