//! When tokens expire, by the day.

use super::{Caller, Service, list::scope, reach::Reach};
use crate::{
    core::{
        expiries::Expiries,
        id::{OrganizationId, UserId},
        listing::TokenField,
        refusal::Failure,
    },
    store::{Living, Rows},
};

impl Service {
    /// How many of the tokens that the caller sees and that are good expire on each of so many days, today the first: of
    /// those that a list without conditions shows.
    pub async fn expiring(
        &self,
        caller: &Caller,
        organization: Option<String>,
        days: u16,
    ) -> Result<Expiries, Failure> {
        let (subject, now) = (caller.subject.clone(), self.now());
        let read = move |rows: &Rows<'_>| {
            let reach = Reach::of(rows, &subject, now)?;
            let mut of = Living::default();
            for (field, id) in scope(rows, &subject, &reach, organization.as_deref())? {
                match field {
                    TokenField::Owner => of.owner = Some(UserId::from_bytes(id)),
                    TokenField::Organization => of.organization = Some(OrganizationId::from_bytes(id)),
                    other => return Err(Failure::broken(format!("a scope by {other:?}"))),
                }
            }
            Ok(rows.expiries(of, now, days)?)
        };
        self.store.read_apart(read).await
    }
}
