//! What stands in our own API's JSON, and how it becomes what the use cases take.

mod lists;
mod members;
mod modules;
mod organizations;
mod tokens;
mod users;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
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
    /// The limit that was passed, where there is one.
    limit: Option<u64>,
    /// At which change the thing is now, where an `If-Match` was stale.
    change_sequence: Option<u32>,
    /// The number that jeton's log has the cause under, where jeton failed.
    incident: Option<u64>,
    /// The word that OAuth has for it (RFC 6749, 5.2), below `/oauth`.
    error: Option<String>,
    /// The same as `detail`, below `/oauth`.
    error_description: Option<String>,
}

/// Reads an object inside a body, or `null`. Serde alone takes a list for one, its items for the members in their order.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members)).map(Some)
        }
    }

    deserializer.deserialize_any(Object(PhantomData))
}
