//! `/v1/backup`: the whole database as a file.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rocket::{
    Request, Response, State, post,
    response::{self, Responder},
    tokio,
};

use crate::{
    core::refusal::Failure,
    http::{Site, guard::Asker},
    service::backups::Backup,
};

/// Read from the copy at a time.
const CHUNK: usize = 64 * 1024;

/// A copy, sent as it is read: it is never in memory as a whole.
pub(in crate::http) struct Download(Backup);

impl<'r> Responder<'r, 'static> for Download {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let Self(Backup { file, size, digest, .. }) = self;
        let mut response = Response::build();
        response.raw_header("Content-Type", "application/vnd.sqlite3");
        response.raw_header("Content-Disposition", "attachment; filename=\"jeton.db\"");
        response.raw_header("Repr-Digest", format!("sha-256=:{}:", STANDARD.encode(digest)));
        let size = usize::try_from(size).ok();
        response.sized_body(size, tokio::fs::File::from_std(file)).max_chunk_size(CHUNK).ok()
    }
}

/// Makes a backup: a consistent copy of the database, verified, with its SHA-256 (RFC 9530). The keys aren't in it: what
/// was made with `pepper.key` can be used with it alone. One is made at a time.
#[utoipa::path(post, path = "/v1/backup", tag = "instance",
    responses((status = 200, content((String = "application/vnd.sqlite3")),
        headers(("Repr-Digest" = String, description = "the file's SHA-256"),
                ("Content-Disposition" = String, description = "a name for the file")))))]
#[post("/backup")]
pub(in crate::http) async fn create(site: &State<Site>, asker: Asker<'_>) -> Result<Download, Failure> {
    site.service.back_up(asker.0?).await.map(Download)
}
