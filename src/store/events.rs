//! The chain of events: appended with each mutation, in its transaction.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    totals::{Scope, Total},
    writer::Tx,
};
use crate::core::{event::Event, keys::Digest, refusal::Failure};

/// The last link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    sequence: i64,
    link: Digest,
}

impl Rows<'_> {
    pub(super) fn end_of_chain(&self) -> Result<Chain, ReadError> {
        let last =
            self.one("SELECT sequence, link FROM events ORDER BY sequence DESC LIMIT 1", [], |row| {
                Ok(Chain { sequence: row.get(0)?, link: row.get(1)? })
            })?;
        Ok(last.unwrap_or(Chain { sequence: 0, link: Digest([0; 32]) }))
    }
}

impl Tx<'_> {
    /// Appends an event.
    pub fn record(&mut self, event: &Event) -> Result<(), Failure> {
        let pepper = self.keys.current();
        let sequence = self.chain.sequence + 1;
        let link = event
            .link(self.keys, pepper, sequence, &self.chain.link)
            .ok_or_else(|| Failure::broken("the keyring lacks its current key"))?;
        let Event { at, origin, deed, object, organization, detail } = event;
        self.execute(
            "INSERT INTO events (sequence, at, actor, actor_user, actor_token, address, deed, object_kind, object,
                                 organization, detail, link, link_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                sequence,
                at,
                origin.actor.as_str(),
                origin.actor.user(),
                origin.actor.token(),
                origin.address,
                deed.as_str(),
                object.kind,
                object.id,
                organization,
                detail,
                link,
                pepper,
            ],
        )?;
        self.chain = Chain { sequence, link };
        self.count(Total::Events, Scope::EVERYWHERE, 1)?;
        if let Some(organization) = organization {
            self.count(Total::Events, *organization, 1)?;
        }
        Ok(())
    }
}
