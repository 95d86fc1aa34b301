//! Tokens that an older pepper checked get a digest under the current one: made at the check, where the secret is at hand,
//! and written down with the next batch of uses. The secret itself is kept nowhere, and a check waits for nothing.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use super::Service;
use crate::{
    core::{foreign::ForeignKind, id::TokenId, keys::Digest, token::Token},
    store::{Rekey, Rekeyed},
};

/// How many may wait; a token that finds no room is taken up at a later check.
const MOST: usize = 16_384;

/// How many are written at once: other writes have their turn in between.
const STRETCH: usize = 1_024;

/// New digests that aren't written down yet.
#[derive(Default)]
pub(super) struct Rekeys(Mutex<HashMap<TokenId, Rekeyed>>);

impl Rekeys {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<TokenId, Rekeyed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Takes note that a genuine token has a digest under the current pepper; says whether there was room for that.
    pub(super) fn note_rekey(&self, token: &Token, new: Digest) -> bool {
        self.keep_rekeyed(token, new, false)
    }

    /// The same of a token that was made elsewhere, by a plain digest of its text.
    pub(super) fn note_foreign_rekey(&self, token: &Token, kind: ForeignKind, plain: &[u8]) -> bool {
        let new = self.keys.foreign_digest(self.keys.current(), kind, plain);
        new.is_some_and(|new| self.keep_rekeyed(token, new, true))
    }

    fn keep_rekeyed(&self, token: &Token, new: Digest, foreign: bool) -> bool {
        let current = self.keys.current();
        if token.pepper == current {
            return true;
        }
        let mut waiting = self.rekeys.all();
        if waiting.len() >= MOST && !waiting.contains_key(&token.id) {
            return false;
        }
        waiting.insert(token.id, Rekeyed { old: (token.pepper, token.digest), new: (current, new), foreign });
        true
    }

    /// Writes down the digests that have gathered; what can't be written goes on waiting.
    pub(super) async fn flush_rekeys(&self) {
        let mut left: Vec<_> = mem::take(&mut *self.rekeys.all()).into_iter().collect();
        left.sort_unstable_by_key(|(token, _)| *token);
        for stretch in left.chunks(STRETCH) {
            if let Err(failure) = self.store.write(Rekey(stretch.to_vec())).await {
                tracing::warn!(%failure, tokens = stretch.len(), "digests under the new pepper aren't written down yet");
                self.rekeys.all().extend(stretch.iter().copied());
            }
        }
    }
}
