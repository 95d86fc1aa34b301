//! Feeds of what expires: made and removed by whom they are for, and read by a key that opens nothing else.

use std::{collections::HashMap, sync::Arc};

use super::{
    Caller, Service,
    people::own_or_managed,
    reach::{Place, Reach},
    verify::believed,
};
pub use crate::core::feed::Feed;
use crate::{
    core::{
        calendar::{self, Expiry},
        decision::{Account, Standing, Subject, decide_for_good},
        event::Deed,
        feed::{LONGEST, MOST},
        id::{FeedId, OfFeed, OfToken, OrganizationId, UserId},
        keys::Digest,
        refusal::{Failure, Refusal},
        secret::{FeedSecret, random},
        time::Instant,
        user::User,
    },
    store::{Living, ReadError, Rows, Tx, Write},
};

/// A feed as it is shown.
#[derive(Clone, Debug)]
pub struct FeedView {
    /// Its row.
    pub feed: Feed,
    /// Its user's name.
    pub user: String,
    /// Its organization's slug, where it is of one.
    pub organization: Option<String>,
}

impl Service {
    /// Makes a feed in the caller's name, of an organization that they administer or of their own tokens. The local
    /// operator, who is no user, names one.
    pub async fn create_feed(
        &self,
        caller: &Caller,
        user: Option<String>,
        organization: Option<String>,
    ) -> Result<(FeedView, FeedSecret), Failure> {
        let now = self.now();
        let secret = FeedSecret::generate(random(self.entropy.as_ref()));
        let digest = self.keys.feed_digest(self.keys.current(), &secret);
        let digest = digest.ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        let id = self.new_id::<OfFeed>(now);
        let write = Create { caller: caller.clone(), id, digest, user, organization, now };
        Ok((self.store.write(write).await?, secret))
    }

    /// A user's feeds: one's own where nobody is named.
    pub fn feeds(&self, caller: &Caller, named: Option<&str>) -> Result<Vec<FeedView>, Failure> {
        let now = self.now();
        self.look(|rows| {
            let name = named.or(own(&caller.subject)).ok_or(Refusal::UserRequired)?;
            let user = own_or_managed(rows, &caller.subject, name, now)?;
            let feeds = rows.feeds(user.id)?.into_iter().map(|feed| view(rows, feed, &user));
            Ok(feeds.collect::<Result<_, _>>()?)
        })
    }

    /// Removes a feed of the caller's, or of somebody whose account they manage.
    pub async fn remove_feed(&self, caller: &Caller, id: FeedId) -> Result<(), Failure> {
        self.store.write(Remove { caller: caller.clone(), id, now: self.now() }).await
    }

    /// What a feed shows now: the next expiries of tokens that are good, as a calendar.
    pub async fn calendar(&self, secret: FeedSecret) -> Result<String, Failure> {
        let now = self.now();
        let read = move |rows: &Rows<'_>| {
            let feed = believed(rows.feed_of(&secret))?.ok_or(Refusal::CredentialInvalid)?;
            let user = rows.user(feed.user)?.ok_or(Refusal::CredentialInvalid)?;
            let of = read_by(rows, user, feed.organization, now)?.ok_or(Refusal::CredentialInvalid)?;
            let title = match feed.organization.map(|id| rows.organization(id)).transpose()?.flatten() {
                Some(organization) => format!("Tokens of {}", organization.slug),
                None => "My tokens".to_owned(),
            };
            Ok(calendar::write(&title, &expiries(rows, of, now)?))
        };
        self.store.read_apart(read).await
    }
}

fn own(subject: &Subject) -> Option<&str> {
    subject.account().map(|account| account.user.username.as_str())
}

fn view(rows: &Rows<'_>, feed: Feed, user: &User) -> Result<FeedView, ReadError> {
    let organization = feed.organization.map(|id| rows.organization(id)).transpose()?.flatten();
    let organization = organization.map(|organization| organization.slug);
    Ok(FeedView { feed, user: user.username.clone(), organization })
}

/// Whose tokens a user's feed shows; `None` where it shows nothing any more: the user is off, or doesn't administer the
/// organization.
fn read_by(
    rows: &Rows<'_>,
    user: User,
    organization: Option<OrganizationId>,
    now: Instant,
) -> Result<Option<Living>, ReadError> {
    if !user.active || user.deleted_at.is_some() {
        return Ok(None);
    }
    let Some(organization) = organization else {
        return Ok(Some(Living { owner: Some(user.id), organization: None }));
    };
    let home = user.home;
    let subject = Subject::Password(Arc::new(rows.account(user, home)?));
    let administers = Reach::of(rows, &subject, now)?.covers(organization);
    Ok(administers.then_some(Living { owner: None, organization: Some(organization) }))
}

fn expiries(rows: &Rows<'_>, of: Living, now: Instant) -> Result<Vec<Expiry>, ReadError> {
    let mut accounts: HashMap<(UserId, OrganizationId), Arc<Account>> = HashMap::new();
    let mut expiries = Vec::new();
    let tokens = rows.next_to_expire(of, now, LONGEST)?.into_iter().map(|id| rows.token(id));
    for token in Rows::sound(tokens)?.into_iter().flatten() {
        let place = (token.owner, token.organization);
        let account = match accounts.get(&place) {
            Some(account) => Arc::clone(account),
            None => Arc::new(rows.account_of(&token)?),
        };
        accounts.insert(place, Arc::clone(&account));
        let standing = Standing::new(token, account);
        let Some(at) = standing.token.expires_at.filter(|_| standing.death(now).is_none()) else { continue };
        let Standing { token, account, .. } = standing;
        expiries.push(Expiry {
            token: token.id,
            at,
            updated_at: token.updated_at,
            name: token.name,
            number: token.number.show::<OfToken>(),
            owner: account.user.username.clone(),
            organization: account.organization.slug.clone(),
        });
    }
    Ok(expiries)
}

struct Create {
    caller: Caller,
    id: FeedId,
    digest: Digest,
    user: Option<String>,
    organization: Option<String>,
    now: Instant,
}

impl Write for Create {
    type Output = FeedView;
    // What a feed shows is read anew each time.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<FeedView, Failure> {
        let Self { caller, id, digest, user, organization, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let name = user.as_deref().or(own(&subject)).ok_or(Refusal::UserRequired)?;
        let user = own_or_managed(tx, &subject, name, now)?;
        // In another's name it would go on where whoever made it isn't let in any more.
        if subject.account().is_some_and(|account| account.user.id != user.id) {
            return Err(Refusal::OwnerForeign.into());
        }
        decide_for_good(&subject, now)?;
        let organization = organization.map(|name| {
            let reach = Reach::of(tx, &subject, now)?;
            Ok::<_, Failure>(Place::meant(tx, &subject, &reach, Some(&name))?.managed()?.id)
        });
        let organization = organization.transpose()?;
        if read_by(tx, user.clone(), organization, now)?.is_none() {
            return Err(Refusal::AdministratorRequired.into());
        }
        if tx.feeds(user.id)?.len() >= MOST {
            return Err(Refusal::invalid("user", format!("has {MOST} feeds already: remove one")).into());
        }
        let feed = Feed { id, user: user.id, organization, created_at: now };
        tx.insert_feed(feed, digest)?;
        tx.record(&caller.event(Deed::FeedCreated, id, organization.unwrap_or(user.home), "", now))?;
        Ok(view(tx, feed, &user)?)
    }
}

struct Remove {
    caller: Caller,
    id: FeedId,
    now: Instant,
}

impl Write for Remove {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { caller, id, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let unknown = Refusal::NotFound { what: "feed" };
        let feed = believed(tx.feed(id))?.ok_or_else(|| unknown.clone())?;
        // One that isn't theirs to know of doesn't exist for them.
        let user = match own_or_managed(tx, &subject, &feed.user.to_string(), now) {
            Err(Failure::Refused(Refusal::NotFound { .. })) => return Err(unknown.into()),
            other => other?,
        };
        tx.delete_feed(id)?;
        let place = feed.organization.unwrap_or(user.home);
        tx.record(&caller.event(Deed::FeedRemoved, id, place, "", now))
    }
}
