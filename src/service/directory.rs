//! Reading pages of users, of members, and of what was done.

use super::{
    Caller, Service,
    list::{Around, Page, bytes},
    members::MemberView,
    people,
    reach::{Place, Reach},
};
use crate::{
    core::{
        decision::Account,
        filter::{Filter, Test, Value},
        id::{OfToken, OfUser, Reference, UserId},
        listing::{EventField, Listing, UserField},
        refusal::Failure,
    },
    store::{EventRow, EventSet, ReadError, Rows, UserSet},
};

/// An event with the names around it.
#[derive(Clone, Debug)]
pub struct EventView {
    /// Its row.
    pub row: EventRow,
    /// The name of the user who acted.
    pub actor_username: Option<String>,
    /// The organization's slug.
    pub organization: Option<String>,
}

/// Which events are asked for, and how.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// Done by this user, by name or id.
    pub actor: Option<String>,
    /// Done by this token, or to it.
    pub token: Option<Reference<OfToken>>,
    /// In this organization, by slug or any id.
    pub organization: Option<String>,
    /// The rest.
    pub listing: Listing<EventField>,
}

impl Service {
    /// A page of users: all of them for the operator, else the members of the organization that is meant.
    pub async fn users(
        &self,
        caller: &Caller,
        organization: Option<String>,
        listing: Listing<UserField>,
    ) -> Result<Page<Account>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?.required()?;
            let place = match (&organization, &reach) {
                (None, Reach::Instance) => None,
                (named, _) => Some(Place::meant(rows, &subject, &reach, named.as_deref())?.managed()?.id),
            };
            let set = UserSet { organization: place };
            rows.steady(|rows| {
                let found = rows.page(&set, &listing)?;
                let page = Page::read(found, |id| {
                    let Some(user) = rows.user(UserId::from_bytes(bytes(id)))? else { return Ok(None) };
                    people::account_for(rows, &subject, &reach, user).map(Some)
                });
                Ok(page?)
            })
        };
        self.store.read_apart(read).await
    }

    /// A page of an organization's members.
    pub async fn members(
        &self,
        caller: &Caller,
        organization: String,
        listing: Listing<UserField>,
    ) -> Result<Page<MemberView>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?.required()?;
            let organization = Place::meant(rows, &subject, &reach, Some(&organization))?.managed()?;
            let set = UserSet { organization: Some(organization.id) };
            let member = |rows: &Rows<'_>, id: UserId| -> Result<Option<MemberView>, ReadError> {
                let found = rows.user(id)?.zip(rows.membership(id, organization.id)?);
                let organization = organization.slug.clone();
                Ok(found.map(|(user, membership)| MemberView { user, organization, membership }))
            };
            rows.steady(|rows| {
                let found = rows.page(&set, &listing)?;
                Ok(Page::read(found, |id| member(rows, UserId::from_bytes(bytes(id))))?)
            })
        };
        self.store.read_apart(read).await
    }

    /// A page of events: all of them for the operator, else those in the organization that is meant.
    pub async fn events(&self, caller: &Caller, query: EventQuery) -> Result<Page<EventView>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let EventQuery { actor, token, organization, mut listing } = query;
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?.required()?;
            let mut only = |field, id| {
                let filter = std::mem::take(&mut listing.filter);
                listing.filter = filter.and(field, Test::Equals(Value::Id(id)));
            };
            if organization.is_some() || reach != Reach::Instance {
                let place = Place::meant(rows, &subject, &reach, organization.as_deref())?.managed()?;
                only(EventField::Organization, place.id.0);
            }
            match actor.as_deref().map(|name| (Reference::<OfUser>::parse(name), name)) {
                None => {}
                // Perhaps of somebody who is no more: what they did is still there.
                Some((Some(Reference::Id(id)), _)) => only(EventField::Actor, id.0),
                Some((_, name)) => {
                    only(EventField::Actor, people::visible(rows, &subject, &reach, name)?.id.0);
                }
            }
            let token = match token {
                None => None,
                Some(Reference::Id(id)) => Some(Some(id)),
                Some(other) => Some(rows.token_by(&other)?.map(|token| token.id)),
            };
            match token {
                None => {}
                Some(Some(id)) => only(EventField::Token, id.0),
                Some(None) => listing.filter = Filter::Any(Vec::new()),
            }
            rows.steady(|rows| {
                let mut around = Around::default();
                let found = rows.page(&EventSet, &listing)?;
                let page = Page::read(found, |id| {
                    let Some(row) = rows.event(id)? else { return Ok(None) };
                    let actor = row.actor_user.map(|id| around.user(rows, id)).transpose()?;
                    // Whoever was deleted has no name that anybody could have.
                    let actor = actor.filter(|actor| actor.deleted_at.is_none());
                    let actor_username = actor.map(|actor| actor.username.clone());
                    let organization =
                        row.organization.map(|id| around.organization(rows, id)).transpose()?;
                    let organization = organization.map(|organization| organization.slug.clone());
                    Ok(Some(EventView { row, actor_username, organization }))
                });
                Ok(page?)
            })
        };
        self.store.read_apart(read).await
    }
}
