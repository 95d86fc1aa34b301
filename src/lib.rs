//! jeton
pub mod cli;
pub mod core;
pub mod door;
pub mod http;
pub mod ops;
pub mod service;
pub mod store;
