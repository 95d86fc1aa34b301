//! The language that a page is narrowed by: `name ~ 'deploy*' and not (expiresAt : null or createdOn < '2026-01-01T00:00:00Z')`.
//!
//! `not` binds closer than `and`, and `and` closer than `or`. Ours to choose: what isn't equal (`!`) includes what has
//! no value; `~` minds case and `~~` doesn't, each against the whole text; names are ordered without regard to case; a
//! value without quotes ends where white space or a parenthesis comes; `\` stands before a quote, a star or another `\`.

use super::fields::{Operand, Operator, condition};
use crate::core::{filter::Filter, listing::TokenField, refusal::Refusal, user::User};

/// How deep parentheses and `not` may nest, and how many conditions there may be: reading is bounded before anything
/// else looks at it.
const DEEPEST: usize = 20;
const MOST: usize = 100;

/// Longer ones first: the first that fits is it.
const OPERATORS: [(&str, Operator); 12] = [
    ("<>", Operator::Unequal),
    (">=", Operator::AtLeast),
    (">:", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("<:", Operator::AtMost),
    ("~~", Operator::LikeAnyCase),
    (":", Operator::Equal),
    ("=", Operator::Equal),
    ("!", Operator::Unequal),
    ("~", Operator::Like),
    (">", Operator::Above),
    ("<", Operator::Below),
];

/// Reads a filter of a list of `owner`'s tokens; `None` where it says nothing.
pub(super) fn parse(text: &str, owner: &User) -> Result<Option<Filter<TokenField>>, Refusal> {
    let mut reader = Reader { rest: text, length: text.len(), conditions: 0, owner };
    if reader.is_at_end() {
        return Ok(None);
    }
    let filter = reader.either(0)?;
    if reader.is_at_end() { Ok(Some(filter)) } else { Err(reader.wrong("and, or, or the end is expected")) }
}

struct Reader<'a> {
    rest: &'a str,
    length: usize,
    conditions: usize,
    owner: &'a User,
}

impl<'a> Reader<'a> {
    /// What is wrong and where, without a word of what stands there.
    fn wrong(&self, problem: &str) -> Refusal {
        let place = self.length - self.rest.len() + 1;
        Refusal::invalid("filter", format!("{problem} (at byte {place})"))
    }

    fn is_at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Takes `text` if it comes next.
    fn took(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        let came = self.rest.starts_with(text);
        self.take(if came { text.len() } else { 0 });
        came
    }

    /// How long the word is that comes next: letters, digits, dots and the like.
    fn word_length(&self) -> usize {
        let in_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '$');
        self.rest.find(|letter| !in_word(letter)).unwrap_or(self.rest.len())
    }

    /// Takes a word of the language, in any case, if it comes next.
    fn took_word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let length = self.word_length();
        let came = self.rest[..length].eq_ignore_ascii_case(word);
        self.take(if came { length } else { 0 });
        came
    }

    fn either(&mut self, depth: usize) -> Result<Filter<TokenField>, Refusal> {
        let mut parts = vec![self.all(depth)?];
        while self.took_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Filter<TokenField>, Refusal> {
        let mut parts = vec![self.one(depth)?];
        while self.took_word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Filter<TokenField>, Refusal> {
        if depth > DEEPEST {
            return Err(self.wrong(&format!("nested more than {DEEPEST} deep")));
        }
        if self.took_word("not") {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.took("(") {
            let inner = self.either(depth + 1)?;
            return if self.took(")") { Ok(inner) } else { Err(self.wrong("and, or, or ) is expected")) };
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter<TokenField>, Refusal> {
        self.conditions += 1;
        if self.conditions > MOST {
            return Err(self.wrong(&format!("more than {MOST} conditions")));
        }
        let before = self.rest;
        let length = self.word_length();
        if length == 0 {
            return Err(self.wrong("a field is expected"));
        }
        let field = self.take(length);
        let Some((_, operator)) = OPERATORS.iter().find(|(sign, _)| self.took(sign)) else {
            return Err(self.wrong("one of : ! ~ > < >= <= is expected"));
        };
        let operand = self.operand()?;
        condition(field, *operator, &operand, self.owner).map_err(|problem| {
            self.rest = before;
            self.wrong(&problem)
        })
    }

    fn operand(&mut self) -> Result<Operand, Refusal> {
        self.rest = self.rest.trim_start();
        if let Some(quote) = self.rest.chars().next().filter(|letter| matches!(letter, '\'' | '"')) {
            return self.quoted(quote);
        }
        let ends = |letter: char| letter.is_whitespace() || "()[]'\"`,;\\".contains(letter);
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        if length == 0 || self.rest.starts_with([':', '=', '!', '~', '<', '>']) {
            return Err(self.wrong("a value is expected, in quotes if it isn't plain"));
        }
        Ok(match self.take(length) {
            "null" => Operand::Null,
            text => Operand::Text(text.split('*').map(str::to_owned).collect()),
        })
    }

    fn quoted(&mut self, quote: char) -> Result<Operand, Refusal> {
        let mut pieces = vec![String::new()];
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            let plain = match letter {
                '*' => {
                    pieces.push(String::new());
                    continue;
                }
                '\\' => {
                    let Some((_, escaped @ ('\'' | '"' | '\\' | '*'))) = letters.next() else {
                        self.take(at);
                        return Err(self.wrong("after \\ comes a quote, a * or another \\"));
                    };
                    escaped
                }
                _ if letter == quote => {
                    self.take(at + 1);
                    return Ok(Operand::Text(pieces));
                }
                _ => letter,
            };
            if let Some(piece) = pieces.last_mut() {
                piece.push(plain);
            }
        }
        Err(self.wrong("the quote isn't closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, Filter, MOST, Refusal, TokenField, User, parse};
    use crate::core::{
        filter::Held,
        id::{OrganizationId, TokenId, UserId},
        number::Number,
        time::Instant,
    };

    const ID: TokenId = TokenId::from_bytes(*b"\x01\x8f\x00\x00\x00\x00\x70\x01\x80\x00\x00\x01abcd");

    fn owner() -> User {
        let at = Instant::from_millis(0);
        User {
            id: UserId::from_bytes(*b"\x01\x8f\x00\x00\x00\x00\x70\x01\x80\x00\x00\x01user"),
            number: Number::from_place(1),
            username: "ada".into(),
            email: "ada@example.com".into(),
            first_name: "Ada".into(),
            last_name: String::new(),
            title: String::new(),
            image: String::new(),
            active: true,
            operator: false,
            home: OrganizationId::from_bytes([2; 16]),
            deleted_at: None,
            created_at: at,
            updated_at: at,
            change_sequence: 0,
        }
    }

    fn held(field: TokenField) -> Held<'static> {
        match field {
            TokenField::Id => Held::Id(ID.0),
            TokenField::Name => Held::Text("Or it's \"a*b\" \\"),
            TokenField::ChangeSequence => Held::Whole(3),
            TokenField::CreatedAt => Held::At(Instant::from_millis(1_700_000_000_007)),
            _ => Held::Nothing,
        }
    }

    fn holds(text: &str) -> bool {
        let filter = parse(text, &owner()).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        filter.unwrap_or_default().holds(&held)
    }

    fn problem(text: &str) -> String {
        match parse(text, &owner()) {
            Err(Refusal::Invalid { field, problem }) if field == "filter" => problem,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn not_binds_before_and_and_and_before_or() {
        for (text, expected) in [
            (":3 or :4 and :4", true),
            ("(:3 or :4) and :4", false),
            (":4 and :4 or :3", true),
            (":4 and (:4 or :3)", false),
            ("not :4 and :4", false),
            ("not (:4 and :4)", true),
            ("not :4 or :3", true),
            ("not :3 or :3", true),
            ("not not :3", true),
            ("not(:3)and(:4)or(:3)", true),
            ("NOT :4 AND :3 Or :4", true),
            ("((:3))", true),
            ("", true),
            ("  \t ", true),
        ] {
            let text = text.replace(':', "changeSequence:");
            assert_eq!(holds(&text), expected, "{text}");
        }
    }

    #[test]
    fn every_operator_has_its_spellings() {
        for (text, expected) in [
            ("changeSequence:3", true),
            ("changeSequence = 3", true),
            ("changeSequence ! 3", false),
            ("changeSequence<>4", true),
            ("changeSequence>2", true),
            ("changeSequence >3", false),
            ("changeSequence>=3", true),
            ("changeSequence>:3", true),
            ("changeSequence<'3'", false),
            ("changeSequence <= \"3\"", true),
            ("changeSequence<:2", false),
            ("changeSequence:-3", false),
            ("createdOn:2023-11-14T22:13:20.007Z", true),
            ("createdOn:'2023-11-14T23:13:20.007+01:00'", true),
            ("createdOn>2023-11-14T22:13:20Z", true),
            ("expiresAt:null", true),
            ("expiresAt ! null", false),
            ("expiresAt ! 2023-11-14T22:13:20Z", true),
            ("expiresAt > 2023-11-14T22:13:20Z", false),
            ("expiresAt <= 2023-11-14T22:13:20Z", false),
            ("name : null", false),
            ("name : 'null'", false),
            ("name >= 'OR'", true),
            ("name > p", false),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_quoted_either_way_and_stars_are_wild_only_in_a_pattern() {
        for (text, expected) in [
            (r#"name : 'Or it\'s "a*b" \\'"#, true),
            (r#"name : "Or it's \"a\*b\" \\""#, true),
            (r#"name ! "or it's \"a*b\" \\""#, true),
            (r"name ~ 'Or*\\'", true),
            (r"name ~ 'or*'", false),
            (r"name ~~ 'or*'", true),
            (r"name ~ Or*", true),
            (r"name ~ '*a\**'", true),
            (r"name ~ '*\*a*'", false),
            (r"name ~ 'it*'", false),
            ("name ~ '*'", true),
            ("name ~ *", true),
            ("name : '*'", false),
            ("name ~ ''", false),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn either_uuid_names_a_token_and_its_owner() {
        let (token, user) = (ID, owner().id);
        for (text, expected) in [
            (format!("id:{token}"), true),
            (format!("id:'{}'", token.second()), true),
            (format!("uuid:'{token}'"), true),
            (format!("uuid ! '{}'", token.second()), false),
            (format!("id:'{user}'"), false),
            (format!("id:'{}'", token.short()), false),
            ("id ! 'nonsense'".into(), true),
            ("id : null".into(), false),
            (format!("userId:'{user}'"), true),
            (format!("user.uuid : {}", user.second()), true),
            (format!("user.id ! {user}"), false),
            (format!("userId:'{token}'"), false),
            ("user.id:ada".into(), false),
            ("user.email:'ada@example.com'".into(), true),
            ("user.firstName ~~ 'AD*'".into(), true),
            ("user.lastName : null".into(), true),
            ("user.lastName > a".into(), false),
        ] {
            assert_eq!(holds(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_a_word_of_it() {
        for (text, expected) in [
            ("canary", "one of : ! ~ > < >= <= is expected (at byte 7)"),
            ("name", "one of : ! ~ > < >= <= is expected (at byte 5)"),
            ("name : ", "a value is expected, in quotes if it isn't plain (at byte 8)"),
            ("name :: a", "a value is expected, in quotes if it isn't plain (at byte 7)"),
            ("name ! = a", "a value is expected, in quotes if it isn't plain (at byte 8)"),
            ("name : 'canary", "the quote isn't closed (at byte 8)"),
            ("name : 'can\\ary'", "after \\ comes a quote, a * or another \\ (at byte 12)"),
            ("name : a canary", "and, or, or the end is expected (at byte 10)"),
            ("(name : a", "and, or, or ) is expected (at byte 10)"),
            ("name : a)", "and, or, or the end is expected (at byte 9)"),
            ("()", "a field is expected (at byte 2)"),
            ("name : a and", "a field is expected (at byte 13)"),
            ("or name : a", "one of : ! ~ > < >= <= is expected (at byte 4)"),
            ("not", "a field is expected (at byte 4)"),
            ("'name' : a", "a field is expected (at byte 1)"),
            ("createdOn : canary", "createdOn: an RFC 3339 instant (at byte 1)"),
            ("createdOn ~ '2023*'", "createdOn: ~ is for texts (at byte 1)"),
            ("changeSequence : 1.5", "changeSequence: a whole number (at byte 1)"),
            ("changeSequence : 99999999999999999999", "changeSequence: a whole number (at byte 1)"),
            ("name : a and id > canary", "id: an id takes : and ! alone (at byte 14)"),
            ("expiresAt > null", "expiresAt: null takes : and ! alone (at byte 1)"),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
        let known = ": this takes id, uuid, name, createdOn, updatedOn, expiresAt, changeSequence, userId, user.id, \
                     user.uuid, user.email, user.firstName, user.lastName";
        assert_eq!(problem("name:a or token : b"), format!("no field token{known} (at byte 11)"));
        assert_eq!(problem(&format!("{}:a", "x".repeat(41))), format!("no such field{known} (at byte 1)"));
    }

    #[test]
    fn what_is_read_is_bounded_before_anything_else() {
        let nested = |open: &str, close: &str, depth: usize| {
            format!("{}name:a{}", open.repeat(depth), close.repeat(depth))
        };
        for (open, close) in [("(", ")"), ("not ", ""), ("not(", ")")] {
            let levels = open.matches(['n', '(']).count();
            assert!(parse(&nested(open, close, DEEPEST / levels), &owner()).is_ok(), "{open}");
            assert!(problem(&nested(open, close, DEEPEST / levels + 1)).contains("nested"), "{open}");
            assert!(problem(&nested(open, "", 1_000_000)).contains("nested"), "{open}");
        }
        let chain = |count: usize| vec!["name:a"; count].join(" and ");
        assert!(parse(&chain(MOST), &owner()).is_ok());
        assert!(problem(&chain(MOST + 1)).contains("conditions"));
        assert!(problem(&chain(1_000_000)).contains("conditions"));
        assert!(problem(&format!("name:'{}", "*\\'".repeat(1_000_000))).contains("closed"));
        let open: Option<Filter<_>> =
            parse(&format!("name~'{}'", "*".repeat(100_000)), &owner()).unwrap_or_default();
        assert!(open.is_some_and(|filter| filter.holds(&held)));
    }
}
