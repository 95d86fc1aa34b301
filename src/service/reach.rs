//! How far a caller's rights reach: the whole instance, some organizations, or nothing but what is their own.

use super::{Caller, Service};
use crate::{
    core::{
        decision::{Demand, Subject, decide_again},
        id::{OrganizationId, UserId},
        organization::Organization,
        refusal::{Failure, Refusal},
        time::Instant,
    },
    store::{ReadError, Rows},
};

/// What a caller manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everything.
    Instance,
    /// These organizations, perhaps none.
    Organizations(Vec<OrganizationId>),
}

impl Reach {
    /// How far `subject` reaches now: the one decision, asked in each organization it could administer. A token never
    /// reaches beyond its own, unless its owner operates the instance.
    pub(super) fn of(rows: &Rows<'_>, subject: &Subject, now: Instant) -> Result<Self, ReadError> {
        if decide_again(subject, Demand::Operator, now).is_ok() {
            return Ok(Self::Instance);
        }
        let administers = |subject: &Subject| decide_again(subject, Demand::Administrator, now).is_ok();
        let organizations = match subject {
            Subject::Local => Vec::new(),
            Subject::Token(standing) => {
                let own = administers(subject).then_some(standing.token.organization);
                own.into_iter().collect()
            }
            Subject::Password(account) | Subject::Session(_, account) => {
                let mut administered = Vec::new();
                for organization in rows.organizations_of(account.user.id)? {
                    let there = rows.account(account.user.clone(), organization)?;
                    if subject.placed(there).is_some_and(|there| administers(&there)) {
                        administered.push(organization);
                    }
                }
                administered
            }
        };
        Ok(Self::Organizations(organizations))
    }

    /// Whether an organization and what is in it is the caller's to manage.
    pub(super) fn covers(&self, organization: OrganizationId) -> bool {
        match self {
            Self::Instance => true,
            Self::Organizations(organizations) => organizations.contains(&organization),
        }
    }

    /// Refuses whoever doesn't operate the instance.
    pub(super) fn instance(&self) -> Result<(), Refusal> {
        if *self == Self::Instance { Ok(()) } else { Err(Refusal::OperatorRequired) }
    }

    /// Refuses whoever manages nothing at all, before anything is looked up for them.
    pub(super) fn required(self) -> Result<Self, Refusal> {
        match &self {
            Self::Organizations(organizations) if organizations.is_empty() => {
                Err(Refusal::AdministratorRequired)
            }
            _ => Ok(self),
        }
    }

    /// Whether all that a user is in lies within it, so that managing their account reaches nowhere else. An operator's
    /// account is managed by operators.
    pub(super) fn covers_account(
        &self,
        rows: &Rows<'_>,
        user: UserId,
        operator: bool,
    ) -> Result<bool, ReadError> {
        match self {
            Self::Instance => Ok(true),
            Self::Organizations(_) if operator => Ok(false),
            Self::Organizations(_) => {
                let memberships = rows.organizations_of(user)?;
                Ok(!memberships.is_empty()
                    && memberships.iter().all(|organization| self.covers(*organization)))
            }
        }
    }

    /// Whether a user may be seen: one who is in an organization within it.
    pub(super) fn shows(&self, rows: &Rows<'_>, user: UserId) -> Result<bool, ReadError> {
        Ok(*self == Self::Instance
            || rows.organizations_of(user)?.iter().any(|organization| self.covers(*organization)))
    }
}

/// The organization that a request is about, and whether the caller manages it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) organization: Organization,
    pub(super) managed: bool,
}

impl Service {
    /// The organization that a request is about, if API access is on in it.
    pub fn open_organization(&self, caller: &Caller, named: Option<&str>) -> Result<Organization, Failure> {
        let now = self.now();
        self.look(|rows| {
            let reach = Reach::of(rows, &caller.subject, now)?;
            let organization = Place::meant(rows, &caller.subject, &reach, named)?.organization;
            if organization.enabled && organization.policy.api_access {
                Ok(organization)
            } else {
                Err(Refusal::ApiAccessOff { organization: organization.slug }.into())
            }
        })
    }

    /// Whether there is anything at all that somebody manages.
    pub fn manages(&self, subject: &Subject) -> Result<bool, Failure> {
        let now = self.now();
        self.look(|rows| Ok(Reach::of(rows, subject, now)?.required().is_ok()))
    }

    /// The organizations in which the caller's own tokens may be: a token's is its own.
    pub fn own_organizations(&self, caller: &Caller) -> Result<Vec<Organization>, Failure> {
        let ids = |rows: &Rows<'_>| match &caller.subject {
            Subject::Local => Ok(Vec::new()),
            Subject::Token(standing) => Ok(vec![standing.token.organization]),
            Subject::Password(account) | Subject::Session(_, account) => {
                rows.organizations_of(account.user.id)
            }
        };
        self.look(|rows| {
            let found = ids(rows)?.into_iter().map(|id| rows.organization(id));
            Ok(found.filter_map(Result::transpose).collect::<Result<_, _>>()?)
        })
    }
}

/// The organization that every installation begins with.
const FIRST_ORGANIZATION: &str = "default";

impl Place {
    /// The one that is named, by slug or any id; else the token's own or the user's home; `default` for the local
    /// operator. One that isn't the caller's to know of doesn't exist for them.
    pub(super) fn meant(
        rows: &Rows<'_>,
        subject: &Subject,
        reach: &Reach,
        named: Option<&str>,
    ) -> Result<Self, Failure> {
        let found = match (named, subject.account()) {
            (Some(name), _) => rows.organization_named(name)?,
            (None, Some(account)) => rows.organization(account.organization.id)?,
            (None, None) => rows.organization_named(FIRST_ORGANIZATION)?,
        };
        let organization = found.ok_or(Refusal::NotFound { what: "organization" })?;
        let managed = reach.covers(organization.id);
        let is_in = match subject {
            Subject::Local => true,
            Subject::Token(standing) => standing.token.organization == organization.id,
            Subject::Password(account) | Subject::Session(_, account) => {
                rows.membership(account.user.id, organization.id)?.is_some()
            }
        };
        if managed || is_in {
            Ok(Self { organization, managed })
        } else {
            Err(Refusal::NotFound { what: "organization" }.into())
        }
    }

    /// The same, where the caller must manage it.
    pub(super) fn managed(self) -> Result<Organization, Refusal> {
        if self.managed { Ok(self.organization) } else { Err(Refusal::AdministratorRequired) }
    }
}
