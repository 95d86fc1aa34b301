//! What is read, and what isn't.

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
        assert!(!refusal.contains("canary") || refusal.starts_with("canary: an unknown operator"), "{text}");
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
