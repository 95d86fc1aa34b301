//! Conditions turned into a filter: each field's meaning, and what has to be looked up for it.

use std::cell::OnceCell;

use super::{
    super::wire::{ACCOUNT_TYPE, STATUSES, account_status},
    modules,
    parse::{Condition, Expression, Test},
    unknown,
};
use crate::{
    core::{
        filter::{self, Filter, Held, Pattern, Value},
        id::{Kind as _, OfOrganization, OfToken},
        listing::TokenField,
        number::Number,
        organization::Organization,
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::Instant,
    },
    service::{Caller, Service},
};

/// What is known in a condition, for a refusal.
const FIELDS: &str = "id, name, description, status, token, account.id, account.name, account.type, \
                      account.status, lastAccessAt, audit.created.at, audit.updated.at, and modules by any() and all()";

/// Whose conditions are turned into a filter.
pub(super) struct Translation<'a> {
    service: &'a Service,
    caller: &'a Caller,
    /// Looked up once, where they are asked for.
    organizations: OnceCell<Vec<Organization>>,
}

impl<'a> Translation<'a> {
    pub(super) const fn new(service: &'a Service, caller: &'a Caller) -> Self {
        Self { service, caller, organizations: OnceCell::new() }
    }

    pub(super) fn filter(&self, expression: &Expression<'_>) -> Result<Filter<TokenField>, Failure> {
        let each =
            |parts: &[Expression<'_>]| parts.iter().map(|part| self.filter(part)).collect::<Result<_, _>>();
        Ok(match expression {
            Expression::And(parts) => Filter::All(each(parts)?),
            Expression::Or(parts) => Filter::Any(each(parts)?),
            Expression::Not(part) => Filter::Not(Box::new(self.filter(part)?)),
            Expression::Is(condition) => self.condition(condition)?,
            Expression::AnyIn("modules", of_one) => modules::any(of_one)?,
            Expression::AllIn("modules", of_each) => modules::all(of_each)?,
            Expression::AnyIn(name, _) | Expression::AllIn(name, _) => {
                return Err(unknown(name, "no collection: there is modules").into());
            }
        })
    }

    fn condition(&self, condition: &Condition<'_>) -> Result<Filter<TokenField>, Failure> {
        let Condition { field, test } = condition;
        let is = |field, test: Result<filter::Test, Refusal>| Ok(Filter::Is(field, test?));
        match *field {
            "name" => is(TokenField::Name, Ok(textual(test))),
            "description" => is(TokenField::Description, Ok(textual(test))),
            "lastAccessAt" => is(TokenField::LastUsedAt, time("lastAccessAt", test)),
            "audit.created.at" => is(TokenField::CreatedAt, time("audit.created.at", test)),
            "audit.updated.at" => is(TokenField::UpdatedAt, time("audit.updated.at", test)),
            "status" => Ok(status(test)?),
            "id" => {
                let places = exact("id", test)?.iter().filter_map(|id| Number::parse(OfToken::PREFIX, id));
                let places = places.map(|number| Value::Whole(number.place().into()));
                Ok(one_of(TokenField::Number, places.collect()))
            }
            "token" => {
                let found = exact("token", test)?.iter().filter_map(|secret| {
                    let found = self.service.token_by_secret(self.caller, &SecretText::new(*secret));
                    found.map(|token| token.map(|id| Value::Id(id.0))).transpose()
                });
                Ok(one_of(TokenField::Id, found.collect::<Result<_, _>>()?))
            }
            "account.id" => {
                exact("account.id", test)?;
                self.account(test, |account| account.number.show::<OfOrganization>())
            }
            "account.name" => self.account(test, |account| account.name.clone()),
            "account.type" => self.account(&any_case(test, &[ACCOUNT_TYPE]), |_| ACCOUNT_TYPE.to_owned()),
            "account.status" => {
                self.account(&any_case(test, &STATUSES), |account| account_status(account).to_owned())
            }
            "modules" if *test == Test::Missing => is(TokenField::Module, Ok(filter::Test::Missing)),
            name => Err(unknown(name, format!("not a field of a condition: there are {FIELDS}")).into()),
        }
    }

    /// Whose account passes: the caller's tokens are in few of them.
    fn account(
        &self,
        test: &Test<'_>,
        of: impl Fn(&Organization) -> String,
    ) -> Result<Filter<TokenField>, Failure> {
        let test = textual(test);
        let accounts = if let Some(known) = self.organizations.get() {
            known
        } else {
            let found = self.service.own_organizations(self.caller)?;
            self.organizations.get_or_init(|| found)
        };
        let passing = accounts.iter().filter(|account| test.passes(Held::Text(&of(account))));
        Ok(one_of(TokenField::Organization, passing.map(|account| Value::Id(account.id.0)).collect()))
    }
}

/// One of these, if there are any: what is equal to one thing may find an index.
fn one_of(field: TokenField, mut values: Vec<Value>) -> Filter<TokenField> {
    match values.pop() {
        None => Filter::Any(Vec::new()),
        Some(only) if values.is_empty() => Filter::Is(field, filter::Test::Equals(only)),
        Some(last) => {
            values.push(last);
            Filter::Is(field, filter::Test::OneOf(values))
        }
    }
}

/// The values of a test that holds of those to the letter.
fn exact<'t, 'q>(field: &'static str, test: &'t Test<'q>) -> Result<&'t [&'q str], Refusal> {
    match test {
        Test::Equals(_) | Test::OneOf(_) => Ok(test.values()),
        _ => Err(Refusal::invalid(field, "takes eq, ne, in and out with values")),
    }
}

fn textual(test: &Test<'_>) -> filter::Test {
    let held = |value: &str| Value::Text(value.to_owned());
    match test {
        Test::Missing => filter::Test::Missing,
        Test::Equals(value) => filter::Test::Equals(held(value)),
        Test::OneOf(values) => filter::Test::OneOf(values.iter().map(|value| held(value)).collect()),
        Test::Below(value) => filter::Test::Below(held(value)),
        Test::AtMost(value) => filter::Test::AtMost(held(value)),
        Test::Above(value) => filter::Test::Above(held(value)),
        Test::AtLeast(value) => filter::Test::AtLeast(held(value)),
        Test::Like(value) => filter::Test::Like(Pattern::new(pieces(value), false)),
        Test::LikeInAnyCase(value) => filter::Test::Like(Pattern::new(pieces(value), true)),
    }
}

/// What stands between the wildcards of a pattern. `\*` is a star; every other backslash stands for itself.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = pieces.last_mut().expect("there is always one");
        match letter {
            '\\' if letters.next_if_eq(&'*').is_some() => last.push('*'),
            '*' => pieces.push(String::new()),
            other => last.push(other),
        }
    }
    pieces
}

fn time(field: &'static str, test: &Test<'_>) -> Result<filter::Test, Refusal> {
    let held = |value: &str| {
        let at = instant(value).ok_or_else(|| Refusal::invalid(field, "takes RFC 3339 instants"))?;
        Ok::<_, Refusal>(Value::At(at))
    };
    Ok(match test {
        Test::Missing => filter::Test::Missing,
        Test::Equals(value) => filter::Test::Equals(held(value)?),
        Test::OneOf(values) => {
            filter::Test::OneOf(values.iter().map(|value| held(value)).collect::<Result<_, _>>()?)
        }
        Test::Below(value) => filter::Test::Below(held(value)?),
        Test::AtMost(value) => filter::Test::AtMost(held(value)?),
        Test::Above(value) => filter::Test::Above(held(value)?),
        Test::AtLeast(value) => filter::Test::AtLeast(held(value)?),
        Test::Like(_) | Test::LikeInAnyCase(_) => {
            return Err(Refusal::invalid(field, "takes no like and no ilike"));
        }
    })
}

/// RFC 3339; what names no zone is in UTC, and a date is where it begins. Clients send all three.
fn instant(text: &str) -> Option<Instant> {
    [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z")]
        .iter()
        .find_map(|text| Instant::parse(text))
}

/// The same test with the values spelled as these words are.
fn any_case<'q>(test: &Test<'q>, words: &[&'static str]) -> Test<'q> {
    let spelled =
        |value: &'q str| words.iter().find(|word| word.eq_ignore_ascii_case(value)).copied().unwrap_or(value);
    match test {
        Test::Equals(value) => Test::Equals(spelled(value)),
        Test::OneOf(values) => Test::OneOf(values.iter().map(|value| spelled(value)).collect()),
        Test::Like(value) => Test::LikeInAnyCase(value),
        other => other.clone(),
    }
}

/// A token's status, in any case. A deleted token is in no list.
fn status(test: &Test<'_>) -> Result<Filter<TokenField>, Refusal> {
    let test = any_case(test, &STATUSES);
    match &test {
        Test::Equals(_) | Test::OneOf(_) if test.values().iter().all(|value| STATUSES.contains(value)) => {}
        Test::LikeInAnyCase(_) | Test::Missing => {}
        Test::Equals(_) | Test::OneOf(_) => return Err(Refusal::invalid("status", STATUSES.join(", "))),
        _ => return Err(Refusal::invalid("status", "takes eq, ne, in, out, like and ilike")),
    }
    let test = textual(&test);
    let shown = [("Active", &["active"][..]), ("Disabled", &["disabled", "expired"])];
    let meant = shown.iter().filter(|(shown, _)| test.passes(Held::Text(shown)));
    let words = meant.flat_map(|(_, words)| words.iter()).map(|word| Value::Text((*word).to_owned()));
    Ok(one_of(TokenField::Status, words.collect()))
}

#[cfg(test)]
mod tests {
    use super::{Filter, Instant, Test, filter, instant, pieces, status};

    #[test]
    fn a_pattern_is_parted_at_its_wildcards() {
        for (pattern, parts) in [
            ("abc", &["abc"][..]),
            ("*", &["", ""]),
            ("a*", &["a", ""]),
            ("*a*b*", &["", "a", "b", ""]),
            (r"a\*", &["a*"]),
            (r"The\**", &["The*", ""]),
            (r"a\\*", &[r"a\*"]),
            (r"C:\dir\", &[r"C:\dir\"]),
            ("", &[""]),
        ] {
            assert_eq!(pieces(pattern), parts, "{pattern}");
        }
    }

    #[test]
    fn an_instant_without_a_zone_is_in_utc() {
        let expected = Instant::parse("2026-01-31T00:00:00Z");
        for text in
            ["2026-01-31T00:00:00.000Z", "2026-01-31T01:00:00+01:00", "2026-01-31T00:00:00", "2026-01-31"]
        {
            assert_eq!(instant(text), expected, "{text}");
        }
        for text in ["", "now", "2026", "2026-02-30", "2026-01-31T", "2026-01-31TZ", "1769817600"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_status_is_taken_in_any_case_and_an_expired_token_counts_as_disabled() {
        let words = |test| match status(&test).expect("known") {
            Filter::Is(_, filter::Test::Equals(_)) => 1,
            Filter::Is(_, filter::Test::OneOf(words)) => words.len(),
            Filter::Any(none) => none.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(words(Test::Equals("ACTIVE")), 1);
        assert_eq!(words(Test::Equals("disabled")), 2);
        assert_eq!(words(Test::Equals("Deleted")), 0);
        assert_eq!(words(Test::OneOf(vec!["active", "Disabled"])), 3);
        assert_eq!(words(Test::Like("a*")), 1);
        assert_eq!(words(Test::Missing), 0);
        for test in [Test::Equals("expired"), Test::OneOf(vec!["active", ""]), Test::Below("active")] {
            assert!(status(&test).is_err(), "{test:?}");
        }
    }
}
