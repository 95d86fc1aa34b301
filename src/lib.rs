//! jeton
pub mod core;
pub mod service;
pub mod store;
