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
    /// The operator at the command line of the machine; or jeton itself, at its first start and in the background.
    Local,
    /// A user, by password.
    Password(UserId),
    /// A user who is signed in at the page.
    Session(UserId),
    /// Whoever held a token, dead or alive.
    Token {
        /// The user it acts as.
        user: UserId,
        /// The token.
        token: TokenId,
    },
    /// Somebody who couldn't prove to be anybody.
    Nobody,
}

impl Actor {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Password(_) => "password",
            Self::Session(_) => "session",
            Self::Token { .. } => "token",
            Self::Nobody => "nobody",
        }
    }

    /// The user, where there is one.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Local | Self::Nobody => None,
            Self::Password(user) | Self::Session(user) | Self::Token { user, .. } => Some(user),
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
    /// A token got a successor; the detail names it, and how the one gives way to the other.
    TokenRotated,
    /// A successor was used for the first time: the token has given way to it.
    RotationCommitted,
    /// A successor wasn't used in time, or another took its place: it is dead, and the token stays as it was.
    RotationUndone,
    /// A token that had given way to its successor was presented after its end; the detail names the successor.
    SupersededPresented,
    /// A token will be disabled or deleted soon, because nobody uses it.
    IdleAnnounced,
    /// A token was found where others can read it.
    TokenLeaked,
    /// Many tokens were disabled or deleted in one call; the detail says how many.
    RevocationCarriedOut,
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
    /// A user signed in at the page.
    SessionBegun,
    /// A user signed out, or was: the detail says by what, where it wasn't by the user.
    SessionEnded,
    /// A wrong password; the object is the user it was for, all zeros where there is none of that name.
    SignInRefused,
    /// Tries that weren't looked at because too many wrong ones came before them; the detail says how many.
    SignInThrottled,
    /// An older database learned from the journal what it had missed; the detail says how much.
    JournalReplayed,
    /// The journal was missing or broken, and somebody said that what it knew may be forgotten: another one was begun.
    ResurrectionAccepted,
    /// The oldest events were removed; the detail says which.
    EventsPruned,
    /// A feed of what expires was made.
    FeedCreated,
    /// A feed was removed.
    FeedRemoved,
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
            Self::TokenRotated => "token.rotated",
            Self::RotationCommitted => "token.rotation_committed",
            Self::RotationUndone => "token.rotation_undone",
            Self::SupersededPresented => "token.superseded_presented",
            Self::IdleAnnounced => "token.idle_announced",
            Self::TokenLeaked => "token.leaked",
            Self::RevocationCarriedOut => "revocation.carried_out",
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
            Self::SessionBegun => "session.begun",
            Self::SessionEnded => "session.ended",
            Self::SignInRefused => "sign_in.refused",
            Self::SignInThrottled => "sign_in.throttled",
            Self::JournalReplayed => "journal.replayed",
            Self::ResurrectionAccepted => "journal.resurrection_accepted",
            Self::EventsPruned => "events.pruned",
            Self::FeedCreated => "feed.created",
            Self::FeedRemoved => "feed.removed",
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

impl Object {
    /// The record of events itself.
    pub const RECORD: Self = Self { kind: "events", id: [0; 16] };
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

/// An event as it stands in its row: words and bytes, whether or not they mean anything.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its place in the chain.
    pub sequence: i64,
    /// When: never before the event in front of it.
    pub at: Instant,
    /// The actor's word.
    pub actor: &'a str,
    /// The actor's user, where there is one.
    pub actor_user: Option<&'a [u8]>,
    /// The actor's token, where one was used.
    pub actor_token: Option<&'a [u8]>,
    /// The peer's address, unless there is none or it was blanked.
    pub address: Option<&'a str>,
    /// What stands for the address in the link; none where there was no address, or in a row older than digests.
    pub address_digest: Option<Digest>,
    /// The deed's word.
    pub deed: &'a str,
    /// The object's kind.
    pub object_kind: &'a str,
    /// The object's id.
    pub object: &'a [u8],
    /// The organization, where there is one.
    pub organization: Option<&'a [u8]>,
    /// The names of the fields that changed.
    pub detail: &'a str,
}

/// What is wrong with a chain of events, told of the first row that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// No row has this place, and one comes after it.
    #[error("it is missing: there are events after it and none of this sequence")]
    Missing,
    /// The chain should go on here.
    #[error("it is missing: events were cut off the end")]
    CutOff,
    /// Before the first place of all.
    #[error("it stands before the first event")]
    BeforeFirst,
    /// Beyond the end that was sealed.
    #[error(
        "it stands after the end of the chain: it was added by something else than jeton, or the end was put back"
    )]
    AfterEnd,
    /// The link fits neither the row nor the one before.
    #[error("its link doesn't fit: it, or the link before it, was edited by something else than jeton")]
    Link,
    /// The address isn't the one that was recorded.
    #[error("its address was edited by something else than jeton")]
    Address,
    /// Some column holds what none can.
    #[error("a column holds what jeton never writes there")]
    Column,
    /// It was linked with a key that isn't in the pepper file.
    #[error("it was linked with a key that pepper.key doesn't hold")]
    Pepper,
    /// The seal over the end of the chain is broken or gone; so nobody knows whether events were cut off.
    #[error("the sealed end of the chain was edited or removed: events may be missing from here on")]
    End,
    /// The seal over where the chain begins since events were removed is broken; so nobody knows what it goes on from.
    #[error(
        "the sealed beginning of the chain was edited: nobody can say which events were removed by jeton"
    )]
    Beginning,
}

impl Entry<'_> {
    /// The link after the link `before`; `None` without that pepper.
    ///
    /// The address is covered by its digest, which comes last, so that it can be blanked; rows older than digests
    /// have it in its place as it stands.
    pub fn link(&self, keys: &Keyring, pepper: PepperId, before: &Digest) -> Option<Digest> {
        let in_place = if self.address_digest.is_some() { None } else { self.address };
        let link = keys
            .link(pepper, before)?
            .int(self.sequence)
            .int(self.at.millis())
            .text(self.actor)
            .bytes(self.actor_user.unwrap_or_default())
            .bytes(self.actor_token.unwrap_or_default())
            .text(in_place.unwrap_or_default())
            .text(self.deed)
            .text(self.object_kind)
            .bytes(self.object)
            .bytes(self.organization.unwrap_or_default())
            .text(self.detail);
        Some(
            match self.address_digest {
                Some(digest) => link.bytes(&digest.0),
                None => link,
            }
            .finish(),
        )
    }

    /// Holds the row against the link it has and the link before it.
    pub fn check(
        &self,
        keys: &Keyring,
        pepper: PepperId,
        before: &Digest,
        link: &Digest,
    ) -> Result<(), Flaw> {
        let ids = [self.actor_user, self.actor_token, Some(self.object), self.organization];
        // A link can't tell an empty column from one that is NULL.
        if ids.into_iter().flatten().any(|id| id.len() != 16) || self.address.is_some_and(str::is_empty) {
            return Err(Flaw::Column);
        }
        if !self.link(keys, pepper, before).ok_or(Flaw::Pepper)?.matches(link) {
            return Err(Flaw::Link);
        }
        let (Some(address), Some(digest)) = (self.address, self.address_digest) else { return Ok(()) };
        let expected = keys.address_digest(pepper, self.sequence, address).ok_or(Flaw::Pepper)?;
        if expected.matches(&digest) { Ok(()) } else { Err(Flaw::Address) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Entry, Flaw, Instant};
    use crate::core::keys::{Keyring, Pepper};

    const ENTRY: Entry<'_> = Entry {
        sequence: 7,
        at: Instant::from_millis(1),
        actor: "nobody",
        actor_user: None,
        actor_token: None,
        address: Some("192.0.2.1"),
        address_digest: None,
        deed: "sign_in.refused",
        object_kind: "user",
        object: &[0; 16],
        organization: None,
        detail: "",
    };
    const BEFORE: Digest = Digest([9; 32]);

    #[test]
    fn an_address_can_be_blanked_only_where_its_digest_stands() {
        let keys = Keyring::new(&Pepper::generate([1; 32]));
        let old_link = ENTRY.link(&keys, 1, &BEFORE).unwrap();
        let verdict = |entry: Entry<'_>, link: &Digest| entry.check(&keys, 1, &BEFORE, link);
        assert_eq!(verdict(ENTRY, &old_link), Ok(()));
        assert_eq!(verdict(Entry { address: None, ..ENTRY }, &old_link), Err(Flaw::Link));

        let digest = keys.address_digest(1, 7, "192.0.2.1");
        let new = Entry { address_digest: digest, ..ENTRY };
        let link = new.link(&keys, 1, &BEFORE).unwrap();
        assert_eq!(verdict(new, &link), Ok(()));
        assert_eq!(verdict(Entry { address: None, ..new }, &link), Ok(()));
        assert_eq!(verdict(Entry { address: Some("192.0.2.2"), ..new }, &link), Err(Flaw::Address));
        assert_eq!(verdict(Entry { address_digest: None, ..new }, &link), Err(Flaw::Link));
        assert_ne!(digest, keys.address_digest(1, 8, "192.0.2.1"), "equal addresses don't show");
    }

    #[test]
    fn every_field_is_covered() {
        let keys = Keyring::new(&Pepper::generate([1; 32]));
        let link = ENTRY.link(&keys, 1, &BEFORE).unwrap();
        let id: &[u8] = &[1; 16];
        for other in [
            Entry { sequence: 8, ..ENTRY },
            Entry { at: Instant::from_millis(2), ..ENTRY },
            Entry { actor: "local", ..ENTRY },
            Entry { actor_user: Some(id), ..ENTRY },
            Entry { actor_token: Some(id), ..ENTRY },
            Entry { deed: "token.created", ..ENTRY },
            Entry { object_kind: "token", ..ENTRY },
            Entry { object: id, ..ENTRY },
            Entry { organization: Some(id), ..ENTRY },
            Entry { detail: "name", ..ENTRY },
        ] {
            assert_eq!(other.check(&keys, 1, &BEFORE, &link), Err(Flaw::Link), "{other:?}");
        }
        assert_eq!(ENTRY.check(&keys, 1, &Digest([8; 32]), &link), Err(Flaw::Link));
        assert_eq!(ENTRY.check(&keys, 2, &BEFORE, &link), Err(Flaw::Pepper));
        assert_eq!(
            Entry { actor_user: Some(&[]), ..ENTRY }.check(&keys, 1, &BEFORE, &link),
            Err(Flaw::Column)
        );
    }
}
