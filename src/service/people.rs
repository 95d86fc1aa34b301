//! Users: made, found, seen, given a password. What else is changed of one stands in [`super::accounts`].

use super::{
    Caller, Service,
    members::may_grant,
    reach::{Place, Reach},
};
use crate::{
    core::{
        decision::{Account, Subject, decide_for_good},
        event::Deed,
        id::{OfUser, Reference, UserId},
        organization::Organization,
        privilege::Privileges,
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::Instant,
        user::{Membership, Role, User, new_password},
    },
    store::{ReadError, Rows, Tx, Write},
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
    /// Their home, by slug or any id; `None` for the caller's own.
    pub organization: Option<String>,
}

impl Service {
    /// Makes a user.
    pub async fn create_user(&self, caller: &Caller, user: NewUser) -> Result<Account, Failure> {
        // Before a hash is spent; the write asks again.
        self.look(|rows| room_for(rows, &caller.subject, &user, self.now()))?;
        new_password(&user.password, &user.username)?;
        let hash = self.hasher.hash(user.password.clone()).await?;
        let now = self.now();
        self.store.write(CreateUser { caller: caller.clone(), id: self.new_id(now), user, hash, now }).await
    }

    /// One user that the caller may see, by name or any id.
    pub fn user(&self, caller: &Caller, name: &str) -> Result<Account, Failure> {
        let now = self.now();
        self.look(|rows| {
            let reach = Reach::of(rows, &caller.subject, now)?;
            let user = seen(rows, &caller.subject, &reach, name)?;
            Ok(account_for(rows, &caller.subject, &reach, user)?)
        })
    }

    /// Sets a user's password: whoever manages the account, or the user by the old one. Tokens stay; who is signed in at the
    /// page isn't any more.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        password: SecretText,
    ) -> Result<(), Failure> {
        let now = self.now();
        let target = self.look(|rows| whose_password(rows, &caller.subject, name, now))?;
        new_password(&password, &target.username)?;
        let hash = self.hasher.hash(password).await?;
        let write = SetPassword { caller: caller.clone(), user: target.id, hash, now: self.now() };
        self.store.write(write).await
    }
}

/// A user by name or any id. A deleted one isn't found.
pub(super) fn find(rows: &Rows<'_>, name: &str) -> Result<Option<User>, ReadError> {
    let found = match Reference::<OfUser>::parse(name) {
        Some(Reference::Id(id)) => rows.user(id)?,
        Some(Reference::Short(prefix)) => rows.user_by_prefix(prefix)?,
        Some(Reference::Number(_)) | None => None,
    };
    match found.filter(|user| user.deleted_at.is_none()) {
        // Some ids are of a username's form too.
        None => rows.user_by_name(name),
        found => Ok(found),
    }
}

/// Whether a user is meant by a name or an id.
pub(super) fn is_named(user: &User, name: &str) -> bool {
    user.username == name
        || match Reference::<OfUser>::parse(name) {
            Some(Reference::Id(id)) => user.id == id,
            Some(Reference::Short(_)) => user.id.short() == name,
            Some(Reference::Number(_)) | None => false,
        }
}

/// Whether it is the user's own password that was given, now or to sign in. A token is never its owner's whole self.
pub(super) fn is_self(subject: &Subject, user: &User) -> bool {
    match subject {
        Subject::Password(account) | Subject::Session(_, account) => account.user.id == user.id,
        Subject::Token(_) | Subject::Local => false,
    }
}

/// A user that the caller may know of: themself, or one in an organization that they reach. Any other doesn't exist.
pub(super) fn seen(rows: &Rows<'_>, subject: &Subject, reach: &Reach, name: &str) -> Result<User, Failure> {
    if let Some(user) = find(rows, name)?
        && (is_self(subject, &user) || reach.shows(rows, user.id)?)
    {
        return Ok(user);
    }
    Err(Refusal::NotFound { what: "user" }.into())
}

/// Refuses whoever reaches a part of what a user is in and not all of it.
pub(super) fn may_manage(rows: &Rows<'_>, reach: &Reach, user: &User) -> Result<(), Failure> {
    let covered = reach.covers_account(rows, user.id, user.operator)?;
    if covered { Ok(()) } else { Err(Refusal::OperatorRequired.into()) }
}

/// A user at home; to an administrator who doesn't reach that, in an organization that they do.
pub(super) fn account_for(
    rows: &Rows<'_>,
    subject: &Subject,
    reach: &Reach,
    user: User,
) -> Result<Account, ReadError> {
    let mut place = user.home;
    if !is_self(subject, &user) && !reach.covers(place) {
        let shared =
            rows.organizations_of(user.id)?.into_iter().find(|organization| reach.covers(*organization));
        place = shared.unwrap_or(place);
    }
    rows.account(user, place)
}

/// A user whose account is the caller's own, or theirs to manage.
pub(super) fn own_or_managed(
    rows: &Rows<'_>,
    subject: &Subject,
    name: &str,
    now: Instant,
) -> Result<User, Failure> {
    let reach = Reach::of(rows, subject, now)?;
    let user = seen(rows, subject, &reach, name)?;
    if !is_self(subject, &user) {
        may_manage(rows, &reach, &user)?;
    }
    Ok(user)
}

fn whose_password(rows: &Rows<'_>, subject: &Subject, name: &str, now: Instant) -> Result<User, Failure> {
    let user = own_or_managed(rows, subject, name, now)?;
    decide_for_good(subject, now)?;
    Ok(user)
}

/// The organization that a new user is to be in, if the caller may put such a user there.
fn room_for(
    rows: &Rows<'_>,
    subject: &Subject,
    new: &NewUser,
    now: Instant,
) -> Result<Organization, Failure> {
    let reach = Reach::of(rows, subject, now)?.required()?;
    let organization = Place::meant(rows, subject, &reach, new.organization.as_deref())?.managed()?;
    decide_for_good(subject, now)?;
    if new.operator {
        reach.instance()?;
    }
    may_grant(&reach, &organization, &new.privileges, &Privileges::default())?;
    Ok(organization)
}

/// The same, and the owner of the token that asks: they may be named, not looked at.
pub(super) fn visible(
    rows: &Rows<'_>,
    subject: &Subject,
    reach: &Reach,
    name: &str,
) -> Result<User, Failure> {
    match (subject, find(rows, name)?) {
        (Subject::Token(standing), Some(user)) if standing.token.owner == user.id => Ok(user),
        _ => seen(rows, subject, reach, name),
    }
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
        let subject = caller.decide_again(tx, now)?;
        let mut organization = room_for(tx, &subject, &new, now)?;
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
            created_at: now,
        };
        tx.insert_user(&user)?;
        tx.set_password(id, hash, now)?;
        tx.insert_membership(&membership)?;
        let home = organization.id;
        tx.record(&caller.event(Deed::UserCreated, id, home, "", now))?;
        if user.operator {
            tx.record(&caller.event(Deed::OperatorMade, id, home, "", now))?;
        }
        if organization.owner.is_none() && membership.role == Role::Administrator {
            organization.owner = Some(id);
            tx.update_organization(&mut organization, now)?;
            tx.record(&caller.event(Deed::OrganizationOwned, home, home, "", now))?;
        }
        Ok(Account { user, organization, membership: Some(membership) })
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
        let target = whose_password(tx, &subject, &user.to_string(), now)?;
        tx.set_password(user, hash, now)?;
        tx.delete_sessions(user)?;
        tx.record(&caller.event(Deed::PasswordSet, user, target.home, "", now))
    }
}
