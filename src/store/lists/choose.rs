//! Choosing a way and taking a page along it, within what a page may cost.
//!
//! A way that yields the order that is wanted is walked until the page is full. Any other is gathered whole, of which
//! the page is what comes first. Which is better depends on how many rows there are and how many of them fit: so a short
//! walk is tried first, and then the ways' lengths are looked at, since stepping over an index is cheap beside reading
//! rows.

use std::{cell::Cell, ops::ControlFlow};

use super::{Along, Entry, Filter, Held, Order, ReadError, Rows, Set, Value, Way, Yielded};
use crate::core::listing::{Direction, Field};

/// What reading a row costs at the most where those before it lay beside it, in steps over an index.
const NEAR: usize = 8;

/// What may be spent, in steps over an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budgets {
    /// Along the order, at first.
    pub(super) quick: usize,
    /// On a page, all in all.
    pub(super) page: usize,
    /// For a count that nobody should wait for.
    pub(super) count: usize,
}

/// A step takes some 0.2 µs: a page takes 30 ms at the most, and a count that nobody should wait for 4.
pub(super) const BUDGETS: Budgets = Budgets { quick: 5_000, page: 150_000, count: 20_000 };

/// A hundred thousand rows, wherever they lie: half a second.
pub(super) const LONG: Budgets = Budgets { quick: 5_000, page: 2_500_000, count: 0 };

/// What is left to be spent.
pub(super) struct Work(Cell<usize>);

impl Work {
    pub(super) const fn new(budget: usize) -> Self {
        Self(Cell::new(budget))
    }

    fn left(&self) -> usize {
        self.0.get()
    }

    /// Takes so many steps of what is left; says whether there were as many.
    fn take(&self, steps: usize) -> bool {
        let left = self.left().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Does something that may cost so much of it.
    fn within<T>(&self, most: usize, work: impl FnOnce(&Self) -> T) -> T {
        let part = Self::new(most.min(self.left()));
        let whole = part.left();
        let done = work(&part);
        self.take(whole - part.left());
        done
    }
}

/// What a page is to be.
pub(super) struct Wanted<'o, F> {
    pub(super) order: &'o Order<F>,
    /// After this row.
    pub(super) after: Option<Entry>,
    /// So many rows from there.
    pub(super) count: usize,
}

/// The first rows of what is wanted, in order; `None` where that would cost too much.
pub(super) fn choose<S: Set>(
    rows: &Rows<'_>,
    set: &S,
    conditions: &[&Filter<S::Field>],
    ways: &[Way<S::Field>],
    wanted: &Wanted<'_, S::Field>,
    quick: usize,
    work: &Work,
) -> Result<Option<Vec<Entry>>, ReadError> {
    let take = Take { rows, set, conditions, wanted };
    let answers_all = |way: &&Way<S::Field>| {
        way.sure && way.path.along != Along::Place && way.answers.len() >= conditions.len()
    };
    let exact = ways.iter().filter(answers_all).find(|way| way.direction(wanted.order).is_some());
    if let Some(way) = exact {
        return take.walk(way, work);
    }
    // What is frequent along the order is soon found there.
    let along = along(rows, set, ways, wanted, (quick / S::READ, work))?;
    if let Some(along) = along
        && let Some(page) = work.within(quick, |work| take.walk(along, work))?
    {
        return Ok(Some(page));
    }
    // The smallest set, the one that is in order first among equals.
    let mut smallest = None;
    for way in ways.iter().filter(|way| !way.uses.is_empty()) {
        let room = if take.sifts(way) { work.left() / 2 } else { work.left() / S::READ };
        let most = smallest.map_or(room, |((size, _), _)| room.min(size));
        let size = measure(rows, set, way, most, work)?;
        let rank = (size, way.direction(wanted.order).is_none());
        if size < room && smallest.is_none_or(|(least, _)| rank < least) {
            smallest = Some((rank, way));
        }
    }
    match smallest {
        Some(((size, false), way)) if size < work.left() / S::READ => return take.walk(way, work),
        Some(((_, true), way)) if !take.sifts(way) => return take.gather(way, work),
        // Not with all of it: where too few of them fit, they may still be found along the order.
        Some(((_, true), way)) => {
            if let Some(page) = work.within(work.left() / 4 * 3, |work| take.sift(way, work))? {
                return Ok(Some(page));
            }
        }
        _ => {}
    }
    // None is small. Perhaps it is there farther along the order.
    match along {
        Some(along) => take.walk(along, work),
        None if smallest.is_none() => take.gather(&ways[0], work),
        None => Ok(None),
    }
}

/// The way in the wanted order that has the fewest rows, as far as a short look tells; else that which answers most.
fn along<'w, S: Set>(
    rows: &Rows<'_>,
    set: &S,
    ways: &'w [Way<S::Field>],
    wanted: &Wanted<'_, S::Field>,
    (look, work): (usize, &Work),
) -> Result<Option<&'w Way<S::Field>>, ReadError> {
    let mut best = None;
    for way in ways.iter().filter(|way| way.direction(wanted.order).is_some()) {
        let size = if way.uses.is_empty() { usize::MAX } else { measure(rows, set, way, look, work)? };
        let rank = (size, usize::MAX - way.answers.len(), usize::MAX - way.uses.len());
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, way));
        }
    }
    Ok(best.map(|(_, way)| way))
}

/// How many rows meet the conditions; `None` where that would cost too much.
pub(super) fn count<S: Set>(
    rows: &Rows<'_>,
    set: &S,
    conditions: &[&Filter<S::Field>],
    ways: &[Way<S::Field>],
    work: &Work,
) -> Result<Option<u64>, ReadError> {
    let mut best = None;
    for way in ways {
        // One that is longer than the shortest so far needn't be followed to its end.
        let shortest = best.map_or(work.left() / 2, |(least, _)| least);
        let unhelpful = way.uses.is_empty() && ways.len() > 1;
        let size = if unhelpful { shortest } else { measure(rows, set, way, shortest, work)? };
        if best.is_none_or(|(least, _)| size < least) {
            best = Some((size, way));
        }
    }
    let Some((_, way)) = best else { return Ok(None) };
    let open = open(conditions, way);
    let as_it_comes = open.is_empty() && way.sure && way.path.along != Along::Place;
    let each = 1 + if as_it_comes { 0 } else { reading::<S>(way) };
    let (mut within, mut counted) = (true, 0);
    way.walk(rows, set, Direction::Up, |yielded, _| {
        within = work.take(each);
        if !within {
            return Ok(ControlFlow::Break(()));
        }
        let counts = as_it_comes || {
            let record = set.record(rows, &yielded)?;
            record.is_some_and(|(_, record)| {
                open.iter().all(|one| one.holds(&|field| set.held(&record, field)))
            })
        };
        counted += u64::from(counts);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(within.then_some(counted))
}

/// How many rows a way has, `most` or more looking the same.
fn measure<S: Set>(
    rows: &Rows<'_>,
    set: &S,
    way: &Way<S::Field>,
    most: usize,
    work: &Work,
) -> Result<usize, ReadError> {
    let mut size = 0;
    way.walk(rows, set, Direction::Up, |_, _| {
        size += 1;
        Ok(if work.take(1) && size < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(size)
}

/// What reading each row of a way costs: along the table itself, those before it lay beside it.
fn reading<S: Set>(way: &Way<S::Field>) -> usize {
    let beside = way.path.along == Along::Id && way.equal.is_empty() && way.answers.is_empty();
    if beside { S::READ.min(NEAR) } else { S::READ }
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
    fn walk(&self, way: &Way<S::Field>, work: &Work) -> Result<Option<Vec<Entry>>, ReadError> {
        let Some(direction) = way.direction(self.wanted.order) else { return Ok(None) };
        let way = match &self.wanted.after {
            Some(entry) => &way.after(direction, entry),
            None => way,
        };
        let mut first = First::new(self.wanted);
        let mut enough_at = None;
        let within = self.each(way, direction, work, |yielded, entry| {
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
    fn gather(&self, way: &Way<S::Field>, work: &Work) -> Result<Option<Vec<Entry>>, ReadError> {
        let mut first = First::new(self.wanted);
        let within = self.each(way, Direction::Up, work, |_, entry| {
            if let Some(entry) = entry {
                first.push(entry);
            }
            false
        })?;
        Ok(within.then(|| first.finish()))
    }

    /// Whether a way's ids alone tell in what order its rows are wanted.
    fn sifts(&self, way: &Way<S::Field>) -> bool {
        self.wanted.order.keys.is_empty()
            && way.path.along != Along::Place
            && way.direction(self.wanted.order).is_none()
    }

    /// Takes all the way's ids and looks at those rows that come first, until there are enough.
    fn sift(&self, way: &Way<S::Field>, work: &Work) -> Result<Option<Vec<Entry>>, ReadError> {
        let (order, open) = (self.wanted.order, open(self.conditions, way));
        let (mut within, mut rest) = (true, Vec::new());
        way.walk(self.rows, self.set, Direction::Up, |yielded, _| {
            within = work.take(1);
            if let Yielded::Id(id) = yielded {
                rest.push(Entry { keys: Vec::new(), id });
            }
            Ok(if within { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        if let Some(after) = &self.wanted.after {
            rest.retain(|entry| order.compare(after, entry).is_lt());
        }
        let (mut found, mut some) = (Vec::new(), self.wanted.count.max(64));
        while within && found.len() < self.wanted.count && !rest.is_empty() {
            let mut next = rest;
            rest = if some < next.len() {
                next.select_nth_unstable_by(some, |one, two| order.compare(one, two));
                next.split_off(some)
            } else {
                Vec::new()
            };
            next.sort_unstable_by(|one, two| order.compare(one, two));
            for entry in next {
                if open.is_empty() && way.sure {
                    found.push(entry);
                    continue;
                }
                within = work.take(S::READ);
                if !within || found.len() >= self.wanted.count {
                    break;
                }
                found.extend(self.entry(&Yielded::Id(entry.id), &open)?);
            }
            some = some.saturating_mul(2);
        }
        found.truncate(self.wanted.count);
        Ok(within.then_some(found))
    }

    /// Hands over each row of a way, or nothing for one that isn't wanted; whether it stayed within what it may cost.
    fn each(
        &self,
        way: &Way<S::Field>,
        direction: Direction,
        work: &Work,
        mut visit: impl FnMut(&Yielded, Option<Entry>) -> bool,
    ) -> Result<bool, ReadError> {
        let order = self.wanted.order;
        let (read, open) = (reading::<S>(way), open(self.conditions, way));
        let is_keyed = order.keys.is_empty() || way.direction(order).is_some();
        let as_it_comes = open.is_empty() && way.sure && way.path.along != Along::Place && is_keyed;
        // What is asked of the text that the way is ordered by needs no row.
        let of_text: Vec<_> = match way.path.along {
            Along::Text(text) => {
                let asks_it_alone =
                    |condition: &&&Filter<_>| condition.tests().iter().all(|(field, _)| *field == text);
                open.iter().filter(asks_it_alone).collect()
            }
            _ => Vec::new(),
        };
        let told = |key: Option<&Value>| match key {
            Some(Value::Text(text)) => of_text.iter().all(|one| one.holds(&|_| Held::Text(text))),
            _ => true,
        };
        let mut within = true;
        way.walk(self.rows, self.set, direction, |yielded, key| {
            within = work.take(1);
            let entry = match &yielded {
                _ if !within => return Ok(ControlFlow::Break(())),
                Yielded::Id(id) if as_it_comes => {
                    Some(Entry { keys: key.into_iter().take(order.keys.len()).collect(), id: id.clone() })
                }
                _ if !told(key.as_ref()) => None,
                yielded => {
                    within = work.take(read);
                    if !within {
                        return Ok(ControlFlow::Break(()));
                    }
                    self.entry(yielded, &open)?
                }
            };
            let entry = entry.filter(|entry| {
                self.wanted.after.as_ref().is_none_or(|after| order.compare(after, entry).is_lt())
            });
            let is_done = visit(&yielded, entry);
            Ok(if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(within)
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

#[cfg(test)]
mod tests;
