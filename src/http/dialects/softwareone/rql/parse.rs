//! Reading RQL: operators, fields and values, without knowing what they mean.
//!
//! What is read is bounded while it is read: how deep it nests, and how many conditions and values it has.

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

#[cfg(test)]
mod tests {
    use super::{Budget, Condition, DEEPEST, Expression, MOST, Refusal, Test, not, parse};

    fn read(text: &str) -> Result<Expression<'_>, Refusal> {
        parse(text, &mut Budget::default())
    }

    fn is<'q>(field: &'q str, test: Test<'q>) -> Expression<'q> {
        Expression::Is(Condition { field, test })
    }

    #[test]
    fn every_operator_is_read() {
        use Expression::{AllIn, And, AnyIn, Not, Or};
        let a = || is("a", Test::Equals("1"));
        for (text, expected) in [
            ("eq(a,1)", a()),
            ("a=1", a()),
            ("ne(a,1)", not(a())),
            ("lt(a,1)", is("a", Test::Below("1"))),
            ("le(a,1)", is("a", Test::AtMost("1"))),
            ("gt(a,1)", is("a", Test::Above("1"))),
            ("ge(a,1)", is("a", Test::AtLeast("1"))),
            ("like(a,1*)", is("a", Test::Like("1*"))),
            ("ilike(a,1*)", is("a", Test::LikeInAnyCase("1*"))),
            ("in(a,(1,'2',\"3\"))", is("a", Test::OneOf(vec!["1", "2", "3"]))),
            ("in(a,(1))", is("a", Test::OneOf(vec!["1"]))),
            ("in(a,())", is("a", Test::OneOf(vec![]))),
            ("out(a,(1))", not(is("a", Test::OneOf(vec!["1"])))),
            ("eq(a,null())", is("a", Test::Missing)),
            ("ne(a,empty())", not(is("a", Test::Missing))),
            ("a=null()", is("a", Test::Missing)),
            ("and(a=1,eq(a,1))", And(vec![a(), a()])),
            ("or(a=1)", Or(vec![a()])),
            ("not(or(a=1,not(a=1)))", Not(Box::new(Or(vec![a(), not(a())])))),
            ("any(m,a=1)", AnyIn("m", Box::new(a()))),
            ("all(m,or(a=1,a=1))", AllIn("m", Box::new(Or(vec![a(), a()])))),
            (" and( a=1 , eq( a , 1 ) ) ", And(vec![a(), a()])),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_value_is_what_stands_there() {
        for (text, value) in [
            ("eq(a,'b,(c)=\"d\"')", "b,(c)=\"d\""),
            ("eq(a,\"it's\")", "it's"),
            ("eq(a,'')", ""),
            ("eq(a,' b ')", " b "),
            ("eq(a, b c )", "b c"),
            ("eq(a,b=c==)", "b=c=="),
            ("a=b=c", "b=c"),
            (r"eq(a,'b\')", r"b\"),
            (r"eq(a,b\*)", r"b\*"),
            ("eq(a,null)", "null"),
            ("eq(a,'null()')", "null()"),
            ("eq(a,+1)", "+1"),
            ("eq(a,dé j)", "dé j"),
            ("a='idt:TKN-1234-5678:x'", "idt:TKN-1234-5678:x"),
        ] {
            assert_eq!(read(text), Ok(is("a", Test::Equals(value))), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_without_a_word_of_it() {
        for text in [
            "",
            "canary",
            "(",
            ")",
            "()",
            "(a=1)",
            "=1",
            "a=",
            "eq",
            "eq(",
            "eq()",
            "eq(a",
            "eq(a)",
            "eq(a,",
            "eq(a,)",
            "eq(a,1",
            "eq(a,1))",
            "eq(a,1)canary",
            "eq(a,1),eq(a,1)",
            "eq(a,1,2)",
            "eq(,1)",
            "eq(a,'canary)",
            "eq(a,'b'canary)",
            "eq(a,b'canary')",
            "eq(a,b(c))",
            "eq(a,null(canary))",
            "eq(a,other())",
            "a=1,2",
            "a=(1)",
            "in(a,1)",
            "in(a,(1)",
            "in(a,(1,))",
            "in(a,(,1))",
            "in(a,(1 2)",
            "in(a,(null()))",
            "lt(a,null())",
            "like(a,empty())",
            "and()",
            "or(a=1,)",
            "not()",
            "not(a=1,a=1)",
            "any(m)",
            "any(m,)",
            "any(a=1)",
            "EQ(a,1)",
            "null(a)",
            "canary(a,1)",
            "eq(eq(a,1),1)",
            "order(canary)",
            "'a'=1",
            "eq (a,1",
        ] {
            let refusal = read(text).expect_err(text).to_string();
            assert!(
                !refusal.contains("canary") || refusal.starts_with("canary: an unknown operator"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_unknown_operator_is_named_where_it_looks_like_one() {
        for (text, field) in [("foo(a,1)", "foo: "), ("jtn_0a(a,1)", "filter: "), ("it's(a,1)", "filter: ")] {
            assert!(read(text).expect_err(text).to_string().starts_with(field), "{text}");
        }
    }

    #[test]
    fn it_nests_so_deep_and_no_deeper() {
        for (open, close) in [("not(", ")"), ("and(a=1,", ")"), ("or(", ",a=1)"), ("any(m,", ")")] {
            let nested = |depth: usize| format!("{}a=1{}", open.repeat(depth), close.repeat(depth));
            assert!(read(&nested(DEEPEST - 1)).is_ok(), "{open}");
            assert!(read(&nested(DEEPEST)).is_err(), "{open}");
            assert!(read(&nested(100_000)).is_err(), "{open}");
        }
        // Side by side is not deep.
        assert!(read(&format!("and({})", vec!["not(a=1)"; 40].join(","))).is_ok());
        for text in ["(", "((a", "in(a,(", "eq(a,(", "and(", "'", "=("] {
            assert!(read(&text.repeat(10_000)).is_err(), "{text}");
        }
    }

    #[test]
    fn it_has_so_many_conditions_and_no_more() {
        let group = |count: usize| format!("and({})", vec!["a=1"; count].join(","));
        assert!(read(&group(MOST - 1)).is_ok());
        assert!(read(&group(MOST)).is_err());
        let list = |count: usize| format!("in(a,({}))", vec!["1"; count].join(","));
        assert!(read(&list(MOST - 1)).is_ok());
        assert!(read(&list(MOST)).is_err());
        assert!(read(&list(1_000_000)).is_err());
        // All conditions of a query share one budget.
        let mut budget = Budget::default();
        assert!((0..MOST).all(|_| parse("a=1", &mut budget).is_ok()));
        assert!(parse("a=1", &mut budget).is_err());
    }
}
