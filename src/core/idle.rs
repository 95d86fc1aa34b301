//! What becomes of a token that nobody uses: switched off once it has lain idle for as long as it may, deleted when that
//! has lasted as long again; each announced before.
//!
//! How long it may is the organization's word or the token's own, the shorter of the two. It counts from the last use, from
//! when the token was made or switched on again, and from when it began to be good. The second half counts from the moment
//! that it was switched off, so that nothing is deleted that nobody missed for that long. What has expired isn't switched
//! off, what has given way to another or waits to replace one is left to its rotation, and nothing is done in an
//! organization that is switched off, where nobody could use a token.
//!
//! Nothing is done but what was announced the lead before: a quarter of that time, at most 7 days. The lead has to be
//! [lived through](super::lived), so a clock that was set while nothing ran announces and does nothing more. A jump while
//! a process runs makes nothing idle, voids what was announced, and puts all of this off for a day.

use super::{
    lived::Lived,
    organization::Organization,
    time::{DAY, Instant},
    token::{Cause, Ending, Status, Token},
};

/// The longest lead, in milliseconds.
const LONGEST_LEAD: i64 = 7 * DAY;

/// How long before it is done something is announced, in milliseconds.
pub const fn lead(max_idle: i64) -> i64 {
    let quarter = max_idle / 4;
    if quarter < LONGEST_LEAD { quarter } else { LONGEST_LEAD }
}

/// What comes next of a token if nobody uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Ending,
    /// From when on it counts.
    pub since: Instant,
    /// How long that may last, in milliseconds.
    pub max_idle: i64,
}

impl Step {
    /// The next one; `None` where nothing is done. `used` is the last use.
    pub fn of(
        token: &Token,
        organization: &Organization,
        used: Option<Instant>,
        now: Instant,
    ) -> Option<Self> {
        let max_idle = token.max_idle.into_iter().chain(organization.policy.max_idle).min()?;
        let off = !organization.enabled || !organization.policy.api_access;
        if off || token.waiting.is_some() || token.superseded.is_some() {
            return None;
        }
        let (action, since) = match (token.status, token.cause) {
            (Status::Active, _) if !token.is_expired(now) => {
                let later = [token.status_at, token.limits.not_before, used].into_iter().flatten();
                (Ending::Disable, later.fold(token.created_at, Instant::max))
            }
            (Status::Disabled, Cause::Idle) => (Ending::Delete, token.status_at.unwrap_or(token.updated_at)),
            _ => return None,
        };
        Some(Self { action, since, max_idle })
    }

    /// When it is done at the earliest.
    pub fn due(&self, lived: &Lived) -> Instant {
        lived.after(self.since, self.max_idle)
    }

    /// When it is announced.
    pub fn announced(&self, lived: &Lived) -> Instant {
        Instant::from_millis(self.due(lived).millis().saturating_sub(lead(self.max_idle)))
    }
}

/// That something was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub action: Ending,
    /// When that was said.
    pub announced_at: Instant,
    /// For when.
    pub due_at: Instant,
    /// How much has to have been lived through until then, as [`Lived`] counts.
    pub ripe_at: i64,
}

/// What becomes of what was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing: the token was used, or may lie idle for longer now.
    Void,
    /// It isn't time yet.
    Waits,
    /// It is done.
    Ripe,
}

impl Notice {
    /// Announces a step now.
    pub fn of(step: &Step, lived: &Lived, now: Instant) -> Self {
        let lead = lead(step.max_idle);
        Self {
            action: step.action,
            announced_at: now,
            due_at: step.due(lived).max(Instant::from_millis(now.millis().saturating_add(lead))),
            ripe_at: lived.millis.saturating_add(lead),
        }
    }

    /// What becomes of it, by what comes next of the token as it stands now.
    pub fn fate(&self, next: Option<&Step>, lived: &Lived, now: Instant) -> Fate {
        let same = |step: &&Step| step.action == self.action && step.since <= self.announced_at;
        match next.filter(same) {
            Some(step) if step.due(lived) <= self.due_at && !lived.is_held() => {
                if lived.millis >= self.ripe_at && now >= self.due_at { Fate::Ripe } else { Fate::Waits }
            }
            _ => Fate::Void,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, DAY, Ending, Fate, Instant, Lived, Notice, Status, Step, Token, lead};
    use crate::core::{
        decision::fixtures::{NOW, account, token},
        id::TokenId,
        organization::Organization,
        token::{Superseded, Waiting},
        user::Role,
    };

    fn later(millis: i64) -> Instant {
        NOW.checked_add(millis).unwrap()
    }

    fn scene(own: Option<i64>, policy: Option<i64>) -> (Token, Organization) {
        let account = account(Role::Member, false, "");
        let mut token = token("", &account);
        (token.max_idle, token.expires_at) = (own, None);
        let mut organization = account.organization;
        organization.policy.max_idle = policy;
        (token, organization)
    }

    fn next(token: &Token, organization: &Organization) -> Option<Step> {
        Step::of(token, organization, None, NOW)
    }

    #[test]
    fn the_shorter_of_the_two_counts() {
        for (own, policy, counts) in [
            (None, None, None),
            (Some(3 * DAY), None, Some(3 * DAY)),
            (None, Some(5 * DAY), Some(5 * DAY)),
            (Some(3 * DAY), Some(5 * DAY), Some(3 * DAY)),
            (Some(9 * DAY), Some(5 * DAY), Some(5 * DAY)),
        ] {
            let (token, organization) = scene(own, policy);
            assert_eq!(next(&token, &organization).map(|step| step.max_idle), counts);
        }
    }

    #[test]
    fn it_counts_from_the_last_sign_of_life() {
        let (mut token, organization) = scene(Some(4 * DAY), None);
        let since = |token: &Token, used| Step::of(token, &organization, used, later(1)).unwrap().since;
        assert_eq!(since(&token, None), NOW);
        assert_eq!(since(&token, Some(later(5))), later(5));
        token.status_at = Some(later(9));
        assert_eq!(since(&token, Some(later(5))), later(9));
        token.limits.not_before = Some(later(DAY));
        assert_eq!(since(&token, Some(later(5))), later(DAY));
    }

    #[test]
    fn what_is_dead_replaced_or_kept_from_use_is_left_alone() {
        type Change = fn(&mut Token, &mut Organization);
        let changes: [Change; 8] = [
            |token, _| token.status = Status::Deleted,
            |token, _| token.switch(Status::Disabled, Cause::Said, NOW),
            |token, _| token.switch(Status::Disabled, Cause::Leak, NOW),
            |token, _| token.expires_at = Some(NOW),
            |token, _| token.waiting = Some(Waiting { until: later(DAY), linger: 0 }),
            |token, _| token.superseded = Some(Superseded { by: TokenId::from_bytes([9; 16]), at: NOW }),
            |_, organization| organization.enabled = false,
            |_, organization| organization.policy.api_access = false,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let (mut token, mut organization) = scene(Some(DAY), None);
            assert!(next(&token, &organization).is_some());
            change(&mut token, &mut organization);
            assert_eq!(next(&token, &organization), None, "change {at}");
        }
        // Switched off for that reason, it goes on, expired or not.
        let (mut token, organization) = scene(Some(DAY), None);
        token.switch(Status::Disabled, Cause::Idle, later(7));
        token.expires_at = Some(NOW);
        let step = next(&token, &organization).unwrap();
        assert_eq!((step.action, step.since), (Ending::Delete, later(7)));
    }

    #[test]
    fn the_lead_is_a_quarter_and_seven_days_at_the_most() {
        assert_eq!([1_000, 8 * DAY, 28 * DAY, 365 * DAY].map(lead), [250, 2 * DAY, 7 * DAY, 7 * DAY]);
    }

    fn announced() -> (Token, Organization, Notice, Lived) {
        let (token, organization) = scene(Some(8 * DAY), None);
        let lived = Lived { millis: 1_000, ..Lived::default() };
        let step = next(&token, &organization).unwrap();
        assert_eq!((step.announced(&lived), step.due(&lived)), (later(6 * DAY), later(8 * DAY)));
        (token, organization, Notice::of(&step, &lived, later(6 * DAY)), lived)
    }

    #[test]
    fn nothing_is_done_before_its_lead_was_lived_through() {
        let (token, organization, notice, mut lived) = announced();
        assert_eq!(notice.due_at, later(8 * DAY));
        let mut fate = |millis, now| {
            lived.millis = 1_000 + millis;
            notice.fate(Step::of(&token, &organization, None, now).as_ref(), &lived, now)
        };
        assert_eq!(fate(2 * DAY, later(8 * DAY)), Fate::Ripe);
        assert_eq!(fate(2 * DAY - 1, later(8 * DAY)), Fate::Waits);
        assert_eq!(fate(2 * DAY, later(8 * DAY - 1)), Fate::Waits);
        assert_eq!(fate(5, later(3_650 * DAY)), Fate::Waits, "a clock that jumped while nothing ran");
    }

    #[test]
    fn what_is_found_late_is_announced_all_the_same() {
        let (token, organization) = scene(Some(8 * DAY), None);
        let lived = Lived::default();
        let notice = Notice::of(&next(&token, &organization).unwrap(), &lived, later(400 * DAY));
        assert_eq!((notice.due_at, notice.ripe_at), (later(402 * DAY), 2 * DAY));
    }

    #[test]
    fn a_notice_is_void_once_it_is_not_true_any_more() {
        let (token, organization, notice, mut lived) = announced();
        lived.millis += 3 * DAY;
        let now = later(9 * DAY);
        let fate = |step: Option<Step>, lived: &Lived| notice.fate(step.as_ref(), lived, now);
        let step = Step::of(&token, &organization, None, now);
        assert_eq!(fate(step, &lived), Fate::Ripe);
        assert_eq!(fate(None, &lived), Fate::Void, "deleted, replaced, let be");
        assert_eq!(fate(step.map(|step| Step { action: Ending::Delete, ..step }), &lived), Fate::Void);
        assert_eq!(fate(step.map(|step| Step { max_idle: 9 * DAY, ..step }), &lived), Fate::Void);
        let used = Step::of(&token, &organization, Some(later(6 * DAY + 1)), now);
        assert_eq!(fate(used, &lived), Fate::Void);
        // However short it may lie idle from now on, the use counts.
        assert_eq!(fate(used.map(|step| Step { max_idle: 1_000, ..step }), &lived), Fate::Void);
        lived.hold();
        assert_eq!(fate(step, &lived), Fate::Void, "the clock has jumped");
    }
}
