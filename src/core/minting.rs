//! What a new token may be: never wider than who mints it, always within the policy.

use std::sync::Arc;

use super::{
    decision::{Account, Standing},
    lifetime::{Lifetime, show},
    limits::Limits,
    organization::{Issuers, Policy, module_number},
    privilege::Privileges,
    refusal::Refusal,
    time::Instant,
    token::MintedBy,
    user::Role,
};

/// What is asked for, beyond labels.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How long it is to live.
    pub lifetime: Lifetime,
    /// The request's own name for the field that says so.
    pub lifetime_field: &'static str,
    /// The privileges named; `None` where none were named, which means what the minter holds.
    pub privileges: Option<Privileges>,
    /// The numbers of the modules named; `None` where none were named.
    pub modules: Option<Vec<String>>,
    /// What it is to be limited to.
    pub limits: Limits,
    /// Whether it may outlive the token that mints it, within the policy: how other vendors' scripts renew theirs.
    pub outlives: bool,
    /// Whether it is to read and revoke itself and nothing more.
    pub restricted: bool,
    /// Whether it is to be good only while the token that mints it is; `None` where nothing was said, which means what
    /// holds of that one.
    pub tied: Option<bool>,
    /// After how many milliseconds without use it is to be disabled.
    pub max_idle: Option<i64>,
}

/// By what right.
#[derive(Clone, Debug)]
pub enum Minter {
    /// The local operator, for anybody.
    Local,
    /// The owner's password.
    Password,
    /// The owner, signed in at the page.
    Session,
    /// Another token of the same owner.
    Token(Arc<Standing>),
}

impl Minter {
    /// As the new row records it.
    pub fn minted_by(&self) -> MintedBy {
        match self {
            Self::Local => MintedBy::Local,
            Self::Password => MintedBy::Password,
            Self::Session => MintedBy::Session,
            Self::Token(standing) => MintedBy::Token(standing.token.id),
        }
    }
}

/// What the new token gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its privileges.
    pub privileges: Privileges,
    /// Its modules' numbers.
    pub modules: Vec<String>,
    /// Its limits.
    pub limits: Limits,
    /// Whether it is good only while the token that mints it is.
    pub tied: bool,
    /// Its expiry; `None` for never.
    pub expires_at: Option<Instant>,
    /// After how many milliseconds without use it is disabled; `None` leaves it to the policy.
    pub max_idle: Option<i64>,
}

/// Judges a wish. `live` is how many live tokens the owner has in the organization, `modules` the numbers that exist
/// there.
pub fn judge(
    wish: &Wish,
    minter: &Minter,
    account: &Account,
    live: u32,
    modules: &[String],
    now: Instant,
) -> Result<Terms, Refusal> {
    let organization = &account.organization;
    may_issue(minter, account, now)?;
    let expires_at = expiry(wish, minter, &organization.policy, now)?;
    let terms = Terms {
        privileges: privileges(wish, minter, account)?,
        modules: narrowed_modules(wish, minter, modules)?,
        limits: limits(wish, minter, expires_at)?,
        tied: tied(wish, minter)?,
        expires_at,
        max_idle: max_idle(wish, minter, &organization.policy)?,
    };
    let limit = organization.policy.quota;
    if live < limit { Ok(terms) } else { Err(Refusal::QuotaFull { limit }) }
}

fn may_issue(minter: &Minter, account: &Account, now: Instant) -> Result<(), Refusal> {
    let Account { user, organization, membership } = account;
    if let Minter::Token(standing) = minter {
        if let Some(death) = standing.death(now) {
            return Err(Refusal::TokenDead(Box::new(death)));
        }
        if standing.token.restricted {
            return Err(Refusal::TokenRestricted);
        }
        if standing.token.owner != user.id {
            return Err(Refusal::OwnerForeign);
        }
        if standing.token.organization != organization.id {
            return Err(Refusal::WiderThanMinter { field: "organization" });
        }
    }
    if !user.active {
        return Err(Refusal::invalid("owner", "this user is disabled"));
    }
    // Not told apart from one that doesn't exist: it isn't this user's to know.
    let Some(membership) = membership else {
        return Err(Refusal::NotFound { what: "organization" });
    };
    if !organization.enabled || !organization.policy.api_access {
        return Err(Refusal::ApiAccessOff { organization: organization.slug.clone() });
    }
    let by_policy = user.operator
        || membership.role == Role::Administrator
        || organization.policy.issuers == Issuers::Members;
    if matches!(minter, Minter::Local) || membership.may_issue.unwrap_or(by_policy) {
        Ok(())
    } else {
        Err(Refusal::IssuingForbidden { organization: organization.slug.clone() })
    }
}

/// A child ends with its parent at the latest: one that names no end then, and one that names a later one isn't made.
fn expiry(wish: &Wish, minter: &Minter, policy: &Policy, now: Instant) -> Result<Option<Instant>, Refusal> {
    let expires_at = wish.lifetime.resolve(wish.lifetime_field, policy, now)?;
    let Minter::Token(parent) = minter else { return Ok(expires_at) };
    match (expires_at, parent.token.expires_at) {
        (_, None) => Ok(expires_at),
        _ if wish.outlives => Ok(expires_at),
        (Some(at), Some(end)) if at <= end => Ok(expires_at),
        (_, end) if wish.lifetime.is_open() => Ok(end),
        _ => Err(Refusal::WiderThanMinter { field: wish.lifetime_field }),
    }
}

/// What a tied token mints is tied as well: else it could leave behind what outlives its parent.
fn tied(wish: &Wish, minter: &Minter) -> Result<bool, Refusal> {
    match (minter, wish.tied) {
        (Minter::Token(parent), Some(false)) if parent.token.tied => {
            Err(Refusal::WiderThanMinter { field: "tied" })
        }
        (Minter::Token(parent), asked) => Ok(asked.unwrap_or(parent.token.tied)),
        (Minter::Local | Minter::Password | Minter::Session, Some(true)) => {
            Err(Refusal::invalid("tied", "only what a token mints can be tied to it"))
        }
        (Minter::Local | Minter::Password | Minter::Session, _) => Ok(false),
    }
}

fn max_idle(wish: &Wish, minter: &Minter, policy: &Policy) -> Result<Option<i64>, Refusal> {
    if wish.max_idle.zip(policy.max_idle).is_some_and(|(asked, most)| asked > most) {
        let most = show(policy.max_idle.unwrap_or_default());
        return Err(Refusal::invalid("max_idle", format!("the longest allowed here is {most}")));
    }
    let Minter::Token(parent) = minter else { return Ok(wish.max_idle) };
    match (wish.max_idle, parent.token.max_idle) {
        (Some(asked), Some(held)) if asked > held => Err(Refusal::WiderThanMinter { field: "max_idle" }),
        (asked, held) => Ok(asked.or(held)),
    }
}

fn privileges(wish: &Wish, minter: &Minter, account: &Account) -> Result<Privileges, Refusal> {
    let held = match minter {
        Minter::Token(standing) => standing.privileges.clone(),
        Minter::Local | Minter::Password | Minter::Session => account.holdings(),
    };
    let Some(named) = &wish.privileges else { return Ok(held.unreserved()) };
    match held.missing(named) {
        None => Ok(named.clone()),
        Some(privilege) => Err(Refusal::PrivilegeNotHeld { privilege: privilege.clone() }),
    }
}

fn limits(wish: &Wish, minter: &Minter, expires_at: Option<Instant>) -> Result<Limits, Refusal> {
    let limits = match minter {
        Minter::Token(standing) => wish.limits.clone().within(standing.token.id, &standing.token.limits)?,
        Minter::Local | Minter::Password | Minter::Session => wish.limits.clone(),
    };
    let born_dead = limits.not_before.zip(expires_at).is_some_and(|(begins, ends)| begins >= ends);
    if born_dead {
        return Err(Refusal::invalid("limits.not_before", "at this instant the token has expired"));
    }
    Ok(limits)
}

fn narrowed_modules(wish: &Wish, minter: &Minter, known: &[String]) -> Result<Vec<String>, Refusal> {
    let parent = match minter {
        Minter::Token(standing) => Some(&standing.token.modules),
        Minter::Local | Minter::Password | Minter::Session => None,
    };
    let Some(named) = &wish.modules else { return Ok(parent.cloned().unwrap_or_default()) };
    for module in named {
        if !known.contains(module) {
            // What isn't of the form may be anything, and isn't repeated.
            let named = module_number(module).unwrap_or_else(|_| "one".to_owned());
            return Err(Refusal::invalid("modules", format!("{named} isn't a module of the organization")));
        }
        if parent.is_some_and(|parent| !parent.contains(module)) {
            return Err(Refusal::WiderThanMinter { field: "modules" });
        }
    }
    let mut modules = named.clone();
    modules.sort_unstable();
    modules.dedup();
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        super::decision::fixtures::{NOW, account, set, standing, token},
        Account, Lifetime, Limits, Minter, Refusal, Role, Standing, Terms, Wish, judge,
    };
    use crate::core::{
        organization::Issuers::{Admins, Members},
        time::DAY,
    };

    fn wish() -> Wish {
        Wish {
            lifetime: Lifetime::Default,
            lifetime_field: "lifetime",
            privileges: None,
            modules: None,
            limits: Limits::default(),
            outlives: false,
            restricted: false,
            tied: None,
            max_idle: None,
        }
    }

    fn naming(privileges: &str) -> Wish {
        Wish { privileges: Some(set(privileges)), ..wish() }
    }

    fn ask(wish: &Wish, minter: &Minter, account: &Account) -> Result<Terms, Refusal> {
        judge(wish, minter, account, 0, &["MOD-1".into(), "MOD-2".into()], NOW)
    }

    fn parent(privileges: &str) -> (Minter, Account) {
        let account = account(Role::Administrator, true, "");
        (Minter::Token(Arc::new(standing(privileges, account.clone()))), account)
    }

    #[test]
    fn unnamed_privileges_are_all_that_is_held_but_the_reserved() {
        let administrator = account(Role::Administrator, true, "");
        let terms = ask(&wish(), &Minter::Password, &administrator).expect("an administrator issues");
        assert_eq!(terms.privileges, set("*:*"));
        assert_eq!(terms.expires_at, NOW.checked_add(30 * DAY));
        let (minter, account) = parent("orders:* jeton:admin");
        assert_eq!(ask(&wish(), &minter, &account).expect("a child").privileges, set("orders:*"));
        assert_eq!(ask(&naming(""), &minter, &account).expect("a child").privileges, set(""));
        assert_eq!(
            ask(&naming("jeton:admin"), &minter, &account).expect("a child").privileges,
            set("jeton:admin")
        );
    }

    #[test]
    fn a_child_is_never_wider_than_its_minter() {
        let (minter, account) = parent("orders:read *:list");
        for wider in ["orders:write", "orders:*", "*:*", "*:read", "jeton:admin", "jeton:introspect"] {
            let refusal = ask(&naming(wider), &minter, &account).expect_err(wider);
            assert_eq!(refusal.code(), "privilege_not_held", "{wider}");
        }
        assert!(ask(&naming("orders:read bills:list"), &minter, &account).is_ok());
        let modules =
            |names: &[&str]| Wish { modules: Some(names.iter().map(|n| (*n).into()).collect()), ..wish() };
        let refusal = ask(&modules(&["MOD-1"]), &minter, &account).expect_err("the parent has none");
        assert_eq!(refusal, Refusal::WiderThanMinter { field: "modules" });
        for (unknown, named) in [("MOD-3", "one"), ("MOD-0003", "MOD-0003")] {
            let refusal = ask(&modules(&[unknown]), &Minter::Password, &account).expect_err("no such module");
            assert_eq!(refusal.to_string(), format!("modules: {named} isn't a module of the organization"));
        }
        let terms =
            ask(&modules(&["MOD-2", "MOD-1", "MOD-2"]), &Minter::Password, &account).expect("known ones");
        assert_eq!(terms.modules, ["MOD-1", "MOD-2"]);
    }

    #[test]
    fn a_child_stays_with_its_minters_owner_and_organization() {
        let (minter, mut elsewhere) = parent("*:*");
        elsewhere.organization.id = crate::core::id::OrganizationId::from_bytes([9; 16]);
        let refusal = ask(&wish(), &minter, &elsewhere).expect_err("another organization");
        assert_eq!(refusal, Refusal::WiderThanMinter { field: "organization" });
        let (minter, mut other) = parent("*:*");
        other.user.id = crate::core::id::UserId::from_bytes([9; 16]);
        assert_eq!(ask(&wish(), &minter, &other), Err(Refusal::OwnerForeign));
    }

    #[test]
    fn the_dead_and_the_restricted_mint_nothing() {
        let account = account(Role::Administrator, true, "");
        let mut restricted = token("*:*", &account);
        restricted.restricted = true;
        let minter = Minter::Token(Arc::new(Standing::new(restricted, account.clone())));
        assert_eq!(ask(&wish(), &minter, &account), Err(Refusal::TokenRestricted));
        let mut expired = token("*:*", &account);
        expired.expires_at = Some(NOW);
        let minter = Minter::Token(Arc::new(Standing::new(expired, account.clone())));
        assert!(matches!(ask(&wish(), &minter, &account), Err(Refusal::TokenDead(_))));
    }

    #[test]
    fn who_may_issue_is_the_policys_word_unless_an_administrator_said_otherwise() {
        let verdict = |may_issue, issuers, minter| {
            let mut member = account(Role::Member, false, "orders:read");
            member.organization.policy.issuers = issuers;
            member.membership.as_mut().expect("a member").may_issue = may_issue;
            ask(&wish(), &minter, &member).map(|terms| terms.privileges)
        };
        assert!(matches!(verdict(None, Admins, Minter::Password), Err(Refusal::IssuingForbidden { .. })));
        assert!(matches!(
            verdict(Some(false), Members, Minter::Password),
            Err(Refusal::IssuingForbidden { .. })
        ));
        assert_eq!(verdict(Some(true), Admins, Minter::Password), Ok(set("orders:read")));
        assert_eq!(verdict(None, Members, Minter::Password), Ok(set("orders:read")));
        assert_eq!(
            verdict(None, Admins, Minter::Local),
            Ok(set("orders:read")),
            "the local operator is nobody's guest"
        );
    }

    #[test]
    fn the_quota_is_the_last_word() {
        let administrator = account(Role::Administrator, true, "");
        let limit = administrator.organization.policy.quota;
        let at = |live| judge(&wish(), &Minter::Password, &administrator, live, &[], NOW);
        assert!(at(limit - 1).is_ok());
        assert_eq!(at(limit), Err(Refusal::QuotaFull { limit }));
    }

    #[test]
    fn nothing_is_minted_where_api_access_is_off() {
        let mut off = account(Role::Administrator, true, "");
        off.organization.policy.api_access = false;
        assert!(matches!(ask(&wish(), &Minter::Local, &off), Err(Refusal::ApiAccessOff { .. })));
        let mut stranger = account(Role::Member, false, "");
        stranger.membership = None;
        assert_eq!(
            ask(&wish(), &Minter::Password, &stranger),
            Err(Refusal::NotFound { what: "organization" })
        );
    }
}
