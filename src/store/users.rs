//! Users and their password hashes.

use rusqlite::{Row, params};

use super::{
    columns::Columns,
    rows::{ReadError, Rows, Sealed},
    totals::{Scope, Total},
    writer::Tx,
};
use crate::core::{
    decision::Account,
    id::{OrganizationId, UserId},
    journal::Fate,
    keys::Sealer,
    refusal::Failure,
    time::Instant,
    user::User,
};

pub(super) fn seal_user(sealer: Sealer, row: &User) -> Sealer {
    let sealer = sealer
        .bytes(&row.id.0)
        .text(&row.username)
        .int(row.active.into())
        .int(row.operator.into())
        .bytes(&row.home.0);
    // Rows from before users could be deleted have no such field.
    match row.deleted_at {
        Some(deleted_at) => sealer.int(deleted_at.millis()),
        None => sealer,
    }
}

/// What the index of words holds of a user.
fn words(row: &User) -> [&str; 4] {
    [&row.username, &row.email, &row.first_name, &row.last_name]
}

pub(super) struct Password {
    pub(super) user: UserId,
    hash: String,
}

pub(super) fn seal_password(sealer: Sealer, row: &Password) -> Sealer {
    sealer.bytes(&row.user.0).text(&row.hash)
}

pub(super) fn password(row: &Row<'_>) -> rusqlite::Result<Sealed<Password>> {
    Sealed::read(row, Password { user: row.get("user")?, hash: row.get("hash")? })
}

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<Sealed<User>> {
    let columns = Columns::of(row);
    let value = User {
        id: columns.get("id")?,
        username: columns.get("username")?,
        email: columns.get("email")?,
        first_name: columns.get("first_name")?,
        last_name: columns.get("last_name")?,
        title: columns.get("title")?,
        image: columns.get("image")?,
        active: columns.get("active")?,
        operator: columns.get("operator")?,
        home: columns.get("home")?,
        created_at: columns.get("created_at")?,
        updated_at: columns.get("updated_at")?,
        change_sequence: columns.get("change_sequence")?,
        number: columns.get("place")?,
        deleted_at: columns.get("deleted_at")?,
    };
    columns.sealed(value)
}

impl Rows<'_> {
    /// A user by id, deleted or not.
    pub fn user(&self, id: UserId) -> Result<Option<User>, ReadError> {
        let row = self.one("SELECT * FROM users WHERE id = ?", [id], user)?;
        row.map(|row| self.believe_user(row)).transpose()
    }

    /// A user by username. A deleted one has none.
    pub fn user_by_name(&self, username: &str) -> Result<Option<User>, ReadError> {
        let row =
            self.one("SELECT * FROM users WHERE username = ? AND deleted_at IS NULL", [username], user)?;
        row.map(|row| self.believe_user(row)).transpose()
    }

    /// The user that was made first.
    pub fn first_user(&self) -> Result<Option<User>, ReadError> {
        let row = self.one("SELECT * FROM users ORDER BY id LIMIT 1", [], user)?;
        row.map(|row| self.believe_user(row)).transpose()
    }

    /// A user by the 12 bytes that the id begins with, deleted or not.
    pub fn user_by_prefix(&self, prefix: [u8; 12]) -> Result<Option<User>, ReadError> {
        let (first, last) = UserId::span(prefix);
        let row = self.one("SELECT * FROM users WHERE id BETWEEN ? AND ?", [first, last], user)?;
        row.map(|row| self.believe_user(row)).transpose()
    }

    /// Whether there is any user at all.
    pub fn any_user(&self) -> Result<bool, ReadError> {
        Ok(self.one("SELECT 1 FROM users WHERE deleted_at IS NULL LIMIT 1", [], |_| Ok(()))?.is_some())
    }

    /// Whether anybody beside this user operates the instance and can sign in to do so.
    pub fn other_operator(&self, than: UserId) -> Result<bool, ReadError> {
        let other = self.one(
            "SELECT 1 FROM users WHERE operator = 1 AND active = 1 AND deleted_at IS NULL AND id <> ? LIMIT 1",
            [than],
            |_| Ok(()),
        )?;
        Ok(other.is_some())
    }

    /// The hash of a user's password in PHC form.
    pub fn password_hash(&self, user: UserId) -> Result<Option<String>, ReadError> {
        let row = self.one("SELECT * FROM passwords WHERE user = ?", [user], password)?;
        row.map(|row| {
            self.unseal(row, "passwords", seal_password, |row| row.user.to_string()).map(|row| row.hash)
        })
        .transpose()
    }

    /// A user in an organization, as both stand now.
    pub fn account(&self, user: User, organization: OrganizationId) -> Result<Account, ReadError> {
        let membership = self.membership(user.id, organization)?;
        let organization = self.organization(organization)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(Account { user, organization, membership })
    }

    pub(super) fn believe_user(&self, row: Sealed<User>) -> Result<User, ReadError> {
        self.unseal(row, "users", seal_user, |row| row.id.to_string())
    }
}

impl Tx<'_> {
    /// Inserts a user.
    pub fn insert_user(&mut self, row: &User) -> Result<(), Failure> {
        let (seal, pepper) = self.seal("users", |sealer| seal_user(sealer, row));
        let inserted = self.execute(
            "INSERT INTO users (id, place, username, email, first_name, last_name, title, image, active, operator, home,
                 created_at, updated_at, change_sequence, seal, seal_pepper)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                row.id,
                row.number,
                row.username,
                row.email,
                row.first_name,
                row.last_name,
                row.title,
                row.image,
                row.active,
                row.operator,
                row.home,
                row.created_at,
                row.updated_at,
                row.change_sequence,
                seal,
                pepper,
            ],
        );
        Self::unless_taken(inserted, "username")?;
        self.insert_words(row)?;
        self.count(Total::Users, Scope::EVERYWHERE, 1);
        Ok(())
    }

    /// Writes what may change of a user as the next version.
    pub fn update_user(&mut self, before: &User, row: &mut User, now: Instant) -> Result<(), Failure> {
        if before.fate() != row.fate() {
            self.becomes(Fate::User(row.id, row.fate()));
        }
        row.updated_at = now;
        row.change_sequence += 1;
        let (seal, pepper) = self.seal("users", |sealer| seal_user(sealer, row));
        self.execute(
            "UPDATE users SET username = ?, email = ?, first_name = ?, last_name = ?, title = ?, image = ?, active = ?,
                 operator = ?, home = ?, deleted_at = ?, updated_at = ?, change_sequence = ?, seal = ?, seal_pepper = ?
             WHERE id = ?",
            params![
                row.username,
                row.email,
                row.first_name,
                row.last_name,
                row.title,
                row.image,
                row.active,
                row.operator,
                row.home,
                row.deleted_at,
                row.updated_at,
                row.change_sequence,
                seal,
                pepper,
                row.id,
            ],
        )?;
        if words(before) != words(row) {
            self.delete_words(before)?;
            if row.deleted_at.is_none() {
                self.insert_words(row)?;
            }
        }
        Ok(())
    }

    /// Deletes a user, as far as is needed for nobody to be let in as them again: the row stays for what refers to it,
    /// without what was personal in it, and the name is free.
    pub fn delete_user(&mut self, user: &User, now: Instant) -> Result<(), Failure> {
        let mut row = User {
            // Outside the grammar, so that nobody else can have it.
            username: format!("deleted:{}", user.id),
            email: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            title: String::new(),
            image: String::new(),
            active: false,
            operator: false,
            deleted_at: Some(now),
            ..user.clone()
        };
        self.update_user(user, &mut row, now)?;
        self.execute("DELETE FROM passwords WHERE user = ?", [user.id])?;
        self.count(Total::Users, Scope::EVERYWHERE, -1);
        Ok(())
    }

    fn insert_words(&self, row: &User) -> Result<(), Failure> {
        self.execute(
            "INSERT INTO user_words (rowid, username, email, first_name, last_name) VALUES (?, ?, ?, ?, ?)",
            params![row.number, row.username, row.email, row.first_name, row.last_name],
        )?;
        Ok(())
    }

    /// The index keeps no text of its own: what is to be taken out must be told.
    fn delete_words(&self, row: &User) -> Result<(), Failure> {
        self.execute(
            "INSERT INTO user_words (user_words, rowid, username, email, first_name, last_name)
             VALUES ('delete', ?, ?, ?, ?, ?)",
            params![row.number, row.username, row.email, row.first_name, row.last_name],
        )?;
        Ok(())
    }

    /// Sets the hash of a user's password.
    pub fn set_password(&mut self, user: UserId, hash: String, now: Instant) -> Result<(), Failure> {
        let row = Password { user, hash };
        let (seal, pepper) = self.seal("passwords", |sealer| seal_password(sealer, &row));
        self.execute(
            "INSERT INTO passwords (user, hash, set_at, seal, seal_pepper) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET hash = ?2, set_at = ?3, seal = ?4, seal_pepper = ?5",
            params![row.user, row.hash, now, seal, pepper],
        )?;
        Ok(())
    }
}
