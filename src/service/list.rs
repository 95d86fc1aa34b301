//! Reading tokens: one, or a page of them.

use super::{Caller, Service, reach::Reach};
use crate::{
    core::{
        decision::Subject,
        id::{OfToken, Reference, TokenId, UserId},
        refusal::{Failure, Refusal},
        time::Instant,
        token::Token,
    },
    store::{ReadError, Rows, TokenPage},
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
pub struct Page<T, C> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page goes on; `None` on the last.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Makes a page of `limit` out of one more than that, if there is one more.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> C) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
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

    /// A page of the caller's tokens, newest first, without the deleted; the local operator sees everybody's, or those
    /// of the `owner` that is named.
    pub async fn tokens(
        &self,
        caller: &Caller,
        owner: Option<&str>,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Page<TokenView, TokenId>, Failure> {
        let owner = match (caller.subject.account(), owner) {
            (Some(account), Some(name)) if name != account.user.username => {
                return Err(Refusal::OperatorRequired.into());
            }
            (Some(account), _) => Some(account.user.id),
            (None, Some(name)) => {
                let user = self.store.read(|rows| rows.user_by_name(name))?;
                Some(user.ok_or(Refusal::NotFound { what: "user" })?.id)
            }
            (None, None) => None,
        };
        let page = TokenPage { owner, before, limit: limit + 1 };
        let views = self
            .store
            .read_apart(move |rows| rows.tokens(page)?.into_iter().map(|token| view(rows, token)).collect())
            .await?;
        let mut page = Page::cut(views, limit, |view: &TokenView| view.token.id);
        page.items = page.items.into_iter().map(|view| self.with_gathered(view)).collect();
        Ok(page)
    }

    pub(super) fn with_gathered(&self, mut view: TokenView) -> TokenView {
        view.last_used_at = view.last_used_at.max(self.gathered_use(view.token.id));
        view
    }
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
    let last_used_at = rows.token_use(token.id)?.map(|used| used.last_at);
    let owner = name_of(rows, token.owner)?;
    let organization = rows.organization(token.organization)?.map(|row| row.slug).unwrap_or_default();
    Ok(TokenView { token, owner, organization, last_used_at })
}

fn name_of(rows: &Rows<'_>, user: UserId) -> Result<String, ReadError> {
    Ok(rows.user(user)?.map(|user| user.username).unwrap_or_default())
}
