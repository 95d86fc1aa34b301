//! Reading RQL: operators, fields and values, without knowing what they mean.
//!
//! What is read is bounded while it is read: how deep it nests, and how many conditions and values it has.

#[cfg(test)]
mod tests;

use super::{refused, unknown};
use crate::core::refusal::Refusal;

/// How deep operators may stand in one another: with what a list adds of its own, what a filter may have.
const DEEPEST: usize = 18;

/// How many groups, conditions and values a query may have.
const MOST: usize = 100;

/// How many more a query may have.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST)
    }
}

impl Budget {
    fn spend(&mut self) -> Result<(), Refusal> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| refused(format!("more than {MOST} conditions")))?;
        Ok(())
    }
}

/// A condition, or some of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression<'q> {
    /// All hold.
    And(Vec<Self>),
    /// At least one holds.
    Or(Vec<Self>),
    /// It doesn't hold.
    Not(Box<Self>),
    /// A field passes a test.
    Is(Condition<'q>),
    /// It holds of something in a collection.
    AnyIn(&'q str, Box<Self>),
    /// It holds of everything in a collection.
    AllIn(&'q str, Box<Self>),
}

/// A test of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition<'q> {
    pub(super) field: &'q str,
    pub(super) test: Test<'q>,
}

/// What a field is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test<'q> {
    /// Is there none: `null()` or `empty()`?
    Missing,
    /// Is it this?
    Equals(&'q str),
    /// Is it one of these?
    OneOf(Vec<&'q str>),
    Below(&'q str),
    AtMost(&'q str),
    Above(&'q str),
    AtLeast(&'q str),
    /// Does it match the pattern, capital and small letters told apart?
    Like(&'q str),
    /// The same, in any case.
    LikeInAnyCase(&'q str),
}

impl<'q> Test<'q> {
    /// Every value that stands in it.
    pub(super) fn values(&self) -> &[&'q str] {
        match self {
            Self::Missing => &[],
            Self::OneOf(values) => values,
            Self::Equals(value)
            | Self::Below(value)
            | Self::AtMost(value)
            | Self::Above(value)
            | Self::AtLeast(value)
            | Self::Like(value)
            | Self::LikeInAnyCase(value) => std::slice::from_ref(value),
        }
    }
}

/// A value, or that there is none.
enum Operand<'q> {
    Text(&'q str),
    Missing,
}

/// Reads one condition, whole.
pub(super) fn parse<'q>(text: &'q str, budget: &mut Budget) -> Result<Expression<'q>, Refusal> {
    let mut parser = Parser { text, at: 0, depth: 0, budget };
    let expression = parser.expression()?;
    parser.skip_spaces();
    if parser.at == text.len() {
        Ok(expression)
    } else {
        Err(parser.wrong("the condition has ended before this"))
    }
}

struct Parser<'q, 'b> {
    text: &'q str,
    /// Always between characters.
    at: usize,
    depth: usize,
    budget: &'b mut Budget,
}

impl<'q> Parser<'q, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Says what is wrong, and where, without a word of it.
    fn wrong(&self, problem: &str) -> Refusal {
        let place = self.text[..self.at].chars().count() + 1;
        refused(format!("{problem}, at character {place} of its condition"))
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Takes this byte, which is a character of its own, or says what is needed.
    fn take(&mut self, byte: u8) -> Result<(), Refusal> {
        self.skip_spaces();
        if self.peek() != Some(byte) {
            return Err(self.wrong(&format!("{} is needed", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes what stands before the next of these bytes, or the rest; without spaces around it.
    fn before(&mut self, ends: &[u8]) -> &'q str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| ends.contains(&byte)).unwrap_or(rest.len());
        self.at += length;
        rest[..length].trim_matches(' ')
    }

    fn expression(&mut self) -> Result<Expression<'q>, Refusal> {
        self.budget.spend()?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(&format!("conditions nest at most {DEEPEST} deep")));
        }
        let word = self.before(b"(),='\"");
        let expression = match self.peek() {
            Some(b'(') if !word.is_empty() => {
                self.at += 1;
                let expression = self.call(word)?;
                self.take(b')')?;
                expression
            }
            Some(b'=') if !word.is_empty() => {
                self.at += 1;
                equals(word, self.operand()?)
            }
            _ => return Err(self.wrong("operator(...) or field=value is needed")),
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// Reads what stands in an operator's parentheses.
    fn call(&mut self, operator: &'q str) -> Result<Expression<'q>, Refusal> {
        Ok(match operator {
            "and" => Expression::And(self.expressions()?),
            "or" => Expression::Or(self.expressions()?),
            "not" => Expression::Not(Box::new(self.expression()?)),
            "any" => Expression::AnyIn(self.field()?, Box::new(self.expression()?)),
            "all" => Expression::AllIn(self.field()?, Box::new(self.expression()?)),
            "eq" => equals(self.field()?, self.operand()?),
            "ne" => not(equals(self.field()?, self.operand()?)),
            "in" => self.one_of()?,
            "out" => not(self.one_of()?),
            "lt" => self.compared(Test::Below)?,
            "le" => self.compared(Test::AtMost)?,
            "gt" => self.compared(Test::Above)?,
            "ge" => self.compared(Test::AtLeast)?,
            "like" => self.compared(Test::Like)?,
            "ilike" => self.compared(Test::LikeInAnyCase)?,
            _ => {
                let known = "and, or, not, any, all, eq, ne, lt, le, gt, ge, like, ilike, in, out";
                return Err(unknown(operator, format!("an unknown operator: there are {known}")));
            }
        })
    }

    /// One or more, parted by commas.
    fn expressions(&mut self) -> Result<Vec<Expression<'q>>, Refusal> {
        let mut expressions = vec![self.expression()?];
        self.skip_spaces();
        while self.peek() == Some(b',') {
            self.at += 1;
            expressions.push(self.expression()?);
            self.skip_spaces();
        }
        Ok(expressions)
    }

    /// A field and the comma after it.
    fn field(&mut self) -> Result<&'q str, Refusal> {
        let field = self.before(b"(),='\"");
        if field.is_empty() {
            return Err(self.wrong("a field is needed"));
        }
        self.take(b',')?;
        Ok(field)
    }

    fn compared(&mut self, test: fn(&'q str) -> Test<'q>) -> Result<Expression<'q>, Refusal> {
        let field = self.field()?;
        Ok(Expression::Is(Condition { field, test: test(self.value()?) }))
    }

    /// A field, and values in parentheses of their own; there may be none.
    fn one_of(&mut self) -> Result<Expression<'q>, Refusal> {
        let field = self.field()?;
        self.take(b'(')?;
        self.skip_spaces();
        let mut values = Vec::new();
        while self.peek() != Some(b')') {
            if !values.is_empty() {
                self.take(b',')?;
            }
            self.budget.spend()?;
            values.push(self.value()?);
            self.skip_spaces();
        }
        self.at += 1;
        Ok(Expression::Is(Condition { field, test: Test::OneOf(values) }))
    }

    fn value(&mut self) -> Result<&'q str, Refusal> {
        match self.operand()? {
            Operand::Text(text) => Ok(text),
            Operand::Missing => Err(self.wrong("null() and empty() are for eq and ne")),
        }
    }

    /// A value: bare, or in quotation marks, within which everything stands for itself but that mark.
    fn operand(&mut self) -> Result<Operand<'q>, Refusal> {
        self.skip_spaces();
        if let Some(mark @ (b'\'' | b'"')) = self.peek() {
            let rest = &self.text[self.at + 1..];
            let Some(length) = rest.bytes().position(|byte| byte == mark) else {
                return Err(self.wrong("the quotation mark isn't closed"));
            };
            self.at += length + 2;
            return Ok(Operand::Text(&rest[..length]));
        }
        let text = self.before(b"(),'\"");
        match self.peek() {
            Some(b'\'' | b'"') => {
                Err(self.wrong("a value with a quotation mark in it stands in the other kind"))
            }
            Some(b'(') if matches!(text, "null" | "empty") => {
                self.at += 1;
                self.take(b')')?;
                Ok(Operand::Missing)
            }
            Some(b'(') => Err(self.wrong("a value with a parenthesis in it stands in quotation marks")),
            _ if text.is_empty() => Err(self.wrong("a value is needed")),
            _ => Ok(Operand::Text(text)),
        }
    }
}

fn equals<'q>(field: &'q str, operand: Operand<'q>) -> Expression<'q> {
    let test = match operand {
        Operand::Text(text) => Test::Equals(text),
        Operand::Missing => Test::Missing,
    };
    Expression::Is(Condition { field, test })
}

fn not(expression: Expression<'_>) -> Expression<'_> {
    Expression::Not(Box::new(expression))
}
