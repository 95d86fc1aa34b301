//! Makes a record one line that a terminal can't be steered by.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `line` with its control characters, and the Unicode characters that end or reorder lines, as `\uXXXX`. That form is
/// JSON's too, and in a JSON record they only stand inside texts.
pub(super) fn line(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_steering) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for character in line.chars() {
        if is_steering(character) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

fn is_steering(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(line("plain – ü"), "plain – ü");
        assert_eq!(line("a\nb\r\u{1b}[2J"), "a\\u000ab\\u000d\\u001b[2J");
        assert_eq!(line("\u{7f}\u{85}\u{2028}\u{202e}"), "\\u007f\\u0085\\u2028\\u202e");
    }
}
