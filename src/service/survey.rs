//! What has to be counted in the database for whoever watches jeton: seldom, and where no check waits for it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::Service;
use crate::{core::refusal::Failure, ops::disk::Sizes, store::Standings};

/// How long what was counted is good for, however often it is asked for.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// Counting takes a twentieth of the time at the most: what took long is good for longer.
const REST: u32 = 20;

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survey {
    /// In the database.
    pub standings: Standings,
    /// On the disk.
    pub sizes: Sizes,
}

/// What was counted last.
#[derive(Default)]
pub(super) struct Surveyed {
    /// With when it stops being good.
    last: Mutex<Option<(Survey, Instant)>>,
    /// Whether it could be read the last time.
    readable: AtomicBool,
    /// Held while somebody counts: whoever comes meanwhile waits for the same numbers.
    counting: tokio::sync::Mutex<()>,
}

impl Surveyed {
    fn last(&self) -> Option<(Survey, Instant)> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Counts anew what has to be counted, unless that was done just now.
    pub async fn survey(&self) -> Result<(), Failure> {
        let _counting = self.surveyed.counting.lock().await;
        let began = Instant::now();
        if self.surveyed.last().is_some_and(|(_, until)| began < until) {
            return Ok(());
        }
        let (now, database) = (self.now(), self.database.clone());
        let read = self
            .store
            .read_apart(move |rows| {
                Ok(Survey { standings: rows.standings(now)?, sizes: Sizes::of(&database) })
            })
            .await;
        self.surveyed.readable.store(read.is_ok(), Ordering::Relaxed);
        let survey = read?;
        let until = Instant::now() + GOOD_FOR.max(began.elapsed() * REST);
        *self.surveyed.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((survey, until));
        Ok(())
    }

    /// Whether it could be read the last time, and can be written.
    pub fn seems_ready(&self) -> bool {
        self.store.is_writable() && self.surveyed.readable.load(Ordering::Relaxed)
    }

    /// What was counted last.
    pub fn surveyed(&self) -> Survey {
        self.surveyed.last().map(|(survey, _)| survey).unwrap_or_default()
    }
}
