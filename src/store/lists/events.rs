//! Events, as a list has them.

use rusqlite::Row;

use super::{
    Set, Yielded,
    walk::{Along, Edge, Path, Way, Within},
};
use crate::{
    core::{
        filter::{Filter, Held, Test, Value},
        id::{OrganizationId, TokenId, UserId},
        listing::EventField::{self, Actor, At, Kind, Object, Organization, Sequence, Token},
        time::Instant,
    },
    store::{
        rows::{ReadError, Rows},
        totals::{Scope, Total},
    },
};

/// All events.
#[derive(Clone, Copy, Debug)]
pub struct EventSet;

const ALL: Path<EventField> = Path {
    along: Along::Id,
    up: "SELECT sequence FROM events NOT INDEXED WHERE sequence > ? AND sequence < ? ORDER BY sequence",
    down: "SELECT sequence FROM events NOT INDEXED WHERE sequence > ? AND sequence < ? ORDER BY sequence DESC",
};

const BY_ORGANIZATION: Path<EventField> = Path {
    along: Along::Id,
    up: "SELECT sequence FROM events INDEXED BY events_by_organization
         WHERE organization = ? AND sequence > ? AND sequence < ? ORDER BY sequence",
    down: "SELECT sequence FROM events INDEXED BY events_by_organization
           WHERE organization = ? AND sequence > ? AND sequence < ? ORDER BY sequence DESC",
};

const BY_ACTOR: Path<EventField> = Path {
    along: Along::Id,
    up: "SELECT sequence FROM events INDEXED BY events_by_actor
         WHERE actor_user = ? AND sequence > ? AND sequence < ? ORDER BY sequence",
    down: "SELECT sequence FROM events INDEXED BY events_by_actor
           WHERE actor_user = ? AND sequence > ? AND sequence < ? ORDER BY sequence DESC",
};

const BY_OBJECT: Path<EventField> = Path {
    along: Along::Id,
    up: "SELECT sequence FROM events INDEXED BY events_by_object
         WHERE object = ? AND sequence > ? AND sequence < ? ORDER BY sequence",
    down: "SELECT sequence FROM events INDEXED BY events_by_object
           WHERE object = ? AND sequence > ? AND sequence < ? ORDER BY sequence DESC",
};

// To it or by it: two indexes merged in order.
const BY_TOKEN: Path<EventField> = Path {
    along: Along::Id,
    up: "SELECT sequence FROM events INDEXED BY events_by_object
         WHERE object = ?1 AND sequence > ?2 AND sequence < ?3
         UNION SELECT sequence FROM events INDEXED BY events_by_token
         WHERE actor_token = ?1 AND sequence > ?2 AND sequence < ?3 ORDER BY sequence",
    down: "SELECT sequence FROM events INDEXED BY events_by_object
           WHERE object = ?1 AND sequence > ?2 AND sequence < ?3
           UNION SELECT sequence FROM events INDEXED BY events_by_token
           WHERE actor_token = ?1 AND sequence > ?2 AND sequence < ?3 ORDER BY sequence DESC",
};

const BY_KIND: Path<EventField> = Path {
    along: Along::Id,
    up: "SELECT sequence FROM events INDEXED BY events_by_deed
         WHERE deed = ? AND sequence > ? AND sequence < ? ORDER BY sequence",
    down: "SELECT sequence FROM events INDEXED BY events_by_deed
           WHERE deed = ? AND sequence > ? AND sequence < ? ORDER BY sequence DESC",
};

const BY_KINDS: Path<EventField> = Path {
    along: Along::Text(Kind),
    up: "SELECT sequence, deed FROM events INDEXED BY events_by_deed
         WHERE (deed, sequence) > (?, ?) AND (deed, sequence) < (?, ?) ORDER BY deed, sequence",
    down: "SELECT sequence, deed FROM events INDEXED BY events_by_deed
           WHERE (deed, sequence) > (?, ?) AND (deed, sequence) < (?, ?) ORDER BY deed DESC, sequence DESC",
};

/// An event as it is listed.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its place in the chain.
    pub sequence: i64,
    /// When.
    pub at: Instant,
    /// Who, as a word.
    pub actor: String,
    /// The user who acted, where one did.
    pub actor_user: Option<UserId>,
    /// The token that acted, where one did.
    pub actor_token: Option<TokenId>,
    /// From where.
    pub address: Option<String>,
    /// What was done.
    pub kind: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which; all zeros where it was none.
    pub object: [u8; 16],
    /// In which organization.
    pub organization: Option<OrganizationId>,
    /// The names of the fields that changed.
    pub detail: String,
}

fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        sequence: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        actor_user: row.get(3)?,
        actor_token: row.get(4)?,
        address: row.get(5)?,
        kind: row.get(6)?,
        object_kind: row.get(7)?,
        object: row.get(8)?,
        organization: row.get(9)?,
        detail: row.get(10)?,
    })
}

impl Rows<'_> {
    /// An event by its place in the chain.
    pub fn event(&self, sequence: &Value) -> Result<Option<EventRow>, ReadError> {
        self.one(
            "SELECT sequence, at, actor, actor_user, actor_token, address, deed, object_kind, object, organization,
                    detail FROM events WHERE sequence = ?",
            [sequence],
            event,
        )
    }

    /// The first event from this time on. Times never go back along the chain, so it is found by halving.
    fn first_event_since(&self, at: Instant) -> Result<i64, ReadError> {
        let ends = self.one("SELECT min(sequence), max(sequence) FROM events", [], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        let Some((Some(mut low), Some(last))) = ends else { return Ok(0) };
        let mut high = last + 1;
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.one(
                "SELECT at FROM events WHERE sequence >= ? ORDER BY sequence LIMIT 1",
                [middle],
                |row| row.get::<_, Instant>(0),
            )?;
            if found.is_some_and(|found| found < at) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

impl EventSet {
    /// The ways that one condition opens.
    fn opened(at: usize, condition: &Filter<EventField>) -> Option<Way<EventField>> {
        let Filter::Is(field, test) = condition else { return None };
        let whole = |path, value: &Value| Some(Way::new(path, vec![value.clone()]).answering(at));
        match (field, test) {
            (Organization, Test::Equals(id)) => whole(&BY_ORGANIZATION, id),
            (Actor, Test::Equals(id)) => whole(&BY_ACTOR, id),
            (Token, Test::Equals(id)) => whole(&BY_TOKEN, id),
            (Object, Test::Equals(id)) => whole(&BY_OBJECT, id),
            (Kind, Test::Equals(word)) => whole(&BY_KIND, word),
            (Kind, Test::Like(pattern)) => {
                let prefix = pattern.prefix()?;
                let edge = |text| Some(Edge { key: Some(Value::Text(text)), id: Within::First });
                // No kind has a letter as high as this.
                let (low, high) = (edge(prefix.to_owned()), edge(format!("{prefix}\u{7f}")));
                Some(Way::new(&BY_KINDS, Vec::new()).between(low, high).using(at))
            }
            _ => None,
        }
    }
}

impl Set for EventSet {
    type Field = EventField;
    type Record = EventRow;

    const BY_ID: EventField = Sequence;
    const READ: usize = 10;

    fn ways(
        &self,
        rows: &Rows<'_>,
        conditions: &[&Filter<EventField>],
    ) -> Result<Vec<Way<EventField>>, ReadError> {
        let mut ways = vec![Way::new(&ALL, Vec::new())];
        let opened = conditions.iter().enumerate();
        ways.extend(opened.filter_map(|(at, condition)| Self::opened(at, condition)));
        for (at, condition) in conditions.iter().enumerate() {
            let edge = |at: &Instant| -> Result<Option<Edge>, ReadError> {
                let first = rows.first_event_since(*at)?;
                Ok(Some(Edge { key: None, id: Within::At(Value::Whole(first)) }))
            };
            let (low, high) = match condition {
                Filter::Is(At, Test::AtLeast(Value::At(from))) => (
                    // The edge is exclusive.
                    Some(Edge {
                        key: None,
                        id: Within::At(Value::Whole(rows.first_event_since(*from)? - 1)),
                    }),
                    None,
                ),
                Filter::Is(At, Test::Below(Value::At(to))) => (None, edge(to)?),
                _ => continue,
            };
            ways = ways
                .into_iter()
                .map(|way| match way.path.along {
                    Along::Id => way.between(low.clone(), high.clone()).answering(at),
                    _ => way,
                })
                .collect();
        }
        Ok(ways)
    }

    fn record(&self, rows: &Rows<'_>, yielded: &Yielded) -> Result<Option<(Value, EventRow)>, ReadError> {
        let Yielded::Id(sequence) = yielded else { return Ok(None) };
        Ok(rows.event(sequence)?.map(|event| (sequence.clone(), event)))
    }

    fn held<'r>(&self, record: &'r EventRow, field: EventField) -> Held<'r> {
        match field {
            Sequence => Held::Whole(record.sequence),
            At => Held::At(record.at),
            Actor => record.actor_user.map_or(Held::Nothing, |id| Held::Id(id.0)),
            Token => match record.actor_token {
                // To it or by it: whichever is asked is looked for among both, where the object isn't one and the same.
                Some(id) => Held::Ids([id.0, record.object]),
                None => Held::Id(record.object),
            },
            Object => Held::Id(record.object),
            Kind => Held::Text(&record.kind),
            Organization => record.organization.map_or(Held::Nothing, |id| Held::Id(id.0)),
        }
    }

    fn key(&self, record: &EventRow, field: EventField) -> Value {
        self.held(record, field).to_value()
    }

    fn place(&self, _: &Rows<'_>, _: &Value) -> Result<Option<i64>, ReadError> {
        Ok(None)
    }

    fn counted(&self, rows: &Rows<'_>, conditions: &[&Filter<EventField>]) -> Result<Option<u64>, ReadError> {
        match conditions {
            [] => rows.total(Total::Events, Scope::EVERYWHERE).map(Some),
            [Filter::Is(Organization, Test::Equals(Value::Id(id)))] => {
                rows.total(Total::Events, OrganizationId::from_bytes(*id)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// All of them, for their tests.
#[cfg(test)]
pub(super) const PATHS: &[&Path<EventField>] =
    &[&ALL, &BY_ORGANIZATION, &BY_ACTOR, &BY_OBJECT, &BY_TOKEN, &BY_KIND, &BY_KINDS];
