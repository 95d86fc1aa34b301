//! jeton
pub mod core;
