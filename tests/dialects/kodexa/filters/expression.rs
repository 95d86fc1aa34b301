//! Filters made up at random, what they mean, and orders.

use std::cmp::Ordering;

use serde_json::Value;

/// Numbers that look random and are the same every time.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    /// Few enough that some are equal, and hard to quote.
    pub fn name(&mut self) -> String {
        let words = ["deploy", "Deploy", "back'up", "a\"b", "x*y", "\\", "or", "not", "null", "é", "("];
        let first = self.of(&words);
        if self.below(2) == 0 { first.into() } else { format!("{first} {}", self.of(&words)) }
    }
}

/// A filter, as a tree.
pub enum Expression {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is { field: &'static str, operator: &'static str, value: Operand },
}

/// A value; a text's stars are wild, or aren't.
pub enum Operand {
    Null,
    Plain(String),
    Pattern(Vec<String>),
}

const TIMES: [&str; 3] = ["createdOn", "updatedOn", "expiresAt"];

impl Expression {
    pub fn any(chance: &mut Chance, tokens: &[Value], depth: u32) -> Self {
        let parts = |chance: &mut Chance| {
            (0..=chance.below(3)).map(|_| Self::any(chance, tokens, depth - 1)).collect::<Vec<_>>()
        };
        match chance.below(if depth == 0 { 1 } else { 6 }) {
            1 | 2 => Self::All(parts(chance)),
            3 | 4 => Self::Any(parts(chance)),
            5 => Self::Not(Box::new(Self::any(chance, tokens, depth - 1))),
            _ => Self::condition(chance, tokens),
        }
    }

    fn condition(chance: &mut Chance, tokens: &[Value]) -> Self {
        let token = &tokens[usize::try_from(chance.below(tokens.len() as u64)).unwrap()];
        let equality = [":", "=", "!", "<>"];
        let compared = [":", "!", ">", "<", ">=", ">:", "<=", "<:"];
        let field = chance.of(&[
            "id",
            "uuid",
            "name",
            "name",
            "name",
            "createdOn",
            "updatedOn",
            "expiresAt",
            "changeSequence",
            "userId",
        ]);
        let held = token[field].as_str().map_or_else(|| token[field].to_string(), str::to_owned);
        let (operator, value) = match field {
            _ if chance.below(12) == 0 => (chance.of(&equality), Operand::Null),
            "id" | "uuid" | "userId" => (chance.of(&equality), Operand::Plain(held)),
            "name" if chance.below(2) == 0 => (chance.of(&["~", "~~"]), pattern(chance, &held)),
            "name" => (chance.of(&compared), Operand::Plain(chance.name())),
            "expiresAt" if held == "null" => (chance.of(&equality), Operand::Null),
            _ => (chance.of(&compared), Operand::Plain(held)),
        };
        Self::Is { field, operator, value }
    }

    /// The text of it, in one of its many spellings.
    pub fn write(&self, chance: &mut Chance) -> String {
        let joined = |parts: &[Self], word: [&str; 3], chance: &mut Chance| {
            let mut text = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    text.push(chance.of(&word).to_owned());
                }
                // Whatever binds less than the word does must stand in parentheses, and anything may.
                let loose = matches!(part, Self::Any(_))
                    || (matches!(part, Self::All(_)) && word[0] == "or" && chance.below(2) == 0);
                let inner = part.write(chance);
                text.push(if loose || chance.below(5) == 0 { format!("({inner})") } else { inner });
            }
            text.join(" ")
        };
        match self {
            Self::All(parts) => joined(parts, ["and", "AND", "And"], chance),
            Self::Any(parts) => joined(parts, ["or", "OR", "or"], chance),
            Self::Not(part) if matches!(**part, Self::Is { .. } | Self::Not(_)) && chance.below(2) == 0 => {
                format!("not {}", part.write(chance))
            }
            Self::Not(part) => format!("{}({})", chance.of(&["not", "not ", "NOT"]), part.write(chance)),
            Self::Is { field, operator, value } => {
                let space = chance.of(&["", " "]);
                format!("{field}{space}{operator}{space}{}", value.write(chance))
            }
        }
    }

    /// Whether a token, as the list shows it, is meant.
    pub fn holds(&self, token: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(token)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(token)),
            Self::Not(part) => !part.holds(token),
            Self::Is { field, operator, value } => meets(field, operator, value, &token[*field]),
        }
    }
}

fn meets(field: &str, operator: &str, value: &Operand, held: &Value) -> bool {
    let equal = match value {
        Operand::Null => held.is_null(),
        Operand::Plain(text) => {
            held.as_str() == Some(text.as_str())
                || held.as_u64().is_some_and(|held| held.to_string() == *text)
        }
        Operand::Pattern(pieces) => {
            let fold =
                |text: &str| if operator == "~~" { text.to_ascii_lowercase() } else { text.to_owned() };
            let pieces: Vec<_> = pieces.iter().map(|piece| fold(piece)).collect();
            return glob(&pieces, &fold(held.as_str().unwrap()), true);
        }
    };
    let Operand::Plain(text) = value else { return equal != matches!(operator, "!" | "<>") };
    let order = match held {
        Value::Null => None,
        Value::Number(held) => Some(held.as_i64().unwrap().cmp(&text.parse().unwrap())),
        held if TIMES.contains(&field) => Some(held.as_str().unwrap().cmp(text.as_str())),
        held => Some(held.as_str().unwrap().to_ascii_lowercase().cmp(&text.to_ascii_lowercase())),
    };
    match operator {
        ":" | "=" => equal,
        "!" | "<>" => !equal,
        ">" => order == Some(Ordering::Greater),
        "<" => order == Some(Ordering::Less),
        ">=" | ">:" => order.is_some_and(Ordering::is_ge),
        _ => order.is_some_and(Ordering::is_le),
    }
}

/// Whether the pieces come one after another, the first at the very beginning and the last at the very end.
fn glob(pieces: &[String], text: &str, anchored: bool) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() || !anchored };
    let begins = |at: usize| text.is_char_boundary(at) && text[at..].starts_with(piece.as_str());
    let last = if anchored { 0 } else { text.len() };
    (0..=last).any(|at| begins(at) && glob_rest(rest, &text[at + piece.len()..]))
}

fn glob_rest(pieces: &[String], text: &str) -> bool {
    if pieces.is_empty() { text.is_empty() } else { glob(pieces, text, false) }
}

/// A pattern that a name meets, or nearly.
fn pattern(chance: &mut Chance, name: &str) -> Operand {
    let name = if chance.below(3) == 0 { name.to_ascii_uppercase() } else { name.to_owned() };
    let mut pieces = vec![String::new()];
    for letter in name.chars() {
        match chance.below(6) {
            0 => pieces.push(String::new()),
            1 => pieces.push(letter.into()),
            _ => pieces.last_mut().unwrap().push(letter),
        }
    }
    Operand::Pattern(pieces)
}

impl Operand {
    fn write(&self, chance: &mut Chance) -> String {
        let pieces = match self {
            Self::Null => return "null".into(),
            Self::Plain(text) => std::slice::from_ref(text),
            Self::Pattern(pieces) => pieces,
        };
        let plain = |text: &String| {
            text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-:.".contains(letter))
        };
        let bare = pieces.iter().all(plain) && !pieces.concat().is_empty() && pieces.concat() != "null";
        if bare && chance.below(2) == 0 && !pieces[0].starts_with(':') {
            return pieces.join("*");
        }
        let quote = chance.of(&['\'', '"']);
        let escape = |piece: &String| {
            let must = |letter: char| {
                letter == quote || letter == '\\' || (letter == '*' && matches!(self, Self::Pattern(_)))
            };
            piece
                .chars()
                .map(|letter| if must(letter) { format!("\\{letter}") } else { letter.into() })
                .collect::<String>()
        };
        format!("{quote}{}{quote}", pieces.iter().map(escape).collect::<Vec<_>>().join("*"))
    }
}

/// An order of a page: fields and whether each descends.
pub struct Order(Vec<(&'static str, bool)>);

impl Order {
    pub fn any(chance: &mut Chance) -> Self {
        let fields = ["id", "name", "createdOn", "updatedOn", "expiresAt", "changeSequence"];
        Self((0..=chance.below(3)).map(|_| (chance.of(&fields), chance.below(2) == 0)).collect())
    }

    pub fn write(&self) -> String {
        let parts =
            self.0.iter().map(|(field, down)| format!("{field}:{}", if *down { "desc" } else { "asc" }));
        parts.collect::<Vec<_>>().join(";")
    }

    /// Equals are ordered by id, in the direction of the last field.
    pub fn compare(&self, one: &Value, two: &Value) -> Ordering {
        let key = |token: &Value, field: &str| match (field, &token[field]) {
            ("createdOn", _) => token["id"].as_str().unwrap().to_owned(),
            (_, Value::Null) => "~".into(),
            (_, Value::Number(number)) => format!("{:>10}", number.as_u64().unwrap()),
            (_, held) => held.as_str().unwrap().to_ascii_lowercase(),
        };
        // A field that comes again says nothing new.
        let mut fields: Vec<_> = Vec::new();
        for (field, down) in &self.0 {
            let field = if *field == "createdOn" { "id" } else { field };
            if fields.iter().all(|(known, _)| *known != field) {
                fields.push((field, *down));
            }
        }
        let last = fields.last().copied().into_iter().map(|(_, down)| ("id", down)).collect::<Vec<_>>();
        let ordering = fields.iter().chain(&last).map(|(field, down)| {
            let ordering = key(one, field).cmp(&key(two, field));
            if *down { ordering.reverse() } else { ordering }
        });
        ordering.fold(Ordering::Equal, Ordering::then)
    }
}
