//! The modules of an organization. A removed one stays as a row, so that its number is never given again.

use rusqlite::{Row, params};

use super::{
    rows::{ReadError, Rows},
    writer::Tx,
};
use crate::core::{
    id::{ModuleId, OfModule, OrganizationId, Reference},
    organization::Module,
    refusal::Failure,
    time::Instant,
};

fn module(row: &Row<'_>) -> rusqlite::Result<Module> {
    Ok(Module {
        id: row.get("id")?,
        organization: row.get("organization")?,
        number: row.get("number")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
    })
}

impl Rows<'_> {
    /// A module of an organization as a request names it, by number or by id; `None` for one that isn't a module of it.
    pub fn module(&self, organization: OrganizationId, name: &str) -> Result<Option<Module>, ReadError> {
        if let Some(Reference::Id(id)) = Reference::<OfModule>::parse(name) {
            return self.one(
                "SELECT * FROM modules WHERE id = ? AND organization = ? AND deleted_at IS NULL",
                params![id, organization],
                module,
            );
        }
        self.one(
            "SELECT * FROM modules WHERE organization = ? AND number = ? AND deleted_at IS NULL",
            params![organization, name],
            module,
        )
    }

    /// A module that an organization has or had, by number.
    pub fn module_once(
        &self,
        organization: OrganizationId,
        number: &str,
    ) -> Result<Option<Module>, ReadError> {
        self.one(
            "SELECT * FROM modules WHERE organization = ? AND number = ?",
            params![organization, number],
            module,
        )
    }

    /// The modules of an organization, by number.
    pub fn modules(&self, organization: OrganizationId) -> Result<Vec<Module>, ReadError> {
        self.all(
            "SELECT * FROM modules WHERE organization = ? AND deleted_at IS NULL ORDER BY number",
            [organization],
            module,
        )
    }

    /// How many modules an organization has.
    pub fn count_modules(&self, organization: OrganizationId) -> Result<u32, ReadError> {
        let count = self.one(
            "SELECT count(*) FROM modules WHERE organization = ? AND deleted_at IS NULL",
            [organization],
            |row| row.get(0),
        )?;
        Ok(count.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// Inserts a module.
    pub fn insert_module(&mut self, row: &Module) -> Result<(), Failure> {
        let inserted = self.execute(
            "INSERT INTO modules (id, organization, number, name, created_at) VALUES (?, ?, ?, ?, ?)",
            params![row.id, row.organization, row.number, row.name, row.created_at],
        );
        Self::unless_taken(inserted, "number")
    }

    /// Gives a module another name.
    pub fn rename_module(&mut self, id: ModuleId, name: &str) -> Result<(), Failure> {
        self.execute("UPDATE modules SET name = ? WHERE id = ?", params![name, id])?;
        Ok(())
    }

    /// Removes a module: no new token is narrowed to it, its number is never given again.
    pub fn remove_module(&mut self, id: ModuleId, now: Instant) -> Result<(), Failure> {
        self.execute("UPDATE modules SET deleted_at = ? WHERE id = ?", params![now, id])?;
        Ok(())
    }
}
