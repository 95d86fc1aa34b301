//! What stands in our own API's JSON, and how it becomes what the use cases take.

mod lists;
mod members;
mod modules;
mod organizations;
mod tokens;
mod users;

use serde::Serialize;
use utoipa::ToSchema;

pub(super) use self::{
    lists::{EVENT_COLUMNS, EventObject, ListPage, Paging},
    members::{AddMember, ChangeMember, MemberObject},
    modules::{AddModule, ModuleList, ModuleObject, RenameModule},
    organizations::{
        AddPrivilege, ChangeOrganization, ChangePolicy, CreateOrganization, OrganizationObject,
        OrganizationPage, PolicyObject, PrivilegeList,
    },
    tokens::{CreateToken, CreatedToken, RelabelToken, TokenObject},
    users::{ChangeUser, CreateUser, Me, MyOrganization, NewPassword, UserObject},
};

/// A refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// The status's reason phrase.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence on what is wrong and what would be right.
    detail: String,
    /// The stable word for it.
    code: &'static str,
    /// The field that is wrong, where one is.
    field: Option<String>,
}
