//! Use, gathered in memory: a check costs a short lock on one of many shards, and no write.

use std::{
    collections::HashMap,
    mem,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::Service;
use crate::{
    core::{id::TokenId, time::Instant, token::Use},
    store::Used,
};

const SHARDS: usize = 16;

/// From here on the flush doesn't wait for its turn.
const MANY: usize = 16_384;

/// How much of a `User-Agent` is kept, in bytes.
const AGENT: usize = 120;

#[derive(Clone)]
struct Gathered {
    last_at: Instant,
    address: Option<IpAddr>,
    agent: Option<Box<str>>,
    count: u64,
}

/// Uses since the last flush.
#[derive(Default)]
pub(super) struct Uses {
    shards: [Mutex<HashMap<TokenId, Gathered>>; SHARDS],
    tokens: AtomicUsize,
    many: Notify,
}

impl Uses {
    fn shard(&self, token: TokenId) -> std::sync::MutexGuard<'_, HashMap<TokenId, Gathered>> {
        // The last byte of an id is random.
        let shard = &self.shards[usize::from(token.0[15]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, token: TokenId, now: Instant, address: Option<IpAddr>, agent: Option<&str>) {
        let agent = agent.map(|agent| &agent[..agent.floor_char_boundary(AGENT)]);
        let mut shard = self.shard(token);
        if let Some(gathered) = shard.get_mut(&token) {
            gathered.last_at = gathered.last_at.max(now);
            gathered.address = address;
            gathered.count += 1;
            if gathered.agent.as_deref() != agent {
                gathered.agent = agent.map(Into::into);
            }
            return;
        }
        shard.insert(token, Gathered { last_at: now, address, agent: agent.map(Into::into), count: 1 });
        drop(shard);
        if self.tokens.fetch_add(1, Ordering::Relaxed) + 1 == MANY {
            self.many.notify_one();
        }
    }

    fn last_at(&self, token: TokenId) -> Option<Instant> {
        self.shard(token).get(&token).map(|gathered| gathered.last_at)
    }

    /// Resolves when many tokens have been used since the last flush.
    pub(super) async fn many(&self) {
        self.many.notified().await;
    }

    fn take(&self) -> Vec<(TokenId, Use)> {
        self.tokens.store(0, Ordering::Relaxed);
        let shards = self
            .shards
            .iter()
            .map(|shard| mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        let mut uses: Vec<_> = shards
            .flatten()
            .map(|(token, gathered)| {
                let Gathered { last_at, address, agent, count } = gathered;
                let address = address.map(|address| address.to_string());
                (token, Use { last_at, address, agent: agent.map(Into::into), count })
            })
            .collect();
        // In the order of the table's keys, so that neighbouring rows are written together.
        uses.sort_unstable_by_key(|(token, _)| *token);
        uses
    }

    fn put_back(&self, uses: Vec<(TokenId, Use)>) {
        for (token, used) in uses {
            let mut shard = self.shard(token);
            shard.entry(token).and_modify(|gathered| gathered.count += used.count).or_insert_with(|| {
                Gathered {
                    last_at: used.last_at,
                    address: used.address.and_then(|address| address.parse().ok()),
                    agent: used.agent.map(Into::into),
                    count: used.count,
                }
            });
        }
    }
}

impl Service {
    /// Remembers that a token was used.
    pub(super) fn note_use(
        &self,
        token: TokenId,
        now: Instant,
        address: Option<IpAddr>,
        agent: Option<&str>,
    ) {
        self.uses.note(token, now, address, agent);
    }

    /// When a token was last used: gathered or, failing that, written down.
    pub(super) fn gathered_use(&self, token: TokenId) -> Option<Instant> {
        self.uses.last_at(token)
    }

    pub(super) async fn flush_uses(&self) {
        let uses = self.uses.take();
        if uses.is_empty() {
            return;
        }
        if let Err(failure) = self.store.write(Used(uses.clone())).await {
            tracing::warn!(%failure, tokens = uses.len(), "use isn't written down yet");
            self.uses.put_back(uses);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, TokenId, Uses};

    #[test]
    fn uses_add_up_and_what_could_not_be_written_is_kept() {
        let uses = Uses::default();
        let token = TokenId::from_bytes([7; 16]);
        let at = Instant::from_millis;
        uses.note(token, at(2), None, Some("curl"));
        uses.note(token, at(1), "127.0.0.1".parse().ok(), Some(&"é".repeat(100)));
        let batch = uses.take();
        assert_eq!(batch.len(), 1);
        assert_eq!((batch[0].1.last_at, batch[0].1.count), (at(2), 2));
        assert_eq!(batch[0].1.agent.as_deref(), Some("é".repeat(60).as_str()));
        assert!(uses.take().is_empty());
        uses.note(token, at(5), None, None);
        uses.put_back(batch);
        assert_eq!(uses.last_at(token), Some(at(5)));
        assert_eq!(uses.take()[0].1.count, 3);
    }
}
