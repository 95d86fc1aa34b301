//! Tokens that were made elsewhere, found by their digest.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::{foreign::ForeignKind, refusal::Failure, token::Token};

impl Rows<'_> {
    /// Whether there is any such token at all.
    pub fn any_foreign(&self) -> Result<bool, ReadError> {
        let found = self.one("SELECT EXISTS (SELECT 1 FROM foreign_tokens)", [], |row| row.get(0))?;
        Ok(found.unwrap_or_default())
    }

    /// The token that a plain digest of its text stands for, whatever its state. What the table says is believed only as
    /// far as the token's sealed row bears it out.
    pub fn foreign_token(&self, kind: ForeignKind, plain: &[u8]) -> Result<Option<Token>, ReadError> {
        for pepper in self.keys.ids() {
            let digest = self.keys.foreign_digest(pepper, kind, plain).expect("an id of the keyring's own");
            let sql = "SELECT token FROM foreign_tokens WHERE digest = ?";
            let Some(id) = self.one(sql, [digest], |row| row.get(0))? else { continue };
            let bears_out = |token: &Token| token.pepper == pepper && token.digest.matches(&digest);
            return Ok(self.token(id)?.filter(bears_out));
        }
        Ok(None)
    }
}

impl Tx<'_> {
    /// Inserts a token that is found by its digest.
    pub fn insert_foreign(&mut self, row: &Token) -> Result<(), Failure> {
        self.insert_token(row)?;
        self.execute(
            "INSERT INTO foreign_tokens (digest, token) VALUES (?, ?)",
            params![row.digest, row.id],
        )?;
        Ok(())
    }
}
