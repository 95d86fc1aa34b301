//! What stands in our own API's JSON, and how it becomes what the use cases take.

mod checks;
mod feeds;
mod imports;
mod limits;
mod lists;
mod members;
mod modules;
mod organizations;
mod revocations;
mod sessions;
mod tokens;
mod users;
mod uses;

pub(super) use self::{
    checks::{CheckHistory, ExpiryCalendar},
    feeds::{CreateFeed, CreatedFeed, FeedList, FeedObject},
    imports::{CreateImport, ImportObject},
    lists::{EVENT_COLUMNS, EventObject, ListPage, Paging},
    members::{AddMember, ChangeMember, MemberObject},
    modules::{AddModule, ModuleList, ModuleObject, RenameModule},
    organizations::{
        AddPrivilege, ChangeOrganization, ChangePolicy, CreateOrganization, OrganizationObject,
        OrganizationPage, PolicyObject, PrivilegeList,
    },
    revocations::{Asked, CreateRevocation, DescendantObject, RevocationObject},
    sessions::{SessionList, SessionObject, SessionRow, SignIn},
    tokens::{CreateToken, CreatedToken, RelabelToken, RotateToken, TokenObject},
    users::{ChangeUser, CreateUser, Me, MyOrganization, NewPassword, SecretField, UserObject},
    uses::{PrivilegeUse, StragglerList},
};
