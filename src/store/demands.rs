//! Which privileges were demanded of a token, and when last.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::{gathered::Gathered, id::TokenId, refusal::Failure, time::Instant, uses::Demands};

/// How many privileges are noted of a token. Of more, the one demanded longest ago is noted as asked openly: nobody can
/// say any more that something was never demanded.
const MOST: u32 = 256;

/// What stands for the privilege where it wasn't said which one.
const OPENLY: &str = "";

impl Rows<'_> {
    /// What was demanded of a token at this instant or later, as far as it has been written down.
    pub fn demands_since(&self, token: TokenId, since: Instant) -> Result<Demands, ReadError> {
        let mut demands = Demands::default();
        let rows = self.all(
            "SELECT privilege, last_at FROM token_demands WHERE token = ? AND last_at >= ? ORDER BY privilege",
            params![token, since],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (privilege, last_at) in rows {
            if privilege == OPENLY {
                demands.openly = Some(last_at);
            } else {
                demands.privileges.push((privilege, last_at));
            }
        }
        Ok(demands)
    }
}

impl Tx<'_> {
    /// Notes what was demanded of a token.
    pub(super) fn add_demands(&mut self, token: TokenId, gathered: &Gathered) -> Result<(), Failure> {
        let mut grown = false;
        for (privilege, last_at) in gathered.demands() {
            grown |= self.add_demand(token, privilege, *last_at)?;
        }
        if let Some(last_at) = gathered.openly() {
            self.add_demand(token, OPENLY, last_at)?;
        }
        // Most have few: then nothing has to be sorted.
        let sql = "SELECT 1 FROM token_demands WHERE token = ? LIMIT 1 OFFSET ?";
        if !grown || self.one(sql, params![token, MOST], |_| Ok(()))?.is_none() {
            return Ok(());
        }
        let beyond = self.all(
            "SELECT privilege, last_at FROM token_demands WHERE token = ? AND privilege <> ?
             ORDER BY last_at DESC, privilege LIMIT -1 OFFSET ?",
            params![token, OPENLY, MOST],
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
        )?;
        for (privilege, last_at) in beyond {
            self.execute(
                "DELETE FROM token_demands WHERE token = ? AND privilege = ?",
                params![token, privilege],
            )?;
            self.add_demand(token, OPENLY, last_at)?;
        }
        Ok(())
    }

    /// Says whether it is a new one.
    fn add_demand(&mut self, token: TokenId, privilege: &str, last_at: Instant) -> Result<bool, Failure> {
        let values = params![token, privilege, last_at];
        let known = self.execute(
            "UPDATE token_demands SET last_at = max(last_at, ?3) WHERE token = ?1 AND privilege = ?2",
            values,
        )?;
        if known == 0 {
            self.execute(
                "INSERT INTO token_demands (token, privilege, last_at) VALUES (?1, ?2, ?3)",
                values,
            )?;
        }
        Ok(known == 0)
    }
}
