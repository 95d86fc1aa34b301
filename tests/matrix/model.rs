//! Who may what, written apart from the code: a pure function from who asks and what is asked to what comes back.
//!
//! Nothing here names a type of jeton's. The rules are those of the README.

use super::asker::{Asker, Carrier, Org, Person, Powers, State};

/// What a reply must be: its status and, where it refuses, the word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The status.
    pub status: u16,
    /// The `code` of the problem document; `None` for a success.
    pub code: Option<&'static str>,
}

/// A success, or what stands in its place where being let in ends in a harmless refusal.
pub const fn ok(status: u16) -> Expected {
    Expected { status, code: None }
}

/// A refusal.
pub const fn no(status: u16, code: &'static str) -> Expected {
    Expected { status, code: Some(code) }
}

/// Unknown, or not to be known of.
pub const UNKNOWN: Expected = no(404, "not_found");
const OPERATOR: Expected = no(403, "operator_required");
const ADMINISTRATOR: Expected = no(403, "administrator_required");
const USER: Expected = no(403, "user_required");
const PRIVILEGE: Expected = no(403, "privilege_missing");

/// What an operation asks of whoever calls it, and on what.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Nothing at all.
    Open,
    /// The token that is presented; others have none.
    Itself,
    /// The same, of one that isn't restricted.
    OwnToken,
    /// To be given another user's secret, of a token in an organization.
    TheirSecret(Org),
    /// Any credential that isn't restricted.
    Anyone,
    /// To have been sent by the page.
    FromPage,
    /// The session that asks; others have none.
    OwnSession,
    /// Where one is signed in oneself.
    OwnSessions,
    /// To sign out, somewhere where nobody is signed in.
    NoSession,
    /// Where a user is signed in who is in these organizations.
    Sessions(&'static [Org]),
    /// To know whether other people's tokens are good.
    Introspect,
    /// To make a token in the organization that is meant.
    Issue,
    /// To make a token for somebody else.
    IssueFor,
    /// To take in tokens that were made elsewhere, for somebody else.
    Import,
    /// To read an organization: managed, or one's own.
    Read(Org),
    /// To change an organization, or to see who is in it: managed.
    Manage(Org),
    /// The same of the organization that a request means when it names none.
    ManageMeant,
    /// To look at all that happens in the instance.
    Watch,
    /// To look at all that happens in an organization: managed.
    WatchOver(Org),
    /// Something that only an operator may do to an organization that others manage.
    Raise(Org),
    /// The same of what isn't there: nobody but a manager of anything learns so.
    ManageNothing,
    /// The instance.
    Operate,
    /// A user who is in these organizations.
    SeeUser(&'static [Org]),
    /// An account of a user who is in these organizations.
    Account(&'static [Org]),
    /// The same, at a route for managers.
    ManageAccount(&'static [Org]),
    /// An operator's account, at a route for managers.
    ManageOperator(&'static [Org]),
    /// One's own account, read.
    SeeOneself,
    /// One's own account, changed.
    ChangeOneself,
    /// Somebody else's token in an organization.
    Token(Org),
    /// Any user's credential that isn't restricted: the local operator is no user.
    User,
    /// The same, and to make a token in the organization that is meant.
    IssueOwn,
    /// The same, in HTTP Basic and no other carrier.
    IssueByBasic,
    /// The same, in an organization that is named.
    IssueInByBasic(Org),
    /// To know a token; but a credential that comes along has to be good.
    Holder,
    /// A user, and that API access is on in the organization that is meant.
    OpenUser,
    /// The same, and to make a token there.
    OpenIssue,
    /// A good token, whatever it is restricted to at jeton itself, that is what a proxy wants.
    Pass(Wanted),
    /// The same, and somebody else's token in an organization.
    OpenToken(Org),
    /// A user, and somebody else's token in an organization.
    UserToken(Org),
}

/// What a proxy wants of a token.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Nothing more.
    Good,
    /// An ordinary privilege.
    Orders,
    /// An ordinary privilege or a reserved one.
    OrdersOrAdmin,
    /// To belong to this organization.
    Of(Org),
    /// To be good for a module, which no asker's is.
    Module,
}

/// What `asker` gets from an operation that demands `rule`; `then` is what being let in has, `None` where the
/// request would do harm and isn't made.
pub fn expected(asker: Asker, rule: &Rule, then: Option<Expected>) -> Option<Expected> {
    if matches!(rule, Rule::Open) {
        return then;
    }
    if matches!(rule, Rule::FromPage) {
        return if asker.carrier == Carrier::Session { then } else { Some(no(403, "origin_unproven")) };
    }
    if let Rule::Pass(wanted) = rule {
        return pass(asker, *wanted).map_or(then, Some);
    }
    if let Some(refused) = carrier(asker, rule) {
        return Some(refused);
    }
    if matches!((rule, asker.carrier), (Rule::Holder, Carrier::None)) {
        return then;
    }
    if let Some(refused) = credential(asker).or_else(|| demand(asker, rule)) {
        return Some(refused);
    }
    let allowed = |allowed: bool, otherwise: Expected| if allowed { then } else { Some(otherwise) };
    let reach = Reach::of(asker);
    match rule {
        Rule::Pass(_) | Rule::FromPage => unreachable!("judged above"),
        Rule::OwnSession => allowed(asker.carrier == Carrier::Session, UNKNOWN),
        Rule::OwnSessions if asker.person == Person::Local => Some(USER),
        Rule::Open | Rule::Anyone | Rule::Introspect | Rule::Operate | Rule::User | Rule::Holder => then,
        Rule::Itself | Rule::OwnToken => allowed(asker.by_token(), UNKNOWN),
        Rule::TheirSecret(_) if asker.person == Person::Local => then,
        Rule::TheirSecret(org) => Some(if reach.has(*org) { no(403, "owner_foreign") } else { UNKNOWN }),
        Rule::Issue | Rule::IssueOwn | Rule::IssueByBasic => issue(asker).map_or(then, Some),
        Rule::IssueFor | Rule::Import => allowed(asker.person == Person::Local, no(403, "owner_foreign")),
        Rule::Read(org) => allowed(reach.has(*org) || is_in(asker, *org), UNKNOWN),
        Rule::Manage(org) | Rule::WatchOver(org) => manage(asker, &reach, *org).map_or(then, Some),
        Rule::ManageMeant => match meant(asker) {
            Some(org) => manage(asker, &reach, org).map_or(then, Some),
            None => then,
        },
        Rule::Raise(org) => {
            let managed = manage(asker, &reach, *org);
            if managed.is_none() && reach != Reach::Instance {
                Some(OPERATOR)
            } else {
                managed.map_or(then, Some)
            }
        }
        Rule::Watch => allowed(reach == Reach::Instance, OPERATOR),
        Rule::ManageNothing | Rule::NoSession => Some(UNKNOWN),
        Rule::SeeUser(places) => allowed(reach.sees(places), UNKNOWN),
        Rule::Account(places) | Rule::ManageAccount(places) | Rule::Sessions(places) => {
            account(&reach, places, false).map_or(then, Some)
        }
        Rule::ManageOperator(places) => account(&reach, places, true).map_or(then, Some),
        Rule::SeeOneself => match own_places(asker) {
            None => Some(UNKNOWN),
            Some(places) => allowed(!asker.by_token() || reach.sees(&places), UNKNOWN),
        },
        Rule::OwnSessions | Rule::ChangeOneself => match own_places(asker) {
            None => Some(UNKNOWN),
            Some(_) if !asker.by_token() => then,
            Some(places) => account(&reach, &places, asker.person == Person::Operator).map_or(then, Some),
        },
        Rule::Token(org) | Rule::UserToken(org) => allowed(reach.has(*org), UNKNOWN),
        Rule::IssueInByBasic(org) => issue_in(asker, &reach, *org).map_or(then, Some),
        Rule::OpenUser => closed(asker, &reach).map_or(then, Some),
        Rule::OpenIssue => closed(asker, &reach).or_else(|| issue(asker)).map_or(then, Some),
        Rule::OpenToken(org) => {
            let unknown = (!reach.has(*org)).then_some(UNKNOWN);
            closed(asker, &reach).or(unknown).map_or(then, Some)
        }
    }
}

/// What keeps a credential from passing a proxy.
fn pass(asker: Asker, wanted: Wanted) -> Option<Expected> {
    match (asker.carrier, asker.person) {
        (Carrier::None, Person::Local) => return Some(no(401, "credential_invalid")),
        (Carrier::Password, _) => return Some(no(401, "token_required")),
        _ => {}
    }
    let refused = match credential(asker) {
        None if asker.person == Person::Local => Some(no(401, "credential_invalid")),
        refused => refused,
    };
    // One that is restricted to itself at jeton was given all that its owner holds.
    let orders = matches!(asker.powers, Powers::Everything | Powers::Restricted);
    refused.or_else(|| match wanted {
        Wanted::Good => None,
        Wanted::Orders => (!orders).then_some(PRIVILEGE),
        Wanted::OrdersOrAdmin => (!orders && !holds(asker, Powers::Admin)).then_some(PRIVILEGE),
        Wanted::Of(org) => (asker.home() != org).then_some(no(403, "organization_foreign")),
        Wanted::Module => Some(no(403, "module_missing")),
    })
}

/// What a carrier gets where only one kind of it is taken.
fn carrier(asker: Asker, rule: &Rule) -> Option<Expected> {
    let basic = matches!(rule, Rule::IssueByBasic | Rule::IssueInByBasic(_));
    // Too many are told first.
    let good = [Carrier::Password, Carrier::BasicToken, Carrier::Two];
    (basic && !good.contains(&asker.carrier)).then_some(no(401, "basic_required"))
}

/// What a credential gets before anybody asks what it is for.
fn credential(asker: Asker) -> Option<Expected> {
    match asker.carrier {
        Carrier::None => return Some(no(401, "credential_missing")),
        Carrier::Two => return Some(no(400, "credential_ambiguous")),
        Carrier::Password => {
            return (asker.state == State::OwnerDisabled).then_some(no(401, "credential_invalid"));
        }
        Carrier::Session => {
            return (asker.state == State::OwnerDisabled).then_some(no(401, "session_ended"));
        }
        _ => {}
    }
    Some(no(
        401,
        match asker.state {
            State::Active => return None,
            State::Expired => "token_expired",
            State::Disabled => "token_disabled",
            State::Deleted => "token_deleted",
            State::OwnerDisabled => "owner_disabled",
            State::OwnerGone => "owner_gone",
            State::OrganizationDisabled => "organization_disabled",
            State::ApiAccessOff => "api_access_off",
        },
    ))
}

/// What the operation demands before it looks at anything.
fn demand(asker: Asker, rule: &Rule) -> Option<Expected> {
    let restricted = asker.by_token() && asker.powers == Powers::Restricted;
    if restricted && !matches!(rule, Rule::Itself | Rule::Holder) {
        return Some(no(403, "token_restricted"));
    }
    let admin = !asker.by_token() || holds(asker, Powers::Admin);
    match rule {
        // Whoever administers may ask as well.
        Rule::Introspect => {
            (!holds(asker, Powers::Introspect) && !holds(asker, Powers::Admin)).then_some(PRIVILEGE)
        }
        Rule::Operate | Rule::Import if !matches!(asker.person, Person::Operator | Person::Local) => {
            Some(OPERATOR)
        }
        Rule::Operate | Rule::Import | Rule::OwnSessions | Rule::NoSession | Rule::Sessions(_) => {
            (!admin).then_some(PRIVILEGE)
        }
        Rule::User
        | Rule::OwnSession
        | Rule::IssueOwn
        | Rule::IssueByBasic
        | Rule::IssueInByBasic(_)
        | Rule::OpenUser
        | Rule::OpenIssue
        | Rule::OpenToken(_)
        | Rule::UserToken(_) => (asker.person == Person::Local).then_some(USER),
        Rule::Manage(_)
        | Rule::ManageMeant
        | Rule::Raise(_)
        | Rule::ManageNothing
        | Rule::ManageAccount(_)
        | Rule::ManageOperator(_) => {
            if admin {
                (Reach::of(asker) == Reach::Of(Vec::new())).then_some(ADMINISTRATOR)
            } else {
                Some(PRIVILEGE)
            }
        }
        _ => None,
    }
}

/// What a credential manages.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    Instance,
    Of(Vec<Org>),
}

impl Reach {
    fn of(asker: Asker) -> Self {
        if asker.person == Person::Local {
            return Self::Instance;
        }
        let by_token = asker.by_token();
        if by_token && !holds(asker, Powers::Admin) {
            return Self::Of(Vec::new());
        }
        if asker.person == Person::Operator {
            return Self::Instance;
        }
        let places = asker.places().into_iter();
        let managed = places.filter(|(org, admin)| *admin && (!by_token || *org == asker.home()));
        Self::Of(managed.map(|(org, _)| org).collect())
    }

    fn has(&self, org: Org) -> bool {
        match self {
            Self::Instance => true,
            Self::Of(orgs) => orgs.contains(&org),
        }
    }

    fn sees(&self, places: &[Org]) -> bool {
        places.iter().any(|org| self.has(*org)) || *self == Self::Instance
    }

    fn covers(&self, places: &[Org]) -> bool {
        places.iter().all(|org| self.has(*org))
    }
}

/// Whether the credential holds a reserved privilege: by password all that the role gives at home, by token what is
/// on it and still held by its owner.
fn holds(asker: Asker, wanted: Powers) -> bool {
    match asker.person {
        Person::Local => true,
        _ if asker.by_token() && asker.powers != wanted => false,
        // An operator is one everywhere; others hold nothing where they aren't.
        person => owner_holds(person) && (person == Person::Operator || is_in(asker, asker.home())),
    }
}

/// Whether a person holds the reserved privileges where their tokens are: by role, or because an operator granted them.
pub fn owner_holds(person: Person) -> bool {
    !matches!(person, Person::Issuer | Person::Double)
}

/// Whether the caller is in an organization: a token is where it belongs, a password wherever its user is a member.
fn is_in(asker: Asker, org: Org) -> bool {
    let places = asker.places().into_iter();
    places.filter(|(place, _)| !asker.by_token() || *place == asker.home()).any(|(place, _)| place == org)
}

/// The organization that a request means when it names none; `None` for the local operator, who needs none.
fn meant(asker: Asker) -> Option<Org> {
    (asker.person != Person::Local).then(|| asker.home())
}

fn manage(asker: Asker, reach: &Reach, org: Org) -> Option<Expected> {
    if reach.has(org) {
        None
    } else if is_in(asker, org) {
        Some(ADMINISTRATOR)
    } else {
        Some(UNKNOWN)
    }
}

fn account(reach: &Reach, places: &[Org], operator: bool) -> Option<Expected> {
    if *reach == Reach::Instance || (reach.sees(places) && reach.covers(places) && !operator) {
        None
    } else if reach.sees(places) {
        Some(OPERATOR)
    } else {
        Some(UNKNOWN)
    }
}

fn own_places(asker: Asker) -> Option<Vec<Org>> {
    (asker.person != Person::Local).then(|| asker.places().into_iter().map(|(org, _)| org).collect())
}

/// Who may issue where only administrators may by policy, and single members by an administrator's word.
fn issue(asker: Asker) -> Option<Expected> {
    if asker.person == Person::Local {
        return Some(no(400, "invalid"));
    }
    if matches!(asker.state, State::OrganizationDisabled | State::ApiAccessOff) {
        return Some(no(403, "api_access_off"));
    }
    let Some((_, admin)) = asker.places().into_iter().find(|(org, _)| *org == asker.home()) else {
        return Some(UNKNOWN);
    };
    let may = admin || matches!(asker.person, Person::Operator | Person::Issuer);
    (!may).then_some(no(403, "issuing_forbidden"))
}

/// The same in an organization that is named.
fn issue_in(asker: Asker, reach: &Reach, org: Org) -> Option<Expected> {
    if !reach.has(org) && !is_in(asker, org) {
        return Some(UNKNOWN);
    }
    if asker.by_token() && asker.home() != org {
        return Some(no(403, "wider_than_minter"));
    }
    let Some((_, admin)) = asker.places().into_iter().find(|(place, _)| *place == org) else {
        return Some(UNKNOWN);
    };
    let may = admin || matches!(asker.person, Person::Operator | Person::Issuer);
    (!may).then_some(no(403, "issuing_forbidden"))
}

/// Whether the organization that is meant has API access off, or isn't the caller's to know of.
fn closed(asker: Asker, reach: &Reach) -> Option<Expected> {
    let home = asker.home();
    if !reach.has(home) && !is_in(asker, home) {
        return Some(UNKNOWN);
    }
    let off = matches!(asker.state, State::OrganizationDisabled | State::ApiAccessOff);
    off.then_some(no(403, "api_access_off"))
}
