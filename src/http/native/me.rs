//! Who am I?

use rocket::{State, get};

use super::wire::{Me, MyOrganization, TokenObject, UserObject};
use crate::{
    core::{decision::Subject, refusal::Failure},
    http::{Site, guard::Asker, reply::Reply},
};

/// The caller: user, organization, and the token where one was presented.
#[utoipa::path(get, path = "/v1/me", tag = "users", responses(
    (status = 200, body = Me)))]
#[get("/me")]
pub(in crate::http) fn me(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let (credential, token) = match &caller.subject {
        Subject::Token(_) => {
            ("token", Some(TokenObject::new(site.service.own_token(caller)?, site.service.now())))
        }
        Subject::Password(_) => ("password", None),
        Subject::Session(..) => ("session", None),
        Subject::Local => ("local", None),
    };
    let account = caller.subject.account();
    let me = Me {
        credential,
        user: account.map(UserObject::from),
        organization: account.map(MyOrganization::from),
        token,
        privileges: caller.subject.privileges().iter().map(ToString::to_string).collect(),
    };
    Reply::json(200, &me)
}
