//! What a token has minted, and they in turn: a page of it.

use super::{
    Caller, Service,
    list::{Around, Page, TokenView, may_see},
    reach::Reach,
};
use crate::{
    core::{
        filter::Value,
        id::{OfToken, Reference},
        listing::{Count, Cursor, Direction, Listing, Position, TokenField},
        refusal::{Failure, Refusal},
        revocations::MOST,
    },
    store::Rows,
};

/// A token that another one has minted, or one that it minted.
#[derive(Clone, Debug)]
pub struct DescendantView {
    /// It.
    pub view: TokenView,
    /// How many mintings lie between: 1 for what the token itself has minted.
    pub depth: u32,
}

impl Service {
    /// A page of all that a token of the caller's has minted and they in turn, deleted ones too, in the order in which they
    /// were made. What a token minted whose place another has taken is that one's.
    pub async fn descendants(
        &self,
        caller: &Caller,
        reference: Reference<OfToken>,
        listing: Listing<TokenField>,
    ) -> Result<Page<DescendantView>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?;
            let root = rows.token_by(&reference)?.filter(|token| may_see(&subject, &reach, token));
            let root = root.ok_or(Refusal::NotFound { what: "token" })?;
            let mut below = rows.descendants(root.id, MOST)?.ok_or_else(|| {
                Refusal::invalid("id", format!("more than {MOST} descendants: ask for those of one of them"))
            })?;
            below.sort_unstable_by_key(|one| one.id);
            if listing.sort.first().is_some_and(|(_, direction)| *direction == Direction::Down) {
                below.reverse();
            }
            let total = (listing.total != Count::No).then_some(below.len() as u64);
            let from = match &listing.position {
                Position::Offset(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
                Position::After(cursor) => {
                    let is_last = |id: [u8; 16]| cursor.id == Value::Id(id);
                    below.iter().position(|one| is_last(one.id.0)).map_or(below.len(), |at| at + 1)
                }
            };
            let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
            let rest = below.get(from..).unwrap_or_default();
            let page = &rest[..limit.min(rest.len())];
            let last = page.last().filter(|_| rest.len() > page.len());
            let next = last.map(|one| Cursor { keys: Vec::new(), id: Value::Id(one.id.0) });
            let mut around = Around::default();
            let items = page.iter().map(|one| {
                let Some(token) = rows.token(one.id)? else { return Ok(None) };
                let view = around.view(rows, token)?;
                Ok(Some(DescendantView { view, depth: one.depth }))
            });
            let items = Rows::sound(items)?.into_iter().flatten();
            let items = items.filter(|one| may_see(&subject, &reach, &one.view.token)).collect();
            Ok(Page { items, next, total })
        };
        let mut page = self.store.read_apart(move |rows| rows.steady(read)).await?;
        for one in &mut page.items {
            one.view = self.with_gathered(one.view.clone());
        }
        Ok(page)
    }
}
