//! How many checks there were in each hour: counted in memory by what came of them, written down in batches, shown to
//! whoever watches over the tokens.
//!
//! A check costs a short lock on one of many shards, and no write. What an organization had and what all had is the sum
//! of what their tokens had, made when it is written down.

use std::time;

use super::{
    Caller, Service,
    list::may_see,
    reach::{Place, Reach},
};
use crate::{
    core::{
        checks::{Endpoint, History, Hour, Outcome},
        id::{OfToken, Reference},
        refusal::{Failure, Refusal},
        time::Instant,
        token::Token,
    },
    store::{Checked, ReadError, Rows},
};

/// Whose checks are asked for; the whole instance's where neither is named.
#[derive(Clone, Debug, Default)]
pub struct CheckQuery {
    /// An organization's, by slug or any id.
    pub organization: Option<String>,
    /// A token's; then no organization is named.
    pub token: Option<Reference<OfToken>>,
    /// How many hours of them.
    pub hours: u16,
}

impl Service {
    /// Counts what came of a check, of a token or of what isn't one.
    pub(super) fn count_check(
        &self,
        of: Option<&Token>,
        outcome: Option<Outcome>,
        now: Instant,
        endpoint: Endpoint,
        began: time::Instant,
    ) {
        let Some(outcome) = outcome else { return };
        self.pace.count(endpoint, outcome, began);
        self.uses.count(of, outcome, now);
    }

    /// The checks of the last hours up to now: the instance's for who operates it, an organization's for who manages it, a
    /// token's for whoever sees it.
    pub async fn checks(&self, caller: &Caller, query: CheckQuery) -> Result<History, Failure> {
        let now = self.now();
        let CheckQuery { organization, token, hours } = query;
        let of = self.look(|rows| watched(rows, caller, organization.as_deref(), token.as_ref(), now))?;
        // Nothing is on its way between the table and what is added to it.
        let _resting = self.uses.resting().await;
        let mut history = History::until(now, hours);
        let (first, last) = (history.first(), Hour::of(now));
        let read = move |rows: &Rows<'_>| {
            let mut written = rows.checks(of, first, last)?;
            if let Checked::Token(token) = of
                && let Some(spilled) = rows.spilled_of(token)?
            {
                written.extend(spilled.checks());
            }
            Ok::<_, ReadError>(written)
        };
        let written = self.store.read_apart(move |rows| rows.steady(|rows| Ok(read(rows)?))).await?;
        for (hour, tally) in &written {
            history.add(*hour, tally);
        }
        self.uses.each_check(|token, organization, hour, tally| {
            let is_theirs = match of {
                Checked::Instance => true,
                Checked::Organization(one) => organization == Some(one),
                Checked::Token(one) => token == Some(one),
            };
            if is_theirs {
                history.add(hour, tally);
            }
        });
        Ok(history)
    }
}

/// Whose checks the caller may look at of what is named.
fn watched(
    rows: &Rows<'_>,
    caller: &Caller,
    organization: Option<&str>,
    token: Option<&Reference<OfToken>>,
    now: Instant,
) -> Result<Checked, Failure> {
    let subject = &caller.subject;
    let reach = Reach::of(rows, subject, now)?;
    if let Some(reference) = token {
        let token = rows.token_by(reference)?.filter(|token| may_see(subject, &reach, token));
        return Ok(Checked::Token(token.ok_or(Refusal::NotFound { what: "token" })?.id));
    }
    if organization.is_some() {
        return Ok(Checked::Organization(Place::meant(rows, subject, &reach, organization)?.managed()?.id));
    }
    reach.instance()?;
    Ok(Checked::Instance)
}

#[cfg(test)]
mod tests;
