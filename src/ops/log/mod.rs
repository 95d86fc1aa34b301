//! The log: our own events only, one record a line, and never a reason for a request to wait.
//!
//! Records of the `log` crate, which Rocket and hyper write and which hold whole requests, are never taken up.

mod escape;
mod queue;

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;

use crate::ops::config::LogFormat;

pub use queue::Flush;

/// Sends this process's events to standard error. What is still queued is written when the result is dropped.
///
/// `format` follows the terminal when it is `None`. Also replaces the panic message, whose text may hold what a request
/// brought, by its place. To be called once.
///
/// # Errors
/// When the writer's thread can't be started.
pub fn install(level: LevelFilter, format: Option<LogFormat>) -> io::Result<Flush> {
    let terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let (queue, flush) = queue::start(io::stderr(), format)?;
    // Without colours: every control character in a line is then somebody else's, and is escaped.
    let builder = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(queue);
    let installed = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        // A span is a request, and none lies in another.
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
    };
    installed.map_err(io::Error::other)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    Ok(flush)
}
