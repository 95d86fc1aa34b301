//! Which tokens a revocation is about.

use std::collections::BTreeSet;

use super::RevocationFilter;
use crate::{
    core::{
        decision::Subject,
        filter::{Filter, Test, Value},
        id::{OrganizationId, TokenId},
        listing::{Count, Direction, Listing, Position, TokenField},
        refusal::{Failure, Refusal},
        revocations::{MOST, ended_of},
        time::Instant,
        token::{Ending, Token},
    },
    service::{
        list::{bytes, may_see},
        people,
        reach::{Place, Reach},
    },
    store::{Rows, TokenSet},
};

/// The tokens that a revocation is about, in the order of their ids: those that match, that the caller may change, and
/// that it would end.
pub(super) fn matching(
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
        Subject::Password(_) | Subject::Session(..) | Subject::Local => None,
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
            total: Count::No,
        };
        let page =
            rows.long_page(&TokenSet::new(false, &listing, now), &listing).map_err(
                |failure| match failure {
                    Failure::Refused(Refusal::FilterTooBroad { .. }) => {
                        Refusal::FilterTooBroad { filter: "filter".to_owned() }.into()
                    }
                    failure => failure,
                },
            )?;
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
    let listing =
        Listing { filter, sort: Vec::new(), position: Position::Offset(0), limit: 0, total: Count::No };
    let found = rows.those_that(&TokenSet::new(false, &listing, now), &family, &listing.filter)?;
    Ok(found.iter().map(|id| TokenId::from_bytes(bytes(id))).collect())
}
