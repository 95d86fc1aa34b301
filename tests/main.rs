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
mod certificates;
mod lifecycle;
mod settings;
mod setup;
mod supervised;

// What it is for.
mod carriers;
mod checks;
mod children;
mod commands;
mod expiring;
mod feeds;
mod forward;
mod gate;
mod idempotency;
mod idle;
mod import;
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
mod peppers;
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
mod backup;
mod canaries;
mod chain;
mod crash;
mod disk_full;
mod doctor;
mod door;
mod encrypted_backup;
mod erasure;
mod events;
mod flood;
mod framing;
mod headers;
mod hosts;
mod journal;
mod lane;
mod litestream;
mod proxies;
mod pruning;
mod request_ids;
mod restore;
mod revocation;
mod revocations;
mod revoke_command;
mod rotation;
mod seal;
mod secrecy;
mod sessions;
mod sign_ins;
mod signed_in;
mod storage;
mod uniform;
mod upgrade;

// What holds of every route at once.
mod conformance;
mod matrix;
mod schemathesis;
