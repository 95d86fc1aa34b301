//! The time as HTTP says it.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// An IMF-fixdate (RFC 9110, 5.6.7).
type Date = [u8; 29];

thread_local! {
    /// The last one that was said, and its second.
    static SAID: Cell<(u64, Date)> = const { Cell::new((u64::MAX, [b' '; 29])) };
}

/// What `Date` says now; written out once a second.
pub(super) fn date() -> Date {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (said_at, said) = SAID.get();
    if said_at == second {
        return said;
    }
    let mut date = [b' '; 29];
    // Years have four digits for a while yet.
    let _ = write!(&mut date[..], "{}", httpdate::HttpDate::from(now));
    SAID.set((second, date));
    date
}
