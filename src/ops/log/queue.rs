//! A bounded queue between who logs and standard error: a reader that stalls costs records, not requests.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::escape;
use crate::ops::config::LogFormat;

/// Records kept while the reader stalls; about 1 MiB.
const CAPACITY: usize = 4096;
/// How long the end of the process waits for a reader.
const PATIENCE: Duration = Duration::from_millis(200);

enum Item {
    Record(String),
    /// Everything before this has been written once it is answered.
    Flushed(SyncSender<()>),
}

/// Where records are put.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

/// Writes what is queued when it is dropped.
#[must_use = "dropping it flushes the log"]
pub struct Flush {
    sender: SyncSender<Item>,
}

/// Starts the thread that writes to `output`.
pub(super) fn start(output: impl Write + Send + 'static, format: LogFormat) -> io::Result<(Queue, Flush)> {
    let (sender, receiver) = sync_channel(CAPACITY);
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&receiver, output, &counter, format))?;
    Ok((Queue { sender: sender.clone(), dropped }, Flush { sender }))
}

fn write_all(receiver: &Receiver<Item>, mut output: impl Write, dropped: &AtomicU64, format: LogFormat) {
    for item in receiver {
        // Nobody is left to be told that the log can't be written.
        match item {
            Item::Record(record) => {
                let _ = output.write_all(record.as_bytes());
            }
            Item::Flushed(answer) => {
                let _ = output.flush();
                let _ = answer.try_send(());
            }
        }
        match dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            count => {
                let _ = output.write_all(notice(count, format).as_bytes());
            }
        }
    }
}

fn notice(count: u64, format: LogFormat) -> String {
    match format {
        LogFormat::Text => {
            format!("WARN {count} log records were dropped: standard error isn't read fast enough\n")
        }
        LogFormat::Json => {
            format!(
                "{{\"level\":\"WARN\",\"message\":\"log records were dropped: standard error isn't read fast enough\",\"dropped\":{count}}}\n"
            )
        }
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Record<'a>;

    fn make_writer(&'a self) -> Record<'a> {
        Record { queue: self, bytes: Vec::with_capacity(256) }
    }
}

/// One record while it is written, queued as a whole when it is dropped.
pub(super) struct Record<'a> {
    queue: &'a Queue,
    bytes: Vec<u8>,
}

impl Write for Record<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        if line.is_empty() {
            return;
        }
        let record = format!("{}\n", escape::line(line));
        if self.queue.sender.try_send(Item::Record(record)).is_err() {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (answer, answered) = sync_channel(1);
        if self.sender.try_send(Item::Flushed(answer)).is_ok() {
            let _ = answered.recv_timeout(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An output that waits for leave before its first write, and keeps what it was given.
    struct Stalled(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_costs_records_and_says_how_many() {
        let (leave, wait) = channel();
        let (written, output) = channel();
        let (queue, flush) = start(Stalled(wait, written), LogFormat::Text).unwrap();
        for number in 0..CAPACITY + 50 {
            writeln!(queue.make_writer(), "record {number}").unwrap();
        }
        drop(leave);
        drop(queue);
        drop(flush);
        let text: String = output.iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
        let records = text.lines().filter(|line| line.starts_with("record")).count();
        assert!(records >= CAPACITY, "{records}");
        assert!(text.contains(&format!("WARN {} log records", CAPACITY + 50 - records)), "the notice");
    }

    #[test]
    fn a_record_is_one_line() {
        let (written, output) = channel();
        let (leave, wait) = channel();
        drop(leave);
        let (queue, flush) = start(Stalled(wait, written), LogFormat::Json).unwrap();
        queue.make_writer().write_all(b"a\nb\n").unwrap();
        drop((queue, flush));
        assert_eq!(output.iter().next().unwrap(), b"a\\u000ab\n");
    }
}
