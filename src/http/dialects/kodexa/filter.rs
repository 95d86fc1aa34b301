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
