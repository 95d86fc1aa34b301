//! Entity tags over what is sent, and the 304 to whoever has that already (RFC 9110, 8.8.3 and 13.1.2): a page that asks
//! again and again reads a list only once it has changed.
//!
//! Nothing is saved but the sending: the caller is asked who they are, and the reply made, as ever. So a tag that somebody
//! has from elsewhere tells them nothing that the reply wouldn't.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rocket::Request;
use sha2::{Digest, Sha256};

use super::reply::Reply;

/// How much of the digest a tag has, in bytes.
const DIGEST: usize = 16;

/// The same in base64url.
const DIGEST_TEXT: usize = 22;

/// Whether the reply to a request is tagged.
#[derive(Clone, Copy)]
pub(super) struct Tagging(pub(super) bool);

/// A reply as it is sent: tagged where its route says so, and without its body where the client has it already.
pub(super) fn conditional(reply: Reply, request: &Request<'_>) -> Reply {
    if reply.status() != 200 || !request.local_cache(|| Tagging(false)).0 {
        return reply;
    }
    let tag = tag(&reply);
    let is_known = request.headers().get("if-none-match").any(|list| names(list, &tag));
    let reply = if is_known { Reply::empty(304) } else { reply };
    reply.tagged(&tag)
}

/// The tag of what a reply says.
pub(super) fn tag(reply: &Reply) -> String {
    let digest = URL_SAFE_NO_PAD.encode(&Sha256::digest(reply.body())[..DIGEST]);
    // What is shown of a thing changes with its use and with who looks, its version doesn't.
    match reply.version() {
        Some(version) => format!("{version}-{digest}"),
        None => digest,
    }
}

/// Whether an `If-None-Match` names a tag, weak or strong, or `*`, which is any. What comes after something that is no
/// tag isn't read.
fn names(list: &str, tag: &str) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"');
        // There may be commas in a tag.
        let Some((opaque, after)) = quoted.and_then(|quoted| quoted.split_once('"')) else { return false };
        if opaque == tag {
            return true;
        }
        rest = after;
    }
}

/// The version that a tag is of: it stands there alone, or before the digest of what was shown of it.
pub(super) fn version(tag: &str) -> Option<u32> {
    let quoted = tag.strip_prefix('"')?.strip_suffix('"')?;
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let version = match quoted.split_once('-') {
        None => quoted,
        Some((version, digest)) if digest.len() == DIGEST_TEXT && digest.bytes().all(digit) => version,
        Some(_) => return None,
    };
    // `"00"` is another tag than `"0"`.
    version.parse().ok().filter(|number: &u32| number.to_string() == version)
}

#[cfg(test)]
mod tests {
    use super::{names, version};

    #[test]
    fn a_list_names_its_tags_and_no_others() {
        for list in [
            "*",
            " * ",
            "\"a\"",
            "W/\"a\"",
            "\"b\", \"a\"",
            "\"b\",,\t\"a\"",
            "W/\"b,\" ,W/\"a\"",
            "\"a\", x",
        ] {
            assert!(names(list, "a"), "{list}");
        }
        for list in
            ["", "a", "\"\"", "\"b\"", "\"a", "w/\"a\"", "x, \"a\"", "\"a, b\"", "\"*\"", "*, \"b\"", "\"A\""]
        {
            assert!(!names(list, "a"), "{list}");
        }
    }

    #[test]
    fn a_version_stands_alone_or_before_a_digest() {
        let digest = "abcdefghij-_ABCDEFGHIJ";
        assert_eq!(version("\"0\""), Some(0));
        assert_eq!(version(&format!("\"17-{digest}\"")), Some(17));
        for wrong in [
            "0",
            "\"0",
            "\"00\"",
            "\"-1\"",
            "\"0-\"",
            "\"\"",
            "W/\"0\"",
            "\"0-a\", \"1\"",
            "\"0-abcdefghijklmnopqrs, \"",
        ] {
            assert_eq!(version(wrong), None, "{wrong}");
        }
        for wrong in [format!("\"{digest}\""), format!("\"0-{digest}x\""), format!("\"-{digest}\"")] {
            assert_eq!(version(&wrong), None, "{wrong}");
        }
    }
}
