//! Users, and members of an organization, as a list has them.

use rusqlite::Row;

use super::{
    Set, Yielded,
    tokens::created,
    walk::{Along, Edge, Path, Way, Within},
    words,
};
use crate::{
    core::{
        filter::{Filter, Held, Test, Value},
        id::{OrganizationId, UserId},
        listing::UserField::{
            self, Active, CreatedAt, Id, JoinedAt, MayIssue, Name, Operator, Organization, Privilege, Role,
            Username,
        },
        time::Instant,
    },
    store::{
        rows::{ReadError, Rows},
        totals::{Scope, Total},
    },
};

/// Users that aren't deleted.
#[derive(Clone, Copy, Debug)]
pub struct UserSet {
    /// Those who are in this organization, their role and grants those there; `None` for all, with those at home.
    pub organization: Option<OrganizationId>,
}

/// How much later than a user's time the id's may be: an id never goes back behind one that was given before.
const LATER: i64 = 60_000;

const KEPT: Path<UserField> = Path {
    along: Along::Id,
    up: "SELECT id FROM users INDEXED BY users_kept WHERE id > ? AND id < ? AND deleted_at IS NULL ORDER BY id",
    down: "SELECT id FROM users INDEXED BY users_kept
           WHERE id > ? AND id < ? AND deleted_at IS NULL ORDER BY id DESC",
};

const BY_USERNAME: Path<UserField> = Path {
    along: Along::Text(Username),
    up: "SELECT id, username FROM users INDEXED BY users_kept_by_username
         WHERE (username, id) > (?, ?) AND (username, id) < (?, ?) AND deleted_at IS NULL ORDER BY username, id",
    down: "SELECT id, username FROM users INDEXED BY users_kept_by_username
           WHERE (username, id) > (?, ?) AND (username, id) < (?, ?) AND deleted_at IS NULL
           ORDER BY username DESC, id DESC",
};

const OPERATORS: Path<UserField> = Path {
    along: Along::Id,
    up: "SELECT id FROM users INDEXED BY users_operators
         WHERE id > ? AND id < ? AND operator = 1 AND deleted_at IS NULL ORDER BY id",
    down: "SELECT id FROM users INDEXED BY users_operators
           WHERE id > ? AND id < ? AND operator = 1 AND deleted_at IS NULL ORDER BY id DESC",
};

const DISABLED: Path<UserField> = Path {
    along: Along::Id,
    up: "SELECT id FROM users INDEXED BY users_disabled
         WHERE id > ? AND id < ? AND active = 0 AND deleted_at IS NULL ORDER BY id",
    down: "SELECT id FROM users INDEXED BY users_disabled
           WHERE id > ? AND id < ? AND active = 0 AND deleted_at IS NULL ORDER BY id DESC",
};

const WORDS: Path<UserField> = Path {
    along: Along::Place,
    up: "SELECT rowid FROM user_words WHERE user_words MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid",
    down: "SELECT rowid FROM user_words WHERE user_words MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC",
};

const MEMBERS: Path<UserField> = Path {
    along: Along::Id,
    up: "SELECT user FROM memberships INDEXED BY memberships_by_organization
         WHERE organization = ? AND user > ? AND user < ? ORDER BY user",
    down: "SELECT user FROM memberships INDEXED BY memberships_by_organization
           WHERE organization = ? AND user > ? AND user < ? ORDER BY user DESC",
};

const ADMINISTRATORS: Path<UserField> = Path {
    along: Along::Id,
    up: "SELECT user FROM memberships INDEXED BY memberships_of_administrators
         WHERE organization = ? AND user > ? AND user < ? AND role = 'administrator' ORDER BY user",
    down: "SELECT user FROM memberships INDEXED BY memberships_of_administrators
           WHERE organization = ? AND user > ? AND user < ? AND role = 'administrator' ORDER BY user DESC",
};

const BY_AGE: Path<UserField> = Path {
    along: Along::Time(JoinedAt),
    up: "SELECT user, created_at FROM memberships INDEXED BY memberships_by_age
         WHERE organization = ? AND (created_at, user) > (?, ?) AND (created_at, user) < (?, ?)
         ORDER BY created_at, user",
    down: "SELECT user, created_at FROM memberships INDEXED BY memberships_by_age
           WHERE organization = ? AND (created_at, user) > (?, ?) AND (created_at, user) < (?, ?)
           ORDER BY created_at DESC, user DESC",
};

/// What of a user its fields are read from.
pub struct UserRecord {
    id: UserId,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    active: bool,
    operator: bool,
    home: OrganizationId,
    created_at: Instant,
    member: Option<MemberRecord>,
}

struct MemberRecord {
    organization: OrganizationId,
    role: String,
    may_issue: Option<bool>,
    privileges: String,
    joined_at: Instant,
}

fn record(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        id: row.get(0)?,
        username: row.get(1)?,
        email: row.get(2)?,
        first_name: row.get(3)?,
        last_name: row.get(4)?,
        active: row.get(5)?,
        operator: row.get(6)?,
        home: row.get(7)?,
        created_at: row.get(8)?,
        member: None,
    })
}

impl UserSet {
    /// The ways that one condition opens.
    fn opened(self, at: usize, condition: &Filter<UserField>) -> Option<Way<UserField>> {
        let Filter::Is(field, test) = condition else { return None };
        let here = |path| self.organization.map(|id| Way::new(path, vec![Value::Id(id.0)]));
        match (field, test) {
            (Name | Username, Test::Contains(needle)) => {
                let query = words::query(needle)?;
                Some(Way::new(&WORDS, vec![Value::Text(query)]).using(at))
            }
            (Username, Test::Equals(name)) => {
                let edge = |id| Some(Edge { key: Some(name.clone()), id });
                let way = Way::new(&BY_USERNAME, Vec::new());
                Some(way.between(edge(Within::First), edge(Within::Last)).using(at))
            }
            (Operator, Test::Equals(Value::Flag(true))) => {
                Some(Way::new(&OPERATORS, Vec::new()).answering(at))
            }
            (Active, Test::Equals(Value::Flag(false))) => Some(Way::new(&DISABLED, Vec::new()).answering(at)),
            (Role, Test::Equals(Value::Text(word))) if word == "administrator" => {
                Some(here(&ADMINISTRATORS)?.answering(at))
            }
            (JoinedAt, Test::AtLeast(from)) => {
                let low = Edge { key: Some(from.clone()), id: Within::First };
                Some(here(&BY_AGE)?.between(Some(low), None).answering(at))
            }
            (JoinedAt, Test::Below(to)) => {
                let high = Edge { key: Some(to.clone()), id: Within::First };
                Some(here(&BY_AGE)?.between(None, Some(high)).answering(at))
            }
            _ => None,
        }
    }
}

impl Set for UserSet {
    type Field = UserField;
    type Record = UserRecord;

    const BY_ID: UserField = CreatedAt;
    const READ: usize = 25;

    fn ways(
        &self,
        _: &Rows<'_>,
        conditions: &[&Filter<UserField>],
    ) -> Result<Vec<Way<UserField>>, ReadError> {
        // What walks users may find others than members; what walks members may find users who are deleted.
        let sure = |way: Way<UserField>| if self.organization.is_some() { way.unsure() } else { way };
        let whole = match self.organization {
            Some(id) => Way::new(&MEMBERS, vec![Value::Id(id.0)]),
            None => Way::new(&KEPT, Vec::new()),
        };
        let mut ways = vec![whole, Way::new(&BY_USERNAME, Vec::new())];
        ways.extend(conditions.iter().enumerate().filter_map(|(at, condition)| self.opened(at, condition)));
        ways = ways.into_iter().map(sure).collect();
        for (at, condition) in conditions.iter().enumerate() {
            let (low, high) = match condition {
                Filter::Is(CreatedAt, Test::AtLeast(Value::At(from))) => (Some(created(from.millis())), None),
                Filter::Is(CreatedAt, Test::Below(Value::At(to))) => {
                    (None, Some(created(to.millis().saturating_add(LATER))))
                }
                _ => continue,
            };
            ways = ways
                .into_iter()
                .map(|way| match way.path.along {
                    Along::Id | Along::Place => way.between(low.clone(), high.clone()).using(at),
                    _ => way,
                })
                .collect();
        }
        Ok(ways)
    }

    fn record(&self, rows: &Rows<'_>, yielded: &Yielded) -> Result<Option<(Value, UserRecord)>, ReadError> {
        let found = match yielded {
            Yielded::Id(id) => rows.one(
                "SELECT id, username, email, first_name, last_name, active, operator, home, created_at FROM users
                 WHERE id = ? AND deleted_at IS NULL",
                [id],
                record,
            )?,
            Yielded::Place(place) => rows.one(
                "SELECT id, username, email, first_name, last_name, active, operator, home, created_at FROM users
                 WHERE place = ? AND deleted_at IS NULL",
                [place],
                record,
            )?,
        };
        let Some(mut found) = found else { return Ok(None) };
        let organization = self.organization.unwrap_or(found.home);
        found.member = rows.one(
            "SELECT role, may_issue, privileges, created_at FROM memberships WHERE user = ? AND organization = ?",
            rusqlite::params![found.id, organization],
            |row| {
                let (role, may_issue, privileges, joined_at) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(MemberRecord { organization, role, may_issue, privileges, joined_at })
            },
        )?;
        let belongs = self.organization.is_none() || found.member.is_some();
        Ok(belongs.then_some((Value::Id(found.id.0), found)))
    }

    fn held<'r>(&self, record: &'r UserRecord, field: UserField) -> Held<'r> {
        let member = record.member.as_ref();
        match field {
            Id => Held::Id(record.id.0),
            Username => Held::Text(&record.username),
            Name => Held::Texts([&record.username, &record.email, &record.first_name, &record.last_name]),
            Active => Held::Flag(record.active),
            Operator => Held::Flag(record.operator),
            CreatedAt => Held::At(record.created_at),
            Organization => member.map_or(Held::Nothing, |member| Held::Id(member.organization.0)),
            Role => member.map_or(Held::Nothing, |member| Held::Text(&member.role)),
            MayIssue => member.and_then(|member| member.may_issue).map_or(Held::Nothing, Held::Flag),
            Privilege => member.map_or(Held::Nothing, |member| Held::Words(&member.privileges)),
            JoinedAt => member.map_or(Held::Nothing, |member| Held::At(member.joined_at)),
        }
    }

    fn key(&self, record: &UserRecord, field: UserField) -> Value {
        self.held(record, field).to_value()
    }

    fn place(&self, rows: &Rows<'_>, id: &Value) -> Result<Option<i64>, ReadError> {
        rows.one("SELECT place FROM users WHERE id >= ? ORDER BY id LIMIT 1", [id], |row| row.get(0))
    }

    fn counted(&self, rows: &Rows<'_>, conditions: &[&Filter<UserField>]) -> Result<Option<u64>, ReadError> {
        match (conditions, self.organization) {
            ([], None) => rows.total(Total::Users, Scope::EVERYWHERE).map(Some),
            ([], Some(organization)) => rows.total(Total::Members, organization).map(Some),
            _ => Ok(None),
        }
    }
}

/// All of them, for their tests.
#[cfg(test)]
pub(super) const PATHS: &[&Path<UserField>] =
    &[&KEPT, &BY_USERNAME, &OPERATORS, &DISABLED, &WORDS, &MEMBERS, &ADMINISTRATORS, &BY_AGE];
