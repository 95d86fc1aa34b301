//! The page in the binary: what `static/` holds, embedded when jeton is built.

use rocket::get;
use rust_embed::RustEmbed;

use crate::{
    core::refusal::{Failure, Refusal},
    http::reply::Reply,
};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// Nothing inline, nothing from another host, in nobody's frame.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn file(name: &str) -> Result<Reply, Failure> {
    let file = Files::get(name).ok_or(Refusal::RouteUnknown)?;
    let content_type = match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => return Err(Refusal::RouteUnknown.into()),
    };
    Ok(Reply::file(content_type, file.data.into_owned())
        .header("Content-Security-Policy", POLICY)
        .header("Referrer-Policy", "no-referrer"))
}

/// The page.
#[get("/")]
pub(in crate::http) fn page() -> Result<Reply, Failure> {
    file("index.html")
}

/// What the page refers to.
#[get("/assets/<name>")]
pub(in crate::http) fn asset(name: &str) -> Result<Reply, Failure> {
    file(name)
}
