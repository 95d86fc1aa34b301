//! What shares a commit: a write's failure is its own affair, but for one that broke its promise.

use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
};

use tokio::{sync::oneshot, task::JoinHandle};

use super::{Failure, Refusal, Tx, Write};
use crate::{
    core::{
        id::{OfToken, OrganizationId},
        keys::{Keyring, Pepper},
        secret::Entropy,
        time::{Clock, Instant},
    },
    store::{
        Keeping, SetUp, Store,
        totals::{Scope, Total},
    },
};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Instant {
        Instant::from_millis(1_800_000_000_000)
    }

    fn elapsed(&self) -> i64 {
        0
    }

    fn raise_floor(&self, _: Instant) {}
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(3);
    }
}

fn open(directory: &Path) -> Arc<Store> {
    let set_up = |now, _: &dyn Entropy| SetUp {
        instance: [1; 16],
        organization: OrganizationId::from_bytes([2; 16]),
        now,
    };
    let keys = Arc::new(Keyring::new(&Pepper::generate([7; 32])));
    let path = directory.join("jeton.db");
    let store = Store::open(&path, keys, Arc::new(Fixed), &Fixed, &Keeping::default(), set_up);
    Arc::new(store.unwrap())
}

/// A store whose writer is kept at work, so that what is asked of it meanwhile shares a commit.
pub(crate) struct Held {
    store: Arc<Store>,
    release: mpsc::Sender<()>,
}

struct Hold(oneshot::Sender<()>, Receiver<()>);

impl Write for Hold {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, _: &mut Tx<'_>) -> Result<(), Failure> {
        let _ = self.0.send(());
        let _ = self.1.recv();
        Ok(())
    }
}

impl Held {
    pub(crate) async fn new(store: &Arc<Store>) -> Self {
        let ((begun, has_begun), (release, held)) = (oneshot::channel(), mpsc::channel());
        let holder = Arc::clone(store);
        tokio::spawn(async move { holder.write(Hold(begun, held)).await });
        has_begun.await.unwrap();
        Self { store: Arc::clone(store), release }
    }

    /// Does what comes to one write, after those before it.
    pub(crate) async fn then<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let before = self.store.load().waiting;
        let work = tokio::spawn(work);
        while self.store.load().waiting == before {
            assert!(!work.is_finished(), "it wrote nothing");
            tokio::task::yield_now().await;
        }
        work
    }

    /// Lets the writer go on.
    pub(crate) fn release(self) {
        self.release.send(()).unwrap();
    }
}

#[derive(Clone, Copy)]
enum Refuses {
    Never,
    First,
    HalfWay,
    /// For want of room, and half-way.
    Full,
}

/// Takes the next number, and refuses to, before or after that.
struct Take<const FAILS_FIRST: bool>(Refuses);

impl<const FAILS_FIRST: bool> Write for Take<FAILS_FIRST> {
    type Output = u32;
    const REVISES: bool = false;
    const FAILS_FIRST: bool = FAILS_FIRST;

    fn apply(self, tx: &mut Tx<'_>) -> Result<u32, Failure> {
        let refusal = || Failure::from(Refusal::NotFound { what: "number" });
        if matches!(self.0, Refuses::First) {
            return Err(refusal());
        }
        let number = tx.next_number::<OfToken>()?;
        tx.add(Total::Tokens, Scope::EVERYWHERE, 1)?;
        match self.0 {
            Refuses::HalfWay => Err(refusal()),
            Refuses::Full => Err(Failure::StorageFull),
            Refuses::Never | Refuses::First => Ok(number.place()),
        }
    }
}

/// What becomes of writes that share a commit: the numbers that they took, and why they took none.
async fn together<const FAILS_FIRST: bool>(
    store: &Arc<Store>,
    writes: &[Refuses],
) -> Vec<Result<u32, &'static str>> {
    let held = Held::new(store).await;
    let mut waiting = Vec::new();
    for write in writes {
        let (store, write) = (Arc::clone(store), Take::<FAILS_FIRST>(*write));
        waiting.push(held.then(async move { store.write(write).await }).await);
    }
    held.release();
    let mut outcomes = Vec::new();
    for write in waiting {
        outcomes.push(write.await.unwrap().map_err(|failure| match failure {
            Failure::Refused(_) => "refused",
            Failure::Busy => "busy",
            Failure::StorageFull => "full",
            Failure::Broken(_) => "broken",
        }));
    }
    outcomes
}

#[tokio::test]
async fn a_failure_undoes_what_its_own_write_did_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let [never, first, half_way] = [Refuses::Never, Refuses::First, Refuses::HalfWay];
    let (refused, busy) = (Err("refused"), Err("busy"));

    let outcomes = together::<false>(&store, &[never, half_way, never, first, never]).await;
    assert_eq!(outcomes, [Ok(1), refused, Ok(2), refused, Ok(3)]);
    let outcomes = together::<true>(&store, &[never, first, never]).await;
    assert_eq!(outcomes, [Ok(4), refused, Ok(5)]);
    // It said that it wouldn't: nobody is told of what isn't there.
    let outcomes = together::<true>(&store, &[never, half_way, never]).await;
    assert_eq!(outcomes, [busy, busy, busy]);
    assert_eq!(together::<true>(&store, &[never, Refuses::Full]).await, [Err("full"), Err("full")]);
    assert!(store.is_writable());
    assert_eq!(together::<true>(&store, &[never]).await, [Ok(6)]);
    store.close();
}
