//! Rotation: a token gives way to a successor that has all it had, and no way of doing so makes it live longer.

use super::{
    decision::Account,
    lifetime::{Lifetime, duration_between},
    lived::{Lived, Watch},
    minting::{Minter, Wish, judge},
    organization::Policy,
    privilege::Privileges,
    refusal::Refusal,
    time::{DAY, Instant},
    token::{Superseded, Token},
};

/// How long a successor may wait for its first use, or both may be good, at the most; in milliseconds.
pub const LONGEST_WINDOW: i64 = 30 * DAY;

/// How long a token may be good beside a successor that has been used, at the most; in milliseconds.
pub const LONGEST_LINGER: i64 = 7 * DAY;

const WINDOW: i64 = DAY;
const LINGER: i64 = 5 * 60 * 1000;

/// How a token gives way. Durations are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// When the successor is used for the first time, and then after `linger`; not at all where that doesn't happen within
    /// the window.
    OnFirstUse {
        /// How long the successor waits.
        window: i64,
        /// How long the token is good after that use.
        linger: i64,
    },
    /// When the window is over; both are good until then.
    Overlap {
        /// How long.
        window: i64,
    },
    /// At once.
    Now,
}

impl Mode {
    /// Reads `on_first_use` (also where nothing is said), `overlap` or `now`, and the durations that it takes.
    pub fn parse(mode: Option<&str>, window: Option<&str>, linger: Option<&str>) -> Result<Self, Refusal> {
        let unused = |field: &'static str, given: Option<&str>, mode| match given {
            Some(_) => Err(Refusal::invalid(field, format!("not with mode {mode}"))),
            None => Ok(()),
        };
        let read = |field, text: Option<&str>, default, least, most| {
            text.map_or(Ok(default), |text| duration_between(field, text, least, most))
        };
        let window_of = || read("window", window, WINDOW, 1000, LONGEST_WINDOW);
        match mode.unwrap_or("on_first_use") {
            "on_first_use" => {
                let linger = read("linger", linger, LINGER, 0, LONGEST_LINGER)?;
                Ok(Self::OnFirstUse { window: window_of()?, linger })
            }
            "overlap" => {
                unused("linger", linger, "overlap")?;
                Ok(Self::Overlap { window: window_of()? })
            }
            "now" => {
                unused("window", window, "now")?;
                unused("linger", linger, "now")?;
                Ok(Self::Now)
            }
            _ => Err(Refusal::invalid("mode", "on_first_use, overlap or now")),
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnFirstUse { .. } => "on_first_use",
            Self::Overlap { .. } => "overlap",
            Self::Now => "now",
        }
    }
}

/// Who rotates a token.
#[derive(Clone, Debug)]
pub enum Rotator {
    /// The token itself.
    Itself,
    /// Its owner by password, the local operator, or another token of the owner's.
    By(Minter),
}

/// The end of a successor with these privileges; `None` for never.
///
/// Its life is as long as the predecessor's was, counted from now, where whoever rotates could mint it so; else it ends
/// when that one would have. A token rotates another only where it could mint the successor.
pub fn successors_end(
    predecessor: &Token,
    privileges: &Privileges,
    rotator: &Rotator,
    account: &Account,
    modules: &[String],
    now: Instant,
) -> Result<Option<Instant>, Refusal> {
    let Rotator::By(minter) = rotator else { return Ok(predecessor.expires_at) };
    if let Minter::Token(by) = minter {
        no_wider(predecessor, &by.token)?;
    }
    let mint = |lifetime, policy: Policy| {
        let mut account = account.clone();
        // A successor takes the place that there is.
        account.organization.policy = Policy { quota: u32::MAX, ..policy };
        let wish = Wish {
            lifetime,
            lifetime_field: "lifetime",
            privileges: Some(privileges.clone()),
            modules: (!predecessor.modules.is_empty()).then(|| predecessor.modules.clone()),
            limits: predecessor.limits.clone(),
            outlives: false,
            restricted: predecessor.restricted,
            // What is tied doesn't get hold of what outlives its parent.
            tied: matches!(minter, Minter::Token(_)).then_some(predecessor.tied),
            max_idle: predecessor.max_idle,
        };
        judge(&wish, minter, &account, 0, modules, now)
    };
    let policy = &account.organization.policy;
    let length = predecessor.expires_at.map(|end| end.millis() - predecessor.created_at.millis());
    if let Ok(terms) = mint(length.map_or(Lifetime::Never, Lifetime::For), policy.clone()) {
        return Ok(terms.expires_at);
    }
    if matches!(minter, Minter::Token(_)) {
        // The policy governs what is minted; what is there already may be longer.
        let end = predecessor.expires_at.map_or(Lifetime::Never, Lifetime::Until);
        mint(end, Policy { allow_never: true, max_lifetime: i64::MAX, max_idle: None, ..policy.clone() })?;
    }
    Ok(predecessor.expires_at)
}

/// Which windows have ended by time that was lived through: those that end while it is looked at the clock, and older ones
/// after a day of that. A clock that jumps, or was set while nothing ran, ends none for good.
#[derive(Debug, Default)]
pub struct Windows {
    watch: Watch,
    lived: Lived,
    began: Option<(Instant, i64)>,
}

impl Windows {
    /// From which instant on a window's end is believed, as of `now`; `elapsed` is the monotonic clock, in milliseconds.
    pub fn believed_from(&mut self, now: Instant, elapsed: i64) -> Instant {
        let jumped = self.watch.look(&mut self.lived, now, elapsed);
        let lived = self.lived.millis;
        let (began, since) = *self.began.get_or_insert((now, lived));
        if jumped {
            self.began = Some((now, lived));
            return now;
        }
        if lived - since < DAY { began } else { Instant::default() }
    }
}

/// Refuses where a token is limited in what the one that it would rotate isn't: the successor has that one's limits, and
/// who limits itself to nothing more would have got rid of its own.
fn no_wider(rotated: &Token, by: &Token) -> Result<(), Refusal> {
    let (limits, own) = (&rotated.limits, &by.limits);
    let within = limits.clone().within(by.id, own)?;
    let family = |token: &Token| token.limits.counted_with.unwrap_or(token.id);
    let wider = [
        ("limits.networks.allow", within.networks.allow != limits.networks.allow),
        ("limits.networks.deny", within.networks.deny != limits.networks.deny),
        ("limits.routes", within.routes != limits.routes),
        ("limits.not_before", within.not_before != limits.not_before),
        // What is counted of the one isn't counted of the other.
        ("limits.uses", own.uses.is_some()),
        ("limits.rate", own.rate.is_some() && family(rotated) != family(by)),
        ("max_idle", by.max_idle.is_some() && rotated.max_idle.is_none_or(|idle| Some(idle) > by.max_idle)),
    ];
    match wider.into_iter().find(|(_, is_wider)| *is_wider) {
        Some((field, _)) => Err(Refusal::WiderThanMinter { field }),
        None => Ok(()),
    }
}

/// Lets a token give way to another: from `at` on it is superseded, and dead after `rest` milliseconds at the latest.
pub fn give_way(token: &mut Token, by: super::id::TokenId, at: Instant, rest: i64) {
    token.superseded = Some(Superseded { by, at });
    let end = at.checked_add(rest).unwrap_or(Instant::LAST);
    token.expires_at = Some(token.expires_at.map_or(end, |expires_at| expires_at.min(end)));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Mode, Rotator, Windows, give_way, successors_end};
    use crate::core::{
        decision::{
            Account, Standing,
            fixtures::{NOW, account, set, token},
        },
        id::TokenId,
        limits::{Rate, Route},
        minting::Minter,
        refusal::Refusal,
        time::{DAY, Instant},
        token::Token,
        user::Role,
    };

    #[test]
    fn a_mode_takes_its_own_durations_within_their_limits() {
        let day = 86_400_000;
        assert_eq!(Mode::parse(None, None, None), Ok(Mode::OnFirstUse { window: day, linger: 300_000 }));
        assert_eq!(
            Mode::parse(Some("on_first_use"), Some("30d"), Some("0s")),
            Ok(Mode::OnFirstUse { window: 30 * day, linger: 0 })
        );
        assert_eq!(Mode::parse(Some("overlap"), Some("1h"), None), Ok(Mode::Overlap { window: day / 24 }));
        assert_eq!(Mode::parse(Some("now"), None, None), Ok(Mode::Now));
        for (mode, window, linger, field) in [
            (Some("later"), None, None, "mode"),
            (None, Some("0s"), None, "window"),
            (None, Some("31d"), None, "window"),
            (None, Some("never"), None, "window"),
            (None, None, Some("8d"), "linger"),
            (None, None, Some("-1s"), "linger"),
            (Some("overlap"), None, Some("1s"), "linger"),
            (Some("now"), Some("1s"), None, "window"),
            (Some("now"), None, Some("1s"), "linger"),
        ] {
            let refusal = Mode::parse(mode, window, linger).expect_err(field);
            assert!(refusal.to_string().starts_with(&format!("{field}: ")), "{refusal}");
        }
    }

    #[test]
    fn whoever_gives_way_never_lives_longer() {
        let mut giving = token("", &account(Role::Member, false, ""));
        let (successor, end) = (crate::core::id::TokenId::from_bytes([9; 16]), giving.expires_at);
        give_way(&mut giving, successor, NOW, 10 * DAY);
        assert_eq!(giving.expires_at, end, "it would have died before");
        give_way(&mut giving, successor, NOW, 5);
        assert_eq!(giving.expires_at, NOW.checked_add(5));
        giving.expires_at = None;
        give_way(&mut giving, successor, NOW, i64::MAX);
        assert_eq!(giving.expires_at, Some(Instant::LAST));
    }

    /// Otherwise a clock set wrong for a minute would end every secret that is handed out and not used yet.
    #[test]
    fn a_jump_ends_no_window_before_a_day_is_lived_through() {
        const MINUTE: i64 = 60_000;
        let mut windows = Windows::default();
        let mut from =
            |millis, minutes| windows.believed_from(Instant::from_millis(millis), minutes * MINUTE);
        assert_eq!(from(DAY, 0), Instant::from_millis(DAY), "what ended before it began to look");
        assert_eq!(from(DAY + MINUTE, 1), Instant::from_millis(DAY));
        let jumped = 10 * DAY;
        assert_eq!(from(jumped, 2), Instant::from_millis(jumped));
        assert_eq!(from(jumped + MINUTE, 3), Instant::from_millis(jumped));
        let mut minutes = 3;
        while minutes < 2 + 24 * 60 {
            minutes += 1;
            from(jumped + (minutes - 2) * MINUTE, minutes);
        }
        assert_eq!(from(jumped + DAY, 2 + 24 * 60), Instant::default(), "a day later all of them");
    }

    /// Ten days of a life of thirty are over.
    fn aged(account: &Account) -> Token {
        Token {
            created_at: Instant::from_millis(NOW.millis() - 10 * DAY),
            expires_at: NOW.checked_add(20 * DAY),
            ..token("orders:read", account)
        }
    }

    fn end(predecessor: &Token, rotator: &Rotator, account: &Account) -> Result<Option<Instant>, Refusal> {
        successors_end(predecessor, &set("orders:read"), rotator, account, &[], NOW)
    }

    #[test]
    fn a_life_is_counted_anew_only_for_who_could_mint_it() {
        let administrator = account(Role::Administrator, true, "");
        let old = aged(&administrator);
        let anew = Ok(NOW.checked_add(30 * DAY));
        for minter in [Minter::Local, Minter::Password] {
            assert_eq!(end(&old, &Rotator::By(minter), &administrator), anew);
        }
        assert_eq!(end(&old, &Rotator::Itself, &administrator), Ok(old.expires_at));
        // Whom the policy lets mint nothing.
        let member = account(Role::Member, false, "orders:read");
        assert_eq!(end(&old, &Rotator::By(Minter::Password), &member), Ok(old.expires_at));
        // A policy that has become narrower.
        let mut strict = administrator.clone();
        strict.organization.policy.max_lifetime = DAY;
        assert_eq!(end(&old, &Rotator::By(Minter::Password), &strict), Ok(old.expires_at));
    }

    /// Otherwise it would be given a secret that is good from where, for what or as often as it isn't itself.
    #[test]
    fn a_limited_token_rotates_no_token_that_is_limited_less() {
        type Limit = fn(&mut Token);
        let administrator = account(Role::Administrator, true, "");
        let limit: [(&str, Limit); 7] = [
            ("limits.networks.allow", |it| it.limits.networks.allow = vec!["10.0.0.0/8".parse().unwrap()]),
            ("limits.networks.deny", |it| it.limits.networks.deny = vec!["10.0.0.0/8".parse().unwrap()]),
            ("limits.routes", |it| it.limits.routes = vec![Route::parse("* a.example/*").unwrap()]),
            ("limits.not_before", |it| it.limits.not_before = Some(Instant::from_millis(1))),
            ("limits.uses", |it| it.limits.uses = Some(10)),
            ("limits.rate", |it| it.limits.rate = Rate::parse("10/min").ok()),
            ("max_idle", |it| it.max_idle = Some(DAY)),
        ];
        for (field, limit) in limit {
            let by = |old: &Token, alike: bool| {
                let mut minter = Token { expires_at: None, ..token("orders:*", &administrator) };
                limit(&mut minter);
                minter.limits.counted_with = alike.then_some(old.id);
                let standing = Arc::new(Standing::new(minter, administrator.clone()));
                end(old, &Rotator::By(Minter::Token(standing)), &administrator)
            };
            let other = TokenId::from_bytes([9; 16]);
            let mut old = Token { id: other, ..aged(&administrator) };
            let refusal = by(&old, false).expect_err(field);
            assert_eq!(refusal, Refusal::WiderThanMinter { field });
            // One that is limited alike it may rotate; but what is counted is counted of each.
            limit(&mut old);
            let alike = by(&old, true);
            assert_eq!(alike.is_ok(), field != "limits.uses", "{field}: {alike:?}");
        }
    }

    #[test]
    fn a_token_rotates_no_token_that_it_could_not_mint() {
        let administrator = account(Role::Administrator, true, "");
        let old = aged(&administrator);
        let by = |privileges: &str, expires_at| {
            let minter = Token { expires_at, ..token(privileges, &administrator) };
            let standing = Standing::new(minter, administrator.clone());
            end(&old, &Rotator::By(Minter::Token(Arc::new(standing))), &administrator)
        };
        assert_eq!(by("orders:*", None), Ok(NOW.checked_add(30 * DAY)));
        assert_eq!(by("orders:*", NOW.checked_add(25 * DAY)), Ok(old.expires_at));
        assert_eq!(by("orders:*", NOW.checked_add(DAY)).unwrap_err().code(), "wider_than_minter");
        assert_eq!(by("bills:*", None).unwrap_err().code(), "privilege_not_held");
    }
}
