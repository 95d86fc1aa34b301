//! What a database learns from the log. A thing that it doesn't know stays unknown; a row that was edited stays as it is.

use super::{
    super::{rows::ReadError, writer::Tx},
    about,
};
use crate::core::{
    event::Deed,
    id::{OrganizationId, TokenId, UserId},
    journal::{Fate, MembershipFate, OrganizationFate, TokenFate, UserFate},
    keys::Digest,
    refusal::Failure,
    time::Instant,
    token::Superseded,
    user::Membership,
};

/// What was learned, by kind and in words.
#[derive(Default)]
pub(super) struct Healed {
    tokens: u32,
    users: u32,
    organizations: u32,
    memberships: u32,
    pub(super) said: Vec<String>,
}

/// A row, unless it isn't there or isn't believed.
fn believed<T>(row: Result<Option<T>, ReadError>) -> Result<Option<T>, Failure> {
    match row {
        Err(error) if error.is_edit() => {
            tracing::error!(%error, "left as it is");
            Ok(None)
        }
        row => Ok(row?),
    }
}

impl Healed {
    /// Makes a thing what it has become.
    pub(super) fn learn(
        &mut self,
        tx: &mut Tx<'_>,
        fate: &Fate,
        at: Instant,
        now: Instant,
    ) -> Result<(), Failure> {
        let said = match fate {
            Fate::Begun(_) => None,
            Fate::Token(id, fate) => learn_token(tx, *id, fate, now)?.inspect(|_| self.tokens += 1),
            Fate::User(id, fate) => learn_user(tx, *id, *fate, now)?.inspect(|_| self.users += 1),
            Fate::Organization(id, fate) => {
                learn_organization(tx, *id, fate, now)?.inspect(|_| self.organizations += 1)
            }
            Fate::Membership(user, organization, fate) => {
                learn_membership(tx, *user, *organization, fate.as_ref(), at)?
                    .inspect(|_| self.memberships += 1)
            }
        };
        if let Some(said) = said {
            tracing::warn!("the journal knew more than the database: {said}");
            self.said.push(said);
        }
        Ok(())
    }

    /// Puts on record how much it was. Who was signed in signs in again: nobody knows who has signed out since.
    pub(super) fn record(&self, tx: &mut Tx<'_>, log: &Digest, now: Instant) -> Result<(), Failure> {
        if self.said.is_empty() {
            return Ok(());
        }
        tx.execute("DELETE FROM sessions", [])?;
        let counts = [
            ("tokens", self.tokens),
            ("users", self.users),
            ("organizations", self.organizations),
            ("memberships", self.memberships),
        ];
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        let detail: Vec<_> = counts.map(|(what, count)| format!("{what}={count}")).collect();
        tx.record(&about(Deed::JournalReplayed, log, detail.join(" "), now))
    }
}

fn learn_token(
    tx: &mut Tx<'_>,
    id: TokenId,
    fate: &TokenFate,
    now: Instant,
) -> Result<Option<String>, Failure> {
    let Some(mut row) = believed(tx.token(id))? else { return Ok(None) };
    // A successor that was made since isn't known: its place is nobody's, and the time that was left stays cut.
    let superseded = match fate.superseded {
        Some(Superseded { by, .. }) if tx.token(by)?.is_none() => row.superseded,
        superseded => superseded,
    };
    let fate = TokenFate { superseded, ..fate.clone() };
    if row.fate() == fate {
        return Ok(None);
    }
    let before = row.status;
    let TokenFate { status, cause, status_at, expires_at, waiting, superseded, modules } = fate;
    (row.status, row.cause, row.status_at, row.expires_at) = (status, cause, status_at, expires_at);
    (row.waiting, row.superseded) = (waiting, superseded);
    row.modules = modules.split_ascii_whitespace().map(str::to_owned).collect();
    tx.update_token(before, &mut row, now)?;
    let until = row.expires_at.map_or_else(String::new, |end| format!(" until {end}"));
    Ok(Some(format!("token {id} is {}{until}", row.status.as_str())))
}

fn learn_user(tx: &mut Tx<'_>, id: UserId, fate: UserFate, now: Instant) -> Result<Option<String>, Failure> {
    let Some(before) = believed(tx.user(id))? else { return Ok(None) };
    if before.fate() == fate {
        return Ok(None);
    }
    if let Some(deleted_at) = fate.deleted_at {
        if before.deleted_at.is_some() {
            return Ok(None);
        }
        tx.delete_user(&before, deleted_at)?;
        return Ok(Some(format!("user {id} is deleted")));
    }
    let mut row = before.clone();
    (row.active, row.operator) = (fate.active, fate.operator);
    tx.update_user(&before, &mut row, now)?;
    let active = if row.active { "enabled" } else { "disabled" };
    let operator = if row.operator { "an operator" } else { "no operator" };
    Ok(Some(format!("user {id} is {active} and {operator}")))
}

fn learn_organization(
    tx: &mut Tx<'_>,
    id: OrganizationId,
    fate: &OrganizationFate,
    now: Instant,
) -> Result<Option<String>, Failure> {
    let Some(mut row) = believed(tx.organization(id))? else { return Ok(None) };
    if row.fate() == *fate {
        return Ok(None);
    }
    (row.enabled, row.policy.api_access) = (fate.enabled, fate.api_access);
    row.privileges.clone_from(&fate.privileges);
    tx.update_organization(&mut row, now)?;
    let on = |on: bool| if on { "on" } else { "off" };
    let (enabled, access) = (on(row.enabled), on(row.policy.api_access));
    Ok(Some(format!("organization {id} is {enabled}, its API access {access}")))
}

fn learn_membership(
    tx: &mut Tx<'_>,
    user: UserId,
    organization: OrganizationId,
    fate: Option<&MembershipFate>,
    at: Instant,
) -> Result<Option<String>, Failure> {
    // An edited one does nothing as it is, and can be taken away.
    let before = match tx.membership(user, organization) {
        Err(error) if error.is_edit() && fate.is_some() => return Ok(None),
        Err(error) if error.is_edit() => None,
        before => before?,
    };
    let Some(fate) = fate else {
        tx.delete_membership(user, organization)?;
        return Ok(before.map(|_| format!("user {user} is no member of organization {organization}")));
    };
    if before.as_ref().is_some_and(|before| before.fate() == *fate) {
        return Ok(None);
    }
    let known = before.is_some()
        || (believed(tx.user(user))?.is_some_and(|user| user.deleted_at.is_none())
            && believed(tx.organization(organization))?.is_some());
    if !known {
        return Ok(None);
    }
    let MembershipFate { role, may_issue, privileges } = fate.clone();
    let row = |created_at| Membership { user, organization, role, may_issue, privileges, created_at };
    match before {
        Some(before) => tx.update_membership(&row(before.created_at))?,
        None => tx.insert_membership(&row(at))?,
    }
    Ok(Some(format!("user {user} is {} in organization {organization}", role.as_str())))
}
