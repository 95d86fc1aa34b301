//! Reading tokens: one, or a page of them.

use std::collections::HashMap;

use super::{Caller, Service, people, reach::Place, reach::Reach};
use crate::{
    core::{
        decision::Subject,
        filter::{Filter, Test, Value},
        id::{OfToken, OrganizationId, Reference, TokenId, UserId},
        listing::{Cursor, Listing, TokenField},
        refusal::{Failure, Refusal},
        time::Instant,
        token::Token,
    },
    store::{Found, ReadError, Rows, TokenSet},
};

/// A token as its owner sees it.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// Its row.
    pub token: Token,
    /// Its owner's username.
    pub owner: String,
    /// Its organization's slug.
    pub organization: String,
    /// When it was last used; `None` for never.
    pub last_used_at: Option<Instant>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T, C = Cursor> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page goes on; `None` on the last.
    pub next: Option<C>,
    /// How many there are in all, where that was asked.
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// Makes a page of what was found, each row read by its id. One that was edited by something else than jeton is
    /// reported and left out; it can do nothing.
    pub(super) fn read(
        found: Found,
        mut read: impl FnMut(&Value) -> Result<Option<T>, ReadError>,
    ) -> Result<Self, ReadError> {
        let items = Rows::sound(found.ids.iter().filter_map(|id| read(id).transpose()))?;
        Ok(Self { items, next: found.next, total: found.total })
    }
}

/// The bytes of an id; ids of other lists have none.
pub(super) fn bytes(id: &Value) -> [u8; 16] {
    if let Value::Id(bytes) = id { *bytes } else { [0; 16] }
}

/// Which tokens are asked for, and how.
#[derive(Clone, Debug)]
pub struct TokenQuery {
    /// Only this user's, by name or id.
    pub owner: Option<String>,
    /// Only this organization's, by slug or any id.
    pub organization: Option<String>,
    /// Only those that this token has minted.
    pub minter: Option<Reference<OfToken>>,
    /// The deleted ones, and no others.
    pub deleted: bool,
    /// The rest.
    pub listing: Listing<TokenField>,
}

impl Service {
    /// The token that the caller presented.
    pub fn own_token(&self, caller: &Caller) -> Result<TokenView, Failure> {
        let Subject::Token(standing) = &caller.subject else {
            return Err(Refusal::NotFound { what: "token" }.into());
        };
        Ok(TokenView {
            token: standing.token.clone(),
            owner: standing.account.user.username.clone(),
            organization: standing.account.organization.slug.clone(),
            last_used_at: self.gathered_use(standing.token.id),
        })
    }

    /// One token of the caller's, by any of its ids.
    pub fn token(&self, caller: &Caller, reference: &Reference<OfToken>) -> Result<TokenView, Failure> {
        let now = self.now();
        let view = self.store.read(|rows| {
            let reach = Reach::of(rows, &caller.subject, now)?;
            let token = rows.token_by(reference)?.filter(|token| may_see(&caller.subject, &reach, token));
            token.map(|token| view(rows, token)).transpose()
        })?;
        view.map(|view| self.with_gathered(view)).ok_or(Refusal::NotFound { what: "token" }.into())
    }

    /// A page of the tokens that are the caller's to see.
    pub async fn tokens(&self, caller: &Caller, query: TokenQuery) -> Result<Page<TokenView>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let TokenQuery { owner, organization, minter, deleted, mut listing } = query;
        let key = listing.sort.first().map_or(TokenField::CreatedAt, |(field, _)| *field);
        let set = TokenSet::new(deleted, &listing.filter, key, now);
        if set.uses {
            // Uses that are still in memory count like those that are written down.
            self.flush_uses().await;
        }
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?;
            for (field, id) in scope(rows, &subject, &reach, organization.as_deref())? {
                listing.filter = listing.filter.and(field, Test::Equals(Value::Id(id)));
            }
            if let Some(name) = owner {
                let owner = people::visible(rows, &subject, &reach, &name)?;
                listing.filter = listing.filter.and(TokenField::Owner, Test::Equals(Value::Id(owner.id.0)));
            }
            if let Some(reference) = minter {
                let found = match reference {
                    Reference::Id(id) => Some(id),
                    other => rows.token_by(&other)?.map(|token| token.id),
                };
                // A token that there isn't has minted none.
                let of = |id: TokenId| Filter::Is(TokenField::Minter, Test::Equals(Value::Id(id.0)));
                let condition = found.map_or(Filter::Any(Vec::new()), of);
                listing.filter = Filter::All(vec![listing.filter, condition]);
            }
            rows.steady(|rows| {
                let mut names = Names::default();
                let found = rows.page(&set, &listing)?;
                let page = Page::read(found, |id| {
                    let token = rows.token(TokenId::from_bytes(bytes(id)))?;
                    token.map(|token| names.view(rows, token)).transpose()
                });
                Ok(page?)
            })
        };
        let mut page = self.store.read_apart(read).await?;
        page.items = page.items.into_iter().map(|view| self.with_gathered(view)).collect();
        Ok(page)
    }

    pub(super) fn with_gathered(&self, mut view: TokenView) -> TokenView {
        view.last_used_at = view.last_used_at.max(self.gathered_use(view.token.id));
        view
    }
}

/// What tokens in a list have to be equal in, so that each is the caller's to see: all there are for the operator, an
/// organization's for who manages it, else their own.
fn scope(
    rows: &Rows<'_>,
    subject: &Subject,
    reach: &Reach,
    named: Option<&str>,
) -> Result<Vec<(TokenField, [u8; 16])>, Failure> {
    let within = |organization: OrganizationId| (TokenField::Organization, organization.0);
    let own = subject.account().map(|account| (TokenField::Owner, account.user.id.0));
    match (named, reach, subject) {
        (None, Reach::Instance, _) => return Ok(Vec::new()),
        // Whoever has left their home has what tokens they have elsewhere.
        (None, _, Subject::Password(account)) if account.membership.is_none() => {
            return Ok(own.into_iter().collect());
        }
        _ => {}
    }
    let place = Place::meant(rows, subject, reach, named)?;
    if place.managed {
        return Ok(vec![within(place.organization.id)]);
    }
    // A token sees its own organization's only; a password those everywhere, if none is named.
    let there = matches!(subject, Subject::Token(_)) || named.is_some();
    Ok(own.into_iter().chain(there.then(|| within(place.organization.id))).collect())
}

/// Whether a token is the caller's to see and to change: their own, and those of the organizations that they manage. A
/// token doesn't see its owner's tokens in other organizations.
pub(super) fn may_see(subject: &Subject, reach: &Reach, token: &Token) -> bool {
    let own = match subject {
        Subject::Local => true,
        Subject::Password(account) => account.user.id == token.owner,
        Subject::Token(standing) => {
            standing.token.owner == token.owner && standing.token.organization == token.organization
        }
    };
    own || reach.covers(token.organization)
}

/// A row with the names around it.
pub(super) fn view(rows: &Rows<'_>, token: Token) -> Result<TokenView, ReadError> {
    Names::default().view(rows, token)
}

/// Names that stand around the rows of one page, each read once.
#[derive(Default)]
pub(super) struct Names {
    users: HashMap<UserId, String>,
    organizations: HashMap<OrganizationId, String>,
}

impl Names {
    pub(super) fn user(&mut self, rows: &Rows<'_>, id: UserId) -> Result<String, ReadError> {
        if let Some(name) = self.users.get(&id) {
            return Ok(name.clone());
        }
        let name = rows.user(id)?.map(|user| user.username).unwrap_or_default();
        self.users.insert(id, name.clone());
        Ok(name)
    }

    pub(super) fn organization(&mut self, rows: &Rows<'_>, id: OrganizationId) -> Result<String, ReadError> {
        if let Some(slug) = self.organizations.get(&id) {
            return Ok(slug.clone());
        }
        let slug = rows.organization(id)?.map(|organization| organization.slug).unwrap_or_default();
        self.organizations.insert(id, slug.clone());
        Ok(slug)
    }

    fn view(&mut self, rows: &Rows<'_>, token: Token) -> Result<TokenView, ReadError> {
        let last_used_at = rows.token_use(token.id)?.map(|used| used.last_at);
        let owner = self.user(rows, token.owner)?;
        let organization = self.organization(rows, token.organization)?;
        Ok(TokenView { token, owner, organization, last_used_at })
    }
}
