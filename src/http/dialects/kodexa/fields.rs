//! The fields of an access token as a page's filter and order name them, and what a condition on one means.

use std::borrow::Cow;

use crate::core::{
    filter::{Filter, Held, Pattern, Test, Value},
    id::{OfToken, OfUser, Reference},
    listing::{Direction, TokenField},
    refusal::Refusal,
    time::Instant,
    user::User,
};

/// How a field is held against a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Like,
    LikeAnyCase,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A value in a filter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// None at all.
    Null,
    /// A text, in the pieces that its stars leave.
    Text(Vec<String>),
}

/// What kind of value a field has.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Time,
    Whole,
    TokenId,
    UserId,
}

/// Where a field's value comes from.
#[derive(Clone, Copy)]
enum Source {
    /// It may be another in each token.
    Token(TokenField),
    /// Every token on the list has the same owner.
    Owner(fn(&User) -> Held<'_>),
}

const USER_ID: Source = Source::Owner(|user| Held::Id(user.id.0));

/// Every field that a filter may name.
const FIELDS: [(&str, Kind, Source); 13] = [
    ("id", Kind::TokenId, Source::Token(TokenField::Id)),
    ("uuid", Kind::TokenId, Source::Token(TokenField::Id)),
    ("name", Kind::Text, Source::Token(TokenField::Name)),
    ("createdOn", Kind::Time, Source::Token(TokenField::CreatedAt)),
    ("updatedOn", Kind::Time, Source::Token(TokenField::UpdatedAt)),
    ("expiresAt", Kind::Time, Source::Token(TokenField::ExpiresAt)),
    ("changeSequence", Kind::Whole, Source::Token(TokenField::ChangeSequence)),
    ("userId", Kind::UserId, USER_ID),
    ("user.id", Kind::UserId, USER_ID),
    ("user.uuid", Kind::UserId, USER_ID),
    ("user.email", Kind::Text, Source::Owner(|user| Held::Text(&user.email))),
    ("user.firstName", Kind::Text, Source::Owner(|user| Held::Text(&user.first_name))),
    ("user.lastName", Kind::Text, Source::Owner(|user| Held::Text(&user.last_name))),
];

/// Every field that a page may be ordered by; ids are in the order in which their tokens were made.
const SORTS: [(&str, TokenField); 7] = [
    ("id", TokenField::CreatedAt),
    ("uuid", TokenField::CreatedAt),
    ("createdOn", TokenField::CreatedAt),
    ("name", TokenField::Name),
    ("updatedOn", TokenField::UpdatedAt),
    ("expiresAt", TokenField::ExpiresAt),
    ("changeSequence", TokenField::ChangeSequence),
];

/// Names what there isn't. What has a field's form may be said back; whatever else stands there may be a secret.
fn unknown<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let is_a_name = name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$'));
    let named = if is_a_name { format!("no field {name}") } else { "no such field".to_owned() };
    format!("{named}: this takes {}", known.collect::<Vec<_>>().join(", "))
}

/// What a condition means for the tokens of `owner`; else what is wrong with it.
pub(super) fn condition(
    name: &str,
    operator: Operator,
    operand: &Operand,
    owner: &User,
) -> Result<Filter<TokenField>, String> {
    let field = FIELDS.iter().find(|(known, ..)| *known == name);
    let (_, kind, source) = field.ok_or_else(|| unknown(name, FIELDS.iter().map(|(known, ..)| *known)))?;
    let test = kind.test(operator, operand).map_err(|problem| format!("{name}: {problem}"))?;
    let filter = match source {
        Source::Token(field) => Filter::Is(*field, test),
        Source::Owner(held) if test.passes(held(owner)) => Filter::All(Vec::new()),
        Source::Owner(_) => Filter::Any(Vec::new()),
    };
    Ok(if operator == Operator::Unequal { Filter::Not(Box::new(filter)) } else { filter })
}

impl Kind {
    /// The test for an operator; the one for `:` is for `!` to be turned round.
    fn test(self, operator: Operator, operand: &Operand) -> Result<Test, &'static str> {
        let pieces = match (operator, operand) {
            (Operator::Equal | Operator::Unequal, Operand::Null) => return Ok(Test::Missing),
            (_, Operand::Null) => return Err("null takes : and ! alone"),
            (_, Operand::Text(pieces)) => pieces,
        };
        if matches!(operator, Operator::Like | Operator::LikeAnyCase) {
            let pattern = || Pattern::new(pieces.clone(), operator == Operator::LikeAnyCase);
            return match self {
                Self::Text => Ok(Test::Like(pattern())),
                _ => Err("~ is for texts"),
            };
        }
        let value = self.read(&pieces.join("*"))?;
        let Some(value) = value else {
            // No id: nothing has it.
            return if is_equality(operator) { Ok(Test::OneOf(Vec::new())) } else { Err(UNORDERED) };
        };
        Ok(match operator {
            Operator::Above | Operator::AtLeast | Operator::Below | Operator::AtMost
                if matches!(value, Value::Id(_)) =>
            {
                return Err(UNORDERED);
            }
            Operator::Above => Test::Above(value),
            Operator::AtLeast => Test::AtLeast(value),
            Operator::Below => Test::Below(value),
            Operator::AtMost => Test::AtMost(value),
            _ => Test::Equals(value),
        })
    }

    /// Reads a value; `None` for an id that is of no id's form.
    fn read(self, text: &str) -> Result<Option<Value>, &'static str> {
        Ok(match self {
            Self::Text => Some(Value::Text(text.to_owned())),
            Self::Time => Some(Value::At(Instant::parse(text).ok_or("an RFC 3339 instant")?)),
            Self::Whole => Some(Value::Whole(text.parse().map_err(|_| "a whole number")?)),
            Self::TokenId => match Reference::<OfToken>::parse(text) {
                Some(Reference::Id(id)) => Some(Value::Id(id.0)),
                _ => None,
            },
            Self::UserId => match Reference::<OfUser>::parse(text) {
                Some(Reference::Id(id)) => Some(Value::Id(id.0)),
                _ => None,
            },
        })
    }
}

const UNORDERED: &str = "an id takes : and ! alone";

const fn is_equality(operator: Operator) -> bool {
    matches!(operator, Operator::Equal | Operator::Unequal)
}

/// Reads `name:asc;createdOn:desc`, as often as it comes; the newest first where nothing is said.
pub(super) fn sort(values: &[Cow<'_, str>]) -> Result<Vec<(TokenField, Direction)>, Refusal> {
    let mut sort: Vec<(TokenField, Direction)> = Vec::new();
    let parts = values.iter().flat_map(|value| value.split(';')).map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let (name, direction) = (name.trim(), direction.trim());
        let field = SORTS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        let field = field
            .ok_or_else(|| Refusal::invalid("sort", unknown(name, SORTS.iter().map(|(known, _)| *known))))?;
        let direction = if direction.eq_ignore_ascii_case("asc") {
            Direction::Up
        } else if direction.eq_ignore_ascii_case("desc") {
            Direction::Down
        } else {
            return Err(Refusal::invalid("sort", "asc or desc after the field"));
        };
        // Rows that are equal in it once are so again.
        if sort.iter().all(|(known, _)| *known != field) {
            sort.push((field, direction));
        }
    }
    Ok(if sort.is_empty() { vec![(TokenField::CreatedAt, Direction::Down)] } else { sort })
}
