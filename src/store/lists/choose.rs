//! Choosing a way and taking a page along it, within a budget of rows looked at.
//!
//! A way that yields the order that is wanted is walked until the page is full. Any other is gathered whole, of which
//! the page is what comes first. Which is better depends on how many rows there are and how many of them fit: so a short
//! walk is tried first, and then the ways' lengths are looked at, since stepping over an index is cheap beside reading
//! rows.

use std::ops::ControlFlow;

use super::{Along, Entry, Filter, Order, ReadError, Rows, Set, Value, Way, Yielded};
use crate::core::listing::{Direction, Field};

/// How many rows may be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budgets {
    /// Along the order, at first.
    pub(super) quick: usize,
    /// Of a set that is gathered without a second thought.
    pub(super) narrow: usize,
    /// At the most, ever.
    pub(super) wide: usize,
    /// For a count that nobody should wait for.
    pub(super) count: usize,
}

pub(super) const BUDGETS: Budgets = Budgets { quick: 1_000, narrow: 10_000, wide: 100_000, count: 2_000 };

/// What a page is to be.
pub(super) struct Wanted<'o, F> {
    pub(super) order: &'o Order<F>,
    /// After this row.
    pub(super) after: Option<Entry>,
    /// So many rows from there.
    pub(super) count: usize,
}

/// The first rows of what is wanted, in order; `None` where too many would have to be looked at.
pub(super) fn choose<S: Set>(
    rows: &Rows<'_>,
    set: &S,
    conditions: &[&Filter<S::Field>],
    ways: &[Way<S::Field>],
    wanted: &Wanted<'_, S::Field>,
    budgets: Budgets,
) -> Result<Option<Vec<Entry>>, ReadError> {
    let take = Take { rows, set, conditions, wanted };
    let answers_all = |way: &&Way<S::Field>| {
        way.sure && way.path.along != Along::Place && way.answers.len() >= conditions.len()
    };
    let exact = ways.iter().filter(answers_all).find(|way| way.direction(wanted.order).is_some());
    if let Some(way) = exact {
        return take.walk(way, budgets.wide);
    }
    // What is frequent along the order is soon found there.
    let along = along(rows, set, ways, wanted, budgets.quick)?;
    if let Some(along) = along
        && let Some(page) = take.walk(along, budgets.quick)?
    {
        return Ok(Some(page));
    }
    // The smallest set, the one that is in order first among equals.
    let mut smallest = None;
    for way in ways.iter().filter(|way| !way.uses.is_empty()) {
        let most = smallest.map_or(budgets.narrow, |((size, _), _)| size);
        let rank = (measure(rows, set, way, most)?, way.direction(wanted.order).is_none());
        if smallest.is_none_or(|(least, _)| rank < least) {
            smallest = Some((rank, way));
        }
    }
    match smallest {
        Some(((size, false), way)) if size < budgets.narrow => return take.walk(way, budgets.wide),
        Some(((size, true), way)) if size < budgets.narrow => return take.gather(way, budgets.narrow),
        _ => {}
    }
    // None is small. Perhaps it is there farther along the order; or the least of them can be gathered after all.
    if let Some(along) = along
        && let Some(page) = take.walk(along, budgets.wide)?
    {
        return Ok(Some(page));
    }
    let least = match (smallest, along) {
        (Some((_, way)), _) => way,
        (None, None) => &ways[0],
        (None, Some(_)) => return Ok(None),
    };
    if measure(rows, set, least, budgets.wide)? < budgets.wide {
        take.gather(least, budgets.wide)
    } else {
        Ok(None)
    }
}

/// The way in the wanted order that has the fewest rows, as far as a short look tells; else that which answers most.
fn along<'w, S: Set>(
    rows: &Rows<'_>,
    set: &S,
    ways: &'w [Way<S::Field>],
    wanted: &Wanted<'_, S::Field>,
    look: usize,
) -> Result<Option<&'w Way<S::Field>>, ReadError> {
    let mut best = None;
    for way in ways.iter().filter(|way| way.direction(wanted.order).is_some()) {
        let size = if way.uses.is_empty() { usize::MAX } else { measure(rows, set, way, look)? };
        let rank = (size, usize::MAX - way.answers.len(), usize::MAX - way.uses.len());
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, way));
        }
    }
    Ok(best.map(|(_, way)| way))
}

/// How many rows meet the conditions; `None` where more than `most` would have to be looked at.
pub(super) fn count<S: Set>(
    rows: &Rows<'_>,
    set: &S,
    conditions: &[&Filter<S::Field>],
    ways: &[Way<S::Field>],
    most: usize,
) -> Result<Option<u64>, ReadError> {
    let mut best = None;
    for way in ways {
        // One that is longer than the shortest so far needn't be followed to its end.
        let shortest = best.map_or(most, |(least, _)| least);
        let size =
            if way.uses.is_empty() && ways.len() > 1 { most } else { measure(rows, set, way, shortest)? };
        if best.is_none_or(|(least, _)| size < least) {
            best = Some((size, way));
        }
    }
    let Some((_, way)) = best else { return Ok(None) };
    let open = open(conditions, way);
    let (mut seen, mut counted) = (0, 0);
    way.walk(rows, set, Direction::Up, |yielded, _| {
        seen += 1;
        if seen > most {
            return Ok(ControlFlow::Break(()));
        }
        let counts = if open.is_empty() && way.sure && way.path.along != Along::Place {
            true
        } else {
            let record = set.record(rows, &yielded)?;
            record.is_some_and(|(_, record)| {
                open.iter().all(|one| one.holds(&|field| set.held(&record, field)))
            })
        };
        counted += u64::from(counts);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((seen <= most).then_some(counted))
}

/// How many rows a way has, `most` or more looking the same.
fn measure<S: Set>(rows: &Rows<'_>, set: &S, way: &Way<S::Field>, most: usize) -> Result<usize, ReadError> {
    let mut size = 0;
    way.walk(rows, set, Direction::Up, |_, _| {
        size += 1;
        Ok(if size < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(size)
}

fn open<'f, F>(conditions: &[&'f Filter<F>], way: &Way<F>) -> Vec<&'f Filter<F>> {
    let asked = conditions.iter().enumerate().filter(|(at, _)| !way.answers.contains(at));
    asked.map(|(_, condition)| *condition).collect()
}

struct Take<'t, 'c, S: Set> {
    rows: &'t Rows<'c>,
    set: &'t S,
    conditions: &'t [&'t Filter<S::Field>],
    wanted: &'t Wanted<'t, S::Field>,
}

impl<S: Set> Take<'_, '_, S> {
    /// Takes rows in the way's order until there are enough.
    fn walk(&self, way: &Way<S::Field>, budget: usize) -> Result<Option<Vec<Entry>>, ReadError> {
        let Some(direction) = way.direction(self.wanted.order) else { return Ok(None) };
        let way = match &self.wanted.after {
            Some(entry) => &way.after(direction, entry),
            None => way,
        };
        let mut first = First::new(self.wanted);
        let mut enough_at = None;
        let within = self.each(way, direction, budget, |yielded, entry| {
            if let Some(entry) = entry {
                first.push(entry);
            }
            let enough = first.is_full();
            match yielded {
                Yielded::Id(_) => enough,
                // Nearly in order: a few more may belong before those in hand.
                Yielded::Place(place) => {
                    enough && Way::<S::Field>::is_past(*enough_at.get_or_insert(*place), *place)
                }
            }
        })?;
        Ok(within.then(|| first.finish()))
    }

    /// Looks at all the way's rows and keeps those that come first.
    fn gather(&self, way: &Way<S::Field>, budget: usize) -> Result<Option<Vec<Entry>>, ReadError> {
        let mut first = First::new(self.wanted);
        let within = self.each(way, Direction::Up, budget, |_, entry| {
            if let Some(entry) = entry {
                first.push(entry);
            }
            false
        })?;
        Ok(within.then(|| first.finish()))
    }

    /// Hands over each row of a way, or nothing for one that isn't wanted; whether it stayed within the budget.
    fn each(
        &self,
        way: &Way<S::Field>,
        direction: Direction,
        budget: usize,
        mut visit: impl FnMut(&Yielded, Option<Entry>) -> bool,
    ) -> Result<bool, ReadError> {
        let order = self.wanted.order;
        let open = open(self.conditions, way);
        let is_keyed = order.keys.is_empty() || way.direction(order).is_some();
        let as_it_comes = open.is_empty() && way.sure && way.path.along != Along::Place && is_keyed;
        let mut seen = 0;
        way.walk(self.rows, self.set, direction, |yielded, key| {
            seen += 1;
            if seen > budget {
                return Ok(ControlFlow::Break(()));
            }
            let entry = match &yielded {
                Yielded::Id(id) if as_it_comes => {
                    Some(Entry { keys: key.into_iter().take(order.keys.len()).collect(), id: id.clone() })
                }
                yielded => self.entry(yielded, &open)?,
            };
            let entry = entry.filter(|entry| {
                self.wanted.after.as_ref().is_none_or(|after| order.compare(after, entry).is_lt())
            });
            let is_done = visit(&yielded, entry);
            Ok(if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(seen <= budget)
    }

    fn entry(&self, yielded: &Yielded, open: &[&Filter<S::Field>]) -> Result<Option<Entry>, ReadError> {
        let Some((id, record)) = self.set.record(self.rows, yielded)? else { return Ok(None) };
        let holds = open.iter().all(|condition| condition.holds(&|field| self.set.held(&record, field)));
        let keys = |field: &(S::Field, Direction)| -> Value { self.set.key(&record, field.0) };
        Ok(holds.then(|| Entry { keys: self.wanted.order.keys.iter().map(keys).collect(), id }))
    }
}

/// The first so many entries of the order, out of any number that come in any order.
struct First<'w, F> {
    wanted: &'w Wanted<'w, F>,
    entries: Vec<Entry>,
}

impl<'w, F: Field> First<'w, F> {
    fn new(wanted: &'w Wanted<'w, F>) -> Self {
        Self { wanted, entries: Vec::new() }
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if self.entries.len() >= self.wanted.count.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.wanted.count
    }

    fn cut(&mut self) {
        self.entries.sort_unstable_by(|one, two| self.wanted.order.compare(one, two));
        self.entries.truncate(self.wanted.count);
    }

    fn finish(mut self) -> Vec<Entry> {
        self.cut();
        self.entries
    }
}
