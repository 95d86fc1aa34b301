//! The known name that is nearest to an unknown one.

/// The nearest of `known` to `name`, when it is near enough to have been meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (steps, nearest) = known.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (steps <= name.len().min(nearest.len()).div_ceil(3)).then_some(nearest)
}

/// Levenshtein's distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("port", "port"), 0);
        assert_eq!(distance("prot", "port"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn far_names_are_not_suggested() {
        let known = || ["port", "address", "tls_cert"].into_iter();
        assert_eq!(nearest("prot", known()), Some("port"));
        assert_eq!(nearest("tls-cert", known()), Some("tls_cert"));
        assert_eq!(nearest("color", known()), None);
    }
}
