//! Members of an organization: put there, read, changed, taken out.

use super::{Caller, Service, organizations::managed, people::find, reach::Reach};
use crate::{
    core::{
        changes::Changes,
        decision::decide_for_good,
        event::Deed,
        organization::Organization,
        privilege::{Privilege, Privileges},
        refusal::{Failure, Refusal},
        time::Instant,
        user::{Membership, Role, User},
    },
    store::{Rows, Tx, Write},
};

/// A member of an organization.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Who.
    pub user: User,
    /// Where: its slug.
    pub organization: String,
    /// As what.
    pub membership: Membership,
}

/// A member to be, the fields' forms checked.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// By username or id.
    pub user: String,
    /// As what.
    pub role: Role,
    /// Whether they may issue tokens there; `None` leaves it to its policy.
    pub may_issue: Option<bool>,
    /// What they are granted there.
    pub privileges: Privileges,
}

/// What to change of a membership; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct MemberUpdate {
    /// As what.
    pub role: Option<Role>,
    /// Whether they may issue tokens there: yes, no, or as its policy says.
    pub may_issue: Option<Option<bool>>,
    /// What they are granted there, in the place of what was.
    pub privileges: Option<Privileges>,
}

impl Service {
    /// One member of an organization that the caller manages.
    pub fn member(&self, caller: &Caller, organization: &str, user: &str) -> Result<MemberView, Failure> {
        let now = self.now();
        self.look(|rows| {
            let (organization, _) = managed(rows, &caller.subject, organization, now)?;
            let (user, membership) = member(rows, &organization, user)?;
            Ok(MemberView { user, organization: organization.slug, membership })
        })
    }

    /// Puts a user that the caller may see into an organization that they manage.
    pub async fn add_member(
        &self,
        caller: &Caller,
        organization: &str,
        member: NewMember,
    ) -> Result<MemberView, Failure> {
        let (caller, organization) = (caller.clone(), organization.to_owned());
        self.store.write(AddMember { caller, organization, member, now: self.now() }).await
    }

    /// Changes what a member is, may and holds.
    pub async fn change_member(
        &self,
        caller: &Caller,
        organization: &str,
        user: &str,
        update: MemberUpdate,
    ) -> Result<MemberView, Failure> {
        let (caller, organization, user) = (caller.clone(), organization.to_owned(), user.to_owned());
        self.store.write(ChangeMember { caller, organization, user, update, now: self.now() }).await
    }

    /// Takes a user out of an organization: their tokens of it are dead, until they are put there again.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        organization: &str,
        user: &str,
    ) -> Result<(), Failure> {
        let (caller, organization, user) = (caller.clone(), organization.to_owned(), user.to_owned());
        self.store.write(RemoveMember { caller, organization, user, now: self.now() }).await
    }
}

/// A member by username or id. A user who isn't in it is answered like one who doesn't exist.
fn member(rows: &Rows<'_>, organization: &Organization, name: &str) -> Result<(User, Membership), Failure> {
    if let Some(user) = find(rows, name)?
        && let Some(membership) = rows.membership(user.id, organization.id)?
    {
        return Ok((user, membership));
    }
    Err(Refusal::NotFound { what: "member" }.into())
}

/// Holds a grant against what the organization has. The reserved ones are an operator's to give; whoever has one keeps
/// it.
pub(super) fn may_grant(
    reach: &Reach,
    organization: &Organization,
    wanted: &Privileges,
    had: &Privileges,
) -> Result<(), Refusal> {
    if let Some(privilege) = organization.privileges.missing(&wanted.unreserved()) {
        let problem = format!("{privilege} isn't a privilege of the organization {}", organization.slug);
        return Err(Refusal::invalid("privileges", problem));
    }
    let is_new = |privilege: &Privilege| privilege.is_reserved() && !had.cover(privilege);
    if wanted.iter().any(is_new) { reach.instance() } else { Ok(()) }
}

/// Whether somebody becomes an administrator by a change, or gets a reserved privilege.
fn is_mightier(role: Option<Role>, privileges: Option<&Privileges>, had: Option<&Membership>) -> bool {
    let was = had.is_some_and(|had| had.role == Role::Administrator);
    let has = |privilege: &Privilege| had.is_some_and(|had| had.privileges.cover(privilege));
    let gets = |privilege: &Privilege| privilege.is_reserved() && !has(privilege);
    (role == Some(Role::Administrator) && !was) || privileges.is_some_and(|some| some.iter().any(gets))
}

fn not_its_owner(organization: &Organization, user: &User) -> Result<(), Refusal> {
    if organization.owner == Some(user.id) {
        return Err(Refusal::OrganizationOwned { organization: organization.slug.clone() });
    }
    Ok(())
}

struct AddMember {
    caller: Caller,
    organization: String,
    member: NewMember,
    now: Instant,
}

impl Write for AddMember {
    type Output = MemberView;
    // Tokens from an earlier time there live again.
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<MemberView, Failure> {
        let Self { caller, organization, member: new, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let (organization, reach) = managed(tx, &subject, &organization, now)?;
        let Some(user) = find(tx, &new.user)? else { return Err(Refusal::NotFound { what: "user" }.into()) };
        if !reach.shows(tx, user.id)? {
            return Err(Refusal::NotFound { what: "user" }.into());
        }
        may_grant(&reach, &organization, &new.privileges, &Privileges::default())?;
        if is_mightier(Some(new.role), Some(&new.privileges), None) {
            decide_for_good(&subject, now)?;
        }
        let membership = Membership {
            user: user.id,
            organization: organization.id,
            role: new.role,
            may_issue: new.may_issue,
            privileges: new.privileges,
            created_at: now,
        };
        tx.insert_membership(&membership)?;
        tx.record(&caller.event(Deed::MemberAdded, user.id, organization.id, "", now))?;
        Ok(MemberView { user, organization: organization.slug, membership })
    }
}

struct ChangeMember {
    caller: Caller,
    organization: String,
    user: String,
    update: MemberUpdate,
    now: Instant,
}

impl Write for ChangeMember {
    type Output = MemberView;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<MemberView, Failure> {
        let Self { caller, organization, user, update, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let (organization, reach) = managed(tx, &subject, &organization, now)?;
        let (user, mut membership) = member(tx, &organization, &user)?;
        if let Some(privileges) = &update.privileges {
            may_grant(&reach, &organization, privileges, &membership.privileges)?;
        }
        if is_mightier(update.role, update.privileges.as_ref(), Some(&membership)) {
            decide_for_good(&subject, now)?;
        }
        if update.role == Some(Role::Member) {
            not_its_owner(&organization, &user)?;
        }
        let mut fields = Changes::default();
        fields.set("role", update.role, &mut membership.role);
        fields.set("may_issue", update.may_issue, &mut membership.may_issue);
        fields.set("privileges", update.privileges, &mut membership.privileges);
        if !fields.is_empty() {
            tx.update_membership(&membership)?;
            tx.record(&caller.event(Deed::MemberChanged, user.id, organization.id, fields.detail(), now))?;
        }
        Ok(MemberView { user, organization: organization.slug, membership })
    }
}

struct RemoveMember {
    caller: Caller,
    organization: String,
    user: String,
    now: Instant,
}

impl Write for RemoveMember {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { caller, organization, user, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let (organization, _) = managed(tx, &subject, &organization, now)?;
        let (user, _) = member(tx, &organization, &user)?;
        not_its_owner(&organization, &user)?;
        tx.delete_membership(user.id, organization.id)?;
        tx.record(&caller.event(Deed::MemberRemoved, user.id, organization.id, "", now))
    }
}
