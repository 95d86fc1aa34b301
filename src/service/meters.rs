//! Counting the uses of tokens that are limited in them: exact, in memory, and written down every few seconds.
//!
//! A use is counted under one lock before it is let through, so that no two requests share the last one. What was counted
//! since the last time it was written down is forgotten in a crash, and nothing else is.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Service, to_the_end, verify::believed};
use crate::{
    core::{
        decision::Standing,
        id::TokenId,
        limits::Window,
        refusal::{Failure, Refusal},
        token::{Death, Token},
    },
    store::{Meter, Metered},
};

/// How long the counts of a token that isn't used stay in memory, in milliseconds.
const KEPT_FOR: i64 = 60_000;

/// Counts of a token. Its window began on the clock that nobody can set.
struct Counts {
    used: u64,
    window: Window,
    /// Those of `used` that aren't written down.
    unwritten: u64,
    /// Whether the window isn't written down as it is.
    changed: bool,
    touched: i64,
}

#[derive(Default)]
pub(super) struct Meters(Mutex<HashMap<TokenId, Counts>>);

impl Meters {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what couldn't be written down.
    fn put_back(&self, counted: Vec<Meter>) {
        let mut meters = self.lock();
        for Meter { token, used, .. } in counted {
            if let Some(counts) = meters.get_mut(&token) {
                counts.unwritten += used;
                counts.changed = true;
            }
        }
    }
}

impl Service {
    /// Counts a use of a token, if it has one left.
    pub(super) fn count_use(&self, standing: &Standing) -> Result<(), Failure> {
        let token = &standing.token;
        let limits = &token.limits;
        if !limits.counts() {
            return Ok(());
        }
        let now = self.clock.elapsed();
        let family = limits.counted_with.unwrap_or(token.id);
        let own = token.counted_as();
        let mut meters = self.meters.lock();
        // All is looked at before anything is counted.
        if let Some(most) = limits.uses
            && self.counts(&mut meters, own, now)?.used >= most
        {
            return Err(Refusal::TokenDead(Box::new(standing.obituary(Death::UsedUp, None))).into());
        }
        if let Some(rate) = limits.rate {
            let counts = self.counts(&mut meters, family, now)?;
            counts.window = counts.window.after_use(rate, now)?;
            counts.changed = true;
            counts.touched = now;
        }
        if limits.uses.is_some() {
            let counts = self.counts(&mut meters, own, now)?;
            counts.used += 1;
            counts.unwritten += 1;
            counts.touched = now;
        }
        Ok(())
    }

    /// Takes uses out of a token's own for one that it mints, if it has as many left. They are written down with that
    /// one.
    pub(super) fn take_uses(&self, token: &Token, uses: u64) -> Result<(), Failure> {
        let Some(most) = token.limits.uses else { return Ok(()) };
        let now = self.clock.elapsed();
        let mut meters = self.meters.lock();
        let counts = self.counts(&mut meters, token.counted_as(), now)?;
        if uses > most.saturating_sub(counts.used) {
            return Err(Refusal::WiderThanMinter { field: "limits.uses" }.into());
        }
        counts.used += uses;
        counts.touched = now;
        Ok(())
    }

    /// Gives back what was taken for a token that wasn't minted after all.
    pub(super) fn give_back_uses(&self, token: TokenId, uses: u64) {
        if let Some(counts) = self.meters.lock().get_mut(&token) {
            counts.used = counts.used.saturating_sub(uses);
        }
    }

    /// How often a token was used, if its counts are in memory; if not, they stand in the table.
    pub(super) fn gathered_count(&self, token: &Token) -> Option<u64> {
        let counted = token.counted_as();
        self.meters.lock().get(&counted).map(|counts| counts.used)
    }

    /// The counts of a token, read where they aren't in memory: then nothing of them waits to be written.
    fn counts<'m>(
        &self,
        meters: &'m mut HashMap<TokenId, Counts>,
        token: TokenId,
        now: i64,
    ) -> Result<&'m mut Counts, Failure> {
        match meters.entry(token) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(place) => {
                let meter = believed(self.store.read(|rows| rows.meter(token)))?;
                let Some(Meter { used, window, .. }) = meter else {
                    tracing::error!(%token, "its uses are counted, and the count is gone");
                    return Err(Refusal::CredentialInvalid.into());
                };
                let ago = self.now().millis().saturating_sub(window.began);
                let window = Window { began: now.saturating_sub(ago), ..window };
                Ok(place.insert(Counts { used, window, unwritten: 0, changed: false, touched: now }))
            }
        }
    }

    pub(super) async fn flush_meters(&self) {
        let (elapsed, now) = (self.clock.elapsed(), self.now().millis());
        let counted: Vec<Meter> = {
            let mut meters = self.meters.lock();
            meters.retain(|_, counts| {
                let waits = counts.changed || counts.unwritten > 0;
                waits || elapsed - counts.touched < KEPT_FOR
            });
            let counted = meters.iter_mut().filter(|(_, counts)| counts.changed || counts.unwritten > 0);
            counted
                .map(|(token, counts)| {
                    counts.changed = false;
                    let used = std::mem::take(&mut counts.unwritten);
                    let began = now.saturating_sub(elapsed - counts.window.began);
                    Meter { token: *token, used, window: Window { began, ..counts.window } }
                })
                .collect()
        };
        if counted.is_empty() {
            return;
        }
        let (meters, store) = (Arc::clone(&self.meters), Arc::clone(&self.store));
        let written = to_the_end(async move {
            let written = store.write(Metered(counted.clone())).await;
            if let Err(failure) = &written {
                tracing::warn!(%failure, tokens = counted.len(), "counts of uses aren't written down yet");
                meters.put_back(counted);
            }
            written
        });
        // It has been logged, and what couldn't be written stays where it is.
        let _ = written.await;
    }
}

#[cfg(test)]
mod tests;
