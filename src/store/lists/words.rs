//! Looking names up by what is in them: trigrams, the index of words' terms.

/// How many of a needle's trigrams are looked up: more make the look-up slower and hardly narrower.
const MOST: usize = 12;

/// The expression that finds every row that has this in a name, and some that have its pieces elsewhere; `None` for a
/// needle too short for the index.
pub(super) fn query(needle: &str) -> Option<String> {
    let letters: Vec<char> = needle.chars().collect();
    if letters.len() < 3 {
        return None;
    }
    // One beside the other, so that together they cover all of it.
    let last = letters.len() - 3;
    let places = (0..last).step_by(3).take(MOST - 1).chain([last]);
    let terms = places.map(|at| {
        let trigram: String = letters[at..at + 3].iter().collect();
        format!("\"{}\"", trigram.replace('"', "\"\""))
    });
    Some(terms.collect::<Vec<_>>().join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn a_needle_is_covered_by_its_trigrams() {
        assert_eq!(query("ab"), None);
        assert_eq!(query("éé"), None);
        assert_eq!(query("abc").as_deref(), Some(r#""abc""#));
        assert_eq!(query("abcde").as_deref(), Some(r#""abc" AND "cde""#));
        assert_eq!(query("abcdefg").as_deref(), Some(r#""abc" AND "def" AND "efg""#));
        assert_eq!(query("a\"b").as_deref(), Some(r#""a""b""#));
        assert_eq!(query(&"a".repeat(200)).unwrap().matches("AND").count(), 11);
    }
}
