//! Scrubbing the files: nothing of what was deleted or overwritten stays in them.
//!
//! `secure_delete` zeroes what is deleted where it stands, but a row that moved when its page was split leaves a copy in
//! the unused part of the old page, which nothing reaches any more: only rewriting the database removes it.

use std::time::Duration;

use rusqlite::Connection;

use super::{connection::Checkpoints, rows::ReadError};

/// Up to here the database is rewritten in memory, beyond by way of a temporary file that has no name. In bytes.
const IN_MEMORY: i64 = 64 << 20;

/// A database larger than this isn't rewritten: every write would wait for that, about a second for each 100 MiB.
const REWRITTEN: i64 = 1 << 30;

/// How long readers are waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Rewrites the database where `compact` says so and empties the write-ahead log, unless that is somebody else's affair;
/// says whether that is done. A reader that is still in it keeps it.
pub(super) fn scrub(
    connection: &Connection,
    checkpoints: Checkpoints,
    compact: bool,
) -> Result<bool, ReadError> {
    if compact {
        rewrite(connection)?;
    }
    // Every write waits meanwhile: a reader is better waited for elsewhere.
    connection.busy_timeout(PATIENCE)?;
    let emptied = checkpoints.empty_log(connection);
    connection.busy_timeout(checkpoints.patience())?;
    Ok(emptied?)
}

fn rewrite(connection: &Connection) -> Result<(), ReadError> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = pages * size;
    if bytes > REWRITTEN {
        tracing::warn!(
            bytes,
            "too large to be rewritten while it is in use: unused parts of its pages may hold copies of what was erased"
        );
        return Ok(());
    }
    if bytes > IN_MEMORY {
        connection.pragma_update(None, "temp_store", "FILE")?;
    }
    let rewritten = connection.execute_batch("VACUUM");
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(rewritten?)
}
