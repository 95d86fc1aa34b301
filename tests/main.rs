//! jeton through its real binary: a test for each rule, each on a server of its own.
//!
//! `tests/run` runs them; `tests/run --long` at the campaigns' full counts. Tests that measure time wait for the
//! machine (`harness::turn`); all others share it.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![allow(clippy::format_collect, reason = "a few strings more cost a test nothing")]

mod harness;

// The tree and what is packaged.
mod installed;
mod packaging;
mod readme;
mod tidy;

// Starting and stopping.
mod lifecycle;
mod settings;
mod setup;
mod supervised;

// What it is for.
mod carriers;
mod checks;
mod children;
mod commands;
mod forward;
mod gate;
mod idempotency;
mod idle;
mod leaks;
mod lifetimes;
mod limits;
mod lists;
mod management;
mod many;
mod members;
mod metrics;
mod modules;
mod oauth;
mod organizations;
mod policy;
mod polling;
mod privileges;
mod rights;
mod scan;
mod ties;
mod tokens;
mod users;
mod uses;
mod versions;

// The page, in a real browser.
mod browser;

// Other vendors' APIs.
mod dialects;

// What it says no with.
mod errors;
mod fields;

// What must not happen.
mod canaries;
mod chain;
mod crash;
mod door;
mod erasure;
mod events;
mod flood;
mod framing;
mod headers;
mod hosts;
mod proxies;
mod revocation;
mod revocations;
mod revoke_command;
mod rotation;
mod seal;
mod secrecy;
mod sessions;
mod sign_ins;
mod storage;
mod uniform;

// What holds of every route at once.
mod conformance;
mod matrix;
mod schemathesis;
