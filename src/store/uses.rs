//! When and how often tokens were used, and from where the last time.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    writer::{Tx, Write},
};
use crate::core::{
    id::TokenId,
    refusal::Failure,
    token::Use,
    uses::{Demands, Source},
};

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

/// What was gathered of a token.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    /// Its uses, where there were any; else it was refused for what it lacks.
    pub used: Option<Use>,
    /// The same by source.
    pub sources: Vec<Source>,
    /// What was demanded of it.
    pub demands: Demands,
}

/// Writes down a batch of what was gathered in memory, its counts on top of what stands. Of a user who was deleted
/// meanwhile nothing is kept but when and how often.
pub struct Used(pub Vec<(TokenId, Gathering)>);

impl Write for Used {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for (token, Gathering { used, sources, demands }) in self.0 {
            let gone = tx.one(
                "SELECT 1 FROM tokens JOIN users ON users.id = owner WHERE tokens.id = ? AND deleted_at IS NOT NULL",
                [token],
                |_| Ok(()),
            )?;
            if let Some(Use { last_at, address, agent, count }) = used {
                let kept = |text: Option<String>| text.filter(|_| gone.is_none());
                tx.execute(
                    "INSERT INTO token_uses (token, last_at, address, agent, count) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at), address = excluded.address,
                         agent = excluded.agent, count = count + excluded.count",
                    params![token, last_at, kept(address), kept(agent), count.cast_signed()],
                )?;
            }
            if gone.is_none() {
                tx.add_sources(token, &sources)?;
                tx.add_demands(token, &demands)?;
            }
        }
        Ok(())
    }
}
