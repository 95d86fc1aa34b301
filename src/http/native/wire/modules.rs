//! Modules on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::{
    organization::{Module, module_number},
    refusal::Refusal,
    text,
};

/// A module to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct AddModule {
    /// `MOD-dddd` or `MOD-dddd-dddd`, never given before in the organization.
    number: String,
    /// A name for people, 1 to 200 characters.
    name: String,
}

impl AddModule {
    /// Its number and name.
    pub(in crate::http::native) fn read(self) -> Result<(String, String), Refusal> {
        Ok((module_number(&self.number)?, text::name("name", &self.name)?))
    }
}

/// Another name for a module.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct RenameModule {
    /// A name for people, 1 to 200 characters; absent stays.
    name: Option<String>,
}

impl RenameModule {
    /// The name, if there is one.
    pub(in crate::http::native) fn read(self) -> Result<Option<String>, Refusal> {
        self.name.map(|name| text::name("name", &name)).transpose()
    }
}

/// A module.
#[derive(Serialize, ToSchema)]
#[schema(as = Module)]
pub(in crate::http::native) struct ModuleObject {
    /// A UUIDv7.
    id: String,
    /// `MOD-dddd` or `MOD-dddd-dddd`.
    number: String,
    name: String,
    created_at: String,
}

impl From<Module> for ModuleObject {
    fn from(module: Module) -> Self {
        Self {
            id: module.id.to_string(),
            number: module.number,
            name: module.name,
            created_at: module.created_at.to_string(),
        }
    }
}

/// Every module of an organization, by number.
#[derive(Serialize, ToSchema)]
pub(in crate::http::native) struct ModuleList {
    pub(in crate::http::native) items: Vec<ModuleObject>,
}
