//! The database file as somebody with another SQLite sees it: beside the running server, or after it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, types::Value};

/// Opens the database in `data` to read and write.
pub fn open(data: &Path) -> Connection {
    let connection = Connection::open_with_flags(data.join("jeton.db"), OpenFlags::SQLITE_OPEN_READ_WRITE)
        .expect("the database opens");
    connection.busy_timeout(std::time::Duration::from_secs(5)).expect("a time-out can be set");
    connection
}

/// All rows of `table`, each value as text, in the order SQLite gives them.
pub fn dump(connection: &Connection, table: &str) -> Vec<Vec<String>> {
    let mut statement =
        connection.prepare(&format!("SELECT * FROM \"{table}\"")).expect("the table is there");
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at).map(show)).collect());
    rows.expect("the table can be read").map(|row| row.expect("the row can be read")).collect()
}

/// How many rows `table` has.
pub fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| row.get(0)).expect("a count")
}

fn show(value: Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
