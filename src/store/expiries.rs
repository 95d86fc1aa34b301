//! When tokens that are good die, along an index that says so by itself.

use rusqlite::{Params, params};

use super::rows::{ReadError, Rows};
use crate::core::{
    expiries::Expiries,
    id::{OrganizationId, TokenId, UserId},
    time::Instant,
};

/// Whose tokens are counted: a user's or everybody's, in an organization or anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Living {
    /// The user.
    pub owner: Option<UserId>,
    /// The organization.
    pub organization: Option<OrganizationId>,
}

// Each reads a stretch of one index, and no row.
const ALL: &str = "SELECT expires_at FROM tokens INDEXED BY tokens_active_by_expiry
    WHERE status = 'active' AND ifnull(expires_at, 9223372036854775807) > ?";
const WITHIN: &str = "SELECT expires_at FROM tokens INDEXED BY tokens_active_by_expiry
    WHERE organization = ? AND status = 'active' AND ifnull(expires_at, 9223372036854775807) > ?";
const OF_ACCOUNT: &str = "SELECT expires_at FROM tokens INDEXED BY tokens_active_by_expiry
    WHERE organization = ? AND owner = ? AND status = 'active' AND ifnull(expires_at, 9223372036854775807) > ?";
// In every organization: those that a user has left are among them.
const OF_OWNER: &str = "SELECT expires_at FROM tokens INDEXED BY tokens_active_by_expiry
    WHERE organization IN (SELECT id FROM organizations) AND owner = ? AND status = 'active'
        AND ifnull(expires_at, 9223372036854775807) > ?";

const NEXT_WITHIN: &str = "SELECT id FROM tokens INDEXED BY tokens_active_by_expiry
    WHERE organization = ? AND status = 'active' AND expires_at > ? ORDER BY expires_at, id LIMIT ?";
const NEXT_OF_OWNER: &str = "SELECT id FROM tokens INDEXED BY tokens_active_by_expiry
    WHERE organization IN (SELECT id FROM organizations) AND owner = ? AND status = 'active' AND expires_at > ?
    ORDER BY expires_at, id LIMIT ?";

impl Rows<'_> {
    /// Counts those that are active and haven't expired by `now`, by the day on which they do.
    pub fn expiries(&self, of: Living, now: Instant, days: u16) -> Result<Expiries, ReadError> {
        let mut expiries = Expiries::from(now, days);
        let into = &mut expiries;
        match (of.organization, of.owner) {
            (None, None) => self.count_expiries(ALL, [now], into),
            (Some(organization), None) => self.count_expiries(WITHIN, params![organization, now], into),
            (Some(organization), Some(owner)) => {
                self.count_expiries(OF_ACCOUNT, params![organization, owner, now], into)
            }
            (None, Some(owner)) => self.count_expiries(OF_OWNER, params![owner, now], into),
        }?;
        Ok(expiries)
    }

    /// Those that are active and expire after `now`, the next ones first.
    pub fn next_to_expire(&self, of: Living, now: Instant, limit: u32) -> Result<Vec<TokenId>, ReadError> {
        match (of.organization, of.owner) {
            (Some(organization), None) => {
                self.all(NEXT_WITHIN, params![organization, now, limit], |row| row.get(0))
            }
            (None, Some(owner)) => self.all(NEXT_OF_OWNER, params![owner, now, limit], |row| row.get(0)),
            _ => Ok(Vec::new()),
        }
    }

    fn count_expiries(
        &self,
        sql: &'static str,
        params: impl Params,
        into: &mut Expiries,
    ) -> Result<(), ReadError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            into.add(row.get(0)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, OF_ACCOUNT, OF_OWNER, WITHIN};
    use crate::store::schema;

    #[test]
    fn each_count_reads_the_index_and_no_row_of_a_token() {
        let connection = schema::empty();
        for (statement, search) in [
            (ALL, "SCAN tokens USING COVERING INDEX tokens_active_by_expiry"),
            (WITHIN, "SEARCH tokens USING COVERING INDEX tokens_active_by_expiry (organization=?)"),
            (
                OF_ACCOUNT,
                "SEARCH tokens USING COVERING INDEX tokens_active_by_expiry (organization=? AND owner=?)",
            ),
            (
                OF_OWNER,
                "SEARCH tokens USING COVERING INDEX tokens_active_by_expiry (organization=? AND owner=?)",
            ),
        ] {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let count = explained.parameter_count();
            let rows =
                explained.query_map(rusqlite::params_from_iter(vec![0; count]), |row| row.get("detail"));
            let plan: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
            assert!(plan.iter().any(|step| step == search), "{statement}: {plan:?}");
        }
    }
}
