//! Erasing deleted users: what was personal about them is blanked in every table, a stretch at a time, by statements
//! that can be repeated.

use rusqlite::params;

use super::{
    rows::{ReadError, Rows},
    tokens::token,
    users::user,
    writer::Tx,
};
use crate::core::{
    id::{TokenId, UserId},
    limits::Limits,
    refusal::Failure,
    time::Instant,
    token::{Cause, Status, Token},
    user::User,
};

/// Which of a user's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that aren't deleted yet.
    Kept,
    /// The tombstones.
    Deleted,
}

impl Rows<'_> {
    /// Some of the users who are deleted and not erased yet. A row that isn't believed is reported and left alone.
    pub fn users_to_erase(&self, limit: u32) -> Result<Vec<User>, ReadError> {
        let rows = self.all(
            "SELECT * FROM users WHERE deleted_at IS NOT NULL AND erased_at IS NULL ORDER BY id LIMIT ?",
            [limit],
            user,
        )?;
        Self::sound(rows.into_iter().map(|row| self.believe_user(row)))
    }
}

impl Tx<'_> {
    /// Deletes and blanks at most `limit` of a user's tokens, those after `after`: the ids that were looked at.
    pub fn erase_tokens(
        &mut self,
        owner: UserId,
        which: Which,
        after: Option<TokenId>,
        limit: u32,
        now: Instant,
    ) -> Result<Vec<TokenId>, Failure> {
        let after = after.unwrap_or(TokenId::from_bytes([0; 16]));
        let sql = match which {
            Which::Kept => {
                "SELECT * FROM tokens WHERE owner = ? AND id > ? AND status <> 'deleted' ORDER BY id LIMIT ?"
            }
            Which::Deleted => {
                "SELECT * FROM tokens WHERE owner = ? AND id > ? AND status = 'deleted' ORDER BY id LIMIT ?"
            }
        };
        let rows = self.all(sql, params![owner, after, limit], token)?;
        let mut looked_at = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, number, name) = (row.value.id, row.value.number, row.value.name.clone());
            looked_at.push(id);
            match self.believe_token(row) {
                Ok(token) => self.erase_token(token, now)?,
                // Refused wherever it is presented: its labels go, and its seal stays as broken as it is.
                Err(ReadError::Seal { .. }) => {
                    let looked_up = (which == Which::Kept).then_some(name.as_str());
                    self.index_name(number, looked_up, None);
                    self.execute(
                        "UPDATE tokens SET name = '', description = '', icon = '', limits = '' WHERE id = ?",
                        [id],
                    )?;
                }
                Err(error) => return Err(error.into()),
            }
            self.execute(
                "UPDATE token_uses SET address = NULL, agent = NULL
                 WHERE token = ? AND (address IS NOT NULL OR agent IS NOT NULL)",
                [id],
            )?;
            self.execute(
                "UPDATE token_leaks SET kind = '', url = '', source = '', address = NULL
                 WHERE token = ? AND (kind <> '' OR url <> '' OR source <> '' OR address IS NOT NULL)",
                [id],
            )?;
            self.execute("DELETE FROM token_sources WHERE token = ?", [id])?;
            self.execute("DELETE FROM token_demands WHERE token = ?", [id])?;
            self.erase_checks(id)?;
            self.forget_reply(id)?;
        }
        Ok(looked_at)
    }

    fn erase_token(&mut self, mut token: Token, now: Instant) -> Result<(), Failure> {
        let before = token.status;
        let labels = [&mut token.name, &mut token.description, &mut token.icon];
        // Where somebody works from, and on what, is theirs.
        let blank = labels.iter().all(|label| label.is_empty()) && token.limits.is_none();
        if blank && before == Status::Deleted {
            return Ok(());
        }
        labels.into_iter().for_each(String::clear);
        token.limits = Limits::default();
        if before != Status::Deleted {
            token.switch(Status::Deleted, Cause::Said, now);
        }
        self.update_token(before, &mut token, now)
    }

    /// Blanks the address of at most `limit` events that a user caused, those after `after`: the last sequence.
    ///
    /// Rows older than digests keep theirs: their links cover it.
    pub fn erase_addresses_by(
        &mut self,
        user: UserId,
        after: i64,
        limit: u32,
    ) -> Result<Option<i64>, Failure> {
        let sequences = self.all(
            "SELECT sequence FROM events
             WHERE actor_user = ? AND sequence > ? AND address IS NOT NULL AND address_digest IS NOT NULL
             ORDER BY sequence LIMIT ?",
            params![user, after, limit],
            |row| row.get(0),
        )?;
        self.blank_addresses(&sequences)
    }

    /// The same of refused sign-ins to a user's account.
    pub fn erase_addresses_to(
        &mut self,
        user: UserId,
        after: i64,
        limit: u32,
    ) -> Result<Option<i64>, Failure> {
        let sequences = self.all(
            "SELECT sequence FROM events
             WHERE object = ? AND sequence > ? AND deed IN ('sign_in.refused', 'sign_in.throttled')
                 AND address IS NOT NULL AND address_digest IS NOT NULL
             ORDER BY sequence LIMIT ?",
            params![user, after, limit],
            |row| row.get(0),
        )?;
        self.blank_addresses(&sequences)
    }

    fn blank_addresses(&mut self, sequences: &[i64]) -> Result<Option<i64>, Failure> {
        for sequence in sequences {
            self.execute("UPDATE events SET address = NULL WHERE sequence = ?", [sequence])?;
        }
        Ok(sequences.last().copied())
    }

    /// Marks a deleted user as erased; says whether that was still to be done.
    pub fn set_user_erased(&mut self, user: UserId, now: Instant) -> Result<bool, Failure> {
        let marked = self.execute(
            "UPDATE users SET erased_at = ? WHERE id = ? AND deleted_at IS NOT NULL AND erased_at IS NULL",
            params![now, user],
        )?;
        Ok(marked > 0)
    }
}
