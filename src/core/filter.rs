//! What a list is narrowed by: a tree of conditions over its fields, whichever API's words it was written in.

use std::{cmp::Ordering, net::IpAddr};

use ipnet::IpNet;

use super::{refusal::Refusal, time::Instant};

/// How many conditions a tree may have, and how deep they may nest: what looks at each row is bounded.
const MOST: usize = 100;
const DEEPEST: usize = 20;

/// A value to hold a field against, and to order rows by.
#[derive(Clone, Debug)]
pub enum Value {
    /// Words, names.
    Text(String),
    /// A time.
    At(Instant),
    /// Any kind of id.
    Id([u8; 16]),
    /// A number without a fraction.
    Whole(i64),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Whole(_) => 1,
            Self::At(_) => 2,
            Self::Text(_) => 3,
            Self::Id(_) => 4,
        }
    }
}

impl Ord for Value {
    /// Text as if it had no capital ASCII letters, which is how the index of names has it.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => text_order(one, two),
            (Self::At(one), Self::At(two)) => one.cmp(two),
            (Self::Id(one), Self::Id(two)) => one.cmp(two),
            (Self::Whole(one), Self::Whole(two)) => one.cmp(two),
            (Self::Flag(one), Self::Flag(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

fn text_order(one: &str, two: &str) -> Ordering {
    one.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(two.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// What a row has in a field.
#[derive(Clone, Copy, Debug)]
pub enum Held<'a> {
    /// Nothing: never, none.
    Nothing,
    /// Words, a name.
    Text(&'a str),
    /// Several words parted by spaces, as lists stand in columns: it is each of them.
    Words(&'a str),
    /// Several texts: it is each of them.
    Texts([&'a str; 4]),
    /// A time.
    At(Instant),
    /// An id.
    Id([u8; 16]),
    /// Two ids: it is each of them.
    Ids([[u8; 16]; 2]),
    /// A number.
    Whole(i64),
    /// Yes or no.
    Flag(bool),
}

impl Held<'_> {
    /// As a value to order by; nothing is the empty text.
    pub fn to_value(self) -> Value {
        match self {
            Self::Nothing => Value::Text(String::new()),
            Self::Text(text) | Self::Words(text) | Self::Texts([text, ..]) => Value::Text(text.to_owned()),
            Self::At(at) => Value::At(at),
            Self::Id(id) | Self::Ids([id, _]) => Value::Id(id),
            Self::Whole(whole) => Value::Whole(whole),
            Self::Flag(flag) => Value::Flag(flag),
        }
    }

    /// Compares with a value; `None` where they are of different kinds or there is nothing.
    fn order(self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Text(held), Value::Text(text)) => Some(text_order(held, text)),
            (Self::At(held), Value::At(at)) => Some(held.cmp(at)),
            (Self::Id(held), Value::Id(id)) => Some(held.cmp(id)),
            (Self::Whole(held), Value::Whole(whole)) => Some(held.cmp(whole)),
            (Self::Flag(held), Value::Flag(flag)) => Some(held.cmp(flag)),
            _ => None,
        }
    }

    fn equals(self, value: &Value) -> bool {
        match (self, value) {
            // Equal is equal to the letter; only the order is blind to case.
            (Self::Text(held), Value::Text(text)) => held == text,
            (Self::Words(_) | Self::Texts(_), Value::Text(text)) => self.texts().any(|held| held == text),
            (Self::Ids(held), Value::Id(id)) => held.contains(id),
            _ => self.order(value) == Some(Ordering::Equal),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, words) = match self {
            Self::Text(held) => (std::slice::from_ref(held), ""),
            Self::Texts(held) => (held.as_slice(), ""),
            Self::Words(held) => (&[][..], *held),
            _ => (&[][..], ""),
        };
        whole.iter().copied().chain(words.split_ascii_whitespace())
    }
}

/// A text with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What stands before, between and after the wildcards: one more than there are wildcards.
    pieces: Vec<String>,
    any_case: bool,
}

impl Pattern {
    /// Out of the pieces between the wildcards. `any_case` takes capital and small ASCII letters as the same.
    pub fn new(pieces: Vec<String>, any_case: bool) -> Self {
        Self { pieces, any_case }
    }

    /// What has to come first, where nothing else is asked.
    pub fn prefix(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [first, last] if last.is_empty() && !first.is_empty() => Some(first),
            _ => None,
        }
    }

    /// The longest text that has to be in whatever matches.
    pub fn longest_piece(&self) -> &str {
        self.pieces.iter().max_by_key(|piece| piece.len()).map_or("", String::as_str)
    }

    /// Whether it matches all of `text`.
    pub fn matches(&self, text: &str) -> bool {
        let same = |one: &[u8], two: &[u8]| {
            if self.any_case { one.eq_ignore_ascii_case(two) } else { one == two }
        };
        let text = text.as_bytes();
        let [first, between @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_none_or(|only| same(only.as_bytes(), text));
        };
        let (first, last) = (first.as_bytes(), last.as_bytes());
        if text.len() < first.len() + last.len()
            || !same(&text[..first.len()], first)
            || !same(&text[text.len() - last.len()..], last)
        {
            return false;
        }
        let mut rest = &text[first.len()..text.len() - last.len()];
        for piece in between.iter().map(String::as_bytes).filter(|piece| !piece.is_empty()) {
            let Some(at) = rest.windows(piece.len()).position(|window| same(window, piece)) else {
                return false;
            };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}

/// What a field is asked.
#[derive(Clone, Debug)]
pub enum Test {
    /// Is it this? Of several words: is one of them?
    Equals(Value),
    /// Is it one of these?
    OneOf(Vec<Value>),
    /// Of several words: is one of them none of these?
    OtherThan(Vec<Value>),
    /// Is it below?
    Below(Value),
    /// Is it below, or is there none?
    BelowOrNone(Value),
    /// Is it this or below?
    AtMost(Value),
    /// Is it above?
    Above(Value),
    /// Is it this or above?
    AtLeast(Value),
    /// Does it contain this, capital and small ASCII letters taken as the same?
    Contains(String),
    /// Does it match?
    Like(Pattern),
    /// Is it an address in this network?
    Within(IpNet),
    /// Is there none, or is it empty?
    Missing,
}

impl Test {
    /// Whether a row's field passes.
    pub fn passes(&self, held: Held<'_>) -> bool {
        let order = |value| held.order(value);
        match self {
            Self::Equals(value) => held.equals(value),
            Self::OneOf(values) => values.iter().any(|value| held.equals(value)),
            Self::OtherThan(values) => {
                held.texts().any(|word| !values.iter().any(|value| Held::Text(word).equals(value)))
            }
            Self::Below(value) => order(value).is_some_and(Ordering::is_lt),
            Self::BelowOrNone(value) => {
                matches!(held, Held::Nothing) || order(value).is_some_and(Ordering::is_lt)
            }
            Self::AtMost(value) => order(value).is_some_and(Ordering::is_le),
            Self::Above(value) => order(value).is_some_and(Ordering::is_gt),
            Self::AtLeast(value) => order(value).is_some_and(Ordering::is_ge),
            Self::Contains(needle) => held.texts().any(|text| contains(text, needle)),
            Self::Like(pattern) => held.texts().any(|text| pattern.matches(text)),
            Self::Within(network) => held.texts().any(|text| is_in(text, network)),
            Self::Missing => matches!(held, Held::Nothing | Held::Text("") | Held::Words("")),
        }
    }
}

fn is_in(text: &str, network: &IpNet) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| network.contains(&address.to_canonical()))
}

/// Whether `needle` is in `text`, capital and small ASCII letters taken as the same.
fn contains(text: &str, needle: &str) -> bool {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    needle.is_empty() || text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

/// A condition on the rows of a list whose fields are `F`.
#[derive(Clone, Debug)]
pub enum Filter<F> {
    /// All of these hold; none at all holds too.
    All(Vec<Self>),
    /// At least one of these holds.
    Any(Vec<Self>),
    /// It doesn't hold.
    Not(Box<Self>),
    /// A field passes a test.
    Is(F, Test),
}

impl<F> Default for Filter<F> {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl<F: Copy> Filter<F> {
    /// Whether it holds, given what a row has in each field.
    pub fn holds<'a>(&self, held: &impl Fn(F) -> Held<'a>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(held)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(held)),
            Self::Not(part) => !part.holds(held),
            Self::Is(field, test) => test.passes(held(*field)),
        }
    }

    /// With one more condition that must hold too.
    #[must_use]
    pub fn and(self, field: F, test: Test) -> Self {
        let one = Self::Is(field, test);
        match self {
            Self::All(mut parts) => {
                parts.push(one);
                Self::All(parts)
            }
            other => Self::All(vec![other, one]),
        }
    }

    /// The conditions that must all hold: what an index may be chosen by.
    pub fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::conjuncts).collect(),
            other => vec![other],
        }
    }

    /// Every test in it, whether it must hold or not.
    pub fn tests(&self) -> Vec<(F, &Test)> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::tests).collect(),
            Self::Not(part) => part.tests(),
            Self::Is(field, test) => vec![(*field, test)],
        }
    }

    /// Refuses a tree that asks too much of each row.
    pub fn check_size(&self) -> Result<(), Refusal> {
        if self.size() <= MOST && self.depth() <= DEEPEST {
            return Ok(());
        }
        let detail = format!("at most {MOST} conditions, nested at most {DEEPEST} deep");
        Err(Refusal::Malformed { detail: detail.into() })
    }

    fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::size).sum::<usize>(),
            Self::Not(part) => 1 + part.size(),
            Self::Is(_, Test::OneOf(values) | Test::OtherThan(values)) => values.len().max(1),
            Self::Is(..) => 1,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(part) => 1 + part.depth(),
            Self::Is(..) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Held, Instant, Pattern, Test, Value};

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.split('*').map(str::to_owned).collect(), true)
    }

    #[test]
    fn patterns_match_the_whole_text() {
        for (like, text, matches) in [
            ("abc", "ABC", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("ab*bc", "abc", false),
            ("*b*d*", "abcde", true),
            ("*d*b*", "abcde", false),
            ("é*", "éa", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(pattern(like).matches(text), matches, "{like} on {text}");
        }
        assert!(!Pattern::new(vec!["A".into(), String::new()], false).matches("abc"));
        assert_eq!(pattern("ab*cde*f").longest_piece(), "cde");
    }

    #[test]
    fn tests_hold_against_what_is_there() {
        let at = |millis| Value::At(Instant::from_millis(millis));
        let held = Held::At(Instant::from_millis(5));
        for (test, passes) in [
            (Test::Below(at(6)), true),
            (Test::Below(at(5)), false),
            (Test::AtMost(at(5)), true),
            (Test::Above(at(5)), false),
            (Test::AtLeast(at(5)), true),
            (Test::Missing, false),
            (Test::BelowOrNone(at(5)), false),
            (Test::Equals(Value::Whole(5)), false),
        ] {
            assert_eq!(test.passes(held), passes, "{test:?}");
        }
        assert!(!Test::Below(at(5)).passes(Held::Nothing));
        assert!(Test::BelowOrNone(at(5)).passes(Held::Nothing));
        let word = |text: &str| Value::Text(text.into());
        assert!(Test::Equals(word("b:c")).passes(Held::Words("a:b b:c")));
        assert!(!Test::Equals(word("b")).passes(Held::Words("a:b b:c")));
        assert!(Test::Contains("B-C".into()).passes(Held::Text("ab-cd")));
        assert!(!Test::Equals(word("A")).passes(Held::Text("a")));
        assert!(Test::OneOf(vec![word("x"), word("a")]).passes(Held::Text("a")));
        assert!(Test::OtherThan(vec![word("a")]).passes(Held::Words("a b")));
        assert!(!Test::OtherThan(vec![word("b"), word("a")]).passes(Held::Words("a b")));
        assert!(Test::OtherThan(vec![]).passes(Held::Words("a")));
        assert!(!Test::OtherThan(vec![]).passes(Held::Words("")));
        assert!(!Test::Contains("É".into()).passes(Held::Text("é")));
        let within = |text: &str| Test::Within(text.parse().expect("a network"));
        assert!(within("10.0.0.0/8").passes(Held::Text("10.1.2.3")));
        assert!(within("10.0.0.0/8").passes(Held::Text("::ffff:10.1.2.3")));
        assert!(!within("10.0.0.0/8").passes(Held::Text("11.1.2.3")));
        assert!(!within("0.0.0.0/0").passes(Held::Text("::1")));
        assert!(!within("::/0").passes(Held::Nothing));
    }

    #[test]
    fn a_tree_is_bounded() {
        let leaf = || Filter::Is((), Test::Missing);
        let nested = |depth| (0..depth).fold(leaf(), |inner, _| Filter::Not(Box::new(inner)));
        assert!(nested(19).check_size().is_ok());
        assert!(nested(20).check_size().is_err());
        assert!(Filter::Any(vec![leaf(); 99]).check_size().is_ok());
        assert!(Filter::Any(vec![leaf(); 100]).check_size().is_err());
        assert!(Filter::Is((), Test::OneOf(vec![Value::Whole(1); 101])).check_size().is_err());
    }

    #[test]
    fn a_tree_holds_by_its_parts() {
        let held = |()| Held::Whole(3);
        let is = |test| Filter::Is((), test);
        let (low, high) = (|| is(Test::Below(Value::Whole(4))), || is(Test::Above(Value::Whole(4))));
        assert!(Filter::All(vec![low(), Filter::Not(Box::new(high()))]).holds(&held));
        assert!(Filter::Any(vec![high(), low()]).holds(&held));
        assert!(!Filter::Any(vec![]).holds(&held));
        assert!(Filter::default().holds(&held));
        assert_eq!(Filter::All(vec![low(), Filter::All(vec![high(), low()])]).conjuncts().len(), 3);
    }
}
