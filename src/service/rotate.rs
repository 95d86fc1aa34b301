//! Rotating a token: it gets a successor that has all it had, and gives way to it.

use super::{
    Caller, Service,
    change::Target,
    issue::{Fresh, Telling, event, minter},
    list::{TokenView, is_own, may_see, view},
    reach::Reach,
    successors::undo_successor,
};
use crate::{
    core::{
        decision::{Standing, Subject, decide_for_good},
        event::{Deed, Origin},
        id::{OfToken, TokenId},
        idempotency::HEADER,
        minting::Minter,
        privilege::Privileges,
        refusal::{Failure, Refusal},
        rotation::{Mode, Rotator, give_way, successors_end},
        time::Instant,
        token::{Cause, Death, Status, Token, Waiting},
    },
    store::{Replied, Tx, Write},
};

/// How a token is to be rotated.
#[derive(Clone, Debug)]
pub struct RotateRequest {
    /// How it gives way.
    pub mode: Mode,
    /// What the successor is to hold of what the token holds; `None` for all of it.
    pub privileges: Option<Privileges>,
}

impl Service {
    /// Makes a successor of one of the caller's own tokens, and tells of it; where the same request may be sent again and
    /// was before, gives the reply from then.
    pub async fn rotate(
        &self,
        caller: &Caller,
        target: Target,
        request: RotateRequest,
        telling: Telling,
    ) -> Result<Replied, Failure> {
        // Whoever used the token before this isn't told of as a straggler, and what was counted goes on.
        self.flush_uses().await;
        self.flush_meters().await;
        let now = self.now();
        let (fresh, secret) = self.fresh_token(now)?;
        let again = telling.once.is_some();
        let write = Rotate { caller: caller.clone(), target, request, again, fresh, now };
        self.write_telling(caller, write, (fresh.id, secret), telling, now).await
    }
}

struct Rotate {
    caller: Caller,
    target: Target,
    request: RotateRequest,
    /// Whether it may be asked for again.
    again: bool,
    fresh: Fresh,
    now: Instant,
}

impl Write for Rotate {
    type Output = TokenView;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<TokenView, Failure> {
        let Self { caller, target, request: RotateRequest { mode, privileges }, again, fresh, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let standing = meant(tx, &subject, &target, now)?;
        decide_for_good(&subject, now)?;
        let origin = caller.origin();
        not_underway(tx, &standing, mode, &origin, now)?;
        let old = &standing.token;
        if again && mode == Mode::Now && subject.actor().token() == Some(old.id) {
            // Whoever lost the reply would ask with a token that is dead by then.
            return Err(Refusal::invalid(
                HEADER,
                "a token can't ask again for what ended it: on_first_use with a linger of 0s can be",
            )
            .into());
        }
        let privileges = kept(old, privileges)?;
        let expires_at = end(tx, &subject, &standing, &privileges, now)?;
        let successor = Token {
            id: fresh.id,
            number: tx.next_number::<OfToken>()?,
            digest: fresh.digest,
            pepper: fresh.pepper,
            privileges,
            limits: old.limits.of_successor(old.id),
            replaces: Some(old.id),
            line: Some(old.line()),
            waiting: match mode {
                Mode::OnFirstUse { window, linger } => {
                    let until = now.checked_add(window).unwrap_or(Instant::LAST);
                    Some(Waiting { until, linger })
                }
                Mode::Overlap { .. } | Mode::Now => None,
            },
            superseded: None,
            status: Status::Active,
            cause: Cause::Said,
            status_at: Some(now),
            created_at: now,
            updated_at: now,
            expires_at,
            change_sequence: 0,
            ..old.clone()
        };
        undo_successor(tx, old, &origin, now)?;
        tx.insert_token(&successor)?;
        let mut made = event(&successor, Deed::TokenCreated, origin.clone(), now);
        made.detail = format!("replaces={}", old.id);
        tx.record(&made)?;
        let mut rotated = event(old, Deed::TokenRotated, origin, now);
        rotated.detail = rotation(successor.id, mode);
        tx.record(&rotated)?;
        supersede(tx, old.clone(), &successor, mode, now)?;
        Ok(view(tx, successor)?)
    }
}

/// How an event says to what a token gives way, and how.
fn rotation(successor: TokenId, mode: Mode) -> String {
    format!("successor={successor} mode={}", mode.as_str())
}

/// The token that is to be rotated, alive and the caller's own.
///
/// Whoever manages others' tokens isn't given their secrets: those are their owners' and the local operator's alone.
fn meant(tx: &Tx<'_>, subject: &Subject, target: &Target, now: Instant) -> Result<Standing, Failure> {
    let reach = Reach::of(tx, subject, now)?;
    let token = tx.token_by(&target.reference)?.filter(|token| may_see(subject, &reach, token));
    let token = token.ok_or(Refusal::NotFound { what: "token" })?;
    if !matches!(subject, Subject::Local) && !is_own(subject, &token) {
        return Err(Refusal::OwnerForeign.into());
    }
    if token.status == Status::Deleted {
        return Err(Refusal::TokenDeleted.into());
    }
    if target.version.is_some_and(|version| version != token.change_sequence) {
        return Err(Refusal::VersionStale { current: token.change_sequence }.into());
    }
    let standing = tx.standing_of(token)?;
    let dead = standing.death(now).map(|obituary| obituary.death);
    match dead {
        // It begins later, and so does its successor.
        None | Some(Death::NotYetValid) if standing.token.superseded.is_none() => Ok(standing),
        None | Some(Death::NotYetValid | Death::Superseded) => {
            Err(Refusal::StatusUnfit { status: "superseded" }.into())
        }
        Some(Death::Expired) => Err(Refusal::StatusUnfit { status: "expired" }.into()),
        Some(Death::Disabled | Death::Idle | Death::Leaked) => {
            Err(Refusal::StatusUnfit { status: "disabled" }.into())
        }
        Some(_) => Err(Refusal::StatusUnfit { status: "dead" }.into()),
    }
}

/// Refuses to rotate what is in the midst of a rotation: of tokens that replace one another no more than two are good at a
/// time. Mode `now` ends the one that lingers.
fn not_underway(
    tx: &mut Tx<'_>,
    standing: &Standing,
    mode: Mode,
    origin: &Origin,
    now: Instant,
) -> Result<(), Failure> {
    let Some(predecessor) = standing.token.replaces else { return Ok(()) };
    if standing.token.waiting.is_some() {
        return Err(Refusal::RotationUnderway { predecessor }.into());
    }
    // One that is switched off, or that begins later, may yet be good beside it.
    let lingers = |token: &Token| token.status != Status::Deleted && !token.is_expired(now);
    match (tx.token(predecessor)?.filter(lingers), mode) {
        (None, _) => Ok(()),
        (Some(mut token), Mode::Now) => {
            token.expires_at = Some(now);
            tx.update_token(token.status, &mut token, now)?;
            let mut cut = event(&token, Deed::TokenRotated, origin.clone(), now);
            cut.detail = rotation(standing.token.id, mode);
            tx.record(&cut)
        }
        (Some(_), Mode::OnFirstUse { .. } | Mode::Overlap { .. }) => {
            Err(Refusal::RotationUnderway { predecessor }.into())
        }
    }
}

/// What of a token's privileges its successor holds.
fn kept(old: &Token, named: Option<Privileges>) -> Result<Privileges, Refusal> {
    let Some(named) = named else { return Ok(old.privileges.clone()) };
    match old.privileges.missing(&named) {
        None => Ok(named),
        Some(privilege) => Err(Refusal::PrivilegeNotHeld { privilege: privilege.clone() }),
    }
}

fn end(
    tx: &Tx<'_>,
    subject: &Subject,
    standing: &Standing,
    privileges: &Privileges,
    now: Instant,
) -> Result<Option<Instant>, Failure> {
    let old = &standing.token;
    let rotator = match minter(subject.clone()) {
        Minter::Token(by) if by.token.id == old.id => Rotator::Itself,
        by => Rotator::By(by),
    };
    let mut modules = Vec::new();
    for number in &old.modules {
        modules.extend(tx.module(old.organization, number)?.map(|module| module.number));
    }
    Ok(successors_end(old, privileges, &rotator, &standing.account, &modules, now)?)
}

/// Lets the token give way now, unless the successor's first use is waited for.
fn supersede(
    tx: &mut Tx<'_>,
    mut old: Token,
    successor: &Token,
    mode: Mode,
    now: Instant,
) -> Result<(), Failure> {
    let rest = match mode {
        Mode::OnFirstUse { .. } => return Ok(()),
        Mode::Overlap { window } => window,
        Mode::Now => 0,
    };
    give_way(&mut old, successor.id, now, rest);
    tx.update_token(old.status, &mut old, now)
}
