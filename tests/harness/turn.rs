//! Who runs beside whom: a test that measures time has the machine to itself, all others share it.
//!
//! The locks are files, so that they hold between processes too (nextest runs one for each test). A test takes its
//! turn with the first server it starts, and keeps it until its thread ends.

use std::{cell::RefCell, fs::File, path::Path};

thread_local! {
    static TURN: RefCell<Option<[File; 2]>> = const { RefCell::new(None) };
}

/// Takes a turn beside others; nothing where this test has one already.
pub fn together() {
    TURN.with_borrow_mut(|turn| {
        if turn.is_none() {
            let [gate, floor] = open();
            gate.lock().expect("a lock");
            floor.lock_shared().expect("a lock");
            gate.unlock().expect("a lock");
            *turn = Some([gate, floor]);
        }
    });
}

/// Waits until nobody else runs, and keeps it so; to be called before the first server is started.
pub fn alone() {
    TURN.with_borrow_mut(|turn| {
        assert!(turn.is_none(), "this test has its turn already");
        let [gate, floor] = open();
        // Whoever holds the gate lets nobody in, so that the floor empties.
        gate.lock().expect("a lock");
        floor.lock().expect("a lock");
        *turn = Some([gate, floor]);
    });
}

fn open() -> [File; 2] {
    ["turn-gate.lock", "turn-floor.lock"].map(|name| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .expect("cargo's directory for tests")
    })
}
