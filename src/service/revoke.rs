//! Ending many tokens in one call: all that match a filter, as they stood when they were looked at; or what one has
//! minted.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Caller, Service,
    ending::end_one,
    list::{Around, bytes, may_see},
    people,
    reach::{Place, Reach},
};
use crate::{
    core::{
        decision::Subject,
        event::{Deed, Event},
        filter::{Filter, Test, Value},
        id::{OfToken, OrganizationId, Reference, TokenId},
        listing::{Direction, Listing, Position, TokenField},
        organization::Organization,
        refusal::{Failure, Refusal},
        revocation::{MOST, digest, ended_of},
        time::{DAY, Instant},
        token::{Cause, Ending, Token},
        user::User,
        uses::Source,
    },
    store::{ReadError, Rows, TokenSet, Tx, Write},
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
    /// They, the oldest first. One that can't be read for what stands around it was edited, and isn't shown.
    pub tokens: Vec<Doomed>,
    /// Stands for all of it.
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
    /// What it was used from in the last week, the latest first.
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
        // Uses that are still in memory count like those that are written down.
        self.flush_uses().await;
        let (subject, filter, now) = (caller.subject.clone(), filter.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let tokens = matching(rows, &subject, &filter, action, now)?;
            let (count, digest) = (tokens.len(), digest(action, &tokens));
            let mut around = Around::default();
            let doomed = tokens.into_iter().map(|token| doomed(rows, &mut around, token, now));
            Ok(Plan { action, count, tokens: Rows::sound(doomed)?, digest })
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
    let mut used_from = rows.sources_since(token.id, since)?;
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

/// The tokens that a revocation is about, in the order of their ids: those that match, that the caller may change, and
/// that it would end.
fn matching(
    rows: &Rows<'_>,
    subject: &Subject,
    filter: &RevocationFilter,
    action: Ending,
    now: Instant,
) -> Result<Vec<Token>, Failure> {
    let reach = Reach::of(rows, subject, now)?;
    let parts = parts(rows, subject, &reach, filter.organization.as_deref())?;
    let states = ended_of(action).iter().map(|word| Value::Text((*word).to_owned()));
    let mut conditions = match ended_of(action) {
        [one] => {
            filter.conditions.clone().and(TokenField::Status, Test::Equals(Value::Text((*one).to_owned())))
        }
        _ => filter.conditions.clone().and(TokenField::Status, Test::OneOf(states.collect())),
    };
    if let Some(name) = &filter.owner {
        let owner = people::visible(rows, subject, &reach, name)?;
        conditions = conditions.and(TokenField::Owner, Test::Equals(Value::Id(owner.id.0)));
    }
    let found = match &filter.minter {
        Some(reference) => {
            let minter = rows.token_by(reference)?.filter(|token| may_see(subject, &reach, token));
            let minter = minter.ok_or(Refusal::NotFound { what: "token" })?;
            let condition = Filter::All(vec![Filter::Any(parts), conditions]);
            among_descendants(rows, minter.id, condition, now)?
        }
        None => along_indexes(rows, parts, &conditions, now)?,
    };
    let tokens = Rows::sound(found.into_iter().filter_map(|id| rows.token(id).transpose()))?;
    Ok(tokens.into_iter().filter(|token| may_see(subject, &reach, token)).collect())
}

fn too_many() -> Refusal {
    Refusal::invalid("filter", format!("more than {MOST} tokens match: narrow it down"))
}

/// What tokens have to be so that each is the caller's to change, and in the organization that is named: one of these.
fn parts(
    rows: &Rows<'_>,
    subject: &Subject,
    reach: &Reach,
    named: Option<&str>,
) -> Result<Vec<Filter<TokenField>>, Failure> {
    let is = |field, id: [u8; 16]| Filter::Is(field, Test::Equals(Value::Id(id)));
    let within = |organization: OrganizationId| is(TokenField::Organization, organization.0);
    let own = |organization: Option<OrganizationId>| {
        let account = subject.account().ok_or(Refusal::UserRequired)?;
        let owner = is(TokenField::Owner, account.user.id.0);
        Ok::<_, Refusal>(Filter::All([owner].into_iter().chain(organization.map(within)).collect()))
    };
    if named.is_some() {
        let place = Place::meant(rows, subject, reach, named)?;
        let there = place.organization.id;
        return Ok(vec![if place.managed { within(there) } else { own(Some(there))? }]);
    }
    let Reach::Organizations(managed) = reach else { return Ok(vec![Filter::default()]) };
    let at_home = match subject {
        Subject::Token(standing) => Some(standing.token.organization),
        Subject::Password(_) | Subject::Local => None,
    };
    let mut parts: Vec<_> = managed.iter().copied().map(within).collect();
    parts.push(own(at_home)?);
    Ok(parts)
}

fn along_indexes(
    rows: &Rows<'_>,
    parts: Vec<Filter<TokenField>>,
    conditions: &Filter<TokenField>,
    now: Instant,
) -> Result<BTreeSet<TokenId>, Failure> {
    let mut found = BTreeSet::new();
    for part in parts {
        let listing = Listing {
            filter: Filter::All(vec![part, conditions.clone()]),
            sort: vec![(TokenField::CreatedAt, Direction::Up)],
            position: Position::Offset(0),
            limit: u32::try_from(MOST).expect("a number of tokens"),
            total: false,
        };
        let page =
            rows.page(&TokenSet::new(false, &listing, now), &listing).map_err(|failure| match failure {
                Failure::Refused(Refusal::FilterTooBroad { .. }) => {
                    Refusal::FilterTooBroad { filter: "filter".to_owned() }.into()
                }
                failure => failure,
            })?;
        found.extend(page.ids.iter().map(|id| TokenId::from_bytes(bytes(id))));
        if page.next.is_some() || found.len() > MOST {
            return Err(too_many().into());
        }
    }
    Ok(found)
}

fn among_descendants(
    rows: &Rows<'_>,
    root: TokenId,
    filter: Filter<TokenField>,
    now: Instant,
) -> Result<BTreeSet<TokenId>, Failure> {
    filter.check_size()?;
    let descendants = rows.descendants(root, MOST)?.ok_or_else(too_many)?;
    let family: Vec<_> =
        [root].into_iter().chain(descendants.iter().map(|it| it.id)).map(|id| Value::Id(id.0)).collect();
    let listing = Listing { filter, sort: Vec::new(), position: Position::Offset(0), limit: 0, total: false };
    let found = rows.those_that(&TokenSet::new(false, &listing, now), &family, &listing.filter)?;
    Ok(found.iter().map(|id| TokenId::from_bytes(bytes(id))).collect())
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
