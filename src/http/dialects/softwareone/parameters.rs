//! What stands in a query beside its conditions: `select`, `order`, `limit` and `offset`.

use rocket::http::{RawStr, uri::Origin};
use zeroize::Zeroizing;

use super::select::Selection;
use crate::core::{
    listing::{
        Direction,
        TokenField::{self, CreatedAt, Description, LastUsedAt, Name, Status, UpdatedAt},
    },
    refusal::Refusal,
};

/// What a list can be ordered by.
const ORDERS: [(&str, TokenField); 7] = [
    // Numbers are given in this order, and shown spread.
    ("id", CreatedAt),
    ("name", Name),
    ("description", Description),
    ("status", Status),
    ("lastAccessAt", LastUsedAt),
    ("audit.created.at", CreatedAt),
    ("audit.updated.at", UpdatedAt),
];

/// A list's parameters, each there at most once, and its conditions.
#[derive(Default)]
pub(super) struct Parameters {
    select: Option<Zeroizing<String>>,
    order: Option<Zeroizing<String>>,
    limit: Option<Zeroizing<String>>,
    offset: Option<Zeroizing<String>>,
    /// The rest, decoded; a secret may be among them.
    pub(super) conditions: Vec<Zeroizing<String>>,
}

impl Parameters {
    /// Parts a query at each `&` and only then decodes: a `+` stands for itself.
    pub(super) fn read(uri: &Origin<'_>) -> Result<Self, Refusal> {
        let mut read = Self::default();
        let query = uri.query();
        let parts = query.iter().flat_map(|query| query.as_str().split('&'));
        for part in parts.filter(|part| !part.is_empty()) {
            let decoded = RawStr::new(part).percent_decode();
            let decoded = decoded.map_err(|_| Refusal::invalid("filter", "isn't UTF-8"))?;
            let (name, value) = decoded.split_once('=').unwrap_or((&decoded, ""));
            let (name, slot) = match name {
                "select" => ("select", &mut read.select),
                "order" => ("order", &mut read.order),
                "limit" => ("limit", &mut read.limit),
                "offset" => ("offset", &mut read.offset),
                _ => {
                    read.conditions.push(Zeroizing::new(decoded.into_owned()));
                    continue;
                }
            };
            if slot.replace(Zeroizing::new(value.to_owned())).is_some() {
                return Err(Refusal::invalid(name, "stands twice"));
            }
        }
        Ok(read)
    }

    pub(super) fn selection(&self) -> Result<Selection, Refusal> {
        Selection::parse(self.select.as_ref().map_or("", |select| select.as_str()))
    }

    /// The order that is asked for; the oldest first, where none is.
    pub(super) fn order(&self) -> Result<Vec<(TokenField, Direction)>, Refusal> {
        let order = self.order.as_ref().map_or("", |order| order.as_str());
        let mut keys: Vec<(TokenField, Direction)> = Vec::new();
        for item in order.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (direction, name) = match item.strip_prefix('-') {
                Some(name) => (Direction::Down, name),
                None => (Direction::Up, item.strip_prefix('+').unwrap_or(item)),
            };
            let Some((_, field)) = ORDERS.iter().find(|(known, _)| *known == name) else {
                let known = ORDERS.map(|(name, _)| name).join(", ");
                return Err(Refusal::invalid("order", format!("{known}; a - before it for descending")));
            };
            if keys.iter().any(|(other, _)| other == field) {
                return Err(Refusal::invalid("order", "names a field twice"));
            }
            keys.push((*field, direction));
        }
        Ok(if keys.is_empty() { vec![(CreatedAt, Direction::Up)] } else { keys })
    }

    /// How many tokens are asked for: `most`, where that isn't said or said to be more; 0 for none at all.
    pub(super) fn limit(&self, most: u32) -> Result<u32, Refusal> {
        let limit = self.limit.as_ref().map(|text| whole("limit", text)).transpose()?;
        Ok(limit.and_then(|limit| u32::try_from(limit).ok()).map_or(most, |limit| limit.min(most)))
    }

    /// The same for a stream, where `-1` is all of them.
    pub(super) fn stream_limit(&self, most: u32) -> Result<u32, Refusal> {
        match &self.limit {
            Some(text) if text.as_str() == "-1" => Ok(most),
            _ => self.limit(most),
        }
    }

    /// How many tokens are stepped over.
    pub(super) fn offset(&self) -> Result<u64, Refusal> {
        self.offset.as_ref().map_or(Ok(0), |text| whole("offset", text))
    }
}

/// A number without a sign; the largest there is, where it is larger.
fn whole(name: &'static str, text: &str) -> Result<u64, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::invalid(name, "0 or a positive whole number"));
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// What is selected of a single object, whose query may hold nothing else.
pub(super) fn selected(uri: &Origin<'_>) -> Result<Selection, Refusal> {
    let parameters = Parameters::read(uri)?;
    let Parameters { order: None, limit: None, offset: None, conditions, .. } = &parameters else {
        return Err(Refusal::malformed("a single token takes select and nothing else"));
    };
    if !conditions.is_empty() {
        return Err(Refusal::malformed("a single token takes select and nothing else"));
    }
    parameters.selection()
}

#[cfg(test)]
mod tests {
    use rocket::http::uri::Origin;

    use super::{Direction, Parameters, Refusal, TokenField, selected};

    fn read(query: &str) -> Result<Parameters, Refusal> {
        Parameters::read(&Origin::parse_owned(format!("/?{query}")).expect("a target"))
    }

    #[test]
    fn a_query_is_parted_before_it_is_decoded() {
        let read = read("eq(name,'a%26b+c')&&select=%2Baudit&%6Cimit=7").expect("a query");
        let conditions: Vec<_> = read.conditions.iter().map(|condition| condition.as_str()).collect();
        assert_eq!(conditions, ["eq(name,'a&b+c')"]);
        assert_eq!(read.limit(100), Ok(7));
        assert!(read.selection().expect("known").has("audit"));
    }

    #[test]
    fn each_parameter_stands_once() {
        for query in ["limit=1&limit=1", "select=&select=", "order=name&order=", "offset=0&%6fffset=0"] {
            assert!(read(query).is_err(), "{query}");
        }
        assert!(read("eq(name,%ff)").is_err());
    }

    #[test]
    fn numbers_are_whole_and_cut() {
        let limit = |text: &str| read(&format!("limit={text}")).and_then(|read| read.limit(100)).ok();
        for (text, expected) in [
            ("0", Some(0)),
            ("100", Some(100)),
            ("101", Some(100)),
            ("007", Some(7)),
            ("99999999999999999999999", Some(100)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("1e2", None),
            ("%D9%A1", None),
        ] {
            assert_eq!(limit(text), expected, "{text}");
        }
        assert_eq!(read("limit=-1").expect("a query").stream_limit(10), Ok(10));
        assert_eq!(read("").expect("a query").offset(), Ok(0));
        assert!(read("offset=-1").expect("a query").offset().is_err());
    }

    #[test]
    fn an_order_has_several_keys() {
        use Direction::{Down, Up};
        use TokenField::{CreatedAt, Name};
        let order = |text: &str| read(&format!("order={text}")).and_then(|read| read.order());
        assert_eq!(order(""), Ok(vec![(CreatedAt, Up)]));
        assert_eq!(order("-audit.created.at,name"), Ok(vec![(CreatedAt, Down), (Name, Up)]));
        assert_eq!(order("+name"), Ok(vec![(Name, Up)]));
        for text in ["token", "Name", "--name", "name,-name", "-", "audit"] {
            assert!(order(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_single_object_takes_nothing_but_a_selection() {
        let one = |query: &str| selected(&Origin::parse_owned(format!("/?{query}")).expect("a target"));
        assert!(one("select=-name").is_ok_and(|selection| !selection.has("name")));
        assert!(one("").is_ok());
        for query in ["limit=1", "order=", "offset=0", "name=x", "x", "select=&select="] {
            assert!(one(query).is_err(), "{query}");
        }
    }
}
