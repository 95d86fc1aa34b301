//! Who is signed in at the page. A session that is over is no row any more.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows, Sealed},
    writer::Tx,
};
use crate::core::{
    id::{SessionId, UserId},
    keys::{Digest, Sealer},
    refusal::Failure,
    secret::SessionSecret,
    session::{IDLE, LONGEST, Session},
    time::Instant,
};

/// A session with where it was begun, for whoever looks through theirs.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The session.
    pub session: Session,
    /// The peer's IP address; `None` over a Unix socket.
    pub address: Option<String>,
    /// The browser's own words for itself.
    pub agent: Option<String>,
}

/// A row without what only people read.
struct Kept {
    session: Session,
    digest: Digest,
}

fn seal_session(sealer: Sealer, row: &Kept) -> Sealer {
    let Session { id, user, created_at, seen_at } = &row.session;
    sealer.bytes(&id.0).bytes(&row.digest.0).bytes(&user.0).int(created_at.millis()).int(seen_at.millis())
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Sealed<Kept>> {
    let session = Session {
        id: row.get("id")?,
        user: row.get("user")?,
        created_at: row.get("created_at")?,
        seen_at: row.get("seen_at")?,
    };
    Sealed::read(row, Kept { session, digest: row.get("digest")? })
}

impl Rows<'_> {
    fn believe_session(&self, row: Sealed<Kept>) -> Result<Kept, ReadError> {
        self.unseal(row, "sessions", seal_session, |row| row.session.id.to_string())
    }

    /// The session that a secret stands for, over or not.
    pub fn session_of(&self, secret: &SessionSecret) -> Result<Option<Session>, ReadError> {
        // One that was begun before the pepper got a new line is known by the old one.
        for pepper in self.keys.ids() {
            let digest = self.keys.session_digest(pepper, secret).expect("an id of the keyring's own");
            if let Some(row) = self.one("SELECT * FROM sessions WHERE digest = ?", [digest], kept)? {
                return self.believe_session(row).map(|row| Some(row.session));
            }
        }
        Ok(None)
    }

    fn kept_session(&self, id: SessionId) -> Result<Option<Kept>, ReadError> {
        let row = self.one("SELECT * FROM sessions WHERE id = ?", [id], kept)?;
        row.map(|row| self.believe_session(row)).transpose()
    }

    /// A session by its id, over or not.
    pub fn session(&self, id: SessionId) -> Result<Option<Session>, ReadError> {
        Ok(self.kept_session(id)?.map(|row| row.session))
    }

    /// A user's sessions, the oldest first. An edited row is reported and left out.
    pub fn sessions(&self, user: UserId) -> Result<Vec<Begun>, ReadError> {
        let rows = self.all("SELECT * FROM sessions WHERE user = ? ORDER BY id", [user], |row| {
            Ok((kept(row)?, row.get("address")?, row.get("agent")?))
        })?;
        Self::sound(rows.into_iter().map(|(row, address, agent)| {
            self.believe_session(row).map(|row| Begun { session: row.session, address, agent })
        }))
    }

    /// Whether there are any whose time is over.
    pub fn any_session_over(&self, now: Instant) -> Result<bool, ReadError> {
        let [begun, seen] = over_since(now);
        let found = self.one(
            "SELECT EXISTS (SELECT 1 FROM sessions WHERE created_at <= ?)
                 OR EXISTS (SELECT 1 FROM sessions WHERE seen_at <= ?)",
            params![begun, seen],
            |row| row.get(0),
        )?;
        Ok(found.unwrap_or_default())
    }
}

/// Sessions begun, or used last, no later than these are over now.
fn over_since(now: Instant) -> [Instant; 2] {
    [LONGEST, IDLE].map(|span| now.checked_add(-span).unwrap_or(Instant::from_millis(0)))
}

impl Tx<'_> {
    /// Begins a session.
    pub fn insert_session(&mut self, begun: &Begun, digest: Digest) -> Result<(), Failure> {
        let Begun { session, address, agent } = begun;
        let row = Kept { session: *session, digest };
        let (seal, pepper) = self.seal("sessions", |sealer| seal_session(sealer, &row));
        let Session { id, user, created_at, seen_at } = session;
        self.execute(
            "INSERT INTO sessions (id, digest, user, created_at, seen_at, address, agent, seal, seal_pepper)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![id, digest, user, created_at, seen_at, address, agent, seal, pepper],
        )?;
        Ok(())
    }

    /// Remembers that a session was used, unless it is gone or was used later.
    pub fn see_session(&mut self, id: SessionId, seen_at: Instant) -> Result<(), Failure> {
        let Some(mut row) = self.kept_session(id)?.filter(|row| row.session.seen_at < seen_at) else {
            return Ok(());
        };
        row.session.seen_at = seen_at;
        let (seal, pepper) = self.seal("sessions", |sealer| seal_session(sealer, &row));
        self.execute(
            "UPDATE sessions SET seen_at = ?2, seal = ?3, seal_pepper = ?4 WHERE id = ?1",
            params![id, seen_at, seal, pepper],
        )?;
        Ok(())
    }

    /// Ends a session; whether there was one.
    pub fn delete_session(&mut self, id: SessionId) -> Result<bool, Failure> {
        Ok(self.execute("DELETE FROM sessions WHERE id = ?", [id])? > 0)
    }

    /// Ends all of a user's.
    pub fn delete_sessions(&mut self, user: UserId) -> Result<(), Failure> {
        self.execute("DELETE FROM sessions WHERE user = ?", [user])?;
        Ok(())
    }

    /// Takes away those whose time is over.
    pub fn sweep_sessions(&mut self, now: Instant) -> Result<(), Failure> {
        let [begun, seen] = over_since(now);
        self.execute("DELETE FROM sessions WHERE created_at <= ?", [begun])?;
        self.execute("DELETE FROM sessions WHERE seen_at <= ?", [seen])?;
        Ok(())
    }
}
