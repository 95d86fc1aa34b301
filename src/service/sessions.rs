//! Being signed in at the page: begun with a password, ended by hand, by time, or because the password isn't good any more.

use std::{net::IpAddr, sync::Arc};

use super::{
    Caller, Service,
    people::own_or_managed,
    sign_in::SignedIn,
    verify::{Peer, believed},
};
use crate::{
    core::{
        decision::{Account, Subject},
        event::{Actor, Deed, Event, Origin},
        id::{OfSession, OrganizationId, SessionId},
        keys::Digest,
        refusal::{Failure, Refusal},
        secret::{SecretText, SessionSecret, random},
        session::{MOST, Session},
        time::Instant,
        user::User,
    },
    store::{Tx, Write},
};

pub use crate::store::Begun;

/// The longest that is kept of what a browser calls itself, in characters.
const AGENT: usize = 200;

/// A user's sessions, as far as the caller may look.
#[derive(Debug)]
pub struct Sessions {
    /// Whose.
    pub username: String,
    /// Those that aren't over, the oldest first.
    pub begun: Vec<Begun>,
}

impl Service {
    /// Signs a user in: a new session, whatever `before` was, which ends.
    pub async fn begin_session(
        &self,
        username: &str,
        password: &SecretText,
        before: Option<&SessionSecret>,
        peer: Peer<'_>,
    ) -> Result<(SessionSecret, Session, Arc<Account>), Failure> {
        let before = before.map(|secret| believed(self.store.read(|rows| rows.session_of(secret))));
        let before = before.transpose()?.flatten();
        let known = before.filter(|session| !session.is_over(self.now()));
        let SignedIn { account, hash } = self.sign_in(username, password, peer.address, known).await?;
        let now = self.now();
        let secret = SessionSecret::generate(random(self.entropy.as_ref()));
        let digest = self.keys.session_digest(self.keys.current(), &secret);
        let digest = digest.ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        let (id, user) = (self.new_id::<OfSession>(now), account.user.id);
        let begun = Begun {
            session: Session { id, user, created_at: now, seen_at: now },
            address: peer.address.map(|address| address.to_string()),
            agent: peer.agent.map(|agent| agent.chars().take(AGENT).collect()),
        };
        let session = begun.session;
        self.store.write(Begin { begun, digest, hash, before, address: peer.address }).await?;
        Ok((secret, session, account))
    }

    /// Who is signed in by this, as the caller of a request; `active` where somebody did something, rather than that the
    /// page looks for what is new.
    pub(super) async fn signed_in(&self, secret: &SessionSecret, active: bool) -> Result<Subject, Failure> {
        let found = believed(self.store.read(|rows| {
            let Some(session) = rows.session_of(secret)? else { return Ok(None) };
            let Some(user) = rows.user(session.user)? else { return Ok(None) };
            let home = user.home;
            Ok(Some((session, rows.account(user, home)?)))
        }))?;
        let (mut session, account) = found.ok_or(Refusal::SessionEnded)?;
        let now = self.now();
        if active && session.is_due(now) && !session.is_over(now) {
            session.seen_at = now;
            if let Err(failure) = self.store.write(See { id: session.id, now }).await {
                tracing::warn!(%failure, "that a session was used isn't kept");
            }
        }
        Ok(Subject::Session(session, Arc::new(account)))
    }

    /// A user's sessions: one's own where nobody is named.
    pub fn sessions(&self, caller: &Caller, named: Option<&str>) -> Result<Sessions, Failure> {
        let now = self.now();
        self.look(|rows| {
            // A token is never its owner's whole self: it sees what it manages.
            let own = caller.subject.account().map(|account| account.user.username.as_str());
            let name = named.or(own).ok_or(Refusal::UserRequired)?;
            let user = own_or_managed(rows, &caller.subject, name, now)?;
            let mut begun = rows.sessions(user.id)?;
            begun.retain(|begun| !begun.session.is_over(now));
            Ok(Sessions { username: user.username, begun })
        })
    }

    /// Ends a session of the caller's, or of somebody whose account they manage.
    pub async fn end_session(&self, caller: &Caller, id: SessionId) -> Result<(), Failure> {
        self.store.write(End { caller: caller.clone(), id, now: self.now() }).await
    }

    /// Takes away the sessions whose time is over, and with them where they were begun.
    pub(super) async fn sweep_sessions(&self) {
        let now = self.now();
        let any = self.store.read(|rows| rows.any_session_over(now));
        let swept = match any {
            Ok(false) => return,
            Ok(true) => self.store.write(Sweep { now }).await,
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = swept {
            tracing::warn!(%failure, "sessions that are over aren't taken away yet");
        }
    }
}

/// Whose record says from where somebody signed in: their home's; an operator's is the instance's alone.
fn place(user: &User) -> Option<OrganizationId> {
    (!user.operator).then_some(user.home)
}

struct Begin {
    begun: Begun,
    digest: Digest,
    /// The hash that the password was held against.
    hash: String,
    before: Option<Session>,
    address: Option<IpAddr>,
}

impl Begin {
    fn event(&self, deed: Deed, session: SessionId, user: &User, detail: &str) -> Event {
        let address = self.address.map(|address| address.to_string());
        Event {
            at: self.begun.session.created_at,
            origin: Origin { actor: Actor::Password(user.id), address },
            deed,
            object: session.into(),
            organization: place(user),
            detail: detail.to_owned(),
        }
    }
}

impl Write for Begin {
    type Output = ();
    // Sessions are read anew for each request.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Session { id, user, created_at, .. } = self.begun.session;
        // Whoever was disabled or given another password since the old one was looked at stays out.
        let user = tx.user(user)?.filter(|user| user.active && user.deleted_at.is_none());
        let user = user.ok_or(Refusal::CredentialInvalid)?;
        if tx.password_hash(user.id)?.as_ref() != Some(&self.hash) {
            return Err(Refusal::CredentialInvalid.into());
        }
        tx.sweep_sessions(created_at)?;
        if let Some(before) = self.before
            && tx.delete_session(before.id)?
            && let Some(whose) = tx.user(before.user)?
        {
            // Somebody else's, perhaps: then it is theirs to know.
            tx.record(&self.event(Deed::SessionEnded, before.id, &whose, "signed_in_again"))?;
        }
        let others = tx.sessions(user.id)?;
        for oldest in others.iter().take((others.len() + 1).saturating_sub(MOST)) {
            let oldest = oldest.session.id;
            tx.delete_session(oldest)?;
            tx.record(&self.event(Deed::SessionEnded, oldest, &user, "too_many"))?;
        }
        tx.insert_session(&self.begun, self.digest)?;
        tx.record(&self.event(Deed::SessionBegun, id, &user, ""))
    }
}

struct See {
    id: SessionId,
    now: Instant,
}

impl Write for See {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.see_session(self.id, self.now)
    }
}

struct End {
    caller: Caller,
    id: SessionId,
    now: Instant,
}

impl Write for End {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { caller, id, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let unknown = Refusal::NotFound { what: "session" };
        let session = believed(tx.session(id))?.filter(|session| !session.is_over(now));
        let session = session.ok_or_else(|| unknown.clone())?;
        // One that isn't theirs to know of doesn't exist for them.
        let user = match own_or_managed(tx, &subject, &session.user.to_string(), now) {
            Err(Failure::Refused(Refusal::NotFound { .. })) => return Err(unknown.into()),
            other => other?,
        };
        tx.delete_session(id)?;
        let organization = place(&user);
        let ended = caller.event(Deed::SessionEnded, id, user.home, "", now);
        tx.record(&Event { organization, ..ended })
    }
}

struct Sweep {
    now: Instant,
}

impl Write for Sweep {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.sweep_sessions(self.now).map(drop)
    }
}
