//! jeton
pub mod core;
pub mod http;
pub mod service;
pub mod store;
