//! Conditions on one module, as the set of those numbers that meet them.

use super::{
    parse::{Condition, Expression, Test},
    refused, unknown,
};
use crate::core::{
    filter::{self, Filter, Value},
    listing::TokenField,
    refusal::Refusal,
};

/// Modules by their numbers: these, or all others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Set<'q> {
    numbers: Vec<&'q str>,
    others: bool,
}

impl<'q> Set<'q> {
    const fn of(numbers: Vec<&'q str>) -> Self {
        Self { numbers, others: false }
    }

    fn complement(self) -> Self {
        Self { others: !self.others, ..self }
    }

    fn union(self, other: Self) -> Self {
        let (mut one, mut two) = if self.others { (other, self) } else { (self, other) };
        match (one.others, two.others) {
            (false, false) => {
                one.numbers.retain(|number| !two.numbers.contains(number));
                two.numbers.extend(one.numbers);
            }
            (false, true) => two.numbers.retain(|number| !one.numbers.contains(number)),
            (true, _) => two.numbers.retain(|number| one.numbers.contains(number)),
        }
        two
    }

    fn intersection(self, other: Self) -> Self {
        self.complement().union(other.complement()).complement()
    }

    /// The modules that meet a condition.
    fn meeting(expression: &Expression<'q>) -> Result<Self, Refusal> {
        Ok(match expression {
            Expression::And(parts) => {
                let all = Self::of(Vec::new()).complement();
                parts.iter().try_fold(all, |set, part| Ok(set.intersection(Self::meeting(part)?)))?
            }
            Expression::Or(parts) => parts
                .iter()
                .try_fold(Self::of(Vec::new()), |set, part| Ok(set.union(Self::meeting(part)?)))?,
            Expression::Not(part) => Self::meeting(part)?.complement(),
            Expression::Is(Condition { field: "id", test: Test::Equals(number) }) => Self::of(vec![*number]),
            Expression::Is(Condition { field: "id", test: Test::OneOf(numbers) }) => {
                Self::of(Vec::new()).union(Self::of(numbers.clone()))
            }
            Expression::Is(Condition { field: "id", .. }) => {
                return Err(refused("a module's id takes eq, ne, in and out with values"));
            }
            Expression::Is(Condition { field, .. }) => {
                return Err(unknown(field, "an unknown field of a module: there is id"));
            }
            Expression::AnyIn(..) | Expression::AllIn(..) => {
                return Err(refused("a module has no collection in it"));
            }
        })
    }

    /// That a token has one of them.
    fn any(self) -> Filter<TokenField> {
        let values = self.numbers.into_iter().map(|number| Value::Text(number.to_owned())).collect();
        let test = if self.others { filter::Test::OtherThan(values) } else { filter::Test::OneOf(values) };
        Filter::Is(TokenField::Module, test)
    }
}

/// That a token has a module that meets a condition.
pub(super) fn any(condition: &Expression<'_>) -> Result<Filter<TokenField>, Refusal> {
    Ok(Set::meeting(condition)?.any())
}

/// That all modules of a token meet a condition, if there are any.
pub(super) fn all(condition: &Expression<'_>) -> Result<Filter<TokenField>, Refusal> {
    Ok(Filter::Not(Box::new(Set::meeting(condition)?.complement().any())))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parse::{Budget, parse},
        Set,
    };

    #[test]
    fn sets_combine_as_their_members_do() {
        let universe = ["1", "2", "3", "4"];
        let base = [vec![], vec!["1"], vec!["1", "2"], vec!["2", "3"]];
        let sets =
            || base.iter().flat_map(|some| [Set::of(some.clone()), Set::of(some.clone()).complement()]);
        let has = |set: &Set<'_>, number: &str| set.numbers.contains(&number) != set.others;
        for one in sets() {
            for two in sets() {
                let (union, both) = (one.clone().union(two.clone()), one.clone().intersection(two.clone()));
                for number in universe {
                    assert_eq!(
                        has(&union, number),
                        has(&one, number) || has(&two, number),
                        "{one:?} {two:?}"
                    );
                    assert_eq!(has(&both, number), has(&one, number) && has(&two, number), "{one:?} {two:?}");
                }
            }
        }
    }

    #[test]
    fn conditions_on_a_module_are_sets() {
        for (text, numbers, others) in [
            ("id=1", &["1"][..], false),
            ("ne(id,1)", &["1"], true),
            ("in(id,(1,2,2))", &["1", "2"], false),
            ("and(in(id,(1,2)),ne(id,1))", &["2"], false),
            ("not(or(id=1,id=2))", &["1", "2"], true),
            ("and(id=1,id=2)", &[], false),
        ] {
            let expression = parse(text, &mut Budget::default()).expect(text);
            let mut set = Set::meeting(&expression).expect(text);
            set.numbers.sort_unstable();
            set.numbers.dedup();
            assert_eq!((set.numbers.as_slice(), set.others), (numbers, others), "{text}");
        }
        for text in ["name=1", "like(id,1*)", "lt(id,1)", "id=null()", "any(modules,id=1)"] {
            assert!(Set::meeting(&parse(text, &mut Budget::default()).expect(text)).is_err(), "{text}");
        }
    }
}
