//! What a page reads.

use super::*;
use crate::{
    core::{
        filter::Test,
        listing::{Count, Listing, Position, TokenField},
        time::Instant,
    },
    store::lists::{
        Found, TokenSet,
        tests::{Dice, NOW, filled, keys},
    },
};

/// Counts the rows that are read.
struct Counted(TokenSet, Cell<usize>);

impl Set for Counted {
    type Field = TokenField;
    type Record = <TokenSet as Set>::Record;

    const BY_ID: TokenField = TokenSet::BY_ID;
    const READ: usize = TokenSet::READ;

    fn ways(
        &self,
        rows: &Rows<'_>,
        conditions: &[&Filter<TokenField>],
    ) -> Result<Vec<Way<TokenField>>, ReadError> {
        self.0.ways(rows, conditions)
    }

    fn record(&self, rows: &Rows<'_>, yielded: &Yielded) -> Result<Option<(Value, Self::Record)>, ReadError> {
        self.1.set(self.1.get() + 1);
        self.0.record(rows, yielded)
    }

    fn held<'r>(&self, record: &'r Self::Record, field: TokenField) -> Held<'r> {
        self.0.held(record, field)
    }

    fn key(&self, record: &Self::Record, field: TokenField) -> Value {
        self.0.key(record, field)
    }

    fn place(&self, rows: &Rows<'_>, id: &Value) -> Result<Option<i64>, ReadError> {
        self.0.place(rows, id)
    }

    fn counted(&self, rows: &Rows<'_>, conditions: &[&Filter<TokenField>]) -> Result<Option<u64>, ReadError> {
        self.0.counted(rows, conditions)
    }
}

/// A page of ten of 3,000 tokens; how many it has, or `None` for a refusal, and how many rows were read for it.
fn page(
    field: TokenField,
    test: Test,
    sort: (TokenField, Direction),
    total: Count,
) -> (Option<usize>, usize) {
    let (connection, keys) = (filled(3_000, &mut Dice(5)), keys());
    let filter = Filter::default().and(field, test);
    let listing = Listing { filter, sort: vec![sort], position: Position::Offset(0), limit: 10, total };
    let counted = Counted(TokenSet::new(false, &listing, Instant::from_millis(NOW - 18)), Cell::new(0));
    let budgets = Budgets { quick: 500, page: 10_000, count: 1_000 };
    let found = Rows::new(&connection, &keys).page_within(&counted, &listing, budgets);
    (found.ok().map(|Found { ids, .. }| ids.len()), counted.1.get())
}

const NEWEST: (TokenField, Direction) = (TokenField::CreatedAt, Direction::Down);

#[test]
fn a_refusal_reads_no_more_than_a_page_may() {
    let nobodys = || Test::Equals(Value::Text("no:body".into()));
    for (sort, total) in
        [(NEWEST, Count::No), (NEWEST, Count::Always), ((TokenField::Privilege, Direction::Up), Count::No)]
    {
        let (found, read) = page(TokenField::Privilege, nobodys(), sort, total);
        assert_eq!(found, None);
        assert!((100..=10_000 / NEAR).contains(&read), "{read} rows");
    }
}

#[test]
fn ids_alone_tell_which_of_the_expired_come_first() {
    let expired = Test::Equals(Value::Text("expired".into()));
    let (found, read) = page(TokenField::Status, expired, NEWEST, Count::No);
    assert_eq!(found, Some(10));
    // Those of the short walk, and then the page's; there are more than a hundred.
    assert!(read < 500 / NEAR + 20, "{read} rows");
}

#[test]
fn a_name_is_looked_for_along_names_without_reading_rows() {
    let unused = Test::Contains("zz".into());
    let (found, read) = page(TokenField::Name, unused, (TokenField::Name, Direction::Up), Count::No);
    assert_eq!((found, read), (Some(0), 0));
}
