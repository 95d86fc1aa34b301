//! Where tokens were found that others can read.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::{id::TokenId, refusal::Failure, time::Instant};

/// That a token was found somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Which one.
    pub token: TokenId,
    /// When that was reported.
    pub at: Instant,
    /// What the reporter calls such tokens.
    pub kind: String,
    /// Where; empty where that isn't known.
    pub url: String,
    /// In what: the reporter's word.
    pub source: String,
    /// Who reported it.
    pub address: Option<String>,
}

fn leak(row: &Row<'_>) -> rusqlite::Result<Leak> {
    Ok(Leak {
        token: row.get("token")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        url: row.get("url")?,
        source: row.get("source")?,
        address: row.get("address")?,
    })
}

impl Rows<'_> {
    /// Where a token was found, the latest report first.
    pub fn leaks(&self, token: TokenId) -> Result<Vec<Leak>, ReadError> {
        self.all("SELECT * FROM token_leaks WHERE token = ? ORDER BY at DESC, id DESC", [token], leak)
    }

    /// How many of the reports since then are kept of a token.
    pub fn leak_count(&self, token: TokenId, since: Instant) -> Result<u32, ReadError> {
        let sql = "SELECT count(*) FROM token_leaks WHERE token = ? AND at > ?";
        let count = self.one(sql, params![token, since], |row| row.get(0))?;
        Ok(count.unwrap_or(0))
    }

    /// Whether it was reported since then that a token was found at this place.
    pub fn leak_is_known(&self, token: TokenId, url: &str, since: Instant) -> Result<bool, ReadError> {
        let known = self.one(
            "SELECT 1 FROM token_leaks WHERE token = ? AND at > ? AND url = ? LIMIT 1",
            params![token, since, url],
            |_| Ok(()),
        )?;
        Ok(known.is_some())
    }
}

impl Tx<'_> {
    /// Puts it on record that a token was found; so many reports of it stay, the latest ones.
    pub fn insert_leak(&mut self, row: &Leak, kept: u32) -> Result<(), Failure> {
        self.execute(
            "INSERT INTO token_leaks (token, at, kind, url, source, address) VALUES (?, ?, ?, ?, ?, ?)",
            params![row.token, row.at, row.kind, row.url, row.source, row.address],
        )?;
        self.execute(
            "DELETE FROM token_leaks WHERE id IN
             (SELECT id FROM token_leaks WHERE token = ? ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?)",
            params![row.token, kept],
        )?;
        Ok(())
    }
}
