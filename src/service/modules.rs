//! Modules of an organization: what tokens may be narrowed to.

use super::{
    Caller, Service,
    organizations::{managed, readable},
};
use crate::{
    core::{
        decision::decide_for_good,
        event::Deed,
        id::ModuleId,
        organization::{MOST_MODULES, Module},
        refusal::{Failure, Refusal},
        time::Instant,
    },
    store::{Tx, Write},
};

impl Service {
    /// The modules of an organization that the caller manages or is in, by number.
    pub fn modules(&self, caller: &Caller, organization: &str) -> Result<Vec<Module>, Failure> {
        let now = self.now();
        self.look(|rows| Ok(rows.modules(readable(rows, caller, organization, now)?.id)?))
    }

    /// Makes a module.
    pub async fn add_module(
        &self,
        caller: &Caller,
        organization: &str,
        number: String,
        name: String,
    ) -> Result<Module, Failure> {
        let now = self.now();
        let (caller, organization) = (caller.clone(), organization.to_owned());
        self.store.write(AddModule { caller, organization, id: self.new_id(now), number, name, now }).await
    }

    /// Gives a module another name; `None` for the one it has.
    pub async fn rename_module(
        &self,
        caller: &Caller,
        organization: &str,
        module: &str,
        name: Option<String>,
    ) -> Result<Module, Failure> {
        let (caller, organization, module) = (caller.clone(), organization.to_owned(), module.to_owned());
        let change = ModuleChange::Rename(name);
        self.store.write(ChangeModule { caller, organization, module, change, now: self.now() }).await
    }

    /// Removes a module. Tokens that name it keep the number, which is never given again.
    pub async fn remove_module(
        &self,
        caller: &Caller,
        organization: &str,
        module: &str,
    ) -> Result<(), Failure> {
        let (caller, organization, module) = (caller.clone(), organization.to_owned(), module.to_owned());
        let change = ModuleChange::Remove;
        let write = ChangeModule { caller, organization, module, change, now: self.now() };
        self.store.write(write).await.map(drop)
    }
}

struct AddModule {
    caller: Caller,
    organization: String,
    id: ModuleId,
    number: String,
    name: String,
    now: Instant,
}

impl Write for AddModule {
    type Output = Module;
    // A check reads a token's own list.
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Module, Failure> {
        let Self { caller, organization, id, number, name, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let (organization, _) = managed(tx, &subject, &organization, now)?;
        if tx.count_modules(organization.id)? >= MOST_MODULES {
            let problem = format!("an organization has at most {MOST_MODULES} modules");
            return Err(Refusal::invalid("number", problem).into());
        }
        let module = Module { id, organization: organization.id, number, name, created_at: now };
        tx.insert_module(&module)?;
        tx.record(&caller.event(Deed::ModuleAdded, id, organization.id, "", now))?;
        Ok(module)
    }
}

enum ModuleChange {
    Rename(Option<String>),
    Remove,
}

struct ChangeModule {
    caller: Caller,
    organization: String,
    module: String,
    change: ModuleChange,
    now: Instant,
}

impl Write for ChangeModule {
    type Output = Module;
    const REVISES: bool = false;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Module, Failure> {
        let Self { caller, organization, module, change, now } = self;
        let subject = caller.decide_again(tx, now)?;
        let (organization, _) = managed(tx, &subject, &organization, now)?;
        let found = tx.module(organization.id, &module)?;
        let mut module = found.ok_or(Refusal::NotFound { what: "module" })?;
        let deed = match change {
            ModuleChange::Rename(Some(name)) if name != module.name => {
                tx.rename_module(module.id, &name)?;
                module.name = name;
                Deed::ModuleRenamed
            }
            ModuleChange::Rename(_) => return Ok(module),
            ModuleChange::Remove => {
                decide_for_good(&subject, now)?;
                tx.remove_module(module.id, now)?;
                Deed::ModuleRemoved
            }
        };
        tx.record(&caller.event(deed, module.id, organization.id, "", now))?;
        Ok(module)
    }
}
