//! Organizations: made, read, changed; their policy, and the privileges that exist in them.

use super::{
    Caller, Service,
    list::Page,
    people::find,
    reach::{Place, Reach},
};
use crate::{
    core::{
        changes::Changes,
        decision::{Subject, decide_for_good},
        event::Deed,
        id::{OfOrganization, OrganizationId, UserId},
        organization::{Organization, Policy, PolicyChange},
        privilege::{MOST, Privilege, Privileges},
        refusal::{Failure, Refusal},
        time::Instant,
        user::{Membership, Role, User},
    },
    store::{ReadError, Rows, Tx, Write},
};

/// An organization and its owner's name.
#[derive(Clone, Debug)]
pub struct OrganizationView {
    /// Its row.
    pub organization: Organization,
    /// Its owner's username.
    pub owner: Option<String>,
}

/// An organization to be made, the fields' forms checked.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Its short name in requests: unique, and never another.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// More words for people; empty for none.
    pub description: String,
    /// A URL of a picture; empty for none.
    pub image: String,
    /// By username or id: becomes its administrator.
    pub owner: Option<String>,
    /// The privileges that are to exist in it.
    pub privileges: Privileges,
    /// What of its policy isn't the default.
    pub policy: PolicyChange,
}

/// What to change of an organization.
#[derive(Clone, Debug)]
pub enum OrganizationChange {
    /// Its labels, owner and policy; what is `None` stays.
    Update {
        /// A new name.
        name: Option<String>,
        /// A new description.
        description: Option<String>,
        /// A new picture.
        image: Option<String>,
        /// A new owner, by username or id, out of its administrators.
        owner: Option<String>,
        /// A new policy, for what is minted from now on.
        policy: PolicyChange,
    },
    /// Switches it off, its tokens with it, or on again.
    Enable(bool),
    /// Puts these in the place of the privileges that exist in it.
    SetPrivileges(Privileges),
    /// Adds one, if it isn't there.
    AddPrivilege(Privilege),
    /// Takes one away: tokens and members that hold it hold it no more, until it is added again.
    RemovePrivilege(Privilege),
}

impl Service {
    /// Makes an organization.
    pub async fn create_organization(
        &self,
        caller: &Caller,
        organization: NewOrganization,
    ) -> Result<OrganizationView, Failure> {
        let now = self.now();
        let write = Create { caller: caller.clone(), id: self.new_id(now), new: organization, now };
        self.store.write(write).await
    }

    /// One organization that the caller manages or is in, by slug or any id.
    pub fn organization(&self, caller: &Caller, name: &str) -> Result<OrganizationView, Failure> {
        let now = self.now();
        self.look(|rows| Ok(view(rows, readable(rows, caller, name, now)?)?))
    }

    /// A page of the organizations that the caller manages or is in, by slug.
    pub async fn organizations(
        &self,
        caller: &Caller,
        after: Option<String>,
        limit: u32,
    ) -> Result<Page<OrganizationView, String>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let after = after.as_deref().unwrap_or_default();
            let page = match (Reach::of(rows, &subject, now)?, &subject) {
                (Reach::Instance, _) | (_, Subject::Local) => rows.organizations(after, limit + 1)?,
                (_, Subject::Password(account) | Subject::Session(_, account)) => {
                    rows.organizations_with(account.user.id, after, limit + 1)?
                }
                // A token is in its own, and reaches nothing more.
                (_, Subject::Token(standing)) => {
                    let own = rows.organization(standing.token.organization)?;
                    own.into_iter().filter(|own| own.slug.as_str() > after).collect()
                }
            };
            let views = page.into_iter().map(|organization| view(rows, organization));
            Ok(views.collect::<Result<Vec<_>, ReadError>>()?)
        };
        let mut views = self.store.read_apart(read).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = views.len() > limit;
        views.truncate(limit);
        let last = views.last().filter(|_| more);
        let next = last.map(|view| view.organization.slug.clone());
        Ok(Page { items: views, next, total: None })
    }

    /// Changes an organization. `version` is the change sequence that the change is meant for.
    pub async fn change_organization(
        &self,
        caller: &Caller,
        name: &str,
        change: OrganizationChange,
        version: Option<u32>,
    ) -> Result<OrganizationView, Failure> {
        let (caller, name) = (caller.clone(), name.to_owned());
        let write = ChangeOrganization { caller, name, change, version, now: self.now() };
        self.store.write(write).await.inspect(|_| self.idle_changed())
    }
}

/// An organization that the caller manages or is in; any other doesn't exist for them.
pub(super) fn readable(
    rows: &Rows<'_>,
    caller: &Caller,
    name: &str,
    now: Instant,
) -> Result<Organization, Failure> {
    let reach = Reach::of(rows, &caller.subject, now)?;
    Ok(Place::meant(rows, &caller.subject, &reach, Some(name))?.organization)
}

/// An organization that the caller manages, and how far they reach.
pub(super) fn managed(
    rows: &Rows<'_>,
    subject: &Subject,
    name: &str,
    now: Instant,
) -> Result<(Organization, Reach), Failure> {
    let reach = Reach::of(rows, subject, now)?.required()?;
    let organization = Place::meant(rows, subject, &reach, Some(name))?.managed()?;
    Ok((organization, reach))
}

fn view(rows: &Rows<'_>, organization: Organization) -> Result<OrganizationView, ReadError> {
    let owner = organization.owner.map(|owner| rows.user(owner)).transpose()?.flatten();
    Ok(OrganizationView { organization, owner: owner.map(|owner| owner.username) })
}

struct Create {
    caller: Caller,
    id: OrganizationId,
    new: NewOrganization,
    now: Instant,
}

impl Write for Create {
    type Output = OrganizationView;
    // Nobody holds a token of it yet.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<OrganizationView, Failure> {
        let Self { caller, id, new, now } = self;
        let subject = caller.decide_again(tx, now)?;
        Reach::of(tx, &subject, now)?.instance()?;
        let owner = new.owner.map(|name| first_owner(tx, &name)).transpose()?;
        let mut policy = Policy::default();
        policy.change(new.policy);
        let organization = Organization {
            id,
            number: tx.next_number::<OfOrganization>()?,
            slug: new.slug,
            name: new.name,
            description: new.description,
            image: new.image,
            owner: owner.as_ref().map(|owner| owner.id),
            enabled: true,
            privileges: new.privileges,
            policy,
            created_at: now,
            updated_at: now,
            change_sequence: 0,
        };
        tx.insert_organization(&organization)?;
        tx.record(&caller.event(Deed::OrganizationCreated, id, id, "", now))?;
        if let Some(owner) = &owner {
            tx.insert_membership(&Membership {
                user: owner.id,
                organization: id,
                role: Role::Administrator,
                may_issue: None,
                privileges: Privileges::default(),
                created_at: now,
            })?;
            tx.record(&caller.event(Deed::MemberAdded, owner.id, id, "", now))?;
            tx.record(&caller.event(Deed::OrganizationOwned, id, id, "", now))?;
        }
        Ok(OrganizationView { organization, owner: owner.map(|owner| owner.username) })
    }
}

fn first_owner(rows: &Rows<'_>, name: &str) -> Result<User, Failure> {
    let owner = find(rows, name)?.filter(|user| user.active);
    Ok(owner.ok_or_else(|| Refusal::invalid("owner", "no active user has this name"))?)
}

struct ChangeOrganization {
    caller: Caller,
    name: String,
    change: OrganizationChange,
    version: Option<u32>,
    now: Instant,
}

impl Write for ChangeOrganization {
    type Output = OrganizationView;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<OrganizationView, Failure> {
        let Self { caller, name, change, version, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let (mut organization, reach) = managed(tx, &subject, &name, now)?;
        let current = organization.change_sequence;
        if version.is_some_and(|version| version != current) {
            return Err(Refusal::VersionStale { current }.into());
        }
        let owner = organization.owner;
        let done = change.make(tx, &reach, &mut organization)?;
        if organization.owner != owner {
            decide_for_good(&subject, now)?;
        }
        if !done.is_empty() {
            tx.update_organization(&mut organization, now)?;
        }
        let id = organization.id;
        for (deed, detail) in done {
            tx.record(&caller.event(deed, id, id, detail, now))?;
        }
        Ok(view(tx, organization)?)
    }
}

impl OrganizationChange {
    /// Makes the change to the row in hand, and says what was done: nothing where nothing is different.
    fn make(
        self,
        rows: &Rows<'_>,
        reach: &Reach,
        organization: &mut Organization,
    ) -> Result<Vec<(Deed, String)>, Failure> {
        let Self::Update { name, description, image, owner, policy } = self else {
            reach.instance()?;
            return Ok(self.make_by_operator(organization)?.into_iter().collect());
        };
        let mut done = Vec::new();
        let mut labels = Changes::default();
        labels.set("name", name, &mut organization.name);
        labels.set("description", description, &mut organization.description);
        labels.set("image", image, &mut organization.image);
        if !labels.is_empty() {
            done.push((Deed::OrganizationUpdated, labels.detail()));
        }
        let owner = owner.map(|owner| administrator(rows, organization, &owner)).transpose()?;
        if owner.is_some() && owner != organization.owner {
            organization.owner = owner;
            done.push((Deed::OrganizationOwned, String::new()));
        }
        let policy = organization.policy.change(policy);
        if !policy.is_empty() {
            done.push((Deed::PolicyChanged, policy.detail()));
        }
        Ok(done)
    }

    fn make_by_operator(self, organization: &mut Organization) -> Result<Option<(Deed, String)>, Refusal> {
        let had = &organization.privileges;
        let privileges = match self {
            Self::Update { .. } => return Ok(None),
            Self::Enable(enabled) => {
                let deed = if enabled { Deed::OrganizationEnabled } else { Deed::OrganizationDisabled };
                let was = std::mem::replace(&mut organization.enabled, enabled);
                return Ok((was != enabled).then(|| (deed, String::new())));
            }
            Self::SetPrivileges(all) => all,
            Self::AddPrivilege(one) => had.clone().with(one),
            Self::RemovePrivilege(one) if had.iter().any(|other| *other == one) => {
                had.iter().filter(|other| **other != one).cloned().collect()
            }
            Self::RemovePrivilege(_) => return Err(Refusal::NotFound { what: "privilege" }),
        };
        if privileges.iter().len() > MOST {
            return Err(Refusal::invalid("privileges", format!("at most {MOST}")));
        }
        let was = std::mem::replace(&mut organization.privileges, privileges);
        Ok((was != organization.privileges).then(|| (Deed::PrivilegesChanged, String::new())))
    }
}

/// Who is to own an organization: one of its administrators. Whoever else is named, there or not, gets one answer.
fn administrator(rows: &Rows<'_>, organization: &Organization, name: &str) -> Result<UserId, Failure> {
    if let Some(user) = find(rows, name)? {
        let membership = rows.membership(user.id, organization.id)?;
        if membership.is_some_and(|membership| membership.role == Role::Administrator) {
            return Ok(user.id);
        }
    }
    Err(Refusal::invalid("owner", "must be an administrator of the organization").into())
}
