//! Replies that can be given again: to requests that came with an idempotency key, for ten minutes.
//!
//! A reply stands encrypted, and what it is encrypted with isn't here: see [`crate::core::idempotency`]. Wiped, it is
//! overwritten in the database (`secure_delete`). The write-ahead log may hold it until it comes round again, and isn't
//! emptied for that, which would hold up every write: nobody reads it there either without the client's own key.

use rusqlite::{Row, params};
use zeroize::Zeroizing;

use super::{
    rows::{ReadError, Rows, Sealed},
    writer::{Tx, Write},
};
use crate::core::{
    event::Actor,
    id::TokenId,
    idempotency::Once,
    keys::{Digest, PepperId, Sealer},
    refusal::{Failure, Refusal},
    time::Instant,
    token::Status,
};

/// The reply to a request that made a token.
#[derive(Debug)]
pub struct Replied {
    /// The token.
    pub token: TokenId,
    /// The reply, secret included.
    pub reply: Zeroizing<Vec<u8>>,
}

/// What is kept of one.
struct Kept {
    key: Digest,
    request: Digest,
    caller: String,
    caller_id: Option<[u8; 16]>,
    token: TokenId,
    /// Encrypted; `None` once the token was used.
    reply: Option<Vec<u8>>,
    until: Instant,
}

fn seal_reply(sealer: Sealer, row: &Kept) -> Sealer {
    sealer
        .bytes(&row.key.0)
        .bytes(&row.request.0)
        .text(&row.caller)
        .bytes(row.caller_id.as_ref().map_or(&[], |id| id.as_slice()))
        .bytes(&row.token.0)
        .bytes(row.reply.as_deref().unwrap_or_default())
        .int(row.until.millis())
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Sealed<Kept>> {
    let value = Kept {
        key: row.get("key")?,
        request: row.get("request")?,
        caller: row.get("caller")?,
        caller_id: row.get("caller_id")?,
        token: row.get("token")?,
        reply: row.get("reply")?,
        until: row.get("until")?,
    };
    Sealed::read(row, value)
}

/// Who somebody is: the user by whose password, the token, or the local operator.
fn named(caller: Actor) -> (&'static str, Option<[u8; 16]>) {
    (caller.as_str(), caller.token().map(|token| token.0).or_else(|| caller.user().map(|user| user.0)))
}

impl Rows<'_> {
    /// The tokens whose replies are kept, whether their secrets still are, and until when. An edited row is named too:
    /// it isn't given to anybody, and goes with the others.
    pub fn kept_replies(&self) -> Result<Vec<(TokenId, bool, Instant)>, ReadError> {
        self.all("SELECT token, reply IS NOT NULL, until FROM replies", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    }

    fn kept_reply_row(&self, once: &Once) -> Result<Option<(Kept, PepperId)>, ReadError> {
        // A key that came before the pepper got a new line is known by the old one.
        for pepper in self.keys.ids() {
            let key = self.keys.key_digest(pepper, once).expect("an id of the keyring's own");
            if let Some(row) = self.one("SELECT * FROM replies WHERE key = ?", [key], kept)? {
                let row = self.unseal(row, "replies", seal_reply, |row| row.token.to_string())?;
                return Ok(Some((row, pepper)));
            }
        }
        Ok(None)
    }
}

impl Tx<'_> {
    /// The reply that this request had before; `None` where it comes for the first time.
    ///
    /// Somebody else isn't told whether it is even the same request. A token that was changed, disabled or has expired
    /// meanwhile is told of as it was; one that was used or deleted isn't any more.
    pub fn kept_reply(&self, once: &Once, caller: Actor) -> Result<Option<Replied>, Failure> {
        let Some((row, pepper)) = self.kept_reply_row(once)? else { return Ok(None) };
        if (row.caller.as_str(), row.caller_id) != named(caller) {
            return Err(Refusal::IdempotencyForeign.into());
        }
        let request = self.keys.request_digest(pepper, once).expect("the row's pepper is there");
        if !request.matches(&row.request) {
            return Err(Refusal::IdempotencyMismatch.into());
        }
        let token = row.token;
        let lives = self.token(token)?.is_some_and(|token| token.status != Status::Deleted);
        let Some(wrapped) = row.reply.filter(|_| lives) else {
            return Err(Refusal::IdempotencySpent { token }.into());
        };
        let reply = self.keys.unwrap(pepper, once, token, wrapped);
        let reply = reply.ok_or_else(|| Failure::broken(format!("the reply about {token} can't be read")))?;
        Ok(Some(Replied { token, reply }))
    }

    /// Keeps the reply to a request that has just made a token.
    pub fn keep_reply(
        &mut self,
        once: &Once,
        caller: Actor,
        replied: &Replied,
        until: Instant,
    ) -> Result<(), Failure> {
        let (keys, token) = (self.keys, replied.token);
        let pepper = keys.current();
        let made = || {
            let (key, request) = (keys.key_digest(pepper, once)?, keys.request_digest(pepper, once)?);
            Some((key, request, keys.wrap(pepper, once, token, &replied.reply)?))
        };
        let (key, request, reply) = made().ok_or_else(|| Failure::broken("a reply can't be encrypted"))?;
        let (caller, caller_id) = named(caller);
        let row =
            Kept { key, request, caller: caller.to_owned(), caller_id, token, reply: Some(reply), until };
        self.put_reply(&row)
    }

    /// Wipes a token's reply, and goes on knowing that there was one.
    fn wipe_reply(&mut self, token: TokenId) -> Result<(), Failure> {
        let row = self.one("SELECT * FROM replies WHERE token = ?", [token], kept)?;
        let row = row.map(|row| self.unseal(row, "replies", seal_reply, |row| row.token.to_string()));
        match row.transpose() {
            Ok(Some(row)) => self.put_reply(&Kept { reply: None, ..row }),
            Ok(None) => Ok(()),
            // An edited row gives nothing to anybody, and its ciphertext goes all the same.
            Err(error) if error.is_edit() => self.forget_reply(token),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes away all that is known of a token's reply.
    pub(super) fn forget_reply(&mut self, token: TokenId) -> Result<(), Failure> {
        self.execute("DELETE FROM replies WHERE token = ?", [token])?;
        Ok(())
    }

    fn put_reply(&mut self, row: &Kept) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("replies", |sealer| seal_reply(sealer, row));
        self.execute(
            "INSERT INTO replies (key, request, caller, caller_id, token, reply, until, seal, seal_pepper)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (key) DO UPDATE SET reply = ?6, seal = ?8, seal_pepper = ?9",
            params![
                row.key,
                row.request,
                row.caller,
                row.caller_id,
                row.token,
                row.reply,
                row.until,
                seal,
                pepper
            ],
        )?;
        Ok(())
    }
}

/// Wipes the replies about tokens that were used, and takes away those whose time is over.
#[derive(Clone)]
pub struct Wiped {
    /// Those that were used.
    pub used: Vec<TokenId>,
    /// Those whose time is over.
    pub over: Vec<TokenId>,
}

impl Write for Wiped {
    type Output = ();
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        self.used.into_iter().try_for_each(|token| tx.wipe_reply(token))?;
        self.over.into_iter().try_for_each(|token| tx.forget_reply(token))
    }
}
