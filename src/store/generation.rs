//! Whether what was read still stands: counters that a commit raises before its reply, and that are noted before a read.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::core::id::TokenId;

/// How many counters tokens share, by the end of their ids, which is random.
const SHARED: usize = 1_024;

/// How much of what a decision reads a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revises {
    /// Nothing: no decision comes out differently after it.
    Nothing,
    /// Rows of tokens alone, each by [`Tx::update_token`](super::Tx::update_token), which notes them.
    Tokens,
    /// Whatever there is.
    Everything,
}

/// How many commits had changed what there is, at a moment. What was read since then stands as long as these are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    any: u64,
    everything: u64,
    own: u64,
}

impl Generation {
    /// Whether what was read of users and organizations still stands.
    pub fn keeps_accounts(self, now: Self) -> bool {
        self.everything == now.everything
    }

    /// Whether what was read of the token that this is of still stands; where it is tied to others, of them too.
    pub fn keeps_token(self, now: Self, tied: bool) -> bool {
        self.everything == now.everything && if tied { self.any == now.any } else { self.own == now.own }
    }
}

/// What a batch of writes changes.
#[derive(Debug, Default)]
pub(super) struct Revised {
    pub(super) everything: bool,
    pub(super) tokens: Vec<TokenId>,
}

pub(super) struct Generations {
    any: AtomicU64,
    everything: AtomicU64,
    own: [AtomicU64; SHARED],
}

impl Default for Generations {
    fn default() -> Self {
        Self {
            any: AtomicU64::new(0),
            everything: AtomicU64::new(0),
            own: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Generations {
    /// That of a token; that of all of them where it isn't known yet which it is.
    pub(super) fn of(&self, token: Option<TokenId>) -> Generation {
        let any = self.any.load(Ordering::Acquire);
        Generation {
            any,
            everything: self.everything.load(Ordering::Acquire),
            own: token.map_or(any, |token| self.own(token).load(Ordering::Acquire)),
        }
    }

    /// After a commit and before its replies: what was decided on older rows is no longer believed when they arrive.
    pub(super) fn raise(&self, revised: &Revised) {
        if revised.everything {
            self.everything.fetch_add(1, Ordering::AcqRel);
        }
        for token in &revised.tokens {
            self.own(*token).fetch_add(1, Ordering::AcqRel);
        }
        if revised.everything || !revised.tokens.is_empty() {
            self.any.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn own(&self, token: TokenId) -> &AtomicU64 {
        let [.., high, low] = token.0;
        &self.own[usize::from(u16::from_be_bytes([high, low])) % SHARED]
    }
}

#[cfg(test)]
mod tests {
    use super::{Generations, Revised};
    use crate::core::id::TokenId;

    const ONE: TokenId = TokenId::from_bytes([1; 16]);
    const OTHER: TokenId = TokenId::from_bytes([2; 16]);

    /// What still stands of what was read of one token: itself, itself where it is tied, itself where it was known by
    /// another name, users and organizations.
    fn left(everything: bool, tokens: &[TokenId]) -> [bool; 4] {
        let generations = Generations::default();
        let (own, all) = (generations.of(Some(ONE)), generations.of(None));
        generations.raise(&Revised { everything, tokens: tokens.to_vec() });
        let (own_now, all_now) = (generations.of(Some(ONE)), generations.of(None));
        [
            own.keeps_token(own_now, false),
            own.keeps_token(own_now, true),
            all.keeps_token(all_now, false),
            own.keeps_accounts(own_now),
        ]
    }

    #[test]
    fn a_commit_leaves_what_it_changed_nothing_of() {
        assert_eq!(left(false, &[]), [true; 4]);
        assert_eq!(left(false, &[OTHER]), [true, false, false, true]);
        assert_eq!(left(false, &[OTHER, ONE]), [false, false, false, true]);
        assert_eq!(left(true, &[]), [false; 4]);
        assert_eq!(left(true, &[OTHER]), [false; 4]);
    }
}
