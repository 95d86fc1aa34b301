//! What a path means, or that it could mean two things.

/// Whether a raw path means the same to every reader: it begins with a slash, and no segment is empty but the last, is a
/// dot or two, or holds a slash, a backslash, a control, or an escape that is broken or no UTF-8, escaped or not.
pub fn is_plain(path: &str) -> bool {
    let raw = path.as_bytes();
    if raw.first() != Some(&b'/') || memchr::memmem::find(raw, b"//").is_some() {
        return false;
    }
    memchr::memchr3(b'%', b'\\', b'.', raw).is_none() || raw[1..].split(|byte| *byte == b'/').all(is_segment)
}

fn is_segment(encoded: &[u8]) -> bool {
    let Some(segment) = decode(encoded) else { return false };
    !matches!(segment.as_slice(), b"." | b"..")
        && !segment.iter().any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control())
        && std::str::from_utf8(&segment).is_ok()
}

/// Without its percent escapes; `None` where one is broken.
fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut plain = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            _ => *byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn plain_paths_pass() {
        for path in [
            "/",
            "/v1/tokens",
            "/v1/tokens/",
            "/v1/users/a.b@c",
            "/v1/users/a%40b",
            "/a%2eb",
            "/.well-known/x",
            "/a...b",
            "/caf%C3%A9",
        ] {
            assert!(is_plain(path), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_do_not() {
        for path in [
            "",
            "*",
            "v1",
            "//",
            "//v1",
            "/v1//tokens",
            "/v1/..",
            "/../v1",
            "/v1/./x",
            "/%2e%2e/x",
            "/.%2E/x",
            "/%2e/x",
            "/v1%2ftokens",
            "/v1%2Ftokens",
            "/v1%5ctokens",
            "/v1%5Ctokens",
            "/v1\\tokens",
            "/v1%00",
            "/v1%0a",
            "/v1%7f",
            "/%c0%af",
            "/%zz",
            "/%2",
            "/%",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
