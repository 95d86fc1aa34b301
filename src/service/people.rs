//! Users: made, listed, disabled, enabled, given a password.

use super::{Caller, Service, reach::Reach};
use crate::{
    core::{
        decision::{Account, Demand, Subject, decide},
        event::{Deed, Event, Object},
        id::{OfUser, OrganizationId, Reference, UserId},
        privilege::Privileges,
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::Instant,
        user::{Membership, Role, User, new_password},
    },
    store::{Rows, Tx, Write},
};

/// A user to be made, the fields' forms checked.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The unique name to sign in with.
    pub username: String,
    /// The first password.
    pub password: SecretText,
    /// Empty for none.
    pub email: String,
    /// Empty for none.
    pub first_name: String,
    /// Empty for none.
    pub last_name: String,
    /// Empty for none.
    pub title: String,
    /// Empty for none.
    pub image: String,
    /// Whether they operate the whole instance.
    pub operator: bool,
    /// What they are in their organization.
    pub role: Role,
    /// Whether they may issue tokens there; `None` leaves it to its policy.
    pub may_issue: Option<bool>,
    /// What they are granted there.
    pub privileges: Privileges,
    /// Their home, by slug or any id; `None` for `default`.
    pub organization: Option<String>,
}

/// The organization that every installation begins with.
const FIRST_ORGANIZATION: &str = "default";

impl Service {
    /// Makes a user.
    pub async fn create_user(&self, caller: &Caller, user: NewUser) -> Result<Account, Failure> {
        new_password(&user.password, &user.username)?;
        let hash = self.hasher.hash(user.password.clone()).await?;
        let now = self.now();
        self.store.write(CreateUser { caller: caller.clone(), id: self.new_id(now), user, hash, now }).await
    }

    /// One user, by name or any id.
    pub fn user(&self, name: &str) -> Result<Account, Failure> {
        let account = self.store.read(|rows| {
            find(rows, name)?
                .map(|user| {
                    let home = user.home;
                    rows.account(user, home)
                })
                .transpose()
        })?;
        account.ok_or(Refusal::NotFound { what: "user" }.into())
    }

    /// Disables a user, whose tokens are all dead on the next check, or enables one, which brings them back.
    pub async fn set_user_active(
        &self,
        caller: &Caller,
        name: &str,
        active: bool,
    ) -> Result<Account, Failure> {
        let name = name.to_owned();
        self.store.write(SetActive { caller: caller.clone(), name, active, now: self.now() }).await
    }

    /// Sets a user's password: an operator anybody's, anybody else their own with the old one. Tokens stay.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        password: SecretText,
    ) -> Result<(), Failure> {
        let target = match self.store.read(|rows| find(rows, name))? {
            Some(user) if may_set_password(&caller.subject, &user, self.now()) => user,
            // To whoever may set nobody's, a user who exists looks like one who doesn't.
            _ => {
                decide(&caller.subject, Demand::Operator, self.now())?;
                return Err(Refusal::NotFound { what: "user" }.into());
            }
        };
        new_password(&password, &target.username)?;
        let hash = self.hasher.hash(password).await?;
        let write = SetPassword { caller: caller.clone(), user: target.id, hash, now: self.now() };
        self.store.write(write).await
    }
}

fn may_set_password(subject: &Subject, target: &User, now: Instant) -> bool {
    let own = matches!(subject, Subject::Password(account) if account.user.id == target.id);
    own || decide(subject, Demand::Operator, now).is_ok()
}

fn find(rows: &Rows<'_>, name: &str) -> Result<Option<User>, crate::store::ReadError> {
    match Reference::<OfUser>::parse(name) {
        Some(Reference::Id(id)) => rows.user(id),
        Some(Reference::Short(prefix)) => match rows.user_by_prefix(prefix)? {
            // 24 hex digits are a username's form too.
            None => rows.user_by_name(name),
            found => Ok(found),
        },
        Some(Reference::Number(_)) | None => rows.user_by_name(name),
    }
}

/// A user as a request names one, whom the caller may know of: oneself, and whoever is within reach.
pub(super) fn visible(
    rows: &Rows<'_>,
    subject: &Subject,
    reach: &Reach,
    name: &str,
) -> Result<User, Failure> {
    let unknown = || Failure::from(Refusal::NotFound { what: "user" });
    let user = find(rows, name)?.ok_or_else(unknown)?;
    let is_oneself = subject.account().is_some_and(|account| account.user.id == user.id);
    if is_oneself || reach.shows(rows, user.id)? { Ok(user) } else { Err(unknown()) }
}

fn event(
    caller: &Caller,
    deed: Deed,
    object: impl Into<Object>,
    organization: OrganizationId,
    at: Instant,
) -> Event {
    let (object, organization) = (object.into(), Some(organization));
    Event { at, origin: caller.origin(), deed, object, organization, detail: String::new() }
}

struct CreateUser {
    caller: Caller,
    id: UserId,
    user: NewUser,
    hash: String,
    now: Instant,
}

impl Write for CreateUser {
    type Output = Account;
    // A user who has no token yet changes no answer.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Account, Failure> {
        let Self { caller, id, user: new, hash, now } = self;
        caller.decide_again(tx, now)?;
        let named = new.organization.as_deref().unwrap_or(FIRST_ORGANIZATION);
        let organization = tx.organization_named(named)?;
        let organization = organization.ok_or(Refusal::NotFound { what: "organization" })?;
        if let Some(privilege) = organization.privileges.missing(&new.privileges.unreserved()) {
            let problem = format!("{privilege} isn't a privilege of the organization {}", organization.slug);
            return Err(Refusal::invalid("privileges", problem).into());
        }
        let user = User {
            id,
            number: tx.next_number::<OfUser>()?,
            username: new.username,
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            title: new.title,
            image: new.image,
            active: true,
            operator: new.operator,
            home: organization.id,
            deleted_at: None,
            created_at: now,
            updated_at: now,
            change_sequence: 0,
        };
        let membership = Membership {
            user: id,
            organization: organization.id,
            role: new.role,
            may_issue: new.may_issue,
            privileges: new.privileges,
        };
        tx.insert_user(&user)?;
        tx.set_password(id, hash, now)?;
        tx.insert_membership(&membership, now)?;
        tx.record(&event(&caller, Deed::UserCreated, id, organization.id, now))?;
        if organization.owner.is_none() && membership.role == Role::Administrator {
            tx.set_organization_owner(organization.clone(), id, now)?;
            tx.record(&event(&caller, Deed::OrganizationOwned, organization.id, organization.id, now))?;
        }
        Ok(Account { user, organization, membership: Some(membership) })
    }
}

struct SetActive {
    caller: Caller,
    name: String,
    active: bool,
    now: Instant,
}

impl Write for SetActive {
    type Output = Account;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Account, Failure> {
        let Self { caller, name, active, now } = self;
        caller.decide_again(tx, now)?;
        let mut user = find(tx, &name)?.ok_or(Refusal::NotFound { what: "user" })?;
        if user.active != active {
            user = tx.set_user_active(user, active, now)?;
            let deed = if active { Deed::UserEnabled } else { Deed::UserDisabled };
            tx.record(&event(&caller, deed, user.id, user.home, now))?;
        }
        let home = user.home;
        Ok(tx.account(user, home)?)
    }
}

struct SetPassword {
    caller: Caller,
    user: UserId,
    hash: String,
    now: Instant,
}

impl Write for SetPassword {
    type Output = ();
    // A password changes no token's answer, and each sign-in reads the hash anew.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { caller, user, hash, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let target = tx.user(user)?.filter(|target| may_set_password(&subject, target, now));
        let target = target.ok_or(Refusal::NotFound { what: "user" })?;
        tx.set_password(user, hash, now)?;
        tx.record(&event(&caller, Deed::PasswordSet, user, target.home, now))
    }
}
