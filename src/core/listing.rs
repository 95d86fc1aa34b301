//! What is asked of a list: which rows, in which order, from where on, how many; and the fields of each list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    filter::{Filter, Test, Value},
    refusal::Refusal,
    time::Instant,
};

/// A field of a list: what it can be narrowed and ordered by.
pub trait Field: Copy + Eq + Send + Sync + 'static {
    /// The list's name, which its cursors are bound to.
    const LIST: &'static str;

    /// What the native API calls a test on it, for a refusal.
    fn parameter(self, test: &Test) -> &'static str;

    /// Its word in `sort`.
    fn word(self) -> &'static str;
}

macro_rules! fields {
    ($($(#[$doc:meta])* $list:ident, $name:literal: { $($(#[$field_doc:meta])* $field:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $list {
            $($(#[$field_doc])* $field,)+
        }

        impl Field for $list {
            const LIST: &'static str = $name;

            fn parameter(self, test: &Test) -> &'static str {
                match (self.word(), test) {
                    ("created_at", Test::Below(_) | Test::AtMost(_)) => "created_before",
                    ("created_at", _) => "created_after",
                    ("expires_at", _) => "expires_before",
                    ("last_used_at", _) => "unused_since",
                    ("at", Test::Below(_) | Test::AtMost(_)) => "until",
                    ("at", _) => "since",
                    (word, _) => word,
                }
            }

            fn word(self) -> &'static str {
                match self {
                    $(Self::$field => $word,)+
                }
            }
        }
    )+};
}

fields! {
    /// Fields of a token.
    TokenField, "tokens": {
        /// Its id.
        Id = "id",
        /// Its place in the sequence of numbers.
        Number = "number",
        /// Its owner's id.
        Owner = "owner",
        /// Its organization's id.
        Organization = "organization",
        /// Its name.
        Name = "name",
        /// Its description.
        Description = "description",
        /// Its privileges, each a word.
        Privilege = "privilege",
        /// Its modules' numbers, each a word.
        Module = "module",
        /// `active`, `expired`, `disabled` or `deleted`.
        Status = "status",
        /// `password`, `session`, `local` or `token`.
        MintedBy = "minted_by",
        /// The id of the token that minted it.
        Minter = "minted_by",
        /// Whether it is restricted.
        Restricted = "restricted",
        /// When it was made; in the order of ids.
        CreatedAt = "created_at",
        /// When it was last changed.
        UpdatedAt = "updated_at",
        /// How often it has changed.
        ChangeSequence = "change_sequence",
        /// When it dies; nothing for never, which is ordered last.
        ExpiresAt = "expires_at",
        /// When it was last used; nothing for never, which is ordered first.
        LastUsedAt = "last_used_at",
        /// The address that it was last used from.
        LastAddress = "last_address",
    }
    /// Fields of a user, the last four those of a member of an organization: the one listed, or the home.
    UserField, "users": {
        /// The id.
        Id = "id",
        /// The unique name.
        Username = "username",
        /// Username, e-mail address, first and last name: a text test on any of them.
        Name = "name",
        /// Whether enabled.
        Active = "active",
        /// Whether an operator of the instance.
        Operator = "operator",
        /// When the user was made; in the order of ids.
        CreatedAt = "created_at",
        /// An organization that the user is in.
        Organization = "organization",
        /// `administrator` or `member`.
        Role = "role",
        /// An administrator's word on issuing; nothing where it is left to the policy.
        MayIssue = "may_issue",
        /// What was granted, each a word.
        Privilege = "privilege",
        /// When the user was put into the organization.
        JoinedAt = "created_at",
    }
    /// Fields of an event.
    EventField, "events": {
        /// Its place in the chain.
        Sequence = "sequence",
        /// When.
        At = "at",
        /// The user who acted.
        Actor = "actor",
        /// A token that it was done by or to.
        Token = "token",
        /// To what it was done.
        Object = "object",
        /// What was done.
        Kind = "kind",
        /// In which organization.
        Organization = "organization",
    }
}

/// Upwards or downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Up,
    /// The largest first.
    Down,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// After so many rows.
    Offset(u64),
    /// After the row that has this key and this id.
    After(Cursor),
}

/// A place in a list: the values that its last row is ordered by, and that row's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// By what the list is ordered, where that isn't the id itself.
    pub keys: Vec<Value>,
    /// The row's id.
    pub id: Value,
}

/// What is asked of a list.
#[derive(Clone, Debug)]
pub struct Listing<F> {
    /// Which rows.
    pub filter: Filter<F>,
    /// In which order, the most significant first; in the end by id, in the last one's direction.
    pub sort: Vec<(F, Direction)>,
    /// From where on.
    pub position: Position,
    /// How many.
    pub limit: u32,
    /// Whether to count all that match, wherever the page is.
    pub total: Count,
}

/// Whether a list counts all that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// It isn't asked.
    No,
    /// Where that is quick: a page shouldn't wait for it, nor fail over it.
    IfQuick,
    /// In any case: where too many rows would have to be looked at, the request is refused.
    Always,
}

/// Shown instead of a cursor's list and order, so that one of another list or another order isn't taken.
fn binding<F: Field>(sort: &[(F, Direction)]) -> String {
    let sort = sort.iter().map(|(field, direction)| format!(" {direction:?} {}", field.word()));
    format!("{}{}", F::LIST, sort.collect::<String>())
}

impl Cursor {
    /// As text: what it holds is nobody's business and may change.
    pub fn show<F: Field>(&self, sort: &[(F, Direction)]) -> String {
        let mut bytes = vec![0; 4];
        for value in self.keys.iter().chain([&self.id]) {
            write(&mut bytes, value);
        }
        let sum = sum(&bytes[4..], &binding(sort));
        bytes[..4].copy_from_slice(&sum);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text again, for the same list in the same order.
    pub fn parse<F: Field>(text: &str, sort: &[(F, Direction)]) -> Result<Self, Refusal> {
        let refused = || Refusal::invalid("cursor", "take it from next_cursor of the page before");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let (stated, mut rest) = bytes.split_first_chunk::<4>().ok_or_else(refused)?;
        if *stated != sum(rest, &binding(sort)) {
            return Err(refused());
        }
        let mut keys = Vec::new();
        while !rest.is_empty() {
            keys.push(read(&mut rest).ok_or_else(refused)?);
        }
        let id = keys.pop().ok_or_else(refused)?;
        Ok(Self { keys, id })
    }
}

/// Tells a cursor of ours from one that was cut, mistyped or taken from elsewhere; it keeps nobody from making one up.
fn sum(bytes: &[u8], binding: &str) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(binding.as_bytes());
    hasher.update(bytes);
    hasher.finalize().to_be_bytes()
}

fn write(bytes: &mut Vec<u8>, value: &Value) {
    let (kind, body) = match value {
        Value::Text(text) => (0, text.as_bytes().to_vec()),
        Value::At(at) => (1, at.millis().to_be_bytes().to_vec()),
        Value::Id(id) => (2, id.to_vec()),
        Value::Whole(whole) => (3, whole.to_be_bytes().to_vec()),
        Value::Flag(flag) => (4, vec![u8::from(*flag)]),
    };
    bytes.push(kind);
    bytes.extend(u32::try_from(body.len()).expect("a field is short").to_be_bytes());
    bytes.extend(body);
}

fn read(bytes: &mut &[u8]) -> Option<Value> {
    let (kind, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    let whole = || Some(i64::from_be_bytes(body.try_into().ok()?));
    Some(match kind {
        0 => Value::Text(String::from_utf8(body.to_vec()).ok()?),
        1 => Value::At(Instant::from_millis(whole()?)),
        2 => Value::Id(body.try_into().ok()?),
        3 => Value::Whole(whole()?),
        4 => Value::Flag(matches!(body, [1])),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Direction, EventField, Instant, TokenField, Value};

    #[test]
    fn a_cursor_reads_back_and_only_where_it_belongs() {
        let cursor = Cursor { keys: vec![Value::Text("déjà".into())], id: Value::Id([7; 16]) };
        let sort = [(TokenField::Name, Direction::Up)];
        let text = cursor.show(&sort);
        assert_eq!(Cursor::parse(&text, &sort), Ok(cursor.clone()));
        assert!(Cursor::parse(&text, &[(TokenField::Name, Direction::Down)]).is_err());
        assert!(Cursor::parse(&text, &[(EventField::Sequence, Direction::Up)]).is_err());
        assert!(Cursor::parse("", &sort).is_err());
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' { 'B' } else { 'A' };
            let damaged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(Cursor::parse(&damaged, &sort).is_err(), "{at}");
            assert!(Cursor::parse(&text[..at], &sort).is_err(), "{at}");
        }
        let cursor = Cursor { keys: vec![Value::At(Instant::from_millis(-1))], id: Value::Whole(3) };
        assert_eq!(Cursor::parse(&cursor.show(&sort), &sort), Ok(cursor));
    }
}
