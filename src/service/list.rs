//! Reading tokens: one, or a page of them.

use std::{collections::HashMap, sync::Arc};

use super::{
    Caller, Service, people,
    reach::{Place, Reach},
    verify::{Peer, Verdict},
};
use crate::{
    core::{
        decision::{Demand, Subject},
        filter::{Filter, Test, Value},
        id::{OfToken, OrganizationId, Reference, TokenId, UserId},
        idle::Step,
        listing::{Cursor, Listing, TokenField},
        lived::Lived,
        organization::{Module, Organization},
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::Instant,
        token::{Ending, Status, Token, Use},
        user::User,
        uses::LastUse,
    },
    store::{Found, ReadError, Rows, TokenSet},
};

/// A token as its owner sees it.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// Its row.
    pub token: Token,
    /// Its owner.
    pub owner: Arc<User>,
    /// Its organization.
    pub organization: Arc<Organization>,
    /// The modules that it is narrowed to, removed ones too.
    pub modules: Vec<Arc<Module>>,
    /// Its last use; `None` for never.
    pub last_use: Option<LastUse>,
    /// How often it was used, where a limit counts that.
    pub used: Option<u64>,
}

impl TokenView {
    /// When it was last used; `None` for never.
    pub fn last_used_at(&self) -> Option<Instant> {
        self.last_use.as_ref().map(|last| last.at)
    }

    /// When it is disabled if nobody uses it until then; `None` where it isn't.
    pub fn idle_until(&self, now: Instant) -> Option<Instant> {
        let next = Step::of(&self.token, &self.organization, self.last_used_at(), now)?;
        (next.action == Ending::Disable).then(|| next.due(&Lived::default()))
    }
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

/// Whose tokens are asked for.
#[derive(Clone, Debug)]
pub enum Whose {
    /// Everybody's whose tokens the caller may see.
    Seen,
    /// The caller's own, whatever else they may see.
    Own,
    /// This user's, by name or id, of those that the caller may see.
    Of(String),
}

/// Which tokens are asked for, and how.
#[derive(Clone, Debug)]
pub struct TokenQuery {
    /// Whose.
    pub whose: Whose,
    /// Only this organization's, by slug or any id.
    pub organization: Option<String>,
    /// Only those that this token has minted.
    pub minter: Option<Reference<OfToken>>,
    /// The deleted ones, and no others.
    pub deleted: bool,
    /// The rest.
    pub listing: Listing<TokenField>,
}

impl TokenQuery {
    /// The caller's own tokens, in all their organizations.
    pub const fn own(listing: Listing<TokenField>) -> Self {
        Self { whose: Whose::Own, organization: None, minter: None, deleted: false, listing }
    }
}

impl Service {
    /// The token that the caller presented.
    pub fn own_token(&self, caller: &Caller) -> Result<TokenView, Failure> {
        let Subject::Token(standing) = &caller.subject else {
            return Err(Refusal::NotFound { what: "token" }.into());
        };
        let modules = match standing.token.modules.as_slice() {
            [] => Vec::new(),
            _ => self.store.read(|rows| Around::default().modules(rows, &standing.token))?,
        };
        Ok(TokenView {
            token: standing.token.clone(),
            owner: Arc::new(standing.account.user.clone()),
            organization: Arc::new(standing.account.organization.clone()),
            modules,
            last_use: self.gathered_use(standing.token.id),
            // This very request was counted.
            used: standing.token.limits.uses.and_then(|_| self.gathered_count(&standing.token)),
        })
    }

    /// The token whose whole secret this is, if it is good now: for whoever holds it, which counts as a use. Whatever it
    /// is that keeps it from that isn't told, but that it is good again in a moment.
    pub async fn held_token(&self, text: &SecretText, peer: Peer<'_>) -> Result<TokenView, Failure> {
        let Verdict { standing, outcome } = self.judge_token(text, Demand::Itself, peer);
        let first_use = outcome.map_err(|failure| match failure {
            Failure::Refused(refusal) if !matches!(refusal, Refusal::RateExceeded { .. }) => {
                Refusal::CredentialInvalid.into()
            }
            failure => failure,
        })?;
        self.commit_rotation(first_use).await;
        let standing = standing.ok_or(Refusal::CredentialInvalid)?;
        let (subject, demand) = (Subject::Token(standing), Demand::Itself);
        let caller = Caller { subject, demand, address: peer.address, first_use };
        self.own_token(&caller)
    }

    /// The id of the token whose whole secret this is, whatever has become of it, if it is one that the caller may see.
    pub fn token_by_secret(&self, caller: &Caller, text: &SecretText) -> Result<Option<TokenId>, Failure> {
        let standing = match self.genuine(text) {
            Ok(standing) => standing,
            Err(Failure::Refused(Refusal::CredentialInvalid)) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let now = self.now();
        let seen = self.store.read(|rows| {
            let reach = Reach::of(rows, &caller.subject, now)?;
            Ok(may_see(&caller.subject, &reach, &standing.token))
        })?;
        Ok(seen.then_some(standing.token.id))
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

    /// The same, but for one that is deleted, which is as good as none.
    pub fn kept_token(&self, caller: &Caller, reference: &Reference<OfToken>) -> Result<TokenView, Failure> {
        let view = self.token(caller, reference)?;
        if view.token.status == Status::Deleted { Err(Refusal::TokenDeleted.into()) } else { Ok(view) }
    }

    /// Who last changed a token, and the one who made it: a username each; `None` where nobody's is on record.
    pub fn token_authors(&self, token: TokenId) -> Result<[Option<String>; 2], Failure> {
        self.look(|rows| {
            let mut around = Around::default();
            let mut name = |user: Option<UserId>| -> Result<Option<String>, Failure> {
                let user = user.map(|id| around.user(rows, id)).transpose()?;
                Ok(user.filter(|user| user.deleted_at.is_none()).map(|user| user.username.clone()))
            };
            let [last, first] = rows.actors_upon(token.0)?;
            Ok([name(last)?, name(first)?])
        })
    }

    /// A page of the tokens that are the caller's to see.
    pub async fn tokens(&self, caller: &Caller, query: TokenQuery) -> Result<Page<TokenView>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let TokenQuery { whose, organization, minter, deleted, mut listing } = query;
        let set = TokenSet::new(deleted, &listing, now);
        if set.uses {
            // Uses that aren't in the tables yet count like those that are.
            self.settle_uses_soon().await?;
        }
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?;
            let place = organization.as_deref();
            let scope = match &whose {
                Whose::Own => own(rows, &subject, &reach, place)?,
                Whose::Seen | Whose::Of(_) => scope(rows, &subject, &reach, place)?,
            };
            for (field, id) in scope {
                listing.filter = listing.filter.and(field, Test::Equals(Value::Id(id)));
            }
            if let Whose::Of(name) = whose {
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
                let mut around = Around::default();
                let found = rows.page(&set, &listing)?;
                let page = Page::read(found, |id| {
                    let token = rows.token(TokenId::from_bytes(bytes(id)))?;
                    token.map(|token| around.view(rows, token)).transpose()
                });
                Ok(page?)
            })
        };
        let mut page = self.store.read_apart(read).await?;
        page.items = page.items.into_iter().map(|view| self.with_gathered(view)).collect();
        Ok(page)
    }

    pub(super) fn with_gathered(&self, mut view: TokenView) -> TokenView {
        if let Some(gathered) = self.gathered_use(view.token.id) {
            let at = gathered.at.max(view.last_used_at().unwrap_or(gathered.at));
            view.last_use = Some(known_of(&view.owner, LastUse { at, ..gathered }));
        }
        view.used = view.used.map(|used| self.gathered_count(&view.token).unwrap_or(used));
        view
    }
}

/// What tokens in a list have to be equal in, so that each is the caller's to see: all there are for the operator, an
/// organization's for who manages it, else their own.
pub(super) fn scope(
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
        (None, _, Subject::Password(account) | Subject::Session(_, account))
            if account.membership.is_none() =>
        {
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

/// What tokens in a list have to be equal in, so that each is the caller's own: a token's those of its organization, a
/// password's those everywhere, if none is named.
fn own(
    rows: &Rows<'_>,
    subject: &Subject,
    reach: &Reach,
    named: Option<&str>,
) -> Result<Vec<(TokenField, [u8; 16])>, Failure> {
    let account = subject.account().ok_or(Refusal::UserRequired)?;
    let within = match (named, subject) {
        (Some(_), _) => Some(Place::meant(rows, subject, reach, named)?.organization.id),
        (None, Subject::Token(standing)) => Some(standing.token.organization),
        (None, _) => None,
    };
    let within = within.map(|organization| (TokenField::Organization, organization.0));
    Ok([(TokenField::Owner, account.user.id.0)].into_iter().chain(within).collect())
}

/// Whether a token is the caller's own: a token's those of its owner in its organization.
pub(super) fn is_own(subject: &Subject, token: &Token) -> bool {
    match subject {
        Subject::Local => false,
        Subject::Password(account) | Subject::Session(_, account) => account.user.id == token.owner,
        Subject::Token(standing) => {
            standing.token.owner == token.owner && standing.token.organization == token.organization
        }
    }
}

/// Whether a token is the caller's to see and to change: their own, and those of the organizations that they manage. A
/// token doesn't see its owner's tokens in other organizations.
pub(super) fn may_see(subject: &Subject, reach: &Reach, token: &Token) -> bool {
    is_own(subject, token) || reach.covers(token.organization)
}

/// What may be known of a use of a token of this user's: of one who was deleted, when it was and no more, though what is
/// personal isn't erased yet.
fn known_of(owner: &User, last: LastUse) -> LastUse {
    if owner.deleted_at.is_some() { last.anonymous() } else { last }
}

/// A row with what stands around it.
pub(super) fn view(rows: &Rows<'_>, token: Token) -> Result<TokenView, ReadError> {
    Around::default().view(rows, token)
}

/// What stands around the rows of one page, each read once.
#[derive(Default)]
pub(super) struct Around {
    users: HashMap<UserId, Arc<User>>,
    organizations: HashMap<OrganizationId, Arc<Organization>>,
    modules: HashMap<(OrganizationId, String), Option<Arc<Module>>>,
}

impl Around {
    pub(super) fn user(&mut self, rows: &Rows<'_>, id: UserId) -> Result<Arc<User>, ReadError> {
        if let Some(user) = self.users.get(&id) {
            return Ok(Arc::clone(user));
        }
        let user = Arc::new(rows.user(id)?.ok_or_else(ReadError::missing)?);
        self.users.insert(id, Arc::clone(&user));
        Ok(user)
    }

    pub(super) fn organization(
        &mut self,
        rows: &Rows<'_>,
        id: OrganizationId,
    ) -> Result<Arc<Organization>, ReadError> {
        if let Some(organization) = self.organizations.get(&id) {
            return Ok(Arc::clone(organization));
        }
        let organization = Arc::new(rows.organization(id)?.ok_or_else(ReadError::missing)?);
        self.organizations.insert(id, Arc::clone(&organization));
        Ok(organization)
    }

    pub(super) fn modules(&mut self, rows: &Rows<'_>, token: &Token) -> Result<Vec<Arc<Module>>, ReadError> {
        let mut modules = Vec::with_capacity(token.modules.len());
        for number in &token.modules {
            let key = (token.organization, number.clone());
            let module = match self.modules.get(&key) {
                Some(module) => module.clone(),
                None => rows.module_once(token.organization, number)?.map(Arc::new),
            };
            modules.extend(module.clone());
            self.modules.insert(key, module);
        }
        Ok(modules)
    }

    pub(super) fn view(&mut self, rows: &Rows<'_>, token: Token) -> Result<TokenView, ReadError> {
        let owner = self.user(rows, token.owner)?;
        let last = rows.token_use(token.id)?;
        let last = last.map(|Use { last_at, address, agent, .. }| LastUse { at: last_at, address, agent });
        Ok(TokenView {
            last_use: last.map(|last| known_of(&owner, last)),
            used: used(rows, &token)?,
            owner,
            organization: self.organization(rows, token.organization)?,
            modules: self.modules(rows, &token)?,
            token,
        })
    }
}

/// How often a token was used, where a limit counts that. A count that was edited isn't told; it keeps nobody from looking
/// at its token and revoking it.
fn used(rows: &Rows<'_>, token: &Token) -> Result<Option<u64>, ReadError> {
    if token.limits.uses.is_none() {
        return Ok(None);
    }
    match rows.meter(token.counted_as()) {
        Err(error) if error.is_edit() => {
            tracing::error!(%error, "not shown");
            Ok(None)
        }
        meter => Ok(meter?.map(|meter| meter.used)),
    }
}
