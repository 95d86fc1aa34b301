//! Tokens.

use std::sync::Arc;

use rusqlite::{Row, params, types::FromSqlError};

use super::{
    columns::Columns,
    rows::{ReadError, Rows, Sealed},
    totals::{Scope, Total},
    writer::Tx,
};
use crate::core::{
    decision::{Account, Standing},
    id::{OfToken, OrganizationId, Reference, TokenId, UserId},
    journal::Fate,
    keys::Sealer,
    number::Number,
    refusal::Failure,
    time::Instant,
    token::{Cause, MintedBy, Status, Superseded, Token, Waiting},
};

/// A token's name that goes into the index of words, comes out of it, or both.
pub(super) struct Renamed {
    number: Number,
    old: Option<String>,
    new: Option<String>,
}

pub(super) fn seal_token(sealer: Sealer, row: &Token) -> Sealer {
    let sealer = sealer
        .bytes(&row.id.0)
        .bytes(&row.digest.0)
        .int(row.pepper.into())
        .bytes(&row.owner.0)
        .bytes(&row.organization.0)
        .text(&row.privileges.to_string())
        .text(&row.modules.join(" "))
        .text(&row.limits.to_string())
        .int(row.restricted.into())
        .text(row.minted_by.as_str())
        .bytes(row.minted_by.token().as_ref().map_or(&[], |minter| minter.0.as_slice()))
        .text(row.status.as_str())
        .optional(row.expires_at.map(Instant::millis));
    seal_life(sealer, row)
}

/// What came later than the first seals: it is covered where it says anything, so that older rows keep theirs.
fn seal_life(mut sealer: Sealer, row: &Token) -> Sealer {
    if row.tied {
        sealer = sealer.text("tied");
    }
    if let Some(max_idle) = row.max_idle {
        sealer = sealer.text("max_idle").int(max_idle);
    }
    if let Some(replaces) = row.replaces {
        sealer = sealer.text("replaces").bytes(&replaces.0);
    }
    if let Some(line) = row.line {
        sealer = sealer.text("line").bytes(&line.0);
    }
    if let Some(Waiting { until, linger }) = row.waiting {
        sealer = sealer.text("waiting").int(until.millis()).int(linger);
    }
    if let Some(Superseded { by, at }) = row.superseded {
        sealer = sealer.text("superseded").bytes(&by.0).int(at.millis());
    }
    if let Some(status_at) = row.status_at {
        sealer = sealer.text("since").int(status_at.millis()).int(row.created_at.millis());
    }
    if row.cause != Cause::Said {
        sealer = sealer.text("cause").text(row.cause.as_str());
    }
    sealer
}

pub(super) fn token(row: &Row<'_>) -> rusqlite::Result<Sealed<Token>> {
    let columns = Columns::of(row);
    // In the order of the table, which is the quick one.
    let value = Token {
        id: columns.get("id")?,
        number: columns.get("place")?,
        digest: columns.get("digest")?,
        pepper: columns.get("pepper")?,
        owner: columns.get("owner")?,
        organization: columns.get("organization")?,
        name: columns.get("name")?,
        description: columns.get("description")?,
        icon: columns.get("icon")?,
        privileges: columns.get("privileges")?,
        modules: columns.get::<String>("modules")?.split_ascii_whitespace().map(str::to_owned).collect(),
        limits: columns.get("limits")?,
        restricted: columns.get("restricted")?,
        minted_by: MintedBy::from_stored(
            &columns.get::<String>("minted_by")?,
            columns.get("minted_by_token")?,
        )
        .ok_or(FromSqlError::InvalidType)?,
        status: columns.get("status")?,
        created_at: columns.get("created_at")?,
        updated_at: columns.get("updated_at")?,
        expires_at: columns.get("expires_at")?,
        change_sequence: columns.get("change_sequence")?,
        tied: columns.get("tied")?,
        max_idle: columns.get("max_idle")?,
        replaces: columns.get("replaces")?,
        line: columns.get("line")?,
        waiting: match columns.get("waits_until")? {
            Some(until) => Some(Waiting { until, linger: columns.get("linger")? }),
            None => None,
        },
        superseded: match columns.get("superseded_by")? {
            Some(by) => Some(Superseded { by, at: columns.get("superseded_at")? }),
            None => None,
        },
        cause: columns.get("cause")?,
        status_at: columns.get("status_at")?,
    };
    columns.sealed(value)
}

impl Rows<'_> {
    /// A token by its id.
    pub fn token(&self, id: TokenId) -> Result<Option<Token>, ReadError> {
        let row = self.one("SELECT * FROM tokens WHERE id = ?", [id], token)?;
        row.map(|row| self.believe_token(row)).transpose()
    }

    /// A token by any of its ids.
    pub fn token_by(&self, reference: &Reference<OfToken>) -> Result<Option<Token>, ReadError> {
        let row = match reference {
            Reference::Id(id) => return self.token(*id),
            Reference::Short(prefix) => {
                let (first, last) = TokenId::span(*prefix);
                self.one("SELECT * FROM tokens WHERE id BETWEEN ? AND ?", [first, last], token)?
            }
            Reference::Number(place) => self.one("SELECT * FROM tokens WHERE place = ?", [place], token)?,
        };
        row.map(|row| self.believe_token(row)).transpose()
    }

    /// The first id of all.
    pub fn oldest_token(&self) -> Result<Option<TokenId>, ReadError> {
        self.one("SELECT id FROM tokens ORDER BY id LIMIT 1", [], |row| row.get(0))
    }

    /// The token of an id, or where there is none the last one before it.
    pub fn token_up_to(&self, id: TokenId) -> Result<Option<Token>, ReadError> {
        let row = self.one("SELECT * FROM tokens WHERE id <= ? ORDER BY id DESC LIMIT 1", [id], token)?;
        row.map(|row| self.believe_token(row)).transpose()
    }

    /// A token with all that a decision on it reads.
    pub fn standing(&self, id: TokenId) -> Result<Option<Standing>, ReadError> {
        let Some(token) = self.token(id)? else { return Ok(None) };
        self.standing_of(token).map(Some)
    }

    /// A token's row with all around it that a decision reads.
    pub fn standing_of(&self, token: Token) -> Result<Standing, ReadError> {
        let account = self.account_of(&token)?;
        self.standing_by(token, account)
    }

    /// A token's owner in its organization.
    pub fn account_of(&self, token: &Token) -> Result<Account, ReadError> {
        let owner = self.user(token.owner)?.ok_or_else(ReadError::missing)?;
        self.account(owner, token.organization)
    }

    /// A token's row with all around it that a decision reads, its owner in its organization being known.
    pub fn standing_by(&self, token: Token, account: impl Into<Arc<Account>>) -> Result<Standing, ReadError> {
        let tied_to = self.tied_to(&token)?;
        Ok(Standing::new(token, account).tied_to(tied_to))
    }

    /// The tokens that a token is tied to, its minter first; in place of one that was replaced stands what replaced it.
    fn tied_to(&self, token: &Token) -> Result<Vec<Token>, ReadError> {
        let mut found = Vec::new();
        let mut next = token.tied.then(|| token.minted_by.token()).flatten();
        while let Some(id) = next {
            let mut parent = self.token(id)?.ok_or_else(ReadError::missing)?;
            if parent.superseded.is_some() {
                parent = self.current(parent.line())?;
            }
            // A successor has its predecessor's minter, and each was made after its minter: this ends.
            next = parent.tied.then(|| parent.minted_by.token()).flatten();
            found.push(parent);
        }
        Ok(found)
    }

    /// The one of a line whose place nobody has taken: found at once, however many came before it.
    fn current(&self, line: TokenId) -> Result<Token, ReadError> {
        let row = self.one(
            "SELECT * FROM tokens INDEXED BY tokens_current
             WHERE line = ? AND superseded_by IS NULL AND waits_until IS NULL ORDER BY id DESC LIMIT 1",
            [line],
            token,
        )?;
        let found = row.map(|row| self.believe_token(row)).transpose()?;
        // There always is one, and the index may say anything: what the row says is sealed.
        let is_it = |it: &Token| it.line() == line && it.superseded.is_none() && it.waiting.is_none();
        found.filter(is_it).ok_or_else(|| ReadError::Seal { table: "tokens", id: line.to_string() })
    }

    /// The token that waits to replace another.
    pub fn waiting_for(&self, predecessor: TokenId) -> Result<Option<Token>, ReadError> {
        let row = self.one(
            "SELECT * FROM tokens WHERE replaces = ? AND waits_until IS NOT NULL AND status <> 'deleted'",
            [predecessor],
            token,
        )?;
        row.map(|row| self.believe_token(row)).transpose()
    }

    /// At most `limit` of the tokens that have waited in vain, their windows having ended at `from` or later.
    pub fn waited_in_vain(&self, from: Instant, now: Instant, limit: u32) -> Result<Vec<Token>, ReadError> {
        let rows = self.all(
            "SELECT * FROM tokens WHERE waits_until BETWEEN ? AND ? AND status <> 'deleted' ORDER BY waits_until LIMIT ?",
            params![from, now, limit],
            token,
        )?;
        Self::sound(rows.into_iter().map(|row| self.believe_token(row)))
    }

    /// How many live tokens a user has in an organization, as far as a quota asks.
    ///
    /// Those that aren't deleted are counted along; only when they reach the quota are the expired told apart.
    pub fn live_tokens(
        &self,
        owner: UserId,
        organization: OrganizationId,
        quota: u32,
        now: Instant,
    ) -> Result<u32, ReadError> {
        let kept: Option<u32> = self.one(
            "SELECT kept_tokens FROM memberships WHERE user = ? AND organization = ?",
            params![owner, organization],
            |row| row.get(0),
        )?;
        if let Some(kept) = kept.filter(|kept| *kept < quota) {
            return Ok(kept);
        }
        let live = self.one(
            "SELECT count(*) FROM tokens
             WHERE owner = ? AND organization = ? AND status <> 'deleted' AND (expires_at IS NULL OR expires_at > ?)",
            params![owner, organization, now],
            |row| row.get(0),
        )?;
        Ok(live.unwrap_or(0))
    }

    pub(super) fn believe_token(&self, row: Sealed<Token>) -> Result<Token, ReadError> {
        self.unseal(row, "tokens", seal_token, |row| row.id.to_string())
    }
}

impl Tx<'_> {
    /// Inserts a token.
    pub fn insert_token(&mut self, row: &Token) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("tokens", |sealer| seal_token(sealer, row));
        self.execute(
            "INSERT INTO tokens (id, place, digest, pepper, owner, organization, name, description, icon, privileges,
                 modules, limits, restricted, minted_by, minted_by_token, tied, max_idle, replaces, line, waits_until,
                 linger, superseded_by, superseded_at, status, cause, status_at, created_at, updated_at, expires_at,
                 change_sequence, seal, seal_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                row.id,
                row.number,
                row.digest,
                row.pepper,
                row.owner,
                row.organization,
                row.name,
                row.description,
                row.icon,
                row.privileges,
                row.modules.join(" "),
                row.limits,
                row.restricted,
                row.minted_by.as_str(),
                row.minted_by.token(),
                row.tied,
                row.max_idle,
                row.replaces,
                row.line,
                row.waiting.map(|waiting| waiting.until),
                row.waiting.map(|waiting| waiting.linger),
                row.superseded.map(|superseded| superseded.by),
                row.superseded.map(|superseded| superseded.at),
                row.status,
                row.cause,
                row.status_at,
                row.created_at,
                row.updated_at,
                row.expires_at,
                row.change_sequence,
                seal,
                pepper,
            ],
        )?;
        self.execute("INSERT INTO token_uses (token, last_at, count) VALUES (?, 0, 0)", [row.id])?;
        if row.limits.has_own_count() {
            self.insert_meter(row.id)?;
        }
        self.index_name(row.number, None, Some(&row.name));
        self.count_kept(row, 1)
    }

    /// Writes what may change of a token as its next version: its labels, modules and status, its part in a rotation, an
    /// expiry that has come nearer; and its limits, which go when it is erased.
    pub fn update_token(&mut self, before: Status, row: &mut Token, now: Instant) -> Result<(), Failure> {
        let old = self.one("SELECT * FROM tokens WHERE id = ?", [row.id], token)?.map(|old| old.value);
        if old.as_ref().map(Token::fate) != Some(row.fate()) {
            self.becomes(Fate::Token(row.id, row.fate()));
        }
        let old = old.map(|old| old.name);
        row.updated_at = now;
        row.change_sequence += 1;
        let (seal, pepper) = self.seal("tokens", |sealer| seal_token(sealer, row));
        self.execute(
            "UPDATE tokens SET name = ?, description = ?, icon = ?, modules = ?, limits = ?, waits_until = ?, linger = ?,
                 superseded_by = ?, superseded_at = ?, status = ?, cause = ?, status_at = ?, updated_at = ?,
                 expires_at = ?, change_sequence = ?, seal = ?, seal_pepper = ?
             WHERE id = ?",
            params![
                row.name,
                row.description,
                row.icon,
                row.modules.join(" "),
                row.limits,
                row.waiting.map(|waiting| waiting.until),
                row.waiting.map(|waiting| waiting.linger),
                row.superseded.map(|superseded| superseded.by),
                row.superseded.map(|superseded| superseded.at),
                row.status,
                row.cause,
                row.status_at,
                row.updated_at,
                row.expires_at,
                row.change_sequence,
                seal,
                pepper,
                row.id,
            ],
        )?;
        // A tombstone's name isn't looked up.
        let looked_up = |status, name| if status == Status::Deleted { None } else { name };
        let name = looked_up(row.status, Some(row.name.as_str()));
        self.index_name(row.number, looked_up(before, old.as_deref()), name);
        if before != Status::Deleted && row.status == Status::Deleted {
            self.execute("UPDATE token_uses SET kept = 0 WHERE token = ?", [row.id])?;
            self.count_kept(row, -1)?;
        }
        Ok(())
    }

    /// Puts a token's new name into the index of words in place of the old one. What goes out of it has to be said as it
    /// went in: the index has no copy.
    ///
    /// Done with the commit, once for all that shares it: the index writes a segment whenever a savepoint begins.
    pub(super) fn index_name(&mut self, number: Number, old: Option<&str>, new: Option<&str>) {
        if old != new {
            self.ledger.renamed.push(Renamed {
                number,
                old: old.map(str::to_owned),
                new: new.map(str::to_owned),
            });
        }
    }

    /// Brings the index of words up to all names of this transaction, in their order.
    pub(super) fn index_names(&mut self) -> Result<(), ReadError> {
        for Renamed { number, old, new } in std::mem::take(&mut self.ledger.renamed) {
            if let Some(old) = old {
                self.execute(
                    "INSERT INTO token_words (token_words, rowid, name) VALUES ('delete', ?, ?)",
                    params![number, old],
                )?;
            }
            if let Some(new) = new {
                self.execute("INSERT INTO token_words (rowid, name) VALUES (?, ?)", params![number, new])?;
            }
        }
        Ok(())
    }

    fn count_kept(&mut self, row: &Token, change: i64) -> Result<(), Failure> {
        self.execute(
            "UPDATE memberships SET kept_tokens = kept_tokens + ? WHERE user = ? AND organization = ?",
            params![change, row.owner, row.organization],
        )?;
        self.count(Total::Tokens, Scope::EVERYWHERE, change);
        self.count(Total::Tokens, row.organization, change);
        self.count(Total::Tokens, row.owner, change);
        Ok(())
    }
}
