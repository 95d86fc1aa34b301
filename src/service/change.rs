//! Changing a token: its labels, and active ⇄ disabled → deleted. Its secret, owner, organization, privileges, limits
//! and expiry never change.

use super::{
    Caller, Service,
    ending::end,
    issue::event,
    list::{TokenView, is_own, may_see, view},
    reach::Reach,
};
use crate::{
    core::{
        changes::Changes,
        decision::{Subject, decide_for_good},
        event::{Deed, Origin},
        id::{OfToken, Reference},
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::Instant,
        token::{Cause, Ending, Status, Token},
    },
    store::{Tx, Write},
};

/// What to change of a token.
#[derive(Clone, Debug)]
pub enum Change {
    /// Its labels.
    Relabel(Labels),
    /// Switches it off.
    Disable,
    /// Switches it on again.
    Enable,
    /// Revokes it for good.
    Delete,
}

/// What to change of a token's labels; what is `None` stays. Modules may be narrowed and never widened.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// A new icon.
    pub icon: Option<String>,
    /// Those modules that stay.
    pub modules: Option<Vec<String>>,
}

/// What a change is meant for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Which token.
    pub reference: Reference<OfToken>,
    /// The change sequence that it must have; `None` for any.
    pub version: Option<u32>,
    /// Whether it must be the caller's own, whatever else they may change.
    pub own: bool,
    /// Whether to refuse what changes nothing: what is so already, and switching a token that has expired.
    pub strict: bool,
}

impl Target {
    /// Any version of a token that the caller may change.
    pub const fn of(reference: Reference<OfToken>) -> Self {
        Self { reference, version: None, own: false, strict: false }
    }

    /// The token that a caller presented.
    pub fn own(caller: &Caller) -> Result<Self, Refusal> {
        match &caller.subject {
            Subject::Token(standing) => Ok(Self::of(Reference::Id(standing.token.id))),
            Subject::Password(_) | Subject::Session(..) | Subject::Local => {
                Err(Refusal::NotFound { what: "token" })
            }
        }
    }
}

impl Service {
    /// Changes a token of the caller's.
    pub async fn change(
        &self,
        caller: &Caller,
        target: Target,
        change: Change,
    ) -> Result<TokenView, Failure> {
        let write = ChangeToken { caller: caller.clone(), target, change, now: self.now() };
        self.store.write(write).await.map(|view| self.with_gathered(view))
    }

    /// Revokes the token that the caller presented.
    pub async fn revoke_own(&self, caller: &Caller) -> Result<(), Failure> {
        self.change(caller, Target::own(caller)?, Change::Delete).await.map(drop)
    }

    /// Revokes the token whose whole secret this is (RFC 7009), and on request what it has minted and they in turn.
    /// What isn't a token of ours needs no revoking.
    pub async fn revoke_presented(
        &self,
        text: &SecretText,
        descendants: bool,
        address: Option<std::net::IpAddr>,
    ) -> Result<(), Failure> {
        let standing = match self.genuine(text) {
            Ok(standing) => standing,
            Err(Failure::Refused(Refusal::CredentialInvalid)) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let actor = Subject::Token(standing.clone()).actor();
        let origin = Origin { actor, address: address.map(|address| address.to_string()) };
        self.revoke_family(standing.token.id, descendants, origin).await
    }
}

struct ChangeToken {
    caller: Caller,
    target: Target,
    change: Change,
    now: Instant,
}

impl Write for ChangeToken {
    type Output = TokenView;
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<TokenView, Failure> {
        let Self { caller, target, change, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let reach = Reach::of(tx, &subject, now)?;
        let is_meant = |token: &Token| {
            if target.own { is_own(&subject, token) } else { may_see(&subject, &reach, token) }
        };
        let token = tx.token_by(&target.reference)?.filter(is_meant);
        let mut token = token.ok_or(Refusal::NotFound { what: "token" })?;
        if token.status == Status::Deleted {
            return Err(Refusal::TokenDeleted.into());
        }
        if target.version.is_some_and(|version| version != token.change_sequence) {
            return Err(Refusal::VersionStale { current: token.change_sequence }.into());
        }
        let switches = matches!(change, Change::Disable | Change::Enable);
        if target.strict && switches && token.is_expired(now) {
            return Err(Refusal::StatusUnfit { status: "expired" }.into());
        }
        let origin = caller.origin();
        let changed = match change {
            Change::Disable => end(tx, &mut token, Ending::Disable, Cause::Said, &origin, now)?,
            Change::Delete => {
                decide_for_good(&subject, now)?;
                end(tx, &mut token, Ending::Delete, Cause::Said, &origin, now)?
            }
            Change::Enable => enable(tx, &mut token, origin, now)?,
            Change::Relabel(labels) => relabel(tx, &mut token, labels, origin, now)?,
        };
        if !changed && target.strict {
            return Err(Refusal::StatusUnfit { status: token.shown_status(now) }.into());
        }
        Ok(view(tx, token)?)
    }
}

/// Lets a token in again; says whether it was kept out.
fn enable(tx: &mut Tx<'_>, token: &mut Token, origin: Origin, now: Instant) -> Result<bool, Failure> {
    let before = token.status;
    if before == Status::Active {
        return Ok(false);
    }
    token.switch(Status::Active, Cause::Said, now);
    tx.update_token(before, token, now)?;
    tx.record(&event(token, Deed::TokenEnabled, origin, now))?;
    Ok(true)
}

/// Changes labels; says whether any is another now.
fn relabel(
    tx: &mut Tx<'_>,
    token: &mut Token,
    Labels { name, description, icon, modules }: Labels,
    origin: Origin,
    now: Instant,
) -> Result<bool, Failure> {
    let modules = modules.map(|modules| narrowed(&token.modules, modules)).transpose()?;
    let mut changes = Changes::default();
    changes.set("name", name, &mut token.name);
    changes.set("description", description, &mut token.description);
    changes.set("icon", icon, &mut token.icon);
    changes.set("modules", modules, &mut token.modules);
    if changes.is_empty() {
        return Ok(false);
    }
    tx.update_token(token.status, token, now)?;
    let mut relabelled = event(token, Deed::TokenRelabelled, origin, now);
    relabelled.detail = changes.detail();
    tx.record(&relabelled)?;
    Ok(true)
}

fn narrowed(had: &[String], mut kept: Vec<String>) -> Result<Vec<String>, Refusal> {
    if kept.iter().any(|module| !had.contains(module)) {
        return Err(Refusal::invalid("modules", "one isn't the token's: modules only narrow"));
    }
    kept.sort_unstable();
    kept.dedup();
    Ok(kept)
}
