//! Issuing tokens.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    Caller, Service,
    list::{Around, TokenView},
    people,
    reach::{Place, Reach},
    uses::Demanded,
};
use crate::{
    core::{
        decision::{Subject, decide_for_good},
        event::{Deed, Event, Origin},
        id::{OfToken, TokenId},
        idempotency::Once,
        keys::{Digest, PepperId},
        minting::{Minter, Wish, judge},
        organization::Organization,
        privilege::Privileges,
        refusal::{Failure, Refusal},
        secret::{Secret, SecretText, random},
        time::Instant,
        token::{Cause, Presented, Status, Token},
        user::User,
    },
    store::{Rows, Tx, Write},
};

pub use crate::store::Replied;

/// What is asked for, its fields' forms checked.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// A name for people.
    pub name: String,
    /// More words for people.
    pub description: String,
    /// A URL of a picture; empty for none.
    pub icon: String,
    /// Life, privileges, modules.
    pub wish: Wish,
    /// By slug or any id; `None` for the token's own or the user's home.
    pub organization: Option<String>,
    /// By username or id: only the local operator names another than themselves, and must name one.
    pub owner: Option<String>,
}

/// A token that was just issued, with its secret: the one time it is there to be read.
#[derive(Debug)]
pub struct Issued {
    /// What is known of it.
    pub view: TokenView,
    /// The whole token, to be handed out once.
    pub secret: SecretText,
}

/// How a reply tells of a token that was issued at an instant.
pub type Render = fn(Issued, Instant) -> Result<Zeroizing<Vec<u8>>, Failure>;

/// How somebody is told of the token that they asked for.
#[derive(Clone)]
pub struct Telling {
    /// The request as it is known again, where it may be sent again.
    pub once: Option<Once>,
    /// What the reply is.
    pub render: Render,
}

impl Service {
    /// Issues a token.
    pub async fn issue(&self, caller: &Caller, request: IssueRequest) -> Result<Issued, Failure> {
        let (write, secret) = self.prepare(caller, request)?;
        let (taken, passed_on) = (write.taken(), write.passed_on());
        let view = self.store.write(write).await.inspect_err(|_| self.give_back(taken))?;
        self.has_issued(caller, &passed_on);
        Ok(Issued { view, secret })
    }

    /// Issues a token and tells of it; where the same request may be sent again and was before, gives the reply from then.
    pub async fn issue_telling(
        &self,
        caller: &Caller,
        request: IssueRequest,
        telling: Telling,
    ) -> Result<Replied, Failure> {
        let (write, secret) = self.prepare(caller, request)?;
        let (id, taken, passed_on, now) = (write.fresh.id, write.taken(), write.passed_on(), write.now);
        let replied = self.write_telling(caller, write, (id, secret), telling, now).await;
        if replied.as_ref().is_ok_and(|replied| replied.token == id) {
            self.has_issued(caller, &passed_on);
        } else {
            self.give_back(taken);
        }
        replied
    }

    /// Carries out a write that makes a token, and tells of it; once, where that is asked for.
    pub(super) async fn write_telling<W: Write<Output = TokenView>>(
        &self,
        caller: &Caller,
        write: W,
        (token, secret): (TokenId, SecretText),
        Telling { once, render }: Telling,
        now: Instant,
    ) -> Result<Replied, Failure> {
        let rendered = move |view| render(Issued { view, secret }, now);
        match once {
            Some(once) => self.write_once(caller, once, token, write, rendered).await,
            None => Ok(Replied { token, reply: rendered(self.store.write(write).await?)? }),
        }
    }

    /// The id and the secret of a token that is to be made.
    pub(super) fn fresh_token(&self, now: Instant) -> Result<(Fresh, SecretText), Failure> {
        let presented = Presented {
            id: self.new_id(now),
            secret: Secret::from_bytes(random(self.entropy.as_ref())),
            number: None,
        };
        let pepper = self.keys.current();
        let digest = self.keys.digest(pepper, presented.id, &presented.secret);
        let digest = digest.ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        Ok((Fresh { id: presented.id, digest, pepper }, presented.reveal()))
    }

    /// All that is to be known before it is written.
    fn prepare(&self, caller: &Caller, request: IssueRequest) -> Result<(Issue, SecretText), Failure> {
        let now = self.now();
        let (fresh, secret) = self.fresh_token(now)?;
        // What the minter has left of its own uses is known here and not in the table.
        let taken = match (&caller.subject, request.wish.limits.uses) {
            (Subject::Token(minter), Some(uses)) if minter.token.limits.uses.is_some() => {
                self.take_uses(&minter.token, uses).map(|()| Some((minter.token.counted_as(), uses)))
            }
            _ => Ok(None),
        };
        Ok((Issue { caller: caller.clone(), request, fresh, taken, now }, secret))
    }

    fn give_back(&self, taken: Option<Taken>) {
        if let Some((minter, uses)) = taken {
            self.give_back_uses(minter, uses);
        }
    }

    /// Takes note of what was just issued.
    fn has_issued(&self, caller: &Caller, (privileges, max_idle): &PassedOn) {
        self.idle_made(*max_idle);
        if let Subject::Token(minter) = &caller.subject {
            self.note_demand(minter.token.id, Demanded::PassedOn(privileges));
        }
    }
}

/// Whose uses were taken for a token, and how many.
type Taken = (TokenId, u64);

/// The privileges that a token gets if it is made, and how long it may lie idle.
type PassedOn = (Privileges, Option<i64>);

/// A token that is to be made: what is kept of it.
#[derive(Clone, Copy)]
pub(super) struct Fresh {
    pub(super) id: TokenId,
    pub(super) digest: Digest,
    pub(super) pepper: PepperId,
}

/// By what right somebody mints.
pub(super) fn minter(subject: Subject) -> Minter {
    match subject {
        Subject::Local => Minter::Local,
        Subject::Password(_) => Minter::Password,
        Subject::Session(..) => Minter::Session,
        Subject::Token(standing) => Minter::Token(standing),
    }
}

struct Issue {
    caller: Caller,
    request: IssueRequest,
    fresh: Fresh,
    /// Uses that come out of the minter's own; where it hasn't as many left that is said only where nothing was made
    /// before.
    taken: Result<Option<Taken>, Failure>,
    now: Instant,
}

impl Issue {
    fn taken(&self) -> Option<Taken> {
        self.taken.as_ref().ok().copied().flatten()
    }

    fn passed_on(&self) -> PassedOn {
        let Wish { privileges, max_idle, .. } = &self.request.wish;
        let held = match &self.caller.subject {
            Subject::Token(minter) => Some(minter),
            Subject::Password(_) | Subject::Session(..) | Subject::Local => None,
        };
        let unnamed = || held.map(|minter| minter.privileges.unreserved()).unwrap_or_default();
        let max_idle = max_idle.or(held.and_then(|minter| minter.token.max_idle));
        (privileges.clone().unwrap_or_else(unnamed), max_idle)
    }
}

impl Write for Issue {
    type Output = TokenView;
    // A token that nobody holds yet changes no answer.
    const REVISES: bool = false;
    const FAILS_FIRST: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<TokenView, Failure> {
        let Self { caller, request, fresh, taken, now } = self;
        let subject = caller.decide_again(tx, now)?;
        decide_for_good(&subject, now)?;
        let from_minter = taken?;
        let owner = owner(tx, &subject, request.owner.as_deref())?;
        let organization = organization(tx, &subject, &owner, request.organization.as_deref(), now)?;
        let account = match subject.account() {
            Some(own) if own.organization.id == organization.id => own.clone(),
            _ => tx.account(owner, organization.id)?,
        };
        let minter = minter(subject);
        let (wish, modules) = with_modules(tx, &account.organization, request.wish)?;
        let live = tx.live_tokens(account.user.id, organization.id, organization.policy.quota, now)?;
        let terms = judge(&wish, &minter, &account, live, &modules, now)?;
        if let Some((minter, uses)) = from_minter {
            tx.add_uses(minter, uses)?;
        }
        let token = Token {
            id: fresh.id,
            number: tx.next_number::<OfToken>()?,
            digest: fresh.digest,
            pepper: fresh.pepper,
            owner: account.user.id,
            organization: organization.id,
            name: request.name,
            description: request.description,
            icon: request.icon,
            privileges: terms.privileges,
            modules: terms.modules,
            limits: terms.limits,
            restricted: wish.restricted,
            minted_by: minter.minted_by(),
            tied: terms.tied,
            max_idle: terms.max_idle,
            replaces: None,
            line: None,
            waiting: None,
            superseded: None,
            status: Status::Active,
            cause: Cause::Said,
            status_at: Some(now),
            created_at: now,
            updated_at: now,
            expires_at: terms.expires_at,
            change_sequence: 0,
        };
        tx.insert_token(&token)?;
        tx.record(&event(&token, Deed::TokenCreated, caller.origin(), now))?;
        Ok(TokenView {
            modules: Around::default().modules(tx, &token)?,
            used: token.limits.uses.map(|_| 0),
            token,
            owner: Arc::new(account.user),
            organization: Arc::new(account.organization),
            last_use: None,
        })
    }
}

/// An event about a token.
pub(super) fn event(token: &Token, deed: Deed, origin: Origin, at: Instant) -> Event {
    Event {
        at,
        origin,
        deed,
        object: token.id.into(),
        organization: Some(token.organization),
        detail: String::new(),
    }
}

pub(super) fn owner(rows: &Rows<'_>, subject: &Subject, named: Option<&str>) -> Result<User, Failure> {
    match (subject.account(), named) {
        (Some(account), Some(name)) if !people::is_named(&account.user, name) => {
            Err(Refusal::OwnerForeign.into())
        }
        (Some(account), _) => Ok(account.user.clone()),
        (None, Some(name)) => Ok(people::find(rows, name)?.ok_or(Refusal::NotFound { what: "user" })?),
        (None, None) => Err(Refusal::invalid("owner", "the local operator names the user it is for").into()),
    }
}

pub(super) fn organization(
    rows: &Rows<'_>,
    subject: &Subject,
    owner: &User,
    named: Option<&str>,
    now: Instant,
) -> Result<Organization, Failure> {
    let found = match (named, subject) {
        (Some(_), _) => {
            let reach = Reach::of(rows, subject, now)?;
            return Ok(Place::meant(rows, subject, &reach, named)?.organization);
        }
        (None, _) => match subject.account() {
            // A token's own, or its user's home.
            Some(account) => Some(account.organization.clone()),
            None => rows.organization(owner.home)?,
        },
    };
    Ok(found.ok_or(Refusal::NotFound { what: "organization" })?)
}

/// The wish with its modules named by number, and those numbers that exist.
fn with_modules(
    rows: &Rows<'_>,
    organization: &Organization,
    mut wish: Wish,
) -> Result<(Wish, Vec<String>), Failure> {
    let mut known = Vec::new();
    for name in wish.modules.iter_mut().flatten() {
        if let Some(module) = rows.module(organization.id, name)? {
            name.clone_from(&module.number);
            known.push(module.number);
        }
    }
    Ok((wish, known))
}
