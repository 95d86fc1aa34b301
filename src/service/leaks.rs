//! Tokens that were found where others can read them: told by whoever found them, for whom holding the whole secret is
//! proof enough.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use super::{
    Caller, Service,
    ending::{changes, end},
    issue::event,
    list::may_see,
    reach::Reach,
};
use crate::{
    core::{
        decision::Standing,
        event::{Actor, Deed, Origin},
        find,
        id::{OfToken, Reference},
        organization::OnLeak,
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::{DAY, Instant},
        token::{Cause, Death, Ending, Obituary, Token},
    },
    store::{Rows, Tx, Write},
};

pub use crate::store::Leak;

/// How many places are kept of one token, the latest ones; and how many go into the log in a day.
const KEPT: u32 = 100;

/// For how long the same token at the same place is no news, in milliseconds.
const NEWS: i64 = DAY;

/// The most characters that are kept of a place, and of a word.
const LONGEST_URL: usize = 500;
const LONGEST_WORD: usize = 64;

/// A report, as it came.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found.
    pub token: SecretText,
    /// What the reporter calls such tokens.
    pub kind: String,
    /// Where it was found.
    pub url: String,
    /// In what.
    pub source: String,
}

/// What is known of a token that somebody holds the whole of.
#[derive(Clone, Debug)]
pub struct Held {
    /// The token and what is around it.
    pub standing: Arc<Standing>,
    /// Why it isn't good; `None` while it is, for one client or another.
    pub death: Option<Obituary>,
}

impl Service {
    /// Puts reports on record and does what the organizations' policies say: which of them are of tokens of ours.
    pub async fn report_leaks(
        &self,
        reports: &[Report],
        address: Option<IpAddr>,
    ) -> Result<Vec<bool>, Failure> {
        let now = self.now();
        let address = address.map(|address| address.to_string());
        let (mut genuine, mut leaks) = (Vec::with_capacity(reports.len()), Vec::new());
        let mut seen = HashSet::new();
        for report in reports {
            let standing = self.held(&report.token)?;
            genuine.push(standing.is_some());
            let Some(standing) = standing else { continue };
            let token = standing.token.id;
            let url = kept(&report.url, LONGEST_URL);
            if seen.insert((token, url.clone())) {
                let [kind, source] = [&report.kind, &report.source].map(|word| kept(word, LONGEST_WORD));
                leaks.push(Leak { token, at: now, kind, url, source, address: address.clone() });
            }
        }
        // What is no news costs no write, and what ends nothing makes no cache stale.
        let news = self.look(|rows| news(rows, leaks, now))?;
        let (ending, plain): (Vec<_>, Vec<_>) = news.into_iter().partition(|news| news.ending.is_some());
        let [ending, leaks] =
            [ending, plain].map(|all| all.into_iter().map(|news| news.leak).collect::<Vec<_>>());
        if !ending.is_empty() {
            self.store.write(EndLeaked { leaks: ending, now }).await?;
        }
        if !leaks.is_empty() {
            self.store.write(RecordLeaks { leaks, now }).await?;
        }
        Ok(genuine)
    }

    /// What is known of each token that is held whole; `None` for whatever isn't one. Counts as no use of it.
    pub fn look_at_held(&self, tokens: &[SecretText]) -> Result<Vec<Option<Held>>, Failure> {
        let now = self.now();
        let look = |text: &SecretText| {
            let Some(standing) = self.held(text)? else { return Ok(None) };
            let death = match standing.death(now) {
                None if self.is_used_up(&standing.token)? => Some(standing.obituary(Death::UsedUp, None)),
                // It will be good, if nothing is done about it.
                Some(Obituary { death: Death::NotYetValid, .. }) => None,
                death => death,
            };
            Ok(Some(Held { standing, death }))
        };
        tokens.iter().map(look).collect()
    }

    /// Where a token that is the caller's to see was found, the latest report first.
    pub async fn leaks(&self, caller: &Caller, reference: Reference<OfToken>) -> Result<Vec<Leak>, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?;
            let token = rows.token_by(&reference)?.filter(|token| may_see(&subject, &reach, token));
            let token = token.ok_or(Refusal::NotFound { what: "token" })?;
            Ok(rows.leaks(token.id)?)
        };
        self.store.read_apart(read).await
    }

    /// The token whose whole secret this is, dead or alive.
    fn held(&self, text: &SecretText) -> Result<Option<Arc<Standing>>, Failure> {
        match self.genuine(text) {
            Ok(standing) => Ok(Some(standing)),
            Err(Failure::Refused(Refusal::CredentialInvalid)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn is_used_up(&self, token: &Token) -> Result<bool, Failure> {
        let Some(most) = token.limits.uses else { return Ok(false) };
        let used = match self.gathered_count(token) {
            Some(used) => used,
            None => self.look(|rows| Ok(rows.meter(token.counted_as())?.map_or(0, |meter| meter.used)))?,
        };
        Ok(used >= most)
    }
}

/// What is kept of a text of others: no control characters, no token in it, and no more than so much.
fn kept(text: &str, longest: usize) -> String {
    let plain: String = text.chars().filter(|letter| !letter.is_control()).collect();
    find::redacted(&plain).chars().take(longest).collect()
}

/// A report that wasn't made lately.
struct News {
    leak: Leak,
    token: Token,
    /// What the policy does to the token, where that changes anything.
    ending: Option<Ending>,
}

/// Those that weren't made lately.
fn news(rows: &Rows<'_>, leaks: Vec<Leak>, now: Instant) -> Result<Vec<News>, Failure> {
    leaks.into_iter().filter_map(|leak| new(rows, leak, now).transpose()).collect()
}

fn new(rows: &Rows<'_>, mut leak: Leak, now: Instant) -> Result<Option<News>, Failure> {
    let token = match rows.token(leak.token) {
        Ok(token) => token,
        // A row that was edited meanwhile is as good as none.
        Err(error) if error.is_edit() => None,
        Err(error) => return Err(error.into()),
    };
    let Some(token) = token else { return Ok(None) };
    if rows.user(token.owner)?.is_none_or(|owner| owner.deleted_at.is_some()) {
        // What was personal about a deleted user is gone or going, and nothing of it comes back.
        (leak.kind, leak.url, leak.source) = Default::default();
        leak.address = None;
    }
    if rows.leak_is_known(leak.token, &leak.url, before(now, NEWS))? {
        return Ok(None);
    }
    let ending = ending(rows, &token, now)?;
    Ok(Some(News { leak, token, ending }))
}

fn before(now: Instant, millis: i64) -> Instant {
    Instant::from_millis(now.millis().saturating_sub(millis))
}

/// What becomes of a token that leaked, as its organization's policy says; nothing of one that is dead for good already.
fn ending(rows: &Rows<'_>, token: &Token, now: Instant) -> Result<Option<Ending>, Failure> {
    let organization = rows.organization(token.organization)?;
    let ending = match organization.map_or(OnLeak::Record, |organization| organization.policy.on_leak) {
        OnLeak::Record => return Ok(None),
        OnLeak::Disable => Ending::Disable,
        OnLeak::Delete => Ending::Delete,
    };
    // One that is switched off may be switched on again, so it isn't past being deleted.
    let over = matches!(token.ended(now), Some((Death::Expired | Death::Superseded | Death::Undone, _)));
    Ok(Some(ending).filter(|ending| !over && changes(token, *ending, Cause::Leak)))
}

/// Puts on record what ends no token.
struct RecordLeaks {
    leaks: Vec<Leak>,
    now: Instant,
}

impl Write for RecordLeaks {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { leaks, now } = self;
        leaks.into_iter().try_for_each(|leak| record(tx, leak, now).map(drop))
    }
}

/// Puts on record what ends tokens, and ends them: in one write, since the report is no news once it is on record.
struct EndLeaked {
    leaks: Vec<Leak>,
    now: Instant,
}

impl Write for EndLeaked {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { leaks, now } = self;
        for leak in leaks {
            if let Some(News { mut token, ending: Some(ending), .. }) = record(tx, leak, now)? {
                end(tx, &mut token, ending, Cause::Leak, &origin(), now)?;
            }
        }
        Ok(())
    }
}

/// Who found it is nobody that is known, and whence they told of it stands beside the place, where it can be blanked.
fn origin() -> Origin {
    Origin { actor: Actor::Nobody, address: None }
}

/// Puts a report on record, if it is news still.
fn record(tx: &mut Tx<'_>, leak: Leak, now: Instant) -> Result<Option<News>, Failure> {
    let Some(news) = new(tx, leak, now)? else { return Ok(None) };
    // As many as are kept stand for that many events at the least.
    if tx.leak_count(news.token.id, before(now, DAY))? < KEPT {
        let mut event = event(&news.token, Deed::TokenLeaked, origin(), now);
        event.detail = word(&news.leak.source);
        tx.record(&event)?;
    }
    tx.insert_leak(&news.leak, KEPT)?;
    Ok(Some(news))
}

/// A reporter's word, if it is a plain one.
fn word(source: &str) -> String {
    let plain = source.len() <= 32 && source.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { source.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests;
