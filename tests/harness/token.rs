//! A token as it stands on the wire, read by rules written apart from the product's own.

const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The parts of `jtn_` + 22 + `_` + 43 + 6.
#[derive(Clone, PartialEq, Eq)]
pub struct Wire {
    /// The 16 bytes of the id.
    pub id: [u8; 16],
    /// The 43 digits of the secret.
    pub secret: String,
    /// The six digits of the checksum.
    pub checksum: String,
}

impl Wire {
    /// Reads `text`; panics, saying which rule it breaks, when it isn't of the pinned form.
    pub fn read(text: &str) -> Self {
        assert_eq!(text.len(), 76, "a token has 76 characters");
        assert!(text.is_ascii(), "a token is ASCII");
        assert_eq!(&text[..4], "jtn_");
        assert_eq!(&text[26..27], "_");
        let digits = [&text[4..26], &text[27..]].concat();
        assert!(digits.chars().all(|digit| DIGITS.contains(digit)), "a token is base 62");
        assert_eq!(&text[70..], checksum(&text[..70]), "the checksum is CRC32 over everything before");
        Self { id: number(&text[4..26]), secret: text[27..70].into(), checksum: text[70..].into() }
    }

    /// The id as a UUID's text.
    pub fn uuid(&self) -> String {
        let hex: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

/// `text` with its checksum made right again: a token that only its secret or its id betrays.
pub fn resealed(text: &str) -> String {
    let body = &text[..70];
    format!("{body}{}", checksum(body))
}

/// `text` with the character at `place` replaced by another digit.
pub fn altered(text: &str, place: usize) -> String {
    let old = text.as_bytes()[place];
    let new = if old == b'A' { 'B' } else { 'A' };
    format!("{}{new}{}", &text[..place], &text[place + 1..])
}

fn checksum(body: &str) -> String {
    let mut value = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = vec![b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.as_bytes()[value % 62];
        value /= 62;
    }
    String::from_utf8(digits).unwrap()
}

fn number(digits: &str) -> [u8; 16] {
    let value = digits
        .chars()
        .try_fold(0_u128, |value, digit| value.checked_mul(62)?.checked_add(DIGITS.find(digit)? as u128));
    value.expect("22 digits of at most 128 bits").to_be_bytes()
}
