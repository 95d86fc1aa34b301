//! `/v1/imports`: tokens that were made elsewhere, by a digest of their text.

use rocket::{State, post};

use super::wire::{CreateImport, ImportObject};
use crate::{
    core::refusal::{Failure, Refusal},
    http::{Site, body::Body, guard::Asker, reply::Reply},
};

/// How many tokens one request may bring.
const MOST: usize = 100;

/// Takes in 1 to 100 tokens that were made elsewhere: all of them, or none where one can't be. Each goes on working as it is,
/// as a token of its owner's, within the policy and the quota. One whose digest was imported before is told of and stays as
/// it is, so the request may be sent again. For the local operator alone, at the command line of the machine.
#[utoipa::path(post, path = "/v1/imports", tag = "tokens", request_body = CreateImport,
    responses((status = 200, body = ImportObject)))]
#[post("/imports", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    asker: Asker<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    let (rows, dry_run) = body.json::<CreateImport>()?.read();
    let caller = asker.0?;
    if rows.is_empty() || rows.len() > MOST {
        return Err(Refusal::invalid("tokens", format!("1 to {MOST} of them")).into());
    }
    let fates = site.service.import(caller, rows, dry_run).await?;
    Reply::json(200, &ImportObject::new(fates, dry_run))
}
