//! Ending many tokens in one call: all that match a filter, as they stood when they were looked at; or what one has
//! minted.

mod matching;

use std::sync::Arc;

use self::matching::matching;
use super::{
    Caller, Service,
    ending::end_one,
    list::Around,
    reach::{Place, Reach},
};
use crate::{
    core::{
        decision::{Subject, decide_for_good},
        event::{Deed, Event},
        filter::Filter,
        id::{OfToken, OrganizationId, Reference},
        listing::TokenField,
        organization::Organization,
        refusal::{Failure, Refusal},
        revocations::{SHOWN, SOURCES_SHOWN, digest},
        time::{DAY, Instant},
        token::{Cause, Ending, Token},
        user::User,
        uses::Source,
    },
    store::{ReadError, Rows, Tx, Write},
};

/// For how long back it is told what a token was used from, in milliseconds.
const USED_WITHIN: i64 = 7 * DAY;

/// Which tokens; all that is said must hold.
#[derive(Clone, Debug, Default)]
pub struct RevocationFilter {
    /// This user's, by name or id.
    pub owner: Option<String>,
    /// This organization's, by slug or any id.
    pub organization: Option<String>,
    /// This one, and all that it has minted and they in turn.
    pub minter: Option<Reference<OfToken>>,
    /// The rest.
    pub conditions: Filter<TokenField>,
}

/// What a revocation would end, or has ended.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is to be done to each.
    pub action: Ending,
    /// How many they are.
    pub count: usize,
    /// Whether these are more than are shown.
    pub more: bool,
    /// The oldest of them, the oldest first. One that can't be read for what stands around it was edited, and isn't shown.
    pub tokens: Vec<Doomed>,
    /// Stands for all of it, what isn't shown too.
    pub digest: String,
}

/// A token that would be ended, and what would feel it.
#[derive(Clone, Debug)]
pub struct Doomed {
    /// Its row.
    pub token: Token,
    /// Its owner.
    pub owner: Arc<User>,
    /// Its organization.
    pub organization: Arc<Organization>,
    /// When it was last used; `None` for never.
    pub last_used_at: Option<Instant>,
    /// The latest that it was used from in the last week, the latest first.
    pub used_from: Vec<Source>,
}

impl Service {
    /// What a revocation would end now, of what the caller may change.
    pub async fn plan_revocation(
        &self,
        caller: &Caller,
        filter: &RevocationFilter,
        action: Ending,
    ) -> Result<Plan, Failure> {
        // Uses that aren't in the tables yet count like those that are.
        self.settle_uses().await;
        let (subject, filter, now) = (caller.subject.clone(), filter.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let tokens = matching(rows, &subject, &filter, action, now)?;
            let (count, digest) = (tokens.len(), digest(action, &tokens));
            let mut around = Around::default();
            let shown = tokens.into_iter().take(SHOWN);
            let doomed = shown.map(|token| doomed(rows, &mut around, token, now));
            Ok(Plan { action, count, more: count > SHOWN, tokens: Rows::sound(doomed)?, digest })
        };
        self.store.read_apart(move |rows| rows.steady(read)).await
    }

    /// Carries out the plan that has this digest, if it is still what would be done; then all of it is in force.
    pub async fn carry_out(
        &self,
        caller: &Caller,
        filter: RevocationFilter,
        action: Ending,
        digest: String,
    ) -> Result<Plan, Failure> {
        let mut plan = self.plan_revocation(caller, &filter, action).await?;
        if plan.digest != digest {
            return Err(Refusal::PlanShifted { digest: plan.digest }.into());
        }
        let now = self.now();
        self.store.write(CarryOut { caller: caller.clone(), filter, action, digest, now }).await?;
        for Doomed { token, .. } in &mut plan.tokens {
            token.switch(action.status(), Cause::Said, now);
        }
        Ok(plan)
    }
}

fn doomed(rows: &Rows<'_>, around: &mut Around, token: Token, now: Instant) -> Result<Doomed, ReadError> {
    let last = rows.token_use(token.id)?;
    let since = Instant::from_millis(now.millis().saturating_sub(USED_WITHIN));
    let mut used_from = rows.sources_since(token.id, since, SOURCES_SHOWN)?;
    if let Some(last) = last.clone().filter(|last| used_from.is_empty() && last.last_at >= since) {
        // Of the time before sources were kept, the last use is known.
        let (first_at, last_at) = (last.last_at, last.last_at);
        used_from.push(Source {
            address: last.address,
            agent: last.agent,
            first_at,
            last_at,
            count: last.count,
        });
    }
    Ok(Doomed {
        last_used_at: last.map(|last| last.last_at),
        used_from,
        owner: around.user(rows, token.owner)?,
        organization: around.organization(rows, token.organization)?,
        token,
    })
}

struct CarryOut {
    caller: Caller,
    filter: RevocationFilter,
    action: Ending,
    digest: String,
    now: Instant,
}

impl Write for CarryOut {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { caller, filter, action, digest: planned, now } = self;
        let subject = caller.decide_again(tx, now)?;
        if action == Ending::Delete {
            decide_for_good(&subject, now)?;
        }
        let tokens = matching(tx, &subject, &filter, action, now)?;
        let digest = digest(action, &tokens);
        if digest != planned {
            return Err(Refusal::PlanShifted { digest }.into());
        }
        if tokens.is_empty() {
            return Ok(());
        }
        let origin = caller.origin();
        for token in &tokens {
            end_one(tx, token.id, action, &origin, now)?;
        }
        let organization = concerned(tx, &subject, filter.organization.as_deref(), now)?;
        tx.record(&Event {
            at: now,
            origin,
            deed: Deed::RevocationCarriedOut,
            object: organization.into(),
            organization: Some(organization),
            detail: format!("action={} tokens={}", action.as_str(), tokens.len()),
        })
    }
}

/// The organization that a revocation is recorded of: the one that was named, else the caller's own.
fn concerned(
    rows: &Rows<'_>,
    subject: &Subject,
    named: Option<&str>,
    now: Instant,
) -> Result<OrganizationId, Failure> {
    if let (None, Some(account)) = (named, subject.account()) {
        return Ok(account.organization.id);
    }
    let reach = Reach::of(rows, subject, now)?;
    Ok(Place::meant(rows, subject, &reach, named)?.organization.id)
}
