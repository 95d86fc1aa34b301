//! Is the record of events whole, and as it was written? Only for whoever operates the instance: it is read from end
//! to end.

use super::Service;
use crate::{
    core::{event::Flaw, refusal::Failure},
    store::Stretch,
};

/// How many events are read at a time: some milliseconds' worth, so that the write-ahead log never waits for a walk.
const STRETCH: u32 = 2_048;

/// What a walk along the record has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many events are sound, from the first one on.
    pub count: i64,
    /// The sequence of the first that isn't, and what is wrong with it.
    pub flaw: Option<(i64, Flaw)>,
}

impl Service {
    /// Walks along the record, from its beginning to where it ended when the walk began.
    pub async fn verify_events(&self) -> Result<Verdict, Failure> {
        let mut walk = self.store.read_apart(|rows| Ok(rows.walk()?)).await?;
        loop {
            match self.store.read_apart(move |rows| Ok(rows.walk_on(walk, STRETCH)?)).await? {
                Stretch::More(further) => walk = further,
                Stretch::Sound(end) => return Ok(Verdict { count: end.count(), flaw: None }),
                Stretch::Flawed(before, sequence, flaw) => {
                    tracing::error!(sequence, %flaw, "the record of events isn't sound");
                    return Ok(Verdict { count: before.count(), flaw: Some((sequence, flaw)) });
                }
            }
        }
    }
}
