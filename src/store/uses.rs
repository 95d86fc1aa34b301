//! When, from where and how often tokens were used.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    writer::{Tx, Write},
};
use crate::core::{id::TokenId, refusal::Failure, token::Use};

impl Rows<'_> {
    /// A token's use as far as it has been written down; `None` for never.
    pub fn token_use(&self, token: TokenId) -> Result<Option<Use>, ReadError> {
        self.one(
            "SELECT last_at, address, agent, count FROM token_uses WHERE token = ? AND last_at > 0",
            [token],
            |row| {
                Ok(Use {
                    last_at: row.get(0)?,
                    address: row.get(1)?,
                    agent: row.get(2)?,
                    count: row.get::<_, i64>(3)?.cast_unsigned(),
                })
            },
        )
    }
}

/// Writes down a batch of uses gathered in memory, their counts on top of what stands. What was gathered of a user who
/// was deleted meanwhile comes without address and agent.
pub struct Used(pub Vec<(TokenId, Use)>);

impl Write for Used {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for (token, used) in self.0 {
            tx.execute(
                "INSERT INTO token_uses (token, last_at, address, agent, count)
                 SELECT ?1, ?2, iif(gone, NULL, ?3), iif(gone, NULL, ?4), ?5
                 FROM (SELECT EXISTS (SELECT 1 FROM tokens JOIN users ON users.id = owner
                                      WHERE tokens.id = ?1 AND deleted_at IS NOT NULL) AS gone)
                 WHERE true
                 ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at), address = excluded.address,
                     agent = excluded.agent, count = count + excluded.count",
                params![token, used.last_at, used.address, used.agent, used.count.cast_signed()],
            )?;
        }
        Ok(())
    }
}
