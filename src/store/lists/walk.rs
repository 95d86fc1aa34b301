//! Walking an index: a statement, its edges, and the rows it yields one by one.

use std::ops::ControlFlow;

use rusqlite::{
    ToSql, params_from_iter,
    types::{ToSqlOutput, Value as Sql, ValueRef},
};

use super::{Entry, Order, Set, Yielded};
use crate::{
    core::{
        filter::Value,
        listing::{Direction, Field},
        time::Instant,
    },
    store::rows::{ReadError, Rows},
};

/// What an index's rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along<F> {
    /// By id.
    Id,
    /// By a time or a number, then by id: the statement yields both.
    Time(F),
    /// By a text without regard to case, then by id: the statement yields both.
    Text(F),
    /// By place, which is nearly the order of ids: it is given by the writer, the id before a write is queued.
    Place,
}

/// A way along an index that exists.
///
/// Both statements take what is equal first, then the edges: the key's and the id's below, the key's and the id's
/// above, both exclusive.
#[derive(Debug)]
pub struct Path<F> {
    /// What it is ordered by.
    pub along: Along<F>,
    /// Upwards.
    pub up: &'static str,
    /// Downwards.
    pub down: &'static str,
}

/// A place between two rows of an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The key that it lies at; `None` where the order is by id alone.
    pub key: Option<Value>,
    /// Where it lies among the rows of that key.
    pub id: Within,
}

/// A place among the rows of one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Within {
    /// Before the first.
    First,
    /// At this id.
    At(Value),
    /// After the last.
    Last,
}

/// How far the order of places may be off that of ids, in rows: no more writes than that wait for the writer while an
/// id that was drawn before theirs is still on its way to it.
const NEARLY: i64 = 2_048;

/// What stands for a time that never comes: it is ordered after every other.
pub(super) const NEVER: Instant = Instant::from_millis(i64::MAX);

/// A path with its values filled in.
#[derive(Clone, Debug)]
pub struct Way<F: 'static> {
    /// The path.
    pub path: &'static Path<F>,
    /// What is equal along it.
    pub equal: Vec<Value>,
    /// Where it begins; `None` from the very first.
    pub low: Option<Edge>,
    /// Where it ends; `None` with the very last.
    pub high: Option<Edge>,
    /// Which of the conditions narrow it.
    pub uses: Vec<usize>,
    /// Which of them needn't be asked any more along it.
    pub answers: Vec<usize>,
    /// Whether all its rows belong to the set.
    pub sure: bool,
}

impl<F: Field> Way<F> {
    /// A path whole, or all of it where something is equal.
    pub fn new(path: &'static Path<F>, equal: Vec<Value>) -> Self {
        Self { path, equal, low: None, high: None, uses: Vec::new(), answers: Vec::new(), sure: true }
    }

    /// Narrowed by a condition that its rows all meet.
    #[must_use]
    pub fn answering(mut self, condition: usize) -> Self {
        self.uses.push(condition);
        self.answers.push(condition);
        self
    }

    /// Narrowed by a condition that is still to be asked.
    #[must_use]
    pub fn using(mut self, condition: usize) -> Self {
        self.uses.push(condition);
        self
    }

    /// Between these edges, where they are narrower than its own.
    #[must_use]
    pub fn between(mut self, low: Option<Edge>, high: Option<Edge>) -> Self {
        self.low = self.low.max(low);
        self.high = match (self.high, high) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self
    }

    /// Whether its rows may hold others than those of the set.
    #[must_use]
    pub fn unsure(mut self) -> Self {
        self.sure = false;
        self
    }

    /// The direction in which it yields the order that is wanted, if it does, at least nearly.
    pub(super) fn direction(&self, order: &Order<F>) -> Option<Direction> {
        match (self.path.along, order.keys.as_slice()) {
            (Along::Id | Along::Place, []) => Some(order.id),
            (Along::Time(key) | Along::Text(key), [(field, direction)])
                if key == *field && order.id == *direction =>
            {
                Some(*direction)
            }
            _ => None,
        }
    }

    /// Goes on after a row of the wanted order.
    pub(super) fn after(&self, direction: Direction, entry: &Entry) -> Self {
        let edge = Edge { key: entry.keys.first().cloned(), id: Within::At(entry.id.clone()) };
        match direction {
            Direction::Up => self.clone().between(Some(edge), None),
            Direction::Down => self.clone().between(None, Some(edge)),
        }
    }

    /// Yields its rows until `visit` breaks off.
    pub(super) fn walk<S: Set<Field = F>>(
        &self,
        rows: &Rows<'_>,
        set: &S,
        direction: Direction,
        mut visit: impl FnMut(Yielded, Option<Value>) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let mut parameters: Vec<Sql> = self.equal.iter().map(to_sql).collect();
        match self.path.along {
            Along::Place => {
                let low = place(rows, set, self.low.as_ref())?.map(|place| place - NEARLY);
                let high = place(rows, set, self.high.as_ref())?.map(|place| place + NEARLY);
                parameters.extend([low.unwrap_or(0), high.unwrap_or(i64::MAX)].map(Sql::Integer));
            }
            along => {
                edge(&mut parameters, &along, self.low.as_ref(), false);
                edge(&mut parameters, &along, self.high.as_ref(), true);
            }
        }
        let statement = match direction {
            Direction::Up => self.path.up,
            Direction::Down => self.path.down,
        };
        let mut statement = rows.connection.prepare_cached(statement)?;
        let mut found = statement.query(params_from_iter(parameters))?;
        while let Some(row) = found.next()? {
            let (yielded, key) = match self.path.along {
                Along::Place => (Yielded::Place(row.get(0)?), None),
                Along::Id => (Yielded::Id(id(row.get_ref(0)?)?), None),
                Along::Time(_) => {
                    let key = row.get::<_, Option<i64>>(1)?.map_or(NEVER, Instant::from_millis);
                    let key = Value::At(key);
                    (Yielded::Id(id(row.get_ref(0)?)?), Some(key))
                }
                Along::Text(_) => (Yielded::Id(id(row.get_ref(0)?)?), Some(Value::Text(row.get(1)?))),
            };
            if visit(yielded, key)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether, having come to `place` with enough rows in hand since `enough`, none of the rows to come can be before
    /// those.
    pub(super) fn is_past(enough: i64, place: i64) -> bool {
        (enough - place).abs() > NEARLY
    }
}

fn place<S: Set>(rows: &Rows<'_>, set: &S, edge: Option<&Edge>) -> Result<Option<i64>, ReadError> {
    match edge {
        Some(Edge { id: Within::At(id), .. }) => set.place(rows, id),
        _ => Ok(None),
    }
}

fn id(value: ValueRef<'_>) -> Result<Value, ReadError> {
    match value {
        ValueRef::Blob(bytes) => {
            let id = bytes.try_into().map_err(|_| rusqlite::types::FromSqlError::InvalidType);
            Ok(Value::Id(id.map_err(rusqlite::Error::from)?))
        }
        other => Ok(Value::Whole(other.as_i64().map_err(rusqlite::Error::from)?)),
    }
}

fn edge<F>(parameters: &mut Vec<Sql>, along: &Along<F>, edge: Option<&Edge>, is_high: bool) {
    // Events have numbers for ids, and a blob is above every number; so the last is a blob and the first a number.
    let (first, last) = (Sql::Integer(i64::MIN), Sql::Blob(vec![255; 17]));
    let open = if is_high { last.clone() } else { first.clone() };
    let key = edge.and_then(|edge| edge.key.as_ref()).map(to_sql);
    match along {
        Along::Id | Along::Place => {}
        Along::Time(_) => {
            parameters.push(key.unwrap_or(Sql::Integer(if is_high { i64::MAX } else { i64::MIN })));
        }
        // A blob is above every text.
        Along::Text(_) => {
            parameters.push(key.unwrap_or(if is_high { last.clone() } else { Sql::Text(String::new()) }));
        }
    }
    parameters.push(match edge.map(|edge| &edge.id) {
        None => open,
        Some(Within::First) => first,
        Some(Within::Last) => last,
        Some(Within::At(id)) => to_sql(id),
    });
}

fn to_sql(value: &Value) -> Sql {
    match value {
        Value::Text(text) => Sql::Text(text.clone()),
        Value::At(at) => Sql::Integer(at.millis()),
        Value::Id(id) => Sql::Blob(id.to_vec()),
        Value::Whole(whole) => Sql::Integer(*whole),
        Value::Flag(flag) => Sql::Integer((*flag).into()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(to_sql(self)))
    }
}
