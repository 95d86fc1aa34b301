//! Walking over the tokens that may not lie idle for good, and telling those whom it has to.

use super::{
    Service, State, TOKENS,
    notices::{self, Announce},
};
use crate::{
    core::{
        id::TokenId,
        idle::{Step, lead},
        lived::Lived,
        refusal::Failure,
        time::Instant,
    },
    store::{IdleWalk, ReadError, Rows},
};

/// How many times as long as a walk took is waited before the next.
const REST: i64 = 20;

/// What a walk has found on one stretch.
#[derive(Default)]
struct Found {
    idle: Vec<TokenId>,
    /// When the first of the others has to be told.
    earliest: Option<Instant>,
    next: Option<IdleWalk>,
}

impl Service {
    /// Walks over all tokens that may not lie idle for good, and tells those whom it has to. Nothing may lie idle for less
    /// than `shortest` milliseconds.
    pub(super) async fn walk(&self, state: &mut State, shortest: i64) -> Result<(), Failure> {
        let (began, began_at) = (self.clock.elapsed(), self.now());
        self.settle_uses_slowly().await;
        // Whoever is made from now on has to be told no sooner than this.
        let mut next = began_at.millis().saturating_add(shortest - lead(shortest));
        let mut walks = self.store.read(|rows| rows.organizations_by_idleness())?;
        let mut walk = Some(IdleWalk::own());
        while let Some(from) = walk {
            let (now, lived) = (self.observe(state).await?, state.lived.clone());
            if lived.is_held() {
                return Ok(());
            }
            let mut found = self.store.read_apart(move |rows| Ok(stretch(rows, from, &lived, now)?)).await?;
            found.idle.retain(|token| self.gathered_use(*token).is_none());
            if !found.idle.is_empty() {
                let announce = Announce { tokens: found.idle, lived: state.lived.clone(), now };
                let took = self.store.write(announce).await?;
                state.written = state.lived.millis;
                self.idle.took(took);
            }
            next = found.earliest.map_or(next, |earliest| next.min(earliest.millis()));
            walk = found.next.or_else(|| walks.pop().map(IdleWalk::of));
        }
        let ended = self.clock.elapsed();
        state.rest_until = ended.saturating_add((ended - began).saturating_mul(REST));
        state.next_walk = Some(Instant::from_millis(next));
        Ok(())
    }
}

/// Whom it has to be told on a stretch of a walk.
fn stretch(rows: &Rows<'_>, from: IdleWalk, lived: &Lived, now: Instant) -> Result<Found, ReadError> {
    let (tokens, next) = rows.idle_walk(from, TOKENS)?;
    let mut found = Found { next, ..Found::default() };
    let mut organizations = notices::Organizations::default();
    for token in tokens {
        let Some(organization) = organizations.of(rows, &token)? else { continue };
        let announced = |used| {
            let step = Step::of(&token, organization, used, now);
            step.map(|step| step.announced(lived))
        };
        // Most are too young, whether they were used or not.
        let mut at = announced(None);
        if at.is_some_and(|at| at <= now) {
            at = announced(rows.merged_use(token.id)?.map(|used| used.last_at));
        }
        if at.is_some_and(|at| at <= now) {
            if notices::told(rows, token.id)?.is_some() {
                // Told already, it only waits.
                continue;
            }
            // Nor is one idle that was used since this walk began.
            at = announced(rows.token_use(token.id)?.map(|used| used.last_at));
        }
        match at {
            None => {}
            Some(at) if at > now => {
                found.earliest = Some(found.earliest.map_or(at, |earliest| earliest.min(at)));
            }
            Some(_) => found.idle.push(token.id),
        }
    }
    Ok(found)
}
