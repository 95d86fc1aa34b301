//! Our own API, below `/v1`: JSON in, JSON out, refusals as problem documents.

pub(super) mod backup;
pub(super) mod checks;
#[cfg(test)]
pub(super) mod document;
pub(super) mod events;
pub(super) mod feeds;
#[cfg(test)]
mod forms;
pub(super) mod health;
pub(super) mod imports;
pub(super) mod introspect;
pub(super) mod leaks;
mod lists;
pub(super) mod me;
pub(super) mod members;
pub(super) mod modules;
pub(super) mod organizations;
pub(super) mod revocations;
pub(super) mod rotate;
pub(super) mod sessions;
pub(super) mod tokens;
pub(super) mod users;
pub(super) mod uses;
pub(super) mod verify;
mod wire;
mod words;

pub(super) use self::words::{WORDS, failure};
