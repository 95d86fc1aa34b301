//! Reading a row's columns by name, without looking through all of them for each.

use std::cell::Cell;

use rusqlite::{Row, types::FromSql};

use super::rows::Sealed;

/// A row's columns by name, each looked for from where the one before it was found.
///
/// A reader that asks for them in the order of the table finds each at once. `Row::get` compares a name with those of all
/// the columns before it, which takes longer than reading a row of thirty does.
pub(super) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: Cell<usize>,
}

impl<'r, 's> Columns<'r, 's> {
    pub(super) const fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: Cell::new(0) }
    }

    /// The value of the column of this name.
    pub(super) fn get<T: FromSql>(&self, name: &str) -> rusqlite::Result<T> {
        let statement = self.row.as_ref();
        let (from, count) = (self.next.get(), statement.column_count());
        let at = (from..count)
            .chain(0..from)
            .find(|at| statement.column_name(*at).is_ok_and(|found| found == name))
            .ok_or_else(|| rusqlite::Error::InvalidColumnName(name.to_owned()))?;
        self.next.set(at + 1);
        self.row.get(at)
    }

    /// The value with the two columns that every sealed table has.
    pub(super) fn sealed<T>(&self, value: T) -> rusqlite::Result<Sealed<T>> {
        Ok(Sealed { value, seal: self.get("seal")?, pepper: self.get("seal_pepper")? })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::Columns;

    #[test]
    fn columns_are_found_in_any_order() {
        let connection = Connection::open_in_memory().unwrap();
        let read = |names: [&str; 3]| {
            connection.query_row("SELECT 1 AS a, 2 AS b, 3 AS c", [], |row| {
                let columns = Columns::of(row);
                Ok(names.map(|name| columns.get::<i64>(name)))
            })
        };
        for (names, values) in
            [(["a", "b", "c"], [1, 2, 3]), (["c", "b", "a"], [3, 2, 1]), (["b", "b", "c"], [2, 2, 3])]
        {
            assert_eq!(read(names).unwrap().map(Result::unwrap), values, "{names:?}");
        }
        let [_, missing, after] = read(["c", "d", "a"]).unwrap();
        assert_eq!((missing.is_err(), after.unwrap()), (true, 1));
    }
}
