//! The page in the binary: what `static/` holds, embedded when jeton is built.
//!
//! What the page refers to lies below a path that has the digest of all of it, so that a browser may keep each file for
//! good and never mixes two versions; the page itself is asked for each time.

use std::{io::Write as _, sync::LazyLock};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use rocket::{
    Request, get,
    outcome::Outcome,
    request::{self, FromRequest},
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::{
    core::refusal::{Failure, Refusal},
    http::reply::Reply,
};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The page itself.
const PAGE: &str = "index.html";

/// Stands in the page where the digest belongs.
const DIGEST: &str = "HASH";

/// Nothing inline, nothing from another host, nothing that makes HTML out of text, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// For a year, which is for good (RFC 9111, and RFC 8246 for `immutable`).
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// A file as it is sent.
struct Packed {
    name: String,
    content_type: &'static str,
    plain: Vec<u8>,
    gzip: Vec<u8>,
}

struct Static {
    digest: String,
    files: Vec<Packed>,
}

static STATIC: LazyLock<Static> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let mut hash = Sha256::new();
    let mut read = Vec::new();
    for name in names {
        let Some(file) = Files::get(&name) else { continue };
        hash.update(name.len().to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(file.metadata.sha256_hash());
        read.push((name.into_owned(), file.data.into_owned()));
    }
    let digest = URL_SAFE_NO_PAD.encode(&hash.finalize()[..12]);
    let files = read.into_iter().filter_map(|(name, data)| pack(name, data, &digest)).collect();
    Static { digest, files }
});

fn pack(name: String, data: Vec<u8>, digest: &str) -> Option<Packed> {
    let content_type = match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let plain =
        if name == PAGE { String::from_utf8(data).ok()?.replace(DIGEST, digest).into() } else { data };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&plain).ok()?;
    Some(Packed { name, content_type, gzip: encoder.finish().ok()?, plain })
}

/// Whether a client takes gzip (RFC 9110, 12.5.3).
pub(in crate::http) struct TakesGzip(bool);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for TakesGzip {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Self::Error> {
        let codings = request.headers().get("accept-encoding").flat_map(|header| header.split(','));
        let takes = |coding: &str| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            // A weight of nothing but zeros refuses it.
            is_gzip
                && !parts.any(|part| {
                    part.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty())
                })
        };
        Outcome::Success(Self(codings.into_iter().any(takes)))
    }
}

fn file(name: &str, gzip: bool) -> Result<Reply, Failure> {
    let file = STATIC.files.iter().find(|file| file.name == name).ok_or(Refusal::RouteUnknown)?;
    let reply = Reply::file(file.content_type, if gzip { &file.gzip } else { &file.plain }.clone());
    let reply = if gzip { reply.header("Content-Encoding", "gzip") } else { reply };
    Ok(reply.header("Vary", "Accept-Encoding").header("Content-Security-Policy", POLICY))
}

/// The page.
#[get("/")]
pub(in crate::http) fn page(gzip: TakesGzip) -> Result<Reply, Failure> {
    file(PAGE, gzip.0)
}

/// What the page refers to.
#[get("/assets/<digest>/<name>")]
pub(in crate::http) fn asset(digest: &str, name: &str, gzip: TakesGzip) -> Result<Reply, Failure> {
    // One of another version would be kept for good under the wrong name.
    if digest != STATIC.digest || name == PAGE {
        return Err(Refusal::RouteUnknown.into());
    }
    Ok(file(name, gzip.0)?.header("Cache-Control", FOR_GOOD))
}

#[cfg(test)]
mod tests {
    use super::{Files, PAGE, STATIC};

    /// When a checkout wrote a file would make each build another.
    #[test]
    fn a_builds_bytes_do_not_tell_when_its_files_were_written() {
        for name in Files::iter() {
            let metadata = Files::get(&name).unwrap().metadata;
            assert_eq!((metadata.created(), metadata.last_modified()), (Some(0), Some(0)), "{name}");
        }
    }

    #[test]
    fn every_file_is_served_and_the_page_refers_to_nothing_else() {
        let served: Vec<&str> = STATIC.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(served.len(), Files::iter().count(), "a file of an unknown kind: {served:?}");
        let page = STATIC.files.iter().find(|file| file.name == PAGE).unwrap();
        let page = std::str::from_utf8(&page.plain).unwrap();
        let below = format!("assets/{}/", STATIC.digest);
        let referred: Vec<&str> =
            page.split(&below).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(!referred.is_empty());
        for name in &referred {
            assert!(served.contains(name), "{name}");
        }
        // A file that is found only by another would cost a round trip more.
        for name in served.iter().filter(|name| **name != PAGE) {
            assert!(referred.contains(name), "{name} isn't named in the page");
        }
    }
}
