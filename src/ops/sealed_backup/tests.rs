//! Files that jeton made, that were altered, and that somebody else made.

use super::*;

const PASSPHRASE: &str = "correct horse battery";

/// A file whose passphrase costs next to nothing to try.
fn cheap(plain: &[u8]) -> Vec<u8> {
    let mut recipient = scrypt::Recipient::new(secret(PASSPHRASE));
    recipient.set_work_factor(2);
    encrypted(&recipient, plain)
}

fn encrypted(recipient: &dyn age::Recipient, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let encryptor = Encryptor::with_recipients(iter::once(recipient)).unwrap();
    let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap();
    sealed
}

fn packed(pepper: &str, database: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let (size, made_at) = (database.len() as u64, Instant::from_millis(0));
    archive::write(&mut plain, &mut Contents { pepper, database: &mut &*database, size, made_at }).unwrap();
    plain
}

fn refusal(sealed: &[u8], passphrase: &str) -> SealedError {
    open(sealed, passphrase, &mut io::sink()).unwrap_err()
}

#[test]
fn what_is_sealed_opens_with_its_passphrase_and_costs_what_is_said() {
    let (pepper, database) = ("1 key\n", vec![7_u8; 200_000]);
    let mut sealed = Vec::new();
    let contents =
        Contents { pepper, database: &mut &*database, size: 200_000, made_at: Instant::from_millis(0) };
    seal(&mut sealed, PASSPHRASE, contents).unwrap();
    assert!(is_sealed(io::Cursor::new(&sealed)).unwrap());
    let head = String::from_utf8_lossy(&sealed[..200]).into_owned();
    assert!(head.starts_with("age-encryption.org/v1\n-> scrypt "), "{head}");
    assert!(head.lines().nth(1).unwrap().ends_with(&format!(" {WORK}")), "{head}");
    let mut back = Vec::new();
    assert_eq!(open(&*sealed, PASSPHRASE, &mut back).unwrap().as_str(), pepper);
    assert_eq!(back, database);
}

#[test]
fn a_plain_file_isnt_taken_for_a_sealed_one() {
    for plain in ["", "age", "SQLite format 3\0 and so on and so on", "age-encryption.org/v10\n"] {
        assert!(!is_sealed(io::Cursor::new(plain)).unwrap(), "{plain}");
    }
}

#[test]
fn each_altered_byte_and_each_cut_is_noticed() {
    let plain = packed("1 key\n", &vec![7; 150_000]);
    let sealed = cheap(&plain);
    assert!(open(&*sealed, PASSPHRASE, &mut io::sink()).is_ok());
    let head = sealed.windows(HEAD_END.len()).position(|window| window == HEAD_END).unwrap();
    let spread = (0..16).map(|step| step * sealed.len() / 16);
    for at in (0..head + 60).chain(spread).chain([sealed.len() - 1]) {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(open(&*altered, PASSPHRASE, &mut io::sink()).is_err(), "byte {at}");
    }
    // The cipher's own boundaries too.
    let chunk = 64 * 1024 + 16;
    let payload = sealed.len() - (plain.len() + 3 * 16);
    for length in [0, 22, head, payload, payload + 1, payload + chunk, payload + 2 * chunk, sealed.len() - 1]
    {
        assert!(matches!(refusal(&sealed[..length], PASSPHRASE), SealedError::Altered), "{length}");
    }
    let longer = [sealed.as_slice(), b"x"].concat();
    assert!(matches!(refusal(&longer, PASSPHRASE), SealedError::Altered));
}

#[test]
fn another_passphrase_opens_nothing() {
    let sealed = cheap(&packed("1 key\n", b"database"));
    for wrong in ["", "correct horse batterz", "correct horse battery ", "Correct horse battery"] {
        assert!(matches!(refusal(&sealed, wrong), SealedError::Passphrase), "{wrong}");
    }
}

#[test]
fn a_file_that_asks_for_too_much_is_refused_before_anything_is_spent() {
    let sealed = cheap(b"");
    let text = String::from_utf8_lossy(&sealed[..100]).into_owned();
    let stanza = text.lines().nth(1).unwrap();
    for work in [MOST_WORK + 1, 30, 63] {
        let dear = stanza.strip_suffix(" 2").unwrap().to_owned() + &format!(" {work}");
        let at = MAGIC.len();
        let hostile = [&sealed[..at], dear.as_bytes(), &sealed[at + stanza.len()..]].concat();
        assert!(matches!(refusal(&hostile, PASSPHRASE), SealedError::Work(found) if found == work), "{work}");
    }
    let endless = [MAGIC, &b"-> x\n".repeat(100_000)].concat();
    assert!(matches!(refusal(&endless, PASSPHRASE), SealedError::Altered));
}

#[test]
fn what_somebody_else_encrypted_is_refused() {
    let key = age::x25519::Identity::generate();
    let to_key = encrypted(&key.to_public(), &packed("1 key\n", b"database"));
    assert!(matches!(refusal(&to_key, PASSPHRASE), SealedError::ToKey));
    for plain in [b"SQLite format 3\0".as_slice(), &[7; 4_096], b""] {
        let error = refusal(&cheap(plain), PASSPHRASE);
        assert!(matches!(error, SealedError::Foreign(_) | SealedError::Altered), "{error}");
    }
}
