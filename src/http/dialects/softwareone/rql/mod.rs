//! Resource Query Language: a query's conditions, read and turned into a filter over tokens.

mod modules;
mod parse;
mod translate;

use zeroize::Zeroizing;

use self::{
    parse::{Budget, Expression, parse},
    translate::Translation,
};
use crate::{
    core::{
        filter::Filter,
        listing::TokenField,
        refusal::{Failure, Refusal},
    },
    service::{Caller, Service},
};

/// The filter that all of these conditions make, percent-decoded and read as `caller`'s: names of accounts are looked up
/// among theirs. What can't be read, isn't known, or is too much to be asked of each row is refused by name.
pub fn filter(
    service: &Service,
    caller: &Caller,
    conditions: &[Zeroizing<String>],
) -> Result<Filter<TokenField>, Failure> {
    let mut budget = Budget::default();
    let conditions = conditions.iter().map(|condition| parse(condition, &mut budget));
    let mut conditions: Vec<Expression<'_>> = conditions.collect::<Result<_, _>>()?;
    let translation = Translation::new(service, caller);
    match conditions.pop() {
        Some(only) if conditions.is_empty() => translation.filter(&only),
        last => {
            conditions.extend(last);
            translation.filter(&Expression::And(conditions))
        }
    }
}

/// Refuses a condition.
fn refused(problem: impl Into<String>) -> Refusal {
    Refusal::invalid("filter", problem)
}

/// Refuses a name that isn't known. It is said back only where it looks like one: anything else may be a secret.
fn unknown(name: &str, problem: impl Into<String>) -> Refusal {
    let is_name =
        (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.');
    if is_name { Refusal::invalid(name.to_owned(), problem) } else { refused(problem) }
}
