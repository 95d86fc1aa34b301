//! Pages of access tokens: what is asked of one, and its envelope.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::{fields, filter, wire::AccessToken};
use crate::{
    core::{
        filter::{Filter, Test},
        listing::{Count, Direction, Listing, Position, TokenField},
        refusal::Refusal,
        user::User,
    },
    http::query::Query,
};

/// How many are on a page that doesn't say.
const USUAL: u32 = 10;
/// More than these are never on one.
const MOST: u32 = 100;
/// The last page that can be asked for: numbers here have 31 bits.
const LAST_PAGE: u32 = i32::MAX.unsigned_abs();

/// What is asked of the list.
pub(super) struct PageRequest {
    number: u32,
    size: u32,
    sort: Vec<(TokenField, Direction)>,
    filter: Filter<TokenField>,
}

impl PageRequest {
    /// Reads the query of somebody who asks for their own tokens.
    pub(super) fn read(query: &Query<'_>, owner: &User) -> Result<Self, Refusal> {
        let number = whole(query, "page")?.unwrap_or(0);
        if number > LAST_PAGE {
            return Err(Refusal::invalid("page", format!("at most {LAST_PAGE}")));
        }
        let size = whole(query, "pageSize")?.unwrap_or(USUAL);
        if size == 0 {
            return Err(Refusal::invalid("pageSize", format!("1 to {MOST}")));
        }
        let mut conditions = Vec::new();
        for text in query.values("filter")? {
            conditions.extend(filter::parse(&text, owner)?);
        }
        let words = query.once("query")?.filter(|text| !matches!(text.as_ref(), "" | "*"));
        conditions.extend(words.map(|text| Filter::Is(TokenField::Name, Test::Contains(text.into_owned()))));
        let sort = fields::sort(&query.values("sort")?)?;
        Ok(Self { number, size: size.min(MOST), sort, filter: Filter::All(conditions) })
    }

    /// The same for the list.
    pub(super) fn listing(&self) -> Listing<TokenField> {
        Listing {
            filter: self.filter.clone(),
            sort: self.sort.clone(),
            position: Position::Offset(self.offset()),
            limit: self.size,
            total: Count::Always,
        }
    }

    fn offset(&self) -> u64 {
        u64::from(self.number) * u64::from(self.size)
    }
}

fn whole(query: &Query<'_>, name: &'static str) -> Result<Option<u32>, Refusal> {
    let read = |text: Cow<'_, str>| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse().unwrap_or(u32::MAX));
        number.ok_or_else(|| Refusal::invalid(name, "a whole number"))
    };
    query.once(name)?.map(read).transpose()
}

/// How a page is ordered: always somehow.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = KodexaSort)]
struct Sort {
    empty: bool,
    sorted: bool,
    unsorted: bool,
}

const SORTED: Sort = Sort { empty: false, sorted: true, unsorted: false };

/// Where a page stands among the others.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaPageable)]
#[serde(rename_all = "camelCase")]
struct Pageable {
    offset: u64,
    page_number: u32,
    page_size: u32,
    paged: bool,
    unpaged: bool,
    sort: Sort,
}

/// A page of access tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = KodexaAccessTokenPage)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenPage {
    content: Vec<AccessToken>,
    first: bool,
    last: bool,
    empty: bool,
    /// Which page it is, from 0 on.
    number: u32,
    number_of_elements: usize,
    /// How many a page has at the most.
    size: u32,
    sort: Sort,
    pageable: Pageable,
    total_elements: u64,
    total_pages: u64,
}

impl TokenPage {
    pub(super) fn new(request: &PageRequest, content: Vec<AccessToken>, total: u64) -> Self {
        let PageRequest { number, size, .. } = *request;
        let pages = total.div_ceil(u64::from(size));
        Self {
            first: number == 0,
            last: u64::from(number) + 1 >= pages,
            empty: content.is_empty(),
            number,
            number_of_elements: content.len(),
            size,
            sort: SORTED,
            pageable: Pageable {
                offset: request.offset(),
                page_number: number,
                page_size: size,
                paged: true,
                unpaged: false,
                sort: SORTED,
            },
            total_elements: total,
            total_pages: pages,
            content,
        }
    }
}
