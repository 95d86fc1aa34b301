//! The one decision: the only code that says yes.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};

use super::{
    event::Actor,
    limits::Facts,
    organization::Organization,
    privilege::{Privilege, Privileges},
    refusal::Refusal,
    session::Session,
    time::Instant,
    token::{Death, Obituary, Token, Whose},
    user::{Membership, Role, User, holdings},
    wanted::Wanted,
};

/// What a route or a proxy asks of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand<'a> {
    /// That it is good: enough to read and revoke itself.
    Itself,
    /// That it may pass to a service elsewhere, which wants this of it.
    Pass(&'a Wanted),
    /// That it may act for its owner: everything but a restricted token.
    Owner,
    /// The same, and that there is an owner: the local operator has no tokens.
    User,
    /// That it may ask about other people's tokens.
    Introspection,
    /// That it may manage what its holder's role manages, whatever that turns out to be: a password, or a token that
    /// holds `jeton:admin`.
    Management,
    /// That it administers the organization that it is decided in.
    Administrator,
    /// That it operates the whole instance.
    Operator,
}

/// A user in an organization, as both stand now.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The organization: a token's own, or the user's home.
    pub organization: Organization,
    /// What the user is in it; `None` where the user has left it.
    pub membership: Option<Membership>,
}

impl Account {
    /// What the user holds there.
    pub fn holdings(&self) -> Privileges {
        holdings(&self.user, &self.organization, self.membership.as_ref())
    }

    /// Whether the user administers the organization, as one of its administrators or as an operator of the instance.
    pub fn is_administered(&self) -> bool {
        let is_administrator = |membership: &Membership| membership.role == Role::Administrator;
        self.user.operator || self.membership.as_ref().is_some_and(is_administrator)
    }
}

/// A token and everything around it that a decision reads.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The token.
    pub token: Token,
    /// Its owner in its organization: the same for many tokens.
    pub account: Arc<Account>,
    /// What it was given, cut to what its owner still holds.
    pub privileges: Privileges,
    /// The tokens that it is tied to, its minter first; each stands in for those that it has replaced.
    pub tied_to: Vec<Token>,
    /// How it is told, once it has been.
    identity: OnceLock<Identity>,
}

/// What is told of a token to whoever it is let through to, written out once for as long as the token is kept ready.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The owner's username.
    pub user: Bytes,
    /// The organization's slug.
    pub organization: Bytes,
    /// The token's id.
    pub token: Bytes,
    /// Its privileges as they are now, parted by spaces.
    pub privileges: Bytes,
    /// When it expires, by RFC 3339; blank for never.
    pub expires: Bytes,
}

impl Standing {
    /// Puts a token beside its owner and organization and cuts its privileges to what they still hold.
    pub fn new(token: Token, account: impl Into<Arc<Account>>) -> Self {
        let account = account.into();
        let privileges = token.privileges.meet(&account.holdings());
        Self { token, account, privileges, tied_to: Vec::new(), identity: OnceLock::new() }
    }

    /// The same, tied to these.
    #[must_use]
    pub fn tied_to(mut self, tokens: Vec<Token>) -> Self {
        self.tied_to = tokens;
        self
    }

    /// How it is told.
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| {
            let expires = self.token.expires_at.map(|at| at.to_string());
            let mut all = BytesMut::new();
            let mut written = |text: &str| {
                all.extend_from_slice(text.as_bytes());
                all.split().freeze()
            };
            Identity {
                user: written(&self.account.user.username),
                organization: written(&self.account.organization.slug),
                token: written(&self.token.id.to_string()),
                privileges: written(&self.privileges.to_string()),
                expires: written(&expires.unwrap_or_default()),
            }
        })
    }

    /// Why it is dead and since when; `None` while it lives.
    pub fn death(&self, now: Instant) -> Option<Obituary> {
        let Account { user, organization, membership } = &*self.account;
        let (death, since) = match self.token.ended(now) {
            Some(ended) => ended,
            None if self.tied_to.iter().any(|parent| parent.ended(now).is_some()) => {
                (Death::ParentDead, None)
            }
            None if !user.active => (Death::OwnerDisabled, None),
            None if membership.is_none() => (Death::OwnerGone, None),
            None if !organization.enabled => (Death::OrganizationDisabled, None),
            None if !organization.policy.api_access => (Death::ApiAccessOff, None),
            None => return None,
        };
        Some(self.obituary(death, since))
    }

    /// What is told of it where it isn't good.
    pub fn obituary(&self, death: Death, since: Option<Instant>) -> Obituary {
        Obituary { death, since, whose: self.whose() }
    }

    /// Which token it is and whom to ask about it.
    pub fn whose(&self) -> Whose {
        let (owner, organization) = (&self.account.user.username, &self.account.organization.slug);
        Whose { token: self.token.id, owner: owner.clone(), organization: organization.clone() }
    }
}

/// Whose credential it was, once it has proved genuine.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A token whose whole secret was presented.
    Token(Arc<Standing>),
    /// A user who gave the right password, in the home organization.
    Password(Arc<Account>),
    /// A user who is signed in at the page, in the home organization: as good as the password.
    Session(Session, Arc<Account>),
    /// The operator of the machine, by the control secret.
    Local,
}

impl Subject {
    /// The account it acts for; the local operator has none.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Token(standing) => Some(&standing.account),
            Self::Password(account) | Self::Session(_, account) => Some(account),
            Self::Local => None,
        }
    }

    /// The same credential, judged in another organization that its user is in; a token has but one.
    pub fn placed(&self, account: Account) -> Option<Self> {
        match self {
            Self::Password(_) => Some(Self::Password(Arc::new(account))),
            Self::Session(session, _) => Some(Self::Session(*session, Arc::new(account))),
            Self::Token(_) | Self::Local => None,
        }
    }

    /// Who it is, for the record.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Token(standing) => Actor::Token { user: standing.token.owner, token: standing.token.id },
            Self::Password(account) => Actor::Password(account.user.id),
            Self::Session(_, account) => Actor::Session(account.user.id),
            Self::Local => Actor::Local,
        }
    }

    /// What it may be used for now.
    pub fn privileges(&self) -> Privileges {
        match self {
            Self::Token(standing) => standing.privileges.clone(),
            Self::Password(account) | Self::Session(_, account) => account.holdings(),
            Self::Local => Privileges::everything().with(Privilege::admin()).with(Privilege::introspect()),
        }
    }
}

/// Decides whether a genuine credential meets a demand now, with a request of which this is known.
///
/// Forward-auth, introspection, every dialect and the native API ask this and nothing else.
pub fn decide(subject: &Subject, demand: Demand<'_>, facts: &Facts<'_>, now: Instant) -> Result<(), Refusal> {
    decide_again(subject, demand, now)?;
    match subject {
        Subject::Token(standing) => {
            let limits = &standing.token.limits;
            if !limits.networks.hold(facts.address) {
                return Err(Refusal::NetworkDenied(Box::new(standing.whose())));
            }
            limits.judge_route(facts.asked, demand == Demand::Itself)
        }
        Subject::Password(_) | Subject::Session(..) | Subject::Local => Ok(()),
    }
}

/// Decides whether what can't be undone, makes somebody mightier, or outlives the session that does it, may be done now: a
/// session proves that somebody was there, and this wants to know that they are. A token or an account that is made is both
/// of the latter: whoever has one needs no session.
pub fn decide_for_good(subject: &Subject, now: Instant) -> Result<(), Refusal> {
    match subject {
        Subject::Session(session, _) if !session.is_recent(now) => Err(Refusal::SignInAgain),
        _ => Ok(()),
    }
}

/// Decides the same of a request that was let in: its facts stay as they were judged, and all else may have changed.
pub fn decide_again(subject: &Subject, demand: Demand<'_>, now: Instant) -> Result<(), Refusal> {
    match subject {
        Subject::Token(standing) => {
            if let Some(obituary) = standing.death(now) {
                return Err(Refusal::TokenDead(Box::new(obituary)));
            }
            // It is jeton itself that it is kept from.
            if standing.token.restricted && !matches!(demand, Demand::Itself | Demand::Pass(_)) {
                return Err(Refusal::TokenRestricted);
            }
        }
        // Not found out by a password: a disabled user is answered like one who doesn't exist.
        Subject::Password(account) if !account.user.active => return Err(Refusal::CredentialInvalid),
        Subject::Session(session, account) if !account.user.active || session.is_over(now) => {
            return Err(Refusal::SessionEnded);
        }
        Subject::Password(_) | Subject::Session(..) | Subject::Local => {}
    }
    let hold = |privilege: Privilege| {
        let held = subject.privileges().cover(&privilege);
        if held { Ok(()) } else { Err(Refusal::PrivilegeMissing { needed: privilege }) }
    };
    match demand {
        Demand::Itself | Demand::Owner => Ok(()),
        Demand::Pass(wanted) => match subject {
            Subject::Token(standing) => wanted.judge(standing),
            // They would have to be signed in for each request.
            Subject::Password(_) | Subject::Session(..) | Subject::Local => Err(Refusal::TokenRequired),
        },
        Demand::User => subject.account().map(drop).ok_or(Refusal::UserRequired),
        Demand::Introspection => {
            hold(Privilege::introspect()).or_else(|refusal| hold(Privilege::admin()).map_err(|_| refusal))
        }
        Demand::Management => match subject {
            Subject::Token(_) => hold(Privilege::admin()),
            Subject::Password(_) | Subject::Session(..) | Subject::Local => Ok(()),
        },
        Demand::Administrator if subject.account().is_none_or(Account::is_administered) => {
            hold(Privilege::admin())
        }
        Demand::Administrator => Err(Refusal::AdministratorRequired),
        Demand::Operator if subject.account().is_none_or(|account| account.user.operator) => {
            hold(Privilege::admin())
        }
        Demand::Operator => Err(Refusal::OperatorRequired),
    }
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::{Account, Standing};
    use crate::core::{
        id::{OrganizationId, TokenId, UserId},
        keys::Digest,
        limits::Limits,
        number::Number,
        organization::{Organization, Policy},
        privilege::Privileges,
        time::Instant,
        token::{Cause, MintedBy, Status, Token},
        user::{Membership, Role, User},
    };

    pub(in crate::core) const NOW: Instant = Instant::from_millis(1_700_000_000_000);

    pub(in crate::core) fn set(text: &str) -> Privileges {
        Privileges::from_stored(text).expect("a list of privileges")
    }

    pub(in crate::core) fn account(role: Role, operator: bool, granted: &str) -> Account {
        let (user, organization) = (UserId::from_bytes([1; 16]), OrganizationId::from_bytes([2; 16]));
        Account {
            user: User {
                id: user,
                number: Number::from_place(1),
                username: "ada".into(),
                email: String::new(),
                first_name: String::new(),
                last_name: String::new(),
                title: String::new(),
                image: String::new(),
                active: true,
                operator,
                home: organization,
                deleted_at: None,
                created_at: NOW,
                updated_at: NOW,
                change_sequence: 0,
            },
            organization: Organization {
                id: organization,
                number: Number::from_place(1),
                slug: "default".into(),
                name: "Default".into(),
                description: String::new(),
                image: String::new(),
                owner: None,
                enabled: true,
                privileges: Privileges::everything(),
                policy: Policy::default(),
                created_at: NOW,
                updated_at: NOW,
                change_sequence: 0,
            },
            membership: Some(Membership {
                user,
                organization,
                role,
                may_issue: None,
                privileges: set(granted),
                created_at: NOW,
            }),
        }
    }

    pub(in crate::core) fn token(privileges: &str, account: &Account) -> Token {
        Token {
            id: TokenId::from_bytes([3; 16]),
            number: Number::from_place(1),
            digest: Digest([0; 32]),
            pepper: 1,
            owner: account.user.id,
            organization: account.organization.id,
            name: "robot".into(),
            description: String::new(),
            icon: String::new(),
            privileges: set(privileges),
            modules: Vec::new(),
            limits: Limits::default(),
            restricted: false,
            minted_by: MintedBy::Password,
            tied: false,
            max_idle: None,
            replaces: None,
            line: None,
            waiting: None,
            superseded: None,
            status: Status::Active,
            cause: Cause::Said,
            status_at: None,
            created_at: NOW,
            updated_at: NOW,
            expires_at: NOW.checked_add(1000),
            change_sequence: 0,
        }
    }

    pub(in crate::core) fn standing(privileges: &str, account: Account) -> Standing {
        Standing::new(token(privileges, &account), account)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        Account, Death, Demand, Facts, Refusal, Standing, Subject, decide, decide_again,
        fixtures::{NOW, account, standing},
    };
    use crate::core::{token::Status, user::Role};

    const DEMANDS: [Demand<'_>; 6] = [
        Demand::Itself,
        Demand::Owner,
        Demand::Introspection,
        Demand::Management,
        Demand::Administrator,
        Demand::Operator,
    ];

    fn verdicts(subject: &Subject) -> [bool; 6] {
        DEMANDS.map(|demand| decide(subject, demand, &Facts::default(), NOW).is_ok())
    }

    fn by_token(privileges: &str, account: Account) -> [bool; 6] {
        verdicts(&Subject::Token(Arc::new(standing(privileges, account))))
    }

    #[test]
    fn a_token_needs_the_privilege_as_well_as_its_owners_role() {
        let operator = || account(Role::Administrator, true, "");
        let administrator = || account(Role::Administrator, false, "");
        let member = |granted| account(Role::Member, false, granted);
        assert_eq!(by_token("*:*", operator()), [true, true, false, false, false, false]);
        assert_eq!(by_token("jeton:introspect", operator()), [true, true, true, false, false, false]);
        assert_eq!(by_token("jeton:admin", operator()), [true; 6]);
        assert_eq!(by_token("jeton:admin", administrator()), [true, true, true, true, true, false]);
        assert_eq!(by_token("jeton:admin", member("")), [true, true, false, false, false, false]);
        assert_eq!(
            by_token("jeton:admin", member("jeton:admin")),
            [true, true, true, true, false, false],
            "a privilege is no role"
        );
        let introspecting = by_token("jeton:introspect", member("jeton:introspect"));
        assert_eq!(introspecting, [true, true, true, false, false, false]);
        assert_eq!(by_token("jeton:introspect", member("*:*")), [true, true, false, false, false, false]);
    }

    #[test]
    fn a_password_carries_the_whole_role() {
        let by = |account| verdicts(&Subject::Password(Arc::new(account)));
        assert_eq!(by(account(Role::Administrator, true, "")), [true; 6]);
        assert_eq!(by(account(Role::Administrator, false, "")), [true, true, true, true, true, false]);
        assert_eq!(by(account(Role::Member, false, "")), [true, true, false, true, false, false]);
        assert_eq!(verdicts(&Subject::Local), [true; 6]);
        let mut disabled = account(Role::Administrator, true, "");
        disabled.user.active = false;
        assert_eq!(by(disabled), [false; 6]);
    }

    /// Otherwise whoever takes the last operator out of an organization leaves the instance without one.
    #[test]
    fn an_operator_stays_one_without_any_organization() {
        let mut alone = account(Role::Member, true, "");
        alone.membership = None;
        assert_eq!(verdicts(&Subject::Password(Arc::new(alone))), [true; 6]);
    }

    #[test]
    fn whoever_has_no_tokens_is_no_user() {
        let by_token = Subject::Token(Arc::new(standing("", account(Role::Member, false, ""))));
        let by_password = Subject::Password(Arc::new(account(Role::Member, false, "")));
        assert_eq!(decide_again(&by_token, Demand::User, NOW), Ok(()));
        assert_eq!(decide_again(&by_password, Demand::User, NOW), Ok(()));
        assert_eq!(decide_again(&Subject::Local, Demand::User, NOW), Err(Refusal::UserRequired));
    }

    #[test]
    fn a_restricted_token_is_good_for_itself_alone() {
        let mut standing = standing("jeton:admin", account(Role::Administrator, true, ""));
        standing.token.restricted = true;
        let subject = Subject::Token(Arc::new(standing));
        assert_eq!(verdicts(&subject), [true, false, false, false, false, false]);
        for demand in [Demand::Owner, Demand::User] {
            assert_eq!(decide(&subject, demand, &Facts::default(), NOW), Err(Refusal::TokenRestricted));
        }
    }

    #[test]
    fn each_way_to_die_is_named() {
        type Change = fn(&mut Standing);
        let deaths: [(Death, Change); 7] = [
            (Death::Deleted, |s| s.token.status = Status::Deleted),
            (Death::Disabled, |s| s.token.status = Status::Disabled),
            (Death::Expired, |s| s.token.expires_at = Some(NOW)),
            (Death::OwnerDisabled, |s| Arc::make_mut(&mut s.account).user.active = false),
            (Death::OwnerGone, |s| Arc::make_mut(&mut s.account).membership = None),
            (Death::OrganizationDisabled, |s| Arc::make_mut(&mut s.account).organization.enabled = false),
            (Death::ApiAccessOff, |s| Arc::make_mut(&mut s.account).organization.policy.api_access = false),
        ];
        for (death, change) in deaths {
            let mut standing = standing("jeton:admin", account(Role::Administrator, true, ""));
            change(&mut standing);
            let subject = Subject::Token(Arc::new(standing));
            for demand in DEMANDS {
                let refusal = decide(&subject, demand, &Facts::default(), NOW).unwrap_err();
                assert_eq!(refusal.code(), death.code());
            }
        }
    }
}
