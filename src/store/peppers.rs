//! What hangs on each pepper, and what is made anew under the current one.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{
    connection,
    idle::{lived, notice, seal_lived, seal_notice},
    members::{membership, seal_membership},
    meters::{meter, seal_meter},
    organizations::{organization, seal_organization},
    pruned::{cut, seal_cut},
    rows::{ReadError, Rows, Sealed},
    schema::{self, OpenError},
    tokens::{seal_token, token},
    users::{password, seal_password, seal_user, user},
    writer::{Tx, Write},
};
use crate::core::{
    id::TokenId,
    keys::{Digest, Keyring, PepperId, Sealer},
    refusal::Failure,
    time::Instant,
    token::Token,
};

/// How many tokens are sealed anew in a write.
const STRETCH: u32 = 1_000;

/// What hangs on a pepper.
#[derive(Clone, Copy, Debug)]
pub struct PepperUse {
    /// Its id.
    pub id: PepperId,
    /// When the database was first used with it.
    pub since: Instant,
    /// Tokens that could still be let in, or enabled again, and that no other pepper checks.
    pub tokens: u64,
    /// Rows that are sealed with it.
    pub seals: u64,
    /// Events that were linked with it.
    pub events: u64,
}

/// Looks through a database, whether a server runs on it or not.
pub fn survey(path: &Path, keys: &Keyring, now: Instant) -> Result<Vec<PepperUse>, OpenError> {
    let mut connection = Connection::open_with_flags(path, connection::reading())?;
    connection::configure_reader(&mut connection)?;
    schema::is_current(&connection)?;
    Rows::new(&connection, keys).survey(now).map_err(|error| OpenError::SetUp(error.to_string()))
}

impl Rows<'_> {
    fn survey(&self, now: Instant) -> Result<Vec<PepperUse>, ReadError> {
        let mut peppers = self.all("SELECT id, created_at FROM peppers ORDER BY id", [], |row| {
            Ok(PepperUse { id: row.get(0)?, since: row.get(1)?, tokens: 0, seals: 0, events: 0 })
        })?;
        for pepper in &mut peppers {
            pepper.tokens = self.live_under(pepper.id, now)?;
            pepper.seals = self.sealed_under(pepper.id)?;
            let events =
                self.one("SELECT count(*) FROM events WHERE link_pepper = ?", [pepper.id], counted)?;
            pepper.events = events.unwrap_or(0);
        }
        Ok(peppers)
    }

    /// How many tokens would die with a pepper.
    pub fn live_under(&self, pepper: PepperId, now: Instant) -> Result<u64, ReadError> {
        let found = self.one(
            "SELECT count(*) FROM tokens
             WHERE pepper = ? AND status <> 'deleted' AND (expires_at IS NULL OR expires_at > ?)",
            params![pepper, now],
            counted,
        )?;
        Ok(found.unwrap_or(0))
    }

    /// At most `limit` of the tokens that would die with a pepper, after the one that was named.
    pub fn live_tokens_under(
        &self,
        pepper: PepperId,
        after: TokenId,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<TokenId>, ReadError> {
        self.all(
            "SELECT id FROM tokens
             WHERE pepper = ? AND status <> 'deleted' AND (expires_at IS NULL OR expires_at > ?) AND id > ?
             ORDER BY id LIMIT ?",
            params![pepper, now, after, limit],
            |row| row.get(0),
        )
    }

    /// How many rows are sealed with a pepper, but for sessions and kept replies, which end with it.
    fn sealed_under(&self, pepper: PepperId) -> Result<u64, ReadError> {
        let found = self.one(
            "SELECT (SELECT count(*) FROM organizations WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM users WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM passwords WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM memberships WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM tokens WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM token_meters WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM idle_notices WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM idle_clock WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM feeds WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM pruned WHERE seal_pepper = ?1)
                 + (SELECT count(*) FROM chain_end WHERE seal_pepper = ?1)",
            [pepper],
            counted,
        )?;
        Ok(found.unwrap_or(0))
    }
}

fn counted(row: &rusqlite::Row<'_>) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(0)?.cast_unsigned())
}

/// A token's digest under the current pepper, made at a check, in the place of the one that the check was made by.
#[derive(Clone, Copy, Debug)]
pub struct Rekeyed {
    /// What the row had then.
    pub old: (PepperId, Digest),
    /// What it gets.
    pub new: (PepperId, Digest),
    /// Whether the token was made elsewhere.
    pub foreign: bool,
}

/// Puts such digests in their places, where the rows are still as they were read. Nothing else of a row changes, and no
/// decision comes out differently.
pub struct Rekey(pub Vec<(TokenId, Rekeyed)>);

impl Write for Rekey {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for (id, Rekeyed { old, new, foreign }) in self.0 {
            let row = match tx.token(id) {
                Err(error) if error.is_edit() => None,
                other => other?,
            };
            let unchanged = |row: &Token| row.pepper == old.0 && row.digest.matches(&old.1);
            let Some(mut row) = row.filter(unchanged) else { continue };
            (row.pepper, row.digest) = new;
            if foreign {
                tx.execute("UPDATE foreign_tokens SET digest = ? WHERE token = ?", params![row.digest, id])?;
            }
            tx.put_digest(&row)?;
        }
        Ok(())
    }
}

/// Seals a stretch of tokens anew; answers the last of them, `None` where there are no more.
pub struct ResealTokens {
    /// The pepper that is to be retired.
    pub pepper: PepperId,
    /// The last token of the stretch before.
    pub after: TokenId,
}

impl Write for ResealTokens {
    type Output = Option<TokenId>;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Option<TokenId>, Failure> {
        let rows = tx.all(
            "SELECT * FROM tokens WHERE seal_pepper = ? AND id > ? ORDER BY id LIMIT ?",
            params![self.pepper, self.after, STRETCH],
            token,
        )?;
        let last = rows.last().map(|row| row.value.id);
        for row in rows {
            if let Some(row) = tx.unbroken(row, "tokens", seal_token)? {
                tx.put_digest(&row)?;
            }
        }
        Ok(last)
    }
}

/// Seals everything else anew, and ends sessions, feeds and kept replies, whose secrets nobody has to make them anew with.
/// (The journal's row follows the newest pepper at each start.)
pub struct ResealRest {
    /// The pepper that is to be retired.
    pub pepper: PepperId,
}

impl Write for ResealRest {
    type Output = ();
    const REVISES: bool = true;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let of = [self.pepper];
        let rows = tx.all("SELECT * FROM organizations WHERE seal_pepper = ?", of, organization)?;
        tx.reseal(rows, "organizations", seal_organization, |row, seal, pepper| {
            let sql = "UPDATE organizations SET seal = ?, seal_pepper = ? WHERE id = ?";
            tx.execute(sql, params![seal, pepper, row.id])
        })?;
        let rows = tx.all("SELECT * FROM users WHERE seal_pepper = ?", of, user)?;
        tx.reseal(rows, "users", seal_user, |row, seal, pepper| {
            let sql = "UPDATE users SET seal = ?, seal_pepper = ? WHERE id = ?";
            tx.execute(sql, params![seal, pepper, row.id])
        })?;
        let rows = tx.all("SELECT * FROM passwords WHERE seal_pepper = ?", of, password)?;
        tx.reseal(rows, "passwords", seal_password, |row, seal, pepper| {
            let sql = "UPDATE passwords SET seal = ?, seal_pepper = ? WHERE user = ?";
            tx.execute(sql, params![seal, pepper, row.user])
        })?;
        let rows = tx.all("SELECT * FROM memberships WHERE seal_pepper = ?", of, membership)?;
        tx.reseal(rows, "memberships", seal_membership, |row, seal, pepper| {
            let sql = "UPDATE memberships SET seal = ?, seal_pepper = ? WHERE user = ? AND organization = ?";
            tx.execute(sql, params![seal, pepper, row.user, row.organization])
        })?;
        let rows = tx.all("SELECT * FROM token_meters WHERE seal_pepper = ?", of, meter)?;
        tx.reseal(rows, "token_meters", seal_meter, |row, seal, pepper| {
            let sql = "UPDATE token_meters SET seal = ?, seal_pepper = ? WHERE token = ?";
            tx.execute(sql, params![seal, pepper, row.token])
        })?;
        let rows = tx.all("SELECT * FROM idle_notices WHERE seal_pepper = ?", of, notice)?;
        tx.reseal(rows, "idle_notices", seal_notice, |(token, _), seal, pepper| {
            let sql = "UPDATE idle_notices SET seal = ?, seal_pepper = ? WHERE token = ?";
            tx.execute(sql, params![seal, pepper, token])
        })?;
        let rows = tx.all("SELECT * FROM idle_clock WHERE seal_pepper = ?", of, lived)?;
        tx.reseal(rows, "idle_clock", seal_lived, |_, seal, pepper| {
            tx.execute("UPDATE idle_clock SET seal = ?, seal_pepper = ?", params![seal, pepper])
        })?;
        let rows = tx.all("SELECT * FROM pruned WHERE seal_pepper = ?", of, cut)?;
        tx.reseal(rows, "pruned", seal_cut, |_, seal, pepper| {
            tx.execute("UPDATE pruned SET seal = ?, seal_pepper = ?", params![seal, pepper])
        })?;
        tx.reseal_end()?;
        // Its key was made with the pepper that it is sealed with.
        tx.execute("DELETE FROM feeds WHERE seal_pepper = ?", of)?;
        tx.execute("DELETE FROM sessions", [])?;
        tx.execute("DELETE FROM replies", [])?;
        Ok(())
    }
}

impl Tx<'_> {
    /// Writes a token's digest as its row has it now, and seals the row anew.
    fn put_digest(&self, row: &Token) -> Result<(), ReadError> {
        let (seal, pepper) = self.seal("tokens", |sealer| seal_token(sealer, row));
        self.execute(
            "UPDATE tokens SET digest = ?, pepper = ?, seal = ?, seal_pepper = ? WHERE id = ?",
            params![row.digest, row.pepper, seal, pepper, row.id],
        )?;
        Ok(())
    }

    /// A row if its seal fits; one that was edited is reported, and can do nothing anyway.
    fn unbroken<T>(
        &self,
        row: Sealed<T>,
        table: &'static str,
        seal: impl Fn(Sealer, &T) -> Sealer,
    ) -> Result<Option<T>, ReadError> {
        match self.unseal(row, table, seal, |_| "one".to_owned()) {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.is_edit() => {
                tracing::error!(%error, "not sealed anew");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn reseal<T>(
        &self,
        rows: Vec<Sealed<T>>,
        table: &'static str,
        seal: impl Fn(Sealer, &T) -> Sealer,
        put: impl Fn(&T, Digest, PepperId) -> Result<usize, ReadError>,
    ) -> Result<(), ReadError> {
        for row in rows {
            if let Some(row) = self.unbroken(row, table, &seal)? {
                let (made, pepper) = self.seal(table, |sealer| seal(sealer, &row));
                put(&row, made, pepper)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::empty;

    /// A table that gets a seal has to be sealed anew here before its pepper goes.
    #[test]
    fn every_sealed_table_is_known() {
        let connection = empty();
        let mut statement = connection
            .prepare(
                "SELECT tables.name FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' AND columns.name = 'seal_pepper' ORDER BY tables.name",
            )
            .unwrap();
        let sealed: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let known = [
            "chain_end",
            "feeds",
            "idle_clock",
            "idle_notices",
            "journal",
            "memberships",
            "organizations",
            "passwords",
            "pruned",
            "replies",
            "sessions",
            "token_meters",
            "tokens",
            "users",
        ];
        assert_eq!(sealed, known);
    }
}
