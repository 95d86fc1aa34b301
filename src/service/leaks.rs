//! Tokens that were found where others can read them: told by whoever found them, for whom holding the whole secret is
//! proof enough.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use super::{Caller, Service, ending::end, issue::event, list::may_see, reach::Reach};
use crate::{
    core::{
        decision::Standing,
        event::{Actor, Deed, Origin},
        find,
        id::{OfToken, Reference},
        organization::OnLeak,
        refusal::{Failure, Refusal},
        secret::SecretText,
        time::Instant,
        token::{Cause, Death, Ending, Obituary, Token},
    },
    store::{Rows, Tx, Write},
};

pub use crate::store::Leak;

/// How many places are kept of one token.
const KEPT: u32 = 100;

/// For how long the same token at the same place is no news, in milliseconds.
const NEWS: i64 = 24 * 60 * 60 * 1_000;

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
        // What is no news costs no write.
        let leaks = self.look(|rows| news(rows, leaks, now))?;
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

/// Those that weren't reported lately.
fn news(rows: &Rows<'_>, mut leaks: Vec<Leak>, now: Instant) -> Result<Vec<Leak>, Failure> {
    let since = Instant::from_millis(now.millis().saturating_sub(NEWS));
    let mut failed = None;
    leaks.retain(|leak| match rows.leak_is_known(leak.token, &leak.url, since) {
        Ok(known) => !known,
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    failed.map_or(Ok(leaks), |error| Err(error.into()))
}

struct RecordLeaks {
    leaks: Vec<Leak>,
    now: Instant,
}

impl Write for RecordLeaks {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { leaks, now } = self;
        for leak in news(tx, leaks, now)? {
            match tx.token(leak.token) {
                Ok(Some(token)) => record(tx, leak, token, now)?,
                // A row that was edited meanwhile is as good as none.
                Ok(None) => {}
                Err(error) if error.is_edit() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Who found it is nobody that is known, and whence they told of it stands beside the place, where it can be blanked.
fn origin() -> Origin {
    Origin { actor: Actor::Nobody, address: None }
}

fn record(tx: &mut Tx<'_>, mut leak: Leak, token: Token, now: Instant) -> Result<(), Failure> {
    let owner = tx.user(token.owner)?;
    if owner.is_none_or(|owner| owner.deleted_at.is_some()) {
        // What was personal about a deleted user is gone or going, and nothing of it comes back.
        (leak.kind, leak.url, leak.source) = Default::default();
        leak.address = None;
        let since = Instant::from_millis(now.millis().saturating_sub(NEWS));
        if tx.leak_is_known(leak.token, "", since)? {
            return Ok(());
        }
    }
    if tx.leak_count(token.id)? < KEPT {
        let mut event = event(&token, Deed::TokenLeaked, origin(), now);
        event.detail = word(&leak.source);
        tx.insert_leak(&leak)?;
        tx.record(&event)?;
    }
    switch(tx, token, now)
}

/// A reporter's word, if it is a plain one.
fn word(source: &str) -> String {
    let plain = source.len() <= 32 && source.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { source.to_owned() } else { String::new() }
}

/// Does with a token that leaked what its organization's policy says, unless it is dead for good already.
fn switch(tx: &mut Tx<'_>, mut token: Token, now: Instant) -> Result<(), Failure> {
    let organization = tx.organization(token.organization)?;
    let on_leak = organization.map_or(OnLeak::Record, |organization| organization.policy.on_leak);
    let how = match on_leak {
        OnLeak::Record => return Ok(()),
        OnLeak::Disable => Ending::Disable,
        OnLeak::Delete => Ending::Delete,
    };
    // One that is switched off may be switched on again, so it isn't past being deleted.
    match token.ended(now) {
        Some((Death::Expired | Death::Superseded | Death::Undone, _)) => Ok(()),
        _ => end(tx, &mut token, how, Cause::Leak, &origin(), now).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::{kept, word};

    #[test]
    fn what_is_kept_of_a_text_is_short_and_plain() {
        assert_eq!(kept("https://x.example/a\r\nb\u{1b}[2J", 500), "https://x.example/ab[2J");
        assert_eq!(kept(&"é".repeat(600), 500).chars().count(), 500);
        let token = "jtn_02wLIRxqmq3WTUOVsbnSg0_LQNUGZHT5u543eF8cvF8tKdPlcVkNSYQAq1KIqZ6f742sHjjd";
        let shown = kept(&format!("https://x.example/?t={token}&u=1"), 500);
        assert_eq!(shown, "https://x.example/?t=jtn_02wLIRxqmq3WTUOVsbnSg0_…&u=1");
    }

    #[test]
    fn a_word_is_told_only_if_it_is_plain() {
        assert_eq!(word("pull_request_body"), "pull_request_body");
        for odd in ["Content", "a b", "a\"b", "x1", &"a".repeat(33)] {
            assert_eq!(word(odd), "");
        }
    }
}
