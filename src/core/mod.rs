//! The rules: no I/O, no clock, no framework; every function is of its inputs alone.

pub mod base62;
pub mod changes;
pub mod decision;
pub mod event;
pub mod filter;
pub mod id;
pub mod idempotency;
pub mod keys;
pub mod life;
pub mod lifetime;
pub mod limits;
pub mod listing;
pub mod minting;
pub mod number;
pub mod organization;
pub mod path;
pub mod privilege;
pub mod refusal;
pub mod secret;
pub mod text;
pub mod time;
pub mod token;
pub mod user;
pub mod wanted;
