//! Expiries as a calendar (iCalendar, RFC 5545).

use super::{
    id::TokenId,
    time::{DAY, Instant},
};

/// How long before an expiry a calendar program says so, in milliseconds.
const AHEAD: i64 = 7 * DAY;

/// The longest line in bytes, without its end (RFC 5545, 3.1).
const LINE: usize = 75;

/// A token that expires.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// Which.
    pub token: TokenId,
    /// When.
    pub at: Instant,
    /// When anything about it changed last.
    pub updated_at: Instant,
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: String,
    /// Its owner's username.
    pub owner: String,
    /// Its organization's slug.
    pub organization: String,
}

/// The calendar of these, under a title.
pub fn write(title: &str, expiries: &[Expiry]) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| fold(&mut text, &format!("{name}:{value}"));
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", "-//jeton//expiries//EN");
    line("CALSCALE", "GREGORIAN");
    line("METHOD", "PUBLISH");
    // What programs call it: the one before RFC 7986, and that one's.
    line("X-WR-CALNAME", &escaped(title));
    line("NAME", &escaped(title));
    line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    for expiry in expiries {
        let Expiry { token, at, updated_at, name, number, owner, organization } = expiry;
        let summary = format!("{name} expires");
        line("BEGIN", "VEVENT");
        line("UID", &format!("{token}@jeton"));
        line("DTSTAMP", &utc(*updated_at));
        line("DTSTART", &utc(*at));
        line("SUMMARY", &escaped(&summary));
        let told = format!("Token {name} ({number})\nOwner: {owner}\nOrganization: {organization}");
        line("DESCRIPTION", &escaped(&told));
        line("TRANSP", "TRANSPARENT");
        line("BEGIN", "VALARM");
        line("ACTION", "DISPLAY");
        line("DESCRIPTION", &escaped(&summary));
        line("TRIGGER", &format!("-P{}D", AHEAD / DAY));
        line("END", "VALARM");
        line("END", "VEVENT");
    }
    line("END", "VCALENDAR");
    text
}

/// An instant in UTC, to the second (RFC 5545, 3.3.5).
fn utc(at: Instant) -> String {
    let text = at.to_string();
    let second = text.split(['.', 'Z']).next().unwrap_or_default();
    second.chars().filter(|letter| !matches!(letter, '-' | ':')).chain(['Z']).collect()
}

/// A text as a value (RFC 5545, 3.3.11).
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => value.extend(['\\', letter]),
            '\n' => value.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => value.push(letter),
        }
    }
    value
}

/// Adds a line, folded where it is too long; never within a character.
fn fold(text: &mut String, line: &str) {
    let mut length = 0;
    for letter in line.chars() {
        if length + letter.len_utf8() > LINE {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(letter);
        length += letter.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::{Expiry, Instant, LINE, TokenId, escaped, utc, write};

    #[test]
    fn a_text_is_escaped_and_a_long_line_is_folded() {
        assert_eq!(escaped("a;b,c\\d\ne\r"), "a\\;b\\,c\\\\d\\ne");
        let name = format!("{}\r\nEND:VEVENT; ü", "ü".repeat(100));
        let at = Instant::parse("2026-11-22T19:17:27.5Z").unwrap();
        assert_eq!(utc(at), "20261122T191727Z");
        let expiry = Expiry {
            token: TokenId::from_bytes([1; 16]),
            at,
            updated_at: at,
            name: name.clone(),
            number: "TKN-1".into(),
            owner: "ada".into(),
            organization: "default".into(),
        };
        let text = write("a, b", &[expiry]);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines.iter().all(|line| line.len() <= LINE && !line.contains(['\r', '\n'])), "{text}");
        assert_eq!(lines.iter().filter(|line| **line == "END:VEVENT").count(), 1);
        let unfolded = text.replace("\r\n ", "");
        assert!(
            unfolded.contains(&format!("SUMMARY:{}END:VEVENT\\; ü expires\r\n", "ü".repeat(100) + "\\n"))
        );
        assert!(unfolded.contains("X-WR-CALNAME:a\\, b\r\n") && unfolded.ends_with("END:VCALENDAR\r\n"));
    }
}
