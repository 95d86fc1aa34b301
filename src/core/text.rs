//! What people may type into a field: how long, and no control characters.

use super::refusal::Refusal;

/// Longest name, in characters.
pub const NAME: usize = 200;
/// Longest description, in characters.
pub const DESCRIPTION: usize = 2_000;
/// Longest icon or image (a URL or a short data URL), in characters.
pub const ICON: usize = 4_000;
/// Longest part of a person's name or title, in characters.
pub const PERSONAL: usize = 100;

/// A name: not empty, nor of white space alone.
pub fn name(field: &'static str, text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(field, format!("1 to {NAME} characters, not of white space alone")));
    }
    line(field, text, NAME)
}

/// One line of at most `most` characters.
pub fn line(field: &'static str, text: &str, most: usize) -> Result<String, Refusal> {
    bounded(field, text, most, char::is_control)
}

/// Several lines: line feeds, carriage returns and tabs are as good as any other character.
pub fn lines(field: &'static str, text: &str, most: usize) -> Result<String, Refusal> {
    bounded(field, text, most, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn bounded(
    field: &'static str,
    text: &str,
    most: usize,
    bad: impl Fn(char) -> bool,
) -> Result<String, Refusal> {
    if text.chars().nth(most).is_some() {
        return Err(Refusal::invalid(field, format!("at most {most} characters")));
    }
    if text.chars().any(bad) {
        return Err(Refusal::invalid(field, "no control characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{NAME, lines, name};

    #[test]
    fn a_name_is_a_bounded_line() {
        assert!(name("name", "déjà vu").is_ok());
        assert!(name("name", &"é".repeat(NAME)).is_ok(), "characters count, not bytes");
        for text in ["", "  ", "a\nb", "a\u{1b}[2Jb", "a\0", &"e".repeat(NAME + 1)] {
            assert!(name("name", text).is_err(), "{text:?}");
        }
        assert!(lines("description", "a\n\tb", 10).is_ok());
        assert!(lines("description", "a\u{7f}b", 10).is_err());
    }
}
