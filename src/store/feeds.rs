//! Feeds of what expires.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows, Sealed},
    writer::Tx,
};
use crate::core::{
    feed::Feed,
    id::{FeedId, UserId},
    keys::{Digest, Sealer},
    refusal::Failure,
    secret::FeedSecret,
};

struct Kept {
    feed: Feed,
    digest: Digest,
}

fn seal_feed(sealer: Sealer, row: &Kept) -> Sealer {
    let Feed { id, user, organization, created_at } = &row.feed;
    let organization = organization.as_ref().map(|id| id.0.as_slice()).unwrap_or_default();
    sealer.bytes(&id.0).bytes(&row.digest.0).bytes(&user.0).bytes(organization).int(created_at.millis())
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Sealed<Kept>> {
    let feed = Feed {
        id: row.get("id")?,
        user: row.get("user")?,
        organization: row.get("organization")?,
        created_at: row.get("created_at")?,
    };
    Sealed::read(row, Kept { feed, digest: row.get("digest")? })
}

impl Rows<'_> {
    fn believe_feed(&self, row: Sealed<Kept>) -> Result<Feed, ReadError> {
        self.unseal(row, "feeds", seal_feed, |row| row.feed.id.to_string()).map(|row| row.feed)
    }

    /// The feed that a key opens.
    pub fn feed_of(&self, secret: &FeedSecret) -> Result<Option<Feed>, ReadError> {
        // One that was made before the pepper got a new line is known by the old one.
        for pepper in self.keys.ids() {
            let digest = self.keys.feed_digest(pepper, secret).expect("an id of the keyring's own");
            if let Some(row) = self.one("SELECT * FROM feeds WHERE digest = ?", [digest], kept)? {
                return self.believe_feed(row).map(Some);
            }
        }
        Ok(None)
    }

    /// A feed by its id.
    pub fn feed(&self, id: FeedId) -> Result<Option<Feed>, ReadError> {
        let row = self.one("SELECT * FROM feeds WHERE id = ?", [id], kept)?;
        row.map(|row| self.believe_feed(row)).transpose()
    }

    /// A user's feeds, the oldest first. An edited row is reported and left out.
    pub fn feeds(&self, user: UserId) -> Result<Vec<Feed>, ReadError> {
        let rows = self.all("SELECT * FROM feeds WHERE user = ? ORDER BY id", [user], kept)?;
        Self::sound(rows.into_iter().map(|row| self.believe_feed(row)))
    }
}

impl Tx<'_> {
    /// Makes a feed.
    pub fn insert_feed(&mut self, feed: Feed, digest: Digest) -> Result<(), Failure> {
        let row = Kept { feed, digest };
        let (seal, pepper) = self.seal("feeds", |sealer| seal_feed(sealer, &row));
        let Feed { id, user, organization, created_at } = feed;
        self.execute(
            "INSERT INTO feeds (id, digest, user, organization, created_at, seal, seal_pepper)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![id, digest, user, organization, created_at, seal, pepper],
        )?;
        Ok(())
    }

    /// Removes a feed.
    pub fn delete_feed(&mut self, id: FeedId) -> Result<(), Failure> {
        self.execute("DELETE FROM feeds WHERE id = ?", [id])?;
        Ok(())
    }

    /// Removes all of a user's.
    pub fn delete_feeds(&mut self, user: UserId) -> Result<(), Failure> {
        self.execute("DELETE FROM feeds WHERE user = ?", [user])?;
        Ok(())
    }
}
