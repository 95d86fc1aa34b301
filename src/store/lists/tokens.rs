//! Tokens, as a list has them.

use rusqlite::Row;

use super::{
    Set, Yielded, addresses,
    walk::{Along, Edge, NEVER, Path, Way, Within},
    words,
};
use crate::{
    core::{
        filter::{Filter, Held, Test, Value},
        id::{OrganizationId, TokenId, UserId},
        listing::{
            Listing,
            TokenField::{
                self, ChangeSequence, CreatedAt, Description, ExpiresAt, Id, LastAddress, LastUsedAt,
                MintedBy, Minter, Module, Name, Number, Organization, Owner, Privilege, Restricted,
                UpdatedAt,
            },
        },
        time::Instant,
        token::Status,
    },
    store::{
        rows::{ReadError, Rows},
        totals::{Scope, Total},
    },
};

/// The tokens that aren't deleted, or those that are.
#[derive(Clone, Copy, Debug)]
pub struct TokenSet {
    /// Whether those that are deleted, which are never in one list with the others.
    pub deleted: bool,
    /// Whether uses are asked for, by the filter or the order.
    pub uses: bool,
    /// The time that decides what has expired.
    pub now: Instant,
}

impl TokenSet {
    /// The set that a listing is about.
    pub fn new(deleted: bool, listing: &Listing<TokenField>, now: Instant) -> Self {
        let is_use = |field: &TokenField| matches!(field, LastUsedAt | LastAddress);
        let uses = listing.sort.iter().any(|(field, _)| is_use(field))
            || listing.filter.tests().iter().any(|(field, _)| is_use(field));
        Self { deleted, uses, now }
    }
}

/// How much later than a token's time its id's may be: an id never goes back behind one that was given before.
const LATER: i64 = 60_000;

const KEPT: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_kept
         WHERE id > ? AND id < ? AND status <> 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_kept
           WHERE id > ? AND id < ? AND status <> 'deleted' ORDER BY id DESC",
};

const BY_OWNER: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_kept_by_owner
         WHERE owner = ? AND id > ? AND id < ? AND status <> 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_kept_by_owner
           WHERE owner = ? AND id > ? AND id < ? AND status <> 'deleted' ORDER BY id DESC",
};

const BY_ACCOUNT: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_kept_by_account
         WHERE owner = ? AND organization = ? AND id > ? AND id < ? AND status <> 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_kept_by_account
           WHERE owner = ? AND organization = ? AND id > ? AND id < ? AND status <> 'deleted' ORDER BY id DESC",
};

const BY_ORGANIZATION: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_kept_by_organization
         WHERE organization = ? AND id > ? AND id < ? AND status <> 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_kept_by_organization
           WHERE organization = ? AND id > ? AND id < ? AND status <> 'deleted' ORDER BY id DESC",
};

const BY_NAME: Path<TokenField> = Path {
    along: Along::Text(Name),
    up: "SELECT id, name FROM tokens INDEXED BY tokens_kept_by_name
         WHERE (name, id) > (? COLLATE NOCASE, ?) AND (name, id) < (? COLLATE NOCASE, ?) AND status <> 'deleted'
         ORDER BY name COLLATE NOCASE, id",
    down: "SELECT id, name FROM tokens INDEXED BY tokens_kept_by_name
           WHERE (name, id) > (? COLLATE NOCASE, ?) AND (name, id) < (? COLLATE NOCASE, ?) AND status <> 'deleted'
           ORDER BY name COLLATE NOCASE DESC, id DESC",
};

// Those that never end have no time in the index: they come in by a part of their own, as the last.
const BY_EXPIRY: Path<TokenField> = Path {
    along: Along::Time(ExpiresAt),
    up: "SELECT id, expires_at FROM tokens INDEXED BY tokens_kept_by_expiry
         WHERE (expires_at, id) > (?1, ?2) AND (expires_at, id) < (?3, ?4) AND status <> 'deleted'
         UNION ALL SELECT id, expires_at FROM tokens INDEXED BY tokens_kept_by_expiry
         WHERE expires_at IS NULL AND id > iif(?1 = 9223372036854775807, ?2, -1)
             AND id < iif(?3 = 9223372036854775807, ?4, -1) AND status <> 'deleted'
         ORDER BY 2 NULLS LAST, 1",
    down: "SELECT id, expires_at FROM tokens INDEXED BY tokens_kept_by_expiry
           WHERE (expires_at, id) > (?1, ?2) AND (expires_at, id) < (?3, ?4) AND status <> 'deleted'
           UNION ALL SELECT id, expires_at FROM tokens INDEXED BY tokens_kept_by_expiry
           WHERE expires_at IS NULL AND id > iif(?1 = 9223372036854775807, ?2, -1)
               AND id < iif(?3 = 9223372036854775807, ?4, -1) AND status <> 'deleted'
           ORDER BY 2 DESC NULLS FIRST, 1 DESC",
};

const BY_USE: Path<TokenField> = Path {
    along: Along::Time(LastUsedAt),
    up: "SELECT token, last_at FROM token_uses INDEXED BY token_uses_kept_by_last
         WHERE (last_at, token) > (?, ?) AND (last_at, token) < (?, ?) AND kept = 1 ORDER BY last_at, token",
    down: "SELECT token, last_at FROM token_uses INDEXED BY token_uses_kept_by_last
           WHERE (last_at, token) > (?, ?) AND (last_at, token) < (?, ?) AND kept = 1
           ORDER BY last_at DESC, token DESC",
};

const BY_ADDRESS: Path<TokenField> = Path {
    along: Along::Text(LastAddress),
    up: "SELECT token, address FROM token_uses INDEXED BY token_uses_kept_by_address
         WHERE (address, token) > (?, ?) AND (address, token) < (?, ?) AND kept = 1 ORDER BY address, token",
    down: "SELECT token, address FROM token_uses INDEXED BY token_uses_kept_by_address
           WHERE (address, token) > (?, ?) AND (address, token) < (?, ?) AND kept = 1
           ORDER BY address DESC, token DESC",
};

const DISABLED: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_disabled
         WHERE id > ? AND id < ? AND status = 'disabled' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_disabled
           WHERE id > ? AND id < ? AND status = 'disabled' ORDER BY id DESC",
};

const MINTED: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_by_minter
         WHERE minted_by_token = ? AND id > ? AND id < ? ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_by_minter
           WHERE minted_by_token = ? AND id > ? AND id < ? ORDER BY id DESC",
};

const WORDS: Path<TokenField> = Path {
    along: Along::Place,
    up: "SELECT rowid FROM token_words WHERE token_words MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid",
    down: "SELECT rowid FROM token_words WHERE token_words MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC",
};

const DELETED: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_deleted
         WHERE id > ? AND id < ? AND status = 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_deleted
           WHERE id > ? AND id < ? AND status = 'deleted' ORDER BY id DESC",
};

const DELETED_BY_OWNER: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_deleted_by_owner
         WHERE owner = ? AND id > ? AND id < ? AND status = 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_deleted_by_owner
           WHERE owner = ? AND id > ? AND id < ? AND status = 'deleted' ORDER BY id DESC",
};

const DELETED_BY_ORGANIZATION: Path<TokenField> = Path {
    along: Along::Id,
    up: "SELECT id FROM tokens INDEXED BY tokens_deleted_by_organization
         WHERE organization = ? AND id > ? AND id < ? AND status = 'deleted' ORDER BY id",
    down: "SELECT id FROM tokens INDEXED BY tokens_deleted_by_organization
           WHERE organization = ? AND id > ? AND id < ? AND status = 'deleted' ORDER BY id DESC",
};

/// What of a token its fields are read from.
pub struct TokenRecord {
    id: TokenId,
    place: i64,
    owner: UserId,
    organization: OrganizationId,
    name: String,
    description: String,
    privileges: String,
    modules: String,
    status: Status,
    minted_by: String,
    minter: Option<TokenId>,
    restricted: bool,
    created_at: Instant,
    updated_at: Instant,
    expires_at: Option<Instant>,
    change_sequence: i64,
    last_used_at: Option<Instant>,
    last_address: Option<String>,
}

fn record(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    Ok(TokenRecord {
        id: row.get(0)?,
        place: row.get(1)?,
        owner: row.get(2)?,
        organization: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        privileges: row.get(6)?,
        modules: row.get(7)?,
        status: row.get(8)?,
        minted_by: row.get(9)?,
        minter: row.get(10)?,
        restricted: row.get(11)?,
        created_at: row.get(12)?,
        updated_at: row.get(13)?,
        expires_at: row.get(14)?,
        change_sequence: row.get(15)?,
        last_used_at: None,
        last_address: None,
    })
}

/// The conditions that ways are chosen by, and where they stand.
#[derive(Default)]
struct Asked {
    owner: Option<(usize, Value)>,
    organization: Option<(usize, Value)>,
    created_low: Option<(usize, Instant)>,
    created_high: Option<(usize, Instant)>,
    ids: Vec<(usize, [Option<Edge>; 2])>,
}

impl Asked {
    fn read(conditions: &[&Filter<TokenField>]) -> Self {
        let mut asked = Self::default();
        for (at, condition) in conditions.iter().enumerate() {
            match condition {
                Filter::Is(Owner, Test::Equals(id)) => asked.owner = Some((at, id.clone())),
                Filter::Is(Organization, Test::Equals(id)) => asked.organization = Some((at, id.clone())),
                Filter::Is(CreatedAt, Test::AtLeast(Value::At(from)) | Test::Above(Value::At(from))) => {
                    asked.created_low = Some((at, *from));
                }
                Filter::Is(CreatedAt, Test::Below(Value::At(to)) | Test::AtMost(Value::At(to))) => {
                    asked.created_high = Some((at, *to));
                }
                Filter::Is(Id, test) => asked.ids.extend(id_edges(test).map(|edges| (at, edges))),
                _ => {}
            }
        }
        asked
    }

    /// Narrows a way in the order of ids to when the tokens were made, as far as ids tell.
    fn created(&self, mut way: Way<TokenField>) -> Way<TokenField> {
        if let Some((at, from)) = self.created_low {
            way = way.between(Some(created(from.millis())), None).using(at);
        }
        if let Some((at, to)) = self.created_high {
            way = way.between(None, Some(created(to.millis().saturating_add(LATER)))).using(at);
        }
        for (at, [low, high]) in &self.ids {
            way = way.between(low.clone(), high.clone()).using(*at);
        }
        way
    }
}

/// The edges, both exclusive, around the ids that pass a test.
fn id_edges(test: &Test) -> Option<[Option<Edge>; 2]> {
    let beside = |id: &[u8; 16], step: fn(u128, u128) -> u128| {
        let id = step(u128::from_be_bytes(*id), 1).to_be_bytes();
        Some(Edge { key: None, id: Within::At(Value::Id(id)) })
    };
    match test {
        Test::AtLeast(Value::Id(id)) => Some([beside(id, u128::saturating_sub), None]),
        Test::AtMost(Value::Id(id)) => Some([None, beside(id, u128::saturating_add)]),
        _ => None,
    }
}

/// Before every id of this time and later.
pub(super) fn created(millis: i64) -> Edge {
    let millis = millis.clamp(0, (1 << 48) - 1).to_be_bytes();
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis[2..]);
    Edge { key: None, id: Within::At(Value::Id(id)) }
}

fn before(value: &Value) -> Edge {
    Edge { key: Some(value.clone()), id: Within::First }
}

fn behind(value: &Value) -> Edge {
    Edge { key: Some(value.clone()), id: Within::Last }
}

impl TokenSet {
    /// The ways that one condition opens.
    fn opened(&self, at: usize, condition: &Filter<TokenField>) -> Option<Way<TokenField>> {
        let Filter::Is(field, test) = condition else { return None };
        let words = |needle: &str| {
            words::query(needle).map(|query| Way::new(&WORDS, vec![Value::Text(query)]).using(at))
        };
        let between = |path, low, high| Some(Way::new(path, Vec::new()).between(low, high));
        match (field, test) {
            (Minter, Test::Equals(id)) => Some(Way::new(&MINTED, vec![id.clone()]).answering(at).unsure()),
            (Name, Test::Contains(needle)) => words(needle),
            (Name, Test::Like(pattern)) => words(pattern.longest_piece()),
            (Name, Test::Equals(name)) => {
                Some(between(&BY_NAME, Some(before(name)), Some(behind(name)))?.using(at))
            }
            (TokenField::Status, Test::Equals(Value::Text(word))) => match word.as_str() {
                "disabled" => Some(Way::new(&DISABLED, Vec::new()).answering(at)),
                "expired" => Some(between(&BY_EXPIRY, None, Some(behind(&Value::At(self.now))))?.using(at)),
                "active" => Some(between(&BY_EXPIRY, Some(behind(&Value::At(self.now))), None)?.using(at)),
                _ => None,
            },
            (ExpiresAt, Test::Below(value)) => {
                Some(between(&BY_EXPIRY, None, Some(before(value)))?.answering(at))
            }
            (ExpiresAt, Test::AtMost(value)) => {
                Some(between(&BY_EXPIRY, None, Some(behind(value)))?.using(at))
            }
            (ExpiresAt, Test::Above(value) | Test::AtLeast(value)) => {
                Some(between(&BY_EXPIRY, Some(before(value)), None)?.using(at))
            }
            (LastAddress, Test::Within(network)) => addresses::span(network).map(|[low, high]| {
                Way::new(&BY_ADDRESS, Vec::new()).between(Some(before(&low)), Some(behind(&high))).using(at)
            }),
            (LastUsedAt, Test::BelowOrNone(value)) => {
                Some(between(&BY_USE, None, Some(before(value)))?.answering(at))
            }
            (LastUsedAt, Test::Below(value) | Test::AtMost(value)) => {
                Some(between(&BY_USE, None, Some(behind(value)))?.using(at))
            }
            (LastUsedAt, Test::Above(value) | Test::AtLeast(value)) => {
                Some(between(&BY_USE, Some(before(value)), None)?.using(at))
            }
            _ => None,
        }
    }
}

impl Set for TokenSet {
    type Field = TokenField;
    type Record = TokenRecord;

    const BY_ID: TokenField = CreatedAt;
    // Each is found anew from the root of a table of long rows, mostly on a page of its own.
    const READ: usize = 25;

    fn ways(
        &self,
        _: &Rows<'_>,
        conditions: &[&Filter<TokenField>],
    ) -> Result<Vec<Way<TokenField>>, ReadError> {
        let asked = Asked::read(conditions);
        let (whole, one_owner, one_organization) = if self.deleted {
            (&DELETED, &DELETED_BY_OWNER, &DELETED_BY_ORGANIZATION)
        } else {
            (&KEPT, &BY_OWNER, &BY_ORGANIZATION)
        };
        let mut ways = vec![Way::new(whole, Vec::new())];
        match (&asked.owner, &asked.organization) {
            (Some((at, of)), Some((and_at, within))) if !self.deleted => {
                let account = vec![of.clone(), within.clone()];
                ways.push(Way::new(&BY_ACCOUNT, account).answering(*at).answering(*and_at));
            }
            (of, within) => {
                let of = of.iter().map(|(at, id)| Way::new(one_owner, vec![id.clone()]).answering(*at));
                ways.extend(of);
                let within =
                    within.iter().map(|(at, id)| Way::new(one_organization, vec![id.clone()]).answering(*at));
                ways.extend(within);
            }
        }
        if !self.deleted {
            ways.extend([&BY_NAME, &BY_EXPIRY, &BY_USE].map(|path| Way::new(path, Vec::new())));
            let opened =
                conditions.iter().enumerate().filter_map(|(at, condition)| self.opened(at, condition));
            ways.extend(opened);
        }
        let in_order = |way: Way<TokenField>| match way.path.along {
            Along::Id | Along::Place => asked.created(way),
            _ => way,
        };
        Ok(ways.into_iter().map(in_order).collect())
    }

    fn record(&self, rows: &Rows<'_>, yielded: &Yielded) -> Result<Option<(Value, TokenRecord)>, ReadError> {
        let found = match yielded {
            Yielded::Id(id) => rows.one(
                "SELECT id, place, owner, organization, name, description, privileges, modules, status, minted_by,
                        minted_by_token, restricted, created_at, updated_at, expires_at, change_sequence
                 FROM tokens WHERE id = ?",
                [id],
                record,
            )?,
            Yielded::Place(place) => rows.one(
                "SELECT id, place, owner, organization, name, description, privileges, modules, status, minted_by,
                        minted_by_token, restricted, created_at, updated_at, expires_at, change_sequence
                 FROM tokens WHERE place = ?",
                [place],
                record,
            )?,
        };
        let Some(mut record) = found.filter(|found| (found.status == Status::Deleted) == self.deleted) else {
            return Ok(None);
        };
        if self.uses
            && let Some(used) = rows.merged_use(record.id)?
        {
            (record.last_used_at, record.last_address) = (Some(used.last_at), used.address);
        }
        Ok(Some((Value::Id(record.id.0), record)))
    }

    fn held<'r>(&self, record: &'r TokenRecord, field: TokenField) -> Held<'r> {
        let time = |at: Option<Instant>| at.map_or(Held::Nothing, Held::At);
        match field {
            Id => Held::Id(record.id.0),
            Number => Held::Whole(record.place),
            Owner => Held::Id(record.owner.0),
            Organization => Held::Id(record.organization.0),
            Name => Held::Text(&record.name),
            Description => Held::Text(&record.description),
            Privilege => Held::Words(&record.privileges),
            Module => Held::Words(&record.modules),
            TokenField::Status => Held::Text(match record.status {
                Status::Active if record.expires_at.is_some_and(|at| self.now >= at) => "expired",
                status => status.as_str(),
            }),
            MintedBy => Held::Text(&record.minted_by),
            Minter => record.minter.map_or(Held::Nothing, |id| Held::Id(id.0)),
            Restricted => Held::Flag(record.restricted),
            CreatedAt => Held::At(record.created_at),
            UpdatedAt => Held::At(record.updated_at),
            ChangeSequence => Held::Whole(record.change_sequence),
            ExpiresAt => time(record.expires_at),
            LastUsedAt => time(record.last_used_at),
            LastAddress => record.last_address.as_deref().map_or(Held::Nothing, Held::Text),
        }
    }

    fn key(&self, record: &TokenRecord, field: TokenField) -> Value {
        match (field, self.held(record, field)) {
            (ExpiresAt, Held::Nothing) => Value::At(NEVER),
            (LastUsedAt, Held::Nothing) => Value::At(Instant::from_millis(0)),
            (_, held) => held.to_value(),
        }
    }

    fn place(&self, rows: &Rows<'_>, id: &Value) -> Result<Option<i64>, ReadError> {
        rows.one("SELECT place FROM tokens WHERE id >= ? ORDER BY id LIMIT 1", [id], |row| row.get(0))
    }

    fn counted(&self, rows: &Rows<'_>, conditions: &[&Filter<TokenField>]) -> Result<Option<u64>, ReadError> {
        let asked = Asked::read(conditions);
        if self.deleted || conditions.len() > 2 {
            return Ok(None);
        }
        match (&asked.owner, &asked.organization, conditions.len()) {
            (None, None, 0) => rows.total(Total::Tokens, Scope::EVERYWHERE).map(Some),
            (Some((_, Value::Id(id))), None, 1) => {
                rows.total(Total::Tokens, UserId::from_bytes(*id)).map(Some)
            }
            (None, Some((_, Value::Id(id))), 1) => {
                rows.total(Total::Tokens, OrganizationId::from_bytes(*id)).map(Some)
            }
            (Some((_, owner)), Some((_, organization)), 2) => rows.one(
                "SELECT kept_tokens FROM memberships WHERE user = ? AND organization = ?",
                [owner, organization],
                |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()),
            ),
            _ => Ok(None),
        }
    }
}

/// All of them, for their tests.
#[cfg(test)]
pub(super) const PATHS: &[&Path<TokenField>] = &[
    &KEPT,
    &BY_OWNER,
    &BY_ACCOUNT,
    &BY_ORGANIZATION,
    &BY_NAME,
    &BY_EXPIRY,
    &BY_USE,
    &BY_ADDRESS,
    &DISABLED,
    &MINTED,
    &WORDS,
    &DELETED,
    &DELETED_BY_OWNER,
    &DELETED_BY_ORGANIZATION,
];
