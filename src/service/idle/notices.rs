//! Announcing, taking back and carrying out: each decided again inside the writer's transaction.

use std::collections::HashMap;

use crate::{
    core::{
        event::{Actor, Deed, Origin},
        id::{OrganizationId, TokenId},
        idle::{Fate, Notice, Step},
        lived::Lived,
        organization::Organization,
        refusal::Failure,
        time::Instant,
        token::{Cause, Ending, Token},
    },
    service::{ending::end, issue::event, verify::believed},
    store::{ReadError, Rows, Tx, Write},
};

/// It is jeton itself that does it.
const ITSELF: Origin = Origin { actor: Actor::Local, address: None };

/// How many tokens were told, how many notices are gone, and how many of these were carried out: for each action.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Took {
    pub(super) announced: [i64; 2],
    pub(super) settled: [i64; 2],
    pub(super) done: [i64; 2],
    /// How many were edited behind our back, and are gone without a word.
    pub(super) lost: i64,
}

/// Organizations, each read once.
#[derive(Default)]
pub(super) struct Organizations(HashMap<OrganizationId, Option<Organization>>);

impl Organizations {
    /// A token's; `None` for one that was edited behind our back, whose tokens aren't good anyway.
    pub(super) fn of(&mut self, rows: &Rows<'_>, token: &Token) -> Result<Option<&Organization>, ReadError> {
        let id = token.organization;
        if let std::collections::hash_map::Entry::Vacant(place) = self.0.entry(id) {
            place.insert(sound(rows.organization(id))?);
        }
        Ok(self.0.get(&id).and_then(Option::as_ref))
    }
}

/// A row edited behind jeton's back is as good as none.
fn sound<T>(read: Result<Option<T>, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Err(error) if error.is_edit() => {
            tracing::error!(%error, "passed over");
            Ok(None)
        }
        read => read,
    }
}

/// What is announced to a token.
pub(super) fn told(rows: &Rows<'_>, token: TokenId) -> Result<Option<Notice>, ReadError> {
    sound(rows.notice(token))
}

/// A token and what comes next of it.
fn next(rows: &Rows<'_>, id: TokenId, now: Instant) -> Result<Option<(Token, Step)>, ReadError> {
    let Some(token) = sound(rows.token(id))? else { return Ok(None) };
    let mut organizations = Organizations::default();
    let Some(organization) = organizations.of(rows, &token)? else { return Ok(None) };
    let used = rows.token_use(id)?.map(|used| used.last_at);
    let step = Step::of(&token, organization, used, now);
    Ok(step.map(|step| (token, step)))
}

/// What becomes of what was announced to a token; `None` where that can't be said.
pub(super) fn fate(
    rows: &Rows<'_>,
    id: TokenId,
    lived: &Lived,
    now: Instant,
) -> Result<Option<(Ending, Fate)>, Failure> {
    let Some(notice) = told(rows, id)? else { return Ok(None) };
    let next = next(rows, id, now)?;
    Ok(Some((notice.action, notice.fate(next.as_ref().map(|(_, step)| step), lived, now))))
}

/// Writes down the time lived through.
pub(super) struct Keep(pub(super) Lived);

impl Write for Keep {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.put_lived(&self.0)
    }
}

/// Tells tokens what comes next of them.
pub(super) struct Announce {
    pub(super) tokens: Vec<TokenId>,
    pub(super) lived: Lived,
    pub(super) now: Instant,
}

impl Write for Announce {
    type Output = Took;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Took, Failure> {
        let Self { tokens, lived, now } = self;
        let mut took = Took::default();
        tx.put_lived(&lived)?;
        for id in tokens {
            let Some((token, step)) = next(tx, id, now)? else { continue };
            if step.announced(&lived) > now || told(tx, id)?.is_some() {
                continue;
            }
            let notice = Notice::of(&step, &lived, now);
            // In the place of one that was edited behind our back.
            tx.delete_notice(id)?;
            tx.insert_notice(id, notice)?;
            let mut event = event(&token, Deed::IdleAnnounced, ITSELF, now);
            event.detail = format!("action={} due={}", notice.action.as_str(), notice.due_at);
            tx.record(&event)?;
            took.announced[notice.action as usize] += 1;
        }
        Ok(took)
    }
}

/// Carries out what is ripe of what was announced to these tokens, and takes back what is void.
pub(super) struct Settle {
    pub(super) tokens: Vec<TokenId>,
    pub(super) lived: Lived,
    pub(super) now: Instant,
}

impl Write for Settle {
    type Output = Took;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Took, Failure> {
        let Self { tokens, lived, now } = self;
        let mut took = Took::default();
        tx.put_lived(&lived)?;
        for id in tokens {
            let Some((action, fate)) = fate(tx, id, &lived, now)? else {
                tx.delete_notice(id)?;
                took.lost += 1;
                continue;
            };
            if fate == Fate::Waits {
                continue;
            }
            tx.delete_notice(id)?;
            took.settled[action as usize] += 1;
            let token = if fate == Fate::Ripe { believed(tx.token(id))? } else { None };
            if let Some(token) = token {
                carry_out(tx, token, action, now)?;
                took.done[action as usize] += 1;
            }
        }
        Ok(took)
    }
}

fn carry_out(tx: &mut Tx<'_>, mut token: Token, action: Ending, now: Instant) -> Result<(), Failure> {
    end(tx, &mut token, action, Cause::Idle, &ITSELF, now).map(drop)
}
