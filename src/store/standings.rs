//! How many tokens there are in each state, and who is signed in: counted along indexes.

use rusqlite::params;

use super::rows::{ReadError, Rows};
use crate::core::{
    id::TokenId,
    session::{IDLE, LONGEST},
    time::{DAY, Instant},
};

/// How many days ahead tokens that expire are counted.
pub const DAYS_AHEAD: [i64; 3] = [7, 30, 90];

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// Tokens that are neither disabled nor deleted nor expired.
    pub active: i64,
    /// Those that nobody disabled before they expired.
    pub expired: i64,
    /// Disabled ones, expired or not.
    pub disabled: i64,
    /// Deleted ones: their rows stay.
    pub deleted: i64,
    /// Active ones that expire within each of [`DAYS_AHEAD`].
    pub expiring: [i64; 3],
    /// When the oldest active token that was never used was made.
    pub oldest_unused: Option<Instant>,
    /// Sessions at the page.
    pub sessions: i64,
}

// Each reads an index and no row.
const ACTIVE: &str = "SELECT count(*) FILTER (WHERE dies > ?1), count(*) FILTER (WHERE dies <= ?1),
        count(*) FILTER (WHERE dies > ?1 AND dies <= ?2), count(*) FILTER (WHERE dies > ?1 AND dies <= ?3),
        count(*) FILTER (WHERE dies > ?1 AND dies <= ?4)
    FROM (SELECT ifnull(expires_at, 9223372036854775807) AS dies
        FROM tokens INDEXED BY tokens_active_by_expiry WHERE status = 'active')";
const DISABLED: &str = "SELECT count(*) FROM tokens INDEXED BY tokens_disabled WHERE status = 'disabled'";
const DELETED: &str = "SELECT count(*) FROM tokens INDEXED BY tokens_deleted WHERE status = 'deleted'";
// Ids are in the order of their making, and so is the index: it ends at the first that is found.
const UNUSED: &str = "SELECT created_at FROM token_uses INDEXED BY token_uses_kept_by_last
        CROSS JOIN tokens ON tokens.id = token_uses.token
    WHERE kept = 1 AND last_at = 0 AND status = 'active' AND ifnull(expires_at, 9223372036854775807) > ?
    ORDER BY token LIMIT 1";
const SESSIONS: &str = "SELECT count(*) FROM sessions WHERE created_at > ? AND seen_at > ?";

impl Rows<'_> {
    /// Counts them.
    pub fn standings(&self, now: Instant) -> Result<Standings, ReadError> {
        let [week, month, quarter] =
            DAYS_AHEAD.map(|days| now.checked_add(days * DAY).unwrap_or(Instant::LAST));
        let mut counted = self
            .one(ACTIVE, params![now, week, month, quarter], |row| {
                Ok(Standings {
                    active: row.get(0)?,
                    expired: row.get(1)?,
                    expiring: [row.get(2)?, row.get(3)?, row.get(4)?],
                    ..Standings::default()
                })
            })?
            .unwrap_or_default();
        let count = |sql| self.one(sql, [], |row| row.get(0)).map(Option::unwrap_or_default);
        (counted.disabled, counted.deleted) = (count(DISABLED)?, count(DELETED)?);
        counted.oldest_unused = self.one(UNUSED, [now], |row| row.get(0))?;
        let [begun, seen] = [LONGEST, IDLE].map(|span| Instant::from_millis(now.millis() - span));
        counted.sessions = self.one(SESSIONS, [begun, seen], |row| row.get(0))?.unwrap_or_default();
        Ok(counted)
    }

    /// The active tokens that expire first, no later than `until`: their ids and when.
    pub fn expiring_first(&self, now: Instant, until: Instant) -> Result<Vec<(TokenId, Instant)>, ReadError> {
        self.all(
            "SELECT id, expires_at FROM tokens INDEXED BY tokens_kept_by_expiry
             WHERE status <> 'deleted' AND expires_at > ? AND expires_at <= ? AND status = 'active'
             ORDER BY expires_at, id LIMIT 5",
            [now, until],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{ACTIVE, DELETED, DISABLED, UNUSED};
    use crate::store::schema;

    #[test]
    fn each_count_reads_an_index_and_sorts_nothing() {
        let connection = schema::empty();
        for (statement, step) in [
            (ACTIVE, "SCAN tokens USING COVERING INDEX tokens_active_by_expiry"),
            (DISABLED, "SCAN tokens USING COVERING INDEX tokens_disabled"),
            (DELETED, "SCAN tokens USING COVERING INDEX tokens_deleted"),
            (UNUSED, "SEARCH token_uses USING COVERING INDEX token_uses_kept_by_last (last_at=?)"),
        ] {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let count = explained.parameter_count();
            let rows =
                explained.query_map(rusqlite::params_from_iter(vec![0; count]), |row| row.get("detail"));
            let plan: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
            assert!(plan.iter().any(|found| found == step), "{statement}: {plan:?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{statement}: {plan:?}");
        }
    }
}
