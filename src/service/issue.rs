//! Issuing tokens.

use zeroize::Zeroizing;

use super::{
    Caller, Service,
    list::{TokenView, view},
    people,
    reach::{Place, Reach},
};
use crate::{
    core::{
        decision::Subject,
        event::{Deed, Event, Origin},
        id::{OfToken, TokenId},
        idempotency::Once,
        keys::{Digest, PepperId},
        minting::{Minter, Wish, judge},
        organization::Organization,
        refusal::{Failure, Refusal},
        secret::{Secret, SecretText, random},
        time::Instant,
        token::{Cause, Presented, Status, Token},
        user::User,
    },
    store::{Replied, Rows, Tx, Write},
};

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

impl Service {
    /// Issues a token.
    pub async fn issue(&self, caller: &Caller, request: IssueRequest) -> Result<Issued, Failure> {
        let (write, presented) = self.prepare(caller, request)?;
        let taken = write.taken;
        let view = self.store.write(write).await.inspect_err(|_| self.give_back(taken))?;
        Ok(Issued { view, secret: presented.reveal() })
    }

    /// Issues a token unless the same request did so before: the reply now, or the one from then.
    pub async fn issue_once(
        &self,
        caller: &Caller,
        request: IssueRequest,
        once: Once,
        render: Render,
    ) -> Result<Replied, Failure> {
        let (write, presented) = self.prepare(caller, request)?;
        let (id, taken, now) = (presented.id, write.taken, write.now);
        let rendered = move |view| render(Issued { view, secret: presented.reveal() }, now);
        let replied = self.write_once(caller, once, id, write, rendered).await;
        if !replied.as_ref().is_ok_and(|replied| replied.token == id) {
            self.give_back(taken);
        }
        replied
    }

    fn give_back(&self, taken: Option<(TokenId, u64)>) {
        if let Some((minter, uses)) = taken {
            self.give_back_uses(minter, uses);
        }
    }

    /// All that is to be known before it is written.
    fn prepare(&self, caller: &Caller, request: IssueRequest) -> Result<(Issue, Presented), Failure> {
        let now = self.now();
        let presented = Presented {
            id: self.new_id(now),
            secret: Secret::from_bytes(random(self.entropy.as_ref())),
            number: None,
        };
        let pepper = self.keys.current();
        let digest = self
            .keys
            .digest(pepper, presented.id, &presented.secret)
            .ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        // What the minter has left of its own uses is known here and not in the table.
        let taken = match (&caller.subject, request.wish.limits.uses) {
            (Subject::Token(minter), Some(uses)) if minter.token.limits.uses.is_some() => {
                self.take_uses(&minter.token, uses)?;
                Some((minter.token.counted_as(), uses))
            }
            _ => None,
        };
        Ok((
            Issue { caller: caller.clone(), request, id: presented.id, digest, pepper, taken, now },
            presented,
        ))
    }
}

struct Issue {
    caller: Caller,
    request: IssueRequest,
    id: TokenId,
    digest: Digest,
    pepper: PepperId,
    /// Uses that come out of the minter's own.
    taken: Option<(TokenId, u64)>,
    now: Instant,
}

impl Write for Issue {
    type Output = TokenView;
    // A token that nobody holds yet changes no answer.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<TokenView, Failure> {
        let Self { caller, request, id, digest, pepper, taken, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let owner = owner(tx, &subject, request.owner.as_deref())?;
        let organization = organization(tx, &subject, &owner, request.organization.as_deref(), now)?;
        let account = tx.account(owner, organization.id)?;
        let minter = match subject {
            Subject::Local => Minter::Local,
            Subject::Password(_) => Minter::Password,
            Subject::Token(standing) => Minter::Token(standing),
        };
        let (wish, modules) = with_modules(tx, &organization, request.wish)?;
        let live = tx.live_tokens(account.user.id, organization.id, organization.policy.quota, now)?;
        let terms = judge(&wish, &minter, &account, live, &modules, now)?;
        let token = Token {
            id,
            number: tx.next_number::<OfToken>()?,
            digest,
            pepper,
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
            tied: wish.tied,
            max_idle: terms.max_idle,
            replaces: None,
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
        if let Some((minter, uses)) = taken {
            tx.add_uses(minter, uses)?;
        }
        tx.record(&event(&token, Deed::TokenCreated, caller.origin(), now))?;
        Ok(view(tx, token)?)
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

fn owner(rows: &Rows<'_>, subject: &Subject, named: Option<&str>) -> Result<User, Failure> {
    match (subject.account(), named) {
        (Some(account), Some(name)) if !people::is_named(&account.user, name) => {
            Err(Refusal::OwnerForeign.into())
        }
        (Some(account), _) => Ok(account.user.clone()),
        (None, Some(name)) => Ok(people::find(rows, name)?.ok_or(Refusal::NotFound { what: "user" })?),
        (None, None) => Err(Refusal::invalid("owner", "the local operator names the user it is for").into()),
    }
}

fn organization(
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
        (None, Subject::Token(standing)) => rows.organization(standing.token.organization)?,
        (None, Subject::Password(_) | Subject::Local) => rows.organization(owner.home)?,
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
