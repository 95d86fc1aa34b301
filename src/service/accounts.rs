//! A user's account: its labels and home, whether it is in use, whether it operates the instance; and its end.

use super::{
    Caller, Service,
    people::{account_for, is_self, may_manage, seen},
    reach::{Place, Reach},
};
use crate::{
    core::{
        changes::Changes,
        decision::{Account, Subject, decide_for_good},
        event::Deed,
        refusal::{Failure, Refusal},
        time::Instant,
        user::User,
    },
    store::{Rows, Tx, Write},
};

/// What to change of a user; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// Empty for none.
    pub email: Option<String>,
    /// Empty for none.
    pub first_name: Option<String>,
    /// Empty for none.
    pub last_name: Option<String>,
    /// Empty for none.
    pub title: Option<String>,
    /// Empty for none.
    pub image: Option<String>,
    /// Whether they operate the whole instance: an operator's to say.
    pub operator: Option<bool>,
    /// A new home by slug or any id, out of the organizations that they are in: an operator's to say.
    pub organization: Option<String>,
}

/// What to change of an account.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Labels, home and rights.
    Update(UserUpdate),
    /// Disables a user, whose tokens are all dead on the next check, or enables one, which brings them back.
    Activate(bool),
}

impl Service {
    /// Changes a user's account. `version` is the change sequence that the change is meant for.
    pub async fn change_account(
        &self,
        caller: &Caller,
        name: &str,
        change: AccountChange,
        version: Option<u32>,
    ) -> Result<Account, Failure> {
        let (caller, name) = (caller.clone(), name.to_owned());
        self.store.write(ChangeAccount { caller, name, change, version, now: self.now() }).await
    }

    /// Deletes a user for good: no sign-in, every token dead. What was personal is erased soon after.
    pub async fn delete_user(
        &self,
        caller: &Caller,
        name: &str,
        version: Option<u32>,
    ) -> Result<(), Failure> {
        let (caller, name) = (caller.clone(), name.to_owned());
        self.store.write(DeleteUser { caller, name, version, now: self.now() }).await?;
        self.erase_soon();
        Ok(())
    }
}

fn current(user: &User, version: Option<u32>) -> Result<(), Refusal> {
    let current = user.change_sequence;
    if version.is_some_and(|version| version != current) {
        return Err(Refusal::VersionStale { current });
    }
    Ok(())
}

/// Refuses to take away the last operator who can sign in.
fn not_the_last(rows: &Rows<'_>, user: &User) -> Result<(), Failure> {
    if user.operator && user.active && !rows.other_operator(user.id)? {
        return Err(Refusal::LastOperator.into());
    }
    Ok(())
}

struct ChangeAccount {
    caller: Caller,
    name: String,
    change: AccountChange,
    version: Option<u32>,
    now: Instant,
}

impl Write for ChangeAccount {
    type Output = Account;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Account, Failure> {
        let Self { caller, name, change, version, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let reach = Reach::of(tx, &subject, now)?;
        let reach = if let AccountChange::Activate(_) = change { reach.required()? } else { reach };
        let before = seen(tx, &subject, &reach, &name)?;
        let mut user = before.clone();
        let done = match change {
            AccountChange::Update(update) => {
                if !is_self(&subject, &before) {
                    may_manage(tx, &reach, &before)?;
                }
                current(&before, version)?;
                if update.operator.is_some_and(|operator| operator != before.operator) {
                    decide_for_good(&subject, now)?;
                }
                update.make(tx, &subject, &reach, &mut user)?
            }
            AccountChange::Activate(active) => {
                may_manage(tx, &reach, &before)?;
                current(&before, version)?;
                user.active = active;
                if active {
                    // With all that they may do, and their tokens.
                    decide_for_good(&subject, now)?;
                } else {
                    tx.delete_sessions(user.id)?;
                }
                let deed = if active { Deed::UserEnabled } else { Deed::UserDisabled };
                (before.active != active).then(|| (deed, String::new())).into_iter().collect()
            }
        };
        if !(user.active && user.operator) {
            not_the_last(tx, &before)?;
        }
        if !done.is_empty() {
            tx.update_user(&before, &mut user, now)?;
        }
        for (deed, detail) in done {
            tx.record(&caller.event(deed, user.id, user.home, detail, now))?;
        }
        Ok(account_for(tx, &subject, &reach, user)?)
    }
}

impl UserUpdate {
    /// Makes the change to the row in hand, and says what was done: nothing where nothing is different.
    fn make(
        self,
        rows: &Rows<'_>,
        subject: &Subject,
        reach: &Reach,
        user: &mut User,
    ) -> Result<Vec<(Deed, String)>, Failure> {
        if self.operator.is_some() || self.organization.is_some() {
            reach.instance()?;
        }
        let mut home = None;
        if let Some(name) = &self.organization {
            let organization = Place::meant(rows, subject, reach, Some(name))?.organization;
            if rows.membership(user.id, organization.id)?.is_none() {
                return Err(Refusal::invalid("organization", "must be one that the user is in").into());
            }
            home = Some(organization.id);
        }
        let mut fields = Changes::default();
        fields.set("email", self.email, &mut user.email);
        fields.set("first_name", self.first_name, &mut user.first_name);
        fields.set("last_name", self.last_name, &mut user.last_name);
        fields.set("title", self.title, &mut user.title);
        fields.set("image", self.image, &mut user.image);
        fields.set("organization", home, &mut user.home);
        let mut done = Vec::new();
        if !fields.is_empty() {
            done.push((Deed::UserUpdated, fields.detail()));
        }
        let was = user.operator;
        user.operator = self.operator.unwrap_or(was);
        if user.operator != was {
            let deed = if user.operator { Deed::OperatorMade } else { Deed::OperatorUnmade };
            done.push((deed, String::new()));
        }
        Ok(done)
    }
}

struct DeleteUser {
    caller: Caller,
    name: String,
    version: Option<u32>,
    now: Instant,
}

impl Write for DeleteUser {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { caller, name, version, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let reach = Reach::of(tx, &subject, now)?.required()?;
        let user = seen(tx, &subject, &reach, &name)?;
        may_manage(tx, &reach, &user)?;
        decide_for_good(&subject, now)?;
        current(&user, version)?;
        not_the_last(tx, &user)?;
        tx.delete_sessions(user.id)?;
        tx.delete_feeds(user.id)?;
        for id in tx.organizations_of(user.id)? {
            // An owner is always an administrator of what they own, so none is missed.
            let owned = tx.organization(id)?.filter(|organization| organization.owner == Some(user.id));
            if let Some(mut organization) = owned {
                organization.owner = None;
                tx.update_organization(&mut organization, now)?;
                tx.record(&caller.event(Deed::OrganizationUpdated, id, id, "owner", now))?;
            }
            tx.delete_membership(user.id, id)?;
            tx.record(&caller.event(Deed::MemberRemoved, user.id, id, "", now))?;
        }
        tx.delete_user(&user, now)?;
        tx.record(&caller.event(Deed::UserDeleted, user.id, user.home, "", now))
    }
}
