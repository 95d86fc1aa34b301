//! What a list is asked for: flags of `list` commands as a query.

use std::fmt::Write as _;

use crate::cli::client::encode;

/// A path with a query of what was given.
pub fn target<const N: usize>(path: &str, asked: [(&str, Option<String>); N]) -> String {
    let mut target = path.to_owned();
    let given = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (at, (name, value)) in given.enumerate() {
        let join = if at == 0 { '?' } else { '&' };
        write!(target, "{join}{name}={}", encode(&value)).expect("a string takes all");
    }
    target
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn only_what_is_given_is_asked() {
        let asked = |name: Option<&str>| {
            target("/v1/tokens", [("name", name.map(Into::into)), ("sort", Some("-name".into()))])
        };
        assert_eq!(asked(None), "/v1/tokens?sort=-name");
        assert_eq!(asked(Some("a b&c")), "/v1/tokens?name=a%20b%26c&sort=-name");
        assert_eq!(target("/v1/users", [("name", None)]), "/v1/users");
    }
}
