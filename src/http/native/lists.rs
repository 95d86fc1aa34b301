//! The lists' parameters, read into what is asked of each list.

use crate::{
    core::{
        checks::KEPT_HOURS,
        expiries::MOST_DAYS,
        filter::{Filter, Pattern, Test, Value},
        id::{Id, OfToken, Reference},
        listing::{Direction, EventField, Listing, TokenField, UserField},
        privilege::Privilege,
        refusal::Refusal,
        time::Instant,
    },
    http::query::{Limits, PAGE, Parameters, Query},
    service::{
        checks::CheckQuery,
        directory::EventQuery,
        list::{TokenQuery, Whose},
    },
};

/// Conditions as they come in, one by one.
struct Conditions<F>(Filter<F>);

impl<F: Copy> Conditions<F> {
    fn new() -> Self {
        Self(Filter::default())
    }

    fn add(&mut self, field: F, test: Option<Test>) {
        if let Some(test) = test {
            self.0 = std::mem::take(&mut self.0).and(field, test);
        }
    }

    fn within(&mut self, field: F, from: Option<Instant>, to: Option<Instant>) {
        self.add(field, from.map(|from| Test::AtLeast(Value::At(from))));
        self.add(field, to.map(|to| Test::Below(Value::At(to))));
    }
}

fn equals(word: impl Into<String>) -> Test {
    Test::Equals(Value::Text(word.into()))
}

fn is(flag: bool) -> Test {
    Test::Equals(Value::Flag(flag))
}

fn privilege(parameters: &Parameters<'_>) -> Result<Option<Test>, Refusal> {
    let read = |text: &str| {
        let form = |_| Refusal::invalid("privilege", "a privilege is domain:action");
        text.parse::<Privilege>().map(|privilege| equals(privilege.as_str())).map_err(form)
    };
    parameters.text("privilege").map(read).transpose()
}

/// `GET /v1/tokens`.
pub(super) fn tokens(query: &Query<'_>) -> Result<TokenQuery, Refusal> {
    let parameters = query.parameters(&[
        "status",
        "owner",
        "organization",
        "name",
        "privilege",
        "minted_by",
        "expires_before",
        "unused_since",
        "created_after",
        "created_before",
    ])?;
    let mut only = Conditions::new();
    let status = parameters.word("status", &["active", "expired", "disabled", "deleted"])?;
    let deleted = status == Some("deleted");
    only.add(TokenField::Status, status.filter(|_| !deleted).map(equals));
    only.add(TokenField::Name, parameters.needle("name")?.map(Test::Contains));
    only.add(TokenField::Privilege, privilege(&parameters)?);
    let minter = match parameters.text("minted_by") {
        Some(word @ ("password" | "session" | "local" | "token")) => {
            only.add(TokenField::MintedBy, Some(equals(word)));
            None
        }
        Some(id) => Some(Reference::<OfToken>::parse(id).ok_or_else(|| {
            Refusal::invalid("minted_by", "password, session, local, token, or the id of a token")
        })?),
        None => None,
    };
    let expires_before = parameters.instant("expires_before")?.map(Value::At);
    only.add(TokenField::ExpiresAt, expires_before.map(Test::Below));
    if let Some(since) = parameters.instant("unused_since")? {
        only.within(TokenField::CreatedAt, None, Some(since));
        only.add(TokenField::LastUsedAt, Some(Test::BelowOrNone(Value::At(since))));
    }
    let (from, to) = (parameters.instant("created_after")?, parameters.instant("created_before")?);
    only.within(TokenField::CreatedAt, from, to);
    let sorts = [TokenField::CreatedAt, TokenField::Name, TokenField::ExpiresAt, TokenField::LastUsedAt];
    Ok(TokenQuery {
        whose: parameters.owned("owner").map_or(Whose::Seen, Whose::Of),
        organization: parameters.owned("organization"),
        minter,
        deleted,
        listing: parameters.listing(only.0, &sorts, Direction::Down, PAGE)?,
    })
}

/// `GET /v1/checks`.
pub(super) fn checks(query: &Query<'_>) -> Result<CheckQuery, Refusal> {
    let parameters = query.only(&["span", "organization", "token"])?;
    let hours = match parameters.word("span", &["2d", "30d"])? {
        Some("30d") => KEPT_HOURS,
        _ => 48,
    };
    let (organization, token) = (parameters.owned("organization"), token(&parameters)?);
    if organization.is_some() && token.is_some() {
        return Err(Refusal::invalid("token", "a token or an organization, not both"));
    }
    Ok(CheckQuery { organization, token, hours })
}

/// `GET /v1/tokens/expiring`: the organization that is named, and how many days.
pub(super) fn expiring(query: &Query<'_>) -> Result<(Option<String>, u16), Refusal> {
    let parameters = query.only(&["days", "organization"])?;
    let days = parameters.text("days").map_or(Ok(90), |text| {
        let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
        days.ok_or_else(|| Refusal::invalid("days", format!("1 to {MOST_DAYS}")))
    })?;
    Ok((parameters.owned("organization"), days))
}

/// Any id of a token.
fn token(parameters: &Parameters<'_>) -> Result<Option<Reference<OfToken>>, Refusal> {
    let read = |text| Reference::parse(text).ok_or_else(|| Refusal::invalid("token", "any id of a token"));
    parameters.text("token").map(read).transpose()
}

/// `GET /v1/tokens/{id}/descendants`.
pub(super) fn descendants(query: &Query<'_>) -> Result<Listing<TokenField>, Refusal> {
    let parameters = query.parameters(&[])?;
    parameters.listing(Filter::default(), &[TokenField::CreatedAt], Direction::Up, PAGE)
}

const ROLES: [&str; 2] = ["administrator", "member"];

/// `GET /v1/users`: the organization that is named, and the rest.
pub(super) fn users(query: &Query<'_>) -> Result<(Option<String>, Listing<UserField>), Refusal> {
    let parameters = query.parameters(&[
        "name",
        "organization",
        "active",
        "operator",
        "role",
        "created_after",
        "created_before",
    ])?;
    let mut only = Conditions::new();
    only.add(UserField::Name, parameters.needle("name")?.map(Test::Contains));
    only.add(UserField::Active, parameters.flag("active")?.map(is));
    only.add(UserField::Operator, parameters.flag("operator")?.map(is));
    only.add(UserField::Role, parameters.word("role", &ROLES)?.map(equals));
    let (from, to) = (parameters.instant("created_after")?, parameters.instant("created_before")?);
    only.within(UserField::CreatedAt, from, to);
    let listing = parameters.listing(only.0, &USER_SORTS, Direction::Up, PAGE)?;
    Ok((parameters.owned("organization"), listing))
}

const USER_SORTS: [UserField; 2] = [UserField::CreatedAt, UserField::Username];

/// `GET /v1/organizations/{slug}/members`.
pub(super) fn members(query: &Query<'_>) -> Result<Listing<UserField>, Refusal> {
    let parameters =
        query.parameters(&["name", "role", "may_issue", "privilege", "created_after", "created_before"])?;
    let mut only = Conditions::new();
    only.add(UserField::Name, parameters.needle("name")?.map(Test::Contains));
    only.add(UserField::Role, parameters.word("role", &ROLES)?.map(equals));
    only.add(UserField::MayIssue, parameters.flag("may_issue")?.map(is));
    only.add(UserField::Privilege, privilege(&parameters)?);
    let (from, to) = (parameters.instant("created_after")?, parameters.instant("created_before")?);
    only.within(UserField::JoinedAt, from, to);
    parameters.listing(only.0, &USER_SORTS, Direction::Up, PAGE)
}

/// Rows of a table: what is saved and looked through, rather than shown.
pub(super) const TABLE: Limits = Limits { usual: 10_000, most: 10_000 };

/// `GET /v1/events`: what is asked, and whether a table is wanted.
pub(super) fn events(query: &Query<'_>, accepts_table: bool) -> Result<(EventQuery, bool), Refusal> {
    let parameters = query.parameters(&[
        "actor",
        "token",
        "object",
        "kind",
        "since",
        "until",
        "organization",
        "format",
    ])?;
    let as_table = parameters.word("format", &["json", "csv"])?.map_or(accepts_table, |word| word == "csv");
    let mut only = Conditions::new();
    if let Some(object) = parameters.text("object") {
        let Some(Reference::Id(id)) = Reference::<OfToken>::parse(object) else {
            return Err(Refusal::invalid("object", "the id of a token, a user or an organization"));
        };
        only.add(EventField::Object, Some(Test::Equals(Value::Id(Id::<OfToken>::from_bytes(id.0).0))));
    }
    only.add(EventField::Kind, parameters.text("kind").map(kind).transpose()?);
    only.within(EventField::At, parameters.instant("since")?, parameters.instant("until")?);
    let limits = if as_table { TABLE } else { PAGE };
    let query = EventQuery {
        actor: parameters.owned("actor"),
        token: token(&parameters)?,
        organization: parameters.owned("organization"),
        listing: parameters.listing(only.0, &[EventField::Sequence], Direction::Down, limits)?,
    };
    Ok((query, as_table))
}

/// A kind, or the beginning of some.
fn kind(text: &str) -> Result<Test, Refusal> {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match text.split_once('.') {
        Some((thing, "")) if is_part(thing) => {
            Ok(Test::Like(Pattern::new(vec![text.to_owned(), String::new()], false)))
        }
        Some((thing, deed)) if is_part(thing) && is_part(deed) => Ok(equals(text)),
        _ => Err(Refusal::invalid("kind", "a kind such as token.created, or the beginning of some: token.")),
    }
}
