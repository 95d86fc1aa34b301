//! Who is signed in at the page: a session, as good as the password that began it, and for how long.

use super::{
    id::{SessionId, UserId},
    time::Instant,
};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;

/// How long a session lasts that nobody uses, in milliseconds as all here.
pub const IDLE: i64 = 30 * MINUTE;

/// How long a session lasts, however much it is used.
pub const LONGEST: i64 = 12 * HOUR;

/// How long a password counts as just given: what can't be undone is done within that time or after it is given again.
pub const RECENT: i64 = 5 * MINUTE;

/// How far what is kept of a session's last use may be behind.
pub const SEEN_TO: i64 = MINUTE;

/// How many sessions a user may have at once; the oldest ends where there would be more.
pub const MOST: usize = 20;

/// Somebody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// What it is known by where it is shown; nothing can be done with it.
    pub id: SessionId,
    /// Who.
    pub user: UserId,
    /// When the password was given.
    pub created_at: Instant,
    /// When it was used last, to [`SEEN_TO`].
    pub seen_at: Instant,
}

impl Session {
    /// Until when it is good if nobody uses it.
    pub fn idle_until(&self) -> Instant {
        after(self.seen_at, IDLE).min(self.expires_at())
    }

    /// Until when it is good at the most.
    pub fn expires_at(&self) -> Instant {
        after(self.created_at, LONGEST)
    }

    /// Until when the password counts as just given.
    pub fn recent_until(&self) -> Instant {
        after(self.created_at, RECENT)
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.idle_until()
    }

    /// Whether the password was given just now.
    pub fn is_recent(&self, now: Instant) -> bool {
        now < self.recent_until()
    }

    /// Whether a use now is worth keeping.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= after(self.seen_at, SEEN_TO)
    }
}

fn after(at: Instant, millis: i64) -> Instant {
    at.checked_add(millis).unwrap_or(Instant::LAST)
}

#[cfg(test)]
mod tests {
    use super::{HOUR, Instant, MINUTE, Session, SessionId, UserId};

    const SIGNED_IN: Instant = Instant::from_millis(1_700_000_000_000);

    fn after(millis: i64) -> Instant {
        super::after(SIGNED_IN, millis)
    }

    fn seen(millis: i64) -> Session {
        let (id, user) = (SessionId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        Session { id, user, created_at: SIGNED_IN, seen_at: after(millis) }
    }

    #[test]
    fn a_session_ends_idle_and_in_any_case() {
        assert!(!seen(0).is_over(after(30 * MINUTE - 1)));
        assert!(seen(0).is_over(after(30 * MINUTE)));
        assert!(!seen(11 * HOUR).is_over(after(11 * HOUR + 30 * MINUTE - 1)));
        assert!(!seen(12 * HOUR - MINUTE).is_over(after(12 * HOUR - 1)));
        assert!(seen(12 * HOUR - MINUTE).is_over(after(12 * HOUR)));
    }

    #[test]
    fn a_password_was_just_given_for_five_minutes_whatever_is_done_meanwhile() {
        assert!(seen(0).is_recent(after(5 * MINUTE - 1)));
        assert!(!seen(4 * MINUTE).is_recent(after(5 * MINUTE)));
    }

    #[test]
    fn a_use_is_kept_once_a_minute() {
        assert!(!seen(0).is_due(after(MINUTE - 1)));
        assert!(seen(0).is_due(after(MINUTE)));
    }
}
