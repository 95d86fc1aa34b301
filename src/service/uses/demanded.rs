//! What a demand asks of a token's privileges.

use crate::core::{
    decision::Demand,
    privilege::{Privilege, Privileges},
    wanted::Wanted,
};

/// What is noted as demanded of a token.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) enum Demanded<'a> {
    /// Nothing but that it is good.
    Nothing,
    /// Whoever asked was told what it holds, and didn't say for what: they may use any of it.
    Openly,
    /// What a proxy or a service wanted.
    Wanted(&'a Wanted),
    /// One of jeton's own.
    Own(&'static str),
    /// What it gave to a token that it minted, which needs all of it.
    PassedOn(&'a Privileges),
}

impl<'a> Demanded<'a> {
    /// What a demand asks of a token that holds these.
    pub(in crate::service) fn of(demand: Demand<'a>, held: &Privileges) -> Self {
        match demand {
            Demand::Pass(wanted) if wanted.privileges().next().is_none() => Self::Openly,
            Demand::Pass(wanted) => Self::Wanted(wanted),
            // Nobody asks for it there, but whoever holds it is shown more.
            Demand::Owner | Demand::User if held.list(Privilege::ADMIN) => Self::Own(Privilege::ADMIN),
            Demand::Itself | Demand::Owner | Demand::User => Self::Nothing,
            // Either will do: it is by the one that it holds.
            Demand::Introspection if held.list(Privilege::INTROSPECT) || !held.list(Privilege::ADMIN) => {
                Self::Own(Privilege::INTROSPECT)
            }
            Demand::Introspection | Demand::Management | Demand::Administrator | Demand::Operator => {
                Self::Own(Privilege::ADMIN)
            }
        }
    }

    /// Calls `note` with each privilege.
    pub(super) fn each(self, mut note: impl FnMut(&str)) {
        match self {
            Self::Nothing | Self::Openly => {}
            Self::Own(privilege) => note(privilege),
            Self::Wanted(wanted) => wanted.privileges().for_each(|privilege| note(privilege.as_str())),
            Self::PassedOn(privileges) => privileges.iter().for_each(|privilege| note(privilege.as_str())),
        }
    }
}
