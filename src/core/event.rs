//! What happened: one event for each mutation, each linked to the one before by an HMAC. Ids only: no names, nothing
//! that was typed, no secrets.

use super::{
    id::{Id, Kind, OrganizationId, TokenId, UserId},
    keys::{Digest, Keyring, PepperId},
    time::Instant,
};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The operator at the command line of the machine, or jeton itself at its first start.
    Local,
    /// A user, by password.
    Password(UserId),
    /// Whoever held a token.
    Token {
        /// The user it acts as.
        user: UserId,
        /// The token.
        token: TokenId,
    },
}

impl Actor {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Password(_) => "password",
            Self::Token { .. } => "token",
        }
    }

    /// The user, where there is one.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Local => None,
            Self::Password(user) | Self::Token { user, .. } => Some(user),
        }
    }

    /// The token, where one was used.
    pub const fn token(self) -> Option<TokenId> {
        match self {
            Self::Token { token, .. } => Some(token),
            _ => None,
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A token was issued.
    TokenCreated,
    /// A token's name, description, icon or modules were changed.
    TokenRelabelled,
    /// A token was switched off.
    TokenDisabled,
    /// A token was switched on again.
    TokenEnabled,
    /// A token was revoked for good.
    TokenDeleted,
    /// A user was made.
    UserCreated,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled again.
    UserEnabled,
    /// A user's password was set.
    PasswordSet,
    /// An organization was made.
    OrganizationCreated,
    /// An organization got an owner.
    OrganizationOwned,
    /// A user's personal data, home or rights were changed.
    UserUpdated,
    /// A user was deleted: the tokens are dead, the password gone.
    UserDeleted,
    /// What was personal about a deleted user is gone from every table.
    UserErased,
    /// A user was made an operator of the instance.
    OperatorMade,
    /// A user is an operator no more.
    OperatorUnmade,
    /// An organization's labels were changed.
    OrganizationUpdated,
    /// An organization was switched off, and its tokens with it.
    OrganizationDisabled,
    /// An organization was switched on again.
    OrganizationEnabled,
    /// An organization's token policy was changed.
    PolicyChanged,
    /// The privileges that exist in an organization were changed.
    PrivilegesChanged,
    /// An organization got a module.
    ModuleAdded,
    /// A module was renamed.
    ModuleRenamed,
    /// A module was removed.
    ModuleRemoved,
    /// A user was put into an organization.
    MemberAdded,
    /// A member's role, privileges or right to issue were changed.
    MemberChanged,
    /// A user was taken out of an organization.
    MemberRemoved,
    /// A wrong password; the object is the user it was for, all zeros where there is none of that name.
    SignInRefused,
    /// Tries that weren't looked at because too many wrong ones came before them; the detail says how many.
    SignInThrottled,
}

impl Deed {
    /// The stored and shown word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenCreated => "token.created",
            Self::TokenRelabelled => "token.relabelled",
            Self::TokenDisabled => "token.disabled",
            Self::TokenEnabled => "token.enabled",
            Self::TokenDeleted => "token.deleted",
            Self::UserCreated => "user.created",
            Self::UserDisabled => "user.disabled",
            Self::UserEnabled => "user.enabled",
            Self::PasswordSet => "user.password_set",
            Self::OrganizationCreated => "organization.created",
            Self::OrganizationOwned => "organization.owned",
            Self::UserUpdated => "user.updated",
            Self::UserDeleted => "user.deleted",
            Self::UserErased => "user.erased",
            Self::OperatorMade => "user.operator_made",
            Self::OperatorUnmade => "user.operator_unmade",
            Self::OrganizationUpdated => "organization.updated",
            Self::OrganizationDisabled => "organization.disabled",
            Self::OrganizationEnabled => "organization.enabled",
            Self::PolicyChanged => "organization.policy_changed",
            Self::PrivilegesChanged => "organization.privileges_changed",
            Self::ModuleAdded => "module.added",
            Self::ModuleRenamed => "module.renamed",
            Self::ModuleRemoved => "module.removed",
            Self::MemberAdded => "member.added",
            Self::MemberChanged => "member.changed",
            Self::MemberRemoved => "member.removed",
            Self::SignInRefused => "sign_in.refused",
            Self::SignInThrottled => "sign_in.throttled",
        }
    }
}

/// To what it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The kind's name.
    pub kind: &'static str,
    /// Its id.
    pub id: [u8; 16],
}

impl<K: Kind> From<Id<K>> for Object {
    fn from(id: Id<K>) -> Self {
        Self { kind: K::NAME, id: id.0 }
    }
}

/// Who acts and from where: what every mutation is handed.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The peer's IP address; `None` for a Unix socket and in-process.
    pub address: Option<String>,
}

/// One event, before it has its place in the chain.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Who, and from where.
    pub origin: Origin,
    /// What.
    pub deed: Deed,
    /// To what.
    pub object: Object,
    /// In which organization, where it is in one.
    pub organization: Option<OrganizationId>,
    /// The names of the fields that changed, parted by spaces; empty where the deed says it all.
    pub detail: String,
}

impl Event {
    /// The link of this event at place `sequence` after the link `before`; `None` without that pepper.
    pub fn link(&self, keys: &Keyring, pepper: PepperId, sequence: i64, before: &Digest) -> Option<Digest> {
        let optional = |id: Option<[u8; 16]>| id.map_or_else(Vec::new, |id| id.to_vec());
        Some(
            keys.link(pepper, before)?
                .int(sequence)
                .int(self.at.millis())
                .text(self.origin.actor.as_str())
                .bytes(&optional(self.origin.actor.user().map(|id| id.0)))
                .bytes(&optional(self.origin.actor.token().map(|id| id.0)))
                .text(self.origin.address.as_deref().unwrap_or_default())
                .text(self.deed.as_str())
                .text(self.object.kind)
                .bytes(&self.object.id)
                .bytes(&optional(self.organization.map(|id| id.0)))
                .text(&self.detail)
                .finish(),
        )
    }
}
