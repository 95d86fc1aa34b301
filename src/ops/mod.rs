//! What stands between the process and its machine: settings, log, clock, randomness, the data directory, listeners,
//! signals, metrics, the service manager.

pub mod clock;
pub mod config;
pub mod control;
pub mod data_dir;
pub mod disk;
pub mod entropy;
pub mod lifecycle;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod partial;
pub mod sealed_backup;
pub mod tls;
