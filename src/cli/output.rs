//! Standard output, and the only file that writes to it: tables and records for people, JSON for scripts.

use std::io::{self, Write};

use serde_json::Value;

/// A column of a table or a line of a record: its heading, and the member of the object that it shows; `policy.quota`
/// is a member of a member.
pub type Column = (&'static str, &'static str);

/// One line.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Text or bytes as they are.
pub fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A JSON value, indented.
pub fn json(value: &Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

/// One object: a line a member, or JSON.
pub fn object(value: &Value, columns: &[Column], as_json: bool) -> io::Result<()> {
    if as_json {
        return json(value);
    }
    let width = columns.iter().map(|(heading, _)| heading.len()).max().unwrap_or(0);
    let lines =
        columns.iter().map(|(heading, member)| format!("{heading:width$}  {}\n", cell(find(value, member))));
    raw(lines.collect::<String>().as_bytes())
}

/// A list of objects: a table, or a JSON array.
pub fn list(values: &[Value], columns: &[Column], as_json: bool) -> io::Result<()> {
    if as_json {
        return json(&Value::from(values));
    }
    raw(table(values, columns).as_bytes())
}

fn table(values: &[Value], columns: &[Column]) -> String {
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let mut rows: Vec<Vec<String>> = vec![headings];
    rows.extend(
        values.iter().map(|value| columns.iter().map(|(_, member)| cell(find(value, member))).collect()),
    );
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        text += cells.collect::<String>().trim_end();
        text.push('\n');
    }
    text
}

/// The member of an object that a column shows.
fn find<'a>(value: &'a Value, member: &str) -> &'a Value {
    member.split('.').fold(value, |value, name| &value[name])
}

/// A value in a word or two.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => escape(text),
        Value::Array(all) if all.is_empty() => "none".to_owned(),
        Value::Array(all) => all.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => escape(&other.to_string()),
    }
}

/// Text of others on a terminal: without what could steer it.
pub fn escape(text: &str) -> String {
    let steering = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().flat_map(|c| if steering(c) { c.escape_unicode().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{cell, table};

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let values = [json!({"a": "x", "b": {"c": true}}), json!({"a": "länger", "b": {"c": null}})];
        assert_eq!(table(&values, &[("A", "a"), ("BEE", "b.c")]), "A       BEE\nx       yes\nlänger  -\n");
    }

    #[test]
    fn cells_are_single_words_of_a_line() {
        assert_eq!(cell(&json!(["a:b", "c:d"])), "a:b c:d");
        assert_eq!(cell(&json!([])), "none");
        assert_eq!(cell(&json!("a\n\u{1b}[2J")), "a\\u{a}\\u{1b}[2J");
    }
}
